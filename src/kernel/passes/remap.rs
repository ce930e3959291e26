//! Copies of expressions and statements with other operands.

use naga::{AtomicFunction, Expression, GatherMode, Handle};

use super::Refused;

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
