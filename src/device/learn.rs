//! What a runtime learns of the calls it runs, and the choice of devices by that.

use std::sync::{
    Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Device, measure,
    recall::{Calls, Chosen, Entry},
    share::Sharing,
    ticket::Ticket,
    variant::{Regrid, Variant, Variants},
};
use crate::{
    cost::{
        Basis, Candidate, Ceilings, Constants, DeviceId, Fingerprint, History, Model, Prediction, Record, Seen, Task,
        WorkAsked,
        history::{Contents, HistoryFile, Writer},
    },
    error::Result,
    kernel::Kernel,
    plan::request::PlanRequest,
};

/// Seconds that measuring a device takes, about.
const MEASURING: f64 = 0.2;

/// How many times longer than measuring calls without a device have to take before it is worth it; and before it is worth to
/// measure once more, for a device may have been disturbed.
const WORTH_MEASURING: f64 = 20.0;
const WORTH_MORE: f64 = 200.0;

/// Measurements of a device, of which the best counts.
const MEASUREMENTS: u32 = 3;

/// Learns, unless it is off.
pub(super) struct Learner(Option<Inner>);

pub(super) struct Inner {
    subjects: Vec<Subject>,
    file: Option<HistoryFile>,
    loaded: Once,
    shared: Arc<Shared>,
    /// Held while devices are measured, lest two do it at once and disturb each other.
    measuring: Mutex<()>,
    /// Before it is dropped all that it needs is there.
    writer: OnceLock<Writer>,
}

/// A device that is learned about.
pub(super) struct Subject {
    pub device: Device,
    pub id: DeviceId,
    name: String,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Whether all devices are measured that can be.
    is_measured: AtomicBool,
    /// Whether constants were tuned for any kernel.
    has_tuned: AtomicBool,
}

#[derive(Default)]
pub(super) struct State {
    pub model: Model,
    calls: Calls,
    names: FxHashMap<Fingerprint, String>,
    /// Records that are in no file yet, beside what the model has.
    unwritten: Vec<Record>,
    /// Devices that could not be measured.
    failed: FxHashSet<DeviceId>,
    /// Kernels that ran on a device in this process, so that they are compiled there.
    compiled: FxHashSet<(DeviceId, Fingerprint)>,
    /// Seconds of calls without a device so far, and those from which on it is worth measuring what is not measured.
    open_seconds: f64,
    measures_at: f64,
    /// Those from which on it is worth to measure once more.
    again_at: f64,
}

impl State {
    /// What choosing needs of a device. Compilation counts by how often the call ran: who ran n times is taken to run n times
    /// more.
    fn candidate(&self, device: DeviceId, task: Task, uses: u32) -> Candidate {
        let is_compiled = self.compiled.contains(&(device, task.kernel));
        let compile = self.model.ceilings(device).filter(|_| !is_compiled).map_or(0.0, |ceilings| ceilings.compile);
        Candidate { device, task, compile: compile / f64::from(1 + uses) }
    }

    /// Whether a device was measured so often, or cannot be.
    fn is_measured(&self, id: DeviceId, times: u32) -> bool {
        self.model.measurements(id) >= times || self.failed.contains(&id)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be written.
    fn take(&self) -> Vec<Record> {
        let mut state = self.state();
        let mut records = std::mem::take(&mut state.unwritten);
        let news = state.model.take_news();
        records.extend(news.into_iter().map(|(seen, last, count)| {
            let name = state.names.get(&seen.kernel).cloned().unwrap_or_default();
            Record::Runs { seen, name, last, count }
        }));
        records
    }
}

impl Learner {
    /// Learns about these devices.
    pub fn new(devices: &[Device], history: &History) -> Learner {
        if *history == History::Off {
            return Learner(None);
        }
        let subject = |device: &Device| {
            let info = device.info();
            let name = format!("{} ({})", info.name, info.driver);
            Subject { device: device.clone(), id: DeviceId::of(info), name }
        };
        Learner(Some(Inner {
            subjects: devices.iter().map(subject).collect(),
            file: history.file(),
            loaded: Once::new(),
            shared: Arc::default(),
            measuring: Mutex::default(),
            writer: OnceLock::new(),
        }))
    }

    /// Whether it learns how long calls take: only where there is a choice of devices.
    pub fn is_on(&self) -> bool {
        self.0.as_ref().is_some_and(Inner::has_choice)
    }

    /// Puts the device first that is predicted to be the fastest for a call, and the others behind it in that order. Where not
    /// enough is known they stay as they are. Gives what to tell when the call has run.
    pub fn choose(
        &self,
        kernel: &Kernel,
        given: &PlanRequest<'_>,
        regrid: Regrid<'_>,
        devices: &mut [Device],
    ) -> Option<Box<Ticket>> {
        let inner = self.0.as_ref()?;
        inner.load();
        if devices.len() < 2 && !inner.shared.has_tuned.load(Ordering::Acquire) {
            return None;
        }
        let (state, at) = inner.prepared(kernel, given, regrid)?;
        sort(devices, state.calls[at].order());
        Some(state.calls.ticket(at))
    }

    /// The same for a chain: `task` is all that a run of it does.
    pub fn choose_for(&self, task: &Task, devices: &mut [Device]) {
        let Some(inner) = self.0.as_ref().filter(|_| devices.len() > 1) else { return };
        inner.load();
        let state = inner.measured(inner.shared.state(), task, 0);
        if state.measures_at <= 0.0
            && let Some(chosen) = inner.chosen(&state, |_| *task, 0, false, None)
        {
            sort(devices, &chosen.order);
        }
    }

    /// Seconds that some steps of a chain are predicted to take on a device, if it was measured.
    pub fn seconds_of(&self, task: &Task, device: &Device) -> Option<f64> {
        let inner = self.0.as_ref()?;
        inner.load();
        let id = inner.id(device)?;
        Some(inner.shared.state().model.predict(id, task)?.seconds)
    }

    /// A run of a chain took so many seconds.
    pub fn tell_of(&self, task: &Task, name: &str, device: &Device, seconds: f64) {
        let Some(inner) = &self.0 else { return };
        let Some(id) = inner.id(device) else { return };
        let mut state = inner.shared.state();
        if state.model.ceilings(id).is_some() {
            state.model.observe(id, task, seconds);
            state.compiled.insert((id, task.kernel));
            state.names.entry(task.kernel).or_insert_with(|| name.to_owned());
            inner.notify();
        }
    }

    /// What a call is expected to take on a device that was asked for.
    pub fn expect(&self, kernel: &Kernel, given: &PlanRequest<'_>, device: &Device) -> Option<Box<Ticket>> {
        let inner = self.0.as_ref()?;
        inner.load();
        if !inner.shared.is_measured.load(Ordering::Acquire) {
            // Not worth a look at the kernel: nothing would come of it.
            return None;
        }
        let (state, at) = inner.prepared(kernel, given, None)?;
        let number = device.inner.number;
        let expected = state.calls[at].order().iter().find(|(other, _)| *other == number).copied()?;
        let mut ticket = state.calls.ticket(at);
        ticket.leave_to_one();
        (ticket.expected, ticket.is_open, ticket.instead_of) = (Some(expected), false, None);
        Some(ticket)
    }

    /// What a call is predicted to take on each of some devices, in their order; nothing for those that were not measured.
    pub fn predictions(
        &self,
        kernel: &Kernel,
        given: &PlanRequest<'_>,
        regrid: Regrid<'_>,
        devices: &[Device],
    ) -> Vec<Option<Prediction>> {
        let predict = || {
            let inner = self.0.as_ref().filter(|inner| inner.has_choice())?;
            let (state, at) = inner.entry(kernel, given, regrid)?;
            let task = |device: &Device| state.calls[at].task_on(device.inner.number);
            Some(devices.iter().map(|device| state.model.predict(inner.id(device)?, &task(device))).collect())
        };
        predict().unwrap_or_else(|| vec![None; devices.len()])
    }

    /// What calls like this one took on a device that ran the kernel before, as far as that was seen.
    pub fn seen_seconds(&self, kernel: &Kernel, given: &PlanRequest<'_>, device: &Device) -> Option<f64> {
        let inner = self.0.as_ref()?;
        inner.load();
        if !inner.shared.is_measured.load(Ordering::Acquire) {
            return None;
        }
        let (state, at) = inner.entry(kernel, given, None)?;
        let prediction = state.model.predict(inner.id(device)?, &state.calls[at].task)?;
        (prediction.basis != Basis::Ceilings).then_some(prediction.seconds)
    }

    /// A call took so many seconds on a device, compilation left out.
    pub fn tell(&self, kernel: &Kernel, ticket: &Ticket, device: &Device, seconds: f64) {
        let Some(inner) = &self.0 else { return };
        let mut state = inner.shared.state();
        let state = &mut *state;
        let expected = ticket.seconds_on(device);
        if ticket.is_open {
            state.open_seconds += seconds;
            state.model.account(seconds, ticket.instead_of.filter(|_| expected.is_some()));
        }
        let Some(entry) = state.calls.get_mut(ticket.entry, ticket.generation) else { return };
        let noted = entry.sampler.count(seconds, expected);
        if noted.is_empty() || state.measures_at > 0.0 {
            return;
        }
        let task = entry.task_on(device.inner.number);
        let Some(id) = inner.id(device).filter(|id| state.model.ceilings(*id).is_some()) else { return };
        state.compiled.insert((id, task.kernel));
        let is_news = |is_news, seconds| state.model.observe(id, &task, seconds) || is_news;
        if noted.into_iter().fold(false, is_news) {
            entry.expire();
        }
        state.names.entry(task.kernel).or_insert_with(|| kernel.inner.identity.to_string());
        inner.notify();
    }

    /// Keeps the values of constants that a call leaves open and that were found to be the fastest on a device; none where those
    /// are that the author wrote. Gives whether that is of any use.
    pub fn keep_tuned(&self, kernel: &Kernel, given: &PlanRequest<'_>, device: &Device, constants: &Constants) -> bool {
        let keep = || {
            let inner = self.0.as_ref()?;
            inner.load();
            let subject = inner.subjects.iter().find(|subject| subject.device == *device)?;
            let WorkAsked { work, .. } = WorkAsked::count(kernel, given).ok()?;
            let task = Task { kernel: kernel.fingerprint(), work };
            let seen = Seen { device: subject.id, kernel: task.kernel, class: task.class() };
            let (name, on) = (kernel.inner.identity.to_string(), subject.name.clone());
            let mut state = inner.shared.state();
            state.model.set_tuned(&seen, constants);
            state.unwritten.push(Record::Tuned { seen, name, on, constants: constants.clone() });
            // They were found with other constants, or with none.
            state.calls.forget();
            inner.shared.has_tuned.store(state.model.has_tuned(), Ordering::Release);
            inner.notify();
            Some(())
        };
        keep().is_some()
    }

    /// A call that devices were to share cannot be shared.
    pub fn keep_whole(&self, ticket: &Ticket) {
        let Some(inner) = &self.0 else { return };
        if let Some(entry) = inner.shared.state().calls.get_mut(ticket.entry, ticket.generation) {
            entry.keep_whole();
        }
    }

    /// Devices shared a call, which took so many seconds, compilation left out.
    pub fn tell_shared(&self, kernel: &Kernel, ticket: &Ticket, sharing: &Sharing, seconds: f64) {
        let Some(inner) = &self.0 else { return };
        let mut state = inner.shared.state();
        let state = &mut *state;
        state.open_seconds += seconds;
        state.model.account(seconds, None);
        let Some(entry) = state.calls.get_mut(ticket.entry, ticket.generation) else { return };
        let noted = entry.sampler.count(seconds, Some(sharing.seconds));
        if noted.is_empty() {
            return;
        }
        let task = entry.task;
        noted
            .into_iter()
            .for_each(|seconds| state.model.observe_shared(sharing.group, &task, seconds, sharing.by_alone));
        if seconds > sharing.alone {
            entry.expire();
        }
        let ids = sharing.devices.iter().filter_map(|device| inner.id(device));
        state.compiled.extend(ids.map(|id| (id, task.kernel)));
        state.names.entry(task.kernel).or_insert_with(|| kernel.inner.identity.to_string());
        inner.notify();
    }

    /// Measures all devices that were not, or those `again` that were not measured often; gives whether it learns how long
    /// calls take.
    pub fn measure(&self, again: bool) -> bool {
        let Some(inner) = self.0.as_ref().filter(|inner| inner.has_choice()) else { return false };
        inner.load();
        inner.measure(if again { MEASUREMENTS } else { 1 });
        true
    }

    /// What a device can do, if it was measured.
    pub fn ceilings(&self, device: &Device) -> Option<Ceilings> {
        let inner = self.0.as_ref()?;
        inner.load();
        inner.shared.state().model.ceilings(inner.id(device)?)
    }
}

/// Puts devices into an order, by their numbers.
fn sort(devices: &mut [Device], order: &[(u32, f64)]) {
    let is_first = |&(number, _): &(u32, f64)| devices.first().is_some_and(|device| device.inner.number == number);
    if order.first().is_none_or(is_first) {
        return;
    }
    let place = |device: &Device| order.iter().position(|(number, _)| *number == device.inner.number);
    devices.sort_by_key(|device| place(device).unwrap_or(usize::MAX));
}

impl Inner {
    fn has_choice(&self) -> bool {
        self.subjects.len() > 1
    }

    fn id(&self, device: &Device) -> Option<DeviceId> {
        self.subjects.iter().find(|subject| subject.device == *device).map(|subject| subject.id)
    }

    /// Reads the file, once.
    fn load(&self) {
        self.loaded.call_once(|| {
            let contents = self.file.as_ref().map_or_else(|| Ok(Contents::default()), HistoryFile::read);
            let mut state = self.shared.state();
            match contents {
                Ok(contents) => {
                    for record in contents.all() {
                        if let Record::Runs { seen, name, .. } = &record {
                            state.names.entry(seen.kernel).or_insert_with(|| name.clone());
                        }
                        state.model.absorb(&record);
                    }
                }
                Err(error) => tracing::warn!(%error, "what was learned cannot be read"),
            }
            self.shared.has_tuned.store(state.model.has_tuned(), Ordering::Release);
            self.plan_to_measure(&mut state);
        });
    }

    /// The entry of a call; made if there is none. Nothing where the kernel cannot be counted.
    fn entry(
        &self,
        kernel: &Kernel,
        given: &PlanRequest<'_>,
        regrid: Regrid<'_>,
    ) -> Option<(MutexGuard<'_, State>, usize)> {
        self.load();
        let regrid = regrid.filter(|_| self.shared.has_tuned.load(Ordering::Acquire));
        let mut state = self.shared.state();
        if let Some(at) = state.calls.find(kernel, given, regrid.is_some()) {
            return Some((state, at));
        }
        drop(state);
        let WorkAsked { work, words, .. } = WorkAsked::count(kernel, given).ok()?;
        let task = Task { kernel: kernel.fingerprint(), work };
        let variants = regrid.map(|regrid| self.variants(kernel, given, &task, regrid));
        let entry = Entry::new(kernel, task, given, words, variants);
        let mut state = self.shared.state();
        let at = state.calls.add(entry);
        Some((state, at))
    }

    /// The call on those devices for which constants were tuned that it leaves open.
    fn variants(
        &self,
        kernel: &Kernel,
        given: &PlanRequest<'_>,
        task: &Task,
        regrid: &dyn Fn(&Kernel) -> Option<[u32; 3]>,
    ) -> Variants {
        let variant = |subject: &Subject| {
            let constants = self.shared.state().model.tuned(subject.id, task)?.clone();
            let variant = Variant::new(kernel, given, regrid, &constants)?;
            Some((subject.device.inner.number, Arc::new(variant)))
        };
        self.subjects.iter().filter_map(variant).collect()
    }

    /// The same as [`entry`](Inner::entry), with the devices in the order that holds now.
    fn prepared(
        &self,
        kernel: &Kernel,
        given: &PlanRequest<'_>,
        regrid: Regrid<'_>,
    ) -> Option<(MutexGuard<'_, State>, usize)> {
        let (state, at) = self.entry(kernel, given, regrid)?;
        let entry = &state.calls[at];
        if entry.is_fresh() {
            return Some((state, at));
        }
        let (task, uses, may_try) = (entry.task, entry.uses(), entry.may_try());
        let mut state = self.measured(state, &task, uses);
        // While it measured, the call may have been forgotten.
        state.calls.get(at, task.kernel)?;
        let is_measured = state.measures_at <= 0.0;
        let entry = &state.calls[at];
        let shares = entry.may_share().then_some(&task);
        let choose = || self.chosen(&state, |number| entry.task_on(number), uses, may_try, shares);
        let chosen = if is_measured { choose() } else { None };
        state.calls.keep(at, chosen.unwrap_or_default());
        Some((state, at))
    }

    /// The state with all devices measured, if that is worth it by now.
    fn measured<'s>(&'s self, state: MutexGuard<'s, State>, task: &Task, uses: u32) -> MutexGuard<'s, State> {
        if state.measures_at <= 0.0 && state.open_seconds < state.again_at {
            return state;
        }
        // The first call of its kind may be a long one.
        let usual = |subject: &Subject| Ceilings::usual(subject.device.kind()).seconds(&task.work);
        let ahead = if uses == 0 { self.subjects.iter().map(usual).fold(f64::INFINITY, f64::min) } else { 0.0 };
        if state.open_seconds + ahead < state.measures_at {
            return state;
        }
        let times = if state.measures_at > 0.0 { 1 } else { MEASUREMENTS };
        drop(state);
        self.measure(times);
        self.shared.state()
    }

    /// The devices with the seconds that are predicted, the one to take first, the others by what they take; and those that are
    /// to share the call, if it is one that they could.
    fn chosen(
        &self,
        state: &State,
        task_on: impl Fn(u32) -> Task,
        uses: u32,
        may_try: bool,
        shares: Option<&Task>,
    ) -> Option<Chosen> {
        let able: Vec<&Subject> = self.subjects.iter().filter(|subject| !state.failed.contains(&subject.id)).collect();
        let candidate = |subject: &&Subject| state.candidate(subject.id, task_on(subject.device.inner.number), uses);
        let candidates: Vec<Candidate> = able.iter().map(candidate).collect();
        let choice = state.model.choose(&candidates, may_try)?;
        let seconds = |at: usize| choice.predictions[at].seconds + candidates[at].compile;
        let mut order: Vec<usize> = (0..able.len()).collect();
        order.sort_by(|&a, &b| {
            let is_behind = |at: usize| at != choice.chosen;
            is_behind(a).cmp(&is_behind(b)).then(seconds(a).total_cmp(&seconds(b)))
        });
        let sharing = shares
            .filter(|_| choice.instead_of.is_none())
            .and_then(|task| self.sharing(state, task, &able, &candidates, &choice.predictions, choice.chosen));
        let order = order.into_iter().map(|at| (able[at].device.inner.number, choice.predictions[at].seconds));
        Some(Chosen { order: order.collect(), instead_of: choice.instead_of, sharing })
    }

    /// Measures the devices that were not measured so often, once.
    fn measure(&self, times: u32) {
        let _alone = self.measuring.lock().unwrap_or_else(PoisonError::into_inner);
        for Subject { device, id, name } in &self.subjects {
            if self.shared.state().is_measured(*id, times) {
                continue;
            }
            let measured: Result<Ceilings> = measure::measure(device);
            let mut state = self.shared.state();
            match measured {
                Ok(ceilings) => {
                    tracing::debug!(device = name, ?ceilings, "measured");
                    state.model.set_ceilings(*id, ceilings);
                    state.unwritten.push(Record::Device { id: *id, name: name.clone(), ceilings });
                }
                Err(error) => {
                    tracing::warn!(device = name, %error, "cannot be measured: nothing is chosen by prediction");
                    state.failed.insert(*id);
                }
            }
            drop(state);
            self.notify();
        }
        self.plan_to_measure(&mut self.shared.state());
    }

    /// Works out from when on it is worth measuring.
    fn plan_to_measure(&self, state: &mut State) {
        if !self.has_choice() {
            state.measures_at = f64::INFINITY;
            return;
        }
        let missing = |most| self.subjects.iter().filter(|subject| !state.is_measured(subject.id, most)).count();
        let more = missing(MEASUREMENTS) as f64;
        let again = state.open_seconds + WORTH_MORE * MEASURING * more;
        let missing = missing(1);
        state.again_at = if more > 0.0 { again } else { f64::INFINITY };
        self.shared.is_measured.store(missing == 0, Ordering::Release);
        state.measures_at = WORTH_MEASURING * MEASURING * missing as f64;
    }

    /// Has what is new be written.
    fn notify(&self) {
        let Some(file) = &self.file else { return };
        let writer = self.writer.get_or_init(|| {
            let shared = Arc::clone(&self.shared);
            Writer::new(file.clone(), move || shared.take())
        });
        writer.notify();
    }
}
