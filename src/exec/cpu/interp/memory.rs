//! Loads and stores.
//!
//! Every access goes through [`Machine::locate`], which finds the elements that the active lanes touch, and in
//! tests records them.

use std::cell::Cell;

use super::{
    atomics::Copies,
    code::{Access, Code, MemoryLocation},
    frame::Frame,
    lanes::{self, Arg, OUTSIDE},
    machine::Machine,
    mask::Mask,
    shapes::RampRange,
    units::{self, Read, Write},
    value::{Row, ValueForm},
};
use crate::exec::cpu::shared_mem::SharedMem;

/// The memories of a dispatch, as one worker sees them.
pub(super) struct Memories<'a> {
    /// One for each memory of the program that is a binding.
    pub bindings: &'a [Option<SharedMem<'a>>],
    /// Bytes of each memory.
    pub bytes: &'a [u64],
    /// Elements of the runtime-sized array of each memory.
    pub lengths: &'a [u32],
    pub copies: Copies<'a>,
    pub workgroup: Vec<Cell<u32>>,
    /// Word by word, the lanes of each word side by side.
    pub private: Vec<u32>,
    /// Lanes of a row of private memory.
    pub stride: usize,
}

impl Memories<'_> {
    pub fn length(&self, memory: u32) -> u32 {
        self.lengths[memory as usize]
    }

    pub fn reserve(&mut self, code: &Code, stride: usize) {
        self.stride = stride;
        self.workgroup.resize((code.workgroup_bytes / 4) as usize, Cell::new(0));
        self.private.resize((code.private_bytes / 4) as usize * stride, 0);
    }

    /// Zeroes what a workgroup and its lanes start with.
    pub fn enter(&mut self, code: &Code) {
        if code.workgroup_bytes > 0 {
            self.workgroup.fill(Cell::new(0));
        }
        if code.private_bytes > 0 {
            self.private.fill(0);
        }
    }

    pub fn merge_copies(&mut self) {
        self.copies.merge();
    }
}

/// Which elements the lanes of an access touch.
#[derive(Clone, Copy)]
pub(super) enum Elements {
    /// None: every lane is out of bounds.
    Outside,
    /// All the same one.
    Same(usize),
    /// `first + (lane - lo) * step`, all inside.
    Steps { first: usize, step: isize },
    /// Each lane its own, if below `limit`: the row holds their numbers.
    Row { row: Row, limit: usize },
}

impl<'a> Machine<'a> {
    /// The elements that the lanes of `mask` touch. A row in the answer is the caller's to give back.
    pub fn locate(&mut self, access: &Access, mask: Mask) -> Elements {
        let elements = self.find(access, mask);
        self.recorder.note(access.id, access.bytes(), &self.frame, elements, mask);
        elements
    }

    fn find(&mut self, access: &Access, mask: Mask) -> Elements {
        let size = access.bytes();
        let bytes = self.memories.bytes[access.memory as usize];
        if let Some(found) = self.locate_affine(access, mask, size, bytes) {
            return found;
        }
        // Element numbers fit the lanes: a memory has at most 2^32 - 2 elements (checked when it was bound).
        let unit_bits = size.trailing_zeros();
        let count = (bytes >> unit_bits).min(u64::from(OUTSIDE)) as usize;
        let bound = |frame: &Self, bound: Option<u32>| bound.unwrap_or(frame.memories.length(access.memory));
        if let [term] = &access.terms[..]
            && term.stride == size
            && access.offset == 0
        {
            let limit = count.min(bound(self, term.bound) as usize);
            return Elements::Row { row: self.frame.row_of(term.index), limit };
        }
        for term in &access.terms {
            self.frame.materialise(term.index);
        }
        let row = self.frame.new_row();
        let window = mask.window();
        for (number, term) in access.terms.iter().enumerate() {
            let first = (number == 0).then_some(access.offset >> unit_bits);
            let bound = bound(self, term.bound);
            let index = self.frame.slot(term.index);
            let (d, others) = self.frame.split(row, window);
            lanes::index_term(d, first, others.arg(index, window), term.stride >> unit_bits, bound);
        }
        Elements::Row { row, limit: count }
    }

    /// The elements, where they are the same or at even steps in all lanes and inside.
    fn locate_affine(&self, access: &Access, mask: Mask, size: u32, bytes: u64) -> Option<Elements> {
        let mut first = u64::from(access.offset);
        let mut step = 0i64;
        for term in &access.terms {
            let bound = term.bound.unwrap_or(self.memories.length(access.memory));
            let stride = u64::from(term.stride);
            match self.frame.shape(term.index) {
                ValueForm::Uniform(index) if index < bound => first = first.checked_add(u64::from(index) * stride)?,
                ValueForm::Uniform(_) => return Some(Elements::Outside),
                ValueForm::Ramp { base, step: by } => {
                    let line = RampRange::unsigned(base, by, mask.lo() as usize, mask.hi() as usize)?;
                    if line.first.max(line.last) >= i64::from(bound) {
                        return None;
                    }
                    first = first.checked_add(line.first as u64 * stride)?;
                    step = step.checked_add(i64::from(by as i32).checked_mul(stride as i64)?)?;
                }
                ValueForm::Unset | ValueForm::Split { .. } | ValueForm::Row => return None,
            }
        }
        let last = i64::try_from(first).ok()?.checked_add(step.checked_mul(i64::from(mask.hi() - mask.lo() - 1))?)?;
        let highest = first.max(u64::try_from(last).ok()?);
        if highest + u64::from(size) > bytes {
            return if step == 0 { Some(Elements::Outside) } else { None };
        }
        let first = (first / u64::from(size)) as usize;
        Some(match step {
            0 => Elements::Same(first),
            _ => Elements::Steps { first, step: (step / i64::from(size)) as isize },
        })
    }

    pub fn load(&mut self, d: u32, access: &Access, mask: Mask) {
        let elements = self.locate(access, mask);
        match self.code.memories[access.memory as usize].place {
            MemoryLocation::Binding(_) | MemoryLocation::Constant => {
                match (self.memories.bindings[access.memory as usize], access.half) {
                    (Some(SharedMem::Fixed(memory)), false) => {
                        load(&mut self.frame, d, elements, mask, memory.words());
                    }
                    (Some(SharedMem::Fixed(memory)), true) => load(&mut self.frame, d, elements, mask, memory.halves()),
                    (Some(SharedMem::Racy(memory)), false) => load(&mut self.frame, d, elements, mask, memory.words()),
                    (Some(SharedMem::Racy(memory)), true) => load(&mut self.frame, d, elements, mask, memory.halves()),
                    (None, _) => self.frame.set(d, ValueForm::Uniform(0)),
                }
            }
            MemoryLocation::Workgroup { first, words } => {
                let memory = &self.memories.workgroup[first as usize..(first + words) as usize];
                load(&mut self.frame, d, elements, mask, memory);
            }
            MemoryLocation::Private { first, words } => {
                let stride = self.memories.stride;
                let range = first as usize * stride..(first + words) as usize * stride;
                load_private(&mut self.frame, d, elements, mask, &self.memories.private[range], stride);
            }
        }
        self.release(elements);
    }

    pub fn store(&mut self, access: &Access, value: u32, mask: Mask) {
        let elements = self.locate(access, mask);
        self.frame.materialise(value);
        match self.code.memories[access.memory as usize].place {
            MemoryLocation::Binding(_) | MemoryLocation::Constant => {
                match (self.memories.bindings[access.memory as usize], access.half) {
                    (Some(SharedMem::Racy(memory)), false) => store(&self.frame, elements, value, mask, memory.words()),
                    (Some(SharedMem::Racy(memory)), true) => store(&self.frame, elements, value, mask, memory.halves()),
                    // Nobody writes what is bound for reading: validation saw to it.
                    (Some(SharedMem::Fixed(_)) | None, _) => {}
                }
            }
            MemoryLocation::Workgroup { first, words } => {
                let memory = &self.memories.workgroup[first as usize..(first + words) as usize];
                store(&self.frame, elements, value, mask, memory);
            }
            MemoryLocation::Private { first, words } => {
                let stride = self.memories.stride;
                let range = first as usize * stride..(first + words) as usize * stride;
                let memory = &mut self.memories.private[range];
                store_private(&self.frame, elements, value, mask, memory, stride);
            }
        }
        self.release(elements);
    }

    /// Zeroes a private memory in the active lanes.
    pub fn clear(&mut self, memory: u32, mask: Mask) {
        let MemoryLocation::Private { first, words } = self.code.memories[memory as usize].place else { return };
        let stride = self.memories.stride;
        let range = mask.range();
        let active = self.frame.mask_row(mask).map(|active| &active[range.lo..range.hi]);
        for word in first as usize..(first + words) as usize {
            let lanes = &mut self.memories.private[word * stride + range.lo..word * stride + range.hi];
            match active {
                Some(active) => lanes::blend(lanes, active, Arg::Splat(0)),
                None => lanes.fill(0),
            }
        }
    }

    pub fn release(&mut self, elements: Elements) {
        if let Elements::Row { row, .. } = elements {
            self.frame.drop_row(row);
        }
    }
}

fn load<U: Read>(frame: &mut Frame, d: u32, elements: Elements, mask: Mask, units: U) {
    let range = mask.range();
    match elements {
        Elements::Outside => frame.set(d, ValueForm::Uniform(0)),
        Elements::Same(index) => frame.set(d, ValueForm::Uniform(units.get(index))),
        Elements::Steps { first, step } => {
            let row = frame.new_row();
            let (result, _) = frame.split(row, range);
            if step == 1 {
                units.read(first, result);
            } else {
                let mut index = first;
                for result in result {
                    *result = units.get(index);
                    index = index.wrapping_add_signed(step);
                }
            }
            frame.set_row(d, row);
        }
        Elements::Row { row: index, limit } => {
            let row = frame.new_row();
            let (result, others) = frame.split(row, range);
            units::gather(result, &others.row(index)[range.lo..range.hi], limit, units);
            frame.set_row(d, row);
        }
    }
}

fn store<U: Write>(frame: &Frame, elements: Elements, value: u32, mask: Mask, units: U) {
    let range = mask.range();
    let active = frame.mask_row(mask).map(|active| &active[range.lo..range.hi]);
    match (elements, frame.slot_arg(value, range)) {
        (Elements::Outside, _) => {}
        // Any lane may win: the last one does.
        (Elements::Same(index), _) => units.set(index, frame.lane(value, range.hi - 1)),
        (Elements::Steps { first, step: 1 }, Arg::Row(row)) if active.is_none() => units.write(first, row),
        (Elements::Steps { first, step }, Arg::Row(row)) => {
            units::write_steps(units, first, step, active, row.iter().copied());
        }
        (Elements::Steps { first, step }, Arg::Splat(same)) => {
            units::write_steps(units, first, step, active, std::iter::repeat_n(same, range.hi - range.lo));
        }
        (Elements::Row { row: index, limit }, value) => {
            let index = &frame.row(index)[range.lo..range.hi];
            match value {
                Arg::Row(row) => units::scatter(units, index, limit, active, |lane| row[lane], Some(row)),
                Arg::Splat(same) => units::scatter(units, index, limit, active, |_| same, None),
            }
        }
    }
}

/// The element number of a lane; `None` outside.
pub(super) fn element(frame: &Frame, elements: Elements, lo: usize, lane: usize) -> Option<usize> {
    match elements {
        Elements::Outside => None,
        Elements::Same(index) => Some(index),
        Elements::Steps { first, step } => Some(first.wrapping_add_signed(step.wrapping_mul((lane - lo) as isize))),
        Elements::Row { row, limit } => Some(frame.row(row)[lane] as usize).filter(|index| *index < limit),
    }
}

fn load_private(frame: &mut Frame, d: u32, elements: Elements, mask: Mask, private: &[u32], stride: usize) {
    let range = mask.range();
    if let Elements::Outside = elements {
        return frame.set(d, ValueForm::Uniform(0));
    }
    let row = frame.new_row();
    if let Elements::Same(word) = elements {
        let source = &private[word * stride + range.lo..word * stride + range.hi];
        frame.split(row, range).0.copy_from_slice(source);
    } else {
        for lane in range.lo..range.hi {
            let value = match element(frame, elements, range.lo, lane) {
                Some(index) => private[index * stride + lane],
                None => 0,
            };
            frame.row_mut(row)[lane] = value;
        }
    }
    frame.set_row(d, row);
}

fn store_private(frame: &Frame, elements: Elements, value: u32, mask: Mask, private: &mut [u32], stride: usize) {
    let range = mask.range();
    match elements {
        Elements::Same(word) => {
            let d = &mut private[word * stride + range.lo..word * stride + range.hi];
            let source = frame.slot_arg(value, range);
            match (frame.mask_row(mask), source) {
                (Some(mask), source) => lanes::blend(d, &mask[range.lo..range.hi], source),
                (None, Arg::Row(row)) => d.copy_from_slice(row),
                (None, Arg::Splat(value)) => d.fill(value),
            }
        }
        _ => frame.active_lanes(mask, |lane| {
            let Some(index) = element(frame, elements, range.lo, lane) else { return };
            private[index * stride + lane] = frame.lane(value, lane);
        }),
    }
}
