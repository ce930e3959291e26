//! What Rust types have in memory, field by field, so that calls can tell whether a struct is the one that a kernel binds.
//!
//! A call compares sizes: a struct whose fields are in another order than WGSL's has the same. Where a struct derives
//! [`Layout`](derive@crate::Layout), every call that binds it compares each field's name, place and type as well, and says
//! which one is wrong.
//!
//! ```
//! use bytemuck::{Pod, Zeroable};
//!
//! #[derive(Clone, Copy, Pod, Zeroable, swath::Layout)]
//! #[repr(C)]
//! struct Particle {
//!     pos: [f32; 3],
//!     mass: f32,
//!     vel: [f32; 3],
//!     _pad: f32,
//! }
//!
//! let rt = swath::Runtime::cpu()?;
//! let module = rt.module(
//!     "struct Particle { vel: vec3f, mass: f32, pos: vec3f }
//!      @group(0) @binding(0) var<storage, read_write> particles: array<Particle>;
//!      @compute @workgroup_size(64) fn step(@builtin(global_invocation_id) id: vec3u) {
//!          if id.x < arrayLength(&particles) { particles[id.x].pos += particles[id.x].vel; }
//!      }",
//! )?;
//! let mut particles: [Particle; 100] = Zeroable::zeroed();
//! let error = rt.call(&module.only_kernel()?).read_write("particles", &mut particles).grid(100).run().unwrap_err();
//! assert!(error.to_string().contains("`vel` of `Particle` is at byte 16, and in the WGSL at byte 0"), "{error}");
//! # Ok::<(), swath::Error>(())
//! ```
//!
//! Fields are compared by name: `#[layout(name = "velocity")]` gives WGSL's where it is another. Fields whose names begin with
//! an underscore or with `pad` are padding. A vector is an array of numbers here, and so is a struct of numbers of one type
//! that stands for a vector; with the feature `glam`, that crate's vectors and matrices are fields as well.

use std::{any::TypeId, collections::HashMap, fmt::Write, sync::OnceLock};

use half::f16;
#[doc(hidden)]
pub use inventory;

use crate::kernel::{Field, Scalar, Type, fields::is_padding_name};

/// A type of which is known what it has in memory. Derived for structs; numbers and arrays have it.
pub trait Layout: 'static {
    /// What a value has in memory.
    const TYPE: HostType;
}

/// What a Rust type has in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HostType {
    /// A number that WGSL has.
    Scalar(Scalar),
    /// A number that WGSL does not have: good for padding.
    Other {
        /// Its name.
        name: &'static str,
        /// Its bytes.
        size: usize,
    },
    /// Values side by side: an array, or a vector.
    Array {
        /// Of one of them.
        element: &'static HostType,
        /// How many.
        count: usize,
        /// Bytes from one to the next.
        stride: usize,
    },
    /// A struct.
    Struct {
        /// Its name.
        name: &'static str,
        /// Its fields.
        fields: &'static [HostField],
        /// Its bytes, padding included.
        size: usize,
    },
}

/// A field of a Rust struct.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HostField {
    /// Its name in WGSL.
    pub name: &'static str,
    /// Bytes from the start of the struct.
    pub offset: usize,
    /// What it is.
    pub ty: HostType,
}

macro_rules! scalars {
    ($($ty:ty => $scalar:ident),*) => {
        $(impl Layout for $ty {
            const TYPE: HostType = HostType::Scalar(Scalar::$scalar);
        })*
    };
}

scalars!(f32 => F32, i32 => I32, u32 => U32, f16 => F16, f64 => F64, i64 => I64, u64 => U64);

macro_rules! others {
    ($($ty:ty),*) => {
        $(impl Layout for $ty {
            const TYPE: HostType = HostType::Other { name: stringify!($ty), size: size_of::<$ty>() };
        })*
    };
}

others!(u8, i8, u16, i16);

impl<T: Layout, const N: usize> Layout for [T; N] {
    const TYPE: HostType = HostType::Array { element: &T::TYPE, count: N, stride: size_of::<T>() };
}

#[cfg(feature = "glam")]
mod of_glam {
    use glam::*;

    use super::{HostType, Layout};

    macro_rules! as_arrays {
        ($($ty:ty => $array:ty),* $(,)?) => {
            $(impl Layout for $ty {
                const TYPE: HostType = {
                    assert!(size_of::<$ty>() == size_of::<$array>());
                    <$array>::TYPE
                };
            })*
        };
    }

    as_arrays! {
        Vec2 => [f32; 2], Vec3 => [f32; 3], Vec4 => [f32; 4], Quat => [f32; 4],
        IVec2 => [i32; 2], IVec3 => [i32; 3], IVec4 => [i32; 4],
        UVec2 => [u32; 2], UVec3 => [u32; 3], UVec4 => [u32; 4],
        Mat2 => [[f32; 2]; 2], Mat4 => [[f32; 4]; 4],
    }
}

/// A type that calls know by what it has in memory.
#[doc(hidden)]
pub struct Registered {
    id: fn() -> TypeId,
    ty: HostType,
}

impl Registered {
    #[doc(hidden)]
    pub const fn of<T: Layout>() -> Registered {
        Registered { id: TypeId::of::<T>, ty: T::TYPE }
    }
}

inventory::collect!(Registered);

/// Has calls know a type: what deriving ends with.
#[doc(hidden)]
#[macro_export]
macro_rules! __register_layout {
    ($ty:ty) => {
        $crate::layout::inventory::submit! { $crate::layout::Registered::of::<$ty>() }
    };
}

/// What is known of a type; nothing where it did not derive [`Layout`].
pub(crate) fn known(id: TypeId) -> Option<&'static HostType> {
    static TYPES: OnceLock<HashMap<TypeId, &'static HostType>> = OnceLock::new();
    let all = || inventory::iter::<Registered>.into_iter().map(|one| ((one.id)(), &one.ty)).collect();
    TYPES.get_or_init(all).get(&id).copied()
}

impl HostType {
    /// Its bytes.
    pub const fn size(&self) -> usize {
        match *self {
            HostType::Scalar(scalar) => scalar.bytes(),
            HostType::Other { size, .. } | HostType::Struct { size, .. } => size,
            HostType::Array { count, stride, .. } => count * stride,
        }
    }

    /// In words, such as `[f32; 3]`.
    fn name(&self) -> String {
        match self {
            HostType::Scalar(scalar) => scalar.name().to_owned(),
            HostType::Other { name, .. } | HostType::Struct { name, .. } => (*name).to_owned(),
            HostType::Array { element, count, .. } => format!("[{}; {count}]", element.name()),
        }
    }

    /// The scalar that all of it is made of, without gaps.
    fn dense(&self) -> Option<Scalar> {
        match *self {
            HostType::Scalar(scalar) => Some(scalar),
            HostType::Other { .. } => None,
            HostType::Array { element, stride, .. } => element.dense().filter(|_| element.size() == stride),
            HostType::Struct { fields, size, .. } => {
                let scalar = fields.first()?.ty.dense()?;
                let mut end = 0;
                for field in fields {
                    if field.offset != end || field.ty.dense() != Some(scalar) {
                        return None;
                    }
                    end += field.ty.size();
                }
                (end == size).then_some(scalar)
            }
        }
    }

    /// Whether it is what WGSL has as `wgsl`, from its first byte on; else where it is not, in words. `path` leads there.
    pub(crate) fn compare(&self, wgsl: &Type, path: &str) -> Result<(), String> {
        let differs = || Err(format!("{} is {}, and in the WGSL {wgsl}", subject(path, self), self.name()));
        match (self, wgsl) {
            (HostType::Struct { name, fields, .. }, Type::Struct { name: wgsl, fields: members, .. }) => {
                compare_fields((name, fields), (wgsl, members), path)
            }
            (HostType::Scalar(own), Type::Scalar(scalar) | Type::Atomic(scalar)) if own == scalar => Ok(()),
            (_, Type::Vector { width, scalar }) => {
                // One of three may have the room of four: what followed it there would stand elsewhere.
                let fits = |count: usize| self.size() == count * scalar.bytes();
                let is_padded = *width == 3 && fits(4);
                if self.dense() == Some(*scalar) && (fits(*width as usize) || is_padded) { Ok(()) } else { differs() }
            }
            (_, Type::Matrix { columns, rows, scalar }) => {
                // A column of three takes the room of four.
                let bytes = (*columns * if *rows == 3 { 4 } else { *rows }) as usize * scalar.bytes();
                if self.dense() == Some(*scalar) && self.size() == bytes { Ok(()) } else { differs() }
            }
            (
                HostType::Array { element, count, stride },
                Type::Array { element: wgsl, count: length, stride: step },
            ) if *stride == *step as usize => {
                if length.is_some_and(|length| length as usize != *count) {
                    return differs();
                }
                element.compare(wgsl, &format!("{path}[]"))
            }
            // Vectors of an array in one row of numbers.
            (_, Type::Array { element, count: Some(count), stride }) => {
                let scalar = dense(element).filter(|_| u64::from(*stride) == element.size());
                let bytes = *count as usize * *stride as usize;
                if scalar.is_some() && self.dense() == scalar && self.size() == bytes { Ok(()) } else { differs() }
            }
            _ => differs(),
        }
    }
}

/// The scalar that a WGSL type is made of, without gaps.
fn dense(ty: &Type) -> Option<Scalar> {
    match *ty {
        Type::Scalar(scalar) | Type::Atomic(scalar) => Some(scalar),
        Type::Vector { scalar, .. } => Some(scalar),
        Type::Matrix { rows, scalar, .. } => Some(scalar).filter(|_| rows != 3),
        Type::Array { ref element, stride, .. } => dense(element).filter(|_| element.size() == u64::from(stride)),
        Type::Struct { .. } => None,
    }
}

fn subject(path: &str, ty: &HostType) -> String {
    if path.is_empty() { ty.name() } else { format!("`{path}`") }
}

fn compare_fields(own: (&str, &[HostField]), wgsl: (&str, &[Field]), path: &str) -> Result<(), String> {
    let ((name, fields), (wgsl, members)) = (own, wgsl);
    let within = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    for member in members.iter().filter(|member| !is_padding_name(&member.name)) {
        let Some(field) = fields.iter().find(|field| field.name == member.name) else {
            let mut problem = format!("`{name}` has no field `{}`, which the WGSL struct `{wgsl}` has", member.name);
            if let Some(other) = fields.iter().find(|field| field.offset == member.offset as usize) {
                let _ = write!(
                    problem,
                    " where `{}` is (`#[layout(name = \"{}\")]` says that it is this)",
                    other.name, member.name
                );
            }
            return Err(problem);
        };
        if field.offset != member.offset as usize {
            let (at, place) = (field.offset, member.offset);
            return Err(format!(
                "`{}` of `{name}` is at byte {at}, and in the WGSL at byte {place}",
                within(field.name)
            ));
        }
        field.ty.compare(&member.ty, &within(field.name))?;
    }
    let is_known = |field: &&HostField| members.iter().any(|member| member.name == field.name);
    match fields.iter().find(|field| !is_padding_name(field.name) && !is_known(field)) {
        Some(field) => {
            Err(format!("`{name}` has a field `{}`, which the WGSL struct `{wgsl}` does not have", within(field.name)))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::Module;

    /// WGSL types, and what has the same in memory here.
    fn types() -> Vec<(&'static str, HostType)> {
        const F: HostType = f32::TYPE;
        const fn row(element: &'static HostType, count: usize) -> HostType {
            HostType::Array { element, count, stride: element.size() }
        }
        const F2: HostType = row(&F, 2);
        const F4: HostType = row(&F, 4);
        vec![
            ("f32", F),
            ("i32", i32::TYPE),
            ("u32", u32::TYPE),
            ("atomic<u32>", u32::TYPE),
            ("vec2f", F2),
            ("vec3f", row(&F, 3)),
            ("vec4u", <[u32; 4]>::TYPE),
            ("mat2x2f", row(&F2, 2)),
            ("mat3x3f", row(&F4, 3)),
            ("mat4x4f", row(&F, 16)),
            ("array<f32, 5>", row(&F, 5)),
            ("array<vec4f, 3>", row(&F4, 3)),
            ("array<vec3f, 2>", row(&F4, 2)),
        ]
    }

    proptest! {
        /// A struct that has what WGSL's has fits; one that differs in any one thing does not.
        #[test]
        fn any_one_difference_is_found(picked in prop::collection::vec(0usize..13, 1..7), which: prop::sample::Index, change in 0..4) {
            let types = types();
            let members = picked.iter().enumerate().map(|(at, ty)| format!("m{at}: {}", types[*ty].0));
            let text = format!(
                "struct S {{ {} }}
                 @group(0) @binding(0) var<storage, read_write> s: array<S>;
                 @compute @workgroup_size(1) fn main() {{ if arrayLength(&s) == 0u {{ return; }} }}",
                members.collect::<Vec<_>>().join(", ")
            );
            let kernel = Module::parse(&text).expect("valid").only_kernel().expect("one");
            let Type::Array { element, .. } = kernel.bindings()[0].ty() else { panic!("an array") };
            let Type::Struct { fields, size, .. } = &**element else { panic!("a struct") };
            let mut own: Vec<HostField> = fields.iter().zip(&picked).map(|(field, ty)| HostField {
                name: field.name.clone().leak(),
                offset: field.offset as usize,
                ty: types[*ty].1,
            }).collect();
            let compare = |own: &[HostField]| {
                let fields = own.to_vec().leak();
                HostType::Struct { name: "S", fields, size: *size as usize }.compare(element, "")
            };
            prop_assert_eq!(compare(&own), Ok(()));
            let at = which.index(own.len());
            match change {
                0 => own[at].name = "other",
                1 => own[at].offset += 4,
                2 => own[at].ty = HostType::Other { name: "u8", size: own[at].ty.size() },
                _ => _ = own.remove(at),
            }
            let problem = compare(&own);
            prop_assert!(problem.is_err(), "{:?} of {}", change, text);
        }
    }
}
