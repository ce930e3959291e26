//! Calls that were looked at before: their work, and what was chosen for them.

use std::{
    hash::{Hash, Hasher},
    ops::Index,
    sync::Arc,
};

use rustc_hash::{FxHashMap, FxHasher};

use super::{share::Sharing, ticket::Ticket, variant::Variants};
use crate::{
    cost::{Fingerprint, OFTEN, Sampler, Task},
    kernel::{Kernel, identity::Identity},
    plan::request::{DataLocation, PlanRequest},
};

/// Calls that are kept. When there are more, all are forgotten: calls that are all different gain nothing from any.
const KEPT: usize = 1024;

/// Times that a choice is used again before it is made anew, at most, where nothing tells against it.
const MOST_REUSED: u32 = 512;

/// Times that a choice is used again at least, later, and runs between trials of other devices.
const SOON: u32 = 8;
const BETWEEN_TRIALS: u32 = 64;

/// Calls by their numbers.
#[derive(Default)]
pub(super) struct Calls {
    entries: Vec<Entry>,
    by_key: FxHashMap<u64, Vec<usize>>,
    /// The one that was found last: calls often follow others like them.
    last: usize,
    /// Counts how often all were forgotten.
    generation: u32,
}

/// What was chosen for a call.
#[derive(Default)]
pub(super) struct Chosen {
    /// The devices by their numbers, the one to take first, with the seconds that are predicted; none where nothing is known.
    pub order: Vec<(u32, f64)>,
    /// If that one is tried out: what another is predicted to take.
    pub instead_of: Option<f64>,
    /// Those that are to share it.
    pub sharing: Option<Sharing>,
}

/// A call, as far as its time depends on it.
pub(super) struct Entry {
    pub task: Task,
    kernel: Identity,
    workgroups: [u32; 3],
    bytes: Vec<u64>,
    holders: Vec<DataLocation>,
    /// The uniform words that decide how long it takes: binding, byte, and what stands there.
    words: Vec<(usize, u32, u32)>,
    /// Whether constants that it leaves open may be those that were tuned; and the call as it is then, where they were.
    may_tune: bool,
    variants: Option<Variants>,
    /// Its runs.
    pub sampler: Sampler,
    /// The devices, the chosen one first, with the seconds that are predicted.
    order: Vec<(u32, f64)>,
    instead_of: Option<f64>,
    /// Those that are to share it.
    sharing: Option<Arc<Sharing>>,
    /// Whether it turned out that it cannot be shared.
    is_whole: bool,
    /// How often it had run when the choice was made, and when it is made anew.
    chosen_at: u32,
    expires: u32,
    /// How often it had run when another device could be tried last.
    tried_at: u32,
}

impl Entry {
    /// `variants` are of a call that leaves constants open.
    pub fn new(
        kernel: &Kernel,
        task: Task,
        given: &PlanRequest<'_>,
        mut words: Vec<(usize, u32, u32)>,
        variants: Option<Variants>,
    ) -> Entry {
        words.extend(variants.iter().flat_map(|all| all.iter()).flat_map(|(_, variant)| variant.words.iter().copied()));
        let shape = &given.shape;
        Entry {
            task,
            kernel: kernel.inner.identity.clone(),
            workgroups: shape.workgroups,
            bytes: shape.bytes.to_vec(),
            holders: shape.holders.to_vec(),
            words,
            may_tune: variants.is_some(),
            variants: variants.filter(|variants| !variants.is_empty()),
            sampler: Sampler::default(),
            order: Vec::new(),
            instead_of: None,
            sharing: None,
            is_whole: false,
            chosen_at: 0,
            expires: 0,
            tried_at: 0,
        }
    }

    /// The devices in the order that was chosen; none where nothing was.
    pub fn order(&self) -> &[(u32, f64)] {
        &self.order
    }

    /// Whether devices may share it, as far as is known: not where they run other constants each.
    pub fn may_share(&self) -> bool {
        !self.is_whole && self.variants.is_none()
    }

    /// It cannot be shared.
    pub fn keep_whole(&mut self) {
        (self.sharing, self.is_whole) = (None, true);
    }

    /// Times that it ran.
    pub fn uses(&self) -> u32 {
        self.sampler.runs()
    }

    /// Whether that order still holds.
    pub fn is_fresh(&self) -> bool {
        self.uses() < self.expires
    }

    /// The call as it is on a device.
    pub fn task_on(&self, number: u32) -> Task {
        let own = self.variants.iter().flat_map(|all| all.iter()).find(|(device, _)| *device == number);
        own.map_or(self.task, |(_, variant)| variant.task)
    }

    fn is_of(&self, kernel: &Kernel, given: &PlanRequest<'_>, may_tune: bool) -> bool {
        let shape = &given.shape;
        self.kernel == kernel.inner.identity
            && self.may_tune == may_tune
            && self.workgroups == shape.workgroups
            && self.bytes == *shape.bytes
            && self.holders == *shape.holders
            && self.words.iter().all(|&(binding, offset, word)| given.word(kernel, binding, offset) == Some(word))
    }

    /// Has the choice be made anew soon.
    pub fn expire(&mut self) {
        let soon = if self.uses() <= OFTEN { 0 } else { self.chosen_at.saturating_add(SOON) };
        self.expires = self.expires.min(soon);
    }

    /// Whether another device may be tried now: often at first.
    pub fn may_try(&self) -> bool {
        self.uses() <= OFTEN || self.uses() >= self.tried_at.saturating_add(BETWEEN_TRIALS)
    }
}

fn key(kernel: Fingerprint, workgroups: [u32; 3], bytes: &[u64]) -> u64 {
    let mut hasher = FxHasher::default();
    (kernel.0 as u64, workgroups, bytes).hash(&mut hasher);
    hasher.finish()
}

impl Calls {
    /// The call, if it was seen before.
    pub fn find(&mut self, kernel: &Kernel, given: &PlanRequest<'_>, may_tune: bool) -> Option<usize> {
        if self.entries.get(self.last).is_some_and(|entry| entry.is_of(kernel, given, may_tune)) {
            return Some(self.last);
        }
        let key = key(kernel.fingerprint(), given.shape.workgroups, &given.shape.bytes);
        self.last = *self.by_key.get(&key)?.iter().find(|at| self.entries[**at].is_of(kernel, given, may_tune))?;
        Some(self.last)
    }

    pub fn add(&mut self, entry: Entry) -> usize {
        if self.entries.len() >= KEPT {
            self.forget();
        }
        let key = key(entry.task.kernel, entry.workgroups, &entry.bytes);
        self.by_key.entry(key).or_default().push(self.entries.len());
        self.entries.push(entry);
        self.entries.len() - 1
    }

    /// Forgets all of them.
    pub fn forget(&mut self) {
        *self = Calls { generation: self.generation.wrapping_add(1), ..Calls::default() };
    }

    /// The call at a place, if it is still one of that kernel.
    pub fn get(&self, at: usize, kernel: Fingerprint) -> Option<&Entry> {
        self.entries.get(at).filter(|entry| entry.task.kernel == kernel)
    }

    /// The call of a ticket, if it was not forgotten.
    pub fn get_mut(&mut self, at: usize, generation: u32) -> Option<&mut Entry> {
        self.entries.get_mut(at).filter(|_| generation == self.generation)
    }

    /// Keeps a choice: the devices, the chosen one first, with what is predicted.
    pub fn keep(&mut self, at: usize, chosen: Chosen) {
        let Chosen { order, instead_of, sharing } = chosen;
        let entry = &mut self.entries[at];
        if entry.may_try() {
            entry.tried_at = entry.uses();
        }
        // Often at first, and once for a trial.
        let again = if instead_of.is_some() { 1 } else { entry.uses().clamp(1, MOST_REUSED) };
        (entry.chosen_at, entry.expires) = (entry.uses(), entry.uses().saturating_add(again));
        (entry.order, entry.instead_of, entry.sharing) = (order, instead_of, sharing.map(Arc::new));
    }

    /// A ticket for a call whose device is chosen here, as it is chosen now.
    pub fn ticket(&self, at: usize) -> Box<Ticket> {
        let entry = &self.entries[at];
        Box::new(Ticket {
            entry: at,
            generation: self.generation,
            expected: entry.order.first().copied(),
            is_open: true,
            instead_of: entry.instead_of,
            variants: entry.variants.clone(),
            sharing: entry.sharing.clone(),
            is_warm: entry.uses() > 0 && entry.uses() != entry.chosen_at,
            runs: entry.uses(),
        })
    }
}

impl Index<usize> for Calls {
    type Output = Entry;

    fn index(&self, at: usize) -> &Entry {
        &self.entries[at]
    }
}
