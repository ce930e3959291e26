//! Whether devices compute what they should. Probes run once for each device and driver, when a call is first to run there;
//! what they found is kept beside what is learned.

use std::{
    collections::{BTreeSet, HashMap},
    env,
    num::NonZero,
    panic,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
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
    trust::{Doubt, MOST_ITERATIONS, PROBES_VERSION, Probe, Weakness, probes},
};

/// What a device gets wrong. Empty for most.
pub(super) type Weaknesses = Arc<[Weakness]>;

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
static FOUND: Mutex<Option<HashMap<DeviceId, Weaknesses>>> = Mutex::new(None);

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
        let inner = self.0.as_ref()?;
        let weaknesses = inner.weaknesses(device)?;
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

    /// What a device is known to get wrong; nothing where it was not probed.
    pub fn known(&self, device: &Device) -> Option<Weaknesses> {
        let inner = self.0.as_ref().filter(|_| is_probed(device))?;
        let known = device.inner.weaknesses.get().cloned();
        known.or_else(|| lock(&FOUND).as_ref()?.get(&id(device)).cloned()).or_else(|| inner.kept(device))
    }

    /// Probes a device, unless that is known.
    pub fn probe(&self, device: &Device) {
        if let Some(inner) = &self.0 {
            inner.weaknesses(device);
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
    /// What a device gets wrong; nothing where it cannot be told for now.
    fn weaknesses(&self, device: &Device) -> Option<Weaknesses> {
        if let Some(known) = device.inner.weaknesses.get() {
            return Some(known.clone());
        }
        if !is_probed(device) {
            return Some(device.inner.weaknesses.get_or_init(Weaknesses::default).clone());
        }
        // Held while the probes run, lest two threads do it.
        let mut found = lock(&FOUND);
        let all = found.get_or_insert_default();
        let id = id(device);
        let weaknesses = match all.get(&id).cloned().or_else(|| self.kept(device)) {
            Some(known) => known,
            None => {
                let start = Instant::now();
                let weaknesses: Weaknesses = match run(device) {
                    Ok(weaknesses) => weaknesses.into_iter().collect(),
                    Err(error) => {
                        tracing::warn!(device = device.name(), %error, "cannot be probed for now");
                        return None;
                    }
                };
                let names: Vec<String> = weaknesses.iter().map(|weakness| weakness.name()).collect();
                tracing::debug!(device = device.name(), took = ?start.elapsed(), wrong = ?names, "probed");
                self.keep(device, names);
                weaknesses
            }
        };
        all.insert(id, weaknesses.clone());
        drop(found);
        Some(device.inner.weaknesses.get_or_init(|| weaknesses).clone())
    }

    /// What the file says of a device.
    fn kept(&self, device: &Device) -> Option<Weaknesses> {
        let contents = self.file.as_ref().map_or_else(|| Ok(Contents::default()), HistoryFile::read);
        let contents = contents.map_err(|error| tracing::warn!(%error, "what probes found cannot be read")).ok()?;
        let failed = contents.failed_probes(id(device), PROBES_VERSION)?;
        // One that is not known is of another version.
        failed.iter().map(|name| Weakness::from_name(name)).collect()
    }

    fn keep(&self, device: &Device, failed: Vec<String>) {
        let Some(file) = &self.file else { return };
        let info = device.info();
        let name = format!("{} ({})", info.name, info.driver);
        let record = Record::Probes { id: id(device), name, version: PROBES_VERSION, failed };
        if let Err(error) = file.append(&[record]) {
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
            bytes: given.shape.bytes.clone(),
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

/// Runs all probes; gives what they found.
///
/// # Errors
///
/// Where the device does not answer, which says nothing of what it computes.
fn run(device: &Device) -> Result<BTreeSet<Weakness>> {
    let probes = probes();
    let next = AtomicUsize::new(0);
    // Nearly all of the time goes into compiling, which several threads do side by side.
    let work = || {
        let mut failed = BTreeSet::new();
        while let Some(probe) = probes.get(next.fetch_add(1, Ordering::Relaxed)) {
            failed.extend(run_one(device, probe)?);
        }
        Ok(failed)
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
    thread::scope(|scope| {
        let others: Vec<_> =
            (1..threads).filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok()).collect();
        let mut failed: BTreeSet<Weakness> = work()?;
        for other in others {
            failed.extend(other.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?);
        }
        Ok(failed)
    })
}

fn run_one(device: &Device, probe: &Probe) -> Result<BTreeSet<Weakness>> {
    let kernel = Module::parse(&*probe.wgsl)?.only_kernel()?;
    if kernel.inner.requirements.check(kernel.name(), device.info()).is_err() {
        // What a device is too small for is no fault of what it computes.
        return Ok(BTreeSet::new());
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
