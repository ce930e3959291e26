//! Generated programs on the CPU engine's two executors, bit for bit.
//!
//! `SWATH_GENERATED=N` runs N programs instead of the usual number, `SWATH_SEED=S` starts from another seed; a failure
//! names the seed of its program.
#![cfg(feature = "cpu")]

#[path = "support/agree.rs"]
mod agree;
#[path = "support/grouped.rs"]
mod grouped;
#[path = "support/programs/mod.rs"]
mod programs;

use std::{num::NonZero, thread};

use agree::{Outcome, compare};
use programs::{Random, program};
use swath::Runtime;

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn engines() -> [Runtime; 2] {
    [Runtime::cpu(), Runtime::cpu_interpreter()].map(|engine| engine.expect("the engine is always there"))
}

/// Checks `usual` kernels, or as many as the environment says, on all cores; gives the number of those that were compiled,
/// of all.
fn check(usual: u64, check: impl Fn(u64, &[Runtime; 2]) -> Result<Outcome, String> + Sync) -> (usize, u64) {
    let count = from_environment("SWATH_GENERATED", usual);
    let first = from_environment("SWATH_SEED", 1);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let part = |thread: usize| {
        let engines = engines();
        let seeds = (first..first + count).skip(thread).step_by(threads);
        seeds.map(|seed| check(seed, &engines).map_err(|error| format!("seed {seed}: {error}"))).collect::<Vec<_>>()
    };
    let results: Vec<_> = thread::scope(|scope| {
        let part = &part;
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    let failures: Vec<&String> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(failures.is_empty(), "{} of {count} kernels failed; the first: {}", failures.len(), failures[0]);
    (results.iter().filter(|result| **result == Ok(Outcome::Same)).count(), count)
}

#[test]
fn executors_agree() {
    let (same, count) =
        check(1000, |seed, [compiled, interpreted]| compare(&program(Random::new(seed)), compiled, interpreted));
    let compiles = engines()[0].devices()[0].info().driver.starts_with("jit");
    // The compiler leaves the few that come to too much code to the interpreter.
    assert!(!compiles || same as u64 * 100 >= count * 99, "only {same} of {count} programs were compiled");
}

#[test]
fn executors_agree_where_invocations_work_together() {
    check(400, |seed, [compiled, interpreted]| grouped::compare(seed, compiled, interpreted));
}

/// Lists of bytes, which the fuzzer makes programs of, give valid ones wherever they end.
#[test]
fn lists_of_bytes_are_programs() {
    let [compiled, interpreted] = engines();
    let mut random = Random::new(7);
    for length in [0, 1, 2, 10, 50, 100, 200, 500, 1000, 2000, 4000] {
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        let program = program(Random::from_bytes(&bytes));
        compare(&program, &compiled, &interpreted).unwrap_or_else(|error| panic!("{length} bytes: {error}"));
    }
    assert_eq!(program(Random::from_bytes(&[])).wgsl, program(Random::from_bytes(&[0; 5000])).wgsl);
}
