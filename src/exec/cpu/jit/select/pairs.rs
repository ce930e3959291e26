//! Vectors and structs of halves in memory: what lies in one word is read and written together.

use iced_x86::Code;
use regalloc2::{RegClass, VReg};

use super::{Mask, PerRow, Result, Selector, ValueRegs, over_rows, vector::BLOCK};
use crate::{
    exec::cpu::jit::mir::Op as M,
    ir::{Address, Op, Stmt, Value},
};

/// A row for each row of lanes, of each word.
type Words = Vec<PerRow<VReg>>;

impl Selector<'_> {
    /// The bytes from one lane's words to the next, if an address of halves has whole words for each lane.
    fn words_apart(&self, address: &Address, value: Value) -> Option<i32> {
        let whole = address.terms.iter().all(|term| term.stride % 4 == 0);
        let half = self.is_half(address.mem, self.ty(value));
        self.bytes_apart(address).filter(|&bytes| half && whole && bytes >= 4)
    }

    /// Loads of halves from neighbouring words; gives how many there were.
    pub fn load_pairs(&mut self, stmts: &[&Stmt]) -> Result<usize> {
        let program = self.program;
        let load = |stmt: &&Stmt| match stmt {
            Stmt::Let(value) => match &program.def(*value).op {
                Op::Load(address) => Some((*value, address)),
                _ => None,
            },
            _ => None,
        };
        let Some((value, first)) = stmts.first().and_then(load) else { return Ok(0) };
        if self.words_apart(first, value).is_none() {
            return Ok(0);
        }
        // As many as lie in a block of words.
        let (mut low, mut high) = (first.offset & !3, first.offset & !3);
        let mut loads: Vec<(Value, u32)> = Vec::new();
        for (value, address) in stmts.iter().map_while(load) {
            let word = address.offset & !3;
            let alike = address.mem == first.mem && address.terms == first.terms && !self.hoisted.contains(&value);
            if !alike || !self.is_half(address.mem, self.ty(value)) || high.max(word) - low.min(word) >= 4 * BLOCK {
                break;
            }
            (low, high) = (low.min(word), high.max(word));
            loads.push((value, address.offset));
        }
        let mut offsets: Vec<u32> = loads.iter().map(|load| load.1 & !3).collect();
        offsets.sort_unstable();
        offsets.dedup();
        if loads.is_empty() {
            return Ok(0);
        }
        self.set_origin(program.def(value).origin);
        let words = self.load_words(first, &offsets)?;
        for &(value, offset) in &loads {
            let word = &words[offsets.partition_point(|&o| o < offset & !3)];
            let halves = self.per_row(|s| Ok(s.half_of(word[s.row], offset % 4 != 0)))?;
            self.bind(value, ValueRegs::Rows(halves))?;
        }
        Ok(loads.len())
    }

    /// The lower or upper halves of words.
    fn half_of(&mut self, word: VReg, upper: bool) -> VReg {
        let half = if upper {
            self.v(M::V2Imm(Code::VEX_Vpsrld_ymm_ymm_imm8, 16), &[word])
        } else {
            let low = self.constant(0xffff);
            self.and(word, low)
        };
        self.v(M::FromHalf, &[half])
    }

    /// The words at these offsets.
    fn load_words(&mut self, address: &Address, offsets: &[u32]) -> Result<Words> {
        let checks = self.in_bounds(address)?;
        let rows = self.rows;
        let vregs = self.checked_branch(
            checks,
            &vec![RegClass::Float; offsets.len() * rows],
            |s| {
                if let ([offset], Some(4)) = (offsets, s.bytes_apart(address)) {
                    let address = Address { offset: *offset, ..address.clone() };
                    return s.read_rows(&address, RegClass::Float, rows, M::MemRow);
                }
                match s.fields(address, offsets).filter(|fields| fields.start % 4 == 0) {
                    Some(fields) => s.read_fields(&fields, offsets),
                    None => s.gather_fields(address, offsets),
                }
            },
            |s| s.gather_fields(address, offsets),
        )?;
        Ok(vregs.chunks(rows).map(over_rows).collect())
    }

    /// Stores of both halves of words; gives how many there were.
    pub fn store_pairs(&mut self, stmts: &[&Stmt]) -> Result<usize> {
        let Some(Stmt::Store { address: first, value }) = stmts.first() else { return Ok(0) };
        let Some(spacing) = self.words_apart(first, *value) else { return Ok(0) };
        let most = (spacing as u32 / 4).min(BLOCK) as usize;
        let mut pairs: Vec<[Value; 2]> = Vec::new();
        for pair in stmts.chunks_exact(2).take(most) {
            let at = first.offset + 4 * pairs.len() as u32;
            match pair {
                [Stmt::Store { address: a, value: low }, Stmt::Store { address: b, value: high }]
                    if [a, b].iter().all(|x| x.mem == first.mem && x.terms == first.terms)
                        && [low, high].iter().all(|&&v| self.is_half(first.mem, self.ty(v)))
                        && (at % 4, a.offset, b.offset) == (0, at, at + 2) =>
                {
                    pairs.push([*low, *high]);
                }
                _ => break,
            }
        }
        let together = matches!(most, 2 | 4) && pairs.len() == most && matches!(self.mask, Mask::All);
        pairs.truncate(if together { most } else { 1 });
        if pairs.is_empty() {
            return Ok(0);
        }
        self.set_origin(first.origin);
        let mut words = Words::new();
        for [low, high] in &pairs {
            words.push(self.per_row(|s| {
                let (low, high) = (s.vector(*low)?, s.vector(*high)?);
                let (low, high) = (s.v(M::ToHalf, &[low]), s.v(M::ToHalf, &[high]));
                let high = s.v(M::V2Imm(Code::VEX_Vpslld_ymm_ymm_imm8, 16), &[high]);
                Ok(s.or(low, high))
            })?);
        }
        if together {
            self.store_words(first, &words)?;
        } else if spacing == 4 {
            self.store_consecutive(first, &words[0])?;
        } else {
            self.scatter_rows(first, &words[0])?;
        }
        Ok(2 * words.len())
    }

    /// Stores words one behind the other in each lane, all lanes active.
    fn store_words(&mut self, first: &Address, words: &Words) -> Result<()> {
        let offsets: Vec<u32> = (0u32..).take(words.len()).map(|word| first.offset + 4 * word).collect();
        let scatter = |s: &mut Self| {
            for (rows, &offset) in words.iter().zip(&offsets) {
                s.scatter_rows(&Address { offset, ..first.clone() }, rows)?;
            }
            Ok(Vec::new())
        };
        let Some(fields) = self.fields(first, &offsets).filter(|fields| fields.start == first.offset) else {
            scatter(self)?;
            return Ok(());
        };
        let checks = self.in_bounds(first)?;
        self.checked_branch(
            checks,
            &[],
            |s| {
                s.write_fields(&fields, words)?;
                Ok(Vec::new())
            },
            scatter,
        )?;
        Ok(())
    }
}
