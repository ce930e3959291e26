//! The engine on one thread beside several, and native code likewise, as a measure of what the machine gives.

use std::{env, process::Command};

use serde_json::json;

use crate::{
    Outcome,
    cases::{ENTRIES, Entry},
    limit,
    native::{Build, Served},
    options::Options,
    race,
    racer::Racer,
    report,
};

/// What is raced where no kernel is named: kernels that arithmetic limits.
const KERNELS: [&str; 2] = ["mandelbrot", "nbody"];

/// Prints how many times as fast several threads are; whether all results were right.
pub fn scaling(options: &Options) -> Outcome<bool> {
    let threads = options.threads.unwrap_or(2);
    let native = Build::Cpu.program()?;
    let mut racers: Vec<Box<dyn Racer>> = Vec::new();
    for threads in [1, threads] {
        let mut engine = Command::new(env::current_exe()?);
        let engine = limit(engine.arg("--serve"), threads);
        racers.push(Box::new(Served::start(format!("jit {threads}"), "the CPU engine", engine)?));
        let mut native = Command::new(&native);
        let native = limit(&mut native, threads);
        racers.push(Box::new(Served::start(format!("native-cpu {threads}"), "native code", native)?));
    }
    println!("median ms on 1 and on {threads} threads, and how many times as fast");
    println!("{:38} {:>26} {:>26}", "", "jit", "native-cpu");
    let mut kernels = Vec::new();
    let mut correct = true;
    let wanted = |name| if options.filters.is_empty() { KERNELS.contains(&name) } else { options.wants(name) };
    for Entry { name, title, case } in ENTRIES.iter().filter(|entry| wanted(entry.name)) {
        let times = race::one(&case(), &mut racers, options)?;
        correct &= times.iter().all(|times| times.correct);
        let medians: Vec<_> = times.iter().map(race::Times::median).collect();
        let column = |at: usize| {
            let (one, several) = (medians[at], medians[at + 2]);
            format!("{one:>9.3} {several:>9.3} {:>4.2} x", one / several)
        };
        println!("{title:38} {:>26} {:>26}", column(0), column(1));
        kernels.push(json!({
            "kernel": name,
            "jit": {"one_ms": medians[0], "several_ms": medians[2], "ratio": medians[0] / medians[2]},
            "native-cpu": {"one_ms": medians[1], "several_ms": medians[3], "ratio": medians[1] / medians[3]},
        }));
    }
    if let Some(path) = &options.json {
        report::save(path, &json!({"version": 1, "threads": threads, "kernels": kernels}))?;
    }
    Ok(correct)
}
