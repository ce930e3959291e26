//! `swath run`: shipped samples, verified.

use std::time::{Duration, Instant};

use serde::Serialize;
use swath::{
    Device, DeviceChoice, Runtime,
    samples::{self, Sample, Tally, Verdict, Work},
};

use super::{
    args::RunArgs,
    failure::{Failure, Outcome},
    kernel::{device_name, runtime},
    members::{self, MemberEntry},
    results,
    show::{self, Progress},
    tracing::Tracing,
};

/// What `--json` prints for one sample.
#[derive(Serialize)]
struct Document {
    sample: String,
    field: String,
    size: String,
    seed: u64,
    device: String,
    verified: bool,
    checks: Vec<CheckEntry>,
    kernel_ms: f64,
    total_ms: f64,
    compile_ms: f64,
    native_ms: f64,
    gigabytes_per_second: f64,
    gigaoperations_per_second: f64,
    bytes_up: u64,
    bytes_down: u64,
    dispatches: u64,
    /// Of the last call that several devices shared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<MemberEntry>,
}

#[derive(Serialize)]
struct CheckEntry {
    what: &'static str,
    passed: bool,
    error: f64,
    tolerance: f64,
    measure: &'static str,
}

/// What `--json` prints for `all`.
#[derive(Serialize)]
struct Documents {
    device: String,
    samples: Vec<Entry>,
    verified: usize,
    failed: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Done(Box<Document>),
    Failed { sample: String, verified: bool, error: String },
}

/// How one sample went.
struct Run {
    sample: &'static dyn Sample,
    /// The size in words.
    size: String,
    verdict: Verdict,
    tally: Tally,
    native: Duration,
    work: Work,
}

/// Runs the command.
pub fn run(args: &RunArgs) -> Outcome {
    match args.sample.as_deref() {
        Some("all") => all(args),
        Some(name) => one(args, name),
        None => Err(which()),
    }
}

/// Asks for a sample, and says which there are.
fn which() -> Failure {
    let list = samples::all().iter().map(|sample| format!("\n  {:<14} {}", sample.name(), sample.summary()));
    Failure::Wrong(format!("which sample? There are{}\n  {:<14} all of them", list.collect::<String>(), "all"))
}

fn one(args: &RunArgs, name: &str) -> Outcome {
    let sample = samples::find(name)?;
    sample.sizes().resolve(args.size)?;
    check_out(args, sample)?;
    Tracing::check(args.trace.as_deref())?;
    let runtime = runtime(&args.device)?;
    let devices = runtime.devices_of(choice(args))?;
    let device = &devices[0];
    let trace = Tracing::begin(&runtime, args.trace.as_deref());
    let run = measure(sample, args, &runtime)?;
    trace.map_or(Ok(()), Tracing::finish)?;
    if args.json {
        show::json(&document(&run, args, device))?;
    } else {
        show::line(&describe(&run, device))?;
        if let Some(out) = &args.out {
            eprintln!("{} is in {}", sample.name(), out.display());
        }
    }
    if run.verdict.passed() {
        return Ok(());
    }
    Err(Failure::Failed(format!("{} is wrong on {}: {}", sample.name(), device.name(), run.verdict)))
}

fn all(args: &RunArgs) -> Outcome {
    if args.input.is_some() {
        return Err(Failure::wrong("--input is for one sample, and this runs all", "name one sample"));
    }
    if args.out.is_some() {
        return Err(Failure::wrong("--out takes the result of one sample, and this runs all", "name one sample"));
    }
    Tracing::check(args.trace.as_deref())?;
    let runtime = runtime(&args.device)?;
    let devices = runtime.devices_of(choice(args))?;
    let device = &devices[0];
    let trace = Tracing::begin(&runtime, args.trace.as_deref());
    let start = Instant::now();
    let progress = Progress::new(samples::all().len() as u64, "");
    let mut entries = Vec::new();
    let mut failed = Vec::new();
    if !args.json {
        let names: Vec<_> = devices.iter().map(|device| format!("{} ({})", device.name(), device.alias())).collect();
        progress.line(&format!("on {}", names.join(" + ")))?;
        progress.line(&header())?;
    }
    for &sample in samples::all() {
        progress.say(sample.name());
        let (line, entry, passed) = match measure(sample, args, &runtime) {
            Ok(run) => (row(&run), Entry::Done(Box::new(document(&run, args, device))), run.verdict.passed()),
            Err(failure) => {
                let line = format!("{:<14} FAILED   {failure}", sample.name());
                (
                    line,
                    Entry::Failed { sample: sample.name().into(), verified: false, error: failure.to_string() },
                    false,
                )
            }
        };
        if !args.json {
            progress.line(&line)?;
        }
        entries.push(entry);
        if !passed {
            failed.push(sample.name());
        }
        progress.step();
    }
    drop(progress);
    trace.map_or(Ok(()), Tracing::finish)?;
    let verified = entries.len() - failed.len();
    let summary = format!(
        "{verified} of {} samples verified against their native references, in {}",
        entries.len(),
        show::time(start.elapsed())
    );
    if args.json {
        let (samples, failed) = (entries, failed.len());
        show::json(&Documents { device: device.name().to_string(), samples, verified, failed })?;
    } else {
        show::line(&summary)?;
    }
    match failed.as_slice() {
        [] => Ok(()),
        failed => Err(Failure::Failed(format!("not verified on {}: {}", device.name(), failed.join(", ")))),
    }
}

/// Refuses a file that could not be written, before the work.
fn check_out(args: &RunArgs, sample: &dyn Sample) -> Outcome {
    let Some(out) = &args.out else { return Ok(()) };
    let extension = out.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_lowercase();
    if !sample.draws().contains(&extension.as_str()) {
        let formats: Vec<String> = sample.draws().iter().map(|format| format!(".{format}")).collect();
        return Err(Failure::wrong(
            format!("--out {}: {} writes {}", out.display(), sample.name(), formats.join(" or ")),
            format!("name the file {}", out.with_extension(sample.draws().first().unwrap_or(&"npy")).display()),
        ));
    }
    results::check_target(out).map(|_| ())
}

/// The devices that `--device` and `--reproducible` say.
fn choice(args: &RunArgs) -> DeviceChoice<'_> {
    let choice = DeviceChoice::from(device_name(&args.device));
    if args.reproducible { choice.reproducible() } else { choice }
}

/// Below this, a run is repeated.
const SHORT: Duration = Duration::from_secs(1);

fn measure(sample: &'static dyn Sample, args: &RunArgs, runtime: &Runtime) -> Outcome<Run> {
    let devices = choice(args);
    let mut problem = match &args.input {
        Some(file) => sample.open(file, args.seed)?,
        None => sample.prepare(args.size, args.seed)?,
    };
    // The first time pays for pages, caches and compilation: where it is short, that shows, and the second counts.
    let mut native = problem.native();
    if native < SHORT {
        native = native.min(problem.native());
    }
    let mut tally = problem.run(runtime, &devices)?;
    if tally.total < SHORT {
        tally = Tally { compile: tally.compile, ..problem.run(runtime, &devices)? };
    }
    let verdict = problem.verify();
    if let Some(out) = &args.out {
        // The name was checked before: what fails now is the writing.
        problem.draw(out).map_err(|error| Failure::Failed(error.to_string()))?;
    }
    Ok(Run { sample, size: problem.describe(), verdict, tally, native, work: problem.work() })
}

fn header() -> String {
    columns(["sample", "size", "kernel", "in all", "rate", "native", "verified"].map(String::from))
}

fn row(run: &Run) -> String {
    columns([
        run.sample.name().to_string(),
        run.size.clone(),
        show::time(run.tally.kernel),
        show::time(run.tally.total),
        rate(&run.work, run.tally.kernel),
        show::time(run.native),
        judged(&run.verdict),
    ])
}

/// A line of the table, which is printed while the samples run.
fn columns([sample, size, kernel, total, rate, native, verdict]: [String; 7]) -> String {
    format!("{sample:<14} {size:<35} {kernel:>10} {total:>10} {rate:>12} {native:>10}   {verdict}")
}

/// The verdict in one phrase: how far off the worst check was.
fn judged(verdict: &Verdict) -> String {
    let word = if verdict.passed() { "yes" } else { "NO" };
    match verdict.worst() {
        Some(check) if check.error > 0.0 || !check.passed() => {
            let (error, tolerance) = (show::digits(check.error), show::digits(check.tolerance));
            format!("{word}: {error} {}, at most {tolerance}", check.measure)
        }
        Some(_) => format!("{word}: exact"),
        None => word.to_string(),
    }
}

/// The rate that limits: operations where there are many for each byte, else bytes.
pub fn rate(work: &Work, time: Duration) -> String {
    if is_arithmetic(work) {
        format!("{} Gop/s", show::digits(giga(work.operations, time)))
    } else {
        format!("{} GB/s", show::digits(giga(work.bytes, time)))
    }
}

/// Whether arithmetic rather than memory limits the work, on machines of today.
fn is_arithmetic(work: &Work) -> bool {
    work.operations > 4 * work.bytes
}

/// 10^9 of `count` a second; 0 for no time at all.
pub fn giga(count: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { count as f64 / time.as_secs_f64() / 1e9 }
}

/// The devices that a sample ran on, in one phrase: what was asked for may have been left to a choice.
fn ran_on(tally: &Tally, device: &Device) -> String {
    if tally.members.is_empty() && !tally.device.is_empty() {
        return tally.device.clone();
    }
    members::names(device, &tally.members)
}

fn describe(run: &Run, device: &Device) -> String {
    let Run { sample, tally, work, .. } = run;
    let mut text = format!("{} ({}): {}\n", sample.name(), sample.field(), sample.summary());
    text += &format!("  size       {}\n", run.size);
    let names = ran_on(tally, device);
    let alias = if names == device.name() { format!(" ({})", device.alias()) } else { String::new() };
    text += &format!("  device     {names}{alias}\n");
    text += &format!("  kernel     {}   {}\n", show::time(tally.kernel), rate(work, tally.kernel));
    text += &format!(
        "  in all     {}   {} up, {} down; compiled in {}\n",
        show::time(tally.total),
        show::bytes(tally.bytes_up),
        show::bytes(tally.bytes_down),
        show::time(tally.compile)
    );
    for line in members::lines(&tally.members) {
        text += &format!("  shared     {line}\n");
    }
    text += &format!("  native     {}   {}\n", show::time(run.native), rate(work, run.native));
    for (place, check) in run.verdict.checks.iter().enumerate() {
        let title = match (place, run.verdict.passed()) {
            (0, true) => "verified",
            (0, false) => "WRONG",
            _ => "",
        };
        text += &format!("  {title:<10} {check}\n");
    }
    text
}

fn document(run: &Run, args: &RunArgs, device: &Device) -> Document {
    let Run { sample, tally, work, .. } = run;
    let checks = run.verdict.checks.iter().map(|check| CheckEntry {
        what: check.what,
        passed: check.passed(),
        error: check.error,
        tolerance: check.tolerance,
        measure: check.measure,
    });
    Document {
        sample: sample.name().into(),
        field: sample.field().into(),
        size: run.size.clone(),
        seed: args.seed,
        device: ran_on(tally, device),
        verified: run.verdict.passed(),
        checks: checks.collect(),
        kernel_ms: show::millis(tally.kernel),
        total_ms: show::millis(tally.total),
        compile_ms: show::millis(tally.compile),
        native_ms: show::millis(run.native),
        gigabytes_per_second: giga(work.bytes, tally.kernel),
        gigaoperations_per_second: giga(work.operations, tally.kernel),
        bytes_up: tally.bytes_up,
        bytes_down: tally.bytes_down,
        dispatches: tally.dispatches,
        members: members::entries(&tally.members),
    }
}
