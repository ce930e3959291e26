//! Machine instructions over virtual registers, in blocks with parameters: what selection produces and
//! `regalloc2` allocates.

use iced_x86::Code;
use regalloc2::{Algorithm, Block, Operand, OperandKind, Output, RegClass, RegallocOptions, VReg};

use super::{
    layout::Layout,
    linear::{Linear, environment},
    slots,
    spill::spill,
    verify,
};
use crate::ir;

/// The origin of what the WGSL does not say.
pub const NO_ORIGIN: u32 = u32::MAX;

/// Bytes of a lane group's row: eight lanes of 32 bits.
pub const ROW: i32 = 32;
/// Spill slots, of 8 bytes, that a row takes.
pub const ROW_SLOTS: usize = 4;

/// Where an access finds its bytes: at `pointer + index * scale + offset`, or in the worker block at
/// `index * scale + offset`. The operands are the pointer, if it is not the worker block, then the index, if the scale is
/// not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemOperand {
    pub worker: bool,
    pub scale: u8,
    pub offset: i32,
}

/// What a 64-bit register is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    Imm(i32),
    /// A word of 64 bits of the worker block.
    Worker(i32),
    /// The second operand.
    Register,
}

/// A comparison of general registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cond {
    Eq,
    Ne,
    Below,
    BelowEq,
    Above,
    AboveEq,
    Less,
    LessEq,
    Greater,
    GreaterEq,
}

/// What is done to one lane at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PerLane {
    DivU,
    DivI,
    RemU,
    RemI,
    CountOnes,
    LeadingZeros,
    TrailingZeros,
}

impl PerLane {
    pub fn division(op: crate::ir::Binary, signed: bool) -> Option<PerLane> {
        match (op, signed) {
            (crate::ir::Binary::Div, true) => Some(PerLane::DivI),
            (crate::ir::Binary::Div, false) => Some(PerLane::DivU),
            (crate::ir::Binary::Rem, true) => Some(PerLane::RemI),
            (crate::ir::Binary::Rem, false) => Some(PerLane::RemU),
            _ => None,
        }
    }
}

/// What is done to memory, lane by lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LaneAccess {
    Store,
    /// A half of 16 bits, in the low bits of each lane's word.
    StoreHalf,
    Atomic {
        fun: crate::ir::AtomicFun,
        signed: bool,
        locked: bool,
    },
}

/// An operation. Operands: definitions first, then uses, then temporaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `v = op v`, `v = op v, imm`, `v = op v, v`, `v = op v, v, imm`, `v = op v, v, v`.
    V2(Code),
    V2Imm(Code, u8),
    V3(Code),
    V3Imm(Code, u8),
    V4(Code),
    /// The second source is a constant of the pool, by its offset in the worker block.
    V3Const(Code, i32),
    /// `v = a * b + c`; the result takes the register of `c`.
    Fma(Code),
    /// `v = a * b + c` with a `c` of the pool; the result takes the register of `a`.
    FmaConst(Code, i32),
    /// `v = ` a constant of the pool.
    VConst(i32),
    VZero,
    VOnes,
    /// All lanes from a general register, and lane 0 into one.
    Broadcast,
    Extract,
    /// Rounds a row to half precision and back; from halves in the low bits of each word, and to them.
    RoundHalf,
    FromHalf,
    ToHalf,
    /// The number of the first lane whose mask is set.
    FirstLane,
    GImm(u32),
    /// `g = op g, g` and `g = op g, imm`; the result takes the register of the first.
    G2(Code),
    G2Imm(Code, i32),
    /// `g = op g, g` with a register of its own (shifts of BMI2).
    G3(Code),
    GNeg,
    GNot,
    /// `g = a + imm` and `g = a + b + imm`, modulo 2^32.
    GLea(i32),
    GLea2(i32),
    /// All ones where the comparison holds.
    GCmp(Cond),
    /// `g = c != 0 ? a : b`, with uses b, c, a; the result takes the register of b.
    GSelect,
    /// `g = x ? y : b` where `?` is the comparison, with uses b, x, y, a; the result takes the register of b.
    GSelectCmp(Cond),
    GLoadWorker(i32),
    GStoreWorker(i32),
    /// A word of the lane group's row.
    GLoadGroup(i32),
    /// A 64-bit pointer of the worker block.
    GPointer(i32),
    /// The byte offset of the lane group.
    GGroup,
    /// `g = g * scale`, 64 bits wide.
    GScale(i32),
    /// `g = a + b * scale`, 64 bits wide.
    GLeaWide(u8),
    /// From 32 bits with a sign to 64.
    GWiden,
    /// Rows at a fixed place of the worker block, or at the lane group's.
    RowLoad(i32),
    RowStore(i32),
    GroupLoad(i32),
    GroupStore(i32),
    /// A row, a broadcast word, or a word.
    MemRow(MemOperand),
    MemBroadcast(MemOperand),
    MemWord(MemOperand),
    /// A row of the worker block that may lie across two whole ones, which are read instead; then come temporaries, one
    /// general and two rows. The number is the place of a row that counts lanes.
    MemSplitRow(MemOperand, i32),
    /// The store of a row. The value is the last use; in front of it stands the mask of the lanes that are stored.
    MemRowStore(MemOperand),
    MemMaskStore(MemOperand),
    /// Four words into the lower half of a row; into the upper half, with the row as last use; and their stores.
    MemHalf(MemOperand),
    MemHalfInsert(MemOperand),
    MemHalfStore(MemOperand),
    MemHalfExtract(MemOperand),
    /// A row of halves of 16 bits, one in all lanes, and the store of a row; as `f32` in the register.
    MemF16Row(MemOperand),
    MemF16Broadcast(MemOperand),
    MemF16Store(MemOperand),
    /// `v = ` words at `base + 4 * v` where the mask is set, else zero. The index is a row; then comes the mask.
    Gather(MemOperand),
    /// Lane by lane where the mask is set, at `base + scale * index`; defines the old values of atomics.
    /// Uses pointer, index, mask, value and for compare-exchange the comparand.
    Lanes(MemOperand, LaneAccess),
    /// Combines values with words at `base + 4 * index`, all lanes, no other thread in sight. Uses pointer, index, value;
    /// or adds a number to them.
    Accumulate(MemOperand, crate::ir::AtomicFun, /* signed */ bool),
    AccumulateImm(MemOperand, i32),
    /// Element-wise scalar operation on one or two rows.
    PerLane(PerLane),
    /// Division of general registers.
    GDivide(PerLane),
    /// Zeroes this many bytes at an offset of the worker block; or of rows of it the lanes of a mask, at an offset from the
    /// first use if there are two.
    ZeroWorker(i32, i32),
    ZeroLanes(i32, i32),
    /// Sets the lane group to the first; moves on by so many bytes.
    FirstGroup,
    StepGroup(i32),
    Jump,
    /// To the first successor if any lane of the masks is set; if all lanes are.
    BranchAny,
    BranchFull,
    /// If the register is not zero; if the comparison holds.
    BranchNonZero,
    BranchCmp(Cond),
    BranchCmpImm(Cond, i32),
    /// If `register + offset` compares so with the limit, 64 bits wide.
    BranchWide(Cond, i32, Limit),
    /// If the lane group's offset is below a limit; if it is a multiple of a power of two.
    BranchGroupBelow(i32),
    BranchGroupAligned(i32),
    /// If nobody asked the call to stop.
    BranchNotStopped,
    /// Goes back to the first workgroup of the run.
    FirstWorkgroup,
    /// Moves on to the next workgroup along x; to the first successor if there is one.
    NextWorkgroup,
    Return,
}

impl Op {
    /// Whether the operation does nothing but define a value.
    pub fn is_pure(self) -> bool {
        use Op::*;
        !matches!(
            self,
            GStoreWorker(_)
                | RowStore(_)
                | GroupStore(_)
                | MemRowStore(_)
                | MemMaskStore(_)
                | MemHalfStore(_)
                | MemHalfExtract(_)
                | MemF16Store(_)
                | Lanes(..)
                | Accumulate(..)
                | AccumulateImm(..)
                | ZeroWorker(..)
                | ZeroLanes(..)
                | FirstGroup
                | FirstWorkgroup
                | StepGroup(_)
                | Jump
                | Return
        ) && !self.is_branch()
    }

    /// Whether the operation gives the same whenever it is computed within a workgroup.
    pub fn is_constant(self) -> bool {
        use Op::*;
        self.is_pure()
            && !matches!(
                self,
                GLoadWorker(_)
                    | RowLoad(_)
                    | GroupLoad(_)
                    | MemRow(_)
                    | MemSplitRow(..)
                    | MemBroadcast(_)
                    | MemWord(_)
                    | MemHalf(_)
                    | MemHalfInsert(_)
                    | MemF16Row(_)
                    | MemF16Broadcast(_)
                    | Gather(_)
            )
    }

    pub fn is_branch(self) -> bool {
        use Op::*;
        matches!(
            self,
            BranchAny
                | BranchFull
                | BranchNonZero
                | BranchCmp(_)
                | BranchCmpImm(..)
                | BranchWide(..)
                | BranchGroupBelow(_)
                | BranchGroupAligned(_)
                | BranchNotStopped
                | NextWorkgroup
        )
    }
}

#[derive(Clone, Debug)]
pub struct Instruction {
    pub op: Op,
    pub operands: Vec<Operand>,
    /// The byte of the WGSL text it came from, for the annotated listing; or [`NO_ORIGIN`].
    pub origin: u32,
}

#[derive(Clone, Debug, Default)]
pub struct BlockData {
    pub instructions: Vec<Instruction>,
    pub params: Vec<VReg>,
    pub successors: Vec<Block>,
    /// The values for the successor's parameters (blocks with parameters have jumps to them only).
    pub arguments: Vec<VReg>,
    pub predecessors: Vec<Block>,
    /// Placed at the end of the code.
    pub cold: bool,
}

/// A function in machine instructions.
#[derive(Default)]
pub struct Mir {
    pub blocks: Vec<BlockData>,
    pub vregs: usize,
    /// The current block.
    pub at: usize,
    pub origin: u32,
    cold: bool,
}

impl Mir {
    pub fn new() -> Self {
        Mir { blocks: vec![BlockData::default()], origin: NO_ORIGIN, ..Mir::default() }
    }

    pub fn block(&mut self) -> Block {
        self.blocks.push(BlockData { cold: self.cold, ..BlockData::default() });
        Block::new(self.blocks.len() - 1)
    }

    /// Goes on in another block.
    pub fn switch(&mut self, block: Block) {
        self.at = block.index();
        self.cold = self.blocks[self.at].cold;
    }

    /// A block for what seldom runs.
    pub fn cold_block(&mut self) -> Block {
        let block = self.block();
        self.blocks[block.index()].cold = true;
        block
    }

    pub fn vreg(&mut self, class: RegClass) -> VReg {
        self.vregs += 1;
        VReg::new(self.vregs - 1, class)
    }

    pub fn param(&mut self, block: Block, class: RegClass) -> VReg {
        let vreg = self.vreg(class);
        self.blocks[block.index()].params.push(vreg);
        vreg
    }

    pub fn push(&mut self, op: Op, operands: Vec<Operand>) {
        let origin = self.origin;
        self.blocks[self.at].instructions.push(Instruction { op, operands, origin });
    }

    /// An instruction with one definition.
    pub fn def(&mut self, class: RegClass, op: Op, uses: &[VReg]) -> VReg {
        let dst = self.vreg(class);
        let mut operands = vec![Operand::reg_def(dst)];
        operands.extend(uses.iter().map(|&u| Operand::reg_use(u)));
        self.push(op, operands);
        dst
    }

    /// An instruction whose definition takes the register of its first use.
    pub fn tied(&mut self, class: RegClass, op: Op, uses: &[VReg]) -> VReg {
        let dst = self.vreg(class);
        let mut operands = vec![Operand::reg_reuse_def(dst, 1)];
        operands.extend(uses.iter().map(|&u| Operand::reg_use(u)));
        self.push(op, operands);
        dst
    }

    pub fn effect(&mut self, op: Op, uses: &[VReg]) {
        self.push(op, uses.iter().map(|&u| Operand::reg_use(u)).collect());
    }

    pub fn jump(&mut self, to: Block, arguments: &[VReg]) {
        self.push(Op::Jump, Vec::new());
        let block = &mut self.blocks[self.at];
        block.successors = vec![to];
        block.arguments = arguments.to_vec();
    }

    /// A branch to two blocks that have no other way in.
    pub fn branch(&mut self, op: Op, uses: &[VReg], yes: Block, no: Block) {
        self.effect(op, uses);
        self.blocks[self.at].successors = vec![yes, no];
    }

    pub fn instruction_count(&self) -> usize {
        self.blocks.iter().map(|block| block.instructions.len()).sum()
    }

    /// Allocates registers. For `huge` functions that is done quickly: rows of long blocks are spilled to the worker block
    /// first, and values that live longer than a block lie in memory.
    ///
    /// # Errors
    ///
    /// What is wrong with the function or its allocation, which is a fault of this crate.
    pub fn allocate(mut self, layout: &mut Layout, huge: bool) -> Result<(Linear, Output), String> {
        self.link(huge);
        self.remove_unused();
        if huge {
            let before = ir::verify::ON.then(|| self.unspilled(layout));
            spill(&mut self, layout);
            if let Some(before) = before {
                verify::spilling(&before, &self.blocks)?;
            }
        }
        let linear = Linear::new(self);
        if ir::verify::ON {
            verify::control_flow(&linear)?;
        }
        // If selection ever used a value where not every way in defines it, this would find out before wrong code ran.
        let algorithm = if huge { Algorithm::Fastalloc } else { Algorithm::Ion };
        let options = RegallocOptions { validate_ssa: true, algorithm, ..RegallocOptions::default() };
        let environment = environment();
        let mut output = regalloc2::run(&linear, &environment, &options)
            .map_err(|error| format!("register allocation failed: {error}"))?;
        if huge {
            slots::share(&linear, &mut output);
        }
        if ir::verify::ON {
            verify::allocation(&linear, &environment, &output)?;
        }
        Ok((linear, output))
    }

    /// The function as it is before rows are spilled.
    pub fn unspilled(&self, layout: &Layout) -> verify::Unspilled {
        verify::Unspilled { blocks: self.blocks.clone(), vregs: self.vregs, end: layout.bytes() }
    }

    /// Drops blocks that nothing reaches and notes predecessors.
    fn link(&mut self, huge: bool) {
        let order = if huge { self.reverse_postorder() } else { self.warm_first() };
        let mut place = vec![usize::MAX; self.blocks.len()];
        order.iter().enumerate().for_each(|(new, &old)| place[old] = new);
        let mut blocks: Vec<BlockData> = order.iter().map(|&old| std::mem::take(&mut self.blocks[old])).collect();
        for at in 0..blocks.len() {
            for i in 0..blocks[at].successors.len() {
                let to = place[blocks[at].successors[i].index()];
                blocks[at].successors[i] = Block::new(to);
                blocks[to].predecessors.push(Block::new(at));
            }
        }
        self.blocks = blocks;
    }

    /// The blocks that are reached, in the order of their making, those of what seldom runs at the end.
    fn warm_first(&self) -> Vec<usize> {
        let mut reached = vec![false; self.blocks.len()];
        let mut work = vec![0];
        while let Some(at) = work.pop() {
            if !std::mem::replace(&mut reached[at], true) {
                work.extend(self.blocks[at].successors.iter().map(|s| s.index()));
            }
        }
        let (warm, cold): (Vec<usize>, Vec<usize>) =
            (0..self.blocks.len()).filter(|&i| reached[i]).partition(|&i| !self.blocks[i].cold);
        warm.into_iter().chain(cold).collect()
    }

    /// The blocks that are reached, each behind those that all ways to it come by; where it can be, a block's first successor
    /// follows it.
    fn reverse_postorder(&self) -> Vec<usize> {
        let mut reached = vec![false; self.blocks.len()];
        let mut order = Vec::new();
        // Blocks that are open, with how many of their successors are still to be looked at.
        let mut open = vec![(0, self.blocks[0].successors.len())];
        reached[0] = true;
        while let Some((at, left)) = open.last_mut() {
            if *left == 0 {
                order.push(*at);
                open.pop();
                continue;
            }
            *left -= 1;
            let to = self.blocks[*at].successors[*left].index();
            if !std::mem::replace(&mut reached[to], true) {
                open.push((to, self.blocks[to].successors.len()));
            }
        }
        order.reverse();
        order
    }
}

impl Mir {
    /// Drops computations that nothing uses.
    fn remove_unused(&mut self) {
        let mut uses = vec![0u32; self.vregs];
        let count = |block: &BlockData, uses: &mut Vec<u32>| {
            let operands = block.instructions.iter().flat_map(|i| &i.operands);
            let used = operands.filter(|o| o.kind() == OperandKind::Use).map(|o| o.vreg());
            used.chain(block.arguments.iter().copied()).for_each(|v| uses[v.vreg()] += 1);
        };
        self.blocks.iter().for_each(|block| count(block, &mut uses));
        // Definitions stand in front of their uses in the order of creation, if not in that of blocks: a pass from the end
        // finds nearly all.
        for block in self.blocks.iter_mut().rev() {
            let mut kept: Vec<Instruction> = Vec::with_capacity(block.instructions.len());
            for instruction in block.instructions.drain(..).rev() {
                let of = |kind| instruction.operands.iter().filter(move |o| o.kind() == kind).map(|o| o.vreg());
                let dead = instruction.op.is_pure() && of(OperandKind::Def).all(|v| uses[v.vreg()] == 0);
                if dead {
                    of(OperandKind::Use).for_each(|v| uses[v.vreg()] -= 1);
                } else {
                    kept.push(instruction);
                }
            }
            kept.reverse();
            block.instructions = kept;
        }
    }
}
