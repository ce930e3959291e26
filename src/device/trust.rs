//! Whether devices compute what they should. A probe runs once for each device and driver, before the first kernel that it
//! concerns is trusted to the device; what it found is kept beside what is learned.

use std::{
    collections::{BTreeSet, HashMap},
    env,
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
    error::{Error, Result},
    exec::{ArgData, Launch},
    kernel::{Kernel, Module, identity::Identity},
    plan::request::PlanRequest,
    trust::{Doubt, MOST_ITERATIONS, PROBES, PROBES_VERSION, Probe, Uses, Weakness},
};

/// What a device gets wrong. Empty for most.
pub(super) type Weaknesses = BTreeSet<Weakness>;

/// What each probe has found, of those that have run.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings([Option<Weaknesses>; PROBES.len()]);

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
        let is_off = match env::var("SWATH_TRUST") {
            Ok(text) => match text.trim() {
                "off" => true,
                "" | "on" => false,
                other => {
                    tracing::warn!("SWATH_TRUST is `{other}`: neither `on` nor `off`; devices are probed");
                    false
                }
            },
            Err(_) => false,
        };
        let inner = || Inner { file: history.file(), calls: Mutex::default(), cut_short: Mutex::default() };
        Trust((!is_off).then(inner))
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
        self.0.iter().any(Option::is_some)
    }

    fn weaknesses(&self) -> impl Iterator<Item = Weakness> {
        let all: BTreeSet<Weakness> = self.0.iter().flatten().flatten().copied().collect();
        all.into_iter()
    }

    /// The probes that concern a kernel that uses this, or any, and have not run.
    fn missing(&self, uses: Option<&Uses>) -> Vec<usize> {
        let concerns = |at: &usize| uses.is_none_or(|uses| (PROBES[*at].concerns)(uses));
        (0..PROBES.len()).filter(|at| self.0[*at].is_none()).filter(concerns).collect()
    }

    /// Takes over what others know.
    fn add(&mut self, other: &Findings) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            if own.is_none() {
                own.clone_from(other);
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
                Ok(found) => found.into_iter().for_each(|(at, weaknesses)| findings.0[at] = Some(weaknesses)),
                Err(error) => tracing::warn!(device = device.name(), %error, "cannot be probed for now"),
            }
            let names: Vec<&str> = missing.iter().map(|at| PROBES[*at].name).collect();
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

    fn keep(&self, device: &Device, findings: &Findings, run: &[usize]) {
        let Some(file) = &self.file else { return };
        let info = device.info();
        let record = |at: &usize| {
            Some(Record::Probe {
                id: id(device),
                device: format!("{} ({})", info.name, info.driver),
                version: PROBES_VERSION,
                probe: PROBES[*at].name.to_owned(),
                failed: findings.0[*at].as_ref()?.iter().map(|weakness| weakness.name()).collect(),
            })
        };
        let records: Vec<Record> = run.iter().filter_map(record).collect();
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
    Findings(std::array::from_fn(found))
}

/// Runs some of the probes, by number; gives what each found.
///
/// # Errors
///
/// Where the device does not answer, which says nothing of what it computes.
fn run(device: &Device, numbers: &[usize]) -> Result<Vec<(usize, Weaknesses)>> {
    let next = AtomicUsize::new(0);
    // Nearly all of the time goes into compiling, which several threads do side by side.
    let work = || {
        let mut found = Vec::new();
        while let Some(&at) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.push((at, run_one(device, &(PROBES[at].make)())?));
        }
        Ok(found)
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS).min(numbers.len());
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
                for (at, entry) in PROBES.iter().enumerate() {
                    let start = Instant::now();
                    run(&device, &[at]).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
                    println!("{}: {} took {:.1?}", device.name(), entry.name, start.elapsed());
                    all += start.elapsed();
                }
                println!("{}: one after another {all:.0?} (run {number})", device.name());
                let again = crate::exec::discover(None).into_iter().find(|again| again.info() == device.info());
                let again = Device::new(again.expect("it is still there"), "gpu".to_owned(), None);
                let start = Instant::now();
                run(&again, &[0, 1, 2, 3, 4, 5, 6]).unwrap_or_else(|error| panic!("{error}"));
                println!("{}: side by side {:.0?} (run {number})", device.name(), start.elapsed());
            }
        }
    }
}
