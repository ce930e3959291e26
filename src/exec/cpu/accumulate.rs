//! Memories in which a kernel does nothing but accumulate: only ever added to, say, with nobody reading the old values.
//! Each worker then gathers in a copy of its own, without locks, and the copies are merged at the end.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::{
    access::Merge,
    ir::{Block, Mem, Op, Program, Space, Stmt, Type},
};

/// The largest memory of which workers keep copies, in bytes.
const MAX_COPY: u64 = 1 << 20;

impl Merge {
    /// Combines a word that other threads may be combining too.
    pub(super) fn apply(self, word: &AtomicU32, value: u32) {
        match self {
            Merge::Add => word.fetch_add(value, Relaxed),
            Merge::MinU32 => word.fetch_min(value, Relaxed),
            Merge::MaxU32 => word.fetch_max(value, Relaxed),
            Merge::And => word.fetch_and(value, Relaxed),
            Merge::Or => word.fetch_or(value, Relaxed),
            Merge::Xor => word.fetch_xor(value, Relaxed),
            Merge::MinI32 | Merge::MaxI32 => {
                word.fetch_update(Relaxed, Relaxed, |old| Some(self.combine(old, value))).unwrap_or(0)
            }
        };
    }

    /// Merges what a copy gathered.
    pub(super) fn merge(self, copy: &[u32], target: &[AtomicU32]) {
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
    Only(Merge),
    Mixed,
}

/// For each storage memory, by [`Mem`], what it accumulates, if it does nothing else.
pub(super) fn memories(program: &Program) -> Vec<Option<Merge>> {
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
    for stmt in &block.stmts {
        match stmt {
            Stmt::Let(value) => match &program.def(*value).op {
                Op::Load(address) | Op::UniformLoad(address) => note(uses, address.mem, Use::Mixed),
                Op::Atomic(atomic) => {
                    let signed = program.ty(atomic.value) == Type::I32;
                    let merge = Merge::of(atomic.fun, signed).filter(|_| !atomic.result_used);
                    note(uses, atomic.address.mem, merge.map_or(Use::Mixed, Use::Only));
                }
                _ => {}
            },
            Stmt::Store { address, .. } => note(uses, address.mem, Use::Mixed),
            Stmt::If { accept, reject, .. } => {
                collect(program, accept, uses);
                collect(program, reject, uses);
            }
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => collect(program, body, uses),
            Stmt::Clear(_) | Stmt::Barrier(_) => {}
        }
    }
}

fn note(uses: &mut [Use], mem: Mem, used: Use) {
    let before = &mut uses[mem.0 as usize];
    *before = if *before == Use::None || *before == used { used } else { Use::Mixed };
}
