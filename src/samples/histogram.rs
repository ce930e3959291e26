//! `histogram`: counts into 256 bins.

use std::{path::Path, time::Duration};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use rayon::prelude::*;

use super::{Check, Problem, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, timed};
use crate::{Buffer, Device, DeviceChoice, Kernel, Result, Runtime};

const WGSL: &str = include_str!("../../shaders/histogram.wgsl");

const BINS: usize = 256;

/// Values that a workgroup counts: 256 lanes of 16.
const PER_GROUP: usize = 4096;

/// A bin is 256 wide.
const SHIFT: u32 = 8;

/// The sample.
pub struct Histogram;

impl Sample for Histogram {
    fn name(&self) -> &'static str {
        "histogram"
    }

    fn field(&self) -> &'static str {
        "analytics"
    }

    fn summary(&self) -> &'static str {
        "counts response times into 256 bins"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "values", small: 1_000, default: 4 << 20, large: 32 << 20, max: u32::MAX as usize }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["npy"]
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        let n = self.sizes().resolve(size)?;
        let mut random = SmallRng::seed_from_u64(seed);
        // Response times in microseconds: two exponential waits in a row, 8 ms each on average.
        let mut wait = || -8_000.0 * (1.0 - random.random::<f32>()).ln();
        let values = (0..n).map(|_| (wait() + wait()) as u32).collect();
        Ok(Box::new(Times { values, bins: vec![0; BINS] }))
    }
}

struct Times {
    /// Microseconds.
    values: Vec<u32>,
    bins: Vec<u32>,
}

fn groups(values: usize) -> [usize; 3] {
    [values.div_ceil(PER_GROUP), 1, 1]
}

impl Problem for Times {
    fn describe(&self) -> String {
        format!("{} values", self.values.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let kernel = runtime.module(WGSL)?.only_kernel()?;
        self.bins.fill(0);
        let report = runtime
            .call(&kernel)
            .set("params.shift", SHIFT)
            .read("values", &self.values)
            .read_write("bins", &mut self.bins)
            .workgroups(groups(self.values.len()))
            .device(devices)
            .run()?;
        Ok(Tally::from(&report))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        Ok(Box::new(OnDevice {
            kernel: runtime.module(WGSL)?.only_kernel()?,
            values: runtime.buffer_on(device, &self.values)?,
            bins: runtime.buffer_zeroed_on(device, BINS)?,
            runtime: runtime.clone(),
            result: &mut self.bins,
        }))
    }

    fn native(&mut self) -> Duration {
        let (values, bins) = (&self.values, &mut self.bins);
        timed(|| {
            let counts = values.par_chunks(CHUNK).map(count).reduce(
                || [0; BINS],
                |mut a, b| {
                    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                    a
                },
            );
            bins.copy_from_slice(&counts);
        })
    }

    fn verify(&self) -> Verdict {
        let mut expected = [0u32; BINS];
        for &value in &self.values {
            expected[((value / (1 << SHIFT)) as usize).min(BINS - 1)] += 1;
        }
        let wrong = self.bins.iter().zip(&expected).filter(|(found, expected)| found != expected).count();
        Verdict {
            checks: vec![Check {
                what: "bins against a count one by one",
                error: wrong as f64,
                tolerance: 0.0,
                measure: "bins that differ",
                reason: "counts are whole numbers",
            }],
        }
    }

    fn work(&self) -> Work {
        let n = self.values.len() as u64;
        Work { operations: 3 * n, counted: "a shift, a minimum and an addition a value", bytes: 4 * n }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        draw::extension(path, Histogram.draws())?;
        draw::write_npy(path, &self.bins, &[BINS])
    }

    fn corrupt(&mut self, seed: u64) {
        let bin = seed as usize % BINS;
        self.bins[bin] = self.bins[bin].wrapping_add(1);
    }
}

/// Values that a worker takes at a time in the native reference.
const CHUNK: usize = 1 << 17;

/// Counts a chunk into four sets of bins in turn, so that equal neighbours do not wait for each other.
fn count(values: &[u32]) -> [u32; BINS] {
    let mut sets = [[0u32; BINS]; 4];
    let bin = |value: u32| ((value >> SHIFT) as usize).min(BINS - 1);
    let (quads, rest) = values.as_chunks::<4>();
    for quad in quads {
        for (set, &value) in sets.iter_mut().zip(quad) {
            set[bin(value)] += 1;
        }
    }
    for &value in rest {
        sets[0][bin(value)] += 1;
    }
    std::array::from_fn(|bin| sets.iter().map(|set| set[bin]).sum())
}

struct OnDevice<'p> {
    result: &'p mut Vec<u32>,
    runtime: Runtime,
    kernel: Kernel,
    values: Buffer<u32>,
    bins: Buffer<u32>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        self.bins.fill(0)?;
        let report = self
            .runtime
            .call(&self.kernel)
            .set("params.shift", SHIFT)
            .read("values", &self.values)
            .read_write("bins", &self.bins)
            .workgroups(groups(self.values.len()))
            .run()?;
        Ok(Tally::from(&report))
    }

    fn fetch(&mut self) -> Result<()> {
        self.bins.download_into(self.result)
    }
}
