//! `swath exec --checkpoint`: a call that goes on where an earlier process stopped.

use std::{fmt::Write, path::Path, time::Duration};

use swath::{
    Call, CancelToken, Checkpoint, Device, Error, FinalFile, Kernel, Progress as Stage, Report, Runtime,
    file::{FileIdentity, FileSystem, System, place_of, remove_unused},
};

use super::{
    args::ExecArgs,
    bind::{Contents, Purpose, Slot, bind},
    exec::{call_with, document, say_where, summarize},
    failure::{Failure, Outcome},
    kernel::{check_constants, load_kernel, load_module, runtime},
    part::final_file,
    results::unwritten,
    show::{self, Progress},
    signals,
    tracing::Tracing,
    written::InFile,
};

/// Runs the command, or what is left of it.
pub fn exec(args: &ExecArgs, path: &Path) -> Outcome {
    if args.repeat > 1 {
        return Err(Failure::wrong(
            "--checkpoint is for one run, and --repeat asks for several",
            "leave one of them out",
        ));
    }
    let module = load_module(&args.call)?;
    let kernel = load_kernel(&args.call, &module)?;
    check_constants(&args.call, &module, &kernel)?;
    Tracing::check(args.trace.as_deref())?;
    match Checkpoint::progress(path).map_err(failed)? {
        Stage::Finishing(files) => complete(args, path, &kernel, &files, false),
        Stage::Done(files) => complete(args, path, &kernel, &files, true),
        stage => compute(args, path, &kernel, stage == Stage::Begun),
    }
}

/// All is computed: gives files their names that have not got them, and says that it is done.
fn complete(args: &ExecArgs, path: &Path, kernel: &Kernel, named: &[(String, FileIdentity)], is_done: bool) -> Outcome {
    let id = Checkpoint::id(path)?;
    let mut slots = bind(kernel, &args.call, Purpose::Look)?;
    let files = results(&slots).map(|(name, file)| final_file(name, file, id)).collect::<Outcome<Vec<_>>>()?;
    // A result that has taken the place of its own input cannot be compared with what that was.
    let is_in_place = |name: &str| {
        let inout = args.call.inouts.iter().find(|inout| inout.name == name);
        let file = files.iter().find(|file| file.name == name);
        let (Some(inout), Some(file)) = (inout, file) else { return false };
        let now = System.identity(&file.target).ok().flatten();
        let is_result = named.iter().any(|(of, known)| of == name && now == Some(*known));
        is_result && place_of(&inout.file).is_ok_and(|input| input == file.target)
    };
    let runtime = runtime(&args.call.device)?;
    let job = call(args, path, &runtime, kernel, &mut slots)?.plan()?;
    let units = job.plan().tiles.units();
    let device = job.device().clone();
    job.finish_checkpoint(&files, &is_in_place).map_err(failed)?;
    drop(job);
    if args.json {
        let mut document = document(kernel, &device, Duration::ZERO, &[]);
        document.resumed = Some(units);
        return show::json(&document);
    }
    let what = if is_done { "nothing is left to do" } else { "only the results had to be put in their places" };
    eprintln!("{} is done, says `{}`: {what}", kernel.name(), path.display());
    files.iter().for_each(|file| eprintln!("  {} is in {}", file.name, file.target.display()));
    Ok(())
}

/// Computes what is missing.
fn compute(args: &ExecArgs, path: &Path, kernel: &Kernel, is_begun: bool) -> Outcome {
    let id = Checkpoint::id(path)?;
    let runtime = runtime(&args.call.device)?;
    let trace = Tracing::begin(&runtime, args.trace.as_deref());
    let result = bind(kernel, &args.call, Purpose::Recorded { id, is_begun }).and_then(|mut slots| {
        let (device, report) = run(args, path, &runtime, kernel, &mut slots)?;
        Ok((device, report, slots))
    });
    let (device, report, slots) = match result {
        Ok(done) => done,
        Err(failure) => {
            discard_unrecorded(args, path, id);
            return Err(failure);
        }
    };
    let mut lines = Vec::new();
    let mut files: Vec<FinalFile> = Vec::new();
    for slot in slots {
        if let Contents::Write(written) = slot.contents {
            let (file, what) = written.describe();
            lines.push(format!("  {} -> {}: {what}", slot.name, file.display()));
            files.push(written.finish(&slot.name, id)?);
        }
    }
    if !report.finish_checkpoint(&files).map_err(failed)? {
        // A grid of nothing.
        for file in &files {
            let placed = System.rename(&file.temporary, &file.target).and_then(|()| System.sync_folder(&file.target));
            placed.map_err(|error| unwritten(&file.target, &error))?;
        }
    }
    trace.map_or(Ok(()), Tracing::finish)?;
    let reports = [report];
    let compile = reports[0].compile_time();
    if args.json {
        let mut document = document(kernel, &device, compile, &reports);
        document.resumed = Some(reports[0].resumed_units());
        return show::json(&document);
    }
    say_resumed(&reports[0]);
    summarize(kernel, compile, &reports);
    lines.iter().for_each(|line| eprintln!("{line}"));
    Ok(())
}

/// Runs the call until it is done, or a signal or the clock stops it.
fn run(
    args: &ExecArgs,
    path: &Path,
    runtime: &Runtime,
    kernel: &Kernel,
    slots: &mut [Slot],
) -> Outcome<(Device, Report)> {
    let progress = Progress::of_units(kernel.name());
    let token = CancelToken::new();
    let (mut units, mut done) = (0, 0);
    let mut call = call(args, path, runtime, kernel, slots)?.cancel(&token).progress(|event| {
        (units, done) = (event.units, event.units_done);
        progress.reach(event.units_done.into(), event.units.into());
    });
    if let Some(limit) = args.timeout {
        call = call.deadline(limit);
    }
    let job = call.plan()?;
    say_where(&args.call, &job);
    let device = job.device().clone();
    signals::cancels(Some(&token));
    let result = job.run();
    // From here on a signal ends the command at once, and loses nothing.
    signals::cancels(None);
    drop(progress);
    match result {
        Ok(report) => Ok((device, report)),
        Err(error) => Err(stopped(args, path, kernel, error, (done, units))),
    }
}

/// Removes what a call has made that was refused before anything was recorded.
fn discard_unrecorded(args: &ExecArgs, path: &Path, id: u64) {
    if !matches!(Checkpoint::progress(path), Ok(Stage::None)) {
        return;
    }
    let inouts = args.call.inouts.iter().map(|arg| arg.result());
    for file in inouts.chain(args.call.outputs.iter().map(|arg| arg.file.as_path())) {
        if let Ok(file) = final_file("", file, id) {
            remove_unused(&file.temporary);
        }
    }
}

fn say_resumed(report: &Report) {
    let units = report.plan().map_or(0, |plan| plan.tiles.units());
    if report.resumed_units() > 0 {
        eprintln!("{} of {units} units had been done before", report.resumed_units());
    }
}

/// Ends a command that did not come to its end: as the signal would have, if one came.
fn stopped(args: &ExecArgs, path: &Path, kernel: &Kernel, error: Error, (done, units): (u32, u32)) -> Failure {
    let mut sentence = match error {
        Error::Cancelled(_) if signals::is_asked_to_end() => format!("kernel `{}` was stopped", kernel.name()),
        Error::Deadline(_) => {
            let limit = args.timeout.unwrap_or_default().as_secs_f64();
            format!("kernel `{}` was not done after {limit} s (--timeout)", kernel.name())
        }
        error => return failed(error),
    };
    // Writing to a string does not fail.
    let _ = write!(
        sentence,
        "; {done} of {units} units are done, and recorded in `{}`\n  help: the same command goes on from there",
        path.display()
    );
    if signals::is_asked_to_end() {
        eprintln!("{sentence}");
        signals::end_as_asked();
    }
    Failure::Failed(sentence)
}

/// A disk that fails is no wrong call.
fn failed(error: Error) -> Failure {
    match error {
        Error::Io(message) => Failure::Failed(message.to_string()),
        error => error.into(),
    }
}

/// The results, by binding and file.
fn results(slots: &[Slot]) -> impl Iterator<Item = (&str, &Path)> {
    slots.iter().filter_map(|slot| match &slot.contents {
        Contents::Write(written) => Some((slot.name.as_str(), written.describe().0)),
        _ => None,
    })
}

/// The call that the command line describes, with its checkpoint.
fn call<'a>(
    args: &ExecArgs,
    path: &Path,
    runtime: &Runtime,
    kernel: &Kernel,
    slots: &'a mut [Slot],
) -> Outcome<Call<'a>> {
    // Where results go, and what they are called there.
    let mut note = String::new();
    for slot in slots.iter() {
        if let Contents::Write(written) = &slot.contents {
            let (file, what) = written.describe();
            let place = place_of(file).unwrap_or_else(|_| file.to_owned());
            // Writing to a string does not fail.
            let _ = writeln!(note, "{:?} {:?} {what}", slot.name, place);
        }
    }
    let mut checkpoint = Checkpoint::new(path).note(note.as_bytes());
    let mut files = Vec::new();
    let call = call_with(&args.call, runtime, kernel, slots, |name, written| {
        let (memory, in_file) = written.lend()?;
        files.extend(in_file.map(|file| (name.to_owned(), file)));
        Ok(memory.bytes_mut())
    })?;
    for (name, InFile { file, start, is_fresh }) in files {
        checkpoint = checkpoint.in_file(&name, file, start, is_fresh);
    }
    Ok(call.checkpoint(checkpoint))
}
