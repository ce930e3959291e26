//! Sine, cosine, tangent and their inverses.

use super::SIGN;
use crate::ir::{Binary, Type, Unary, Value, build::Builder};

/// `2/pi`, and `pi/2` as the sum of three floats.
const TWO_OVER_PI: f32 = 0.636_619_75;
const HALF_PI: [f32; 3] = [1.570_796_4, -4.371_139e-8, -1.715_124_5e-15];
// Polynomials in `x^2`, lowest coefficient first.

/// `(sin x - x) / x^3`
const SIN: &[f32] = &[-0.166_666_67, 0.008_333_332, -1.984_008_7e-4, 2.724_992_6e-6];
/// `(cos x - 1 + x^2/2) / x^4`
const COS: &[f32] = &[0.041_666_668, -0.001_388_888_8, 2.480_06e-5, -2.730_096e-7];
/// `(asin x - x) / x^3`
const ASIN: &[f32] = &[0.166_666_66, 0.075_000_94, 0.044_599_403, 0.031_100_662, 0.017_149_238, 0.033_690_847];
/// `(atan x - x) / x^3`
const ATAN: &[f32] = &[-0.333_333_3, 0.199_995_4, -0.142_639_56, 0.107_437_31, -0.064_519_28];

impl Builder {
    /// `sin` and `cos` of `x`. Exact to rounding up to about 10^5, less so beyond; NaN at infinity.
    fn sin_cos(&mut self, x: Value) -> (Value, Value) {
        let c = self.f32(TWO_OVER_PI);
        let n = self.mul(x, c);
        let n = self.unary(Unary::Round, n);
        let mut r = x;
        for part in HALF_PI {
            let part = self.f32(-part);
            r = self.fma(n, part, r);
        }
        let r2 = self.mul(r, r);
        let p = self.polynomial(r2, SIN);
        let r3 = self.mul(r2, r);
        let sin = self.fma(p, r3, r);
        let p = self.polynomial(r2, COS);
        let r4 = self.mul(r2, r2);
        let (minus_half, one) = (self.f32(-0.5), self.f32(1.0));
        let cos = self.fma(r2, minus_half, one);
        let cos = self.fma(p, r4, cos);
        // The quadrant swaps sine and cosine and sets the signs.
        let n = self.convert(Type::I32, n);
        let n = self.bitcast(Type::U32, n);
        let one = self.u32(1);
        let odd = self.and(n, one);
        let zero = self.u32(0);
        let odd = self.binary(Binary::Ne, odd, zero);
        let (s, c) = (self.select(odd, cos, sin), self.select(odd, sin, cos));
        let sine = self.flip_sign(s, n);
        // The reduction leaves 0 of -0.
        let none = self.f32(0.0);
        let at_zero = self.binary(Binary::Eq, x, none);
        let sine = self.select(at_zero, x, sine);
        let next = self.add(n, one);
        let cosine = self.flip_sign(c, next);
        (sine, cosine)
    }

    /// `x`, negated where bit 1 of `quadrant` is set.
    fn flip_sign(&mut self, x: Value, quadrant: Value) -> Value {
        let thirty = self.u32(30);
        let sign = self.binary(Binary::Shl, quadrant, thirty);
        let mask = self.u32(SIGN);
        let sign = self.and(sign, mask);
        let bits = self.bitcast(Type::U32, x);
        let bits = self.binary(Binary::Xor, bits, sign);
        self.bitcast(Type::F32, bits)
    }

    pub fn sin(&mut self, x: Value) -> Value {
        self.sin_cos(x).0
    }

    pub fn cos(&mut self, x: Value) -> Value {
        self.sin_cos(x).1
    }

    pub fn tan(&mut self, x: Value) -> Value {
        let (sin, cos) = self.sin_cos(x);
        self.div(sin, cos)
    }

    /// `asin` of a magnitude up to 1/2, as `x + x^3 P(x^2)`.
    fn asin_small(&mut self, x: Value, x2: Value) -> Value {
        let p = self.polynomial(x2, ASIN);
        let x3 = self.mul(x2, x);
        self.fma(p, x3, x)
    }

    pub fn asin(&mut self, x: Value) -> Value {
        // Above 1/2, asin x = pi/2 - 2 asin(sqrt((1 - x) / 2)).
        let (large, s) = self.asin_reduce(x);
        let (minus_two, half_pi, low) = (self.f32(-2.0), self.f32(HALF_PI[0]), self.f32(HALF_PI[1]));
        let far = self.fma(minus_two, s, low);
        let far = self.add(half_pi, far);
        let result = self.select(large, far, s);
        self.with_sign_of(result, x)
    }

    /// Whether the magnitude of `x` is above 1/2, and the arcsine of the reduced argument.
    fn asin_reduce(&mut self, x: Value) -> (Value, Value) {
        let size = self.unary(Unary::Abs, x);
        let (half, minus_half) = (self.f32(0.5), self.f32(-0.5));
        let large = self.gt(size, half);
        let z = self.fma(size, minus_half, half);
        let root = self.unary(Unary::Sqrt, z);
        let square = self.mul(size, size);
        let argument = self.select(large, root, size);
        let z = self.select(large, z, square);
        let s = self.asin_small(argument, z);
        (large, s)
    }

    pub fn acos(&mut self, x: Value) -> Value {
        let (large, s) = self.asin_reduce(x);
        let (zero, two) = (self.f32(0.0), self.f32(2.0));
        let negative = self.lt(x, zero);
        // Above 1/2: 2s, or pi - 2s for negative x; else pi/2 - asin x.
        let twice = self.mul(s, two);
        let (pi, pi_low) = (self.f32(std::f32::consts::PI), self.f32(2.0 * HALF_PI[1]));
        let mirrored = self.sub(pi_low, twice);
        let mirrored = self.add(pi, mirrored);
        let far = self.select(negative, mirrored, twice);
        let signed = self.with_sign_of(s, x);
        let (half_pi, low) = (self.f32(HALF_PI[0]), self.f32(HALF_PI[1]));
        let near = self.sub(low, signed);
        let near = self.add(half_pi, near);
        self.select(large, far, near)
    }

    pub fn atan(&mut self, x: Value) -> Value {
        const TAN_PI_8: f32 = 0.414_213_57;
        const TAN_3PI_8: f32 = 2.414_213_7;
        let size = self.unary(Unary::Abs, x);
        let (lower, upper, one) = (self.f32(TAN_PI_8), self.f32(TAN_3PI_8), self.f32(1.0));
        let far = self.gt(size, upper);
        let middle = self.gt(size, lower);
        // Far out: pi/2 - atan(1/x); in the middle: pi/4 + atan((x - 1)/(x + 1)). One division serves both.
        let minus_one = self.f32(-1.0);
        let (below, above) = (self.sub(size, one), self.add(size, one));
        let numerator = self.select(far, minus_one, below);
        let denominator = self.select(far, size, above);
        let quotient = self.div(numerator, denominator);
        let r = self.select(middle, quotient, size);
        let (half_pi, quarter_pi, zero) = (self.f32(HALF_PI[0]), self.f32(HALF_PI[0] / 2.0), self.f32(0.0));
        let base = self.select(middle, quarter_pi, zero);
        let base = self.select(far, half_pi, base);
        let r2 = self.mul(r, r);
        let p = self.polynomial(r2, ATAN);
        let r3 = self.mul(r2, r);
        let small = self.fma(p, r3, r);
        let result = self.add(base, small);
        self.with_sign_of(result, x)
    }

    /// The angle of the point (x, y).
    pub fn atan2(&mut self, y: Value, x: Value) -> Value {
        let (size_y, size_x) = (self.unary(Unary::Abs, y), self.unary(Unary::Abs, x));
        let (zero, one) = (self.f32(0.0), self.f32(1.0));
        // The quotient of equal infinities, and of zeros, is settled by hand.
        let quotient = self.div(size_y, size_x);
        let same = self.binary(Binary::Eq, size_y, size_x);
        let quotient = self.select(same, one, quotient);
        let y_zero = self.binary(Binary::Eq, size_y, zero);
        let quotient = self.select(y_zero, zero, quotient);
        let angle = self.atan(quotient);
        // The sign of x counts even for zero.
        let bits = self.bitcast(Type::I32, x);
        let int_zero = self.i32(0);
        let left = self.lt(bits, int_zero);
        let (pi, pi_low) = (self.f32(std::f32::consts::PI), self.f32(2.0 * HALF_PI[1]));
        let mirrored = self.sub(pi_low, angle);
        let mirrored = self.add(pi, mirrored);
        let angle = self.select(left, mirrored, angle);
        let result = self.with_sign_of(angle, y);
        let (x_nan, y_nan) = (self.is_nan(x), self.is_nan(y));
        let either = self.binary(Binary::Or, x_nan, y_nan);
        let nan = self.f32(f32::NAN);
        self.select(either, nan, result)
    }
}
