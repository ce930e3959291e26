//! The energy that devices use: counters of the system, where they can be read, and what was learned from them.
//!
//! The processors' counters are Linux's powercap files (`intel-rapl`, which AMD's processors have, too). Most systems let only
//! root read them. GPUs have counters of their own, which NVIDIA's library reads (with the feature `nvml`).

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError},
    time::Duration,
};

use super::Device;
use crate::{
    cost::{Contender, DeviceId, History, Powers, Record, history::HistoryFile},
    device_info::DeviceKind,
};

/// Where Linux has the processors' counters.
const POWERCAP: &str = "/sys/class/powercap";

/// What a call has to take at least for something to be learned of it: counters are brought up to date once in a millisecond.
const LEAST: Duration = Duration::from_millis(20);

/// A counter of microjoules that starts anew at some number.
#[derive(Clone, Debug, PartialEq)]
struct Counter {
    path: PathBuf,
    /// The largest number.
    range: u64,
}

impl Counter {
    fn read(&self) -> Option<u64> {
        number(&self.path)
    }

    /// Joules between two readings.
    fn joules(&self, before: u64, after: u64) -> f64 {
        let micro = if after >= before { after - before } else { self.range.saturating_sub(before) + after };
        micro as f64 * 1e-6
    }
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The counters of the processors' packages that can be read now.
fn packages(powercap: &Path) -> Vec<Counter> {
    let Ok(entries) = fs::read_dir(powercap) else { return Vec::new() };
    let counter = |folder: PathBuf| {
        // Parts of a package have their own, and are in it.
        let name = fs::read_to_string(folder.join("name")).ok()?;
        let range = number(&folder.join("max_energy_range_uj"))?;
        let counter = Counter { path: folder.join("energy_uj"), range };
        (name.starts_with("package") && counter.read().is_some()).then_some(counter)
    };
    let mut found: Vec<Counter> = entries.flatten().filter_map(|entry| counter(entry.path())).collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// What counts a GPU's own energy, in joules since some time.
trait Board: Send + Sync {
    fn joules(&self) -> Option<f64>;
}

/// All that counts for a device: the processors, which every call keeps busy, and the GPU if it has power of its own.
struct Counters {
    packages: Vec<Counter>,
    board: Option<Box<dyn Board>>,
}

/// The counters at some time.
pub(crate) struct Reading {
    packages: Vec<u64>,
    board: Option<f64>,
}

impl Counters {
    /// Those of a device; nothing where one of them is missing.
    fn of(device: &Device, powercap: &Path) -> Option<Counters> {
        let packages = packages(powercap);
        let board = match device.kind() {
            DeviceKind::Cpu | DeviceKind::SoftwareGpu | DeviceKind::IntegratedGpu => None,
            _ => Some(board(device)?),
        };
        (!packages.is_empty()).then_some(Counters { packages, board })
    }

    fn read(&self) -> Option<Reading> {
        let packages = self.packages.iter().map(Counter::read).collect::<Option<_>>()?;
        let board = match &self.board {
            Some(board) => Some(board.joules()?),
            None => None,
        };
        Some(Reading { packages, board })
    }

    /// Joules since a reading.
    fn since(&self, before: &Reading) -> Option<f64> {
        let now = self.read()?;
        let readings = before.packages.iter().zip(&now.packages);
        let packages = self.packages.iter().zip(readings).map(|(counter, (before, now))| counter.joules(*before, *now));
        let board = before.board.zip(now.board).map_or(0.0, |(before, now)| (now - before).max(0.0));
        Some(packages.sum::<f64>() + board)
    }
}

#[cfg(feature = "nvml")]
fn board(device: &Device) -> Option<Box<dyn Board>> {
    nvml::Nvidia::of(&device.inner.backend.bus_id()?).map(|board| Box::new(board) as Box<dyn Board>)
}

/// Nobody here can read a GPU's own counter.
#[cfg(not(feature = "nvml"))]
fn board(_: &Device) -> Option<Box<dyn Board>> {
    None
}

#[cfg(feature = "nvml")]
mod nvml {
    use std::sync::OnceLock;

    use nvml_wrapper::Nvml;

    /// A board of NVIDIA's, by its place on the PCI bus.
    pub(super) struct Nvidia {
        library: &'static Nvml,
        bus_id: String,
    }

    impl Nvidia {
        pub fn of(bus_id: &str) -> Option<Nvidia> {
            static LIBRARY: OnceLock<Option<Nvml>> = OnceLock::new();
            let library = LIBRARY.get_or_init(|| Nvml::init().ok()).as_ref()?;
            let board = Nvidia { library, bus_id: bus_id.to_owned() };
            super::Board::joules(&board).map(|_| board)
        }
    }

    impl super::Board for Nvidia {
        fn joules(&self) -> Option<f64> {
            let device = self.library.device_by_pci_bus_id(self.bus_id.as_str()).ok()?;
            // Since the driver was loaded, in millijoules.
            Some(device.total_energy_consumption().ok()? as f64 * 1e-3)
        }
    }
}

/// The counters of a runtime's devices, and what was learned from them.
pub(super) struct Energy {
    powercap: PathBuf,
    file: Option<HistoryFile>,
    loaded: Once,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    powers: Powers,
    /// By the devices' numbers, those that were asked for.
    counters: Vec<(u32, Option<Arc<Counters>>)>,
}

impl Energy {
    pub fn new(history: &History) -> Energy {
        Energy { powercap: POWERCAP.into(), file: history.file(), loaded: Once::new(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.loaded.call_once(|| {
            let Some(file) = &self.file else { return };
            match file.read() {
                Ok(contents) => {
                    lock(&self.state).powers = contents.powers().clone();
                }
                Err(error) => tracing::warn!(%error, "what devices draw cannot be read"),
            }
        });
        lock(&self.state)
    }

    /// Counters of a device that can be read.
    fn counters(&self, device: &Device) -> Option<Arc<Counters>> {
        let number = device.inner.number;
        let mut state = self.state();
        if let Some((_, known)) = state.counters.iter().find(|(other, _)| *other == number) {
            return known.clone();
        }
        let found = Counters::of(device, &self.powercap).map(Arc::new);
        state.counters.push((number, found.clone()));
        found
    }

    /// What the counters say now, where they can be read.
    pub fn read(&self, device: &Device) -> Option<Reading> {
        self.counters(device)?.read()
    }

    /// Joules that a call took on a device, counted from a reading on; and learns from them.
    pub fn tell(&self, device: &Device, before: &Reading, took: Duration) -> Option<f64> {
        let joules = self.counters(device)?.since(before)?;
        if took >= LEAST {
            let id = DeviceId::of(device.info());
            let mut state = self.state();
            state.powers.observe(id, joules, took.as_secs_f64());
            let last = state.powers.last(id).last().copied();
            drop(state);
            if let (Some(file), Some(last)) = (&self.file, last) {
                let info = device.info();
                let name = format!("{} ({})", info.name, info.driver);
                if let Err(error) = file.append(&[Record::Power { id, name, last: vec![last] }]) {
                    tracing::warn!(%error, "what a device draws cannot be kept");
                }
            }
        }
        Some(joules)
    }

    /// Watts that a device is known to draw.
    pub fn watts(&self, device: &Device) -> Option<f64> {
        self.state().powers.watts(DeviceId::of(device.info()))
    }

    /// What is known of a device that may run a call.
    pub fn contender(&self, device: &Device, seconds: Option<f64>) -> Contender {
        let is_counted = self.counters(device).is_some();
        Contender { seconds, watts: self.watts(device), is_counted }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::exec::cpu;

    /// A folder as Linux has it, with these counters: names, ranges, and microjoules if they can be read.
    fn powercap(counters: &[(&str, u64, Option<u64>)]) -> PathBuf {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("swath-powercap-{}-{number}", std::process::id()));
        for (at, (name, range, energy)) in counters.iter().enumerate() {
            let zone = folder.join(format!("intel-rapl:{at}"));
            fs::create_dir_all(&zone).expect("it is ours");
            fs::write(zone.join("name"), format!("{name}\n")).expect("it is ours");
            fs::write(zone.join("max_energy_range_uj"), format!("{range}\n")).expect("it is ours");
            if let Some(energy) = energy {
                fs::write(zone.join("energy_uj"), format!("{energy}\n")).expect("it is ours");
            }
        }
        folder
    }

    fn set(folder: &Path, zone: usize, energy: u64) {
        fs::write(folder.join(format!("intel-rapl:{zone}/energy_uj")), energy.to_string()).expect("it is ours");
    }

    fn engine() -> Device {
        Device::new(cpu::engine_of(1), "cpu".to_owned(), None)
    }

    #[test]
    fn packages_are_counted_and_their_parts_are_not() {
        let folder = powercap(&[
            ("package-0", 1_000_000_000, Some(999_000_000)),
            ("core", 1_000_000_000, Some(5)),
            ("package-1", 1_000_000_000, Some(7_000_000)),
            ("package-2", 1_000_000_000, None),
        ]);
        let energy = Energy { powercap: folder.clone(), ..Energy::new(&History::Off) };
        let device = engine();
        let before = energy.read(&device).expect("it can be read");
        // The first one starts anew.
        set(&folder, 0, 4_000_000);
        set(&folder, 1, 900_000_000);
        set(&folder, 2, 17_000_000);
        let joules = energy.tell(&device, &before, Duration::from_secs(1)).expect("it can be read");
        assert!((joules - 15.0).abs() < 1e-9, "{joules}");
        assert!((energy.watts(&device).expect("it was seen") - 15.0).abs() < 1e-3);
        assert!(energy.contender(&device, Some(2.0)).is_counted);
        fs::remove_dir_all(folder).expect("it is ours");
    }

    #[test]
    fn nothing_is_learned_from_what_is_too_short() {
        let folder = powercap(&[("package-0", 1_000_000, Some(0))]);
        let energy = Energy { powercap: folder.clone(), ..Energy::new(&History::Off) };
        let device = engine();
        let before = energy.read(&device).expect("it can be read");
        set(&folder, 0, 30_000);
        assert_eq!(energy.tell(&device, &before, Duration::from_millis(3)), Some(0.03));
        assert_eq!(energy.watts(&device), None);
        fs::remove_dir_all(folder).expect("it is ours");
    }

    #[test]
    fn where_nothing_can_be_read_nothing_is_known() {
        for folder in [powercap(&[("package-0", 1, None)]), PathBuf::from("/nowhere/at/all")] {
            let energy = Energy { powercap: folder.clone(), ..Energy::new(&History::Off) };
            let device = engine();
            assert!(energy.read(&device).is_none() && energy.watts(&device).is_none());
            assert!(!energy.contender(&device, Some(1.0)).is_counted);
            let _ = fs::remove_dir_all(folder);
        }
    }
}
