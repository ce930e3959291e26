//! A function in the order of its code, as `regalloc2` reads it, and the registers that it may give out.

use regalloc2::{Block, Function, Inst, InstRange, MachineEnv, Operand, PReg, PRegSet, RegClass, VReg};

use super::mir::{BlockData, Instruction, Mir, Op, ROW_SLOTS};

/// General registers that allocation may use, callee-saved ones last; `r15` holds the worker block,
/// `r14` the lane group's offset, `r13` is for moves.
const GENERAL: [u8; 12] = [0, 1, 2, 6, 7, 8, 9, 10, 11, 3, 5, 12];

/// The registers of the machine, as the allocator may use them.
pub fn environment() -> MachineEnv {
    let general = |n: u8| PReg::new(usize::from(n), RegClass::Int);
    let vector = |n: usize| PReg::new(n, RegClass::Float);
    let set = |regs: &mut dyn Iterator<Item = PReg>| {
        let mut set = PRegSet::empty();
        regs.for_each(|r| set.add(r));
        set
    };
    MachineEnv {
        preferred_regs_by_class: [
            set(&mut GENERAL.iter().map(|&n| general(n))),
            set(&mut (0..15).map(vector)),
            PRegSet::empty(),
        ],
        non_preferred_regs_by_class: [PRegSet::empty(); 3],
        scratch_by_class: [Some(general(13)), Some(vector(15)), None],
        fixed_stack_slots: Vec::new(),
    }
}

/// The function in the order of its code.
pub struct Linear {
    pub blocks: Vec<BlockData>,
    /// All instructions, by [`Inst`].
    pub instructions: Vec<Instruction>,
    ranges: Vec<InstRange>,
    vregs: usize,
}

impl Linear {
    pub fn new(mut mir: Mir) -> Self {
        let mut instructions = Vec::new();
        let mut ranges = Vec::new();
        for block in &mut mir.blocks {
            let start = Inst::new(instructions.len());
            instructions.append(&mut block.instructions);
            ranges.push(InstRange::new(start, Inst::new(instructions.len())));
        }
        Linear { blocks: mir.blocks, instructions, ranges, vregs: mir.vregs }
    }
}

impl Function for Linear {
    fn num_insts(&self) -> usize {
        self.instructions.len()
    }

    fn num_blocks(&self) -> usize {
        self.blocks.len()
    }

    fn entry_block(&self) -> Block {
        Block::new(0)
    }

    fn block_insns(&self, block: Block) -> InstRange {
        self.ranges[block.index()]
    }

    fn block_succs(&self, block: Block) -> &[Block] {
        &self.blocks[block.index()].successors
    }

    fn block_preds(&self, block: Block) -> &[Block] {
        &self.blocks[block.index()].predecessors
    }

    fn block_params(&self, block: Block) -> &[VReg] {
        &self.blocks[block.index()].params
    }

    fn is_ret(&self, inst: Inst) -> bool {
        self.instructions[inst.index()].op == Op::Return
    }

    fn is_branch(&self, inst: Inst) -> bool {
        let op = self.instructions[inst.index()].op;
        op == Op::Jump || op.is_branch()
    }

    fn branch_blockparams(&self, block: Block, _: Inst, _: usize) -> &[VReg] {
        &self.blocks[block.index()].arguments
    }

    fn inst_operands(&self, inst: Inst) -> &[Operand] {
        &self.instructions[inst.index()].operands
    }

    fn inst_clobbers(&self, _: Inst) -> PRegSet {
        PRegSet::empty()
    }

    fn num_vregs(&self) -> usize {
        self.vregs
    }

    fn spillslot_size(&self, class: RegClass) -> usize {
        match class {
            RegClass::Float => ROW_SLOTS,
            _ => 1,
        }
    }
}
