//! The paths in f64, with a bound on how far from each the same path in f32 may be.
//!
//! Both draw the same random integers, so they go the same way until rounding decides: which of two things a ray meets, or
//! whether it meets a sphere at all, whether glass reflects. Where the bound says that an f32 path may decide otherwise, its
//! course is *open*: it may bring anything from nothing to what its weight and the brightest sky give. The course of all others
//! is the same in f32, and the bound says how far off they may be. Bounds grow from sphere to sphere as real errors do at worst,
//! so that of the paths that meet five things and more most end open.
//!
//! Bounds are on lengths of vectors. `U` is half a unit in the last place, relative; sums of products of three terms round by
//! less than 3.1 of it, and `inverseSqrt` and `sqrt` are as WGSL has them, off by 2 and 4.5 units in the last place. Where a
//! ray meets a sphere, what is off along the ray and across it is told apart: a bound on their sum would grow by twice as much
//! with each sphere. Since directions have the length 1 but for the rounding of `unit`, a change of one is across it, up to
//! [`UNIT`] and half the change's square.

use super::scene::{
    FLOOR, GLASS, HALO, METAL, SKY, Scene, Sphere, along, dot, fraction, on_sphere, pcg4d, scale, sub, wide,
};
use crate::samples::{ROUNDING as U, bounded::Bounded};

/// How far from the unit length, and from its direction, rounding brings what `unit` gives.
const UNIT: f64 = 7.0 * U;

/// How far off `on_sphere` may be: its polynomials by 5 U, times a radius that is off by 11 U.
const AROUND: f64 = 20.0 * U;

/// What a reflection of a unit vector rounds: by twice its product with the normal, the sums, and lengths that are not 1.
const REFLECTION: f64 = 42.0 * U;

/// A level of eight bits.
const LEVEL: f64 = 1.0 / 256.0;

/// A place or a direction, and how far from it that of an f32 path may be.
#[derive(Clone, Copy)]
struct Near {
    at: [f64; 3],
    error: f64,
}

struct Ray {
    origin: Near,
    direction: Near,
    leaves: u32,
    is_inside: bool,
}

struct Hit {
    place: Near,
    normal: Near,
    what: u32,
}

/// What a pixel has to hold, in each channel.
#[derive(Clone, Copy, Default)]
pub(super) struct Pixel {
    /// Where no path goes another way than in f64.
    pub value: [f64; 4],
    pub least: [f64; 4],
    pub most: [f64; 4],
    /// Open paths: those whose course is, and those that may bring a level more or less.
    pub open: u32,
    /// The sum of the squares of the ranges of what these may bring.
    pub open2: [f64; 3],
    /// What all others together may be off.
    pub error: [f64; 3],
    /// Others that end at the depth limit, with nothing.
    pub cut: u32,
}

/// What a path brings, and its segments.
struct Brought {
    value: [f64; 4],
    least: [f64; 4],
    most: [f64; 4],
    is_open: bool,
    is_cut: bool,
}

impl Pixel {
    pub fn new(scene: &Scene, samples: u32, [x, y]: [u32; 2]) -> Pixel {
        let mut pixel = Pixel::default();
        let brightest = scene.brightest();
        for sample in 0..samples {
            let brought = path(scene, brightest, [x, y], sample);
            for channel in 0..4 {
                pixel.value[channel] += brought.value[channel];
                pixel.least[channel] += brought.least[channel];
                pixel.most[channel] += brought.most[channel];
            }
            let range = [0, 1, 2].map(|channel| brought.most[channel] - brought.least[channel]);
            let is_open = brought.is_open || range.iter().any(|&range| range > f64::from(samples) * LEVEL);
            for (channel, range) in range.into_iter().enumerate() {
                if is_open {
                    pixel.open2[channel] += range * range;
                } else {
                    pixel.error[channel] += range;
                }
            }
            pixel.open += u32::from(is_open);
            pixel.cut += u32::from(brought.is_cut);
        }
        for channel in 0..3 {
            // Each addition rounds a sum that is no larger than the last one.
            let rounding = 1.01 * U * f64::from(samples) * pixel.most[channel] + f64::from(f32::MIN_POSITIVE);
            pixel.least[channel] = (pixel.least[channel] - rounding).max(0.0);
            pixel.most[channel] += rounding;
            pixel.error[channel] += rounding;
        }
        pixel
    }
}

fn path(scene: &Scene, brightest: [f64; 3], [x, y]: [u32; 2], sample: u32) -> Brought {
    let view = &scene.view;
    let depth = f64::from(view.depth);
    let pixel = y * view.width + x;
    let mut ray = camera_ray(scene, [x, y], pcg4d([pixel, sample, 0, view.seed]));
    let mut weight = [Bounded::exact(1.0); 3];
    // Where its course was first open: what it may bring from there on, and after how many segments that was.
    let mut open: Option<([f64; 3], f64)> = None;
    let end = |light: [Bounded; 3], count: f64, open: Option<([f64; 3], f64)>, is_cut: bool| {
        let value = [light[0].value, light[1].value, light[2].value, count];
        let Some(([red, green, blue], before)) = open else {
            let bound = |sign: f64| light.map(|light| light.value + sign * light.error);
            let ([r, g, b], [red, green, blue]) = (bound(-1.0), bound(1.0));
            return Brought { value, least: [r, g, b, count], most: [red, green, blue, count], is_open: false, is_cut };
        };
        Brought { value, least: [0.0, 0.0, 0.0, before], most: [red, green, blue, depth], is_open: true, is_cut: false }
    };
    for segment in 1..=view.depth {
        let count = f64::from(segment);
        let most: [f64; 3] = std::array::from_fn(|i| (weight[i].value + weight[i].error) * brightest[i]);
        let random = pcg4d([pixel, sample, segment, view.seed]);
        let goes_on = segment < view.depth;
        // Once open, the path in f64 is as good as any, and goes on as though it were exact.
        let Some((hit, next)) = advance(scene, &ray, random, goes_on).or_else(|| {
            open.get_or_insert((most, count));
            advance(scene, &ray.exactly(), random, goes_on)
        }) else {
            return end(most.map(|most| between(0.0, most)), count, open, false);
        };
        if hit.what == SKY {
            let sky = sky(scene, ray.direction);
            let bring = |i: usize| {
                let Bounded { value, error } = weight[i] * sky[i];
                between((value - error).max(0.0), (value + error).min(most[i]))
            };
            return end(std::array::from_fn(bring), count, open, false);
        }
        if let Some((colour, to)) = next {
            weight = std::array::from_fn(|i| weight[i] * colour[i]);
            ray = to;
        }
    }
    end([Bounded::exact(0.0); 3], depth, open, true)
}

/// The share of the light that goes on, and where.
type Onward = ([Bounded; 3], Ray);

/// What a ray meets, and where a path that goes on is sent from there; none where rounding decides.
fn advance(scene: &Scene, ray: &Ray, random: [u32; 4], goes_on: bool) -> Option<(Hit, Option<Onward>)> {
    let hit = nearest(scene, ray)?;
    let next = if goes_on && hit.what != SKY { Some(scatter(scene, ray, &hit, random)?) } else { None };
    Some((hit, next))
}

impl Ray {
    fn exactly(&self) -> Ray {
        let exact = |near: Near| Near { error: 0.0, ..near };
        Ray { origin: exact(self.origin), direction: exact(self.direction), ..*self }
    }
}

/// What is no less than the one and no more than the other.
fn between(least: f64, most: f64) -> Bounded {
    Bounded { value: 0.5 * (least + most), error: 0.5 * (most - least) }
}

fn length(v: [f64; 3]) -> f64 {
    dot(v, v).sqrt()
}

/// The unit vector of what is `error` off; none where that is too much to say a direction.
fn unit(v: [f64; 3], error: f64) -> Option<Near> {
    let size = length(v);
    (error < 0.5 * size).then(|| Near { at: scale(1.0 / size, v), error: error / (size - 0.5 * error) + UNIT })
}

/// How far off a direction is along itself.
fn lengthwise(direction: Near) -> f64 {
    UNIT + 0.5 * direction.error * direction.error
}

fn camera_ray(scene: &Scene, [x, y]: [u32; 2], random: [u32; 4]) -> Ray {
    let view = &scene.view;
    let [width, height] = [view.width, view.height].map(f64::from);
    let x = 2.0 * (f64::from(x) + f64::from(fraction(random[0]))) - width;
    let y = height - 2.0 * (f64::from(y) + f64::from(fraction(random[1])));
    let [ahead, right, up] = [view.ahead, view.right, view.up].map(wide);
    let v = along(along(ahead, x, right), y, up);
    // The place of a sample and its difference from the middle are rounded, then two products and two sums.
    let sizes = length(ahead) + width * length(right) + height * length(up);
    let direction = unit(v, 6.0 * U * sizes).expect("what is ahead is longer than its error");
    let origin = Near { at: wide(view.eye), error: 0.0 };
    Ray { origin, direction, leaves: SKY, is_inside: false }
}

/// Where a ray meets a sphere.
struct Crossing {
    distance: f64,
    /// How far from the centre the ray passes, and half of its way through the sphere.
    aside: f64,
    root: f64,
    /// How far off the distance is by the roundings of its own formulas.
    rounding: f64,
}

/// The nearest thing that a ray meets; none where rounding decides.
fn nearest(scene: &Scene, ray: &Ray) -> Option<Hit> {
    if ray.is_inside {
        return across(scene, ray);
    }
    let (origin, direction) = (ray.origin, ray.direction);
    // Where the nearest is at the latest, and where it and the one behind it are at the earliest.
    let (mut found, mut latest, mut earliest) = (SKY, f64::INFINITY, f64::INFINITY);
    let mut crossing = None;
    let mut others = f64::INFINITY;
    if ray.leaves != FLOOR && direction.at[1] < direction.error {
        let steep = direction.at[1].abs();
        let soonest = (origin.at[1] - origin.error) / (steep + direction.error) * (1.0 - 6.0 * U);
        if direction.at[1] > -direction.error {
            others = soonest;
        } else {
            let last = (origin.at[1] + origin.error) / (steep - direction.error) * (1.0 + 6.0 * U);
            (found, latest, earliest) = (FLOOR, last, soonest);
        }
    }
    for (i, sphere) in (0..).zip(&scene.spheres) {
        if i == ray.leaves {
            continue;
        }
        let to_centre = sub(wide(sphere.centre), origin.at);
        let radius2 = f64::from(sphere.radius) * f64::from(sphere.radius);
        let ahead = dot(to_centre, direction.at);
        let aside2 = dot(to_centre, to_centre) - ahead * ahead;
        let aside = aside2.max(0.0).sqrt();
        let inside2 = radius2 - aside2;
        let size = ahead.abs() + aside;
        // Where the vector to the centre and its product with the direction are; then what is left of it across the ray.
        let place_error = origin.error + 1.01 * U * size;
        let ahead_rounding = 1.01 * U * size + 3.1 * U * size * (1.0 + direction.error);
        let ahead_error = origin.error * (1.0 + direction.error) + size * direction.error + ahead_rounding;
        let across = place_error + ahead.abs() * direction.error + 1.1 * U * size + ahead_error * direction.error;
        // An error of `ahead` moves the nearest point along the ray, which does not change its distance but by a square.
        let all = across + ahead_error;
        let error = 2.0 * aside * across
            + all * all
            + 3.1 * U * (aside + all) * (aside + all)
            + 1.1 * U * (radius2 + inside2.abs());
        if inside2 + error <= 0.0 || ahead <= -ahead_error {
            continue;
        }
        if inside2 - error <= 0.0 || ahead < ahead_error {
            others = others.min(ahead - ahead_error - (inside2 + error).sqrt() * (1.0 + 10.0 * U));
            continue;
        }
        let root = inside2.sqrt();
        let root_error = error / (root + (inside2 - error).sqrt()) + 9.1 * U * (root + error);
        // The same without what is off in the ray itself, but for its direction, whose length may not be 1.
        let rounded = 2.2 * U * size + ahead_rounding * direction.error + 2.0 * UNIT * ahead;
        let all = rounded + ahead_rounding;
        let rounding = 2.0 * (aside + across) * rounded + all * all + 3.1 * U * (aside + across) * (aside + across);
        let rounding = rounding + 1.1 * U * (radius2 + inside2.abs() + error);
        let rounding = ahead_rounding + 0.5 * rounding / (inside2 - error).sqrt() + 9.1 * U * (root + root_error);
        let off = (ahead_error + root_error) * (1.0 + 2.0 * U) + 2.0 * U * ahead;
        let (soonest, last) = (ahead - root - off, ahead - root + off);
        if last < latest {
            others = others.min(earliest);
            (found, latest, earliest) = (i, last, soonest);
            crossing = Some(Crossing { distance: ahead - root, aside, root, rounding });
        } else {
            others = others.min(soonest);
        }
    }
    if others <= latest && others < f64::INFINITY {
        return None;
    }
    match (found, crossing) {
        (SKY, _) => Some(Hit { place: origin, normal: direction, what: SKY }),
        (FLOOR, _) => on_floor(ray),
        (_, Some(crossing)) => on_sphere_at(scene, ray, found, &crossing),
        (_, None) => None,
    }
}

fn on_floor(ray: &Ray) -> Option<Hit> {
    let (origin, direction) = (ray.origin, ray.direction);
    let distance = -origin.at[1] / direction.at[1];
    let [x, _, z] = along(origin.at, distance, direction.at);
    // What is off to a side of a ray is so much more off on a floor that it meets at an angle.
    let steep = direction.at[1].abs() - direction.error;
    let error = (origin.error + distance * direction.error) / steep + 6.1 * U * distance;
    let error = error + 1.1 * U * (distance + x.abs() + z.abs() + length(origin.at));
    let normal = Near { at: [0.0, 1.0, 0.0], error: 0.0 };
    Some(Hit { place: Near { at: [x, 0.0, z], error }, normal, what: FLOOR })
}

fn on_sphere_at(scene: &Scene, ray: &Ray, what: u32, crossing: &Crossing) -> Option<Hit> {
    let (origin, direction) = (ray.origin, ray.direction);
    let Crossing { distance, aside, root, rounding } = *crossing;
    let sphere = &scene.spheres[what as usize];
    let radius = f64::from(sphere.radius);
    let place = along(origin.at, distance, direction.at);
    // How far off the ray is where this one meets the sphere, and how much farther it then has to go: s where
    // s^2 + 2 b s + g = 0, with b the product of the directions of ray and normal times the radius, which is the root but for
    // what is off in both, and g that by which the square of the distance from the centre is not that of the radius. Of first
    // order that is what is off across the ray, times the tangent of the angle at which it meets the sphere.
    let off = origin.error + distance * direction.error;
    let b_error = off * (1.0 + direction.error) + radius * direction.error;
    let g = 2.0 * radius * off + off * off;
    let (b_least, b_most) = (root - b_error, root + b_error);
    if b_least <= 0.0 || b_least * b_least <= g {
        return None;
    }
    let (least, most) = (b_least + (b_least * b_least - g).sqrt(), b_most + (b_most * b_most + g).sqrt());
    let change = (2.0 * root - least).max(most - 2.0 * root);
    let farther = off * aside / root + off * off / least + radius * off * change / (least * root);
    let farther = farther + off * direction.error + rounding;
    // The distance, its product with the direction, and the sum with the origin.
    let rounding = 1.1 * U * (2.0 * distance + length(place));
    arrive(sphere, what, place, off.hypot(farther) + rounding)
}

/// From one side of a sphere to the other: the way from the centre to the origin, mirrored.
fn across(scene: &Scene, ray: &Ray) -> Option<Hit> {
    let (origin, direction) = (ray.origin, ray.direction);
    let sphere = &scene.spheres[ray.leaves as usize];
    let [centre, radius] = [length(wide(sphere.centre)), f64::from(sphere.radius)];
    let distance = 2.0 * dot(sub(wide(sphere.centre), origin.at), direction.at);
    let place = along(origin.at, distance, direction.at);
    let turned = direction.error * (2.0 * radius + 2.0 * origin.error + 4.0 * radius * direction.error);
    let rounding = 4.0 * radius * lengthwise(direction) + 14.0 * U * radius + 3.3 * U * (centre + radius);
    arrive(sphere, ray.leaves, place, origin.error + turned + rounding)
}

/// At a place of a sphere, which is then drawn to where the normal meets it.
fn arrive(sphere: &Sphere, what: u32, place: [f64; 3], error: f64) -> Option<Hit> {
    let (centre, radius) = (wide(sphere.centre), f64::from(sphere.radius));
    let normal = unit(sub(place, centre), error + 1.1 * U * (radius + error))?;
    let at = along(centre, radius, normal.at);
    let error = radius * normal.error + 1.1 * U * (radius + length(at));
    Some(Hit { place: Near { at, error }, normal, what })
}

fn sky(scene: &Scene, direction: Near) -> [Bounded; 3] {
    let view = &scene.view;
    let up = Bounded { value: direction.at[1].max(0.0), error: direction.error };
    let cosine = dot(direction.at, wide(view.sun));
    let cosine = Bounded { value: cosine.max(0.0), error: 1.01 * direction.error + 3.1 * U };
    let halo = (0..HALO).fold(cosine, |halo, _| halo * halo);
    let [horizon, zenith, sunlight] =
        [view.horizon, view.zenith, [view.sunlight[0], view.sunlight[1], view.sunlight[2], 0.0]]
            .map(|light| light.map(Bounded::exact));
    std::array::from_fn(|i| horizon[i] + zenith[i] * up + sunlight[i] * halo)
}

/// What a hit reflects, and where to; none where rounding decides.
fn scatter(scene: &Scene, ray: &Ray, hit: &Hit, random: [u32; 4]) -> Option<([Bounded; 3], Ray)> {
    let around = on_sphere([random[0], random[1]]);
    let to = |direction| Ray { origin: hit.place, direction, leaves: hit.what, is_inside: false };
    if hit.what == FLOOR {
        return Some((tile(scene, hit.place), to(matt(hit.normal, around)?)));
    }
    let sphere = &scene.spheres[hit.what as usize];
    let next = match sphere.material {
        GLASS => glass(ray, hit, sphere.quality, fraction(random[2]))?,
        METAL => to(metal(ray.direction, hit.normal, around, sphere.quality)?),
        _ => to(matt(hit.normal, around)?),
    };
    Some((sphere.colour.map(Bounded::exact), next))
}

/// What the floor reflects; anything between its tiles where it is open on which one a place is.
fn tile(scene: &Scene, place: Near) -> [Bounded; 3] {
    let [x, _, z] = place.at;
    let tiles = scene.view.tiles.map(|tile| tile.map(f64::from));
    if [x, z].iter().any(|x| (x - x.round()).abs() <= place.error) {
        return std::array::from_fn(|i| between(tiles[0][i].min(tiles[1][i]), tiles[0][i].max(tiles[1][i])));
    }
    let tile = tiles[usize::from((x.floor() + z.floor()).rem_euclid(2.0) != 0.0)];
    std::array::from_fn(|i| between(tile[i], tile[i]))
}

fn matt(normal: Near, random: [f64; 3]) -> Option<Near> {
    let v = along(normal.at, 1.0, random);
    let error = normal.error + AROUND + 2.2 * U;
    let (size2, least) = (dot(v, v), 1e-4);
    let size2_error = 2.0 * size2.sqrt() * error + error * error + 4.0 * U * (size2 + least);
    if (size2 - least).abs() <= size2_error {
        return None;
    }
    if size2 < least { Some(normal) } else { unit(v, error) }
}

/// How far off a reflection is: the mirror keeps what is off in the direction, and turns it by twice what the normal is off.
fn mirrored(direction: Near, normal: Near) -> f64 {
    let first = direction.error + 2.0 * normal.error;
    first + 2.0 * first * first + REFLECTION
}

fn metal(direction: Near, normal: Near, around: [f64; 3], blur: f32) -> Option<Near> {
    let blur = f64::from(blur);
    let mirror = along(direction.at, -2.0 * dot(direction.at, normal.at), normal.at);
    let v = along(mirror, blur, around);
    let mut error = mirrored(direction, normal) + blur * (AROUND + U) + 1.1 * U * (1.0 + blur);
    let size = length(v);
    let out = dot(v, normal.at);
    if out - error - (size + error) * normal.error - 3.1 * U * size < 0.0 {
        // Folded or nearly so: without a jump where it begins.
        error += 2.0 * (size + error) * normal.error + REFLECTION * (size + error);
    }
    unit(along(v, -2.0 * out.min(0.0), normal.at), error)
}

fn glass(ray: &Ray, hit: &Hit, index: f32, share: f32) -> Option<Ray> {
    let (direction, mut normal) = (ray.direction, hit.normal);
    let one = Bounded::exact(1.0);
    let mut eta = one / Bounded::exact(index);
    if ray.is_inside {
        normal.at = scale(-1.0, normal.at);
        eta = Bounded::exact(index);
    }
    let cosine = (-dot(direction.at, normal.at)).clamp(0.0, 1.0);
    // Directions turn by their errors, which change a cosine by the sine of its angle.
    let sine = (1.0 - cosine * cosine).sqrt();
    let turned = direction.error + normal.error;
    let cosine = Bounded {
        value: cosine,
        error: sine * turned + turned * turned + lengthwise(direction) + lengthwise(normal) + 3.1 * U,
    };
    let refracted2 = one - eta * eta * (one - cosine * cosine);
    if refracted2.value.abs() <= refracted2.error {
        return None;
    }
    if refracted2.value > 0.0 {
        let root = refracted2.value.sqrt();
        let off = refracted2.error / (root + (refracted2.value - refracted2.error).sqrt());
        let refracted = Bounded { value: root, error: off + 9.1 * U * (root + off) };
        let s = (eta * cosine - refracted) / (eta * cosine + refracted);
        let p = (cosine - eta * refracted) / (cosine + eta * refracted);
        let fresnel = Bounded::exact(0.5) * (s * s + p * p);
        let share = f64::from(share);
        if (share - fresnel.value).abs() <= fresnel.error {
            return None;
        }
        if share > fresnel.value {
            let bend = eta * cosine - refracted;
            let v = along(scale(eta.value, direction.at), bend.value, normal.at);
            let sizes = eta.value + bend.value.abs();
            let error = eta.value * direction.error
                + eta.error * (1.0 + direction.error)
                + bend.value.abs() * normal.error
                + bend.error * (1.0 + normal.error)
                + 2.2 * U * sizes;
            let direction = unit(v, error)?;
            return Some(Ray { origin: hit.place, direction, leaves: hit.what, is_inside: !ray.is_inside });
        }
    }
    let mirror = along(direction.at, 2.0 * cosine.value, normal.at);
    let direction = unit(mirror, mirrored(direction, normal))?;
    Some(Ray { origin: hit.place, direction, leaves: hit.what, is_inside: ray.is_inside })
}
