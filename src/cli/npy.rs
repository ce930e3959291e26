//! `.npy` files read. What NumPy writes by default but WGSL has no type for is refused with
//! the remedy, or converted where that was asked for.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use bytemuck::{AnyBitPattern, NoUninit, Zeroable};
use half::f16;
use npyz::{DType as NpyDType, Endianness, NpyHeader, Order, TypeChar};
use swath::Scalar;

use super::{
    dtype::{self, DType, Data},
    failure::{Failure, Outcome},
    mapped::{self, Mapped},
};

/// An array as a `.npy` file holds it: in C order, without padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Extents in NumPy's order; empty for a 0-d array.
    pub shape: Vec<u64>,
    /// One scalar for each place in the shape.
    pub data: Data,
}

/// Longest header read. NumPy's own are some hundred bytes.
const MAX_HEADER: u64 = 1 << 20;

/// Most brackets open at once in a header; a plain one has two.
const MAX_DEPTH: usize = 16;

/// Elements read at a time, so that a header's claim alone reserves no memory.
const CHUNK: usize = 4 << 20;

/// Which file to read, and what for.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The binding it is for.
    pub name: &'a str,
    pub path: &'a Path,
    /// What to convert it to, if that was asked for.
    pub convert: Option<DType>,
    /// What the binding holds, where it is of one type.
    pub wanted: Option<DType>,
    /// What asks for a conversion, with the type behind it: `--in x=x.npy`. Nothing where there is no such thing.
    pub ask: Option<&'a str>,
}

/// What a file holds.
pub enum Found {
    Array(Array),
    /// Records: their dtype, how many there are, and their bytes.
    Records(NpyDType, Vec<u64>, Vec<u8>),
}

/// Reads a file.
pub fn read(source: Source<'_>) -> Outcome<Found> {
    let path = source.path;
    if path.as_os_str() == "-" {
        return source.found(&mut io::stdin().lock(), None);
    }
    let file = open(path)?;
    source.found(&mut BufReader::with_capacity(1 << 16, &file), Some(&file))
}

/// Reads all of a file, or of stdin.
pub fn read_bytes(path: &Path) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        io::stdin().lock().read_to_end(&mut bytes)
    } else {
        open(path)?.read_to_end(&mut bytes)
    };
    read.map_err(|error| Failure::Wrong(unreadable(path, &error)))?;
    Ok(bytes)
}

fn open(path: &Path) -> Outcome<File> {
    let file = File::open(path).map_err(|error| Failure::Wrong(unreadable(path, &error)))?;
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        return Err(Failure::Wrong(format!("`{}` is a folder, not a file", path.display())));
    }
    Ok(file)
}

/// Reads what is in a file: the way in for fuzzing.
#[cfg_attr(not(fuzzing), allow(dead_code))]
pub fn read_from(source: Source<'_>, reader: &mut impl Read) -> Outcome<Found> {
    source.found(reader, None)
}

fn read_body(source: Source<'_>, header: &NpyHeader, reader: &mut impl Read) -> Outcome<Array> {
    let array = source.body(header, reader)?;
    source.check_width(&array)?;
    Ok(array)
}

impl Source<'_> {
    /// What `reader` holds, which is that `file` if it is one.
    fn found(&self, reader: &mut impl Read, file: Option<&File>) -> Outcome<Found> {
        let (header, at) = self.header(reader)?;
        if let (NpyDType::Record(_), None) = (header.dtype(), self.convert) {
            return self.records(&header, reader);
        }
        if let Some(file) = file
            && let Some(array) = self.mapped(&header, at, file)?
        {
            return Ok(Found::Array(array));
        }
        read_body(*self, &header, reader).map(Found::Array)
    }

    /// An array of records.
    fn records(&self, header: &NpyHeader, reader: &mut impl Read) -> Outcome<Found> {
        self.check_order(header)?;
        let bytes = header.dtype().num_bytes().and_then(|size| usize::try_from(header.len()).ok()?.checked_mul(size));
        let Some(bytes) = bytes else {
            return Err(self.refuse("holds records of no fixed size", "kernels take numbers: leave other fields out"));
        };
        Ok(Found::Records(header.dtype().clone(), header.shape().to_vec(), self.elements(reader, bytes, false)?))
    }

    /// Refuses columns first.
    fn check_order(&self, header: &NpyHeader) -> Outcome {
        if header.order() == Order::Fortran && header.shape().len() > 1 {
            return Err(self.refuse(
                "is in Fortran order (column by column), and kernels index row by row",
                "save np.ascontiguousarray(array), or array.T if that is what the kernel means",
            ));
        }
        Ok(())
    }

    /// The header, and where the data starts.
    fn header(&self, reader: &mut impl Read) -> Outcome<(NpyHeader, u64)> {
        let bytes = header_bytes(reader).map_err(|problem| self.corrupt(problem))?;
        let header = NpyHeader::from_reader(&bytes[..]).map_err(|error| self.corrupt(error))?;
        Ok((header, bytes.len() as u64))
    }

    /// The array without reading it, if it is large and the file has it as kernels do. `at` is where the data starts.
    fn mapped(&self, header: &NpyHeader, at: u64, file: &File) -> Outcome<Option<Array>> {
        let NpyDType::Plain(ty) = header.dtype() else { return Ok(None) };
        let scalar = match (ty.type_char(), ty.size_field()) {
            (TypeChar::Float, 4) => Scalar::F32,
            (TypeChar::Int, 4) => Scalar::I32,
            (TypeChar::Uint, 4) => Scalar::U32,
            (TypeChar::Float, 2) => Scalar::F16,
            (TypeChar::Float, 8) if self.is_wanted(Scalar::F64) => Scalar::F64,
            (TypeChar::Int, 8) if self.is_wanted(Scalar::I64) => Scalar::I64,
            (TypeChar::Uint, 8) if self.is_wanted(Scalar::U64) => Scalar::U64,
            _ => return Ok(None),
        };
        let plain = ty.endianness() == Endianness::Little
            && (header.order() == Order::C || header.shape().len() < 2)
            && self.convert.is_none_or(|convert| convert.scalar == scalar);
        let bytes = header.len().checked_mul(scalar.bytes() as u64);
        let length = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
        let (Some(bytes), Some(length)) = (bytes, length) else { return Ok(None) };
        let whole = at.checked_add(bytes).is_some_and(|end| end <= length);
        if !plain || !whole || bytes < mapped::LARGE || !at.is_multiple_of(4) || !mapped::is_possible(self.path) {
            return Ok(None);
        }
        let len = usize::try_from(bytes).map_err(|_| self.corrupt("it is larger than this machine can address"))?;
        // A file that cannot be mapped is read.
        let Ok(map) = Mapped::input(file, scalar, at, len) else { return Ok(None) };
        let array = Array { shape: header.shape().to_vec(), data: Data::Mapped(map) };
        self.check_width(&array)?;
        Ok(Some(array))
    }

    /// Whether the binding holds such scalars: those of 64 bits are taken as they are only there.
    fn is_wanted(&self, scalar: Scalar) -> bool {
        let wanted = self.convert.or(self.wanted);
        wanted.is_some_and(|wanted| wanted.scalar == scalar)
    }

    fn corrupt(&self, problem: impl std::fmt::Display) -> Failure {
        Failure::wrong(
            format!("`{}` is not a .npy file that can be read: {problem}", self.path.display()),
            format!("write it with np.save(\"{}\", array)", self.path.display()),
        )
    }

    fn refuse(&self, problem: impl std::fmt::Display, help: impl std::fmt::Display) -> Failure {
        Failure::wrong(format!("`{}` for `{}` {problem}", self.path.display(), self.name), help)
    }

    fn body(&self, header: &NpyHeader, reader: &mut impl Read) -> Outcome<Array> {
        let NpyDType::Plain(ty) = header.dtype() else {
            return Err(self.refuse(
                "has a structured dtype, which is not converted",
                "convert its fields in NumPy: array.astype of a dtype with the types of the kernel",
            ));
        };
        self.check_order(header)?;
        let swap = ty.endianness() == Endianness::Big;
        let shape = header.shape().to_vec();
        let len = usize::try_from(header.len()).map_err(|_| self.corrupt("it is larger than this machine's memory"))?;
        let data = match (ty.type_char(), ty.size_field()) {
            (TypeChar::Float, 4) => Data::F32(self.elements(reader, len, swap)?),
            (TypeChar::Int, 4) => Data::I32(self.elements(reader, len, swap)?),
            (TypeChar::Uint, 4) => Data::U32(self.elements(reader, len, swap)?),
            (TypeChar::Float, 2) => Data::F16(self.elements(reader, len, swap)?),
            (TypeChar::Float, 8) if self.is_wanted(Scalar::F64) => Data::F64(self.elements(reader, len, swap)?),
            (TypeChar::Int, 8) if self.is_wanted(Scalar::I64) => Data::I64(self.elements(reader, len, swap)?),
            (TypeChar::Uint, 8) if self.is_wanted(Scalar::U64) => Data::U64(self.elements(reader, len, swap)?),
            (kind, size) => {
                let Some(target) = self.convert else { return Err(self.foreign(kind, size, &ty.to_string())) };
                let data = match (kind, size) {
                    (TypeChar::Float, 8) => self.floats(self.elements::<f64>(reader, len, swap)?, target.scalar)?,
                    (TypeChar::Int, 8) => self.integers(self.elements::<i64>(reader, len, swap)?, target.scalar)?,
                    (TypeChar::Uint, 8) => self.integers(self.elements::<u64>(reader, len, swap)?, target.scalar)?,
                    (TypeChar::Int, 2) => self.integers(self.elements::<i16>(reader, len, swap)?, target.scalar)?,
                    (TypeChar::Uint, 2) => self.integers(self.elements::<u16>(reader, len, swap)?, target.scalar)?,
                    (TypeChar::Int, 1) => self.integers(self.elements::<i8>(reader, len, swap)?, target.scalar)?,
                    (TypeChar::Uint | TypeChar::Bool, 1) => {
                        self.integers(self.elements::<u8>(reader, len, swap)?, target.scalar)?
                    }
                    _ => return Err(self.foreign(kind, size, &ty.to_string())),
                };
                return Ok(Array { shape, data });
            }
        };
        let data = match self.convert {
            Some(target) if target.scalar != data.scalar() => match data {
                Data::F32(data) => self.floats(data, target.scalar)?,
                Data::F16(data) => self.floats(data, target.scalar)?,
                Data::I32(data) => self.integers(data, target.scalar)?,
                Data::U32(data) => self.integers(data, target.scalar)?,
                // These are read only where they are wanted as they are.
                Data::F64(_) | Data::I64(_) | Data::U64(_) | Data::Mapped(_) => data,
            },
            _ => data,
        };
        Ok(Array { shape, data })
    }

    /// A dtype that no WGSL type has.
    fn foreign(&self, kind: TypeChar, size: u64, code: &str) -> Failure {
        let (word, likely) = match (kind, size) {
            (TypeChar::Float, _) => (format!("float{}", size * 8), Scalar::F32),
            (TypeChar::Int, _) => (format!("int{}", size * 8), Scalar::I32),
            (TypeChar::Uint, _) => (format!("uint{}", size * 8), Scalar::U32),
            (TypeChar::Bool, _) => ("bool".to_string(), Scalar::U32),
            (TypeChar::Complex, _) => {
                let help = "save .view(np.float32) of a complex64 array: pairs of f32, which array<vec2f> takes";
                return self.refuse(format_args!("holds complex numbers ('{code}')"), help);
            }
            _ => {
                return self.refuse(
                    format_args!("holds '{code}', which is no number that WGSL knows"),
                    "kernels take float32, int32, uint32 and float16",
                );
            }
        };
        let wanted = self.wanted.unwrap_or(DType { scalar: likely, width: 1 });
        let problem = format!("is {word}, and WGSL has no such type");
        if size == 16 {
            return self.refuse(problem, format_args!("save .astype(np.{})", dtype::numpy(wanted.scalar)));
        }
        self.refuse(problem, self.remedy(wanted))
    }

    /// How to make the file what a binding takes.
    pub fn remedy(&self, wanted: DType) -> String {
        let save = format!("save .astype(np.{})", dtype::numpy(wanted.scalar));
        match self.ask {
            Some(ask) => format!("{save}, or let it be converted: {ask}:{}", wanted.scalar.name()),
            None => save,
        }
    }

    /// `len` elements as the file has them.
    fn elements<T: AnyBitPattern + NoUninit + Zeroable>(
        &self,
        reader: &mut impl Read,
        len: usize,
        swap: bool,
    ) -> Outcome<Vec<T>> {
        let mut elements: Vec<T> = Vec::new();
        while elements.len() < len {
            let start = elements.len();
            let step = (len - start).min(CHUNK);
            if elements.try_reserve(step).is_err() {
                return Err(Failure::Failed(format!("there is no memory left to read `{}`", self.path.display())));
            }
            elements.resize(start + step, T::zeroed());
            let bytes = bytemuck::cast_slice_mut(&mut elements[start..]);
            reader.read_exact(bytes).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    self.corrupt(format_args!("it ends early, before the {len} elements that its shape promises"))
                }
                _ => Failure::Wrong(unreadable(self.path, &error)),
            })?;
            // The host is little-endian on every target that this crate supports.
            if swap {
                bytes.chunks_exact_mut(size_of::<T>()).for_each(<[u8]>::reverse);
            }
        }
        Ok(elements)
    }

    fn floats<T: Into<f64> + Copy>(&self, data: Vec<T>, target: Scalar) -> Outcome<Data> {
        let mut misfit = None;
        let mut note = |at: usize, value: f64| misfit = misfit.or(Some((at, value)));
        let values = data.iter().map(|&value| value.into()).enumerate();
        let converted = match target {
            Scalar::F32 => Data::F32(
                values
                    .map(|(at, value): (usize, f64)| {
                        let narrow = value as f32;
                        if narrow.is_infinite() && value.is_finite() {
                            note(at, value);
                        }
                        narrow
                    })
                    .collect(),
            ),
            Scalar::F16 => Data::F16(
                values
                    .map(|(at, value)| {
                        let narrow = f16::from_f64(value);
                        if narrow.is_infinite() && value.is_finite() {
                            note(at, value);
                        }
                        narrow
                    })
                    .collect(),
            ),
            Scalar::F64 => Data::F64(data.iter().map(|&value| value.into()).collect()),
            // Beyond 2^53 not every integer is a float: what fits is what a float next to the limits says.
            Scalar::I64 => Data::I64(
                values
                    .map(|(at, value)| {
                        if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
                            note(at, value);
                        }
                        value as i64
                    })
                    .collect(),
            ),
            Scalar::U64 => Data::U64(
                values
                    .map(|(at, value)| {
                        if !(-1.0 < value && value < 18_446_744_073_709_551_616.0) {
                            note(at, value);
                        }
                        value as u64
                    })
                    .collect(),
            ),
            // As NumPy does, fractions are cut off; what does not fit is not wrapped but refused.
            Scalar::I32 => Data::I32(
                values
                    .map(|(at, value)| {
                        if !(-2_147_483_649.0 < value && value < 2_147_483_648.0) {
                            note(at, value);
                        }
                        value as i32
                    })
                    .collect(),
            ),
            Scalar::U32 => Data::U32(
                values
                    .map(|(at, value)| {
                        if !(-1.0 < value && value < 4_294_967_296.0) {
                            note(at, value);
                        }
                        value as u32
                    })
                    .collect(),
            ),
        };
        match misfit {
            Some((at, value)) => Err(self.misfit(at, value, target)),
            None => Ok(converted),
        }
    }

    fn integers<T: Into<i128> + Copy>(&self, data: Vec<T>, target: Scalar) -> Outcome<Data> {
        let range = match target {
            Scalar::I32 => i128::from(i32::MIN)..=i128::from(i32::MAX),
            Scalar::U32 => 0..=i128::from(u32::MAX),
            // Rounded: every 64-bit integer is within the range of f32, and 65519 is the last that rounds to a half.
            Scalar::F32 | Scalar::F64 => i128::MIN..=i128::MAX,
            Scalar::I64 => i128::from(i64::MIN)..=i128::from(i64::MAX),
            Scalar::U64 => 0..=i128::from(u64::MAX),
            Scalar::F16 => -65519..=65519,
        };
        let values = data.iter().map(|&value| value.into());
        if let Some((at, value)) = values.clone().enumerate().find(|(_, value)| !range.contains(value)) {
            return Err(self.misfit(at, value, target));
        }
        Ok(match target {
            Scalar::F32 => Data::F32(values.map(|value| value as f32).collect()),
            Scalar::I32 => Data::I32(values.map(|value| value as i32).collect()),
            Scalar::U32 => Data::U32(values.map(|value| value as u32).collect()),
            Scalar::F16 => Data::F16(values.map(|value| f16::from_f64(value as f64)).collect()),
            Scalar::F64 => Data::F64(values.map(|value| value as f64).collect()),
            Scalar::I64 => Data::I64(values.map(|value| value as i64).collect()),
            Scalar::U64 => Data::U64(values.map(|value| value as u64).collect()),
        })
    }

    fn misfit(&self, at: usize, value: impl std::fmt::Display, target: Scalar) -> Failure {
        self.refuse(
            format_args!("cannot be converted: element {at} is {value}, which {} cannot hold", target.name()),
            "scale, clip or replace such values in NumPy first",
        )
    }

    /// A conversion to a vector type asks for its trailing axis.
    fn check_width(&self, array: &Array) -> Outcome {
        match self.convert {
            Some(target) if target.width > 1 && array.shape.last() != Some(&u64::from(target.width)) => Err(self
                .refuse(
                    format_args!(
                        "has shape {}, and {target} needs a last axis of {}",
                        show_shape(&array.shape),
                        target.width
                    ),
                    format_args!("save .reshape(-1, {})", target.width),
                )),
            _ => Ok(()),
        }
    }
}

/// The bytes from the start of the file to its data, checked so far that parsing them is harmless.
fn header_bytes(reader: &mut impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; 10];
    reader.read_exact(&mut bytes).map_err(|_| "it is shorter than any .npy header".to_string())?;
    if &bytes[..6] != b"\x93NUMPY" {
        let kind = match &bytes[..4] {
            b"PK\x03\x04" => "it is a .npz archive (or another zip); save one array with np.save",
            _ => "it does not start with the .npy magic",
        };
        return Err(kind.into());
    }
    let mut length = u64::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    if bytes[6] >= 2 {
        let mut high = [0; 2];
        reader.read_exact(&mut high).map_err(|_| "it ends within the header".to_string())?;
        bytes.extend(high);
        length |= u64::from(u16::from_le_bytes(high)) << 16;
    }
    if length > MAX_HEADER {
        return Err(format!("its header claims {length} bytes"));
    }
    let text_at = bytes.len();
    let read = reader.take(length).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if (read as u64) < length {
        return Err("it ends within the header".into());
    }
    check_header_text(&bytes[text_at..])?;
    Ok(bytes)
}

/// Refuses what the header's parser would answer with a panic: extents whose product overflows,
/// and nesting without end.
fn check_header_text(text: &[u8]) -> Result<(), String> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut product = 1_u64;
    let mut number: Option<u64> = None;
    for (at, &byte) in text.iter().enumerate() {
        if let Some(open) = quote {
            if byte == open {
                quote = None;
            }
            continue;
        }
        let in_word = at > 0 && (text[at - 1].is_ascii_alphabetic() || text[at - 1] == b'_');
        match byte {
            b'0'..=b'9' if number.is_some() || !in_word => {
                let digit = u64::from(byte - b'0');
                let longer = number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(digit));
                number = Some(longer.ok_or("its shape is larger than any file")?);
                continue;
            }
            b'\'' | b'"' => quote = Some(byte),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err("its header nests too deeply".into());
        }
        if let Some(extent) = number.take().filter(|&extent| extent > 0) {
            product = product.checked_mul(extent).ok_or("its shape is larger than any file")?;
        }
    }
    // 16 bytes is the largest scalar; the byte count has to fit as well.
    match number.unwrap_or(1).max(1).checked_mul(product).and_then(|product| product.checked_mul(16)) {
        Some(_) => Ok(()),
        None => Err("its shape is larger than any file".into()),
    }
}

/// `shape` as Python prints a tuple.
pub fn show_shape(shape: &[u64]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => format!("({})", shape.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// Why a file could not be read.
pub fn unreadable(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file `{}`", path.display()),
        _ => format!("`{}` cannot be read: {error}", path.display()),
    }
}

#[cfg(test)]
#[path = "npy/tests.rs"]
mod tests;
