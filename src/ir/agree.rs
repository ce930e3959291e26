//! Values that a barrier depends on and that were read from memory which the kernel also writes.
//!
//! WGSL's uniformity analysis lets no barrier stand under such a value, since another invocation may write between the
//! reads of two. Kernels do it all the same, and drivers run them: `for (var t = 0u; t < info[0]; t++)` around barriers,
//! with `info` bound for reading and writing. Where the address is the same for the workgroup, it is read once here: all
//! lanes go by what one of them read, which is a value that each of them might have read.

use rustc_hash::FxHashSet;

use super::{
    AccessId, Address, Block, Mem, Memory, Op, Origin, Program, Space, Stmt, Type, Uniformity, Value, ValueDef,
    uniformity,
};

/// More such reads than this are not looked at one by one.
const MOST: usize = 64;

/// Makes the values that barriers depend on the same for the workgroup, if reading them once does; says whether it did.
/// The uniformity of all values is filled in then.
pub fn make_uniform(program: &mut Program) -> bool {
    let mut reads = Vec::new();
    candidates(program, &program.body, &mut reads);
    let all = |reads: &[Value]| reads.iter().copied().collect::<FxHashSet<_>>();
    if reads.is_empty() || reads.len() > MOST || uniformity::analyse_with(program, &all(&reads)).is_err() {
        return false;
    }
    // Only those without which it is not so: each costs barriers.
    for read in reads.clone() {
        let fewer: Vec<Value> = reads.iter().copied().filter(|&other| other != read).collect();
        if uniformity::analyse_with(program, &all(&fewer)).is_ok() {
            reads = fewer;
        }
    }
    let needed = all(&reads);
    if uniformity::analyse_with(program, &needed).is_err() {
        return false;
    }
    let mut body = std::mem::replace(&mut program.body, Block { stmts: Vec::new(), end: super::End::Unreachable });
    rewrite(program, &mut body, &needed);
    program.body = body;
    program.number_accesses();
    uniformity::analyse(program).is_ok()
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

fn rewrite(program: &mut Program, block: &mut Block, needed: &FxHashSet<Value>) {
    let mut stmts = Vec::with_capacity(block.stmts.len());
    for mut stmt in std::mem::take(&mut block.stmts) {
        match &mut stmt {
            Stmt::Let(value) if needed.contains(value) => {
                stmts.extend(read_once(program, *value));
                continue;
            }
            Stmt::If { accept, reject, .. } => {
                rewrite(program, accept, needed);
                rewrite(program, reject, needed);
            }
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => rewrite(program, body, needed),
            _ => {}
        }
        stmts.push(stmt);
    }
    block.stmts = stmts;
}

/// Each lane writes what it read to one word of workgroup memory, and all go on with what stands there in the end.
fn read_once(program: &mut Program, value: Value) -> [Stmt; 6] {
    let ValueDef { ty, op, origin, .. } = program.def(value).clone();
    let word = Mem(program.memories.len() as u32);
    let space = Space::Workgroup { bytes: 4 };
    program.memories.push(Memory { name: "read_once".into(), space, runtime: None, data: Vec::new() });
    let own = Value(program.values.len() as u32);
    program.values.push(ValueDef { ty, op, uniformity: Uniformity::Varying, origin });
    // Of this crate's making, so that no proof about the author's accesses is taken from it.
    let here = Origin { function: None, expression: None, span: origin.span };
    let address = Address { mem: word, offset: 0, terms: Vec::new(), origin: here, id: AccessId::default() };
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
