//! Checks of what selection and register allocation make, in debug builds, in tests and when fuzzing.

use regalloc2::{Block, Function, Inst, MachineEnv, Output, ProgPoint, checker::Checker};

use super::mir::{Linear, Mir};

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

/// Checks with `regalloc2`'s symbolic checker that each use finds its value where it is looked for.
///
/// The checker takes blocks as they are numbered, and one whose ways in it has not seen for one that holds nothing. Cold
/// blocks stand last, so it is shown the same function in reverse postorder.
///
/// # Errors
///
/// What it found.
pub fn allocation(linear: &Linear, environment: &MachineEnv, output: &Output) -> Result<(), String> {
    let (linear, output) = in_reverse_postorder(linear, output);
    let mut checker = Checker::new(&linear, environment);
    checker.prepare(&output);
    checker.run().map_err(|errors| format!("register allocation is wrong: {errors:?}"))
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
