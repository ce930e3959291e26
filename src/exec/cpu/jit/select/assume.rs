//! The interior version of a region: code for lane groups that lie wholly inside the grid and the data.
//!
//! Kernels guard their edges: `if (i < n)`, `select(x - 1, 0, x == 0)`, `min(x + 1, width - 1)`. In nearly all groups such
//! a condition goes one way in all lanes. What can be told from scalars before a group starts is taken for granted in
//! one version of the code, which a few comparisons of general registers lead to.

use regalloc2::VReg;

use super::{
    Result, Selector,
    address::{Check, Checks, Extent, simplified, spans},
    collect::{Collector, comparable, conjuncts},
    crossing::Contents,
    pressure,
    scalar::RowOffsets,
};
use crate::{
    exec::cpu::jit::{
        mir::{Cond, Limit, Op as M},
        shape::{self, Assumed, Assumptions, LaneShape},
    },
    ir::{Binary, Op, Space, Stmt, Type, Value},
};

/// A region of more statements gets one version only.
const MAX_STATEMENTS: usize = 2000;
/// How many times assumptions are followed up that only other assumptions make possible.
const MAX_ROUNDS: usize = 6;

/// What is assumed of interior groups.
pub struct Interior {
    pub rows: usize,
    assumptions: Assumptions,
    shapes: Vec<LaneShape>,
    /// The comparisons behind the assumptions, and whether they hold; minima and maxima that are an operand.
    comparisons: Vec<(Value, bool)>,
    extremes: Vec<(Value, Value)>,
    indices: Vec<(Value, Extent)>,
}

impl<'s> Selector<'s> {
    /// What to assume of interior groups, if it is worth a version of its own.
    pub fn interior(&mut self, rest: &[&Stmt], contents: &Contents) -> Result<Option<Interior>> {
        if contents.statements > MAX_STATEMENTS {
            return Ok(None);
        }
        let outer = (self.shapes.clone(), self.assumptions.clone());
        let mut collector = Collector::new(self, contents);
        for _ in 0..MAX_ROUNDS {
            if !collector.look(rest) {
                break;
            }
            let selector = &mut *collector.selector;
            selector.shapes =
                shape::shapes_within(selector.program, &selector.assumptions, &contents.defined, &outer.0);
        }
        let indices = collector.indices_of(rest);
        let Collector { comparisons, extremes, .. } = collector;
        let rows = self.rows_at_once(rest);
        let (shapes, assumptions) = (std::mem::replace(&mut self.shapes, outer.0), outer.1);
        let assumptions = std::mem::replace(&mut self.assumptions, assumptions);
        if rows == 1 && assumptions.is_empty() && indices.is_empty() {
            return Ok(None);
        }
        Ok(Some(Interior { rows, assumptions, shapes, comparisons, extremes, indices }))
    }

    /// How many rows of lanes to handle at once.
    fn rows_at_once(&self, rest: &[&Stmt]) -> usize {
        let lanes = self.program.lanes() as usize;
        let private = self.program.memories.iter().any(|m| matches!(m.space, Space::Private { .. }));
        if private || !lanes.is_multiple_of(8) {
            return 1;
        }
        let most = pressure::rows(self, rest);
        [8, 4, 2].into_iter().find(|&rows| rows <= most && (lanes / 8).is_multiple_of(rows)).unwrap_or(1)
    }

    /// Switches to code for interior groups.
    pub fn enter(&mut self, interior: &mut Interior) {
        self.exchange(interior);
        self.rows = interior.rows;
        self.row_offsets = RowOffsets::new(self.program, interior.rows);
    }

    /// Switches back.
    pub fn leave_interior(&mut self, interior: &mut Interior) {
        self.exchange(interior);
        self.rows = 1;
        self.row_offsets = RowOffsets::new(self.program, 1);
        self.hoisted.clear();
        self.proven.clear();
    }

    fn exchange(&mut self, interior: &mut Interior) {
        std::mem::swap(&mut self.shapes, &mut interior.shapes);
        std::mem::swap(&mut self.assumptions, &mut interior.assumptions);
    }

    /// What a group has to pass to be inside; what the checks need is computed on the way.
    pub fn interior_checks(&mut self, interior: &Interior) -> Result<Vec<Check>> {
        let mut all: Vec<Check> = Vec::new();
        let mut add = |checks: Checks, never: VReg| match checks {
            Some(checks) => {
                for check in checks {
                    if !all.contains(&check) {
                        all.push(check);
                    }
                }
            }
            None => all.push(Check {
                register: never,
                offset: 0,
                cond: Cond::Less,
                limit: Limit::Imm(0),
                other: None,
                wraps: false,
            }),
        };
        let never = self.g(M::GImm(0), &[]);
        for &(cond, holds) in &interior.comparisons {
            let Op::Binary(_, a, b) = self.program.def(cond).op else { continue };
            self.hoist(a)?;
            self.hoist(b)?;
            add(self.comparison_checks(cond, holds)?, never);
            self.note_proof(cond, holds);
        }
        for &(value, operand) in &interior.extremes {
            let Op::Binary(op, a, b) = self.program.def(value).op else { continue };
            self.hoist(a)?;
            self.hoist(b)?;
            let other = if operand == a { b } else { a };
            let (low, high) = if op == Binary::Min { (operand, other) } else { (other, operand) };
            add(self.order_checks(low, high, false)?, never);
        }
        for &(index, extent) in &interior.indices {
            if self.is_proven(index, extent) {
                continue;
            }
            if self.is_scalar(index) {
                self.hoist(index)?;
                add(self.within(index, extent)?, never);
            } else if let Extent::Runtime(mem) = extent {
                let high = self.range(index).high;
                let register = self.g(M::GImm(high as u32), &[]);
                let limit = Limit::Worker(self.layout.memory(mem) + crate::exec::cpu::jit::layout::LENGTH);
                add(
                    Some(vec![Check { register, offset: 0, cond: Cond::Less, limit, other: None, wraps: false }]),
                    never,
                );
            }
            self.proven.insert((index, extent));
        }
        Ok(simplified(all))
    }

    /// What a comparison proves about an index.
    pub fn note_proof(&mut self, cond: Value, holds: bool) {
        let Op::Binary(op, a, b) = self.program.def(cond).op else { return };
        let (index, length) = match (op, holds) {
            (Binary::Lt, true) | (Binary::Ge, false) => (a, b),
            (Binary::Gt, true) | (Binary::Le, false) => (b, a),
            _ => return,
        };
        if let Op::ArrayLength(mem) = self.program.def(length).op
            && self.is_scalar(index)
            && self.ty(index) == Type::U32
        {
            self.proven.insert((index, Extent::Runtime(mem)));
        }
    }

    /// Computes a value now, with all it depends on.
    fn hoist(&mut self, value: Value) -> Result<()> {
        if self.is_available(value) {
            return Ok(());
        }
        for operand in self.needed(value) {
            self.hoist(operand)?;
        }
        self.define(value)?;
        self.hoisted.insert(value);
        Ok(())
    }

    /// The operands that a value depends on, where assumptions hold.
    pub fn needed(&self, value: Value) -> Vec<Value> {
        if let Some(&Assumed::Operand(operand)) = self.assumptions.get(&value) {
            return vec![operand];
        }
        if let Op::Select { cond, accept, reject } = self.program.def(value).op
            && let Some(&Assumed::Cond(holds)) = self.assumptions.get(&cond)
        {
            return vec![if holds { accept } else { reject }];
        }
        let mut operands = Vec::new();
        self.program.def(value).op.visit_operands(&mut |v| operands.push(v));
        operands
    }

    /// What makes a comparison of integers hold in all lanes of all rows, or in none; `None` if that never is.
    pub fn comparison_checks(&mut self, cond: Value, holds: bool) -> Result<Checks> {
        let Op::Binary(op, a, b) = self.program.def(cond).op else { return Ok(None) };
        match (op, holds) {
            (Binary::Lt, true) | (Binary::Ge, false) => self.order_checks(a, b, true),
            (Binary::Gt, true) | (Binary::Le, false) => self.order_checks(b, a, true),
            (Binary::Le, true) | (Binary::Gt, false) => self.order_checks(a, b, false),
            (Binary::Ge, true) | (Binary::Lt, false) => self.order_checks(b, a, false),
            (Binary::Eq, false) | (Binary::Ne, true) => self.difference_checks(a, b),
            _ => Ok(None),
        }
    }

    pub fn steps(&self, value: Value) -> i32 {
        self.shape(value).step().unwrap_or(0)
    }

    /// The values that the rows start with, exactly, as numbers of 64 bits.
    fn exact_rows(&mut self, value: Value) -> Result<Vec<VReg>> {
        let signed = self.ty(value) == Type::I32;
        let mut vregs: Vec<VReg> = Vec::new();
        for scalar in self.scalars(value, self.rows)? {
            let vreg = self.materialise(scalar);
            let vreg = if signed { self.g(M::GWiden, &[vreg]) } else { vreg };
            vregs.push(vreg);
        }
        Ok(vregs)
    }

    /// The bases of a value with the lowest and highest number that lanes add, as numbers of 64 bits; `None` if these are too
    /// large to add in a comparison.
    fn wide_spans(&mut self, value: Value) -> Result<Option<Vec<(VReg, i32, i32)>>> {
        let signed = self.ty(value) == Type::I32;
        let step = self.steps(value);
        let scalars = self.scalars(value, self.rows)?;
        let mut wide = Vec::new();
        for (base, low, high) in spans(&scalars, step) {
            let base = match base {
                Some(base) if signed => self.g(M::GWiden, &[base]),
                Some(base) => base,
                None => self.g(M::GImm(0), &[]),
            };
            let (Ok(low), Ok(high)) = (i32::try_from(low), i32::try_from(high)) else { return Ok(None) };
            wide.push((base, low, high));
        }
        Ok(Some(wide))
    }

    /// The least and the largest number that a type holds, to compare with.
    fn least(&self, signed: bool) -> Limit {
        Limit::Imm(if signed { i32::MIN } else { 0 })
    }

    fn largest(&mut self, signed: bool) -> (Limit, Option<VReg>) {
        if signed {
            return (Limit::Imm(i32::MAX), None);
        }
        (Limit::Register, Some(self.g(M::GImm(u32::MAX), &[])))
    }

    /// What makes `a < b` (or `a <= b`) in all lanes. One of both is the same in the lanes of a group.
    fn order_checks(&mut self, a: Value, b: Value, strict: bool) -> Result<Checks> {
        let signed = self.ty(a) == Type::I32;
        let mut checks: Vec<Check> = Vec::new();
        let mut push = |check: Check| {
            if !checks.contains(&check) {
                checks.push(check);
            }
        };
        if self.steps(b) == 0 {
            let cond = if strict { Cond::Less } else { Cond::LessEq };
            let limits = self.exact_rows(b)?;
            let alike = limits.iter().all(|&l| l == limits[0]);
            if self.steps(a) != 0 && alike {
                let Some(spans) = self.wide_spans(a)? else { return Ok(None) };
                for (register, low, high) in spans {
                    if low < 0 {
                        let limit = self.least(signed);
                        push(Check { register, offset: low, cond: Cond::GreaterEq, limit, other: None, wraps: false });
                    }
                    push(Check {
                        register,
                        offset: high,
                        cond,
                        limit: Limit::Register,
                        other: Some(limits[0]),
                        wraps: false,
                    });
                }
                return Ok(Some(checks));
            }
            let reach = 7 * i64::from(self.steps(a));
            let (Ok(low), Ok(high)) = (i32::try_from(reach.min(0)), i32::try_from(reach.max(0))) else {
                return Ok(None);
            };
            for (register, limit) in self.exact_rows(a)?.into_iter().zip(limits) {
                if low < 0 {
                    let limit = self.least(signed);
                    push(Check { register, offset: low, cond: Cond::GreaterEq, limit, other: None, wraps: false });
                }
                push(Check { register, offset: high, cond, limit: Limit::Register, other: Some(limit), wraps: false });
            }
            return Ok(Some(checks));
        }
        let cond = if strict { Cond::Greater } else { Cond::GreaterEq };
        let lows = self.exact_rows(a)?;
        let (largest, largest_register) = self.largest(signed);
        let rows = match lows.iter().all(|&l| l == lows[0]) {
            true => match self.wide_spans(b)? {
                Some(spans) => spans,
                None => return Ok(None),
            },
            false => {
                let reach = 7 * i64::from(self.steps(b));
                let (Ok(low), Ok(high)) = (i32::try_from(reach.min(0)), i32::try_from(reach.max(0))) else {
                    return Ok(None);
                };
                self.exact_rows(b)?.into_iter().map(|register| (register, low, high)).collect()
            }
        };
        for (i, (register, low, high)) in rows.into_iter().enumerate() {
            let other = Some(lows[i]);
            push(Check { register, offset: low, cond, limit: Limit::Register, other, wraps: false });
            if high > 0 {
                let (cond, other) = (Cond::LessEq, largest_register);
                push(Check { register, offset: high, cond, limit: largest, other, wraps: !signed });
            }
        }
        Ok(Some(checks))
    }

    /// Checks under which `a != b` in all lanes. They may fail where it is true: `a > b` is asked for if `b` is a
    /// constant (such guards are about the first elements), else `a < b`. `b` is the same in the lanes of a group.
    fn difference_checks(&mut self, a: Value, b: Value) -> Result<Checks> {
        let (a, b) = if self.steps(b) == 0 { (a, b) } else { (b, a) };
        if self.as_const(b).is_some() {
            if self.steps(a) == 0 {
                let mut checks = Vec::new();
                let limits = self.exact_rows(b)?;
                for (register, limit) in self.exact_rows(a)?.into_iter().zip(limits) {
                    checks.push(Check {
                        register,
                        offset: 0,
                        cond: Cond::Ne,
                        limit: Limit::Register,
                        other: Some(limit),
                        wraps: false,
                    });
                }
                return Ok(Some(checks));
            }
            return self.order_checks(b, a, true);
        }
        self.order_checks(a, b, true)
    }

    /// Checks under which a condition holds in all lanes; `None` if its operands are not scalars that are available by
    /// now.
    pub fn uniformity_checks(&mut self, cond: Value) -> Result<Checks> {
        let Some(conjuncts) = conjuncts(self, cond, true) else { return Ok(None) };
        let mut all = Vec::new();
        for (comparison, holds) in conjuncts {
            let Op::Binary(_, a, b) = self.program.def(comparison).op else { return Ok(None) };
            if !self.is_available(a)
                || !self.is_available(b)
                || !comparable(self, a, b)
                || self.assumptions.contains_key(&comparison)
            {
                return Ok(None);
            }
            match self.comparison_checks(comparison, holds)? {
                Some(checks) => all.extend(checks),
                None => return Ok(None),
            }
        }
        Ok(Some(simplified(all)))
    }
}
