//! Runs a frame: blocks, masks and results.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{
    code::{Block, BlockId, Code, Exit, List, Op, SlotId},
    frame::Frame,
    grid::Grid,
    mask::Mask,
    memory::Memories,
    record::Recorder,
    value::{Slot, ValueForm},
};

/// What a worker keeps from one dispatch to the next, to save allocations.
pub(in crate::exec::cpu) struct Scratch {
    frame: Frame,
    exits: Vec<Mask>,
    moving: Vec<Slot>,
    workgroup: Vec<std::cell::Cell<u32>>,
    private: Vec<u32>,
}

impl Scratch {
    pub fn new() -> Self {
        Scratch {
            frame: Frame::new(),
            exits: Vec::new(),
            moving: Vec::new(),
            workgroup: Vec::new(),
            private: Vec::new(),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.frame.bytes() + 4 * (self.workgroup.len() + self.private.len())
    }
}

/// One worker in a dispatch.
pub(super) struct Machine<'a> {
    pub code: &'a Code,
    pub memories: Memories<'a>,
    pub frame: Frame,
    /// For each label, the lanes that left by a `Break` to it.
    exits: Vec<Mask>,
    /// Values on their way from sources to targets.
    moving: Vec<Slot>,
    grid: &'a Grid,
    /// Not zero once the dispatch has to end.
    stop: &'a AtomicU32,
    /// Whether a unit was left for that reason; its values and masks were left as they were.
    stopped: bool,
    pub recorder: Recorder,
}

impl<'a> Machine<'a> {
    /// A worker for `code` over `grid`, until `stop` is not zero; it has run the prologue.
    pub fn new(
        code: &'a Code,
        grid: &'a Grid,
        mut memories: Memories<'a>,
        scratch: &mut Scratch,
        stop: &'a AtomicU32,
        recorder: Recorder,
    ) -> Self {
        let lanes = grid.lanes as usize;
        let mut frame = std::mem::replace(&mut scratch.frame, Frame::new());
        frame.configure(code.slots as usize, lanes);
        memories.workgroup = std::mem::take(&mut scratch.workgroup);
        memories.private = std::mem::take(&mut scratch.private);
        let mut exits = std::mem::take(&mut scratch.exits);
        exits.clear();
        exits.resize(code.labels as usize, Mask::NONE);
        let moving = std::mem::take(&mut scratch.moving);
        let mut machine = Machine { code, memories, frame, exits, moving, grid, stop, stopped: false, recorder };
        machine.memories.reserve(code, machine.frame.stride());
        for (slot, bits) in &code.consts {
            machine.frame.set(*slot, ValueForm::Uniform(*bits));
        }
        machine.grid.set_constants(code, &mut machine.frame);
        let all = Mask::range_of(0, grid.lanes);
        for inst in &code.prologue {
            machine.simple(inst.op, all);
            machine.kill(inst.kills);
        }
        machine
    }

    /// Gives the memory back for the next dispatch, and what private copies of atomics gathered to their owners.
    pub fn finish(mut self, scratch: &mut Scratch) {
        self.memories.merge_copies();
        scratch.frame = self.frame;
        scratch.exits = self.exits;
        scratch.moving = self.moving;
        scratch.workgroup = self.memories.workgroup;
        scratch.private = self.memories.private;
    }

    /// Runs the lanes of one unit of the grid; whether it came to its end. After one that did not, no other may follow.
    pub fn run(&mut self, unit: u64) -> bool {
        if self.has_to_stop() {
            return false;
        }
        let lanes = self.grid.enter(unit, self.code, &mut self.frame);
        self.memories.enter(self.code);
        self.recorder.enter(unit);
        // The body ends in a return: nothing of its mask comes back.
        self.block(self.code.body, Mask::range_of(0, lanes));
        if self.stopped {
            return false;
        }
        if cfg!(debug_assertions) {
            let inputs = self.code.builtins.iter().filter(|(slot, _)| self.frame.has_row(*slot)).count();
            assert_eq!(inputs, self.frame.rows_in_use(), "a row was not given back");
        }
        true
    }

    fn has_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed) != 0
    }

    fn list(&self, list: List) -> &'a [SlotId] {
        let code = self.code;
        &code.lists[list.start as usize..(list.start + list.len) as usize]
    }

    fn kill(&mut self, list: List) {
        for slot in self.list(list) {
            self.frame.clear(*slot);
        }
    }

    /// Forgets all values of a block that was left before its end.
    fn clear_block(&mut self, block: &Block) {
        for slot in block.first_slot..block.end_slot {
            self.frame.clear(slot);
        }
    }

    /// Runs a block in the lanes of `entry`. Gives the lanes that fall out of its end: `entry` itself, if that is all
    /// of them, else a mask that the caller has to give back. Once the machine has stopped, the answer means nothing.
    fn block(&mut self, id: BlockId, entry: Mask) -> Mask {
        let code = self.code;
        let block = &code.blocks[id.0 as usize];
        let mut mask = entry;
        for inst in &code.insts[block.start as usize..block.end as usize] {
            let rest = match inst.op {
                Op::If { cond, accept, reject, results, escapes } => {
                    self.clear_all(results);
                    self.branch(cond, accept, reject, escapes, mask)
                }
                Op::Loop { label, params, inits, body, results, escapes } => {
                    self.clear_all(results);
                    self.assign(inits, params);
                    self.iterate(label, body, escapes, mask)
                }
                Op::Scope { label, body, results, escapes } => {
                    self.clear_all(results);
                    self.scope(label, body, escapes, mask)
                }
                simple => {
                    self.simple(simple, mask);
                    self.kill(inst.kills);
                    continue;
                }
            };
            if self.stopped {
                return Mask::NONE;
            }
            if rest.count() != mask.count() {
                self.replace(&mut mask, rest, entry);
                if mask.is_none() {
                    self.clear_block(block);
                    return Mask::NONE;
                }
            }
            self.kill(inst.kills);
        }
        match block.exit {
            Exit::Yield { sources, targets } => {
                self.deliver(sources, targets, mask);
                self.kill(block.kills);
            }
            Exit::Again { sources, targets } => {
                self.gather(sources);
                self.kill(block.kills);
                self.scatter(targets);
            }
            Exit::Break { label, sources, targets } => {
                self.deliver(sources, targets, mask);
                self.kill(block.kills);
                let leaving = self.frame.share_mask(mask);
                self.exits[label as usize] = self.frame.union(self.exits[label as usize], leaving);
                self.replace(&mut mask, Mask::NONE, entry);
            }
            Exit::Return => {
                self.kill(block.kills);
                self.replace(&mut mask, Mask::NONE, entry);
            }
        }
        mask
    }

    /// Goes on with fewer lanes; gives back the mask so far, unless it is the caller's.
    fn replace(&mut self, mask: &mut Mask, rest: Mask, entry: Mask) {
        if mask.count() != entry.count() {
            self.frame.drop_mask(*mask);
        }
        *mask = rest;
    }

    fn clear_all(&mut self, list: List) {
        for slot in self.list(list) {
            self.frame.clear(*slot);
        }
    }

    /// Reads all sources before any target is written: they may be the same slots.
    fn gather(&mut self, sources: List) {
        self.moving.clear();
        for source in self.list(sources) {
            let value = self.frame.share(*source);
            self.moving.push(value);
        }
    }

    fn scatter(&mut self, targets: List) {
        for (target, value) in self.list(targets).iter().zip(&self.moving) {
            self.frame.put(*target, *value);
        }
    }

    /// Parameters take new values; lanes that are not active left the loop, so nothing of theirs is kept.
    fn assign(&mut self, sources: List, targets: List) {
        for (source, target) in self.list(sources).iter().zip(self.list(targets)) {
            let value = self.frame.share(*source);
            self.frame.put(*target, value);
        }
    }

    /// Results take the values of the active lanes; other lanes may bring theirs before and after.
    fn deliver(&mut self, sources: List, targets: List, mask: Mask) {
        for (source, target) in self.list(sources).iter().zip(self.list(targets)) {
            let value = self.frame.share(*source);
            self.frame.merge(*target, value, mask);
        }
    }

    /// Runs the sides of a branch; the answer is as that of [`Machine::block`].
    fn branch(&mut self, cond: SlotId, accept: BlockId, reject: BlockId, escapes: bool, mask: Mask) -> Mask {
        match self.frame.shape(cond) {
            ValueForm::Uniform(0) => return self.block(reject, mask),
            ValueForm::Uniform(_) => return self.block(accept, mask),
            _ => {}
        }
        let (accepted, rejected) = self.frame.divide(mask, cond);
        let accepted = self.arm(accept, accepted);
        if self.stopped {
            return Mask::NONE;
        }
        let rejected = self.arm(reject, rejected);
        if !escapes || accepted.count() + rejected.count() == mask.count() {
            self.frame.drop_mask(accepted);
            self.frame.drop_mask(rejected);
            return mask;
        }
        self.frame.union(accepted, rejected)
    }

    /// Runs one side of a branch, or an iteration. Takes over the mask, and gives one that is the caller's.
    fn arm(&mut self, id: BlockId, mask: Mask) -> Mask {
        if mask.is_none() || self.code.blocks[id.0 as usize].is_trivial() {
            return mask;
        }
        let rest = self.block(id, mask);
        if rest.count() != mask.count() {
            self.frame.drop_mask(mask);
        }
        rest
    }

    fn iterate(&mut self, label: u32, body: BlockId, escapes: bool, entry: Mask) -> Mask {
        let outer = std::mem::replace(&mut self.exits[label as usize], Mask::NONE);
        let mut mask = self.frame.share_mask(entry);
        while !mask.is_none() {
            if self.has_to_stop() {
                self.stopped = true;
                return Mask::NONE;
            }
            mask = self.arm(body, mask);
        }
        self.clear_block(&self.code.blocks[body.0 as usize]);
        let left = std::mem::replace(&mut self.exits[label as usize], outer);
        self.after(left, escapes, entry)
    }

    fn scope(&mut self, label: u32, body: BlockId, escapes: bool, entry: Mask) -> Mask {
        let outer = std::mem::replace(&mut self.exits[label as usize], Mask::NONE);
        let entered = self.frame.share_mask(entry);
        let rest = self.arm(body, entered);
        let left = std::mem::replace(&mut self.exits[label as usize], outer);
        if !escapes {
            self.frame.drop_mask(rest);
            self.frame.drop_mask(left);
            return entry;
        }
        let left = self.frame.union(rest, left);
        self.after(left, escapes, entry)
    }

    /// The lanes that go on after a loop or a scope, as an answer of [`Machine::block`].
    fn after(&mut self, left: Mask, escapes: bool, entry: Mask) -> Mask {
        if !escapes || left.count() == entry.count() {
            self.frame.drop_mask(left);
            return entry;
        }
        left
    }

    /// An instruction that does not change which lanes are active.
    fn simple(&mut self, op: Op, mask: Mask) {
        match op {
            Op::Copy { d, a } => {
                let value = self.frame.share(a);
                self.frame.put(d, value);
            }
            Op::Unary { op, d, a } => self.frame.unary(op, d, a, mask),
            Op::Binary { op, d, a, b } => self.frame.binary(op, d, a, b, mask),
            Op::Fma { d, a, b, c } => self.frame.fma(d, a, b, c, mask),
            Op::Select { d, cond, accept, reject } => self.frame.select(d, cond, accept, reject, mask),
            Op::Load { d, access } => self.load(d, &self.code.accesses[access as usize], mask),
            Op::UniformLoad { d, access } => {
                let first = mask.first_lane();
                self.load(d, &self.code.accesses[access as usize], first);
            }
            Op::Clear { memory } => self.clear(memory, mask),
            Op::Store { access, value } => self.store(&self.code.accesses[access as usize], value, mask),
            Op::Length { d, memory } => {
                let length = self.memories.length(memory);
                self.frame.set(d, ValueForm::Uniform(length));
            }
            Op::Atomic { index } => self.atomic(&self.code.atomics[index as usize], mask),
            Op::Subgroup { op, ty, d, a } => self.frame.subgroup(op, ty, d, a, mask),
            Op::Shuffle { d, a, lane } => self.frame.shuffle(d, a, lane, mask),
            Op::If { .. } | Op::Loop { .. } | Op::Scope { .. } => unreachable!("run by `block`"),
        }
    }
}
