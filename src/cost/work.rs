//! The work of a call.

use crate::{
    error::Result,
    kernel::{BindingKind, Kernel},
    plan::request::{DataLocation, PlanRequest},
};

use super::count::{self, Counted};

/// What a call has to do, as it is counted on the kernel's program and the call's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Dispatches that follow each other without the host, beyond the first.
    pub further_dispatches: f64,
    pub workgroups: f64,
    pub invocations: f64,
    /// Operations of all invocations; slow ones count several times.
    pub operations: f64,
    /// Loads and stores of all invocations.
    pub accesses: f64,
    /// Atomic operations of all invocations.
    pub atomics: f64,
    /// Bytes of memory that are touched.
    pub bytes: f64,
    /// Bytes that go to a device with a memory of its own.
    pub up: f64,
    /// Bytes that come back from there.
    pub down: f64,
}

impl Work {
    /// Adds what other work does, so many times.
    pub fn add(&mut self, other: &Work, times: f64) {
        let Work { further_dispatches, workgroups, invocations, operations, accesses, atomics, bytes, up, down } =
            other;
        for (sum, term) in [
            (&mut self.further_dispatches, further_dispatches),
            (&mut self.workgroups, workgroups),
            (&mut self.invocations, invocations),
            (&mut self.operations, operations),
            (&mut self.accesses, accesses),
            (&mut self.atomics, atomics),
            (&mut self.bytes, bytes),
            (&mut self.up, up),
            (&mut self.down, down),
        ] {
            *sum += times * term;
        }
    }
}

/// The work of a call, and what it was counted from.
#[derive(Clone, Debug)]
pub struct WorkAsked {
    pub work: Work,
    /// The uniform words that decided which way the kernel goes: binding, byte, and what stands there.
    pub words: Vec<(usize, u32, u32)>,
    /// Whether nothing told how often some loop goes round, so that there may be much more of it.
    pub is_guessed: bool,
}

impl WorkAsked {
    /// Counts the work of a call.
    ///
    /// # Errors
    ///
    /// Where the kernel uses what is not supported.
    pub fn count(kernel: &Kernel, given: &PlanRequest<'_>) -> Result<WorkAsked> {
        let program = kernel.program()?;
        let Counted { each, words, is_guessed } = count::count(&program, &given.numbers(kernel));
        let groups: f64 = given.shape.workgroups.iter().map(|&count| f64::from(count)).product();
        let invocations = groups * kernel.workgroup_size().iter().map(|&size| f64::from(size)).product::<f64>();
        let mut work = Work {
            workgroups: groups,
            invocations,
            operations: each.operations * invocations,
            accesses: each.accesses * invocations,
            atomics: each.atomics * invocations,
            ..Work::default()
        };
        for (at, binding) in kernel.bindings().iter().enumerate() {
            if binding.kind == BindingKind::Uniform {
                continue;
            }
            let bytes = given.shape.bytes[at] as f64;
            // What is touched again comes from a cache.
            let touched = each.bytes.get(at).map_or(0.0, |bytes| bytes * invocations).min(bytes);
            // Who writes what was read moves it twice.
            let times = if binding.loads && binding.stores { 2.0 } else { 1.0 };
            work.bytes += times * touched;
            if given.shape.holders[at] == DataLocation::Host {
                // What a kernel leaves alone keeps its contents, so that they go there too.
                work.up += bytes;
                work.down += if binding.stores { bytes } else { 0.0 };
            }
        }
        Ok(WorkAsked { work, words, is_guessed })
    }
}
