//! The compiler: the intermediate representation to x86-64 machine code with AVX2 and FMA.
//!
//! [`select`] chooses instructions over virtual registers ([`mir`]), `regalloc2` allocates registers, [`emit`]
//! encodes. A lane group is eight lanes in a `ymm` register; [`layout`] says what compiled code finds where.

mod emit;
mod idle;
mod layout;
mod linear;
mod listing;
mod mir;
mod range;
mod run;
mod select;
mod shape;
mod slots;
mod spill;
mod verify;

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod functions;
#[cfg(test)]
mod tests;

use std::{
    sync::{OnceLock, atomic::AtomicU32},
    time::{Duration, Instant},
};

use memmap2::{Mmap, MmapMut};

use self::{
    idle::{Idle, Row, Worker},
    layout::{
        FIRST_WORKGROUP, LENGTH, Layout, NUM_WORKGROUPS, POINTER, STOP, WORKGROUP_ID, WORKGROUPS, WORKGROUPS_LEFT,
    },
};
use crate::{
    access::Merge,
    exec::{
        cpu::{accumulate, refusal::Refusal},
        stop::{self, Stop},
    },
    ir::{Address, Block, IndexBound, Mem, Op, Program, Space, Stmt, Uniformity, Value},
    kernel::source::Text,
    plan::Part,
};

/// Bindings up to this size can be compiled for: gathers index words with 31 bits.
const MAX_BINDING: usize = 1 << 33;
/// Programs of more machine instructions than this would take too long to compile.
const MAX_INSTRUCTIONS: usize = 1 << 18;
/// Functions of more machine instructions than this are huge: their registers are allocated quickly, for the thorough way
/// takes some ten microseconds for each.
const HUGE: usize = 1 << 13;
/// Spill slots of 8 bytes.
const MAX_SPILL_SLOTS: usize = 1 << 14;

/// From how many machine instructions on functions are huge. Where debug assertions are on, tests may say so.
fn huge() -> usize {
    #[cfg(debug_assertions)]
    if let Some(length) = std::env::var("SWATH_HUGE").ok().and_then(|text| text.parse().ok()) {
        return length;
    }
    HUGE
}

/// Whether this machine can run compiled code: it has the instructions, and lets pages become executable.
pub fn available() -> bool {
    const RETURN: u8 = 0xc3;
    let instructions = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt");
    instructions && seal(&[RETURN]).is_ok()
}

/// Machine code for a program.
pub struct Compiled {
    /// Where the program accumulates, workers have copies of their own of those memories.
    variant: Variant,
    /// For calls in which such copies do not pay.
    shared: Option<Shared>,
}

/// The version of a program in which all threads share all memories, made at first need.
struct Shared {
    program: Program,
    variant: OnceLock<Option<Variant>>,
}

/// One version of the machine code of a program.
struct Variant {
    code: Mmap,
    /// A worker block with all that no call changes.
    template: Vec<u32>,
    memories: Vec<Record>,
    /// Operations of an invocation, loops taken to run a few times: to tell whether threads pay.
    cost: u64,
    /// What is accumulated in copies of the workers' own, by record.
    copies: Vec<Option<Merge>>,
    /// Worker blocks that are not in use.
    idle: Idle,
}

/// What compiled code expects of a memory behind a pointer.
struct Record {
    at: usize,
    kind: Kind,
    /// Bytes that it reads and writes without checking.
    unchecked: usize,
}

enum Kind {
    Binding { index: usize, array: Option<crate::ir::RuntimeArray> },
    Constant(Box<[u32]>),
}

/// The bytes behind a binding.
#[derive(Clone, Copy)]
struct Bytes {
    start: *mut u8,
    len: usize,
}

impl Compiled {
    /// Compiles a program, or says why it is left to the interpreter.
    pub fn new(program: &Program) -> Result<Self, Refusal> {
        let accumulates = accumulate::memories(program);
        let variant = Variant::new(program, &accumulates)?;
        let copies = accumulates.iter().any(Option::is_some);
        let shared = copies.then(|| Shared { program: program.clone(), variant: OnceLock::new() });
        Ok(Compiled { variant, shared })
    }

    /// The version for bindings of these sizes and so many invocations; `None` if there is none.
    fn variant(&self, bytes: impl Fn(usize) -> Option<u64>, invocations: u64) -> Option<&Variant> {
        match &self.shared {
            Some(shared) if !self.variant.copies_pay(bytes, invocations) => shared.variant(),
            _ => Some(&self.variant),
        }
    }

    /// Compiles what a launch over bindings of these sizes needs and is not there yet; gives the time that took.
    pub fn make_ready(&self, part: Part, lanes: u32, bytes: impl Fn(usize) -> Option<u64>) -> Duration {
        let Some(shared) = self.shared.as_ref().filter(|shared| shared.variant.get().is_none()) else {
            return Duration::ZERO;
        };
        if self.variant.copies_pay(bytes, run::invocations(part, lanes)) {
            return Duration::ZERO;
        }
        let start = Instant::now();
        shared.variant();
        start.elapsed()
    }
}

impl Shared {
    fn variant(&self) -> Option<&Variant> {
        let variant = self.variant.get_or_init(|| match Variant::new(&self.program, &[]) {
            Ok(variant) => Some(variant),
            Err(refusal) => {
                refusal.note(&self.program.name);
                None
            }
        });
        variant.as_ref()
    }
}

impl Variant {
    /// Compiles a program, with copies for the workers of memories that it accumulates in.
    fn new(program: &Program, accumulates: &[Option<Merge>]) -> Result<Self, Refusal> {
        Self::with_huge(program, accumulates, huge())
    }

    /// Likewise, where functions of more instructions than `huge` are huge.
    fn with_huge(program: &Program, accumulates: &[Option<Merge>], huge: usize) -> Result<Self, Refusal> {
        let (emitted, layout) = generate(program, accumulates, huge)?;
        let code =
            seal(&emitted.code).map_err(|error| Refusal::limit(format!("executable pages are refused: {error}")))?;
        let mut template = vec![0; layout.words()];
        layout.fill(&mut template, program.workgroup_size);
        let (memories, mems) = records(program, &layout);
        let copies = mems.iter().map(|mem| accumulates.get(mem.0 as usize).copied().flatten()).collect();
        let cost = cost(program, &program.body);
        Ok(Variant { code, template, memories, cost, copies, idle: Idle::new() })
    }

    /// Whether copies of what is accumulated pay in a call with bindings of these sizes.
    fn copies_pay(&self, bytes: impl Fn(usize) -> Option<u64>, invocations: u64) -> bool {
        self.memories.iter().zip(&self.copies).all(|(record, copied)| match (&record.kind, copied) {
            (Kind::Binding { index, .. }, Some(_)) => {
                bytes(*index).is_some_and(|bytes| accumulate::pays(bytes / 4, invocations))
            }
            _ => true,
        })
    }

    /// Whether the bindings are as large as unchecked accesses need, as small as gathers allow, and whole words.
    fn accepts(&self, bindings: &[Bytes]) -> bool {
        let fits = |b: &Bytes, least: usize| (least..=MAX_BINDING).contains(&b.len) && b.len.is_multiple_of(4);
        self.memories.iter().all(|record| match &record.kind {
            Kind::Binding { index, .. } => bindings.get(*index).is_some_and(|b| fits(b, record.unchecked)),
            Kind::Constant(data) => data.len() * 4 >= record.unchecked,
        })
    }

    /// A worker for a call with these bindings.
    fn worker(&self, bindings: &[Bytes], workgroups: [u32; 3], stop: Option<&Stop>) -> Worker {
        let mut worker = self.idle.take().unwrap_or_else(|| {
            let mut block = vec![Row([0; 8]); self.template.len() / 8];
            let words = block.iter_mut().flat_map(|row| row.0.iter_mut());
            words.zip(&self.template).for_each(|(word, &bits)| *word = bits);
            self.idle.make(block, vec![Vec::new(); self.memories.len()])
        });
        let mut copies = std::mem::take(&mut worker.copies);
        let mut grown = false;
        for (axis, n) in workgroups.into_iter().enumerate() {
            worker.set(NUM_WORKGROUPS as usize + 4 * axis, n);
        }
        worker.set64(STOP as usize, std::ptr::from_ref(stop::word(stop)).addr() as u64);
        for ((record, accumulates), copy) in self.memories.iter().zip(&self.copies).zip(&mut copies) {
            let (start, bytes, array) = match &record.kind {
                Kind::Binding { index, array } => (bindings[*index].start, bindings[*index].len, *array),
                Kind::Constant(data) => (data.as_ptr().cast_mut().cast(), data.len() * 4, None),
            };
            let length = array.map_or(0, |a| bytes.saturating_sub(a.offset as usize) / a.stride as usize);
            let start = match accumulates {
                Some(accumulates) => {
                    grown |= bytes / 4 > copy.capacity();
                    copy.clear();
                    copy.resize(bytes / 4, accumulates.identity());
                    copy.as_mut_ptr().cast()
                }
                None => start,
            };
            worker.set64(record.at + POINTER as usize, start as usize as u64);
            worker.set64(record.at + LENGTH as usize, length as u64);
        }
        worker.copies = copies;
        if grown {
            worker.count();
        }
        worker
    }

    /// Merges what a worker gathered in its copies.
    ///
    /// # Safety
    ///
    /// The bindings are those the worker was made for, and as valid as [`Self::run_row`] asks.
    unsafe fn merge(&self, worker: &Worker, bindings: &[Bytes]) {
        for ((record, accumulates), copy) in self.memories.iter().zip(&self.copies).zip(&worker.copies) {
            if let (Kind::Binding { index, .. }, Some(accumulates)) = (&record.kind, accumulates) {
                let Bytes { start, len } = bindings[*index];
                // SAFETY: the program writes this memory (`accumulate::memories` has none that is read only), so the
                // caller vouches for reads and writes of `len` bytes; bindings are 4-aligned (`SharedMem`), and
                // `accepts` wants whole words. Meanwhile other workers merge too, by atomics, and nobody else looks:
                // the compiled code of this variant was given copies in place of this memory (`worker`), and is its
                // only user.
                let target = unsafe { std::slice::from_raw_parts(start.cast::<AtomicU32>(), len / 4) };
                accumulates.merge(copy, target);
            }
        }
    }

    /// Runs `count` workgroups along x, from `first` on.
    ///
    /// # Safety
    ///
    /// `worker` was made by this program's [`Variant::worker`] with a stop that still lives and bindings that
    /// [`Variant::accepts`], whose memory is still valid: for reads, and for writes where the program's binding is writable, without a Rust
    /// reference to it that promises otherwise.
    unsafe fn run_row(&self, worker: &mut Worker, first: [u32; 3], count: u32) {
        if count == 0 {
            return;
        }
        for (axis, id) in first.into_iter().enumerate() {
            worker.set(WORKGROUP_ID as usize + 4 * axis, id);
        }
        worker.set(WORKGROUPS_LEFT as usize, count);
        worker.set(FIRST_WORKGROUP as usize, first[0]);
        worker.set(WORKGROUPS as usize, count);
        let entry = self.code.as_ptr();
        // SAFETY:
        // - The pages hold one whole function from their start on, and are executable and not writable (`generate`,
        //   `seal`). It takes the block's address and gives nothing, by System V's convention: `emit`'s prologue saves
        //   the callee-saved registers and MXCSR and its epilogue restores them. It takes stack page by page, so that
        //   an overflow ends the process at the guard page, as one of Rust's does.
        // - The machine has the instructions: programs are compiled only where `available` said so (`cpu::engine`).
        // - It accesses its frame; the worker block at offsets that `layout` gave out, all below `Layout::words`, which
        //   is the block's size; the word that asks it to stop, which is only read; constants of this variant; and
        //   bindings.
        // - Of a binding it accesses elements whose indices it has compared with the lengths in the block (`worker`),
        //   and without a comparison only what lies below `Record::unchecked`, which `accepts` compared with the size.
        //   It writes none that the program does not, so none that is bound for reading alone.
        unsafe {
            let entry: extern "sysv64" fn(*mut u8) = std::mem::transmute(entry);
            entry(worker.block.as_mut_ptr().cast());
        }
    }
}

/// The machine code of a program, and what its worker block looks like. Functions of more instructions than `huge` are huge.
fn generate(program: &Program, accumulates: &[Option<Merge>], huge: usize) -> Result<(emit::Emitted, Layout), Refusal> {
    if !select::fits(program) {
        return Err(Refusal::limit("too much memory for each worker"));
    }
    let privatized: Vec<Mem> = (0u32..).zip(accumulates).filter(|(_, a)| a.is_some()).map(|(i, _)| Mem(i)).collect();
    let (mir, mut layout) = select::select(program, &privatized)
        .map_err(|unsupported| Refusal::Fault(format!("no instructions for {}", unsupported.0)))?;
    let length = mir.instruction_count();
    if length > MAX_INSTRUCTIONS {
        return Err(Refusal::limit("the program is too long"));
    }
    let (linear, output) = mir.allocate(&mut layout, length > huge).map_err(Refusal::Fault)?;
    if output.num_spillslots > MAX_SPILL_SLOTS {
        return Err(Refusal::limit("too many values are alive at once"));
    }
    let emitted = emit::emit(&linear, &output).map_err(|error| Refusal::Fault(format!("encoding failed: {error}")))?;
    Ok((emitted, layout))
}

/// The machine code of a program as text, with the lines of `source` it came from; or why there is none.
pub fn assembly(program: &Program, source: Text<'_>) -> Result<String, String> {
    let generated = generate(program, &accumulate::memories(program), huge());
    generated.map(|(emitted, _)| listing::listing(&emitted, source)).map_err(|refusal| refusal.to_string())
}

impl Worker {
    fn set(&mut self, at: usize, word: u32) {
        self.block[at / 32].0[at % 32 / 4] = word;
    }

    fn set64(&mut self, at: usize, word: u64) {
        self.set(at, word as u32);
        self.set(at + 4, (word >> 32) as u32);
    }
}

/// Pages with this code, executable and no longer writable.
fn seal(code: &[u8]) -> std::io::Result<Mmap> {
    let mut pages = MmapMut::map_anon(code.len())?;
    pages.copy_from_slice(code);
    pages.make_exec()
}

/// The records of memories behind pointers, and which they are.
fn records(program: &Program, layout: &Layout) -> (Vec<Record>, Vec<Mem>) {
    let mut unchecked = vec![0; program.memories.len()];
    unchecked_bytes(program, &program.body, &mut unchecked);
    let (mut records, mut mems) = (Vec::new(), Vec::new());
    for (i, memory) in program.memories.iter().enumerate() {
        let kind = match memory.space {
            Space::Storage { binding, .. } | Space::Uniform { binding } => {
                Kind::Binding { index: binding, array: memory.runtime }
            }
            Space::Constant => Kind::Constant(memory.data.clone().into()),
            Space::Workgroup { .. } | Space::Private { .. } => continue,
        };
        let at = layout.memory(Mem(i as u32)) as usize;
        records.push(Record { at, kind, unchecked: unchecked[i] });
        mems.push(Mem(i as u32));
    }
    (records, mems)
}

/// For each memory, how many bytes accesses reach that no runtime length bounds.
fn unchecked_bytes(program: &Program, block: &Block, out: &mut [usize]) {
    for stmt in &block.stmts {
        match stmt {
            Stmt::Let(value) => match &program.def(*value).op {
                Op::Load(address) | Op::UniformLoad(address) => reach(program, address, *value, out),
                Op::Atomic(atomic) => reach(program, &atomic.address, *value, out),
                _ => {}
            },
            Stmt::Store { address, value } => reach(program, address, *value, out),
            Stmt::If { accept, reject, .. } => {
                unchecked_bytes(program, accept, out);
                unchecked_bytes(program, reject, out);
            }
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => unchecked_bytes(program, body, out),
            Stmt::Clear(_) | Stmt::Barrier(_) => {}
        }
    }
}

/// What an access of `value` reaches.
fn reach(program: &Program, address: &Address, value: Value, out: &mut [usize]) {
    let mut end = address.offset as usize + program.memory(address.mem).bytes_of(program.ty(value)) as usize;
    for term in &address.terms {
        match term.bound {
            IndexBound::Const(n) => end += (n as usize).saturating_sub(1) * term.stride as usize,
            // What lies behind a runtime-sized array's bound lies within the binding.
            IndexBound::Runtime => return,
        }
    }
    let most = &mut out[address.mem.0 as usize];
    *most = (*most).max(end);
}

/// A rough count of the operations of an invocation.
fn cost(program: &Program, block: &Block) -> u64 {
    const ITERATIONS: u64 = 16;
    let cost = |b: &Block| cost(program, b);
    block
        .stmts
        .iter()
        .map(|stmt| match stmt {
            Stmt::If { accept, reject, .. } => cost(accept) + cost(reject),
            Stmt::Loop { body, .. } => cost(body).saturating_mul(ITERATIONS),
            Stmt::Scope { body, .. } => cost(body),
            Stmt::Let(value) if program.def(*value).uniformity < Uniformity::Varying => 0,
            _ => 1,
        })
        .fold(0, u64::saturating_add)
}
