//! Kernels whose every byte lies between inaccessible pages: a wild access ends the process.
//!
//! All cases, all samples and some generated programs run on the CPU engine, on both of its executors, with each allocation ending right before
//! an inaccessible page, and again with each starting right behind one. Host slices are bound where they lie, so
//! that this holds for what the kernel sees as well as for what the engine keeps.
#![cfg(all(target_os = "linux", feature = "cpu"))]

#[allow(dead_code, reason = "the rest is for the test that compares the executors")]
#[path = "support/agree.rs"]
mod agree;
#[path = "support/guard.rs"]
mod guard;
#[allow(dead_code, unused_imports, reason = "the harness also serves the test of the cases, which judges itself")]
mod harness;
#[allow(dead_code, reason = "the same")]
#[path = "support/programs/mod.rs"]
mod programs;

use std::{
    io::Write,
    os::unix::process::ExitStatusExt,
    process::{Command, Output},
};

use guard::{Guarded, Side};
use harness::Case;
use swath::{Device, Kernel, Result, Runtime};

#[global_allocator]
static ALLOCATOR: Guarded = Guarded;

/// What a child process is to do, in its environment: what, on which executor, at which side, and of the cases possibly
/// only those with this in their name. `SWATH_TEST_GUARD="cases jit end struct" cargo test --test guard child -- --ignored
/// --nocapture` does it here.
const TASK: &str = "SWATH_TEST_GUARD";

/// Runs a child process with this task.
fn spawn(task: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("the test has a path"));
    command.args(["child", "--exact", "--ignored", "--nocapture", "--test-threads=1"]).env(TASK, task);
    command.output().expect("the test starts itself")
}

/// Runs a child process that must end well; says what it did last if it does not.
fn passes(task: &str) {
    let output = spawn(task);
    let text = String::from_utf8_lossy(&output.stdout);
    let done = text.lines().filter(|line| line.starts_with("running: ")).count();
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{task}: {}, at the last of these:\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(done > 7, "{task}: only {done} kernels ran\n{text}");
}

/// Says what comes next, where a crash cannot lose it.
fn next(what: &str) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "running: {what}").and_then(|()| stdout.flush()).expect("stdout takes text");
}

/// The work of the child processes, which die of a wild access.
#[test]
#[ignore = "runs in a process of its own"]
fn child() {
    let task = std::env::var(TASK).expect("the parent gives a task");
    let words: Vec<&str> = task.split(' ').collect();
    let &[what, executor, side, ref named @ ..] = words.as_slice() else { panic!("{task}: not a task") };
    // Read before, for the headers' own expressions take many allocations.
    let mut loaded = harness::load();
    loaded.retain(|(name, _)| named.iter().all(|part| name.contains(part)));
    guard::turn_on(if side == "start" { Side::Start } else { Side::End });
    match what {
        "cases" => cases(executor, loaded),
        "programs" => programs(executor),
        #[cfg(feature = "cli")]
        "samples" => samples(executor).unwrap_or_else(|error| panic!("{error}")),
        "wild" => wild(executor, side).unwrap_or_else(|error| panic!("{error}")),
        _ => panic!("{task}: not a task"),
    }
    let (guarded, refused) = guard::counts();
    assert!(refused < guarded / 20, "{guarded} allocations were guarded, and {refused} were not");
}

/// A new engine, which keeps no kernels from before: the system has only so many pages to guard.
fn engine(executor: &str) -> (Runtime, Device) {
    let runtime = if executor == "interp" { Runtime::cpu_interpreter() } else { Runtime::cpu() };
    let runtime = runtime.expect("the engine is always there");
    let device = runtime.device("cpu").expect("the engine is always there");
    (runtime, device)
}

fn cases(executor: &str, loaded: Vec<(String, Result<Case, String>)>) {
    let mut failures = Vec::new();
    for (name, case) in loaded {
        next(&name);
        let (runtime, device) = engine(executor);
        match case {
            Ok(case) if case.is_for(&device) => {
                // The engine keeps what it compiles; a case that is to be refused says so when it runs.
                let _ = guard::without(|| case.compile(&device));
                failures.extend(case.run(&runtime, &device).err());
            }
            Ok(_) => {}
            Err(error) => failures.push(error),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn programs(executor: &str) {
    let (mut runtime, _) = engine(executor);
    for seed in 0..150 {
        next(&format!("program {seed}"));
        if seed % 10 == 0 {
            (runtime, _) = engine(executor);
        }
        let program = programs::program(programs::Random::new(seed));
        let kernel = runtime.module(&program.wgsl).and_then(|module| module.only_kernel());
        let prepare = |kernel: Kernel| runtime.device("cpu")?.prepare(&kernel).map(|_| kernel);
        let result = guard::without(|| kernel.and_then(prepare))
            .and_then(|kernel| agree::run(&program, &kernel, &runtime, "auto", None));
        result.unwrap_or_else(|error| panic!("{error}\n{}", program.wgsl));
    }
}

/// Sizes around those of workgroups, tiles and vectors, at which the last row is ragged.
#[cfg(feature = "cli")]
const SIZES: [usize; 11] = [1, 2, 7, 8, 9, 63, 65, 130, 255, 257, 1003];

#[cfg(feature = "cli")]
fn samples(executor: &str) -> Result<()> {
    for sample in swath::samples::all() {
        let (runtime, device) = engine(executor);
        // The engine keeps what it compiles for the first one.
        guard::without(|| sample.prepare(swath::samples::Size::Count(1), 5)?.run(&runtime, &(&device).into()))?;
        // Where work grows faster than with the square of the size, or a size counts much or goes in many steps, the
        // largest say nothing new.
        let most = match sample.name() {
            "matmul" | "monte_carlo" | "knn" => 300,
            "conv2d" => 140,
            "quantum" => 10,
            "shallow_water" | "fft" | "smith_waterman" | "path_tracer" => 70,
            _ => usize::MAX,
        };
        for size in SIZES.into_iter().filter(|&size| size < most) {
            next(&format!("{} {size}", sample.name()));
            let mut problem = sample.prepare(swath::samples::Size::Count(size), 5)?;
            problem.run(&runtime, &(&device).into())?;
            assert!(problem.verify().passed(), "{} of {size}: {}", sample.name(), problem.verify());
            let mut resident = problem.resident(&runtime, &device)?;
            resident.step()?;
            resident.fetch()?;
            drop(resident);
            assert!(problem.verify().passed(), "{} of {size}, resident: {}", sample.name(), problem.verify());
        }
    }
    Ok(())
}

/// Reads one word too many, by hand, of a slice that a kernel has just used in place.
fn wild(executor: &str, side: &str) -> Result<()> {
    let (runtime, device) = engine(executor);
    let module = runtime.module(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] += id.x + 1; }",
    )?;
    let mut y = vec![0u32; 21];
    let report = runtime.call(&module.only_kernel()?).device(&device).read_write("y", &mut y).grid([24]).run()?;
    assert_eq!(report.bytes_up(), 0, "the slice is bound where it lies");
    assert!(y.iter().zip(1..).all(|(&y, i)| y == i));
    let one_off = if side == "start" { y.as_ptr().wrapping_sub(1) } else { y.as_ptr().wrapping_add(y.len()) };
    next("the wild read");
    // SAFETY: none. The page is inaccessible, and the process is here to end with this.
    let word = unsafe { one_off.read_volatile() };
    panic!("read {word}");
}

#[test]
fn a_wild_access_is_a_crash() {
    for side in ["start", "end"] {
        let output = spawn(&format!("wild jit {side}"));
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{side}: {}\n{text}", output.status);
        assert!(text.contains("the wild read"), "{side}: {text}");
    }
}

macro_rules! tasks {
    ($($name:ident: $task:literal;)*) => {
        $(#[test] fn $name() { passes($task); })*
    };
}

tasks! {
    compiled_cases_that_end_at_a_page: "cases jit end";
    compiled_cases_that_start_at_a_page: "cases jit start";
    interpreted_cases_that_end_at_a_page: "cases interp end";
    interpreted_cases_that_start_at_a_page: "cases interp start";
    compiled_programs_that_end_at_a_page: "programs jit end";
    compiled_programs_that_start_at_a_page: "programs jit start";
    interpreted_programs_that_end_at_a_page: "programs interp end";
    interpreted_programs_that_start_at_a_page: "programs interp start";
}

#[cfg(feature = "cli")]
tasks! {
    compiled_samples_that_end_at_a_page: "samples jit end";
    compiled_samples_that_start_at_a_page: "samples jit start";
    interpreted_samples_that_end_at_a_page: "samples interp end";
    interpreted_samples_that_start_at_a_page: "samples interp start";
}
