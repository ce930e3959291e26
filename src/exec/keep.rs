//! A journal that is kept while members work: on the thread that waits for them, so that none of them waits for a disk.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use super::trace::Track;
use crate::{
    error::{Error, Message, Result},
    journal::{Journal, Memory, Step},
    kernel::Kernel,
    plan::Plan,
};

/// The journal of a launch.
pub(super) struct Keeping<'k> {
    pub kernel: &'k Kernel,
    pub plan: &'k Plan,
    pub journal: &'k mut Journal,
    pub track: Option<Track<'k>>,
    pub start: Instant,
}

/// What the journal waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing, for so long.
    Time(Duration),
    /// That members fold their copies of merged bindings in, which they may take so long for.
    Folds(Duration),
}

/// The shortest wait before the journal is looked at again, and how long members may take to fold.
const SHORT: Duration = Duration::from_micros(20);
const LONG: Duration = Duration::from_millis(100);

impl Keeping<'_> {
    /// Takes in what landed, and does what is to be done now. `is_last` where nothing more will land.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn tend(&mut self, landed: Vec<Range<u32>>, memory: &dyn Memory, is_last: bool) -> Result<Wanted> {
        let began = Instant::now();
        self.journal.landed(landed);
        let extents = |at: usize, units: Range<u32>| self.plan.writes(at, units);
        let start = self.start;
        let before = self.journal.length();
        let step = self.journal.tend(memory, &extents, &|| start.elapsed(), is_last);
        if let Some(track) = self.track.filter(|_| self.journal.length() > before) {
            track.kept(began);
        }
        match step {
            Ok(Step::Gather) => Ok(Wanted::Folds(LONG)),
            Ok(Step::Wait(time)) => Ok(Wanted::Time(time.max(SHORT))),
            Ok(_) => Ok(Wanted::Time(SHORT)),
            Err(error) => Err(unkept(self.kernel, error)),
        }
    }
}

/// The error of a call whose journal cannot be written.
pub(crate) fn unkept(kernel: &Kernel, error: std::io::Error) -> Error {
    let message = kernel.message(format!("its checkpoint cannot be written: {error}")).cause(error);
    Error::Io(message.help("what was recorded before is good: make room, and run the same call again"))
}

/// The error of a call whose journal does not fit its units.
pub(super) fn misfit(range: &Range<u32>) -> Error {
    let problem =
        format!("its checkpoint records the units {} to {} twice, or there are none such", range.start, range.end);
    Error::Call(Message::new(problem).help("remove the checkpoint"))
}
