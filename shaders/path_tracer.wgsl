// path_tracer: light along random paths among spheres on a floor; adds some samples of each pixel to what was there.
//
//   params.eye         vec3f               where the camera is
//   params.first       u32                 number of the first sample; 0 starts a picture, and what is in `light` does not count
//   params.ahead       vec3f               from the eye to the middle of the picture
//   params.samples     u32                 samples of this dispatch
//   params.right, params.up  vec3f         half the width of a pixel in the picture, along its sides
//   params.depth       u32                 the most segments of a path
//   params.seed        u32                 chooses the random numbers
//   params.sun, params.sunlight  vec3f     unit vector to the sun, and what its halo adds
//   params.horizon, params.zenith  vec3f   light of the sky: at the horizon, and what straight above is added to that
//   params.width, params.height  u32       pixels
//   params.tiles       vec3f[2]            what each kind of the floor's tiles reflects, of red, green and blue; sides are 1
//   spheres            Sphere[n]           read: above the floor, apart from each other, the eye in none of them
//   light              vec4f[height][width]  the sums of what the samples brought, red, green and blue, and of the segments that
//                                          their paths had; added to. Rows from top to bottom.
//   grid               [width, height]
//
// A path begins at the eye and ends in the sky, which is the only light, or at the depth limit, with none. Each surface scatters
// it into one direction, so chosen that what it brings is weighted by the surface's colour alone: matt ones by the cosine,
// metal as a mirror with a blur, glass reflects or refracts by Fresnel's formulas. So in a white world under a white sky
// each path that gets out brings 1 exactly, and a sphere cannot be told from what is behind it: the white furnace.
//
// Random numbers are a hash of pixel, sample, segment and seed: the same on every device and in any order. Sine and cosine are
// polynomials, since those of WGSL may be off by 2^-11. A path never meets what it leaves: spheres are convex, so nothing has
// to be moved off a surface by some epsilon.
//
// Shows: a long kernel whose lanes part ways. A lane whose path has ended begins its next sample at once, so that lanes wait
// for each other at the end of a dispatch only, not at the end of each path. Calls that follow each other refine a picture.
// Ragged edges: invocations beyond the picture return at once.
// Source: Kajiya, "The Rendering Equation" (1986); Jarzynski and Olano, "Hash Functions for GPU Rendering" (2020), for pcg4d;
// Haines, Günther and Akenine-Möller, "Precision Improvements for Ray/Sphere Intersection" (2019); Novák, Havran and
// Dachsbacher, "Path Regeneration for Interactive Path Tracing" (2010).

struct Params {
    eye: vec3f,
    first: u32,
    ahead: vec3f,
    samples: u32,
    right: vec3f,
    depth: u32,
    up: vec3f,
    seed: u32,
    sun: vec3f,
    width: u32,
    sunlight: vec3f,
    height: u32,
    horizon: vec3f,
    zenith: vec3f,
    tiles: array<vec3f, 2>,
}

const MATT = 0u;
const METAL = 1u;
const GLASS = 2u;

struct Sphere {
    centre: vec3f,
    radius: f32,
    // What it reflects, or lets through, of red, green and blue.
    colour: vec3f,
    material: u32,
    // Blur of metal, from 0 to less than 1; index of refraction of glass.
    quality: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> spheres: array<Sphere>;
@group(0) @binding(2) var<storage, read_write> light: array<vec4f>;

// What a ray meets, beside the numbers of spheres.
const FLOOR = 0xfffffffeu;
const SKY = 0xffffffffu;

struct Ray {
    origin: vec3f,
    direction: vec3f,
    // What it leaves: it does not meet this again, unless it is inside.
    leaves: u32,
    is_inside: bool,
}

struct Hit {
    place: vec3f,
    // Outwards.
    normal: vec3f,
    what: u32,
}

fn pcg4d(key: vec4u) -> vec4u {
    var v = key * 1664525u + 1013904223u;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v ^= v >> vec4u(16u);
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    return v;
}

// From 0 to less than 1, exactly.
fn fraction(random: u32) -> f32 {
    return f32(random >> 8u) * 5.9604644775390625e-8;
}

// A point of the unit sphere, anywhere alike.
fn on_sphere(random: vec2u) -> vec3f {
    let share = fraction(random.x);
    let radius = 2.0 * sqrt(share * (1.0 - share));
    // An eighth of a turn to either side of one of four directions.
    let x = f32((random.y >> 6u) & 0xffffffu) * 1.1920928955078125e-7 - 1.0;
    let x2 = x * x;
    let c = 1.0 + x2 * (-0.30842513 + x2 * (0.015854344 + x2 * (-0.00032599188 + x2 * 3.5908605e-6)));
    let s = x * (0.78539816 + x2 * (-0.08074551 + x2 * (0.0024903946 + x2 * (-3.6576204e-5 + x2 * 3.1336162e-7))));
    let is_odd = (random.y & 0x40000000u) != 0u;
    let around = select(vec2f(c, s), vec2f(-s, c), is_odd) * select(radius, -radius, random.y >= 0x80000000u);
    return vec3f(around, 1.0 - 2.0 * share);
}

fn unit(v: vec3f) -> vec3f {
    return v * inverseSqrt(dot(v, v));
}

// The ray of a sample, through a random point of its pixel.
fn camera_ray(pixel: vec2u, random: vec4u) -> Ray {
    let x = 2.0 * (f32(pixel.x) + fraction(random.x)) - f32(params.width);
    let y = f32(params.height) - 2.0 * (f32(pixel.y) + fraction(random.y));
    return Ray(params.eye, unit(params.ahead + params.right * x + params.up * y), SKY, false);
}

// The nearest thing that a ray meets.
fn nearest(ray: Ray) -> Hit {
    var what = SKY;
    var distance = 3e38f;
    if (ray.is_inside) {
        // From one side of a sphere to the other.
        what = ray.leaves;
    } else {
        if (ray.leaves != FLOOR && ray.direction.y < 0.0) {
            what = FLOOR;
            distance = -ray.origin.y / ray.direction.y;
        }
        for (var i = 0u; i < arrayLength(&spheres); i++) {
            let radius = spheres[i].radius;
            let to_centre = spheres[i].centre - ray.origin;
            let along = dot(to_centre, ray.direction);
            let aside = to_centre - along * ray.direction;
            let inside2 = radius * radius - dot(aside, aside);
            if (inside2 > 0.0 && along > 0.0 && i != ray.leaves) {
                let first = along - sqrt(inside2);
                if (first < distance) {
                    what = i;
                    distance = first;
                }
            }
        }
    }
    if (what >= arrayLength(&spheres)) {
        let place = ray.origin + distance * ray.direction;
        return Hit(vec3f(place.x, 0.0, place.z), vec3f(0.0, 1.0, 0.0), what);
    }
    let centre = spheres[what].centre;
    if (ray.is_inside) {
        distance = 2.0 * dot(centre - ray.origin, ray.direction);
    }
    let normal = unit(ray.origin + distance * ray.direction - centre);
    return Hit(centre + spheres[what].radius * normal, normal, what);
}

// What comes from the sky in a direction.
fn sky(direction: vec3f) -> vec3f {
    var halo = max(dot(direction, params.sun), 0.0);
    for (var i = 0u; i < 6u; i++) {
        halo *= halo;
    }
    return params.horizon + params.zenith * max(direction.y, 0.0) + params.sunlight * halo;
}

fn tile(place: vec3f) -> vec3f {
    let number = floor(place.x) + floor(place.z);
    return select(params.tiles[0], params.tiles[1], number != 2.0 * floor(0.5 * number));
}

fn matt(normal: vec3f, random: vec3f) -> vec3f {
    let v = normal + random;
    // Straight down there is no direction.
    return select(unit(v), normal, dot(v, v) < 1e-4);
}

fn metal(direction: vec3f, normal: vec3f, blur: vec3f) -> vec3f {
    let v = direction - 2.0 * dot(direction, normal) * normal + blur;
    // What would go into it is folded back.
    return unit(v - 2.0 * min(dot(v, normal), 0.0) * normal);
}

// Glass sends on a ray that comes to this side of its surface, at `cosine`, and where it goes inside, at `refracted`: the share
// that is reflected.
fn fresnel(eta: f32, cosine: f32, refracted: f32) -> f32 {
    let s = (eta * cosine - refracted) / (eta * cosine + refracted);
    let p = (cosine - eta * refracted) / (cosine + eta * refracted);
    return 0.5 * (s * s + p * p);
}

// A ray through glass, or back from its surface; `normal` is on the side that it comes from.
fn glass(ray: Ray, hit: Hit, index: f32, share: f32) -> Ray {
    let normal = select(hit.normal, -hit.normal, ray.is_inside);
    let eta = select(1.0 / index, index, ray.is_inside);
    let cosine = clamp(-dot(ray.direction, normal), 0.0, 1.0);
    let refracted2 = 1.0 - eta * eta * (1.0 - cosine * cosine);
    if (refracted2 > 0.0) {
        let refracted = sqrt(refracted2);
        if (share >= fresnel(eta, cosine, refracted)) {
            let direction = unit(eta * ray.direction + (eta * cosine - refracted) * normal);
            return Ray(hit.place, direction, hit.what, !ray.is_inside);
        }
    }
    return Ray(hit.place, unit(ray.direction + 2.0 * cosine * normal), hit.what, ray.is_inside);
}

@compute @workgroup_size(8, 8)
fn path_tracer(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.width || id.y >= params.height) {
        return;
    }
    let pixel = id.y * params.width + id.x;
    var sum = vec4f();
    if (params.first > 0u) {
        sum = light[pixel];
    }
    let end = params.first + params.samples;
    var sample = params.first;
    var segment = 0u;
    // What the path brings of the light where it is now.
    var weight = vec3f(1.0);
    var ray = camera_ray(id.xy, pcg4d(vec4u(pixel, sample, 0u, params.seed)));
    for (var step = 0u; step < params.samples * params.depth; step++) {
        let hit = nearest(ray);
        segment++;
        sum.w += 1.0;
        var ends = segment == params.depth;
        if (hit.what == SKY) {
            sum += vec4f(weight * sky(ray.direction), 0.0);
            ends = true;
        } else if (!ends) {
            let random = pcg4d(vec4u(pixel, sample, segment, params.seed));
            let around = on_sphere(random.xy);
            if (hit.what >= arrayLength(&spheres)) {
                weight *= tile(hit.place);
                ray = Ray(hit.place, matt(hit.normal, around), FLOOR, false);
            } else {
                let quality = spheres[hit.what].quality;
                weight *= spheres[hit.what].colour;
                switch (spheres[hit.what].material) {
                    case GLASS: {
                        ray = glass(ray, hit, quality, fraction(random.z));
                    }
                    case METAL: {
                        ray = Ray(hit.place, metal(ray.direction, hit.normal, quality * around), hit.what, false);
                    }
                    default: {
                        ray = Ray(hit.place, matt(hit.normal, around), hit.what, false);
                    }
                }
            }
        }
        if (ends) {
            sample++;
            if (sample == end) {
                break;
            }
            segment = 0u;
            weight = vec3f(1.0);
            ray = camera_ray(id.xy, pcg4d(vec4u(pixel, sample, 0u, params.seed)));
        }
    }
    light[pixel] = sum;
}
