//! Pure operations: integers and conditions that are uniform in general registers, all else in rows.

use iced_x86::Code;
use regalloc2::{Operand, PReg, RegClass, VReg};

use super::{Result, Selector, Unsupported};
use crate::{
    exec::cpu::jit::{
        layout::{LENGTH, NUM_WORKGROUPS, WORKGROUP_ID},
        mir::{Cond, Op as M, PerLane},
    },
    ir::{Binary, Builtin, Op, SUBGROUP_SIZE, Type, Unary, Value},
};

const SIGN: u32 = 0x8000_0000;
/// Rounding modes of `vroundps`, without raising inexact.
const NEAREST: u8 = 8;
const DOWN: u8 = 9;
const UP: u8 = 10;
const TO_ZERO: u8 = 11;
/// Predicates of `vcmpps`.
const EQUAL: u8 = 0;
const UNORDERED: u8 = 3;
const NOT_EQUAL: u8 = 4;
const ORDERED: u8 = 7;
const LESS: u8 = 0x11;
const LESS_EQUAL: u8 = 0x12;
const GREATER_EQUAL: u8 = 0x1d;
const GREATER: u8 = 0x1e;

impl Selector<'_> {
    /// Computes a value that a statement defines.
    pub fn define(&mut self, value: Value) -> Result<()> {
        let def = self.program.def(value);
        self.comes_from(def.origin);
        let vreg = match &def.op {
            Op::Const(_) => return Ok(()),
            Op::Load(address) | Op::UniformLoad(address) => self.load(value, address)?,
            Op::Atomic(atomic) => self.atomic(value, atomic)?,
            Op::Builtin(builtin) => self.builtin(*builtin)?,
            Op::ArrayLength(mem) => {
                let record = self.layout.memory(*mem);
                self.mir.g(M::GLoadWorker(record + LENGTH), &[])
            }
            _ if self.is_general(value) => self.general_operation(value)?,
            op => self.row_operation(value, op)?,
        };
        self.bind(value, vreg);
        Ok(())
    }

    /// Notes where a value is, and stores it if another region uses it.
    pub fn bind(&mut self, value: Value, vreg: VReg) {
        self.set(value, vreg);
        if let (Some(&row), RegClass::Float, true) = (self.crossing.get(&value), vreg.class(), self.in_region) {
            self.mir.effect(M::GroupStore(row), &[vreg]);
        }
    }

    fn builtin(&mut self, builtin: Builtin) -> Result<VReg> {
        let size = self.program.workgroup_size;
        let axis = |a: u8| usize::from(a);
        Ok(match builtin {
            Builtin::NumWorkgroups(a) => self.mir.g(M::GLoadWorker(NUM_WORKGROUPS + 4 * i32::from(a)), &[]),
            Builtin::WorkgroupId(a) => self.mir.g(M::GLoadWorker(WORKGROUP_ID + 4 * i32::from(a)), &[]),
            Builtin::LocalId(a) => self.mir.v(M::GroupLoad(self.layout.lane_ids[axis(a)]), &[]),
            Builtin::GlobalId(a) => {
                let local = self.mir.v(M::GroupLoad(self.layout.lane_ids[axis(a)]), &[]);
                let group = self.mir.g(M::GLoadWorker(WORKGROUP_ID + 4 * i32::from(a)), &[]);
                let start =
                    self.mir.tied(RegClass::Int, M::G2Imm(Code::Imul_r32_rm32_imm32, size[axis(a)] as i32), &[group]);
                let start = self.broadcast(start);
                self.v3(Code::VEX_Vpaddd_ymm_ymm_ymmm256, start, local)
            }
            Builtin::LocalIndex => {
                // x + size.x * (y + size.y * z)
                let [x, y, z] = self.layout.lane_ids.map(|row| self.mir.v(M::GroupLoad(row), &[]));
                let (sx, sy) = (self.constant(size[0])?, self.constant(size[1])?);
                let z = self.v3(Code::VEX_Vpmulld_ymm_ymm_ymmm256, z, sy);
                let y = self.v3(Code::VEX_Vpaddd_ymm_ymm_ymmm256, y, z);
                let y = self.v3(Code::VEX_Vpmulld_ymm_ymm_ymmm256, y, sx);
                self.v3(Code::VEX_Vpaddd_ymm_ymm_ymmm256, x, y)
            }
            Builtin::SubgroupInvocationId | Builtin::SubgroupId => {
                let index = self.builtin(Builtin::LocalIndex)?;
                if builtin == Builtin::SubgroupId {
                    let shift = SUBGROUP_SIZE.trailing_zeros() as u8;
                    return Ok(self.shift_imm(Code::VEX_Vpsrld_ymm_ymm_imm8, index, shift));
                }
                let low = self.constant(SUBGROUP_SIZE - 1)?;
                self.and(index, low)
            }
        })
    }

    fn v3(&mut self, code: Code, a: VReg, b: VReg) -> VReg {
        self.mir.v(M::V3(code), &[a, b])
    }

    /// `op(a, b)`, with a constant `b` taken from memory.
    fn v3_value(&mut self, code: Code, a: VReg, b: Value) -> Result<VReg> {
        match self.as_const(b) {
            Some(bits) if bits != 0 => {
                let row = self.constant_row(bits)?;
                Ok(self.mir.v(M::V3Const(code, row), &[a]))
            }
            _ => {
                let b = self.vector(b)?;
                Ok(self.v3(code, a, b))
            }
        }
    }

    fn v3_const(&mut self, code: Code, a: VReg, bits: u32) -> Result<VReg> {
        let row = self.constant_row(bits)?;
        Ok(self.mir.v(M::V3Const(code, row), &[a]))
    }

    fn shift_imm(&mut self, code: Code, a: VReg, by: u8) -> VReg {
        self.mir.v(M::V2Imm(code, by), &[a])
    }

    fn compare(&mut self, predicate: u8, a: VReg, b: VReg) -> VReg {
        self.mir.v(M::V3Imm(Code::VEX_Vcmpps_ymm_ymm_ymmm256_imm8, predicate), &[a, b])
    }

    fn g2(&mut self, code: Code, a: VReg, b: VReg) -> VReg {
        self.mir.tied(RegClass::Int, M::G2(code), &[a, b])
    }

    /// A uniform integer or condition.
    fn general_operation(&mut self, value: Value) -> Result<VReg> {
        let program = self.program;
        let ty = self.ty(value);
        match &program.def(value).op {
            Op::Bitcast(a) if self.is_general(*a) => {
                let a = self.general(*a)?;
                return Ok(self.mir.g(M::GMove, &[a]));
            }
            Op::Convert(a) if self.ty(*a) == Type::Bool => {
                let a = self.general(*a)?;
                return Ok(self.mir.tied(RegClass::Int, M::G2Imm(Code::And_rm32_imm32, 1), &[a]));
            }
            Op::Unary(op @ (Unary::Neg | Unary::Not), a) => {
                let a = self.general(*a)?;
                let op = if *op == Unary::Neg { M::GNeg } else { M::GNot };
                return Ok(self.mir.tied(RegClass::Int, op, &[a]));
            }
            Op::Select { cond, accept, reject } => {
                let (cond, accept, reject) = (self.general(*cond)?, self.general(*accept)?, self.general(*reject)?);
                return Ok(self.mir.tied(RegClass::Int, M::GSelect, &[reject, cond, accept]));
            }
            Op::Binary(op, a, b) if self.ty(*a) != Type::F32 => {
                if let Some(vreg) = self.general_binary(*op, *a, *b)? {
                    return Ok(vreg);
                }
            }
            _ => {}
        }
        // What has no form for general registers is computed in all lanes.
        let row = self.row_operation(value, &program.def(value).op)?;
        debug_assert_ne!(ty, Type::F32);
        Ok(self.mir.g(M::Extract, &[row]))
    }

    fn general_binary(&mut self, op: Binary, a: Value, b: Value) -> Result<Option<VReg>> {
        let signed = self.ty(a) == Type::I32;
        let code = match op {
            Binary::Add => Some(Code::Add_r32_rm32),
            Binary::Sub => Some(Code::Sub_r32_rm32),
            Binary::Mul => Some(Code::Imul_r32_rm32),
            Binary::And => Some(Code::And_r32_rm32),
            Binary::Or => Some(Code::Or_r32_rm32),
            Binary::Xor => Some(Code::Xor_r32_rm32),
            _ => None,
        };
        let cond = match op {
            Binary::Eq => Some(Cond::Eq),
            Binary::Ne => Some(Cond::Ne),
            Binary::Lt => Some(if signed { Cond::Less } else { Cond::Below }),
            Binary::Le => Some(if signed { Cond::LessEq } else { Cond::BelowEq }),
            Binary::Gt => Some(if signed { Cond::Greater } else { Cond::Above }),
            Binary::Ge => Some(if signed { Cond::GreaterEq } else { Cond::AboveEq }),
            _ => None,
        };
        let shift = match op {
            Binary::Shl => Some(Code::VEX_Shlx_r32_rm32_r32),
            Binary::Shr if signed => Some(Code::VEX_Sarx_r32_rm32_r32),
            Binary::Shr => Some(Code::VEX_Shrx_r32_rm32_r32),
            _ => None,
        };
        if matches!(op, Binary::Div | Binary::Rem) {
            return Ok(None);
        }
        let (ra, rb) = (self.general(a)?, self.general(b)?);
        Ok(Some(if let Some(code) = code {
            self.g2(code, ra, rb)
        } else if let Some(cond) = cond {
            self.mir.g(M::GCmp(cond), &[ra, rb])
        } else if let Some(code) = shift {
            self.mir.g(M::G3(code), &[ra, rb])
        } else {
            // Min and max.
            let below = if signed { Cond::Less } else { Cond::Below };
            let less = self.mir.g(M::GCmp(below), &[ra, rb]);
            let (low, high) = if op == Binary::Min { (ra, rb) } else { (rb, ra) };
            self.mir.tied(RegClass::Int, M::GSelect, &[high, less, low])
        }))
    }

    fn row_operation(&mut self, value: Value, op: &Op) -> Result<VReg> {
        let ty = self.ty(value);
        Ok(match op {
            Op::Unary(op, a) => self.row_unary(*op, *a)?,
            Op::Binary(op, a, b) => match self.ty(*a) {
                Type::F32 => self.float_binary(*op, *a, *b)?,
                _ => self.integer_binary(*op, *a, *b)?,
            },
            Op::Fma(a, b, c) => {
                let (a, b, c) = (self.vector(*a)?, self.vector(*b)?, self.vector(*c)?);
                // The addend's register takes the sum: in a loop that accumulates, nothing moves.
                self.mir.tied(RegClass::Float, M::Fma(Code::VEX_Vfmadd231ps_ymm_ymm_ymmm256), &[c, a, b])
            }
            Op::Select { cond, accept, reject } => {
                let (cond, accept, reject) = (self.vector(*cond)?, self.vector(*accept)?, self.vector(*reject)?);
                self.blend(cond, accept, reject)
            }
            Op::Convert(a) => self.convert(self.ty(*a), ty, *a)?,
            Op::Bitcast(a) => self.vector(*a)?,
            _ => return Err(Unsupported("an operation")),
        })
    }

    fn row_unary(&mut self, op: Unary, a: Value) -> Result<VReg> {
        let ty = self.ty(a);
        let x = self.vector(a)?;
        let round = |s: &mut Self, mode| Ok(s.mir.v(M::V2Imm(Code::VEX_Vroundps_ymm_ymmm256_imm8, mode), &[x]));
        match op {
            Unary::Neg if ty == Type::F32 => self.v3_const(Code::VEX_Vxorps_ymm_ymm_ymmm256, x, SIGN),
            Unary::Neg => {
                let zero = self.mir.v(M::VZero, &[]);
                Ok(self.v3(Code::VEX_Vpsubd_ymm_ymm_ymmm256, zero, x))
            }
            Unary::Abs if ty == Type::F32 => self.v3_const(Code::VEX_Vandps_ymm_ymm_ymmm256, x, !SIGN),
            Unary::Abs if ty == Type::I32 => Ok(self.mir.v(M::V2(Code::VEX_Vpabsd_ymm_ymmm256), &[x])),
            Unary::Abs => Ok(x),
            Unary::Not => {
                let ones = self.mir.v(M::VOnes, &[]);
                Ok(self.v3(Code::VEX_Vpxor_ymm_ymm_ymmm256, x, ones))
            }
            Unary::Sqrt => Ok(self.mir.v(M::V2(Code::VEX_Vsqrtps_ymm_ymmm256), &[x])),
            Unary::Floor => round(self, DOWN),
            Unary::Ceil => round(self, UP),
            Unary::Trunc => round(self, TO_ZERO),
            Unary::Round => round(self, NEAREST),
            Unary::QuantizeF16 => Ok(self.mir.v(M::RoundHalf, &[x])),
            Unary::CountOnes => self.per_lane(PerLane::CountOnes, &[x]),
            Unary::CountLeadingZeros => self.per_lane(PerLane::LeadingZeros, &[x]),
            Unary::CountTrailingZeros => self.per_lane(PerLane::TrailingZeros, &[x]),
            Unary::ReverseBits => self.reverse_bits(x),
        }
    }

    /// Swaps neighbours of 1, 2, 4, 8 and 16 bits.
    fn reverse_bits(&mut self, mut x: VReg) -> Result<VReg> {
        for (bits, mask) in [(1, 0x5555_5555), (2, 0x3333_3333), (4, 0x0f0f_0f0f), (8, 0x00ff_00ff), (16, 0xffff)] {
            let high = self.shift_imm(Code::VEX_Vpsrld_ymm_ymm_imm8, x, bits);
            let high = self.v3_const(Code::VEX_Vpand_ymm_ymm_ymmm256, high, mask)?;
            let low = self.v3_const(Code::VEX_Vpand_ymm_ymm_ymmm256, x, mask)?;
            let low = self.shift_imm(Code::VEX_Vpslld_ymm_ymm_imm8, low, bits);
            x = self.or(high, low);
        }
        Ok(x)
    }

    fn per_lane(&mut self, op: PerLane, uses: &[VReg]) -> Result<VReg> {
        let dst = self.mir.vreg(RegClass::Float);
        let mut operands = vec![Operand::reg_def_at_start(dst)];
        operands.extend(uses.iter().map(|&u| Operand::reg_use_at_end(u)));
        for _ in 0..2 {
            let temporary = self.mir.vreg(RegClass::Int);
            operands.push(Operand::reg_temp(temporary));
        }
        // Division wants RAX and RDX.
        for fixed in [0, 2] {
            let temporary = self.mir.vreg(RegClass::Int);
            operands.push(Operand::reg_fixed_def_at_start(temporary, PReg::new(fixed, RegClass::Int)));
        }
        self.mir.push(M::PerLane(op), operands);
        Ok(dst)
    }

    fn float_binary(&mut self, op: Binary, a: Value, b: Value) -> Result<VReg> {
        let arithmetic = match op {
            Binary::Add => Some(Code::VEX_Vaddps_ymm_ymm_ymmm256),
            Binary::Sub => Some(Code::VEX_Vsubps_ymm_ymm_ymmm256),
            Binary::Mul => Some(Code::VEX_Vmulps_ymm_ymm_ymmm256),
            Binary::Div => Some(Code::VEX_Vdivps_ymm_ymm_ymmm256),
            _ => None,
        };
        if let Some(code) = arithmetic {
            let a = self.vector(a)?;
            return self.v3_value(code, a, b);
        }
        let (a, b) = (self.vector(a)?, self.vector(b)?);
        let predicate = match op {
            Binary::Min | Binary::Max => {
                // The instruction gives its second source unless the first is beyond it; that is `a`, which a NaN
                // in either leaves. A NaN in `a` asks for `b`.
                let code = match op {
                    Binary::Min => Code::VEX_Vminps_ymm_ymm_ymmm256,
                    _ => Code::VEX_Vmaxps_ymm_ymm_ymmm256,
                };
                let extreme = self.v3(code, b, a);
                let nan = self.compare(UNORDERED, a, a);
                return Ok(self.blend(nan, b, extreme));
            }
            Binary::Eq => EQUAL,
            Binary::Ne => NOT_EQUAL,
            Binary::Lt => LESS,
            Binary::Le => LESS_EQUAL,
            Binary::Gt => GREATER,
            Binary::Ge => GREATER_EQUAL,
            _ => return Err(Unsupported("a float operation")),
        };
        Ok(self.compare(predicate, a, b))
    }

    fn integer_binary(&mut self, op: Binary, a: Value, b: Value) -> Result<VReg> {
        let signed = self.ty(a) == Type::I32;
        let code = match op {
            Binary::Add => Code::VEX_Vpaddd_ymm_ymm_ymmm256,
            Binary::Sub => Code::VEX_Vpsubd_ymm_ymm_ymmm256,
            Binary::Mul => Code::VEX_Vpmulld_ymm_ymm_ymmm256,
            Binary::And => Code::VEX_Vpand_ymm_ymm_ymmm256,
            Binary::Or => Code::VEX_Vpor_ymm_ymm_ymmm256,
            Binary::Xor => Code::VEX_Vpxor_ymm_ymm_ymmm256,
            Binary::Min if signed => Code::VEX_Vpminsd_ymm_ymm_ymmm256,
            Binary::Min => Code::VEX_Vpminud_ymm_ymm_ymmm256,
            Binary::Max if signed => Code::VEX_Vpmaxsd_ymm_ymm_ymmm256,
            Binary::Max => Code::VEX_Vpmaxud_ymm_ymm_ymmm256,
            Binary::Shl | Binary::Shr => return self.shift(op, signed, a, b),
            Binary::Div | Binary::Rem => {
                let op = match (op, signed) {
                    (Binary::Div, true) => PerLane::DivI,
                    (Binary::Div, false) => PerLane::DivU,
                    (_, true) => PerLane::RemI,
                    (_, false) => PerLane::RemU,
                };
                let (a, b) = (self.vector(a)?, self.vector(b)?);
                return self.per_lane(op, &[a, b]);
            }
            _ => return self.integer_compare(op, signed, a, b),
        };
        let a = self.vector(a)?;
        self.v3_value(code, a, b)
    }

    fn shift(&mut self, op: Binary, signed: bool, a: Value, b: Value) -> Result<VReg> {
        let x = self.vector(a)?;
        if let Some(by) = self.as_const(b) {
            let code = match (op, signed) {
                (Binary::Shl, _) => Code::VEX_Vpslld_ymm_ymm_imm8,
                (_, true) => Code::VEX_Vpsrad_ymm_ymm_imm8,
                (_, false) => Code::VEX_Vpsrld_ymm_ymm_imm8,
            };
            return Ok(self.shift_imm(code, x, (by & 31) as u8));
        }
        let code = match (op, signed) {
            (Binary::Shl, _) => Code::VEX_Vpsllvd_ymm_ymm_ymmm256,
            (_, true) => Code::VEX_Vpsravd_ymm_ymm_ymmm256,
            (_, false) => Code::VEX_Vpsrlvd_ymm_ymm_ymmm256,
        };
        let by = self.vector(b)?;
        let by = self.v3_const(Code::VEX_Vpand_ymm_ymm_ymmm256, by, 31)?;
        Ok(self.v3(code, x, by))
    }

    fn integer_compare(&mut self, op: Binary, signed: bool, a: Value, b: Value) -> Result<VReg> {
        let (x, y) = (self.vector(a)?, self.vector(b)?);
        let equal = Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256;
        let greater = Code::VEX_Vpcmpgtd_ymm_ymm_ymmm256;
        let (row, negate) = match op {
            Binary::Eq => (self.v3(equal, x, y), false),
            Binary::Ne => (self.v3(equal, x, y), true),
            // Unsigned: the greater of both is x.
            Binary::Ge | Binary::Lt if !signed => {
                let larger = self.v3(Code::VEX_Vpmaxud_ymm_ymm_ymmm256, x, y);
                (self.v3(equal, larger, x), op == Binary::Lt)
            }
            Binary::Le | Binary::Gt if !signed => {
                let smaller = self.v3(Code::VEX_Vpminud_ymm_ymm_ymmm256, x, y);
                (self.v3(equal, smaller, x), op == Binary::Gt)
            }
            Binary::Gt => (self.v3(greater, x, y), false),
            Binary::Lt => (self.v3(greater, y, x), false),
            Binary::Le => (self.v3(greater, x, y), true),
            Binary::Ge => (self.v3(greater, y, x), true),
            _ => return Err(Unsupported("an integer operation")),
        };
        if !negate {
            return Ok(row);
        }
        let ones = self.mir.v(M::VOnes, &[]);
        Ok(self.v3(Code::VEX_Vpxor_ymm_ymm_ymmm256, row, ones))
    }

    /// Whether each lane's word is below a limit, unsigned.
    pub fn below(&mut self, index: VReg, limit: VReg) -> VReg {
        // index >= limit where the larger of both is the index.
        let larger = self.v3(Code::VEX_Vpmaxud_ymm_ymm_ymmm256, index, limit);
        let beyond = self.v3(Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256, larger, index);
        let ones = self.mir.v(M::VOnes, &[]);
        self.v3(Code::VEX_Vpxor_ymm_ymm_ymmm256, beyond, ones)
    }

    fn convert(&mut self, from: Type, to: Type, a: Value) -> Result<VReg> {
        let x = self.vector(a)?;
        match (from, to) {
            (Type::F32, Type::I32) => {
                let cut = self.mir.v(M::V2(Code::VEX_Vcvttps2dq_ymm_ymmm256), &[x]);
                let limit = self.constant(2_147_483_648f32.to_bits())?;
                let large = self.compare(GREATER_EQUAL, x, limit);
                let most = self.constant(i32::MAX as u32)?;
                let cut = self.blend(large, most, cut);
                let number = self.compare(ORDERED, x, x);
                Ok(self.and(number, cut))
            }
            (Type::F32, Type::U32) => {
                // NaN and negatives become zero: the instruction gives its second source for NaN.
                let zero = self.mir.v(M::VZero, &[]);
                let x = self.v3(Code::VEX_Vmaxps_ymm_ymm_ymmm256, x, zero);
                let half = self.constant(2_147_483_648f32.to_bits())?;
                let upper = self.compare(GREATER_EQUAL, x, half);
                let part = self.and(upper, half);
                let rest = self.v3(Code::VEX_Vsubps_ymm_ymm_ymmm256, x, part);
                let cut = self.mir.v(M::V2(Code::VEX_Vcvttps2dq_ymm_ymmm256), &[rest]);
                let top = self.v3_const(Code::VEX_Vpand_ymm_ymm_ymmm256, upper, SIGN)?;
                let cut = self.v3(Code::VEX_Vpxor_ymm_ymm_ymmm256, cut, top);
                let limit = self.constant(4_294_967_296f32.to_bits())?;
                let beyond = self.compare(GREATER_EQUAL, x, limit);
                Ok(self.or(cut, beyond))
            }
            (Type::I32, Type::F32) => Ok(self.mir.v(M::V2(Code::VEX_Vcvtdq2ps_ymm_ymmm256), &[x])),
            (Type::U32, Type::F32) => {
                // Both halves are exact, so the sum is rounded once.
                let high = self.shift_imm(Code::VEX_Vpsrld_ymm_ymm_imm8, x, 16);
                let low = self.v3_const(Code::VEX_Vpand_ymm_ymm_ymmm256, x, 0xffff)?;
                let high = self.mir.v(M::V2(Code::VEX_Vcvtdq2ps_ymm_ymmm256), &[high]);
                let low = self.mir.v(M::V2(Code::VEX_Vcvtdq2ps_ymm_ymmm256), &[low]);
                let high = self.v3_const(Code::VEX_Vmulps_ymm_ymm_ymmm256, high, 65536f32.to_bits())?;
                Ok(self.v3(Code::VEX_Vaddps_ymm_ymm_ymmm256, high, low))
            }
            (Type::Bool, Type::F32) => self.v3_const(Code::VEX_Vpand_ymm_ymm_ymmm256, x, 1f32.to_bits()),
            (Type::Bool, _) => self.v3_const(Code::VEX_Vpand_ymm_ymm_ymmm256, x, 1),
            (Type::F32, Type::Bool) => {
                let zero = self.mir.v(M::VZero, &[]);
                Ok(self.compare(NOT_EQUAL, x, zero))
            }
            (_, Type::Bool) => {
                let zero = self.mir.v(M::VZero, &[]);
                let zeros = self.v3(Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256, x, zero);
                let ones = self.mir.v(M::VOnes, &[]);
                Ok(self.v3(Code::VEX_Vpxor_ymm_ymm_ymmm256, zeros, ones))
            }
            _ => Err(Unsupported("a conversion")),
        }
    }
}
