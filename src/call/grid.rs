//! How many invocations a call has.

use crate::{error::Message, kernel::Kernel};

/// Extents along x, y and z; what is left out counts as 1. Made from a number, or an array or tuple of up to
/// three, of `u32`, `u64`, `usize` or `i32`; those of a tuple may be of different types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    axes: [i128; 3],
}

macro_rules! grid_from {
    ($($ty:ty),*) => {
        $(
            impl From<$ty> for Grid {
                fn from(x: $ty) -> Self {
                    Grid { axes: [x as i128, 1, 1] }
                }
            }
            impl From<[$ty; 1]> for Grid {
                fn from([x]: [$ty; 1]) -> Self {
                    Grid { axes: [x as i128, 1, 1] }
                }
            }
            impl From<[$ty; 2]> for Grid {
                fn from([x, y]: [$ty; 2]) -> Self {
                    Grid { axes: [x as i128, y as i128, 1] }
                }
            }
            impl From<[$ty; 3]> for Grid {
                fn from([x, y, z]: [$ty; 3]) -> Self {
                    Grid { axes: [x as i128, y as i128, z as i128] }
                }
            }
        )*
    };
}

grid_from!(i32, u32, u64, usize);

impl<X: Into<Grid>, Y: Into<Grid>> From<(X, Y)> for Grid {
    fn from((x, y): (X, Y)) -> Self {
        Grid { axes: [x.into().axes[0], y.into().axes[0], 1] }
    }
}

impl<X: Into<Grid>, Y: Into<Grid>, Z: Into<Grid>> From<(X, Y, Z)> for Grid {
    fn from((x, y, z): (X, Y, Z)) -> Self {
        Grid { axes: [x.into().axes[0], y.into().axes[0], z.into().axes[0]] }
    }
}

/// The grid of a call, as it was given.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent {
    Invocations(Grid),
    Workgroups(Grid),
}

/// The most invocations along an axis: WGSL's ids are `u32`.
const MOST: u128 = 1 << 32;

impl Extent {
    /// Whether there is nothing to do.
    pub fn is_empty(self) -> bool {
        let (Extent::Invocations(grid) | Extent::Workgroups(grid)) = self;
        grid.axes.contains(&0)
    }

    /// Workgroups along x, y and z, checked. None of an axis has nothing to do.
    pub fn workgroups(self, kernel: &Kernel) -> Result<[u32; 3], Message> {
        let (grid, what, given) = match self {
            Extent::Invocations(grid) => (grid, "grid", "invocations"),
            Extent::Workgroups(grid) => (grid, "workgroups", "workgroups"),
        };
        let mut workgroups = [0; 3];
        for axis in 0..3 {
            let name = ["x", "y", "z"][axis];
            let size = u64::from(kernel.inner.workgroup_size[axis]);
            let shown = || format!("{what} {:?}", grid.axes);
            let Ok(count) = u64::try_from(grid.axes[axis]) else {
                return Err(kernel
                    .message(format!("{} has {} {given} along {name}", shown(), grid.axes[axis]))
                    .help("give a number; with 0 the call does nothing"));
            };
            let (groups, invocations) = match self {
                Extent::Invocations(_) => (count.div_ceil(size), u128::from(count)),
                Extent::Workgroups(_) => (count, u128::from(count) * u128::from(size)),
            };
            if invocations > MOST || groups > u64::from(u32::MAX) {
                return Err(kernel
                    .message(format!(
                        "{} has {invocations} invocations along {name}, and WGSL's u32 ids count up to 2^32",
                        shown()
                    ))
                    .help("go in batches: several calls over parts of the data, with an offset in a uniform"));
            }
            workgroups[axis] = groups as u32;
        }
        Ok(workgroups)
    }
}
