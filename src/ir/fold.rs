//! What each pure operation gives on scalars: the definition that executors are tested against, and
//! the constant folder's arithmetic.

use half::f16;

use super::{Binary, Type, Unary};

/// `Bool` true.
pub const TRUE: u32 = !0;

/// All ones for true.
pub fn mask(b: bool) -> u32 {
    if b { TRUE } else { 0 }
}

/// `x` rounded to the nearest half float, ties to even.
pub fn round_f16(x: f32) -> f32 {
    f16::from_f32(x).to_f32()
}

/// Rounds the bits of an `f32` as a result of type `ty` needs.
fn float_result(ty: Type, x: f32) -> u32 {
    if ty == Type::F16 { round_f16(x).to_bits() } else { x.to_bits() }
}

/// `op(a)` for an operand of type `ty`.
pub fn unary(op: Unary, ty: Type, a: u32) -> u32 {
    let x = f32::from_bits(a);
    match op {
        Unary::Neg if ty.is_float() => a ^ 0x8000_0000,
        Unary::Neg => a.wrapping_neg(),
        Unary::Abs if ty.is_float() => a & 0x7fff_ffff,
        Unary::Abs if ty == Type::I32 => (a as i32).wrapping_abs() as u32,
        Unary::Abs => a,
        Unary::Not => !a,
        Unary::Sqrt => float_result(ty, x.sqrt()),
        Unary::Floor => x.floor().to_bits(),
        Unary::Ceil => x.ceil().to_bits(),
        Unary::Trunc => x.trunc().to_bits(),
        Unary::Round => x.round_ties_even().to_bits(),
        Unary::QuantizeF16 => round_f16(x).to_bits(),
        Unary::CountOnes => a.count_ones(),
        Unary::CountLeadingZeros => a.leading_zeros(),
        Unary::CountTrailingZeros => a.trailing_zeros(),
        Unary::ReverseBits => a.reverse_bits(),
    }
}

/// `op(a, b)` for operands of type `ty`.
pub fn binary(op: Binary, ty: Type, a: u32, b: u32) -> u32 {
    match ty {
        Type::F32 | Type::F16 => float_binary(op, ty, f32::from_bits(a), f32::from_bits(b)),
        Type::I32 => signed_binary(op, a as i32, b as i32),
        Type::U32 | Type::Bool => unsigned_binary(op, a, b),
    }
}

fn float_binary(op: Binary, ty: Type, a: f32, b: f32) -> u32 {
    match op {
        Binary::Add => float_result(ty, a + b),
        Binary::Sub => float_result(ty, a - b),
        Binary::Mul => float_result(ty, a * b),
        Binary::Div => float_result(ty, a / b),
        Binary::Min if a.is_nan() => b.to_bits(),
        Binary::Min => (if b < a { b } else { a }).to_bits(),
        Binary::Max if a.is_nan() => b.to_bits(),
        Binary::Max => (if a < b { b } else { a }).to_bits(),
        Binary::Eq => mask(a == b),
        Binary::Ne => mask(a != b),
        Binary::Lt => mask(a < b),
        Binary::Le => mask(a <= b),
        Binary::Gt => mask(a > b),
        Binary::Ge => mask(a >= b),
        Binary::Rem | Binary::And | Binary::Or | Binary::Xor | Binary::Shl | Binary::Shr => {
            unreachable!("{op:?} has no float form")
        }
    }
}

fn signed_binary(op: Binary, a: i32, b: i32) -> u32 {
    match op {
        Binary::Div if b == 0 => a as u32,
        Binary::Div => a.wrapping_div(b) as u32,
        Binary::Rem if b == 0 => 0,
        Binary::Rem => a.wrapping_rem(b) as u32,
        Binary::Min => a.min(b) as u32,
        Binary::Max => a.max(b) as u32,
        Binary::Shr => (a >> (b & 31)) as u32,
        Binary::Lt => mask(a < b),
        Binary::Le => mask(a <= b),
        Binary::Gt => mask(a > b),
        Binary::Ge => mask(a >= b),
        _ => unsigned_binary(op, a as u32, b as u32),
    }
}

fn unsigned_binary(op: Binary, a: u32, b: u32) -> u32 {
    match op {
        Binary::Add => a.wrapping_add(b),
        Binary::Sub => a.wrapping_sub(b),
        Binary::Mul => a.wrapping_mul(b),
        Binary::Div => a.checked_div(b).unwrap_or(a),
        Binary::Rem => a.checked_rem(b).unwrap_or(0),
        Binary::Min => a.min(b),
        Binary::Max => a.max(b),
        Binary::And => a & b,
        Binary::Or => a | b,
        Binary::Xor => a ^ b,
        Binary::Shl => a << (b & 31),
        Binary::Shr => a >> (b & 31),
        Binary::Eq => mask(a == b),
        Binary::Ne => mask(a != b),
        Binary::Lt => mask(a < b),
        Binary::Le => mask(a <= b),
        Binary::Gt => mask(a > b),
        Binary::Ge => mask(a >= b),
    }
}

/// `a` of type `from` converted to `to`.
pub fn convert(from: Type, to: Type, a: u32) -> u32 {
    let x = f32::from_bits(a);
    match (from, to) {
        (Type::F32 | Type::F16, Type::I32) => (x as i32) as u32,
        (Type::F32 | Type::F16, Type::U32) => x as u32,
        (Type::F32 | Type::F16, Type::Bool) => mask(x != 0.0),
        (Type::F32, Type::F16) => round_f16(x).to_bits(),
        (Type::I32, Type::F32) => (a as i32 as f32).to_bits(),
        (Type::U32, Type::F32) => (a as f32).to_bits(),
        // One rounding only: through f32 an integer above 2^24 could be rounded twice. Halves end
        // at 65504, so f64 is exact on the way.
        (Type::I32, Type::F16) => f16::from_f64(f64::from(a as i32)).to_f32().to_bits(),
        (Type::U32, Type::F16) => f16::from_f64(f64::from(a)).to_f32().to_bits(),
        (Type::I32 | Type::U32, Type::Bool) => mask(a != 0),
        (Type::Bool, Type::F32 | Type::F16) => (if a != 0 { 1.0f32 } else { 0.0 }).to_bits(),
        (Type::Bool, Type::I32 | Type::U32) => a & 1,
        _ => a,
    }
}

/// `a * b + c`, rounded once.
pub fn fma(a: u32, b: u32, c: u32) -> u32 {
    f32::from_bits(a).mul_add(f32::from_bits(b), f32::from_bits(c)).to_bits()
}
