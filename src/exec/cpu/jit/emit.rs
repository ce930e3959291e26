//! Encodes allocated machine instructions.

mod half;
mod lanes;

use iced_x86::{
    BlockEncoder, BlockEncoderOptions, Code, IcedError, Instruction, InstructionBlock, MemoryOperand, Register,
};
use regalloc2::{Allocation, Edit, Function, InstOrEdit, Output, RegClass};

use super::{
    layout::{FIRST_WORKGROUP, MXCSR_HOST, MXCSR_KERNEL, STOP, WORKGROUP_ID, WORKGROUPS, WORKGROUPS_LEFT},
    linear::Linear,
    mir::{Cond, Limit, MemOperand, Op, ROW},
};

/// The worker block, and the lane group's offset.
const WORKER: Register = Register::R15;
const GROUP: Register = Register::R14;
/// The scratch registers that allocation reserves for moves between instructions; within one they are free.
const SPARE: Register = Register::R13;
const SPARE_ROW: Register = Register::YMM15;
/// Bytes of the smallest page.
const PAGE: i32 = 4096;
const CALLEE_SAVED: [Register; 6] =
    [Register::RBX, Register::RBP, Register::R12, Register::R13, Register::R14, Register::R15];

/// Machine code for the System V calling convention: a function of the worker block's address.
///
/// # Errors
///
/// An instruction that cannot be encoded, which is a fault of this crate.
pub fn emit(linear: &Linear, output: &Output) -> Result<Emitted, IcedError> {
    let mut emitter =
        Emitter { out: Vec::new(), origins: Vec::new(), next_label: 1, pending: None, frame: 0, targets: Vec::new() };
    // Labels of blocks come first.
    emitter.next_label += linear.num_blocks() as u64;
    emitter.frame = (output.num_spillslots * 8).next_multiple_of(16) as i32;
    emitter.targets = targets(linear, output);
    emitter.prologue()?;
    let kept: Vec<usize> =
        (0..linear.num_blocks()).filter(|&index| index == 0 || emitter.targets[index] == index).collect();
    for (at, &index) in kept.iter().enumerate() {
        let block = regalloc2::Block::new(index);
        let next = kept.get(at + 1).copied().unwrap_or(usize::MAX);
        emitter.bind(block_label(index));
        for step in output.block_insts_and_edits(linear, block) {
            match step {
                InstOrEdit::Edit(Edit::Move { from, to }) => emitter.transfer(*from, *to)?,
                InstOrEdit::Inst(inst) => {
                    let instruction = &linear.instructions[inst.index()];
                    emitter.origins.push((emitter.out.len(), instruction.origin));
                    let registers: Vec<Register> = output.inst_allocs(inst).iter().map(|&a| register(a)).collect();
                    let successors: Vec<usize> =
                        linear.blocks[index].successors.iter().map(|b| emitter.targets[b.index()]).collect();
                    emitter.instruction(instruction.op, &registers, &successors, next)?;
                }
            }
        }
    }
    // A label may stand behind the last instruction.
    emitter.add(Instruction::with(Code::Int3))?;
    emitter.encode()
}

/// For each block, the one that control ends up in: behind those that do nothing but jump.
fn targets(linear: &Linear, output: &Output) -> Vec<usize> {
    let jumps_on = |index: usize| {
        let mut steps = output.block_insts_and_edits(linear, regalloc2::Block::new(index));
        match (steps.next(), steps.next()) {
            (Some(InstOrEdit::Inst(inst)), None) if linear.instructions[inst.index()].op == Op::Jump => {
                Some(linear.blocks[index].successors[0].index())
            }
            _ => None,
        }
    };
    (0..linear.num_blocks())
        .map(|index| {
            let mut at = index;
            // A loop that does nothing has no end to look for.
            for _ in 0..linear.num_blocks() {
                match jumps_on(at) {
                    Some(next) if next != at => at = next,
                    _ => break,
                }
            }
            at
        })
        .collect()
}

/// Code, and where each group of instructions came from.
pub struct Emitted {
    pub code: Vec<u8>,
    /// Byte offset and origin, in order.
    pub origins: Vec<(u32, u32)>,
}

fn block_label(index: usize) -> u64 {
    index as u64 + 1
}

/// The register behind an allocation: a 64-bit general one or a whole vector.
fn register(allocation: Allocation) -> Register {
    match allocation.as_reg() {
        Some(reg) if reg.class() == RegClass::Int => Register::RAX + reg.hw_enc() as u32,
        Some(reg) => Register::YMM0 + reg.hw_enc() as u32,
        // Every operand asks for a register.
        None => Register::None,
    }
}

fn low32(register: Register) -> Register {
    Register::EAX + (register as u32 - Register::RAX as u32)
}

fn low8(register: Register) -> Register {
    // AL, CL, DL, BL, then SPL.. R15L follow each other in iced in the order of their numbers with AH.. between.
    match register as u32 - Register::RAX as u32 {
        n @ 0..=3 => Register::AL + n,
        n => Register::SPL + (n - 4),
    }
}

fn xmm(register: Register) -> Register {
    Register::XMM0 + (register as u32 - Register::YMM0 as u32)
}

fn at(base: Register, displacement: i32) -> MemoryOperand {
    MemoryOperand::with_base_displ(base, i64::from(displacement))
}

fn group(displacement: i32) -> MemoryOperand {
    MemoryOperand::new(WORKER, GROUP, 1, i64::from(displacement), 8, false, Register::None)
}

fn indexed(base: Register, index: Register, scale: u32, displacement: i32) -> MemoryOperand {
    MemoryOperand::new(base, index, scale, i64::from(displacement), 8, false, Register::None)
}

/// The register that an access starts from, and the operands behind it.
fn pointer(place: MemOperand, uses: &[Register]) -> (Register, &[Register]) {
    if place.worker { (WORKER, uses) } else { (uses[0], &uses[1..]) }
}

/// The memory of an access, and the operands behind its own.
fn memory(place: MemOperand, uses: &[Register]) -> (MemoryOperand, &[Register]) {
    let (base, rest) = pointer(place, uses);
    match place.scale {
        0 => (at(base, place.offset), rest),
        scale => (indexed(base, rest[0], u32::from(scale), place.offset), &rest[1..]),
    }
}

struct Emitter {
    out: Vec<Instruction>,
    /// The index of an instruction, and its origin.
    origins: Vec<(usize, u32)>,
    next_label: u64,
    pending: Option<u64>,
    /// Bytes of spill slots.
    frame: i32,
    targets: Vec<usize>,
}

type Done = Result<(), IcedError>;

impl Emitter {
    fn add(&mut self, mut instruction: Instruction) -> Done {
        // Labels are the addresses that branches name; an instruction without one gets a number of its own.
        let ip = match self.pending.take() {
            Some(label) => label,
            None => self.label(),
        };
        instruction.set_ip(ip);
        self.out.push(instruction);
        Ok(())
    }

    fn label(&mut self) -> u64 {
        self.next_label += 1;
        self.next_label - 1
    }

    fn bind(&mut self, label: u64) {
        if self.pending.is_some() {
            // Two labels at one place: the first gets an instruction of its own.
            self.out.push({
                let mut nop = Instruction::with(Code::Nopd);
                nop.set_ip(self.pending.take().unwrap_or(0));
                nop
            });
        }
        self.pending = Some(label);
    }

    fn branch(&mut self, code: Code, label: u64) -> Done {
        self.add(Instruction::with_branch(code, label)?)
    }

    fn rr(&mut self, code: Code, a: Register, b: Register) -> Done {
        self.add(Instruction::with2(code, a, b)?)
    }

    fn rm(&mut self, code: Code, a: Register, m: MemoryOperand) -> Done {
        self.add(Instruction::with2(code, a, m)?)
    }

    fn mr(&mut self, code: Code, m: MemoryOperand, a: Register) -> Done {
        self.add(Instruction::with2(code, m, a)?)
    }

    fn ri(&mut self, code: Code, a: Register, imm: i32) -> Done {
        self.add(Instruction::with2(code, a, imm)?)
    }

    fn encode(self) -> Result<Emitted, IcedError> {
        let block = InstructionBlock::new(&self.out, 0);
        let options = BlockEncoderOptions::RETURN_NEW_INSTRUCTION_OFFSETS;
        let result = BlockEncoder::encode(64, block, options)?;
        let origins = self.origins.iter().map(|&(i, origin)| (result.new_instruction_offsets[i], origin)).collect();
        Ok(Emitted { code: result.code_buffer, origins })
    }

    fn prologue(&mut self) -> Done {
        for register in CALLEE_SAVED {
            self.add(Instruction::with1(Code::Push_r64, register)?)?;
        }
        // Page by page, so that a guard page below the stack is met and not stepped over.
        let mut rest = self.frame + 8;
        while rest > 0 {
            let step = rest.min(PAGE);
            self.ri(Code::Sub_rm64_imm32, Register::RSP, step)?;
            if step == PAGE {
                self.add(Instruction::with2(Code::Or_rm32_imm8, at(Register::RSP, 0), 0)?)?;
            }
            rest -= step;
        }
        self.rr(Code::Mov_r64_rm64, WORKER, Register::RDI)?;
        self.add(Instruction::with1(Code::VEX_Vstmxcsr_m32, at(WORKER, MXCSR_HOST))?)?;
        self.add(Instruction::with1(Code::VEX_Vldmxcsr_m32, at(WORKER, MXCSR_KERNEL))?)
    }

    fn epilogue(&mut self) -> Done {
        self.add(Instruction::with1(Code::VEX_Vldmxcsr_m32, at(WORKER, MXCSR_HOST))?)?;
        self.add(Instruction::with(Code::VEX_Vzeroupper))?;
        self.ri(Code::Add_rm64_imm32, Register::RSP, self.frame + 8)?;
        for register in CALLEE_SAVED.into_iter().rev() {
            self.add(Instruction::with1(Code::Pop_r64, register)?)?;
        }
        self.add(Instruction::with(Code::Retnq))
    }

    /// A move between registers and spill slots.
    fn transfer(&mut self, from: Allocation, to: Allocation) -> Done {
        let slot = |a: Allocation| a.as_stack().map(|s| at(Register::RSP, s.index() as i32 * 8));
        match (slot(from), slot(to)) {
            (None, None) if from == to => Ok(()),
            (None, None) => {
                let (a, b) = (register(to), register(from));
                let code = if a.is_ymm() { Code::VEX_Vmovaps_ymm_ymmm256 } else { Code::Mov_r64_rm64 };
                self.rr(code, a, b)
            }
            (Some(m), _) => {
                let a = register(to);
                let code = if a.is_ymm() { Code::VEX_Vmovups_ymm_ymmm256 } else { Code::Mov_r64_rm64 };
                self.rm(code, a, m)
            }
            (_, Some(m)) => {
                let a = register(from);
                let code = if a.is_ymm() { Code::VEX_Vmovups_ymmm256_ymm } else { Code::Mov_rm64_r64 };
                self.mr(code, m, a)
            }
        }
    }

    fn instruction(&mut self, op: Op, r: &[Register], successors: &[usize], next: usize) -> Done {
        match op {
            Op::V2(code) => self.rr(code, r[0], r[1]),
            Op::V2Imm(code, imm) => self.add(Instruction::with3(code, r[0], r[1], u32::from(imm))?),
            Op::V3(code) => self.add(Instruction::with3(code, r[0], r[1], r[2])?),
            Op::V3Imm(code, imm) => self.add(Instruction::with4(code, r[0], r[1], r[2], u32::from(imm))?),
            Op::V4(code) => self.add(Instruction::with4(code, r[0], r[1], r[2], r[3])?),
            Op::V3Const(code, offset) => self.add(Instruction::with3(code, r[0], r[1], at(WORKER, offset))?),
            Op::Fma(code) => self.add(Instruction::with3(code, r[0], r[2], r[3])?),
            Op::FmaConst(code, offset) => self.add(Instruction::with3(code, r[0], r[2], at(WORKER, offset))?),
            Op::VConst(offset) | Op::RowLoad(offset) => {
                self.rm(Code::VEX_Vmovups_ymm_ymmm256, r[0], at(WORKER, offset))
            }
            Op::VZero => self.add(Instruction::with3(Code::VEX_Vpxor_ymm_ymm_ymmm256, r[0], r[0], r[0])?),
            Op::VOnes => self.add(Instruction::with3(Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256, r[0], r[0], r[0])?),
            Op::Broadcast => {
                self.rr(Code::VEX_Vmovd_xmm_rm32, xmm(r[0]), low32(r[1]))?;
                self.rr(Code::VEX_Vpbroadcastd_ymm_xmmm32, r[0], xmm(r[0]))
            }
            Op::Extract => self.rr(Code::VEX_Vmovd_rm32_xmm, low32(r[0]), xmm(r[1])),
            Op::RoundHalf | Op::FromHalf | Op::ToHalf => self.half(op, r),
            Op::MemF16Row(place) | Op::MemF16Broadcast(place) | Op::MemF16Store(place) => {
                self.half_access(op, place, r)
            }
            Op::FirstLane => {
                self.rr(Code::VEX_Vmovmskps_r32_ymm, low32(r[0]), r[1])?;
                self.rr(Code::Tzcnt_r32_rm32, low32(r[0]), low32(r[0]))
            }
            Op::GImm(imm) => self.add(Instruction::with2(Code::Mov_r32_imm32, low32(r[0]), imm)?),
            Op::G2(code) => self.rr(code, low32(r[0]), low32(r[2])),
            Op::G2Imm(code @ Code::Imul_r32_rm32_imm32, imm) => {
                self.add(Instruction::with3(code, low32(r[0]), low32(r[1]), imm)?)
            }
            Op::G2Imm(code, imm) => self.ri(code, low32(r[0]), imm),
            Op::G3(code) => self.add(Instruction::with3(code, low32(r[0]), low32(r[1]), low32(r[2]))?),
            Op::GNeg => self.add(Instruction::with1(Code::Neg_rm32, low32(r[0]))?),
            Op::GNot => self.add(Instruction::with1(Code::Not_rm32, low32(r[0]))?),
            Op::GLea(offset) => self.rm(Code::Lea_r32_m, low32(r[0]), at(r[1], offset)),
            Op::GLea2(offset) => self.rm(Code::Lea_r32_m, low32(r[0]), indexed(r[1], r[2], 1, offset)),
            Op::GCmp(cond) => {
                self.rr(Code::Cmp_r32_rm32, low32(r[1]), low32(r[2]))?;
                self.set(cond, r[0])
            }
            Op::GSelect => {
                self.rr(Code::Test_rm32_r32, low32(r[2]), low32(r[2]))?;
                self.rr(Code::Cmovne_r32_rm32, low32(r[0]), low32(r[3]))
            }
            Op::GSelectCmp(cond) => {
                self.rr(Code::Cmp_r32_rm32, low32(r[2]), low32(r[3]))?;
                self.rr(select_if(cond), low32(r[0]), low32(r[4]))
            }
            Op::GLoadWorker(offset) => self.rm(Code::Mov_r32_rm32, low32(r[0]), at(WORKER, offset)),
            Op::GStoreWorker(offset) => self.mr(Code::Mov_rm32_r32, at(WORKER, offset), low32(r[0])),
            Op::GLoadGroup(offset) => self.rm(Code::Mov_r32_rm32, low32(r[0]), group(offset)),
            Op::GPointer(offset) => self.rm(Code::Mov_r64_rm64, r[0], at(WORKER, offset)),
            Op::GGroup => self.rr(Code::Mov_r64_rm64, r[0], GROUP),
            Op::GScale(scale) => self.add(Instruction::with3(Code::Imul_r64_rm64_imm32, r[0], r[1], scale)?),
            Op::GLeaWide(scale) => self.rm(Code::Lea_r64_m, r[0], indexed(r[1], r[2], u32::from(scale), 0)),
            Op::GWiden => self.rr(Code::Movsxd_r64_rm32, r[0], low32(r[1])),
            Op::RowStore(offset) => self.mr(Code::VEX_Vmovups_ymmm256_ymm, at(WORKER, offset), r[0]),
            Op::GroupLoad(offset) => self.rm(Code::VEX_Vmovups_ymm_ymmm256, r[0], group(offset)),
            Op::GroupStore(offset) => self.mr(Code::VEX_Vmovups_ymmm256_ymm, group(offset), r[0]),
            Op::MemRow(place) => self.rm(Code::VEX_Vmovups_ymm_ymmm256, r[0], memory(place, &r[1..]).0),
            Op::MemSplitRow(place, lanes) => self.split_row(place, lanes, r),
            Op::MemBroadcast(place) => self.rm(Code::VEX_Vbroadcastss_ymm_m32, r[0], memory(place, &r[1..]).0),
            Op::MemWord(place) => self.rm(Code::Mov_r32_rm32, low32(r[0]), memory(place, &r[1..]).0),
            Op::MemRowStore(place) => {
                let (to, rest) = memory(place, r);
                self.mr(Code::VEX_Vmovups_ymmm256_ymm, to, rest[0])
            }
            Op::MemMaskStore(place) => {
                let (to, rest) = memory(place, r);
                self.add(Instruction::with3(Code::VEX_Vpmaskmovd_m256_ymm_ymm, to, rest[0], rest[1])?)
            }
            Op::MemHalf(place) => self.rm(Code::VEX_Vmovups_xmm_xmmm128, xmm(r[0]), memory(place, &r[1..]).0),
            Op::MemHalfInsert(place) => {
                let (from, rest) = memory(place, &r[1..]);
                let code = Code::VEX_Vinsertf128_ymm_ymm_xmmm128_imm8;
                self.add(Instruction::with4(code, r[0], rest[0], from, 1u32)?)
            }
            Op::MemHalfStore(place) => {
                let (to, rest) = memory(place, r);
                self.mr(Code::VEX_Vmovups_xmmm128_xmm, to, xmm(rest[0]))
            }
            Op::MemHalfExtract(place) => {
                let (to, rest) = memory(place, r);
                self.add(Instruction::with3(Code::VEX_Vextractf128_xmmm128_ymm_imm8, to, rest[0], 1u32)?)
            }
            Op::Gather(place) => self.gather(place, r),
            Op::Lanes(place, access) => self.lanes(place, access, r),
            Op::Accumulate(place, fun, signed) => self.accumulate(place, fun, signed, r),
            Op::AccumulateImm(place, number) => self.add_number(place, number, r),
            Op::PerLane(op) => self.per_lane(op, r),
            Op::GDivide(op) => self.general_divide(op, r),
            Op::ZeroWorker(offset, bytes) => self.zero(offset, bytes, r),
            Op::ZeroLanes(offset, bytes) => self.zero_lanes(offset, bytes, r),
            Op::FirstGroup => self.rr(Code::Xor_r32_rm32, Register::R14D, Register::R14D),
            Op::Jump => self.go(successors[0], next),
            Op::StepGroup(bytes) => self.ri(Code::Add_rm64_imm32, GROUP, bytes),
            Op::BranchAny => {
                let row = self.combine(Code::VEX_Vpor_ymm_ymm_ymmm256, r)?;
                self.rr(Code::VEX_Vptest_ymm_ymmm256, row, row)?;
                self.fork(Cond::Ne, successors, next)
            }
            Op::BranchFull => {
                let row = self.combine(Code::VEX_Vpand_ymm_ymm_ymmm256, r)?;
                self.rr(Code::VEX_Vmovmskps_r32_ymm, low32(SPARE), row)?;
                self.ri(Code::Cmp_rm32_imm32, low32(SPARE), 0xff)?;
                self.fork(Cond::Eq, successors, next)
            }
            Op::BranchNonZero => {
                self.rr(Code::Test_rm32_r32, low32(r[0]), low32(r[0]))?;
                self.fork(Cond::Ne, successors, next)
            }
            Op::BranchCmp(cond) => {
                self.rr(Code::Cmp_r32_rm32, low32(r[0]), low32(r[1]))?;
                self.fork(cond, successors, next)
            }
            Op::BranchCmpImm(cond, imm) => {
                self.ri(Code::Cmp_rm32_imm32, low32(r[0]), imm)?;
                self.fork(cond, successors, next)
            }
            Op::BranchWide(cond, offset, limit) => {
                let mut register = r[0];
                if offset != 0 {
                    self.rm(Code::Lea_r64_m, SPARE, at(r[0], offset))?;
                    register = SPARE;
                }
                match limit {
                    Limit::Imm(imm) => self.ri(Code::Cmp_rm64_imm32, register, imm)?,
                    Limit::Worker(offset) => self.rm(Code::Cmp_r64_rm64, register, at(WORKER, offset))?,
                    Limit::Register => self.rr(Code::Cmp_r64_rm64, register, r[1])?,
                }
                self.fork(cond, successors, next)
            }
            Op::BranchGroupBelow(limit) => {
                self.ri(Code::Cmp_rm64_imm32, GROUP, limit)?;
                self.fork(Cond::Below, successors, next)
            }
            Op::BranchGroupAligned(bytes) => {
                self.ri(Code::Test_rm64_imm32, GROUP, bytes - 1)?;
                self.fork(Cond::Eq, successors, next)
            }
            Op::BranchNotStopped => {
                self.rm(Code::Mov_r64_rm64, SPARE, at(WORKER, STOP))?;
                self.add(Instruction::with2(Code::Cmp_rm32_imm8, at(SPARE, 0), 0)?)?;
                self.fork(Cond::Eq, successors, next)
            }
            Op::FirstWorkgroup => {
                for (from, to) in [(FIRST_WORKGROUP, WORKGROUP_ID), (WORKGROUPS, WORKGROUPS_LEFT)] {
                    self.rm(Code::Mov_r32_rm32, low32(SPARE), at(WORKER, from))?;
                    self.mr(Code::Mov_rm32_r32, at(WORKER, to), low32(SPARE))?;
                }
                Ok(())
            }
            Op::NextWorkgroup => {
                self.add(Instruction::with1(Code::Inc_rm32, at(WORKER, WORKGROUP_ID))?)?;
                self.add(Instruction::with1(Code::Dec_rm32, at(WORKER, WORKGROUPS_LEFT))?)?;
                self.fork(Cond::Ne, successors, next)
            }
            Op::Return => self.epilogue(),
        }
    }

    fn go(&mut self, to: usize, next: usize) -> Done {
        if to == next { Ok(()) } else { self.branch(Code::Jmp_rel32_64, block_label(to)) }
    }

    fn fork(&mut self, cond: Cond, to: &[usize], next: usize) -> Done {
        let (yes, no) = jumps(cond);
        if to[0] == next {
            return self.branch(no, block_label(to[1]));
        }
        self.branch(yes, block_label(to[0]))?;
        self.go(to[1], next)
    }

    /// All of the rows combined in one.
    fn combine(&mut self, code: Code, rows: &[Register]) -> Result<Register, IcedError> {
        let mut row = rows[0];
        for &other in &rows[1..] {
            self.add(Instruction::with3(code, SPARE_ROW, row, other)?)?;
            row = SPARE_ROW;
        }
        Ok(row)
    }

    /// All ones or zero by the flags.
    fn set(&mut self, cond: Cond, to: Register) -> Done {
        let code = match cond {
            Cond::Eq => Code::Sete_rm8,
            Cond::Ne => Code::Setne_rm8,
            Cond::Below => Code::Setb_rm8,
            Cond::BelowEq => Code::Setbe_rm8,
            Cond::Above => Code::Seta_rm8,
            Cond::AboveEq => Code::Setae_rm8,
            Cond::Less => Code::Setl_rm8,
            Cond::LessEq => Code::Setle_rm8,
            Cond::Greater => Code::Setg_rm8,
            Cond::GreaterEq => Code::Setge_rm8,
        };
        self.add(Instruction::with1(code, low8(to))?)?;
        self.rr(Code::Movzx_r32_rm8, low32(to), low8(to))?;
        self.add(Instruction::with1(Code::Neg_rm32, low32(to))?)
    }

    /// Registers: result, index; temporaries: start of the first row, order of lanes, second row.
    fn split_row(&mut self, place: MemOperand, lanes: i32, r: &[Register]) -> Done {
        let (from, rest) = memory(place, &r[1..]);
        let &[start, order, second] = rest else { return Ok(()) };
        self.rm(Code::Lea_r64_m, start, from)?;
        self.rr(Code::Mov_r32_rm32, low32(SPARE), low32(start))?;
        // Rows are aligned.
        self.ri(Code::And_rm64_imm8, start, -ROW)?;
        self.ri(Code::Shr_rm32_imm8, low32(SPARE), 2)?;
        self.ri(Code::And_rm32_imm8, low32(SPARE), 7)?;
        self.rr(Code::VEX_Vmovd_xmm_rm32, xmm(order), low32(SPARE))?;
        self.rr(Code::VEX_Vpbroadcastd_ymm_xmmm32, order, xmm(order))?;
        self.add(Instruction::with3(Code::VEX_Vpaddd_ymm_ymm_ymmm256, order, order, at(WORKER, lanes))?)?;
        self.add(Instruction::with3(Code::VEX_Vpermps_ymm_ymm_ymmm256, r[0], order, at(start, 0))?)?;
        self.add(Instruction::with3(Code::VEX_Vpermps_ymm_ymm_ymmm256, second, order, at(start, ROW))?)?;
        // Lanes from 8 on come from the second row; the sign chooses.
        self.add(Instruction::with3(Code::VEX_Vpslld_ymm_ymm_imm8, order, order, 28)?)?;
        self.add(Instruction::with4(Code::VEX_Vblendvps_ymm_ymm_ymmm256_ymm, r[0], r[0], second, order)?)
    }

    /// Registers: result, pointer, index, mask; temporary: mask copy.
    fn gather(&mut self, place: MemOperand, r: &[Register]) -> Done {
        let (base, rest) = pointer(place, &r[1..]);
        let &[index, mask, copy] = rest else { return Ok(()) };
        self.rr(Code::VEX_Vmovaps_ymm_ymmm256, copy, mask)?;
        self.add(Instruction::with3(Code::VEX_Vpxor_ymm_ymm_ymmm256, r[0], r[0], r[0])?)?;
        let memory = MemoryOperand::new(base, index, 4, i64::from(place.offset), 8, false, Register::None);
        self.add(Instruction::with3(Code::VEX_Vpgatherdd_ymm_vm32y_ymm, r[0], memory, copy)?)
    }
}

/// The jumps where a comparison holds, and where it does not.
fn jumps(cond: Cond) -> (Code, Code) {
    match cond {
        Cond::Eq => (Code::Je_rel32_64, Code::Jne_rel32_64),
        Cond::Ne => (Code::Jne_rel32_64, Code::Je_rel32_64),
        Cond::Below => (Code::Jb_rel32_64, Code::Jae_rel32_64),
        Cond::BelowEq => (Code::Jbe_rel32_64, Code::Ja_rel32_64),
        Cond::Above => (Code::Ja_rel32_64, Code::Jbe_rel32_64),
        Cond::AboveEq => (Code::Jae_rel32_64, Code::Jb_rel32_64),
        Cond::Less => (Code::Jl_rel32_64, Code::Jge_rel32_64),
        Cond::LessEq => (Code::Jle_rel32_64, Code::Jg_rel32_64),
        Cond::Greater => (Code::Jg_rel32_64, Code::Jle_rel32_64),
        Cond::GreaterEq => (Code::Jge_rel32_64, Code::Jl_rel32_64),
    }
}

fn select_if(cond: Cond) -> Code {
    match cond {
        Cond::Eq => Code::Cmove_r32_rm32,
        Cond::Ne => Code::Cmovne_r32_rm32,
        Cond::Below => Code::Cmovb_r32_rm32,
        Cond::BelowEq => Code::Cmovbe_r32_rm32,
        Cond::Above => Code::Cmova_r32_rm32,
        Cond::AboveEq => Code::Cmovae_r32_rm32,
        Cond::Less => Code::Cmovl_r32_rm32,
        Cond::LessEq => Code::Cmovle_r32_rm32,
        Cond::Greater => Code::Cmovg_r32_rm32,
        Cond::GreaterEq => Code::Cmovge_r32_rm32,
    }
}
