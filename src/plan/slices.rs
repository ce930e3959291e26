//! What a run of units needs of each binding.

use std::ops::Range;
#[cfg(feature = "gpu")]
use std::sync::Arc;

use super::Plan;
#[cfg(feature = "gpu")]
use super::{TileSpace, place};
#[cfg(feature = "gpu")]
use crate::{
    access,
    kernel::{Kernel, passes::Proven},
};

impl Plan {
    /// The most bytes of binding `at` that a tile of `space` is given.
    #[cfg(feature = "gpu")]
    pub(crate) fn tile_bytes(&self, at: usize, space: TileSpace) -> u64 {
        let binding = &self.bindings[at];
        place::tile_bytes(binding.verdict, binding.element, binding.bytes, space.units_per_tile())
    }

    /// The bytes of binding `at` that the units read, as whole words and within the buffer.
    pub(crate) fn reads(&self, at: usize, units: Range<u32>) -> Range<u64> {
        self.clipped(at, self.analysis.bindings[at].reads.bytes(units))
    }

    /// The bytes of binding `at` that the units write.
    pub(crate) fn writes(&self, at: usize, units: Range<u32>) -> Range<u64> {
        self.clipped(at, self.analysis.bindings[at].writes.bytes(units))
    }

    /// The bytes of binding `at` that the units read or write.
    pub(crate) fn touches(&self, at: usize, units: Range<u32>) -> Range<u64> {
        let (reads, writes) = (self.reads(at, units.clone()), self.writes(at, units));
        match (reads.is_empty(), writes.is_empty()) {
            (true, _) => writes,
            (_, true) => reads,
            _ => reads.start.min(writes.start)..reads.end.max(writes.end),
        }
    }

    /// The bytes of binding `at` that the units write, if they read any of them too: to do such units a second time takes what
    /// was there before the first.
    pub(crate) fn updates(&self, at: usize, units: Range<u32>) -> Range<u64> {
        let (reads, writes) = (self.reads(at, units.clone()), self.writes(at, units));
        if reads.start < writes.end && writes.start < reads.end { writes } else { 0..0 }
    }

    /// Whether the units write all of [`writes`](Plan::writes) and read none of it.
    #[cfg(feature = "gpu")]
    pub(crate) fn is_covered(&self, at: usize, units: Range<u32>) -> bool {
        let access = &self.analysis.bindings[at];
        access.is_covered(units.clone()) && access.writes.bytes(units).end <= self.bindings[at].bytes
    }

    fn clipped(&self, at: usize, range: Range<u64>) -> Range<u64> {
        let bytes = self.bindings[at].bytes;
        let end = range.end.min(bytes);
        range.start.min(end)..end
    }

    /// Where the kernel's module stays in bounds in this call; nothing where that is not known.
    #[cfg(feature = "gpu")]
    pub(crate) fn proven(&self, kernel: &Kernel) -> Option<Arc<Proven>> {
        if let Some(proven) = self.proven.get() {
            return Some(Arc::clone(proven));
        }
        let program = kernel.program().ok()?;
        let proven = Arc::new(access::proven::proven(kernel, &program, &self.analysis.in_bounds));
        Some(Arc::clone(self.proven.get_or_init(|| proven)))
    }
}
