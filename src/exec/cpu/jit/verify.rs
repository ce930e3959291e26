//! Checks of what selection and register allocation make, in debug builds, in tests and when fuzzing.

use regalloc2::{
    Block, Edit, Function, Inst, MachineEnv, OperandKind, Output, ProgPoint, RegClass, VReg, checker::Checker,
};
use rustc_hash::FxHashMap;

use super::{
    linear::Linear,
    mir::{BlockData, Instruction, Mir, Op, ROW_SLOTS},
};

/// Checks how control flows between the blocks of a function. That definitions dominate uses is checked by `regalloc2`.
///
/// # Errors
///
/// The first rule that is broken.
pub fn control_flow(linear: &Linear) -> Result<(), String> {
    (0..linear.num_blocks()).try_for_each(|index| {
        block(linear, Block::new(index)).map_err(|rule| format!("block {index} of the machine code {rule}"))
    })
}

fn block(linear: &Linear, block: Block) -> Result<(), String> {
    let instructions = linear.block_insns(block);
    if instructions.len() == 0 {
        return Err("is empty".into());
    }
    let leaves = |inst| linear.is_branch(inst) || linear.is_ret(inst);
    let last = instructions.last();
    if let Some(inst) = instructions.iter().find(|&inst| leaves(inst) != (inst == last)) {
        let op = linear.instructions[inst.index()].op;
        return Err(format!("has {op:?} at {} of {}", inst.index() - instructions.first().index(), instructions.len()));
    }
    let (successors, arguments) = (linear.block_succs(block), linear.branch_blockparams(block, last, 0));
    let classes = |values: &[regalloc2::VReg]| values.iter().map(|v| v.class()).collect::<Vec<_>>();
    match successors {
        [] if linear.is_ret(last) => {}
        [to] if linear.is_branch(last) => {
            let params = linear.block_params(*to);
            if classes(arguments) != classes(params) {
                return Err(format!("jumps to block {} with {arguments:?} for {params:?}", to.index()));
            }
            return Ok(());
        }
        [_, _] if linear.is_branch(last) => {
            let shared = |to: &&Block| linear.block_preds(**to).len() != 1 || !linear.block_params(**to).is_empty();
            if let Some(to) = successors.iter().find(shared) {
                return Err(format!("branches to block {}, which has parameters or other ways in", to.index()));
            }
        }
        _ => return Err(format!("ends in {:?} to {successors:?}", linear.instructions[last.index()].op)),
    }
    if arguments.is_empty() { Ok(()) } else { Err(format!("has arguments {arguments:?}, but does not jump")) }
}

/// What a function was before rows were spilled.
pub struct Unspilled {
    pub blocks: Vec<BlockData>,
    pub vregs: usize,
    /// Where the worker block ended: places of rows that are spilled lie behind.
    pub end: i32,
}

/// What a virtual register that spilling made holds.
#[derive(Clone, Copy)]
enum Holds {
    /// The same as this one.
    Row(VReg),
    /// What this operation makes of nothing.
    Made(Op),
}

/// Checks that spilling only stored rows and brought them back: each instruction finds the values that it found before.
///
/// # Errors
///
/// The first instruction that does not.
pub fn spilling(before: &Unspilled, after: &[BlockData]) -> Result<(), String> {
    for (index, (old, new)) in before.blocks.iter().zip(after).enumerate() {
        Spilled::new(before, old)
            .block(old, new)
            .map_err(|rule| format!("spilling: block {index} of the machine code {rule}"))?;
    }
    Ok(())
}

/// What is known while a block is looked through.
struct Spilled<'a> {
    before: &'a Unspilled,
    /// What makes the values of the block.
    made: FxHashMap<VReg, Op>,
    names: FxHashMap<VReg, Holds>,
    stored: FxHashMap<i32, VReg>,
}

impl<'a> Spilled<'a> {
    fn new(before: &'a Unspilled, old: &BlockData) -> Self {
        let definitions = old.instructions.iter().flat_map(|i| i.operands.iter().map(|o| (o, i.op)));
        let made = definitions.filter(|(o, _)| o.kind() == OperandKind::Def).map(|(o, op)| (o.vreg(), op)).collect();
        Spilled { before, made, names: FxHashMap::default(), stored: FxHashMap::default() }
    }

    fn block(&mut self, old: &BlockData, new: &BlockData) -> Result<(), String> {
        let mut left = old.instructions.iter();
        for (at, instruction) in new.instructions.iter().enumerate() {
            if !self.moves(instruction).map_err(|rule| format!("{rule} at {at}"))? {
                let original = left.next().ok_or("has more instructions than before")?;
                self.same(original, instruction).map_err(|rule| format!("{rule} at {at}"))?;
            }
        }
        if left.next().is_some() {
            return Err("has lost instructions".into());
        }
        let passed = old.arguments.len() == new.arguments.len()
            && old.arguments.iter().zip(&new.arguments).all(|(&old, &new)| self.holds(new, old));
        if passed { Ok(()) } else { Err("passes on other values".into()) }
    }

    /// Whether the instruction is one that spilling added.
    fn moves(&mut self, instruction: &Instruction) -> Result<bool, String> {
        let &[operand] = instruction.operands.as_slice() else { return Ok(false) };
        let vreg = operand.vreg();
        match (instruction.op, operand.kind()) {
            (Op::RowStore(slot), OperandKind::Use) if slot >= self.before.end => {
                let value = match self.names.get(&vreg) {
                    Some(Holds::Row(row)) => *row,
                    Some(Holds::Made(_)) => return Err(format!("stores {vreg}, which can be made anew,")),
                    None => vreg,
                };
                self.stored.insert(slot, value);
            }
            (op, OperandKind::Def) if vreg.vreg() >= self.before.vregs => {
                let holds = match op {
                    Op::RowLoad(slot) => {
                        Holds::Row(*self.stored.get(&slot).ok_or("reads a place where nothing was stored")?)
                    }
                    op if op.is_constant() => Holds::Made(op),
                    op => return Err(format!("computes {op:?} again")),
                };
                self.names.insert(vreg, holds);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether a virtual register holds what another one held before.
    fn holds(&self, name: VReg, value: VReg) -> bool {
        match self.names.get(&name) {
            Some(Holds::Row(row)) => *row == value,
            Some(Holds::Made(op)) => self.made.get(&value) == Some(op),
            None => name == value,
        }
    }

    fn same(&self, old: &Instruction, new: &Instruction) -> Result<(), String> {
        let mut operands = old.operands.iter().zip(&new.operands);
        let same = old.op == new.op
            && old.operands.len() == new.operands.len()
            && operands.all(|(old, new)| {
                let alike = (old.kind(), old.pos(), old.constraint()) == (new.kind(), new.pos(), new.constraint());
                let holds = match old.kind() {
                    OperandKind::Use => self.holds(new.vreg(), old.vreg()),
                    OperandKind::Def => new.vreg() == old.vreg(),
                };
                alike && holds
            });
        if same { Ok(()) } else { Err(format!("has {new:?} for {old:?}")) }
    }
}

/// Checks with `regalloc2`'s symbolic checker that each use finds its value where it is looked for.
///
/// The checker takes blocks as they are numbered, and one whose ways in it has not seen for one that holds nothing. Cold
/// blocks stand last, so it is shown the same function in reverse postorder. Nor does it know how large slots are.
///
/// # Errors
///
/// What it found.
pub fn allocation(linear: &Linear, environment: &MachineEnv, output: &Output) -> Result<(), String> {
    slots(output)?;
    let (linear, output) = in_reverse_postorder(linear, output);
    let mut checker = Checker::new(&linear, environment);
    checker.prepare(&output);
    checker.run().map_err(|errors| format!("register allocation is wrong: {errors:?}"))
}

/// Checks that spill slots lie within the frame, and that none lies across another.
fn slots(output: &Output) -> Result<(), String> {
    let mut classes = vec![None; output.num_spillslots];
    for (point, Edit::Move { from, to }) in &output.edits {
        let class = match (from.as_reg(), to.as_reg()) {
            (Some(register), _) | (_, Some(register)) => register.class(),
            _ => return Err(format!("a move at {point:?} has no register")),
        };
        for slot in [from, to].into_iter().filter_map(|place| place.as_stack()) {
            let words = if class == RegClass::Float { ROW_SLOTS } else { 1 };
            let taken = classes
                .get_mut(slot.index()..slot.index() + words)
                .ok_or_else(|| format!("{slot} at {point:?} lies behind the frame"))?;
            for (word, taken) in taken.iter_mut().enumerate() {
                if *taken.get_or_insert((class, word)) != (class, word) {
                    return Err(format!("{slot} at {point:?} lies across another"));
                }
            }
        }
    }
    Ok(())
}

/// A function and its allocation with blocks and instructions numbered so that each block but the first stands behind one
/// that leads to it.
fn in_reverse_postorder(linear: &Linear, output: &Output) -> (Linear, Output) {
    let order = reverse_postorder(linear);
    let mut place = vec![Block::invalid(); linear.num_blocks()];
    order.iter().enumerate().for_each(|(new, old)| place[old.index()] = Block::new(new));
    let mut mir = Mir::new();
    mir.vregs = linear.num_vregs();
    mir.blocks.clear();
    let mut renumbered = vec![Inst::invalid(); linear.num_insts()];
    let (mut allocs, mut inst_alloc_offsets) = (Vec::new(), Vec::new());
    for &old in &order {
        let mut block = linear.blocks[old.index()].clone();
        block.successors.iter_mut().chain(&mut block.predecessors).for_each(|b| *b = place[b.index()]);
        for inst in linear.block_insns(old).iter() {
            renumbered[inst.index()] = Inst::new(inst_alloc_offsets.len());
            inst_alloc_offsets.push(allocs.len() as u32);
            allocs.extend_from_slice(output.inst_allocs(inst));
            block.instructions.push(linear.instructions[inst.index()].clone());
        }
        mir.blocks.push(block);
    }
    let point = |at: ProgPoint| ProgPoint::new(renumbered[at.inst().index()], at.pos());
    let mut edits: Vec<_> = output.edits.iter().map(|(at, edit)| (point(*at), edit.clone())).collect();
    // Edits at one point keep their order.
    edits.sort_by_key(|(at, _)| *at);
    let output =
        Output { num_spillslots: output.num_spillslots, edits, allocs, inst_alloc_offsets, ..Output::default() };
    (Linear::new(mir), output)
}

/// All blocks, which the entry reaches, by a walk that keeps its own stack.
fn reverse_postorder(linear: &Linear) -> Vec<Block> {
    let mut seen = vec![false; linear.num_blocks()];
    let mut order = Vec::with_capacity(linear.num_blocks());
    let mut open = vec![(linear.entry_block(), 0)];
    seen[linear.entry_block().index()] = true;
    while let Some((block, next)) = open.last_mut() {
        match linear.block_succs(*block).get(*next) {
            Some(&to) => {
                *next += 1;
                if !std::mem::replace(&mut seen[to.index()], true) {
                    open.push((to, 0));
                }
            }
            None => {
                order.push(*block);
                open.pop();
            }
        }
    }
    order.reverse();
    order
}
