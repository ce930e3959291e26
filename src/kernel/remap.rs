//! Copies of expressions and statements with other operands.

use naga::{AtomicFunction, Block, Expression, Function, GatherMode, Handle, Range, Statement, SwitchCase};

/// Why a module cannot be adapted. Those that a [`Kernel`](crate::Kernel) holds can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot be adapted: {0}")]
pub(crate) struct Refused(pub &'static str);

/// A copy of `expression` whose operands are what `map` gives for them.
///
/// Only the kinds that compute kernels without textures have; the others are refused.
pub(super) fn expression(
    expression: &Expression,
    map: &mut impl FnMut(Handle<Expression>) -> Result<Handle<Expression>, Refused>,
) -> Result<Expression, Refused> {
    use Expression as E;
    Ok(match *expression {
        E::Literal(_)
        | E::Constant(_)
        | E::Override(_)
        | E::ZeroValue(_)
        | E::FunctionArgument(_)
        | E::GlobalVariable(_)
        | E::LocalVariable(_)
        | E::CallResult(_)
        | E::AtomicResult { .. }
        | E::WorkGroupUniformLoadResult { .. }
        | E::SubgroupBallotResult
        | E::SubgroupOperationResult { .. } => expression.clone(),
        E::Compose { ty, ref components } => {
            E::Compose { ty, components: components.iter().map(|&c| map(c)).collect::<Result<_, _>>()? }
        }
        E::Access { base, index } => E::Access { base: map(base)?, index: map(index)? },
        E::AccessIndex { base, index } => E::AccessIndex { base: map(base)?, index },
        E::Splat { size, value } => E::Splat { size, value: map(value)? },
        E::Swizzle { size, vector, pattern } => E::Swizzle { size, vector: map(vector)?, pattern },
        E::Load { pointer } => E::Load { pointer: map(pointer)? },
        E::Unary { op, expr } => E::Unary { op, expr: map(expr)? },
        E::Binary { op, left, right } => E::Binary { op, left: map(left)?, right: map(right)? },
        E::Select { condition, accept, reject } => {
            E::Select { condition: map(condition)?, accept: map(accept)?, reject: map(reject)? }
        }
        E::Relational { fun, argument } => E::Relational { fun, argument: map(argument)? },
        E::Math { fun, arg, arg1, arg2, arg3 } => {
            let mut other = |arg: Option<_>| arg.map(&mut *map).transpose();
            let (arg1, arg2, arg3) = (other(arg1)?, other(arg2)?, other(arg3)?);
            E::Math { fun, arg: map(arg)?, arg1, arg2, arg3 }
        }
        E::As { expr, kind, convert } => E::As { expr: map(expr)?, kind, convert },
        E::ArrayLength(array) => E::ArrayLength(map(array)?),
        _ => return Err(Refused("an expression that compute kernels do not have")),
    })
}

/// A copy of an atomic function, its comparison mapped.
pub(super) fn atomic(
    fun: &AtomicFunction,
    map: &mut impl FnMut(Handle<Expression>) -> Result<Handle<Expression>, Refused>,
) -> Result<AtomicFunction, Refused> {
    Ok(match *fun {
        AtomicFunction::Exchange { compare: Some(compare) } => {
            AtomicFunction::Exchange { compare: Some(map(compare)?) }
        }
        other => other,
    })
}

/// A copy of a gather mode, its index mapped.
pub(super) fn gather(
    mode: GatherMode,
    map: &mut impl FnMut(Handle<Expression>) -> Result<Handle<Expression>, Refused>,
) -> Result<GatherMode, Refused> {
    use GatherMode as G;
    Ok(match mode {
        G::BroadcastFirst | G::QuadSwap(_) => mode,
        G::Broadcast(index) => G::Broadcast(map(index)?),
        G::Shuffle(index) => G::Shuffle(map(index)?),
        G::ShuffleDown(index) => G::ShuffleDown(map(index)?),
        G::ShuffleUp(index) => G::ShuffleUp(map(index)?),
        G::ShuffleXor(index) => G::ShuffleXor(map(index)?),
        G::QuadBroadcast(index) => G::QuadBroadcast(map(index)?),
    })
}

/// A call of a function: what it is called with, and its result.
pub(super) struct Call {
    pub function: Handle<Function>,
    pub arguments: Vec<Handle<Expression>>,
    pub result: Option<Handle<Expression>>,
}

/// A copy of a block with other expressions. `emit` gives the new range for an old one; calls are made by `call`, which
/// gets the old one.
pub(super) fn block(
    old: &Block,
    map: &mut impl FnMut(Handle<Expression>) -> Result<Handle<Expression>, Refused>,
    emit: &mut impl FnMut(&Range<Expression>) -> Range<Expression>,
    call: &mut impl FnMut(Call) -> Result<Call, Refused>,
) -> Result<Block, Refused> {
    let mut new = Block::with_capacity(old.len());
    for (statement, &span) in old.span_iter() {
        new.push(self::statement(statement, map, emit, call)?, span);
    }
    Ok(new)
}

fn statement(
    old: &Statement,
    map: &mut impl FnMut(Handle<Expression>) -> Result<Handle<Expression>, Refused>,
    emit: &mut impl FnMut(&Range<Expression>) -> Range<Expression>,
    call: &mut impl FnMut(Call) -> Result<Call, Refused>,
) -> Result<Statement, Refused> {
    use Statement as S;
    Ok(match *old {
        S::Emit(ref range) => S::Emit(emit(range)),
        S::Block(ref inner) => S::Block(block(inner, map, emit, call)?),
        S::If { condition, ref accept, ref reject } => S::If {
            condition: map(condition)?,
            accept: block(accept, map, emit, call)?,
            reject: block(reject, map, emit, call)?,
        },
        S::Switch { selector, ref cases } => {
            let mut new = Vec::with_capacity(cases.len());
            for case in cases {
                let body = block(&case.body, map, emit, call)?;
                new.push(SwitchCase { value: case.value, body, fall_through: case.fall_through });
            }
            S::Switch { selector: map(selector)?, cases: new }
        }
        S::Loop { ref body, ref continuing, break_if } => S::Loop {
            body: block(body, map, emit, call)?,
            continuing: block(continuing, map, emit, call)?,
            break_if: break_if.map(&mut *map).transpose()?,
        },
        S::Break | S::Continue | S::Kill | S::ControlBarrier(_) | S::MemoryBarrier(_) => old.clone(),
        S::Return { value } => S::Return { value: value.map(&mut *map).transpose()? },
        S::Store { pointer, value } => S::Store { pointer: map(pointer)?, value: map(value)? },
        S::Atomic { pointer, ref fun, value, result } => S::Atomic {
            pointer: map(pointer)?,
            fun: atomic(fun, map)?,
            value: map(value)?,
            result: result.map(&mut *map).transpose()?,
        },
        S::WorkGroupUniformLoad { pointer, result } => {
            S::WorkGroupUniformLoad { pointer: map(pointer)?, result: map(result)? }
        }
        S::Call { function, ref arguments, result } => {
            let Call { function, arguments, result } = call(Call { function, arguments: arguments.clone(), result })?;
            S::Call { function, arguments, result }
        }
        S::SubgroupBallot { result, predicate } => {
            S::SubgroupBallot { result: map(result)?, predicate: predicate.map(&mut *map).transpose()? }
        }
        S::SubgroupGather { mode, argument, result } => {
            S::SubgroupGather { mode: gather(mode, map)?, argument: map(argument)?, result: map(result)? }
        }
        S::SubgroupCollectiveOperation { op, collective_op, argument, result } => {
            S::SubgroupCollectiveOperation { op, collective_op, argument: map(argument)?, result: map(result)? }
        }
        _ => return Err(Refused("a statement that compute kernels do not have")),
    })
}
