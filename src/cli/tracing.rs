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
    /// Begins to record, once it is clear that the file can be written.
    pub fn begin(runtime: &Runtime, file: &Path) -> Outcome<Tracing> {
        results::check_target(file)?;
        Ok(Tracing { trace: runtime.trace(), file: file.to_owned() })
    }

    /// Writes the file.
    pub fn finish(self) -> Outcome {
        let Tracing { trace, file } = self;
        trace.save(&file).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))
    }
}
