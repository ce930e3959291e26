//! From a call to a launch: what needs the whole call to be checked, the device, the memory.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Call,
    args::{Arg, Data},
    bind,
    checkpoint::Checkpoint,
    place::Placement,
    progress::Watchers,
    split::{Split, SplitMember},
    uniform::Uniforms,
};
use crate::{
    device::Device,
    error::{Error, Message, Result},
    exec::{
        ArgData, Launch, Metrics, Watcher,
        split::{self, Member, MemberMetrics, SplitLaunch},
        stop::{Armed, LeftBehind},
        trace::{Recorder, Track},
    },
    journal::Journal,
    kernel::Kernel,
    plan::Plan,
    report::{MemberReport, Report},
};

/// A call that nothing is wrong with, and the device it goes to.
pub(super) struct Checked<'a> {
    pub kernel: Kernel,
    pub device: Device,
    pub args: Vec<Option<Arg<'a>>>,
    pub(super) uniforms: Uniforms,
    pub(super) workgroups: [u32; 3],
    start: Instant,
    pub stop: Option<Armed>,
    /// How it is cut; nothing for one tile of data that fits.
    pub plan: Option<Arc<Plan>>,
    watchers: Watchers<'a>,
    /// Where it records what it has done.
    pub checkpoint: Option<Checkpoint<'a>>,
    /// Time spent compiling to find out whether the device can run the kernel.
    pub compile: Duration,
    /// Who shares it; nothing where the device runs all of it.
    split: Option<Split>,
    /// Who records it.
    recorder: Option<Arc<Recorder>>,
}

impl<'a> Call<'a> {
    /// Everything that can be checked without running.
    pub(super) fn check(self) -> Result<Checked<'a>> {
        self.check_with(false)
    }

    /// As [`check`](Call::check), and makes a plan whether it is needed or not.
    pub(super) fn check_with(mut self, planned: bool) -> Result<Checked<'a>> {
        let start = Instant::now();
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let kernel = &self.kernel;
        kernel.check_complete()?;
        self.check_missing().map_err(Error::Call)?;
        self.uniforms.check_complete(kernel).map_err(Error::Call)?;
        self.check_aliases().map_err(Error::Call)?;
        let workgroups = match self.extent {
            Some(extent) => extent.workgroups(kernel).map_err(Error::Call)?,
            None => self.infer_grid()?,
        };
        let Placement { device, plan, compile, split } = self.place(workgroups, planned)?;
        let stop = Armed::new(Some(kernel), start, self.deadline, self.tokens)?;
        Ok(Checked {
            kernel: self.kernel,
            device,
            args: self.args,
            uniforms: self.uniforms,
            workgroups,
            start,
            stop,
            plan,
            watchers: self.watchers,
            checkpoint: self.checkpoint,
            compile,
            split,
            recorder: self.devices.recorder(),
        })
    }

    /// Refuses a call that leaves storage bindings out.
    fn check_missing(&self) -> Result<(), Message> {
        bind::check_missing(
            &self.kernel,
            |place| self.args[place].is_some(),
            |method, binding| {
                format!("bind it with .{method}(\"{}\", ..), which takes {}", binding.name, binding.shape.name)
            },
        )
    }

    /// Refuses one buffer under two names where the kernel writes under one of them.
    fn check_aliases(&self) -> Result<(), Message> {
        let memory = |place: usize| match &self.args[place] {
            Some(Arg { data: Data::Resident { memory, .. }, .. }) => Some(Arc::as_ptr(memory)),
            _ => None,
        };
        bind::check_aliases(&self.kernel, |i, j| match (memory(i), memory(j)) {
            (Some(first), Some(second)) => std::ptr::addr_eq(first, second),
            _ => false,
        })
    }
}

impl Checked<'_> {
    /// The plans of all devices that take part.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        let split = self.split.iter().flat_map(|split| split.members.iter().map(|member| &*member.plan));
        split.chain(self.plan.as_deref().filter(|_| self.split.is_none()))
    }

    /// All devices that take part.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        let split = self.split.iter().flat_map(|split| split.members.iter().map(|member| &member.device));
        split.chain(Some(&self.device).filter(|_| self.split.is_none()))
    }

    /// Whether it runs by units that are claimed.
    pub fn is_shared(&self) -> bool {
        self.split.is_some()
    }

    /// Runs it. The results are in the arguments then.
    pub fn launch(mut self) -> Result<Report> {
        self.run()
    }

    /// As [`launch`](Checked::launch), and leaves the arguments to be taken out.
    pub fn run(&mut self) -> Result<Report> {
        let stop = self.stop.as_ref().map(|armed| &**armed.stop());
        if let Some(stop) = stop.filter(|stop| stop.is_due()) {
            return Err(stop.error(LeftBehind::Nothing));
        }
        let recorded = self.recorded();
        let mut journal = recorded.as_ref().map(|recorded| self.open_journal(recorded)).transpose()?;
        let resumed = journal.iter().flat_map(Journal::committed).map(|units| units.end - units.start).sum();
        let (mut metrics, members) = if resumed > 0 && self.split.is_none() {
            // A call that is not cut is recorded as a whole.
            (Metrics::default(), Vec::new())
        } else {
            self.compute(journal.as_mut())?
        };
        if let (Some(journal), None, Some(plan), 0) = (&mut journal, &self.split, &self.plan, resumed) {
            self.record_all(journal, plan)?;
        }
        metrics.compile += self.compile;
        Ok(Report {
            kernel: self.kernel.clone(),
            device: self.device.clone(),
            plan: self.plan.clone(),
            metrics,
            members,
            total: self.start.elapsed(),
            workgroups: self.workgroups,
            resumed,
            recorded: recorded.map(Arc::new),
        })
    }

    /// Runs what is not recorded yet.
    fn compute(&mut self, journal: Option<&mut Journal>) -> Result<(Metrics, Vec<MemberReport>)> {
        let stop = self.stop.as_ref().map(|armed| &**armed.stop());
        let bindings = self.kernel.bindings();
        let args = bindings.iter().zip(&mut self.args);
        let args = args.map(|(binding, arg)| match arg {
            Some(arg) => arg.data.lend(binding.kind),
            None => ArgData::Uniform(self.uniforms.bytes(binding)),
        });
        let args = args.collect();
        let plan = self.plan.as_deref();
        let watchers = &mut self.watchers;
        let is_watched = !watchers.is_empty();
        let mut tell = |event| watchers.tell(event);
        let watcher: Option<&mut Watcher<'_>> = if is_watched { Some(&mut tell) } else { None };
        let (kernel, workgroups) = (&self.kernel, self.workgroups);
        let recorder = self.recorder.as_deref();
        Ok(match &self.split {
            None => {
                let launch = Launch {
                    kernel,
                    args,
                    workgroups,
                    stop,
                    spare_threads: 0,
                    plan,
                    track: track(recorder, kernel, &self.device),
                    watcher,
                };
                (self.device.inner.backend.launch(launch)?, Vec::new())
            }
            Some(split) => {
                let members =
                    split.launch(SplitLaunch { kernel, args, workgroups, stop, watcher, journal }, recorder)?;
                let metrics = MemberReport::total(&members);
                // One that has all of it shares with nobody.
                (metrics, if split.members.len() > 1 { members } else { Vec::new() })
            }
        })
    }
}

/// Where what a device does in a call of `kernel` is recorded, if it is.
fn track<'r>(recorder: Option<&'r Recorder>, kernel: &'r Kernel, device: &'r Device) -> Option<Track<'r>> {
    recorder.map(|recorder| Track { recorder, device: device.alias(), kernel: kernel.name() })
}

impl Split {
    /// Runs a launch on all members; gives what each did, and that the others did nothing.
    fn launch(&self, launch: SplitLaunch<'_>, recorder: Option<&Recorder>) -> Result<Vec<MemberReport>> {
        let kernel = launch.kernel;
        let feeds = self.members.iter().any(|member| !member.is_host());
        let members = self.members.iter().map(|SplitMember { device, plan }| Member {
            backend: &*device.inner.backend,
            plan,
            spare_threads: usize::from(feeds),
            is_listed: self.is_list,
            track: track(recorder, kernel, device),
        });
        let members: Vec<_> = members.collect();
        let start = Instant::now();
        let done = split::run(launch, &members)?;
        let took = start.elapsed();
        let report = |device: &Device, MemberMetrics { metrics, share }| MemberReport {
            device: device.clone(),
            units: share.units,
            metrics,
            busy: share.busy.min(took),
            idle: took.saturating_sub(share.busy),
        };
        let took_part = self.members.iter().zip(done).map(|(member, done)| report(&member.device, done));
        let left_out = self.left_out.iter().map(|device| report(device, MemberMetrics::default()));
        Ok(took_part.chain(left_out).collect())
    }
}
