//! Lists of values in headers.

use half::f16;

use super::expression::{Number, Scope, Text};

/// The type of an element in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    F32,
    F16,
    I32,
    U32,
    Bool,
}

impl Scalar {
    pub fn named(name: &str) -> Option<Scalar> {
        Some(match name {
            "f32" => Scalar::F32,
            "f16" => Scalar::F16,
            "i32" => Scalar::I32,
            "u32" => Scalar::U32,
            "bool" => Scalar::Bool,
            _ => return None,
        })
    }

    pub fn bytes(self) -> usize {
        if self == Scalar::F16 { 2 } else { 4 }
    }

    pub fn is_float(self) -> bool {
        matches!(self, Scalar::F32 | Scalar::F16)
    }

    /// What these bits stand for.
    pub fn number(self, bits: u32) -> Number {
        match self {
            Scalar::F32 => Number::Real(f64::from(f32::from_bits(bits))),
            Scalar::F16 => Number::Real(f16::from_bits(bits as u16).to_f64()),
            Scalar::I32 => Number::Int(i128::from(bits as i32)),
            Scalar::U32 | Scalar::Bool => Number::Int(i128::from(bits)),
        }
    }

    /// The bits of the nearest value of this type.
    pub fn bits(self, number: Number) -> Result<u32, String> {
        Ok(match self {
            Scalar::F32 => (number.real() as f32).to_bits(),
            Scalar::F16 => u32::from(f16::from_f64(number.real()).to_bits()),
            Scalar::I32 => {
                let i = number.int()?;
                let fits = (i128::from(i32::MIN)..=i128::from(u32::MAX)).contains(&i);
                if fits { i as u32 } else { return Err(format!("{i} does not fit i32; write i32(..) to wrap it")) }
            }
            Scalar::U32 | Scalar::Bool => {
                let i = number.int()?;
                u32::try_from(i).map_err(|_| format!("{i} does not fit u32; write u32(..) to wrap it"))?
            }
        })
    }
}

/// One entry of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number, held as precisely as it was given.
    Number(Number),
    /// Exactly these bits.
    Bits(u32),
    Anything,
    Untouched,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    pub scalar: Scalar,
    pub value: Value,
}

impl Entry {
    /// The bits to put into a buffer.
    pub fn bits(&self) -> Result<u32, String> {
        match self.value {
            Value::Number(number) => self.scalar.bits(number),
            Value::Bits(bits) => Ok(bits),
            Value::Anything | Value::Untouched => Err("`_` and `untouched` are for what a kernel writes".into()),
        }
    }
}

/// Reads a list of values of type `scalar`, unless it says otherwise.
pub fn list(text: &str, mut scalar: Scalar, scope: &mut Scope) -> Result<Vec<Entry>, String> {
    let mut text = Text::new(text);
    let mut entries = Vec::new();
    while !text.is_empty() {
        let before = text.here();
        let negative = text.accept("-");
        let value = match text.word() {
            Some(word) if Scalar::named(word).is_some() && !negative => {
                scalar = Scalar::named(word).unwrap_or(scalar);
                continue;
            }
            Some(word @ ("seq" | "hash" | "each")) if !negative => {
                generate(word, &mut text, scalar, scope, &mut entries)?;
                continue;
            }
            Some("_") if !negative => Value::Anything,
            Some("untouched") if !negative => Value::Untouched,
            Some("inf") => Value::Number(Number::Real(if negative { f64::NEG_INFINITY } else { f64::INFINITY })),
            Some("nan") if !negative => Value::Number(Number::Real(f64::NAN)),
            Some(word) => return Err(format!("`{word}` is no value")),
            None => literal(&mut text, scalar, negative)?,
        };
        let count = if text.accept_close(&before, "*") { text.number()?.0.int()? } else { 1 };
        entries.extend((0..count).map(|_| Entry { scalar, value }));
    }
    Ok(entries)
}

fn literal(text: &mut Text<'_>, scalar: Scalar, negative: bool) -> Result<Value, String> {
    let (number, hex) = text.number()?;
    if hex && scalar.is_float() {
        if negative {
            return Err("the bits of a float have no sign".into());
        }
        return Ok(Value::Bits(number.int()? as u32));
    }
    Ok(Value::Number(match number {
        // -0 is a float of its own.
        Number::Int(i) if scalar.is_float() => Number::Real(if negative { -(i as f64) } else { i as f64 }),
        Number::Int(i) => Number::Int(if negative { -i } else { i }),
        Number::Real(x) => Number::Real(if negative { -x } else { x }),
    }))
}

fn generate(
    name: &str,
    text: &mut Text<'_>,
    scalar: Scalar,
    scope: &mut Scope,
    entries: &mut Vec<Entry>,
) -> Result<(), String> {
    text.expect("(")?;
    let mut arguments = vec![text.expression()?];
    while text.accept(",") {
        arguments.push(text.expression()?);
    }
    text.expect(")")?;
    let count = arguments[0].evaluate(scope)?.int()?;
    let mut push = |value: Value| entries.push(Entry { scalar, value });
    match (name, &arguments[1..]) {
        ("seq", []) => (0..count).for_each(|i| push(Value::Number(Number::Int(i)))),
        ("seq", [start, step]) => {
            let (start, step) = (start.evaluate(scope)?, step.evaluate(scope)?);
            for i in 0..count {
                push(Value::Number(match (start, step) {
                    (Number::Int(start), Number::Int(step)) => Number::Int(start + i * step),
                    (start, step) => Number::Real(start.real() + i as f64 * step.real()),
                }));
            }
        }
        ("hash", [seed]) => {
            let seed = seed.evaluate(scope)?.int()? as u32;
            for i in 0..count {
                let bits = hash(seed.wrapping_mul(0x9e37_79b9).wrapping_add(i as u32));
                push(Value::Number(match scalar {
                    Scalar::F32 | Scalar::F16 => Number::Real(f64::from(bits >> 17) / 256.0 - 64.0),
                    Scalar::I32 => Number::Int(i128::from(bits as i32)),
                    Scalar::U32 => Number::Int(i128::from(bits)),
                    Scalar::Bool => Number::Int(i128::from(bits & 1)),
                }));
            }
        }
        ("each", [expression]) => {
            for i in 0..count {
                scope.variables.push(("i".into(), i));
                let value = expression.evaluate(scope);
                scope.variables.pop();
                push(Value::Number(value.map_err(|error| format!("element {i}: {error}"))?));
            }
        }
        _ => return Err("generators are seq(n), seq(n, start, step), hash(n, seed) and each(n, expression)".into()),
    }
    Ok(())
}

/// The finaliser of MurmurHash3 (Appleby, 2011): every bit of the argument changes half of the result's.
fn hash(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
    x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}
