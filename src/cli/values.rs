//! The little languages of the arguments: extents, files with a type, sizes, assignments.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use super::dtype::DType;

/// Extents of a grid along x, y and z. Where one is 0, nothing runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extents(pub [u64; 3]);

impl FromStr for Extents {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split([',', 'x']).map(str::trim).collect();
        if parts.len() > 3 {
            return Err(format!("a grid has at most three axes, and here are {}", parts.len()));
        }
        let mut extents = [1; 3];
        for (extent, part) in extents.iter_mut().zip(&parts) {
            *extent = part.parse().map_err(|_| format!("`{part}` is not a whole number; write X, X,Y or X,Y,Z"))?;
            if *extent > 1 << 32 {
                return Err(format!("{part} is more than the 4294967296 (2^32) that an axis can have"));
            }
        }
        Ok(Extents(extents))
    }
}

impl Extents {
    /// The shape that NumPy gives an array over this grid: last axis x, leading axes of one left out.
    pub fn shape(self) -> Vec<u64> {
        let [x, y, z] = self.0;
        if z != 1 {
            vec![z, y, x]
        } else if y != 1 {
            vec![y, x]
        } else {
            vec![x]
        }
    }
}

/// `--in NAME=FILE.npy[:DTYPE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InArg {
    pub name: String,
    pub file: PathBuf,
    /// The type to convert to.
    pub dtype: Option<DType>,
}

impl FromStr for InArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = split_name(text, "NAME=FILE.npy[:DTYPE]")?;
        let (file, dtype) = match rest.rsplit_once(':') {
            Some((file, word)) if !looks_like_path(word) => (file, Some(word.parse()?)),
            _ => (rest, None),
        };
        Ok(InArg { name, file: file_name(file)?, dtype })
    }
}

/// `--inout NAME=IN.npy[:OUT.npy]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InoutArg {
    pub name: String,
    pub file: PathBuf,
    /// Where the result goes; the input file itself when `None`.
    pub out: Option<PathBuf>,
}

impl FromStr for InoutArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = split_name(text, "NAME=IN.npy[:OUT.npy]")?;
        // A colon right after one letter is a drive, not the end of a file name.
        let colon = rest.char_indices().find(|&(at, c)| c == ':' && !is_drive(&rest[..at], &rest[at..]));
        let Some((at, _)) = colon else {
            return Ok(InoutArg { name, file: file_name(rest)?, out: None });
        };
        let (file, out) = (&rest[..at], &rest[at + 1..]);
        if out.parse::<DType>().is_ok() {
            return Err(format!(
                "--inout takes NAME=IN.npy[:OUT.npy], and `{out}` is a type; convert the file in NumPy first"
            ));
        }
        Ok(InoutArg { name, file: file_name(file)?, out: Some(file_name(out)?) })
    }
}

/// `--out NAME=FILE.npy:DTYPE[:SHAPE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutArg {
    pub name: String,
    pub file: PathBuf,
    pub dtype: DType,
    /// Without the trailing axis of a vector type.
    pub shape: Option<Vec<u64>>,
}

impl FromStr for OutArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "NAME=FILE.npy:DTYPE[:SHAPE]";
        let (name, rest) = split_name(text, FORM)?;
        let no_type = || format!("which type? write {FORM}, like {name}={rest}:f32");
        let (before, last) = rest.rsplit_once(':').ok_or_else(no_type)?;
        if last.starts_with(|c: char| c.is_ascii_digit() || c == '(') && !looks_like_path(last) {
            let shape = parse_shape(last)?;
            let (file, dtype) = before.rsplit_once(':').ok_or_else(no_type)?;
            return Ok(OutArg { name, file: file_name(file)?, dtype: dtype.parse()?, shape: Some(shape) });
        }
        if looks_like_path(last) {
            return Err(no_type());
        }
        Ok(OutArg { name, file: file_name(before)?, dtype: last.parse()?, shape: None })
    }
}

/// `--set NAME[.FIELD]=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetArg {
    /// The variable, as in `params`.
    pub name: String,
    /// What follows it, as in `.a`, `.lights[2].color`, or empty.
    pub path: String,
    pub value: String,
}

impl FromStr for SetArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (target, value) = split_name(text, "NAME[.FIELD]=VALUE")?;
        let end = target.find(['.', '[']).unwrap_or(target.len());
        Ok(SetArg { name: target[..end].into(), path: target[end..].into(), value: value.trim().into() })
    }
}

impl fmt::Display for SetArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--set {}{}={}", self.name, self.path, self.value)
    }
}

/// `--const OVERRIDE=VALUE`.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstArg {
    pub name: String,
    pub value: f64,
    /// The values behind the first one, where there is a list of them to choose from.
    pub others: Vec<f64>,
}

impl ConstArg {
    /// All its values.
    pub fn values(&self) -> Vec<f64> {
        std::iter::once(self.value).chain(self.others.iter().copied()).collect()
    }
}

/// `--define NAME[=VALUE]`.
#[cfg(feature = "imports")]
#[derive(Clone, Debug, PartialEq)]
pub struct DefineArg {
    pub name: String,
    pub value: swath::Define,
}

#[cfg(feature = "imports")]
impl FromStr for DefineArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').unwrap_or((text, "true"));
        match value.trim().parse() {
            Ok(value) if !name.trim().is_empty() => Ok(DefineArg { name: name.trim().to_owned(), value }),
            _ => Err(format!("`{text}` is no definition; write NAME, NAME=3 or NAME=false")),
        }
    }
}

impl FromStr for ConstArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, values) = split_name(text, "OVERRIDE=VALUE")?;
        let number = |value: &str| {
            let value = value.trim();
            let number = match value {
                "true" => Some(1.0),
                "false" => Some(0.0),
                _ => parse_integer(value).map(|n| n as f64).or_else(|| strip_suffix(value, 'f').parse().ok()),
            };
            number.filter(|number| number.is_finite()).ok_or_else(|| {
                format!("`{value}` is not a number; write {name}=128, {name}=0x80, {name}=0.5 or {name}=true")
            })
        };
        let (value, others) = values.split_once(',').map_or((values, None), |(first, others)| (first, Some(others)));
        let others = others.map_or_else(|| Ok(Vec::new()), |others| others.split(',').map(number).collect());
        Ok(ConstArg { value: number(value)?, others: others?, name })
    }
}

/// A shape in NumPy's order: `480,640`, `480x640`, `(480, 640)` or `5,`.
pub fn parse_shape(text: &str) -> Result<Vec<u64>, String> {
    let inner = text.trim().trim_start_matches('(').trim_end_matches(')').trim_end_matches(',');
    inner
        .split([',', 'x'])
        .map(|part| match part.trim().parse::<u64>() {
            Ok(0) => Err(format!("the shape `{text}` has an axis of 0, so there is nothing to write")),
            Ok(extent) => Ok(extent),
            Err(_) => Err(format!("`{text}` is not a shape; write it like 480,640 or 480x640")),
        })
        .collect()
}

/// Seconds above zero, with a fraction if need be.
pub fn parse_positive_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.trim_end_matches('s').parse().map_err(|_| "write seconds, like 30 or 0.5".to_string())?;
    if seconds <= 0.0 {
        return Err("the time must be more than 0 seconds".into());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| "write seconds, like 30 or 0.5".into())
}

/// A decimal or hexadecimal integer with a sign, and WGSL's suffix `u` or `i` where it is decimal.
pub fn parse_integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.replace('_', "");
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) if !hex.starts_with(['+', '-']) => i128::from_str_radix(strip_suffix(hex, 'u'), 16).ok()?,
        Some(_) => return None,
        None => strip_suffix(strip_suffix(&digits, 'u'), 'i').parse().ok()?,
    };
    Some(sign * magnitude)
}

/// `text` without one `suffix` at its end, if it has one.
pub fn strip_suffix(text: &str, suffix: char) -> &str {
    text.strip_suffix(suffix).unwrap_or(text)
}

fn split_name<'a>(text: &'a str, form: &str) -> Result<(String, &'a str), String> {
    match text.split_once('=') {
        Some((name, _)) if name.trim().is_empty() => Err(format!("the name is missing; write {form}")),
        Some((_, rest)) if rest.trim().is_empty() => Err(format!("nothing after the `=`; write {form}")),
        Some((name, rest)) => Ok((name.trim().to_string(), rest)),
        None => Err(format!("there is no `=`; write {form}")),
    }
}

fn file_name(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("the file name is empty".into()) } else { Ok(PathBuf::from(text)) }
}

fn looks_like_path(word: &str) -> bool {
    word.contains(['/', '\\', '.'])
}

fn is_drive(before: &str, from_colon: &str) -> bool {
    let last = before.rsplit(':').next().unwrap_or(before);
    last.len() == 1 && last.starts_with(|c: char| c.is_ascii_alphabetic()) && from_colon[1..].starts_with(['\\', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use swath::Scalar;

    fn f32s() -> DType {
        DType { scalar: Scalar::F32, width: 1 }
    }

    #[test]
    fn extents_take_one_to_three_axes() {
        assert_eq!("5".parse(), Ok(Extents([5, 1, 1])));
        assert_eq!("5,6,7".parse(), Ok(Extents([5, 6, 7])));
        assert_eq!("5x6".parse(), Ok(Extents([5, 6, 1])));
        assert_eq!("0".parse(), Ok(Extents([0, 1, 1])));
        for bad in ["", "1,2,3,4", "-1", "1.5", "a", "4294967297", "1,,2"] {
            assert!(bad.parse::<Extents>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_shape_of_a_grid_is_in_the_order_of_numpy() {
        assert_eq!(Extents([5, 1, 1]).shape(), [5]);
        assert_eq!(Extents([5, 6, 1]).shape(), [6, 5]);
        assert_eq!(Extents([5, 1, 7]).shape(), [7, 1, 5]);
        assert_eq!(Extents([5, 0, 1]).shape(), [0, 5]);
    }

    #[test]
    fn inputs_tell_types_from_paths() {
        let parse = |text: &str| text.parse::<InArg>();
        let arg = |file: &str, dtype| Ok(InArg { name: "x".into(), file: file.into(), dtype });
        assert_eq!(parse("x=a.npy"), arg("a.npy", None));
        assert_eq!(parse("x=a.npy:f32"), arg("a.npy", Some(f32s())));
        assert_eq!(parse("x=C:\\data\\a.npy"), arg("C:\\data\\a.npy", None));
        assert_eq!(parse("x=C:\\data\\a.npy:f32"), arg("C:\\data\\a.npy", Some(f32s())));
        assert_eq!(parse("x=a=b.npy"), arg("a=b.npy", None));
        assert_eq!(parse("x=a.npy:f64"), arg("a.npy", Some(DType { scalar: Scalar::F64, width: 1 })));
        for bad in ["x", "=a.npy", "x=", "x=a.npy:f80", "x=:f32"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn inouts_tell_drives_from_a_second_file() {
        let parse = |text: &str| text.parse::<InoutArg>().map(|arg| (arg.file, arg.out));
        assert_eq!(parse("y=a.npy"), Ok(("a.npy".into(), None)));
        assert_eq!(parse("y=a.npy:b.npy"), Ok(("a.npy".into(), Some("b.npy".into()))));
        assert_eq!(parse("y=C:\\a.npy:D:\\b.npy"), Ok(("C:\\a.npy".into(), Some("D:\\b.npy".into()))));
        for bad in ["y=a.npy:f32", "y=a.npy:", "y=:b.npy"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn outputs_have_a_type_and_may_have_a_shape() {
        let parse = |text: &str| text.parse::<OutArg>().map(|arg| (arg.file, arg.dtype.to_string(), arg.shape));
        assert_eq!(parse("y=a.npy:f32"), Ok(("a.npy".into(), "f32".into(), None)));
        assert_eq!(parse("y=a.npy:vec3f:4x5"), Ok(("a.npy".into(), "vec3f".into(), Some(vec![4, 5]))));
        assert_eq!(parse("y=a.npy:u32:4,5"), Ok(("a.npy".into(), "u32".into(), Some(vec![4, 5]))));
        assert_eq!(parse("y=a.npy:u32:(7,)"), Ok(("a.npy".into(), "u32".into(), Some(vec![7]))));
        for bad in ["y=a.npy", "y=a.npy:4x5", "y=a.npy:f80:4", "y=a.npy:f32:0", "y=a.npy:f32:4x", "y=a.npy:f32:-1"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn assignments_split_name_path_and_value() {
        let set: SetArg = "params.lights[2].color=1,-2,3".parse().unwrap();
        assert_eq!(
            (set.name.as_str(), set.path.as_str(), set.value.as_str()),
            ("params", ".lights[2].color", "1,-2,3")
        );
        assert_eq!("n=5".parse::<SetArg>().unwrap().path, "");
    }

    #[test]
    fn integers_are_decimal_or_hexadecimal() {
        for (text, value) in [("12", 12), ("-0x10", -16), ("0xffu", 255), ("3u", 3), ("-4i", -4), ("1_000", 1000)] {
            assert_eq!(parse_integer(text), Some(value), "{text}");
        }
        for bad in ["", "0x", "1.5", "--1", "0x-1", "u"] {
            assert_eq!(parse_integer(bad), None, "{bad}");
        }
    }
}
