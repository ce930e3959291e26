//! Functions of random machine instructions, allocated as if they were huge: with loops that have several ways in, values that
//! live across blocks or go around as arguments, and far more of them than registers. The checks of `verify` judge.

use std::collections::HashMap;

use regalloc2::{Block, Edit, Operand, PReg, RegClass, VReg};

use super::{
    coverage::programs::Random,
    layout::Layout,
    mir::{Cond, Mir, Op, PerLane},
    verify,
};
use crate::ir::testing::program;

const CLASSES: [RegClass; 2] = [RegClass::Int, RegClass::Float];
const ADD: iced_x86::Code = iced_x86::Code::VEX_Vaddps_ymm_ymm_ymmm256;

fn layout() -> Layout {
    Layout::new(&program("@compute @workgroup_size(8) fn main() {}"))
}

struct Maker {
    random: Random,
    mir: Mir,
    /// Blocks that any other may jump to, the first of them only the entry.
    blocks: Vec<Block>,
    /// For each of these blocks those that all ways to it come by, itself included.
    dominators: Vec<Vec<bool>>,
    /// For each of these blocks the values that it defines.
    values: Vec<Vec<VReg>>,
    constant: i32,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut mir = Mir::new();
        let count = 1 + random.below(12);
        let mut blocks = vec![Block::new(0)];
        while blocks.len() < count {
            blocks.push(if random.below(4) == 0 { mir.cold_block() } else { mir.block() });
        }
        let mut values = vec![Vec::new(); count];
        for (values, &block) in values.iter_mut().zip(&blocks).skip(1) {
            for _ in 0..random.below(6) {
                values.push(mir.param(block, CLASSES[random.below(2)]));
            }
        }
        Maker { random, mir, blocks, dominators: Vec::new(), values, constant: layout().bytes() }
    }

    fn below(&mut self, n: usize) -> usize {
        self.random.below(n)
    }

    /// Where control goes from each block: nowhere, on, or one of two ways. Mostly on from one block to the next, so that most
    /// are reached.
    fn ways(&mut self) -> Vec<Vec<usize>> {
        let count = self.blocks.len();
        let mut way = |at: usize| match self.below(2) {
            0 if at + 1 < count => at + 1,
            _ => 1 + self.below(count - 1),
        };
        let numbers: Vec<usize> =
            (0..count).map(|at| if count == 1 { 0 } else { [1, 2, 2, 1, 2, 0][way(at) % 6] }).collect();
        (0..).zip(numbers).map(|(at, number)| (0..number).map(|_| way(at)).collect()).collect()
    }

    /// The blocks that all ways to a block come by; all of them where there is no way.
    fn dominators(ways: &[Vec<usize>]) -> Vec<Vec<bool>> {
        let mut dominators = vec![vec![true; ways.len()]; ways.len()];
        dominators[0] = (0..ways.len()).map(|i| i == 0).collect();
        let mut changed = true;
        while std::mem::take(&mut changed) {
            for (from, to) in (0..).zip(ways).flat_map(|(from, to)| to.iter().map(move |&to| (from, to))) {
                for i in (0..ways.len()).filter(|&i| i != to) {
                    let before = dominators[to][i];
                    dominators[to][i] &= dominators[from][i];
                    changed |= before != dominators[to][i];
                }
            }
        }
        dominators
    }

    /// A value of a class that is there at the end of what has been made of a block.
    fn value(&mut self, at: usize, class: RegClass) -> VReg {
        let there = (0..self.blocks.len()).filter(|&i| self.dominators[at][i]);
        let values: Vec<VReg> =
            there.flat_map(|i| &self.values[i]).copied().filter(|vreg| vreg.class() == class).collect();
        if values.is_empty() || self.below(8) == 0 {
            return self.constant(class);
        }
        // Either any, or one of the latest.
        let from = if self.below(2) == 0 { 0 } else { values.len().saturating_sub(20) };
        values[from + self.below(values.len() - from)]
    }

    fn constant(&mut self, class: RegClass) -> VReg {
        match (class, self.below(4)) {
            (RegClass::Float, 0) => self.mir.def(class, Op::VZero, &[]),
            (RegClass::Float, n) => self.mir.def(class, Op::VConst(self.constant - 32 * n as i32), &[]),
            (_, n) => self.mir.def(class, Op::GImm(n as u32), &[]),
        }
    }

    fn instruction(&mut self, at: usize) {
        use RegClass::{Float, Int};
        let class = CLASSES[usize::from(self.below(4) > 0)];
        let [a, b, c] = [(); 3].map(|()| self.value(at, class));
        let made = match (class, self.below(8)) {
            (_, 0) => self.constant(class),
            (Float, 1 | 2) => self.mir.tied(Float, Op::Fma(ADD), &[a, b, c]),
            (Float, 3) => {
                self.mir.effect(Op::GroupStore(0), &[a]);
                return;
            }
            (Float, 4) => {
                let number = self.value(at, Int);
                self.mir.def(Float, Op::Broadcast, &[number])
            }
            (Float, 5) => {
                let made = self.mir.vreg(Float);
                let mut operands = vec![Operand::reg_def_at_start(made)];
                operands.extend([a, b].map(Operand::reg_use_at_end));
                let classes = [Float, Float, Int];
                operands.extend(classes.map(|class| Operand::reg_temp(self.mir.vreg(class))));
                self.mir.push(Op::PerLane(PerLane::DivU), operands);
                made
            }
            (Float, _) => self.mir.def(Float, Op::V3(ADD), &[a, b]),
            (_, 1) => {
                let made = self.mir.vreg(Int);
                let mut operands = vec![Operand::reg_def_at_start(made)];
                operands.extend([a, b].map(Operand::reg_use_at_end));
                for fixed in [0, 2] {
                    let temporary = self.mir.vreg(Int);
                    operands.push(Operand::reg_fixed_def_at_start(temporary, PReg::new(fixed, Int)));
                }
                self.mir.push(Op::GDivide(PerLane::DivU), operands);
                made
            }
            (_, 2) => {
                let row = self.value(at, Float);
                self.mir.def(Int, Op::Extract, &[row])
            }
            (_, 3) => self.mir.tied(Int, Op::GSelectCmp(Cond::Less), &[a, b, c, a]),
            _ => self.mir.def(Int, Op::GLea2(0), &[a, b]),
        };
        self.values[at].push(made);
    }

    fn jump(&mut self, at: usize, to: usize) {
        let params = self.mir.blocks[self.blocks[to].index()].params.clone();
        let arguments: Vec<VReg> = params.iter().map(|param| self.value(at, param.class())).collect();
        self.mir.jump(self.blocks[to], &arguments);
    }

    fn function(mut self) -> Mir {
        let ways = self.ways();
        self.dominators = Self::dominators(&ways);
        // What a block uses is made before it: what dominates comes first in the order of how much dominates it.
        let mut order: Vec<usize> = (0..ways.len()).collect();
        order.sort_by_key(|&at| self.dominators[at].iter().filter(|&&dominates| dominates).count());
        for at in order {
            self.mir.switch(self.blocks[at]);
            if at > 0 && self.dominators[at].iter().all(|&dominates| dominates) && self.unreached(&ways, at) {
                self.mir.push(Op::Return, Vec::new());
                continue;
            }
            for _ in 0..[5, 40, 200][self.below(3)] {
                self.instruction(at);
            }
            match ways[at][..] {
                [to] => self.jump(at, to),
                [yes, no] => {
                    let masks = [(); 2].map(|()| self.value(at, RegClass::Float));
                    let between = [(); 2].map(|()| self.mir.block());
                    self.mir.branch(Op::BranchAny, &masks, between[0], between[1]);
                    for (between, to) in between.into_iter().zip([yes, no]) {
                        self.mir.switch(between);
                        self.jump(at, to);
                    }
                }
                _ => self.mir.push(Op::Return, Vec::new()),
            }
        }
        self.mir
    }

    fn unreached(&self, ways: &[Vec<usize>], at: usize) -> bool {
        let mut reached = vec![false; ways.len()];
        let mut open = vec![0];
        while let Some(from) = open.pop() {
            if !std::mem::replace(&mut reached[from], true) {
                open.extend(&ways[from]);
            }
        }
        !reached[at]
    }
}

#[test]
fn random_functions_are_allocated_as_if_huge() {
    let (mut moves, mut spilled) = (0, 0);
    for seed in 0..300 {
        let mut layout = layout();
        let before = layout.bytes();
        let allocated = Maker::new(seed).function().allocate(&mut layout, true);
        let (_, output) = allocated.unwrap_or_else(|error| panic!("{seed}: {error}"));
        moves += output.edits.len();
        spilled += layout.bytes() - before;
    }
    assert!(moves > 50_000 && spilled > 50_000, "{moves} moves, {spilled} bytes: too little is tested");
}

/// The checks find what they are there for: a slot that two values take at the same time.
#[test]
fn slots_that_are_shared_too_much_are_found() {
    let (mut found, mut tried) = (0, 0);
    for seed in 0..100 {
        let mut layout = layout();
        let (linear, mut output) =
            Maker::new(seed).function().allocate(&mut layout, true).unwrap_or_else(|error| panic!("{seed}: {error}"));
        let mut uses: HashMap<usize, usize> = HashMap::new();
        let places = |edit: &Edit| {
            let Edit::Move { from, to } = edit;
            [*from, *to].into_iter().find_map(|place| place.as_stack())
        };
        output.edits.iter().filter_map(|(_, edit)| places(edit)).for_each(|s| *uses.entry(s.index()).or_default() += 1);
        let rows = output.edits.iter().filter_map(|(_, edit)| {
            let Edit::Move { from, to } = edit;
            let float = from.as_reg().or(to.as_reg())?.class() == RegClass::Float;
            places(edit).filter(|_| float)
        });
        let mut rows: Vec<usize> = rows.map(|slot| slot.index()).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.sort_by_key(|slot| std::cmp::Reverse(uses[slot]));
        let [a, b, ..] = rows[..] else { continue };
        tried += 1;
        for (_, Edit::Move { from, to }) in &mut output.edits {
            for place in [from, to] {
                if place.as_stack().is_some_and(|slot| slot.index() == b) {
                    *place = regalloc2::Allocation::stack(regalloc2::SpillSlot::new(a));
                }
            }
        }
        found += usize::from(verify::allocation(&linear, &super::linear::environment(), &output).is_err());
    }
    assert!(tried > 30 && 10 * found > 9 * tried, "{found} of {tried} found");
}

/// A slot in use in front of a loop, and in its first half, is not given away in its second.
#[test]
fn slots_are_kept_around_loops() {
    let mut mir = Mir::new();
    let [head, twin, out] = [(); 3].map(|()| mir.block());
    // Many values from in front of the loop, used in its head alone.
    let outside: Vec<VReg> = (0..40).map(|i| mir.def(RegClass::Int, Op::GImm(i), &[])).collect();
    mir.jump(head, &[]);
    mir.switch(head);
    outside.iter().for_each(|&vreg| mir.effect(Op::GStoreWorker(0), &[vreg]));
    mir.jump(twin, &[]);
    mir.switch(twin);
    // As many that live from here to the end of the block, through the memory of the quick allocator.
    let inside: Vec<VReg> = (0..40).map(|i| mir.def(RegClass::Int, Op::GImm(i), &[])).collect();
    inside.iter().for_each(|&vreg| mir.effect(Op::GStoreWorker(4), &[vreg]));
    let back = mir.block();
    mir.branch(Op::BranchNotStopped, &[], back, out);
    mir.switch(back);
    mir.jump(head, &[]);
    mir.switch(out);
    mir.push(Op::Return, Vec::new());
    let (_, output) = mir.allocate(&mut layout(), true).expect("it is allocated");
    assert!(output.num_spillslots >= 60, "{} slots", output.num_spillslots);
}

/// Spilling that brings back the wrong row is found.
#[test]
fn rows_that_are_mixed_up_are_found() {
    let mut mir = Mir::new();
    let rows: Vec<VReg> = (0..40).map(|i| mir.def(RegClass::Float, Op::GroupLoad(32 * i), &[])).collect();
    rows.iter().for_each(|&row| mir.effect(Op::GroupStore(0), &[row]));
    mir.push(Op::Return, Vec::new());
    let mut layout = layout();
    let before = mir.unspilled(&layout);
    super::spill::spill(&mut mir, &mut layout);
    verify::spilling(&before, &mir.blocks).expect("it is right");
    let instructions = &mir.blocks[0].instructions;
    let ops = instructions.iter().map(|i| i.op);
    let (stores, loads): (Vec<usize>, Vec<usize>) = ops
        .clone()
        .enumerate()
        .filter(|(_, op)| matches!(op, Op::RowStore(_) | Op::RowLoad(_)))
        .map(|(at, _)| at)
        .partition(|&at| matches!(instructions[at].op, Op::RowStore(_)));
    assert!(stores.len() >= 40 - 15 && loads.len() == stores.len(), "{} stores, {} loads", stores.len(), loads.len());
    for at in loads.into_iter().chain(stores) {
        let mut broken = mir.blocks.clone();
        match &mut broken[0].instructions[at].op {
            Op::RowLoad(slot) | Op::RowStore(slot) => *slot += 32,
            _ => {}
        }
        assert!(verify::spilling(&before, &broken).is_err(), "a row more for {at} is not found");
    }
}
