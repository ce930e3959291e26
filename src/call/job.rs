//! Calls that are planned and not yet run.

use std::{fmt, time::Duration};

use super::{Call, checkpoint::finish_recorded, launch::Checked};
use crate::{
    cost::{Basis, Prediction, Work, WorkAsked},
    device::{Device, Sharing},
    error::Result,
    journal::FinalFile,
    plan::Plan,
    report::Report,
};

/// What a call is predicted to take on a device, transfers included and compilation left out. Printed, it reads as one line.
#[derive(Clone, Debug)]
pub struct Predicted {
    pub(super) device: Device,
    /// The devices that share it with that one.
    pub(super) others: Vec<Device>,
    pub(super) prediction: Prediction,
    /// What the device draws, if that is asked for and known.
    pub(super) watts: Option<f64>,
}

impl Predicted {
    /// Of devices that share a call.
    pub(super) fn shared(sharing: &Sharing) -> Predicted {
        let mut devices = sharing.devices.iter().cloned();
        let device = devices.next().expect("several share it");
        Predicted { device, others: devices.collect(), prediction: sharing.prediction(), watts: None }
    }

    /// The device; of several that share the call, the first.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The devices that share the call with that one; none where it runs all of it.
    pub fn others(&self) -> &[Device] {
        &self.others
    }

    /// How long the call is predicted to take there.
    pub fn time(&self) -> Duration {
        Duration::try_from_secs_f64(self.prediction.seconds).unwrap_or(Duration::MAX)
    }

    /// Joules that it is predicted to take, for calls that [prefer](crate::Call::prefer) energy; nothing where that is not known.
    pub fn energy(&self) -> Option<f64> {
        self.watts.map(|watts| watts * self.prediction.seconds)
    }

    /// Calls that were seen and that this is made from; none where it is made from what was counted on the kernel and what
    /// the device can do.
    pub fn observations(&self) -> u64 {
        self.prediction.observations
    }

    /// What it is made from.
    pub fn basis(&self) -> Basis {
        self.prediction.basis
    }
}

impl fmt::Display for Predicted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3?}", self.time())?;
        if let Some(joules) = self.energy() {
            write!(f, " and {joules:.3} J")?;
        }
        write!(f, " on {}", self.device.describe())?;
        self.others.iter().try_for_each(|other| write!(f, " and {}", other.describe()))?;
        write!(f, ", from ")?;
        let count = self.observations();
        let s = if count == 1 { "" } else { "s" };
        match self.basis() {
            Basis::Runs => write!(f, "{count} run{s} like it"),
            Basis::OtherSizes => write!(f, "{count} run{s} of other sizes"),
            Basis::Alone => write!(f, "what each takes alone"),
            Basis::Ceilings => write!(f, "its operations and bytes and what the device can do"),
        }
    }
}

/// What is brief, in seconds: opening a GPU takes several times as long.
const BRIEF: f64 = 0.05;

/// Seconds that some work takes on a core that does half a thousand million operations in each.
fn at_leisure(work: &Work) -> f64 {
    let Work { operations, accesses, atomics, bytes, .. } = work;
    (operations + accesses + 10.0 * atomics + bytes / 4.0) / 5e8
}

/// A call that is checked and planned. Printed, it says how it will run; [`run`](Job::run) runs it.
#[must_use = "a job does nothing until it is run"]
pub struct Job<'a> {
    checked: Checked<'a>,
}

impl<'a> Call<'a> {
    /// Checks the call and plans it: which device, how the grid is cut and why, where the data of each binding is.
    /// Nothing runs yet.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Call::run) that come before anything runs.
    ///
    /// ```
    /// let rt = swath::Runtime::new()?;
    /// let module = rt.module(
    ///     "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
    ///      @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
    ///          if id.x < arrayLength(&y) { y[id.x] = id.x; }
    ///      }",
    /// )?;
    /// let mut y = vec![0u32; 1000];
    /// let job = rt.call(&module.kernel("count")?).write("y", &mut y).grid([1000]).plan()?;
    /// println!("{job}");
    /// println!("{}", job.run()?);
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn plan(self) -> Result<Job<'a>> {
        Ok(Job { checked: self.check_with(true)? })
    }
}

impl Job<'_> {
    /// The plan; of several devices, that of the first.
    pub fn plan(&self) -> &Plan {
        self.checked.placement.plan.as_deref().expect("a job is planned when it is made")
    }

    /// The plans of all devices that share the call; that of the one device where one runs all of it.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.checked.plans()
    }

    /// What the call is predicted to take: first on the device that was chosen, then on the others that could run it. Empty where
    /// nothing is known of them, and for calls of a kind that is not predicted: with data in [buffers](crate::Buffer), shared by
    /// several devices that the caller named, or in tiles that were asked for.
    pub fn predictions(&self) -> &[Predicted] {
        &self.checked.placement.predicted
    }

    /// The device that it runs on; of several, the first.
    pub fn device(&self) -> &Device {
        &self.checked.placement.device
    }

    /// Time spent compiling so far, to find out whether the device can run the kernel; part of what the
    /// [report](crate::Report) gives in the end.
    pub fn compile_time(&self) -> Duration {
        self.checked.placement.compile
    }

    /// Whether the CPU engine has done the call sooner than a process takes to open a GPU, as its work is counted and at a pace that
    /// any machine keeps.
    #[doc(hidden)]
    pub fn is_brief(&self) -> bool {
        let call = &self.checked.call;
        let asked = WorkAsked::count(&call.kernel, &call.given(self.checked.workgroups));
        asked.is_ok_and(|asked| !asked.is_guessed && at_leisure(&asked.work) < BRIEF)
    }

    /// Goes on with giving the files of a call with a checkpoint, all of whose units are done, their names; or finds that it is
    /// done. Bindings that `is_replaced` names are not compared with what they were.
    #[doc(hidden)]
    pub fn finish_checkpoint(&self, files: &[FinalFile], is_replaced: &dyn Fn(&str) -> bool) -> Result<()> {
        let recorded = self.checked.recorded();
        recorded.map_or(Ok(()), |recorded| finish_recorded(&self.checked.call.kernel, &recorded, files, is_replaced))
    }

    /// Runs it and waits for its results. A [deadline](Call::deadline) counts from when the job was planned.
    ///
    /// # Errors
    ///
    /// Those of [`Call::run`].
    pub fn run(self) -> Result<Report> {
        self.checked.launch()
    }
}

impl fmt::Display for Job<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plans().try_for_each(|plan| plan.fmt(f))?;
        self.predictions().iter().try_for_each(|predicted| writeln!(f, "  predicted: {predicted}"))
    }
}

impl fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("plan", self.plan()).finish_non_exhaustive()
    }
}
