//! Accesses to memory, by the shape of their address.
//!
//! Where the lanes of a group read one element, it is read once; where they read consecutive words in
//! bounds, as a row; otherwise they are gathered under a mask. What is out of bounds is zero or dropped.

use iced_x86::Code;
use regalloc2::{Operand, PReg, RegClass, VReg};

use super::{Mask, PerRow, Place, Result, Selector, Unsupported, scalar::Scalar};
use crate::{
    exec::cpu::jit::{
        layout::{LENGTH, POINTER},
        mir::{At, Cond, LaneAccess, Limit, Op as M, ROW},
    },
    ir::{Address, Block, Bound, Mem, Op, Space, Stmt, Value},
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

pub fn extent(mem: Mem, bound: Bound) -> Extent {
    match bound {
        Bound::Const(n) => Extent::Const(n),
        Bound::Runtime => Extent::Runtime(mem),
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

    /// What makes an index that follows a rule lie within bounds, in all lanes of all rows.
    pub fn within(&mut self, index: Value, extent: Extent) -> Result<Checks> {
        if self.is_proven(index, extent) {
            return Ok(Some(Vec::new()));
        }
        let step = self.shape(index).step().ok_or(Unsupported("an index without a shape"))?;
        let rows = if self.uniform(index) { 1 } else { self.rows };
        let scalars = self.scalars(index, rows)?;
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
                // Numbers that are known: the highest says all.
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

    /// The conditions that an access whose indices all follow rules is in bounds.
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
    pub fn place_of(&mut self, address: &Address) -> Result<(At, Vec<VReg>)> {
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
        Ok((At { worker, scale, offset }, uses))
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

    /// The scalar of an index that is in bounds, such that its parts add up without wrapping.
    fn exact(&mut self, index: Value, extent: Extent) -> Result<Scalar> {
        let scalar = self.scalar(index)?;
        if scalar.base.is_none() || scalar.add <= 0 {
            return Ok(scalar);
        }
        // Either a check has looked at the parts, or the sum is known to be no less than the number.
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
                    Bound::Const(n) => self.constant(n),
                    Bound::Runtime => {
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
        let lanes = self.spread(Scalar::constant(0), 1);
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
    pub fn base_of(&mut self, address: &Address) -> Result<(At, Vec<VReg>)> {
        self.unit_base(address, 4)
    }

    fn unit_base(&mut self, address: &Address, unit: u32) -> Result<(At, Vec<VReg>)> {
        let (worker, offset, _) = self.start(address)?;
        let mut uses = if worker { Vec::new() } else { vec![self.pointer(address.mem)] };
        let (offset, far) = match i32::try_from(offset) {
            Ok(offset) => (offset, None),
            Err(_) => (0, Some(self.g(M::GImm(address.offset), &[]))),
        };
        if let (Some(far), [pointer]) = (far, &mut uses[..]) {
            *pointer = self.g(M::GLeaWide(1), &[*pointer, far]);
        }
        Ok((At { worker, scale: unit as u8, offset }, uses))
    }

    pub fn or_all(&mut self, mask: Option<VReg>) -> VReg {
        match mask {
            Some(mask) => mask,
            None => self.v(M::VOnes, &[]),
        }
    }

    pub fn gather(&mut self, address: &Address) -> Result<VReg> {
        let (words, mask) = self.row_address(address)?;
        self.gather_words(address, words, mask)
    }

    /// Gathers the words of these numbers, from the constant part of the address on.
    pub fn gather_words(&mut self, address: &Address, words: VReg, mask: Option<VReg>) -> Result<VReg> {
        let mask = self.or_all(mask);
        let (place, mut uses) = self.base_of(address)?;
        uses.extend([words, mask]);
        let row = self.apart(true, M::Gather(place), &uses, &[RegClass::Float]);
        row.ok_or(Unsupported("a gather without a result"))
    }

    /// Goes on in the current block where the checks hold, and gives the blocks to which control goes where not.
    pub fn branch_on_checks(&mut self, checks: &[Check]) -> Vec<regalloc2::Block> {
        let mut failures = Vec::new();
        for check in checks {
            let (holds, fails) = (self.mir.block(), self.mir.cold_block());
            let uses: Vec<VReg> = std::iter::once(check.register).chain(check.other).collect();
            self.mir.branch(M::BranchWide(check.cond, check.offset, check.limit), &uses, holds, fails);
            failures.push(fails);
            self.mir.switch(holds);
        }
        failures
    }

    /// Ends blocks by jumps to a new one, which becomes the current.
    pub fn meet(&mut self, blocks: &[regalloc2::Block]) {
        let together = self.mir.cold_block();
        for &block in blocks {
            self.mir.switch(block);
            self.mir.jump(together, &[]);
        }
        self.mir.switch(together);
    }

    /// Runs `yes` where the checks hold and `no` where not, and joins their results, of these classes.
    pub fn either(
        &mut self,
        checks: Checks,
        classes: &[RegClass],
        yes: impl FnOnce(&mut Self) -> Result<Vec<VReg>>,
        no: impl FnOnce(&mut Self) -> Result<Vec<VReg>>,
    ) -> Result<Vec<VReg>> {
        let Some(checks) = checks else { return no(self) };
        if checks.is_empty() {
            return yes(self);
        }
        let join = self.mir.block();
        let results: Vec<VReg> = classes.iter().map(|&class| self.mir.param(join, class)).collect();
        let failures = self.branch_on_checks(&checks);
        self.open();
        let values = yes(self)?;
        self.mir.jump(join, &values);
        self.close();
        self.meet(&failures);
        self.open();
        let values = no(self)?;
        self.mir.jump(join, &values);
        self.close();
        self.mir.switch(join);
        Ok(results)
    }

    pub fn load(&mut self, value: Value, address: &Address) -> Result<()> {
        if self.is_half(address.mem, self.ty(value)) {
            return self.load_half(value, address);
        }
        let pattern = self.pattern(address);
        let class = self.class(value);
        let width = self.width(value);
        let private = self.is_private(address.mem);
        let vregs = match pattern {
            Pattern::One => {
                let checks = self.in_bounds(address)?;
                let op = |place| match class {
                    _ if private => M::MemRow(place),
                    RegClass::Int => M::MemWord(place),
                    _ => M::MemBroadcast(place),
                };
                self.either(
                    checks,
                    &vec![class; width],
                    |s| s.read_rows(address, class, width, op),
                    |s| s.read_with_care(address, class, width, op),
                )?
            }
            Pattern::Row if !private => {
                let checks = self.in_bounds(address)?;
                self.either(
                    checks,
                    &vec![class; width],
                    |s| s.read_rows(address, class, width, M::MemRow),
                    |s| s.gather_rows(address, width),
                )?
            }
            _ => self.gather_rows(address, width)?,
        };
        let at = |row: usize| vregs[row.min(vregs.len() - 1)];
        let place = match class {
            RegClass::Int => Place::Scalar(std::array::from_fn(|row| Scalar::register(at(row)))),
            _ => Place::Rows(std::array::from_fn(at)),
        };
        self.bind(value, place)
    }

    /// Reads rows that are in bounds; those at one place are read once.
    pub fn read_rows(
        &mut self,
        address: &Address,
        class: RegClass,
        width: usize,
        op: impl Fn(At) -> M,
    ) -> Result<Vec<VReg>> {
        let mut read: Vec<((At, Vec<VReg>), VReg)> = Vec::new();
        let mut vregs = Vec::with_capacity(width);
        for row in 0..width {
            self.row = row;
            let from = self.place_of(address)?;
            let vreg = match read.iter().find(|(place, _)| *place == from) {
                Some(&(_, vreg)) => vreg,
                None => {
                    let vreg = self.mir.def(class, op(from.0), &from.1);
                    read.push((from, vreg));
                    vreg
                }
            };
            vregs.push(vreg);
        }
        self.row = 0;
        Ok(vregs)
    }

    /// Reads one element for each row, or zero where it is out of bounds.
    pub fn read_with_care(
        &mut self,
        address: &Address,
        class: RegClass,
        width: usize,
        op: impl Fn(At) -> M,
    ) -> Result<Vec<VReg>> {
        if width == 1 {
            return Ok(vec![self.zero(class)]);
        }
        let mut vregs = Vec::with_capacity(width);
        for row in 0..width {
            self.row = row;
            let checks = self.alone(|s| s.in_bounds(address))?;
            let vreg = self.either(
                checks,
                &[class],
                |s| {
                    let (place, uses) = s.place_of(address)?;
                    Ok(vec![s.mir.def(class, op(place), &uses)])
                },
                |s| Ok(vec![s.zero(class)]),
            )?;
            vregs.extend(vreg);
        }
        self.row = 0;
        Ok(vregs)
    }

    /// Has the current row looked at as if it were the only one.
    fn alone<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let (row, rows) = (self.row, self.rows);
        let places = if row == 0 { None } else { Some(self.places.clone()) };
        if row != 0 {
            for place in self.places.iter_mut().flatten() {
                match place {
                    Place::Scalar(scalars) => scalars[0] = scalars[row],
                    Place::Rows(vregs) => vregs[0] = vregs[row],
                }
            }
        }
        (self.row, self.rows) = (0, 1);
        let result = f(self);
        (self.row, self.rows) = (row, rows);
        if let Some(places) = places {
            self.places = places;
        }
        result
    }

    pub fn gather_rows(&mut self, address: &Address, width: usize) -> Result<Vec<VReg>> {
        let mut vregs = Vec::with_capacity(width);
        for row in 0..width {
            self.row = row;
            vregs.push(self.gather(address)?);
        }
        self.row = 0;
        Ok(vregs)
    }

    pub fn store(&mut self, address: &Address, value: Value) -> Result<()> {
        self.comes_from(address.origin);
        let values = self.per_row(|s| s.vector(value))?;
        if self.is_half(address.mem, self.ty(value)) {
            return self.store_half(address, &values);
        }
        let private = self.is_private(address.mem);
        match self.pattern(address) {
            Pattern::One if private => {
                let checks = self.in_bounds(address)?;
                self.either(
                    checks,
                    &[],
                    |s| {
                        s.blended_store(address, values[0])?;
                        Ok(Vec::new())
                    },
                    |_| Ok(Vec::new()),
                )?;
            }
            Pattern::Row if !private => {
                let checks = self.in_bounds(address)?;
                self.either(
                    checks,
                    &[],
                    |s| {
                        s.store_rows(address, &values)?;
                        Ok(Vec::new())
                    },
                    |s| {
                        s.scatter_rows(address, &values)?;
                        Ok(Vec::new())
                    },
                )?;
            }
            _ => self.scatter_rows(address, &values)?,
        }
        Ok(())
    }

    /// Stores rows that are in bounds.
    fn store_rows(&mut self, address: &Address, values: &PerRow<VReg>) -> Result<()> {
        let workgroup = matches!(self.program.memory(address.mem).space, Space::Workgroup { .. });
        let Mask::Some(mask) = self.mask else {
            for (row, &value) in values.iter().enumerate().take(self.rows) {
                self.row = row;
                let (place, mut uses) = self.place_of(address)?;
                uses.push(value);
                self.mir.effect(M::MemRowStore(place), &uses);
            }
            self.row = 0;
            return Ok(());
        };
        for (row, &value) in values.iter().enumerate().take(self.rows) {
            self.row = row;
            if workgroup {
                // No other thread sees it.
                self.blended_store(address, value)?;
            } else {
                let (place, mut uses) = self.place_of(address)?;
                uses.extend([mask[row], value]);
                self.mir.effect(M::MemMaskStore(place), &uses);
            }
        }
        self.row = 0;
        Ok(())
    }

    /// Writes the active lanes of the current row to memory that no other thread sees.
    fn blended_store(&mut self, address: &Address, mut value: VReg) -> Result<()> {
        let (place, mut uses) = self.place_of(address)?;
        if let Mask::Some(mask) = self.mask {
            let before = self.mir.def(RegClass::Float, M::MemRow(place), &uses);
            value = self.blend(mask[self.row], value, before);
        }
        uses.push(value);
        self.mir.effect(M::MemRowStore(place), &uses);
        Ok(())
    }

    pub fn scatter_rows(&mut self, address: &Address, values: &PerRow<VReg>) -> Result<()> {
        for (row, &value) in values.iter().enumerate().take(self.rows) {
            self.row = row;
            self.lanes(address, LaneAccess::Store, &[value])?;
        }
        self.row = 0;
        Ok(())
    }

    /// Lane by lane in the current row: gives the old values of an atomic.
    pub fn lanes(&mut self, address: &Address, access: LaneAccess, values: &[VReg]) -> Result<Option<VReg>> {
        let unit = if access == LaneAccess::StoreHalf { 2 } else { 4 };
        let (indices, mask) = self.unit_address(address, unit)?;
        let mask = self.or_all(mask);
        let (place, mut uses) = self.unit_base(address, unit)?;
        uses.extend([indices, mask]);
        uses.extend(values);
        let stores = matches!(access, LaneAccess::Store | LaneAccess::StoreHalf);
        let dst = (!stores).then(|| self.mir.vreg(RegClass::Float));
        let mut operands = Vec::new();
        operands.extend(dst.map(Operand::reg_def_at_start));
        operands.extend(uses.iter().map(|&u| Operand::reg_use_at_end(u)));
        for _ in 0..4 {
            let temporary = self.mir.vreg(RegClass::Int);
            operands.push(Operand::reg_temp(temporary));
        }
        // Compare-exchange wants RAX.
        let rax = self.mir.vreg(RegClass::Int);
        operands.push(Operand::reg_fixed_def_at_start(rax, PReg::new(0, RegClass::Int)));
        self.mir.push(M::Lanes(place, access), operands);
        Ok(dst)
    }

    /// Zeroes a private memory in the active lanes.
    pub fn clear(&mut self, mem: Mem) -> Result<()> {
        let Space::Private { bytes } = self.program.memory(mem).space else {
            return Err(Unsupported("clearing a memory that is not private"));
        };
        let (at, rows) = (self.layout.memory(mem), bytes as i32 / 4);
        if let (Mask::All, false) = (self.mask, self.program.has_barrier) {
            self.zero_worker(at, rows * ROW);
            return Ok(());
        }
        let mask = self.mask_row();
        let uses: Vec<VReg> = self.group_part(mem).into_iter().chain([mask]).collect();
        self.apart(false, M::ZeroLanes(at, rows * ROW), &uses, &[RegClass::Int, RegClass::Float]);
        Ok(())
    }

    /// Zeroes a part of the worker block.
    pub fn zero_worker(&mut self, at: i32, bytes: i32) {
        self.apart(false, M::ZeroWorker(at, bytes), &[], &[RegClass::Int, RegClass::Float]);
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
