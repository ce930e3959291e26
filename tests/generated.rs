//! Generated programs on the CPU engine's two executors, bit for bit; and on GPUs, where their operations are exact.
//!
//! `SWATH_GENERATED=N` runs N programs instead of the usual number, `SWATH_SEED=S` starts from another seed; a failure
//! names the seeds of its programs. `VK_DRIVER_FILES` chooses a Vulkan driver, `SWATH_REDUCE=1` makes failing programs
//! smaller, and `SWATH_BYTES=FILE` runs what the fuzzer found.
#![cfg(feature = "cpu")]

#[path = "support/agree.rs"]
mod agree;
#[path = "support/grouped.rs"]
mod grouped;
#[cfg(feature = "gpu")]
#[path = "support/missing_gpu.rs"]
mod missing_gpu;
#[path = "support/programs/mod.rs"]
mod programs;
#[path = "support/reduce.rs"]
mod reduce;
#[cfg(feature = "gpu")]
#[path = "support/validation.rs"]
mod validation;

use std::{
    iter,
    num::NonZero,
    panic::{self, AssertUnwindSafe},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

#[cfg(feature = "gpu")]
use agree::compare_device;
use agree::{Failure, Outcome, compare};
#[cfg(feature = "gpu")]
use programs::{Dialect, program_in};
use programs::{Program, Random, program};
#[cfg(feature = "gpu")]
use swath::DeviceKind;
use swath::Runtime;

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn engines() -> [Runtime; 2] {
    [Runtime::cpu(), Runtime::cpu_interpreter()].map(|engine| engine.expect("the engine is always there"))
}

/// Checks `usual` kernels, or as many as the environment says, on all cores, each with what its thread has `made`; gives
/// what came out.
fn check<M, R: Send>(
    usual: u64,
    make: impl Fn() -> M + Sync,
    check: impl Fn(u64, &M) -> Result<R, String> + Sync,
) -> Vec<R> {
    let count = from_environment("SWATH_GENERATED", usual);
    let first = from_environment("SWATH_SEED", 1);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicU64::new(first);
    let part = || {
        let made = make();
        let seeds = iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&seed| seed < first + count));
        seeds.map(|seed| named(|| check(seed, &made)).map_err(|error| (seed, error))).collect::<Vec<_>>()
    };
    let results: Vec<Result<R, (u64, String)>> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(part)).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    let (mut passed, mut failures) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(passes) => passed.push(passes),
            Err(failure) => failures.push(failure),
        }
    }
    failures.sort();
    let seeds: Vec<u64> = failures.iter().map(|(seed, _)| *seed).collect();
    if let Some((seed, error)) = failures.first() {
        panic!("{} of {count} kernels failed, from seeds {seeds:?}; {seed}: {error}", failures.len());
    }
    passed
}

/// What comes out of `run`, a panic as an error: a pass that breaks a rule of its own does so, and its program has a seed.
fn named<R>(run: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied());
        Err(format!("it panics: {}", text.unwrap_or("without a word")))
    })
}

/// What comes out of a program, which is made smaller as [`reduce::reduced`] says.
fn reduced<R>(program: Program, run: impl Fn(&Program) -> Result<R, Failure>) -> Result<R, String> {
    let run = |wgsl: &str| run(&Program { wgsl: wgsl.to_owned(), ..program.clone() });
    let reducing = std::env::var_os("SWATH_REDUCE").is_some();
    let alone = without_sharing(&program.wgsl);
    let start = if reducing && matches!(run(&alone), Err(Failure::Differs(_))) { &alone } else { &program.wgsl };
    reduce::reduced(start, shared, run).map_err(|failure| failure.to_string())
}

/// What a line does that other invocations depend on.
fn shared(line: &str) -> Option<&'static str> {
    if line.starts_with("var") {
        return None;
    }
    let kinds = ["arrier", "exchanged[", "exchanged_rows[", "tallies[", "flag", "let at ="];
    kinds.into_iter().find(|kind| line.contains(kind))
}

/// The program whose invocations do not exchange anything.
fn without_sharing(wgsl: &str) -> String {
    let line = |line: &str| match (shared(line), line.split_once(" = workgroupUniformLoad")) {
        (None, _) => Some(line.to_owned()),
        (_, Some((declared, _))) => Some(format!("{declared} = 1u;")),
        _ => line.contains("let at =").then(|| line.to_owned()),
    };
    wgsl.lines().filter_map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn executors_agree() {
    let outcomes = check(1000, engines, |seed, [compiled, interpreted]| {
        reduced(program(Random::new(seed)), |program| compare(program, compiled, interpreted))
    });
    // The compiler leaves the few that come to too much code to the interpreter.
    assert_mostly_compiled(&outcomes);
}

#[test]
fn executors_agree_where_invocations_work_together() {
    let outcomes = check(400, engines, |seed, [compiled, interpreted]| grouped::compare(seed, compiled, interpreted));
    assert_mostly_compiled(&outcomes);
}

/// No more than one in a thousand was left to the interpreter.
fn assert_mostly_compiled(outcomes: &[Outcome]) {
    let compiles = engines()[0].devices()[0].info().driver.starts_with("jit");
    let left = outcomes.iter().filter(|&&outcome| outcome == Outcome::Interpreted).count();
    assert!(!compiles || left <= outcomes.len().div_ceil(1000), "{left} of {} were interpreted", outcomes.len());
}

/// Programs of exact operations, on every GPU and interpreted.
#[cfg(feature = "gpu")]
#[test]
fn gpus_agree() {
    validation::watch();
    let runtime = Runtime::new().expect("the engine is always there");
    let gpus: Vec<String> = (runtime.devices().iter())
        .filter(|device| device.kind() != DeviceKind::Cpu)
        .map(|device| device.alias().to_owned())
        .collect();
    if gpus.is_empty() {
        return missing_gpu::skip("no adapter was found");
    }
    let engine = || Runtime::cpu_interpreter().expect("the engine is always there");
    check(100, engine, |seed, interpreted| {
        reduced(program_in(Dialect::Exact, Random::new(seed)), |program| {
            gpus.iter().try_for_each(|gpu| compare_device(program, &runtime, gpu, interpreted))
        })
    });
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
    if let Some(path) = std::env::var_os("SWATH_BYTES") {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("SWATH_BYTES: {error}"));
        let outcome = reduced(program(Random::from_bytes(&bytes)), |p| compare(p, &compiled, &interpreted));
        outcome.unwrap_or_else(|error| panic!("SWATH_BYTES: {error}"));
    }
}
