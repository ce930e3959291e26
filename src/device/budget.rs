//! A device's memory, shared by all calls in flight.

use std::{
    any::Any,
    cell::Cell,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Device;
use crate::{
    bytes::exact_bytes,
    error::{Error, Message, Result},
    exec::{
        Allocation,
        stop::{LeftBehind, Stop},
    },
    schedule::{Budget, MemoryAnswer as Answer, Taken, Turn},
};

/// What calls and buffers may take of a device's memory.
pub(crate) struct MemoryBudget {
    budget: Mutex<Budget>,
    /// Something was given back.
    changed: Condvar,
}

/// Memory that a call has, until it is dropped.
pub(crate) struct Reservation {
    budget: Arc<MemoryBudget>,
    taken: Taken,
}

/// Memory of a buffer that stays, until it is dropped.
pub(crate) struct Held {
    budget: Arc<MemoryBudget>,
    bytes: u64,
}

/// What calls are planned for is told in so many steps of the limit: each asks for a plan of its own.
const STEPS: u64 = 64;

impl MemoryBudget {
    pub fn new(bytes: u64) -> MemoryBudget {
        MemoryBudget { budget: Mutex::new(Budget::new(bytes)), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The data that a call may have on the device at a time.
    pub fn for_data(&self) -> u64 {
        let budget = self.lock();
        let step = (budget.limit() / STEPS).max(1);
        // Buffers have a little more room than their data; see `with_room`.
        (budget.for_calls() / step * step).saturating_sub(SMALL) / 9 * 8
    }

    /// Takes memory for a call, or waits for it. Nobody waits inside of another call's callback: that one may have what it would
    /// wait for.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] where it cannot be had, and the stop's.
    fn reserve(self: &Arc<Self>, bytes: u64, device: &Device, stop: Option<&Stop>) -> Result<Reservation> {
        let mut budget = self.lock();
        let taken = if is_in_callback() {
            budget.ask_at_once(bytes).ok_or_else(|| {
                let problem = format!(
                    "it needs {} of {}, which other calls have, and inside of a callback it cannot wait for them",
                    exact_bytes(bytes),
                    device.describe()
                );
                Error::OutOfMemory(Message::new(problem).help("run it when the call that calls back has ended"))
            })?
        } else {
            match budget.ask(bytes) {
                Answer::Taken(taken) => taken,
                Answer::TooMuch(most) => return Err(too_much(bytes, most, device)),
                Answer::Wait(turn) => self.wait(budget, bytes, turn, device, stop)?,
            }
        };
        Ok(Reservation { budget: Arc::clone(self), taken })
    }

    fn wait(
        &self,
        mut budget: MutexGuard<'_, Budget>,
        bytes: u64,
        turn: Turn,
        device: &Device,
        stop: Option<&Stop>,
    ) -> Result<Taken> {
        loop {
            budget = match stop {
                None => self.changed.wait(budget).unwrap_or_else(PoisonError::into_inner),
                Some(stop) => {
                    let patience = stop.patience().max(Duration::from_micros(100));
                    self.changed.wait_timeout(budget, patience).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            let error = match budget.ask_again(turn) {
                Answer::Taken(taken) => {
                    // Whoever is first in line now may fit, too.
                    self.changed.notify_all();
                    return Ok(taken);
                }
                Answer::TooMuch(most) => too_much(bytes, most, device),
                Answer::Wait(_) => match stop.filter(|stop| stop.is_due()) {
                    Some(stop) => {
                        budget.leave(turn);
                        stop.error(LeftBehind::Nothing)
                    }
                    None => continue,
                },
            };
            self.changed.notify_all();
            return Err(error);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.lock().give_back(self.taken);
        self.budget.changed.notify_all();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.lock().let_go(self.bytes);
        self.budget.changed.notify_all();
    }
}

fn too_much(bytes: u64, most: u64, device: &Device) -> Error {
    let problem = format!(
        "it needs {} of {}, of whose memory calls may have {} (SWATH_MEMORY, or the runtime's memory_budget)",
        exact_bytes(bytes),
        device.describe(),
        exact_bytes(most)
    );
    Error::OutOfMemory(Message::new(problem).help("allow more, drop resident buffers, or use the device `cpu`"))
}

thread_local! {
    static CALLBACKS: Cell<u32> = const { Cell::new(0) };
}

fn is_in_callback() -> bool {
    CALLBACKS.get() > 0
}

/// Calls back, so that calls which are made meanwhile do not wait for the one that does.
pub(crate) fn call_back(callback: impl FnOnce()) {
    struct Inside;
    impl Drop for Inside {
        fn drop(&mut self) {
            CALLBACKS.set(CALLBACKS.get() - 1);
        }
    }
    CALLBACKS.set(CALLBACKS.get() + 1);
    let _inside = Inside;
    callback();
}

/// What small buffers have more than their data, for all bindings of a call.
const SMALL: u64 = 4096;

/// The memory that data takes on a device at most: buffers have up to an eighth more, so that they fit other calls, too.
fn with_room(bytes: u64) -> u64 {
    bytes + bytes / 8 + SMALL
}

/// Takes the memory that a call needs, for all devices at once and in one order, whoever calls. `needs` has the data on each.
///
/// # Errors
///
/// As [`MemoryBudget::reserve`].
pub(crate) fn reserve(needs: &mut Vec<(&Device, u64)>, stop: Option<&Stop>) -> Result<Vec<Reservation>> {
    needs.retain(|(device, bytes)| *bytes > 0 && device.inner.budget.is_some());
    needs.sort_unstable_by_key(|(device, _)| device.inner.number);
    let mut reservations = Vec::with_capacity(needs.len());
    for (device, bytes) in needs {
        if let Some(budget) = &device.inner.budget {
            reservations.push(budget.reserve(with_room(*bytes), device, stop)?);
        }
    }
    Ok(reservations)
}

/// Memory that stays on a device, and what its budget has of it.
struct Counted {
    memory: Arc<dyn Allocation>,
    _held: Held,
}

impl Allocation for Counted {
    fn bytes(&self) -> u64 {
        self.memory.bytes()
    }

    fn upload(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.memory.upload(offset, data)
    }

    fn download(&self, offset: u64, data: &mut [u8]) -> Result<()> {
        self.memory.download(offset, data)
    }

    fn fill(&self, pattern: &[u8]) -> Result<()> {
        self.memory.fill(pattern)
    }

    fn copy_from(&self, offset: u64, source: &dyn Allocation, source_offset: u64, bytes: u64) -> Result<()> {
        self.memory.copy_from(offset, source, source_offset, bytes)
    }

    /// The backend knows what it made.
    fn as_any(&self) -> &dyn Any {
        self.memory.as_any()
    }
}

impl Device {
    /// Makes memory that stays, zeroed.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] where calls and buffers have it all, and the backend's.
    pub(crate) fn allocate(&self, bytes: u64, label: &str) -> Result<Arc<dyn Allocation>> {
        let Some(budget) = &self.inner.budget else { return self.inner.backend.allocate(bytes, label) };
        let held = budget.lock().hold(bytes);
        held.map_err(|free| {
            let problem = format!(
                "a buffer of {} does not fit {}, of whose memory {} are free (SWATH_MEMORY, or the runtime's memory_budget)",
                exact_bytes(bytes),
                self.describe(),
                exact_bytes(free)
            );
            Error::OutOfMemory(Message::new(problem).help("allow more, or drop buffers that are not needed"))
        })?;
        let held = Held { budget: Arc::clone(budget), bytes };
        Ok(Arc::new(Counted { memory: self.inner.backend.allocate(bytes, label)?, _held: held }))
    }
}
