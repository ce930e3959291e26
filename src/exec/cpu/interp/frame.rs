//! What a frame of lanes computes with: rows, the shapes of values, and masks.
//!
//! A *row* holds one 32-bit value per lane. Rows are counted references into a pool and never change once
//! written, save where [`Frame::merge`] owns the only reference. The pool gives back the row that was released
//! last, so the rows in use stay in the first-level cache.

use super::lanes::{self, Arg};
use crate::exec::cpu::shared_mem::Line;

/// Lanes in a line of memory: windows are widened to whole lines, rows are whole lines.
pub(super) const LINE: usize = 16;

/// Names a row of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row(u32);

/// The value of an SSA value in the current frame, in the cheapest form that describes all its lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Not computed on the current path.
    Unset,
    /// The same in every lane.
    Uniform(u32),
    /// `base + lane * step`, wrapping.
    Ramp { base: u32, step: u32 },
    /// A `Bool`: `below` in the lanes below `at`, its opposite from there on.
    Split { at: u32, below: bool },
    /// Anything.
    Row,
}

/// A value: its shape, and a row with the same contents if one was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub shape: Shape,
    row: Option<Row>,
}

impl Slot {
    pub const UNSET: Slot = Slot { shape: Shape::Unset, row: None };
}

/// The lanes that are active: those in `lo..hi` whose lane of `row` is set, or all in `lo..hi`.
/// Holds a reference to `row`; not empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mask {
    pub lo: u32,
    pub hi: u32,
    pub count: u32,
    row: Option<Row>,
}

impl Mask {
    /// All lanes below `lanes`.
    pub fn all(lanes: u32) -> Mask {
        Mask { lo: 0, hi: lanes, count: lanes, row: None }
    }

    /// The lanes that instructions compute: whole lines around the active lanes.
    pub fn window(&self) -> Window {
        Window { lo: self.lo as usize / LINE * LINE, hi: (self.hi as usize).next_multiple_of(LINE) }
    }

    /// The first active lane only.
    pub fn first_lane(&self) -> Mask {
        Mask { lo: self.lo, hi: self.lo + 1, count: 1, row: None }
    }

    /// From the first to the last active lane.
    pub fn range(&self) -> Window {
        Window { lo: self.lo as usize, hi: self.hi as usize }
    }

    /// Whether every lane in `lo..hi` is active.
    pub fn is_range(&self) -> bool {
        self.row.is_none()
    }
}

/// Lanes `lo..hi`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub lo: usize,
    pub hi: usize,
}

/// The slots and rows of a frame. Reused from frame to frame.
pub(super) struct Frame {
    slots: Vec<Slot>,
    lines: Vec<Line>,
    /// Lanes of a row, a multiple of `LINE`.
    stride: usize,
    counts: Vec<u32>,
    free: Vec<Row>,
}

/// All rows but one.
#[derive(Clone, Copy)]
pub(super) struct Others<'a> {
    before: &'a [u32],
    after: &'a [u32],
    stride: usize,
    row: usize,
}

impl<'a> Others<'a> {
    pub fn row(self, row: Row) -> &'a [u32] {
        let index = row.0 as usize;
        let (part, start) = if index < self.row {
            (self.before, index * self.stride)
        } else {
            (self.after, (index - self.row - 1) * self.stride)
        };
        &part[start..start + self.stride]
    }

    /// An operand within `window`. A shape that has no row yet must have been given one.
    pub fn arg(self, slot: Slot, window: Window) -> Arg<'a> {
        match (slot.shape, slot.row) {
            (Shape::Uniform(value), _) => Arg::Splat(value),
            (_, Some(row)) => Arg::Row(&self.row(row)[window.lo..window.hi]),
            (_, None) => Arg::Splat(0),
        }
    }
}

impl Frame {
    pub fn new() -> Self {
        Frame { slots: Vec::new(), lines: Vec::new(), stride: LINE, counts: Vec::new(), free: Vec::new() }
    }

    /// Makes room for `slots` values of `lanes` lanes; forgets everything.
    pub fn configure(&mut self, slots: usize, lanes: usize) {
        self.slots.clear();
        self.slots.resize(slots, Slot::UNSET);
        // One line more than needed, lest equal lanes of all rows fall into one set of the cache.
        self.stride = lanes.next_multiple_of(LINE) + LINE;
        let rows = self.lines.len() / (self.stride / LINE);
        self.counts.clear();
        self.counts.resize(rows, 0);
        self.free.clear();
        self.free.extend((0..rows as u32).rev().map(Row));
    }

    /// Lanes of a row.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Bytes that the rows take.
    pub fn bytes(&self) -> usize {
        self.lines.len() * size_of::<Line>()
    }

    /// A row with one reference; its contents are left over.
    pub fn new_row(&mut self) -> Row {
        if self.free.is_empty() {
            let first = self.counts.len() as u32;
            let more = 8;
            self.counts.resize(self.counts.len() + more, 0);
            self.lines.resize(self.counts.len() * (self.stride / LINE), Line([0; LINE]));
            self.free.extend((first..first + more as u32).rev().map(Row));
        }
        let row = self.free.pop().expect("rows were just added");
        self.counts[row.0 as usize] = 1;
        row
    }

    fn retain(&mut self, row: Option<Row>) {
        if let Some(row) = row {
            self.counts[row.0 as usize] += 1;
        }
    }

    fn release(&mut self, row: Option<Row>) {
        if let Some(row) = row {
            let count = &mut self.counts[row.0 as usize];
            *count -= 1;
            if *count == 0 {
                self.free.push(row);
            }
        }
    }

    /// How many rows are in use.
    pub fn rows_in_use(&self) -> usize {
        self.counts.len() - self.free.len()
    }

    pub fn row(&self, row: Row) -> &[u32] {
        let start = row.0 as usize * self.stride;
        &bytemuck::cast_slice(&self.lines)[start..start + self.stride]
    }

    pub fn row_mut(&mut self, row: Row) -> &mut [u32] {
        let start = row.0 as usize * self.stride;
        &mut bytemuck::cast_slice_mut(&mut self.lines)[start..start + self.stride]
    }

    /// `row` for writing within `window`, and all other rows for reading.
    pub fn split(&mut self, row: Row, window: Window) -> (&mut [u32], Others<'_>) {
        let (index, stride) = (row.0 as usize, self.stride);
        let (before, rest) = bytemuck::cast_slice_mut(&mut self.lines).split_at_mut(index * stride);
        let (row, after) = rest.split_at_mut(stride);
        (&mut row[window.lo..window.hi], Others { before, after, stride, row: index })
    }

    /// The shape of a slot.
    pub fn shape(&self, slot: u32) -> Shape {
        self.slots[slot as usize].shape
    }

    pub fn slot(&self, slot: u32) -> Slot {
        self.slots[slot as usize]
    }

    pub fn has_row(&self, slot: u32) -> bool {
        self.slot(slot).row.is_some()
    }

    /// The value of `slot` in one lane.
    pub fn lane(&self, slot: u32, lane: usize) -> u32 {
        let slot = self.slot(slot);
        match (slot.shape, slot.row) {
            (Shape::Uniform(value), _) => value,
            (Shape::Ramp { base, step }, _) => base.wrapping_add(step.wrapping_mul(lane as u32)),
            (Shape::Split { at, below }, _) => split_lane(at, below, lane as u32),
            (Shape::Row, Some(row)) => self.row(row)[lane],
            (Shape::Row | Shape::Unset, _) => 0,
        }
    }

    /// `slot` as an operand within `window`.
    pub fn slot_arg(&self, slot: u32, window: Window) -> Arg<'_> {
        let slot = self.slot(slot);
        match (slot.shape, slot.row) {
            (Shape::Uniform(value), _) => Arg::Splat(value),
            (_, Some(row)) => Arg::Row(&self.row(row)[window.lo..window.hi]),
            (_, None) => Arg::Splat(0),
        }
    }

    /// Gives `slot` a shape that needs no row.
    pub fn set(&mut self, slot: u32, shape: Shape) {
        self.put(slot, Slot { shape, row: None });
    }

    /// Gives `slot` a row; takes over the reference.
    pub fn set_row(&mut self, slot: u32, row: Row) {
        self.put(slot, Slot { shape: Shape::Row, row: Some(row) });
    }

    /// Puts a value, whose reference it takes over, in place of the old one.
    pub fn put(&mut self, slot: u32, value: Slot) {
        let old = std::mem::replace(&mut self.slots[slot as usize], value);
        self.release(old.row);
    }

    /// The value of `slot` with a reference of its own.
    pub fn share(&mut self, slot: u32) -> Slot {
        let value = self.slots[slot as usize];
        self.retain(value.row);
        value
    }

    /// Forgets `slot`.
    pub fn clear(&mut self, slot: u32) {
        self.put(slot, Slot::UNSET);
    }

    /// A row that holds the value of `slot`, kept with it. A uniform value gets none by this: operands take it
    /// as it is (see [`Others::arg`]).
    pub fn materialize(&mut self, slot: u32) {
        let value = self.slots[slot as usize];
        if value.row.is_some() || matches!(value.shape, Shape::Uniform(_) | Shape::Unset) {
            return;
        }
        let row = self.new_row();
        self.spell_out(row, value.shape);
        self.slots[slot as usize].row = Some(row);
    }

    /// A row that holds the value of `slot` whatever its shape; the caller gets a reference.
    pub fn row_of(&mut self, slot: u32) -> Row {
        self.materialize(slot);
        let value = self.slots[slot as usize];
        if let Some(row) = value.row {
            self.retain(Some(row));
            return row;
        }
        let row = self.new_row();
        self.spell_out(row, value.shape);
        row
    }

    /// Gives a reference back.
    pub fn drop_row(&mut self, row: Row) {
        self.release(Some(row));
    }

    /// Writes a shape to all lanes of a row.
    fn spell_out(&mut self, row: Row, shape: Shape) {
        let lanes = self.row_mut(row);
        match shape {
            Shape::Uniform(value) => lanes.fill(value),
            Shape::Ramp { base, step } => lanes::ramp(lanes, base, step),
            Shape::Split { at, below } => {
                let at = (at as usize).min(lanes.len());
                lanes[..at].fill(split_lane(1, below, 0));
                lanes[at..].fill(split_lane(0, below, 0));
            }
            Shape::Unset | Shape::Row => lanes.fill(0),
        }
    }

    /// Gives the lanes of `mask` in `slot` the value of `value`, whose reference it takes over. Before the first
    /// such value reaches it, the slot is unset, and takes the value as it is.
    pub fn merge(&mut self, slot: u32, value: Slot, mask: &Mask) {
        let old = self.slots[slot as usize];
        if old.shape == Shape::Unset {
            self.slots[slot as usize] = value;
            return;
        }
        if old.shape == value.shape && (old.row == value.row || old.shape != Shape::Row) {
            self.release(value.row);
            return;
        }
        let row = match old.row {
            Some(row) if self.counts[row.0 as usize] == 1 => row,
            Some(shared) => {
                let row = self.new_row();
                let all = Window { lo: 0, hi: self.stride };
                let (lanes, others) = self.split(row, all);
                lanes.copy_from_slice(others.row(shared));
                self.release(Some(shared));
                row
            }
            None => {
                let row = self.new_row();
                self.spell_out(row, old.shape);
                row
            }
        };
        self.slots[slot as usize] = Slot { shape: Shape::Row, row: Some(row) };
        // The new value as an operand.
        let mut value = value;
        if value.row.is_none() && !matches!(value.shape, Shape::Uniform(_)) {
            let spelt = self.new_row();
            self.spell_out(spelt, value.shape);
            value.row = Some(spelt);
        }
        let window = Window { lo: mask.lo as usize, hi: mask.hi as usize };
        let (lanes, others) = self.split(row, window);
        let source = others.arg(value, window);
        match (mask.row, source) {
            (Some(mask), source) => lanes::blend(lanes, &others.row(mask)[window.lo..window.hi], source),
            (None, Arg::Row(source)) => lanes.copy_from_slice(source),
            (None, Arg::Splat(source)) => lanes.fill(source),
        }
        self.release(value.row);
    }

    /// Calls `visit` with every active lane, in order.
    pub fn active_lanes(&self, mask: &Mask, mut visit: impl FnMut(usize)) {
        match mask.row {
            None => (mask.lo as usize..mask.hi as usize).for_each(visit),
            Some(row) => {
                let row = self.row(row);
                for lane in mask.lo as usize..mask.hi as usize {
                    if row[lane] != 0 {
                        visit(lane);
                    }
                }
            }
        }
    }

    /// The lanes of the mask's row, if it has one.
    pub fn mask_row(&self, mask: &Mask) -> Option<&[u32]> {
        mask.row.map(|row| self.row(row))
    }

    /// Another reference to a mask.
    pub fn share_mask(&mut self, mask: &Mask) -> Mask {
        self.retain(mask.row);
        *mask
    }

    pub fn drop_mask(&mut self, mask: Mask) {
        self.release(mask.row);
    }

    /// The active lanes of `mask` in which `cond` holds, and the others; `None` for no lane.
    pub fn divide(&mut self, mask: &Mask, cond: u32) -> (Option<Mask>, Option<Mask>) {
        match self.shape(cond) {
            Shape::Uniform(0) => (None, Some(self.share_mask(mask))),
            Shape::Uniform(_) => (Some(self.share_mask(mask)), None),
            Shape::Split { at, below } => {
                let low = self.sub_range(mask, mask.lo, at.clamp(mask.lo, mask.hi));
                let high = self.sub_range(mask, at.clamp(mask.lo, mask.hi), mask.hi);
                if below { (low, high) } else { (high, low) }
            }
            _ => self.divide_by_row(mask, cond),
        }
    }

    /// The active lanes of `mask` within `lo..hi`, which lies in the mask's own range.
    fn sub_range(&mut self, mask: &Mask, lo: u32, hi: u32) -> Option<Mask> {
        let mut part = Mask { lo, hi, count: hi - lo, row: mask.row };
        if let Some(row) = mask.row {
            part.count = lanes::count(&self.row(row)[lo as usize..hi as usize]);
        }
        if part.count == 0 {
            return None;
        }
        self.retain(part.row);
        Some(self.tighten(part))
    }

    fn divide_by_row(&mut self, mask: &Mask, cond: u32) -> (Option<Mask>, Option<Mask>) {
        let cond = self.row_of(cond);
        let window = Window { lo: mask.lo as usize, hi: mask.hi as usize };
        let (accepted, count) = match mask.row {
            None => (cond, lanes::count(&self.row(cond)[window.lo..window.hi])),
            Some(active) => {
                let accepted = self.new_row();
                let (lanes, others) = self.split(accepted, window);
                let (active, holds) = (others.row(active), others.row(cond));
                let count = lanes::mask_and(lanes, &active[window.lo..window.hi], &holds[window.lo..window.hi]);
                self.release(Some(cond));
                (accepted, count)
            }
        };
        if count == 0 || count == mask.count {
            self.release(Some(accepted));
            let whole = Some(self.share_mask(mask));
            return if count == 0 { (None, whole) } else { (whole, None) };
        }
        let rejected = self.new_row();
        let (lanes, others) = self.split(rejected, window);
        let accepted_lanes = &others.row(accepted)[window.lo..window.hi];
        match mask.row {
            None => lanes::unary(lanes::UnOp::Not, lanes, accepted_lanes),
            Some(active) => {
                lanes::mask_and_not(lanes, &others.row(active)[window.lo..window.hi], accepted_lanes);
            }
        }
        let accepted = self.tighten(Mask { row: Some(accepted), count, ..*mask });
        let rejected = self.tighten(Mask { row: Some(rejected), count: mask.count - count, ..*mask });
        (Some(accepted), Some(rejected))
    }

    /// Narrows `lo..hi` to the first and the last active lane; drops a row that says no more than that.
    fn tighten(&mut self, mut mask: Mask) -> Mask {
        if let Some(row) = mask.row {
            let lanes = &self.row(row)[mask.lo as usize..mask.hi as usize];
            let first = lanes.iter().position(|lane| *lane != 0).unwrap_or(0) as u32;
            let last = lanes.iter().rposition(|lane| *lane != 0).unwrap_or(0) as u32;
            mask = Mask { lo: mask.lo + first, hi: mask.lo + last + 1, ..mask };
            if mask.count == mask.hi - mask.lo {
                self.release(mask.row);
                mask.row = None;
            }
        }
        mask
    }

    /// The lanes of either mask; they have none in common. Takes over both references.
    pub fn unite(&mut self, a: Mask, b: Mask) -> Mask {
        let (low, high) = if a.lo < b.lo { (a, b) } else { (b, a) };
        if low.is_range() && high.is_range() && low.hi == high.lo {
            return Mask { lo: low.lo, hi: high.hi, count: low.count + high.count, row: None };
        }
        let row = self.new_row();
        let united = Mask { lo: low.lo, hi: low.hi.max(high.hi), count: a.count + b.count, row: Some(row) };
        self.row_mut(row)[united.lo as usize..united.hi as usize].fill(0);
        for part in [low, high] {
            let window = Window { lo: part.lo as usize, hi: part.hi as usize };
            let (lanes, others) = self.split(row, window);
            match part.row {
                None => lanes.fill(!0),
                Some(part) => {
                    lanes::blend(lanes, &others.row(part)[window.lo..window.hi], Arg::Splat(!0));
                }
            }
            self.release(part.row);
        }
        self.tighten(united)
    }
}

fn split_lane(at: u32, below: bool, lane: u32) -> u32 {
    if (lane < at) == below { !0 } else { 0 }
}
