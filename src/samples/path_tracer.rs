//! `path_tracer`: spheres in daylight, by light along random paths, refined pass by pass.

mod exact;
mod native;
mod scene;

use std::{
    ops::Range,
    path::Path,
    sync::OnceLock,
    time::{Duration, Instant},
};

use rayon::prelude::*;

use self::{
    exact::Pixel,
    scene::{Scene, Sphere, View},
};
use super::{
    Check, Problem, Resident, Sample, Size, Sizes, Tally, Verdict, Work, image::Image, timed, verdict::Deviation,
};
use crate::{Buffer, Chain, ChainBuilder, Device, DeviceChoice, Result, Runtime, chain::ChainArg};

const WGSL: &str = include_str!("../../shaders/path_tracer.wgsl");

/// Samples of a pixel that a pass adds, and passes.
const SAMPLES: u32 = 4;
const PASSES: u32 = 4;

/// Samples of a pixel in all.
const ALL: u32 = SAMPLES * PASSES;

/// The most segments of a path.
const DEPTH: u32 = 8;

/// How much of all paths rounding may leave open, lest right pixels say little.
const OPEN: f64 = 0.1;

/// Pixels along the sides of the blocks whose light is judged together, and by how many standard errors.
const BLOCK: usize = 32;
const STANDARD_ERRORS: f64 = 6.0;

/// The sample.
pub struct PathTracer;

impl Sample for PathTracer {
    fn name(&self) -> &'static str {
        "path_tracer"
    }

    fn field(&self) -> &'static str {
        "pictures"
    }

    fn summary(&self) -> &'static str {
        "spheres of glass, metal and clay in daylight, path by path"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "pixels along the longer side", small: 60, default: 480, large: 1920, max: 1 << 13 }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["png", "npy"]
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        Ok(Box::new(Picture::new(self.scene(size, seed)?)))
    }
}

impl PathTracer {
    fn scene(&self, size: Size, seed: u64) -> Result<Scene> {
        let width = self.sizes().resolve(size)?;
        Ok(Scene::new(width, (2 * width).div_ceil(3), SAMPLES, DEPTH, seed))
    }
}

/// The white furnace: the same spheres where everything reflects all light and the sky is 1 all around. Each path that gets out
/// brings 1 then, exactly.
///
/// # Errors
///
/// When the size is zero or more than [`Sizes::max`].
pub fn furnace(width: usize, seed: u64) -> Result<Box<dyn Problem>> {
    let scene = PathTracer.scene(Size::Count(width), seed)?.white();
    Ok(Box::new(Picture { is_white: true, ..Picture::new(scene) }))
}

struct Picture {
    scene: Scene,
    is_white: bool,
    /// The sums of red, green, blue and segments over the samples of each pixel.
    light: Vec<[f32; 4]>,
    expected: OnceLock<Vec<Pixel>>,
}

impl Picture {
    fn new(scene: Scene) -> Self {
        let pixels = scene.view.width as usize * scene.view.height as usize;
        Picture { scene, is_white: false, light: vec![[-1.0; 4]; pixels], expected: OnceLock::new() }
    }

    fn expected(&self) -> &[Pixel] {
        self.expected.get_or_init(|| {
            let width = self.scene.view.width;
            let pixel = |i: u32| Pixel::new(&self.scene, ALL, [i % width, i / width]);
            (0..self.light.len() as u32).into_par_iter().map(pixel).collect()
        })
    }

    /// Adds the passes to a chain.
    fn passes(
        &self,
        chain: &mut ChainBuilder,
        runtime: &Runtime,
        spheres: &dyn Fn() -> ChainArg,
        light: &dyn Fn() -> ChainArg,
    ) -> Result<()> {
        let kernel = runtime.module(WGSL)?.only_kernel()?;
        chain.repeat(PASSES as usize, |pass, chain| {
            let view = View { first: SAMPLES * pass as u32, ..self.scene.view };
            let call = chain.call(&kernel).uniform("params", &view);
            call.bind("spheres", spheres()).bind("light", light()).grid([view.width, view.height]);
        });
        Ok(())
    }

    /// Pixels that are not white: what gets out brings 1, and what does not is known, but for what rounding leaves open.
    fn grey(&self) -> usize {
        let is_white = |found: &[f32; 4], pixel: &Pixel| {
            let most = (ALL - pixel.cut) as f32;
            let range = most - pixel.open as f32..=most;
            found[..3].iter().all(|&sum| sum == found[0] && sum.fract() == 0.0 && range.contains(&sum))
        };
        self.light.iter().zip(self.expected()).filter(|(found, pixel)| !is_white(found, pixel)).count()
    }

    /// How far the mean of a block is off, and may be, where that is worst.
    fn blocks(&self) -> Deviation {
        let [width, height] = [self.scene.view.width, self.scene.view.height].map(|side| side as usize);
        let across = width.div_ceil(BLOCK);
        let expected = self.expected();
        let block = |number: usize| {
            let (left, top) = (number % across * BLOCK, number / across * BLOCK);
            let rows = top..(top + BLOCK).min(height);
            let pixels = || rows.clone().flat_map(|y| (left..(left + BLOCK).min(width)).map(move |x| y * width + x));
            let samples = f64::from(ALL) * pixels().count() as f64;
            let off = |channel: usize| {
                let sum = |of: &dyn Fn(usize) -> f64| pixels().map(of).sum::<f64>();
                let error = sum(&|i| f64::from(self.light[i][channel]) - expected[i].value[channel]);
                let open = sum(&|i| expected[i].open2[channel]).sqrt();
                let tolerance = sum(&|i| expected[i].error[channel]) + STANDARD_ERRORS * open;
                Deviation { error: error.abs() / samples, tolerance: tolerance / samples }
            };
            off(0).worse(off(1)).worse(off(2))
        };
        let blocks = (0..across * height.div_ceil(BLOCK)).into_par_iter().map(block);
        blocks.reduce(|| Deviation::NONE, Deviation::worse)
    }

    fn image(&self) -> Image {
        let plane = |channel: usize| self.light.iter().map(|sum| sum[channel] / ALL as f32).collect();
        let View { width, height, .. } = self.scene.view;
        Image { width: width as usize, height: height as usize, planes: (0..3).map(plane).collect() }
    }
}

impl Problem for Picture {
    fn describe(&self) -> String {
        let View { width, height, .. } = self.scene.view;
        format!("{width} x {height} pixels, {ALL} samples in {PASSES} passes, {} spheres", self.scene.spheres.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let start = Instant::now();
        let mut chain = runtime.chain();
        let spheres = chain.input::<Sphere>(self.scene.spheres.len());
        let light = chain.output::<[f32; 4]>(self.light.len());
        self.passes(&mut chain, runtime, &|| ChainArg::from(spheres), &|| ChainArg::from(light))?;
        chain.device(&runtime.first_of(devices)?);
        let chain = chain.build()?;
        let report = chain.run([spheres.from(&self.scene.spheres)], [light.into(&mut self.light)])?;
        Ok(Tally::of_chain(&chain, &report, start))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        let spheres = runtime.buffer_on(device, &self.scene.spheres)?;
        let light = runtime.buffer_zeroed_on(device, self.light.len())?;
        let mut chain = runtime.chain();
        self.passes(&mut chain, runtime, &|| ChainArg::from(&spheres), &|| ChainArg::from(&light))?;
        Ok(Box::new(OnDevice { chain: chain.build()?, light, result: &mut self.light }))
    }

    fn native(&mut self) -> Duration {
        let (scene, light) = (&self.scene, &mut self.light);
        timed(|| native::trace(scene, ALL, light))
    }

    fn verify(&self) -> Verdict {
        let pairs = || self.light.par_iter().zip(self.expected());
        let samples = f64::from(ALL);
        let settled = pairs().filter(|(_, pixel)| pixel.open == 0).map(|(found, pixel)| {
            let off = |i: usize| {
                let (found, value) = (f64::from(found[i]), pixel.value[i]);
                let tolerance = if found > value { pixel.most[i] - value } else { value - pixel.least[i] };
                Deviation { error: (found - value).abs() / samples, tolerance: tolerance / samples }
            };
            off(0).worse(off(1)).worse(off(2))
        });
        let settled = settled.reduce(|| Deviation::NONE, Deviation::worse);
        let blocks = self.blocks();
        let is_within = |found: &[f32; 4], pixel: &Pixel, channels: Range<usize>| {
            { channels }.all(|i| (pixel.least[i]..=pixel.most[i]).contains(&f64::from(found[i])))
        };
        let outside = pairs().filter(|(found, pixel)| !is_within(found, pixel, 0..3)).count();
        let other = |(found, pixel): &(&[f32; 4], &Pixel)| !is_within(found, pixel, 3..4) || found[3].fract() != 0.0;
        let other = pairs().filter(other).count();
        let negative = self.light.iter().flatten().filter(|value| value.is_nan() || **value < 0.0).count();
        let open: u32 = self.expected().iter().map(|pixel| pixel.open).sum();
        let paths = samples * self.light.len() as f64;
        let mut checks = vec![
            Check {
                what: "settled pixels against paths in f64",
                error: settled.error,
                tolerance: settled.tolerance,
                measure: "of a white pixel",
                reason: "the paths draw the same random integers in f64, and carry a bound on how far those in f32 may \
                         stray: where it settles what each path of a pixel meets, it also bounds what they bring",
            },
            Check {
                what: "all pixels against paths in f64",
                error: outside as f64,
                tolerance: 0.0,
                measure: "pixels that no paths can give",
                reason: "where rounding decides what a path meets, it may bring nothing, or as much as the brightest sky \
                         and the surfaces before let it",
            },
            Check {
                what: "light of blocks of 32 x 32 pixels",
                error: blocks.error,
                tolerance: blocks.tolerance,
                measure: "of a white pixel",
                reason: "paths that rounding sends elsewhere are as often brighter as darker: by no more than six standard \
                         errors of what they may bring",
            },
            Check {
                what: "lengths of the paths",
                error: other as f64,
                tolerance: 0.0,
                measure: "pixels whose paths have other segments",
                reason: "where rounding does not decide what a path meets, its segments are known",
            },
            Check {
                what: "light is not negative",
                error: negative as f64,
                tolerance: 0.0,
                measure: "values that are, or are no numbers",
                reason: "weights and the sky are not",
            },
            Check {
                what: "paths that are settled",
                error: f64::from(open),
                tolerance: (OPEN * paths).max(f64::from(ALL)),
                measure: "paths that rounding leaves open",
                reason: "were there many, right pixels would say little",
            },
        ];
        if self.is_white {
            let furnace = Check {
                what: "white furnace",
                error: self.grey() as f64,
                tolerance: 0.0,
                measure: "pixels that are not white",
                reason: "where nothing absorbs, each path that gets out brings 1 exactly",
            };
            checks.insert(0, furnace);
        }
        checks.into()
    }

    fn work(&self) -> Work {
        let segments: f64 = self.light.iter().map(|sum| f64::from(sum[3]).max(0.0)).sum();
        let spheres = self.scene.spheres.len();
        Work {
            operations: segments as u64 * (20 * spheres as u64 + 130),
            counted: "20 a sphere and segment: distances 15, tests 5; and 130 a segment: random numbers 60, directions 50, the \
                      place 20",
            bytes: (32 * self.light.len() * PASSES as usize - 16 * self.light.len()) as u64,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        self.image().write(path, PathTracer.draws())
    }

    fn corrupt(&mut self, seed: u64) {
        let (i, channel) = (seed as usize % self.light.len(), seed as usize % 4);
        let most = self.expected()[i].most[channel];
        let value = &mut self.light[i][channel];
        if channel == 3 {
            *value = most as f32 + 1.0;
        } else if self.is_white {
            // The least that is no whole number any more.
            *value = value.next_up();
        } else {
            *value = most as f32;
            while f64::from(*value) <= most {
                *value = value.next_up();
            }
        }
    }
}

struct OnDevice<'p> {
    chain: Chain,
    light: Buffer<[f32; 4]>,
    result: &'p mut [[f32; 4]],
}

impl Resident for OnDevice<'_> {
    /// The first pass does not look at what the last step left.
    fn step(&mut self) -> Result<Tally> {
        Ok(Tally::from(&self.chain.run([], [])?))
    }

    fn fetch(&mut self) -> Result<()> {
        self.light.download_into(self.result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A white world under a white sky is white, whatever stands in it.
    #[test]
    fn the_furnace_is_white() {
        for seed in 0..3 {
            let mut picture = furnace(37, seed).unwrap();
            picture.native();
            assert!(picture.verify().passed(), "{}", picture.verify());
            picture.corrupt(seed);
            assert!(!picture.verify().passed());
        }
    }

    /// What most pixels hold is known to less than a level of a picture.
    #[test]
    fn bounds_are_narrow() {
        let scene = PathTracer.scene(Size::Count(60), 1).unwrap();
        let picture = Picture::new(scene);
        let near = |pixel: &&Pixel| (0..3).all(|i| (pixel.most[i] - pixel.least[i]) / f64::from(ALL) < 1.0 / 256.0);
        let known = picture.expected().iter().filter(near).count();
        let share = known as f64 / picture.light.len() as f64;
        assert!(share > 0.5, "{share}");
    }
}
