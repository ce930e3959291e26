//! The statements of a function that is made anew: see `rewrite`.

use naga::{
    BinaryOperator, Block, Expression, Function, Handle, Literal, Range, Span, Statement, SwitchCase, TypeInner,
};

use super::{
    Refused, remap,
    rewrite::{Rewriter, Step},
};

impl Rewriter<'_, '_> {
    pub fn block(&mut self, old: &Block) -> Result<Block, Refused> {
        let mut new = Block::with_capacity(old.len());
        for (statement, &span) in old.span_iter() {
            self.span = span;
            self.statement(statement, span, &mut new)?;
        }
        Ok(new)
    }

    fn statement(&mut self, old: &Statement, span: Span, out: &mut Block) -> Result<(), Refused> {
        let new = match *old {
            Statement::Emit(ref range) => {
                let steps = range.clone().flat_map(|handle| std::mem::take(&mut self.steps[handle.index()])).collect();
                append(out, steps, span);
                return Ok(());
            }
            Statement::Block(ref inner) => Statement::Block(self.block(inner)?),
            Statement::If { condition, ref accept, ref reject } => Statement::If {
                condition: self.mapped(condition)?,
                accept: self.block(accept)?,
                reject: self.block(reject)?,
            },
            Statement::Switch { selector, ref cases } => {
                let case = |case: &SwitchCase| {
                    let body = self.block(&case.body)?;
                    Ok(SwitchCase { value: case.value, body, fall_through: case.fall_through })
                };
                let cases = cases.iter().map(case).collect::<Result<_, Refused>>()?;
                Statement::Switch { selector: self.mapped(selector)?, cases }
            }
            Statement::Loop { ref body, ref continuing, break_if } => Statement::Loop {
                body: self.block(body)?,
                continuing: self.block(continuing)?,
                break_if: break_if.map(|condition| self.mapped(condition)).transpose()?,
            },
            Statement::Break
            | Statement::Continue
            | Statement::Kill
            | Statement::ControlBarrier(_)
            | Statement::MemoryBarrier(_) => old.clone(),
            Statement::Return { value } => {
                Statement::Return { value: value.map(|value| self.mapped(value)).transpose()? }
            }
            Statement::Store { pointer, value } => {
                let (pointer, inside) = self.through(pointer)?;
                guarded(Statement::Store { pointer, value: self.mapped(value)? }, inside, span)
            }
            Statement::Atomic { .. } => return self.atomic(old, span, out),
            Statement::WorkGroupUniformLoad { pointer, result } => {
                let (pointer, _) = self.through(pointer)?;
                let new = self.result(result)?;
                out.push(Statement::WorkGroupUniformLoad { pointer, result: new }, span);
                append(out, std::mem::take(&mut self.steps[result.index()]), span);
                return Ok(());
            }
            Statement::Call { function, ref arguments, result } => {
                let arguments = self.arguments(function, arguments)?;
                Statement::Call { function, arguments, result: result.map(|r| self.mapped(r)).transpose()? }
            }
            Statement::SubgroupBallot { result, predicate } => Statement::SubgroupBallot {
                result: self.mapped(result)?,
                predicate: predicate.map(|p| self.mapped(p)).transpose()?,
            },
            Statement::SubgroupGather { mode, argument, result } => Statement::SubgroupGather {
                mode: remap::gather(mode, &mut |index| self.mapped(index))?,
                argument: self.mapped(argument)?,
                result: self.mapped(result)?,
            },
            Statement::SubgroupCollectiveOperation { op, collective_op, argument, result } => {
                let (argument, result) = (self.mapped(argument)?, self.mapped(result)?);
                Statement::SubgroupCollectiveOperation { op, collective_op, argument, result }
            }
            _ => return Err(Refused("a statement that compute kernels do not have")),
        };
        out.push(new, span);
        Ok(())
    }

    /// The new expression that a statement gives its result to, which is not yet the result where that is guarded.
    fn result(&self, old: Handle<Expression>) -> Result<Handle<Expression>, Refused> {
        match self.kept.get(&old) {
            Some(&(result, _)) => Ok(result),
            None => self.mapped(old),
        }
    }

    fn atomic(&mut self, old: &Statement, span: Span, out: &mut Block) -> Result<(), Refused> {
        let Statement::Atomic { pointer, ref fun, value, result } = *old else {
            return Err(Refused("a statement that is no atomic"));
        };
        let (pointer, inside) = self.through(pointer)?;
        let value = self.mapped(value)?;
        let new_fun = remap::atomic(fun, &mut |compare| self.mapped(compare))?;
        let new_result = result.map(|result| self.result(result)).transpose()?;
        let atomic = Statement::Atomic { pointer, fun: new_fun, value, result: new_result };
        let (Some(condition), Some(result), Some(new_result)) = (inside, result, new_result) else {
            out.push(guarded(atomic, inside, span), span);
            return Ok(());
        };
        let Some(&(_, variable)) = self.kept.get(&result) else {
            return Err(Refused("an atomic whose result has no place"));
        };
        let mut accept = block_of(atomic, span);
        accept.push(Statement::Store { pointer: variable, value: new_result }, span);
        let zero = self.atomic_zero(result, new_fun)?;
        let mut reject = Block::new();
        append(&mut reject, std::mem::take(&mut self.current), span);
        reject.push(Statement::Store { pointer: variable, value: zero }, span);
        out.push(Statement::If { condition, accept, reject }, span);
        append(out, std::mem::take(&mut self.steps[result.index()]), span);
        Ok(())
    }

    /// What an atomic out of bounds gives: zero, which for a comparison is the old value.
    fn atomic_zero(
        &mut self,
        result: Handle<Expression>,
        fun: naga::AtomicFunction,
    ) -> Result<Handle<Expression>, Refused> {
        let Expression::AtomicResult { ty, comparison } = self.place.fun.expressions[result] else {
            return Err(Refused("an atomic without a result of its kind"));
        };
        let naga::AtomicFunction::Exchange { compare: Some(compare) } = fun else {
            return Ok(self.add(Expression::ZeroValue(ty)));
        };
        let member = match &self.types[ty].inner {
            TypeInner::Struct { members, .. } if comparison => members.first().map(|member| member.ty),
            _ => None,
        };
        let member = member.ok_or(Refused("a comparison without a result of its kind"))?;
        let zero = self.add(Expression::ZeroValue(member));
        let equal = self.binary(BinaryOperator::Equal, compare, zero);
        Ok(self.add(Expression::Compose { ty, components: vec![zero, equal] }))
    }

    /// The arguments of a call: pointers in their guarded form, and behind all the conditions that the function wants.
    fn arguments(
        &mut self,
        function: Handle<Function>,
        old: &[Handle<Expression>],
    ) -> Result<Vec<Handle<Expression>>, Refused> {
        let checked = self.context.checked.get(&function).map_or(&[][..], Vec::as_slice);
        let mut arguments = Vec::with_capacity(old.len());
        let mut conditions = Vec::new();
        for (i, &argument) in old.iter().enumerate() {
            let guarded = self.guarded.get(&argument).copied();
            arguments.push(match guarded {
                Some(guarded) => guarded.pointer,
                None => self.mapped(argument)?,
            });
            if checked.get(i).copied().unwrap_or(false) {
                conditions.push(match guarded {
                    Some(guarded) => guarded.inside,
                    None => self.literal(Literal::Bool(true)),
                });
            }
        }
        arguments.extend(conditions);
        Ok(arguments)
    }
}

pub(super) fn block_of(statement: Statement, span: Span) -> Block {
    let mut block = Block::new();
    block.push(statement, span);
    block
}

/// `statement`, only where `inside` holds.
fn guarded(statement: Statement, inside: Option<Handle<Expression>>, span: Span) -> Statement {
    match inside {
        Some(condition) => Statement::If { condition, accept: block_of(statement, span), reject: Block::new() },
        None => statement,
    }
}

/// Appends steps to a block; expressions that follow each other are emitted together.
pub(super) fn append(block: &mut Block, steps: Vec<Step>, span: Span) {
    let mut run: Option<(Handle<Expression>, Handle<Expression>)> = None;
    let emit = |run: Option<(_, _)>, block: &mut Block| {
        if let Some((first, last)) = run {
            block.push(Statement::Emit(Range::new_from_bounds(first, last)), span);
        }
    };
    for step in steps {
        match (step, run) {
            (Step::Emit(next), Some((first, last))) if last.index() + 1 == next.index() => run = Some((first, next)),
            (Step::Emit(next), _) => {
                emit(run, block);
                run = Some((next, next));
            }
            (Step::Do(statement), _) => {
                emit(run, block);
                run = None;
                block.push(statement, span);
            }
        }
    }
    emit(run, block);
}
