//! `fft`: spectra of many frames of a signal.

mod signal;

use std::{
    f64::consts::TAU,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytemuck::{Pod, Zeroable};
use num_complex::Complex;
use rayon::prelude::*;
use rustfft::{Fft as Plan, FftNum, FftPlanner};

use super::{
    Check, Problem, ROUNDING, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, timed, verdict::larger,
};
use crate::{Buffer, Device, DeviceChoice, Error, Kernel, Result, Runtime, error::Message};

const WGSL: &str = include_str!("../../shaders/fft.wgsl");

/// Points of a frame, where nothing else is said.
const LENGTH: usize = 1024;

/// The longest frame: a workgroup of 256 lanes, four points each.
const LONGEST: usize = 1024;

/// The sample.
pub struct Fft;

impl Sample for Fft {
    fn name(&self) -> &'static str {
        "fft"
    }

    fn field(&self) -> &'static str {
        "signals"
    }

    fn summary(&self) -> &'static str {
        "spectra of a radio recording, frame by frame"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "frames of 1024 points", small: 100, default: 4096, large: 32_768, max: 1 << 18 }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["png", "npy"]
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        let frames = self.sizes().resolve(size)?;
        Ok(Box::new(Frames::new(LENGTH, Direction::Forward, signal::recording(frames, LENGTH, seed))))
    }
}

/// Which way to transform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From a signal to its spectrum.
    Forward,
    /// From a spectrum to its signal.
    Inverse,
}

/// Frames of `length` points, a power of two from 4 to 1024. The inverse is given spectra, and has to find the signal that
/// they are from.
///
/// # Errors
///
/// When the length is another one, or the number of frames is zero or more than [`Sizes::max`].
pub fn batch(length: usize, frames: usize, direction: Direction, seed: u64) -> Result<Box<dyn Problem>> {
    if !length.is_power_of_two() || !(4..=LONGEST).contains(&length) {
        return Err(Error::Call(
            Message::new(format!("frames of {length} points cannot be transformed"))
                .help(format!("choose a power of two from 4 to {LONGEST}")),
        ));
    }
    let frames = Fft.sizes().resolve(Size::Count(frames))?;
    let signal = signal::recording(frames, length, seed);
    let input = match direction {
        Direction::Forward => signal,
        Direction::Inverse => narrow(&transform(&widen(&signal), length, Direction::Forward)),
    };
    Ok(Box::new(Frames::new(length, direction, input)))
}

/// `Params` in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    sign: f32,
    scale: f32,
}

impl Direction {
    fn params(self, length: usize) -> Params {
        match self {
            Direction::Forward => Params { sign: -1.0, scale: 1.0 },
            // A power of two: exact.
            Direction::Inverse => Params { sign: 1.0, scale: 1.0 / length as f32 },
        }
    }

    fn plan<T: FftNum>(self, length: usize) -> Arc<dyn Plan<T>> {
        match self {
            Direction::Forward => FftPlanner::new().plan_fft_forward(length),
            Direction::Inverse => FftPlanner::new().plan_fft_inverse(length),
        }
    }
}

struct Frames {
    length: usize,
    direction: Direction,
    /// Cosines and sines, as the WGSL wants them.
    roots: Vec<[f32; 2]>,
    input: Vec<Complex<f32>>,
    output: Vec<Complex<f32>>,
    plan: Arc<dyn Plan<f32>>,
    expected: OnceLock<Vec<Complex<f64>>>,
}

impl Frames {
    fn new(length: usize, direction: Direction, input: Vec<Complex<f32>>) -> Self {
        let angles = (0..length / 2).map(|k| TAU * k as f64 / length as f64);
        Frames {
            length,
            direction,
            roots: angles.map(|angle| [angle.cos() as f32, angle.sin() as f32]).collect(),
            output: vec![Complex::default(); input.len()],
            input,
            plan: direction.plan(length),
            expected: OnceLock::new(),
        }
    }

    fn kernel(&self, runtime: &Runtime) -> Result<Kernel> {
        runtime.module(WGSL)?.only_kernel()?.with_const("LENGTH", self.length as u32)
    }

    fn frames(&self) -> usize {
        self.input.len() / self.length
    }

    fn expected(&self) -> &[Complex<f64>] {
        self.expected.get_or_init(|| transform(&widen(&self.input), self.length, self.direction))
    }

    /// How far a frame may be off, in root of the sum of squares, as a share of that of the frame itself.
    ///
    /// A pass is a unitary map but for a factor, so relative errors of passes add up. Those of a four-point pass: the root
    /// is rounded by 1, its square by 2 + sqrt 5 and its third power by 3 + 2 sqrt 5, which is less than 7.5 (a product of
    /// complex numbers by sqrt 5: Brent, Percival and Zimmermann, "Error bounds on complex floating-point
    /// multiplication", 2007); the product with it by sqrt 5, and two additions by 1 each: less than 12. A hundredth more
    /// covers what is of second order.
    fn tolerance(&self) -> f64 {
        let passes = self.length.ilog2().div_ceil(2);
        1.01 * 12.0 * ROUNDING * f64::from(passes)
    }

    /// The largest error of a frame, as [`tolerance`](Frames::tolerance) has it.
    fn error(&self) -> f64 {
        let frames = self.output.par_chunks(self.length).zip(self.expected().par_chunks(self.length));
        let errors = frames.map(|(found, expected)| {
            let apart = |(found, expected): (&Complex<f32>, &Complex<f64>)| {
                (Complex::new(f64::from(found.re), f64::from(found.im)) - expected).norm_sqr()
            };
            (found.iter().zip(expected).map(apart).sum::<f64>() / norm_sqr(expected)).sqrt()
        });
        errors.reduce(|| 0.0, larger)
    }
}

/// The sum of the squares of magnitudes.
fn norm_sqr(values: &[Complex<f64>]) -> f64 {
    values.iter().map(Complex::norm_sqr).sum()
}

fn widen(values: &[Complex<f32>]) -> Vec<Complex<f64>> {
    values.iter().map(|value| Complex::new(value.re.into(), value.im.into())).collect()
}

fn narrow(values: &[Complex<f64>]) -> Vec<Complex<f32>> {
    values.iter().map(|value| Complex::new(value.re as f32, value.im as f32)).collect()
}

/// The transforms in f64.
fn transform(input: &[Complex<f64>], length: usize, direction: Direction) -> Vec<Complex<f64>> {
    let scale = f64::from(direction.params(length).scale);
    let plan = direction.plan::<f64>(length);
    let mut output = input.to_vec();
    output.par_chunks_mut(length).for_each(|frame| {
        plan.process(frame);
        frame.iter_mut().for_each(|value| *value *= scale);
    });
    output
}

impl Problem for Frames {
    fn describe(&self) -> String {
        format!("{} frames of {} points", self.frames(), self.length)
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let kernel = self.kernel(runtime)?;
        let report = runtime
            .call(&kernel)
            .uniform("params", &self.direction.params(self.length))
            .read("roots", &self.roots)
            .read("signal", &self.input)
            .write("spectra", &mut self.output)
            .workgroups([self.input.len() / self.length])
            .device(devices)
            .run()?;
        Ok(Tally::from(&report))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        Ok(Box::new(OnDevice {
            kernel: self.kernel(runtime)?,
            params: self.direction.params(self.length),
            frames: self.frames(),
            roots: runtime.buffer_on(device, &self.roots)?,
            signal: runtime.buffer_on(device, &self.input)?,
            spectra: runtime.buffer_zeroed_on(device, self.output.len())?,
            runtime: runtime.clone(),
            result: &mut self.output,
        }))
    }

    fn native(&mut self) -> Duration {
        let (plan, scale) = (&self.plan, self.direction.params(self.length).scale);
        let (input, output) = (&self.input, &mut self.output);
        let batch = BATCH * self.length;
        timed(|| {
            let batches = output.par_chunks_mut(batch).zip(input.par_chunks(batch));
            batches.for_each_init(
                || vec![Complex::default(); plan.get_immutable_scratch_len()],
                |scratch, (output, input)| {
                    plan.process_immutable_with_scratch(input, output, scratch);
                    if scale != 1.0 {
                        output.iter_mut().for_each(|value| *value *= scale);
                    }
                },
            );
        })
    }

    fn verify(&self) -> Verdict {
        vec![Check {
            what: "frames against f64",
            error: self.error(),
            tolerance: self.tolerance(),
            measure: "of a frame's root of the sum of squares",
            reason: "each pass rounds by less than 12 x 2^-24 of it, and passes keep what was there before as it was",
        }]
        .into()
    }

    fn work(&self) -> Work {
        let points = self.input.len() as u64;
        Work {
            operations: 5 * points * u64::from(self.length.ilog2()),
            counted: "5 a point and power of two, as is usual for transforms",
            bytes: 16 * points,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        match draw::extension(path, Fft.draws())? {
            "png" => draw::write_png(path, self.length, &waterfall(&self.output, self.length)),
            _ => {
                let parts: Vec<f32> = self.output.iter().flat_map(|value| [value.re, value.im]).collect();
                draw::write_npy(path, &parts, &[self.frames(), self.length, 2])
            }
        }
    }

    fn corrupt(&mut self, seed: u64) {
        let i = seed as usize % self.output.len();
        let frame = i / self.length * self.length;
        let expected = self.expected();
        let most = self.tolerance() * norm_sqr(&expected[frame..frame + self.length]).sqrt();
        let exact = if seed.is_multiple_of(2) { expected[i].re } else { expected[i].im };
        let mut value = (exact + most) as f32;
        while f64::from(value) - exact <= most {
            value = value.next_up();
        }
        let part = &mut self.output[i];
        *(if seed.is_multiple_of(2) { &mut part.re } else { &mut part.im }) = value;
    }
}

/// Frames that a worker takes at a time in the native reference.
const BATCH: usize = 16;

/// Rows of the picture.
const ROWS: usize = 768;

/// Decibels from the strongest down to black.
const RANGE: f64 = 75.0;

/// Time from top to bottom, frequency from left to right with zero in the middle; the lighter, the stronger.
fn waterfall(spectra: &[Complex<f32>], length: usize) -> Vec<u8> {
    let frames = spectra.len() / length;
    let power = |row: usize| {
        let first = row * frames / ROWS;
        let end = ((row + 1) * frames / ROWS).max(first + 1);
        let mean = move |bin: usize| {
            let bin = (bin + length / 2) % length;
            let sum: f64 = (first..end).map(|frame| f64::from(spectra[frame * length + bin].norm_sqr())).sum();
            10.0 * (sum / (end - first) as f64).max(f64::MIN_POSITIVE).log10()
        };
        (0..length).map(mean).collect::<Vec<f64>>()
    };
    let rows: Vec<Vec<f64>> = (0..ROWS).into_par_iter().map(power).collect();
    let strongest = rows.iter().flatten().fold(f64::MIN, |a, &b| a.max(b));
    rows.iter().flatten().flat_map(|decibels| draw::heat(1.0 + (decibels - strongest) / RANGE)).collect()
}

struct OnDevice<'p> {
    result: &'p mut [Complex<f32>],
    params: Params,
    frames: usize,
    runtime: Runtime,
    kernel: Kernel,
    roots: Buffer<[f32; 2]>,
    signal: Buffer<Complex<f32>>,
    spectra: Buffer<Complex<f32>>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        let report = self
            .runtime
            .call(&self.kernel)
            .uniform("params", &self.params)
            .read("roots", &self.roots)
            .read("signal", &self.signal)
            .write("spectra", &self.spectra)
            .workgroups([self.frames])
            .run()?;
        Ok(Tally::from(&report))
    }

    fn fetch(&mut self) -> Result<()> {
        self.spectra.download_into(self.result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference against the sum that defines it.
    #[test]
    fn the_reference_is_a_fourier_transform() {
        for length in [4, 8, 64] {
            let signal = widen(&signal::recording(3, length, 1));
            let spectra = transform(&signal, length, Direction::Forward);
            for (frame, spectrum) in signal.chunks(length).zip(spectra.chunks(length)) {
                for (k, found) in spectrum.iter().enumerate() {
                    let turn = |(i, value): (usize, &Complex<f64>)| {
                        value * Complex::from_polar(1.0, -TAU * (i * k % length) as f64 / length as f64)
                    };
                    let sum: Complex<f64> = frame.iter().enumerate().map(turn).sum();
                    assert!((found - sum).norm() < 1e-12, "{length} {k}: {found} {sum}");
                }
            }
            let back = transform(&spectra, length, Direction::Inverse);
            assert!(back.iter().zip(&signal).all(|(back, signal)| (back - signal).norm() < 1e-13));
        }
    }

    #[test]
    fn lengths_are_checked() {
        for length in [0, 1, 2, 12, 2048] {
            let refused = batch(length, 1, Direction::Forward, 1).err().unwrap().to_string();
            assert!(refused.contains("a power of two from 4 to 1024"), "{refused}");
        }
        assert!(batch(8, 0, Direction::Forward, 1).is_err());
    }
}
