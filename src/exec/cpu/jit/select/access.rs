//! Accesses to memory, by the shape of their address.
//!
//! Where the lanes of a group read one element, it is read once; where they read consecutive words in
//! bounds, as a row; otherwise they are gathered under a mask. What is out of bounds is zero or dropped.

use iced_x86::Code;
use regalloc2::{Operand, PReg, RegClass, VReg};

use super::{Mask, Result, Selector, Unsupported};
use crate::{
    exec::cpu::jit::{
        layout::{LENGTH, ROW_LIMIT},
        mir::{Base, LaneAccess, Op as M, ROW},
        shape::Shape,
    },
    ir::{Address, Atomic, AtomicFun, Bound, Mem, Space, Type, Value},
};

/// How the lanes of a group address memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pattern {
    /// All the same element.
    One,
    /// Consecutive words.
    Row,
    Any,
}

impl Selector<'_> {
    fn pattern(&self, address: &Address) -> Pattern {
        let mut pattern = Pattern::One;
        for term in &address.terms {
            pattern = match (self.shape(term.index), pattern) {
                (Shape::Same, pattern) => pattern,
                (Shape::Linear, Pattern::One) if term.stride == 4 => Pattern::Row,
                _ => return Pattern::Any,
            };
        }
        pattern
    }

    /// Where a memory starts, and how many bytes in it a WGSL byte is (private memory has a row for each word).
    fn base(&self, address: &Address) -> Result<(Base, i32)> {
        let at = self.layout.memory(address.mem);
        let offset = i32::try_from(address.offset).ok().filter(|&offset| offset < i32::MAX / 16);
        let offset = offset.ok_or(Unsupported("an offset beyond 128 MiB"))?;
        Ok(match self.program.memory(address.mem).space {
            Space::Workgroup { .. } => (Base::Worker(at + offset), 1),
            Space::Private { .. } => (Base::Worker(at + offset * 8), 8),
            _ => (Base::Pointer(at, offset), 1),
        })
    }

    fn is_private(&self, mem: Mem) -> bool {
        matches!(self.program.memory(mem).space, Space::Private { .. })
    }

    /// The bytes in front of this lane group's part of a private memory, if there are several.
    fn group_part(&mut self, mem: Mem) -> Option<VReg> {
        match self.program.memory(mem).space {
            Space::Private { bytes } if self.program.has_barrier => {
                let group = self.mir.g(M::GGroup, &[]);
                Some(self.mir.g(M::GScale(bytes as i32 / 4), &[group]))
            }
            _ => None,
        }
    }

    /// The byte index of lane 0, and a condition that the access of all lanes is in bounds (`None`: proven).
    fn scalar_address(&mut self, address: &Address, scale: i32) -> Result<(VReg, Option<VReg>)> {
        let record = self.layout.memory(address.mem);
        let (mut bytes, mut inside): (Option<VReg>, Option<VReg>) = (self.group_part(address.mem), None);
        for term in &address.terms {
            let index = self.general(term.index)?;
            let row = self.shape(term.index) == Shape::Linear;
            let check = match term.bound {
                Bound::Const(n) => {
                    let n = i32::try_from(n).map_err(|_| Unsupported("an array of more than 2^31 elements"))?;
                    M::GBelow(n - if row { 7 } else { 0 })
                }
                Bound::Runtime => M::GBelowWorker(record + if row { ROW_LIMIT } else { LENGTH }),
            };
            let check = self.mir.g(check, &[index]);
            inside = Some(match inside {
                Some(before) => self.mir.tied(RegClass::Int, M::G2(Code::And_r32_rm32), &[before, check]),
                None => check,
            });
            let stride = i32::try_from(term.stride).ok().and_then(|stride| stride.checked_mul(scale));
            let stride = stride.ok_or(Unsupported("a stride beyond 2 GiB"))?;
            let part = self.mir.g(M::GScale(stride), &[index]);
            bytes = Some(match bytes {
                Some(before) => self.mir.tied(RegClass::Int, M::GAdd64, &[before, part]),
                None => part,
            });
        }
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => self.mir.g(M::GImm(0), &[]),
        };
        Ok((bytes, inside))
    }

    /// The word index of each lane, and the lanes that are active and in bounds.
    fn row_address(&mut self, address: &Address) -> Result<(VReg, VReg)> {
        let record = self.layout.memory(address.mem);
        let mut mask = match self.mask {
            Mask::All => None,
            Mask::Some(mask) => Some(mask),
        };
        let mut words: Option<VReg> = None;
        for term in &address.terms {
            if term.stride % 4 != 0 {
                return Err(Unsupported("an element that is not a number of words"));
            }
            let index = self.vector(term.index)?;
            let limit = match term.bound {
                Bound::Const(n) => self.constant(n)?,
                Bound::Runtime => {
                    let length = self.mir.g(M::GLoadWorker(record + LENGTH), &[]);
                    self.mir.v(M::Broadcast, &[length])
                }
            };
            let below = self.below(index, limit);
            mask = Some(match mask {
                Some(mask) => self.and(mask, below),
                None => below,
            });
            let part = self.scaled(index, term.stride / 4)?;
            words = Some(match words {
                Some(before) => self.mir.v(M::V3(Code::VEX_Vpaddd_ymm_ymm_ymmm256), &[before, part]),
                None => part,
            });
        }
        let words = match words {
            Some(words) => words,
            None => self.mir.v(M::VZero, &[]),
        };
        let mask = match mask {
            Some(mask) => mask,
            None => self.mask_row(),
        };
        if !self.is_private(address.mem) {
            return Ok((words, mask));
        }
        // Word w of lane i lies at 8 w + i.
        let mut words = self.scaled(words, 8)?;
        let iota = self.mir.v(M::RowLoad(self.layout.iota), &[]);
        words = self.mir.v(M::V3(Code::VEX_Vpaddd_ymm_ymm_ymmm256), &[words, iota]);
        if let Some(part) = self.group_part(address.mem) {
            let part = self.mir.v(M::Broadcast, &[part]);
            let part = self.mir.v(M::V2Imm(Code::VEX_Vpsrld_ymm_ymm_imm8, 2), &[part]);
            words = self.mir.v(M::V3(Code::VEX_Vpaddd_ymm_ymm_ymmm256), &[words, part]);
        }
        Ok((words, mask))
    }

    fn scaled(&mut self, index: VReg, by: u32) -> Result<VReg> {
        if by == 1 {
            return Ok(index);
        }
        if by.is_power_of_two() {
            return Ok(self.mir.v(M::V2Imm(Code::VEX_Vpslld_ymm_ymm_imm8, by.trailing_zeros() as u8), &[index]));
        }
        let by = self.constant(by)?;
        Ok(self.mir.v(M::V3(Code::VEX_Vpmulld_ymm_ymm_ymmm256), &[index, by]))
    }

    /// A load with the spare register that a pointer needs.
    fn read(&mut self, class: RegClass, op: M, index: VReg) -> VReg {
        let dst = self.mir.vreg(class);
        let spare = self.mir.vreg(RegClass::Int);
        let operands = vec![Operand::reg_def(dst), Operand::reg_use(index), Operand::reg_temp(spare)];
        self.mir.push(op, operands);
        dst
    }

    fn write(&mut self, op: M, index: VReg, value: VReg) {
        let spare = self.mir.vreg(RegClass::Int);
        let operands = vec![Operand::reg_use(index), Operand::reg_use(value), Operand::reg_temp(spare)];
        self.mir.push(op, operands);
    }

    fn gather(&mut self, base: Base, words: VReg, mask: VReg) -> Result<VReg> {
        let temporaries = [RegClass::Float, RegClass::Int];
        let row = self.mir.apart(Some(RegClass::Float), M::Gather(base), &[words, mask], &temporaries);
        row.ok_or(Unsupported("a gather without a result"))
    }

    /// Runs `yes` where `inside` holds and `no` where not, and joins their results.
    fn either(
        &mut self,
        inside: Option<VReg>,
        class: RegClass,
        yes: impl FnOnce(&mut Self) -> Result<VReg>,
        no: impl FnOnce(&mut Self) -> Result<VReg>,
    ) -> Result<VReg> {
        let Some(inside) = inside else { return yes(self) };
        let (fast, slow, join) = (self.mir.block(), self.mir.cold_block(), self.mir.block());
        let result = self.mir.param(join, class);
        self.mir.branch(M::BranchNonZero, &[inside], fast, slow);
        self.mir.switch(fast);
        let value = yes(self)?;
        self.mir.jump(join, &[value]);
        self.mir.switch(slow);
        let value = no(self)?;
        self.mir.jump(join, &[value]);
        self.mir.switch(join);
        Ok(result)
    }

    pub fn load(&mut self, value: Value, address: &Address) -> Result<VReg> {
        let (base, scale) = self.base(address)?;
        let pattern = self.pattern(address);
        let class = self.class(value);
        match pattern {
            Pattern::One => {
                let (bytes, inside) = self.scalar_address(address, scale)?;
                let op = match class {
                    _ if self.is_private(address.mem) => M::MemRow(base),
                    RegClass::Int => M::MemWord(base),
                    _ => M::MemBroadcast(base),
                };
                self.either(inside, class, |s| Ok(s.read(class, op, bytes)), |s| Ok(s.zero(class)))
            }
            Pattern::Row if !self.is_private(address.mem) => {
                let (bytes, inside) = self.scalar_address(address, scale)?;
                self.either(
                    inside,
                    class,
                    |s| Ok(s.read(class, M::MemRow(base), bytes)),
                    |s| {
                        let (words, mask) = s.row_address(address)?;
                        s.gather(base, words, mask)
                    },
                )
            }
            _ => {
                let (words, mask) = self.row_address(address)?;
                self.gather(base, words, mask)
            }
        }
    }

    pub fn store(&mut self, address: &Address, value: Value) -> Result<()> {
        self.comes_from(address.origin);
        let (base, scale) = self.base(address)?;
        let private = self.is_private(address.mem);
        let value = self.vector(value)?;
        match self.pattern(address) {
            Pattern::One if private => {
                let (bytes, inside) = self.scalar_address(address, scale)?;
                self.when(
                    inside,
                    |s| {
                        let value = match s.mask {
                            Mask::All => value,
                            Mask::Some(mask) => {
                                let before = s.read(RegClass::Float, M::MemRow(base), bytes);
                                s.blend(mask, value, before)
                            }
                        };
                        s.write(M::MemRowStore(base), bytes, value);
                        Ok(())
                    },
                    |_| Ok(()),
                )
            }
            Pattern::Row if !private => {
                let (bytes, mut inside) = self.scalar_address(address, scale)?;
                if let Mask::Some(mask) = self.mask {
                    let full = self.mir.g(M::GFull, &[mask]);
                    inside = Some(match inside {
                        Some(inside) => self.mir.tied(RegClass::Int, M::G2(Code::And_r32_rm32), &[inside, full]),
                        None => full,
                    });
                }
                self.when(
                    inside,
                    |s| {
                        s.write(M::MemRowStore(base), bytes, value);
                        Ok(())
                    },
                    |s| {
                        let (words, mask) = s.row_address(address)?;
                        s.lanes(base, LaneAccess::Store, &[words, mask, value]);
                        Ok(())
                    },
                )
            }
            _ => {
                let (words, mask) = self.row_address(address)?;
                self.lanes(base, LaneAccess::Store, &[words, mask, value]);
                Ok(())
            }
        }
    }

    /// Like `either`, without a result.
    fn when(
        &mut self,
        inside: Option<VReg>,
        yes: impl FnOnce(&mut Self) -> Result<()>,
        no: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let Some(inside) = inside else { return yes(self) };
        let (fast, slow, join) = (self.mir.block(), self.mir.cold_block(), self.mir.block());
        self.mir.branch(M::BranchNonZero, &[inside], fast, slow);
        self.mir.switch(fast);
        yes(self)?;
        self.mir.jump(join, &[]);
        self.mir.switch(slow);
        no(self)?;
        self.mir.jump(join, &[]);
        self.mir.switch(join);
        Ok(())
    }

    /// Lane by lane: gives the old values of an atomic.
    fn lanes(&mut self, base: Base, access: LaneAccess, uses: &[VReg]) -> Option<VReg> {
        let dst = (access != LaneAccess::Store).then(|| self.mir.vreg(RegClass::Float));
        let mut operands = Vec::new();
        operands.extend(dst.map(Operand::reg_def_at_start));
        operands.extend(uses.iter().map(|&u| Operand::reg_use_at_end(u)));
        for _ in 0..5 {
            let temporary = self.mir.vreg(RegClass::Int);
            operands.push(Operand::reg_temp(temporary));
        }
        // Compare-exchange wants RAX.
        let rax = self.mir.vreg(RegClass::Int);
        operands.push(Operand::reg_fixed_def_at_start(rax, PReg::new(0, RegClass::Int)));
        self.mir.push(M::Lanes(base, access), operands);
        dst
    }

    pub fn atomic(&mut self, value: Value, atomic: &Atomic) -> Result<VReg> {
        let (base, _) = self.base(&atomic.address)?;
        let signed = self.ty(value) == Type::I32;
        let (words, mask) = self.row_address(&atomic.address)?;
        let mut uses = vec![words, mask, self.vector(atomic.value)?];
        if atomic.fun == AtomicFun::CompareExchange {
            let compare = atomic.compare.ok_or(Unsupported("a compare-exchange without a comparand"))?;
            uses.push(self.vector(compare)?);
        }
        let access = LaneAccess::Atomic(atomic.fun, signed);
        self.lanes(base, access, &uses).ok_or(Unsupported("an atomic without a result"))
    }

    /// Zeroes a private memory in the active lanes.
    pub fn clear(&mut self, mem: Mem) -> Result<()> {
        const UNROLLED: i32 = 512;
        let Space::Private { bytes } = self.program.memory(mem).space else {
            return Err(Unsupported("clearing a memory that is not private"));
        };
        let (at, rows) = (self.layout.memory(mem), bytes as i32 / 4);
        if let (Mask::All, false) = (self.mask, self.program.has_barrier) {
            self.zero_worker(at, rows * ROW);
            return Ok(());
        }
        if rows > UNROLLED {
            return Err(Unsupported("clearing a large private array under a mask"));
        }
        let start = match self.group_part(mem) {
            Some(part) => part,
            None => self.mir.g(M::GImm(0), &[]),
        };
        let mask = self.mask_row();
        for row in 0..rows {
            let base = Base::Worker(at + row * ROW);
            let before = self.read(RegClass::Float, M::MemRow(base), start);
            let after = self.and_not(mask, before);
            self.write(M::MemRowStore(base), start, after);
        }
        Ok(())
    }

    /// Zeroes a part of the worker block.
    pub fn zero_worker(&mut self, at: i32, bytes: i32) {
        self.mir.apart(None, M::ZeroWorker(at, bytes), &[], &[RegClass::Int, RegClass::Float]);
    }
}
