//! The statements of a function that is made anew: see `rewrite`.

use naga::{
    AddressSpace, BinaryOperator, Block, Expression, Function, GlobalVariable, Handle, Literal, Range, Span, Statement,
    SwitchCase, Type, TypeInner,
};

use super::{
    Refused,
    rewrite::{Rewriter, Step},
    watch::Construct,
};
use crate::kernel::remap;

/// A call while it is made.
struct Call {
    arguments: Vec<Handle<Expression>>,
    before: Vec<Step>,
    after: Vec<Step>,
}

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
                self.enter(Construct::Switch);
                let case = |case: &SwitchCase| {
                    let body = self.block(&case.body)?;
                    Ok(SwitchCase { value: case.value, body, fall_through: case.fall_through })
                };
                let new = cases.iter().map(case).collect::<Result<_, Refused>>()?;
                let selector = self.mapped(selector)?;
                self.switch(selector, new, span, out)?;
                return self.arrive(cases.iter().map(|case| &case.body), span, out);
            }
            Statement::Loop { ref body, ref continuing, break_if } => {
                self.enter(Construct::Loop);
                let mut new = self.spend(body, continuing, span)?;
                new.extend_block(self.block(body)?);
                let mut new_continuing = self.block(continuing)?;
                let break_if = break_if.map(|condition| self.mapped(condition)).transpose()?;
                self.note_break_if(break_if, span, &mut new_continuing)?;
                out.push(Statement::Loop { body: new, continuing: new_continuing, break_if }, span);
                return self.arrive([body, continuing], span, out);
            }
            Statement::Break => return self.break_out(span, out),
            Statement::Return { value } => {
                let value = value.map(|value| self.mapped(value)).transpose()?;
                return self.return_from(value, span, out);
            }
            Statement::Continue | Statement::Kill | Statement::ControlBarrier(_) | Statement::MemoryBarrier(_) => {
                old.clone()
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
                let Call { arguments, before, after } = self.call(function, arguments, span)?;
                let result = result.map(|result| self.mapped(result)).transpose()?;
                append(out, before, span);
                out.push(Statement::Call { function, arguments, result }, span);
                append(out, after, span);
                return Ok(());
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

    /// The new expression that a statement gives its result to, which where it is guarded is not yet what others read.
    fn result(&self, old: Handle<Expression>) -> Result<Handle<Expression>, Refused> {
        match self.results.get(&old) {
            Some(&result) => Ok(result),
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
        let Some(&variable) = self.variables.get(&result) else {
            return Err(Refused("an atomic whose result has no view"));
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
        let Expression::AtomicResult { ty, comparison } = self.view.fun.expressions[result] else {
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

    /// What to pass to a function: behind the arguments, the conditions that it wants.
    ///
    /// A pointer to a part of a variable points to a copy during the call: SPIR-V as naga writes it passes pointers to
    /// whole variables only. WGSL sees to it that nobody looks at the variable meanwhile (section 11.4, aliasing).
    fn call(&mut self, function: Handle<Function>, old: &[Handle<Expression>], span: Span) -> Result<Call, Refused> {
        let checked = self.context.checked.get(&function).map_or(&[][..], Vec::as_slice);
        let mut call = Call { arguments: Vec::with_capacity(old.len()), before: Vec::new(), after: Vec::new() };
        let mut conditions = Vec::new();
        for (i, &argument) in old.iter().enumerate() {
            let guard = self.guarded.get(&argument).copied();
            let passed = match guard {
                Some(guard) => guard.pointer,
                None => self.mapped(argument)?,
            };
            if checked.get(i).copied().unwrap_or(false) {
                conditions.push(match guard {
                    Some(guard) => guard.inside,
                    None => self.literal(Literal::Bool(true)),
                });
            }
            if !self.view.is_pointer(argument) || self.view.step(argument).is_none() {
                call.arguments.push(passed);
                continue;
            }
            let callee = &self.view.module.functions[function];
            let ty =
                callee.arguments.get(i).map(|argument| argument.ty).ok_or(Refused("a call of another function"))?;
            let copy = self.variable_for(ty)?;
            let value = self.add(Expression::Load { pointer: passed });
            call.before.append(&mut self.current);
            call.before.push(Step::Do(Statement::Store { pointer: copy, value }));
            let value = self.add(Expression::Load { pointer: copy });
            call.after.append(&mut self.current);
            let store = Statement::Store { pointer: passed, value };
            call.after.push(Step::Do(guarded(store, guard.map(|guard| guard.inside), span)));
            call.arguments.push(copy);
        }
        call.arguments.extend(conditions);
        Ok(call)
    }

    /// A new variable that a pointer of type `pointer` may point to.
    fn variable_for(&mut self, pointer: Handle<Type>) -> Result<Handle<Expression>, Refused> {
        let (ty, space) = match self.types[pointer].inner {
            TypeInner::Pointer { base, space } => (base, space),
            _ => return Err(Refused("a pointer to a part of a vector as an argument")),
        };
        match space {
            AddressSpace::Function => Ok(self.variable(ty)),
            AddressSpace::Private => {
                let name = Some("swath_passed".to_owned());
                let memory_decorations = naga::MemoryDecorations::empty();
                let variable = GlobalVariable { name, space, binding: None, ty, init: None, memory_decorations };
                let variable = self.variables_of_module.append(variable, self.span);
                Ok(self.add(Expression::GlobalVariable(variable)))
            }
            _ => Err(Refused("a pointer to shared memory as an argument")),
        }
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
