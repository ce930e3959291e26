//! Checks of what selection makes, in debug builds, in tests and when fuzzing.

use regalloc2::{Block, Function};

use super::mir::Linear;

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
