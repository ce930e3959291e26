//! The element types of `.npy` files that kernels can work on, and typed vectors of them.

use std::{fmt, str::FromStr};

use half::f16;
use swath::Scalar;

use super::mapped::Mapped;

/// NumPy's word for a scalar.
pub fn numpy(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::F32 => "float32",
        Scalar::I32 => "int32",
        Scalar::U32 => "uint32",
        Scalar::F16 => "float16",
        Scalar::F64 => "float64",
        Scalar::I64 => "int64",
        Scalar::U64 => "uint64",
    }
}

/// The code of a scalar in a `.npy` header.
pub fn code(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::F32 => "<f4",
        Scalar::I32 => "<i4",
        Scalar::U32 => "<u4",
        Scalar::F16 => "<f2",
        Scalar::F64 => "<f8",
        Scalar::I64 => "<i8",
        Scalar::U64 => "<u8",
    }
}

/// What `DTYPE` says: a scalar, or a vector of `width` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DType {
    pub scalar: Scalar,
    /// 1 to 4.
    pub width: u32,
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.width == 1 {
            return f.write_str(self.scalar.name());
        }
        match self.scalar {
            Scalar::F16 => write!(f, "vec{}h", self.width),
            Scalar::F64 | Scalar::I64 | Scalar::U64 => write!(f, "vec{}<{}>", self.width, self.scalar.name()),
            _ => write!(f, "vec{}{}", self.width, &self.scalar.name()[..1]),
        }
    }
}

impl FromStr for DType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let scalar = match text {
            "f32" | "float32" => Some(Scalar::F32),
            "i32" | "int32" => Some(Scalar::I32),
            "u32" | "uint32" => Some(Scalar::U32),
            "f16" | "float16" => Some(Scalar::F16),
            "f64" | "float64" => Some(Scalar::F64),
            "i64" | "int64" => Some(Scalar::I64),
            "u64" | "uint64" => Some(Scalar::U64),
            _ => None,
        };
        if let Some(scalar) = scalar {
            return Ok(DType { scalar, width: 1 });
        }
        vector(text).ok_or_else(|| {
            format!(
                "`{text}` is not a type: use f32, i32, u32, f16, or vec2f .. vec4u, vec2h .. vec4h; f64, i64, u64 where \
                 the kernel has them"
            )
        })
    }
}

fn vector(text: &str) -> Option<DType> {
    let rest = text.strip_prefix("vec")?;
    let width = rest.chars().next()?.to_digit(10).filter(|width| (2..=4).contains(width))?;
    let scalar = match &rest[1..] {
        "f" | "<f32>" => Scalar::F32,
        "i" | "<i32>" => Scalar::I32,
        "u" | "<u32>" => Scalar::U32,
        "h" | "<f16>" => Scalar::F16,
        "<f64>" => Scalar::F64,
        "<i64>" => Scalar::I64,
        "<u64>" => Scalar::U64,
        _ => return None,
    };
    Some(DType { scalar, width })
}

/// Scalars in host memory, aligned for their type.
#[derive(Debug)]
pub enum Data {
    F32(Vec<f32>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    F16(Vec<f16>),
    F64(Vec<f64>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    /// In a file that is mapped into memory.
    Mapped(Mapped),
}

impl Clone for Data {
    /// A copy in memory, also of what is in a file.
    fn clone(&self) -> Self {
        match self {
            Data::F32(data) => Data::F32(data.clone()),
            Data::I32(data) => Data::I32(data.clone()),
            Data::U32(data) => Data::U32(data.clone()),
            Data::F16(data) => Data::F16(data.clone()),
            Data::F64(data) => Data::F64(data.clone()),
            Data::I64(data) => Data::I64(data.clone()),
            Data::U64(data) => Data::U64(data.clone()),
            Data::Mapped(map) => {
                let mut copy = Data::zeros(map.scalar(), self.len());
                copy.bytes_mut().copy_from_slice(map.bytes());
                copy
            }
        }
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.scalar() == other.scalar() && self.bytes() == other.bytes()
    }
}

impl Data {
    /// `len` zeros.
    pub fn zeros(scalar: Scalar, len: usize) -> Self {
        match scalar {
            Scalar::F32 => Data::F32(vec![0.0; len]),
            Scalar::I32 => Data::I32(vec![0; len]),
            Scalar::U32 => Data::U32(vec![0; len]),
            Scalar::F16 => Data::F16(vec![f16::ZERO; len]),
            Scalar::F64 => Data::F64(vec![0.0; len]),
            Scalar::I64 => Data::I64(vec![0; len]),
            Scalar::U64 => Data::U64(vec![0; len]),
        }
    }

    /// `len` zeros, or `None` where they would not fit into memory.
    pub fn try_zeros(scalar: Scalar, len: u64) -> Option<Self> {
        let len = usize::try_from(len).ok()?;
        // Asked for and given back at once: the zeroed allocation below would abort instead.
        Vec::<u8>::new().try_reserve_exact(len.checked_mul(scalar.bytes())?).ok()?;
        Some(Data::zeros(scalar, len))
    }

    /// The type of the scalars.
    pub fn scalar(&self) -> Scalar {
        match self {
            Data::F32(_) => Scalar::F32,
            Data::I32(_) => Scalar::I32,
            Data::U32(_) => Scalar::U32,
            Data::F16(_) => Scalar::F16,
            Data::F64(_) => Scalar::F64,
            Data::I64(_) => Scalar::I64,
            Data::U64(_) => Scalar::U64,
            Data::Mapped(map) => map.scalar(),
        }
    }

    /// Number of scalars.
    pub fn len(&self) -> usize {
        self.bytes().len() / self.scalar().bytes()
    }

    /// The scalars' bytes, as the host holds them.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Data::F32(data) => bytemuck::cast_slice(data),
            Data::I32(data) => bytemuck::cast_slice(data),
            Data::U32(data) => bytemuck::cast_slice(data),
            Data::F16(data) => bytemuck::cast_slice(data),
            Data::F64(data) => bytemuck::cast_slice(data),
            Data::I64(data) => bytemuck::cast_slice(data),
            Data::U64(data) => bytemuck::cast_slice(data),
            Data::Mapped(map) => map.bytes(),
        }
    }

    /// The scalars' bytes, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Data::F32(data) => bytemuck::cast_slice_mut(data),
            Data::I32(data) => bytemuck::cast_slice_mut(data),
            Data::U32(data) => bytemuck::cast_slice_mut(data),
            Data::F16(data) => bytemuck::cast_slice_mut(data),
            Data::F64(data) => bytemuck::cast_slice_mut(data),
            Data::I64(data) => bytemuck::cast_slice_mut(data),
            Data::U64(data) => bytemuck::cast_slice_mut(data),
            Data::Mapped(map) => map.bytes_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_print_as_they_parse() {
        for text in ["f32", "i32", "u32", "f16", "vec2f", "vec3i", "vec4u", "vec2h", "f64", "vec2<u64>"] {
            assert_eq!(text.parse::<DType>().unwrap().to_string(), text);
        }
        for bad in ["", "f128", "vec5f", "vec1f", "vec", "vec2", "vec2d", "bool", "vecéf"] {
            assert!(bad.parse::<DType>().is_err(), "{bad}");
        }
    }
}
