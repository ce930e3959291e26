//! How a dispatch is cut into units, each a frame of lanes, and what the built-in inputs are in them.

use super::{code::Code, frame::Frame, lanes, value::ValueForm};
use crate::{
    error::{Error, Message, Result},
    ir::Builtin,
    plan::Part,
};

/// Lanes of a frame, where the kernel leaves the choice: enough that the work on a row outweighs the choice of
/// what to do with it; the rows of 4 KiB that are in use at a time still fit the nearer caches.
const FRAME: u32 = 1024;

/// Bytes of private memory that a frame may take, where the number of lanes is free to choose.
const PRIVATE_BUDGET: u64 = 1 << 20;

/// Rows of invocations shorter than this are packed, several to a frame.
const SHORT_ROW: u64 = 128;

/// A dispatch, and how it is cut up.
#[derive(Debug)]
pub(in crate::exec::cpu) struct Grid {
    workgroup_size: [u32; 3],
    part: Part,
    /// The first invocation along each axis.
    first: [u32; 3],
    /// Invocations along each axis.
    size: [u64; 3],
    cut: Cut,
    /// Frames in all.
    pub units: u64,
    /// Most lanes of a frame.
    pub lanes: u32,
}

#[derive(Clone, Copy, Debug)]
enum Cut {
    /// A frame is a workgroup.
    Workgroups,
    /// A frame is a piece of a row of invocations along x. Rows are cut into segments of `segment`
    /// invocations (whole rows, or workgroups), those into `pieces` of at most `Grid::lanes`.
    Rows { segment: u64, pieces: u64 },
    /// Rows of invocations one after the other, cut into frames anywhere.
    Packed,
}

impl Grid {
    /// Cuts a part of a dispatch of `code`.
    ///
    /// # Errors
    ///
    /// If the part has more than 2^64 invocations.
    pub fn new(code: &Code, part: Part) -> Result<Grid> {
        let wg = code.workgroup_size;
        let workgroups = part.size;
        let size = [0, 1, 2].map(|axis| u64::from(wg[axis]) * u64::from(workgroups[axis]));
        let total = size.iter().try_fold(1u64, |product, n| product.checked_mul(*n)).ok_or_else(|| {
            Error::Call(
                Message::new(format!("{workgroups:?} workgroups at once have more than 2^64 invocations"))
                    .kernel(code.name.as_str())
                    .help("dispatch it in parts"),
            )
        })?;
        let mut target = FRAME;
        while target > 16 && u64::from(target) * code.private_bytes > PRIVATE_BUDGET {
            target /= 2;
        }
        let target = u64::from(target);
        let (cut, units, lanes) = if !code.free {
            let lanes = wg.iter().product::<u32>();
            (Cut::Workgroups, total / u64::from(lanes.max(1)), lanes)
        } else if size[0] < SHORT_ROW && size[1] * size[2] > 1 {
            let lanes = total.min(target);
            (Cut::Packed, total.div_ceil(lanes.max(1)), lanes as u32)
        } else {
            // Within one workgroup the place in it is a ramp.
            let segment = if code.uses_local && wg[0] >= 64 { u64::from(wg[0]) } else { size[0] };
            let pieces = segment.div_ceil(target).max(1);
            let lanes = segment.div_ceil(pieces).next_multiple_of(16);
            let pieces = segment.div_ceil(lanes.max(1));
            let rows = size[0] / segment.max(1) * size[1] * size[2];
            (Cut::Rows { segment, pieces }, rows * pieces, lanes as u32)
        };
        let first = [0, 1, 2].map(|axis| part.origin[axis].wrapping_mul(wg[axis]));
        Ok(Grid { workgroup_size: wg, part, first, size, cut, units, lanes })
    }

    /// Lanes of all frames together.
    pub fn invocations(&self) -> u64 {
        self.size.iter().product()
    }

    /// The inputs that are the same in the whole dispatch.
    pub(super) fn set_constants(&self, code: &Code, frame: &mut Frame) {
        for (slot, builtin) in &code.builtins {
            if let Builtin::NumWorkgroups(axis) = builtin {
                frame.set(*slot, ValueForm::Uniform(self.part.whole[usize::from(*axis)]));
            }
        }
    }

    /// Sets the built-in inputs of unit `unit`; gives the number of its lanes.
    pub(super) fn enter(&self, unit: u64, code: &Code, frame: &mut Frame) -> u32 {
        match self.cut {
            Cut::Workgroups => self.enter_workgroup(unit, code, frame),
            Cut::Rows { segment, pieces } => {
                let (row, piece) = (unit / pieces, unit % pieces);
                let per_row = self.size[0] / segment;
                let (line, segment_index) = (row / per_row, row % per_row);
                let start = piece * u64::from(self.lanes);
                let lanes = (segment - start).min(u64::from(self.lanes)) as u32;
                let place = [segment_index * segment + start, line % self.size[1], line / self.size[1]];
                let at = [0, 1, 2].map(|axis| self.first[axis].wrapping_add(place[axis] as u32));
                for (slot, builtin) in &code.builtins {
                    self.enter_row(*slot, *builtin, at, lanes, frame);
                }
                lanes
            }
            Cut::Packed => self.enter_packed(unit, code, frame),
        }
    }

    fn enter_workgroup(&self, unit: u64, code: &Code, frame: &mut Frame) -> u32 {
        let wg = self.workgroup_size;
        let lanes = wg.iter().product::<u32>();
        let [nx, ny, _] = self.part.size.map(u64::from);
        let place = [unit % nx, unit / nx % ny, unit / nx / ny];
        let group = [0, 1, 2].map(|axis| self.part.origin[axis].wrapping_add(place[axis] as u32));
        for (slot, builtin) in &code.builtins {
            match *builtin {
                Builtin::WorkgroupId(axis) => frame.set(*slot, ValueForm::Uniform(group[usize::from(axis)])),
                Builtin::LocalIndex => frame.set(*slot, ValueForm::Ramp { base: 0, step: 1 }),
                Builtin::NumWorkgroups(_) => {}
                // The same in every workgroup: made for the first one, kept for the others.
                Builtin::SubgroupInvocationId | Builtin::SubgroupId | Builtin::LocalId(_)
                    if frame.shape(*slot) != ValueForm::Unset => {}
                Builtin::SubgroupInvocationId => frame.fill(*slot, |lane| lane % 8),
                Builtin::SubgroupId => frame.fill(*slot, |lane| lane / 8),
                Builtin::LocalId(axis) => self.enter_local(*slot, axis, 0, frame),
                Builtin::GlobalId(axis) => {
                    let at = usize::from(axis);
                    self.enter_local(*slot, axis, group[at].wrapping_mul(wg[at]), frame);
                }
            }
        }
        lanes
    }

    /// `base` plus the place along `axis` in the workgroup, for the lanes of a workgroup.
    fn enter_local(&self, slot: u32, axis: u8, base: u32, frame: &mut Frame) {
        let wg = self.workgroup_size;
        let axis = usize::from(axis);
        // Lanes from one step along the axis to the next.
        let period: u32 = wg[..axis].iter().product();
        if wg[axis] == 1 {
            frame.set(slot, ValueForm::Uniform(base));
        } else if period == 1 && wg[axis + 1..].iter().all(|n| *n == 1) {
            frame.set(slot, ValueForm::Ramp { base, step: 1 });
        } else {
            frame.fill_runs(slot, period as usize, base, wg[axis]);
        }
    }

    /// The inputs of a row of lanes that starts at invocation `at`.
    fn enter_row(&self, slot: u32, builtin: Builtin, at: [u32; 3], lanes: u32, frame: &mut Frame) {
        let wg = self.workgroup_size;
        let shape = match builtin {
            Builtin::NumWorkgroups(_) => return,
            Builtin::GlobalId(0) => ValueForm::Ramp { base: at[0], step: 1 },
            Builtin::GlobalId(axis) => ValueForm::Uniform(at[usize::from(axis)]),
            Builtin::WorkgroupId(axis) if axis > 0 || self.in_one_group(at[0], lanes) => {
                ValueForm::Uniform(at[usize::from(axis)] / wg[usize::from(axis)])
            }
            Builtin::LocalId(0) if wg[0] == 1 => ValueForm::Uniform(0),
            Builtin::LocalId(0) if self.in_one_group(at[0], lanes) => ValueForm::Ramp { base: at[0] % wg[0], step: 1 },
            Builtin::LocalId(axis) if axis > 0 => ValueForm::Uniform(at[usize::from(axis)] % wg[usize::from(axis)]),
            Builtin::WorkgroupId(_) => return frame.fill(slot, |lane| at[0].wrapping_add(lane) / wg[0]),
            Builtin::LocalId(_) => return frame.fill(slot, |lane| at[0].wrapping_add(lane) % wg[0]),
            Builtin::LocalIndex => {
                let base = wg[0] * (at[1] % wg[1] + wg[1] * (at[2] % wg[2]));
                if wg[0] == 1 {
                    ValueForm::Uniform(base)
                } else if self.in_one_group(at[0], lanes) {
                    ValueForm::Ramp { base: base + at[0] % wg[0], step: 1 }
                } else {
                    return frame.fill(slot, |lane| base + at[0].wrapping_add(lane) % wg[0]);
                }
            }
            // Kernels that ask for these are cut into workgroups.
            Builtin::SubgroupInvocationId | Builtin::SubgroupId => ValueForm::Uniform(0),
        };
        frame.set(slot, shape);
    }

    fn in_one_group(&self, x: u32, lanes: u32) -> bool {
        let wg = u64::from(self.workgroup_size[0]);
        u64::from(x) % wg + u64::from(lanes) <= wg
    }

    fn enter_packed(&self, unit: u64, code: &Code, frame: &mut Frame) -> u32 {
        let total = self.invocations();
        let start = unit * u64::from(self.lanes);
        let lanes = (total - start).min(u64::from(self.lanes)) as u32;
        let wg = self.workgroup_size;
        // The place of each lane, counted up from the first one.
        let place = |axis: u8| {
            let (mut x, line) = (start % self.size[0], start / self.size[0]);
            let (mut y, mut z) = (line % self.size[1], line / self.size[1]);
            let (size, first) = (self.size, self.first[usize::from(axis)]);
            move || {
                let at = first.wrapping_add([x, y, z][usize::from(axis)] as u32);
                x += 1;
                if x == size[0] {
                    (x, y) = (0, y + 1);
                    if y == size[1] {
                        (y, z) = (0, z + 1);
                    }
                }
                at
            }
        };
        for (slot, builtin) in &code.builtins {
            match *builtin {
                Builtin::NumWorkgroups(_) => {}
                Builtin::GlobalId(axis) => {
                    let mut at = place(axis);
                    frame.fill(*slot, |_| at());
                }
                Builtin::WorkgroupId(axis) => {
                    let mut at = place(axis);
                    frame.fill(*slot, |_| at() / wg[usize::from(axis)]);
                }
                Builtin::LocalId(axis) => {
                    let mut at = place(axis);
                    frame.fill(*slot, |_| at() % wg[usize::from(axis)]);
                }
                Builtin::LocalIndex => {
                    let (mut x, mut y, mut z) = (place(0), place(1), place(2));
                    frame.fill(*slot, |_| x() % wg[0] + wg[0] * (y() % wg[1] + wg[1] * (z() % wg[2])));
                }
                Builtin::SubgroupInvocationId | Builtin::SubgroupId => frame.set(*slot, ValueForm::Uniform(0)),
            }
        }
        lanes
    }
}

impl Frame {
    /// Gives `slot` a row, lane by lane.
    fn fill(&mut self, slot: u32, mut value: impl FnMut(u32) -> u32) {
        let row = self.new_row();
        for (lane, element) in self.row_mut(row).iter_mut().enumerate() {
            *element = value(lane as u32);
        }
        self.set_row(slot, row);
    }

    /// Gives `slot` a row that counts from `base` to `base + count - 1`, each number `period` times, again and again.
    fn fill_runs(&mut self, slot: u32, period: usize, base: u32, count: u32) {
        let row = self.new_row();
        let lanes = self.row_mut(row);
        if period == 1 {
            for run in lanes.chunks_mut(count as usize) {
                lanes::ramp(run, base, 1);
            }
        } else {
            let mut value = 0;
            for run in lanes.chunks_mut(period) {
                run.fill(base.wrapping_add(value));
                value = if value + 1 == count { 0 } else { value + 1 };
            }
        }
        self.set_row(slot, row);
    }
}
