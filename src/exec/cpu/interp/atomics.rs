//! Atomic read-modify-writes.
//!
//! On storage they are relaxed atomics of the host. One thread runs a workgroup, so on workgroup memory they
//! are plain. Where a memory is only ever added to (or only the minimum taken, and so on) and nobody reads the
//! old values, each worker gathers in a copy of its own, and the copies are merged at the end.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use super::{
    code::{AtomicInst, Code, MemoryLocation},
    machine::Machine,
    mask::Mask,
    memory::Elements,
    value::ValueForm,
};
use crate::{
    access::Merge,
    exec::cpu::{accumulate, shared_mem::SharedMem},
    ir::AtomicFun,
};

/// The private copies of one worker.
pub(super) struct Copies<'a> {
    copies: Vec<Option<WorkerCopy<'a>>>,
}

struct WorkerCopy<'a> {
    accumulate: Merge,
    words: Vec<u32>,
    target: &'a [AtomicU32],
}

fn update(word: &AtomicU32, mut new: impl FnMut(u32) -> u32) -> u32 {
    let mut old = word.load(Relaxed);
    while let Err(now) = word.compare_exchange_weak(old, new(old), Relaxed, Relaxed) {
        old = now;
    }
    old
}

impl<'a> Copies<'a> {
    /// Copies of the memories that gain from them in a dispatch of so many invocations.
    pub fn new(code: &Code, bindings: &[Option<SharedMem<'a>>], invocations: u64) -> Self {
        let copy = |(index, binding): (usize, &Option<SharedMem<'a>>)| {
            let accumulates = code.memories[index].accumulates?;
            let Some(SharedMem::Racy(memory)) = binding else { return None };
            let target = memory.words();
            if !accumulate::pays(target.len() as u64, invocations) {
                return None;
            }
            Some(WorkerCopy { accumulate: accumulates, words: vec![accumulates.identity(); target.len()], target })
        };
        Copies { copies: bindings.iter().enumerate().map(copy).collect() }
    }

    /// Adds what the copies gathered to the memories.
    pub fn merge(&mut self) {
        for copy in self.copies.iter_mut().flatten() {
            copy.accumulate.merge(&copy.words, copy.target);
            copy.words.fill(copy.accumulate.identity());
        }
    }
}

/// The value that `fun` leaves behind.
fn outcome(fun: AtomicFun, signed: bool, old: u32, value: u32, compare: u32) -> u32 {
    match (fun, signed) {
        (AtomicFun::Add, _) => old.wrapping_add(value),
        (AtomicFun::Sub, _) => old.wrapping_sub(value),
        (AtomicFun::And, _) => old & value,
        (AtomicFun::Or, _) => old | value,
        (AtomicFun::Xor, _) => old ^ value,
        (AtomicFun::Min, true) => (old as i32).min(value as i32) as u32,
        (AtomicFun::Min, false) => old.min(value),
        (AtomicFun::Max, true) => (old as i32).max(value as i32) as u32,
        (AtomicFun::Max, false) => old.max(value),
        (AtomicFun::AddFloat, _) => (f32::from_bits(old) + f32::from_bits(value)).to_bits(),
        (AtomicFun::Exchange | AtomicFun::Store, _) => value,
        (AtomicFun::CompareExchange, _) => {
            if old == compare {
                value
            } else {
                old
            }
        }
        (AtomicFun::Load, _) => old,
    }
}

/// One operation on a word that other threads may be working on.
fn shared(fun: AtomicFun, signed: bool, word: &AtomicU32, value: u32, compare: u32) -> u32 {
    match fun {
        AtomicFun::Add => word.fetch_add(value, Relaxed),
        AtomicFun::Sub => word.fetch_sub(value, Relaxed),
        AtomicFun::And => word.fetch_and(value, Relaxed),
        AtomicFun::Or => word.fetch_or(value, Relaxed),
        AtomicFun::Xor => word.fetch_xor(value, Relaxed),
        AtomicFun::Exchange => word.swap(value, Relaxed),
        AtomicFun::CompareExchange => match word.compare_exchange(compare, value, Relaxed, Relaxed) {
            Ok(old) | Err(old) => old,
        },
        _ => update(word, |old| outcome(fun, signed, old, value, compare)),
    }
}

fn plain(fun: AtomicFun, signed: bool, word: &Cell<u32>, value: u32, compare: u32) -> u32 {
    let old = word.get();
    word.set(outcome(fun, signed, old, value, compare));
    old
}

impl<'a> Machine<'a> {
    /// Runs an atomic, lane after lane.
    pub fn atomic(&mut self, inst: &AtomicInst, mask: Mask) {
        let access = &self.code.accesses[inst.access as usize];
        let elements = self.locate(access, mask);
        self.frame.materialise(inst.value);
        if let Some(compare) = inst.compare {
            self.frame.materialise(compare);
        }
        let memory = access.memory as usize;
        match inst.accumulate {
            Some(accumulate) => self.accumulate(accumulate, inst, elements, mask, memory),
            None => self.read_modify_write(inst, elements, mask, memory),
        }
        self.release(elements);
    }

    /// Calls `visit` with the lane and the element of every active lane that is in bounds.
    #[inline(always)]
    fn visit(&self, elements: Elements, mask: Mask, mut visit: impl FnMut(usize, usize)) {
        match elements {
            Elements::Outside => {}
            Elements::Same(index) => self.frame.active_lanes(mask, |lane| visit(lane, index)),
            Elements::Steps { first, step } => self.frame.active_lanes(mask, |lane| {
                let steps = (lane - mask.lo() as usize) as isize;
                visit(lane, first.wrapping_add_signed(step.wrapping_mul(steps)));
            }),
            Elements::Row { row, limit } => {
                let index = self.frame.row(row);
                self.frame.active_lanes(mask, |lane| {
                    if (index[lane] as usize) < limit {
                        visit(lane, index[lane] as usize);
                    }
                });
            }
        }
    }

    fn accumulate(&mut self, accumulate: Merge, inst: &AtomicInst, elements: Elements, mask: Mask, memory: usize) {
        let negate = inst.fun == AtomicFun::Sub;
        let value = |machine: &Self, lane: usize| {
            let value = machine.frame.lane(inst.value, lane);
            if negate { value.wrapping_neg() } else { value }
        };
        // Lanes that meet in one element meet here first.
        if let Elements::Same(index) = elements {
            let mut sum = accumulate.identity();
            self.frame.active_lanes(mask, |lane| sum = accumulate.combine(sum, value(self, lane)));
            return self.accumulate_one(accumulate, index, sum, memory);
        }
        let mut copy = self.memories.copies.copies[memory].take();
        if let Some(gathered) = &mut copy {
            let words = &mut gathered.words[..];
            // The usual case, a histogram, deserves a loop without choices.
            if let (Merge::Add, ValueForm::Uniform(value)) = (accumulate, self.frame.shape(inst.value)) {
                let value = if negate { value.wrapping_neg() } else { value };
                self.visit(elements, mask, |_, index| words[index] = words[index].wrapping_add(value));
            } else {
                self.visit(elements, mask, |lane, index| {
                    words[index] = accumulate.combine(words[index], value(self, lane));
                });
            }
            self.memories.copies.copies[memory] = copy;
            return;
        }
        match self.target(memory) {
            Target::Shared(words) => {
                self.visit(elements, mask, |lane, index| accumulate.apply(&words[index], value(self, lane)));
            }
            Target::Plain(first, words) => {
                let words = &self.memories.workgroup[first..first + words];
                self.visit(elements, mask, |lane, index| {
                    words[index].set(accumulate.combine(words[index].get(), value(self, lane)));
                });
            }
            Target::None => {}
        }
    }

    fn accumulate_one(&mut self, accumulate: Merge, index: usize, value: u32, memory: usize) {
        if let Some(copy) = &mut self.memories.copies.copies[memory] {
            copy.words[index] = accumulate.combine(copy.words[index], value);
            return;
        }
        match self.target(memory) {
            Target::Shared(words) => accumulate.apply(&words[index], value),
            Target::Plain(first, _) => {
                let word = &self.memories.workgroup[first + index];
                word.set(accumulate.combine(word.get(), value));
            }
            Target::None => {}
        }
    }

    fn read_modify_write(&mut self, inst: &AtomicInst, elements: Elements, mask: Mask, memory: usize) {
        let result = inst.d.map(|_| self.frame.new_row());
        if let Some(row) = result {
            self.frame.row_mut(row).fill(0);
        }
        let target = self.target(memory);
        let (lo, hi) = (mask.lo() as usize, mask.hi() as usize);
        for lane in lo..hi {
            if self.frame.mask_row(mask).is_some_and(|mask| mask[lane] == 0) {
                continue;
            }
            let index = match elements {
                Elements::Outside => continue,
                Elements::Same(index) => index,
                Elements::Steps { first, step } => first.wrapping_add_signed(step * (lane - lo) as isize),
                Elements::Row { row, limit } => match self.frame.row(row)[lane] as usize {
                    index if index < limit => index,
                    _ => continue,
                },
            };
            let value = self.frame.lane(inst.value, lane);
            let compare = inst.compare.map_or(0, |compare| self.frame.lane(compare, lane));
            let old = match target {
                Target::Shared(words) => shared(inst.fun, inst.signed, &words[index], value, compare),
                Target::Plain(first, _) => {
                    plain(inst.fun, inst.signed, &self.memories.workgroup[first + index], value, compare)
                }
                Target::None => 0,
            };
            if let Some(row) = result {
                self.frame.row_mut(row)[lane] = old;
            }
        }
        if let (Some(d), Some(row)) = (inst.d, result) {
            self.frame.set_row(d, row);
        }
    }

    fn target(&self, memory: usize) -> Target<'a> {
        match (self.code.memories[memory].place, self.memories.bindings[memory]) {
            (MemoryLocation::Binding(_), Some(SharedMem::Racy(shared))) => Target::Shared(shared.words()),
            (MemoryLocation::Workgroup { first, words }, _) => Target::Plain(first as usize, words as usize),
            // Validation lets atomics stand in memory that can be written and is shared only.
            _ => Target::None,
        }
    }
}

#[derive(Clone, Copy)]
enum Target<'a> {
    Shared(&'a [AtomicU32]),
    /// Words of workgroup memory, from the first one on.
    Plain(usize, usize),
    None,
}
