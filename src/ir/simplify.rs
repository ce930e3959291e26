//! Cleans a lowered program: early exits, needless phis, short branches, loop-invariant computations,
//! dead code.

use rustc_hash::FxHashSet;

use super::{
    Block, End, Label, Op, Program, Stmt, Value, structure,
    verify::{self, Pass},
};

/// Runs all passes.
pub fn simplify(program: &mut Program) {
    let mut pass = |pass: Pass, run: fn(&mut Program)| {
        run(program);
        verify::check(program, pass);
    };
    pass(Pass::NestExits, structure::nest_exits);
    pass(Pass::RemoveTrivialPhis, remove_trivial_phis);
    pass(Pass::RemoveDeadCode, remove_all_dead_code);
    pass(Pass::BranchesToSelects, structure::branches_to_selects);
    pass(Pass::HoistInvariants, hoist_invariants);
    pass(Pass::RemoveDeadCode, remove_all_dead_code);
}

fn remove_all_dead_code(program: &mut Program) {
    while remove_dead_code(program) {}
}

/// Replaces phis that can only be one value.
///
/// Lowering makes a phi for every variable that a construct *may* assign; where all ways in carry
/// the same value, that value serves.
fn remove_trivial_phis(program: &mut Program) {
    let mut replaced: Vec<Value> = (0..program.values.len() as u32).map(Value).collect();
    loop {
        let mut order = vec![u32::MAX; program.values.len()];
        let mut next = 0;
        program.body.visit_definitions(&mut |v| {
            order[v.0 as usize] = next;
            next += 1;
        });
        let mut pass = Phis { order, replaced: &mut replaced, changed: false };
        pass.block(&program.body);
        let changed = pass.changed;
        if !changed {
            break;
        }
    }
    for i in 0..replaced.len() {
        replaced[i] = resolve(&replaced, Value(i as u32));
    }
    let replace = |v: Value| replaced[v.0 as usize];
    for def in &mut program.values {
        def.op.map_operands(&mut |v| *v = replace(*v));
    }
    let body = std::mem::replace(&mut program.body, Block { stmts: Vec::new(), end: End::Unreachable });
    let keep = |v: Value| replaced[v.0 as usize] == v;
    program.body = drop_phis(body, &keep, &mut Vec::new(), None);
    program.body.map_values(&mut |v| *v = replace(*v));
}

fn resolve(replaced: &[Value], mut value: Value) -> Value {
    while replaced[value.0 as usize] != value {
        value = replaced[value.0 as usize];
    }
    value
}

struct Phis<'a> {
    order: Vec<u32>,
    replaced: &'a mut Vec<Value>,
    changed: bool,
}

impl Phis<'_> {
    fn block(&mut self, block: &Block) {
        for stmt in &block.stmts {
            match stmt {
                Stmt::If { accept, reject, results, .. } => {
                    self.block(accept);
                    self.block(reject);
                    let incoming: Vec<&[Value]> = [accept, reject].into_iter().filter_map(|b| yielded(b)).collect();
                    self.results(results, &incoming, first_inside(&[accept, reject], &self.order));
                }
                Stmt::Loop { label, params, inits, body, results } => {
                    let next = yielded(body);
                    for (i, &param) in params.iter().enumerate() {
                        let init = self.resolve(inits[i]);
                        let next = next.map(|n| self.resolve(n[i]));
                        if next.is_none_or(|n| n == param || n == init) {
                            self.replace(param, init);
                        }
                    }
                    self.block(body);
                    let outside = params.first().map_or(u32::MAX, |p| self.order[p.0 as usize]);
                    let outside = outside.min(first_inside(&[body], &self.order));
                    self.results(results, &breaks(body, *label), outside);
                }
                Stmt::Scope { label, body, results } => {
                    self.block(body);
                    let mut incoming = breaks(body, *label);
                    incoming.extend(yielded(body));
                    self.results(results, &incoming, first_inside(&[body], &self.order));
                }
                Stmt::Let(_) | Stmt::Store { .. } | Stmt::Clear(_) | Stmt::Barrier(_) => {}
            }
        }
    }

    fn resolve(&self, value: Value) -> Value {
        resolve(self.replaced, value)
    }

    fn replace(&mut self, phi: Value, value: Value) {
        if self.replaced[phi.0 as usize] == phi && phi != value {
            self.replaced[phi.0 as usize] = value;
            self.changed = true;
        }
    }

    /// Replaces results that have the same value on all ways in, if that is defined in front of the construct.
    fn results(&mut self, results: &[Value], incoming: &[&[Value]], inside: u32) {
        for (i, &result) in results.iter().enumerate() {
            let mut values = incoming.iter().map(|values| self.resolve(values[i])).filter(|&v| v != result);
            let Some(first) = values.next() else { continue };
            if values.all(|v| v == first) && self.order[first.0 as usize] < inside {
                self.replace(result, first);
            }
        }
    }
}

/// The lowest number of a definition in these blocks.
fn first_inside(blocks: &[&Block], order: &[u32]) -> u32 {
    let mut first = u32::MAX;
    for block in blocks {
        block.visit_definitions(&mut |v| first = first.min(order[v.0 as usize]));
    }
    first
}

fn yielded(block: &Block) -> Option<&[Value]> {
    match &block.end {
        End::Yield(values) => Some(values),
        _ => None,
    }
}

/// The value lists of all exits to `label`.
pub fn breaks(body: &Block, label: Label) -> Vec<&[Value]> {
    let mut found = Vec::new();
    body.visit_ends(&mut |end| {
        if let End::Break(to, values) = end
            && *to == label
        {
            found.push(values.as_slice());
        }
    });
    found
}

/// Drops phis that are not kept, with the values that the ways in carry for them.
fn drop_phis(
    block: Block,
    keep: &impl Fn(Value) -> bool,
    labels: &mut Vec<(Label, Vec<bool>)>,
    yields: Option<&[bool]>,
) -> Block {
    let flags = |values: &[Value]| values.iter().map(|&v| keep(v)).collect::<Vec<bool>>();
    let sift = |values: Vec<Value>, kept: &[bool]| -> Vec<Value> {
        values.into_iter().zip(kept).filter_map(|(v, &k)| k.then_some(v)).collect()
    };
    let mut stmts = Vec::with_capacity(block.stmts.len());
    for stmt in block.stmts {
        stmts.push(match stmt {
            Stmt::If { cond, accept, reject, results } => {
                let kept = flags(&results);
                let accept = drop_phis(accept, keep, labels, Some(&kept));
                let reject = drop_phis(reject, keep, labels, Some(&kept));
                Stmt::If { cond, accept, reject, results: sift(results, &kept) }
            }
            Stmt::Loop { label, params, inits, body, results } => {
                let (kept_params, kept) = (flags(&params), flags(&results));
                labels.push((label, kept.clone()));
                let body = drop_phis(body, keep, labels, Some(&kept_params));
                labels.pop();
                let (params, inits) = (sift(params, &kept_params), sift(inits, &kept_params));
                Stmt::Loop { label, params, inits, body, results: sift(results, &kept) }
            }
            Stmt::Scope { label, body, results } => {
                let kept = flags(&results);
                labels.push((label, kept.clone()));
                let body = drop_phis(body, keep, labels, Some(&kept));
                labels.pop();
                Stmt::Scope { label, body, results: sift(results, &kept) }
            }
            other => other,
        });
    }
    let end = match block.end {
        End::Yield(values) => End::Yield(match yields {
            Some(kept) => sift(values, kept),
            None => values,
        }),
        End::Break(label, values) => {
            let kept = labels.iter().rev().find(|(l, _)| *l == label).map(|(_, kept)| kept.clone());
            End::Break(label, sift(values, &kept.unwrap_or_default()))
        }
        end => end,
    };
    Block { stmts, end }
}

/// Moves computations whose operands do not change in a loop in front of it.
///
/// Every operation is total, so running one that the loop might not have reached is harmless; only
/// what every iteration runs is moved, so that it is not wasteful either.
fn hoist_invariants(program: &mut Program) {
    let mut body = std::mem::replace(&mut program.body, Block { stmts: Vec::new(), end: End::Unreachable });
    hoist_block(program, &mut body);
    program.body = body;
}

fn hoist_block(program: &Program, block: &mut Block) {
    let stmts = std::mem::take(&mut block.stmts);
    for mut stmt in stmts {
        match &mut stmt {
            Stmt::If { accept, reject, .. } => {
                hoist_block(program, accept);
                hoist_block(program, reject);
            }
            Stmt::Scope { body, .. } => hoist_block(program, body),
            Stmt::Loop { params, body, .. } => {
                hoist_block(program, body);
                let mut inside: FxHashSet<Value> = params.iter().copied().collect();
                body.visit_definitions(&mut |v| {
                    inside.insert(v);
                });
                take_invariants(program, body, &mut inside, &mut block.stmts);
            }
            _ => {}
        }
        block.stmts.push(stmt);
    }
}

fn take_invariants(program: &Program, body: &mut Block, inside: &mut FxHashSet<Value>, out: &mut Vec<Stmt>) {
    body.stmts.retain_mut(|stmt| match stmt {
        Stmt::Let(value) if is_pure(program, *value) => {
            let mut invariant = true;
            program.def(*value).op.visit_operands(&mut |v| invariant &= !inside.contains(&v));
            if invariant {
                inside.remove(value);
                out.push(Stmt::Let(*value));
            }
            !invariant
        }
        Stmt::Scope { body, .. } => {
            take_invariants(program, body, inside, out);
            true
        }
        _ => true,
    });
}

/// Whether a value depends on its operands only, not on when it is computed.
pub fn is_pure(program: &Program, value: Value) -> bool {
    match &program.def(value).op {
        Op::Load(address) => program.memory(address.mem).is_immutable(),
        Op::UniformLoad(_) | Op::Atomic(_) | Op::Subgroup(..) | Op::Shuffle(..) | Op::Phi => false,
        _ => true,
    }
}

/// Removes computations that nothing uses; says whether there were any.
fn remove_dead_code(program: &mut Program) -> bool {
    let mut live = Liveness { program, live: vec![false; program.values.len()], work: Vec::new() };
    let mut ways: Vec<(Value, Value)> = Vec::new();
    live.roots(&program.body, &mut ways, &mut Vec::new(), None);
    let mut incoming: Vec<Vec<Value>> = vec![Vec::new(); program.values.len()];
    for (phi, value) in ways {
        incoming[phi.0 as usize].push(value);
    }
    while let Some(value) = live.work.pop() {
        incoming[value.0 as usize].iter().for_each(|&v| live.mark(v));
        program.def(value).op.visit_operands(&mut |v| live.mark(v));
    }
    let live = live.live;
    let body = std::mem::replace(&mut program.body, Block { stmts: Vec::new(), end: End::Unreachable });
    let mut removed = false;
    let body = drop_phis(body, &|v| live[v.0 as usize], &mut Vec::new(), None);
    program.body = sweep(body, &live, &mut removed);
    removed
}

struct Liveness<'a> {
    program: &'a Program,
    live: Vec<bool>,
    work: Vec<Value>,
}

impl<'a> Liveness<'a> {
    fn mark(&mut self, value: Value) {
        if !std::mem::replace(&mut self.live[value.0 as usize], true) {
            self.work.push(value);
        }
    }

    /// Marks what effects use, and collects which values flow into which phis.
    fn roots(
        &mut self,
        block: &'a Block,
        ways: &mut Vec<(Value, Value)>,
        labels: &mut Vec<(Label, &'a [Value])>,
        yields: Option<&'a [Value]>,
    ) {
        for stmt in &block.stmts {
            match stmt {
                Stmt::Let(value) => {
                    if matches!(self.program.def(*value).op, Op::Atomic(_)) {
                        self.mark(*value);
                    }
                }
                Stmt::Store { address, value } => {
                    address.terms.iter().for_each(|t| self.mark(t.index));
                    self.mark(*value);
                }
                Stmt::Clear(_) | Stmt::Barrier(_) => {}
                Stmt::If { cond, accept, reject, results } => {
                    self.mark(*cond);
                    self.roots(accept, ways, labels, Some(results));
                    self.roots(reject, ways, labels, Some(results));
                }
                Stmt::Loop { label, params, inits, body, results } => {
                    ways.extend(params.iter().copied().zip(inits.iter().copied()));
                    labels.push((*label, results));
                    self.roots(body, ways, labels, Some(params));
                    labels.pop();
                }
                Stmt::Scope { label, body, results } => {
                    labels.push((*label, results));
                    self.roots(body, ways, labels, Some(results));
                    labels.pop();
                }
            }
        }
        let (phis, values) = match &block.end {
            End::Yield(values) => (yields, values),
            End::Break(label, values) => (labels.iter().rev().find(|(l, _)| l == label).map(|(_, r)| *r), values),
            End::Return | End::Unreachable => return,
        };
        ways.extend(phis.unwrap_or_default().iter().copied().zip(values.iter().copied()));
    }
}

/// Drops dead computations and constructs that have become empty.
fn sweep(block: Block, live: &[bool], removed: &mut bool) -> Block {
    let mut stmts = Vec::with_capacity(block.stmts.len());
    for stmt in block.stmts {
        let stmt = match stmt {
            Stmt::Let(value) if !live[value.0 as usize] => {
                *removed = true;
                continue;
            }
            Stmt::If { cond, accept, reject, results } => {
                let accept = sweep(accept, live, removed);
                let reject = sweep(reject, live, removed);
                if is_empty(&accept) && is_empty(&reject) && results.is_empty() {
                    *removed = true;
                    continue;
                }
                Stmt::If { cond, accept, reject, results }
            }
            Stmt::Loop { label, params, inits, body, results } => {
                let body = sweep(body, live, removed);
                Stmt::Loop { label, params, inits, body, results }
            }
            Stmt::Scope { label, body, results } => {
                let mut body = sweep(body, live, removed);
                // A scope that nothing breaks out of, or that only its own end leaves, is its body.
                if matches!(&body.end, End::Break(to, _) if *to == label) && results.is_empty() {
                    body.end = End::Yield(Vec::new());
                }
                if results.is_empty() && matches!(body.end, End::Yield(_)) && breaks(&body, label).is_empty() {
                    stmts.extend(body.stmts);
                    continue;
                }
                Stmt::Scope { label, body, results }
            }
            other => other,
        };
        stmts.push(stmt);
    }
    Block { stmts, end: block.end }
}

fn is_empty(block: &Block) -> bool {
    block.stmts.is_empty() && matches!(block.end, End::Yield(_))
}
