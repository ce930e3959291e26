//! Workgroups of any shape as rows that suit the machine, for kernels that do not see the shape.

use std::sync::OnceLock;

use super::jit;
use crate::{ir::Program, plan::Part};

/// Invocations of a row.
const WIDTH: u32 = 64;

/// Invocations along x from which on rows pay.
const LEAST: u64 = 32;

/// Lanes that compiled code has in a register.
const LANES: u32 = 8;

/// A kernel that runs in rows of invocations along x, whatever workgroups its author wrote.
pub(super) struct Rows {
    program: Program,
    authored: [u32; 3],
    /// Made when the kernel is first to run.
    code: OnceLock<Option<jit::Compiled>>,
}

impl Rows {
    /// Nothing where the kernel sees the shape of its workgroups, or they suit the machine as they are.
    pub fn of(program: &Program) -> Option<Rows> {
        let authored = program.workgroup_size;
        let rows = || Rows { program: program.in_rows(WIDTH), authored, code: OnceLock::new() };
        program.may_be_reshaped(WIDTH).then(rows)
    }

    /// The machine code, if it was made and is any.
    pub fn code(&self) -> Option<&jit::Compiled> {
        self.code.get()?.as_ref()
    }

    pub fn is_made(&self) -> bool {
        self.code.get().is_some()
    }

    /// Makes the machine code, unless that has been done.
    pub fn make(&self, compile: impl FnOnce(&Program) -> Option<jit::Compiled>) {
        self.code.get_or_init(|| compile(&self.program));
    }

    /// Invocations of a workgroup of this code.
    pub fn lanes() -> u32 {
        WIDTH
    }

    /// Cuts a part along x, so that the middle one of three ends where registers do: none of its lanes stands beside it then. Those
    /// beside it may be empty.
    pub fn cut(&self, part: Part) -> [Part; 3] {
        let size = u64::from(self.authored[0].max(1));
        // As few workgroups as fill registers.
        let step = u64::from(LANES) / gcd(u64::from(LANES), size);
        let (start, end) = (u64::from(part.origin[0]), u64::from(part.origin[0]) + u64::from(part.size[0]));
        let first = start.next_multiple_of(step).min(end);
        let last = (end - end % step).max(first);
        let between = |from: u64, to: u64| {
            let (mut origin, mut size) = (part.origin, part.size);
            (origin[0], size[0]) = (from as u32, (to - from) as u32);
            Part { origin, size, ..part }
        };
        [between(start, first), between(first, last), between(last, end)]
    }

    /// A part of a grid of the author's workgroups in rows; nothing where that does not pay. The ends along x stand where the
    /// program looks for them.
    pub fn part(&self, part: Part) -> Option<Part> {
        let range = |axis: usize| {
            let size = u64::from(self.authored[axis]);
            let start = u64::from(part.origin[axis]) * size;
            (start, start + u64::from(part.size[axis]) * size)
        };
        let [(x, x_end), (y, y_end), (z, z_end)] = [range(0), range(1), range(2)];
        if x_end - x < LEAST {
            return None;
        }
        let width = u64::from(WIDTH);
        let first = x / width;
        // Ids count to 2^32, and ends have to be numbers too.
        let all = |numbers: [u64; 3]| -> Option<[u32; 3]> {
            let [a, b, c] = numbers.map(u32::try_from);
            Some([a.ok()?, b.ok()?, c.ok()?])
        };
        Some(Part {
            origin: all([first, y, z])?,
            size: all([x_end.div_ceil(width) - first, y_end - y, z_end - z])?,
            whole: all([x_end, x, 0])?,
        })
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::testing;

    /// Rows of a kernel with workgroups of this size.
    fn rows(size: [u32; 3]) -> Option<Rows> {
        let [x, y, z] = size;
        let kernel = testing::kernel(&format!(
            "@group(0) @binding(0) var<storage, read_write> data: array<u32>;
            @compute @workgroup_size({x}, {y}, {z}) fn k(@builtin(global_invocation_id) id: vec3u) {{ data[id.x] = id.y; }}"
        ));
        Rows::of(&kernel.program().unwrap_or_else(|error| panic!("{error}")))
    }

    #[test]
    fn shapes_that_suit_the_machine_are_kept() {
        for size in [[64, 1, 1], [8, 8, 1], [16, 16, 1], [256, 1, 1], [1, 64, 1], [4, 8, 1]] {
            assert!(rows(size).is_none(), "{size:?}");
        }
        for size in [[1, 1, 1], [1, 16, 1], [4, 4, 1], [3, 3, 3], [63, 1, 1], [8, 1, 1]] {
            assert!(rows(size).is_some(), "{size:?}");
        }
    }

    #[test]
    fn parts_have_the_same_invocations() {
        for (size, origin, groups) in [
            ([1, 1, 1], [0, 0, 0], [1000, 3, 2]),
            ([3, 5, 1], [7, 2, 0], [50, 4, 1]),
            ([1, 16, 1], [70, 0, 9], [64, 2, 1]),
            ([4, 4, 1], [1, 1, 1], [33, 1, 2]),
        ] {
            let rows = rows(size).expect("it does not suit");
            let part = Part { origin, size: groups, whole: [u32::MAX; 3] };
            let in_rows = rows.part(part).expect("it pays");
            let [start, end] = [origin[0] * size[0], (origin[0] + groups[0]) * size[0]];
            assert_eq!(in_rows.whole, [end, start, 0]);
            assert!(in_rows.origin[0] * WIDTH <= start && start - in_rows.origin[0] * WIDTH < WIDTH);
            let last = (in_rows.origin[0] + in_rows.size[0]) * WIDTH;
            assert!(last >= end && last - end < WIDTH);
            for axis in [1, 2] {
                assert_eq!(in_rows.origin[axis], origin[axis] * size[axis]);
                assert_eq!(in_rows.size[axis], groups[axis] * size[axis]);
            }
            let cut = rows.cut(part);
            assert_eq!(cut.iter().map(|part| part.size[0]).sum::<u32>(), groups[0]);
            assert_eq!((cut[1].origin[0] * size[0]) % LANES, 0);
            assert_eq!((cut[1].size[0] * size[0]) % LANES, 0);
            assert_eq!(cut[0].origin, origin);
            assert_eq!(
                [cut[1].origin[0], cut[2].origin[0]],
                [1, 2].map(|at| cut[at - 1].origin[0] + cut[at - 1].size[0])
            );
        }
    }

    #[test]
    fn what_does_not_pay_or_fit_is_left_as_it_is() {
        let rows = rows([1, 1, 1]).expect("it does not suit");
        let part = |size| Part { origin: [0; 3], size, whole: size };
        assert!(rows.part(part([31, 1000, 1])).is_none());
        assert!(rows.part(part([32, 1, 1])).is_some());
        assert!(rows.part(part([u32::MAX, 1, 1])).is_some());
        let rows = super::tests::rows([1, 4, 1]).expect("it does not suit");
        assert!(rows.part(part([64, u32::MAX, 1])).is_none(), "there are no numbers for so many");
        let few = rows.cut(part([3, 1, 1]));
        assert_eq!(few.map(|part| part.size[0]), [0, 0, 3]);
    }
}
