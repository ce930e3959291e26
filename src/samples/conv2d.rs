//! `conv2d`: an image filtered with any small kernel of weights.

mod native;
mod scene;

use std::{path::Path, sync::OnceLock, time::Duration};

use bytemuck::{Pod, Zeroable};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rayon::prelude::*;

use super::{
    Check, Problem, ROUNDING, Resident, Sample, Size, Sizes, Tally, Verdict, Work, image::Image, timed,
    verdict::Deviation,
};
use crate::{Buffer, Call, Device, DeviceChoice, Error, Kernel, Result, Runtime, error::Message};

const WGSL: &str = include_str!("../../shaders/conv2d.wgsl");

/// Pixels along each side that a workgroup makes.
const BLOCK: u32 = 32;

/// The farthest that weights may reach.
const MAX_RADIUS: u32 = 8;

/// Radius of the lens's disc, in pixels.
const BLUR: f32 = 6.0;

/// The sample.
pub struct Conv2d;

impl Sample for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn field(&self) -> &'static str {
        "images"
    }

    fn summary(&self) -> &'static str {
        "a picture through a lens that is out of focus"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "pixels along each side", small: 99, default: 1024, large: 4096, max: 1 << 14 }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["png", "npy"]
    }

    fn reads(&self) -> Option<&'static str> {
        Some("a picture (.png), or an array of f32 (.npy) of shape (height, width) or (height, width, channels)")
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        let side = self.sizes().resolve(size)?;
        Ok(Box::new(Filtering::new(scene::night(side, seed), Filter::disc(BLUR))))
    }

    fn open(&self, file: &Path, _seed: u64) -> Result<Box<dyn Problem>> {
        let side = self.sizes().max;
        Ok(Box::new(Filtering::new(Image::read(file, side)?, Filter::disc(BLUR))))
    }
}

/// An image of noise and weights of noise, of any shape: `size` along x and y, and as much for the `radius` of the weights.
///
/// # Errors
///
/// When a side is zero or more than [`Sizes::max`], or the radius more than 8.
pub fn noise(size: [usize; 2], radius: [usize; 2], seed: u64) -> Result<Box<dyn Problem>> {
    let [width, height] = size;
    for side in size {
        Conv2d.sizes().resolve(Size::Count(side))?;
    }
    if radius.iter().any(|&radius| radius > MAX_RADIUS as usize) {
        return Err(Error::Call(
            Message::new(format!("weights cannot reach {} x {} pixels", radius[0], radius[1]))
                .help(format!("the radius is at most {MAX_RADIUS} along each axis")),
        ));
    }
    let mut random = SmallRng::seed_from_u64(seed);
    let mut values = |count: usize| (0..count).map(|_| random.random_range(-1.0f32..1.0)).collect();
    let image = Image { width, height, planes: vec![values(width * height)] };
    let weights = values((2 * radius[0] + 1) * (2 * radius[1] + 1));
    Ok(Box::new(Filtering::new(image, Filter { radius, weights })))
}

/// Weights, row by row.
struct Filter {
    /// How far they reach along x and y.
    radius: [usize; 2],
    weights: Vec<f32>,
}

impl Filter {
    /// A disc of this radius, which a point becomes in a lens that is out of focus. The weights add up to 1.
    fn disc(radius: f32) -> Filter {
        const PARTS: usize = 16;
        let reach = radius.ceil() as usize;
        let side = 2 * reach + 1;
        // The part of a pixel that is in the disc, on a grid of points within it.
        let covered = |place: usize| {
            let at = |pixel: usize, part: usize| pixel as f32 - reach as f32 + (part as f32 + 0.5) / PARTS as f32 - 0.5;
            let inside = |part: &usize| at(place % side, part % PARTS).hypot(at(place / side, part / PARTS)) < radius;
            (0..PARTS * PARTS).filter(inside).count()
        };
        let covered: Vec<usize> = (0..side * side).map(covered).collect();
        let all: usize = covered.iter().sum();
        Filter { radius: [reach; 2], weights: covered.iter().map(|&part| part as f32 / all as f32).collect() }
    }

    fn columns(&self) -> usize {
        2 * self.radius[0] + 1
    }
}

/// `Params` in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    width: u32,
    height: u32,
    radius_x: u32,
    radius_y: u32,
}

struct Filtering {
    image: Image,
    filter: Filter,
    result: Image,
    expected: OnceLock<Expected>,
}

/// For each plane, pixel by pixel.
struct Expected {
    sums: Vec<Vec<f64>>,
    /// The sums of magnitudes, which rounding errors are proportional to.
    magnitudes: Vec<Vec<f64>>,
}

impl Filtering {
    fn new(image: Image, filter: Filter) -> Self {
        // No result, in case it is not written.
        let planes = image.planes.iter().map(|plane| vec![f32::NAN; plane.len()]).collect();
        let result = Image { planes, ..image };
        Filtering { image, filter, result, expected: OnceLock::new() }
    }

    fn params(&self) -> Params {
        let [radius_x, radius_y] = self.filter.radius.map(|radius| radius as u32);
        Params { width: self.image.width as u32, height: self.image.height as u32, radius_x, radius_y }
    }

    fn expected(&self) -> &Expected {
        self.expected.get_or_init(|| {
            let magnitudes: Vec<f64> = self.filter.weights.iter().map(|&weight| f64::from(weight.abs())).collect();
            let weights: Vec<f64> = self.filter.weights.iter().map(|&weight| f64::from(weight)).collect();
            let filtered = |weights: &[f64], size: fn(f32) -> f32| {
                self.image.planes.iter().map(|plane| self.filtered(plane, weights, size)).collect()
            };
            Expected { sums: filtered(&weights, |value| value), magnitudes: filtered(&magnitudes, f32::abs) }
        })
    }

    /// A plane filtered in f64, by the definition.
    fn filtered(&self, plane: &[f32], weights: &[f64], of: fn(f32) -> f32) -> Vec<f64> {
        let Image { width, height, .. } = self.image;
        let [radius_x, radius_y] = self.filter.radius;
        let inside = |place: usize, radius: usize, end: usize| place.saturating_sub(radius).min(end - 1);
        let pixel = |at: usize| {
            let (x, y) = (at % width, at / width);
            let rows = weights.chunks(self.filter.columns()).enumerate();
            let row = |(j, row): (usize, &[f64])| {
                let from = inside(y + j, radius_y, height) * width;
                let term =
                    |(i, weight): (usize, &f64)| weight * f64::from(of(plane[from + inside(x + i, radius_x, width)]));
                row.iter().enumerate().map(term).sum::<f64>()
            };
            rows.map(row).sum()
        };
        (0..plane.len()).into_par_iter().map(pixel).collect()
    }

    /// How far a pixel may be off whose terms have this sum of magnitudes: each term is rounded once as a product, or not if
    /// it is fused, and once in each addition on its way; what is too small for a normal f32 may become zero. A hundredth
    /// more covers what is of second order.
    fn tolerance(&self, magnitude: f64) -> f64 {
        let terms = self.filter.weights.len() as f64;
        1.01 * (terms + 1.0) * ROUNDING * magnitude + 2.0 * terms * f64::from(f32::MIN_POSITIVE)
    }
}

impl Problem for Filtering {
    fn describe(&self) -> String {
        let Image { width, height, planes } = &self.image;
        let [columns, rows] = self.filter.radius.map(|radius| 2 * radius + 1);
        format!("{width} x {height} x {} pixels, {columns} x {rows} weights", planes.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let kernel = runtime.module(WGSL)?.only_kernel()?;
        let params = self.params();
        let mut tally = Tally::default();
        for (image, result) in self.image.planes.iter().zip(&mut self.result.planes) {
            let call = call(runtime, &kernel, &params).read("weights", &self.filter.weights);
            tally.add(&call.read("image", image).write("result", result).device(devices).run()?);
        }
        Ok(tally)
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        let on_device =
            |plane: &Vec<f32>| Ok([runtime.buffer_on(device, plane)?, runtime.buffer_zeroed_on(device, plane.len())?]);
        Ok(Box::new(OnDevice {
            kernel: runtime.module(WGSL)?.only_kernel()?,
            params: self.params(),
            weights: runtime.buffer_on(device, &self.filter.weights)?,
            planes: self.image.planes.iter().map(on_device).collect::<Result<_>>()?,
            runtime: runtime.clone(),
            result: &mut self.result,
        }))
    }

    fn native(&mut self) -> Duration {
        let (image, filter, result) = (&self.image, &self.filter, &mut self.result);
        timed(|| {
            for (plane, result) in image.planes.iter().zip(&mut result.planes) {
                native::convolve(plane, [image.width, image.height], filter, result);
            }
        })
    }

    fn verify(&self) -> Verdict {
        let Expected { sums, magnitudes } = self.expected();
        let worst = |((found, sums), magnitudes): ((&Vec<f32>, &Vec<f64>), &Vec<f64>)| {
            let deviations = found
                .par_iter()
                .zip(sums)
                .zip(magnitudes)
                .map(|((&found, &sum), &magnitude)| Deviation::new(found, sum, self.tolerance(magnitude)));
            deviations.reduce(|| Deviation::NONE, Deviation::worse)
        };
        let planes = self.result.planes.iter().zip(sums).zip(magnitudes);
        let worst = planes.map(worst).fold(Deviation::NONE, Deviation::worse);
        vec![Check {
            what: "pixels against f64",
            error: worst.error,
            tolerance: worst.tolerance,
            measure: "absolute",
            reason: "a pixel is a sum of as many products as there are weights, each rounded in every addition",
        }]
        .into()
    }

    fn work(&self) -> Work {
        let pixels = (self.image.width * self.image.height * self.image.planes.len()) as u64;
        Work {
            operations: 2 * pixels * self.filter.weights.len() as u64,
            counted: "a multiplication and an addition for each pixel and weight",
            bytes: 8 * pixels,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        self.result.write(path, Conv2d.draws())
    }

    fn corrupt(&mut self, seed: u64) {
        let plane = seed as usize % self.result.planes.len();
        let i = seed as usize % self.result.planes[plane].len();
        let expected = self.expected();
        let exact = expected.sums[plane][i];
        let most = self.tolerance(expected.magnitudes[plane][i]);
        let mut value = (exact + most) as f32;
        while f64::from(value) - exact <= most {
            value = value.next_up();
        }
        self.result.planes[plane][i] = value;
    }
}

/// A call that lacks its arrays.
fn call<'a>(runtime: &Runtime, kernel: &Kernel, params: &Params) -> Call<'a> {
    let groups = [params.width.div_ceil(BLOCK), params.height.div_ceil(BLOCK)];
    runtime.call(kernel).uniform("params", params).workgroups(groups)
}

struct OnDevice<'p> {
    result: &'p mut Image,
    runtime: Runtime,
    kernel: Kernel,
    params: Params,
    weights: Buffer<f32>,
    /// The image and the result of each plane.
    planes: Vec<[Buffer<f32>; 2]>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        let mut tally = Tally::default();
        for [image, result] in &self.planes {
            let call = call(&self.runtime, &self.kernel, &self.params).read("weights", &self.weights);
            tally.add(&call.read("image", image).write("result", result).run()?);
        }
        Ok(tally)
    }

    fn fetch(&mut self) -> Result<()> {
        let planes = self.planes.iter().zip(&mut self.result.planes);
        planes.into_iter().try_for_each(|([_, result], plane)| result.download_into(plane))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disc_keeps_the_light() {
        for radius in [0.5, 1.0, 3.3, BLUR] {
            let filter = Filter::disc(radius);
            let sum: f32 = filter.weights.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "{sum}");
            assert!(filter.radius[0] <= MAX_RADIUS as usize);
            let mirrored: Vec<f32> = filter.weights.iter().rev().copied().collect();
            assert_eq!(filter.weights, mirrored);
        }
    }

    /// The definition, where one can see what it must give.
    #[test]
    fn weights_are_applied_as_they_stand() {
        let image = Image { width: 3, height: 2, planes: vec![vec![1.0, 2.0, 3.0, 10.0, 20.0, 30.0]] };
        let right_and_below = Filter { radius: [1, 1], weights: vec![0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.5, 0.0] };
        let mut problem = Filtering::new(image, right_and_below);
        assert_eq!(problem.expected().sums, [[7.0, 13.0, 18.0, 25.0, 40.0, 45.0]]);
        problem.native();
        assert!(problem.verify().passed());
    }

    #[test]
    fn rectangles_and_all_radii() {
        for (size, radius) in [([1, 1], [0, 0]), ([70, 3], [8, 1]), ([33, 40], [2, 8]), ([5, 90], [0, 3])] {
            let mut problem = noise(size, radius, 4).unwrap();
            problem.native();
            assert!(problem.verify().passed(), "{size:?} {radius:?}: {}", problem.verify());
        }
        assert!(noise([4, 4], [9, 0], 1).is_err() && noise([0, 4], [1, 1], 1).is_err());
    }
}
