//! Vectors and structs in memory: neighbouring fields of consecutive elements are read and written together, four words
//! at a time, and turned from elements into rows by shuffles.

use iced_x86::Code;
use regalloc2::{RegClass, VReg};

use super::{Mask, PerRow, Result, Selector, ValueRegs, address::Pattern, over_rows};
use crate::{
    exec::cpu::jit::mir::{MemOperand, Op as M},
    ir::{Address, IndexBound, Op, Space, Stmt, Value},
};

/// Words that are read at once.
pub const BLOCK: u32 = 4;

/// Accesses of one element's fields, one after the other.
pub struct Fields<'a> {
    address: &'a Address,
    /// Bytes from one lane's element to the next.
    spacing: i32,
    /// The offset of the block that holds the fields, and the words of the block.
    pub start: u32,
    words: u32,
}

impl Selector<'_> {
    /// Accesses several fields together, if that is what the next statements do; gives how many they are.
    pub fn vectors(&mut self, stmts: &[&Stmt]) -> Result<usize> {
        match stmts[0] {
            Stmt::Let(value) if !self.hoisted.contains(value) => match self.load_pairs(stmts)? {
                0 => self.load_fields(stmts),
                count => Ok(count),
            },
            Stmt::Store { address, .. } => match self.store_pairs(stmts)? {
                0 => self.store_fields(address, stmts),
                count => Ok(count),
            },
            _ => Ok(0),
        }
    }

    /// The block of words that fields lie in; `None` if it cannot be accessed as a whole.
    pub fn fields<'a>(&self, address: &'a Address, offsets: &[u32]) -> Option<Fields<'a>> {
        let Pattern::Spaced(spacing) = self.pattern(address) else { return None };
        if self.is_private(address.mem) || spacing < 8 {
            return None;
        }
        let words = (spacing as u32 / 4).min(BLOCK);
        let low = *offsets.iter().min()?;
        let high = *offsets.iter().max()?;
        let complete = (0..words).all(|word| offsets.contains(&(low + 4 * word)));
        let start = match self.element(address) {
            _ if complete => low,
            // The block around the fields, if it lies within the element.
            Some((from, stride)) => {
                let within = low.checked_sub(from)? % stride;
                let block = (within / (4 * words)).min((stride / 4).checked_sub(words)? / words);
                low - within + block * 4 * words
            }
            None => return None,
        };
        (low >= start && high < start + 4 * words).then_some(Fields { address, spacing, start, words })
    }

    /// Where the elements of the array that an address indexes start, and their size, if that is plain.
    fn element(&self, address: &Address) -> Option<(u32, u32)> {
        let [term] = address.terms[..] else { return None };
        let memory = self.program.memory(address.mem);
        let from = match (term.bound, memory.runtime, memory.space) {
            (IndexBound::Runtime, Some(array), _) => array.offset,
            (IndexBound::Const(n), _, Space::Workgroup { bytes })
                if u64::from(n) * u64::from(term.stride) == u64::from(bytes) =>
            {
                0
            }
            _ => return None,
        };
        (address.offset >= from && address.offset - from < term.stride).then_some((from, term.stride))
    }

    fn load_fields(&mut self, stmts: &[&Stmt]) -> Result<usize> {
        let program = self.program;
        let load = |stmt: &&Stmt| match stmt {
            Stmt::Let(value) => match &program.def(*value).op {
                Op::Load(address) if !self.is_half(address.mem, program.ty(*value)) => Some((*value, address)),
                _ => None,
            },
            _ => None,
        };
        let Some((_, first)) = stmts.first().and_then(load) else { return Ok(0) };
        let alike: Vec<(Value, u32)> = stmts
            .iter()
            .map_while(load)
            .take_while(|(value, a)| a.mem == first.mem && a.terms == first.terms && !self.hoisted.contains(value))
            .map(|(value, a)| (value, a.offset))
            .collect();
        // As many as one block holds.
        for count in (1..=alike.len().min(BLOCK as usize)).rev() {
            let loads = &alike[..count];
            let offsets: Vec<u32> = loads.iter().map(|load| load.1).collect();
            if let Some(fields) = self.fields(first, &offsets) {
                self.load_block(&fields, loads)?;
                return Ok(count);
            }
        }
        Ok(0)
    }

    fn load_block(&mut self, fields: &Fields<'_>, loads: &[(Value, u32)]) -> Result<()> {
        self.set_origin(self.program.def(loads[0].0).origin);
        let address = fields.address;
        let checks = self.in_bounds(address)?;
        let classes = vec![RegClass::Float; loads.len() * self.rows];
        let offsets: Vec<u32> = loads.iter().map(|load| load.1).collect();
        let vregs = self.checked_branch(
            checks,
            &classes,
            |s| s.read_fields(fields, &offsets),
            |s| s.gather_fields(address, &offsets),
        )?;
        let rows = self.rows;
        for (&(value, _), own) in loads.iter().zip(vregs.chunks(rows)) {
            self.bind(value, ValueRegs::Rows(over_rows(own)))?;
        }
        Ok(())
    }

    /// The words at these offsets within a block, all in bounds: for each, all rows.
    pub fn read_fields(&mut self, fields: &Fields<'_>, offsets: &[u32]) -> Result<Vec<VReg>> {
        let at = Address { offset: fields.start, ..fields.address.clone() };
        let mut rows: Vec<Vec<VReg>> = Vec::new();
        for row in 0..self.rows {
            self.row = row;
            let (place, uses) = self.mem_operand(&at)?;
            rows.push(self.read_block(place, &uses, fields));
        }
        self.row = 0;
        let word = |offset: u32| ((offset - fields.start) / 4) as usize;
        Ok(offsets.iter().flat_map(|&offset| rows.iter().map(move |row| row[word(offset)])).collect())
    }

    /// The same for words anywhere.
    pub fn gather_fields(&mut self, address: &Address, offsets: &[u32]) -> Result<Vec<VReg>> {
        let mut all = Vec::new();
        for &offset in offsets {
            all.extend(self.gather_rows(&Address { offset, ..address.clone() }, self.rows)?);
        }
        Ok(all)
    }

    /// The words of a block as rows.
    fn read_block(&mut self, place: MemOperand, uses: &[VReg], fields: &Fields<'_>) -> Vec<VReg> {
        let halves = |s: &mut Self, low: i32, high: i32| {
            let moved = |by: i32| MemOperand { offset: place.offset.wrapping_add(by), ..place };
            let half = s.mir.def(RegClass::Float, M::MemHalf(moved(low)), uses);
            let mut uses = uses.to_vec();
            uses.push(half);
            s.mir.def(RegClass::Float, M::MemHalfInsert(moved(high)), &uses)
        };
        match fields.words {
            2 => {
                let a = halves(self, 0, 32);
                let b = halves(self, 16, 48);
                vec![self.shuffle(a, b, [0, 2, 0, 2]), self.shuffle(a, b, [1, 3, 1, 3])]
            }
            3 => {
                let [a, b, c] = [0, 16, 32].map(|at| halves(self, at, at + 48));
                let t = self.shuffle(b, c, [2, 2, 1, 1]);
                let x = self.shuffle(a, t, [0, 3, 0, 2]);
                let (t, u) = (self.shuffle(a, b, [1, 1, 0, 0]), self.shuffle(b, c, [3, 3, 2, 2]));
                let y = self.shuffle(t, u, [0, 2, 0, 2]);
                let t = self.shuffle(a, b, [2, 2, 1, 1]);
                let z = self.shuffle(t, c, [0, 2, 0, 3]);
                vec![x, y, z]
            }
            _ => {
                let step = fields.spacing;
                let elements = [0, 1, 2, 3].map(|i| halves(self, i * step, (i + 4) * step));
                self.transpose4(elements).to_vec()
            }
        }
    }

    /// In each half, lanes of `a` and then of `b`.
    fn shuffle(&mut self, a: VReg, b: VReg, lanes: [u8; 4]) -> VReg {
        let imm = lanes[0] | lanes[1] << 2 | lanes[2] << 4 | lanes[3] << 6;
        self.v(M::V3Imm(Code::VEX_Vshufps_ymm_ymm_ymmm256_imm8, imm), &[a, b])
    }

    /// Turns four rows of four columns, in each half: rows to columns and back.
    fn transpose4(&mut self, [a, b, c, d]: [VReg; 4]) -> [VReg; 4] {
        let mut pair = |code, x, y| self.v(M::V3(code), &[x, y]);
        let low = pair(Code::VEX_Vunpcklps_ymm_ymm_ymmm256, a, b);
        let high = pair(Code::VEX_Vunpckhps_ymm_ymm_ymmm256, a, b);
        let low_too = pair(Code::VEX_Vunpcklps_ymm_ymm_ymmm256, c, d);
        let high_too = pair(Code::VEX_Vunpckhps_ymm_ymm_ymmm256, c, d);
        [
            pair(Code::VEX_Vunpcklpd_ymm_ymm_ymmm256, low, low_too),
            pair(Code::VEX_Vunpckhpd_ymm_ymm_ymmm256, low, low_too),
            pair(Code::VEX_Vunpcklpd_ymm_ymm_ymmm256, high, high_too),
            pair(Code::VEX_Vunpckhpd_ymm_ymm_ymmm256, high, high_too),
        ]
    }

    fn store_fields(&mut self, first: &Address, stmts: &[&Stmt]) -> Result<usize> {
        if matches!(self.mask, Mask::Some(_)) {
            return Ok(0);
        }
        let Pattern::Spaced(spacing) = self.pattern(first) else { return Ok(0) };
        let words = (spacing / 4).min(BLOCK as i32) as usize;
        let stores: Vec<(&Address, Value)> = stmts
            .iter()
            .map_while(|stmt| match stmt {
                Stmt::Store { address, value }
                    if address.mem == first.mem
                        && address.terms == first.terms
                        && !self.is_half(address.mem, self.ty(*value)) =>
                {
                    Some((address, *value))
                }
                _ => None,
            })
            .take(words.max(1))
            .collect();
        // All of a block has to be written; of three words it is done lane by lane.
        let in_order = stores.iter().enumerate().all(|(i, (a, _))| a.offset == first.offset + 4 * i as u32);
        if !matches!(words, 2 | 4) || spacing % 4 != 0 || stores.len() < words || !in_order {
            return Ok(0);
        }
        let offsets: Vec<u32> = stores.iter().map(|(a, _)| a.offset).collect();
        let Some(fields) = self.fields(first, &offsets) else { return Ok(0) };
        self.set_origin(first.origin);
        let checks = self.in_bounds(first)?;
        let mut values = Vec::new();
        for (_, value) in &stores {
            values.push(self.per_row(|s| s.vector(*value))?);
        }
        self.checked_branch(
            checks,
            &[],
            |s| {
                s.write_fields(&fields, &values)?;
                Ok(Vec::new())
            },
            |s| {
                for ((address, _), rows) in stores.iter().zip(&values) {
                    s.scatter_rows(address, rows)?;
                }
                Ok(Vec::new())
            },
        )?;
        Ok(words)
    }

    /// Writes the words of a block, all in bounds and active.
    pub fn write_fields(&mut self, fields: &Fields<'_>, values: &[PerRow<VReg>]) -> Result<()> {
        let at = Address { offset: fields.start, ..fields.address.clone() };
        for row in 0..self.rows {
            self.row = row;
            let (place, uses) = self.mem_operand(&at)?;
            let own: Vec<VReg> = values.iter().map(|rows| rows[row]).collect();
            self.write_block(place, &uses, &own, fields);
        }
        self.row = 0;
        Ok(())
    }

    /// Writes rows as the words of a block.
    fn write_block(&mut self, place: MemOperand, uses: &[VReg], values: &[VReg], fields: &Fields<'_>) {
        let halves = |s: &mut Self, low: i32, high: i32, value: VReg| {
            let moved = |by: i32| MemOperand { offset: place.offset.wrapping_add(by), ..place };
            let mut uses = uses.to_vec();
            uses.push(value);
            s.mir.effect(M::MemHalfStore(moved(low)), &uses);
            s.mir.effect(M::MemHalfExtract(moved(high)), &uses);
        };
        if let [x, y] = *values {
            let low = self.v(M::V3(Code::VEX_Vunpcklps_ymm_ymm_ymmm256), &[x, y]);
            let high = self.v(M::V3(Code::VEX_Vunpckhps_ymm_ymm_ymmm256), &[x, y]);
            halves(self, 0, 32, low);
            halves(self, 16, 48, high);
        } else if let [x, y, z, w] = *values {
            let step = fields.spacing;
            let elements = self.transpose4([x, y, z, w]);
            (0..4).zip(elements).for_each(|(i, element)| halves(self, i * step, (i + 4) * step, element));
        }
    }
}
