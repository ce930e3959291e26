//! `swath exec`: any kernel, on `.npy` files.

use std::time::{Duration, Instant};

use serde::Serialize;
use swath::{Device, Error, Kernel, Report, Runtime, Untyped};

use super::{
    args::{CallArgs, ExecArgs},
    bind::{Contents, Slot, bind},
    dtype::numpy,
    failure::{Failure, Outcome},
    kernel::{check_constants, device_name, load_kernel, load_module, runtime},
    npy::show_shape,
    results::Pending,
    show::{self, Progress, Spread},
};

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    kernel: String,
    device: String,
    tiles: u64,
    compile_ms: f64,
    runs: Vec<Run>,
    bytes_up: u64,
    bytes_down: u64,
}

#[derive(Serialize)]
struct Run {
    kernel_ms: f64,
    total_ms: f64,
}

/// Runs the command.
pub fn exec(args: &ExecArgs) -> Outcome {
    let module = load_module(&args.call)?;
    let kernel = load_kernel(&args.call, &module)?;
    check_constants(&args.call, &module, &kernel)?;
    check_tiles(&args.call)?;
    let mut slots = bind(&kernel, &args.call, args.repeat > 1)?;
    check_memory(&args.call, &kernel, &slots)?;

    let runtime = runtime(&args.call.device)?;
    let device = device_name(&args.call.device);
    let start = Instant::now();
    let device = choose(&runtime, &kernel, device, &slots)?;
    let compile = device.prepare(&kernel)?;
    let reports = repeat(args, &runtime, &kernel, &device, &mut slots, start)?;

    let files = save(slots)?;
    if args.json {
        return show::json(&document(&kernel, &device, compile, &reports));
    }
    summarize(&kernel, &device, compile, &reports);
    files.iter().for_each(|line| eprintln!("{line}"));
    Ok(())
}

fn check_tiles(args: &CallArgs) -> Outcome {
    match args.tiles {
        Some(2..) => Err(Failure::wrong(
            "--tiles: this version runs a call as one tile; cutting it into several comes with the planner",
            "leave --tiles out, or give 1",
        )),
        _ => Ok(()),
    }
}

fn check_memory(args: &CallArgs, kernel: &Kernel, slots: &[Slot]) -> Outcome {
    let needed: u64 = slots.iter().map(Slot::bytes).sum();
    match args.memory {
        Some(limit) if needed > limit => Err(Failure::wrong(
            format!(
                "kernel `{}` needs {} of device memory for its bindings, and --memory allows {}; \
                 running it in tiles that fit comes with the planner",
                kernel.name(),
                show::bytes(needed),
                show::bytes(limit)
            ),
            format!("allow at least --memory {needed}, or leave it out"),
        )),
        _ => Ok(()),
    }
}

/// The device to run on: the one named, or the best that can run this kernel on this data.
fn choose(runtime: &Runtime, kernel: &Kernel, name: &str, slots: &[Slot]) -> Outcome<Device> {
    let largest = slots.iter().map(Slot::bytes).max().unwrap_or(0);
    Ok(match name {
        "auto" => runtime.device_for(kernel, largest)?,
        _ => runtime.device(name)?,
    })
}

/// The runs, within the time that `--timeout` leaves from `start` on.
fn repeat(
    args: &ExecArgs,
    runtime: &Runtime,
    kernel: &Kernel,
    device: &Device,
    slots: &mut [Slot],
    start: Instant,
) -> Outcome<Vec<Report>> {
    let progress = Progress::new(u64::from(args.repeat), kernel.name());
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
        reports.push(run_once(args, runtime, kernel, device, slots, left)?);
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
    left: Option<Duration>,
) -> Outcome<Report> {
    let mut call = runtime.call(kernel).device(device);
    if let Some(left) = left {
        call = call.deadline(left);
    }
    for slot in slots {
        let name = &slot.name;
        // The types were compared when the files were read.
        call = match &mut slot.contents {
            Contents::Uniform(bytes) => call.uniform_bytes(name, bytes),
            Contents::Read(data) => call.read(name, Untyped(data.bytes())),
            Contents::Unwritten(data) => call.read_write(name, Untyped(data.bytes_mut())),
            Contents::Write(written) => call.read_write(name, Untyped(written.memory.bytes_mut())),
        };
    }
    let call = match (args.call.grid, args.call.workgroups) {
        (Some(grid), _) => call.grid(grid.0),
        (None, Some(workgroups)) => call.workgroups(workgroups.0),
        (None, None) => {
            return Err(Failure::wrong("the size of the grid is missing", "add --grid X or --workgroups X"));
        }
    };
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
            let (file, array) = written.into_array();
            pending.push(Pending::write(&file, &array)?);
            let dtype = numpy(array.data.scalar());
            lines.push(format!("  {} -> {}: {dtype} {}", slot.name, file.display(), show_shape(&array.shape)));
        }
    }
    pending.into_iter().try_for_each(Pending::commit)?;
    Ok(lines)
}

fn document(kernel: &Kernel, device: &Device, compile: Duration, reports: &[Report]) -> Document {
    let last = reports.last();
    Document {
        kernel: kernel.name().to_string(),
        device: device.name().to_string(),
        tiles: 1,
        compile_ms: show::millis(compile),
        runs: reports
            .iter()
            .map(|report| Run { kernel_ms: show::millis(report.kernel_time()), total_ms: show::millis(total(report)) })
            .collect(),
        bytes_up: last.map_or(0, Report::bytes_up),
        bytes_down: last.map_or(0, Report::bytes_down),
    }
}

/// Transfers and the kernel; compilation is reported by itself.
fn total(report: &Report) -> Duration {
    report.total_time().saturating_sub(report.compile_time())
}

fn summarize(kernel: &Kernel, device: &Device, compile: Duration, reports: &[Report]) {
    let kernels = Spread::of(reports.iter().map(Report::kernel_time));
    let totals = Spread::of(reports.iter().map(total));
    let Some(last) = reports.last() else { return };
    let [x, y, z] = last.workgroups();
    eprintln!("{} on {}: {x} x {y} x {z} workgroups", kernel.name(), device.name());
    eprintln!("  kernel {kernels}, with transfers {totals}; compiled in {}", show::time(compile));
    eprintln!("  {} up, {} down", show::bytes(last.bytes_up()), show::bytes(last.bytes_down()));
}
