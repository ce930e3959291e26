//! Statements: control flow, stores, calls.

use std::collections::BTreeSet;

use naga::{Expression, Handle, Span, Statement, SwitchValue};

use super::{
    Argument, Frame, Lowerer, MAX_DEPTH, MAX_STATEMENTS, MAX_VALUES, Return, Target, large, sorted, types::Layout, walk,
};
use crate::{
    error::Result,
    ir::{AtomicFun, Binary, Block, End, Origin, Stmt, Type, Value},
};

/// Where `continue` goes.
pub struct Continue {
    /// The scope around the loop's body, by its index in the targets; `None` where the body has no
    /// `continue` of this loop.
    target: Option<usize>,
    /// Expressions of the body that the continuing block may use.
    visible: Vec<Handle<Expression>>,
}

impl<'a> Lowerer<'a> {
    /// Lowers statements into the open block; gives how control leaves if it does not fall through.
    pub fn block(&mut self, frame: &mut Frame<'a>, block: &'a naga::Block) -> Result<Option<End>> {
        self.depth += 1;
        let end = self.statements(frame, block);
        self.depth -= 1;
        end
    }

    fn statements(&mut self, frame: &mut Frame<'a>, block: &'a naga::Block) -> Result<Option<End>> {
        for (statement, &span) in block.span_iter() {
            self.statements += 1;
            if self.b.values.len() > MAX_VALUES || self.statements > MAX_STATEMENTS {
                let what =
                    format!("the kernel comes to more than {MAX_VALUES} operations once its functions are inlined");
                return self.refuse(span, what);
            }
            if self.depth > MAX_DEPTH {
                let what = format!("the kernel nests more than {MAX_DEPTH} deep once its functions are inlined");
                return self.refuse(span, what);
            }
            self.b.origin = Origin { function: frame.handle, expression: None, span };
            if let Some(end) = self.statement(frame, statement, span)? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    fn statement(&mut self, frame: &mut Frame<'a>, statement: &'a Statement, span: Span) -> Result<Option<End>> {
        match statement {
            Statement::Emit(range) => {
                for handle in range.clone() {
                    if !self.is_pointer(frame, handle) && self.large(frame, handle)?.is_none() {
                        self.expression(frame, handle)?;
                    }
                }
            }
            Statement::Block(inner) => return self.block(frame, inner),
            Statement::If { condition, accept, reject } => return self.branch(frame, *condition, accept, reject),
            Statement::Switch { selector, cases } => return self.switch(frame, *selector, cases),
            Statement::Loop { body, continuing, break_if } => {
                return self.repeat(frame, body, continuing, *break_if);
            }
            Statement::Break => {
                let target = *frame.breaks.last().expect("naga checks that a loop or switch surrounds a break");
                return Ok(Some(self.leave(target, Vec::new())));
            }
            Statement::Continue => {
                let Some(Continue { target: Some(target), visible }) = frame.continues.last() else {
                    return self.refuse(span, "a `continue` outside of a loop");
                };
                let (target, visible) = (*target, visible.clone());
                let values = self.visible_values(frame, &visible, span)?;
                return Ok(Some(self.leave(target, values)));
            }
            Statement::Return { value } => return self.return_(frame, *value),
            Statement::Store { pointer, value } if self.large(frame, *value)?.is_some() => {
                let Some(value) = self.large(frame, *value)? else { return Ok(None) };
                let mut place = self.pointee(frame, *pointer)?;
                place.set_origin(frame.origin(*pointer));
                self.store_large(&place, &value, span)?;
            }
            Statement::Store { pointer, value } => {
                let values = self.expression(frame, *value)?;
                let mut place = self.pointee(frame, *pointer)?;
                place.set_origin(frame.origin(*pointer));
                if self.is_atomic(&place.ty) {
                    self.atomic(&mut place.at, AtomicFun::Store, values[0], None, false, span)?;
                } else {
                    self.store_leaves(&place, &values, span)?;
                }
            }
            Statement::Atomic { pointer, fun, value, result } => {
                self.atomic_statement(frame, *pointer, fun, *value, *result, span)?
            }
            Statement::ControlBarrier(flags) => {
                // The lanes of a subgroup go in step anyway.
                if *flags != naga::Barrier::SUB_GROUP {
                    self.barrier(span);
                }
            }
            Statement::MemoryBarrier(_) => {}
            Statement::WorkGroupUniformLoad { pointer, result } => self.uniform_load(frame, *pointer, *result, span)?,
            Statement::Call { function, arguments, result } => {
                return self.call(frame, *function, arguments, *result);
            }
            Statement::SubgroupCollectiveOperation { op, collective_op, argument, result } => {
                self.collective(frame, *op, *collective_op, *argument, *result, span)?
            }
            Statement::SubgroupGather { mode, argument, result } => self.gather(frame, *mode, *argument, *result)?,
            Statement::SubgroupBallot { result, predicate } => self.ballot(frame, *predicate, *result)?,
            Statement::Kill
            | Statement::ImageStore { .. }
            | Statement::ImageAtomic { .. }
            | Statement::RayQuery { .. }
            | Statement::RayPipelineFunction(_)
            | Statement::CooperativeStore { .. } => {
                return self.refuse(span, "this statement is not a part of compute kernels on buffers");
            }
        }
        Ok(None)
    }

    pub fn barrier(&mut self, span: Span) {
        self.b.has_barrier = true;
        self.b.push(Stmt::Barrier(Origin { span, ..self.b.origin }));
    }

    /// The slots that a block may assign.
    fn assigned(&self, frame: &Frame<'a>, blocks: &[&'a naga::Block]) -> Vec<u32> {
        let mut slots = BTreeSet::new();
        for block in blocks {
            walk(block, &mut |statement| match statement {
                Statement::Store { pointer, .. } => {
                    if let Some((first, count)) = self.reachable_slots(frame, *pointer) {
                        slots.extend(first..first + count);
                    }
                }
                Statement::Call { arguments, .. } => {
                    slots.extend(&self.private_slots);
                    for &argument in arguments.iter().filter(|&&a| self.is_pointer(frame, a)) {
                        if let Some((first, count)) = self.reachable_slots(frame, argument) {
                            slots.extend(first..first + count);
                        }
                    }
                }
                _ => {}
            });
        }
        sorted(slots)
    }

    fn current(&self, slots: &[u32]) -> Vec<Value> {
        slots.iter().map(|&s| self.slots[s as usize]).collect()
    }

    /// Phis for slots, which become their current values.
    fn phis(&mut self, slots: &[u32]) -> Vec<Value> {
        slots
            .iter()
            .map(|&s| {
                let phi = self.b.phi(self.b.ty(self.slots[s as usize]));
                self.slots[s as usize] = phi;
                phi
            })
            .collect()
    }

    fn target(&mut self, slots: &[u32]) -> usize {
        let label = self.b.label();
        self.targets.push(Target { label, slots: slots.to_vec(), used: false });
        self.targets.len() - 1
    }

    /// The way out to a target, with its slots and further values.
    fn leave(&mut self, target: usize, more: Vec<Value>) -> End {
        self.targets[target].used = true;
        let mut values = self.current(&self.targets[target].slots);
        values.extend(more);
        End::Break(self.targets[target].label, values)
    }

    fn branch(
        &mut self,
        frame: &mut Frame<'a>,
        condition: Handle<Expression>,
        accept: &'a naga::Block,
        reject: &'a naga::Block,
    ) -> Result<Option<End>> {
        let cond = self.expression(frame, condition)?[0];
        if let Some(bits) = self.b.as_const(cond) {
            return self.block(frame, if bits != 0 { accept } else { reject });
        }
        let assigned = self.assigned(frame, &[accept, reject]);
        let before = self.slots.clone();
        let (accept, accept_falls) = self.arm(frame, accept, &assigned)?;
        self.restore(&before);
        let (reject, reject_falls) = self.arm(frame, reject, &assigned)?;
        self.restore(&before);
        let results = self.phis(&assigned);
        self.b.push(Stmt::If { cond, accept, reject, results });
        Ok((!accept_falls && !reject_falls).then_some(End::Unreachable))
    }

    /// The slots as they were; those declared since then keep their values.
    fn restore(&mut self, before: &[Value]) {
        self.slots[..before.len()].copy_from_slice(before);
    }

    /// One side of a branch, and whether control falls out of it.
    fn arm(&mut self, frame: &mut Frame<'a>, block: &'a naga::Block, assigned: &[u32]) -> Result<(Block, bool)> {
        self.b.open();
        let end = self.block(frame, block)?;
        let falls = end.is_none();
        let end = end.unwrap_or_else(|| End::Yield(self.current(assigned)));
        Ok((self.b.close(end), falls))
    }

    fn switch(
        &mut self,
        frame: &mut Frame<'a>,
        selector: Handle<Expression>,
        cases: &'a [naga::SwitchCase],
    ) -> Result<Option<End>> {
        let selector = self.expression(frame, selector)?[0];
        let bodies: Vec<&naga::Block> = cases.iter().map(|c| &c.body).collect();
        let assigned = self.assigned(frame, &bodies);
        let before = self.slots.clone();
        let target = self.target(&assigned);
        frame.breaks.push(target);
        self.b.open();
        let mut default = None;
        let mut cond = None;
        let mut is_default = false;
        for case in cases {
            match case.value {
                SwitchValue::Default => is_default = true,
                SwitchValue::I32(v) => self.or_equals(&mut cond, selector, v as u32),
                SwitchValue::U32(v) => self.or_equals(&mut cond, selector, v),
            }
            // naga writes `case 1, 2: {..}` as an empty case that falls into the next.
            if case.fall_through {
                continue;
            }
            if is_default {
                default = Some(&case.body);
            } else if let Some(cond) = cond {
                let (accept, _) = self.case(frame, &case.body, target)?;
                self.restore(&before);
                self.b.open();
                let reject = self.b.close(End::Yield(Vec::new()));
                self.b.push(Stmt::If { cond, accept, reject, results: Vec::new() });
            }
            cond = None;
            is_default = false;
        }
        let end = match default {
            Some(body) => self.block(frame, body)?,
            None => None,
        };
        frame.breaks.pop();
        let falls = end.is_none();
        let end = end.unwrap_or_else(|| End::Yield(self.current(&assigned)));
        let body = self.b.close(end);
        self.restore(&before);
        self.close_scope(target, body, falls, &[])
    }

    fn or_equals(&mut self, cond: &mut Option<Value>, selector: Value, bits: u32) {
        let ty = self.b.ty(selector);
        let bits = self.b.constant(ty, bits);
        let equal = self.b.binary(Binary::Eq, selector, bits);
        *cond = Some(match *cond {
            Some(before) => self.b.binary(Binary::Or, before, equal),
            None => equal,
        });
    }

    /// A case of a switch: always leaves for the switch's end.
    fn case(&mut self, frame: &mut Frame<'a>, body: &'a naga::Block, target: usize) -> Result<(Block, bool)> {
        self.b.open();
        let end = match self.block(frame, body)? {
            Some(end) => end,
            None => self.leave(target, Vec::new()),
        };
        Ok((self.b.close(end), false))
    }

    /// Appends a scope around `body`; its results become the slots of the target, then `more`.
    fn close_scope(&mut self, target: usize, body: Block, falls: bool, more: &[Value]) -> Result<Option<End>> {
        let Target { label, slots, used } = self.targets.pop().expect("the target is open");
        debug_assert_eq!(self.targets.len(), target);
        let mut results = self.phis(&slots);
        results.extend_from_slice(more);
        self.b.push(Stmt::Scope { label, body, results });
        Ok((!falls && !used).then_some(End::Unreachable))
    }

    fn repeat(
        &mut self,
        frame: &mut Frame<'a>,
        body: &'a naga::Block,
        continuing: &'a naga::Block,
        break_if: Option<Handle<Expression>>,
    ) -> Result<Option<End>> {
        let assigned = self.assigned(frame, &[body, continuing]);
        let inits = self.current(&assigned);
        let params = self.phis(&assigned);
        let target = self.target(&assigned);
        frame.breaks.push(target);
        self.b.open();
        let mut end = self.loop_body(frame, body)?;
        frame.breaks.pop();
        if end.is_none() {
            end = self.block(frame, continuing)?;
        }
        if let (None, Some(condition)) = (&end, break_if) {
            let cond = self.expression(frame, condition)?[0];
            self.b.open();
            let leave = self.leave(target, Vec::new());
            let accept = self.b.close(leave);
            self.b.open();
            let reject = self.b.close(End::Yield(Vec::new()));
            self.b.push(Stmt::If { cond, accept, reject, results: Vec::new() });
        }
        let end = end.unwrap_or_else(|| End::Yield(self.current(&assigned)));
        let body = self.b.close(end);
        let Target { label, slots, used } = self.targets.pop().expect("the loop's target is open");
        let results = self.phis(&slots);
        self.b.push(Stmt::Loop { label, params, inits, body, results });
        Ok((!used).then_some(End::Unreachable))
    }

    /// The body of a loop up to its continuing block, in a scope if it has a `continue`.
    fn loop_body(&mut self, frame: &mut Frame<'a>, body: &'a naga::Block) -> Result<Option<End>> {
        if !has_continue(body) {
            frame.continues.push(Continue { target: None, visible: Vec::new() });
            let end = self.block(frame, body)?;
            frame.continues.pop();
            return Ok(end);
        }
        let assigned = self.assigned(frame, &[body]);
        let before = self.slots.clone();
        let visible = self.visible(frame, body);
        let target = self.target(&assigned);
        frame.continues.push(Continue { target: Some(target), visible: visible.clone() });
        self.b.open();
        let end = self.block(frame, body)?;
        frame.continues.pop();
        let falls = end.is_none();
        let end = match end {
            Some(end) => end,
            None => {
                let mut values = self.current(&assigned);
                values.extend(self.visible_values(frame, &visible, Span::UNDEFINED)?);
                End::Yield(values)
            }
        };
        let body = self.b.close(end);
        self.restore(&before);
        // The continuing block sees what the body computed through the scope's results.
        let mut more = Vec::new();
        for &expression in &visible {
            let types = self.leaf_types(frame, expression, Span::UNDEFINED)?;
            let phis: Vec<Value> = types.into_iter().map(|ty| self.b.phi(ty)).collect();
            more.extend(&phis);
            frame.values[expression.index()] = Some(phis);
        }
        self.close_scope(target, body, falls, &more)
    }

    /// The expressions that a loop's body evaluates where its continuing block can see them.
    fn visible(&self, frame: &Frame<'a>, body: &'a naga::Block) -> Vec<Handle<Expression>> {
        let mut visible = Vec::new();
        for statement in body.iter() {
            match statement {
                Statement::Emit(range) => visible.extend(range.clone()),
                Statement::Call { result, .. } | Statement::Atomic { result, .. } => visible.extend(*result),
                Statement::WorkGroupUniformLoad { result, .. }
                | Statement::SubgroupCollectiveOperation { result, .. }
                | Statement::SubgroupBallot { result, .. }
                | Statement::SubgroupGather { result, .. } => visible.push(*result),
                _ => {}
            }
        }
        visible.retain(|&e| frame.info[e].ref_count > 0 && !self.is_pointer(frame, e));
        visible
    }

    /// The leaves of these expressions where they are evaluated by now, zeros for the others.
    fn visible_values(
        &mut self,
        frame: &mut Frame<'a>,
        visible: &[Handle<Expression>],
        span: Span,
    ) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        for &expression in visible {
            match &frame.values[expression.index()] {
                Some(known) => values.extend(known),
                None => {
                    let types = self.leaf_types(frame, expression, span)?;
                    values.extend(types.into_iter().map(|ty| self.b.zero(ty)));
                }
            }
        }
        Ok(values)
    }

    fn leaf_types(&self, frame: &Frame<'a>, expression: Handle<Expression>, span: Span) -> Result<Vec<Type>> {
        let inner = frame.info[expression].ty.inner_with(&self.module.types);
        let leaves = self.types.leaves(inner, Layout::Packed).ok_or_else(|| self.no_lanes(span))?;
        Ok(leaves.iter().map(|leaf| leaf.ty).collect())
    }

    fn return_(&mut self, frame: &mut Frame<'a>, value: Option<Handle<Expression>>) -> Result<Option<End>> {
        let values = match (value, frame.returned_to.clone()) {
            (Some(value), Some(place)) => {
                let span = frame.span(value);
                let large = self.large(frame, value)?.ok_or_else(|| self.no_lanes(span))?;
                self.store_large(&place, &large, span)?;
                Vec::new()
            }
            (Some(value), None) => self.expression(frame, value)?,
            (None, _) => Vec::new(),
        };
        match frame.returns {
            Return::Lane => Ok(Some(End::Return)),
            Return::Last => {
                frame.returned = values;
                Ok(None)
            }
            Return::Scope(target) => Ok(Some(self.leave(target, values))),
        }
    }

    fn call(
        &mut self,
        frame: &mut Frame<'a>,
        function: Handle<naga::Function>,
        arguments: &'a [Handle<Expression>],
        result: Option<Handle<Expression>>,
    ) -> Result<Option<End>> {
        let module = self.module;
        let fun = &module.functions[function];
        let mut slots: BTreeSet<u32> = self.private_slots.iter().copied().collect();
        let mut lowered = Vec::new();
        for &argument in arguments {
            if self.is_pointer(frame, argument) {
                if let Some((first, count)) = self.reachable_slots(frame, argument) {
                    slots.extend(first..first + count);
                }
                lowered.push(Argument::Pointer(self.pointee(frame, argument)?));
            } else if let Some(large) = self.large(frame, argument)? {
                lowered.push(Argument::Large(large));
            } else {
                lowered.push(Argument::Value(self.expression(frame, argument)?));
            }
        }
        let mut callee = Frame::new(Some(function), fun, &self.info[function], lowered, Return::Last);
        // It outlives the callee's own memories.
        let inner = fun.result.as_ref().map(|result| self.types.inner(result.ty));
        if let Some(inner) = inner.filter(|inner| self.is_large_type(inner)) {
            callee.returned_to = Some(self.private_pointee(inner.clone(), Span::UNDEFINED)?);
        }
        if let (Some(result), Some(place)) = (result, &callee.returned_to) {
            frame.large.insert(result, large::Large::Copy(place.clone()));
        }
        let (declared, private) = (self.slots.len(), self.private.len());
        if returns_last(&fun.body) {
            self.declare_locals(&mut callee)?;
            let end = self.block(&mut callee, &fun.body)?;
            self.undeclare(declared, private);
            if let Some(result) = result {
                frame.values[result.index()] = Some(callee.returned);
            }
            return Ok(end);
        }
        let slots = sorted(slots);
        let before = self.slots.clone();
        let target = self.target(&slots);
        callee.returns = Return::Scope(target);
        self.b.open();
        self.declare_locals(&mut callee)?;
        let types = match &fun.result {
            Some(result) if callee.returned_to.is_none() => {
                let leaves = self.types.leaves(self.types.inner(result.ty), Layout::Packed);
                leaves.ok_or_else(|| self.no_lanes(Span::UNDEFINED))?.iter().map(|leaf| leaf.ty).collect()
            }
            _ => Vec::new(),
        };
        let end = self.block(&mut callee, &fun.body)?;
        // naga lets control fall off the end of a function that returns nothing only.
        let falls = end.is_none() && fun.result.is_none();
        let end = match end {
            Some(end) => end,
            None if falls => End::Yield(self.current(&slots)),
            None => End::Unreachable,
        };
        let body = self.b.close(end);
        self.undeclare(declared, private);
        self.restore(&before);
        let phis: Vec<Value> = types.into_iter().map(|ty| self.b.phi(ty)).collect();
        if let Some(result) = result {
            frame.values[result.index()] = Some(phis.clone());
        }
        self.close_scope(target, body, falls, &phis)
    }

    /// Forgets the variables of a function that was inlined: the next one's take their places.
    fn undeclare(&mut self, slots: usize, private: usize) {
        self.slots.truncate(slots);
        let done = self.private.split_off(private);
        self.free.extend(done);
    }
}

/// Whether a block has a `continue` of the loop that it is the body of.
fn has_continue(block: &naga::Block) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Continue => true,
        Statement::Block(inner) => has_continue(inner),
        Statement::If { accept, reject, .. } => has_continue(accept) || has_continue(reject),
        Statement::Switch { cases, .. } => cases.iter().any(|case| has_continue(&case.body)),
        _ => false,
    })
}

/// Whether a function returns at its end only.
fn returns_last(body: &naga::Block) -> bool {
    let mut returns = 0;
    walk(body, &mut |statement| returns += usize::from(matches!(statement, Statement::Return { .. })));
    returns == 0 || (returns == 1 && matches!(body.last(), Some(Statement::Return { .. })))
}
