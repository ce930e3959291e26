//! `mandelbrot`: escape times, smoothly coloured.

use std::{f64::consts, path::Path, time::Duration};

use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

use super::{
    Check, Problem, ROUNDING, Resident, Sample, Size, Sizes, Tally, Verdict, Work, bounded::Bounded, draw, timed,
};
use crate::{Buffer, Device, DeviceChoice, Kernel, Result, Runtime};

const WGSL: &str = include_str!("../../shaders/mandelbrot.wgsl");

/// The square of the distance at which a point has escaped.
const ESCAPE2: f64 = 65536.0;

/// Turns of the palette for twice the iterations.
const TURNS: f64 = 0.25;

/// The phases of red, green and blue in the palette.
const PHASES: [f64; 3] = [0.5, 0.6, 0.7];

/// The sample.
pub struct Mandelbrot;

impl Sample for Mandelbrot {
    fn name(&self) -> &'static str {
        "mandelbrot"
    }

    fn field(&self) -> &'static str {
        "pictures"
    }

    fn summary(&self) -> &'static str {
        "a part of the Mandelbrot set, smoothly coloured"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "pixels along each side", small: 99, default: 1024, large: 4096, max: 1 << 15 }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["png", "npy"]
    }

    /// The picture is the same for every seed.
    fn prepare(&self, size: Size, _seed: u64) -> Result<Box<dyn Problem>> {
        let n = self.sizes().resolve(size)?;
        let view = View { centre: CENTRE, pitch: SPAN / n as f32, limit: LIMIT, width: n as u32, height: n as u32 };
        Ok(Box::new(Picture::new(view)))
    }
}

/// What the picture shows, and how far its sides are.
const CENTRE: [f32; 2] = [-0.16, 1.033];
const SPAN: f32 = 0.056;
const LIMIT: u32 = 256;

/// `Params` in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct View {
    centre: [f32; 2],
    pitch: f32,
    limit: u32,
    width: u32,
    height: u32,
}

impl View {
    /// Twice the distance of a pixel from the middle, in pixels: to the right and up.
    fn offset(&self, column: usize, row: usize) -> [i32; 2] {
        [2 * column as i32 + 1 - self.width as i32, self.height as i32 - (2 * row as i32 + 1)]
    }
}

struct Picture {
    view: View,
    counts: Vec<u32>,
    pixels: Vec<u32>,
}

impl Picture {
    fn new(view: View) -> Self {
        let pixels = view.width as usize * view.height as usize;
        Picture { view, counts: vec![0; pixels], pixels: vec![0; pixels] }
    }

    /// What pixel `i` may be.
    fn expected(&self, i: usize) -> Orbit {
        let width = self.view.width as usize;
        Orbit::new(&self.view, i % width, i / width)
    }
}

impl Problem for Picture {
    fn describe(&self) -> String {
        format!("{} x {} pixels, {} iterations", self.view.width, self.view.height, self.view.limit)
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let kernel = runtime.module(WGSL)?.only_kernel()?;
        let report = runtime
            .call(&kernel)
            .uniform("params", &self.view)
            .write("counts", &mut self.counts)
            .write("pixels", &mut self.pixels)
            .grid([self.view.width, self.view.height])
            .device(devices)
            .run()?;
        Ok(Tally::from(&report))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        Ok(Box::new(OnDevice {
            kernel: runtime.module(WGSL)?.only_kernel()?,
            counts: runtime.buffer_zeroed_on(device, self.counts.len())?,
            pixels: runtime.buffer_zeroed_on(device, self.pixels.len())?,
            runtime: runtime.clone(),
            problem: self,
        }))
    }

    fn native(&mut self) -> Duration {
        let (view, width) = (&self.view, self.view.width as usize);
        let (counts, pixels) = (&mut self.counts, &mut self.pixels);
        timed(|| {
            let rows = counts.par_chunks_mut(width).zip(pixels.par_chunks_mut(width)).enumerate();
            rows.for_each(|(row, (counts, pixels))| paint_row(view, row, counts, pixels));
        })
    }

    fn verify(&self) -> Verdict {
        let findings = (0..self.counts.len()).into_par_iter().map(|i| {
            let expected = self.expected(i);
            let possible = (expected.earliest..=expected.latest).contains(&self.counts[i]);
            [
                usize::from(!possible),
                usize::from(possible && !expected.has_colour(self.pixels[i])),
                usize::from(expected.earliest < expected.latest),
            ]
        });
        let [counts, colours, open] = findings.reduce(|| [0; 3], |a, b| std::array::from_fn(|i| a[i] + b[i]));
        vec![
            Check {
                what: "iteration counts",
                error: counts as f64,
                tolerance: 0.0,
                measure: "pixels that no f32 orbit can give",
                reason: "the orbit in f64 carries a bound on how far an orbit in f32 may stray: where it settles when \
                         the point escapes, only that count is right",
            },
            Check {
                what: "colours",
                error: colours as f64,
                tolerance: 0.0,
                measure: "pixels",
                reason: "a level may be off by its rounding and by WGSL's accuracy of log2 and cos",
            },
            Check {
                what: "one possible count",
                error: open as f64,
                tolerance: (0.05 * self.counts.len() as f64).max(1.0),
                measure: "pixels that rounding leaves open",
                reason: "were there many, exact counts would say little",
            },
        ]
        .into()
    }

    fn work(&self) -> Work {
        let iterations: u64 = self.counts.iter().map(|&count| u64::from(count)).sum();
        Work {
            operations: 10 * iterations,
            counted: "10 an iteration: the squares 2, both parts 6, their sum and the test 2",
            bytes: 8 * self.counts.len() as u64,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        let View { width, height, .. } = self.view;
        match draw::extension(path, Mandelbrot.draws())? {
            "png" => {
                let bytes: Vec<u8> = self.pixels.iter().flat_map(|pixel| pixel.to_le_bytes()).collect();
                draw::write_png(path, width as usize, &bytes)
            }
            _ => draw::write_npy(path, &self.counts, &[height as usize, width as usize]),
        }
    }

    fn corrupt(&mut self, seed: u64) {
        let i = seed as usize % self.counts.len();
        if seed.is_multiple_of(2) {
            self.counts[i] = self.expected(i).latest + 1;
        } else {
            // Opaque becomes nearly opaque.
            self.pixels[i] = (self.pixels[i] & 0x00ff_ffff) | 0xfe00_0000;
        }
    }
}

/// What is known of a pixel.
struct Orbit {
    /// The least iterations after which an f32 orbit may have escaped, or the limit.
    earliest: u32,
    /// The most.
    latest: u32,
    /// The colour, where it is settled.
    colour: Option<Colour>,
}

/// Levels of red, green and blue from 0 to 255, and by how much each may be off.
struct Colour {
    levels: [f64; 3],
    error: f64,
}

impl Orbit {
    /// Follows the orbit of a pixel in f64, with a bound on the distance from it of an orbit in f32.
    ///
    /// With z off by e, z^2 + c is off by (2 |z| + e) e. The squares, their difference, the mixed product
    /// and the sums with c round by at most 2^-24 of (|z| + e)^2, (|z| + e)^2 and the result's size, in the
    /// norm of the plane; fused operations round less. c is off by the rounding of a product and a sum.
    fn new(view: &View, column: usize, row: usize) -> Self {
        let half_pitch = 0.5 * f64::from(view.pitch);
        let [right, up] = view.offset(column, row).map(|distance| f64::from(distance) * half_pitch);
        let c = [f64::from(view.centre[0]) + right, f64::from(view.centre[1]) + up];
        let c_size = c[0].hypot(c[1]);
        let c_error = 1.01 * ROUNDING * (right.hypot(up) + c_size);

        let (mut z, mut size, mut error) = ([0.0f64; 2], 0.0f64, 0.0f64);
        let mut earliest = view.limit;
        for n in 1..=view.limit {
            let reach2 = (size + error) * (size + error);
            error = (2.0 * size + error) * error + 1.01 * ROUNDING * (3.0 * reach2 + c_size) + c_error;
            z = [z[0] * z[0] - z[1] * z[1] + c[0], 2.0 * z[0] * z[1] + c[1]];
            size = (z[0] * z[0] + z[1] * z[1]).sqrt();

            // The test rounds two squares and a sum.
            let farthest = (size + error) * (size + error) * (1.0 + 3.0 * ROUNDING);
            let nearest = (size - error).max(0.0) * (size - error) * (1.0 - 3.0 * ROUNDING);
            if farthest > ESCAPE2 {
                earliest = earliest.min(n);
            }
            if nearest > ESCAPE2 {
                let colour = (earliest == n).then(|| Colour::escaped(n, Bounded { value: size, error }));
                return Orbit { earliest, latest: n, colour };
            }
            if !farthest.is_finite() {
                // Nothing is known from here on.
                return Orbit { earliest, latest: view.limit, colour: None };
            }
        }
        // At the limit exactly, the point may have escaped or not.
        let stays = size + error <= 0.99 * ESCAPE2.sqrt();
        let colour = (earliest == view.limit && stays).then_some(Colour { levels: [0.0; 3], error: 0.0 });
        Orbit { earliest, latest: view.limit, colour }
    }

    /// Whether these are four bytes of the right colour. Anything opaque is, where the colour is open.
    fn has_colour(&self, pixel: u32) -> bool {
        let [levels @ .., alpha] = pixel.to_le_bytes();
        let near = |colour: &Colour| {
            levels.iter().zip(colour.levels).all(|(&found, level)| (f64::from(found) - level).abs() <= colour.error)
        };
        alpha == 255 && self.colour.as_ref().is_none_or(near)
    }
}

impl Colour {
    /// The colour of a point that escaped after `n` iterations to a distance of `size`.
    fn escaped(n: u32, size: Bounded) -> Self {
        let sixteen = Bounded::exact(16.0);
        let smooth = Bounded::exact(n as f32) + Bounded::exact(1.0) - ((size * size).log2() / sixteen).log2();
        let turns = Bounded::literal(TURNS) * smooth.log2();
        let levels = PHASES.map(|phase| {
            let phase = (turns.value + phase).rem_euclid(1.0) - 0.5;
            255.0 * (0.5 - 0.5 * (2.0 * consts::PI * phase).cos())
        });
        // The sum with the phase, its fraction, and the product with 2 pi round once each; cos is accurate to
        // 2^-11 in [-pi, pi]; the level is rounded to a whole one.
        let turned = turns.error + 3.0 * ROUNDING * (turns.value.abs() + 2.0);
        let error = 127.5 * (2.0 * consts::PI * turned + 1.0 / 2048.0 + 4.0 * ROUNDING) + 0.5;
        Colour { levels, error }
    }
}

/// Pixels that the native reference iterates together.
const LANES: usize = 16;

/// Iterations between tests whether all of them have escaped.
const BATCH: u32 = 8;

/// The counts and colours of a row of pixels, in f32.
fn paint_row(view: &View, row: usize, counts: &mut [u32], pixels: &mut [u32]) {
    for (group, (counts, pixels)) in counts.chunks_mut(LANES).zip(pixels.chunks_mut(LANES)).enumerate() {
        let c: [[f32; 2]; LANES] = std::array::from_fn(|lane| {
            let offset = view.offset(group * LANES + lane, row);
            std::array::from_fn(|axis| view.centre[axis] + offset[axis] as f32 * (0.5 * view.pitch))
        });
        let (found, squares) = escape(&c.map(|c| c[0]), &c.map(|c| c[1]), view.limit);
        counts.copy_from_slice(&found[..counts.len()]);
        for (lane, pixel) in pixels.iter_mut().enumerate() {
            *pixel = colour(found[lane], squares[lane]);
        }
    }
}

/// Iterates until every lane has escaped, or to the limit; gives the counts and the last |z|^2.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn escape(re: &[f32; LANES], im: &[f32; LANES], limit: u32) -> ([u32; LANES], [f32; LANES]) {
    let mut x = [0.0f32; LANES];
    let mut y = [0.0f32; LANES];
    let mut squares = [0.0f32; LANES];
    let mut counts = [0u32; LANES];
    let mut done = 0;
    while done < limit && squares.iter().any(|&square| square <= ESCAPE2 as f32) {
        let batch = BATCH.min(limit - done);
        for _ in 0..batch {
            for lane in 0..LANES {
                // All ones where the lane goes on; where it has escaped it stands still. Bits instead of
                // branches, so that the compiler makes vectors of the lanes.
                let goes_on = u32::from(squares[lane] <= ESCAPE2 as f32).wrapping_neg();
                let pick = |new: f32, old: f32| f32::from_bits(new.to_bits() & goes_on | old.to_bits() & !goes_on);
                let new_x = x[lane] * x[lane] - y[lane] * y[lane] + re[lane];
                let new_y = 2.0 * x[lane] * y[lane] + im[lane];
                x[lane] = pick(new_x, x[lane]);
                y[lane] = pick(new_y, y[lane]);
                squares[lane] = x[lane] * x[lane] + y[lane] * y[lane];
                counts[lane] = counts[lane].wrapping_sub(goes_on);
            }
        }
        done += batch;
    }
    (counts, squares)
}

/// The colour that the kernel gives.
fn colour(count: u32, square: f32) -> u32 {
    if square <= ESCAPE2 as f32 {
        return 0xff00_0000;
    }
    let smooth = count as f32 + 1.0 - (square.log2() / 16.0).log2();
    let turns = TURNS as f32 * smooth.log2();
    let [red, green, blue] = PHASES.map(|phase| {
        // Nothing here is below zero, where conversions to integers would round differently.
        let turned = turns + phase as f32;
        let phase = turned - turned as i32 as f32 - 0.5;
        (255.0 * (0.5 - 0.5 * (std::f32::consts::TAU * phase).cos()) + 0.5) as u8
    });
    u32::from_le_bytes([red, green, blue, 255])
}

struct OnDevice<'p> {
    problem: &'p mut Picture,
    runtime: Runtime,
    kernel: Kernel,
    counts: Buffer<u32>,
    pixels: Buffer<u32>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        let view = &self.problem.view;
        let report = self
            .runtime
            .call(&self.kernel)
            .uniform("params", view)
            .write("counts", &self.counts)
            .write("pixels", &self.pixels)
            .grid([view.width, view.height])
            .run()?;
        Ok(Tally::from(&report))
    }

    fn fetch(&mut self) -> Result<()> {
        self.counts.download_into(&mut self.problem.counts)?;
        self.pixels.download_into(&mut self.problem.pixels)
    }
}
