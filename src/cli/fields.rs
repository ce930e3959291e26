//! `--set NAME[.FIELD]=VALUE`: finds the field by reflection and writes its bytes.

use half::f16;
use swath::{Field, Scalar, Type};

use super::{
    failure::{Failure, Outcome},
    values::{SetArg, parse_integer, strip_suffix},
};

/// The bytes of a value of type `ty`, filled by all the `--set`s of one binding.
///
/// Fields whose names start with an underscore or with `pad` may be left out and stay zero, and so may scalars that the kernel
/// does not read (`is_read`, by their places).
pub fn fill(binding: &str, ty: &Type, sets: &[&SetArg], is_read: &dyn Fn(usize) -> bool) -> Outcome<Vec<u8>> {
    let (bytes, mut written) = write(ty, sets)?;
    let mut missing = Vec::new();
    ty.visit(0, &mut |at, _| written[at as usize] |= !is_read(at as usize));
    unset(ty, binding, 0, &written, &mut missing);
    if missing.is_empty() {
        return Ok(bytes);
    }
    let flags: Vec<String> = missing.iter().map(|(path, ty)| format!("--set {path}={}", example(ty))).collect();
    let list: Vec<String> = missing.iter().map(|(path, ty)| format!("`{path}` ({ty})")).collect();
    let verb = if missing.len() == 1 { "is" } else { "are" };
    Err(Failure::wrong(format!("{} {verb} not set", list.join(", ")), format!("add {}", flags.join(" "))))
}

/// The parts of a value of type `ty` that the `--set`s fill, by offset.
pub fn parts(ty: &Type, sets: &[&SetArg]) -> Outcome<Vec<(u32, Vec<u8>)>> {
    let (bytes, written) = write(ty, sets)?;
    let mut parts: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut before = false;
    for (place, (&byte, &given)) in bytes.iter().zip(&written).enumerate() {
        match parts.last_mut() {
            Some((_, part)) if given && before => part.push(byte),
            _ if given => parts.push((place as u32, vec![byte])),
            _ => {}
        }
        before = given;
    }
    Ok(parts)
}

/// The bytes of a value of type `ty`, and which of them the `--set`s wrote.
fn write(ty: &Type, sets: &[&SetArg]) -> Outcome<(Vec<u8>, Vec<bool>)> {
    let mut bytes = vec![0; ty.size() as usize];
    let mut written = vec![false; bytes.len()];
    for set in sets {
        let (place, target) = find(ty, set)?;
        let place = place as usize;
        let mut values = split_list(&set.value).into_iter();
        let expected = scalar_count(target);
        let given = values.len() as u64;
        if given != expected {
            return Err(count_error(set, target, expected, given));
        }
        if written.get(place).copied().unwrap_or(false) {
            return Err(Failure::wrong(format!("`{}{}` is set twice", set.name, set.path), "keep one of the two"));
        }
        let end = place + target.size() as usize;
        written[place..end].fill(true);
        let mut problem = None;
        target.visit(place as u64, &mut |at, scalar| {
            let text = values.next().unwrap_or_default();
            match scalar_bytes(scalar, text) {
                Ok(value) => bytes[at as usize..][..scalar.bytes()].copy_from_slice(&value[..scalar.bytes()]),
                Err(why) => problem = problem.take().or(Some(why)),
            }
        });
        if let Some(why) = problem {
            return Err(Failure::Wrong(format!("{set}: `{}{}` is {target}, and {why}", set.name, set.path)));
        }
    }
    Ok((bytes, written))
}

/// The `--set`s that a binding of type `ty` needs.
pub fn flags(binding: &str, ty: &Type) -> Vec<String> {
    let mut missing = Vec::new();
    unset(ty, binding, 0, &vec![false; ty.size() as usize], &mut missing);
    missing.iter().map(|(path, ty)| format!("--set {path}={}", example(ty))).collect()
}

/// A value such as a user would write for `ty`.
pub fn example(ty: &Type) -> String {
    match ty {
        Type::Scalar(Scalar::F32 | Scalar::F16 | Scalar::F64) => "1.0".into(),
        Type::Scalar(_) | Type::Atomic(_) => "1".into(),
        _ => {
            let count = scalar_count(ty);
            let shown = count.min(4) as usize;
            vec!["1"; shown].join(",") + if count > 4 { ",..." } else { "" }
        }
    }
}

/// Byte offset and type of what `set` names.
fn find<'t>(ty: &'t Type, set: &SetArg) -> Outcome<(u64, &'t Type)> {
    let mut offset = 0;
    let mut ty = ty;
    let mut done = set.name.clone();
    let mut rest = set.path.as_str();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let name = &after[..end];
            let (at, field) = member(ty, name, &done)?;
            offset += at;
            ty = field;
            done = format!("{done}.{name}");
            rest = &after[end..];
        } else {
            let close = rest.find(']').ok_or_else(|| Failure::Wrong(format!("{set}: a `]` is missing")))?;
            let index = rest[1..close].trim();
            let (element, count, stride) = match ty {
                Type::Array { element, count: Some(count), stride } => (&**element, *count, *stride),
                _ => return Err(Failure::Wrong(format!("{set}: `{done}` is {ty}, which has no elements to pick"))),
            };
            let place: u32 = index.parse().ok().filter(|&place| place < count).ok_or_else(|| {
                Failure::Wrong(format!("{set}: `{done}` is {ty}, and `{index}` is none of 0 to {}", count - 1))
            })?;
            offset += u64::from(place) * u64::from(stride);
            ty = element;
            done = format!("{done}[{index}]");
            rest = &rest[close + 1..];
        }
    }
    match ty {
        Type::Struct { fields, .. } => {
            let names = fields.iter().filter(|field| !is_padding(&field.name));
            let names: Vec<String> = names.map(|field| format!("{done}.{}", field.name)).collect();
            Err(Failure::wrong(
                format!("{set}: `{done}` is the struct {ty}"),
                format!("set its fields one by one: {}", names.join(", ")),
            ))
        }
        _ => Ok((offset, ty)),
    }
}

/// The field of a struct, or the component of a vector.
fn member<'t>(ty: &'t Type, name: &str, path: &str) -> Outcome<(u64, &'t Type)> {
    static COMPONENTS: [Type; 7] = [
        Type::Scalar(Scalar::F32),
        Type::Scalar(Scalar::I32),
        Type::Scalar(Scalar::U32),
        Type::Scalar(Scalar::F16),
        Type::Scalar(Scalar::F64),
        Type::Scalar(Scalar::I64),
        Type::Scalar(Scalar::U64),
    ];
    match ty {
        Type::Struct { fields, .. } => {
            if let Some(field) = fields.iter().find(|field| field.name == name) {
                return Ok((u64::from(field.offset), &field.ty));
            }
            let names: Vec<String> = fields.iter().map(|Field { name, ty, .. }| format!("{name}: {ty}")).collect();
            let near = swath::nearest_name(name, fields.iter().map(|field| field.name.as_str()));
            let near = near.map_or(String::new(), |near| format!("did you mean `{path}.{near}`? "));
            let it = if near.is_empty() { "it" } else { "It" };
            Err(Failure::wrong(
                format!("`{path}` is the struct {ty}, and it has no field `{name}`"),
                format!("{near}{it} has {}", names.join(", ")),
            ))
        }
        Type::Vector { width, scalar } => {
            let place = ["x", "y", "z", "w"].iter().take(*width as usize).position(|&letter| letter == name);
            let component = COMPONENTS.iter().find(|ty| **ty == Type::Scalar(*scalar));
            match (place, component) {
                (Some(place), Some(component)) => Ok((place as u64 * scalar.bytes() as u64, component)),
                _ => Err(Failure::Wrong(format!("`{path}` is {ty}, which has no component `{name}`"))),
            }
        }
        _ => Err(Failure::wrong(
            format!("`{path}` is {ty}, which has no field `{name}`"),
            format!("write --set {path}={}", example(ty)),
        )),
    }
}

fn split_list(text: &str) -> Vec<&str> {
    let inner = text.trim().trim_start_matches(['(', '[']).trim_end_matches([')', ']']);
    inner.trim_end_matches(',').split(',').map(str::trim).collect()
}

fn scalar_count(ty: &Type) -> u64 {
    let mut count = 0;
    ty.visit(0, &mut |_, _| count += 1);
    count
}

fn count_error(set: &SetArg, ty: &Type, expected: u64, given: u64) -> Failure {
    let values = |n: u64| if n == 1 { "1 value".to_string() } else { format!("{n} values") };
    let order = if matches!(ty, Type::Matrix { .. }) { " (column by column)" } else { "" };
    Failure::Wrong(format!(
        "{set}: `{}{}` is {ty}, which takes {}{order}, and here {} {}",
        set.name,
        set.path,
        values(expected),
        if given == 1 { "is" } else { "are" },
        given
    ))
}

/// The bytes of `text` as a scalar, in the low end of an array, or what is wrong with it.
fn scalar_bytes(scalar: Scalar, text: &str) -> Result<[u8; 8], String> {
    let truth = match text {
        "true" => Some(1),
        "false" => Some(0),
        _ => None,
    };
    let integer = || match truth.or_else(|| parse_integer(text)) {
        Some(value) => Ok(value),
        None if text.parse::<f64>().is_ok() => Err(format!("`{text}` is not a whole number")),
        None => Err(format!("`{text}` is not a number")),
    };
    let float = || {
        let number = parse_integer(text).map(|n| n as f64).or_else(|| text.parse::<f64>().ok());
        let number = number.or_else(|| strip_suffix(strip_suffix(text, 'f'), 'h').parse().ok());
        number.ok_or_else(|| format!("`{text}` is not a number"))
    };
    let fits = |narrow: f64, wide: f64| {
        if narrow.is_infinite() && wide.is_finite() {
            return Err(format!("{text} is more than it can hold"));
        }
        Ok(())
    };
    let low = |bits: u32| u64::from(bits).to_le_bytes();
    match scalar {
        Scalar::F32 => {
            let wide = float()?;
            // Parsed as f32 where it can be, so that it is rounded once.
            let narrow = text.parse::<f32>().unwrap_or(wide as f32);
            fits(f64::from(narrow), wide).map(|()| low(narrow.to_bits()))
        }
        Scalar::F16 => {
            let wide = float()?;
            let narrow = f16::from_f64(wide);
            fits(narrow.to_f64(), wide).map(|()| low(narrow.to_bits().into()))
        }
        Scalar::I32 => {
            let value = integer()?;
            // 0xffffffff is how one writes -1 in hexadecimal.
            let bits =
                if text.contains('x') && value >= 0 { u32::try_from(value).map(|bits| bits as i32).ok() } else { None };
            let value = bits.or_else(|| i32::try_from(value).ok());
            value
                .map(|value| low(value as u32))
                .ok_or_else(|| format!("{text} is outside of -2147483648 to 2147483647"))
        }
        Scalar::U32 => {
            let value = u32::try_from(integer()?).map_err(|_| format!("{text} is outside of 0 to 4294967295"))?;
            Ok(low(value))
        }
        Scalar::F64 => float().map(f64::to_le_bytes),
        Scalar::I64 => {
            let value = integer()?;
            let bits =
                if text.contains('x') && value >= 0 { u64::try_from(value).map(|bits| bits as i64).ok() } else { None };
            let value = bits.or_else(|| i64::try_from(value).ok());
            value.map(i64::to_le_bytes).ok_or_else(|| format!("{text} is more than 64 bits hold"))
        }
        Scalar::U64 => {
            let value = u64::try_from(integer()?).map_err(|_| format!("{text} is outside of 0 to 2^64 - 1"))?;
            Ok(value.to_le_bytes())
        }
    }
}

/// Collects the paths under `ty` that no `--set` wrote and that are not padding by name.
fn unset<'t>(ty: &'t Type, path: &str, base: u64, written: &[bool], missing: &mut Vec<(String, &'t Type)>) {
    match ty {
        Type::Struct { fields, .. } => {
            for field in fields.iter().filter(|field| !is_padding(&field.name)) {
                let path = format!("{path}.{}", field.name);
                unset(&field.ty, &path, base + u64::from(field.offset), written, missing);
            }
        }
        Type::Array { element, count: Some(count), stride }
            if written[base as usize..][..ty.size() as usize].contains(&true) =>
        {
            for i in 0..*count {
                unset(element, &format!("{path}[{i}]"), base + u64::from(i) * u64::from(*stride), written, missing);
            }
        }
        _ => {
            let mut all = true;
            ty.visit(base, &mut |at, _| all &= written[at as usize]);
            if !all {
                missing.push((path.to_string(), ty));
            }
        }
    }
}

pub fn is_padding(name: &str) -> bool {
    name.starts_with('_') || name.to_lowercase().starts_with("pad")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> Type {
        let field = |name: &str, offset, ty| Field::new(name, offset, ty);
        Type::Struct {
            name: "Params".into(),
            fields: vec![
                field("a", 0, Type::Scalar(Scalar::F32)),
                field("n", 4, Type::Scalar(Scalar::U32)),
                field("shift", 8, Type::Scalar(Scalar::I32)),
                field("_pad", 12, Type::Scalar(Scalar::U32)),
                field("center", 16, Type::Vector { width: 3, scalar: Scalar::F32 }),
                field(
                    "table",
                    32,
                    Type::Array {
                        element: Box::new(Type::Vector { width: 2, scalar: Scalar::U32 }),
                        count: Some(2),
                        stride: 16,
                    },
                ),
            ],
            size: 64,
        }
    }

    fn fill_with(sets: &[&str]) -> Result<Vec<u8>, String> {
        let sets: Vec<SetArg> = sets.iter().map(|set| set.parse().unwrap()).collect();
        fill("p", &params(), &sets.iter().collect::<Vec<_>>(), &|_| true).map_err(|failure| failure.to_string())
    }

    #[test]
    fn fields_are_typed_by_reflection() {
        let bytes = fill_with(&[
            "p.a=2.5",
            "p.n=0xff",
            "p.shift=-3",
            "p.center=1,2e0,-3",
            "p.table[0]=1,2",
            "p.table[1].x=3",
            "p.table[1].y=4",
        ])
        .unwrap();
        let words: Vec<u32> = bytes.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect();
        let bits = f32::to_bits;
        let expected =
            [[bits(2.5), 255, -3_i32 as u32, 0], [bits(1.0), bits(2.0), bits(-3.0), 0], [1, 2, 0, 0], [3, 4, 0, 0]];
        assert_eq!(words, expected.concat());
    }

    #[test]
    fn mistakes_name_the_field_and_its_type() {
        for (set, words) in [
            ("p.a=abc", "`p.a` is f32, and `abc` is not a number"),
            ("p.a=1e99", "`p.a` is f32, and 1e99 is more than it can hold"),
            ("p.n=2.5", "`p.n` is u32, and `2.5` is not a whole number"),
            ("p.n=-1", "`p.n` is u32, and -1 is outside of 0 to 4294967295"),
            ("p.n=4294967296", "outside of"),
            ("p.center=1,2", "`p.center` is vec3f, which takes 3 values, and here are 2"),
            ("p.center.w=1", "has no component `w`"),
            ("p.b=1", "no field `b`"),
            ("p=1", "set its fields one by one: p.a, p.n"),
            ("p.table[2]=1,2", "`2` is none of 0 to 1"),
            ("p.table[0=1,2", "a `]` is missing"),
            ("p.a.x=1", "`p.a` is f32, which has no field `x`"),
            (
                "p.a=1",
                "are not set\n  help: add --set p.n=1 --set p.shift=1 --set p.center=1,1,1 --set p.table=1,1,1,1",
            ),
        ] {
            let error = fill_with(&[set]).unwrap_err();
            assert!(error.contains(words), "{set}: {error}");
        }
        assert!(fill_with(&["p.a=1", "p.a=2"]).unwrap_err().contains("set twice"));
    }

    #[test]
    fn scalars_are_set_by_their_name_alone() {
        let set: SetArg = "n=true".parse().unwrap();
        assert_eq!(fill("n", &Type::Scalar(Scalar::U32), &[&set], &|_| true).unwrap(), [1, 0, 0, 0]);
        let set: SetArg = "h=1.5h".parse().unwrap();
        assert_eq!(
            fill("h", &Type::Scalar(Scalar::F16), &[&set], &|_| true).unwrap(),
            f16::from_f32(1.5).to_le_bytes()
        );
        let set: SetArg = "i=0xffffffff".parse().unwrap();
        assert_eq!(fill("i", &Type::Scalar(Scalar::I32), &[&set], &|_| true).unwrap(), (-1_i32).to_le_bytes());
    }
}
