//! Generated kernels on the CPU engine's two executors, bit for bit.
//!
//! `SWATH_GENERATED=N` runs N kernels instead of the usual number, `SWATH_SEED=S` starts from another seed; a failure
//! names the seed of its kernel.
#![cfg(feature = "cpu")]

#[path = "support/generate.rs"]
mod generate;

use generate::{Generated, Random};
use swath::Runtime;

const WORKGROUPS: [u32; 3] = [3, 2, 1];

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The words and floats that a kernel leaves behind, or why it did not run.
fn run(runtime: &Runtime, kernel: &Generated, seed: u64) -> Result<(Vec<u32>, Vec<u32>), String> {
    let n = (kernel.workgroup.iter().product::<u32>() * WORKGROUPS.iter().product::<u32>()) as usize;
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
    // Which NaN it is is left open.
    let floats = floats.into_iter().map(|x| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }).collect();
    Ok((output, floats))
}

#[test]
fn executors_agree() {
    let count = from_environment("SWATH_GENERATED", 400);
    let first = from_environment("SWATH_SEED", 1);
    let compiled = Runtime::cpu().expect("the CPU engine");
    let interpreted = Runtime::cpu_interpreter().expect("the CPU engine");
    let mut ran = 0;
    for seed in first..first + count {
        let kernel = generate::kernel(seed);
        let expected = match run(&interpreted, &kernel, seed) {
            Ok(expected) => expected,
            // Constant expressions may be errors by themselves (a division by a literal zero).
            Err(error) if error.contains("error:") => continue,
            Err(error) => panic!("seed {seed}: {error}\n{}", kernel.wgsl),
        };
        let got = run(&compiled, &kernel, seed).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{}", kernel.wgsl));
        for (name, got, expected) in [("output", &got.0, &expected.0), ("floats", &got.1, &expected.1)] {
            if let Some(at) = (0..got.len()).find(|&i| got[i] != expected[i]) {
                panic!(
                    "seed {seed}: {name}[{at}] is {:#x} compiled and {:#x} interpreted\n{}",
                    got[at], expected[at], kernel.wgsl
                );
            }
        }
        ran += 1;
    }
    assert!(ran * 2 > count, "only {ran} of {count} kernels were valid");
}
