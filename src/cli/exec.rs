//! `swath exec`: any kernel, on `.npy` files.

use std::time::{Duration, Instant};

use serde::Serialize;
use swath::{Call, Device, DeviceKind, Error, Job, Kernel, Prefer, Report, Runtime, Untyped};

use super::{
    args::{CallArgs, ExecArgs, PreferArg},
    bind::{Contents, Purpose, Slot, bind},
    clash,
    failure::{Failure, Outcome},
    kernel::{check_constants, device_name, load_kernel, load_module, runtime},
    members::{self, FaultEntry, MemberEntry},
    recorded,
    results::Pending,
    show::{self, Progress, Spread},
    tracing::Tracing,
    values::is_stream,
    written::Written,
};

/// What `--json` prints.
#[derive(Serialize)]
pub struct Document {
    kernel: String,
    device: String,
    tiles: u32,
    compile_ms: f64,
    runs: Vec<Run>,
    bytes_up: u64,
    bytes_down: u64,
    /// Of the last run, where several devices shared it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<MemberEntry>,
    /// Units that an earlier run had done, where there is a checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<u32>,
    /// What failed on devices in the last run, and was done again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<FaultEntry>,
}

#[derive(Serialize)]
struct Run {
    kernel_ms: f64,
    total_ms: f64,
    /// What it was predicted to take in all, if that was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    predicted_ms: Option<f64>,
    /// What it took, where that is asked for and can be counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    energy_joules: Option<f64>,
}

/// Runs the command.
pub fn exec(args: &ExecArgs) -> Outcome {
    clash::check(args)?;
    if let Some(checkpoint) = &args.checkpoint {
        return recorded::exec(args, checkpoint);
    }
    let module = load_module(&args.call)?;
    let kernel = load_kernel(&args.call, &module)?;
    check_constants(&args.call, &module, &kernel)?;
    check_stdout(args)?;
    let purpose = if args.repeat > 1 { Purpose::Again } else { Purpose::Once };
    let mut slots = bind(&kernel, &args.call, purpose)?;

    Tracing::check(args.trace.as_deref())?;
    let runtime = match args.repeat {
        1 => runtime_for(&args.call, &kernel, &mut slots)?,
        _ => runtime(&args.call.device)?,
    };
    let trace = Tracing::begin(&runtime, args.trace.as_deref());
    let start = Instant::now();
    let job = call(&args.call, &runtime, &kernel, &mut slots)?.plan()?;
    let (device, accepted) = (job.device().clone(), job.compile_time());
    // Parts of a call take other code than the whole.
    let in_parts = job.plan().is_streamed() || job.plans().count() > 1;
    say_where(&args.call, &job);
    drop(job);
    let prepared = if in_parts { Duration::ZERO } else { device.prepare(&kernel)? };
    let progress = match (args.repeat, in_parts || args.call.tiles.is_some()) {
        (1, true) => Progress::of_units(kernel.name()),
        (1, false) => Progress::of_time(kernel.name()),
        (repeat, _) => Progress::new(u64::from(repeat), kernel.name()),
    };
    let reports = repeat(args, &runtime, &kernel, &device, &mut slots, (start, &progress))?;
    drop(progress);
    let compile = accepted + prepared + reports.iter().map(Report::compile_time).sum::<Duration>();

    let files = save(slots)?;
    trace.map_or(Ok(()), Tracing::finish)?;
    if args.json {
        return show::json(&document(&kernel, &device, compile, &reports));
    }
    summarize(&kernel, compile, &reports);
    files.iter().for_each(|line| eprintln!("{line}"));
    Ok(())
}

/// Refuses what would mix with a result on stdout.
fn check_stdout(args: &ExecArgs) -> Outcome {
    let inouts = args.call.inouts.iter().map(|arg| (&arg.name, arg.result()));
    let outputs = args.call.outputs.iter().map(|arg| (&arg.name, arg.file.as_path()));
    match inouts.chain(outputs).find(|(_, file)| is_stream(file)) {
        Some((name, _)) if args.json => Err(Failure::wrong(
            format!("`{name}` goes to stdout, and so does what --json prints"),
            "give it a file, or leave --json out",
        )),
        _ => Ok(()),
    }
}

/// The runtime for a call. GPUs are opened only where one may be used: not for a call that the CPU engine has done sooner than
/// that takes, where the choice is left open.
pub fn runtime_for(args: &CallArgs, kernel: &Kernel, slots: &mut [Slot]) -> Outcome<Runtime> {
    #[cfg(feature = "cpu")]
    if leaves_device_open(args) {
        let cpu = Runtime::cpu()?;
        match call(args, &cpu, kernel, slots)?.plan() {
            Ok(job) if args.reproducible || job.is_brief() => return Ok(cpu),
            // Who calls wrongly hears of it at once.
            Err(error @ Error::Call(_)) => return Err(error.into()),
            _ => {}
        }
    }
    runtime(&args.device)
}

/// Whether nothing on the command line bears on the choice of a device.
pub fn leaves_device_open(args: &CallArgs) -> bool {
    device_name(&args.device) == "auto" && args.memory.is_none() && matches!(args.prefer, PreferArg::Time)
}

/// Says where a call runs that was to run elsewhere, and what of the command line makes no difference there.
pub fn say_where(args: &CallArgs, job: &Job<'_>) {
    if args.memory.is_some() && job.plan().detour.is_none() && job.device().kind() == DeviceKind::Cpu {
        eprintln!("--memory makes no difference on {}: it works in the host's memory", job.device().alias());
    }
    if let Some(detour) = &job.plan().detour {
        eprintln!("not on {}: {}", detour.device, detour.reason);
    }
    if let Some(reason) = &job.plan().unsplit {
        eprintln!("all of it on {}: {reason}", job.device().name());
    }
}

/// The call that the command line describes.
pub fn call<'a>(args: &CallArgs, runtime: &Runtime, kernel: &Kernel, slots: &'a mut [Slot]) -> Outcome<Call<'a>> {
    call_with(args, runtime, kernel, slots, |_, written| Ok(written.memory.bytes_mut()))
}

/// The same, where `lend` gives the memory of what is written.
pub fn call_with<'a>(
    args: &CallArgs,
    runtime: &Runtime,
    kernel: &Kernel,
    slots: &'a mut [Slot],
    mut lend: impl FnMut(&str, &'a mut Written) -> Outcome<&'a mut [u8]>,
) -> Outcome<Call<'a>> {
    let mut call = runtime.call(kernel).device(device_name(&args.device));
    for slot in slots {
        let name = &slot.name;
        // The types were compared when the files were read.
        call = match &mut slot.contents {
            Contents::Uniform(bytes) => call.uniform_bytes(name, bytes),
            Contents::Read(data) => call.read(name, Untyped(data.bytes())),
            Contents::Unwritten(data) => call.read_write(name, Untyped(data.bytes_mut())),
            Contents::Write(written) => call.read_write(name, Untyped(lend(name, written)?)),
        };
    }
    Ok(options(call, args))
}

/// A call with its grid, and what else the command line says of it.
fn options<'a>(call: Call<'a>, args: &CallArgs) -> Call<'a> {
    let mut call = match (args.grid, args.workgroups) {
        (Some(grid), _) => call.grid(grid.0),
        (None, Some(workgroups)) => call.workgroups(workgroups.0),
        (None, None) => call,
    };
    if let Some(bytes) = args.memory {
        call = call.memory_limit(bytes);
    }
    if let Some(tiles) = args.tiles {
        call = call.tiles(tiles);
    }
    if args.reproducible {
        call = call.reproducible();
    }
    match args.prefer {
        PreferArg::Time => call,
        PreferArg::Energy => call.prefer(Prefer::Energy),
    }
}

/// The runs, within the time that `--timeout` leaves from `start` on.
fn repeat(
    args: &ExecArgs,
    runtime: &Runtime,
    kernel: &Kernel,
    device: &Device,
    slots: &mut [Slot],
    (start, progress): (Instant, &Progress),
) -> Outcome<Vec<Report>> {
    let mut reports = Vec::new();
    for run in 0..args.repeat {
        if run > 0 {
            for slot in slots.iter_mut() {
                if let Contents::Write(written) = &mut slot.contents {
                    written.restore();
                }
            }
        }
        let left = args.timeout.map(|limit| limit.saturating_sub(start.elapsed()));
        reports.push(run_once(args, runtime, kernel, device, slots, (left, progress))?);
        progress.step();
    }
    Ok(reports)
}

fn run_once(
    args: &ExecArgs,
    runtime: &Runtime,
    kernel: &Kernel,
    device: &Device,
    slots: &mut [Slot],
    (left, progress): (Option<Duration>, &Progress),
) -> Outcome<Report> {
    let mut call = call(&args.call, runtime, kernel, slots)?;
    if progress.counts_units {
        call = call.progress(|event| progress.reach(event.units_done.into(), event.units.into()));
    }
    if let Some(left) = left {
        call = call.deadline(left);
    }
    call.run().map_err(|error| match (error, args.timeout) {
        (Error::Deadline(_), Some(limit)) => Failure::Failed(format!(
            "kernel `{}` was not done on {} after {} s (--timeout); no file was written",
            kernel.name(),
            device.name(),
            limit.as_secs_f64()
        )),
        (error, _) => error.into(),
    })
}

/// Writes every result, and only then puts them in their places. Gives a line about each.
fn save(slots: Vec<Slot>) -> Outcome<Vec<String>> {
    let mut pending = Vec::new();
    let mut lines = Vec::new();
    for slot in slots {
        if let Contents::Write(written) = slot.contents {
            let (file, what) = written.describe();
            lines.push(format!("  {} -> {}: {what}", slot.name, file.display()));
            pending.push(written.save()?);
        }
    }
    pending.into_iter().try_for_each(Pending::commit)?;
    Ok(lines)
}

pub fn document(kernel: &Kernel, device: &Device, compile: Duration, reports: &[Report]) -> Document {
    let last = reports.last();
    Document {
        kernel: kernel.name().to_string(),
        device: last.map_or_else(|| device.name().to_owned(), ran_on),
        tiles: last.map_or(1, Report::tiles),
        compile_ms: show::millis(compile),
        runs: reports
            .iter()
            .map(|report| Run {
                kernel_ms: show::millis(report.kernel_time()),
                total_ms: show::millis(total(report)),
                predicted_ms: report.predicted_time().map(show::millis),
                energy_joules: report.energy(),
            })
            .collect(),
        bytes_up: last.map_or(0, Report::bytes_up),
        bytes_down: last.map_or(0, Report::bytes_down),
        members: last.map_or_else(Vec::new, |last| members::entries(last.members())),
        resumed: None,
        faults: last.map_or_else(Vec::new, |last| members::faults(last.faults())),
    }
}

/// The devices that a run was on, in one phrase.
fn ran_on(report: &Report) -> String {
    let names = report.members().iter().filter(|member| member.units() > 0).map(|member| member.device().name());
    let names: Vec<&str> = names.collect();
    if names.is_empty() { report.device().to_owned() } else { names.join(" + ") }
}

/// Transfers and the kernel; compilation is reported by itself.
fn total(report: &Report) -> Duration {
    report.total_time().saturating_sub(report.compile_time())
}

pub fn summarize(kernel: &Kernel, compile: Duration, reports: &[Report]) {
    let kernels = Spread::of(reports.iter().map(Report::kernel_time));
    let totals = Spread::of(reports.iter().map(total));
    let Some(last) = reports.last() else { return };
    let [x, y, z] = last.workgroups();
    let tiles = if last.tiles() == 1 { String::new() } else { format!(" in {} tiles", last.tiles()) };
    let names = ran_on(last);
    eprintln!("{} on {names}: {x} x {y} x {z} workgroups{tiles}", kernel.name());
    eprintln!("  kernel {kernels}, with transfers {totals}; compiled in {}", show::time(compile));
    eprintln!("  {} up, {} down", show::bytes(last.bytes_up()), show::bytes(last.bytes_down()));
    members::lines(last.members()).iter().for_each(|line| eprintln!("  {line}"));
    last.faults().iter().for_each(|fault| eprintln!("  {fault}"));
}
