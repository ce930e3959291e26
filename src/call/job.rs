//! Calls that are planned and not yet run.

use std::{fmt, time::Duration};

use super::{Call, checkpoint::finish_recorded, launch::Checked};
use crate::{device::Device, error::Result, journal::FinalFile, plan::Plan, report::Report};

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
        self.checked.plan.as_deref().expect("a job is planned when it is made")
    }

    /// The plans of all devices that share the call; that of the one device where one runs all of it.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.checked.plans()
    }

    /// The device that it runs on; of several, the first.
    pub fn device(&self) -> &Device {
        &self.checked.device
    }

    /// Time spent compiling so far, to find out whether the device can run the kernel; part of what the
    /// [report](crate::Report) gives in the end.
    pub fn compile_time(&self) -> Duration {
        self.checked.compile
    }

    /// Goes on with giving the files of a call with a checkpoint, all of whose units are done, their names; or finds that it is
    /// done. Bindings that `is_replaced` names are not compared with what they were.
    #[doc(hidden)]
    pub fn finish_checkpoint(&self, files: &[FinalFile], is_replaced: &dyn Fn(&str) -> bool) -> Result<()> {
        let recorded = self.checked.recorded();
        recorded.map_or(Ok(()), |recorded| finish_recorded(&self.checked.kernel, &recorded, files, is_replaced))
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
        self.plans().try_for_each(|plan| plan.fmt(f))
    }
}

impl fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("plan", self.plan()).finish_non_exhaustive()
    }
}
