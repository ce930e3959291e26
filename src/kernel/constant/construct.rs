//! Constructors, and parts of values.

use super::value::{Kind, MOST_SCALARS, Scalar, Type, Value, vector};

/// The value of a constructor.
pub fn construct(ty: &Type, arguments: &[Value]) -> Option<Value> {
    if arguments.is_empty() {
        return ty.zero();
    }
    if arguments.iter().map(Value::scalars).sum::<usize>() > MOST_SCALARS {
        return None;
    }
    // Of one argument a constructor is a conversion; more are taken as they are.
    let fit = |value: Scalar, kind: Kind, one: bool| if one { value.convert(kind) } else { value.coerce(kind) };
    match ty {
        Type::Scalar(kind) => match arguments {
            [value] => Some(Value::Scalar(value.scalar()?.convert(*kind)?)),
            _ => None,
        },
        Type::Vector(size, kind) => {
            let mut parts = Vec::new();
            for argument in arguments {
                parts.extend_from_slice(argument.components()?);
            }
            let one = arguments.len() == 1 && parts.len() == *size;
            let kind = match kind {
                Some(kind) => *kind,
                None => shared_kind(&parts)?,
            };
            let parts: Vec<Scalar> = parts.iter().map(|&value| fit(value, kind, one)).collect::<Option<_>>()?;
            let spreads = arguments.len() == 1 && parts.len() == 1;
            if parts.len() != *size && !spreads {
                return None;
            }
            Some(Value::Vector(Value::spread(&parts, *size)?))
        }
        Type::Matrix(columns, rows, kind) => {
            let mut parts = Vec::new();
            let one = matches!(arguments, [Value::Matrix(_)]);
            let whole_columns = arguments.iter().all(|a| matches!(a, Value::Vector(column) if column.len() == *rows));
            for argument in arguments {
                match argument {
                    Value::Matrix(matrix) if one && matrix.len() == *columns && matrix[0].len() == *rows => {
                        parts.extend(matrix.iter().flatten().copied());
                    }
                    Value::Vector(column) if whole_columns => parts.extend_from_slice(column),
                    Value::Scalar(value) => parts.push(*value),
                    _ => return None,
                }
            }
            let kind = match (kind, shared_kind(&parts)?) {
                (Some(kind), _) => *kind,
                (None, Kind::Int) => Kind::Float,
                (None, kind) => kind,
            };
            if parts.len() != columns * rows {
                return None;
            }
            let parts: Vec<Scalar> = parts.iter().map(|&value| fit(value, kind, one)).collect::<Option<_>>()?;
            Some(Value::Matrix(parts.chunks(*rows).map(<[Scalar]>::to_vec).collect()))
        }
        Type::Array(None) => {
            let first = arguments.first()?;
            let same = |value: &Value| value.kind().is_some() && value.kind() == first.kind();
            arguments.iter().all(same).then(|| Value::Array(arguments.to_vec()))
        }
        Type::Array(Some((element, length))) => (arguments.len() == *length)
            .then(|| Some(Value::Array(arguments.iter().map(|a| a.coerce(element)).collect::<Option<_>>()?)))?,
        Type::Struct(name, fields) => {
            if fields.len() != arguments.len() {
                return None;
            }
            let parts = fields.iter().zip(arguments).map(|((name, ty), value)| Some((name.clone(), value.coerce(ty)?)));
            Some(Value::Struct(Some(name.clone()), parts.collect::<Option<_>>()?))
        }
    }
}

fn shared_kind(parts: &[Scalar]) -> Option<Kind> {
    let first = parts.first()?.kind();
    parts.iter().try_fold(first, |kind, part| kind.common(part.kind()))
}

/// A field, or components of a vector.
pub fn member(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Struct(_, fields) => fields.iter().find(|field| field.0 == name).map(|field| field.1.clone()),
        Value::Vector(values) => {
            let place = |c: char| "xyzw".find(c).or_else(|| "rgba".find(c));
            let parts = name.chars().map(|c| values.get(place(c)?).copied()).collect::<Option<Vec<_>>>()?;
            (parts.len() <= 4).then(|| vector(parts))
        }
        _ => None,
    }
}

pub fn element(value: &Value, index: i64) -> Option<Value> {
    let index = usize::try_from(index).ok()?;
    match value {
        Value::Vector(values) => values.get(index).copied().map(Value::Scalar),
        Value::Matrix(columns) => columns.get(index).cloned().map(Value::Vector),
        Value::Array(values) => values.get(index).cloned(),
        _ => None,
    }
}
