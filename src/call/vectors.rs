//! Vectors and matrices of other crates as values of uniforms: what they are as arrays.

use super::uniform::{Kind, UniformValue, sealed::Sealed};

/// `Type => Array: how a value of the type is made one`.
macro_rules! as_arrays {
    ($($ty:ty => $array:ty: |$value:ident| $as_array:expr;)*) => {
        $(
            impl Sealed for $ty {}

            impl UniformValue for $ty {
                fn shape(&self) -> (usize, usize) {
                    as_array(self).shape()
                }

                fn kind(&self) -> Kind {
                    as_array(self).kind()
                }

                fn bits(&self, column: usize, row: usize) -> u64 {
                    as_array(self).bits(column, row)
                }

                fn name(&self) -> String {
                    stringify!($ty).to_owned()
                }
            }

            impl AsArray for $ty {
                type Array = $array;

                fn as_array(&self) -> $array {
                    let $value = *self;
                    $as_array
                }
            }
        )*
    };
}

/// What is an array, in another type.
trait AsArray {
    type Array: UniformValue;

    fn as_array(&self) -> Self::Array;
}

fn as_array<T: AsArray>(value: &T) -> T::Array {
    value.as_array()
}

#[cfg(feature = "glam")]
mod of_glam {
    use glam::*;

    use super::*;

    as_arrays! {
        Vec2 => [f32; 2]: |v| v.to_array();
        Vec3 => [f32; 3]: |v| v.to_array();
        Vec3A => [f32; 3]: |v| v.to_array();
        Vec4 => [f32; 4]: |v| v.to_array();
        Quat => [f32; 4]: |v| v.to_array();
        IVec2 => [i32; 2]: |v| v.to_array();
        IVec3 => [i32; 3]: |v| v.to_array();
        IVec4 => [i32; 4]: |v| v.to_array();
        UVec2 => [u32; 2]: |v| v.to_array();
        UVec3 => [u32; 3]: |v| v.to_array();
        UVec4 => [u32; 4]: |v| v.to_array();
        DVec2 => [f64; 2]: |v| v.to_array();
        DVec3 => [f64; 3]: |v| v.to_array();
        DVec4 => [f64; 4]: |v| v.to_array();
        Mat2 => [[f32; 2]; 2]: |m| m.to_cols_array_2d();
        Mat3 => [[f32; 3]; 3]: |m| m.to_cols_array_2d();
        Mat3A => [[f32; 3]; 3]: |m| m.to_cols_array_2d();
        Mat4 => [[f32; 4]; 4]: |m| m.to_cols_array_2d();
    }
}

#[cfg(feature = "mint")]
mod of_mint {
    use mint::*;

    use super::*;

    macro_rules! of_scalars {
        ($($scalar:ty),*) => {
            as_arrays! {
                $(
                    Vector2<$scalar> => [$scalar; 2]: |v| v.into();
                    Vector3<$scalar> => [$scalar; 3]: |v| v.into();
                    Vector4<$scalar> => [$scalar; 4]: |v| v.into();
                    Point2<$scalar> => [$scalar; 2]: |v| v.into();
                    Point3<$scalar> => [$scalar; 3]: |v| v.into();
                    ColumnMatrix2<$scalar> => [[$scalar; 2]; 2]: |m| m.into();
                    ColumnMatrix3<$scalar> => [[$scalar; 3]; 3]: |m| m.into();
                    ColumnMatrix4<$scalar> => [[$scalar; 4]; 4]: |m| m.into();
                )*
            }
        };
    }

    of_scalars!(f32, f64, i32, u32);
}
