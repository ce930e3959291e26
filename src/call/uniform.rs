//! Values for the fields of uniforms, by their paths.

use half::f16;
use naga::Scalar;

mod sealed {
    pub trait Sealed {}
}

/// A value that [`Call::set`](crate::Call::set) takes: `f32`, `i32`, `u32`, `f16`, `bool` (for a `u32`
/// or `i32` field), arrays of them for vectors and arrays, and `[[T; ROWS]; COLUMNS]` for matrices.
pub trait UniformValue: sealed::Sealed {
    /// Rows of a column, columns, and whether there are any: `f32` is `(1, 1)`, `[f32; 3]` is `(3, 1)`.
    #[doc(hidden)]
    fn shape(&self) -> (usize, usize);
    /// The scalar it is made of, and its name.
    #[doc(hidden)]
    fn kind(&self) -> Kind;
    /// The bits of the scalar in `row` of `column`.
    #[doc(hidden)]
    fn bits(&self, column: usize, row: usize) -> u32;
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
}

impl Kind {
    /// Whether a field made of `scalar` takes it.
    pub(super) fn fits(self, scalar: Scalar) -> bool {
        match self {
            Kind::F32 => scalar == Scalar::F32,
            Kind::F16 => scalar == Scalar::F16,
            Kind::I32 => scalar == Scalar::I32,
            Kind::U32 => scalar == Scalar::U32,
            Kind::Bool => scalar == Scalar::U32 || scalar == Scalar::I32,
        }
    }
}

/// A scalar of Rust that WGSL has.
#[doc(hidden)]
pub trait UniformScalar: sealed::Sealed + Copy {
    const KIND: Kind;
    const NAME: &'static str;
    fn to_bits32(self) -> u32;
}

macro_rules! scalar {
    ($($ty:ty, $kind:ident, $name:literal, |$value:ident| $bits:expr;)*) => {
        $(
            impl sealed::Sealed for $ty {}
            impl UniformScalar for $ty {
                const KIND: Kind = Kind::$kind;
                const NAME: &'static str = $name;
                fn to_bits32(self) -> u32 {
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
                fn bits(&self, _: usize, _: usize) -> u32 {
                    self.to_bits32()
                }
                fn name(&self) -> String {
                    $name.to_owned()
                }
            }
        )*
    };
}

scalar! {
    f32, F32, "f32", |value| value.to_bits();
    i32, I32, "i32", |value| value as u32;
    u32, U32, "u32", |value| value;
    bool, Bool, "bool", |value| u32::from(value);
    f16, F16, "f16", |value| u32::from(value.to_bits());
}

impl<T, const N: usize> sealed::Sealed for [T; N] {}

impl<T: UniformScalar, const ROWS: usize> UniformValue for [T; ROWS] {
    fn shape(&self) -> (usize, usize) {
        (ROWS, 1)
    }

    fn kind(&self) -> Kind {
        T::KIND
    }

    fn bits(&self, _: usize, row: usize) -> u32 {
        self[row].to_bits32()
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

    fn bits(&self, column: usize, row: usize) -> u32 {
        self[column][row].to_bits32()
    }

    fn name(&self) -> String {
        format!("[[{}; {ROWS}]; {COLUMNS}]", T::NAME)
    }
}
