//! What is known of devices and kernels, and what follows for a call.

use rustc_hash::FxHashMap;

use super::{
    Ceilings, Fingerprint,
    window::{KEPT, Window},
    work::Work,
};
use crate::device_info::DeviceInfo;

/// How far a prediction may be off, as a logarithm, for a kernel that has not run on a device of which nothing was seen.
const FIRST_DOUBT: f64 = 0.5;

/// The least doubt about a kernel that has not run on a device, however alike others were.
const LEAST_DOUBT: f64 = 0.2;

/// Doubt that a factor of two in size adds.
const DOUBT_FOR_SIZE: f64 = 0.08;

/// How many factors of two in size still tell something.
const REACH: i32 = 8;

/// Observations after which doubt about older ones grows, and by how much with each e-fold.
const FADES_AFTER: f64 = 500.0;
const FADING: f64 = 0.1;

/// First runs of kernels that are kept for a device.
const FIRSTS: usize = 48;

/// How many deviations the first run of a kernel counts for at most: more may be a spike, and the next one tells.
const CLIP: f64 = 2.5;

/// Kernels, devices and sizes that are kept; the ones that were seen longest ago go first.
pub(super) const MOST_KEPT: usize = 4096;

/// A device's name for what is learned: another driver makes it another device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub Fingerprint);

impl DeviceId {
    pub fn of(info: &DeviceInfo) -> DeviceId {
        DeviceId(Fingerprint::of([&info.name, &info.backend, &info.driver].map(|text| text.as_bytes())))
    }
}

/// A call, as far as its time depends on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    pub kernel: Fingerprint,
    pub work: Work,
}

impl Task {
    /// The call's size: calls of one class are taken to be equally fast for their work.
    pub fn class(&self) -> i16 {
        let Work { operations, accesses, atomics, bytes, up, down, .. } = self.work;
        (1.0 + operations + 2.0 * accesses + 4.0 * atomics + bytes + up + down).log2().clamp(0.0, 200.0) as i16
    }
}

/// What a prediction is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Basis {
    /// Calls of the kernel, of about that size, on the device.
    Runs,
    /// Calls of the kernel of other sizes on the device.
    OtherSizes,
    /// For devices that share a call: what each takes alone.
    Alone,
    /// Operations and bytes counted, and what the device can do.
    Ceilings,
}

/// How long a call is predicted to take.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Prediction {
    /// Seconds, transfers included and compilation left out.
    pub seconds: f64,
    /// How far off that may be, as the logarithm of a factor.
    pub doubt: f64,
    /// What it is made from.
    pub basis: Basis,
    /// Calls that it is made from.
    pub observations: u64,
}

/// Where something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seen {
    pub device: DeviceId,
    pub kernel: Fingerprint,
    pub class: i16,
}

/// What is kept from one process to the next.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    Device {
        id: DeviceId,
        name: String,
        ceilings: Ceilings,
    },
    /// Logarithms of observed over predicted, the last ones, and how many there were in all.
    Runs {
        seen: Seen,
        name: String,
        last: Vec<f32>,
        count: u64,
    },
    /// Values of constants that were found to be the fastest for a kernel in which they are open; none where those were
    /// that the author wrote.
    Tuned {
        seen: Seen,
        name: String,
        /// The device's name.
        on: String,
        constants: Constants,
    },
    /// What a probe of this version found that the device gets wrong, by name.
    Probe {
        id: DeviceId,
        device: String,
        version: u32,
        probe: String,
        failed: Vec<String>,
    },
    /// Logarithms of the watts that a device drew, the last ones.
    Power {
        id: DeviceId,
        name: String,
        last: Vec<f32>,
    },
}

/// Values for override constants, by name.
pub type Constants = Vec<(String, f64)>;

#[derive(Debug, Default)]
struct Known {
    ceilings: Option<Ceilings>,
    /// How often they were measured.
    measured: u32,
    /// First runs of kernels, by class.
    firsts: Vec<(i16, f32)>,
}

#[derive(Debug)]
struct Entry {
    window: Window,
    /// When it was looked at last, counted in observations.
    touched: u64,
}

/// What is known of devices and kernels.
#[derive(Debug, Default)]
pub struct Model {
    devices: FxHashMap<DeviceId, Known>,
    entries: FxHashMap<Seen, Entry>,
    /// Classes in which a kernel was seen on a device.
    classes: FxHashMap<(DeviceId, Fingerprint), Vec<i16>>,
    /// The fastest values of constants of kernels in which they are open, by class.
    tuned: FxHashMap<(DeviceId, Fingerprint), Vec<(i16, Constants)>>,
    /// Observations that are in no file yet.
    news: FxHashMap<Seen, (Vec<f32>, u64)>,
    clock: u64,
    pub(super) budget: super::choose::Budget,
}

impl Model {
    /// What a device can do, as it was measured; of several measurements the best. Where one is clearly better than those before,
    /// what was seen of the device was compared with something else, and is forgotten.
    pub fn set_ceilings(&mut self, device: DeviceId, ceilings: Ceilings) {
        let known = self.devices.entry(device).or_default();
        known.measured = known.measured.saturating_add(1);
        let before = known.ceilings;
        if before.is_some_and(|before| !before.is_clearly_below(&ceilings)) {
            return;
        }
        known.ceilings = Some(before.map_or(ceilings, |before| before.best(&ceilings)));
        if before.is_some() {
            known.firsts.clear();
            self.entries.retain(|seen, _| seen.device != device);
            self.news.retain(|seen, _| seen.device != device);
            self.classes.retain(|(other, _), _| *other != device);
        }
    }

    pub fn ceilings(&self, device: DeviceId) -> Option<Ceilings> {
        self.devices.get(&device)?.ceilings
    }

    /// How often it was measured what a device can do.
    pub fn measurements(&self, device: DeviceId) -> u32 {
        self.devices.get(&device).map_or(0, |known| known.measured)
    }

    /// Takes in what a file says.
    pub fn absorb(&mut self, record: &Record) {
        match record {
            Record::Device { id, ceilings, .. } => self.set_ceilings(*id, *ceilings),
            Record::Probe { .. } | Record::Power { .. } => {}
            Record::Runs { seen, last, count, .. } => {
                let before = self.entries.get(seen).map_or(0, |entry| entry.window.count());
                last.iter().for_each(|&ratio| self.add(*seen, ratio));
                if let Some(entry) = self.entries.get_mut(seen) {
                    entry.window = Window::from_parts(entry.window.last(), before.saturating_add(*count));
                }
            }
            Record::Tuned { seen, constants, .. } => self.set_tuned(seen, constants),
        }
    }

    /// What was found to be the fastest for a kernel, as a file or a caller says.
    pub fn set_tuned(&mut self, seen: &Seen, constants: &Constants) {
        if self.tuned.len() >= MOST_KEPT {
            return;
        }
        let classes = self.tuned.entry((seen.device, seen.kernel)).or_default();
        classes.retain(|(class, _)| *class != seen.class);
        classes.push((seen.class, constants.clone()));
    }

    /// Whether there are kernels for which constants were tuned.
    pub fn has_tuned(&self) -> bool {
        self.tuned.values().flatten().any(|(_, constants)| !constants.is_empty())
    }

    /// The fastest values of the constants that a call leaves open, as they were found with the call that was nearest in size;
    /// nothing where none was near, or what the author wrote is the fastest.
    pub fn tuned(&self, device: DeviceId, task: &Task) -> Option<&Constants> {
        let class = task.class();
        let distance = |other: i16| i32::from(other - class).abs();
        let (other, constants) =
            self.tuned.get(&(device, task.kernel))?.iter().min_by_key(|(other, _)| distance(*other))?;
        (distance(*other) <= REACH && !constants.is_empty()).then_some(constants)
    }

    /// A call took so many seconds on a device, compilation left out. Gives whether that is far from what was predicted.
    pub fn observe(&mut self, device: DeviceId, task: &Task, seconds: f64) -> bool {
        let Some(ceilings) = self.ceilings(device) else { return false };
        let ratio = (seconds / ceilings.seconds(&task.work)).ln() as f32;
        if !ratio.is_finite() {
            return false;
        }
        let seen = Seen { device, kernel: task.kernel, class: task.class() };
        let before = self.entries.get(&seen).and_then(|entry| entry.window.middle());
        self.note(seen, ratio);
        before.is_none_or(|before| (f64::from(ratio) - before).abs() > 0.3)
    }

    fn note(&mut self, seen: Seen, ratio: f32) {
        self.add(seen, ratio);
        let (last, count) = self.news.entry(seen).or_default();
        if last.len() == KEPT {
            last.remove(0);
        }
        last.push(ratio);
        *count += 1;
    }

    /// A call that devices shared took so many seconds, where `predicted` followed from what each takes alone. `group` stands
    /// for them together.
    pub fn observe_shared(&mut self, group: DeviceId, task: &Task, seconds: f64, predicted: f64) {
        let ratio = (seconds / predicted).ln() as f32;
        if ratio.is_finite() {
            self.note(Seen { device: group, kernel: task.kernel, class: task.class() }, ratio);
        }
    }

    /// By what factor calls like this one that devices shared took longer than followed from what each takes alone, and in how
    /// many that was seen.
    pub fn shared_factor(&self, group: DeviceId, task: &Task) -> (f64, u64) {
        let window = |class| self.entries.get(&Seen { device: group, kernel: task.kernel, class }).map(|e| &e.window);
        let own = task.class();
        let classes = self.classes.get(&(group, task.kernel)).map_or(&[][..], Vec::as_slice);
        let nearest = classes.iter().copied().min_by_key(|class| (class - own).abs());
        let window = nearest.filter(|class| i32::from(class - own).abs() <= REACH).and_then(window);
        let middle = window.and_then(Window::middle).map_or(1.0, f64::exp);
        (middle, window.map_or(0, Window::count))
    }

    fn add(&mut self, seen: Seen, ratio: f32) {
        self.clock += 1;
        let entry = self.entries.entry(seen).or_insert_with(|| Entry { window: Window::default(), touched: 0 });
        entry.touched = self.clock;
        let is_first = entry.window.count() == 0;
        entry.window.push(ratio);
        if is_first {
            self.classes.entry((seen.device, seen.kernel)).or_default().push(seen.class);
            let firsts = &mut self.devices.entry(seen.device).or_default().firsts;
            if firsts.len() == FIRSTS {
                firsts.remove(0);
            }
            firsts.push((seen.class, ratio));
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if self.entries.len() <= MOST_KEPT {
            return;
        }
        let mut touched: Vec<u64> = self.entries.values().map(|entry| entry.touched).collect();
        let (_, &mut middle, _) = touched.select_nth_unstable(MOST_KEPT / 2);
        self.entries.retain(|_, entry| entry.touched > middle);
        let entries = &self.entries;
        self.classes.retain(|&(device, kernel), classes| {
            classes.retain(|&class| entries.contains_key(&Seen { device, kernel, class }));
            !classes.is_empty()
        });
    }

    /// How many observations a prediction for the call could rest on.
    #[cfg(test)]
    pub fn observations(&self, device: DeviceId, task: &Task) -> u64 {
        let seen = Seen { device, kernel: task.kernel, class: task.class() };
        self.entries.get(&seen).map_or(0, |entry| entry.window.count())
    }

    /// How long a call will take on a device, compilation left out; nothing where it is not known what the device can do.
    pub fn predict(&self, device: DeviceId, task: &Task) -> Option<Prediction> {
        let known = self.devices.get(&device)?;
        let prior = known.ceilings?.seconds(&task.work);
        let class = task.class();
        let others = self.told_by_others(device, known, task.kernel, class);
        let seen = Seen { device, kernel: task.kernel, class };
        let window = self.entries.get(&seen).map(|entry| &entry.window);
        let (ratio, doubt, basis, observations) = match window.and_then(|window| Some((window, window.middle()?))) {
            None => others,
            Some((window, middle)) => {
                // The first run of a kernel may have been a spike.
                let (expected, doubt, ..) = others;
                let is_single = window.last().len() == 1;
                let far = CLIP * doubt;
                let clipped = middle.clamp(expected - far, expected + far);
                let (middle, own) =
                    if is_single && clipped != middle { (clipped, doubt) } else { (middle, window.uncertainty()) };
                (middle, own.hypot(self.faded(&seen)), Basis::Runs, window.count())
            }
        };
        Some(Prediction { seconds: prior * ratio.exp(), doubt, basis, observations })
    }

    /// Doubt about what was seen long ago, counted in observations since.
    fn faded(&self, seen: &Seen) -> f64 {
        let age = self.entries.get(seen).map_or(0, |entry| self.clock - entry.touched);
        FADING * (1.0 + age as f64 / FADES_AFTER).ln()
    }

    /// What other sizes of the kernel, or else other kernels, tell of it.
    fn told_by_others(
        &self,
        device: DeviceId,
        known: &Known,
        kernel: Fingerprint,
        class: i16,
    ) -> (f64, f64, Basis, u64) {
        let distance = |other: i16| i32::from(other - class).abs();
        let middle = |other: i16| {
            let window = &self.entries.get(&Seen { device, kernel, class: other })?.window;
            Some((window.middle()?, distance(other), window.uncertainty(), window.count()))
        };
        let classes = self.classes.get(&(device, kernel)).map_or(&[][..], Vec::as_slice);
        let near = || classes.iter().copied().filter(move |&other| other != class && distance(other) <= REACH);
        let below = near().filter(|&other| other < class).max().and_then(middle);
        let above = near().filter(|&other| other > class).min().and_then(middle);
        let size = |distance: i32| DOUBT_FOR_SIZE * f64::from(distance);
        match (below, above) {
            (Some((a, da, ua, na)), Some((b, db, ub, nb))) => {
                let share = f64::from(da) / f64::from(da + db);
                let doubt = ua.max(ub).hypot(size(da.min(db))).hypot(0.25 * (a - b));
                (a + share * (b - a), doubt, Basis::OtherSizes, na.saturating_add(nb))
            }
            (Some((ratio, away, own, count)), None) | (None, Some((ratio, away, own, count))) => {
                (ratio, own.hypot(size(away)).hypot(0.05), Basis::OtherSizes, count)
            }
            (None, None) => {
                let (ratio, doubt) = known.bias(class);
                (ratio, doubt, Basis::Ceilings, 0)
            }
        }
    }
}

impl Known {
    /// How far first runs of kernels of about that size were from their priors, and how much they differ.
    fn bias(&self, class: i16) -> (f64, f64) {
        let near = self.firsts.iter().filter(|(other, _)| i32::from(other - class).abs() <= REACH);
        let mut window: Vec<f32> = near.map(|&(_, ratio)| ratio).collect();
        if window.is_empty() {
            return (0.0, FIRST_DOUBT);
        }
        window.sort_by(f32::total_cmp);
        let count = window.len() as f64;
        let middle = f64::from(window[(window.len() - 1) / 2]);
        let mut away: Vec<f64> = window.iter().map(|ratio| (f64::from(*ratio) - middle).abs()).collect();
        away.sort_by(f64::total_cmp);
        let spread = 1.4826 * away[(away.len() - 1) / 2];
        // A few say little, and the more the more.
        let trust = count / (count + 3.0);
        let doubt = (trust * spread + (1.0 - trust) * FIRST_DOUBT).max(LEAST_DOUBT);
        (trust * middle, doubt)
    }
}

impl Model {
    /// What was seen since it was asked last.
    pub fn take_news(&mut self) -> Vec<(Seen, Vec<f32>, u64)> {
        self.news.drain().map(|(seen, (last, count))| (seen, last, count)).collect()
    }

    /// Whether anything was seen since.
    #[cfg(test)]
    pub fn has_news(&self) -> bool {
        !self.news.is_empty()
    }
}
