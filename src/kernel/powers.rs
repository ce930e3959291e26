//! `pow` with a constant whole exponent is a product.
//!
//! WGSL leaves the power of a negative base open. Drivers know `pow(x, 2.0)` as `x * x`, and programs rely on it; so
//! here every whole exponent that stands in the text as a constant is a product, on every device.

use naga::{Arena, Constant, Expression, Handle, Literal, Module};

/// Up to this size an exponent is a product of squares; beyond it, the magnitude's power gets the base's sign.
pub(crate) const LONGEST_PRODUCT: u32 = 32;

/// The whole exponent that a constant of a function is, the same in all components.
pub(crate) fn whole_exponent(
    module: &Module,
    expressions: &Arena<Expression>,
    handle: Handle<Expression>,
) -> Option<i32> {
    let number = number(expressions, &module.constants, &module.global_expressions, handle)?;
    // Floats from 2^24 on are even numbers all, and nobody's idea of a product.
    (number.fract() == 0.0 && number.abs() <= f64::from(1 << 24)).then_some(number as i32)
}

fn number(
    expressions: &Arena<Expression>,
    constants: &Arena<Constant>,
    global: &Arena<Expression>,
    handle: Handle<Expression>,
) -> Option<f64> {
    let of = |handle| number(expressions, constants, global, handle);
    match expressions[handle] {
        Expression::Literal(Literal::F32(x)) => Some(x.into()),
        Expression::Literal(Literal::F16(x)) => Some(x.to_f64()),
        Expression::ZeroValue(_) => Some(0.0),
        Expression::Constant(constant) => number(global, constants, global, constants[constant].init),
        Expression::Splat { value, .. } => of(value),
        Expression::Compose { ref components, .. } => {
            let first = of(*components.first()?)?;
            components.iter().all(|&component| of(component) == Some(first)).then_some(first)
        }
        _ => None,
    }
}
