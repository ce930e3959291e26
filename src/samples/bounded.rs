//! Running error analysis: a value in f64, and how far off a device's f32 may be.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::ROUNDING;

/// What an expression is in exact arithmetic (to f64's accuracy), with a bound on how far an f32 evaluation
/// of the same expression may lie from it, when every operation has the accuracy that WGSL asks for
/// (section "Floating Point Accuracy" of its specification) and results are rounded to nearest.
/// Fusing a multiplication and an addition stays within the bound.
///
/// WGSL gives accuracies in ULP; one ULP is at most two roundings, hence 2 [`ROUNDING`] of the value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounded {
    pub value: f64,
    pub error: f64,
}

impl Bounded {
    /// A number that f32 holds exactly.
    pub fn exact(value: f32) -> Self {
        Bounded { value: f64::from(value), error: 0.0 }
    }

    /// A number in the text of a kernel, which f32 rounds.
    pub fn literal(value: f64) -> Self {
        Bounded { value, error: ROUNDING * value.abs() }
    }

    /// A result that an operation rounds by at most `roundings` of its size, on top of `error`. What is
    /// too small for a normal f32 may become zero.
    fn rounded(value: f64, error: f64, roundings: f64) -> Self {
        let smallest = f64::from(f32::MIN_POSITIVE);
        Bounded { value, error: error + roundings * ROUNDING * (value.abs() + error) + smallest }
    }

    pub fn abs(self) -> Self {
        Bounded { value: self.value.abs(), ..self }
    }

    /// Inherited from 1 / inverseSqrt: 2 ULP and 2.5 ULP.
    pub fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        Self::rounded(value, self.error / value, 9.0)
    }

    /// 3 + 2 |x| ULP.
    pub fn exp(self) -> Self {
        let value = self.value.exp();
        Self::rounded(value, value * self.error.exp_m1(), 6.0 + 4.0 * (self.value.abs() + self.error))
    }

    /// An absolute error of 2^-21 from 0.5 to 2, 3 ULP elsewhere.
    pub fn ln(self) -> Self {
        let value = self.value.ln();
        Bounded { value, error: self.lowest_ratio().ln() + logarithm_error(self, value) }
    }

    /// As [`Bounded::ln`].
    pub fn log2(self) -> Self {
        let value = self.value.log2();
        Bounded { value, error: self.lowest_ratio().log2() + logarithm_error(self, value) }
    }

    /// The value over the lowest that it may be; infinite where that is zero or less.
    fn lowest_ratio(self) -> f64 {
        if self.value > self.error { self.value / (self.value - self.error) } else { f64::INFINITY }
    }
}

/// What a logarithm of `x` that is `value` may be off by.
fn logarithm_error(x: Bounded, value: f64) -> f64 {
    let near_one = if x.value + x.error >= 0.5 && x.value - x.error <= 2.0 { 8.0 * ROUNDING } else { 0.0 };
    near_one.max(6.0 * ROUNDING * value.abs())
}

impl Add for Bounded {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::rounded(self.value + other.value, self.error + other.error, 1.0)
    }
}

impl Sub for Bounded {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for Bounded {
    type Output = Self;

    fn neg(self) -> Self {
        Bounded { value: -self.value, ..self }
    }
}

impl Mul for Bounded {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let error = self.value.abs() * other.error + other.value.abs() * self.error + self.error * other.error;
        Self::rounded(self.value * other.value, error, 1.0)
    }
}

/// 2.5 ULP.
impl Div for Bounded {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        let error = (self.error + value.abs() * other.error) / (other.value.abs() - other.error);
        Self::rounded(value, error, 5.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bound must hold for the host's own f32, whose operations are at least as accurate as WGSL asks,
    /// and must not be so loose that it says nothing.
    #[test]
    fn holds_for_f32_and_says_something() {
        let mut x = 0.013f32;
        while x < 40.0 {
            let y = 1.7f32;
            let found = ((x / y).ln() + x.sqrt() * y) - (-x).exp() * (x + y).log2();
            let b = |value| Bounded::exact(value);
            let bound = (b(x) / b(y)).ln() + b(x).sqrt() * b(y) - (-b(x)).exp() * (b(x) + b(y)).log2();
            let exact = f64::from(x);
            let exact = ((exact / f64::from(y)).ln() + exact.sqrt() * f64::from(y))
                - (-exact).exp() * (exact + f64::from(y)).log2();
            assert!((bound.value - exact).abs() < 1e-14);
            assert!((f64::from(found) - exact).abs() <= bound.error, "{x}: {found} {exact} {bound:?}");
            assert!(bound.error < 2e-5, "{x}: {bound:?}");
            x *= 1.001;
        }
    }

    #[test]
    fn a_literal_counts_its_own_rounding() {
        assert_eq!(Bounded::literal(0.5).value, 0.5);
        let third = Bounded::literal(1.0 / 3.0);
        assert!((f64::from(1.0f32 / 3.0) - third.value).abs() <= third.error);
    }
}
