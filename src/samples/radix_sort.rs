//! `radix_sort`: keys sorted with their values, equal ones in their order.

mod native;

use std::{
    path::Path,
    sync::OnceLock,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::{Check, Problem, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, scan, timed};
use crate::{Buffer, Chain, ChainBuilder, Device, DeviceChoice, Result, Runtime, chain::ChainArg};

const WGSL: &str = include_str!("../../shaders/radix_sort.wgsl");

/// Keys that a workgroup sorts.
const BLOCK: usize = 2048;

/// Bits of a digit.
const DIGIT: usize = 8;

/// Rounds: as many as a key has digits. An even number, so that what is last written is what was first read.
const ROUNDS: usize = 32 / DIGIT;

/// The sample.
pub struct RadixSort;

impl Sample for RadixSort {
    fn name(&self) -> &'static str {
        "radix_sort"
    }

    fn field(&self) -> &'static str {
        "analytics"
    }

    fn summary(&self) -> &'static str {
        "sorts events by their time, those of one time in their order"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "keys", small: 5_000, default: 2 << 20, large: 32 << 20, max: 1 << 28 }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["npy"]
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        let n = self.sizes().resolve(size)?;
        let mut random = SmallRng::seed_from_u64(seed);
        // All 32 bits are in use, and a quarter of the events has a time that others have too.
        let often: [u32; 64] = std::array::from_fn(|_| random.random());
        let mut key =
            || if random.random_range(0..4) == 0 { often[random.random_range(0..64)] } else { random.random() };
        Ok(Box::new(Events::new((0..n).map(|_| key()).collect())))
    }
}

/// The problem of sorting these keys, each with its place as its value.
///
/// # Errors
///
/// When there are none, or more than a sample takes.
pub fn of_keys(keys: Vec<u32>) -> Result<Box<dyn Problem>> {
    RadixSort.sizes().resolve(Size::Count(keys.len()))?;
    Ok(Box::new(Events::new(keys)))
}

struct Events {
    keys: Vec<u32>,
    /// Where each was.
    values: Vec<u32>,
    /// Keys and values.
    sorted: [Vec<u32>; 2],
    expected: OnceLock<[Vec<u32>; 2]>,
}

/// Keys and values, as arguments.
type Pair = [ChainArg; 2];

/// Adds the rounds of a sort to a chain. `round` gives what a round reads, and what it writes.
fn sort(chain: &mut ChainBuilder, runtime: &Runtime, count: usize, round: impl Fn(usize) -> [Pair; 2]) -> Result<()> {
    let module = runtime.module(WGSL)?;
    let (count_digits, scatter) = (module.kernel("count")?, module.kernel("scatter")?);
    let blocks = count.div_ceil(BLOCK);
    let counters = blocks << DIGIT;
    let (counts, ends) = (chain.scratch::<u32>(counters), chain.scratch::<u32>(counters));
    for number in 0..ROUNDS {
        let shift = (number * DIGIT) as u32;
        let [[keys, _], _] = round(number);
        let call = chain.call(&count_digits).set("params.shift", shift).bind("keys", keys);
        call.bind("counts", counts).workgroups(blocks);
        scan::scan(chain, runtime, counters, &|| ChainArg::from(counts), &|| ChainArg::from(ends))?;
        let [[keys, values], [sorted_keys, sorted_values]] = round(number);
        let call = chain.call(&scatter).set("params.shift", shift).bind("keys", keys).bind("values", values);
        let call = call.bind("ends", ends).bind("sorted_keys", sorted_keys).bind("sorted_values", sorted_values);
        call.workgroups(blocks);
    }
    Ok(())
}

impl Events {
    fn new(keys: Vec<u32>) -> Events {
        let n = keys.len();
        // No event has the number that the sorted values start with.
        let sorted = [vec![0; n], vec![u32::MAX; n]];
        Events { values: (0..n as u32).collect(), sorted, keys, expected: OnceLock::new() }
    }

    fn expected(&self) -> &[Vec<u32>; 2] {
        self.expected.get_or_init(|| {
            let mut events: Vec<(u32, u32)> = self.keys.iter().copied().zip(self.values.iter().copied()).collect();
            events.sort_by_key(|event| event.0);
            events.into_iter().unzip::<_, _, Vec<u32>, Vec<u32>>().into()
        })
    }
}

impl Problem for Events {
    fn describe(&self) -> String {
        format!("{} keys with values", self.keys.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let start = Instant::now();
        let count = self.keys.len();
        let mut chain = runtime.chain();
        let first = [chain.in_out::<u32>(count), chain.in_out::<u32>(count)];
        let second = [chain.scratch::<u32>(count), chain.scratch::<u32>(count)];
        sort(&mut chain, runtime, count, |round| {
            let (first, second) = (first.map(ChainArg::from), second.map(ChainArg::from));
            if round % 2 == 0 { [first, second] } else { [second, first] }
        })?;
        chain.device(&runtime.first_of(devices)?);
        let chain = chain.build()?;
        let inputs = [first[0].from(&self.keys), first[1].from(&self.values)];
        let outputs = first.into_iter().zip(&mut self.sorted).map(|(slot, data)| slot.into(data));
        let report = chain.run(inputs, outputs)?;
        Ok(Tally::of_chain(&chain, &report, start))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        let given = [runtime.buffer_on(device, &self.keys)?, runtime.buffer_on(device, &self.values)?];
        let empty = || runtime.buffer_zeroed_on(device, self.keys.len());
        let states: [[Buffer<u32>; 2]; 2] = [[empty()?, empty()?], [empty()?, empty()?]];
        let mut chain = runtime.chain();
        sort(&mut chain, runtime, self.keys.len(), |round| {
            // The first round reads what was given, which so stays as it is.
            let state = |turn: usize| states[turn % 2].each_ref().map(ChainArg::from);
            [if round == 0 { given.each_ref().map(ChainArg::from) } else { state(round) }, state(round + 1)]
        })?;
        let [result, _] = states;
        Ok(Box::new(OnDevice { chain: chain.build()?, result, sorted: &mut self.sorted }))
    }

    fn native(&mut self) -> Duration {
        let (keys, values) = (&self.keys, &self.values);
        let [sorted_keys, sorted_values] = &mut self.sorted;
        timed(|| native::sort([keys, values], [sorted_keys, sorted_values]))
    }

    fn verify(&self) -> Verdict {
        let check = |part: usize, what, reason| {
            let pairs = self.sorted[part].iter().zip(&self.expected()[part]);
            let error = pairs.filter(|(found, expected)| found != expected).count() as f64;
            Check { what, error, tolerance: 0.0, measure: "elements that differ", reason }
        };
        vec![
            check(0, "keys against a stable sort", "there is one order of keys"),
            check(1, "values against a stable sort", "equal keys stay in their order, so there is one order of values"),
        ]
        .into()
    }

    fn work(&self) -> Work {
        let n = self.keys.len() as u64;
        Work {
            operations: 12 * n * ROUNDS as u64,
            counted: "12 a key and round: its digit three times, its rank, its place and where that is among all",
            bytes: 20 * n * ROUNDS as u64,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        draw::extension(path, RadixSort.draws())?;
        draw::write_npy(path, &self.sorted.concat(), &[2, self.keys.len()])
    }

    fn corrupt(&mut self, seed: u64) {
        let i = seed as usize % self.keys.len();
        self.sorted[seed as usize % 2][i] ^= 1 << (seed % 32);
    }
}

struct OnDevice<'p> {
    chain: Chain,
    result: [Buffer<u32>; 2],
    sorted: &'p mut [Vec<u32>; 2],
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        Ok(Tally::from(&self.chain.run([], [])?))
    }

    fn fetch(&mut self) -> Result<()> {
        self.result.iter().zip(self.sorted.iter_mut()).try_for_each(|(result, data)| result.download_into(data))
    }
}
