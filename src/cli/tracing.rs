//! `--trace`: a file of what was done when.

use std::path::{Path, PathBuf};

use swath::{Runtime, Trace};

use super::{
    failure::{Failure, Outcome},
    results,
};

/// A trace, and the file that it goes to.
pub struct Tracing {
    trace: Trace,
    file: PathBuf,
}

impl Tracing {
    /// Refuses a file that could not be written, before the work.
    pub fn check(file: Option<&Path>) -> Outcome {
        file.map_or(Ok(()), |file| results::check_target(file).map(|_| ()))
    }

    /// Begins to record, if there is a file for it.
    pub fn begin(runtime: &Runtime, file: Option<&Path>) -> Option<Tracing> {
        Some(Tracing { trace: runtime.trace(), file: file?.to_owned() })
    }

    /// Writes the file.
    pub fn finish(self) -> Outcome {
        let Tracing { trace, file } = self;
        trace.save(&file).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))
    }
}
