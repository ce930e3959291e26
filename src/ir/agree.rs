//! Values that a barrier depends on and that were read from memory which the kernel also writes.
//!
//! WGSL's uniformity analysis lets no barrier stand under such a value, since another invocation may write between the
//! reads of two. Kernels do it all the same, and drivers run them: `for (var t = 0u; t < info[0]; t++)` around barriers,
//! with `info` bound for reading and writing. Where the address is the same for the workgroup, it is read once here: all
//! lanes go by what one of them read, which is a value that each of them might have read.
//!
//! Lanes that have addresses of their own (`t < info[lid.x]`) go by one value too, and compare it with what they read: one
//! that is another is told (`with_report`), for then there is no right result.

use rustc_hash::FxHashSet;

use super::{
    AccessId, Address, Atomic, AtomicFun, Binary, Block, Check, End, Mem, Memory, Op, Origin, Program, Space, Stmt,
    Type, Uniformity, Value, ValueDef,
    uniformity::{self, Addresses},
};

/// More such reads than this are not looked at one by one.
const MOST: usize = 64;

/// Makes the values that barriers depend on the same for the workgroup, if reading them once does; says whether it did.
/// The uniformity of all values is filled in then.
pub fn make_uniform(program: &mut Program) -> bool {
    let mut reads = Vec::new();
    candidates(program, &program.body, &mut reads);
    if reads.is_empty() || reads.len() > MOST {
        return false;
    }
    let ways = [Addresses::Same, Addresses::Any];
    let Some((needed, addresses)) = ways.into_iter().find_map(|way| Some((needed(program, &reads, way)?, way))) else {
        return false;
    };
    if uniformity::analyse_with(program, &needed, addresses).is_err() {
        return false;
    }
    // Lanes that have addresses of their own may read different values.
    let own_address = |value: &Value| match &program.def(*value).op {
        Op::Load(address) => address.terms.iter().any(|term| program.def(term.index).uniformity == Uniformity::Varying),
        _ => false,
    };
    let checked: FxHashSet<Value> = needed.iter().copied().filter(own_address).collect();
    let mut body = std::mem::replace(&mut program.body, Block { stmts: Vec::new(), end: End::Unreachable });
    rewrite(program, &mut body, &needed, &checked);
    program.body = body;
    program.number_accesses();
    uniformity::analyse(program).is_ok()
}

/// Those reads without which barriers diverge, since each costs barriers; nothing where they do with all of them.
fn needed(program: &mut Program, reads: &[Value], addresses: Addresses) -> Option<FxHashSet<Value>> {
    let mut needed: FxHashSet<Value> = reads.iter().copied().collect();
    uniformity::analyse_with(program, &needed, addresses).ok()?;
    for read in reads {
        needed.remove(read);
        if uniformity::analyse_with(program, &needed, addresses).is_err() {
            needed.insert(*read);
        }
    }
    Some(needed)
}

/// The loads of words from memory that is written.
fn candidates(program: &Program, block: &Block, reads: &mut Vec<Value>) {
    for stmt in &block.stmts {
        match stmt {
            Stmt::Let(value) => {
                let def = program.def(*value);
                if let Op::Load(address) = &def.op
                    && matches!(program.memory(address.mem).space, Space::Storage { writable: true, .. })
                    && matches!(def.ty, Type::I32 | Type::U32 | Type::F32)
                {
                    reads.push(*value);
                }
            }
            Stmt::If { accept, reject, .. } => {
                candidates(program, accept, reads);
                candidates(program, reject, reads);
            }
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => candidates(program, body, reads),
            Stmt::Store { .. } | Stmt::Clear(_) | Stmt::Barrier(_) => {}
        }
    }
}

fn rewrite(program: &mut Program, block: &mut Block, needed: &FxHashSet<Value>, checked: &FxHashSet<Value>) {
    let mut stmts = Vec::with_capacity(block.stmts.len());
    for mut stmt in std::mem::take(&mut block.stmts) {
        match &mut stmt {
            Stmt::Let(value) if needed.contains(value) => {
                stmts.extend(read_once(program, *value, checked.contains(value)));
                continue;
            }
            Stmt::If { accept, reject, .. } => {
                rewrite(program, accept, needed, checked);
                rewrite(program, reject, needed, checked);
            }
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => rewrite(program, body, needed, checked),
            _ => {}
        }
        stmts.push(stmt);
    }
    block.stmts = stmts;
}

/// Each lane writes what it read to one word of workgroup memory, and all go on with what stands there in the end.
fn read_once(program: &mut Program, value: Value, is_checked: bool) -> [Stmt; 6] {
    let ValueDef { ty, op, origin, .. } = program.def(value).clone();
    let word = Mem(program.memories.len() as u32);
    let space = Space::Workgroup { bytes: 4 };
    program.memories.push(Memory { name: "read_once".into(), space, runtime: None, data: Vec::new() });
    let own = Value(program.values.len() as u32);
    program.values.push(ValueDef { ty, op, uniformity: Uniformity::Varying, origin });
    if is_checked {
        program.checks.push(Check { own, agreed: value });
    }
    let address = word_at(word, 0, origin);
    program.values[value.0 as usize].op = Op::UniformLoad(address.clone());
    [
        Stmt::Barrier(origin),
        Stmt::Let(own),
        Stmt::Store { address, value: own },
        Stmt::Barrier(origin),
        Stmt::Let(value),
        Stmt::Barrier(origin),
    ]
}

/// A word of a memory, accessed by this crate rather than the author, so that no proof about the author's accesses is taken
/// from it.
fn word_at(mem: Mem, word: u32, origin: Origin) -> Address {
    let origin = Origin { function: None, expression: None, span: origin.span };
    Address { mem, offset: 4 * word, terms: Vec::new(), origin, id: AccessId::default() }
}

/// Words of what is told: the number of the check from 1 on, what the workgroup went by, and what one lane read.
#[cfg_attr(not(feature = "cpu"), allow(dead_code))]
pub const REPORT_WORDS: usize = 3;

/// A program with checks as it is executed: lanes that read another value say so in a memory of its own, which is bound as
/// if it were the kernel's binding of number `binding`. The first one in a dispatch is what it holds in the end.
#[cfg_attr(not(feature = "cpu"), allow(dead_code))]
pub fn with_report(program: &Program, binding: usize) -> Program {
    let mut program = program.clone();
    let report = Mem(program.memories.len() as u32);
    let space = Space::Storage { binding, writable: true };
    program.memories.push(Memory { name: "disagreement".into(), space, runtime: None, data: Vec::new() });
    let mut body = std::mem::replace(&mut program.body, Block { stmts: Vec::new(), end: End::Unreachable });
    insert_checks(&mut program, &mut body, report);
    program.body = body;
    program.number_accesses();
    let told = uniformity::analyse(&mut program);
    debug_assert!(told.is_ok(), "what is told stands around no barrier");
    program
}

fn insert_checks(program: &mut Program, block: &mut Block, report: Mem) {
    let mut stmts = Vec::with_capacity(block.stmts.len());
    let mut due = None;
    for mut stmt in std::mem::take(&mut block.stmts) {
        match &mut stmt {
            Stmt::Let(value) => due = program.checks.iter().position(|check| check.agreed == *value).or(due),
            Stmt::If { accept, reject, .. } => {
                insert_checks(program, accept, report);
                insert_checks(program, reject, report);
            }
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => insert_checks(program, body, report),
            _ => {}
        }
        let ready = matches!(stmt, Stmt::Barrier(_));
        stmts.push(stmt);
        // Behind the barrier that follows the value: no lane may miss it.
        if ready && let Some(number) = due.take() {
            check(program, &mut stmts, number, report);
        }
    }
    block.stmts = stmts;
}

/// Appends the comparison of what a lane read with what the workgroup goes by.
fn check(program: &mut Program, stmts: &mut Vec<Stmt>, number: usize, report: Mem) {
    let Check { own, agreed } = program.checks[number];
    let ValueDef { ty, origin, .. } = *program.def(agreed);
    let mut define = |stmts: &mut Vec<Stmt>, ty, op| {
        let value = Value(program.values.len() as u32);
        program.values.push(ValueDef { ty, op, uniformity: Uniformity::Varying, origin });
        stmts.push(Stmt::Let(value));
        value
    };
    // Of floats the bits: one that is no number is equal to itself.
    let [own, agreed] = match ty {
        Type::U32 => [own, agreed],
        _ => [own, agreed].map(|value| define(stmts, Type::U32, Op::Bitcast(value))),
    };
    let differs = define(stmts, Type::Bool, Op::Binary(Binary::Ne, own, agreed));
    let mut tell = Vec::new();
    let nobody = define(&mut tell, Type::U32, Op::Const(0));
    let me = define(&mut tell, Type::U32, Op::Const(number as u32 + 1));
    let claim = Atomic {
        fun: AtomicFun::CompareExchange,
        address: word_at(report, 0, origin),
        value: me,
        compare: Some(nobody),
        result_used: true,
    };
    let before = define(&mut tell, Type::U32, Op::Atomic(Box::new(claim)));
    let first = define(&mut tell, Type::Bool, Op::Binary(Binary::Eq, before, nobody));
    let store = |word, value| Stmt::Store { address: word_at(report, word, origin), value };
    let empty = || Block { stmts: Vec::new(), end: End::Yield(Vec::new()) };
    let values = Block { stmts: vec![store(1, agreed), store(2, own)], end: End::Yield(Vec::new()) };
    tell.push(Stmt::If { cond: first, accept: values, reject: empty(), results: Vec::new() });
    let accept = Block { stmts: tell, end: End::Yield(Vec::new()) };
    stmts.push(Stmt::If { cond: differs, accept, reject: empty(), results: Vec::new() });
}
