//! *Watch*: finds loops that the device cuts short.
//!
//! Some software drivers run invocations in groups, count the iterations of all loops of a group together, and end each of
//! its loops once the count reaches a limit. What comes behind the loop then runs as if nothing had happened. No
//! invocation can count along, for the count is that of its group.
//!
//! What can be told is that a loop was not left on one of its own ways. Each invocation has a word that is zero, save between a
//! way out of a loop, which sets it, and the place behind the loop, which looks at it, sets the status if it finds zero, and
//! clears it. To return is no way out here: it sets the word to another number and breaks out of all loops, and behind the
//! outermost one the function returns. So every way out leads by a place that looks.
//!
//! To a compiler that trusts loops to be left on their own ways, what is found behind a loop is known, and a look at it is
//! nothing that has to be done. So the word is an element of an array whose index comes from the tile's uniform,
//! always zero there: no compiler follows what is in it.
//!
//! Like fuel, a loop that ends early breaks what proofs rest on: all accesses are guarded.

use naga::{
    AddressSpace, ArraySize, BinaryOperator, Block, Expression, GlobalVariable, Handle, Literal, Module, Scalar, Span,
    Statement, Type, TypeInner,
};

use super::{Refused, rewrite::Rewriter, statement::append, status::CUT_SHORT, tile};

/// What the word says: nothing yet, that the loop is left, or that the function returns.
const STAYS: u32 = 0;
const LEAVES: u32 = 1;
const RETURNS: u32 = 2;

/// What watching needs of a module.
pub(super) struct Watch {
    /// Words of an invocation, of which the first is used.
    words: Handle<GlobalVariable>,
    status: Handle<GlobalVariable>,
}

/// What a `break` leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Construct {
    Loop,
    Switch,
}

impl Watch {
    /// Declares the words; `status` is where to say what was found.
    pub fn declare(module: &mut Module, status: Handle<GlobalVariable>) -> Watch {
        let mut insert = |inner| module.types.insert(Type { name: None, inner }, Span::UNDEFINED);
        let number = insert(TypeInner::Scalar(Scalar::U32));
        // Of a single element a compiler would know the index.
        let size = ArraySize::Constant(2.try_into().expect("two elements"));
        let ty = insert(TypeInner::Array { base: number, size, stride: 4 });
        let variable = GlobalVariable {
            name: Some("swath_way_out".to_owned()),
            space: AddressSpace::Private,
            binding: None,
            ty,
            init: None,
            memory_decorations: naga::MemoryDecorations::empty(),
        };
        let words = module.global_variables.append(variable, Span::UNDEFINED);
        Watch { words, status }
    }
}

/// Whether a function returns somewhere in a block.
fn returns(block: &Block) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Return { .. } => true,
        Statement::Block(inner) => returns(inner),
        Statement::If { accept, reject, .. } => returns(accept) || returns(reject),
        Statement::Switch { cases, .. } => cases.iter().any(|case| returns(&case.body)),
        Statement::Loop { body, continuing, .. } => returns(body) || returns(continuing),
        _ => false,
    })
}

impl Rewriter<'_, '_> {
    /// The pointer to the word of the way out.
    fn way_out(&mut self, watch: &Watch) -> Result<Handle<Expression>, Refused> {
        if let Some(known) = self.way_out {
            return Ok(known);
        }
        // The third word of a slice is no use of anybody's.
        let index = self.tile_word(&[tile::SLICES, 0, tile::ZERO])?;
        let base = self.add(Expression::GlobalVariable(watch.words));
        let pointer = self.add_first(Expression::Access { base, index });
        Ok(*self.way_out.insert(pointer))
    }

    /// Goes into a construct that `break` leaves.
    pub fn enter(&mut self, construct: Construct) {
        self.constructs.push(construct);
    }

    fn is_in_loop(&self) -> bool {
        self.constructs.contains(&Construct::Loop)
    }

    /// Notes a number in the word of the way out.
    fn note(&mut self, watch: &Watch, number: u32, span: Span, out: &mut Block) -> Result<(), Refused> {
        let pointer = self.way_out(watch)?;
        let value = self.literal(Literal::U32(number));
        append(out, std::mem::take(&mut self.current), span);
        out.push(Statement::Store { pointer, value }, span);
        Ok(())
    }

    /// What comes in front of the `break` of a loop, where loops are watched.
    pub fn note_break(&mut self, span: Span, out: &mut Block) -> Result<(), Refused> {
        match self.context.watch {
            Some(watch) => self.note(watch, LEAVES, span, out),
            None => Ok(()),
        }
    }

    /// Leaves the innermost construct.
    pub fn break_out(&mut self, span: Span, out: &mut Block) -> Result<(), Refused> {
        if self.constructs.last() == Some(&Construct::Loop) {
            self.note_break(span, out)?;
        }
        out.push(Statement::Break, span);
        Ok(())
    }

    /// What comes at the end of a continuing block that may end its loop on `condition`, which is a new expression.
    pub fn note_break_if(
        &mut self,
        condition: Option<Handle<Expression>>,
        span: Span,
        out: &mut Block,
    ) -> Result<(), Refused> {
        let (Some(watch), Some(condition)) = (self.context.watch, condition) else { return Ok(()) };
        let pointer = self.way_out(watch)?;
        let [accept, reject] = [LEAVES, STAYS].map(|number| self.literal(Literal::U32(number)));
        let value = self.add(Expression::Select { condition, accept, reject });
        append(out, std::mem::take(&mut self.current), span);
        out.push(Statement::Store { pointer, value }, span);
        Ok(())
    }

    /// Returns from the function with a new expression: by way of all loops around the place where these are watched.
    pub fn return_from(
        &mut self,
        value: Option<Handle<Expression>>,
        span: Span,
        out: &mut Block,
    ) -> Result<(), Refused> {
        let Some(watch) = self.context.watch.filter(|_| self.is_in_loop()) else {
            out.push(Statement::Return { value }, span);
            return Ok(());
        };
        if let Some(value) = value {
            let pointer = self.returned()?;
            append(out, std::mem::take(&mut self.current), span);
            out.push(Statement::Store { pointer, value }, span);
        }
        self.note(watch, RETURNS, span, out)?;
        out.push(Statement::Break, span);
        Ok(())
    }

    /// The variable that holds what the function returns on its way out of loops.
    fn returned(&mut self) -> Result<Handle<Expression>, Refused> {
        if let Some(known) = self.returned {
            return Ok(known);
        }
        let result = self.view.fun.result.as_ref().ok_or(Refused("a value that is returned from nothing"))?;
        let variable = self.variable(result.ty);
        Ok(*self.returned.insert(variable))
    }

    /// What comes behind a construct with these old blocks, which was left.
    pub fn arrive<'b>(
        &mut self,
        blocks: impl IntoIterator<Item = &'b Block>,
        span: Span,
        out: &mut Block,
    ) -> Result<(), Refused> {
        let construct = self.constructs.pop();
        let Some(watch) = self.context.watch else { return Ok(()) };
        let may_return = blocks.into_iter().any(returns);
        let is_loop = construct == Some(Construct::Loop);
        if !(is_loop || may_return && self.is_in_loop()) {
            return Ok(());
        }
        let pointer = self.way_out(watch)?;
        let way = self.add(Expression::Load { pointer });
        if may_return {
            let number = self.literal(Literal::U32(RETURNS));
            let condition = self.binary(BinaryOperator::Equal, way, number);
            append(out, std::mem::take(&mut self.current), span);
            let accept = self.go_on_returning(watch, span)?;
            out.push(Statement::If { condition, accept, reject: Block::new() }, span);
        }
        if is_loop {
            let number = self.literal(Literal::U32(STAYS));
            let condition = self.binary(BinaryOperator::Equal, way, number);
            append(out, std::mem::take(&mut self.current), span);
            let mut accept = Block::new();
            let status = self.status_word(watch.status, CUT_SHORT);
            let value = self.literal(Literal::U32(1));
            append(&mut accept, std::mem::take(&mut self.current), span);
            accept.push(Statement::Store { pointer: status, value }, span);
            out.push(Statement::If { condition, accept, reject: Block::new() }, span);
            self.note(watch, STAYS, span, out)?;
        }
        Ok(())
    }

    /// What a function does that is on its way out: leaves the construct around this place as well, or is out.
    fn go_on_returning(&mut self, watch: &Watch, span: Span) -> Result<Block, Refused> {
        let mut block = Block::new();
        if self.is_in_loop() {
            block.push(Statement::Break, span);
            return Ok(block);
        }
        self.note(watch, STAYS, span, &mut block)?;
        let value = match self.view.fun.result {
            Some(_) => {
                let pointer = self.returned()?;
                let value = self.add(Expression::Load { pointer });
                append(&mut block, std::mem::take(&mut self.current), span);
                Some(value)
            }
            None => None,
        };
        block.push(Statement::Return { value }, span);
        Ok(block)
    }
}
