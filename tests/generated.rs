//! Generated programs on the CPU engine's two executors, bit for bit.
//!
//! `SWATH_GENERATED=N` runs N programs instead of the usual number, `SWATH_SEED=S` starts from another seed; a failure
//! names the seed of its program.
#![cfg(feature = "cpu")]

#[path = "support/programs/mod.rs"]
mod programs;

use std::{num::NonZero, thread};

use programs::{Outcome, Source};
use swath::Runtime;

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs the programs of these seeds; gives the number of those that were compiled, and the failures.
fn check(seeds: impl Iterator<Item = u64>) -> (u64, Vec<String>) {
    let compiled = Runtime::cpu().expect("the CPU engine");
    let interpreted = Runtime::cpu_interpreter().expect("the CPU engine");
    let (mut same, mut failures) = (0, Vec::new());
    for seed in seeds {
        match programs::compare(&programs::program(Source::Seed(seed)), &compiled, &interpreted) {
            Ok(Outcome::Same) => same += 1,
            Ok(Outcome::Interpreted) => {}
            Err(error) => failures.push(format!("seed {seed}: {error}")),
        }
    }
    (same, failures)
}

#[test]
fn executors_agree() {
    let count = from_environment("SWATH_GENERATED", 1000);
    let first = from_environment("SWATH_SEED", 1);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let results: Vec<_> = thread::scope(|scope| {
        let part = |thread| (first..first + count).skip(thread).step_by(threads);
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || check(part(thread)))).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let same: u64 = results.iter().map(|(same, _)| same).sum();
    let failures: Vec<&String> = results.iter().flat_map(|(_, failures)| failures).collect();
    assert!(failures.is_empty(), "{} of {count} programs failed; the first: {}", failures.len(), failures[0]);
    let compiles = Runtime::cpu().expect("the CPU engine").devices()[0].info().driver.starts_with("jit");
    assert!(!compiles || 10 * same > 9 * count, "only {same} of {count} programs were compiled");
}

/// Lists of bytes, which the fuzzer makes programs of, give valid ones wherever they end.
#[test]
fn lists_of_bytes_are_programs() {
    let compiled = Runtime::cpu().expect("the CPU engine");
    let interpreted = Runtime::cpu_interpreter().expect("the CPU engine");
    let mut random = Source::Seed(7);
    for length in [0, 1, 2, 10, 50, 100, 200, 500, 1000, 2000, 4000] {
        let bytes: Vec<u8> = (0..length).map(|_| random.word() as u8).collect();
        let program = programs::program(Source::Bytes(&bytes));
        programs::compare(&program, &compiled, &interpreted).unwrap_or_else(|error| panic!("{length} bytes: {error}"));
    }
    assert_eq!(programs::program(Source::Bytes(&[])).wgsl, programs::program(Source::Bytes(&[0; 5000])).wgsl);
}
