//! Generated kernels on the CPU engine's two executors, bit for bit: among them such as work together in a workgroup.
//!
//! `SWATH_GENERATED=N` runs N kernels instead of the usual number, `SWATH_SEED=S` starts from another seed; a failure
//! names the seed of its kernel.
#![cfg(feature = "cpu")]

#[path = "support/generate.rs"]
mod generate;
#[path = "support/generate_groups.rs"]
mod generate_groups;

use generate::{Generated, Random};
use generate_groups::Grouped;
use half::f16;
use swath::Runtime;

const WORKGROUPS: [u32; 3] = [3, 2, 1];

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The bits of a number; which NaN it is is left open.
fn bits(x: f32) -> u32 {
    if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }
}

/// What a kernel leaves behind: the name of each buffer, and its words or the bits of its floats.
type Left = Vec<(&'static str, Vec<u32>)>;

/// Invocations of a launch.
fn invocations(workgroup: [u32; 3]) -> usize {
    (workgroup.iter().product::<u32>() * WORKGROUPS.iter().product::<u32>()) as usize
}

/// What a kernel leaves behind, or why it did not run.
fn run(runtime: &Runtime, kernel: &Generated, seed: u64) -> Result<Left, String> {
    let n = invocations(kernel.workgroup);
    let mut random = Random::new(seed ^ 0x5eed);
    let input: Vec<u32> = (0..n).map(|_| random.next() as u32 >> random.below(32)).collect();
    let mut output = vec![0xdead_beefu32; n];
    let mut floats: Vec<f32> = (0..n).map(|i| (i as f32 - 20.0) * 0.75).collect();
    let module = runtime.module(&kernel.wgsl).map_err(|e| e.to_string())?;
    let main = module.only_kernel().map_err(|e| e.to_string())?;
    runtime
        .call(&main)
        .read("input", &input)
        .read_write("output", &mut output)
        .read_write("floats", &mut floats)
        .workgroups(WORKGROUPS)
        .run()
        .map_err(|e| e.to_string())?;
    Ok(vec![("output", output), ("floats", floats.into_iter().map(bits).collect())])
}

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

/// The same for a kernel whose invocations work together.
fn run_grouped(runtime: &Runtime, kernel: &Grouped, seed: u64) -> Result<Left, String> {
    let n = invocations(kernel.workgroup);
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
    let module = runtime.module(&kernel.wgsl).map_err(|e| e.to_string())?;
    let main = module.only_kernel().map_err(|e| e.to_string())?;
    runtime
        .call(&main)
        .read("input", &input)
        .read("table", &table)
        .uniform_bytes("p", bytemuck::cast_slice(&p))
        .read_write("output", &mut output)
        .read_write("floats", &mut floats)
        .read_write("halves", &mut halves)
        .read_write("mixed", &mut mixed)
        .workgroups(WORKGROUPS)
        .run()
        .map_err(|e| e.to_string())?;
    let mixed = mixed.into_iter().flat_map(Mixed::bits).collect();
    let halves = halves.into_iter().map(|x| bits(x.to_f32())).collect();
    let floats = floats.into_iter().map(bits).collect();
    Ok(vec![("output", output), ("floats", floats), ("halves", halves), ("mixed", mixed)])
}

/// Runs kernels on both executors; a kernel is its text and how to run it.
fn compare<K>(
    make: impl Fn(u64) -> K,
    text: impl Fn(&K) -> &str,
    run: impl Fn(&Runtime, &K, u64) -> Result<Left, String>,
) {
    let count = from_environment("SWATH_GENERATED", 400);
    let first = from_environment("SWATH_SEED", 1);
    let compiled = Runtime::cpu().expect("the CPU engine");
    let interpreted = Runtime::cpu_interpreter().expect("the CPU engine");
    let mut ran = 0;
    for seed in first..first + count {
        let kernel = make(seed);
        let wgsl = text(&kernel);
        let expected = match run(&interpreted, &kernel, seed) {
            Ok(expected) => expected,
            // Constant expressions may be errors by themselves (a division by a literal zero).
            Err(error) if error.contains("error:") => continue,
            Err(error) => panic!("seed {seed}: {error}\n{wgsl}"),
        };
        let got = run(&compiled, &kernel, seed).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{wgsl}"));
        for ((name, got), (_, expected)) in got.iter().zip(&expected) {
            if let Some(at) = (0..got.len()).find(|&i| got[i] != expected[i]) {
                panic!(
                    "seed {seed}: {name}[{at}] is {:#x} compiled and {:#x} interpreted\n{wgsl}",
                    got[at], expected[at]
                );
            }
        }
        ran += 1;
    }
    assert!(ran * 2 > count, "only {ran} of {count} kernels were valid");
}

#[test]
fn executors_agree() {
    compare(generate::kernel, |kernel| &kernel.wgsl, run);
}

#[test]
fn executors_agree_where_invocations_work_together() {
    let kernel = |seed| {
        let mut random = Random::new(seed);
        generate_groups::kernel(move |n| random.below(n))
    };
    compare(kernel, |kernel| &kernel.wgsl, run_grouped);
}
