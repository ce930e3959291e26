//! What has no vector form: lane after lane through the scratch rows of the worker block.

use iced_x86::{Code, Instruction, Register};

use super::{Done, Emitter, SPARE, WORKER, at, indexed, low32, pointer, xmm};
use crate::{
    exec::cpu::jit::{
        layout::SCRATCH,
        mir::{LaneAccess, MemOperand, PerLane, ROW},
    },
    ir::AtomicFun,
};

impl Emitter {
    fn scratch(&mut self, row: i32, from: Register) -> Done {
        self.mr(Code::VEX_Vmovups_ymmm256_ymm, at(WORKER, SCRATCH + row * ROW), from)
    }

    /// The word of a scratch row at a lane.
    fn lane_word(&mut self, to: Register, row: i32, lane: Register) -> Done {
        self.rm(Code::Mov_r32_rm32, low32(to), indexed(WORKER, lane, 4, SCRATCH + row * ROW))
    }

    fn set_lane_word(&mut self, row: i32, lane: Register, from: Register) -> Done {
        self.mr(Code::Mov_rm32_r32, indexed(WORKER, lane, 4, SCRATCH + row * ROW), low32(from))
    }

    /// Stores and atomics. Registers of a store: pointer, index, mask, value; of an atomic: result, pointer, index, mask,
    /// value, and what compare-exchange compares with. Then temporaries: bits, lane, index, value, and RAX.
    pub fn lanes(&mut self, place: MemOperand, access: LaneAccess, r: &[Register]) -> Done {
        let (result, r) = match access {
            LaneAccess::Store | LaneAccess::StoreHalf => (None, r),
            LaneAccess::Atomic { .. } => (Some(r[0]), &r[1..]),
        };
        let compares = matches!(access, LaneAccess::Atomic { fun: AtomicFun::CompareExchange, .. });
        let (base, r) = pointer(place, r);
        let temporaries = &r[if compares { 4 } else { 3 }..];
        let &[bits, lane, index, value, old] = temporaries else { return Ok(()) };
        self.scratch(0, r[0])?;
        self.scratch(1, r[2])?;
        if compares {
            self.scratch(2, r[3])?;
        }
        if let Some(result) = result {
            self.add(Instruction::with3(Code::VEX_Vpxor_ymm_ymm_ymmm256, result, result, result)?)?;
            self.scratch(3, result)?;
        }
        let (top, end) = (self.label(), self.label());
        self.rr(Code::VEX_Vmovmskps_r32_ymm, low32(bits), r[1])?;
        self.bind(top);
        self.rr(Code::Test_rm32_r32, low32(bits), low32(bits))?;
        self.branch(Code::Je_rel32_64, end)?;
        self.rr(Code::Tzcnt_r32_rm32, low32(lane), low32(bits))?;
        self.rr(Code::VEX_Blsr_r32_rm32, low32(bits), low32(bits))?;
        self.lane_word(index, 0, lane)?;
        self.lane_word(value, 1, lane)?;
        let word = indexed(base, index, u32::from(place.scale), place.offset);
        match access {
            LaneAccess::Store => self.mr(Code::Mov_rm32_r32, word, low32(value))?,
            LaneAccess::StoreHalf => self.mr(Code::Mov_rm16_r16, word, low16(value))?,
            LaneAccess::Atomic { fun, signed, locked } => {
                if compares {
                    self.lane_word(old, 2, lane)?;
                }
                match result {
                    // The result's register is free until the lanes' results are read into it.
                    Some(free) if fun == AtomicFun::AddFloat => {
                        self.add_float(locked, word, lane, (value, old, xmm(free)))?;
                    }
                    _ => self.atomic(fun, signed, locked, word, (index, value, old))?,
                }
                self.set_lane_word(3, lane, old)?;
            }
        }
        self.branch(Code::Jmp_rel32_64, top)?;
        self.bind(end);
        match result {
            Some(result) => self.rm(Code::VEX_Vmovups_ymm_ymmm256, result, at(WORKER, SCRATCH + 3 * ROW)),
            None => Ok(()),
        }
    }

    /// Combines eight values with words, one after the other. Registers: pointer, index, value; temporaries: index, value.
    pub fn accumulate(&mut self, place: MemOperand, fun: AtomicFun, signed: bool, r: &[Register]) -> Done {
        let (base, r) = pointer(place, r);
        let &[indices, values, index, value] = r else { return Ok(()) };
        self.scratch(0, indices)?;
        self.scratch(1, values)?;
        let code = match fun {
            AtomicFun::Add => Code::Add_rm32_r32,
            AtomicFun::Sub => Code::Sub_rm32_r32,
            AtomicFun::And => Code::And_rm32_r32,
            AtomicFun::Or => Code::Or_rm32_r32,
            _ => Code::Xor_rm32_r32,
        };
        for lane in 0..8 {
            self.rm(Code::Mov_r32_rm32, low32(index), at(WORKER, SCRATCH + lane * 4))?;
            self.rm(Code::Mov_r32_rm32, low32(value), at(WORKER, SCRATCH + ROW + lane * 4))?;
            let word = indexed(base, index, 4, place.offset);
            match (fun, signed) {
                (AtomicFun::Min | AtomicFun::Max, signed) => {
                    self.rm(Code::Cmp_r32_rm32, low32(value), word)?;
                    let keep = match (fun, signed) {
                        (AtomicFun::Min, true) => Code::Cmovg_r32_rm32,
                        (AtomicFun::Min, false) => Code::Cmova_r32_rm32,
                        (_, true) => Code::Cmovl_r32_rm32,
                        (_, false) => Code::Cmovb_r32_rm32,
                    };
                    self.rm(keep, low32(value), word)?;
                    self.mr(Code::Mov_rm32_r32, word, low32(value))?;
                }
                _ => self.mr(code, word, low32(value))?,
            }
        }
        Ok(())
    }

    /// Adds a number to eight words, one after the other. Registers: pointer, index; temporaries: index, and two more.
    pub fn add_number(&mut self, place: MemOperand, number: i32, r: &[Register]) -> Done {
        let (base, r) = pointer(place, r);
        let &[indices, index, pair, half] = r else { return Ok(()) };
        let add = |s: &mut Self, index| {
            let word = indexed(base, index, 4, place.offset);
            match i8::try_from(number) {
                Ok(_) => s.add(Instruction::with2(Code::Add_rm32_imm8, word, number)?),
                Err(_) => s.add(Instruction::with2(Code::Add_rm32_imm32, word, number)?),
            }
        };
        for quarter in 0..4 {
            if quarter == 2 {
                self.add(Instruction::with3(Code::VEX_Vextractf128_xmmm128_ymm_imm8, xmm(half), indices, 1u32)?)?;
            }
            let from = if quarter < 2 { indices } else { half };
            match quarter % 2 {
                0 => self.rr(Code::VEX_Vmovq_rm64_xmm, pair, xmm(from))?,
                _ => self.add(Instruction::with3(Code::VEX_Vpextrq_rm64_xmm_imm8, pair, xmm(from), 1u32)?)?,
            }
            self.rr(Code::Mov_r32_rm32, low32(index), low32(pair))?;
            self.ri(Code::Shr_rm64_imm8, pair, 32)?;
            add(self, index)?;
            add(self, pair)?;
        }
        Ok(())
    }

    /// One atomic; `old` is RAX and holds the old value afterwards (before, what compare-exchange compares with).
    fn atomic(
        &mut self,
        fun: AtomicFun,
        signed: bool,
        shared: bool,
        word: iced_x86::MemoryOperand,
        (_, value, old): (Register, Register, Register),
    ) -> Done {
        let (value, old) = (low32(value), low32(old));
        let locked = |mut instruction: Instruction| {
            instruction.set_has_lock_prefix(true);
            instruction
        };
        match fun {
            AtomicFun::Load => return self.rm(Code::Mov_r32_rm32, old, word),
            AtomicFun::Store => return self.mr(Code::Mov_rm32_r32, word, value),
            AtomicFun::Exchange => {
                self.mr(Code::Xchg_rm32_r32, word, value)?;
                return self.rr(Code::Mov_r32_rm32, old, value);
            }
            AtomicFun::CompareExchange => {
                return self.add(locked(Instruction::with2(Code::Cmpxchg_rm32_r32, word, value)?));
            }
            AtomicFun::Add | AtomicFun::Sub if shared => {
                if fun == AtomicFun::Sub {
                    self.add(Instruction::with1(Code::Neg_rm32, value)?)?;
                }
                self.add(locked(Instruction::with2(Code::Xadd_rm32_r32, word, value)?))?;
                return self.rr(Code::Mov_r32_rm32, old, value);
            }
            _ => {}
        }
        // Read, combine, and write if nothing came between; the operand is kept on the stack for another try.
        let again = self.label();
        self.rm(Code::Mov_r32_rm32, old, word)?;
        self.bind(again);
        self.add(Instruction::with1(Code::Push_r64, value_64(value))?)?;
        match fun {
            AtomicFun::Add => self.rr(Code::Add_r32_rm32, value, old)?,
            AtomicFun::Sub => {
                self.add(Instruction::with1(Code::Neg_rm32, value)?)?;
                self.rr(Code::Add_r32_rm32, value, old)?;
            }
            AtomicFun::And => self.rr(Code::And_r32_rm32, value, old)?,
            AtomicFun::Or => self.rr(Code::Or_r32_rm32, value, old)?,
            AtomicFun::Xor => self.rr(Code::Xor_r32_rm32, value, old)?,
            AtomicFun::Min | AtomicFun::Max => {
                self.rr(Code::Cmp_r32_rm32, old, value)?;
                let keep_old = match (fun, signed) {
                    (AtomicFun::Min, true) => Code::Cmovl_r32_rm32,
                    (AtomicFun::Min, false) => Code::Cmovb_r32_rm32,
                    (_, true) => Code::Cmovg_r32_rm32,
                    (_, false) => Code::Cmova_r32_rm32,
                };
                self.rr(keep_old, value, old)?;
            }
            _ => {}
        }
        if !shared {
            self.mr(Code::Mov_rm32_r32, word, value)?;
            return self.add(Instruction::with1(Code::Pop_r64, value_64(value))?);
        }
        self.add(locked(Instruction::with2(Code::Cmpxchg_rm32_r32, word, value)?))?;
        self.add(Instruction::with1(Code::Pop_r64, value_64(value))?)?;
        self.branch(Code::Jne_rel32_64, again)
    }

    /// Adds the value of a lane, which is in scratch row 1, to a float; `old` is RAX and holds the old bits afterwards.
    fn add_float(
        &mut self,
        shared: bool,
        word: iced_x86::MemoryOperand,
        lane: Register,
        (new, old, sum): (Register, Register, Register),
    ) -> Done {
        let (new, old, again) = (low32(new), low32(old), self.label());
        let value = indexed(WORKER, lane, 4, SCRATCH + ROW);
        self.rm(Code::Mov_r32_rm32, old, word)?;
        self.bind(again);
        self.rr(Code::VEX_Vmovd_xmm_rm32, sum, old)?;
        self.add(Instruction::with3(Code::VEX_Vaddss_xmm_xmm_xmmm32, sum, sum, value)?)?;
        self.rr(Code::VEX_Vmovd_rm32_xmm, new, sum)?;
        if !shared {
            return self.mr(Code::Mov_rm32_r32, word, new);
        }
        let mut write = Instruction::with2(Code::Cmpxchg_rm32_r32, word, new)?;
        write.set_has_lock_prefix(true);
        self.add(write)?;
        self.branch(Code::Jne_rel32_64, again)
    }

    /// Registers: result, operands; temporaries: lane, operand, RAX, RDX.
    pub fn per_lane(&mut self, op: PerLane, r: &[Register]) -> Done {
        let two = matches!(op, PerLane::DivU | PerLane::DivI | PerLane::RemU | PerLane::RemI);
        let &[lane, y, x, d] = &r[if two { 3 } else { 2 }..] else { return Ok(()) };
        self.scratch(0, r[1])?;
        if two {
            self.scratch(1, r[2])?;
        }
        self.rr(Code::Xor_r32_rm32, low32(lane), low32(lane))?;
        let top = self.label();
        self.bind(top);
        self.lane_word(x, 0, lane)?;
        let result = match op {
            PerLane::CountOnes => {
                self.rr(Code::Popcnt_r32_rm32, low32(x), low32(x))?;
                x
            }
            PerLane::LeadingZeros => {
                self.rr(Code::Lzcnt_r32_rm32, low32(x), low32(x))?;
                x
            }
            PerLane::TrailingZeros => {
                self.rr(Code::Tzcnt_r32_rm32, low32(x), low32(x))?;
                x
            }
            _ => {
                self.lane_word(y, 1, lane)?;
                self.divide(op, x, y, d)?;
                if matches!(op, PerLane::DivU | PerLane::DivI) { x } else { d }
            }
        };
        self.set_lane_word(3, lane, result)?;
        self.add(Instruction::with1(Code::Inc_rm32, low32(lane))?)?;
        self.ri(Code::Cmp_rm32_imm32, low32(lane), 8)?;
        self.branch(Code::Jne_rel32_64, top)?;
        self.rm(Code::VEX_Vmovups_ymm_ymmm256, r[0], at(WORKER, SCRATCH + 3 * ROW))
    }

    /// Registers: result, operands; temporaries: RAX, RDX.
    pub fn general_divide(&mut self, op: PerLane, r: &[Register]) -> Done {
        let &[result, a, b, x, d] = r else { return Ok(()) };
        self.rr(Code::Mov_r32_rm32, low32(x), low32(a))?;
        self.divide(op, x, b, d)?;
        let from = if matches!(op, PerLane::DivU | PerLane::DivI) { x } else { d };
        self.rr(Code::Mov_r32_rm32, low32(result), low32(from))
    }

    /// The quotient in `x` (RAX) and the remainder in `d` (RDX), with the cases that would trap set apart.
    fn divide(&mut self, op: PerLane, x: Register, y: Register, d: Register) -> Done {
        let signed = matches!(op, PerLane::DivI | PerLane::RemI);
        let (special, end) = (self.label(), self.label());
        // Division by zero gives the dividend and no remainder; so does INT_MIN / -1, as any x / -1 is -x.
        self.rr(Code::Xor_r32_rm32, low32(d), low32(d))?;
        self.rr(Code::Test_rm32_r32, low32(y), low32(y))?;
        self.branch(Code::Je_rel32_64, end)?;
        if signed {
            self.ri(Code::Cmp_rm32_imm32, low32(y), -1)?;
            self.branch(Code::Je_rel32_64, special)?;
            self.add(Instruction::with(Code::Cdq))?;
            self.add(Instruction::with1(Code::Idiv_rm32, low32(y))?)?;
            self.branch(Code::Jmp_rel32_64, end)?;
            self.bind(special);
            self.add(Instruction::with1(Code::Neg_rm32, low32(x))?)?;
        } else {
            self.add(Instruction::with1(Code::Div_rm32, low32(y))?)?;
        }
        self.bind(end);
        Ok(())
    }

    /// Zeroes rows of the worker block. Temporaries: offset, and a vector.
    pub fn zero(&mut self, offset: i32, bytes: i32, r: &[Register]) -> Done {
        let (counter, row) = (r[0], r[1]);
        self.add(Instruction::with3(Code::VEX_Vpxor_ymm_ymm_ymmm256, row, row, row)?)?;
        self.rr(Code::Xor_r32_rm32, low32(counter), low32(counter))?;
        let top = self.label();
        self.bind(top);
        self.mr(Code::VEX_Vmovups_ymmm256_ymm, indexed(WORKER, counter, 1, offset), row)?;
        self.ri(Code::Add_rm64_imm32, counter, ROW)?;
        self.ri(Code::Cmp_rm64_imm32, counter, bytes)?;
        self.branch(Code::Jb_rel32_64, top)
    }

    /// Zeroes the lanes of a mask in rows of the worker block. Registers: the offset to add, if there is one, and the mask;
    /// temporaries: offset, and a vector.
    pub fn zero_lanes(&mut self, offset: i32, bytes: i32, r: &[Register]) -> Done {
        let (start, rest) = if r.len() == 4 { (Some(r[0]), &r[1..]) } else { (None, r) };
        let &[mask, counter, row] = rest else { return Ok(()) };
        self.rr(Code::Xor_r32_rm32, low32(counter), low32(counter))?;
        let base = match start {
            Some(start) => {
                self.add(Instruction::with2(Code::Lea_r64_m, SPARE, indexed(WORKER, start, 1, 0))?)?;
                SPARE
            }
            None => WORKER,
        };
        let top = self.label();
        self.bind(top);
        let memory = indexed(base, counter, 1, offset);
        self.add(Instruction::with3(Code::VEX_Vpandn_ymm_ymm_ymmm256, row, mask, memory)?)?;
        self.mr(Code::VEX_Vmovups_ymmm256_ymm, memory, row)?;
        self.ri(Code::Add_rm64_imm32, counter, ROW)?;
        self.ri(Code::Cmp_rm64_imm32, counter, bytes)?;
        self.branch(Code::Jb_rel32_64, top)
    }
}

/// The 16-bit register of a 64-bit one.
fn low16(register: Register) -> Register {
    Register::AX + (register as u32 - Register::RAX as u32)
}

/// The 64-bit register of a 32-bit one.
fn value_64(register: Register) -> Register {
    Register::RAX + (register as u32 - Register::EAX as u32)
}
