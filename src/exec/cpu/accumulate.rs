//! Memories in which a kernel does nothing but accumulate: only ever added to, say, with nobody reading the old values.
//! Each worker then gathers in a copy of its own, without locks, and the copies are merged at the end.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::ir::{AtomicFun, Block, Mem, Op, Program, Space, Stmt, Type};

/// The largest memory of which workers keep copies, in bytes.
const MAX_COPY: u64 = 1 << 20;

/// A read-modify-write whose order does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accumulate {
    Add,
    MinI,
    MinU,
    MaxI,
    MaxU,
    And,
    Or,
    Xor,
}

impl Accumulate {
    /// What an atomic does, if the order does not matter. A subtraction adds what is negated.
    pub fn of(fun: AtomicFun, signed: bool) -> Option<Accumulate> {
        Some(match (fun, signed) {
            (AtomicFun::Add | AtomicFun::Sub, _) => Accumulate::Add,
            (AtomicFun::Min, true) => Accumulate::MinI,
            (AtomicFun::Min, false) => Accumulate::MinU,
            (AtomicFun::Max, true) => Accumulate::MaxI,
            (AtomicFun::Max, false) => Accumulate::MaxU,
            (AtomicFun::And, _) => Accumulate::And,
            (AtomicFun::Or, _) => Accumulate::Or,
            (AtomicFun::Xor, _) => Accumulate::Xor,
            _ => return None,
        })
    }

    /// What changes nothing.
    pub fn identity(self) -> u32 {
        match self {
            Accumulate::Add | Accumulate::Or | Accumulate::Xor | Accumulate::MaxU => 0,
            Accumulate::And | Accumulate::MinU => u32::MAX,
            Accumulate::MinI => i32::MAX as u32,
            Accumulate::MaxI => i32::MIN as u32,
        }
    }

    #[inline(always)]
    pub fn combine(self, a: u32, b: u32) -> u32 {
        match self {
            Accumulate::Add => a.wrapping_add(b),
            Accumulate::MinI => (a as i32).min(b as i32) as u32,
            Accumulate::MinU => a.min(b),
            Accumulate::MaxI => (a as i32).max(b as i32) as u32,
            Accumulate::MaxU => a.max(b),
            Accumulate::And => a & b,
            Accumulate::Or => a | b,
            Accumulate::Xor => a ^ b,
        }
    }

    /// Combines a word that other threads may be combining too.
    pub fn apply(self, word: &AtomicU32, value: u32) {
        match self {
            Accumulate::Add => word.fetch_add(value, Relaxed),
            Accumulate::MinU => word.fetch_min(value, Relaxed),
            Accumulate::MaxU => word.fetch_max(value, Relaxed),
            Accumulate::And => word.fetch_and(value, Relaxed),
            Accumulate::Or => word.fetch_or(value, Relaxed),
            Accumulate::Xor => word.fetch_xor(value, Relaxed),
            Accumulate::MinI => word.fetch_update(Relaxed, Relaxed, |old| Some(self.combine(old, value))).unwrap_or(0),
            Accumulate::MaxI => word.fetch_update(Relaxed, Relaxed, |old| Some(self.combine(old, value))).unwrap_or(0),
        };
    }

    /// Merges what a copy gathered.
    pub fn merge(self, copy: &[u32], target: &[AtomicU32]) {
        let identity = self.identity();
        for (&word, target) in copy.iter().zip(target).filter(|(word, _)| **word != identity) {
            self.apply(target, word);
        }
    }
}

/// Whether a copy of so many words pays in a dispatch of so many invocations.
pub(super) fn pays(words: u64, invocations: u64) -> bool {
    4 * words <= MAX_COPY && words <= invocations
}

#[derive(Clone, Copy, PartialEq)]
enum Use {
    None,
    Only(Accumulate),
    Mixed,
}

/// For each storage memory, by [`Mem`], what it accumulates, if it does nothing else.
pub(super) fn memories(program: &Program) -> Vec<Option<Accumulate>> {
    let mut uses = vec![Use::None; program.memories.len()];
    collect(program, &program.body, &mut uses);
    uses.into_iter()
        .zip(&program.memories)
        .map(|(used, memory)| match (used, memory.space) {
            (Use::Only(accumulate), Space::Storage { writable: true, .. }) => Some(accumulate),
            _ => None,
        })
        .collect()
}

fn collect(program: &Program, block: &Block, uses: &mut [Use]) {
    let mut note = |mem: Mem, used: Use| {
        let before = &mut uses[mem.0 as usize];
        *before = if *before == Use::None || *before == used { used } else { Use::Mixed };
    };
    for stmt in &block.stmts {
        match stmt {
            Stmt::Let(value) => match &program.def(*value).op {
                Op::Load(address) | Op::UniformLoad(address) => note(address.mem, Use::Mixed),
                Op::Atomic(atomic) => {
                    let signed = program.ty(atomic.value) == Type::I32;
                    let accumulate = Accumulate::of(atomic.fun, signed).filter(|_| !atomic.result_used);
                    note(atomic.address.mem, accumulate.map_or(Use::Mixed, Use::Only));
                }
                _ => {}
            },
            Stmt::Store { address, .. } => note(address.mem, Use::Mixed),
            Stmt::If { .. } | Stmt::Loop { .. } | Stmt::Scope { .. } | Stmt::Clear(_) | Stmt::Barrier(_) => {}
        }
    }
    for stmt in &block.stmts {
        match stmt {
            Stmt::If { accept, reject, .. } => {
                collect(program, accept, uses);
                collect(program, reject, uses);
            }
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => collect(program, body, uses),
            _ => {}
        }
    }
}
