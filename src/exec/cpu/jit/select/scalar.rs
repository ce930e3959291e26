//! Scalars: integers and conditions of which lane 0 says all, in general registers.

use iced_x86::Code;
use regalloc2::{Operand, PReg, RegClass, VReg};

use super::{Result, Selector, Unsupported, ValueRegs};
use crate::{
    exec::cpu::jit::{
        layout::{LENGTH, NUM_WORKGROUPS, WORKGROUP_ID},
        mir::{Cond, Op as M, PerLane},
        shape::Assumed,
    },
    ir::{Binary, Builtin, Op, Program, SUBGROUP_SIZE, Type, Unary, Value},
};

/// The sum of a register and a number, modulo 2^32. Additions of constants cost nothing until the sum is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar {
    pub base: Option<VReg>,
    pub add: i32,
}

/// Numbers beyond this are added at once.
const MAX_ADD: i32 = 1 << 20;

impl Scalar {
    pub fn register(base: VReg) -> Scalar {
        Scalar { base: Some(base), add: 0 }
    }

    pub fn constant(bits: u32) -> Scalar {
        Scalar { base: None, add: bits as i32 }
    }
}

/// A coordinate of a row's first lane, seen from the first row of its block.
#[derive(Clone, Copy, Debug)]
enum Coordinate {
    Plus(i32),
    Exactly(i32),
}

/// The coordinates of the rows that code handles at once.
#[derive(Clone, Copy, Debug)]
pub struct RowOffsets {
    axes: [[Coordinate; super::MAX_ROWS]; 3],
}

impl RowOffsets {
    /// For so many rows from a multiple of as many on; `None` where rows lie in no fixed way.
    pub fn new(program: &Program, rows: usize) -> Option<RowOffsets> {
        let [x, y, z] = program.workgroup_size.map(|n| n as i32);
        let lanes = 8 * rows as i32;
        let plus = |per_row: i32| std::array::from_fn(|row| Coordinate::Plus(per_row * row as i32));
        let line = y == 1 && z == 1;
        if x % lanes == 0 || line {
            return Some(RowOffsets { axes: [plus(8), plus(0), plus(0)] });
        }
        let lines = lanes / x;
        if lanes % x != 0 || x % 8 != 0 || (z != 1 && y % lines != 0) {
            return None;
        }
        let x_of = std::array::from_fn(|row| Coordinate::Exactly(8 * row as i32 % x));
        let y_of = std::array::from_fn(|row| Coordinate::Plus(8 * row as i32 / x));
        Some(RowOffsets { axes: [x_of, y_of, plus(0)] })
    }
}

pub fn condition(op: Binary, signed: bool) -> Option<Cond> {
    Some(match op {
        Binary::Eq => Cond::Eq,
        Binary::Ne => Cond::Ne,
        Binary::Lt => [Cond::Below, Cond::Less][usize::from(signed)],
        Binary::Le => [Cond::BelowEq, Cond::LessEq][usize::from(signed)],
        Binary::Gt => [Cond::Above, Cond::Greater][usize::from(signed)],
        Binary::Ge => [Cond::AboveEq, Cond::GreaterEq][usize::from(signed)],
        _ => return None,
    })
}

impl Selector<'_> {
    /// The scalar of a value in the current row: lane 0.
    pub fn scalar(&mut self, value: Value) -> Result<Scalar> {
        if let Some(bits) = self.as_const(value) {
            return Ok(Scalar::constant(bits));
        }
        Ok(match self.regs_of(value)? {
            ValueRegs::Scalar(scalars) => scalars[self.row],
            ValueRegs::Rows(rows) => Scalar::register(self.g(M::Extract, &[rows[self.row]])),
        })
    }

    /// The value of lane 0 in a general register.
    pub fn general(&mut self, value: Value) -> Result<VReg> {
        let scalar = self.scalar(value)?;
        Ok(self.materialise(scalar))
    }

    pub fn materialise(&mut self, scalar: Scalar) -> VReg {
        match (scalar.base, scalar.add) {
            (None, add) => self.g(M::GImm(add as u32), &[]),
            (Some(base), 0) => base,
            (Some(base), add) => self.g(M::GLea(add), &[base]),
        }
    }

    /// A sum that is added up where the number is large.
    fn sum(&mut self, base: Option<VReg>, add: i32) -> Scalar {
        match base {
            Some(base) if !(-MAX_ADD..=MAX_ADD).contains(&add) => {
                Scalar::register(self.materialise(Scalar { base: Some(base), add }))
            }
            base => Scalar { base, add },
        }
    }

    fn g2(&mut self, code: Code, a: VReg, b: VReg) -> VReg {
        self.g_tied(M::G2(code), &[a, b])
    }

    fn g2_imm(&mut self, code: Code, a: VReg, imm: i32) -> VReg {
        self.g_tied(M::G2Imm(code, imm), &[a])
    }

    /// Computes a scalar value for the current row.
    pub fn scalar_operation(&mut self, value: Value) -> Result<Scalar> {
        let program = self.program;
        match self.assumptions.get(&value) {
            Some(&Assumed::Cond(holds)) => return Ok(Scalar::constant(if holds { !0 } else { 0 })),
            Some(&Assumed::Operand(operand)) => return self.scalar(operand),
            None => {}
        }
        let register = |vreg| Ok(Scalar::register(vreg));
        match &program.def(value).op {
            Op::Builtin(builtin) => return self.scalar_builtin(*builtin),
            Op::ArrayLength(mem) => {
                let record = self.layout.memory(*mem);
                return register(self.g(M::GPointer(record + LENGTH), &[]));
            }
            Op::Bitcast(a) if self.is_scalar(*a) => return self.scalar(*a),
            Op::Convert(a) if self.ty(*a) == Type::Bool && self.is_scalar(*a) => {
                let a = self.general(*a)?;
                return register(self.g2_imm(Code::And_rm32_imm32, a, 1));
            }
            Op::Unary(op @ (Unary::Neg | Unary::Not), a) if self.is_scalar(*a) => {
                let a = self.general(*a)?;
                let op = if *op == Unary::Neg { M::GNeg } else { M::GNot };
                return register(self.g_tied(op, &[a]));
            }
            Op::Select { cond, accept, reject } => return self.scalar_select(*cond, *accept, *reject),
            Op::Binary(op, a, b) if self.is_scalar(*a) && self.is_scalar(*b) => return self.scalar_binary(*op, *a, *b),
            _ => {}
        }
        // What has no form for general registers is computed in all lanes.
        let row = self.row_operation(value, &program.def(value).op)?;
        register(self.g(M::Extract, &[row]))
    }

    fn scalar_builtin(&mut self, builtin: Builtin) -> Result<Scalar> {
        match builtin {
            Builtin::NumWorkgroups(a) => {
                Ok(Scalar::register(self.g(M::GLoadWorker(NUM_WORKGROUPS + 4 * i32::from(a)), &[])))
            }
            Builtin::WorkgroupId(a) => {
                Ok(Scalar::register(self.g(M::GLoadWorker(WORKGROUP_ID + 4 * i32::from(a)), &[])))
            }
            Builtin::LocalId(a) => Ok(self.local_id(a)),
            Builtin::GlobalId(a) => {
                let local = self.local_id(a);
                let start = self.first_global_id(a);
                Ok(match local.base {
                    Some(base) => Scalar { base: Some(self.g(M::GLea2(0), &[start, base])), add: local.add },
                    None => Scalar { base: Some(start), add: local.add },
                })
            }
            Builtin::LocalIndex => Ok(self.local_index()),
            Builtin::SubgroupInvocationId => Ok(Scalar::constant(0)),
            Builtin::SubgroupId => {
                let index = self.local_index();
                let index = self.materialise(index);
                let by = SUBGROUP_SIZE.trailing_zeros() as i32;
                Ok(Scalar::register(self.g2_imm(Code::Shr_rm32_imm8, index, by)))
            }
        }
    }

    fn local_index(&mut self) -> Scalar {
        // A group's offset has four bytes for each lane.
        let group = self.g(M::GGroup, &[]);
        let index = self.g2_imm(Code::Shr_rm32_imm8, group, 2);
        Scalar { base: Some(index), add: 8 * self.row as i32 }
    }

    fn local_id(&mut self, axis: u8) -> Scalar {
        let table = self.layout.lane_ids[usize::from(axis)];
        match self.row_offsets.map(|offsets| offsets.axes[usize::from(axis)][self.row]) {
            Some(Coordinate::Exactly(n)) => Scalar::constant(n as u32),
            Some(Coordinate::Plus(n)) => Scalar { base: Some(self.g(M::GLoadGroup(table), &[])), add: n },
            None => Scalar::register(self.g(M::GLoadGroup(table + 32 * self.row as i32), &[])),
        }
    }

    /// The global id of the workgroup's first invocation.
    pub fn first_global_id(&mut self, axis: u8) -> VReg {
        if let Some(start) = self.first_global_ids[usize::from(axis)] {
            return start;
        }
        let size = self.program.workgroup_size[usize::from(axis)] as i32;
        let group = self.g(M::GLoadWorker(WORKGROUP_ID + 4 * i32::from(axis)), &[]);
        self.g2_imm(Code::Imul_r32_rm32_imm32, group, size)
    }

    fn scalar_select(&mut self, cond: Value, accept: Value, reject: Value) -> Result<Scalar> {
        if let Some(&Assumed::Cond(holds)) = self.assumptions.get(&cond) {
            return self.scalar(if holds { accept } else { reject });
        }
        let (yes, no) = (self.general(accept)?, self.general(reject)?);
        Ok(Scalar::register(match self.comparison(cond)? {
            Some((test, x, y)) => self.g_tied(M::GSelectCmp(test), &[no, x, y, yes]),
            None => {
                let cond = self.general(cond)?;
                self.g_tied(M::GSelect, &[no, cond, yes])
            }
        }))
    }

    /// The comparison of general registers that a scalar condition is, if it is one.
    pub fn comparison(&mut self, cond: Value) -> Result<Option<(Cond, VReg, VReg)>> {
        let Op::Binary(op, a, b) = self.program.def(cond).op else { return Ok(None) };
        if self.assumptions.contains_key(&cond) || !self.is_scalar(a) || !self.is_scalar(b) {
            return Ok(None);
        }
        let known =
            |v: Value| self.as_const(v).is_some() || matches!(self.regs[v.0 as usize], Some(ValueRegs::Scalar(_)));
        let Some(test) = condition(op, self.ty(a) == Type::I32).filter(|_| known(a) && known(b)) else {
            return Ok(None);
        };
        Ok(Some((test, self.general(a)?, self.general(b)?)))
    }

    fn scalar_binary(&mut self, op: Binary, a: Value, b: Value) -> Result<Scalar> {
        let signed = self.ty(a) == Type::I32;
        let (x, y) = (self.scalar(a)?, self.scalar(b)?);
        match (op, x.base, y.base) {
            (Binary::Add, Some(p), Some(q)) => {
                let base = self.g(M::GLea2(0), &[p, q]);
                return Ok(self.sum(Some(base), x.add.wrapping_add(y.add)));
            }
            (Binary::Add, p, q) => return Ok(self.sum(p.or(q), x.add.wrapping_add(y.add))),
            (Binary::Sub, p, None) => return Ok(self.sum(p, x.add.wrapping_sub(y.add))),
            (Binary::Sub, Some(p), Some(q)) => {
                let base = self.g2(Code::Sub_r32_rm32, p, q);
                return Ok(self.sum(Some(base), x.add.wrapping_sub(y.add)));
            }
            (Binary::Mul, Some(p), None) | (Binary::Shl, Some(p), None) => {
                let by = if op == Binary::Mul { y.add } else { 1i32.wrapping_shl(y.add as u32 & 31) };
                let base = self.g2_imm(Code::Imul_r32_rm32_imm32, p, by);
                return Ok(self.sum(Some(base), x.add.wrapping_mul(by)));
            }
            _ => {}
        }
        let p = self.materialise(x);
        let immediate = match (op, y.base) {
            (Binary::And, None) => Some(Code::And_rm32_imm32),
            (Binary::Or, None) => Some(Code::Or_rm32_imm32),
            (Binary::Xor, None) => Some(Code::Xor_rm32_imm32),
            (Binary::Shr, None) if signed => Some(Code::Sar_rm32_imm8),
            (Binary::Shr, None) => Some(Code::Shr_rm32_imm8),
            _ => None,
        };
        if let Some(code) = immediate {
            let imm = if op == Binary::Shr { y.add & 31 } else { y.add };
            return Ok(Scalar::register(self.g2_imm(code, p, imm)));
        }
        let q = self.materialise(y);
        let code = match op {
            Binary::Add => Code::Add_r32_rm32,
            Binary::Sub => Code::Sub_r32_rm32,
            Binary::Mul => Code::Imul_r32_rm32,
            Binary::And => Code::And_r32_rm32,
            Binary::Or => Code::Or_r32_rm32,
            Binary::Xor => Code::Xor_r32_rm32,
            Binary::Shl => return Ok(Scalar::register(self.g(M::G3(Code::VEX_Shlx_r32_rm32_r32), &[p, q]))),
            Binary::Shr if signed => return Ok(Scalar::register(self.g(M::G3(Code::VEX_Sarx_r32_rm32_r32), &[p, q]))),
            Binary::Shr => return Ok(Scalar::register(self.g(M::G3(Code::VEX_Shrx_r32_rm32_r32), &[p, q]))),
            Binary::Div | Binary::Rem => {
                let op = PerLane::division(op, signed).ok_or(Unsupported("a division"))?;
                return Ok(Scalar::register(self.divide(op, p, q)));
            }
            Binary::Min | Binary::Max => {
                let less = if signed { Cond::Less } else { Cond::Below };
                let (low, high) = if op == Binary::Min { (p, q) } else { (q, p) };
                return Ok(Scalar::register(self.g_tied(M::GSelectCmp(less), &[high, p, q, low])));
            }
            _ => {
                let test = condition(op, signed).ok_or(Unsupported("an integer operation"))?;
                return Ok(Scalar::register(self.g(M::GCmp(test), &[p, q])));
            }
        };
        Ok(Scalar::register(self.g2(code, p, q)))
    }

    fn divide(&mut self, op: PerLane, a: VReg, b: VReg) -> VReg {
        let dst = self.mir.vreg(RegClass::Int);
        let mut operands = vec![Operand::reg_def_at_start(dst), Operand::reg_use_at_end(a), Operand::reg_use_at_end(b)];
        // Division wants RAX and RDX.
        for fixed in [0, 2] {
            let temporary = self.mir.vreg(RegClass::Int);
            operands.push(Operand::reg_fixed_def_at_start(temporary, PReg::new(fixed, RegClass::Int)));
        }
        self.mir.push(M::GDivide(op), operands);
        dst
    }
}
