//! What can be told about a cut before all accesses were looked at.
//!
//! An access that moves with no workgroup, or at another speed than the one before, leaves a binding undivided whatever
//! else the kernel does with it. Whoever only looks for a better cut than one that is known can stop there.

use super::{
    footprint::{Access, Piece, Unproven},
    verdict::{Merge, merge},
};

/// How bad a cut is: pinned bindings, then whole ones.
pub type Score = (usize, usize);

/// What is wanted of an analysis: verdicts that are better than `bar`.
pub struct Early {
    bar: Score,
    axes: Vec<usize>,
    bindings: Vec<Binding>,
}

/// A binding, by the accesses so far.
#[derive(Clone, Default)]
struct Binding {
    is_written: bool,
    /// Whether not every access is the same mergeable atomic.
    is_mixed: bool,
    first: Option<Merge>,
    /// By axis: bytes from one unit to the next.
    strides: [Option<i128>; 3],
    /// By axis: whether it cannot be divided.
    fails: [bool; 3],
}

impl Early {
    pub fn new(bar: Score, axes: &[usize], bindings: usize) -> Early {
        Early { bar, axes: axes.to_vec(), bindings: vec![Binding::default(); bindings] }
    }

    /// Whether nothing that is still to be learned about the binding matters, except that it is accessed.
    pub fn is_decided(&self, binding: usize) -> bool {
        self.axes.iter().all(|&axis| self.bindings[binding].fails[axis])
    }

    /// Takes an access into account.
    pub fn see(&mut self, access: &Access) {
        let Some(place) = access.binding else { return };
        let binding = &mut self.bindings[place];
        binding.is_written |= access.kind.writes();
        match (merge(access.kind), binding.first) {
            (None, _) => binding.is_mixed = true,
            (Some(merge), None) => binding.first = Some(merge),
            (Some(merge), Some(first)) => binding.is_mixed |= merge != first,
        }
        for &axis in &self.axes {
            let fails = match (access.unproven, access.pieces[axis]) {
                (Some(unproven), _) if unproven != Unproven::Length => true,
                (_, None) => true,
                (_, Some(piece)) if piece.is_single() => false,
                (_, Some(Piece { stride, .. })) => {
                    stride == 0 || *binding.strides[axis].get_or_insert(stride) != stride
                }
            };
            binding.fails[axis] |= fails;
        }
    }

    /// Whether the verdicts can no longer be better than what is wanted: whatever comes only makes a cut worse.
    pub fn is_hopeless(&self) -> bool {
        let least = self.axes.iter().map(|&axis| {
            let failed = || self.bindings.iter().filter(|binding| binding.fails[axis]);
            let pinned = failed().filter(|binding| binding.is_written && binding.is_mixed).count();
            (pinned, failed().filter(|binding| !binding.is_written).count())
        });
        least.min().is_some_and(|least| least >= self.bar)
    }
}
