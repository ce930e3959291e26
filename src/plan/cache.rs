//! Plans that were made before.
//!
//! A plan holds for all calls that agree in the grid, in the sizes and places of their data, in what they ask for, and in
//! those uniform words that the analysis read: a time step whose time changes is planned once.

use std::{
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

use rustc_hash::{FxHashMap, FxHasher};

use super::{Plan, request::Given};
use crate::kernel::Kernel;

/// Plans that are kept. When there are more, all are forgotten: calls that are all different gain nothing from any.
const KEPT: usize = 1024;

/// The plans of a runtime.
#[derive(Default)]
pub(crate) struct PlanCache {
    plans: Mutex<Plans>,
}

#[derive(Default)]
struct Plans {
    by_key: FxHashMap<u64, Vec<Entry>>,
    count: usize,
}

struct Entry {
    kernel: Kernel,
    device: u32,
    shape: Shape,
    /// The uniform words that were read: binding, byte, and what stood there.
    words: Vec<(usize, u32, u32)>,
    plan: Arc<Plan>,
}

/// What a plan depends on, save uniforms.
#[derive(PartialEq, Eq)]
struct Shape {
    workgroups: [u32; 3],
    bytes: Vec<u64>,
    holders: Vec<super::request::Holder>,
    capacity: Option<super::request::Capacity>,
    memory: Option<u64>,
    tiles: Option<u32>,
    reports: bool,
}

impl Shape {
    fn is_of(&self, given: &Given<'_>) -> bool {
        self.workgroups == given.workgroups
            && self.bytes == given.bytes
            && self.holders == given.holders
            && self.capacity == given.capacity
            && self.memory == given.memory
            && self.tiles == given.tiles
            && self.reports == given.reports
    }
}

/// The hash of what a plan depends on, save uniforms.
fn key(kernel: &Kernel, given: &Given<'_>, device: u32) -> u64 {
    let mut hasher = FxHasher::default();
    kernel.inner.fingerprint.hash(&mut hasher);
    device.hash(&mut hasher);
    given.workgroups.hash(&mut hasher);
    given.bytes.hash(&mut hasher);
    given.holders.hash(&mut hasher);
    (given.memory, given.tiles, given.reports).hash(&mut hasher);
    hasher.finish()
}

impl PlanCache {
    /// The plan of a call, if one like it was planned for device number `device`.
    pub fn find(&self, kernel: &Kernel, given: &Given<'_>, device: u32) -> Option<Arc<Plan>> {
        let plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = plans.by_key.get(&key(kernel, given, device))?;
        let same = |entry: &&Entry| {
            entry.device == device
                && is_same(&entry.kernel, kernel)
                && entry.shape.is_of(given)
                && entry.words.iter().all(|&(binding, offset, word)| given.word(kernel, binding, offset) == Some(word))
        };
        entries.iter().find(same).map(|entry| Arc::clone(&entry.plan))
    }

    /// Keeps the plan of a call.
    pub fn keep(&self, kernel: &Kernel, given: &Given<'_>, device: u32, plan: Arc<Plan>) {
        let words = plan.analysis().uniform_words.iter();
        let words = words.filter_map(|word| {
            let value = given.word(kernel, word.binding, word.offset)?;
            Some((word.binding, word.offset, value))
        });
        let shape = Shape {
            workgroups: given.workgroups,
            bytes: given.bytes.clone(),
            holders: given.holders.clone(),
            capacity: given.capacity,
            memory: given.memory,
            tiles: given.tiles,
            reports: given.reports,
        };
        let entry = Entry { kernel: kernel.clone(), device, shape, words: words.collect(), plan };
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.count >= KEPT {
            *plans = Plans::default();
        }
        plans.count += 1;
        plans.by_key.entry(key(kernel, given, device)).or_default().push(entry);
    }
}

/// Whether two kernels of the same fingerprint are the same.
fn is_same(a: &Kernel, b: &Kernel) -> bool {
    Arc::ptr_eq(&a.inner, &b.inner) || (a.inner.name == b.inner.name && a.inner.source == b.inner.source)
}
