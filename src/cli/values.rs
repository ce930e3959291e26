//! The little languages of the arguments: extents, files with a type, sizes, assignments.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use super::dtype::DType;

/// Extents of a grid along x, y and z. Where one is 0, nothing runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extents(pub [u64; 3]);

impl FromStr for Extents {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // An x stands between axes, and in 0x100.
        let is_hex = text.trim_start().starts_with("0x") || text.trim_start().starts_with("0X");
        let between = if is_hex || text.contains(',') { ',' } else { 'x' };
        let parts: Vec<&str> = text.split(between).map(str::trim).collect();
        if parts.len() > 3 {
            return Err(format!("a grid has at most three axes, and here are {}", parts.len()));
        }
        let mut extents = [1; 3];
        for (extent, part) in extents.iter_mut().zip(&parts) {
            *extent =
                parse_count(part).ok_or_else(|| format!("`{part}` is not a whole number; write X, X,Y or X,Y,Z"))?;
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

/// `--in NAME=FILE.npy[:DTYPE]`, or `FILE.bin`, or `-`.
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
        let file = file_name(file)?;
        check_raw(&file, dtype)?;
        Ok(InArg { name, file, dtype })
    }
}

/// `--inout NAME=IN.npy[:OUT.npy[:DTYPE]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InoutArg {
    pub name: String,
    pub file: PathBuf,
    /// Where the result goes; the input file itself when `None`.
    pub out: Option<PathBuf>,
    /// The type to convert to.
    pub dtype: Option<DType>,
}

impl InoutArg {
    /// Where the result goes.
    pub fn result(&self) -> &Path {
        self.out.as_deref().unwrap_or(&self.file)
    }
}

impl FromStr for InoutArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = split_name(text, "NAME=IN.npy[:OUT.npy[:DTYPE]]")?;
        let Some(at) = colon(rest) else {
            return Ok(InoutArg { name, file: file_name(rest)?, out: None, dtype: None });
        };
        let (file, out) = (&rest[..at], &rest[at + 1..]);
        if out.parse::<DType>().is_ok() {
            return Err(format!(
                "`{out}` is a type, and a file that is converted is not replaced; give the result a file of its own: \
                 {name}={file}:OUT.npy:{out}"
            ));
        }
        let (out, dtype) = match colon(out) {
            Some(at) => (&out[..at], Some(out[at + 1..].parse()?)),
            None => (out, None),
        };
        let (file, out) = (file_name(file)?, file_name(out)?);
        check_raw(&file, dtype)?;
        if is_raw(&file) != is_raw(&out) {
            return Err("raw bytes have neither a type nor a shape: give two .bin files, or two .npy files".into());
        }
        Ok(InoutArg { name, file, out: Some(out), dtype })
    }
}

/// `--out NAME=FILE.npy:DTYPE[:SHAPE]`, or `FILE.bin[:SHAPE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutArg {
    pub name: String,
    pub file: PathBuf,
    pub ty: OutType,
    /// Without the trailing axis of a vector type.
    pub shape: Option<Vec<u64>>,
}

/// What a result file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutType {
    /// Scalars or vectors.
    Plain(DType),
    /// Structs, each field by its name.
    Struct,
    /// The bytes of the binding.
    Raw,
}

impl fmt::Display for OutType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutType::Plain(dtype) => dtype.fmt(f),
            OutType::Struct => f.write_str("struct"),
            OutType::Raw => f.write_str("raw bytes"),
        }
    }
}

impl FromStr for OutType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "struct" { Ok(OutType::Struct) } else { text.parse().map(OutType::Plain) }
    }
}

impl FromStr for OutArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "NAME=FILE.npy:DTYPE[:SHAPE]";
        let (name, rest) = split_name(text, FORM)?;
        let no_type = || {
            let (file, shape) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
            format!("which type? write {FORM}, like {name}={file}:f32{shape}")
        };
        if is_raw(Path::new(rest)) {
            return Ok(OutArg { name, file: file_name(rest)?, ty: OutType::Raw, shape: None });
        }
        let (before, last) = rest.rsplit_once(':').ok_or_else(no_type)?;
        let (before, shape) = if last.starts_with(|c: char| c.is_ascii_digit() || c == '(') && !looks_like_path(last) {
            (before, Some(parse_shape(last)?))
        } else {
            (rest, None)
        };
        let (file, ty) = match before.rsplit_once(':') {
            _ if is_raw(Path::new(before)) => (before, OutType::Raw),
            Some((file, word)) if !looks_like_path(word) => (file, word.parse()?),
            _ => return Err(no_type()),
        };
        if ty != OutType::Raw && is_raw(Path::new(file)) {
            return Err(raw_has_no_type(Path::new(file)));
        }
        Ok(OutArg { name, file: file_name(file)?, ty, shape })
    }
}

/// Whether a file holds the bytes of a binding and nothing else, by its name.
pub fn is_raw(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("bin"))
}

/// Whether a file is stdin, or stdout.
pub fn is_stream(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn check_raw(file: &Path, dtype: Option<DType>) -> Result<(), String> {
    if dtype.is_some() && is_raw(file) { Err(raw_has_no_type(file)) } else { Ok(()) }
}

fn raw_has_no_type(file: &Path) -> String {
    format!("`{}` holds raw bytes, as WGSL lays them out, which have no type: leave it out", file.display())
}

/// The first colon that does not stand behind a drive's letter.
fn colon(text: &str) -> Option<usize> {
    let is_end = |at: usize, c: char| c == ':' && !is_drive(&text[..at], &text[at..]);
    text.char_indices().find(|&(at, c)| is_end(at, c)).map(|(at, _)| at)
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
        .map(|part| match parse_count(part.trim()) {
            Some(0) => Err(format!("the shape `{text}` has an axis of 0, so there is nothing to write")),
            Some(extent) => Ok(extent),
            None => Err(format!("`{text}` is not a shape; write it like 480,640 or 480x640")),
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

/// A number of things: decimal, with underscores, or like 1e6.
fn parse_count(text: &str) -> Option<u64> {
    let digits = text.replace('_', "");
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) if hex.starts_with(|first: char| first.is_ascii_hexdigit()) => u64::from_str_radix(hex, 16).ok(),
        _ => digits.parse().ok().or_else(|| u64::try_from(scientific(text)?).ok()),
    }
}

/// A whole number in the notation with an exponent, such as 1e6 or 2.5e3, if a float tells it exactly.
fn scientific(text: &str) -> Option<i128> {
    let number: f64 = if text.contains(['e', 'E']) { text.parse().ok()? } else { return None };
    let exact = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
    exact.then_some(number as i128)
}

/// A decimal or hexadecimal integer with a sign, and WGSL's suffix `u` or `i` where it is decimal; or one like 1e6.
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
        None => match strip_suffix(strip_suffix(&digits, 'u'), 'i').parse() {
            Ok(magnitude) => magnitude,
            Err(_) => scientific(&digits)?,
        },
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
        assert_eq!("1e6".parse(), Ok(Extents([1_000_000, 1, 1])));
        assert_eq!("1_000,2.5E3".parse(), Ok(Extents([1000, 2500, 1])));
        for bad in ["", "1,2,3,4", "-1", "1.5", "a", "4294967297", "1,,2", "1e-3", "1e10", "e", "1e99", "-1e3", "inf"] {
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
        assert_eq!(parse("x=a.bin"), arg("a.bin", None));
        assert_eq!(parse("x=-"), arg("-", None));
        assert_eq!(parse("x=-:f32"), arg("-", Some(f32s())));
        for bad in ["x", "=a.npy", "x=", "x=a.npy:f80", "x=:f32", "x=a.bin:f32"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn inouts_tell_drives_from_a_second_file() {
        let parse = |text: &str| text.parse::<InoutArg>().map(|arg| (arg.file, arg.out, arg.dtype));
        assert_eq!(parse("y=a.npy"), Ok(("a.npy".into(), None, None)));
        assert_eq!(parse("y=a.npy:b.npy"), Ok(("a.npy".into(), Some("b.npy".into()), None)));
        assert_eq!(parse("y=C:\\a.npy:D:\\b.npy"), Ok(("C:\\a.npy".into(), Some("D:\\b.npy".into()), None)));
        assert_eq!(parse("y=a.npy:b.npy:f32"), Ok(("a.npy".into(), Some("b.npy".into()), Some(f32s()))));
        assert_eq!(parse("y=C:\\a.npy:D:\\b.npy:f32").map(|(_, _, dtype)| dtype), Ok(Some(f32s())));
        assert_eq!(parse("y=-"), Ok(("-".into(), None, None)));
        assert_eq!(parse("y=a.bin:-.bin").map(|(_, out, _)| out), Ok(Some("-.bin".into())));
        let bad = ["y=a.npy:f32", "y=a.npy:", "y=:b.npy", "y=a.npy:b.npy:f80", "y=a.npy:b.npy:c.npy", "y=a.bin:b.npy"];
        for bad in bad.into_iter().chain(["y=a.npy:b.bin", "y=a.bin:b.bin:f32"]) {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn outputs_have_a_type_and_may_have_a_shape() {
        let parse = |text: &str| text.parse::<OutArg>().map(|arg| (arg.file, arg.ty.to_string(), arg.shape));
        assert_eq!(parse("y=a.npy:f32"), Ok(("a.npy".into(), "f32".into(), None)));
        assert_eq!(parse("y=a.npy:vec3f:4x5"), Ok(("a.npy".into(), "vec3f".into(), Some(vec![4, 5]))));
        assert_eq!(parse("y=a.npy:u32:4,5"), Ok(("a.npy".into(), "u32".into(), Some(vec![4, 5]))));
        assert_eq!(parse("y=a.npy:u32:(7,)"), Ok(("a.npy".into(), "u32".into(), Some(vec![7]))));
        assert_eq!(parse("y=a.npy:u32:1e3"), Ok(("a.npy".into(), "u32".into(), Some(vec![1000]))));
        assert_eq!(parse("y=a.npy:struct:3"), Ok(("a.npy".into(), "struct".into(), Some(vec![3]))));
        assert_eq!(parse("y=-:f32"), Ok(("-".into(), "f32".into(), None)));
        assert_eq!(parse("y=a.bin"), Ok(("a.bin".into(), "raw bytes".into(), None)));
        assert_eq!(parse("y=a.bin:8"), Ok(("a.bin".into(), "raw bytes".into(), Some(vec![8]))));
        let bad = ["y=a.npy", "y=a.npy:4x5", "y=a.npy:f80:4", "y=a.npy:f32:0", "y=a.npy:f32:4x", "y=a.npy:f32:-1"];
        for bad in bad.into_iter().chain(["y=a.bin:f32", "y=a.bin:f32:8", "y=-", "y=-:8"]) {
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
        for (text, value) in
            [("12", 12), ("-0x10", -16), ("0xffu", 255), ("3u", 3), ("-4i", -4), ("1_000", 1000), ("-2e3", -2000)]
        {
            assert_eq!(parse_integer(text), Some(value), "{text}");
        }
        for bad in ["", "0x", "1.5", "--1", "0x-1", "u", "1e-1", "1e60"] {
            assert_eq!(parse_integer(bad), None, "{bad}");
        }
    }
}
