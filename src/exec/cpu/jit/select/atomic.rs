//! Atomics. Only the thread of a workgroup sees its memory, and its private copy of a memory in which a kernel does
//! nothing but accumulate: there, no instruction needs to lock.

use regalloc2::{RegClass, VReg};

use super::{Mask, Result, Selector, Unsupported, ValueRegs};
use crate::{
    access::Merge,
    exec::cpu::jit::mir::{LaneAccess, Op as M},
    ir::{Atomic, AtomicFun, Space, Type, Value},
};

impl Selector<'_> {
    pub fn atomic(&mut self, value: Value, atomic: &Atomic) -> Result<()> {
        match atomic.fun {
            // A word is read and written whole in any case.
            AtomicFun::Load => return self.load(value, &atomic.address),
            AtomicFun::Store => {
                self.store(&atomic.address, atomic.value)?;
                let zeros = self.per_row(|s| Ok(s.zero(RegClass::Float)))?;
                return self.bind(value, ValueRegs::Rows(zeros));
            }
            _ => {}
        }
        let signed = self.ty(value) == Type::I32;
        let unshared = matches!(self.program.memory(atomic.address.mem).space, Space::Workgroup { .. })
            || self.privatized.contains(&atomic.address.mem);
        let rows = self.per_row(|s| {
            if unshared && !atomic.result_used && s.accumulate(atomic, signed)? {
                return Ok(s.zero(RegClass::Float));
            }
            let mut values = vec![s.vector(atomic.value)?];
            if atomic.fun == AtomicFun::CompareExchange {
                let compare = atomic.compare.ok_or(Unsupported("a compare-exchange without a comparand"))?;
                values.push(s.vector(compare)?);
            }
            let access = LaneAccess::Atomic { fun: atomic.fun, signed, locked: !unshared };
            s.lanes(&atomic.address, access, &values)?.ok_or(Unsupported("an atomic without a result"))
        })?;
        self.bind(value, ValueRegs::Rows(rows))
    }

    /// Combines the values of all lanes with memory, if all are active and in bounds for certain.
    fn accumulate(&mut self, atomic: &Atomic, signed: bool) -> Result<bool> {
        if matches!(self.mask, Mask::Some(_)) || Merge::of(atomic.fun, signed).is_none() {
            return Ok(false);
        }
        let (words, None) = self.row_address(&atomic.address)? else { return Ok(false) };
        let (place, mut uses) = self.base_operand(&atomic.address)?;
        let number = match atomic.fun {
            AtomicFun::Add => self.as_const(atomic.value),
            AtomicFun::Sub => self.as_const(atomic.value).map(u32::wrapping_neg),
            _ => None,
        };
        if let Some(number) = number {
            uses.push(words);
            let temporaries = [RegClass::Int, RegClass::Int, RegClass::Float];
            self.early_clobber(false, M::AccumulateImm(place, number as i32), &uses, &temporaries);
            return Ok(true);
        }
        let value: VReg = self.vector(atomic.value)?;
        uses.extend([words, value]);
        self.early_clobber(false, M::Accumulate(place, atomic.fun, signed), &uses, &[RegClass::Int, RegClass::Int]);
        Ok(true)
    }
}
