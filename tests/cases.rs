//! Runs every kernel of `tests/cases/*.wgsl` on every device that is there, and compares what it writes with
//! what its header expects. The header's language is described in `harness/mod.rs`; a new case is one file.
//!
//! `cargo test --test cases -- NAME` runs the cases whose `device/file` contains NAME.

mod harness;
#[cfg(feature = "gpu")]
#[path = "support/missing_gpu.rs"]
mod missing_gpu;
#[cfg(feature = "gpu")]
#[path = "support/validation.rs"]
mod validation;

use std::{
    process::{Command, ExitCode},
    sync::Arc,
};

use harness::Case;
use libtest_mimic::{Arguments, Failed, Trial};
use swath::{Device, DeviceKind, Runtime};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    #[cfg(feature = "gpu")]
    validation::watch();
    let mut trials = harness::own_trials();
    match Runtime::new() {
        Ok(runtime) => add_cases(&runtime, &mut trials),
        Err(error) => trials.push(failing("devices/any", error.to_string())),
    }
    trials.extend(interpreter());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The cases once more, on the CPU engine without its compiler, in a process of its own.
fn interpreter() -> Option<Trial> {
    let chosen = std::env::var_os("SWATH_CPU").is_some();
    (cfg!(feature = "cpu") && !chosen).then(|| Trial::test("interpreter/cases", run_interpreter))
}

fn run_interpreter() -> Result<(), Failed> {
    let output = Command::new(std::env::current_exe()?).arg("cpu/").env("SWATH_CPU", "interp").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && text.contains("test result: ok. ") && !text.contains("ok. 0 passed") {
        return Ok(());
    }
    Err(format!("SWATH_CPU=interp: {text}").into())
}

/// One trial for each case on each device.
fn add_cases(runtime: &Runtime, trials: &mut Vec<Trial>) {
    let is_cpu = |device: &&Device| device.kind() == DeviceKind::Cpu;
    if cfg!(feature = "cpu") && !runtime.devices().iter().any(|device| is_cpu(&device)) {
        trials.push(failing("devices/cpu", "the CPU engine is not among the devices"));
    }
    #[cfg(feature = "gpu")]
    if runtime.devices().iter().all(|device| is_cpu(&device)) {
        missing_gpu::skip("no adapter was found, so the cases run on the CPU engine only");
    }
    let cases = load(trials);
    for device in runtime.devices() {
        for case in &cases {
            trials.extend(trial(runtime, device, case));
        }
        if device.kind() == DeviceKind::Cpu {
            trials.extend(cases.iter().filter_map(|case| asm_trial(device, case)));
        }
    }
}

fn load(trials: &mut Vec<Trial>) -> Vec<Arc<Case>> {
    let mut cases = Vec::new();
    for (name, case) in harness::load() {
        match case {
            Ok(case) => cases.push(Arc::new(case)),
            Err(error) => trials.push(failing(&format!("header/{name}"), error)),
        }
    }
    if cases.is_empty() {
        trials.push(failing("cases", "tests/cases has no cases"));
    }
    cases
}

/// The trial of a case on a device; `None` where the case is for another device.
fn trial(runtime: &Runtime, device: &Device, case: &Arc<Case>) -> Option<Trial> {
    if !case.is_for(device) {
        return None;
    }
    let name = format!("{}/{}", device.alias(), case.name);
    let missing = case.missing_features(device);
    if !missing.is_empty() {
        eprintln!("SKIPPED: {name}: {} has no {}", device.name(), missing.join(", "));
    }
    let (runtime, device, case) = (runtime.clone(), device.clone(), case.clone());
    let run = move || case.run(&runtime, &device).map_err(Failed::from);
    Some(Trial::test(name, run).with_ignored_flag(!missing.is_empty()))
}

/// The trial of what a case says about the CPU engine's machine code, if it says something.
fn asm_trial(device: &Device, case: &Arc<Case>) -> Option<Trial> {
    if case.asm.is_empty() {
        return None;
    }
    let name = format!("asm/{}", case.name);
    let compiles = device.info().driver.starts_with("jit");
    if !compiles {
        eprintln!("SKIPPED: {name}: the CPU engine does not compile for this machine");
    }
    let (device, case) = (device.clone(), case.clone());
    let run = move || case.check_asm(&device).map_err(Failed::from);
    Some(Trial::test(name, run).with_ignored_flag(!compiles))
}

fn failing(name: &str, problem: impl Into<String>) -> Trial {
    let problem = problem.into();
    Trial::test(name, move || Err(Failed::from(problem)))
}
