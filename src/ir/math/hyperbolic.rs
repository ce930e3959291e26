//! Hyperbolic functions and their inverses.

use crate::ir::{Binary, Unary, Value, build::Builder};

// Polynomials in `x^2`, lowest coefficient first.

/// `(sinh x - x) / x^3`
const SINH: &[f32] = &[0.166_666_67, 0.008_333_334, 1.984_128_3e-4, 2.755_377e-6, 2.545_670_7e-8];
/// `(tanh x - x) / x^3`
const TANH: &[f32] = &[-0.333_333_34, 0.133_332_97, -0.053_957_596, 0.021_755_7, -0.008_301_696, 0.002_246_003_6];

impl Builder {
    /// `e^|x| / 2` as a product, so that it overflows only where the result does, and its inverse's half.
    fn half_exponentials(&mut self, size: Value) -> (Value, Value) {
        let half = self.f32(0.5);
        // From where e^-x no longer counts, e^x is the square of e^(x/2).
        let limit = self.f32(80.0);
        let large = self.gt(size, limit);
        let halved = self.mul(size, half);
        let argument = self.select(large, halved, size);
        let e = self.exp(argument);
        let half_e = self.mul(e, half);
        let square = self.mul(half_e, e);
        let up = self.select(large, square, half_e);
        let down = self.div(half, e);
        let zero = self.f32(0.0);
        let down = self.select(large, zero, down);
        (up, down)
    }

    pub fn sinh(&mut self, x: Value) -> Value {
        let size = self.unary(Unary::Abs, x);
        let (up, down) = self.half_exponentials(size);
        let far = self.sub(up, down);
        let x2 = self.mul(x, x);
        let p = self.polynomial(x2, SINH);
        let x3 = self.mul(x2, size);
        let near = self.fma(p, x3, size);
        let one = self.f32(1.0);
        let small = self.lt(size, one);
        let result = self.select(small, near, far);
        self.with_sign_of(result, x)
    }

    pub fn cosh(&mut self, x: Value) -> Value {
        let size = self.unary(Unary::Abs, x);
        let (up, down) = self.half_exponentials(size);
        self.add(up, down)
    }

    pub fn tanh(&mut self, x: Value) -> Value {
        let size = self.unary(Unary::Abs, x);
        // 1 - 2 / (e^2x + 1); the exponential may overflow.
        let (one, two) = (self.f32(1.0), self.f32(2.0));
        let twice = self.mul(size, two);
        let e = self.exp(twice);
        let below = self.add(e, one);
        let part = self.div(two, below);
        let far = self.sub(one, part);
        let x2 = self.mul(x, x);
        let p = self.polynomial(x2, TANH);
        let x3 = self.mul(x2, size);
        let near = self.fma(p, x3, size);
        let limit = self.f32(0.625);
        let small = self.lt(size, limit);
        let result = self.select(small, near, far);
        self.with_sign_of(result, x)
    }

    /// `ln(1 + x)`, by the quotient that cancels the rounding of `1 + x` (Kahan; see Higham, *Accuracy
    /// and Stability of Numerical Algorithms*, section 1.14.1).
    fn log1p(&mut self, x: Value) -> Value {
        let one = self.f32(1.0);
        let u = self.add(one, x);
        let log = self.log(u);
        let back = self.sub(u, one);
        let inf = self.f32(f32::INFINITY);
        let scaled = self.div(x, back);
        let scaled = self.mul(log, scaled);
        let huge = self.binary(Binary::Eq, u, inf);
        let scaled = self.select(huge, log, scaled);
        let exact = self.binary(Binary::Eq, u, one);
        self.select(exact, x, scaled)
    }

    pub fn asinh(&mut self, x: Value) -> Value {
        let size = self.unary(Unary::Abs, x);
        let one = self.f32(1.0);
        // ln(1 + x + x^2 / (1 + sqrt(1 + x^2))); where x^2 would overflow, ln 2x.
        let x2 = self.mul(size, size);
        let root = self.add(x2, one);
        let root = self.unary(Unary::Sqrt, root);
        let below = self.add(one, root);
        let part = self.div(x2, below);
        let sum = self.add(size, part);
        let near = self.log1p(sum);
        let far = self.log_of_twice(size);
        let limit = self.f32(1e9);
        let large = self.gt(size, limit);
        let result = self.select(large, far, near);
        self.with_sign_of(result, x)
    }

    /// `ln 2x`.
    fn log_of_twice(&mut self, x: Value) -> Value {
        let log = self.log(x);
        let ln2 = self.f32(std::f32::consts::LN_2);
        self.add(log, ln2)
    }

    pub fn acosh(&mut self, x: Value) -> Value {
        let one = self.f32(1.0);
        // With t = x - 1: ln(1 + t + sqrt(2t + t^2)).
        let t = self.sub(x, one);
        let two = self.f32(2.0);
        let twice = self.mul(t, two);
        let square = self.fma(t, t, twice);
        let root = self.unary(Unary::Sqrt, square);
        let sum = self.add(t, root);
        let near = self.log1p(sum);
        let far = self.log_of_twice(x);
        let limit = self.f32(1e9);
        let large = self.gt(x, limit);
        let result = self.select(large, far, near);
        let (inside, nan) = (self.binary(Binary::Ge, x, one), self.f32(f32::NAN));
        self.select(inside, result, nan)
    }

    pub fn atanh(&mut self, x: Value) -> Value {
        let size = self.unary(Unary::Abs, x);
        let (one, two, half) = (self.f32(1.0), self.f32(2.0), self.f32(0.5));
        let twice = self.mul(size, two);
        let below = self.sub(one, size);
        let quotient = self.div(twice, below);
        let log = self.log1p(quotient);
        let result = self.mul(log, half);
        self.with_sign_of(result, x)
    }
}
