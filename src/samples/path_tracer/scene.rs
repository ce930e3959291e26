//! What is seen, from where, and the random numbers that choose the paths.

use std::{
    f32::consts::FRAC_PI_4,
    ops::{Add, Mul, Sub},
};

use bytemuck::{Pod, Zeroable};
use rand::{Rng, SeedableRng, rngs::SmallRng};

/// What paths are worked out in.
pub(super) trait Real: Copy + From<f32> + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    fn root(self) -> Self;
}

impl Real for f32 {
    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }
}

impl Real for f64 {
    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }
}

#[inline(always)]
pub(super) fn dot<T: Real>(a: [T; 3], b: [T; 3]) -> T {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// a + factor * b.
#[inline(always)]
pub(super) fn along<T: Real>(a: [T; 3], factor: T, b: [T; 3]) -> [T; 3] {
    [a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2]]
}

#[inline(always)]
pub(super) fn sub<T: Real>(a: [T; 3], b: [T; 3]) -> [T; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

#[inline(always)]
pub(super) fn scale<T: Real>(factor: T, a: [T; 3]) -> [T; 3] {
    a.map(|a| factor * a)
}

pub(super) fn wide(a: [f32; 3]) -> [f64; 3] {
    a.map(f64::from)
}

/// `Params` in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct View {
    pub eye: [f32; 3],
    pub first: u32,
    pub ahead: [f32; 3],
    pub samples: u32,
    pub right: [f32; 3],
    pub depth: u32,
    pub up: [f32; 3],
    pub seed: u32,
    pub sun: [f32; 3],
    pub width: u32,
    pub sunlight: [f32; 3],
    pub height: u32,
    pub horizon: [f32; 4],
    pub zenith: [f32; 4],
    pub tiles: [[f32; 4]; 2],
}

pub(super) const METAL: u32 = 1;
pub(super) const GLASS: u32 = 2;
const MATT: u32 = 0;

/// `Sphere` in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct Sphere {
    pub centre: [f32; 3],
    pub radius: f32,
    pub colour: [f32; 3],
    pub material: u32,
    pub quality: f32,
    pub padding: [f32; 3],
}

/// What a ray meets, beside the numbers of spheres.
pub(super) const FLOOR: u32 = u32::MAX - 1;
pub(super) const SKY: u32 = u32::MAX;

/// Squarings that make the sun's halo of a cosine.
pub(super) const HALO: usize = 6;

/// Small spheres, beside the three large ones.
const SMALL: usize = 29;

/// Spheres that nearly touch the floor stand this high above it.
const LIFT: f32 = 1.0 / 1024.0;

#[derive(Clone)]
pub(super) struct Scene {
    pub view: View,
    pub spheres: Vec<Sphere>,
}

impl Scene {
    /// A large sphere of each material, and small ones wherever there is room. `samples` are those of a dispatch.
    pub fn new(width: usize, height: usize, samples: u32, depth: u32, seed: u64) -> Scene {
        let mut random = SmallRng::seed_from_u64(seed);
        let sphere = |x: f32, z: f32, radius: f32, colour, material, quality| Sphere {
            centre: [x, radius + LIFT, z],
            radius,
            colour,
            material,
            quality,
            padding: [0.0; 3],
        };
        let mut spheres = vec![
            sphere(-2.1, -0.3, 1.0, [0.75, 0.25, 0.15], MATT, 0.0),
            sphere(0.0, 0.4, 1.0, [0.98, 0.99, 1.0], GLASS, 1.5),
            sphere(2.1, -0.3, 1.0, [0.95, 0.8, 0.5], METAL, 0.05),
        ];
        while spheres.len() < 3 + SMALL {
            let [x, z] = [random.random_range(-4.5f32..4.5), random.random_range(-4.0f32..3.5)];
            let radius = random.random_range(0.15f32..0.4);
            let is_free = |other: &Sphere| {
                let apart = (other.centre[0] - x).hypot(other.centre[2] - z);
                apart > other.radius + radius + 0.05
            };
            if !spheres.iter().all(is_free) {
                continue;
            }
            let mut colour =
                [random.random_range(0.1f32..0.9), random.random_range(0.1..0.9), random.random_range(0.1..0.9)];
            let (material, quality) = match random.random_range(0..8) {
                0 => (GLASS, 1.5),
                1 | 2 => (METAL, random.random_range(0.0f32..0.3)),
                _ => (MATT, 0.0),
            };
            if material != MATT {
                // Metals are bright, and glass has next to no colour.
                colour = colour.map(|level| 0.6 + level * if material == GLASS { 0.4 } else { 0.35 });
                colour = colour.map(|level| level.min(1.0));
            }
            spheres.push(sphere(x, z, radius, colour, material, quality));
        }

        // The picture's height is seen under 37 degrees, from a little above.
        let eye = [0.0f32, 1.5, 6.6];
        let ahead = unit(sub([0.0, 0.75, 0.0], wide(eye)));
        let right = unit([-ahead[2], 0.0, ahead[0]]);
        let up = [-ahead[0] * ahead[1], ahead[0].hypot(ahead[2]), -ahead[2] * ahead[1]];
        let half_pixel = 1.0 / (3.0 * height as f64);
        let view = View {
            eye,
            first: 0,
            ahead: narrow(ahead),
            samples,
            right: narrow(scale(half_pixel, right)),
            depth,
            up: narrow(scale(half_pixel, unit(up))),
            seed: (seed ^ (seed >> 32)) as u32,
            sun: narrow(unit([-0.5, 0.62, 0.45])),
            width: width as u32,
            sunlight: [6.0, 4.8, 3.4],
            height: height as u32,
            horizon: [0.72, 0.8, 0.9, 0.0],
            zenith: [-0.5, -0.4, -0.15, 0.0],
            tiles: [[0.75, 0.73, 0.7, 0.0], [0.3, 0.34, 0.38, 0.0]],
        };
        Scene { view, spheres }
    }

    /// The same spheres in a white furnace: everything reflects all light, and the sky is 1 everywhere.
    pub fn white(mut self) -> Scene {
        self.spheres.iter_mut().for_each(|sphere| sphere.colour = [1.0; 3]);
        self.view.horizon = [1.0; 4];
        self.view.zenith = [0.0; 4];
        self.view.sunlight = [0.0; 3];
        self.view.tiles = [[1.0; 4]; 2];
        self
    }

    /// More than comes from any direction of the sky.
    pub fn brightest(&self) -> [f64; 3] {
        let View { horizon, zenith, sunlight, .. } = self.view;
        std::array::from_fn(|i| 1.001 * f64::from(horizon[i] + zenith[i].max(0.0) + sunlight[i]))
    }
}

fn unit(v: [f64; 3]) -> [f64; 3] {
    scale(dot(v, v).sqrt().recip(), v)
}

fn narrow(v: [f64; 3]) -> [f32; 3] {
    v.map(|x| x as f32)
}

/// The hash pcg4d, as the WGSL has it.
#[inline(always)]
pub(super) fn pcg4d(key: [u32; 4]) -> [u32; 4] {
    let mix = |[mut x, mut y, mut z, mut w]: [u32; 4]| {
        x = x.wrapping_add(y.wrapping_mul(w));
        y = y.wrapping_add(z.wrapping_mul(x));
        z = z.wrapping_add(x.wrapping_mul(y));
        w = w.wrapping_add(y.wrapping_mul(z));
        [x, y, z, w]
    };
    let v = key.map(|part| part.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    mix(mix(v).map(|part| part ^ (part >> 16)))
}

/// From 0 to less than 1, exactly.
#[inline(always)]
pub(super) fn fraction(random: u32) -> f32 {
    // Of 24 bits: signed or not, it is the same, and processors convert signed numbers faster.
    (random >> 8) as i32 as f32 * (1.0 / (1 << 24) as f32)
}

/// A point of the unit sphere, by the polynomials of the WGSL.
#[inline(always)]
pub(super) fn on_sphere<T: Real>(random: [u32; 2]) -> [T; 3] {
    let [zero, one, two] = [0.0, 1.0, 2.0].map(T::from);
    let share = T::from(fraction(random[0]));
    let radius = two * (share * (one - share)).root();
    let x = T::from(((random[1] >> 6) & 0xff_ffff) as i32 as f32 * (1.0 / (1 << 23) as f32) - 1.0);
    let x2 = x * x;
    let series = |factors: [f32; 5]| {
        let [first, rest @ ..] = factors.map(T::from);
        first + x2 * (rest[0] + x2 * (rest[1] + x2 * (rest[2] + x2 * rest[3])))
    };
    let cosine = series([1.0, -0.308_425_13, 0.015_854_344, -0.000_325_991_9, 3.590_860_4e-6]);
    let sine = x * series([FRAC_PI_4, -0.080_745_51, 0.002_490_394_5, -3.657_620_3e-5, 3.133_616_2e-7]);
    let around = if random[1] & 0x4000_0000 == 0 { [cosine, sine] } else { [zero - sine, cosine] };
    let radius = if random[1] & 0x8000_0000 == 0 { radius } else { zero - radius };
    [around[0] * radius, around[1] * radius, one - two * share]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of the sphere are on it, and lie to all sides of it alike.
    #[test]
    fn points_of_the_sphere() {
        let count = 1 << 14;
        let points: Vec<[f64; 3]> = (0..count)
            .map(|i| {
                let [a, b, ..] = pcg4d([i, 3, 1, 7]);
                on_sphere([a, b])
            })
            .collect();
        assert!(points.iter().all(|point| (dot(*point, *point) - 1.0).abs() < 1e-6));
        for axis in 0..3 {
            // Each of these has a known mean and variance: 0 and 1/3, 1/3 and 4/45. Five standard errors.
            let mean = |power: i32| points.iter().map(|point| point[axis].powi(power)).sum::<f64>() / f64::from(count);
            assert!(mean(1).abs() < 5.0 * (1.0 / 3.0 / f64::from(count)).sqrt(), "{axis}: {}", mean(1));
            assert!((mean(2) - 1.0 / 3.0).abs() < 5.0 * (4.0 / 45.0 / f64::from(count)).sqrt(), "{axis}: {}", mean(2));
        }
    }

    /// Nothing overlaps, stands in the floor or around the eye, or reflects more than it is given.
    #[test]
    fn scenes_are_such_that_paths_are_known() {
        for seed in 0..50 {
            let Scene { view, spheres } = Scene::new(30, 20, 1, 8, seed);
            for (i, sphere) in spheres.iter().enumerate() {
                let distance = |to: [f32; 3]| dot(sub(to, sphere.centre), sub(to, sphere.centre)).sqrt();
                assert!(spheres[..i].iter().all(|other| distance(other.centre) > other.radius + sphere.radius));
                assert!(sphere.centre[1] > sphere.radius && distance(view.eye) > sphere.radius + 0.5);
                assert!(sphere.colour.iter().all(|level| (0.0..=1.0).contains(level)));
            }
        }
    }
}
