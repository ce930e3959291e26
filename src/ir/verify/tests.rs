//! For each rule a program that breaks it, and the words that say so; and all kernels of the repository, which keep them.

use std::{fs, path::Path};

use super::{Pass, verify};
use crate::{
    ir::{
        AccessId, Address, AtomicFun, Binary, Block, End, IndexBound, Label, Mem, Op, Program, Space, Stmt, Type,
        Unary, Uniformity, Value, ValueDef, lower::lower,
    },
    kernel::Module,
};

/// A kernel with every kind of statement and most operations.
const KERNEL: &str = "
struct Rows { first: u32, rows: array<vec3f> }
@group(0) @binding(0) var<storage, read> input: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> rows: Rows;
@group(0) @binding(4) var<uniform> p: vec4u;
var<workgroup> words: array<u32, 64>;
var<workgroup> told: u32;
const TABLE = array<u32, 8>(3u, 1u, 4u, 1u, 5u, 9u, 2u, 6u);

fn find(limit: u32) -> u32 {
    for (var i = 0u; i < 10u; i++) {
        if (input[i] > limit) { return i; }
    }
    return 99u;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    words[lane] = input[id.x];
    if (lane == 0u) { told = p.x; }
    let all = workgroupUniformLoad(&told);
    var sum = find(lane);
    for (var i = 0u; i < p.y; i++) {
        if (sum > 1000u) { sum += words[(lane + i) % 64u]; output[i] = sum; } else { sum = sum * 3u + input[sum]; }
    }
    var own = array<u32, 5>();
    own[sum % 5u] = all;
    let x = f32(sum);
    rows.rows[lane].y = sqrt(fma(x, 2.0, 3.0)) * select(x, 1.0, sum == 7u);
    let old = atomicAdd(&sums[id.x], sum);
    let won = atomicCompareExchangeWeak(&sums[old], 3u, sum);
    output[id.x] = TABLE[sum % 8u] + own[all % 5u] + won.old_value + subgroupAdd(sum) + arrayLength(&input);
}";

pub fn lowered(wgsl: &str) -> Program {
    let module = Module::parse(wgsl).unwrap_or_else(|e| panic!("{e}"));
    lower(&module.only_kernel().unwrap_or_else(|e| panic!("{e}"))).unwrap_or_else(|e| panic!("{e}"))
}

/// Breaks the kernel, and checks that the verifier says so in words that hold `expected`.
#[track_caller]
fn refuses(expected: &str, breaks: impl FnOnce(&mut Program)) -> String {
    let mut program = lowered(KERNEL);
    breaks(&mut program);
    let broken = verify(&program, Pass::Uniformity).expect_err("the program breaks a rule").to_string();
    assert!(broken.contains(expected), "expected {expected:?}:\n{broken}");
    broken
}

/// Calls `visit` with a block and those in it.
pub fn blocks(block: &mut Block, visit: &mut impl FnMut(&mut Block)) {
    visit(block);
    for stmt in &mut block.stmts {
        match stmt {
            Stmt::If { accept, reject, .. } => {
                blocks(accept, visit);
                blocks(reject, visit);
            }
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => blocks(body, visit),
            _ => {}
        }
    }
}

/// Changes the first statement that `change` takes.
fn stmt(program: &mut Program, mut change: impl FnMut(&mut Stmt) -> bool) {
    let mut done = false;
    blocks(&mut program.body, &mut |block| done = done || block.stmts.iter_mut().any(&mut change));
    assert!(done, "the kernel has such a statement");
}

/// Changes the first end that `change` takes.
fn end(program: &mut Program, mut change: impl FnMut(&mut End) -> bool) {
    let mut done = false;
    blocks(&mut program.body, &mut |block| done = done || change(&mut block.end));
    assert!(done, "the kernel has such an end");
}

/// The first computed value whose definition `is`.
fn computed(program: &mut Program, is: impl Fn(&ValueDef) -> bool) -> Value {
    let (values, mut found) = (program.values.clone(), None);
    blocks(&mut program.body, &mut |block| {
        let mut lets = block.stmts.iter().filter_map(|stmt| match stmt {
            Stmt::Let(value) => Some(*value),
            _ => None,
        });
        found = found.or_else(|| lets.find(|v| is(&values[v.0 as usize])));
    });
    found.expect("the kernel has such a value")
}

fn def(program: &mut Program, is: impl Fn(&ValueDef) -> bool) -> &mut ValueDef {
    let value = computed(program, is);
    &mut program.values[value.0 as usize]
}

fn is_load(def: &ValueDef) -> bool {
    matches!(&def.op, Op::Load(address) if !address.terms.is_empty())
}

/// The first address of a load with an index.
fn load(program: &mut Program) -> &mut Address {
    match &mut def(program, is_load).op {
        Op::Load(address) => address,
        _ => unreachable!("it is a load"),
    }
}

fn memory(program: &Program, name: &str) -> Mem {
    Mem(program.memories.iter().position(|m| m.name == name).expect("there is such a memory") as u32)
}

/// The first load from a memory, whose address `change` breaks.
fn address(program: &mut Program, name: &str, change: impl Fn(&mut Address)) {
    let mem = memory(program, name);
    let is = |def: &ValueDef| matches!(&def.op, Op::Load(address) if address.mem == mem && !address.terms.is_empty());
    if let Op::Load(address) = &mut def(program, is).op {
        change(address);
    }
}

fn atomic(fun: AtomicFun) -> impl Fn(&ValueDef) -> bool {
    move |def| matches!(&def.op, Op::Atomic(atomic) if atomic.fun == fun)
}

fn binary(op: Binary) -> impl Fn(&ValueDef) -> bool {
    move |def| matches!(def.op, Op::Binary(is, ..) if is == op)
}

/// A constant in front of everything.
fn constant(program: &mut Program, ty: Type) -> Value {
    let value = Value(program.values.len() as u32);
    let (op, origin) = (Op::Const(0), Default::default());
    program.values.push(ValueDef { ty, op, uniformity: Uniformity::Dispatch, origin });
    program.body.stmts.insert(0, Stmt::Let(value));
    value
}

#[test]
fn the_kernel_keeps_the_rules() {
    let program = lowered(KERNEL);
    verify(&program, Pass::Uniformity).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(program.to_string().contains("scope L"), "it has a scope:\n{program}");
}

#[test]
fn definitions_stand_in_front_of_uses() {
    let broken = refuses("is used in front of its definition", |p| p.body.stmts.reverse());
    assert!(broken.contains("\n  >"), "the statement is marked:\n{broken}");
    refuses("but defined nowhere", |p| {
        let gone = computed(p, is_load);
        blocks(&mut p.body, &mut |block| block.stmts.retain(|stmt| *stmt != Stmt::Let(gone)));
    });
    refuses("is defined a second time", |p| {
        let twice = p.body.stmts.iter().find(|stmt| matches!(stmt, Stmt::Let(_))).cloned();
        p.body.stmts.extend(twice);
    });
    refuses("is no value: there are", |p| def(p, |def| matches!(def.op, Op::Fma(..))).op = Op::Convert(Value(1 << 30)));
    refuses("is no value: there are", |p| p.body.stmts.push(Stmt::Let(Value(1 << 30))));
    refuses("is an operand of itself", |p| {
        let value = computed(p, binary(Binary::Mul));
        p.values[value.0 as usize].op = Op::Binary(Binary::Mul, value, value);
    });
}

#[test]
fn blocks_hide_what_they_define() {
    refuses("is used outside of the block that defines it", |p| {
        let mut inner = None;
        stmt(p, |stmt| {
            let Stmt::Loop { body, .. } = stmt else { return false };
            inner = body.stmts.iter().find_map(|stmt| if let Stmt::Let(v) = stmt { Some(*v) } else { None });
            inner.is_some()
        });
        let inner = inner.expect("the loop computes something");
        let last = p.body.stmts.iter_mut().rev().find_map(|stmt| match stmt {
            Stmt::Store { value, .. } if *value != inner => Some(value),
            _ => None,
        });
        *last.expect("the kernel ends in a store") = inner;
    });
}

#[test]
fn phis_are_listed_and_nothing_else_is() {
    refuses("which no statement computes", |p| def(p, binary(Binary::Mul)).op = Op::Phi);
    refuses("which only a phi can be", |p| {
        let mut listed = None;
        stmt(p, |stmt| {
            let Stmt::Loop { params, .. } = stmt else { return false };
            listed = params.first().copied();
            listed.is_some()
        });
        p.values[listed.expect("the loop has parameters").0 as usize].op = Op::Const(0);
    });
}

#[test]
fn operands_have_the_types_of_operations() {
    refuses("stand where types agree", |p| {
        let float = constant(p, Type::F32);
        if let Op::Binary(_, _, b) = &mut def(p, binary(Binary::Eq)).op {
            *b = float;
        }
    });
    refuses("Mul wants one of f32, f16, i32, u32, not", |p| {
        let cond = constant(p, Type::Bool);
        let value = computed(p, |def| binary(Binary::Mul)(def) && def.ty == Type::F32);
        p.values[value.0 as usize].op = Op::Binary(Binary::Mul, cond, cond);
    });
    refuses("is the result, expected bool", |p| def(p, binary(Binary::Eq)).ty = Type::U32);
    refuses("\"Fma\" wants one of f32, not", |p| {
        let word = constant(p, Type::U32);
        if let Op::Fma(a, ..) = &mut def(p, |def| matches!(def.op, Op::Fma(..))).op {
            *a = word;
        }
    });
    refuses("the condition of Select\" wants one of bool", |p| {
        let select = |def: &ValueDef| matches!(def.op, Op::Select { .. });
        if let Op::Select { cond, accept, .. } = &mut def(p, select).op {
            *cond = *accept;
        }
    });
    refuses("is converted to what it is", |p| {
        def(p, |def| matches!(def.op, Op::Convert(_))).ty = Type::U32;
    });
    refuses("wants one of f32, f16, not", |p| {
        let word = constant(p, Type::U32);
        let sqrt = def(p, |def| matches!(def.op, Op::Unary(Unary::Sqrt, _)));
        (sqrt.op, sqrt.ty) = (Op::Unary(Unary::Sqrt, word), Type::U32);
    });
    refuses("Add wants one of f32, f16, i32, u32, not", |p| {
        let cond = constant(p, Type::Bool);
        if let Op::Subgroup(_, a) = &mut def(p, |def| matches!(def.op, Op::Subgroup(..))).op {
            *a = cond;
        }
    });
    refuses("a branch is on a bool", |p| {
        let word = constant(p, Type::U32);
        stmt(p, |stmt| match stmt {
            Stmt::If { cond, .. } => {
                *cond = word;
                true
            }
            _ => false,
        });
    });
    refuses("a bool is all zeros or all ones, not 0x1", |p| {
        let value = def(p, |def| matches!(def.op, Op::Const(_)));
        (value.op, value.ty) = (Op::Const(1), Type::Bool);
    });
    refuses("is no half: the nearest is", |p| {
        let value = def(p, |def| matches!(def.op, Op::Const(_)));
        (value.op, value.ty) = (Op::Const(0.1f32.to_bits()), Type::F16);
    });
}

#[test]
fn ends_carry_what_their_constructs_expect() {
    let carries = |end: &mut End, change: fn(&mut Vec<Value>)| match end {
        End::Yield(values) | End::Break(_, values) if !values.is_empty() => {
            change(values);
            true
        }
        _ => false,
    };
    refuses("values are carried to", |p| end(p, |end| carries(end, |values| values.truncate(values.len() - 1))));
    refuses("values are carried to", |p| end(p, |end| carries(end, |values| values.push(values[0]))));
    refuses("values are carried to the program's body, expected 0", |p| {
        let value = constant(p, Type::U32);
        p.body.end = End::Yield(vec![value]);
    });
    refuses("values are carried to the parameters of the loop, expected", |p| {
        stmt(p, |stmt| match stmt {
            Stmt::Loop { inits, .. } => inits.pop().is_some(),
            _ => false,
        });
    });
    refuses("is carried to the parameters of the loop, as", |p| {
        let float = constant(p, Type::F32);
        stmt(p, |stmt| match stmt {
            Stmt::Loop { inits, .. } if !inits.is_empty() => {
                inits[0] = float;
                true
            }
            _ => false,
        });
    });
    refuses("control reaches the unreachable", |p| p.body.end = End::Unreachable);
}

#[test]
fn labels_enclose_their_breaks() {
    refuses("which does not enclose it", |p| p.body.end = End::Break(Label(0), Vec::new()));
    refuses("stands for two constructs", |p| {
        let again = p.body.stmts.iter().find(|s| matches!(s, Stmt::Loop { .. } | Stmt::Scope { .. })).cloned();
        let (label, body) = match again {
            Some(Stmt::Loop { label, .. } | Stmt::Scope { label, .. }) => {
                (label, Block { stmts: Vec::new(), end: End::Yield(Vec::new()) })
            }
            _ => unreachable!("the kernel has a loop"),
        };
        p.body.stmts.push(Stmt::Scope { label, body, results: Vec::new() });
    });
    refuses("is no label: there are 0", |p| {
        p.labels = 0;
        p.exits.clear();
    });
    refuses("labels, but exits of", |p| p.exits.clear());
}

#[test]
fn addresses_are_well_formed() {
    refuses("does not exist: there are", |p| load(p).mem = Mem(99));
    refuses("an index is an integer, not", |p| {
        let cond = constant(p, Type::Bool);
        let at = def(p, |def| matches!(&def.op, Op::Load(a) if !a.terms.is_empty()));
        if let Op::Load(address) = &mut at.op {
            address.terms[0].index = cond;
        }
    });
    refuses("of stride 0", |p| load(p).terms[0].stride = 0);
    refuses("bound Const(0)", |p| load(p).terms[0].bound = IndexBound::Const(0));
    refuses("is no element of 4 bytes", |p| load(p).offset = 2);
    refuses("whose stride is 4", |p| address(p, "input", |a| a.terms[0].stride = 8));
    refuses("bounded by the length of `words`, which has none", |p| {
        address(p, "words", |a| a.terms[0].bound = IndexBound::Runtime);
    });
    refuses("an access reaches 260 bytes into `words`, expected at most 256", |p| {
        address(p, "words", |a| a.terms[0].bound = IndexBound::Const(65));
    });
    refuses("an access reaches 8 bytes into `input`, expected at most 4", |p| address(p, "input", |a| a.offset = 4));
    refuses("in front of the array of `rows`, which is at 16", |p| {
        let rows = memory(p, "rows");
        stmt(p, |stmt| match stmt {
            Stmt::Store { address, .. } if address.mem == rows => {
                address.offset = 0;
                true
            }
            _ => false,
        });
    });
    refuses("lies in another", |p| address(p, "input", |a| a.terms.push(a.terms[0])));
    refuses("in an element of 4", |p| {
        address(p, "words", |a| a.terms.push(crate::ir::Term { bound: IndexBound::Const(2), ..a.terms[0] }));
    });
}

#[test]
fn spaces_allow_the_access() {
    refuses("Store is not for `input`", |p| {
        let input = memory(p, "input");
        stmt(p, |stmt| match stmt {
            Stmt::Store { address, .. } => {
                address.mem = input;
                true
            }
            _ => false,
        });
    });
    refuses("Atomic(Add) is not for `p`", |p| {
        let uniform = memory(p, "p");
        if let Op::Atomic(atomic) = &mut def(p, atomic(AtomicFun::Add)).op {
            atomic.address.mem = uniform;
        }
    });
    refuses("is cleared, but is not private", |p| p.body.stmts.push(Stmt::Clear(Mem(0))));
    refuses("has no runtime-sized array", |p| {
        let words = memory(p, "words");
        def(p, |def| matches!(def.op, Op::ArrayLength(_))).op = Op::ArrayLength(words);
    });
    refuses("a bool in `input`, which the host sees", |p| load_of(p, "input").ty = Type::Bool);
    refuses("stands between two barriers", |p| p.body.stmts.retain(|stmt| !matches!(stmt, Stmt::Barrier(_))));
}

fn load_of<'a>(program: &'a mut Program, name: &str) -> &'a mut ValueDef {
    let mem = memory(program, name);
    def(program, |def| matches!(&def.op, Op::Load(address) if address.mem == mem))
}

#[test]
fn memories_are_well_formed() {
    refuses("is a second memory for binding 0", |p| {
        p.memories[1].space = Space::Storage { binding: 0, writable: true };
    });
    refuses("is not a number of words", |p| {
        let words = memory(p, "words").0 as usize;
        p.memories[words].space = Space::Workgroup { bytes: 255 };
    });
    refuses("has data, but is no constant table", |p| p.memories[0].data.push(1));
    let table = |p: &Program| p.memories.iter().position(|m| m.space == Space::Constant).expect("there is a table");
    refuses("is empty", |p| {
        let table = table(p);
        p.memories[table].data.clear();
    });
    refuses("expected at most 28", |p| {
        let table = table(p);
        p.memories[table].data.pop();
    });
    refuses("is no storage buffer", |p| {
        let words = memory(p, "words").0 as usize;
        p.memories[words].runtime = p.memories[0].runtime;
    });
}

#[test]
fn atomics_are_well_formed() {
    refuses("an atomic\" wants one of i32, u32, not", |p| {
        let cond = constant(p, Type::Bool);
        if let Op::Atomic(atomic) = &mut def(p, atomic(AtomicFun::Add)).op {
            atomic.value = cond;
        }
    });
    refuses("a compare-exchange compares with nothing", |p| {
        if let Op::Atomic(atomic) = &mut def(p, atomic(AtomicFun::CompareExchange)).op {
            atomic.compare = None;
        }
    });
    refuses("Add does not compare", |p| {
        if let Op::Atomic(atomic) = &mut def(p, atomic(AtomicFun::Add)).op {
            atomic.compare = Some(atomic.value);
        }
    });
    refuses("its atomic says that nothing uses the old value", |p| {
        if let Op::Atomic(atomic) = &mut def(p, atomic(AtomicFun::Add)).op {
            atomic.result_used = false;
        }
    });
}

#[test]
fn counts_and_flags_are_right() {
    refuses("`has_barrier` is false", |p| p.has_barrier = false);
    refuses("`accesses` is 0, expected", |p| p.accesses = 0);
    refuses("access 99 is here, expected", |p| {
        stmt(p, |stmt| match stmt {
            Stmt::Store { address, .. } => {
                address.id = AccessId(99);
                true
            }
            _ => false,
        });
        load(p).id = AccessId(99);
    });
}

#[test]
fn no_value_is_more_uniform_than_what_it_comes_from() {
    refuses("is said to be the same over a dispatch", |p| def(p, is_load).uniformity = Uniformity::Dispatch);
    refuses("is said to be the same over a dispatch", |p| {
        let mut results = Vec::new();
        stmt(p, |stmt| match stmt {
            Stmt::Scope { results: listed, .. } => {
                results.clone_from(listed);
                !results.is_empty()
            }
            _ => false,
        });
        p.values[results[0].0 as usize].uniformity = Uniformity::Dispatch;
    });
    refuses("are said to be decided by what is the same over a dispatch", |p| {
        p.exits.fill(Uniformity::Dispatch);
    });
    refuses("not all lanes reach this barrier", |p| {
        let barrier = p.body.stmts.iter().position(|stmt| matches!(stmt, Stmt::Barrier(_)));
        let barrier = p.body.stmts[barrier.expect("the kernel has a barrier")].clone();
        stmt(p, |stmt| match stmt {
            Stmt::If { accept, .. } => {
                accept.stmts.push(barrier.clone());
                true
            }
            _ => false,
        });
    });
}

/// The WGSL files of a folder of the repository.
pub fn files(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be listed").path();
        if path.extension().is_some_and(|extension| extension == "wgsl") {
            let text = fs::read_to_string(&path).expect("a kernel is UTF-8 text");
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    files
}

/// The programs of a file whose kernels need no constants.
pub fn programs(text: &str) -> Vec<Program> {
    let Ok(module) = Module::parse(text) else { return Vec::new() };
    let kernels = module.kernel_names().filter_map(|name| module.kernel(name).ok());
    kernels.filter_map(|kernel| lower(&kernel).ok()).collect()
}

/// Lowering checks after every pass, and panics.
#[test]
fn kernels_of_the_repository_keep_the_rules() {
    let mut lowered = 0;
    for folder in ["shaders", "tests/ir", "tests/cases"] {
        lowered += files(folder).iter().map(|(_, text)| programs(text).len()).sum::<usize>();
    }
    assert!(lowered > 100, "only {lowered} kernels");
}
