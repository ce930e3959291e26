//! The loops over lanes: every operation of the IR on rows of 32-bit lanes.
//!
//! Each loop body is branch-free where it can be, so that rustc turns it into vector code, once for
//! each CPU feature level. The same bodies on a single lane serve values that all lanes share. Results are
//! the same bits on every level, NaN apart: which NaN an operation gives (its sign and payload) is not
//! specified, as in WGSL and in Rust.

use multiversion::multiversion;

use super::half::round_to_half;

/// Operations on one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnOp {
    NegF,
    AbsF,
    SqrtF,
    FloorF,
    CeilF,
    TruncF,
    RoundF,
    RoundToHalf,
    NegI,
    AbsI,
    Not,
    CountOnes,
    LeadingZeros,
    TrailingZeros,
    ReverseBits,
    FloatToI,
    FloatToU,
    IToFloat,
    UToFloat,
    BoolToFloat,
    BoolToInt,
    FloatToBool,
    IntToBool,
}

/// Operations on two rows. `Gt` and `Ge` are `Lt` and `Le` with the operands swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BinOp {
    AddF,
    SubF,
    MulF,
    DivF,
    MinF,
    MaxF,
    EqF,
    NeF,
    LtF,
    LeF,
    Add,
    Sub,
    Mul,
    DivI,
    DivU,
    RemI,
    RemU,
    MinI,
    MaxI,
    MinU,
    MaxU,
    And,
    Or,
    Xor,
    Shl,
    ShrI,
    ShrU,
    Eq,
    Ne,
    LtI,
    LeI,
    LtU,
    LeU,
}

/// An operand: a row, or one value for all lanes.
#[derive(Clone, Copy)]
pub(super) enum Arg<'a> {
    Row(&'a [u32]),
    Splat(u32),
}

#[inline(always)]
fn f(bits: u32) -> f32 {
    f32::from_bits(bits)
}

#[inline(always)]
fn mask(condition: bool) -> u32 {
    if condition { !0 } else { 0 }
}

#[inline(always)]
fn min_f(a: u32, b: u32) -> u32 {
    if (f(b) < f(a)) | f(a).is_nan() { b } else { a }
}

#[inline(always)]
fn max_f(a: u32, b: u32) -> u32 {
    if (f(a) < f(b)) | f(a).is_nan() { b } else { a }
}

// Integer division goes through f64, for vectors divide floats only. There it is exact after truncation: a
// quotient that is not whole lies at least `1/b` from the next integer, more than half an ulp of any
// number up to 2^32 / b.

#[inline(always)]
fn div_i(a: u32, b: u32) -> u32 {
    let quotient = (f64::from(a as i32) / f64::from(b as i32)) as i32 as u32;
    let quotient = if b == u32::MAX { a.wrapping_neg() } else { quotient };
    if b == 0 { a } else { quotient }
}

#[inline(always)]
fn rem_i(a: u32, b: u32) -> u32 {
    let remainder = a.wrapping_sub(div_i(a, b).wrapping_mul(b));
    if b == 0 { 0 } else { remainder }
}

#[inline(always)]
fn div_u(a: u32, b: u32) -> u32 {
    let quotient = (f64::from(a) / f64::from(b)) as u32;
    if b == 0 { a } else { quotient }
}

#[inline(always)]
fn rem_u(a: u32, b: u32) -> u32 {
    let remainder = a.wrapping_sub(div_u(a, b).wrapping_mul(b));
    if b == 0 { 0 } else { remainder }
}

/// One loop for each operation: row and row, row and splat, splat and row.
macro_rules! binary_table {
    ($($op:ident => |$a:ident, $b:ident| $body:expr;)*) => {
        /// `d = op(a, b)` lane by lane. Rows are as long as `d`.
        #[multiversion(targets(
            "x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
            "x86_64+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
        ))]
        pub(super) fn binary(op: BinOp, d: &mut [u32], a: Arg<'_>, b: Arg<'_>) {
            match op {
                $(BinOp::$op => {
                    #[inline(always)]
                    fn lane($a: u32, $b: u32) -> u32 {
                        $body
                    }
                    match (a, b) {
                        (Arg::Row(a), Arg::Row(b)) => {
                            for ((d, a), b) in d.iter_mut().zip(a).zip(b) {
                                *d = lane(*a, *b);
                            }
                        }
                        (Arg::Row(a), Arg::Splat(b)) => {
                            for (d, a) in d.iter_mut().zip(a) {
                                *d = lane(*a, b);
                            }
                        }
                        (Arg::Splat(a), Arg::Row(b)) => {
                            for (d, b) in d.iter_mut().zip(b) {
                                *d = lane(a, *b);
                            }
                        }
                        (Arg::Splat(a), Arg::Splat(b)) => d.fill(lane(a, b)),
                    }
                })*
            }
        }

        /// `op` on one lane.
        pub(super) fn binary_one(op: BinOp, a: u32, b: u32) -> u32 {
            match op {
                $(BinOp::$op => {
                    let ($a, $b) = (a, b);
                    $body
                })*
            }
        }
    };
}

binary_table! {
    AddF => |a, b| (f(a) + f(b)).to_bits();
    SubF => |a, b| (f(a) - f(b)).to_bits();
    MulF => |a, b| (f(a) * f(b)).to_bits();
    DivF => |a, b| (f(a) / f(b)).to_bits();
    MinF => |a, b| min_f(a, b);
    MaxF => |a, b| max_f(a, b);
    EqF => |a, b| mask(f(a) == f(b));
    NeF => |a, b| mask(f(a) != f(b));
    LtF => |a, b| mask(f(a) < f(b));
    LeF => |a, b| mask(f(a) <= f(b));
    Add => |a, b| a.wrapping_add(b);
    Sub => |a, b| a.wrapping_sub(b);
    Mul => |a, b| a.wrapping_mul(b);
    DivI => |a, b| div_i(a, b);
    DivU => |a, b| div_u(a, b);
    RemI => |a, b| rem_i(a, b);
    RemU => |a, b| rem_u(a, b);
    MinI => |a, b| (a as i32).min(b as i32) as u32;
    MaxI => |a, b| (a as i32).max(b as i32) as u32;
    MinU => |a, b| a.min(b);
    MaxU => |a, b| a.max(b);
    And => |a, b| a & b;
    Or => |a, b| a | b;
    Xor => |a, b| a ^ b;
    Shl => |a, b| a << (b & 31);
    ShrI => |a, b| ((a as i32) >> (b & 31)) as u32;
    ShrU => |a, b| a >> (b & 31);
    Eq => |a, b| mask(a == b);
    Ne => |a, b| mask(a != b);
    LtI => |a, b| mask((a as i32) < (b as i32));
    LeI => |a, b| mask((a as i32) <= (b as i32));
    LtU => |a, b| mask(a < b);
    LeU => |a, b| mask(a <= b);
}

macro_rules! unary_table {
    ($($op:ident => |$a:ident| $body:expr;)*) => {
        /// `d = op(a)` lane by lane. The rows are equally long.
        #[multiversion(targets(
            "x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
            "x86_64+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
        ))]
        pub(super) fn unary(op: UnOp, d: &mut [u32], a: &[u32]) {
            match op {
                $(UnOp::$op => {
                    #[inline(always)]
                    fn lane($a: u32) -> u32 {
                        $body
                    }
                    for (d, a) in d.iter_mut().zip(a) {
                        *d = lane(*a);
                    }
                })*
            }
        }

        /// `op` on one lane.
        pub(super) fn unary_one(op: UnOp, a: u32) -> u32 {
            match op {
                $(UnOp::$op => {
                    let $a = a;
                    $body
                })*
            }
        }
    };
}

unary_table! {
    NegF => |a| a ^ 0x8000_0000;
    AbsF => |a| a & 0x7fff_ffff;
    SqrtF => |a| f(a).sqrt().to_bits();
    FloorF => |a| f(a).floor().to_bits();
    CeilF => |a| f(a).ceil().to_bits();
    TruncF => |a| f(a).trunc().to_bits();
    RoundF => |a| f(a).round_ties_even().to_bits();
    RoundToHalf => |a| round_to_half(a);
    NegI => |a| a.wrapping_neg();
    AbsI => |a| (a as i32).wrapping_abs() as u32;
    Not => |a| !a;
    CountOnes => |a| a.count_ones();
    LeadingZeros => |a| a.leading_zeros();
    TrailingZeros => |a| a.trailing_zeros();
    ReverseBits => |a| a.reverse_bits();
    FloatToI => |a| (f(a) as i32) as u32;
    FloatToU => |a| f(a) as u32;
    IToFloat => |a| (a as i32 as f32).to_bits();
    UToFloat => |a| (a as f32).to_bits();
    BoolToFloat => |a| a & 0x3f80_0000;
    BoolToInt => |a| a & 1;
    FloatToBool => |a| mask(f(a) != 0.0);
    IntToBool => |a| mask(a != 0);
}

/// `d = a * b + c`, rounded once.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
))]
pub(super) fn fma(d: &mut [u32], a: Arg<'_>, b: Arg<'_>, c: Arg<'_>) {
    #[inline(always)]
    fn lane(a: u32, b: u32, c: u32) -> u32 {
        fma_one(a, b, c)
    }
    use Arg::{Row, Splat};
    match (a, b, c) {
        (Row(a), Row(b), Row(c)) => {
            for (((d, a), b), c) in d.iter_mut().zip(a).zip(b).zip(c) {
                *d = lane(*a, *b, *c);
            }
        }
        (Row(a), Row(b), Splat(c)) => {
            for ((d, a), b) in d.iter_mut().zip(a).zip(b) {
                *d = lane(*a, *b, c);
            }
        }
        (Row(a), Splat(b), Row(c)) | (Splat(b), Row(a), Row(c)) => {
            for ((d, a), c) in d.iter_mut().zip(a).zip(c) {
                *d = lane(*a, b, *c);
            }
        }
        (Row(a), Splat(b), Splat(c)) | (Splat(b), Row(a), Splat(c)) => {
            for (d, a) in d.iter_mut().zip(a) {
                *d = lane(*a, b, c);
            }
        }
        (Splat(a), Splat(b), Row(c)) => {
            for (d, c) in d.iter_mut().zip(c) {
                *d = lane(a, b, *c);
            }
        }
        (Splat(a), Splat(b), Splat(c)) => d.fill(lane(a, b, c)),
    }
}

/// `a * b + c` on one lane, rounded once.
#[inline(always)]
pub(super) fn fma_one(a: u32, b: u32, c: u32) -> u32 {
    f(a).mul_add(f(b), f(c)).to_bits()
}

/// `d = accept` where `cond` is set, else `reject`.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
))]
pub(super) fn select(d: &mut [u32], cond: &[u32], accept: Arg<'_>, reject: Arg<'_>) {
    use Arg::{Row, Splat};
    #[inline(always)]
    fn lane(cond: u32, accept: u32, reject: u32) -> u32 {
        (cond & accept) | (!cond & reject)
    }
    match (accept, reject) {
        (Row(a), Row(b)) => {
            for (((d, c), a), b) in d.iter_mut().zip(cond).zip(a).zip(b) {
                *d = lane(*c, *a, *b);
            }
        }
        (Row(a), Splat(b)) => {
            for ((d, c), a) in d.iter_mut().zip(cond).zip(a) {
                *d = lane(*c, *a, b);
            }
        }
        (Splat(a), Row(b)) => {
            for ((d, c), b) in d.iter_mut().zip(cond).zip(b) {
                *d = lane(*c, a, *b);
            }
        }
        (Splat(a), Splat(b)) => {
            for (d, c) in d.iter_mut().zip(cond) {
                *d = lane(*c, a, b);
            }
        }
    }
}

/// `d = source` where `mask` is set.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
))]
pub(super) fn blend(d: &mut [u32], mask: &[u32], source: Arg<'_>) {
    match source {
        Arg::Row(source) => {
            for ((d, m), s) in d.iter_mut().zip(mask).zip(source) {
                *d = (m & s) | (!m & *d);
            }
        }
        Arg::Splat(source) => {
            for (d, m) in d.iter_mut().zip(mask) {
                *d = (m & source) | (!m & *d);
            }
        }
    }
}

/// `d[l] = base + l * step`, wrapping.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
))]
pub(super) fn ramp(d: &mut [u32], base: u32, step: u32) {
    for (lane, d) in d.iter_mut().enumerate() {
        *d = base.wrapping_add((lane as u32).wrapping_mul(step));
    }
}

/// Mask rows: `d = a & b`, and how many lanes are set.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
))]
pub(super) fn mask_and(d: &mut [u32], a: &[u32], b: &[u32]) -> u32 {
    let mut count = 0u32;
    for ((d, a), b) in d.iter_mut().zip(a).zip(b) {
        *d = a & b;
        count += *d & 1;
    }
    count
}

/// Mask rows: `d = a & !b`, and how many lanes are set.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
))]
pub(super) fn mask_and_not(d: &mut [u32], a: &[u32], b: &[u32]) -> u32 {
    let mut count = 0u32;
    for ((d, a), b) in d.iter_mut().zip(a).zip(b) {
        *d = a & !b;
        count += *d & 1;
    }
    count
}

/// How many lanes of a mask row are set.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
))]
pub(super) fn count(row: &[u32]) -> u32 {
    row.iter().map(|lane| lane & 1).sum()
}

/// Adds one term to a row of element indices: `d += index * stride`, or `OUTSIDE` from then on where
/// `index >= bound`. With `first`, `d` starts at that.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
))]
pub(super) fn index_term(d: &mut [u32], first: Option<u32>, index: Arg<'_>, stride: u32, bound: u32) {
    #[inline(always)]
    fn lane(sum: u32, index: u32, stride: u32, bound: u32) -> u32 {
        let next = sum.wrapping_add(index.wrapping_mul(stride));
        if (index < bound) & (sum != OUTSIDE) { next } else { OUTSIDE }
    }
    match (first, index) {
        (Some(first), Arg::Row(index)) => {
            for (d, index) in d.iter_mut().zip(index) {
                *d = lane(first, *index, stride, bound);
            }
        }
        (None, Arg::Row(index)) => {
            for (d, index) in d.iter_mut().zip(index) {
                *d = lane(*d, *index, stride, bound);
            }
        }
        (Some(first), Arg::Splat(index)) => d.fill(lane(first, index, stride, bound)),
        (None, Arg::Splat(index)) => {
            for d in d {
                *d = lane(*d, index, stride, bound);
            }
        }
    }
}

/// The index of no element.
pub(super) const OUTSIDE: u32 = u32::MAX;

/// The feature level that the loops run at on this machine, for reports.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+fma+lzcnt+popcnt",
))]
pub(in crate::exec::cpu) fn level() -> &'static str {
    let avx512 = multiversion::target::target_cfg_f!(target_feature = "avx512f");
    let avx2 = multiversion::target::target_cfg_f!(target_feature = "avx2");
    match (cfg!(target_arch = "x86_64"), avx512, avx2) {
        (false, ..) => std::env::consts::ARCH,
        (_, true, _) => "avx-512",
        (_, _, true) => "avx2",
        _ => "sse2",
    }
}
