//! From a call to a launch: what needs the whole call to be checked, the device, the memory.

use std::{
    mem,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use super::{
    Call, CallParts,
    args::{Arg, Data},
    bind,
    checkpoint::Resumed,
    place::{Placement, about_buffers},
    prefer::Prefer,
    split::{Split, SplitMember},
    uniform::Uniforms,
};
use crate::{
    device::{Device, Reservation, reserve},
    device_info::DeviceKind,
    error::{Error, Message, Result},
    exec::{
        ArgData, Launch, Metrics,
        fault::{Fault, FaultClass},
        split::{self, Member, MemberMetrics, Outcome, SplitLaunch},
        stop::{Armed, LeftBehind},
        trace::{Recorder, Track},
    },
    journal::Journal,
    kernel::{Binding, Kernel},
    plan::{Detour, Plan},
    report::{FaultReport, MemberReport, Report},
    schedule::Remedy,
};

/// A call that nothing is wrong with, and the device it goes to.
pub(super) struct Checked<'a> {
    /// Its kernel is the one that runs: where constants were tuned for the device, with those.
    pub(super) call: Box<CallParts<'a>>,
    pub(super) placement: Box<Placement>,
    pub(super) workgroups: [u32; 3],
    start: Instant,
    pub stop: Option<Armed>,
    /// Whether it runs in workgroups of the size that the kernel has.
    is_exact: bool,
    /// Who records it.
    recorder: Option<Arc<Recorder>>,
}

/// What a run did.
#[derive(Default)]
struct Done {
    metrics: Metrics,
    members: Vec<MemberReport>,
    faults: Vec<FaultReport>,
    predicted: Option<Duration>,
    energy: Option<f64>,
    resumed: Resumed,
}

impl<'a> Call<'a> {
    /// Everything that can be checked without running.
    pub(super) fn check(self) -> Result<Checked<'a>> {
        self.check_with(false)
    }

    /// As [`check`](Call::check), and makes a plan whether it is needed or not.
    pub(super) fn check_with(self, planned: bool) -> Result<Checked<'a>> {
        self.check_or_give_back(planned).map_err(|(error, _)| error)
    }

    /// As [`check_with`](Call::check_with), and gives the call back where something is wrong with it.
    pub(super) fn check_or_give_back(self, planned: bool) -> Result<Checked<'a>, (Error, Box<CallParts<'a>>)> {
        let start = Instant::now();
        let mut call = self.parts;
        let placed = call.check_and_place(planned).and_then(|(workgroups, placement)| {
            let stop = Armed::new(Some(&call.kernel), start, call.deadline, mem::take(&mut call.tokens))?;
            Ok((workgroups, placement, stop))
        });
        let (mut workgroups, mut placement, stop) = match placed {
            Ok(placed) => placed,
            Err(error) => return Err((error, call)),
        };
        let mut is_exact = call.is_exact;
        if let Some((variant, tuned)) = &placement.tuned {
            workgroups = *tuned;
            // A size that was found to be the fastest is one to keep.
            is_exact |= variant.kernel.workgroup_size() != call.kernel.workgroup_size();
            call.kernel = variant.kernel.clone();
        }
        // Only who looks at the plan sees it.
        if planned && !is_exact && placement.split.is_none() {
            let shape = placement.device.inner.backend.shape(&call.kernel, workgroups);
            if let (Some(plan), Some(shape)) = (&mut placement.plan, shape) {
                *plan = Arc::new(plan.with_shape(shape));
            }
        }
        let recorder = call.devices.recorder();
        Ok(Checked { call, placement, workgroups, start, stop, is_exact, recorder })
    }
}

impl CallParts<'_> {
    /// Refuses what is wrong, and finds the device; gives the workgroups, too.
    fn check_and_place(&mut self, planned: bool) -> Result<([u32; 3], Box<Placement>)> {
        if let Some(error) = self.error.take() {
            return Err(*error);
        }
        let workgroups = self.check()?;
        let placement = match has_nothing_to_do(workgroups) {
            true => self.place_nothing(workgroups, planned)?,
            false => self.place(workgroups, planned)?,
        };
        Ok((workgroups, placement))
    }

    /// Refuses arguments that are wrong, or missing; gives the workgroups.
    fn check(&self) -> Result<[u32; 3]> {
        let kernel = &self.kernel;
        kernel.check_complete()?;
        self.check_missing().map_err(Error::Call)?;
        self.uniforms.check_complete(kernel).map_err(Error::Call)?;
        self.check_aliases().map_err(Error::Call)?;
        let workgroups = match self.extent {
            Some(extent) => extent.workgroups(kernel).map_err(Error::Call)?,
            None if self.has_empty_outputs() => [0, 1, 1],
            None => self.infer_grid()?,
        };
        if !has_nothing_to_do(workgroups) {
            self.check_elements().map_err(Error::Call)?;
        }
        Ok(workgroups)
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

    /// Refuses bindings without elements.
    fn check_elements(&self) -> Result<(), Message> {
        let given = self.kernel.bindings().iter().zip(&self.args);
        let mut given = given.filter_map(|(binding, arg)| Some((binding, arg.as_ref()?.data.bytes())));
        given.try_for_each(|(binding, bytes)| bind::check_elements(&self.kernel, binding, bytes))
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

impl<'a> Checked<'a> {
    /// The plans of all devices that take part.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        let Placement { plan, split, .. } = &*self.placement;
        let plans = split.iter().flat_map(|split| split.members.iter().map(|member| &*member.plan));
        plans.chain(plan.as_deref().filter(|_| split.is_none()))
    }

    /// All devices that take part.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        let Placement { device, split, .. } = &*self.placement;
        let devices = split.iter().flat_map(|split| split.members.iter().map(|member| &member.device));
        devices.chain(Some(device).filter(|_| split.is_none()))
    }

    /// Whether it runs by units that are claimed.
    pub fn is_shared(&self) -> bool {
        self.placement.split.is_some()
    }

    /// The call, once it has run.
    pub fn into_call(self) -> Box<CallParts<'a>> {
        self.call
    }

    /// Runs it, some time after it was checked. The results are in the arguments then.
    pub fn launch(mut self) -> Result<Report> {
        self.run()
    }

    /// Runs it at once.
    pub fn launch_now(&mut self) -> Result<Report> {
        let is_warm = self.placement.ticket.as_ref().is_none_or(|ticket| ticket.is_warm());
        let begin = if is_warm { self.start } else { Instant::now() };
        self.run_from(begin)
    }

    /// As [`launch`](Checked::launch), and leaves the arguments to be taken out.
    pub fn run(&mut self) -> Result<Report> {
        self.run_from(Instant::now())
    }

    /// As [`run`](Checked::run); what it takes counts from `begin` on for those who learn from it.
    fn run_from(&mut self, begin: Instant) -> Result<Report> {
        let stop = self.stop.as_ref().map(|armed| &**armed.stop());
        if let Some(stop) = stop.filter(|stop| stop.is_due()) {
            return Err(stop.error(LeftBehind::Nothing));
        }
        if has_nothing_to_do(self.workgroups) {
            return Ok(self.report(Done::default(), Instant::now()));
        }
        let counted = if self.call.prefer == Prefer::Energy {
            self.call.devices.read_energy(&self.placement.device)
        } else {
            None
        };
        let (reserved, moved) = match self.reserve() {
            Ok(reserved) => (reserved, None),
            Err(error @ Error::OutOfMemory(_)) if self.placement.split.is_none() => {
                (Vec::new(), Some(self.move_on(error, false)?))
            }
            Err(error) => return Err(error),
        };
        let (mut journal, resumed) = self.resume()?;
        // A call that is not cut is recorded as a whole.
        let is_shared = self.is_shared();
        let is_done = !is_shared && resumed.units > 0;
        let mut done = Done { resumed, ..Done::default() };
        if is_shared {
            (done.metrics, done.members, done.faults) = self.launch_split(journal.as_mut())?;
        } else if !is_done {
            let landing = AtomicBool::new(false);
            done.faults.extend(moved);
            done.metrics = match self.launch_on_one(&landing) {
                Ok(metrics) => metrics,
                Err(error) => {
                    let fault = self.move_on(error, landing.into_inner())?;
                    done.faults.push(fault);
                    self.launch_on_one(&AtomicBool::new(false))?
                }
            };
        }
        drop(reserved);
        if let Some(journal) = journal.as_mut().filter(|_| !is_shared && !is_done) {
            self.record_all(journal)?;
        }
        let end = Instant::now();
        let took = end.duration_since(begin);
        // What several devices took, or others than the one that it was for, nobody has counted.
        let counted = counted.filter(|_| !is_shared && done.faults.is_empty() && !is_done);
        let Placement { device, compile, .. } = &*self.placement;
        done.energy = counted.and_then(|before| self.call.devices.tell_energy(device, &before, took));
        // What was recorded meanwhile, or done before, says little of the device.
        if done.faults.is_empty() && journal.is_none() {
            done.predicted = self.tell(took, done.metrics.compile);
        }
        done.metrics.compile += *compile;
        Ok(self.report(done, end))
    }

    /// Tells those who learn from it that it took so long, of which so much went into compiling; gives what was expected.
    fn tell(&self, took: Duration, compile: Duration) -> Option<Duration> {
        let Placement { device, ticket, .. } = &*self.placement;
        let ticket = ticket.as_deref()?;
        let seconds = took.saturating_sub(compile).as_secs_f64();
        let expected = match ticket.sharing() {
            // What each of them compiled is not what all waited for.
            Some(sharing) if !compile.is_zero() => Some(sharing.seconds),
            Some(sharing) => {
                self.call.devices.tell_shared(&self.call.kernel, ticket, sharing, seconds);
                Some(sharing.seconds)
            }
            None => {
                self.call.devices.tell(&self.call.kernel, ticket, device, seconds);
                ticket.seconds_on(device)
            }
        };
        Duration::try_from_secs_f64(expected?).ok()
    }

    /// Takes the memory that the call needs of its devices, all at once, as far as that is limited.
    fn reserve(&self) -> Result<Vec<Reservation>> {
        if self.devices().all(|device| device.inner.budget.is_none()) {
            return Ok(Vec::new());
        }
        let Placement { device, plan, split, .. } = &*self.placement;
        let mut needs = match split {
            Some(split) => split.members.iter().map(|member| (&member.device, member.plan.device_bytes)).collect(),
            None => vec![(device, plan.as_ref().map_or_else(|| self.host_bytes(), |plan| plan.device_bytes))],
        };
        let stop = self.stop.as_ref().map(|armed| &**armed.stop());
        reserve(&mut needs, stop).map_err(|error| match error {
            Error::OutOfMemory(message) if message.kernel.is_empty() => {
                Error::OutOfMemory(message.kernel(self.call.kernel.name()))
            }
            error => error,
        })
    }

    /// Bytes of all data that is in the host's memory.
    fn host_bytes(&self) -> u64 {
        let on_host = self.call.args.iter().flatten().filter(|arg| !matches!(arg.data, Data::Resident { .. }));
        on_host.map(|arg| arg.data.bytes()).sum()
    }

    fn report(&self, done: Done, end: Instant) -> Report {
        let Done { metrics, members, faults, predicted, energy, resumed } = done;
        Report {
            kernel: self.call.kernel.clone(),
            device: self.placement.device.clone(),
            plan: self.placement.plan.clone(),
            metrics,
            members,
            faults,
            total: end.duration_since(self.start),
            predicted,
            energy,
            workgroups: self.workgroups,
            resumed: resumed.units,
            recorded: resumed.recorded,
        }
    }
}

impl Checked<'_> {
    fn launch_on_one(&mut self, landing: &AtomicBool) -> Result<Metrics> {
        let watchers = &mut self.call.watchers;
        let is_watched = !watchers.is_empty();
        let mut tell = |event| watchers.tell(event);
        // The host's own engine does not hang.
        let Placement { device, plan, ticket, watches_loops, .. } = &*self.placement;
        let ticket = ticket.as_ref().filter(|_| device.kind() != DeviceKind::Cpu);
        let launch = Launch {
            kernel: &self.call.kernel,
            args: lend(&self.call.kernel, &mut self.call.args, &self.call.uniforms),
            workgroups: self.workgroups,
            stop: self.stop.as_ref().map(|armed| &**armed.stop()),
            is_exact: self.is_exact,
            spare_threads: 0,
            plan: plan.as_deref(),
            track: track(self.recorder.as_deref(), &self.call.kernel, device),
            watcher: if is_watched { Some(&mut tell) } else { None },
            landing: Some(landing),
            watches_loops: *watches_loops,
            patience: ticket.and_then(|ticket| ticket.patience(device)),
        };
        device.inner.backend.launch(launch)
    }

    fn launch_split(
        &mut self,
        journal: Option<&mut Journal>,
    ) -> Result<(Metrics, Vec<MemberReport>, Vec<FaultReport>)> {
        let watchers = &mut self.call.watchers;
        let is_watched = !watchers.is_empty();
        let mut tell = |event| watchers.tell(event);
        let Some(split) = &self.placement.split else {
            return Err(Error::NoDevice(self.call.kernel.message("no devices share it")));
        };
        let launch = SplitLaunch {
            kernel: &self.call.kernel,
            args: lend(&self.call.kernel, &mut self.call.args, &self.call.uniforms),
            workgroups: self.workgroups,
            stop: self.stop.as_ref().map(|armed| &**armed.stop()),
            is_exact: self.is_exact,
            watcher: if is_watched { Some(&mut tell) } else { None },
            journal,
            spare: None,
            patience: split::PATIENCE,
        };
        let (members, faults) = split.launch(launch, self.recorder.as_deref())?;
        let wrong = faults.iter().filter(|fault| matches!(fault.error, Error::WrongResult(_)));
        wrong.for_each(|fault| self.call.devices.note_cut_short(&fault.device, &self.call.kernel));
        let metrics = MemberReport::total(&members);
        // One that has all of it shares with nobody.
        Ok((metrics, if members.len() > 1 { members } else { Vec::new() }, faults))
    }

    /// Gives the call to the device that takes data of any size, where the one that it was for has failed.
    ///
    /// # Errors
    ///
    /// The device's, where nobody else can do the call: it is wrong or has to stop, its data is on the device, results were on
    /// their way to what the kernel reads, the call is to be reproducible, or the caller wants that device and it is not the one to
    /// blame.
    fn move_on(&mut self, error: Error, was_landing: bool) -> Result<FaultReport> {
        let is_fault = match FaultClass::of(&error) {
            // Who asks for a device wants to know what it lacks, and what is wrong with it for this kernel.
            FaultClass::Device(_) if self.call.device.is_some() => {
                matches!(error, Error::OutOfMemory(_) | Error::DeviceLost(_) | Error::Hung(_) | Error::WrongResult(_))
            }
            FaultClass::Device(_) => true,
            FaultClass::WrongCall | FaultClass::Stopped => false,
        };
        if let Error::WrongResult(_) = error {
            self.call.devices.note_cut_short(&self.placement.device, &self.call.kernel);
            self.placement.watches_loops = false;
        }
        let is_spoilt =
            was_landing && self.call.kernel.bindings().iter().any(|binding| binding.loads && binding.stores);
        let spare = self.call.devices.unbounded().filter(|device| **device != self.placement.device);
        let Some(spare) =
            spare.filter(|_| is_fault && !is_spoilt && !self.call.has_resident_data() && !self.call.is_reproducible)
        else {
            return Err(about_buffers(&self.call.kernel, &self.call.args, &self.placement.device, error));
        };
        let Ok(compile) = spare.accepts(&self.call.kernel) else { return Err(error) };
        tracing::warn!(kernel = self.call.kernel.name(), %error, "a device failed: `{}` runs the call", spare.alias());
        self.placement.compile += compile;
        let failed = mem::replace(&mut self.placement.device, spare.clone());
        let detour = Detour { device: failed.describe(), reason: first_line(&error) };
        self.placement.plan = self.placement.plan.take().map(|plan| Arc::new(plan.with_detour(detour)));
        Ok(FaultReport { device: failed, error, is_out: true })
    }
}

/// The arguments as a launch takes them.
fn lend<'l>(kernel: &'l Kernel, args: &'l mut [Option<Arg<'_>>], uniforms: &'l Uniforms) -> Vec<ArgData<'l>> {
    let lend = |(binding, arg): (&'l Binding, &'l mut Option<Arg<'_>>)| match arg {
        Some(arg) => arg.data.lend(binding.kind),
        None => ArgData::Uniform(uniforms.bytes(binding)),
    };
    kernel.bindings().iter().zip(args).map(lend).collect()
}

/// What an error says first, for a place that has one line.
pub(super) fn first_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// Whether a grid has no workgroup: then nothing is bound, and outputs stay as they are.
fn has_nothing_to_do(workgroups: [u32; 3]) -> bool {
    workgroups.contains(&0)
}

/// Where what a device does in a call of `kernel` is recorded, if it is.
fn track<'r>(recorder: Option<&'r Recorder>, kernel: &'r Kernel, device: &'r Device) -> Option<Track<'r>> {
    recorder.map(|recorder| Track { recorder, device: device.alias(), kernel: kernel.name() })
}

impl Split {
    /// Runs a launch on all members; gives what each did, and that the others did nothing, and what failed.
    fn launch<'l>(
        &'l self,
        launch: SplitLaunch<'l>,
        recorder: Option<&'l Recorder>,
    ) -> Result<(Vec<MemberReport>, Vec<FaultReport>)> {
        let kernel = launch.kernel;
        let feeds = self.members.iter().any(|member| !member.is_host());
        let member = |one: &'l SplitMember, spare_threads, is_listed| Member {
            backend: &*one.device.inner.backend,
            plan: &one.plan,
            spare_threads,
            is_listed,
            rate: one.rate,
            track: track(recorder, kernel, &one.device),
            watches_loops: one.watches_loops,
        };
        let members: Vec<_> = self.members.iter().map(|one| member(one, usize::from(feeds), self.is_list)).collect();
        let spare = self.spare.as_ref().map(|one| member(one, 0, false));
        let start = Instant::now();
        let Outcome { members: done, faults } = split::run(SplitLaunch { spare, ..launch }, &members)?;
        let took = start.elapsed();
        let report = |device: &Device, MemberMetrics { metrics, share }| MemberReport {
            device: device.clone(),
            units: share.units,
            metrics,
            busy: share.busy.min(took),
            idle: took.saturating_sub(share.busy),
        };
        // The spare one is the last, if it was called in; it may be one that was left out.
        let all: Vec<&Device> = self.members.iter().chain(&self.spare).map(|member| &member.device).collect();
        let has_done: Vec<&Device> = all.iter().copied().take(done.len()).collect();
        let took_part = has_done.iter().zip(done).map(|(device, done)| report(device, done));
        let left_out = self.left_out.iter().filter(|device| !has_done.contains(device));
        let left_out = left_out.map(|device| report(device, MemberMetrics::default()));
        let fault = |fault: Fault| FaultReport {
            device: all[fault.member].clone(),
            error: fault.error,
            is_out: fault.remedy == Remedy::Out,
        };
        Ok((took_part.chain(left_out).collect(), faults.into_iter().map(fault).collect()))
    }
}
