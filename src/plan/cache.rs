//! Plans that were made before.
//!
//! A plan holds for all calls that agree in the grid, in the sizes and places of their data, in what they ask for, and in
//! those uniform words that the analysis read: a time step whose time changes is planned once.

use std::{
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

use rustc_hash::{FxHashMap, FxHasher};

use super::{
    Plan,
    request::{CallShape, PlanRequest},
};
use crate::kernel::{Kernel, identity::Identity};

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
    kernel: Identity,
    device: u32,
    shape: CallShape,
    /// The uniform words that were read: binding, byte, and what stood there.
    words: Vec<(usize, u32, u32)>,
    plan: Arc<Plan>,
}

/// The hash of what a plan depends on, save uniforms.
fn key(kernel: &Kernel, given: &PlanRequest<'_>, device: u32) -> u64 {
    let mut hasher = FxHasher::default();
    (&kernel.inner.identity, device, &given.shape).hash(&mut hasher);
    hasher.finish()
}

impl PlanCache {
    /// The plan of a call, if one like it was planned for device number `device`.
    pub fn find(&self, kernel: &Kernel, given: &PlanRequest<'_>, device: u32) -> Option<Arc<Plan>> {
        let plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = plans.by_key.get(&key(kernel, given, device))?;
        let same = |entry: &&Entry| {
            entry.device == device
                && entry.kernel == kernel.inner.identity
                && entry.shape == given.shape
                && entry.words.iter().all(|&(binding, offset, word)| given.word(kernel, binding, offset) == Some(word))
        };
        entries.iter().find(same).map(|entry| Arc::clone(&entry.plan))
    }

    /// Keeps the plan of a call.
    pub fn keep(&self, kernel: &Kernel, given: &PlanRequest<'_>, device: u32, plan: Arc<Plan>) {
        let words = plan.analysis().uniform_words.iter();
        let words = words.filter_map(|word| {
            let value = given.word(kernel, word.binding, word.offset)?;
            Some((word.binding, word.offset, value))
        });
        let (key, words) = (key(kernel, given, device), words.collect());
        let (kernel, shape) = (kernel.inner.identity.clone(), given.shape.clone());
        let entry = Entry { kernel, device, shape, words, plan };
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.count >= KEPT {
            *plans = Plans::default();
        }
        plans.count += 1;
        plans.by_key.entry(key).or_default().push(entry);
    }
}
