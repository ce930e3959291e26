//! Which values are used where: how often, and in another region than they are defined in.

use rustc_hash::{FxHashMap, FxHashSet};

use super::flow::any_end;
use crate::{
    exec::cpu::jit::layout::Layout,
    ir::{Block, End, Label, Op, Program, Stmt, Uniformity, Value},
};

/// What a region uses and defines.
pub struct Contents {
    pub uses: FxHashMap<Value, u32>,
    pub defined: FxHashSet<Value>,
    pub statements: usize,
}

impl Contents {
    pub fn new(program: &Program, stmts: &[&Stmt]) -> Self {
        let mut contents = Contents { uses: FxHashMap::default(), defined: FxHashSet::default(), statements: 0 };
        for stmt in stmts {
            visit_uses(program, stmt, &mut |v| *contents.uses.entry(v).or_default() += 1);
            definitions(stmt, &mut |v| {
                contents.defined.insert(v);
            });
            contents.statements += 1 + nested(stmt);
        }
        contents
    }
}

fn nested(stmt: &Stmt) -> usize {
    let block = |b: &Block| b.stmts.iter().map(|s| 1 + nested(s)).sum::<usize>();
    match stmt {
        Stmt::If { accept, reject, .. } => block(accept) + block(reject),
        Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => block(body),
        _ => 0,
    }
}

/// Values and how often they are used.
pub fn count_uses(program: &Program) -> FxHashMap<Value, u32> {
    let mut uses = FxHashMap::default();
    let stmts: Vec<&Stmt> = program.body.stmts.iter().collect();
    stmts.iter().for_each(|stmt| visit_uses(program, stmt, &mut |v| *uses.entry(v).or_default() += 1));
    uses
}

pub fn holds_barrier(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Barrier(_) => true,
        Stmt::If { accept, reject, .. } => [accept, reject].iter().any(|b| b.stmts.iter().any(holds_barrier)),
        Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => body.stmts.iter().any(holds_barrier),
        _ => false,
    }
}

pub fn stmt_breaks(stmt: &Stmt, label: Label) -> bool {
    stmt_ends(stmt, &mut |end| matches!(end, End::Break(to, _) if *to == label))
}

/// Whether a block within a statement ends so.
pub fn stmt_ends(stmt: &Stmt, test: &mut impl FnMut(&End) -> bool) -> bool {
    match stmt {
        Stmt::If { accept, reject, .. } => any_end(accept, test) || any_end(reject, test),
        Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => any_end(body, test),
        _ => false,
    }
}

fn definitions(stmt: &Stmt, visit: &mut impl FnMut(Value)) {
    let block = Block { stmts: vec![stmt.clone()], end: End::Unreachable };
    block.visit_definitions(visit);
}

/// Calls `visit` with every value that a statement uses, those inside it included.
fn visit_uses(program: &Program, stmt: &Stmt, visit: &mut dyn FnMut(Value)) {
    let block = |b: &Block, visit: &mut dyn FnMut(Value)| {
        for stmt in &b.stmts {
            visit_uses(program, stmt, visit);
        }
        if let End::Yield(values) | End::Break(_, values) = &b.end {
            values.iter().for_each(|&v| visit(v));
        }
    };
    match stmt {
        Stmt::Let(value) => program.def(*value).op.visit_operands(&mut |v| visit(v)),
        Stmt::Store { address, value } => {
            address.terms.iter().for_each(|t| visit(t.index));
            visit(*value);
        }
        Stmt::Clear(_) | Stmt::Barrier(_) => {}
        Stmt::If { cond, accept, reject, .. } => {
            visit(*cond);
            block(accept, visit);
            block(reject, visit);
        }
        Stmt::Loop { inits, body, .. } => {
            inits.iter().for_each(|&v| visit(v));
            block(body, visit);
        }
        Stmt::Scope { body, .. } => block(body, visit),
    }
}

/// Finds the varying values that are used in another region than they are defined in, and gives them rows.
pub fn crossing(program: &Program, stmts: &[&Stmt], end: &End, layout: &mut Layout) -> FxHashMap<Value, i32> {
    let mut finder = Finder {
        program,
        region: 0,
        defined: FxHashMap::default(),
        used: Vec::new(),
        always: Vec::new(),
        carried: Vec::new(),
    };
    finder.block(stmts, end, &mut Vec::new());
    let Finder { defined, used, always, carried, .. } = finder;
    let crosses = |(v, region): &(Value, u32)| defined.get(v).is_some_and(|d| d != region);
    let mut values: Vec<Value> = used.iter().filter(|u| crosses(u)).map(|u| u.0).chain(always).collect();
    values.retain(|&v| {
        let def = program.def(v);
        def.uniformity == Uniformity::Varying && !matches!(def.op, Op::Builtin(_) | Op::Const(_))
    });
    values.sort_unstable();
    values.dedup();
    let mut rows: FxHashMap<Value, i32> = values.into_iter().map(|v| (v, layout.group_rows())).collect();
    // What a loop computes and carries on takes the row of the parameter it becomes, if nobody looks at that one any more:
    // then it need not be copied.
    for &Carried { param, next, start } in &carried {
        let Some(&born) = defined.get(&next) else { continue };
        let read_before = used.iter().all(|&(v, region)| v != param || region <= born);
        let once = carried.iter().filter(|other| other.next == next).count() == 1;
        let fits = born > start && read_before && once && rows.contains_key(&next);
        if let Some(&row) = rows.get(&param).filter(|_| fits) {
            rows.insert(next, row);
        }
    }
    rows
}

/// Cuts the body as [`super::workgroup`] does.
struct Finder<'a> {
    program: &'a Program,
    region: u32,
    defined: FxHashMap<Value, u32>,
    used: Vec<(Value, u32)>,
    /// What passes from region to region at the workgroup's level.
    always: Vec<Value>,
    carried: Vec<Carried>,
}

/// A parameter of a loop that all lanes leave together.
struct Carried {
    param: Value,
    /// What becomes of it in the next iteration.
    next: Value,
    /// The region in front of the loop's body.
    start: u32,
}

impl Finder<'_> {
    fn block(&mut self, stmts: &[&Stmt], end: &End, labels: &mut Vec<Label>) {
        for stmt in stmts {
            if !holds_barrier(stmt) && !labels.iter().any(|&l| stmt_breaks(stmt, l)) {
                let region = self.region;
                visit_uses(self.program, stmt, &mut |v| self.used.push((v, region)));
                definitions(stmt, &mut |v| {
                    self.defined.insert(v, region);
                });
                continue;
            }
            self.region += 1;
            match stmt {
                Stmt::If { accept, reject, results, .. } => {
                    for arm in [accept, reject] {
                        self.nested(arm, labels);
                    }
                    self.always.extend(results);
                }
                Stmt::Loop { label, params, inits, body, results } => {
                    self.always.extend(params.iter().chain(inits).chain(results));
                    let start = self.region;
                    self.used.extend(inits.iter().map(|&init| (init, start)));
                    if let (End::Yield(next), Uniformity::Dispatch | Uniformity::Workgroup) =
                        (&body.end, self.program.exits[label.0 as usize])
                    {
                        let pairs = params.iter().zip(next);
                        self.carried.extend(pairs.map(|(&param, &next)| Carried { param, next, start }));
                    }
                    self.labelled(*label, body, labels);
                }
                Stmt::Scope { label, body, results } => {
                    self.always.extend(results);
                    self.labelled(*label, body, labels);
                }
                _ => {}
            }
            self.region += 1;
        }
        if let End::Yield(values) | End::Break(_, values) = end {
            self.always.extend(values);
            // They are read when the region is over, and what it computes is in its rows.
            let region = self.region + 1;
            self.used.extend(values.iter().map(|&v| (v, region)));
        }
    }

    /// The body of a loop or scope. An exit that lanes take one by one needs no cut.
    fn labelled(&mut self, label: Label, body: &Block, labels: &mut Vec<Label>) {
        if self.program.exits[label.0 as usize] == Uniformity::Varying {
            return self.nested(body, labels);
        }
        labels.push(label);
        self.nested(body, labels);
        labels.pop();
    }

    fn nested(&mut self, block: &Block, labels: &mut Vec<Label>) {
        self.region += 1;
        self.block(&block.stmts.iter().collect::<Vec<_>>(), &block.end, labels);
        self.region += 1;
    }
}
