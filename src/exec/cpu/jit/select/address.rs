//! Addresses: how the lanes of a group lie to each other in memory, what keeps them in bounds, and where they are.

use iced_x86::Code;
use regalloc2::VReg;

use super::{Mask, Result, Selector, Unsupported, scalar::Scalar};
use crate::{
    exec::cpu::jit::{
        layout::{LENGTH, POINTER},
        mir::{Cond, Limit, MemOperand, Op as M},
        shape::LaneShape,
    },
    ir::{Address, Block, IndexBound, Mem, Op, Space, Stmt, Term, Value},
};

/// How the lanes of a group address memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// All the same element.
    One,
    /// Consecutive words.
    Row,
    /// Words so many bytes apart.
    Spaced(i32),
    Any,
}

/// How many elements there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    Const(u32),
    Runtime(Mem),
}

/// A condition of 64-bit numbers: `register + offset` compares so with the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    pub register: VReg,
    pub offset: i32,
    pub cond: Cond,
    pub limit: Limit,
    /// The operand behind a [`Limit::Register`].
    pub other: Option<VReg>,
    /// Whether it says no more than that an unsigned sum does not wrap.
    pub wraps: bool,
}

/// Conditions under which something holds; `None` if it never does.
pub type Checks = Option<Vec<Check>>;

/// Drops checks that others imply.
pub fn simplified(checks: Vec<Check>) -> Vec<Check> {
    let alike = |a: &Check, b: &Check| (a.register, a.cond, a.limit, a.other) == (b.register, b.cond, b.limit, b.other);
    let mut kept: Vec<Check> = Vec::new();
    for check in checks {
        match kept.iter_mut().find(|k| alike(k, &check)) {
            Some(same) => match check.cond {
                Cond::Less | Cond::LessEq => same.offset = same.offset.max(check.offset),
                Cond::Greater | Cond::GreaterEq => same.offset = same.offset.min(check.offset),
                _ if same.offset == check.offset => {}
                _ => kept.push(check),
            },
            None => kept.push(check),
        }
    }
    // Any number of 32 bits is a limit below 2^32, and so are lengths.
    let below: Vec<(VReg, i32)> = kept
        .iter()
        .filter(|k| k.cond == Cond::Less && k.limit != Limit::Imm(0))
        .map(|k| (k.register, k.offset))
        .collect();
    kept.retain(|k| !(k.wraps && below.iter().any(|b| b.0 == k.register && b.1 >= k.offset)));
    kept
}

pub fn extent(mem: Mem, bound: IndexBound) -> Extent {
    match bound {
        IndexBound::Const(n) => Extent::Const(n),
        IndexBound::Runtime => Extent::Runtime(mem),
    }
}

impl Selector<'_> {
    pub fn pattern(&self, address: &Address) -> Pattern {
        match self.bytes_apart(address) {
            Some(0) => Pattern::One,
            Some(4) => Pattern::Row,
            Some(bytes) => Pattern::Spaced(bytes),
            None => Pattern::Any,
        }
    }

    /// Bytes from one lane's element to the next, if that is the same for all.
    pub fn bytes_apart(&self, address: &Address) -> Option<i32> {
        address.terms.iter().try_fold(0i32, |bytes, term| {
            let (step, stride) = self.shape(term.index).step().zip(i32::try_from(term.stride).ok())?;
            step.checked_mul(stride)?.checked_add(bytes)
        })
    }

    /// Whether the first lane's element is known to lie at a multiple of 32 bytes.
    pub fn is_row_aligned(&self, address: &Address) -> bool {
        let aligned = |index| matches!(self.shape(index), LaneShape::Affine { aligned: true, .. });
        let term = |t: &Term| t.stride.is_multiple_of(32) || t.stride.is_multiple_of(4) && aligned(t.index);
        address.offset.is_multiple_of(32) && address.terms.iter().all(term)
    }

    /// Where a memory starts, without the pointer, and how many bytes in it a WGSL byte is (private memory has a row
    /// for each word).
    fn start(&self, address: &Address) -> Result<(bool, i64, i64)> {
        let at = i64::from(self.layout.memory(address.mem));
        let offset = i64::from(address.offset);
        Ok(match self.program.memory(address.mem).space {
            Space::Workgroup { .. } => (true, at + offset, 1),
            Space::Private { .. } => (true, at + offset * 8, 8),
            _ => (false, offset, 1),
        })
    }

    pub fn is_private(&self, mem: Mem) -> bool {
        matches!(self.program.memory(mem).space, Space::Private { .. })
    }

    pub fn pointer(&mut self, mem: Mem) -> VReg {
        let record = self.layout.memory(mem);
        self.g(M::GPointer(record + POINTER), &[])
    }

    /// The bytes in front of this lane group's part of a private memory, if there are several.
    pub fn group_part(&mut self, mem: Mem) -> Option<VReg> {
        match self.program.memory(mem).space {
            Space::Private { bytes } if self.program.has_barrier => {
                let group = self.g(M::GGroup, &[]);
                Some(self.g(M::GScale(bytes as i32 / 4), &[group]))
            }
            _ => None,
        }
    }

    /// Checks under which an index with a known step between lanes is within bounds, in all lanes of all rows.
    pub fn within(&mut self, index: Value, extent: Extent) -> Result<Checks> {
        if self.is_proven(index, extent) {
            return Ok(Some(Vec::new()));
        }
        let step = self.shape(index).step().ok_or(Unsupported("an index without a shape"))?;
        let rows = if self.uniform(index) { 1 } else { self.rows };
        let mut scalars = self.scalars(index, rows)?;
        if self.materialise_sums {
            scalars = scalars.into_iter().map(|scalar| self.materialised_sum(scalar)).collect();
        }
        let (limit, other) = match extent {
            // An immediate of 64 bits has 31 and a sign.
            Extent::Const(n) => match i32::try_from(n) {
                Ok(n) => (Limit::Imm(n), None),
                Err(_) => (Limit::Register, Some(self.g(M::GImm(n), &[]))),
            },
            Extent::Runtime(mem) => (Limit::Worker(self.layout.memory(mem) + LENGTH), None),
        };
        let mut checks = Vec::new();
        for (base, low, high) in spans(&scalars, step) {
            let Some(register) = base else {
                // Constants: the highest decides.
                let Ok(high) = u32::try_from(high) else { return Ok(None) };
                let Ok(_) = u32::try_from(low) else { return Ok(None) };
                if let Extent::Const(n) = extent {
                    if high >= n {
                        return Ok(None);
                    }
                    continue;
                }
                let register = self.g(M::GImm(high), &[]);
                checks.push(Check { register, offset: 0, cond: Cond::Less, limit, other, wraps: false });
                continue;
            };
            let (Ok(low), Ok(high)) = (i32::try_from(low), i32::try_from(high)) else { return Ok(None) };
            if low < 0 {
                checks.push(Check {
                    register,
                    offset: low,
                    cond: Cond::GreaterEq,
                    limit: Limit::Imm(0),
                    other: None,
                    wraps: false,
                });
            }
            checks.push(Check { register, offset: high, cond: Cond::Less, limit, other, wraps: false });
        }
        Ok(Some(checks))
    }

    /// The scalars of a value in the first rows.
    pub fn scalars(&mut self, value: Value, rows: usize) -> Result<Vec<Scalar>> {
        let before = self.row;
        let mut scalars = Vec::with_capacity(rows);
        for row in 0..rows {
            self.row = row;
            scalars.push(self.scalar(value)?);
        }
        self.row = before;
        Ok(scalars)
    }

    pub fn is_proven(&self, index: Value, extent: Extent) -> bool {
        if self.proven.contains(&(index, extent)) {
            return true;
        }
        match extent {
            Extent::Const(n) => self.range(index).high < u64::from(n),
            Extent::Runtime(_) => false,
        }
    }

    pub fn range(&self, value: Value) -> crate::exec::cpu::jit::range::Range {
        match self.as_const(value) {
            Some(bits) => crate::exec::cpu::jit::range::Range { low: bits.into(), high: bits.into() },
            None => self.ranges[value.0 as usize],
        }
    }

    /// Checks under which an access is in bounds, if all its indices have a known step between lanes.
    pub fn in_bounds(&mut self, address: &Address) -> Result<Checks> {
        let mut all = Vec::new();
        for term in &address.terms {
            match self.within(term.index, extent(address.mem, term.bound))? {
                Some(checks) => all.extend(checks),
                None => return Ok(None),
            }
        }
        Ok(Some(simplified(all)))
    }

    /// The place of the current row's first lane, where the indices are in bounds, with the operands it takes.
    pub fn mem_operand(&mut self, address: &Address) -> Result<(MemOperand, Vec<VReg>)> {
        let (worker, start, factor) = self.start(address)?;
        let mut uses = Vec::new();
        if !worker {
            uses.push(self.pointer(address.mem));
        }
        let mut offset = start;
        let mut parts: Vec<(VReg, i64)> = Vec::new();
        parts.extend(self.group_part(address.mem).map(|part| (part, 1)));
        for term in &address.terms {
            let stride = i64::from(term.stride) * factor;
            let scalar = self.exact(term.index, extent(address.mem, term.bound))?;
            match scalar.base {
                Some(base) => {
                    offset += i64::from(scalar.add) * stride;
                    parts.push((base, stride));
                }
                None => offset += i64::from(scalar.add as u32) * stride,
            }
        }
        // What a displacement cannot hold is added.
        let rest = offset.rem_euclid(1 << 30);
        if i32::try_from(offset).is_err() {
            let far = self.g(M::GImm(((offset - rest).unsigned_abs() >> 30) as u32), &[]);
            parts.push((far, (offset - rest).signum() << 30));
            offset = rest;
        }
        let offset = offset as i32;
        let scale = match parts[..] {
            [] => 0,
            [(base, stride @ (1 | 2 | 4 | 8))] => {
                uses.push(base);
                stride as u8
            }
            _ => {
                // The part that takes a multiplication comes first: others are added to it as they are.
                parts.sort_by_key(|&(_, stride)| matches!(stride, 1 | 2 | 4 | 8));
                let mut sum: Option<VReg> = None;
                for (base, stride) in parts {
                    sum = Some(match (sum, stride) {
                        (Some(sum), 1 | 2 | 4 | 8) => self.g(M::GLeaWide(stride as u8), &[sum, base]),
                        (Some(sum), _) => {
                            let part = self.times(base, stride);
                            self.g(M::GLeaWide(1), &[sum, part])
                        }
                        (None, _) => self.times(base, stride),
                    });
                }
                uses.extend(sum);
                1
            }
        };
        Ok((MemOperand { worker, scale, offset }, uses))
    }

    /// A number of 64 bits times a stride.
    fn times(&mut self, base: VReg, stride: i64) -> VReg {
        match i32::try_from(stride) {
            Ok(1) => base,
            Ok(stride) => self.g(M::GScale(stride), &[base]),
            // Elements consist of words or halves.
            Err(_) => {
                let base = self.g(M::GScale(2), &[base]);
                self.times(base, stride / 2)
            }
        }
    }

    /// Multiplies, in front of a loop, what addresses in it take from outside.
    pub fn prepare_addresses(&mut self, body: &Block) -> Result<()> {
        for stmt in &body.stmts {
            let program = self.program;
            match stmt {
                Stmt::Let(value) => match &program.def(*value).op {
                    Op::Load(address) | Op::UniformLoad(address) => self.prepare_address(address)?,
                    _ => {}
                },
                Stmt::Store { address, .. } => self.prepare_address(address)?,
                Stmt::If { accept, reject, .. } => {
                    self.prepare_addresses(accept)?;
                    self.prepare_addresses(reject)?;
                }
                Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => self.prepare_addresses(body)?,
                Stmt::Clear(_) | Stmt::Barrier(_) => {}
            }
        }
        Ok(())
    }

    fn prepare_address(&mut self, address: &Address) -> Result<()> {
        let (_, _, factor) = self.start(address)?;
        for term in &address.terms {
            let stride = i64::from(term.stride) * factor;
            if self.as_const(term.index).is_some() || !self.is_scalar(term.index) || !self.known(term.index) {
                continue;
            }
            for row in 0..self.rows {
                self.row = row;
                let scalar = self.exact(term.index, extent(address.mem, term.bound))?;
                if let (Some(base), false) = (scalar.base, matches!(stride, 1 | 2 | 4 | 8)) {
                    self.times(base, stride);
                }
            }
            self.row = 0;
        }
        Ok(())
    }

    /// A scalar whose parts do not wrap around when they are added up as numbers of 64 bits.
    fn materialised_sum(&mut self, scalar: Scalar) -> Scalar {
        match scalar {
            Scalar { base: Some(_), add: 1.. } => Scalar::register(self.materialise(scalar)),
            scalar => scalar,
        }
    }

    /// Whether an index may be in bounds although its parts, as numbers of 64 bits, add up to more than 32 hold. Checks of
    /// parts find it out of bounds then, which is right only where something else decides what becomes of it.
    pub fn sum_may_wrap_in_bounds(&mut self, address: &Address) -> Result<bool> {
        for term in &address.terms {
            if self.is_proven(term.index, extent(address.mem, term.bound)) || !self.is_scalar(term.index) {
                continue;
            }
            let rows = if self.uniform(term.index) { 1 } else { self.rows };
            let scalars = self.scalars(term.index, rows)?;
            if scalars.iter().any(|scalar| scalar.base.is_some() && scalar.add > 0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Does `f`, if `made` with indices that are added up before they are looked at.
    pub fn with_materialised_sums_if<T>(&mut self, made: bool, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = std::mem::replace(&mut self.materialise_sums, made);
        let result = f(self);
        self.materialise_sums = before;
        result
    }

    /// The scalar of an index that is in bounds, such that its parts add up without wrapping.
    fn exact(&mut self, index: Value, extent: Extent) -> Result<Scalar> {
        let scalar = self.scalar(index)?;
        if scalar.base.is_none() || scalar.add <= 0 {
            return Ok(scalar);
        }
        if self.materialise_sums {
            return Ok(self.materialised_sum(scalar));
        }
        // Base and constant may be added in 64 bits if a check compared them so, or if the sum in 32 bits did not wrap:
        // it is no less than the constant then.
        let by_range = matches!(extent, Extent::Const(n) if self.range(index).high < u64::from(n));
        if !by_range || self.proven.contains(&(index, extent)) {
            return Ok(scalar);
        }
        let before = self.row;
        self.row = 0;
        let first = self.scalar(index)?;
        self.row = before;
        let low = self.range(index).low as i64;
        let exact = |s: Scalar| s.add <= 0 || i64::from(s.add) <= low;
        let beside_first = scalar.base == first.base && scalar.add >= first.add && exact(first);
        if exact(scalar) || beside_first {
            return Ok(scalar);
        }
        Ok(Scalar::register(self.materialise(scalar)))
    }

    /// The word index of each lane of the current row, and the lanes that are active and in bounds (`None`: all).
    pub fn row_address(&mut self, address: &Address) -> Result<(VReg, Option<VReg>)> {
        self.unit_address(address, 4)
    }

    /// The same in units of so many bytes.
    pub fn unit_address(&mut self, address: &Address, unit: u32) -> Result<(VReg, Option<VReg>)> {
        let record = self.layout.memory(address.mem);
        let mut mask = match self.mask {
            Mask::All => None,
            Mask::Some(mask) => Some(mask[self.row]),
        };
        let mut words: Option<VReg> = None;
        for term in &address.terms {
            if term.stride % unit != 0 {
                return Err(Unsupported("an element that is not a number of words"));
            }
            let index = self.vector(term.index)?;
            if !self.is_proven(term.index, extent(address.mem, term.bound)) {
                let limit = match term.bound {
                    IndexBound::Const(n) => self.constant(n),
                    IndexBound::Runtime => {
                        let length = self.g(M::GPointer(record + LENGTH), &[]);
                        self.v(M::Broadcast, &[length])
                    }
                };
                let below = self.below(index, limit);
                mask = Some(match mask {
                    Some(mask) => self.and(mask, below),
                    None => below,
                });
            }
            let part = self.scaled(index, term.stride / unit);
            words = Some(match words {
                Some(before) => self.v(M::V3(Code::VEX_Vpaddd_ymm_ymm_ymmm256), &[before, part]),
                None => part,
            });
        }
        let words = match words {
            Some(words) => words,
            None => self.v(M::VZero, &[]),
        };
        if !self.is_private(address.mem) {
            return Ok((words, mask));
        }
        // Word w of lane i lies at 8 w + i.
        let mut words = self.scaled(words, 8);
        let lanes = self.ramp(Scalar::constant(0), 1);
        words = self.v(M::V3(Code::VEX_Vpaddd_ymm_ymm_ymmm256), &[words, lanes]);
        if let Some(part) = self.group_part(address.mem) {
            let part = self.v(M::Broadcast, &[part]);
            let part = self.v(M::V2Imm(Code::VEX_Vpsrld_ymm_ymm_imm8, 2), &[part]);
            words = self.v(M::V3(Code::VEX_Vpaddd_ymm_ymm_ymmm256), &[words, part]);
        }
        Ok((words, mask))
    }

    fn scaled(&mut self, index: VReg, by: u32) -> VReg {
        if by == 1 {
            return index;
        }
        if by.is_power_of_two() {
            return self.v(M::V2Imm(Code::VEX_Vpslld_ymm_ymm_imm8, by.trailing_zeros() as u8), &[index]);
        }
        let by = self.constant(by);
        self.v(M::V3(Code::VEX_Vpmulld_ymm_ymm_ymmm256), &[index, by])
    }

    /// The place that gathers and lane-by-lane accesses index words from.
    pub fn base_operand(&mut self, address: &Address) -> Result<(MemOperand, Vec<VReg>)> {
        self.base_operand_of_units(address, 4)
    }

    pub fn base_operand_of_units(&mut self, address: &Address, unit: u32) -> Result<(MemOperand, Vec<VReg>)> {
        let (worker, offset, _) = self.start(address)?;
        let mut uses = if worker { Vec::new() } else { vec![self.pointer(address.mem)] };
        let (offset, far) = match i32::try_from(offset) {
            Ok(offset) => (offset, None),
            Err(_) => (0, Some(self.g(M::GImm(address.offset), &[]))),
        };
        if let (Some(far), [pointer]) = (far, &mut uses[..]) {
            *pointer = self.g(M::GLeaWide(1), &[*pointer, far]);
        }
        Ok((MemOperand { worker, scale: unit as u8, offset }, uses))
    }

    pub fn or_all(&mut self, mask: Option<VReg>) -> VReg {
        match mask {
            Some(mask) => mask,
            None => self.v(M::VOnes, &[]),
        }
    }
}

/// Scalars with one base each: from the lowest to the highest number that lanes add to it. Without a base, the numbers
/// are unsigned.
pub fn spans(scalars: &[Scalar], step: i32) -> Vec<(Option<VReg>, i64, i64)> {
    let reach = 7 * i64::from(step);
    let mut spans: Vec<(Option<VReg>, i64, i64)> = Vec::new();
    for scalar in scalars {
        let add = match scalar.base {
            Some(_) => i64::from(scalar.add),
            None => i64::from(scalar.add as u32),
        };
        let (low, high) = (add + reach.min(0), add + reach.max(0));
        match spans.iter_mut().find(|span| span.0 == scalar.base) {
            Some(span) => (span.1, span.2) = (span.1.min(low), span.2.max(high)),
            None => spans.push((scalar.base, low, high)),
        }
    }
    spans
}
