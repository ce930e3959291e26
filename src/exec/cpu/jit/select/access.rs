//! Accesses to memory, by the shape of their address.
//!
//! Where the lanes of a group read one element, it is read once; where they read consecutive words in
//! bounds, as a row; otherwise they are gathered under a mask. What is out of bounds is zero or dropped.

use regalloc2::{Operand, PReg, RegClass, VReg};

use super::{
    Mask, PerRow, Result, Selector, Unsupported, ValueRegs,
    address::{Check, Checks, Pattern},
};
use crate::{
    exec::cpu::jit::mir::{LaneAccess, MemOperand, Op as M, ROW},
    ir::{Address, Mem, Space, Value},
};

impl Selector<'_> {
    pub fn gather(&mut self, address: &Address) -> Result<VReg> {
        let (words, mask) = self.row_address(address)?;
        self.gather_words(address, words, mask)
    }

    /// Gathers the words of these numbers, from the constant part of the address on.
    pub fn gather_words(&mut self, address: &Address, words: VReg, mask: Option<VReg>) -> Result<VReg> {
        let mask = self.or_all(mask);
        let (place, mut uses) = self.base_operand(address)?;
        uses.extend([words, mask]);
        let row = self.early_clobber(true, M::Gather(place), &uses, &[RegClass::Float]);
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
    pub fn merge_blocks(&mut self, blocks: &[regalloc2::Block]) {
        let together = self.mir.cold_block();
        for &block in blocks {
            self.mir.switch(block);
            self.mir.jump(together, &[]);
        }
        self.mir.switch(together);
    }

    /// Runs `yes` where the checks hold and `no` where not, and joins their results, of these classes.
    pub fn checked_branch(
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
        self.merge_blocks(&failures);
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
                self.checked_branch(
                    checks,
                    &vec![class; width],
                    |s| s.read_rows(address, class, width, op),
                    |s| s.read_checked(address, class, width, op),
                )?
            }
            Pattern::Row if !private => {
                let checks = self.in_bounds(address)?;
                self.checked_branch(
                    checks,
                    &vec![class; width],
                    |s| match s.may_straddle_stores(address) {
                        true => Ok(vec![s.read_split_row(address)?]),
                        false => s.read_rows(address, class, width, M::MemRow),
                    },
                    |s| s.gather_rows(address, width),
                )?
            }
            _ => self.gather_rows(address, width)?,
        };
        let place = self.regs_from(&vregs);
        self.bind(value, place)
    }

    /// Reads rows that are in bounds; those at one place are read once.
    pub fn read_rows(
        &mut self,
        address: &Address,
        class: RegClass,
        width: usize,
        op: impl Fn(MemOperand) -> M,
    ) -> Result<Vec<VReg>> {
        let mut read: Vec<((MemOperand, Vec<VReg>), VReg)> = Vec::new();
        let mut vregs = Vec::with_capacity(width);
        for row in 0..width {
            self.row = row;
            let from = self.mem_operand(address)?;
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

    /// Whether a row is better read as two aligned rows of which parts are put together: where few lanes are active,
    /// workgroup memory was often written just before, and processors forward stores to loads only from a single store.
    fn may_straddle_stores(&self, address: &Address) -> bool {
        let workgroup = matches!(self.program.memory(address.mem).space, Space::Workgroup { .. });
        workgroup && self.rows == 1 && matches!(self.mask, Mask::Some(_)) && !self.is_row_aligned(address)
    }

    fn read_split_row(&mut self, address: &Address) -> Result<VReg> {
        let lanes = self.layout.constant_row(std::array::from_fn(|lane| lane as u32));
        let (place, uses) = self.mem_operand(address)?;
        let temporaries = [RegClass::Int, RegClass::Float, RegClass::Float];
        let row = self.early_clobber(true, M::MemSplitRow(place, lanes), &uses, &temporaries);
        row.ok_or(Unsupported("a row without a result"))
    }

    /// Reads one element for each row, or zero where it is out of bounds.
    pub fn read_checked(
        &mut self,
        address: &Address,
        class: RegClass,
        width: usize,
        op: impl Fn(MemOperand) -> M,
    ) -> Result<Vec<VReg>> {
        let wraps = self.sum_may_wrap_in_bounds(address)?;
        if width == 1 && !wraps {
            return Ok(vec![self.zero(class)]);
        }
        self.with_materialised_sums_if(wraps, |s| {
            let mut vregs = Vec::with_capacity(width);
            for row in 0..width {
                s.row = row;
                let checks = s.with_row_as_only_one(|s| s.in_bounds(address))?;
                let vreg = s.checked_branch(
                    checks,
                    &[class],
                    |s| {
                        let (place, uses) = s.mem_operand(address)?;
                        Ok(vec![s.mir.def(class, op(place), &uses)])
                    },
                    |s| Ok(vec![s.zero(class)]),
                )?;
                vregs.extend(vreg);
            }
            s.row = 0;
            Ok(vregs)
        })
    }

    /// Runs `f` as if the current row were the only one.
    fn with_row_as_only_one<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let (row, rows) = (self.row, self.rows);
        let regs = if row == 0 { None } else { Some(self.regs.clone()) };
        if row != 0 {
            for place in self.regs.iter_mut().flatten() {
                match place {
                    ValueRegs::Scalar(scalars) => scalars[0] = scalars[row],
                    ValueRegs::Rows(vregs) => vregs[0] = vregs[row],
                }
            }
        }
        (self.row, self.rows) = (0, 1);
        let result = f(self);
        (self.row, self.rows) = (row, rows);
        if let Some(regs) = regs {
            self.regs = regs;
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
        self.set_origin(address.origin);
        let values = self.per_row(|s| s.vector(value))?;
        if self.is_half(address.mem, self.ty(value)) {
            return self.store_half(address, &values);
        }
        let private = self.is_private(address.mem);
        match self.pattern(address) {
            Pattern::One if private => {
                let wraps = self.sum_may_wrap_in_bounds(address)?;
                self.with_materialised_sums_if(wraps, |s| {
                    let checks = s.in_bounds(address)?;
                    s.checked_branch(
                        checks,
                        &[],
                        |s| {
                            s.blended_store(address, values[0])?;
                            Ok(Vec::new())
                        },
                        |_| Ok(Vec::new()),
                    )
                })?;
            }
            Pattern::Row if !private => self.store_consecutive(address, &values)?,
            _ => self.scatter_rows(address, &values)?,
        }
        Ok(())
    }

    /// Stores words one behind the other.
    pub fn store_consecutive(&mut self, address: &Address, values: &PerRow<VReg>) -> Result<()> {
        let checks = self.in_bounds(address)?;
        self.checked_branch(
            checks,
            &[],
            |s| {
                s.store_rows(address, values)?;
                Ok(Vec::new())
            },
            |s| {
                s.scatter_rows(address, values)?;
                Ok(Vec::new())
            },
        )?;
        Ok(())
    }

    /// Stores rows that are in bounds.
    fn store_rows(&mut self, address: &Address, values: &PerRow<VReg>) -> Result<()> {
        let workgroup = matches!(self.program.memory(address.mem).space, Space::Workgroup { .. });
        let Mask::Some(mask) = self.mask else {
            for (row, &value) in values.iter().enumerate().take(self.rows) {
                self.row = row;
                let (place, mut uses) = self.mem_operand(address)?;
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
                let (place, mut uses) = self.mem_operand(address)?;
                uses.extend([mask[row], value]);
                self.mir.effect(M::MemMaskStore(place), &uses);
            }
        }
        self.row = 0;
        Ok(())
    }

    /// Writes the active lanes of the current row to memory that no other thread sees.
    fn blended_store(&mut self, address: &Address, mut value: VReg) -> Result<()> {
        let (place, mut uses) = self.mem_operand(address)?;
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
        let (place, mut uses) = self.base_operand_of_units(address, unit)?;
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
        self.early_clobber(false, M::ZeroLanes(at, rows * ROW), &uses, &[RegClass::Int, RegClass::Float]);
        Ok(())
    }

    /// Zeroes a part of the worker block.
    pub fn zero_worker(&mut self, at: i32, bytes: i32) {
        self.early_clobber(false, M::ZeroWorker(at, bytes), &[], &[RegClass::Int, RegClass::Float]);
    }
}
