//! `pow` with a constant whole exponent, made a product: see [`powers`](crate::kernel::powers).

use naga::{BinaryOperator, Expression, Handle, Literal, MathFunction, Scalar, TypeInner};

use super::{Refused, rewrite::Rewriter};
use crate::kernel::powers::LONGEST_PRODUCT;

impl Rewriter<'_, '_> {
    /// `base^n`, which is the old expression `handle`.
    pub fn whole_power(
        &mut self,
        handle: Handle<Expression>,
        base: Handle<Expression>,
        n: i32,
    ) -> Result<Handle<Expression>, Refused> {
        let x = self.mapped(base)?;
        let inner = self.view.info[handle].ty.inner_with(&self.view.module.types).clone();
        if n.unsigned_abs() <= LONGEST_PRODUCT {
            let (mut result, mut square, mut left) = (None, x, n.unsigned_abs());
            while left > 0 {
                if left & 1 == 1 {
                    result = Some(match result {
                        Some(result) => self.binary(BinaryOperator::Multiply, result, square),
                        None => square,
                    });
                }
                left >>= 1;
                if left > 0 {
                    square = self.binary(BinaryOperator::Multiply, square, square);
                }
            }
            return match (result, n) {
                (Some(power), 1..) => Ok(power),
                (Some(power), _) => {
                    let one = self.number(&inner, 1.0)?;
                    Ok(self.binary(BinaryOperator::Divide, one, power))
                }
                (None, _) => self.number(&inner, 1.0),
            };
        }
        let odd = n % 2;
        let even = self.number(&inner, f64::from(n - odd))?;
        let math = |fun, arg, arg1| Expression::Math { fun, arg, arg1, arg2: None, arg3: None };
        let size = self.add(math(MathFunction::Abs, x, None));
        let power = self.add(math(MathFunction::Pow, size, Some(even)));
        Ok(match odd {
            0 => power,
            1 => self.binary(BinaryOperator::Multiply, power, x),
            _ => self.binary(BinaryOperator::Divide, power, x),
        })
    }

    /// A scalar, or a vector of them, of type `inner`.
    fn number(&mut self, inner: &TypeInner, number: f64) -> Result<Handle<Expression>, Refused> {
        let literal = match inner.scalar() {
            Some(Scalar::F32) => Literal::F32(number as f32),
            Some(Scalar::F16) => Literal::F16(half::f16::from_f64(number)),
            _ => return Err(Refused("a power of what is no float")),
        };
        let value = self.literal(literal);
        let TypeInner::Vector { size, .. } = *inner else { return Ok(value) };
        Ok(self.add(Expression::Splat { size, value }))
    }
}
