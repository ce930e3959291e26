//! The paths in native Rust, in f32: one after the other, each tried with many spheres at a time.

use rayon::prelude::*;

use super::scene::{
    FLOOR, GLASS, HALO, METAL, SKY, Scene, Sphere, View, along, dot, fraction, on_sphere, pcg4d, scale, sub,
};

/// Spheres that are tried together.
const LANES: usize = 8;

/// Some spheres, coordinate by coordinate; what is beyond the last one has a size that no ray meets.
struct Group {
    centre: [[f32; LANES]; 3],
    radius2: [f32; LANES],
}

struct Ray {
    origin: [f32; 3],
    direction: [f32; 3],
    leaves: u32,
    is_inside: bool,
}

/// All samples of a picture.
pub(super) fn trace(scene: &Scene, samples: u32, light: &mut [[f32; 4]]) {
    let groups: Vec<Group> = scene.spheres.chunks(LANES).map(Group::new).collect();
    let width = scene.view.width as usize;
    light.par_chunks_mut(width).enumerate().for_each(|(row, light)| trace_row(scene, &groups, samples, row, light));
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn trace_row(scene: &Scene, groups: &[Group], samples: u32, row: usize, light: &mut [[f32; 4]]) {
    for (column, light) in light.iter_mut().enumerate() {
        let mut sum = [0.0; 4];
        for sample in 0..samples {
            let ([red, green, blue], segments) = path(scene, groups, [column as u32, row as u32], sample);
            sum[0] += red;
            sum[1] += green;
            sum[2] += blue;
            sum[3] += segments as f32;
        }
        *light = sum;
    }
}

/// What a path brings, and its segments.
#[inline(always)]
fn path(scene: &Scene, groups: &[Group], [x, y]: [u32; 2], sample: u32) -> ([f32; 3], u32) {
    let view = &scene.view;
    let pixel = y * view.width + x;
    let mut ray = camera_ray(view, [x, y], pcg4d([pixel, sample, 0, view.seed]));
    let mut weight = [1.0f32; 3];
    for segment in 1..=view.depth {
        let (what, place, normal) = nearest(scene, groups, &ray);
        if what == SKY {
            let sky = sky(view, ray.direction);
            return (std::array::from_fn(|i| weight[i] * sky[i]), segment);
        }
        if segment == view.depth {
            break;
        }
        let random = pcg4d([pixel, sample, segment, view.seed]);
        let around = on_sphere([random[0], random[1]]);
        let colour;
        if what == FLOOR {
            colour = tile(view, place);
            ray = Ray { origin: place, direction: matt(normal, around), leaves: FLOOR, is_inside: false };
        } else {
            let Sphere { material, quality, .. } = scene.spheres[what as usize];
            colour = scene.spheres[what as usize].colour;
            ray = match material {
                GLASS => glass(&ray, what, place, normal, quality, fraction(random[2])),
                METAL => {
                    let direction = metal(ray.direction, normal, scale(quality, around));
                    Ray { origin: place, direction, leaves: what, is_inside: false }
                }
                _ => Ray { origin: place, direction: matt(normal, around), leaves: what, is_inside: false },
            };
        }
        weight = [weight[0] * colour[0], weight[1] * colour[1], weight[2] * colour[2]];
    }
    ([0.0; 3], view.depth)
}

#[inline(always)]
fn unit(v: [f32; 3]) -> [f32; 3] {
    scale(1.0 / dot(v, v).sqrt(), v)
}

#[inline(always)]
fn camera_ray(view: &View, [x, y]: [u32; 2], random: [u32; 4]) -> Ray {
    let x = 2.0 * (x as f32 + fraction(random[0])) - view.width as f32;
    let y = view.height as f32 - 2.0 * (y as f32 + fraction(random[1]));
    let direction = unit(along(along(view.ahead, x, view.right), y, view.up));
    Ray { origin: view.eye, direction, leaves: SKY, is_inside: false }
}

/// The nearest thing that a ray meets: what, where, and the normal there.
#[inline(always)]
fn nearest(scene: &Scene, groups: &[Group], ray: &Ray) -> (u32, [f32; 3], [f32; 3]) {
    let (origin, direction) = (ray.origin, ray.direction);
    let (mut what, mut distance) = (SKY, f32::MAX);
    if ray.is_inside {
        what = ray.leaves;
        distance = 2.0 * dot(sub(scene.spheres[what as usize].centre, origin), direction);
    } else {
        if ray.leaves != FLOOR && direction[1] < 0.0 {
            (what, distance) = (FLOOR, -origin[1] / direction[1]);
        }
        let (sphere, first) = nearest_sphere(groups, origin, direction, ray.leaves);
        if first < distance {
            (what, distance) = (sphere, first);
        }
    }
    let place = along(origin, distance, direction);
    if what >= FLOOR {
        return (what, [place[0], 0.0, place[2]], [0.0, 1.0, 0.0]);
    }
    let Sphere { centre, radius, .. } = scene.spheres[what as usize];
    let normal = unit(sub(place, centre));
    (what, along(centre, radius, normal), normal)
}

impl Group {
    fn new(spheres: &[Sphere]) -> Group {
        let mut group = Group { centre: [[0.0; LANES]; 3], radius2: [-1.0; LANES] };
        for (lane, sphere) in spheres.iter().enumerate() {
            (0..3).for_each(|axis| group.centre[axis][lane] = sphere.centre[axis]);
            group.radius2[lane] = sphere.radius * sphere.radius;
        }
        group
    }
}

/// The nearest sphere but the one that the ray leaves, and how far away it is.
#[inline(always)]
fn nearest_sphere(groups: &[Group], origin: [f32; 3], direction: [f32; 3], leaves: u32) -> (u32, f32) {
    let mut nearest = [f32::MAX; LANES];
    let mut numbers = [SKY; LANES];
    for (number, group) in groups.iter().enumerate() {
        for (lane, (nearest, own)) in nearest.iter_mut().zip(&mut numbers).enumerate() {
            let [x, y, z] = [0, 1, 2].map(|axis| group.centre[axis][lane] - origin[axis]);
            let ahead = x * direction[0] + y * direction[1] + z * direction[2];
            let [x, y, z] = [x - ahead * direction[0], y - ahead * direction[1], z - ahead * direction[2]];
            let inside2 = group.radius2[lane] - (x * x + y * y + z * z);
            // Of what is below zero the root is not used.
            let first = ahead - inside2.sqrt();
            let sphere = (number * LANES + lane) as u32;
            let is_met = (inside2 > 0.0) & (ahead > 0.0) & (sphere != leaves) & (first < *nearest);
            *nearest = if is_met { first } else { *nearest };
            *own = if is_met { sphere } else { *own };
        }
    }
    let mut least = f32::MAX;
    for &distance in &nearest {
        least = if distance < least { distance } else { least };
    }
    if least == f32::MAX {
        return (SKY, least);
    }
    // Of two at the same distance the first, as the kernel has it.
    let mut what = SKY;
    for (&distance, &sphere) in nearest.iter().zip(&numbers) {
        what = if distance == least && sphere < what { sphere } else { what };
    }
    (what, least)
}

#[inline(always)]
fn sky(view: &View, direction: [f32; 3]) -> [f32; 3] {
    let mut halo = dot(direction, view.sun).max(0.0);
    for _ in 0..HALO {
        halo *= halo;
    }
    let up = direction[1].max(0.0);
    std::array::from_fn(|i| view.horizon[i] + view.zenith[i] * up + view.sunlight[i] * halo)
}

#[inline(always)]
fn tile(view: &View, place: [f32; 3]) -> [f32; 3] {
    let number = place[0].floor() + place[2].floor();
    let [red, green, blue, _] = view.tiles[usize::from(number != 2.0 * (0.5 * number).floor())];
    [red, green, blue]
}

#[inline(always)]
fn matt(normal: [f32; 3], random: [f32; 3]) -> [f32; 3] {
    let v = along(normal, 1.0, random);
    if dot(v, v) < 1e-4 { normal } else { unit(v) }
}

#[inline(always)]
fn metal(direction: [f32; 3], normal: [f32; 3], blur: [f32; 3]) -> [f32; 3] {
    let v = along(along(direction, -2.0 * dot(direction, normal), normal), 1.0, blur);
    unit(along(v, -2.0 * dot(v, normal).min(0.0), normal))
}

#[inline(always)]
fn glass(ray: &Ray, what: u32, place: [f32; 3], normal: [f32; 3], index: f32, share: f32) -> Ray {
    let (normal, eta) = if ray.is_inside { (scale(-1.0, normal), index) } else { (normal, 1.0 / index) };
    let cosine = (-dot(ray.direction, normal)).clamp(0.0, 1.0);
    let refracted2 = 1.0 - eta * eta * (1.0 - cosine * cosine);
    if refracted2 > 0.0 {
        let refracted = refracted2.sqrt();
        let s = (eta * cosine - refracted) / (eta * cosine + refracted);
        let p = (cosine - eta * refracted) / (cosine + eta * refracted);
        if share >= 0.5 * (s * s + p * p) {
            let direction = unit(along(scale(eta, ray.direction), eta * cosine - refracted, normal));
            return Ray { origin: place, direction, leaves: what, is_inside: !ray.is_inside };
        }
    }
    let direction = unit(along(ray.direction, 2.0 * cosine, normal));
    Ray { origin: place, direction, leaves: what, is_inside: ray.is_inside }
}
