//! Operations on rows.

use iced_x86::Code;
use regalloc2::{Operand, PReg, RegClass, VReg};

use super::{Result, Selector, Unsupported, ValueRegs};
use crate::{
    exec::cpu::jit::{
        mir::{Op as M, PerLane, ROW},
        shape::Assumed,
    },
    ir::{Binary, Builtin, Op, Type, Unary, Value},
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
        self.set_origin(def.origin);
        match &def.op {
            Op::Const(_) => Ok(()),
            _ if self.is_rematerialised(value) => Ok(()),
            Op::Load(address) | Op::UniformLoad(address) => self.load(value, address),
            Op::Atomic(atomic) => self.atomic(value, atomic),
            _ if self.is_scalar(value) => {
                let scalars = self.each_row_of(value, |s| s.scalar_operation(value))?;
                self.bind(value, ValueRegs::Scalar(scalars))
            }
            op => {
                let rows = self.each_row_of(value, |s| s.row_operation(value, op))?;
                self.bind(value, ValueRegs::Rows(rows))
            }
        }
    }

    /// Computes a value for each row, or once if it is uniform.
    pub fn each_row_of<T: Copy>(
        &mut self,
        value: Value,
        mut f: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<super::PerRow<T>> {
        if self.uniform(value) {
            self.row = 0;
            return Ok([f(self)?; super::MAX_ROWS]);
        }
        self.per_row(f)
    }

    /// Notes where a value is, and stores it if another region uses it.
    pub fn bind(&mut self, value: Value, place: ValueRegs) -> Result<()> {
        self.regs[value.0 as usize] = Some(place);
        match &mut self.deferred_stores {
            Some(values) => values.push(value),
            None if self.in_region => self.store_row(value)?,
            None => {}
        }
        Ok(())
    }

    /// Stores a value for the regions that use it.
    pub fn store_row(&mut self, value: Value) -> Result<()> {
        if let Some(&slot) = self.slots.get(&value) {
            if self.is_scalar(value) {
                let general = self.general(value)?;
                self.mir.effect(M::GStoreWorker(slot), &[general]);
            } else {
                let row = self.vector(value)?;
                self.mir.effect(M::RowStore(slot), &[row]);
            }
        }
        if let Some(&rows) = self.crossing.get(&value) {
            for row in 0..self.rows {
                self.row = row;
                let vreg = self.vector(value)?;
                self.mir.effect(M::GroupStore(rows + ROW * row as i32), &[vreg]);
            }
            self.row = 0;
        }
        Ok(())
    }

    /// A built-in input whose lanes follow no rule.
    fn row_builtin(&mut self, builtin: Builtin) -> Result<VReg> {
        let row = ROW * self.row as i32;
        Ok(match builtin {
            Builtin::LocalId(a) => self.v(M::GroupLoad(self.layout.lane_ids[usize::from(a)] + row), &[]),
            Builtin::GlobalId(a) => {
                let local = self.row_builtin(Builtin::LocalId(a))?;
                let start = self.first_global_id(a);
                let start = self.v(M::Broadcast, &[start]);
                self.v3(Code::VEX_Vpaddd_ymm_ymm_ymmm256, start, local)
            }
            _ => return Err(Unsupported("a built-in input")),
        })
    }

    fn v3(&mut self, code: Code, a: VReg, b: VReg) -> VReg {
        self.v(M::V3(code), &[a, b])
    }

    /// `op(a, b)`, with a constant `b` taken from memory.
    fn v3_value(&mut self, code: Code, a: VReg, b: Value) -> Result<VReg> {
        match self.as_const(b) {
            Some(bits) if bits != 0 => {
                let row = self.layout.constant(bits);
                Ok(self.v(M::V3Const(code, row), &[a]))
            }
            _ => {
                let b = self.vector(b)?;
                Ok(self.v3(code, a, b))
            }
        }
    }

    fn v3_const(&mut self, code: Code, a: VReg, bits: u32) -> Result<VReg> {
        let row = self.layout.constant(bits);
        Ok(self.v(M::V3Const(code, row), &[a]))
    }

    fn shift_imm(&mut self, code: Code, a: VReg, by: u8) -> VReg {
        self.v(M::V2Imm(code, by), &[a])
    }

    fn compare(&mut self, predicate: u8, a: VReg, b: VReg) -> VReg {
        self.v(M::V3Imm(Code::VEX_Vcmpps_ymm_ymm_ymmm256_imm8, predicate), &[a, b])
    }

    /// A value of the current row, lane by lane.
    pub fn row_operation(&mut self, value: Value, op: &Op) -> Result<VReg> {
        let ty = self.ty(value);
        Ok(match op {
            Op::Builtin(builtin) => self.row_builtin(*builtin)?,
            Op::Unary(op, a) => self.row_unary(*op, *a)?,
            Op::Binary(op, a, b) => match self.ty(*a) {
                Type::F32 | Type::F16 => self.float_binary(*op, *a, *b)?,
                _ => self.integer_binary(*op, *a, *b)?,
            },
            Op::Fma(a, b, c) => self.fused(*a, *b, *c)?,
            Op::Select { cond, accept, reject } => match self.assumptions.get(cond) {
                Some(&Assumed::Cond(holds)) => self.vector(if holds { *accept } else { *reject })?,
                _ => {
                    let (cond, accept, reject) = (self.vector(*cond)?, self.vector(*accept)?, self.vector(*reject)?);
                    self.blend(cond, accept, reject)
                }
            },
            Op::Convert(a) => self.convert(self.ty(*a), ty, *a)?,
            Op::Bitcast(a) => self.vector(*a)?,
            Op::Subgroup(op, a) => self.subgroup(*op, *a)?,
            Op::Shuffle(a, lane) => self.read_lane(*a, *lane)?,
            _ => return Err(Unsupported("an operation")),
        })
    }

    /// `a * b + c`, with the signs of operands taken into the instruction.
    fn fused(&mut self, a: Value, b: Value, c: Value) -> Result<VReg> {
        // An operand that another region computed is there as a whole only.
        let stripped = |v: Value| match self.program.def(v).op {
            Op::Unary(Unary::Neg, inner) if self.is_available(inner) => (inner, true),
            _ => (v, false),
        };
        let ((a, minus_a), (b, minus_b), (addend, minus_c)) = (stripped(a), stripped(b), stripped(c));
        let negated = minus_a != minus_b;
        if let Some(bits) = self.as_const(c)
            && bits != 0
        {
            // What was computed last is the likelier to be needed no more: its register takes the sum.
            let (first, second) = (self.vector(a.max(b))?, self.vector(a.min(b))?);
            let row = self.layout.constant(bits);
            let code =
                if negated { Code::VEX_Vfnmadd213ps_ymm_ymm_ymmm256 } else { Code::VEX_Vfmadd213ps_ymm_ymm_ymmm256 };
            return Ok(self.v_tied(M::FmaConst(code, row), &[first, second]));
        }
        let code = match (negated, minus_c) {
            (false, false) => Code::VEX_Vfmadd231ps_ymm_ymm_ymmm256,
            (false, true) => Code::VEX_Vfmsub231ps_ymm_ymm_ymmm256,
            (true, false) => Code::VEX_Vfnmadd231ps_ymm_ymm_ymmm256,
            (true, true) => Code::VEX_Vfnmsub231ps_ymm_ymm_ymmm256,
        };
        let (a, b, c) = (self.vector(a)?, self.vector(b)?, self.vector(addend)?);
        // The addend's register takes the sum: in a loop that accumulates, nothing moves.
        Ok(self.v_tied(M::Fma(code), &[c, a, b]))
    }

    fn row_unary(&mut self, op: Unary, a: Value) -> Result<VReg> {
        let ty = self.ty(a);
        let x = self.vector(a)?;
        let round = |s: &mut Self, mode| Ok(s.v(M::V2Imm(Code::VEX_Vroundps_ymm_ymmm256_imm8, mode), &[x]));
        match op {
            Unary::Neg if ty.is_float() => self.v3_const(Code::VEX_Vxorps_ymm_ymm_ymmm256, x, SIGN),
            Unary::Neg => {
                let zero = self.v(M::VZero, &[]);
                Ok(self.v3(Code::VEX_Vpsubd_ymm_ymm_ymmm256, zero, x))
            }
            Unary::Abs if ty.is_float() => self.v3_const(Code::VEX_Vandps_ymm_ymm_ymmm256, x, !SIGN),
            Unary::Abs if ty == Type::I32 => Ok(self.v(M::V2(Code::VEX_Vpabsd_ymm_ymmm256), &[x])),
            Unary::Abs => Ok(x),
            Unary::Not => {
                let ones = self.v(M::VOnes, &[]);
                Ok(self.v3(Code::VEX_Vpxor_ymm_ymm_ymmm256, x, ones))
            }
            Unary::Sqrt => {
                let root = self.v(M::V2(Code::VEX_Vsqrtps_ymm_ymmm256), &[x]);
                Ok(self.rounded(ty, root))
            }
            Unary::Floor => round(self, DOWN),
            Unary::Ceil => round(self, UP),
            Unary::Trunc => round(self, TO_ZERO),
            Unary::Round => round(self, NEAREST),
            Unary::QuantizeF16 => Ok(self.round_half(x)),
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

    /// A float result as its type needs it: through a double rounding, for `+ - * /` and roots of halves are exact enough in
    /// single precision that it does not show (Figueroa, "When is double rounding innocuous?", 1995).
    fn rounded(&mut self, ty: Type, row: VReg) -> VReg {
        if ty == Type::F16 { self.round_half(row) } else { row }
    }

    fn float_binary(&mut self, op: Binary, a: Value, b: Value) -> Result<VReg> {
        let ty = self.ty(a);
        let arithmetic = match op {
            Binary::Add => Some(Code::VEX_Vaddps_ymm_ymm_ymmm256),
            Binary::Sub => Some(Code::VEX_Vsubps_ymm_ymm_ymmm256),
            Binary::Mul => Some(Code::VEX_Vmulps_ymm_ymm_ymmm256),
            Binary::Div => Some(Code::VEX_Vdivps_ymm_ymm_ymmm256),
            _ => None,
        };
        if let Some(code) = arithmetic {
            let a = self.vector(a)?;
            let row = self.v3_value(code, a, b)?;
            return Ok(self.rounded(ty, row));
        }
        let (a, b) = (self.vector(a)?, self.vector(b)?);
        let predicate = match op {
            Binary::Min | Binary::Max => return Ok(self.float_extreme(op, a, b)),
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

    /// The minimum or maximum of floats.
    pub fn float_extreme(&mut self, op: Binary, a: VReg, b: VReg) -> VReg {
        // The instruction gives its second source unless the first is beyond it; that is `a`, which a NaN
        // in either leaves. A NaN in `a` asks for `b`.
        let code = match op {
            Binary::Min => Code::VEX_Vminps_ymm_ymm_ymmm256,
            _ => Code::VEX_Vmaxps_ymm_ymm_ymmm256,
        };
        let extreme = self.v3(code, b, a);
        let nan = self.compare(UNORDERED, a, a);
        self.blend(nan, b, extreme)
    }

    fn integer_binary(&mut self, op: Binary, a: Value, b: Value) -> Result<VReg> {
        let signed = self.ty(a) == Type::I32;
        if let Some(code) = integer_code(op, signed) {
            let a = self.vector(a)?;
            return self.v3_value(code, a, b);
        }
        match op {
            Binary::Shl | Binary::Shr => self.shift(op, signed, a, b),
            Binary::Div | Binary::Rem => {
                let op = PerLane::division(op, signed).ok_or(Unsupported("a division"))?;
                let (a, b) = (self.vector(a)?, self.vector(b)?);
                self.per_lane(op, &[a, b])
            }
            _ => self.integer_compare(op, signed, a, b),
        }
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
        let ones = self.v(M::VOnes, &[]);
        Ok(self.v3(Code::VEX_Vpxor_ymm_ymm_ymmm256, row, ones))
    }

    /// Whether each lane's word is below a limit, unsigned.
    pub fn below(&mut self, index: VReg, limit: VReg) -> VReg {
        // index >= limit where the larger of both is the index.
        let larger = self.v3(Code::VEX_Vpmaxud_ymm_ymm_ymmm256, index, limit);
        let beyond = self.v3(Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256, larger, index);
        let ones = self.v(M::VOnes, &[]);
        self.v3(Code::VEX_Vpxor_ymm_ymm_ymmm256, beyond, ones)
    }

    fn convert(&mut self, from: Type, to: Type, a: Value) -> Result<VReg> {
        let x = self.vector(a)?;
        // A half is a single float already.
        let from = if from == Type::F16 { Type::F32 } else { from };
        match (from, to) {
            (Type::F32, Type::F32) => Ok(x),
            (Type::F32, Type::F16) => Ok(self.round_half(x)),
            (Type::I32 | Type::U32, Type::F16) => {
                // Halves end at 65504: what is beyond 2^17 is beyond them too, and what is not is exact on the way.
                let least = (Code::VEX_Vpminsd_ymm_ymm_ymmm256, 1 << 17);
                let most = (Code::VEX_Vpmaxsd_ymm_ymm_ymmm256, (-1i32 << 17) as u32);
                let clamps: &[(Code, u32)] =
                    if from == Type::I32 { &[least, most] } else { &[(Code::VEX_Vpminud_ymm_ymm_ymmm256, 1 << 17)] };
                let mut x = x;
                for &(code, limit) in clamps {
                    x = self.v3_const(code, x, limit)?;
                }
                let exact = self.v(M::V2(Code::VEX_Vcvtdq2ps_ymm_ymmm256), &[x]);
                Ok(self.round_half(exact))
            }
            (Type::F32, Type::I32) => {
                let cut = self.v(M::V2(Code::VEX_Vcvttps2dq_ymm_ymmm256), &[x]);
                let limit = self.constant(2_147_483_648f32.to_bits());
                let large = self.compare(GREATER_EQUAL, x, limit);
                let most = self.constant(i32::MAX as u32);
                let cut = self.blend(large, most, cut);
                let number = self.compare(ORDERED, x, x);
                Ok(self.and(number, cut))
            }
            (Type::F32, Type::U32) => {
                // NaN and negatives become zero: the instruction gives its second source for NaN.
                let zero = self.v(M::VZero, &[]);
                let x = self.v3(Code::VEX_Vmaxps_ymm_ymm_ymmm256, x, zero);
                let half = self.constant(2_147_483_648f32.to_bits());
                let upper = self.compare(GREATER_EQUAL, x, half);
                let part = self.and(upper, half);
                let rest = self.v3(Code::VEX_Vsubps_ymm_ymm_ymmm256, x, part);
                let cut = self.v(M::V2(Code::VEX_Vcvttps2dq_ymm_ymmm256), &[rest]);
                let top = self.v3_const(Code::VEX_Vpand_ymm_ymm_ymmm256, upper, SIGN)?;
                let cut = self.v3(Code::VEX_Vpxor_ymm_ymm_ymmm256, cut, top);
                let limit = self.constant(4_294_967_296f32.to_bits());
                let beyond = self.compare(GREATER_EQUAL, x, limit);
                Ok(self.or(cut, beyond))
            }
            (Type::I32, Type::F32) => Ok(self.v(M::V2(Code::VEX_Vcvtdq2ps_ymm_ymmm256), &[x])),
            (Type::U32, Type::F32) => {
                // Both halves are exact, so the sum is rounded once.
                let high = self.shift_imm(Code::VEX_Vpsrld_ymm_ymm_imm8, x, 16);
                let low = self.v3_const(Code::VEX_Vpand_ymm_ymm_ymmm256, x, 0xffff)?;
                let high = self.v(M::V2(Code::VEX_Vcvtdq2ps_ymm_ymmm256), &[high]);
                let low = self.v(M::V2(Code::VEX_Vcvtdq2ps_ymm_ymmm256), &[low]);
                let high = self.v3_const(Code::VEX_Vmulps_ymm_ymm_ymmm256, high, 65536f32.to_bits())?;
                Ok(self.v3(Code::VEX_Vaddps_ymm_ymm_ymmm256, high, low))
            }
            (Type::Bool, Type::F32 | Type::F16) => self.v3_const(Code::VEX_Vpand_ymm_ymm_ymmm256, x, 1f32.to_bits()),
            (Type::Bool, _) => self.v3_const(Code::VEX_Vpand_ymm_ymm_ymmm256, x, 1),
            (Type::F32, Type::Bool) => {
                let zero = self.v(M::VZero, &[]);
                Ok(self.compare(NOT_EQUAL, x, zero))
            }
            (_, Type::Bool) => {
                let zero = self.v(M::VZero, &[]);
                let zeros = self.v3(Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256, x, zero);
                let ones = self.v(M::VOnes, &[]);
                Ok(self.v3(Code::VEX_Vpxor_ymm_ymm_ymmm256, zeros, ones))
            }
            _ => Err(Unsupported("a conversion")),
        }
    }
}

/// The instruction for an operation on integers that is one.
pub fn integer_code(op: Binary, signed: bool) -> Option<Code> {
    Some(match op {
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
        _ => return None,
    })
}
