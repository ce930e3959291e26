//! What bindings start with: files read, and laid out as WGSL says.

use std::{fs::File, path::Path};

use npyz::DType as NpyDType;
use swath::{Binding, Scalar, Type};

use super::{
    bind::{Binder, describe, element_name, packing},
    dtype::{DType, Data, numpy},
    failure::{Failure, Outcome},
    form::Form,
    layout::{Packing, element_dtype},
    mapped::{self, Mapped},
    npy::{self, Found, Source, show_shape},
    records::{Records, Structs, python_dtype},
    values::is_raw,
};

/// A file as a kernel has it.
pub struct Loaded {
    /// As WGSL lays it out.
    pub memory: Data,
    /// What of it the file has.
    pub form: Form,
    /// The file's shape.
    pub shape: Vec<u64>,
}

impl Binder<'_> {
    /// The contents of a file, converted if that is wanted. `ask` is what asks for a conversion, with the type behind it.
    pub fn load(&self, binding: &Binding, file: &Path, convert: Option<DType>, ask: &str) -> Outcome<Loaded> {
        if is_raw(file) {
            return load_raw(binding, file);
        }
        let wanted = element_dtype(binding.ty());
        let source = Source { name: &binding.name, path: file, convert, wanted, ask: Some(ask) };
        match npy::read(source)? {
            Found::Array(array) => {
                let file = convert.map_or(file.display().to_string(), |dtype| format!("{}:{dtype}", file.display()));
                let (form, len) =
                    fit(binding, array.data.scalar(), &array.shape, &file, &|dtype| source.remedy(dtype))?;
                let memory = match &form {
                    Form::Packed(packing) => packing.pack(&array.data, len),
                    _ => array.data,
                };
                Ok(Loaded { memory, form, shape: array.shape })
            }
            Found::Records(dtype, shape, bytes) => load_records(binding, file, (dtype, shape, bytes)),
        }
    }
}

/// How an array of scalars of this shape lies in a binding, and how many scalars that takes in memory. `remedy` says how to make
/// the file what it has to be.
pub fn fit(
    binding: &Binding,
    scalar: Scalar,
    shape: &[u64],
    file: &str,
    remedy: &dyn Fn(DType) -> String,
) -> Outcome<(Form, usize)> {
    let ty = binding.ty();
    let refuse =
        |problem: String, help: String| Failure::wrong(format!("`{file}` for `{}` {problem}", describe(binding)), help);
    let packing = packing(binding, file, || match Structs::of(ty) {
        Some(structs) => format!("save an array of records: {}", python_dtype(structs.element)),
        None => "give the bytes as WGSL lays them out, in a file FILE.bin".to_owned(),
    })?;
    if packing.scalar != scalar {
        let wanted = element_dtype(ty).unwrap_or(DType { scalar: packing.scalar, width: 1 });
        return Err(refuse(format!("is {}", numpy(scalar)), remedy(wanted)));
    }
    let len = shape.iter().product::<u64>() as usize;
    if len == 0 && binding.element_stride().is_none() {
        return Err(refuse(
            format!("has shape {}: there is nothing in it", show_shape(shape)),
            "give it at least one element".into(),
        ));
    }
    if packing.is_padded(shape) {
        return Ok((Form::Plain, len));
    }
    match packing.check_rows(shape).and_then(|()| packing.memory_len(len)) {
        Ok(_) if packing.is_dense() => Ok((Form::Plain, len)),
        Ok(in_memory) => Ok((Form::Packed(packing), in_memory)),
        Err(wanted) => {
            let help = match element_dtype(ty) {
                Some(DType { width: 2.., .. }) => format!("make its last axis that of one {}", element_name(ty)),
                _ => "give it the number of scalars that the type has, padding left out".to_string(),
            };
            Err(refuse(format!("has shape {}, and it takes {wanted}", show_shape(shape)), help))
        }
    }
}

/// The scalars that so many bytes of a binding are kept as.
pub fn scalar_for(binding: &Binding, bytes: u64, what: &str) -> Outcome<Scalar> {
    let scalar = Packing::of(binding.ty()).map_or(Scalar::U32, |packing| packing.scalar);
    if bytes.is_multiple_of(scalar.bytes() as u64) {
        return Ok(scalar);
    }
    Err(Failure::wrong(
        format!("{what} for `{}` has {bytes} bytes, which is no multiple of {}", describe(binding), scalar.bytes()),
        "lay the bytes out as WGSL does, padding included",
    ))
}

/// The records of a file.
fn load_records(
    binding: &Binding,
    file: &Path,
    (dtype, shape, bytes): (NpyDType, Vec<u64>, Vec<u8>),
) -> Outcome<Loaded> {
    let shown = format!("`{}` for `{}`", file.display(), describe(binding));
    let Some(structs) = Structs::of(binding.ty()) else {
        let help = match binding.ty() {
            Type::Struct { .. } => "give the bytes as WGSL lays them out, in a file FILE.bin",
            _ => "save the one field that it is for: np.ascontiguousarray(array['field'])",
        };
        return Err(Failure::wrong(format!("{shown} has a structured dtype, and it holds no structs"), help));
    };
    let records = Records::of_file(&structs, dtype, &shape).map_err(|problem| {
        let help = format!("save an array of {}; fields may stand in any order", python_dtype(structs.element));
        Failure::wrong(format!("{shown} {problem}"), help)
    })?;
    let (scalar, len) = size_of(binding, &records, &shown)?;
    let mut memory = Data::try_zeros(scalar, len).ok_or_else(|| too_many(&shown))?;
    records.pack(&bytes, memory.bytes_mut());
    Ok(Loaded { memory, form: Form::Records(Box::new(records.keep(bytes))), shape })
}

/// The scalars that records are kept as, and how many.
pub fn size_of(binding: &Binding, records: &Records, what: &str) -> Outcome<(Scalar, u64)> {
    let bytes = records.memory_bytes().ok_or_else(|| too_many(what))? as u64;
    let scalar = scalar_for(binding, bytes, what)?;
    Ok((scalar, bytes / scalar.bytes() as u64))
}

fn too_many(what: &str) -> Failure {
    Failure::wrong(format!("{what} is more than this machine can hold"), "give fewer records")
}

/// The bytes of a file as they are. How many a binding takes is compared when the call is checked.
fn load_raw(binding: &Binding, path: &Path) -> Outcome<Loaded> {
    let what = format!("`{}`", path.display());
    let large = File::open(path).ok().and_then(|file| {
        let bytes = file.metadata().ok()?.len();
        (bytes >= mapped::LARGE && mapped::is_possible(path)).then_some((file, bytes))
    });
    if let Some((file, bytes)) = large {
        let scalar = scalar_for(binding, bytes, &what)?;
        // A file that cannot be mapped is read.
        if let Ok(map) = Mapped::input(&file, scalar, 0, bytes as usize) {
            return Ok(Loaded { memory: Data::Mapped(map), form: Form::Raw, shape: vec![bytes] });
        }
    }
    let bytes = npy::read_bytes(path)?;
    let scalar = scalar_for(binding, bytes.len() as u64, &what)?;
    let mut memory = Data::zeros(scalar, bytes.len() / scalar.bytes());
    memory.bytes_mut().copy_from_slice(&bytes);
    Ok(Loaded { memory, form: Form::Raw, shape: vec![bytes.len() as u64] })
}
