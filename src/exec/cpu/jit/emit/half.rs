//! Halves: F16C has conversions only, so they are single floats in registers.

use iced_x86::{Code, Instruction, Register};

use super::{Done, Emitter, memory, xmm};
use crate::exec::cpu::jit::mir::{MemOperand, Op};

/// Of `vcvtps2ph`: to the nearest, ties to even.
const NEAREST: u32 = 0;
/// Of `vpermq`: the even quarters first.
const EVEN_QUARTERS: u32 = 0b1000;

impl Emitter {
    /// Conversions of a row. Registers: result, operand.
    pub fn half(&mut self, op: Op, r: &[Register]) -> Done {
        match op {
            Op::FromHalf => {
                self.add(Instruction::with3(Code::VEX_Vpackusdw_ymm_ymm_ymmm256, r[0], r[1], r[1])?)?;
                self.add(Instruction::with3(Code::VEX_Vpermq_ymm_ymmm256_imm8, r[0], r[0], EVEN_QUARTERS)?)?;
                self.rr(Code::VEX_Vcvtph2ps_ymm_xmmm128, r[0], xmm(r[0]))
            }
            _ => {
                self.add(Instruction::with3(Code::VEX_Vcvtps2ph_xmmm128_ymm_imm8, xmm(r[0]), r[1], NEAREST)?)?;
                let back = match op {
                    Op::ToHalf => Code::VEX_Vpmovzxwd_ymm_xmmm128,
                    _ => Code::VEX_Vcvtph2ps_ymm_xmmm128,
                };
                self.rr(back, r[0], xmm(r[0]))
            }
        }
    }

    /// Registers of a load: result, then the place; of a store: the place, then the value.
    pub fn half_access(&mut self, op: Op, place: MemOperand, r: &[Register]) -> Done {
        match op {
            Op::MemF16Row(_) => self.rm(Code::VEX_Vcvtph2ps_ymm_xmmm128, r[0], memory(place, &r[1..]).0),
            Op::MemF16Broadcast(_) => {
                self.rm(Code::VEX_Vpbroadcastw_xmm_xmmm16, xmm(r[0]), memory(place, &r[1..]).0)?;
                self.rr(Code::VEX_Vcvtph2ps_ymm_xmmm128, r[0], xmm(r[0]))
            }
            _ => {
                let (to, rest) = memory(place, r);
                self.add(Instruction::with3(Code::VEX_Vcvtps2ph_xmmm128_ymm_imm8, to, rest[0], NEAREST)?)
            }
        }
    }
}
