//! Operators on constants, as WGSL defines them. Nothing comes of what is an error there.

use super::value::{Kind, Scalar, Value, vector};

/// The operators of expressions, without those that take addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Or,
    And,
    BitOr,
    BitXor,
    BitAnd,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    ShiftLeft,
    ShiftRight,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

pub fn unary(op: u8, value: &Value) -> Option<Value> {
    value.map(&mut |x| match (op, x) {
        (b'!', Scalar::Bool(x)) => Some(Scalar::Bool(!x)),
        (b'-', x) if x.kind().is_float() => Scalar::from_float(x.kind(), -x.float()),
        (b'-', x) if x.kind() != Kind::U32 => Scalar::from_int(x.kind(), -i128::from(x.int()?)),
        (b'~', x) => Scalar::from_int(x.kind(), !i128::from(x.int()?)),
        _ => None,
    })
}

pub fn binary(op: Operator, left: &Value, right: &Value) -> Option<Value> {
    match (op, left, right) {
        (Operator::Multiply, Value::Matrix(_), Value::Matrix(_) | Value::Vector(_))
        | (Operator::Multiply, Value::Vector(_), Value::Matrix(_)) => product(left, right),
        (Operator::Multiply, Value::Matrix(columns), Value::Scalar(_)) => {
            each_column(op, columns, |_| Some(right.clone()))
        }
        (Operator::Multiply, Value::Scalar(_), Value::Matrix(columns)) => {
            each_column(op, columns, |_| Some(left.clone()))
        }
        (Operator::Add | Operator::Subtract, Value::Matrix(a), Value::Matrix(b)) if a.len() == b.len() => {
            let columns =
                a.iter().zip(b).map(|(a, b)| match binary(op, &Value::Vector(a.clone()), &Value::Vector(b.clone()))? {
                    Value::Vector(column) => Some(column),
                    _ => None,
                });
            Some(Value::Matrix(columns.collect::<Option<_>>()?))
        }
        _ => components(op, left, right),
    }
}

fn components(op: Operator, left: &Value, right: &Value) -> Option<Value> {
    let (a, b) = (left.components()?, right.components()?);
    let count = a.len().max(b.len());
    let mixed =
        matches!(op, Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder);
    if a.len() != b.len() && !mixed {
        return None;
    }
    let (a, b) = (Value::spread(a, count)?, Value::spread(b, count)?);
    Some(vector(a.into_iter().zip(b).map(|(a, b)| scalar(op, a, b)).collect::<Option<_>>()?))
}

fn scalar(op: Operator, a: Scalar, b: Scalar) -> Option<Scalar> {
    use Operator as O;
    if let O::ShiftLeft | O::ShiftRight = op {
        return shift(op, a, b);
    }
    let kind = a.kind().common(b.kind())?;
    let (a, b) = (a.coerce(kind)?, b.coerce(kind)?);
    let compared = match op {
        O::Equal => Some(a == b),
        O::NotEqual => Some(a != b),
        O::Less | O::LessEqual | O::Greater | O::GreaterEqual if kind == Kind::Bool => return None,
        O::Less | O::LessEqual | O::Greater | O::GreaterEqual => {
            let order = match (a.int(), b.int()) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => a.float().partial_cmp(&b.float())?,
            };
            Some(match op {
                O::Less => order.is_lt(),
                O::LessEqual => order.is_le(),
                O::Greater => order.is_gt(),
                _ => order.is_ge(),
            })
        }
        _ => None,
    };
    if let Some(holds) = compared {
        return Some(Scalar::Bool(holds));
    }
    if let (Scalar::Bool(a), Scalar::Bool(b)) = (a, b) {
        return Some(Scalar::Bool(match op {
            O::Or | O::BitOr => a | b,
            O::And | O::BitAnd => a & b,
            _ => return None,
        }));
    }
    if kind.is_float() {
        let (a, b) = (a.float(), b.float());
        // Twice the digits of a single, so that rounding twice is rounding once.
        return Scalar::from_float(
            kind,
            match op {
                O::Add => a + b,
                O::Subtract => a - b,
                O::Multiply => a * b,
                O::Divide if b != 0.0 => a / b,
                O::Remainder if b != 0.0 => a % b,
                _ => return None,
            },
        );
    }
    let (a, b) = (i128::from(a.int()?), i128::from(b.int()?));
    if let O::Divide | O::Remainder = op
        && (b == 0 || kind == Kind::I32 && a == i32::MIN.into() && b == -1)
    {
        return None;
    }
    Scalar::from_int(
        kind,
        match op {
            O::Add => a + b,
            O::Subtract => a - b,
            O::Multiply => a * b,
            O::Divide => a / b,
            O::Remainder => a % b,
            O::BitAnd => a & b,
            O::BitOr => a | b,
            O::BitXor => a ^ b,
            _ => return None,
        },
    )
}

/// A shift of a whole number by as much as fits its type; abstract numbers may be shifted right by any amount.
fn shift(op: Operator, a: Scalar, by: Scalar) -> Option<Scalar> {
    let (value, amount) = (i128::from(a.int()?), by.coerce(Kind::U32)?.int()?);
    let abstract_number = a.kind() == Kind::Int;
    if !abstract_number && amount >= 32 {
        return None;
    }
    if op == Operator::ShiftRight {
        return Scalar::from_int(a.kind(), value >> amount.min(127));
    }
    if amount >= 64 {
        return (value == 0).then_some(a);
    }
    let shifted = value << amount;
    // What leaves the type is an error, not lost.
    let fits = match a.kind() {
        Kind::I32 => i32::try_from(shifted).is_ok(),
        Kind::U32 => u32::try_from(shifted).is_ok(),
        _ => i64::try_from(shifted).is_ok(),
    };
    if fits { Scalar::from_int(a.kind(), shifted) } else { None }
}

fn each_column(op: Operator, columns: &[Vec<Scalar>], other: impl Fn(usize) -> Option<Value>) -> Option<Value> {
    let columns =
        columns.iter().enumerate().map(|(i, column)| match binary(op, &Value::Vector(column.clone()), &other(i)?)? {
            Value::Vector(column) => Some(column),
            _ => None,
        });
    Some(Value::Matrix(columns.collect::<Option<_>>()?))
}

/// A product of two matrices, or of a matrix and a vector.
fn product(left: &Value, right: &Value) -> Option<Value> {
    let sum = |pairs: &mut dyn Iterator<Item = (Scalar, Scalar)>| {
        let mut total: Option<Scalar> = None;
        for (a, b) in pairs {
            let term = scalar(Operator::Multiply, a, b)?;
            total = Some(match total {
                Some(total) => scalar(Operator::Add, total, term)?,
                None => term,
            });
        }
        total
    };
    let column = |matrix: &[Vec<Scalar>], v: &[Scalar]| {
        if matrix.len() != v.len() {
            return None;
        }
        let row = |r: usize| sum(&mut matrix.iter().zip(v).map(|(column, &x)| (column[r], x)));
        (0..matrix[0].len()).map(row).collect::<Option<Vec<_>>>()
    };
    match (left, right) {
        (Value::Matrix(a), Value::Matrix(b)) => {
            Some(Value::Matrix(b.iter().map(|v| column(a, v)).collect::<Option<_>>()?))
        }
        (Value::Matrix(a), Value::Vector(v)) => Some(Value::Vector(column(a, v)?)),
        (Value::Vector(v), Value::Matrix(b)) if v.len() == b[0].len() => {
            let dots = b.iter().map(|column| sum(&mut v.iter().copied().zip(column.iter().copied())));
            Some(Value::Vector(dots.collect::<Option<_>>()?))
        }
        _ => None,
    }
}
