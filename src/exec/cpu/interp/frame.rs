//! What a frame of lanes computes with: rows, and the values in them.
//!
//! A *row* holds one 32-bit value per lane. Rows are counted references into a pool and never change once
//! written, save where [`Frame::merge`] owns the only reference. The pool gives back the row that was released
//! last, so the rows in use stay in the first-level cache.

use super::{
    lanes::{self, Arg},
    mask::{LINE, Mask, Window},
    value::{Row, Slot, ValueForm},
};
use crate::exec::cpu::shared_mem::CacheLine;

/// The slots and rows of a frame. Reused from frame to frame.
pub(super) struct Frame {
    tags: Vec<u32>,
    data: Vec<u64>,
    lines: Vec<CacheLine>,
    /// Lanes of a row, a multiple of `LINE`.
    stride: usize,
    counts: Vec<u32>,
    free: Vec<Row>,
}

/// All rows but one.
#[derive(Clone, Copy)]
pub(super) struct OtherRows<'a> {
    before: &'a [u32],
    after: &'a [u32],
    stride: usize,
    row: usize,
}

impl<'a> OtherRows<'a> {
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
        match (slot.shape(), slot.row()) {
            (ValueForm::Uniform(value), _) => Arg::Splat(value),
            (_, Some(row)) => Arg::Row(&self.row(row)[window.lo..window.hi]),
            (_, None) => Arg::Splat(0),
        }
    }
}

impl Frame {
    pub fn new() -> Self {
        Frame {
            tags: Vec::new(),
            data: Vec::new(),
            lines: Vec::new(),
            stride: LINE,
            counts: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Makes room for `slots` values of `lanes` lanes; forgets everything.
    pub fn configure(&mut self, slots: usize, lanes: usize) {
        self.tags.clear();
        self.tags.resize(slots, Slot::UNSET.tag);
        self.data.clear();
        self.data.resize(slots, Slot::UNSET.data);
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
        self.lines.len() * size_of::<CacheLine>()
    }

    /// A row with one reference; its contents are left over.
    pub fn new_row(&mut self) -> Row {
        if self.free.is_empty() {
            let first = self.counts.len() as u32;
            let more = 8;
            self.counts.resize(self.counts.len() + more, 0);
            self.lines.resize(self.counts.len() * (self.stride / LINE), CacheLine([0; LINE]));
            self.free.extend((first..first + more as u32).rev().map(Row));
        }
        let row = self.free.pop().expect("rows were just added");
        self.counts[row.0 as usize] = 1;
        row
    }

    #[inline(always)]
    pub fn retain(&mut self, row: Option<Row>) {
        if let Some(row) = row {
            self.counts[row.0 as usize] += 1;
        }
    }

    #[inline(always)]
    pub fn release(&mut self, row: Option<Row>) {
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
    pub fn split(&mut self, row: Row, window: Window) -> (&mut [u32], OtherRows<'_>) {
        let (index, stride) = (row.0 as usize, self.stride);
        let (before, rest) = bytemuck::cast_slice_mut(&mut self.lines).split_at_mut(index * stride);
        let (row, after) = rest.split_at_mut(stride);
        (&mut row[window.lo..window.hi], OtherRows { before, after, stride, row: index })
    }

    /// The shape of a slot.
    pub fn shape(&self, slot: u32) -> ValueForm {
        self.slot(slot).shape()
    }

    #[inline(always)]
    pub fn slot(&self, slot: u32) -> Slot {
        Slot { tag: self.tags[slot as usize], data: self.data[slot as usize] }
    }

    /// Writes a slot without a look at what it held.
    #[inline(always)]
    fn write(&mut self, slot: u32, value: Slot) {
        self.tags[slot as usize] = value.tag;
        self.data[slot as usize] = value.data;
    }

    pub fn has_row(&self, slot: u32) -> bool {
        self.slot(slot).row().is_some()
    }

    /// The value of `slot` in one lane.
    pub fn lane(&self, slot: u32, lane: usize) -> u32 {
        let slot = self.slot(slot);
        match (slot.shape(), slot.row()) {
            (ValueForm::Row, Some(row)) => self.row(row)[lane],
            _ => slot.lane(lane as u32),
        }
    }

    /// `slot` as an operand within `window`.
    pub fn slot_arg(&self, slot: u32, window: Window) -> Arg<'_> {
        let slot = self.slot(slot);
        match (slot.shape(), slot.row()) {
            (ValueForm::Uniform(value), _) => Arg::Splat(value),
            (_, Some(row)) => Arg::Row(&self.row(row)[window.lo..window.hi]),
            (_, None) => Arg::Splat(0),
        }
    }

    /// Gives `slot` a shape that needs no row.
    pub fn set(&mut self, slot: u32, shape: ValueForm) {
        self.put(slot, Slot::new(shape, None));
    }

    /// Gives `slot` a row; takes over the reference.
    pub fn set_row(&mut self, slot: u32, row: Row) {
        self.put(slot, Slot::new(ValueForm::Row, Some(row)));
    }

    /// Puts a value, whose reference it takes over, in place of the old one.
    pub fn put(&mut self, slot: u32, value: Slot) {
        let old = self.slot(slot).row();
        self.write(slot, value);
        self.release(old);
    }

    /// The value of `slot` with a reference of its own.
    pub fn share(&mut self, slot: u32) -> Slot {
        let value = self.slot(slot);
        self.retain(value.row());
        value
    }

    /// Forgets `slot`.
    pub fn clear(&mut self, slot: u32) {
        let old = self.slot(slot).row();
        self.tags[slot as usize] = Slot::UNSET.tag;
        self.release(old);
    }

    /// A row that holds the value of `slot`, kept with it. A uniform value gets none by this: operands take it
    /// as it is (see [`OtherRows::arg`]).
    pub fn materialise(&mut self, slot: u32) {
        let value = self.slot(slot);
        if value.row().is_none() && !matches!(value.shape(), ValueForm::Uniform(_) | ValueForm::Unset) {
            let row = self.new_row();
            self.expand_into(row, value);
            self.write(slot, Slot::new(value.shape(), Some(row)));
        }
    }

    /// A row that holds the value of `slot` whatever its shape; the caller gets a reference.
    pub fn row_of(&mut self, slot: u32) -> Row {
        self.materialise(slot);
        let value = self.slot(slot);
        if let Some(row) = value.row() {
            self.retain(Some(row));
            return row;
        }
        let row = self.new_row();
        self.expand_into(row, value);
        row
    }

    /// Gives a reference back.
    pub fn drop_row(&mut self, row: Row) {
        self.release(Some(row));
    }

    /// Writes a value that has no row to all lanes of one.
    fn expand_into(&mut self, row: Row, value: Slot) {
        let lanes = self.row_mut(row);
        match value.shape() {
            ValueForm::Ramp { base, step } => lanes::ramp(lanes, base, step),
            ValueForm::Split { at, .. } => {
                let at = (at as usize).min(lanes.len());
                lanes[..at].fill(value.lane(0));
                lanes[at..].fill(value.lane(u32::MAX));
            }
            ValueForm::Uniform(_) | ValueForm::Unset | ValueForm::Row => lanes.fill(value.lane(0)),
        }
    }

    /// Gives the lanes of `mask` in `slot` the value of `value`, whose reference it takes over. Before the first
    /// such value reaches it, the slot is unset, and takes the value as it is.
    pub fn merge(&mut self, slot: u32, value: Slot, mask: Mask) {
        let old = self.slot(slot);
        if old.shape() == ValueForm::Unset {
            return self.write(slot, value);
        }
        if old.shape() == value.shape() && (old.row() == value.row() || old.shape() != ValueForm::Row) {
            return self.release(value.row());
        }
        let row = match old.row() {
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
                self.expand_into(row, old);
                row
            }
        };
        self.write(slot, Slot::new(ValueForm::Row, Some(row)));
        // The new value as an operand.
        let mut value = value;
        if value.row().is_none() && !matches!(value.shape(), ValueForm::Uniform(_)) {
            let expanded = self.new_row();
            self.expand_into(expanded, value);
            value = Slot::new(value.shape(), Some(expanded));
        }
        let window = mask.range();
        let (lanes, others) = self.split(row, window);
        let source = others.arg(value, window);
        match (mask.row(), source) {
            (Some(mask), source) => lanes::blend(lanes, &others.row(mask)[window.lo..window.hi], source),
            (None, Arg::Row(source)) => lanes.copy_from_slice(source),
            (None, Arg::Splat(source)) => lanes.fill(source),
        }
        self.release(value.row());
    }
}
