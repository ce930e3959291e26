//! The devices of a runtime, the order in which they are preferred, and the plans made for them.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use smallvec::{SmallVec, smallvec};

use super::{
    Asked, Decision, Device, DeviceChoice,
    choice::{Candidates, Choice},
    energy::{Energy, Reading},
    learn::Learner,
    share::Sharing,
    ticket::Ticket,
    trust::Trust,
    variant::Regrid,
};
use crate::{
    cost::{Ceilings, Constants, History, Prediction, Task, by_energy},
    device_info::DeviceKind,
    error::{Error, Message, Result},
    exec::{Backend, trace::Recorder},
    kernel::Kernel,
    plan::{self, Misfit, Plan, PlanCache, request::PlanRequest},
    trust::{Doubt, Weakness},
};

/// The devices of a runtime. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Devices {
    inner: Arc<Inner>,
}

struct Inner {
    devices: Vec<Device>,
    /// What `auto` means, best first.
    preferred: Vec<Device>,
    /// `SWATH_DEVICE`, as it was when the runtime was made.
    default: Option<String>,
    /// What is known of how long calls take.
    learner: Learner,
    /// What they draw.
    energy: Energy,
    /// What is known of whether they compute what they should.
    trust: Trust,
    /// Calls that were planned before.
    plans: PlanCache,
    /// Who records what calls do; behind a flag, for most often nobody does.
    records: AtomicBool,
    recorder: Mutex<Weak<Recorder>>,
}

impl Devices {
    /// A device for each of these backends, of whose memory `memory` bytes are used at most; `auto` means `default` if there is
    /// one. What calls take is kept as `history` says.
    pub fn new(
        backends: Vec<Arc<dyn Backend>>,
        default: Option<String>,
        history: &History,
        memory: Option<u64>,
    ) -> Result<Devices> {
        let mut counts = [0, 0];
        let mut next = |kind: usize| {
            counts[kind] += 1;
            counts[kind] - 1
        };
        let devices: Vec<Device> = backends
            .into_iter()
            .map(|backend| {
                let alias = match backend.info().kind {
                    DeviceKind::Cpu => match next(0) {
                        0 => "cpu".to_owned(),
                        number => format!("cpu:{number}"),
                    },
                    _ => format!("gpu:{}", next(1)),
                };
                Device::new(backend, alias, memory)
            })
            .collect();
        if devices.is_empty() {
            return Err(Error::NoDevice(
                Message::new("no GPU was found, and this build has no CPU engine")
                    .help("install a Vulkan driver (Mesa's lavapipe runs on any CPU), or build with the feature `cpu`"),
            ));
        }
        let mut preferred = devices.clone();
        preferred.sort_by_key(|device| rank(device.kind()));
        Ok(Devices {
            inner: Arc::new(Inner {
                learner: Learner::new(&devices, history),
                energy: Energy::new(history),
                trust: Trust::new(history),
                devices,
                preferred,
                default,
                plans: PlanCache::default(),
                records: AtomicBool::new(false),
                recorder: Mutex::default(),
            }),
        })
    }

    /// Records what calls do from now on, as long as the recorder lives.
    pub fn record(&self) -> Arc<Recorder> {
        let mut current = self.inner.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        let recorder = current.upgrade().unwrap_or_else(|| Arc::new(Recorder::new()));
        *current = Arc::downgrade(&recorder);
        self.inner.records.store(true, Ordering::Release);
        recorder
    }

    /// Who records what calls do.
    pub fn recorder(&self) -> Option<Arc<Recorder>> {
        if !self.inner.records.load(Ordering::Acquire) {
            return None;
        }
        let current = self.inner.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        let recorder = current.upgrade();
        // Under the lock, lest somebody begins to record meanwhile.
        self.inner.records.store(recorder.is_some(), Ordering::Release);
        recorder
    }

    /// GPUs first, in the order of their drivers.
    pub fn all(&self) -> &[Device] {
        &self.inner.devices
    }

    /// The device `name`, in the words of [`Runtime::device`](crate::Runtime::device).
    pub fn named(&self, name: &str) -> Result<Device> {
        let (name, origin) = match (name.trim(), &self.inner.default) {
            ("auto", Some(default)) => (default.trim(), "SWATH_DEVICE: "),
            (name, _) => (name, ""),
        };
        self.find(name).cloned().ok_or_else(|| {
            let known = self.inner.devices.iter().map(Device::describe).collect::<Vec<_>>();
            let gpu = name == "gpu" || name.starts_with("gpu:");
            let help = if gpu && self.gpus().next().is_none() {
                "no GPU driver was found; install one (Mesa's lavapipe runs on any CPU), or choose `cpu`".to_owned()
            } else {
                format!("there are: {}", known.join(", "))
            };
            Error::NoDevice(Message::new(format!("{origin}no device is called `{name}`")).help(help))
        })
    }

    fn gpus(&self) -> impl Iterator<Item = &Device> {
        self.inner.preferred.iter().filter(|device| device.kind() != DeviceKind::Cpu)
    }

    fn find(&self, name: &str) -> Option<&Device> {
        let devices = &self.inner.devices;
        match name {
            "auto" => self.inner.preferred.first(),
            "gpu" => self.gpus().next(),
            _ => devices.iter().find(|device| device.alias() == name).or_else(|| {
                let lower = name.to_lowercase();
                let called = |device: &&Device| device.name().to_lowercase().contains(&lower);
                devices.iter().find(|device| device.alias() == lower).or_else(|| {
                    if lower.contains(char::is_alphanumeric) { self.inner.preferred.iter().find(called) } else { None }
                })
            }),
        }
    }

    /// The devices that `choice` names; `None` where it leaves the choice open.
    pub fn choose(&self, choice: DeviceChoice<'_>) -> Result<Option<Asked>> {
        match choice.choice {
            Choice::Device(device) => Ok(Some(Asked::One(device))),
            Choice::Devices(devices) => self.several(devices).map(Some),
            Choice::Name(name) => self.asked(name),
        }
    }

    /// The one device on which results are the same in every run: the one that was `asked` for, or that `SWATH_DEVICE` names, else
    /// the CPU engine. `message` is about who wants them so.
    ///
    /// # Errors
    ///
    /// Where several are named, or there is no engine.
    pub fn reproducible(&self, asked: Option<&Asked>, message: impl Fn(String) -> Message) -> Result<Device> {
        let default = if asked.is_none() { self.default_asked()? } else { None };
        let named = match asked.or(default.as_ref()) {
            Some(Asked::One(device)) => Some(device),
            Some(Asked::Several { devices, is_list: true }) => {
                let names: Vec<_> = devices.iter().map(Device::describe).collect();
                let problem = format!("a reproducible call runs on one device, and {} were asked for", devices.len());
                return Err(Error::Call(message(problem).help(format!("choose one of {}", names.join(", ")))));
            }
            // `all` names none.
            Some(Asked::Several { .. }) | None => None,
        };
        let engine = self.all().iter().find(|device| device.kind() == DeviceKind::Cpu);
        named.or(engine).cloned().ok_or_else(|| {
            let problem = "a reproducible call runs on the CPU engine, which this runtime does not have".to_owned();
            Error::NoDevice(message(problem).help("name a device with .device(..)"))
        })
    }

    /// The devices that `SWATH_DEVICE` asks for, if it may ask for several.
    pub fn default_several(&self) -> Result<Option<Asked>> {
        let may_be_several = |name: &&str| name.trim() == "all" || name.contains(',');
        self.inner.default.as_deref().filter(may_be_several).map_or(Ok(None), |name| self.asked(name))
    }

    /// What `SWATH_DEVICE` asks for.
    pub fn default_asked(&self) -> Result<Option<Asked>> {
        self.inner.default.as_deref().map_or(Ok(None), |name| self.asked(name))
    }

    fn asked(&self, name: &str) -> Result<Option<Asked>> {
        let name = name.trim();
        if name == "auto" {
            return Ok(None);
        }
        if name == "all" {
            return Ok(Some(Asked::Several { devices: self.inner.preferred.clone(), is_list: false }));
        }
        // Names of devices hold commas.
        if !name.contains(',') || self.find(name).is_some() {
            return self.named(name).map(|device| Some(Asked::One(device)));
        }
        let devices = name.split(',').map(|one| self.of_list(one.trim(), name)).collect::<Result<_>>()?;
        self.several(devices).map(Some)
    }

    /// A device of a list.
    fn of_list(&self, name: &str, list: &str) -> Result<Device> {
        let refuse = |problem: &str, help: &str| {
            Err(Error::NoDevice(Message::new(format!("the list of devices `{list}` {problem}")).help(help)))
        };
        match name {
            "" => refuse("has an empty name", "write names with commas between, such as gpu:0,cpu"),
            "all" | "auto" => refuse(
                &format!("names `{name}`, which is no single device"),
                &format!("write {name} alone, or names of devices"),
            ),
            name => self.named(name),
        }
    }

    /// The devices of a list, each once.
    fn several(&self, devices: Vec<Device>) -> Result<Asked> {
        let mut found: Vec<Device> = Vec::new();
        for device in devices {
            if !found.contains(&device) {
                found.push(device);
            }
        }
        match found.len() {
            0 => Err(Error::NoDevice(Message::new("the list of devices is empty").help("name one, or leave it out"))),
            1 => Ok(Asked::One(found.remove(0))),
            _ => Ok(Asked::Several { devices: found, is_list: true }),
        }
    }

    /// The devices that may run what `decision` is about. Behind one that the caller or `SWATH_DEVICE` asks for comes one
    /// that takes data of any size, for what that one cannot hold.
    pub fn candidates(&self, decision: Decision<'_>) -> Result<Candidates> {
        let open = |devices: SmallVec<[Device; 4]>| Ok(Candidates { devices, is_decided: false });
        let asked = match (decision, self.inner.default.as_deref().map(str::trim)) {
            (Decision::Holds(device), _) => {
                return Ok(Candidates { devices: smallvec![device.clone()], is_decided: true });
            }
            (Decision::Asked(device), _) => device.clone(),
            (Decision::Open, None | Some("auto")) => return open(self.inner.preferred.as_slice().into()),
            (Decision::Open, Some(_)) => match self.default_several()? {
                Some(Asked::Several { devices, .. }) => return open(devices.into()),
                _ => self.named("auto")?,
            },
        };
        let fallback = self.unbounded().filter(|device| **device != asked).cloned();
        Ok(Candidates { devices: std::iter::once(asked).chain(fallback).collect(), is_decided: true })
    }

    /// The error that a device lacks what kernels need, with the names of those that have it.
    pub fn name_takers(&self, kernels: &[&Kernel], error: Error) -> Error {
        let Error::Unsupported(message) = error else { return error };
        let has_all = |device: &&Device| {
            let fits = |kernel: &&Kernel| kernel.inner.requirements.check(kernel.name(), device.info()).is_ok();
            kernels.iter().all(fits)
        };
        let lacks = |device: &&Device| device.name() == message.subject && !has_all(device);
        let takers: Vec<String> = self.all().iter().filter(has_all).map(Device::describe).collect();
        // What is wrong otherwise is no question of what devices have.
        if takers.is_empty() || !self.all().iter().any(|device| lacks(&device)) {
            return Error::Unsupported(message);
        }
        let other = message.help.rsplit_once(", or ").map_or(String::new(), |(_, other)| format!(", or {other}"));
        Error::Unsupported(message.help(format!("choose {}{other}", takers.join(" or "))))
    }

    /// Puts the devices that may run a call into the order of what is predicted, where enough is known; gives what to
    /// [tell](Devices::tell) once it has run.
    pub fn predict_order(
        &self,
        kernel: &Kernel,
        given: &PlanRequest<'_>,
        regrid: Regrid<'_>,
        candidates: &mut Candidates,
    ) -> Option<Box<Ticket>> {
        let learner = &self.inner.learner;
        if candidates.is_decided {
            learner.expect(kernel, given, candidates.devices.first()?)
        } else {
            learner.choose(kernel, given, regrid, &mut candidates.devices)
        }
    }

    /// What a call is predicted to take on each of some devices, in their order.
    pub fn predictions(
        &self,
        kernel: &Kernel,
        given: &PlanRequest<'_>,
        regrid: Regrid<'_>,
        devices: &[Device],
    ) -> Vec<Option<Prediction>> {
        self.inner.learner.predictions(kernel, given, regrid, devices)
    }

    /// Keeps the values of constants that a call leaves open and that were found to be the fastest on a device; none where those
    /// are that the author wrote. Gives whether anybody will use them.
    pub fn keep_tuned(&self, kernel: &Kernel, given: &PlanRequest<'_>, device: &Device, constants: &Constants) -> bool {
        self.inner.learner.keep_tuned(kernel, given, device, constants)
    }

    /// What calls like this one took on a device that ran the kernel before, as far as that was seen.
    pub fn seen_seconds(&self, kernel: &Kernel, given: &PlanRequest<'_>, device: &Device) -> Option<f64> {
        self.inner.learner.seen_seconds(kernel, given, device)
    }

    /// A call took so many seconds on a device, compilation left out.
    pub fn tell(&self, kernel: &Kernel, ticket: &Ticket, device: &Device, seconds: f64) {
        self.inner.learner.tell(kernel, ticket, device, seconds);
    }

    /// What counts a device's energy, as it stands now; nothing where it cannot be read.
    pub fn read_energy(&self, device: &Device) -> Option<Reading> {
        self.inner.energy.read(device)
    }

    /// A call took so long on a device since its energy was read: the joules that it took.
    pub fn tell_energy(&self, device: &Device, before: &Reading, took: Duration) -> Option<f64> {
        self.inner.energy.tell(device, before, took)
    }

    /// What a device is known to draw.
    pub fn watts(&self, device: &Device) -> Option<f64> {
        self.inner.energy.watts(device)
    }

    /// Puts devices into the order of the energy that a call takes there, of which so many seconds are predicted; leaves them as they
    /// are where that is not known of all.
    pub fn order_by_energy(&self, devices: &mut [Device], seconds: &dyn Fn(&Device) -> Option<f64>) {
        let contenders: Vec<_> =
            devices.iter().map(|device| self.inner.energy.contender(device, seconds(device))).collect();
        if let Some(order) = by_energy(&contenders) {
            let ordered: Vec<Device> = order.into_iter().map(|at| devices[at].clone()).collect();
            devices.clone_from_slice(&ordered);
        }
    }

    /// A call that devices were to share cannot be shared.
    pub fn keep_whole(&self, ticket: &Ticket) {
        self.inner.learner.keep_whole(ticket);
    }

    /// Devices shared a call, which took so many seconds, compilation left out.
    pub fn tell_shared(&self, kernel: &Kernel, ticket: &Ticket, sharing: &Sharing, seconds: f64) {
        self.inner.learner.tell_shared(kernel, ticket, sharing, seconds);
    }

    /// Puts the devices that may run a chain into the order of what is predicted, where that is open and enough is known; `task`
    /// is all that a run of it does.
    pub fn predict_order_for(&self, task: &Task, candidates: &mut Candidates) {
        if !candidates.is_decided {
            self.inner.learner.choose_for(task, &mut candidates.devices);
        }
    }

    /// Seconds that some steps of a chain take on a device: as predicted, else as usual for its kind.
    pub fn seconds_of(&self, task: &Task, device: &Device) -> f64 {
        let predicted = self.inner.learner.seconds_of(task, device);
        predicted.unwrap_or_else(|| Ceilings::usual(device.kind()).seconds(&task.work))
    }

    /// What a device can do: as measured, else as usual for its kind.
    pub fn ceilings_or_usual(&self, device: &Device) -> Ceilings {
        self.ceilings(device).unwrap_or_else(|| Ceilings::usual(device.kind()))
    }

    /// Whether there is anything to learn.
    pub fn learns(&self) -> bool {
        self.inner.learner.is_on()
    }

    /// A run of a chain took so many seconds.
    pub fn tell_of(&self, task: &Task, name: &str, device: &Device, seconds: f64) {
        self.inner.learner.tell_of(task, name, device, seconds);
    }

    /// Measures what the devices can do, unless that is known, or once more (`again`); gives whether it is of any use.
    pub fn measure(&self, again: bool) -> bool {
        self.inner.learner.measure(again)
    }

    /// What a device can do, if it was measured.
    pub fn ceilings(&self, device: &Device) -> Option<Ceilings> {
        self.inner.learner.ceilings(device)
    }

    /// What of a call of `kernel` the device may get wrong; nothing where there is nothing to fear. Probes the device, if that
    /// was never done.
    pub fn doubt(&self, device: &Device, kernel: &Kernel, given: &PlanRequest<'_>) -> Option<Doubt> {
        self.inner.trust.doubt(device, kernel, given)
    }

    /// A device cut the kernel's loops short.
    pub fn note_cut_short(&self, device: &Device, kernel: &Kernel) {
        self.inner.trust.note_cut_short(device, kernel);
    }

    /// Probes all devices that were not.
    pub fn probe(&self) {
        self.inner.devices.iter().for_each(|device| self.inner.trust.probe(device));
    }

    /// What a device is known to get wrong; nothing where no probe has run.
    pub fn weaknesses(&self, device: &Device) -> Option<Vec<Weakness>> {
        self.inner.trust.known(device)
    }

    /// The device that takes data of any size, for what others cannot hold or fail to do.
    pub fn unbounded(&self) -> Option<&Device> {
        self.inner.devices.iter().find(|device| device.capacity().is_none())
    }

    /// The device for `kernel` where nothing else decides: the default if one is set, else the most
    /// preferred that can run it with bindings of up to `bytes`.
    pub fn choose_for(&self, kernel: &Kernel, bytes: u64) -> Result<(Device, Duration)> {
        self.candidates(Decision::Open)?.first_for(&[kernel], bytes, &mut |_| None)
    }

    /// The plan of a call of `kernel` on a device; made, or found among those made before.
    pub fn plan(&self, kernel: &Kernel, given: &PlanRequest<'_>, device: &Device) -> Result<Result<Arc<Plan>, Misfit>> {
        let (plans, number) = (&self.inner.plans, device.inner.number);
        if let Some(plan) = plans.find(kernel, given, number) {
            return Ok(Ok(plan));
        }
        Ok(match plan::plan(kernel, given, &device.describe())? {
            Ok(plan) => {
                let plan = Arc::new(plan);
                plans.keep(kernel, given, number, Arc::clone(&plan));
                Ok(plan)
            }
            Err(misfit) => Err(misfit),
        })
    }
}

/// The order in which `auto` prefers devices, lowest first.
fn rank(kind: DeviceKind) -> u8 {
    match kind {
        DeviceKind::DiscreteGpu => 0,
        DeviceKind::IntegratedGpu => 1,
        DeviceKind::VirtualGpu => 2,
        DeviceKind::OtherGpu => 3,
        DeviceKind::Cpu => 4,
        DeviceKind::SoftwareGpu => 5,
    }
}
