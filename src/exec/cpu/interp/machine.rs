//! Runs a frame: blocks, masks and results.

use super::{
    code::{Block, BlockId, Code, Exit, List, Op, SlotId},
    frame::{Frame, Mask, Shape, Slot},
    grid::Grid,
    memory::Memories,
};

/// What is left of the lanes that entered a block.
enum Flow {
    /// All that entered fell out of the end.
    All,
    /// These did.
    Some(Mask),
    /// None did.
    None,
}

/// What a worker keeps from one dispatch to the next, to save allocations.
pub(in crate::exec::cpu) struct Scratch {
    frame: Frame,
    exits: Vec<Option<Mask>>,
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
    exits: Vec<Option<Mask>>,
    /// Values on their way from sources to targets.
    moving: Vec<Slot>,
    grid: &'a Grid,
}

impl<'a> Machine<'a> {
    /// A worker for `code` over `grid`; it has run the prologue.
    pub fn new(code: &'a Code, grid: &'a Grid, mut memories: Memories<'a>, scratch: &mut Scratch) -> Self {
        let lanes = grid.lanes as usize;
        let mut frame = std::mem::replace(&mut scratch.frame, Frame::new());
        frame.configure(code.slots as usize, lanes);
        memories.workgroup = std::mem::take(&mut scratch.workgroup);
        memories.private = std::mem::take(&mut scratch.private);
        let mut exits = std::mem::take(&mut scratch.exits);
        exits.clear();
        exits.resize(code.labels as usize, None);
        let moving = std::mem::take(&mut scratch.moving);
        let mut machine = Machine { code, memories, frame, exits, moving, grid };
        machine.memories.reserve(code, machine.frame.stride());
        for (slot, bits) in &code.consts {
            machine.frame.set(*slot, Shape::Uniform(*bits));
        }
        machine.grid.set_constants(code, &mut machine.frame);
        let all = Mask::all(grid.lanes);
        for inst in &code.prologue {
            machine.simple(inst.op, &all);
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

    /// Runs the lanes of one unit of the grid.
    pub fn run(&mut self, unit: u64) {
        let lanes = self.grid.enter(unit, self.code, &mut self.frame);
        self.memories.enter(self.code);
        let mask = Mask::all(lanes);
        if let Flow::Some(rest) = self.block(self.code.body, &mask) {
            self.frame.drop_mask(rest);
        }
        if cfg!(debug_assertions) {
            let inputs = self.code.builtins.iter().filter(|(slot, _)| self.frame.has_row(*slot)).count();
            assert_eq!(inputs, self.frame.rows_in_use(), "a row was not given back");
        }
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
    fn sweep(&mut self, block: &Block) {
        for slot in block.first_slot..block.end_slot {
            self.frame.clear(slot);
        }
    }

    fn block(&mut self, id: BlockId, entry: &Mask) -> Flow {
        let code = self.code;
        let block = &code.blocks[id.0 as usize];
        let mut mask = *entry;
        // Whether `mask` is no longer the caller's.
        let mut narrowed = false;
        for inst in &code.insts[block.start as usize..block.end as usize] {
            let flow = match inst.op {
                Op::If { cond, accept, reject, results, escapes } => {
                    self.clear_all(results);
                    self.branch(cond, accept, reject, escapes, &mask)
                }
                Op::Loop { label, params, inits, body, results, escapes } => {
                    self.clear_all(results);
                    self.assign(inits, params);
                    self.iterate(label, body, escapes, &mask)
                }
                Op::Scope { label, body, results, escapes } => {
                    self.clear_all(results);
                    self.scope(label, body, escapes, &mask)
                }
                simple => {
                    self.simple(simple, &mask);
                    Flow::All
                }
            };
            match flow {
                Flow::All => {}
                Flow::Some(rest) => {
                    if narrowed {
                        self.frame.drop_mask(mask);
                    }
                    (mask, narrowed) = (rest, true);
                }
                Flow::None => {
                    if narrowed {
                        self.frame.drop_mask(mask);
                    }
                    self.sweep(block);
                    return Flow::None;
                }
            }
            self.kill(inst.kills);
        }
        match block.exit {
            Exit::Yield { sources, targets } => self.deliver(sources, targets, &mask),
            Exit::Again { sources, targets } => {
                let mut moving = self.gather(sources);
                self.kill(block.kills);
                for (target, value) in self.list(targets).iter().zip(moving.drain(..)) {
                    self.frame.put(*target, value);
                }
                self.moving = moving;
                return if narrowed { Flow::Some(mask) } else { Flow::All };
            }
            Exit::Break { label, sources, targets } => {
                self.deliver(sources, targets, &mask);
                let leaving = self.frame.share_mask(&mask);
                self.leave(label, leaving);
            }
            Exit::Return => {}
        }
        self.kill(block.kills);
        match block.exit {
            Exit::Yield { .. } if narrowed => Flow::Some(mask),
            Exit::Yield { .. } => Flow::All,
            _ => {
                if narrowed {
                    self.frame.drop_mask(mask);
                }
                Flow::None
            }
        }
    }

    fn clear_all(&mut self, list: List) {
        for slot in self.list(list) {
            self.frame.clear(*slot);
        }
    }

    /// Reads all sources before any target is written: they may be the same slots.
    fn gather(&mut self, sources: List) -> Vec<Slot> {
        let mut moving = std::mem::take(&mut self.moving);
        moving.clear();
        for source in self.list(sources) {
            moving.push(self.frame.share(*source));
        }
        moving
    }

    /// Parameters take new values; lanes that are not active left the loop, so nothing of theirs is kept.
    fn assign(&mut self, sources: List, targets: List) {
        for (source, target) in self.list(sources).iter().zip(self.list(targets)) {
            let value = self.frame.share(*source);
            self.frame.put(*target, value);
        }
    }

    /// Results take the values of the active lanes; other lanes may bring theirs before and after.
    fn deliver(&mut self, sources: List, targets: List, mask: &Mask) {
        for (source, target) in self.list(sources).iter().zip(self.list(targets)) {
            let value = self.frame.share(*source);
            self.frame.merge(*target, value, mask);
        }
    }

    /// Adds lanes to those that left to `label`.
    fn leave(&mut self, label: u32, mask: Mask) {
        let united = match self.exits[label as usize].take() {
            Some(before) => self.frame.unite(before, mask),
            None => mask,
        };
        self.exits[label as usize] = Some(united);
    }

    fn branch(&mut self, cond: SlotId, accept: BlockId, reject: BlockId, escapes: bool, mask: &Mask) -> Flow {
        match self.frame.shape(cond) {
            Shape::Uniform(0) => return self.block(reject, mask),
            Shape::Uniform(_) => return self.block(accept, mask),
            _ => {}
        }
        let (accepted, rejected) = self.frame.divide(mask, cond);
        let accepted = self.arm(accept, accepted);
        let rejected = self.arm(reject, rejected);
        match (accepted, rejected) {
            (None, None) => Flow::None,
            (Some(a), Some(b)) if !escapes || a.count + b.count == mask.count => {
                self.frame.drop_mask(a);
                self.frame.drop_mask(b);
                Flow::All
            }
            (Some(a), Some(b)) => Flow::Some(self.frame.unite(a, b)),
            (Some(rest), None) | (None, Some(rest)) if rest.count == mask.count => {
                self.frame.drop_mask(rest);
                Flow::All
            }
            (Some(rest), None) | (None, Some(rest)) => Flow::Some(rest),
        }
    }

    /// Runs one side of a branch in the lanes of `mask`; gives those that fell out of its end.
    fn arm(&mut self, id: BlockId, mask: Option<Mask>) -> Option<Mask> {
        let mask = mask?;
        if self.code.blocks[id.0 as usize].is_trivial() {
            return Some(mask);
        }
        match self.block(id, &mask) {
            Flow::All => Some(mask),
            Flow::Some(rest) => {
                self.frame.drop_mask(mask);
                Some(rest)
            }
            Flow::None => {
                self.frame.drop_mask(mask);
                None
            }
        }
    }

    fn iterate(&mut self, label: u32, body: BlockId, escapes: bool, entry: &Mask) -> Flow {
        let outer = self.exits[label as usize].take();
        let mut active = Some(self.frame.share_mask(entry));
        while let Some(mask) = active {
            active = self.arm(body, Some(mask));
        }
        self.sweep(&self.code.blocks[body.0 as usize]);
        let left = std::mem::replace(&mut self.exits[label as usize], outer);
        self.after(left, escapes, entry)
    }

    fn scope(&mut self, label: u32, body: BlockId, escapes: bool, entry: &Mask) -> Flow {
        let outer = self.exits[label as usize].take();
        let flow = self.block(body, entry);
        let left = std::mem::replace(&mut self.exits[label as usize], outer);
        match (flow, left) {
            (Flow::All, None) => Flow::All,
            (Flow::All, Some(left)) => {
                // Cannot be: the same lanes would have left twice.
                self.frame.drop_mask(left);
                Flow::All
            }
            (Flow::None, left) => self.after(left, escapes, entry),
            (Flow::Some(rest), None) => self.after(Some(rest), escapes, entry),
            (Flow::Some(rest), Some(left)) => {
                if escapes {
                    let united = self.frame.unite(rest, left);
                    self.after(Some(united), escapes, entry)
                } else {
                    self.frame.drop_mask(rest);
                    self.frame.drop_mask(left);
                    Flow::All
                }
            }
        }
    }

    /// The lanes that go on after a loop or a scope.
    fn after(&mut self, left: Option<Mask>, escapes: bool, entry: &Mask) -> Flow {
        match left {
            None => Flow::None,
            Some(left) if !escapes || left.count == entry.count => {
                self.frame.drop_mask(left);
                Flow::All
            }
            Some(left) => Flow::Some(left),
        }
    }

    /// An instruction that does not change which lanes are active.
    fn simple(&mut self, op: Op, mask: &Mask) {
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
                self.load(d, &self.code.accesses[access as usize], &first);
            }
            Op::Clear { memory } => self.clear(memory, mask),
            Op::Store { access, value } => self.store(&self.code.accesses[access as usize], value, mask),
            Op::Length { d, memory } => {
                let length = self.memories.length(memory);
                self.frame.set(d, Shape::Uniform(length));
            }
            Op::Atomic { index } => self.atomic(&self.code.atomics[index as usize], mask),
            Op::Subgroup { op, ty, d, a } => self.frame.subgroup(op, ty, d, a, mask),
            Op::If { .. } | Op::Loop { .. } | Op::Scope { .. } => unreachable!("run by `block`"),
        }
    }
}
