//! Files that a command would write over.

use std::path::PathBuf;

use swath::{Checkpoint, file::place_of};

use super::{
    args::ExecArgs,
    failure::{Failure, Outcome},
    values::is_stream,
};

/// What a command does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Kernel,
    Input,
    Result,
    Trace,
    Checkpoint,
    /// What stands beside a checkpoint.
    CheckpointData,
}

impl Use {
    fn words(self) -> &'static str {
        match self {
            Use::Kernel => "the kernel",
            Use::Input => "an input",
            Use::Result => "a result",
            Use::Trace => "the trace",
            Use::Checkpoint => "the checkpoint",
            Use::CheckpointData => "the checkpoint's data",
        }
    }

    /// Whether one of the two would be lost in one file. A result may take the place of an input, which is read before; that two
    /// results have files of their own is seen to where they are bound.
    fn clashes(self, other: Use) -> bool {
        let is_own = |use_: Use| matches!(use_, Use::Trace | Use::Checkpoint | Use::CheckpointData);
        is_own(self) || is_own(other) || (self == Use::Kernel && other == Use::Result)
    }
}

/// Refuses a trace, a checkpoint or a result in the place of another file of the command, before anything is written.
pub fn check(args: &ExecArgs) -> Outcome {
    let call = &args.call;
    let mut files: Vec<(Use, PathBuf)> = vec![(Use::Kernel, call.kernel.clone())];
    files.extend(call.inputs.iter().map(|arg| (Use::Input, arg.file.clone())));
    files.extend(call.inouts.iter().map(|arg| (Use::Input, arg.file.clone())));
    files.extend(call.inouts.iter().map(|arg| (Use::Result, arg.result().to_owned())));
    files.extend(call.outputs.iter().map(|arg| (Use::Result, arg.file.clone())));
    files.extend(args.trace.iter().map(|file| (Use::Trace, file.clone())));
    if let Some(checkpoint) = &args.checkpoint {
        files.push((Use::Checkpoint, checkpoint.clone()));
        files.push((Use::CheckpointData, Checkpoint::data_path(checkpoint)));
    }
    // What has no place is refused where it is opened.
    let place = |(of, file): (Use, PathBuf)| Some((of, place_of(&file).ok()?, file));
    let files: Vec<_> = files.into_iter().filter(|(_, file)| !is_stream(file)).filter_map(place).collect();
    for (at, (of, place, file)) in files.iter().enumerate() {
        let other = files[..at].iter().find(|(other, other_place, _)| other_place == place && other.clashes(*of));
        if let Some((other, ..)) = other {
            let problem = format!("`{}` would be {} and {}", file.display(), other.words(), of.words());
            return Err(Failure::wrong(problem, "give each a file of its own"));
        }
    }
    Ok(())
}
