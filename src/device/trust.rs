//! Whether devices compute what they should. A probe runs once for each device and driver, before the first kernel that it
//! concerns is trusted to the device; what it found is kept beside what is learned.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    num::NonZero,
    panic,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use super::Device;
use crate::{
    access::LoopBounds,
    cost::{
        DeviceId, History, Record,
        history::{Contents, HistoryFile},
    },
    device_info::DeviceKind,
    environment,
    error::{Error, Result},
    exec::{ArgData, Launch},
    kernel::{Kernel, Module, identity::Identity},
    plan::request::PlanRequest,
    trust::{Doubt, MOST_ITERATIONS, PROBES, PROBES_VERSION, Probe, Uses, Weakness, functions, probe_functions},
};

/// What a device gets wrong. Empty for most.
pub(super) type Weaknesses = BTreeSet<Weakness>;

/// What each probe has found, of those that have run.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    probes: [Option<Weaknesses>; PROBES.len()],
    /// Built-in functions that were tested, and whether they are wrong.
    functions: BTreeMap<&'static str, bool>,
}

/// A kernel that is to run on a device.
#[derive(Clone, Debug)]
enum Test {
    /// A probe, by its number.
    Probe(usize),
    Functions(Vec<&'static str>),
}

/// Built-in functions that are compiled together.
const FUNCTIONS_AT_ONCE: usize = 8;

/// Calls of which is kept how often their loops go round, on devices that end them early. When there are more, all are
/// forgotten.
const KEPT: usize = 256;

/// Probes that are compiled side by side.
const MOST_THREADS: usize = 4;

/// What a runtime knows of whether its devices are to be trusted.
pub(super) struct Trust(Option<Inner>);

struct Inner {
    file: Option<HistoryFile>,
    calls: Mutex<HashMap<CallKey, LoopBounds>>,
    /// Kernels whose loops a device, by its number, was seen to cut short.
    cut_short: Mutex<HashMap<Identity, BTreeSet<u32>>>,
}

/// A call as far as the bounds of its loops depend on it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct CallKey {
    kernel: Identity,
    workgroups: [u32; 3],
    bytes: Vec<u64>,
    uniforms: Vec<u8>,
}

/// What probes have found in this process, by device: another runtime need not run them again.
static FOUND: Mutex<Option<HashMap<DeviceId, Findings>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Trust {
    /// Unless `SWATH_TRUST` says `off`, devices are probed; what is found is kept as `history` says.
    pub fn new(history: &History) -> Trust {
        let inner = || Inner { file: history.file(), calls: Mutex::default(), cut_short: Mutex::default() };
        Trust((!environment::trusts_all()).then(inner))
    }

    /// What of a call of `kernel` the device may get wrong; nothing where there is nothing to fear.
    pub fn doubt(&self, device: &Device, kernel: &Kernel, given: &PlanRequest<'_>) -> Option<Doubt> {
        let inner = self.0.as_ref().filter(|_| is_probed(device))?;
        let weaknesses = inner.weaknesses(device, Some(kernel.uses()));
        let mut bounds = None;
        let mut bounds = || *bounds.get_or_insert_with(|| inner.bounds(kernel, given));
        let doubt = Doubt::of(kernel, &weaknesses, &mut bounds)?;
        let was_cut_short = lock(&inner.cut_short).get(&kernel.inner.identity).cloned().unwrap_or_default();
        Some(if was_cut_short.contains(&device.inner.number) { doubt.confirmed() } else { doubt })
    }

    /// A device cut the kernel's loops short: it need not be tried again.
    pub fn note_cut_short(&self, device: &Device, kernel: &Kernel) {
        let Some(inner) = &self.0 else { return };
        let mut kernels = lock(&inner.cut_short);
        if kernels.len() >= KEPT {
            kernels.clear();
        }
        kernels.entry(kernel.inner.identity.clone()).or_default().insert(device.inner.number);
    }

    /// What a device is known to get wrong; nothing where no probe has run.
    pub fn known(&self, device: &Device) -> Option<Vec<Weakness>> {
        let inner = self.0.as_ref().filter(|_| is_probed(device))?;
        let mut findings = lock(&device.inner.findings).clone();
        inner.recall(device, &mut findings);
        findings.have_run().then(|| findings.weaknesses().collect())
    }

    /// Runs all probes on a device that have not run.
    pub fn probe(&self, device: &Device) {
        if let Some(inner) = self.0.as_ref().filter(|_| is_probed(device)) {
            inner.weaknesses(device, None);
        }
    }
}

impl Findings {
    fn have_run(&self) -> bool {
        self.probes.iter().any(Option::is_some)
    }

    fn weaknesses(&self) -> impl Iterator<Item = Weakness> {
        let wrong = self.functions.iter().filter(|(_, is_wrong)| **is_wrong);
        let wrong = wrong.map(|(function, _)| Weakness::Builtin(function));
        let all: BTreeSet<Weakness> = self.probes.iter().flatten().flatten().copied().chain(wrong).collect();
        all.into_iter()
    }

    /// What concerns a kernel that uses this, or any, and has not run.
    fn missing(&self, uses: Option<&Uses>) -> Vec<Test> {
        let concerns = |at: &usize| uses.is_none_or(|uses| (PROBES[*at].concerns)(uses));
        let probes = (0..PROBES.len()).filter(|at| self.probes[*at].is_none()).filter(concerns).map(Test::Probe);
        let is_used = |function: &&'static str| uses.is_none_or(|uses| uses.builtins.contains(function));
        let is_new = |function: &&'static str| is_used(function) && !self.functions.contains_key(function);
        let new: Vec<_> = match uses {
            Some(uses) if uses.builtins.is_empty() => Vec::new(),
            _ => functions().filter(is_new).collect(),
        };
        let functions = new.chunks(FUNCTIONS_AT_ONCE).map(|some| Test::Functions(some.to_vec()));
        functions.chain(probes).collect()
    }

    /// Takes over what others know.
    fn add(&mut self, other: &Findings) {
        for (own, other) in self.probes.iter_mut().zip(&other.probes) {
            if own.is_none() {
                own.clone_from(other);
            }
        }
        for (function, is_wrong) in &other.functions {
            self.functions.entry(function).or_insert(*is_wrong);
        }
    }

    /// Notes what a test found.
    fn note(&mut self, test: &Test, found: Weaknesses) {
        match test {
            Test::Probe(at) => self.probes[*at] = Some(found),
            Test::Functions(some) => {
                self.functions.extend(some.iter().map(|name| (*name, found.contains(&Weakness::Builtin(name)))));
            }
        }
    }
}

/// Whether there is anything to probe: the CPU engine is what others are compared with, and some devices compute nothing.
fn is_probed(device: &Device) -> bool {
    device.kind() != DeviceKind::Cpu && device.inner.backend.computes()
}

fn id(device: &Device) -> DeviceId {
    DeviceId::of(device.info())
}

impl Inner {
    /// What a device gets wrong, as far as it concerns a kernel that uses this, or anything. Where it cannot be told for now, that
    /// is nothing.
    fn weaknesses(&self, device: &Device, uses: Option<&Uses>) -> Vec<Weakness> {
        // Held while probes run, lest two threads do it.
        let mut findings = lock(&device.inner.findings);
        let mut missing = findings.missing(uses);
        if !missing.is_empty() {
            self.recall(device, &mut findings);
            missing = findings.missing(uses);
        }
        if !missing.is_empty() {
            let start = Instant::now();
            match run(device, &missing) {
                Ok(found) => found.into_iter().for_each(|(test, weaknesses)| findings.note(test, weaknesses)),
                Err(error) => tracing::warn!(device = device.name(), %error, "cannot be probed for now"),
            }
            let names: Vec<&str> = missing.iter().flat_map(Test::names).collect();
            let wrong: Vec<String> = findings.weaknesses().map(Weakness::name).collect();
            tracing::debug!(device = device.name(), took = ?start.elapsed(), probes = ?names, ?wrong, "probed");
            lock(&FOUND).get_or_insert_default().entry(id(device)).or_default().add(&findings);
            self.keep(device, &findings, &missing);
        }
        findings.weaknesses().collect()
    }

    /// Adds what is known of the device's driver in this process, and in the file.
    fn recall(&self, device: &Device, findings: &mut Findings) {
        if let Some(known) = lock(&FOUND).as_ref().and_then(|all| all.get(&id(device))) {
            findings.add(known);
        }
        let Some(file) = self.file.as_ref().filter(|_| !findings.missing(None).is_empty()) else { return };
        match file.read() {
            Ok(contents) => findings.add(&kept(&contents, id(device))),
            Err(error) => tracing::warn!(%error, "what probes found cannot be read"),
        }
    }

    fn keep(&self, device: &Device, findings: &Findings, run: &[Test]) {
        let Some(file) = &self.file else { return };
        let info = device.info();
        let record = |probe: String, failed: Vec<String>| Record::Probe {
            id: id(device),
            device: format!("{} ({})", info.name, info.driver),
            version: PROBES_VERSION,
            probe,
            failed,
        };
        let mut records = Vec::new();
        for test in run {
            match test {
                Test::Probe(at) => {
                    let Some(found) = &findings.probes[*at] else { continue };
                    records.push(record(PROBES[*at].name.to_owned(), found.iter().map(|one| one.name()).collect()));
                }
                Test::Functions(some) => {
                    for function in some {
                        let Some(is_wrong) = findings.functions.get(function) else { continue };
                        let name = Weakness::Builtin(function).name();
                        records.push(record(name.clone(), if *is_wrong { vec![name] } else { Vec::new() }));
                    }
                }
            }
        }
        if let Err(error) = file.append(&records) {
            tracing::warn!(%error, "what probes found cannot be kept");
        }
    }

    /// What can be said of the kernel's loops in a call.
    fn bounds(&self, kernel: &Kernel, given: &PlanRequest<'_>) -> LoopBounds {
        let always = kernel.uses().bounds;
        if always.iterations.is_some_and(|iterations| iterations <= MOST_ITERATIONS) && !always.may_wrap {
            return always;
        }
        let key = CallKey {
            kernel: kernel.inner.identity.clone(),
            workgroups: given.shape.workgroups,
            bytes: given.shape.bytes.to_vec(),
            uniforms: given.uniforms.to_vec(),
        };
        if let Some(known) = lock(&self.calls).get(&key) {
            return *known;
        }
        let bounds = kernel.loop_bounds(&given.numbers(kernel));
        let mut calls = lock(&self.calls);
        if calls.len() >= KEPT {
            calls.clear();
        }
        calls.insert(key, bounds);
        bounds
    }
}

/// What a file says of a device.
fn kept(contents: &Contents, id: DeviceId) -> Findings {
    let found = |at: usize| {
        let failed = contents.failed_probe(id, PROBES[at].name, PROBES_VERSION)?;
        // One that is not known is of another version.
        failed.iter().map(|name| Weakness::from_name(name)).collect()
    };
    let function = |function: &'static str| {
        let failed = contents.failed_probe(id, &Weakness::Builtin(function).name(), PROBES_VERSION)?;
        Some((function, !failed.is_empty()))
    };
    Findings { probes: std::array::from_fn(found), functions: functions().filter_map(function).collect() }
}

impl Test {
    /// What runs, for people.
    fn names(&self) -> Vec<&'static str> {
        match self {
            Test::Probe(at) => vec![PROBES[*at].name],
            Test::Functions(some) => some.clone(),
        }
    }

    fn run(&self, device: &Device) -> Result<Weaknesses> {
        let functions = match self {
            Test::Probe(at) => return run_one(device, &(PROBES[*at].make)()),
            Test::Functions(functions) => functions,
        };
        let found = run_one(device, &probe_functions(functions))?;
        if functions.len() == 1 || found.len() < functions.len() {
            return Ok(found);
        }
        // Hardly all of them: the driver does not take one, or it is one that spoils the others.
        let alone = functions.iter().map(|function| run_one(device, &probe_functions(&[function])));
        alone.collect::<Result<Vec<_>>>().map(|found| found.into_iter().flatten().collect())
    }
}

/// Runs some tests; gives what each found.
///
/// # Errors
///
/// Where the device does not answer, which says nothing of what it computes.
fn run<'t>(device: &Device, tests: &'t [Test]) -> Result<Vec<(&'t Test, Weaknesses)>> {
    let next = AtomicUsize::new(0);
    // Nearly all of the time goes into compiling, which several threads do side by side.
    let work = || {
        let mut found = Vec::new();
        while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.push((test, test.run(device)?));
        }
        Ok(found)
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS).min(tests.len());
    thread::scope(|scope| {
        let others: Vec<_> =
            (1..threads).filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok()).collect();
        let mut found = work()?;
        for other in others {
            found.extend(other.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?);
        }
        Ok(found)
    })
}

fn run_one(device: &Device, probe: &Probe) -> Result<Weaknesses> {
    let kernel = Module::parse(&probe.wgsl)?.only_kernel()?;
    if kernel.inner.requirements.check(kernel.name(), device.info()).is_err() {
        // What a device is too small for is no fault of what it computes.
        return Ok(Weaknesses::new());
    }
    let mut y = vec![0; probe.len()];
    let args = vec![ArgData::Read(bytemuck::cast_slice(&probe.x)), ArgData::Write(bytemuck::cast_slice_mut(&mut y))];
    match device.inner.backend.launch(Launch::new(&kernel, args, probe.workgroups)) {
        Ok(_) => Ok(probe.failed(&y)),
        // The driver does not take it.
        Err(Error::Device(_) | Error::Unsupported(_) | Error::WrongResult(_)) => Ok(probe.all()),
        Err(error) => Err(error),
    }
}

#[cfg(all(test, feature = "gpu"))]
mod tests {
    use std::time::Duration;

    use super::*;

    /// With `--nocapture` it prints what probes take, compiling included, where the driver finds nothing compiled.
    #[test]
    fn probes_take_little_time() {
        for number in 0..3 {
            for backend in crate::exec::discover(None) {
                let device = Device::new(backend, "gpu".to_owned(), None);
                if !is_probed(&device) {
                    continue;
                }
                let mut all = Duration::ZERO;
                let tests = Findings::default().missing(None);
                let single = functions().step_by(9).map(|function| Test::Functions(vec![function]));
                for test in tests.iter().cloned().chain(single) {
                    let start = Instant::now();
                    run(&device, std::slice::from_ref(&test)).unwrap_or_else(|error| panic!("{test:?}: {error}"));
                    println!("{}: {} took {:.1?}", device.name(), test.names().join(", "), start.elapsed());
                    all += start.elapsed();
                }
                println!("{}: one after another {all:.0?} (run {number})", device.name());
                let again = crate::exec::discover(None).into_iter().find(|again| again.info() == device.info());
                let again = Device::new(again.expect("it is still there"), "gpu".to_owned(), None);
                let start = Instant::now();
                run(&again, &tests).unwrap_or_else(|error| panic!("{error}"));
                println!("{}: side by side {:.0?} (run {number})", device.name(), start.elapsed());
            }
        }
    }
}
