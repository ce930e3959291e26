//! Which operation on rows an operation of the IR is, by its types.

use super::lanes::{BinOp, UnOp};
use crate::ir::{Binary, Type, Unary};

/// The operation on rows; `Some(None)` for one that changes nothing.
pub(super) fn unary_op(op: Unary, ty: Type) -> Option<Option<UnOp>> {
    let float = ty.is_float();
    let int = matches!(ty, Type::I32 | Type::U32);
    Some(Some(match op {
        Unary::Neg if float => UnOp::NegF,
        Unary::Neg if int => UnOp::NegI,
        Unary::Abs if float => UnOp::AbsF,
        Unary::Abs if ty == Type::I32 => UnOp::AbsI,
        Unary::Abs if ty == Type::U32 => return Some(None),
        Unary::Not if !float => UnOp::Not,
        Unary::Sqrt if float => UnOp::SqrtF,
        Unary::Floor if float => UnOp::FloorF,
        Unary::Ceil if float => UnOp::CeilF,
        Unary::Trunc if float => UnOp::TruncF,
        Unary::Round if float => UnOp::RoundF,
        Unary::QuantizeF16 if float => UnOp::RoundToHalf,
        Unary::CountOnes if int => UnOp::CountOnes,
        Unary::CountLeadingZeros if int => UnOp::LeadingZeros,
        Unary::CountTrailingZeros if int => UnOp::TrailingZeros,
        Unary::ReverseBits if int => UnOp::ReverseBits,
        _ => return None,
    }))
}

pub(super) fn binary_op(op: Binary, ty: Type) -> Option<BinOp> {
    use Binary::*;
    use Type::*;
    Some(match (op, ty) {
        (Add, F32 | F16) => BinOp::AddF,
        (Sub, F32 | F16) => BinOp::SubF,
        (Mul, F32 | F16) => BinOp::MulF,
        (Div, F32 | F16) => BinOp::DivF,
        (Min, F32 | F16) => BinOp::MinF,
        (Max, F32 | F16) => BinOp::MaxF,
        (Eq, F32 | F16) => BinOp::EqF,
        (Ne, F32 | F16) => BinOp::NeF,
        (Lt | Gt, F32 | F16) => BinOp::LtF,
        (Le | Ge, F32 | F16) => BinOp::LeF,
        (Add, I32 | U32) => BinOp::Add,
        (Sub, I32 | U32) => BinOp::Sub,
        (Mul, I32 | U32) => BinOp::Mul,
        (Div, I32) => BinOp::DivI,
        (Div, U32) => BinOp::DivU,
        (Rem, I32) => BinOp::RemI,
        (Rem, U32) => BinOp::RemU,
        (Min, I32) => BinOp::MinI,
        (Min, U32) => BinOp::MinU,
        (Max, I32) => BinOp::MaxI,
        (Max, U32) => BinOp::MaxU,
        (And, I32 | U32 | Bool) => BinOp::And,
        (Or, I32 | U32 | Bool) => BinOp::Or,
        (Xor, I32 | U32 | Bool) => BinOp::Xor,
        (Shl, I32 | U32) => BinOp::Shl,
        (Shr, I32) => BinOp::ShrI,
        (Shr, U32) => BinOp::ShrU,
        (Eq, I32 | U32 | Bool) => BinOp::Eq,
        (Ne, I32 | U32 | Bool) => BinOp::Ne,
        (Lt | Gt, I32) => BinOp::LtI,
        (Le | Ge, I32) => BinOp::LeI,
        (Lt | Gt, U32) => BinOp::LtU,
        (Le | Ge, U32) => BinOp::LeU,
        _ => return None,
    })
}

/// The operation that converts, `None` where the bits stay.
pub(super) fn convert_op(from: Type, to: Type) -> Option<UnOp> {
    use Type::*;
    Some(match (from, to) {
        (F32, F16) => UnOp::RoundToHalf,
        (F32 | F16, I32) => UnOp::FloatToI,
        (F32 | F16, U32) => UnOp::FloatToU,
        (I32, F32 | F16) => UnOp::IToFloat,
        (U32, F32 | F16) => UnOp::UToFloat,
        (Bool, F32 | F16) => UnOp::BoolToFloat,
        (Bool, I32 | U32) => UnOp::BoolToInt,
        (F32 | F16, Bool) => UnOp::FloatToBool,
        (I32 | U32, Bool) => UnOp::IntToBool,
        (F32 | F16, F32) | (F16, F16) | (I32 | U32, I32 | U32) | (Bool, Bool) => return None,
    })
}
