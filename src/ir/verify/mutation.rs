//! Breaks lowered programs at random places, and checks that the verifier notices each time.

use super::{
    Pass,
    tests::{blocks, files, programs},
    verify,
};
use crate::ir::{
    AccessId, Address, Binary, Block, End, IndexBound, Label, Mem, Op, Program, Stmt, Type, Uniformity, Value,
};

/// A small generator of numbers (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.below(from.len())])
    }
}

/// A change after which a program breaks a rule. It gives `None` where the program has no place for it.
type Mutation = fn(&mut Program, &mut Random) -> Option<()>;

const MUTATIONS: &[(&str, Mutation)] = &[
    ("drop a definition", drop_definition),
    ("define twice", define_twice),
    ("move a definition behind a use", move_behind_use),
    ("use a value outside of its block", use_outside),
    ("use what is no value", use_nothing),
    ("swap in an operand of another type", retype_operand),
    ("change the type of a result", retype_result),
    ("compute a phi", compute_phi),
    ("list a computed value", list_computed),
    ("break out of what does not enclose", change_label),
    ("give two constructs one label", share_label),
    ("drop a carried value", drop_carried),
    ("carry one more value", carry_more),
    ("swap carried values", swap_carried),
    ("drop an initial value", drop_init),
    ("declare a reached end unreachable", unreachable_end),
    ("shift an address", shift_address),
    ("widen a bound", widen_bound),
    ("access a memory that does not exist", no_memory),
    ("write immutable memory", write_immutable),
    ("number two accesses alike", number_alike),
    ("shift floats", shift_floats),
    ("claim a computed value uniform", claim_computed),
    ("claim a listed value uniform", claim_listed),
    ("claim exits uniform", claim_exits),
    ("forget a barrier", forget_barrier),
];

#[test]
fn mutations_are_caught() {
    const TRIES: usize = 8;
    let mut random = Random(0x5eed);
    let sources = ["shaders", "tests/ir"].into_iter().flat_map(files).collect::<Vec<_>>();
    let programs: Vec<Program> = sources.iter().flat_map(|(_, text)| programs(text)).collect();
    let (mut missed, mut all, mut caught) = (Vec::new(), 0, 0);
    for (name, mutate) in MUTATIONS {
        let (mut made, mut found) = (0, 0);
        for program in &programs {
            for _ in 0..TRIES {
                let mut broken = program.clone();
                if mutate(&mut broken, &mut random).is_none() {
                    continue;
                }
                made += 1;
                match verify(&broken, Pass::Uniformity) {
                    Err(_) => found += 1,
                    Ok(()) => missed.push(format!("{name} in `{}`:\n{broken}", broken.name)),
                }
            }
        }
        println!("{name:38} {found:5} of {made:5}");
        assert!(made > 0, "no program has a place to {name}");
        (all, caught) = (all + made, caught + found);
    }
    println!("{caught} of {all} mutations are caught");
    assert!(missed.is_empty(), "{} of {all} are missed, first: {}", missed.len(), missed[0]);
}

/// Blocks in the order of a walk, as numbers, with what `find` says of them.
fn places<T>(program: &mut Program, mut find: impl FnMut(&Block) -> Vec<T>) -> Vec<(usize, T)> {
    let (mut number, mut found) = (0, Vec::new());
    blocks(&mut program.body, &mut |block| {
        found.extend(find(block).into_iter().map(|place| (number, place)));
        number += 1;
    });
    found
}

fn change(program: &mut Program, at: usize, change: impl FnOnce(&mut Block)) {
    let (mut number, mut change) = (0, Some(change));
    blocks(&mut program.body, &mut |block| {
        if number == at
            && let Some(change) = change.take()
        {
            change(block);
        }
        number += 1;
    });
}

/// A statement, by its block and place, that `is`.
fn statement(program: &mut Program, random: &mut Random, is: impl Fn(&Stmt) -> bool) -> Option<(usize, usize)> {
    let found = places(program, |block| (0..block.stmts.len()).filter(|&i| is(&block.stmts[i])).collect());
    random.pick(&found)
}

/// The values that statements compute.
fn computed(program: &mut Program) -> Vec<Value> {
    let found = places(program, |block| {
        let lets = block.stmts.iter().filter_map(|stmt| if let Stmt::Let(v) = stmt { Some(*v) } else { None });
        lets.collect()
    });
    found.into_iter().map(|(_, value)| value).collect()
}

fn computed_where(program: &mut Program, random: &mut Random, is: impl Fn(&Program, Value) -> bool) -> Option<Value> {
    let values: Vec<Value> = computed(program).into_iter().filter(|&v| is(program, v)).collect();
    random.pick(&values)
}

fn has_uses(program: &mut Program, value: Value) -> bool {
    let mut uses = 0;
    for other in computed(program) {
        program.def(other).op.visit_operands(&mut |v| uses += usize::from(v == value));
    }
    // One is the definition itself.
    program.body.map_values(&mut |v| uses += usize::from(*v == value));
    uses > 1
}

fn drop_definition(program: &mut Program, random: &mut Random) -> Option<()> {
    let value = random.pick(&computed(program))?;
    has_uses(program, value).then_some(())?;
    blocks(&mut program.body, &mut |block| block.stmts.retain(|stmt| *stmt != Stmt::Let(value)));
    Some(())
}

fn define_twice(program: &mut Program, random: &mut Random) -> Option<()> {
    let (block, at) = statement(program, random, |stmt| matches!(stmt, Stmt::Let(_)))?;
    change(program, block, |block| block.stmts.insert(at, block.stmts[at].clone()));
    Some(())
}

fn move_behind_use(program: &mut Program, random: &mut Random) -> Option<()> {
    let values = program.values.clone();
    let found = places(program, |block| {
        let mut found = Vec::new();
        for (i, stmt) in block.stmts.iter().enumerate() {
            let Stmt::Let(value) = stmt else { continue };
            let uses = |stmt: &Stmt| {
                let Stmt::Let(other) = stmt else { return false };
                let mut uses = false;
                values[other.0 as usize].op.visit_operands(&mut |v| uses |= v == *value);
                uses
            };
            let last = block.stmts.iter().rposition(uses);
            found.extend(last.filter(|&j| j > i).map(|j| (i, j)));
        }
        found
    });
    let (block, (from, to)) = random.pick(&found)?;
    change(program, block, |block| {
        let stmt = block.stmts.remove(from);
        block.stmts.insert(to, stmt);
    });
    Some(())
}

/// The values that are defined in blocks inside of a construct of the body.
fn hidden(program: &Program) -> Vec<Value> {
    let mut hidden = Vec::new();
    for stmt in &program.body.stmts {
        match stmt {
            Stmt::If { accept, reject, .. } => {
                accept.visit_definitions(&mut |v| hidden.push(v));
                reject.visit_definitions(&mut |v| hidden.push(v));
            }
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => body.visit_definitions(&mut |v| hidden.push(v)),
            _ => {}
        }
    }
    hidden
}

fn use_outside(program: &mut Program, random: &mut Random) -> Option<()> {
    let value = random.pick(&hidden(program))?;
    let stores = (0..program.body.stmts.len()).filter(|&i| matches!(program.body.stmts[i], Stmt::Store { .. }));
    let at = random.pick(&stores.collect::<Vec<_>>())?;
    if let Stmt::Store { value: stored, .. } = &mut program.body.stmts[at] {
        *stored = value;
    }
    Some(())
}

/// Replaces an operand of a computation that `is`.
fn replace_operand(
    program: &mut Program,
    random: &mut Random,
    is: impl Fn(&Program, Value) -> bool,
    by: impl Fn(&Program, Value) -> Option<Value>,
) -> Option<()> {
    let has_operands = |p: &Program, v: Value| {
        let mut operands = 0;
        p.def(v).op.visit_operands(&mut |_| operands += 1);
        operands > 0 && is(p, v)
    };
    let value = computed_where(program, random, has_operands)?;
    let mut operands = Vec::new();
    program.def(value).op.visit_operands(&mut |v| operands.push(v));
    let at = random.below(operands.len());
    let other = by(program, operands[at])?;
    let mut number = 0;
    program.values[value.0 as usize].op.map_operands(&mut |v| {
        if number == at {
            *v = other;
        }
        number += 1;
    });
    Some(())
}

fn use_nothing(program: &mut Program, random: &mut Random) -> Option<()> {
    let beyond = |p: &Program, _| Some(Value(p.values.len() as u32));
    replace_operand(program, random, |_, _| true, beyond)
}

/// Between conditions and the rest: no operation but a conversion takes both.
fn retype_operand(program: &mut Program, random: &mut Random) -> Option<()> {
    let floating: Vec<Value> =
        program.body.stmts.iter().filter_map(|s| if let Stmt::Let(v) = s { Some(*v) } else { None }).collect();
    let (a, b) = (random.below(1 << 20), random.below(1 << 20));
    let is = |p: &Program, v: Value| !matches!(p.def(v).op, Op::Convert(_));
    replace_operand(program, random, is, |p, operand| {
        let bool = p.ty(operand) == Type::Bool;
        let others: Vec<Value> = floating.iter().copied().filter(|&v| (p.ty(v) == Type::Bool) != bool).collect();
        (!others.is_empty()).then(|| others[(a + b) % others.len()])
    })
}

/// Loads and constants may be of any type, and what conversions give may be of several.
fn retype_result(program: &mut Program, random: &mut Random) -> Option<()> {
    let is = |p: &Program, v: Value| {
        !matches!(p.def(v).op, Op::Const(_) | Op::Load(_) | Op::UniformLoad(_) | Op::Convert(_) | Op::Bitcast(_))
    };
    let value = computed_where(program, random, is)?;
    let def = &mut program.values[value.0 as usize];
    def.ty = if def.ty == Type::F32 { Type::Bool } else { Type::F32 };
    Some(())
}

fn compute_phi(program: &mut Program, random: &mut Random) -> Option<()> {
    let value = random.pick(&computed(program))?;
    program.values[value.0 as usize].op = Op::Phi;
    Some(())
}

fn listed(program: &mut Program) -> Vec<Value> {
    let found = places(program, |block| {
        let lists = block.stmts.iter().flat_map(|stmt| match stmt {
            Stmt::If { results, .. } | Stmt::Scope { results, .. } => results.clone(),
            Stmt::Loop { params, results, .. } => [&params[..], results].concat(),
            _ => Vec::new(),
        });
        lists.collect()
    });
    found.into_iter().map(|(_, value)| value).collect()
}

fn list_computed(program: &mut Program, random: &mut Random) -> Option<()> {
    let value = random.pick(&listed(program))?;
    program.values[value.0 as usize].op = Op::Const(0);
    Some(())
}

/// The blocks whose end `is`.
fn ends(program: &mut Program, random: &mut Random, is: impl Fn(&End) -> bool) -> Option<usize> {
    let found = places(program, |block| if is(&block.end) { vec![()] } else { Vec::new() });
    random.pick(&found).map(|(block, ())| block)
}

fn change_label(program: &mut Program, random: &mut Random) -> Option<()> {
    let block = ends(program, random, |end| matches!(end, End::Break(..)))?;
    program.labels += 1;
    program.exits.push(Uniformity::Varying);
    let fresh = Label(program.labels - 1);
    change(program, block, |block| {
        if let End::Break(label, _) = &mut block.end {
            *label = fresh;
        }
    });
    Some(())
}

fn share_label(program: &mut Program, random: &mut Random) -> Option<()> {
    let is = |stmt: &Stmt| matches!(stmt, Stmt::Loop { .. } | Stmt::Scope { .. });
    let (block, at) = statement(program, random, is)?;
    let copy = |label: Label| {
        let body = Block { stmts: Vec::new(), end: End::Yield(Vec::new()) };
        Stmt::Scope { label, body, results: Vec::new() }
    };
    change(program, block, |block| {
        if let Stmt::Loop { label, .. } | Stmt::Scope { label, .. } = block.stmts[at] {
            block.stmts.insert(at, copy(label));
        }
    });
    Some(())
}

fn carried(end: &mut End) -> Option<&mut Vec<Value>> {
    match end {
        End::Yield(values) | End::Break(_, values) => Some(values),
        End::Return | End::Unreachable => None,
    }
}

fn change_carried(
    program: &mut Program,
    random: &mut Random,
    least: usize,
    by: impl FnOnce(&mut Vec<Value>),
) -> Option<()> {
    let block = ends(program, random, |end| carried(&mut end.clone()).is_some_and(|values| values.len() >= least))?;
    change(program, block, |block| by(carried(&mut block.end).expect("the end carries values")));
    Some(())
}

fn drop_carried(program: &mut Program, random: &mut Random) -> Option<()> {
    change_carried(program, random, 1, |values| values.truncate(values.len() - 1))
}

fn carry_more(program: &mut Program, random: &mut Random) -> Option<()> {
    let value = random.pick(&computed(program))?;
    change_carried(program, random, 0, |values| values.push(value))
}

/// Of two values of different types.
fn swap_carried(program: &mut Program, random: &mut Random) -> Option<()> {
    let types: Vec<Type> = program.values.iter().map(|def| def.ty).collect();
    let differ = move |values: &[Value]| {
        let ty = |i: usize| types[values[i].0 as usize];
        (1..values.len()).find(|&i| ty(i) != ty(0))
    };
    let block = ends(program, random, |end| carried(&mut end.clone()).is_some_and(|values| differ(values).is_some()))?;
    change(program, block, |block| {
        let values = carried(&mut block.end).expect("the end carries values");
        let other = differ(values).expect("two types differ");
        values.swap(0, other);
    });
    Some(())
}

fn drop_init(program: &mut Program, random: &mut Random) -> Option<()> {
    let is = |stmt: &Stmt| matches!(stmt, Stmt::Loop { inits, .. } if !inits.is_empty());
    let (block, at) = statement(program, random, is)?;
    change(program, block, |block| {
        if let Stmt::Loop { inits, .. } = &mut block.stmts[at] {
            inits.pop();
        }
    });
    Some(())
}

fn unreachable_end(program: &mut Program, _: &mut Random) -> Option<()> {
    matches!(program.body.end, End::Yield(_) | End::Return).then(|| program.body.end = End::Unreachable)
}

/// Changes an address of a load or store that `is`.
fn change_address(
    program: &mut Program,
    random: &mut Random,
    is: impl Fn(&Program, &Address) -> bool,
    by: impl FnOnce(&mut Address),
) -> Option<()> {
    let load = |p: &Program, v: Value| matches!(&p.def(v).op, Op::Load(address) if is(p, address));
    let loads: Vec<Value> = computed(program).into_iter().filter(|&v| load(program, v)).collect();
    let copy = program.clone();
    let store = |stmt: &Stmt| matches!(stmt, Stmt::Store { address, .. } if is(&copy, address));
    let store = statement(program, random, store);
    match (random.pick(&loads), store) {
        (Some(value), _) if random.below(2) == 0 || store.is_none() => {
            if let Op::Load(address) = &mut program.values[value.0 as usize].op {
                by(address);
            }
        }
        (_, Some((block, at))) => change(program, block, |block| {
            if let Stmt::Store { address, .. } = &mut block.stmts[at] {
                by(address);
            }
        }),
        _ => return None,
    }
    Some(())
}

fn shift_address(program: &mut Program, random: &mut Random) -> Option<()> {
    let stride = random.below(2) == 0;
    change_address(
        program,
        random,
        |_, _| true,
        |address| match address.terms.last_mut() {
            Some(term) if stride => term.stride += 1,
            _ => address.offset += 1,
        },
    )
}

/// Beyond a memory whose size is known, or an element of a runtime-sized array.
fn widen_bound(program: &mut Program, random: &mut Random) -> Option<()> {
    let known = |p: &Program, address: &Address| {
        let host = |mem| p.memory(mem).bytes_of(Type::F16) == 2;
        match address.terms.first().map(|term| term.bound) {
            Some(IndexBound::Const(_)) => !host(address.mem),
            Some(IndexBound::Runtime) => address.terms.len() > 1,
            None => false,
        }
    };
    change_address(program, random, known, |address| {
        let last = address.terms.last_mut().expect("an index is there");
        last.bound = IndexBound::Const(1 << 28);
    })
}

fn no_memory(program: &mut Program, random: &mut Random) -> Option<()> {
    let beyond = Mem(program.memories.len() as u32);
    change_address(program, random, |_, _| true, |address| address.mem = beyond)
}

fn write_immutable(program: &mut Program, random: &mut Random) -> Option<()> {
    let (block, at) = statement(program, random, |stmt| matches!(stmt, Stmt::Store { .. }))?;
    let memories = (0..program.memories.len() as u32).map(Mem).filter(|&mem| program.memory(mem).is_immutable());
    let mem = random.pick(&memories.collect::<Vec<_>>())?;
    change(program, block, |block| {
        if let Stmt::Store { address, .. } = &mut block.stmts[at] {
            address.mem = mem;
        }
    });
    Some(())
}

fn number_alike(program: &mut Program, random: &mut Random) -> Option<()> {
    (program.accesses > 1).then_some(())?;
    let other = AccessId(random.below(program.accesses as usize) as u32);
    change_address(program, random, |_, address| address.id != other, |address| address.id = other)
}

fn shift_floats(program: &mut Program, random: &mut Random) -> Option<()> {
    let is = |p: &Program, v: Value| matches!(p.def(v).op, Op::Binary(..)) && p.ty(v) == Type::F32;
    let value = computed_where(program, random, is)?;
    if let Op::Binary(op, ..) = &mut program.values[value.0 as usize].op {
        *op = [Binary::Shl, Binary::Rem, Binary::Xor, Binary::Lt][random.below(4)];
    }
    Some(())
}

fn claim(program: &mut Program, value: Value) -> Option<()> {
    let level = &mut program.values[value.0 as usize].uniformity;
    (*level != Uniformity::Dispatch).then(|| *level = Uniformity::Dispatch)
}

fn claim_computed(program: &mut Program, random: &mut Random) -> Option<()> {
    let value = random.pick(&computed(program))?;
    claim(program, value)
}

fn claim_listed(program: &mut Program, random: &mut Random) -> Option<()> {
    let value = random.pick(&listed(program))?;
    claim(program, value)
}

/// Of a label with a break under a condition that varies.
fn claim_exits(program: &mut Program, random: &mut Random) -> Option<()> {
    let labels: Vec<usize> = (0..program.exits.len()).filter(|&i| program.exits[i] != Uniformity::Dispatch).collect();
    let mut broken = Vec::new();
    program.body.visit_ends(&mut |end| {
        if let End::Break(label, _) = end {
            broken.push(label.0 as usize);
        }
    });
    let label = random.pick(&labels.into_iter().filter(|label| broken.contains(label)).collect::<Vec<_>>())?;
    program.exits[label] = Uniformity::Dispatch;
    Some(())
}

fn forget_barrier(program: &mut Program, _: &mut Random) -> Option<()> {
    program.has_barrier = !program.has_barrier;
    Some(())
}
