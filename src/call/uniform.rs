//! Values for the fields of uniforms, by their paths.

use std::ops::Range;

use bytemuck::NoUninit;
use half::f16;
use naga::Scalar;

use super::{bind::unknown, element::Element};
use crate::{
    error::Message,
    kernel::{Binding, BindingKind, Kernel, fields, layout, names},
};

pub(super) mod sealed {
    pub trait Sealed {}
}

/// A value that [`Call::set`](crate::Call::set) takes: `f32`, `i32`, `u32`, `f16`, `bool` (for a `u32`
/// or `i32` field), `f64`, `i64` and `u64` for fields of 64 bits, arrays of them for vectors and arrays, and `[[T; ROWS]; COLUMNS]` for matrices.
/// With the features `glam` and `mint`, vectors and matrices of those crates are the arrays that they hold.
/// An `i32`, which is what an integer literal is, and a `usize` serve every field that can hold the number as it is.
pub trait UniformValue: sealed::Sealed {
    /// Rows of a column, and columns: `f32` is `(1, 1)`, `[f32; 3]` is `(3, 1)`.
    #[doc(hidden)]
    fn shape(&self) -> (usize, usize);
    /// The scalar it is made of, and its name.
    #[doc(hidden)]
    fn kind(&self) -> Kind;
    /// The bits of the scalar in `row` of `column`.
    #[doc(hidden)]
    fn bits(&self, column: usize, row: usize) -> u64;
    /// The type's name in Rust.
    #[doc(hidden)]
    fn name(&self) -> String;
}

/// The scalar type of a [`UniformValue`].
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    F32,
    F16,
    I32,
    U32,
    Bool,
    F64,
    I64,
    U64,
    Usize,
}

impl Kind {
    /// Whether a field made of `scalar` takes it.
    pub(super) fn fits(self, scalar: Scalar) -> bool {
        match self {
            Kind::F32 => scalar == Scalar::F32,
            Kind::F16 => scalar == Scalar::F16,
            Kind::I32 => scalar == Scalar::I32,
            Kind::U32 => scalar == Scalar::U32,
            Kind::F64 => scalar == Scalar::F64,
            Kind::I64 => scalar == Scalar::I64,
            Kind::U64 => scalar == Scalar::U64,
            Kind::Bool => scalar == Scalar::U32 || scalar == Scalar::I32,
            Kind::Usize => false,
        }
    }

    /// The bits of a field made of `scalar`, for a value with these bits. Nothing where the types do not go together; an error,
    /// with the number, where it does not fit.
    fn convert(self, bits: u64, scalar: Scalar) -> Option<Result<u64, i128>> {
        let number = match self {
            _ if self.fits(scalar) => return Some(Ok(bits)),
            Kind::I32 => i128::from(bits as u32 as i32),
            Kind::Usize => i128::from(bits),
            _ => return None,
        };
        let float = number as f64;
        let is_exact = float as i128 == number;
        let converted = match scalar {
            Scalar::U32 => u32::try_from(number).ok().map(u64::from),
            Scalar::I32 => i32::try_from(number).ok().map(|number| (number as u32).into()),
            Scalar::U64 => u64::try_from(number).ok(),
            Scalar::I64 => i64::try_from(number).ok().map(|number| number as u64),
            Scalar::F32 => {
                let narrow = float as f32;
                (is_exact && f64::from(narrow) == float).then(|| narrow.to_bits().into())
            }
            Scalar::F16 => {
                let narrow = f16::from_f64(float);
                (is_exact && narrow.to_f64() == float).then(|| narrow.to_bits().into())
            }
            Scalar::F64 => is_exact.then(|| float.to_bits()),
            _ => return None,
        };
        Some(converted.ok_or(number))
    }
}

/// A scalar of Rust that WGSL has.
#[doc(hidden)]
pub trait UniformScalar: sealed::Sealed + Copy {
    const KIND: Kind;
    const NAME: &'static str;
    fn to_bits64(self) -> u64;
}

macro_rules! scalar {
    ($($ty:ty, $kind:ident, $name:literal, |$value:ident| $bits:expr;)*) => {
        $(
            impl sealed::Sealed for $ty {}
            impl UniformScalar for $ty {
                const KIND: Kind = Kind::$kind;
                const NAME: &'static str = $name;
                fn to_bits64(self) -> u64 {
                    let $value = self;
                    $bits
                }
            }
            impl UniformValue for $ty {
                fn shape(&self) -> (usize, usize) {
                    (1, 1)
                }
                fn kind(&self) -> Kind {
                    Kind::$kind
                }
                fn bits(&self, _: usize, _: usize) -> u64 {
                    self.to_bits64()
                }
                fn name(&self) -> String {
                    $name.to_owned()
                }
            }
        )*
    };
}

scalar! {
    f32, F32, "f32", |value| value.to_bits().into();
    i32, I32, "i32", |value| (value as u32).into();
    u32, U32, "u32", |value| value.into();
    bool, Bool, "bool", |value| value.into();
    f16, F16, "f16", |value| value.to_bits().into();
    f64, F64, "f64", |value| value.to_bits();
    i64, I64, "i64", |value| value as u64;
    u64, U64, "u64", |value| value;
    usize, Usize, "usize", |value| value as u64;
}

impl<T, const N: usize> sealed::Sealed for [T; N] {}

impl<T: UniformScalar, const ROWS: usize> UniformValue for [T; ROWS] {
    fn shape(&self) -> (usize, usize) {
        (ROWS, 1)
    }

    fn kind(&self) -> Kind {
        T::KIND
    }

    fn bits(&self, _: usize, row: usize) -> u64 {
        self[row].to_bits64()
    }

    fn name(&self) -> String {
        format!("[{}; {ROWS}]", T::NAME)
    }
}

impl<T: UniformScalar, const ROWS: usize, const COLUMNS: usize> UniformValue for [[T; ROWS]; COLUMNS] {
    fn shape(&self) -> (usize, usize) {
        (ROWS, COLUMNS)
    }

    fn kind(&self) -> Kind {
        T::KIND
    }

    fn bits(&self, column: usize, row: usize) -> u64 {
        self[column][row].to_bits64()
    }

    fn name(&self) -> String {
        format!("[[{}; {ROWS}]; {COLUMNS}]", T::NAME)
    }
}

/// The bytes of all uniforms of a call, and which of them are set.
#[derive(Clone, Debug)]
pub(crate) struct Uniforms {
    /// The bytes, in words, so that they are aligned as kernels read them. Behind them a bit for each two bytes, set where a
    /// scalar starts that was given: one allocation for both.
    words: Vec<u32>,
    /// How many of the words are bytes.
    data: usize,
}

impl Uniforms {
    pub fn new(kernel: &Kernel) -> Uniforms {
        let data = kernel.inner.uniform_bytes / 4;
        Uniforms { words: vec![0; data + kernel.inner.uniform_scalars.len()], data }
    }

    /// The bytes of all uniforms, each at its [`Binding::uniform_offset`].
    pub fn all(&self) -> &[u8] {
        bytemuck::cast_slice(&self.words[..self.data])
    }

    /// Notes that a scalar was given that starts `place` bytes into all uniforms.
    fn mark(&mut self, place: usize) {
        self.words[self.data + place / 64] |= 1 << (place / 2 % 32);
    }

    /// Whether one was given there.
    fn is_set(&self, place: usize) -> bool {
        self.words[self.data + place / 64] & 1 << (place / 2 % 32) != 0
    }

    /// The bytes of the uniform `binding`.
    pub fn bytes(&self, binding: &Binding) -> &[u8] {
        let start = binding.uniform_offset;
        &self.all()[start..start + binding.shape.fixed_bytes as usize]
    }

    /// Sets the scalars at `path`.
    pub fn set(&mut self, kernel: &Kernel, path: &str, value: &dyn UniformValue) -> Result<(), Message> {
        self.set_each(kernel, path, value, &mut |_| {})
    }

    /// As [`set`](Uniforms::set), and tells where each scalar stands in [`all`](Uniforms::all), column by column.
    pub fn set_each(
        &mut self,
        kernel: &Kernel,
        path: &str,
        value: &dyn UniformValue,
        places: &mut dyn FnMut(Range<usize>),
    ) -> Result<(), Message> {
        let name = path.split(['.', '[']).next().unwrap_or(path);
        let binding = find(kernel, name, path)?;
        let module = &kernel.inner.module;
        let ty = module.global_variables[binding.global].ty;
        let slot = fields::find(module, ty, path).map_err(|error| kernel.message(error.problem).help(error.help))?;
        let kind = value.kind();
        if kind.convert(0, slot.scalar).is_none() || value.shape() != (slot.rows, slot.columns) {
            let wanted = slot.rust_type();
            let mut help = format!("give it as {wanted}");
            if (slot.rows, slot.columns) == (1, 1) && value.shape() == (1, 1) {
                help += &format!(", such as 1{wanted} or `value as {wanted}`");
            }
            let problem = format!("`{path}` is {wanted} in the WGSL, and was given {}", value.name());
            return Err(kernel.message(problem).subject(path).help(help));
        }
        for column in 0..slot.columns {
            for row in 0..slot.rows {
                let place = binding.uniform_offset + slot.place(column, row);
                let bits = match kind.convert(value.bits(column, row), slot.scalar) {
                    Some(Ok(bits)) => bits.to_le_bytes(),
                    Some(Err(number)) => return Err(unfit(kernel, path, slot, number)),
                    None => continue,
                };
                let width = usize::from(slot.scalar.width);
                let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words);
                bytes[place..place + width].copy_from_slice(&bits[..width]);
                self.mark(place);
                places(place..place + width);
            }
        }
        Ok(())
    }

    /// Sets the whole uniform `name`.
    pub fn set_whole<T: NoUninit>(&mut self, kernel: &Kernel, name: &str, value: &T) -> Result<(), Message> {
        let binding = find(kernel, name, name)?;
        Element::of_value::<T>().check_whole(kernel, binding)?;
        self.copy(binding, bytemuck::bytes_of(value));
        Ok(())
    }

    /// Sets the whole uniform `name` from bytes.
    pub fn set_bytes(&mut self, kernel: &Kernel, name: &str, value: &[u8]) -> Result<(), Message> {
        let binding = find(kernel, name, name)?;
        let size = binding.shape.fixed_bytes as usize;
        if value.len() != size {
            return Err(kernel
                .message(format!("{} takes {size} bytes, and was given {}", binding.shape.name, value.len()))
                .subject(name)
                .help("lay the bytes out as WGSL does, padding included"));
        }
        self.copy(binding, value);
        Ok(())
    }

    /// Copies `value`, which has the binding's size.
    fn copy(&mut self, binding: &Binding, value: &[u8]) {
        let (start, end) = (binding.uniform_offset, binding.uniform_offset + value.len());
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words);
        bytes[start..end].copy_from_slice(value);
        for place in (start..end).step_by(2) {
            self.mark(place);
        }
    }

    /// Refuses a call that leaves fields of a uniform unset that the kernel reads.
    pub fn check_complete(&self, kernel: &Kernel) -> Result<(), Message> {
        let wanted = &kernel.inner.uniform_scalars;
        if wanted.iter().zip(&self.words[self.data..]).all(|(wanted, set)| wanted & !set == 0) {
            return Ok(());
        }
        let read = kernel.uniforms_read();
        let needs = |place: usize| read.has(place) && !self.is_set(place);
        let uniforms = kernel.bindings().iter().filter(|binding| binding.kind == BindingKind::Uniform);
        let mut missing = Vec::new();
        for binding in uniforms {
            let module = &kernel.inner.module;
            fields::each(module, module.global_variables[binding.global].ty, &binding.name, &mut |path, slot| {
                if !fields::is_padding(path) && slot.places().any(|place| needs(binding.uniform_offset + place)) {
                    missing.push((path.to_owned(), slot.rust_type()));
                }
            });
        }
        if missing.is_empty() {
            return Ok(());
        }
        const SHOWN: usize = 8;
        let mut list = names::list(missing.iter().take(SHOWN).map(|(path, _)| path.as_str()));
        if missing.len() > SHOWN {
            list += &format!(" and {} more", missing.len() - SHOWN);
        }
        let (path, ty) = missing.first().map_or(("", ""), |(path, ty)| (path, ty));
        let verb = if missing.len() == 1 { "is" } else { "are" };
        Err(kernel.message(format!("{list} {verb} not set")).help(format!(
            "set every field of a uniform that the kernel reads: .set(\"{path}\", value) with a value of type {ty}"
        )))
    }
}

/// The error for a number that a field cannot hold.
fn unfit(kernel: &Kernel, path: &str, slot: fields::Slot, number: i128) -> Message {
    let scalar = layout::scalar_name(slot.scalar);
    let help = match slot.scalar {
        Scalar::U32 => format!("give a number from 0 to {}", u32::MAX),
        Scalar::I32 => format!("give a number from {} to {}", i32::MIN, i32::MAX),
        Scalar::U64 | Scalar::I64 => "give a number that 64 bits hold".to_owned(),
        _ => format!("to have it rounded, give it as {scalar}"),
    };
    let problem = format!("`{path}` is {} in the WGSL, and no {scalar} is {number}", slot.rust_type());
    kernel.message(problem).subject(path).help(help)
}

/// The uniform called `name`, the head of `path`.
fn find<'k>(kernel: &'k Kernel, name: &str, path: &str) -> Result<&'k Binding, Message> {
    let module = &kernel.inner.module;
    let Some(binding) = kernel.bindings().iter().find(|binding| binding.name == name) else {
        // A field's name alone is a likely slip.
        let field =
            kernel.bindings().iter().filter(|binding| binding.kind == BindingKind::Uniform).find_map(|binding| {
                let full = format!("{}.{path}", binding.name);
                let ty = module.global_variables[binding.global].ty;
                fields::find(module, ty, &full).is_ok().then_some(full)
            });
        let message = unknown(kernel, name);
        return Err(match field {
            Some(full) => message.help(format!("did you mean `{full}`?")),
            None => message,
        });
    };
    if binding.kind != BindingKind::Uniform {
        let method = match binding.kind {
            BindingKind::ReadWriteStorage if binding.loads => "read_write",
            BindingKind::ReadWriteStorage => "write",
            _ => "read",
        };
        let help = format!("bind it with .{method}(\"{name}\", ..)");
        return Err(kernel
            .message(format!("`{name}` is storage ({}), not a uniform", binding.shape.name))
            .subject(name)
            .help(help));
    }
    Ok(binding)
}
