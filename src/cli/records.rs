//! Arrays of structs as NumPy's structured dtypes hold them: each field is found by its name.

use npyz::{DType as NpyDType, Endianness, Field as NpyField, TypeChar, TypeStr};
use swath::{Field, Scalar, Type};

use super::{
    dtype::{self, numpy},
    npy::show_shape,
};

/// The structs that a binding holds: one, or an array of them.
pub struct Structs<'t> {
    pub element: &'t Type,
    /// Bytes from one to the next.
    pub stride: usize,
    /// The extents that the type fixes, outermost first.
    pub extents: Vec<u64>,
    /// Whether there are as many of those as the data has.
    pub is_open: bool,
}

impl<'t> Structs<'t> {
    /// Those of a type; nothing where it holds something else, or ends in a runtime-sized array.
    pub fn of(ty: &'t Type) -> Option<Structs<'t>> {
        match ty {
            Type::Struct { size, .. } if ty.runtime_array().is_none() => {
                Some(Structs { element: ty, stride: *size as usize, extents: Vec::new(), is_open: false })
            }
            Type::Array { element, count, stride } => {
                let mut structs = Structs::of(element)?;
                if let Type::Struct { .. } = **element {
                    structs.stride = *stride as usize;
                }
                match count {
                    Some(count) => structs.extents.insert(0, u64::from(*count)),
                    None => structs.is_open = true,
                }
                Some(structs)
            }
            _ => None,
        }
    }

    /// How many there are in an array of this shape, or what it had to be.
    fn count(&self, shape: &[u64]) -> Result<usize, String> {
        let given = shape.iter().try_fold(1_u64, |count, &extent| count.checked_mul(extent));
        let fixed: u64 = self.extents.iter().product();
        match given {
            Some(given) if given == fixed || self.is_open && given.is_multiple_of(fixed) => Ok(given as usize),
            _ if self.is_open && fixed > 1 => Err(format!("a multiple of {fixed} records")),
            _ if fixed == 1 => Err("one record".into()),
            _ => Err(format!("{fixed} records, of shape {}", show_shape(&self.extents))),
        }
    }
}

/// How the records of a file lie in a binding.
#[derive(Clone, Debug, PartialEq)]
pub struct Records {
    /// Of a record in the file.
    dtype: NpyDType,
    /// The struct's name.
    name: String,
    count: usize,
    /// Bytes from one record to the next, in the file and in memory.
    file_stride: usize,
    memory_stride: usize,
    moves: Vec<Move>,
    /// What the file held, where it has fields that the kernel does not know: they stay as they are.
    kept: Vec<u8>,
}

/// Bytes of a record that go from the file to memory, and back.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Move {
    file: usize,
    memory: usize,
    bytes: usize,
    /// Whether they are a scalar whose bytes stand the other way round in the file.
    is_swapped: bool,
}

impl Records {
    /// The records of a new file of this shape: the struct's fields one behind the other, without padding. Or what the
    /// shape had to be.
    pub fn packed(structs: &Structs<'_>, shape: &[u64]) -> Result<Records, String> {
        let count = structs.count(shape)?;
        Records::between(structs, packed_dtype(structs.element), count)
    }

    /// The records of a file that has this dtype and shape, or why they are none for the kernel.
    pub fn of_file(structs: &Structs<'_>, dtype: NpyDType, shape: &[u64]) -> Result<Records, String> {
        let count =
            structs.count(shape).map_err(|wanted| format!("has shape {}, and it takes {wanted}", show_shape(shape)))?;
        Records::between(structs, dtype, count)
    }

    fn between(structs: &Structs<'_>, dtype: NpyDType, count: usize) -> Result<Records, String> {
        let mut moves = Vec::new();
        pair(&dtype, structs.element, (0, 0), "", &mut moves)?;
        let file_stride = dtype.num_bytes().ok_or("has records whose size is not known")?;
        Ok(Records {
            dtype,
            name: structs.element.to_string(),
            count,
            file_stride,
            memory_stride: structs.stride,
            moves: joined(moves),
            kept: Vec::new(),
        })
    }

    /// Keeps what a file held, if it has something that the kernel does not know.
    pub fn keep(mut self, file: Vec<u8>) -> Self {
        if self.moves.iter().map(|part| part.bytes).sum::<usize>() < self.file_stride {
            self.kept = file;
        }
        self
    }

    /// The dtype as it stands in the header of a file.
    pub fn dtype(&self) -> &NpyDType {
        &self.dtype
    }

    /// What there is, in words.
    pub fn describe(&self, shape: &[u64]) -> String {
        format!("{} {}", self.name, show_shape(shape))
    }

    /// Bytes of all records in memory; nothing where that is more than can be.
    pub fn memory_bytes(&self) -> Option<usize> {
        self.count.checked_mul(self.memory_stride)
    }

    /// Puts the records of a file where the kernel has them; what is between them is left alone.
    pub fn pack(&self, file: &[u8], memory: &mut [u8]) {
        if self.file_stride == 0 || self.memory_stride == 0 {
            return;
        }
        let records = file.chunks_exact(self.file_stride).zip(memory.chunks_exact_mut(self.memory_stride));
        for (from, to) in records {
            for part in &self.moves {
                part.copy(&from[part.file..], &mut to[part.memory..]);
            }
        }
    }

    /// The records in memory as a file has them.
    pub fn unpack(&self, memory: &[u8]) -> Vec<u8> {
        let bytes = self.count * self.file_stride;
        let mut file = if self.kept.len() == bytes { self.kept.clone() } else { vec![0; bytes] };
        if self.file_stride == 0 || self.memory_stride == 0 {
            return file;
        }
        let records = file.chunks_exact_mut(self.file_stride).zip(memory.chunks_exact(self.memory_stride));
        for (to, from) in records {
            for part in &self.moves {
                part.copy(&from[part.memory..], &mut to[part.file..]);
            }
        }
        file
    }
}

impl Move {
    fn copy(&self, from: &[u8], to: &mut [u8]) {
        let to = &mut to[..self.bytes];
        to.copy_from_slice(&from[..self.bytes]);
        if self.is_swapped {
            to.reverse();
        }
    }
}

/// Moves of which those that follow each other on both sides are one.
fn joined(moves: Vec<Move>) -> Vec<Move> {
    let mut joined: Vec<Move> = Vec::new();
    for part in moves {
        match joined.last_mut() {
            Some(last)
                if !last.is_swapped
                    && !part.is_swapped
                    && last.file + last.bytes == part.file
                    && last.memory + last.bytes == part.memory =>
            {
                last.bytes += part.bytes;
            }
            _ => joined.push(part),
        }
    }
    joined
}

/// Finds what of a file goes where in memory, from the places `at` of both on. `path` names the field.
fn pair(file: &NpyDType, ty: &Type, at: (usize, usize), path: &str, moves: &mut Vec<Move>) -> Result<(), String> {
    let differs = || format!("has `{path}` as {}, and the kernel has it as {ty}", in_words(file));
    match (file, ty) {
        (NpyDType::Plain(code), &(Type::Scalar(scalar) | Type::Atomic(scalar))) => {
            if scalar_of(code) != Some(scalar) {
                return Err(differs());
            }
            let is_swapped = code.endianness() == Endianness::Big;
            moves.push(Move { file: at.0, memory: at.1, bytes: scalar.bytes(), is_swapped });
            Ok(())
        }
        (NpyDType::Array(length, _), &Type::Vector { width, scalar }) if *length == u64::from(width) => {
            row(file, at, width, scalar, moves).ok_or_else(differs)
        }
        (NpyDType::Array(length, column), &Type::Matrix { columns, rows, scalar }) if *length == u64::from(columns) => {
            // The padding of columns may be there or not.
            let in_memory = if rows == 2 { 2 } else { 4 } * scalar.bytes();
            let stride = column.num_bytes().ok_or_else(differs)?;
            let is_row = |length: u64| length == u64::from(rows) || length as usize * scalar.bytes() == in_memory;
            if !matches!(**column, NpyDType::Array(length, _) if is_row(length)) {
                return Err(differs());
            }
            (0..columns as usize).try_for_each(|place| {
                let at = (at.0 + place * stride, at.1 + place * in_memory);
                row(column, at, rows, scalar, moves).ok_or_else(differs)
            })
        }
        (NpyDType::Array(length, inner), Type::Array { element, count: Some(count), stride })
            if *length == u64::from(*count) =>
        {
            let size = inner.num_bytes().ok_or_else(differs)?;
            (0..*count as usize).try_for_each(|place| {
                let at = (at.0 + place * size, at.1 + place * *stride as usize);
                pair(inner, element, at, &format!("{path}[{place}]"), moves)
            })
        }
        (NpyDType::Record(known), Type::Struct { fields, .. }) => {
            fields.iter().try_for_each(|field| pair_field(known, field, at, path, moves))
        }
        _ => Err(differs()),
    }
}

/// As [`pair`], for a field of a struct.
fn pair_field(
    known: &[NpyField],
    field: &Field,
    at: (usize, usize),
    path: &str,
    moves: &mut Vec<Move>,
) -> Result<(), String> {
    let path = if path.is_empty() { field.name.clone() } else { format!("{path}.{}", field.name) };
    let mut start = at.0;
    for NpyField { name, dtype } in known {
        if *name == field.name {
            return pair(dtype, &field.ty, (start, at.1 + field.offset as usize), &path, moves);
        }
        start += dtype.num_bytes().ok_or_else(|| format!("has `{name}`, whose size is not known"))?;
    }
    if super::fields::is_padding(&field.name) { Ok(()) } else { Err(format!("has no field `{path}`")) }
}

/// The scalars of a vector, of an array that has at least as many.
fn row(file: &NpyDType, at: (usize, usize), width: u32, scalar: Scalar, moves: &mut Vec<Move>) -> Option<()> {
    let NpyDType::Array(_, inner) = file else { return None };
    let ty = Type::Scalar(scalar);
    (0..width as usize).try_for_each(|place| {
        let skip = place * scalar.bytes();
        pair(inner, &ty, (at.0 + skip, at.1 + skip), "", moves).ok()
    })
}

/// The scalar that a type string stands for.
fn scalar_of(code: &TypeStr) -> Option<Scalar> {
    Some(match (code.type_char(), code.size_field()) {
        (TypeChar::Float, 2) => Scalar::F16,
        (TypeChar::Float, 4) => Scalar::F32,
        (TypeChar::Float, 8) => Scalar::F64,
        (TypeChar::Int, 4) => Scalar::I32,
        (TypeChar::Int, 8) => Scalar::I64,
        (TypeChar::Uint, 4) => Scalar::U32,
        (TypeChar::Uint, 8) => Scalar::U64,
        _ => return None,
    })
}

/// The dtype of a type without padding: vectors are axes, and so are the columns of matrices.
fn packed_dtype(ty: &Type) -> NpyDType {
    let plain = |scalar: Scalar| {
        let code = dtype::code(scalar).parse().expect("a code of ours is a type string");
        NpyDType::Plain(code)
    };
    let axis = |length: u32, inner: NpyDType| NpyDType::Array(length.into(), Box::new(inner));
    match ty {
        Type::Scalar(scalar) | Type::Atomic(scalar) => plain(*scalar),
        Type::Vector { width, scalar } => axis(*width, plain(*scalar)),
        Type::Matrix { columns, rows, scalar } => axis(*columns, axis(*rows, plain(*scalar))),
        Type::Array { element, count, .. } => axis(count.unwrap_or(0), packed_dtype(element)),
        Type::Struct { fields, .. } => NpyDType::Record(
            fields.iter().map(|field| NpyField { name: field.name.clone(), dtype: packed_dtype(&field.ty) }).collect(),
        ),
    }
}

/// The dtype for a struct as one writes it in Python.
pub fn python_dtype(ty: &Type) -> String {
    format!("np.dtype({})", packed_dtype(ty).descr().replace(", ]", "]"))
}

/// A dtype for a message.
fn in_words(dtype: &NpyDType) -> String {
    match dtype {
        NpyDType::Plain(code) => scalar_of(code).map_or_else(|| code.to_string(), |scalar| numpy(scalar).to_owned()),
        NpyDType::Array(length, inner) => format!("{length} of {}", in_words(inner)),
        NpyDType::Record(_) => "a record".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, offset: u32, ty: Type) -> Field {
        Field::new(name, offset, ty)
    }

    /// struct P { at: vec3f, id: u32, turn: mat2x3f, on: array<u32, 2> }, in an array.
    fn particles() -> Type {
        let f32s = |width| Type::Vector { width, scalar: Scalar::F32 };
        let on = Type::Array { element: Box::new(Type::Scalar(Scalar::U32)), count: Some(2), stride: 4 };
        let fields = vec![
            field("at", 0, f32s(3)),
            field("id", 12, Type::Scalar(Scalar::U32)),
            field("turn", 16, Type::Matrix { columns: 2, rows: 3, scalar: Scalar::F32 }),
            field("on", 48, on),
        ];
        let element = Type::Struct { name: "P".into(), fields, size: 64 };
        Type::Array { element: Box::new(element), count: None, stride: 64 }
    }

    fn dtype(text: &str) -> NpyDType {
        NpyDType::parse(text).unwrap()
    }

    #[test]
    fn a_new_file_has_the_fields_without_padding() {
        let ty = particles();
        let structs = Structs::of(&ty).unwrap();
        let text = "np.dtype([('at', '<f4', (3,)), ('id', '<u4'), ('turn', '<f4', (2,3,)), ('on', '<u4', (2,))])";
        assert_eq!(python_dtype(structs.element), text);
        let records = Records::packed(&structs, &[5]).unwrap();
        assert_eq!((records.memory_bytes(), records.file_stride), (Some(320), 48));
        let file: Vec<u8> = (0..240).map(|i| i as u8).collect();
        let mut memory = vec![255; 320];
        records.pack(&file, &mut memory);
        assert_eq!(memory[..16], file[..16]);
        assert_eq!((&memory[16..28], &memory[28..32]), (&file[16..28], &[255; 4][..]));
        assert_eq!((&memory[32..44], &memory[48..56]), (&file[28..40], &file[40..48]));
        assert_eq!(memory[64..80], file[48..64]);
        assert_eq!(records.unpack(&memory), file);
    }

    #[test]
    fn fields_are_found_by_name_whatever_their_order_bytes_and_neighbours() {
        let fields = vec![field("a", 0, Type::Scalar(Scalar::F32)), field("_b", 4, Type::Scalar(Scalar::U32))];
        let ty = Type::Struct { name: "S".into(), fields, size: 8 };
        let structs = Structs::of(&ty).unwrap();
        let with_more = dtype("[('note', '|S2'), ('a', '>f4'), ('', '|V2')]");
        let records = Records::of_file(&structs, with_more, &[]).unwrap();
        let file = [b'h', b'i', 1, 2, 3, 4, 9, 9];
        let mut memory = [0; 8];
        records.pack(&file, &mut memory);
        assert_eq!(memory, [4, 3, 2, 1, 0, 0, 0, 0]);
        memory[0] = 5;
        assert_eq!(records.keep(file.to_vec()).unpack(&memory), [b'h', b'i', 1, 2, 3, 5, 9, 9]);
    }

    #[test]
    fn records_of_something_else_are_refused_by_name() {
        let ty = particles();
        let structs = Structs::of(&ty).unwrap();
        let whole = "('turn', '<f4', (2, 4)), ('on', '<u4', (2,))";
        for (text, words) in [
            (format!("[('at', '<f4', (3,)), {whole}]"), "has no field `id`"),
            (
                format!("[('at', '<f4', (3,)), ('id', '<i4'), {whole}]"),
                "has `id` as int32, and the kernel has it as u32",
            ),
            (format!("[('at', '<f8', (3,)), ('id', '<u4'), {whole}]"), "has `at` as 3 of float64"),
            (format!("[('at', '<f4', (4,)), ('id', '<u4'), {whole}]"), "has `at` as 4 of float32"),
        ] {
            let error = Records::of_file(&structs, dtype(&text), &[1]).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
        let Type::Array { element, stride, .. } = particles() else { panic!("an array") };
        let fixed = Type::Array { element, count: Some(3), stride };
        let structs = Structs::of(&fixed).unwrap();
        let error = Records::packed(&structs, &[2]).unwrap_err();
        assert_eq!(error, "3 records, of shape (3,)");
    }
}
