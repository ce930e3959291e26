//! What calls do and when, recorded for those who want to see it.

use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What is recorded of the calls of a runtime.
pub(crate) struct Recorder {
    start: Instant,
    recorded: Mutex<Recorded>,
}

#[derive(Clone, Default)]
pub(crate) struct Recorded {
    /// The names of rows.
    pub rows: Vec<String>,
    pub events: Vec<Event>,
}

/// Something that took time.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// By number among the rows.
    pub row: usize,
    pub activity: Activity,
    pub kernel: String,
    /// Since the recording began.
    pub start: Duration,
    pub took: Duration,
    pub units: Option<Range<u32>>,
}

/// What a device, or the thread that feeds it, is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// From the claim of a run of units until its results are where they belong.
    Claim,
    Compile,
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    Upload,
    Kernel,
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    Download,
    Wait,
    /// The journal of a call with a checkpoint is written.
    Checkpoint,
    /// Units that an earlier run of a call with a checkpoint has done.
    Resumed,
}

impl Activity {
    pub fn name(self) -> &'static str {
        match self {
            Activity::Claim => "claim",
            Activity::Compile => "compile",
            Activity::Upload => "upload",
            Activity::Kernel => "kernel",
            Activity::Download => "download",
            Activity::Wait => "wait",
            Activity::Checkpoint => "checkpoint",
            Activity::Resumed => "resumed",
        }
    }
}

impl Recorder {
    pub fn new() -> Recorder {
        Recorder { start: Instant::now(), recorded: Mutex::default() }
    }

    /// What was recorded so far.
    pub fn recorded(&self) -> Recorded {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row(&self, name: String) -> usize {
        let rows = &mut self.lock().rows;
        rows.iter().position(|row| *row == name).unwrap_or_else(|| {
            rows.push(name);
            rows.len() - 1
        })
    }
}

/// Where a device's events in a call go.
#[derive(Clone, Copy)]
pub(crate) struct Track<'r> {
    pub recorder: &'r Recorder,
    pub device: &'r str,
    pub kernel: &'r str,
}

impl<'r> Track<'r> {
    /// Records how long the span lives.
    pub fn span(self, activity: Activity) -> Span<'r> {
        Span { track: self, activity, start: Instant::now() }
    }

    /// Records what took so long until now.
    pub fn ended(self, activity: Activity, took: Duration) {
        let now = self.recorder.start.elapsed();
        self.record("", activity, now.saturating_sub(took), took, None);
    }

    /// Records a kernel on a device with a clock of its own, whose results were there at `landed`.
    #[cfg(feature = "gpu")]
    pub fn computed(self, landed: Instant, took: Duration) {
        let end = landed.saturating_duration_since(self.recorder.start);
        self.record(" kernels", Activity::Kernel, end.saturating_sub(took), took, None);
    }

    /// Records a claim that is settled now. Claims of one device overlap: each of `lanes` has a row.
    pub fn settled(self, lane: usize, began: Instant, units: Range<u32>) {
        let start = began.saturating_duration_since(self.recorder.start);
        self.record(&format!(" claims {lane}"), Activity::Claim, start, began.elapsed(), Some(units));
    }

    /// Records that the journal was written from `began` until now.
    pub fn kept(self, began: Instant) {
        let start = began.saturating_duration_since(self.recorder.start);
        self.record(" checkpoint", Activity::Checkpoint, start, began.elapsed(), None);
    }

    /// Records units that an earlier run has done.
    pub fn resumed(self, units: Range<u32>) {
        let now = self.recorder.start.elapsed();
        self.record(" checkpoint", Activity::Resumed, now, Duration::ZERO, Some(units));
    }

    fn record(self, row: &str, activity: Activity, start: Duration, took: Duration, units: Option<Range<u32>>) {
        let row = self.recorder.row(format!("{}{row}", self.device));
        let kernel = self.kernel.to_owned();
        self.recorder.lock().events.push(Event { row, activity, kernel, start, took, units });
    }
}

/// Something that goes on until this is dropped.
pub(crate) struct Span<'r> {
    track: Track<'r>,
    activity: Activity,
    start: Instant,
}

impl Drop for Span<'_> {
    fn drop(&mut self) {
        let start = self.start.saturating_duration_since(self.track.recorder.start);
        self.track.record("", self.activity, start, self.start.elapsed(), None);
    }
}

/// A span of a call that is recorded, if it is.
pub(crate) fn span<'r>(track: Option<Track<'r>>, activity: Activity) -> Option<Span<'r>> {
    track.map(|track| track.span(activity))
}

/// Records a compilation that ended now, if there was one.
pub(crate) fn compiled(track: Option<Track<'_>>, took: Duration) {
    if let Some(track) = track.filter(|_| !took.is_zero()) {
        track.ended(Activity::Compile, took);
    }
}
