//! `reduce`: sum, smallest and largest.

use std::{path::Path, sync::OnceLock, time::Duration};

use bytemuck::{Pod, Zeroable};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rayon::prelude::*;

use super::{Check, Problem, ROUNDING, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, timed};
use crate::{Buffer, Device, DeviceChoice, Kernel, Result, Runtime};

const WGSL: &str = include_str!("../../shaders/reduce.wgsl");

/// Elements that a workgroup folds into one: 256 lanes of 16.
const PER_GROUP: usize = 4096;

/// Additions on the longest path of one pass: 16 of a lane, 8 levels of the tree.
const PATH: f64 = 24.0;

/// The sample.
pub struct Reduce;

impl Sample for Reduce {
    fn name(&self) -> &'static str {
        "reduce"
    }

    fn field(&self) -> &'static str {
        "analytics"
    }

    fn summary(&self) -> &'static str {
        "sum, smallest and largest of a long column"
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
        let values = (0..n).map(|_| random.random_range(-0.25f32..1.0)).collect();
        Ok(Box::new(Column { values, result: Stats::zeroed(), expected: OnceLock::new() }))
    }
}

/// As in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct Stats {
    sum: f32,
    min: f32,
    max: f32,
}

/// What the result must be.
struct Expected {
    sum: f64,
    /// Sum of the magnitudes, which rounding errors are proportional to.
    magnitude: f64,
    min: f32,
    max: f32,
}

struct Column {
    values: Vec<f32>,
    result: Stats,
    expected: OnceLock<Expected>,
}

/// The lengths of the lists of partial results, down to 1.
fn levels(mut count: usize) -> Vec<usize> {
    let mut levels = Vec::new();
    while levels.is_empty() || count > 1 {
        count = count.div_ceil(PER_GROUP);
        levels.push(count);
    }
    levels
}

impl Column {
    fn expected(&self) -> &Expected {
        self.expected.get_or_init(|| {
            let mut expected = Expected { sum: 0.0, magnitude: 0.0, min: f32::INFINITY, max: f32::NEG_INFINITY };
            // Neumaier's compensated sum: the parts of each addition that rounding loses are summed apart.
            let mut lost = 0.0f64;
            for &value in &self.values {
                let term = f64::from(value);
                let sum = expected.sum + term;
                lost += if expected.sum.abs() >= term.abs() {
                    (expected.sum - sum) + term
                } else {
                    (term - sum) + expected.sum
                };
                expected.sum = sum;
                expected.magnitude += term.abs();
                expected.min = expected.min.min(value);
                expected.max = expected.max.max(value);
            }
            expected.sum += lost;
            expected
        })
    }

    /// How far off the sum may be.
    fn tolerance(&self) -> f64 {
        let path = PATH * levels(self.values.len()).len() as f64;
        path * ROUNDING / (1.0 - path * ROUNDING) * self.expected().magnitude
    }
}

impl Problem for Column {
    fn describe(&self) -> String {
        format!("{} values", self.values.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let module = runtime.module(WGSL)?;
        let (reduce, combine) = (module.kernel("reduce")?, module.kernel("combine")?);
        let levels = levels(self.values.len());

        let mut parts = vec![Stats::zeroed(); levels[0]];
        let report = runtime
            .call(&reduce)
            .read("values", &self.values)
            .write("results", &mut parts)
            .workgroups([levels[0], 1, 1])
            .device(devices)
            .run()?;
        let mut tally = Tally::from(&report);
        for &count in &levels[1..] {
            let mut combined = vec![Stats::zeroed(); count];
            let report = runtime
                .call(&combine)
                .read("partials", &parts)
                .write("results", &mut combined)
                .workgroups([count, 1, 1])
                .device(devices)
                .run()?;
            tally.add(&report);
            parts = combined;
        }
        self.result = parts[0];
        Ok(tally)
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        let module = runtime.module(WGSL)?;
        let levels = levels(self.values.len());
        Ok(Box::new(OnDevice {
            reduce: module.kernel("reduce")?,
            combine: module.kernel("combine")?,
            values: runtime.buffer_on(device, &self.values)?,
            parts: levels.into_iter().map(|count| runtime.buffer_zeroed_on(device, count)).collect::<Result<_>>()?,
            runtime: runtime.clone(),
            result: &mut self.result,
        }))
    }

    fn native(&mut self) -> Duration {
        let (values, result) = (&self.values, &mut self.result);
        timed(|| {
            let (sum, min, max) = values
                .par_chunks(CHUNK)
                .map(fold)
                .reduce(|| (0.0, f32::MAX, f32::MIN), |a, b| (a.0 + b.0, a.1.min(b.1), a.2.max(b.2)));
            *result = Stats { sum: sum as f32, min, max };
        })
    }

    fn verify(&self) -> Verdict {
        let expected = self.expected();
        let wrong = usize::from(self.result.min != expected.min) + usize::from(self.result.max != expected.max);
        Verdict {
            checks: vec![
                Check {
                    what: "sum against a compensated sum in f64",
                    error: (f64::from(self.result.sum) - expected.sum).abs(),
                    tolerance: self.tolerance(),
                    measure: "absolute",
                    reason: "each of the at most 24 additions a pass on a value's path rounds by 2^-24 at most",
                },
                Check {
                    what: "smallest and largest",
                    error: wrong as f64,
                    tolerance: 0.0,
                    measure: "values that differ",
                    reason: "nothing is rounded",
                },
            ],
        }
    }

    fn work(&self) -> Work {
        let n = self.values.len() as u64;
        Work { operations: 3 * n, counted: "an addition and two comparisons a value", bytes: 4 * n }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        draw::extension(path, Reduce.draws())?;
        draw::write_npy(path, &[self.result.sum, self.result.min, self.result.max], &[3])
    }

    fn corrupt(&mut self, seed: u64) {
        match seed % 3 {
            0 => {
                let (exact, tolerance) = (self.expected().sum, self.tolerance());
                self.result.sum = (exact + tolerance) as f32;
                while (f64::from(self.result.sum) - exact).abs() <= tolerance {
                    self.result.sum = self.result.sum.next_up();
                }
            }
            1 => self.result.min = self.result.min.next_up(),
            _ => self.result.max = self.result.max.next_down(),
        }
    }
}

/// Values that a worker takes at a time in the native reference.
const CHUNK: usize = 1 << 16;

/// Folds a chunk: 64 running sums, which the compiler keeps in vectors, are moved to f64 after every
/// 16 additions, so that no sum in f32 grows long.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn fold(values: &[f32]) -> (f64, f32, f32) {
    const LANES: usize = 64;
    let mut sums = [0.0f64; LANES];
    let mut mins = [f32::MAX; LANES];
    let mut maxs = [f32::MIN; LANES];
    for block in values.chunks(16 * LANES) {
        let mut block_sums = [0.0f32; LANES];
        let (rows, rest) = block.as_chunks::<LANES>();
        for row in rows {
            for lane in 0..LANES {
                let value = row[lane];
                block_sums[lane] += value;
                mins[lane] = if value < mins[lane] { value } else { mins[lane] };
                maxs[lane] = if value > maxs[lane] { value } else { maxs[lane] };
            }
        }
        for (lane, &value) in rest.iter().enumerate() {
            block_sums[lane] += value;
            mins[lane] = mins[lane].min(value);
            maxs[lane] = maxs[lane].max(value);
        }
        for lane in 0..LANES {
            sums[lane] += f64::from(block_sums[lane]);
        }
    }
    (sums.iter().sum(), mins.into_iter().fold(f32::MAX, f32::min), maxs.into_iter().fold(f32::MIN, f32::max))
}

struct OnDevice<'p> {
    result: &'p mut Stats,
    runtime: Runtime,
    reduce: Kernel,
    combine: Kernel,
    values: Buffer<f32>,
    /// The results of each pass; the last has one element.
    parts: Vec<Buffer<Stats>>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        let report = self
            .runtime
            .call(&self.reduce)
            .read("values", &self.values)
            .write("results", &self.parts[0])
            .workgroups([self.parts[0].len(), 1, 1])
            .run()?;
        let mut tally = Tally::from(&report);
        for pass in self.parts.windows(2) {
            let report = self
                .runtime
                .call(&self.combine)
                .read("partials", &pass[0])
                .write("results", &pass[1])
                .workgroups([pass[1].len(), 1, 1])
                .run()?;
            tally.add(&report);
        }
        Ok(tally)
    }

    fn fetch(&mut self) -> Result<()> {
        if let Some(last) = self.parts.last() {
            *self.result = last.download()?[0];
        }
        Ok(())
    }
}
