//! `scan`: inclusive prefix sums.

use std::{path::Path, sync::OnceLock, time::Duration, time::Instant};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use rayon::prelude::*;

use super::{Check, Problem, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, timed};
use crate::{Buffer, Chain, ChainBuilder, Device, DeviceChoice, Result, Runtime, chain::ChainArg};

const WGSL: &str = include_str!("../../shaders/scan.wgsl");

/// Values that a workgroup scans.
const BLOCK: usize = 2048;

/// The sample.
pub struct Scan;

impl Sample for Scan {
    fn name(&self) -> &'static str {
        "scan"
    }

    fn field(&self) -> &'static str {
        "analytics"
    }

    fn summary(&self) -> &'static str {
        "running totals of a long column of integers"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "values", small: 5_000, default: 4 << 20, large: 32 << 20, max: u32::MAX as usize }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["npy"]
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        let n = self.sizes().resolve(size)?;
        let mut random = SmallRng::seed_from_u64(seed);
        // All bits: the sums wrap around early and often.
        let values: Vec<u32> = (0..n).map(|_| random.random()).collect();
        // What no sum of the first value is.
        let sums = vec![!values[0]; n];
        Ok(Box::new(Column { values, sums, expected: OnceLock::new() }))
    }
}

struct Column {
    values: Vec<u32>,
    sums: Vec<u32>,
    expected: OnceLock<Vec<u32>>,
}

/// Adds the scan of `values` into `sums` to a chain: as many levels as there are totals of totals. Other samples use it too.
pub(super) fn scan(
    chain: &mut ChainBuilder,
    runtime: &Runtime,
    count: usize,
    values: &dyn Fn() -> ChainArg,
    sums: &dyn Fn() -> ChainArg,
) -> Result<()> {
    let module = runtime.module(WGSL)?;
    let blocks = count.div_ceil(BLOCK);
    if blocks == 1 {
        let kernel = module.kernel("scan_block")?;
        chain.call(&kernel).bind("values", values()).bind("sums", sums()).workgroups(1);
        return Ok(());
    }
    let (totals, offsets) = (chain.scratch::<u32>(blocks), chain.scratch::<u32>(blocks));
    let reduce = module.kernel("reduce_blocks")?;
    chain.call(&reduce).bind("values", values()).bind("totals", totals).workgroups(blocks);
    scan(chain, runtime, blocks, &|| ChainArg::from(totals), &|| ChainArg::from(offsets))?;
    let kernel = module.kernel("scan_blocks")?;
    let call = chain.call(&kernel).bind("values", values()).bind("offsets", offsets);
    call.bind("sums", sums()).workgroups(blocks);
    Ok(())
}

impl Column {
    fn expected(&self) -> &[u32] {
        self.expected.get_or_init(|| {
            let running = self.values.iter().scan(0u32, |sum, value| {
                *sum = sum.wrapping_add(*value);
                Some(*sum)
            });
            running.collect()
        })
    }
}

impl Problem for Column {
    fn describe(&self) -> String {
        format!("{} values", self.values.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let start = Instant::now();
        let count = self.values.len();
        let mut chain = runtime.chain();
        let (values, sums) = (chain.input::<u32>(count), chain.output::<u32>(count));
        scan(&mut chain, runtime, count, &|| ChainArg::from(values), &|| ChainArg::from(sums))?;
        chain.device(&runtime.first_of(devices)?);
        let chain = chain.build()?;
        let report = chain.run([values.from(&self.values)], [sums.into(&mut self.sums)])?;
        Ok(Tally::of_chain(&chain, &report, start))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        let values = runtime.buffer_on(device, &self.values)?;
        let sums = runtime.buffer_zeroed_on(device, self.sums.len())?;
        let mut chain = runtime.chain();
        scan(&mut chain, runtime, self.values.len(), &|| ChainArg::from(&values), &|| ChainArg::from(&sums))?;
        Ok(Box::new(OnDevice { result: &mut self.sums, chain: chain.build()?, sums }))
    }

    fn native(&mut self) -> Duration {
        let (values, sums) = (&self.values, &mut self.sums);
        timed(|| native(values, sums))
    }

    fn verify(&self) -> Verdict {
        let wrong = self.sums.iter().zip(self.expected()).filter(|(found, expected)| found != expected).count();
        vec![Check {
            what: "sums against one after another",
            error: wrong as f64,
            tolerance: 0.0,
            measure: "sums that differ",
            reason: "additions of integers wrap around, and may be done in any order",
        }]
        .into()
    }

    fn work(&self) -> Work {
        let n = self.values.len() as u64;
        Work { operations: n, counted: "an addition a value", bytes: 8 * n }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        draw::extension(path, Scan.draws())?;
        draw::write_npy(path, &self.sums, &[self.sums.len()])
    }

    fn corrupt(&mut self, seed: u64) {
        let i = seed as usize % self.sums.len();
        self.sums[i] ^= 1 << (seed % 32);
    }
}

/// Values that a worker takes at a time in the native reference.
const CHUNK: usize = 1 << 16;

/// The sums of chunks, then each chunk from where those before it end.
fn native(values: &[u32], sums: &mut [u32]) {
    let mut before: Vec<u32> = values.par_chunks(CHUNK).map(total).collect();
    let mut sum = 0u32;
    for before in &mut before {
        (*before, sum) = (sum, sum.wrapping_add(*before));
    }
    let chunks = values.par_chunks(CHUNK).zip(sums.par_chunks_mut(CHUNK)).zip(before);
    chunks.for_each(|((values, sums), before)| scan_chunk(values, sums, before));
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn total(values: &[u32]) -> u32 {
    values.iter().fold(0, |sum, value| sum.wrapping_add(*value))
}

/// Eight values at a time: their own prefix sums in three steps, and then what stands before them.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn scan_chunk(values: &[u32], sums: &mut [u32], before: u32) {
    const LANES: usize = 8;
    let mut sum = before;
    let (rows, rest) = values.as_chunks::<LANES>();
    let (sum_rows, sum_rest) = sums.as_chunks_mut::<LANES>();
    for (row, sums) in rows.iter().zip(sum_rows) {
        let mut row = *row;
        for step in [1, 2, 4] {
            let shifted: [u32; LANES] = std::array::from_fn(|lane| if lane < step { 0 } else { row[lane - step] });
            row = std::array::from_fn(|lane| row[lane].wrapping_add(shifted[lane]));
        }
        *sums = row.map(|prefix| prefix.wrapping_add(sum));
        sum = sums[LANES - 1];
    }
    for (value, target) in rest.iter().zip(sum_rest) {
        sum = sum.wrapping_add(*value);
        *target = sum;
    }
}

struct OnDevice<'p> {
    result: &'p mut [u32],
    chain: Chain,
    sums: Buffer<u32>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        Ok(Tally::from(&self.chain.run([], [])?))
    }

    fn fetch(&mut self) -> Result<()> {
        self.sums.download_into(self.result)
    }
}
