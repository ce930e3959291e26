//! Encodes allocated machine instructions.

mod lanes;

use iced_x86::{
    BlockEncoder, BlockEncoderOptions, Code, IcedError, Instruction, InstructionBlock, MemoryOperand, Register,
};
use regalloc2::{Allocation, Edit, Function, InstOrEdit, Output, RegClass};

use super::{
    layout::{MXCSR_HOST, MXCSR_KERNEL, POINTER, WORKGROUP_ID, WORKGROUPS_LEFT},
    mir::{Base, Cond, Linear, Op, ROW},
};

/// The worker block, and the lane group's offset.
const WORKER: Register = Register::R15;
const GROUP: Register = Register::R14;
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
    let mut emitter = Emitter { out: Vec::new(), origins: Vec::new(), next_label: 1, pending: None, frame: 0 };
    // Labels of blocks come first.
    emitter.next_label += linear.num_blocks() as u64;
    emitter.frame = (output.num_spillslots * 8).next_multiple_of(16) as i32;
    emitter.prologue()?;
    for index in 0..linear.num_blocks() {
        let block = regalloc2::Block::new(index);
        emitter.bind(block_label(index));
        for step in output.block_insts_and_edits(linear, block) {
            match step {
                InstOrEdit::Edit(Edit::Move { from, to }) => emitter.transfer(*from, *to)?,
                InstOrEdit::Inst(inst) => {
                    let instruction = &linear.instructions[inst.index()];
                    emitter.origins.push((emitter.out.len(), instruction.origin));
                    let registers: Vec<Register> = output.inst_allocs(inst).iter().map(|&a| register(a)).collect();
                    let successors: Vec<usize> = linear.blocks[index].successors.iter().map(|b| b.index()).collect();
                    emitter.instruction(instruction.op, &registers, &successors, index + 1)?;
                }
            }
        }
    }
    // A label may stand behind the last instruction.
    emitter.add(Instruction::with(Code::Int3))?;
    emitter.encode()
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

struct Emitter {
    out: Vec<Instruction>,
    /// The index of an instruction, and its origin.
    origins: Vec<(usize, u32)>,
    next_label: u64,
    pending: Option<u64>,
    /// Bytes of spill slots.
    frame: i32,
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

    /// The register that holds a base pointer, and the displacement behind it.
    fn base(&mut self, base: Base, spare: Register) -> Result<(Register, i32), IcedError> {
        match base {
            Base::Worker(offset) => Ok((WORKER, offset)),
            Base::Pointer(record, offset) => {
                self.rm(Code::Mov_r64_rm64, spare, at(WORKER, record + POINTER))?;
                Ok((spare, offset))
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
            Op::RoundHalf => {
                self.add(Instruction::with3(Code::VEX_Vcvtps2ph_xmmm128_ymm_imm8, xmm(r[0]), r[1], 0u32)?)?;
                self.rr(Code::VEX_Vcvtph2ps_ymm_xmmm128, r[0], xmm(r[0]))
            }
            Op::GImm(imm) => self.add(Instruction::with2(Code::Mov_r32_imm32, low32(r[0]), imm)?),
            Op::G2(code) => self.rr(code, low32(r[0]), low32(r[2])),
            Op::G2Imm(code @ Code::Imul_r32_rm32_imm32, imm) => {
                self.add(Instruction::with3(code, low32(r[0]), low32(r[1]), imm)?)
            }
            Op::G2Imm(code, imm) => self.ri(code, low32(r[0]), imm),
            Op::G3(code) => self.add(Instruction::with3(code, low32(r[0]), low32(r[1]), low32(r[2]))?),
            Op::GMove => self.rr(Code::Mov_r64_rm64, r[0], r[1]),
            Op::GNeg => self.add(Instruction::with1(Code::Neg_rm32, low32(r[0]))?),
            Op::GNot => self.add(Instruction::with1(Code::Not_rm32, low32(r[0]))?),
            Op::GCmp(cond) => {
                self.rr(Code::Cmp_r32_rm32, low32(r[1]), low32(r[2]))?;
                self.set(cond, r[0])
            }
            Op::GBelow(limit) => {
                self.ri(Code::Cmp_rm64_imm32, r[1], limit)?;
                self.set(Cond::Less, r[0])
            }
            Op::GBelowWorker(offset) => {
                self.rm(Code::Cmp_r64_rm64, r[1], at(WORKER, offset))?;
                self.set(Cond::Less, r[0])
            }
            Op::GSelect => {
                self.rr(Code::Test_rm32_r32, low32(r[2]), low32(r[2]))?;
                self.rr(Code::Cmovne_r32_rm32, low32(r[0]), low32(r[3]))
            }
            Op::GFull => {
                self.rr(Code::VEX_Vmovmskps_r32_ymm, low32(r[0]), r[1])?;
                self.ri(Code::Cmp_rm32_imm32, low32(r[0]), 0xff)?;
                self.set(Cond::Eq, r[0])
            }
            Op::GLoadWorker(offset) => self.rm(Code::Mov_r32_rm32, low32(r[0]), at(WORKER, offset)),
            Op::GGroup => self.rr(Code::Mov_r64_rm64, r[0], GROUP),
            Op::GScale(scale) => self.add(Instruction::with3(Code::Imul_r64_rm64_imm32, r[0], r[1], scale)?),
            Op::GAdd64 => self.rr(Code::Add_r64_rm64, r[0], r[2]),
            Op::RowStore(offset) => self.mr(Code::VEX_Vmovups_ymmm256_ymm, at(WORKER, offset), r[0]),
            Op::GroupLoad(offset) => self.rm(Code::VEX_Vmovups_ymm_ymmm256, r[0], group(offset)),
            Op::GroupStore(offset) => self.mr(Code::VEX_Vmovups_ymmm256_ymm, group(offset), r[0]),
            Op::MemRow(base) => {
                let (b, d) = self.base(base, r[2])?;
                self.rm(Code::VEX_Vmovups_ymm_ymmm256, r[0], indexed(b, r[1], 1, d))
            }
            Op::MemBroadcast(base) => {
                let (b, d) = self.base(base, r[2])?;
                self.rm(Code::VEX_Vbroadcastss_ymm_m32, r[0], indexed(b, r[1], 1, d))
            }
            Op::MemWord(base) => {
                let (b, d) = self.base(base, r[2])?;
                self.rm(Code::Mov_r32_rm32, low32(r[0]), indexed(b, r[1], 1, d))
            }
            Op::MemRowStore(base) => {
                let (b, d) = self.base(base, r[2])?;
                self.mr(Code::VEX_Vmovups_ymmm256_ymm, indexed(b, r[0], 1, d), r[1])
            }
            Op::Gather(base) => self.gather(base, r),
            Op::Lanes(base, access) => self.lanes(base, access, r),
            Op::PerLane(op) => self.per_lane(op, r),
            Op::ZeroWorker(offset, bytes) => self.zero(offset, bytes, r),
            Op::FirstGroup => self.rr(Code::Xor_r32_rm32, Register::R14D, Register::R14D),
            Op::Jump => self.go(successors[0], next),
            Op::BranchAny => {
                self.rr(Code::VEX_Vptest_ymm_ymmm256, r[0], r[0])?;
                self.fork(Code::Jne_rel32_64, Code::Je_rel32_64, successors, next)
            }
            Op::BranchNonZero => {
                self.rr(Code::Test_rm32_r32, low32(r[0]), low32(r[0]))?;
                self.fork(Code::Jne_rel32_64, Code::Je_rel32_64, successors, next)
            }
            Op::NextGroup(limit) => {
                self.ri(Code::Add_rm64_imm32, GROUP, ROW)?;
                self.ri(Code::Cmp_rm64_imm32, GROUP, limit)?;
                self.fork(Code::Jb_rel32_64, Code::Jae_rel32_64, successors, next)
            }
            Op::NextWorkgroup => {
                self.add(Instruction::with1(Code::Inc_rm32, at(WORKER, WORKGROUP_ID))?)?;
                self.add(Instruction::with1(Code::Dec_rm32, at(WORKER, WORKGROUPS_LEFT))?)?;
                self.fork(Code::Jne_rel32_64, Code::Je_rel32_64, successors, next)
            }
            Op::Return => self.epilogue(),
        }
    }

    fn go(&mut self, to: usize, next: usize) -> Done {
        if to == next { Ok(()) } else { self.branch(Code::Jmp_rel32_64, block_label(to)) }
    }

    fn fork(&mut self, yes: Code, no: Code, to: &[usize], next: usize) -> Done {
        if to[0] == next {
            return self.branch(no, block_label(to[1]));
        }
        self.branch(yes, block_label(to[0]))?;
        self.go(to[1], next)
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

    /// Registers: result, index, mask; temporaries: mask copy (vector), pointer.
    fn gather(&mut self, base: Base, r: &[Register]) -> Done {
        let (b, d) = self.base(base, r[4])?;
        self.rr(Code::VEX_Vmovaps_ymm_ymmm256, r[3], r[2])?;
        self.add(Instruction::with3(Code::VEX_Vpxor_ymm_ymm_ymmm256, r[0], r[0], r[0])?)?;
        let memory = MemoryOperand::new(b, r[1], 4, i64::from(d), 8, false, Register::None);
        self.add(Instruction::with3(Code::VEX_Vpgatherdd_ymm_vm32y_ymm, r[0], memory, r[3])?)
    }
}
