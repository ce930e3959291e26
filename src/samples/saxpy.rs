//! `saxpy`: y = a x + y.

use std::{path::Path, time::Duration};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use rayon::prelude::*;

use super::{Check, Problem, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, timed};
use crate::{Buffer, Device, DeviceChoice, Kernel, Result, Runtime};

const WGSL: &str = include_str!("../../shaders/saxpy.wgsl");

/// The sample.
pub struct Saxpy;

impl Sample for Saxpy {
    fn name(&self) -> &'static str {
        "saxpy"
    }

    fn field(&self) -> &'static str {
        "linear algebra"
    }

    fn summary(&self) -> &'static str {
        "y = a x + y over two long vectors"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes {
            unit: "elements of each vector",
            small: 1_000,
            default: 4 << 20,
            large: 32 << 20,
            max: u32::MAX as usize,
        }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["npy"]
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        let n = self.sizes().resolve(size)?;
        let mut random = SmallRng::seed_from_u64(seed);
        let mut vector = || (0..n).map(|_| random.random_range(-1.0f32..1.0)).collect::<Vec<_>>();
        let (x, y) = (vector(), vector());
        Ok(Box::new(Vectors { a: random.random_range(1.0..2.0), x, result: vec![0.0; n], y }))
    }
}

struct Vectors {
    a: f32,
    x: Vec<f32>,
    y: Vec<f32>,
    result: Vec<f32>,
}

impl Vectors {
    /// Whether element `i` is right: the product and the sum each rounded, or fused and rounded once.
    fn is_right(&self, i: usize) -> bool {
        let (x, y, result) = (self.x[i], self.y[i], self.result[i]);
        result == self.a * x + y || result == self.a.mul_add(x, y)
    }
}

impl Problem for Vectors {
    fn describe(&self) -> String {
        format!("{} elements", self.x.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let kernel = runtime.module(WGSL)?.only_kernel()?;
        self.result.copy_from_slice(&self.y);
        let report = runtime
            .call(&kernel)
            .set("params.a", self.a)
            .read("x", &self.x)
            .read_write("y", &mut self.result)
            .grid(self.x.len())
            .device(devices)
            .run()?;
        Ok(Tally::from(&report))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        Ok(Box::new(OnDevice {
            kernel: runtime.module(WGSL)?.only_kernel()?,
            x: runtime.buffer_on(device, &self.x)?,
            start: runtime.buffer_on(device, &self.y)?,
            y: runtime.buffer_on(device, &self.y)?,
            runtime: runtime.clone(),
            problem: self,
        }))
    }

    fn native(&mut self) -> Duration {
        self.result.copy_from_slice(&self.y);
        let (a, x, y) = (self.a, &self.x, &mut self.result);
        timed(|| {
            y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
                for (y, x) in y.iter_mut().zip(x) {
                    *y += a * x;
                }
            });
        })
    }

    fn verify(&self) -> Verdict {
        let wrong = (0..self.x.len()).into_par_iter().filter(|&i| !self.is_right(i)).count();
        Verdict {
            checks: vec![Check {
                what: "y against a x + y in f32",
                error: wrong as f64,
                tolerance: 0.0,
                measure: "elements that differ",
                reason: "a product and a sum are correctly rounded, one by one or fused: one of two values each",
            }],
        }
    }

    fn work(&self) -> Work {
        let n = self.x.len() as u64;
        Work { operations: 2 * n, counted: "a multiplication and an addition an element", bytes: 12 * n }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        draw::extension(path, Saxpy.draws())?;
        draw::write_npy(path, &self.result, &[self.result.len()])
    }

    fn corrupt(&mut self, seed: u64) {
        let i = seed as usize % self.result.len();
        while self.is_right(i) {
            self.result[i] = self.result[i].next_up();
        }
    }
}

/// Elements that a worker takes at a time in the native reference.
const CHUNK: usize = 1 << 16;

struct OnDevice<'p> {
    problem: &'p mut Vectors,
    runtime: Runtime,
    kernel: Kernel,
    x: Buffer<f32>,
    /// What y is before a step.
    start: Buffer<f32>,
    y: Buffer<f32>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        self.y.copy_from(&self.start)?;
        let report = self
            .runtime
            .call(&self.kernel)
            .set("params.a", self.problem.a)
            .read("x", &self.x)
            .read_write("y", &self.y)
            .grid(self.problem.x.len())
            .run()?;
        Ok(Tally::from(&report))
    }

    fn fetch(&mut self) -> Result<()> {
        self.y.download_into(&mut self.problem.result)
    }
}
