//! Literals.

use super::{
    functions,
    value::{Kind, Scalar},
};

/// The value of a literal.
pub fn number(text: &str) -> Option<Scalar> {
    let lower = text.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("0x") {
        return hexadecimal(digits);
    }
    if let Some(digits) = lower.strip_suffix('f') {
        return Scalar::from_float(Kind::F32, digits.parse().ok()?);
    }
    if let Some(digits) = lower.strip_suffix('h') {
        return Scalar::from_float(Kind::F16, digits.parse().ok()?);
    }
    integer(&lower, 10).or_else(|| Scalar::from_float(Kind::Float, lower.parse().ok()?))
}

fn integer(digits: &str, radix: u32) -> Option<Scalar> {
    if let Some(digits) = digits.strip_suffix('u') {
        return Some(Scalar::U32(u32::from_str_radix(digits, radix).ok()?));
    }
    if let Some(digits) = digits.strip_suffix('i') {
        return Some(Scalar::I32(i32::from_str_radix(digits, radix).ok()?));
    }
    Some(Scalar::Int(i64::from_str_radix(digits, radix).ok()?))
}

/// The value of what stands behind `0x`: an integer, or a float with a point or an exponent.
fn hexadecimal(text: &str) -> Option<Scalar> {
    if !text.contains(['p', '.']) {
        return integer(text, 16);
    }
    let (digits, exponent, kind) = match text.split_once('p') {
        None => (text, 0, Kind::Float),
        Some((digits, rest)) => {
            let (rest, kind) = match rest.as_bytes().last()? {
                b'f' => (&rest[..rest.len() - 1], Kind::F32),
                b'h' => (&rest[..rest.len() - 1], Kind::F16),
                _ => (rest, Kind::Float),
            };
            (digits, rest.parse::<i32>().ok()?, kind)
        }
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let mantissa = u64::from_str_radix(&format!("{whole}{part}"), 16).ok()?;
    // Exact, or refused: digits that a double cannot hold would be rounded twice.
    if mantissa != 0 && 64 - mantissa.leading_zeros() - mantissa.trailing_zeros() > 53 {
        return None;
    }
    let exponent = exponent.checked_sub(4 * part.len() as i32)?.clamp(-2200, 2200);
    let exact = functions::scale(mantissa as f64, exponent);
    // A hexadecimal literal must be one of its type's values.
    Scalar::from_float(kind, exact).filter(|value| value.float() == exact)
}
