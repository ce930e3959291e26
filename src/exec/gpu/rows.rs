//! Workgroups of any shape as rows that suit a GPU, for kernels that do not see the shape.

use std::convert::Infallible;

use crate::kernel::{Kernel, passes};

/// Invocations of a row, for kernels that do not see the shape of their workgroups.
pub(super) const WIDTH: u32 = 128;

/// Invocations along x, and in all, from which on rows pay: they take a uniform more.
const LEAST: u64 = 64;
const LEAST_IN_ALL: u64 = 1 << 14;

/// A grid in rows.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub workgroups: [u32; 3],
    /// Of the author's workgroups together.
    pub invocations: [u32; 3],
}

impl Rows {
    /// A grid of a kernel's workgroups in rows; nothing where it sees their shape, or they are large enough.
    pub fn of(kernel: &Kernel, workgroups: [u32; 3]) -> Option<Rows> {
        let size = kernel.inner.workgroup_size;
        let along = |axis: usize| u64::from(workgroups[axis]) * u64::from(size[axis]);
        let all = (0..3).map(along).fold(1, u64::saturating_mul);
        if size.iter().product::<u32>() >= WIDTH || along(0) < LEAST || all < LEAST_IN_ALL || !may_be_reshaped(kernel) {
            return None;
        }
        let number = |axis| u32::try_from(along(axis)).ok();
        let invocations = [number(0)?, number(1)?, number(2)?];
        Some(Rows { workgroups: [invocations[0].div_ceil(WIDTH), invocations[1], invocations[2]], invocations })
    }
}

/// Whether a kernel may run in rows; found out once.
fn may_be_reshaped(kernel: &Kernel) -> bool {
    struct Kept(bool);
    let make = || {
        let has_id = passes::has_global_id(&kernel.inner.module, kernel.inner.entry);
        Ok::<_, Infallible>(Kept(has_id && kernel.program().is_ok_and(|program| program.may_be_reshaped(WIDTH))))
    };
    let Kept(may_be) = kernel.inner.memo.get_or_try_make(make).unwrap_or_else(|never| match never {});
    *may_be
}

/// Invocations of the rows in which most calls of a kernel run; none where that is in the author's workgroups.
pub(super) fn usual(kernel: &Kernel) -> u32 {
    if may_be_reshaped(kernel) { WIDTH } else { 0 }
}

/// The shape of the workgroups in which a grid of a kernel runs, where that is not the author's.
pub(super) fn shape(kernel: &Kernel, workgroups: [u32; 3]) -> Option<[u32; 3]> {
    Rows::of(kernel, workgroups).map(|_| [WIDTH, 1, 1])
}
