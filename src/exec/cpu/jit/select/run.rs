//! Runs of plain statements: computed row after row, so that what lives and dies in a run needs registers for one row only.

use regalloc2::{RegClass, VReg};

use super::{MAX_ROWS, Result, Selector, Unsupported, ValueRegs, address::extent};
use crate::{
    exec::cpu::jit::mir::MemOperand,
    ir::{Address, Op, Stmt, Value},
};

/// What was read from where, for which value.
type Reads = Vec<(Value, (MemOperand, Vec<VReg>), VReg)>;

impl Selector<'_> {
    /// Computes a run of statements; gives how many there were.
    pub fn run(&mut self, stmts: &[&Stmt]) -> Result<usize> {
        if self.rows == 1 {
            return Ok(0);
        }
        let plain = |stmt: &&Stmt| match stmt {
            Stmt::Let(value) if self.hoisted.contains(value) || self.is_plain(*value) => Some(*value),
            _ => None,
        };
        let values: Vec<Value> = stmts.iter().map_while(plain).collect();
        if values.len() < 2 {
            return Ok(0);
        }
        let mut reads = Reads::new();
        for row in 0..self.rows {
            for &value in &values {
                if !self.hoisted.contains(&value) && (row == 0 || !self.uniform(value)) {
                    self.compute_row(value, row, &mut reads)?;
                }
            }
        }
        self.row = 0;
        for &value in &values {
            if let (false, Some(place)) = (self.hoisted.contains(&value), self.regs[value.0 as usize]) {
                self.bind(value, place)?;
            }
        }
        Ok(values.len())
    }

    /// Whether a value is computed row by row without a look at the others, and without a branch.
    pub fn is_plain(&self, value: Value) -> bool {
        match &self.program.def(value).op {
            Op::Load(address) | Op::UniformLoad(address) => {
                let proven = |t: &crate::ir::Term| {
                    self.is_scalar(t.index) && self.is_proven(t.index, extent(address.mem, t.bound))
                };
                self.whole_read(value, address).is_some()
                    && !self.is_private(address.mem)
                    && address.terms.iter().all(proven)
            }
            Op::Atomic(_) | Op::Subgroup(..) | Op::Shuffle(..) | Op::Phi => false,
            _ => true,
        }
    }

    fn compute_row(&mut self, value: Value, row: usize, reads: &mut Reads) -> Result<()> {
        self.row = row;
        let def = self.program.def(value);
        self.set_origin(def.origin);
        let place = match &def.op {
            Op::Const(_) => return Ok(()),
            _ if self.is_rematerialised(value) => return Ok(()),
            Op::Load(address) | Op::UniformLoad(address) => {
                let vreg = self.read(value, address, reads)?;
                match vreg.class() {
                    RegClass::Int => ValueRegs::Scalar([super::scalar::Scalar::register(vreg); MAX_ROWS]),
                    _ => ValueRegs::Rows([vreg; MAX_ROWS]),
                }
            }
            _ if self.is_scalar(value) => ValueRegs::Scalar([self.scalar_operation(value)?; MAX_ROWS]),
            op => ValueRegs::Rows([self.row_operation(value, op)?; MAX_ROWS]),
        };
        match (&mut self.regs[value.0 as usize], place) {
            (Some(ValueRegs::Rows(rows)), ValueRegs::Rows(new)) if row > 0 => rows[row..].copy_from_slice(&new[row..]),
            (Some(ValueRegs::Scalar(scalars)), ValueRegs::Scalar(new)) if row > 0 => {
                scalars[row..].copy_from_slice(&new[row..]);
            }
            (slot, place) => *slot = Some(place),
        }
        Ok(())
    }

    /// Reads a row, or finds it among those that other rows have read.
    fn read(&mut self, value: Value, address: &Address, reads: &mut Reads) -> Result<VReg> {
        let from = self.mem_operand(address)?;
        if let Some(&(.., vreg)) = reads.iter().find(|(v, place, _)| *v == value && *place == from) {
            return Ok(vreg);
        }
        let op = self.whole_read(value, address).ok_or(Unsupported("a read lane by lane"))?;
        let vreg = self.mir.def(self.class(value), op(from.0), &from.1);
        reads.push((value, from, vreg));
        Ok(vreg)
    }
}
