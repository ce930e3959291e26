//! WGSL's built-in functions on constants. Nothing comes of what is an error there, or is not known here.
//!
//! Floats are computed with twice the digits of a single and rounded once, which is as accurate as any device may be.

use std::f64::consts::LN_2;

use half::f16;

use super::{
    operators::{self, Operator},
    value::{Kind, Scalar, Value, vector},
};

/// What the function `name` gives for `args`.
pub fn call(name: &str, args: &[Value]) -> Option<Value> {
    let arity = |n: usize| (args.len() == n).then_some(());
    match name {
        "all" | "any" => {
            arity(1)?;
            let holds = |x: &Scalar| *x == Scalar::Bool(true);
            let values = args[0].components()?;
            values.iter().all(|x| x.kind() == Kind::Bool).then_some(())?;
            let result = if name == "all" { values.iter().all(holds) } else { values.iter().any(holds) };
            Some(Value::Scalar(Scalar::Bool(result)))
        }
        "select" => {
            arity(3)?;
            let pair = common(&args[..2])?;
            let count = pair[0].len();
            let chosen = Value::spread(args[2].components()?, count)?;
            let parts = (0..count).map(|i| match chosen[i] {
                Scalar::Bool(chosen) => Some(pair[usize::from(chosen)][i]),
                _ => None,
            });
            Some(vector(parts.collect::<Option<_>>()?))
        }
        "transpose" => {
            arity(1)?;
            let Value::Matrix(columns) = &args[0] else { return None };
            let rows = columns[0].len();
            Some(Value::Matrix((0..rows).map(|r| columns.iter().map(|column| column[r]).collect()).collect()))
        }
        "determinant" => {
            arity(1)?;
            let Value::Matrix(columns) = &args[0] else { return None };
            let kind = as_float(args[0].kind()?)?;
            let numbers: Vec<Vec<f64>> = columns.iter().map(|c| c.iter().map(|x| x.float()).collect()).collect();
            if numbers.iter().any(|column| column.len() != numbers.len()) {
                return None;
            }
            Some(Value::Scalar(Scalar::from_float(kind, determinant(&numbers))?))
        }
        "frexp" | "modf" => {
            arity(1)?;
            decompose(name, &args[0])
        }
        "ldexp" => {
            arity(2)?;
            let kind = as_float(args[0].kind()?)?;
            let exponents = args[1].components()?;
            let parts = args[0].components()?.iter().zip(exponents).map(|(x, e)| {
                let e = e.int()?;
                // Beyond the bias of the type it is an error, whatever the result.
                let bias = match kind {
                    Kind::F16 => 15,
                    Kind::F32 => 127,
                    _ => 1023,
                };
                if e > bias + 1 {
                    return None;
                }
                Scalar::from_float(kind, scale(x.float(), e.max(-2200) as i32))
            });
            Some(vector(parts.collect::<Option<_>>()?))
        }
        "mix" => {
            arity(3)?;
            let weight = Value::spread(args[2].components()?, args[0].components()?.len())?;
            float(&[args[0].clone(), args[1].clone(), vector(weight)], |x| x[0] * (1.0 - x[2]) + x[1] * x[2])
        }
        "quantizeToF16" => {
            arity(1)?;
            let half = |x: Scalar| {
                let rounded = f16::from_f64(x.coerce(Kind::F32)?.float());
                Scalar::from_float(Kind::F32, rounded.to_f64())
            };
            args[0].map(&mut |x| half(x))
        }
        "extractBits" | "insertBits" => bit_field(name, args),
        _ => geometry(name, args)
            .or_else(|| float_function(name, args))
            .or_else(|| number(name, args))
            .or_else(|| packing(name, args)),
    }
}

/// The float that a number becomes where floats are wanted.
fn as_float(kind: Kind) -> Option<Kind> {
    match kind {
        Kind::Int => Some(Kind::Float),
        kind if kind.is_float() => Some(kind),
        _ => None,
    }
}

/// The components of arguments of one shape, converted to the kind that all of them have in common.
fn common(args: &[Value]) -> Option<Vec<Vec<Scalar>>> {
    let mut kind = args[0].kind()?;
    for arg in args {
        kind = kind.common(arg.kind()?)?;
    }
    let count = args[0].components()?.len();
    let convert = |arg: &Value| {
        let values = arg.components()?;
        (values.len() == count).then_some(())?;
        values.iter().map(|value| value.coerce(kind)).collect::<Option<Vec<_>>>()
    };
    args.iter().map(convert).collect()
}

/// A function of floats, component by component.
fn float(args: &[Value], f: impl Fn(&[f64]) -> f64) -> Option<Value> {
    let columns = common(args)?;
    let kind = as_float(columns[0][0].kind())?;
    let parts = (0..columns[0].len()).map(|i| {
        let x: Vec<f64> = columns.iter().map(|column| column[i].float()).collect();
        Scalar::from_float(kind, f(&x))
    });
    Some(vector(parts.collect::<Option<_>>()?))
}

/// From here on `x` and `sqrt(x * x + 1)` are one number.
const LARGE: f64 = 1e9;

fn float_function(name: &str, args: &[Value]) -> Option<Value> {
    let one = |f: fn(f64) -> f64| if args.len() == 1 { float(args, |x| f(x[0])) } else { None };
    let two = |f: fn(f64, f64) -> f64| if args.len() == 2 { float(args, |x| f(x[0], x[1])) } else { None };
    match name {
        "acos" => one(f64::acos),
        // Twice the largest numbers is infinite.
        "acosh" => one(|x| if x > LARGE { x.ln() + LN_2 } else { x.acosh() }),
        "asin" => one(f64::asin),
        "asinh" => one(|x| if x.abs() > LARGE { (x.abs().ln() + LN_2).copysign(x) } else { x.asinh() }),
        "atan" => one(f64::atan),
        // Exact differences where the argument is near 1 or near 0.
        "atanh" => one(|x| 0.5 * (x.ln_1p() - (-x).ln_1p())),
        "atan2" => two(f64::atan2),
        "ceil" => one(f64::ceil),
        "cos" => one(f64::cos),
        "cosh" => one(f64::cosh),
        "degrees" => one(f64::to_degrees),
        "exp" => one(f64::exp),
        "exp2" => one(f64::exp2),
        "floor" => one(f64::floor),
        "fma" if args.len() == 3 => float(args, |x| x[0].mul_add(x[1], x[2])),
        "fract" => one(|x| x - x.floor()),
        "inverseSqrt" => one(|x| 1.0 / x.sqrt()),
        "log" => one(f64::ln),
        "log2" => one(f64::log2),
        "pow" => two(|x, y| if x < 0.0 || x == 0.0 && y <= 0.0 { f64::NAN } else { x.powf(y) }),
        "radians" => one(f64::to_radians),
        "round" => one(f64::round_ties_even),
        "saturate" => one(|x| x.clamp(0.0, 1.0)),
        "sin" => one(f64::sin),
        "sinh" => one(f64::sinh),
        "smoothstep" if args.len() == 3 => float(args, |x| {
            if x[0] == x[1] {
                return f64::NAN;
            }
            let t = ((x[2] - x[0]) / (x[1] - x[0])).clamp(0.0, 1.0);
            t * t * (3.0 - 2.0 * t)
        }),
        "sqrt" => one(f64::sqrt),
        "step" => two(|edge, x| if edge <= x { 1.0 } else { 0.0 }),
        "tan" => one(f64::tan),
        "tanh" => one(f64::tanh),
        "trunc" => one(f64::trunc),
        _ => None,
    }
}

/// Functions of vectors.
fn geometry(name: &str, args: &[Value]) -> Option<Value> {
    if !matches!(name, "cross" | "distance" | "dot" | "faceForward" | "length" | "normalize" | "reflect" | "refract") {
        return None;
    }
    if name == "dot" && args.iter().all(|arg| arg.kind().is_some_and(|kind| !kind.is_float())) {
        return integer_dot(args);
    }
    let vectors = if name == "refract" { args.get(..2)? } else { args };
    let columns = common(vectors)?;
    let kind = as_float(columns[0][0].kind())?;
    let v: Vec<Vec<f64>> = columns.iter().map(|column| column.iter().map(|x| x.float()).collect()).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let result: Vec<f64> = match (name, v.as_slice()) {
        ("dot", [a, b]) => vec![dot(a, b)],
        ("length", [a]) => vec![dot(a, a).sqrt()],
        ("distance", [a, b]) => vec![a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()],
        ("normalize", [a]) => a.iter().map(|x| x / dot(a, a).sqrt()).collect(),
        ("cross", [a, b]) if a.len() == 3 => {
            [(1, 2), (2, 0), (0, 1)].iter().map(|&(i, j)| a[i] * b[j] - a[j] * b[i]).collect()
        }
        ("faceForward", [a, b, c]) => {
            let sign = if dot(b, c) < 0.0 { 1.0 } else { -1.0 };
            a.iter().map(|x| sign * x).collect()
        }
        ("reflect", [a, b]) => {
            let twice = 2.0 * dot(b, a);
            a.iter().zip(b).map(|(a, b)| a - twice * b).collect()
        }
        ("refract", [a, b]) => {
            let eta = args.get(2)?.scalar()?.coerce(kind)?.float();
            let along = dot(b, a);
            let k = 1.0 - eta * eta * (1.0 - along * along);
            let bent = |(a, b): (&f64, &f64)| if k < 0.0 { 0.0 } else { eta * a - (eta * along + k.sqrt()) * b };
            a.iter().zip(b).map(bent).collect()
        }
        _ => return None,
    };
    Some(vector(result.into_iter().map(|x| Scalar::from_float(kind, x)).collect::<Option<_>>()?))
}

fn integer_dot(args: &[Value]) -> Option<Value> {
    let [a, b] = args else { return None };
    let Value::Vector(products) = operators::binary(Operator::Multiply, a, b)? else { return None };
    let mut values = products.into_iter().map(Value::Scalar);
    let first = values.next()?;
    values.try_fold(first, |sum, term| operators::binary(Operator::Add, &sum, &term))
}

fn determinant(m: &[Vec<f64>]) -> f64 {
    if let [column] = m {
        return column[0];
    }
    let minor = |row: usize| -> Vec<Vec<f64>> {
        let without = |column: &Vec<f64>| (0..column.len()).filter(|&r| r != row).map(|r| column[r]).collect();
        m[1..].iter().map(without).collect()
    };
    let term = |row: usize| if row.is_multiple_of(2) { m[0][row] } else { -m[0][row] } * determinant(&minor(row));
    (0..m.len()).map(term).sum()
}

/// `x * 2^e`, without a detour over what is infinite or zero.
pub fn scale(mut x: f64, mut e: i32) -> f64 {
    while e > 1000 {
        (x, e) = (x * 2f64.powi(1000), e - 1000);
    }
    while e < -1000 {
        (x, e) = (x * 2f64.powi(-1000), e + 1000);
    }
    x * 2f64.powi(e)
}

/// `frexp` and `modf`: structs without a name.
fn decompose(name: &str, value: &Value) -> Option<Value> {
    let kind = as_float(value.kind()?)?;
    let integer = if kind == Kind::Float { Kind::Int } else { Kind::I32 };
    let (mut fractions, mut others) = (Vec::new(), Vec::new());
    for x in value.components()? {
        let x = x.float();
        if name == "modf" {
            fractions.push(Scalar::from_float(kind, x - x.trunc())?);
            others.push(Scalar::from_float(kind, x.trunc())?);
        } else {
            let mut exponent = 0;
            let mut fraction = x;
            if x != 0.0 {
                // Singles and halves are normal numbers as doubles; an abstract one may need one step more.
                exponent = ((x.to_bits() >> 52) & 0x7ff) as i32 - 1022;
                fraction = scale(x, -exponent);
                while fraction.abs() < 0.5 {
                    (fraction, exponent) = (fraction * 2.0, exponent - 1);
                }
            }
            fractions.push(Scalar::from_float(kind, fraction)?);
            others.push(Scalar::from_int(integer, exponent.into())?);
        }
    }
    let second = if name == "modf" { "whole" } else { "exp" };
    Some(Value::Struct(None, vec![("fract".into(), vector(fractions)), (second.into(), vector(others))]))
}

/// Functions of integers, and of integers and floats alike.
fn number(name: &str, args: &[Value]) -> Option<Value> {
    if let "min" | "max" | "clamp" = name {
        let columns = common(args)?;
        let less = |a: Scalar, b: Scalar| match (a.int(), b.int()) {
            (Some(a), Some(b)) => a < b,
            _ => a.float() < b.float(),
        };
        let (min, max) = (|a, b| if less(b, a) { b } else { a }, |a, b| if less(a, b) { b } else { a });
        let pick = |i: usize| match (name, columns.as_slice()) {
            ("min", [a, b]) => Some(min(a[i], b[i])),
            ("max", [a, b]) => Some(max(a[i], b[i])),
            ("clamp", [x, low, high]) if !less(high[i], low[i]) => Some(min(max(x[i], low[i]), high[i])),
            _ => None,
        };
        return Some(vector((0..columns[0].len()).map(pick).collect::<Option<_>>()?));
    }
    let [value] = args else { return None };
    value.map(&mut |x| {
        let kind = x.kind();
        if let "abs" | "sign" = name {
            return match (name, x.int()) {
                ("abs", Some(x)) => Scalar::from_int(kind, i128::from(x).abs()),
                ("abs", None) => Scalar::from_float(kind, x.float().abs()),
                (_, Some(x)) => Scalar::from_int(kind, x.signum().into()),
                (_, None) => Scalar::from_float(kind, if x.float() == 0.0 { 0.0 } else { x.float().signum() }),
            };
        }
        let kind = if kind == Kind::Int { Kind::I32 } else { kind };
        let bits = if kind.is_float() { return None } else { x.bits()? };
        let signed = kind == Kind::I32;
        let none = u32::MAX;
        let result = match name {
            "countLeadingZeros" => bits.leading_zeros(),
            "countOneBits" => bits.count_ones(),
            "countTrailingZeros" => bits.trailing_zeros(),
            "reverseBits" => bits.reverse_bits(),
            "firstTrailingBit" if bits == 0 => none,
            "firstTrailingBit" => bits.trailing_zeros(),
            "firstLeadingBit" => {
                let significant = if signed && (bits as i32) < 0 { !bits } else { bits };
                if significant == 0 { none } else { 31 - significant.leading_zeros() }
            }
            _ => return None,
        };
        Scalar::from_bits(kind, result)
    })
}

fn bit_field(name: &str, args: &[Value]) -> Option<Value> {
    let insert = name == "insertBits";
    if args.len() != if insert { 4 } else { 3 } {
        return None;
    }
    let [offset, count] = [&args[args.len() - 2], &args[args.len() - 1]];
    let part = |value: &Value| value.scalar()?.coerce(Kind::U32)?.bits();
    let (offset, count) = (part(offset)?, part(count)?);
    // More bits than there are is an error, not cut off.
    if u64::from(offset) + u64::from(count) > 32 {
        return None;
    }
    let columns = common(&args[..if insert { 2 } else { 1 }])?;
    let mask = if count == 32 { u32::MAX } else { (1 << count) - 1 };
    let parts = (0..columns[0].len()).map(|i| {
        let x = columns[0][i];
        let kind = match x.kind() {
            Kind::Int => Kind::I32,
            kind @ (Kind::I32 | Kind::U32) => kind,
            _ => return None,
        };
        let bits = x.bits()?;
        let result = if insert {
            let new = columns[1][i].bits()?;
            if count == 0 { bits } else { bits & !(mask << offset) | (new & mask) << offset }
        } else if count == 0 {
            0
        } else if kind == Kind::I32 {
            ((bits << (32 - offset - count)) as i32 >> (32 - count)) as u32
        } else {
            bits >> offset & mask
        };
        Scalar::from_bits(kind, result)
    });
    Some(vector(parts.collect::<Option<_>>()?))
}

/// `bitcast` to `size` components of `kind`, of which halves take 16 bits.
pub fn bitcast(value: &Value, kind: Kind, size: usize) -> Option<Value> {
    let mut halves = Vec::new();
    for x in value.components()? {
        match x {
            Scalar::F16(x) => halves.push(x.to_bits()),
            x => {
                let bits = x.bits()?;
                halves.extend([bits as u16, (bits >> 16) as u16]);
            }
        }
    }
    let parts: Option<Vec<Scalar>> = if kind == Kind::F16 {
        halves.iter().map(|&bits| Some(Scalar::F16(f16::from_bits(bits))).filter(|x| x.float().is_finite())).collect()
    } else {
        let words = halves.chunks_exact(2).map(|pair| u32::from(pair[0]) | u32::from(pair[1]) << 16);
        (halves.len() % 2 == 0).then_some(())?;
        words.map(|bits| Scalar::from_bits(kind, bits)).collect()
    };
    let parts = parts?;
    (parts.len() == size).then(|| vector(parts))
}

/// Packing, unpacking, and products of packed integers.
fn packing(name: &str, args: &[Value]) -> Option<Value> {
    let word = |bits: u32| Some(Value::Scalar(Scalar::U32(bits)));
    let signed = |byte: u8| i32::from(byte as i8);
    if let ("dot4I8Packed" | "dot4U8Packed", [a, b]) = (name, args) {
        let [a, b] = [a, b].map(|x| Some(x.scalar()?.coerce(Kind::U32)?.bits()?.to_le_bytes()));
        let pairs = a?.into_iter().zip(b?);
        return Some(Value::Scalar(match name {
            "dot4I8Packed" => Scalar::I32(pairs.map(|(a, b)| signed(a) * signed(b)).sum()),
            _ => Scalar::U32(pairs.map(|(a, b)| u32::from(a) * u32::from(b)).sum()),
        }));
    }
    let [value] = args else { return None };
    let norm = |count: usize, low: f64, scale: f64| {
        let x: Vec<f64> =
            value.components()?.iter().map(|x| Some(x.coerce(Kind::F32)?.float())).collect::<Option<_>>()?;
        (x.len() == count).then_some(())?;
        let bits = 32 / count;
        let fields = x.iter().map(|x| (0.5 + scale * x.clamp(low, 1.0)).floor() as i32 as u32);
        word(fields.enumerate().fold(0, |word, (i, field)| word | (field & (!0 >> (32 - bits))) << (i * bits)))
    };
    let bytes = |kind: Kind, byte: fn(u32) -> u8| {
        let x: Vec<u8> =
            value.components()?.iter().map(|x| Some(byte(x.coerce(kind)?.bits()?))).collect::<Option<_>>()?;
        word(u32::from_le_bytes(x.try_into().ok()?))
    };
    let bits = || value.scalar()?.coerce(Kind::U32)?.bits();
    let floats = |x: Vec<f64>| {
        Some(Value::Vector(x.into_iter().map(|x| Scalar::from_float(Kind::F32, x)).collect::<Option<_>>()?))
    };
    let pairs = |word: u32| [word as u16, (word >> 16) as u16];
    match name {
        "pack4x8snorm" => norm(4, -1.0, 127.0),
        "pack4x8unorm" => norm(4, 0.0, 255.0),
        "pack2x16snorm" => norm(2, -1.0, 32767.0),
        "pack2x16unorm" => norm(2, 0.0, 65535.0),
        "pack2x16float" => {
            let halves = value.components()?.iter().map(|x| {
                let half = f16::from_f64(x.coerce(Kind::F32)?.float());
                half.is_finite().then(|| half.to_bits())
            });
            let [low, high] = halves.collect::<Option<Vec<_>>>()?.try_into().ok()?;
            word(u32::from(low) | u32::from(high) << 16)
        }
        "pack4xI8" => bytes(Kind::I32, |x| x as u8),
        "pack4xU8" => bytes(Kind::U32, |x| x as u8),
        "pack4xI8Clamp" => bytes(Kind::I32, |x| (x as i32).clamp(-128, 127) as u8),
        "pack4xU8Clamp" => bytes(Kind::U32, |x| x.min(255) as u8),
        "unpack4x8snorm" => {
            floats(bits()?.to_le_bytes().iter().map(|&x| (f64::from(signed(x)) / 127.0).max(-1.0)).collect())
        }
        "unpack4x8unorm" => floats(bits()?.to_le_bytes().iter().map(|&x| f64::from(x) / 255.0).collect()),
        "unpack2x16snorm" => {
            floats(pairs(bits()?).iter().map(|&x| (f64::from(x as i16) / 32767.0).max(-1.0)).collect())
        }
        "unpack2x16unorm" => floats(pairs(bits()?).iter().map(|&x| f64::from(x) / 65535.0).collect()),
        "unpack2x16float" => floats(pairs(bits()?).iter().map(|&x| f16::from_bits(x).to_f64()).collect()),
        "unpack4xI8" => Some(Value::Vector(bits()?.to_le_bytes().iter().map(|&x| Scalar::I32(signed(x))).collect())),
        "unpack4xU8" => Some(Value::Vector(bits()?.to_le_bytes().iter().map(|&x| Scalar::U32(x.into())).collect())),
        _ => None,
    }
}
