//! *Fuel*: loops end after a number of iterations, so that a kernel comes back whatever it does.
//!
//! Each invocation has a tank, filled from the tile's uniform; an iteration of any loop takes from it, and where it is empty
//! all loops end at once and a status word says so. Loops in which invocations meet at barriers have a tank of their own:
//! it is the same in all invocations of a workgroup, which therefore leave such a loop together. Invocations that start when the status
//! word is set find the first tank empty, so that one endless workgroup does not mean as many as the grid has.
//!
//! A loop that ends early breaks what proofs about the kernel rest on. With fuel every access is guarded, and an index into a
//! slice is compared with what is in the buffer too.

use naga::{
    AddressSpace, BinaryOperator, Block, Expression, Function, GlobalVariable, Handle, Literal, Module, Scalar, Span,
    Statement, Type, TypeInner,
};
use rustc_hash::FxHashSet;

use super::{Refused, rewrite::Rewriter, statement::append, status::OUT_OF_FUEL, tile};

/// Iterations of a filling of the tank. The uniform counts fillings: iterations are too many for 32 bits.
pub(crate) const FILLING: u32 = 1 << 12;

/// What fuel needs of a module.
pub(super) struct Fuel {
    /// The tank of most loops.
    own: Tank,
    /// The tank of loops with barriers.
    common: Tank,
    /// Where to say that a tank was empty.
    status: Handle<GlobalVariable>,
    /// The functions in which invocations meet.
    meeting: FxHashSet<Handle<Function>>,
}

/// What an invocation has left.
struct Tank {
    iterations: Handle<GlobalVariable>,
    fillings: Handle<GlobalVariable>,
}

impl Fuel {
    /// Declares the tanks; `status` is where to say that one was empty.
    pub fn declare(module: &mut Module, status: Handle<GlobalVariable>) -> Fuel {
        let number = Type { name: None, inner: TypeInner::Scalar(Scalar::U32) };
        let ty = module.types.insert(number, Span::UNDEFINED);
        let mut variable = |name: &str| {
            let memory_decorations = naga::MemoryDecorations::empty();
            let (name, space) = (Some(name.to_owned()), AddressSpace::Private);
            let variable = GlobalVariable { name, space, binding: None, ty, init: None, memory_decorations };
            module.global_variables.append(variable, Span::UNDEFINED)
        };
        let mut tank =
            |iterations: &str, fillings: &str| Tank { iterations: variable(iterations), fillings: variable(fillings) };
        let own = tank("swath_fuel", "swath_fillings");
        let common = tank("swath_common_fuel", "swath_common_fillings");
        let mut meeting = FxHashSet::default();
        // A function calls only those in front of it.
        for (handle, function) in module.functions.iter() {
            if meets(&function.body, &meeting) {
                meeting.insert(handle);
            }
        }
        Fuel { own, common, status, meeting }
    }
}

/// Whether invocations meet in a block, at a barrier of it or of what it calls.
fn meets(block: &Block, meeting: &FxHashSet<Handle<Function>>) -> bool {
    block.iter().any(|statement| match statement {
        Statement::ControlBarrier(_) | Statement::WorkGroupUniformLoad { .. } => true,
        Statement::Call { function, .. } => meeting.contains(function),
        Statement::Block(inner) => meets(inner, meeting),
        Statement::If { accept, reject, .. } => meets(accept, meeting) || meets(reject, meeting),
        Statement::Switch { cases, .. } => cases.iter().any(|case| meets(&case.body, meeting)),
        Statement::Loop { body, continuing, .. } => meets(body, meeting) || meets(continuing, meeting),
        _ => false,
    })
}

impl Rewriter<'_, '_> {
    /// What an invocation starts with: full tanks.
    pub fn fill_tanks(&mut self) -> Result<Block, Refused> {
        let mut block = Block::new();
        let Some(fuel) = self.context.fuel else { return Ok(block) };
        let span = Span::UNDEFINED;
        let full = self.tile_word(&[tile::FUEL])?;
        let status = self.status_word(fuel.status, OUT_OF_FUEL);
        let ended = self.add(Expression::Load { pointer: status });
        let zero = self.literal(Literal::U32(0));
        let condition = self.binary(BinaryOperator::NotEqual, ended, zero);
        let value = self.add(Expression::Select { condition, accept: zero, reject: full });
        append(&mut block, std::mem::take(&mut self.current), span);
        for (tank, value) in [(&fuel.own, value), (&fuel.common, full)] {
            let pointer = self.add(Expression::GlobalVariable(tank.fillings));
            block.push(Statement::Store { pointer, value }, span);
        }
        Ok(block)
    }

    /// What a loop does at the start of each iteration; `body` and `continuing` are the old ones.
    pub fn spend(&mut self, body: &Block, continuing: &Block, span: Span) -> Result<Block, Refused> {
        let mut block = Block::new();
        let Some(fuel) = self.context.fuel else { return Ok(block) };
        let common = meets(body, &fuel.meeting) || meets(continuing, &fuel.meeting);
        let tank = if common { &fuel.common } else { &fuel.own };
        let iterations = self.add(Expression::GlobalVariable(tank.iterations));
        let fillings = self.add(Expression::GlobalVariable(tank.fillings));
        let numbers = [0, 1, FILLING].map(|number| self.literal(Literal::U32(number)));
        let [zero, one, filling] = numbers;
        let store = |pointer, value| Statement::Store { pointer, value };

        let left = self.add(Expression::Load { pointer: iterations });
        let is_empty = self.binary(BinaryOperator::Equal, left, zero);
        append(&mut block, std::mem::take(&mut self.current), span);
        let mut end = Block::new();
        let status = self.status_word(fuel.status, OUT_OF_FUEL);
        append(&mut end, std::mem::take(&mut self.current), span);
        end.push(store(status, one), span);
        self.note_break(span, &mut end)?;
        end.push(Statement::Break, span);
        let mut fill = Block::new();
        let more = self.add(Expression::Load { pointer: fillings });
        let is_out = self.binary(BinaryOperator::Equal, more, zero);
        let fewer = self.binary(BinaryOperator::Subtract, more, one);
        append(&mut fill, std::mem::take(&mut self.current), span);
        fill.push(Statement::If { condition: is_out, accept: end, reject: Block::new() }, span);
        fill.push(store(fillings, fewer), span);
        fill.push(store(iterations, filling), span);
        block.push(Statement::If { condition: is_empty, accept: fill, reject: Block::new() }, span);
        let left = self.add(Expression::Load { pointer: iterations });
        let fewer = self.binary(BinaryOperator::Subtract, left, one);
        append(&mut block, std::mem::take(&mut self.current), span);
        block.push(store(iterations, fewer), span);
        Ok(block)
    }
}
