//! Functions that no processor has as one instruction, expanded into IR arithmetic.
//!
//! Both executors run the same expansion, so they agree bit for bit and neither calls out. The
//! methods are the usual ones: reduction of the argument to a small interval in two or three steps
//! with fused multiply-add (Cody and Waite, *Software Manual for the Elementary Functions*, 1980),
//! then a polynomial, whose coefficients were fitted at Chebyshev nodes with 40 digits and rounded
//! to `f32`. Errors are measured against `f64` by `ir::accuracy`.
//!
//! Operands are `F32`; [`Builder::in_f32`] serves halves.

mod hyperbolic;
mod trigonometric;

use super::{Binary, Type, Unary, Value, build::Builder};
use crate::kernel::powers::LONGEST_PRODUCT;

/// `ln 2` as a sum; the first term has few bits, so that a small integer times it is exact.
const LN2: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];
const LOG2_E: f32 = std::f32::consts::LOG2_E;
const SQRT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
const SIGN: u32 = 0x8000_0000;

// Polynomials, lowest coefficient first.

/// `(e^r - 1 - r) / r^2`
const EXP: &[f32] = &[0.5, 0.166_665_78, 0.041_666_55, 0.008_363_173, 0.001_392_654_6];
/// `(2^f - 1) / f`
const EXP2: &[f32] =
    &[std::f32::consts::LN_2, 0.240_226_5, 0.055_503_57, 0.009_618_083, 0.001_339_086_3, 0.000_154_531_63];
/// `(ln(1 + f) - f + f^2/2) / f^3`
const LOG: &[f32] = &[
    0.333_333_3,
    -0.249_999_97,
    0.200_007_16,
    -0.166_678_03,
    0.142_490_58,
    -0.124_256_87,
    0.116_854_2,
    -0.114_797_34,
    0.069_716_12,
];

impl Builder {
    /// Applies `f` to `F32` operands: halves are widened before and rounded after.
    pub fn in_f32<const N: usize>(
        &mut self,
        args: [Value; N],
        f: impl FnOnce(&mut Self, [Value; N]) -> Value,
    ) -> Value {
        let half = args.first().is_some_and(|&a| self.ty(a) == Type::F16);
        let args = args.map(|a| if half { self.convert(Type::F32, a) } else { a });
        let result = f(self, args);
        if half { self.convert(Type::F16, result) } else { result }
    }

    fn polynomial(&mut self, x: Value, coefficients: &[f32]) -> Value {
        let (&last, rest) = coefficients.split_last().expect("a polynomial has a coefficient");
        let mut sum = self.f32(last);
        for &c in rest.iter().rev() {
            let c = self.f32(c);
            sum = self.fma(sum, x, c);
        }
        sum
    }

    fn lt(&mut self, a: Value, b: Value) -> Value {
        self.binary(Binary::Lt, a, b)
    }

    fn gt(&mut self, a: Value, b: Value) -> Value {
        self.binary(Binary::Gt, a, b)
    }

    fn and(&mut self, a: Value, b: Value) -> Value {
        self.binary(Binary::And, a, b)
    }

    fn is_nan(&mut self, a: Value) -> Value {
        self.binary(Binary::Ne, a, a)
    }

    /// The bits of `magnitude` with the sign bit of `sign` flipped in.
    fn with_sign_of(&mut self, magnitude: Value, sign: Value) -> Value {
        let bits = self.bitcast(Type::U32, sign);
        let mask = self.u32(SIGN);
        let sign = self.and(bits, mask);
        let bits = self.bitcast(Type::U32, magnitude);
        let bits = self.binary(Binary::Xor, bits, sign);
        self.bitcast(Type::F32, bits)
    }

    /// `2^n` for an `I32` n within -126 and 127.
    fn power_of_two(&mut self, n: Value) -> Value {
        let bias = self.i32(127);
        let n = self.add(n, bias);
        let shift = self.i32(23);
        let bits = self.binary(Binary::Shl, n, shift);
        self.bitcast(Type::F32, bits)
    }

    /// `x * 2^n` for an `I32` n within -252 and 254, rounded once more where the result is subnormal.
    fn scale(&mut self, x: Value, n: Value) -> Value {
        let one = self.i32(1);
        let half = self.binary(Binary::Shr, n, one);
        let rest = self.sub(n, half);
        let (half, rest) = (self.power_of_two(half), self.power_of_two(rest));
        let x = self.mul(x, half);
        self.mul(x, rest)
    }

    /// `x` clamped so that its power neither loses overflow nor underflow; NaN stays.
    fn clamped(&mut self, x: Value, low: f32, high: f32) -> Value {
        let (low, high) = (self.f32(low), self.f32(high));
        let below = self.lt(x, low);
        let x = self.select(below, low, x);
        let above = self.gt(x, high);
        self.select(above, high, x)
    }

    /// `2^x`.
    pub fn exp2(&mut self, x: Value) -> Value {
        let x = self.clamped(x, -151.0, 128.5);
        let n = self.unary(Unary::Round, x);
        let f = self.sub(x, n);
        let q = self.polynomial(f, EXP2);
        let one = self.f32(1.0);
        let p = self.fma(q, f, one);
        let n = self.convert(Type::I32, n);
        self.scale(p, n)
    }

    /// `e^x`.
    pub fn exp(&mut self, x: Value) -> Value {
        let x = self.clamped(x, -104.0, 89.0);
        let log2e = self.f32(LOG2_E);
        let n = self.mul(x, log2e);
        let n = self.unary(Unary::Round, n);
        let (hi, lo) = (self.f32(-LN2[0]), self.f32(-LN2[1]));
        let r = self.fma(n, hi, x);
        let r = self.fma(n, lo, r);
        let q = self.polynomial(r, EXP);
        let r2 = self.mul(r, r);
        let p = self.fma(q, r2, r);
        let one = self.f32(1.0);
        let p = self.add(p, one);
        let n = self.convert(Type::I32, n);
        self.scale(p, n)
    }

    /// The parts of a logarithm of a positive, finite `x`: the exponent as a float, `f` in
    /// [sqrt(1/2) - 1, sqrt(2) - 1], and `ln(1 + f) - f`.
    fn log_parts(&mut self, x: Value) -> (Value, Value, Value) {
        // Subnormals are scaled up first.
        let smallest = self.f32(f32::MIN_POSITIVE);
        let tiny = self.lt(x, smallest);
        let two23 = self.f32(8_388_608.0);
        let scaled = self.mul(x, two23);
        let x = self.select(tiny, scaled, x);
        let bits = self.bitcast(Type::I32, x);
        let base = self.i32(SQRT_HALF.to_bits() as i32);
        let above = self.sub(bits, base);
        let shift = self.i32(23);
        let e = self.binary(Binary::Shr, above, shift);
        let exponent_bits = self.binary(Binary::Shl, e, shift);
        let mantissa = self.sub(bits, exponent_bits);
        let m = self.bitcast(Type::F32, mantissa);
        let e = self.convert(Type::F32, e);
        let (lower, zero) = (self.f32(23.0), self.f32(0.0));
        let lower = self.select(tiny, lower, zero);
        let e = self.sub(e, lower);
        let one = self.f32(1.0);
        let f = self.sub(m, one);
        let p = self.polynomial(f, LOG);
        let f2 = self.mul(f, f);
        let f3 = self.mul(f2, f);
        let minus_half = self.f32(-0.5);
        let tail = self.mul(f2, minus_half);
        let tail = self.fma(p, f3, tail);
        (e, f, tail)
    }

    /// What a logarithm is at zero, below it, at infinity and for NaN.
    fn log_special(&mut self, x: Value, log: Value) -> Value {
        let (zero, inf) = (self.f32(0.0), self.f32(f32::INFINITY));
        let (minus_inf, nan) = (self.f32(f32::NEG_INFINITY), self.f32(f32::NAN));
        let at_inf = self.binary(Binary::Eq, x, inf);
        let log = self.select(at_inf, inf, log);
        let at_zero = self.binary(Binary::Eq, x, zero);
        let log = self.select(at_zero, minus_inf, log);
        let positive = self.binary(Binary::Ge, x, zero);
        self.select(positive, log, nan)
    }

    /// `ln x`.
    pub fn log(&mut self, x: Value) -> Value {
        let (e, f, tail) = self.log_parts(x);
        let (hi, lo) = (self.f32(LN2[0]), self.f32(LN2[1]));
        let sum = self.fma(e, lo, tail);
        let sum = self.add(sum, f);
        let log = self.fma(e, hi, sum);
        self.log_special(x, log)
    }

    /// `log2 x` of a positive, finite `x` as a sum of two floats, the second small.
    fn log2_parts(&mut self, x: Value) -> (Value, Value) {
        /// `log2 e - LOG2_E`.
        const LOG2_E_LOW: f32 = 1.925_963e-8;
        let (e, f, tail) = self.log_parts(x);
        // ln(1 + f) = high + low exactly enough; then times log2 e in twice the precision.
        let high = self.add(f, tail);
        let back = self.sub(high, f);
        let low = self.sub(tail, back);
        let (c, c_low) = (self.f32(LOG2_E), self.f32(LOG2_E_LOW));
        let product = self.mul(high, c);
        let minus = self.neg(product);
        let error = self.fma(high, c, minus);
        let error = self.fma(high, c_low, error);
        let error = self.fma(low, c, error);
        // e is an integer of larger magnitude than the product, or zero.
        let sum = self.add(e, product);
        let back = self.sub(sum, e);
        let rest = self.sub(product, back);
        let low = self.add(rest, error);
        (sum, low)
    }

    /// `log2 x`.
    pub fn log2(&mut self, x: Value) -> Value {
        let (high, low) = self.log2_parts(x);
        let log = self.add(high, low);
        self.log_special(x, log)
    }

    /// `x^y`: `2^(y log2 x)` with the logarithm in twice the precision. NaN for negative x, 1 where y is 0.
    pub fn pow(&mut self, x: Value, y: Value) -> Value {
        let (high, low) = self.log2_parts(x);
        let product = self.mul(y, high);
        let minus = self.neg(product);
        let error = self.fma(y, high, minus);
        let error = self.fma(y, low, error);
        // 2^(p + error), with the error of an infinite product left out.
        let rough = self.exp2(product);
        let ln2 = self.f32(std::f32::consts::LN_2);
        let relative = self.mul(error, ln2);
        let limit = self.f32(0.25);
        let size = self.unary(Unary::Abs, relative);
        let sane = self.lt(size, limit);
        let zero = self.f32(0.0);
        let relative = self.select(sane, relative, zero);
        let power = self.fma(rough, relative, rough);
        // An infinite power times a zero correction would be NaN.
        let inf = self.f32(f32::INFINITY);
        let overflow = self.binary(Binary::Eq, rough, inf);
        let power = self.select(overflow, inf, power);
        self.pow_special(x, y, power)
    }

    /// `x^n` as a product, which has the base's sign; see [`powers`](crate::kernel::powers).
    pub fn whole_power(&mut self, x: Value, n: i32) -> Value {
        let one = self.f32(1.0);
        if n.unsigned_abs() <= LONGEST_PRODUCT {
            let (mut result, mut square, mut left) = (None, x, n.unsigned_abs());
            while left > 0 {
                if left & 1 == 1 {
                    result = Some(result.map_or(square, |result| self.mul(result, square)));
                }
                left >>= 1;
                if left > 0 {
                    square = self.mul(square, square);
                }
            }
            let power = result.unwrap_or(one);
            return if n < 0 { self.div(one, power) } else { power };
        }
        let size = self.unary(Unary::Abs, x);
        let odd = n % 2;
        let even = self.f32((n - odd) as f32);
        let power = self.pow(size, even);
        match odd {
            0 => power,
            1 => self.mul(power, x),
            _ => self.div(power, x),
        }
    }

    fn pow_special(&mut self, x: Value, y: Value, power: Value) -> Value {
        let (zero, one) = (self.f32(0.0), self.f32(1.0));
        let (inf, nan) = (self.f32(f32::INFINITY), self.f32(f32::NAN));
        // At 0 and infinity the logarithm is infinite: the power is 0 or infinity by the sign of y.
        let up = self.gt(y, zero);
        let at_zero = self.select(up, zero, inf);
        let at_inf = self.select(up, inf, zero);
        let x_zero = self.binary(Binary::Eq, x, zero);
        let power = self.select(x_zero, at_zero, power);
        let x_inf = self.binary(Binary::Eq, x, inf);
        let power = self.select(x_inf, at_inf, power);
        let negative = self.lt(x, zero);
        let power = self.select(negative, nan, power);
        let (x_nan, y_nan) = (self.is_nan(x), self.is_nan(y));
        let either = self.binary(Binary::Or, x_nan, y_nan);
        let power = self.select(either, nan, power);
        let x_one = self.binary(Binary::Eq, x, one);
        let power = self.select(x_one, one, power);
        let y_zero = self.binary(Binary::Eq, y, zero);
        self.select(y_zero, one, power)
    }

    /// `1 / sqrt(x)`.
    pub fn inverse_sqrt(&mut self, x: Value) -> Value {
        let one = self.float(self.ty(x), 1.0);
        let root = self.unary(Unary::Sqrt, x);
        self.div(one, root)
    }

    /// `x - y * trunc(x / y)` of floats, with the quotient put right where its rounding reached the next integer.
    pub fn float_rem(&mut self, x: Value, y: Value) -> Value {
        self.in_f32([x, y], |b, [x, y]| {
            let quotient = b.div(x, y);
            let whole = b.unary(Unary::Trunc, quotient);
            let minus = b.neg(whole);
            let rest = b.fma(minus, y, x);
            // A rest of the other sign than x means one step too far.
            let (bits_x, bits_r) = (b.bitcast(Type::I32, x), b.bitcast(Type::I32, rest));
            let signs = b.binary(Binary::Xor, bits_x, bits_r);
            let (int_zero, zero) = (b.i32(0), b.f32(0.0));
            let differ = b.lt(signs, int_zero);
            let nonzero = b.binary(Binary::Ne, rest, zero);
            let wrong = b.and(differ, nonzero);
            let size = b.unary(Unary::Abs, y);
            let step = b.with_sign_of(size, x);
            let mended = b.add(rest, step);
            let rest = b.select(wrong, mended, rest);
            // x itself where y is infinite; the quotient was 0 and 0 * infinity is NaN.
            let inf = b.f32(f32::INFINITY);
            let y_inf = b.binary(Binary::Eq, size, inf);
            let size_x = b.unary(Unary::Abs, x);
            let x_finite = b.lt(size_x, inf);
            let whole_x = b.and(y_inf, x_finite);
            b.select(whole_x, x, rest)
        })
    }
}
