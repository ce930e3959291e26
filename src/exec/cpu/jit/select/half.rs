//! Halves in memory that the host sees, two bytes each; everywhere else they are single floats.

use iced_x86::Code;
use regalloc2::{RegClass, VReg};

use super::{Mask, PerRow, Result, Selector, ValueRegs, over_rows};
use crate::{
    exec::cpu::jit::mir::{LaneAccess, MemOperand, Op as M},
    ir::{Address, Mem, Type, Value},
};

/// Bytes of a half.
const HALF: i32 = 2;

impl Selector<'_> {
    /// Whether elements of a type take two bytes in a memory.
    pub fn is_half(&self, mem: Mem, ty: Type) -> bool {
        self.program.memory(mem).bytes_of(ty) == HALF as u32
    }

    /// The instruction that reads a row of memory that the host or the workgroup sees, in bounds, if one does.
    pub fn whole_read(&self, value: Value, address: &Address) -> Option<fn(MemOperand) -> M> {
        let half = self.is_half(address.mem, self.ty(value));
        match (self.bytes_apart(address)?, half) {
            (0, true) => Some(M::MemF16Broadcast),
            (HALF, true) => Some(M::MemF16Row),
            (0, false) if self.class(value) == RegClass::Int => Some(M::MemWord),
            (0, false) => Some(M::MemBroadcast),
            (4, false) => Some(M::MemRow),
            _ => None,
        }
    }

    pub fn load_half(&mut self, value: Value, address: &Address) -> Result<()> {
        let width = self.width(value);
        let class = RegClass::Float;
        let vregs = match self.bytes_apart(address) {
            Some(0) => {
                let checks = self.in_bounds(address)?;
                self.checked_branch(
                    checks,
                    &vec![class; width],
                    |s| s.read_rows(address, class, width, M::MemF16Broadcast),
                    |s| s.read_checked(address, class, width, M::MemF16Broadcast),
                )?
            }
            Some(HALF) => {
                let checks = self.in_bounds(address)?;
                self.checked_branch(
                    checks,
                    &vec![class; width],
                    |s| s.read_rows(address, class, width, M::MemF16Row),
                    |s| s.gather_halves(address, width),
                )?
            }
            _ => self.gather_halves(address, width)?,
        };
        self.bind(value, ValueRegs::Rows(over_rows(&vregs)))
    }

    fn gather_halves(&mut self, address: &Address, width: usize) -> Result<Vec<VReg>> {
        let mut vregs = Vec::with_capacity(width);
        for row in 0..width {
            self.row = row;
            let halves = self.gather_half(address)?;
            vregs.push(self.v(M::FromHalf, &[halves]));
        }
        self.row = 0;
        Ok(vregs)
    }

    /// Halves in the low bits of words. Memories are whole words, so the word around a half lies in them.
    fn gather_half(&mut self, address: &Address) -> Result<VReg> {
        let low = self.constant(0xffff);
        if address.terms.iter().all(|term| term.stride % 4 == 0) {
            let words = self.gather(&Address { offset: address.offset & !3, ..address.clone() })?;
            if address.offset.is_multiple_of(4) {
                return Ok(self.and(words, low));
            }
            return Ok(self.v(M::V2Imm(Code::VEX_Vpsrld_ymm_ymm_imm8, 16), &[words]));
        }
        let (mut halves, mask) = self.unit_address(address, HALF as u32)?;
        if address.offset > 0 {
            let first = self.constant(address.offset / HALF as u32);
            halves = self.v(M::V3(Code::VEX_Vpaddd_ymm_ymm_ymmm256), &[halves, first]);
        }
        let words = self.v(M::V2Imm(Code::VEX_Vpsrld_ymm_ymm_imm8, 1), &[halves]);
        let words = self.gather_words(&Address { offset: 0, ..address.clone() }, words, mask)?;
        // An odd number, shifted so far that only its last bit counts.
        let shift = self.v(M::V2Imm(Code::VEX_Vpslld_ymm_ymm_imm8, 31), &[halves]);
        let shift = self.v(M::V2Imm(Code::VEX_Vpsrld_ymm_ymm_imm8, 27), &[shift]);
        let words = self.v(M::V3(Code::VEX_Vpsrlvd_ymm_ymm_ymmm256), &[words, shift]);
        Ok(self.and(words, low))
    }

    pub fn store_half(&mut self, address: &Address, values: &PerRow<VReg>) -> Result<()> {
        if !matches!((self.bytes_apart(address), self.mask), (Some(HALF), Mask::All)) {
            return self.scatter_halves(address, values);
        }
        let checks = self.in_bounds(address)?;
        self.checked_branch(
            checks,
            &[],
            |s| {
                for (row, &value) in values.iter().enumerate().take(s.rows) {
                    s.row = row;
                    let (place, mut uses) = s.mem_operand(address)?;
                    uses.push(value);
                    s.mir.effect(M::MemF16Store(place), &uses);
                }
                s.row = 0;
                Ok(Vec::new())
            },
            |s| {
                s.scatter_halves(address, values)?;
                Ok(Vec::new())
            },
        )?;
        Ok(())
    }

    /// Lane by lane: a neighbour in the same word may be another thread's.
    fn scatter_halves(&mut self, address: &Address, values: &PerRow<VReg>) -> Result<()> {
        for (row, &value) in values.iter().enumerate().take(self.rows) {
            self.row = row;
            let halves = self.v(M::ToHalf, &[value]);
            self.lanes(address, LaneAccess::StoreHalf, &[halves])?;
        }
        self.row = 0;
        Ok(())
    }

    /// Rounds a row to what halves can represent.
    pub fn round_half(&mut self, row: VReg) -> VReg {
        self.v(M::RoundHalf, &[row])
    }
}
