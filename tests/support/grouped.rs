//! Runs the kernels of `generate_groups` on two executors, and compares what they leave behind.

#[path = "generate_groups.rs"]
mod generate_groups;

use std::{fmt::Display, time::Duration};

use generate_groups::{Grouped, kernel};
use half::f16;
use swath::{Kernel, Runtime};

use crate::{
    agree::{self, Failure, INTERPRETED_WITHIN, Outcome},
    programs::Random,
    reduce::reduced,
};

const WORKGROUPS: [u32; 3] = [3, 2, 1];

/// The bits of a number; which NaN it is is left open.
fn bits(x: f32) -> u32 {
    if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }
}

/// What a kernel leaves behind: the name of each buffer, and its words or the bits of its floats.
type Left = Vec<(&'static str, Vec<u32>)>;

/// The kernels' struct of the same name.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Mixed {
    a: f16,
    padding: u16,
    b: f32,
    c: [f16; 2],
    d: [f16; 3],
    more_padding: u16,
    e: u32,
}

impl Mixed {
    fn bits(self) -> [u32; 10] {
        let Mixed { a, padding, b, c, d, more_padding, e } = self;
        let [a, c0, c1, d0, d1, d2] = [a, c[0], c[1], d[0], d[1], d[2]].map(|half| bits(half.to_f32()));
        [a, padding.into(), b.to_bits(), c0, c1, d0, d1, d2, more_padding.into(), e]
    }
}

/// What a kernel leaves behind and whether it was interpreted, or why it did not run.
fn run(
    runtime: &Runtime,
    kernel: &Grouped,
    main: &Kernel,
    seed: u64,
    within: Option<Duration>,
) -> Result<(Left, bool), String> {
    let n = (kernel.workgroup.iter().product::<u32>() * WORKGROUPS.iter().product::<u32>()) as usize;
    let mut random = Random::new(seed ^ 0x5eed);
    let input: Vec<u32> = (0..n).map(|_| random.next() as u32 >> random.below(32)).collect();
    // Any finite half.
    let mut half = || f16::from_bits((random.next() as u16) & 0xbbff);
    let table: Vec<f16> = (0..2 * n + 2).map(|_| half()).collect();
    let p: [f16; 24] = std::array::from_fn(|_| half());
    let mut output = vec![0xdead_beefu32; n];
    let mut floats: Vec<f32> = (0..n).map(|i| (i as f32 - 20.0) * 0.75).collect();
    let mut halves: Vec<f16> = (0..n).map(|_| half()).collect();
    let mut mixed: Vec<Mixed> =
        (0..n).map(|_| bytemuck::cast::<[f16; 12], Mixed>(std::array::from_fn(|_| half()))).collect();
    let mut call = runtime
        .call(main)
        .read("input", &input)
        .read("table", &table)
        .uniform_bytes("p", bytemuck::cast_slice(&p))
        .read_write("output", &mut output)
        .read_write("floats", &mut floats)
        .read_write("halves", &mut halves)
        .read_write("mixed", &mut mixed)
        .workgroups(WORKGROUPS);
    if let Some(within) = within {
        call = call.deadline(within);
    }
    let report = call.run().map_err(|error| error.to_string())?;
    let mixed = mixed.into_iter().flat_map(Mixed::bits).collect();
    let halves = halves.into_iter().map(|x| bits(x.to_f32())).collect();
    let floats = floats.into_iter().map(bits).collect();
    let left = vec![("output", output), ("floats", floats), ("halves", halves), ("mixed", mixed)];
    Ok((left, report.interpreted()))
}

/// Runs the kernel of `seed` on both engines.
///
/// # Errors
///
/// Where it is refused, or the results differ: what is wrong, with the kernel.
pub fn compare(seed: u64, compiled: &Runtime, interpreted: &Runtime) -> Result<Outcome, String> {
    let mut random = Random::new(seed);
    let kernel = kernel(move |n| random.below(n));
    let run = |wgsl: &str| compare_text(&Grouped { wgsl: wgsl.to_owned(), ..kernel }, seed, compiled, interpreted);
    let shared = |line: &str| ["arrier", "words[", "halves[lane]", "told"].into_iter().find(|kind| line.contains(kind));
    reduced(&kernel.wgsl, shared, run).map_err(|failure| failure.to_string())
}

fn compare_text(kernel: &Grouped, seed: u64, compiled: &Runtime, interpreted: &Runtime) -> Result<Outcome, Failure> {
    let wgsl = &kernel.wgsl;
    let refused = |error: &dyn Display| Failure::Refused(format!("{error}\n{wgsl}"));
    let main = compiled.module(wgsl).and_then(|module| module.only_kernel()).map_err(|error| refused(&error))?;
    let run = |runtime, within| run(runtime, kernel, &main, seed, within).map_err(|error| refused(&error));
    let (expected, _) = run(interpreted, Some(INTERPRETED_WITHIN))?;
    let (got, left_out) = run(compiled, None)?;
    for ((name, got), (_, expected)) in got.iter().zip(&expected) {
        if let Some(at) = (0..got.len()).find(|&i| got[i] != expected[i]) {
            let (got, expected) = (got[at], expected[at]);
            let what = format!("{name}[{at}] is {got:#x} compiled and {expected:#x} interpreted\n{wgsl}");
            return Err(Failure::Differs(what));
        }
    }
    agree::outcome(&main, left_out).map_err(|error| Failure::Differs(format!("{error}\n{wgsl}")))
}
