//! Passes over the structure of a program: early exits become branches, short branches selects.

use super::{
    Binary, Block, End, Label, Op, Program, Stmt, Type, Unary, Uniformity, Value, ValueDef,
    simplify::{breaks, is_pure},
};

/// Turns scopes that are left early into nested branches.
///
/// `scope L { if c { A; break L x }; B; yield y }` is `if c { A; yield x } else { B; yield y }`: this is what an
/// early return from an inlined function comes to, and without the scope no lane has to be remembered as gone.
pub fn nest_exits(program: &mut Program) {
    let body = take(&mut program.body);
    let mut pass = Nesting { program, replaced: Vec::new() };
    let body = pass.block(body);
    let mut replaced = pass.replaced;
    program.body = body;
    if replaced.is_empty() {
        return;
    }
    replaced.sort_unstable();
    let find = |mut v: Value| {
        while let Ok(i) = replaced.binary_search_by_key(&v, |r| r.0) {
            v = replaced[i].1;
        }
        v
    };
    program.body.map_values(&mut |v| *v = find(*v));
    for def in &mut program.values {
        def.op.map_operands(&mut |v| *v = find(*v));
    }
}

fn take(block: &mut Block) -> Block {
    std::mem::replace(block, Block { stmts: Vec::new(), end: End::Unreachable })
}

struct Nesting<'a> {
    program: &'a mut Program,
    /// Results of constructs that went away, and what they are now.
    replaced: Vec<(Value, Value)>,
}

impl Nesting<'_> {
    fn block(&mut self, block: Block) -> Block {
        let mut stmts = Vec::with_capacity(block.stmts.len());
        for stmt in block.stmts {
            match stmt {
                Stmt::If { cond, accept, reject, results } => {
                    let (accept, reject) = (self.block(accept), self.block(reject));
                    stmts.push(Stmt::If { cond, accept, reject, results });
                }
                Stmt::Loop { label, params, inits, body, results } => {
                    let body = self.block(body);
                    stmts.push(Stmt::Loop { label, params, inits, body, results });
                }
                Stmt::Scope { label, body, results } => {
                    let body = self.block(body);
                    let body = self.tail(body, label, &results);
                    match body.end {
                        End::Yield(values) if breaks_none(&body.stmts, label) => {
                            self.replaced.extend(results.into_iter().zip(values));
                            stmts.extend(body.stmts);
                        }
                        end => {
                            let body = Block { stmts: body.stmts, end };
                            stmts.push(Stmt::Scope { label, body, results });
                        }
                    }
                }
                other => stmts.push(other),
            }
        }
        Block { stmts, end: block.end }
    }

    /// Rewrites a block from whose end control goes to the end of the scope `label`, so that it yields
    /// what it would break with.
    fn tail(&mut self, block: Block, label: Label, results: &[Value]) -> Block {
        let mut stmts = block.stmts;
        let exits = |b: &Block| matches!(&b.end, End::Break(to, _) if *to == label);
        let exit =
            stmts.iter().position(|s| matches!(s, Stmt::If { accept, reject, .. } if exits(accept) || exits(reject)));
        let Some(at) = exit else {
            let end = match block.end {
                End::Break(to, values) if to == label => End::Yield(values),
                end => end,
            };
            return Block { stmts, end };
        };
        let rest = Block { stmts: stmts.split_off(at + 1), end: block.end };
        let Some(Stmt::If { cond, accept, reject, results: joined }) = stmts.pop() else {
            unreachable!("the statement was found to be a branch")
        };
        let (accept, reject) = if exits(&accept) {
            (accept, self.append(reject, rest, &joined))
        } else {
            (self.append(accept, rest, &joined), reject)
        };
        let accept = self.tail(accept, label, results);
        let reject = self.tail(reject, label, results);
        let falls = |b: &Block| matches!(b.end, End::Yield(_));
        let end_values = self.phis(results);
        let end = if falls(&accept) || falls(&reject) { End::Yield(end_values.clone()) } else { End::Unreachable };
        stmts.push(Stmt::If { cond, accept, reject, results: end_values });
        Block { stmts, end }
    }

    /// What follows a branch, moved to the end of its arm that goes on there.
    fn append(&mut self, mut arm: Block, rest: Block, joined: &[Value]) -> Block {
        if let End::Yield(values) = arm.end {
            self.replaced.extend(joined.iter().copied().zip(values));
            arm.stmts.extend(rest.stmts);
            arm.end = rest.end;
        }
        arm
    }

    /// New phis of the same types.
    fn phis(&mut self, like: &[Value]) -> Vec<Value> {
        like.iter().map(|&v| define(self.program, self.program.ty(v), Op::Phi, v)).collect()
    }
}

fn breaks_none(stmts: &[Stmt], label: Label) -> bool {
    stmts.iter().all(|stmt| match stmt {
        Stmt::If { accept, reject, .. } => breaks(accept, label).is_empty() && breaks(reject, label).is_empty(),
        Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => breaks(body, label).is_empty(),
        _ => true,
    })
}

fn define(program: &mut Program, ty: Type, op: Op, like: Value) -> Value {
    let origin = program.def(like).origin;
    program.values.push(ValueDef { ty, op, uniformity: Uniformity::Varying, origin });
    Value(program.values.len() as u32 - 1)
}

/// The most operations that both arms of a branch may have for it to become selects.
const SHORT: usize = 8;

/// Computes both arms of short branches without effects and selects the results.
pub fn branches_to_selects(program: &mut Program) {
    let mut body = take(&mut program.body);
    convert_block(program, &mut body);
    program.body = body;
}

fn convert_block(program: &mut Program, block: &mut Block) {
    let stmts = std::mem::take(&mut block.stmts);
    for mut stmt in stmts {
        match &mut stmt {
            Stmt::If { cond, accept, reject, results } => {
                convert_block(program, accept);
                convert_block(program, reject);
                let short = cheap(program, accept).zip(cheap(program, reject)).is_some_and(|(a, b)| a + b <= SHORT);
                if let (true, End::Yield(yes), End::Yield(no)) = (short, &accept.end, &reject.end) {
                    block.stmts.append(&mut accept.stmts);
                    block.stmts.append(&mut reject.stmts);
                    for ((&result, &yes), &no) in results.iter().zip(yes).zip(no) {
                        let op = select(program, *cond, yes, no);
                        program.values[result.0 as usize].op = op;
                        block.stmts.push(Stmt::Let(result));
                    }
                    continue;
                }
            }
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => convert_block(program, body),
            _ => {}
        }
        block.stmts.push(stmt);
    }
}

/// `cond ? yes : no`; of conditions, as `and` or `or` where one side is known.
fn select(program: &Program, cond: Value, yes: Value, no: Value) -> Op {
    let constant = |v: Value| match program.def(v).op {
        Op::Const(bits) if program.ty(v) == Type::Bool => Some(bits != 0),
        _ => None,
    };
    if let Op::Unary(Unary::Not, inner) = program.def(cond).op {
        return select(program, inner, no, yes);
    }
    match (constant(yes), constant(no)) {
        (None, Some(false)) => Op::Binary(Binary::And, cond, yes),
        (Some(true), None) => Op::Binary(Binary::Or, cond, no),
        (Some(false), Some(true)) => Op::Unary(Unary::Not, cond),
        _ => Op::Select { cond, accept: yes, reject: no },
    }
}

/// How many operations a block has, if it is nothing but cheap ones.
fn cheap(program: &Program, block: &Block) -> Option<usize> {
    let cheap = |value: Value| match program.def(value).op {
        Op::Binary(Binary::Div | Binary::Rem, ..) | Op::Unary(Unary::Sqrt, _) | Op::Load(_) => false,
        _ => is_pure(program, value),
    };
    let all = block.stmts.iter().all(|stmt| matches!(stmt, Stmt::Let(v) if cheap(*v)));
    (all && matches!(block.end, End::Yield(_))).then_some(block.stmts.len())
}
