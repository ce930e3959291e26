//! How WGSL lays values out in memory, and how to tell people about it.

use std::fmt::Write as _;

use naga::{ArraySize, Handle, Module, Scalar, ScalarKind, Type, TypeInner, proc::IndexableLength};

/// The type of a binding, as far as host data must fit it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TypeLayout {
    /// The type as WGSL writes it.
    pub name: String,
    /// Offsets, sizes and padding for people; empty for a plain scalar or vector.
    pub table: String,
    /// Size of a sized type; else the bytes in front of the runtime-sized array.
    pub fixed_bytes: u32,
    /// Bytes from one element of the runtime-sized array to the next.
    pub runtime_stride: Option<u32>,
    /// The part that one host element stands for: an array's element, or a sized type as a whole.
    /// `None` for a struct that ends in a runtime-sized array.
    pub unit: Option<Unit>,
    /// The scalar type that everything in it is made of, where it is one.
    pub scalar: Option<Scalar>,
    /// Whether it has no padding (behind the last member of an array's element included).
    pub dense: bool,
}

/// The part of a binding that one host element stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unit {
    /// Its type as WGSL writes it.
    pub name: String,
    /// Bytes from one to the next; for a type that is no array, its size.
    pub stride: u32,
    /// Whether it is an element of an array.
    pub element: bool,
    /// Whether it is a vector of three components.
    pub vec3: bool,
}

impl TypeLayout {
    /// The smallest number of bytes that can be bound: WebGPU wants one element of a runtime-sized array.
    pub fn min_bytes(&self) -> u64 {
        u64::from(self.fixed_bytes) + u64::from(self.runtime_stride.unwrap_or(0))
    }

    /// The shape of `ty`.
    pub fn of(module: &Module, ty: Handle<Type>) -> TypeLayout {
        let mut leaves = Leaves::default();
        let bytes = leaves.visit(module, ty);
        let (fixed_bytes, runtime_stride) = match runtime_array(module, ty) {
            Some((offset, stride)) => (offset, Some(stride)),
            None => (size(module, ty), None),
        };
        TypeLayout {
            name: type_name(module, ty),
            table: table(module, ty),
            fixed_bytes,
            runtime_stride,
            unit: unit(module, ty),
            scalar: if leaves.mixed { None } else { leaves.scalar },
            dense: bytes == fixed_bytes + runtime_stride.unwrap_or(0),
        }
    }
}

fn unit(module: &Module, ty: Handle<Type>) -> Option<Unit> {
    let (base, stride, element) = match module.types[ty].inner {
        TypeInner::Array { base, stride, .. } => (base, stride, true),
        TypeInner::Struct { .. } if runtime_array(module, ty).is_some() => return None,
        _ => (ty, size(module, ty), false),
    };
    let vec3 = matches!(module.types[base].inner, TypeInner::Vector { size: naga::VectorSize::Tri, .. });
    Some(Unit { name: type_name(module, base), stride, element, vec3 })
}

/// Offset and stride of the runtime-sized array that `ty` is or ends in.
fn runtime_array(module: &Module, ty: Handle<Type>) -> Option<(u32, u32)> {
    match module.types[ty].inner {
        TypeInner::Array { size: ArraySize::Dynamic, stride, .. } => Some((0, stride)),
        TypeInner::Struct { ref members, .. } => {
            let last = members.last()?;
            runtime_array(module, last.ty).map(|(_, stride)| (last.offset, stride))
        }
        _ => None,
    }
}

/// Bytes of `ty`; a runtime-sized array counts one element.
pub(crate) fn size(module: &Module, ty: Handle<Type>) -> u32 {
    module.types[ty].inner.try_size(module.to_ctx()).unwrap_or(0)
}

/// Elements of an array, `None` where it is runtime-sized (or its length did not resolve).
pub(crate) fn array_length(module: &Module, length: ArraySize) -> Option<u32> {
    match length.resolve(module.to_ctx()) {
        Ok(IndexableLength::Known(length)) => Some(length),
        Ok(IndexableLength::Dynamic) | Err(_) => None,
    }
}

/// The bytes from one column of a matrix to the next.
pub(crate) fn column_stride(rows: naga::VectorSize, scalar: Scalar) -> u32 {
    let rows = if rows == naga::VectorSize::Tri { 4 } else { rows as u32 };
    rows * u32::from(scalar.width)
}

/// What a type is made of.
#[derive(Default)]
struct Leaves {
    scalar: Option<Scalar>,
    mixed: bool,
}

impl Leaves {
    /// Notes the scalars of `ty` and gives their bytes, padding left out.
    fn visit(&mut self, module: &Module, ty: Handle<Type>) -> u32 {
        match module.types[ty].inner {
            TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => self.note(scalar, 1),
            TypeInner::Vector { size, scalar } => self.note(scalar, size as u32),
            TypeInner::Matrix { columns, rows, scalar } => self.note(scalar, columns as u32 * rows as u32),
            TypeInner::Array { base, size, .. } => {
                self.visit(module, base).saturating_mul(array_length(module, size).unwrap_or(1))
            }
            TypeInner::Struct { ref members, .. } => members.iter().map(|member| self.visit(module, member.ty)).sum(),
            _ => 0,
        }
    }

    fn note(&mut self, scalar: Scalar, count: u32) -> u32 {
        self.mixed |= self.scalar.is_some_and(|seen| seen != scalar);
        self.scalar = Some(scalar);
        u32::from(scalar.width) * count
    }
}

/// `ty` as WGSL writes it, in its short forms: `vec3f`, `array<Particle, 8>`.
pub(crate) fn type_name(module: &Module, ty: Handle<Type>) -> String {
    let Type { ref name, ref inner } = module.types[ty];
    match *inner {
        TypeInner::Scalar(scalar) => scalar_name(scalar),
        TypeInner::Atomic(scalar) => format!("atomic<{}>", scalar_name(scalar)),
        TypeInner::Vector { size, scalar } => match suffix(scalar) {
            Some(letter) => format!("vec{}{letter}", size as u8),
            None => format!("vec{}<{}>", size as u8, scalar_name(scalar)),
        },
        TypeInner::Matrix { columns, rows, scalar } => match suffix(scalar) {
            Some(letter) => format!("mat{}x{}{letter}", columns as u8, rows as u8),
            None => format!("mat{}x{}<{}>", columns as u8, rows as u8, scalar_name(scalar)),
        },
        TypeInner::Array { base, size, .. } => match array_length(module, size) {
            Some(length) => format!("array<{}, {length}>", type_name(module, base)),
            None => format!("array<{}>", type_name(module, base)),
        },
        TypeInner::Image { .. } => "texture".to_owned(),
        TypeInner::Sampler { .. } => "sampler".to_owned(),
        _ => name.clone().unwrap_or_else(|| "value".to_owned()),
    }
}

/// `scalar` as WGSL writes it.
pub(crate) fn scalar_name(scalar: Scalar) -> String {
    let letter = match scalar.kind {
        ScalarKind::Sint | ScalarKind::AbstractInt => 'i',
        ScalarKind::Uint => 'u',
        ScalarKind::Float | ScalarKind::AbstractFloat => 'f',
        ScalarKind::Bool => return "bool".to_owned(),
    };
    format!("{letter}{}", u32::from(scalar.width) * 8)
}

/// The letter of the short vector names.
fn suffix(scalar: Scalar) -> Option<char> {
    match scalar {
        Scalar::F32 => Some('f'),
        Scalar::F16 => Some('h'),
        Scalar::I32 => Some('i'),
        Scalar::U32 => Some('u'),
        _ => None,
    }
}

/// Offsets, sizes and padding of `ty`, one line each, without a last line break; empty for plain scalars and vectors.
pub(crate) fn table(module: &Module, ty: Handle<Type>) -> String {
    let mut rows = Rows::default();
    let title = match module.types[ty].inner {
        TypeInner::Array { base, stride, .. } => match module.types[base].inner {
            TypeInner::Struct { span, .. } => {
                rows.members(module, base, 0, "");
                rows.padding(span, stride);
                format!("{}: {stride} bytes from one to the next", type_name(module, base))
            }
            TypeInner::Matrix { .. } => return table(module, base),
            _ => {
                let bytes = size(module, base);
                return match stride - bytes {
                    0 => String::new(),
                    padding => format!(
                        "{}: {stride} bytes from one element to the next ({bytes} of value, {padding} of padding)",
                        type_name(module, ty)
                    ),
                };
            }
        },
        TypeInner::Struct { span, .. } => {
            rows.members(module, ty, 0, "");
            match runtime_array(module, ty) {
                None => format!("{}: {span} bytes", type_name(module, ty)),
                Some((offset, stride)) => format!(
                    "{}: {offset} bytes, then {stride} for each element of its runtime-sized array",
                    type_name(module, ty)
                ),
            }
        }
        TypeInner::Matrix { columns, rows: naga::VectorSize::Tri, scalar } => {
            let width = u32::from(scalar.width);
            return format!(
                "{}: {} columns of {} bytes ({} of value, {width} of padding)",
                type_name(module, ty),
                columns as u32,
                4 * width,
                3 * width
            );
        }
        _ => return String::new(),
    };
    format!("{title}\n  offset  size\n{}", rows.text.trim_end_matches('\n'))
}

/// The lines of a layout table.
#[derive(Default)]
struct Rows {
    text: String,
}

impl Rows {
    /// The members of the struct `ty`, which stands at `start`; nested structs member by member.
    fn members(&mut self, module: &Module, ty: Handle<Type>, start: u32, prefix: &str) {
        let TypeInner::Struct { ref members, span } = module.types[ty].inner else { return };
        let mut end = 0;
        for member in members {
            self.padding(start + end, start + member.offset);
            let name = format!("{prefix}{}", member.name.as_deref().unwrap_or("_"));
            let bytes = size(module, member.ty);
            if let TypeInner::Struct { .. } = module.types[member.ty].inner {
                self.members(module, member.ty, start + member.offset, &format!("{name}."));
            } else {
                let runtime = runtime_array(module, member.ty).is_some();
                let bytes = if runtime { "...".to_owned() } else { bytes.to_string() };
                self.row(start + member.offset, &bytes, &format!("{name}: {}", type_name(module, member.ty)));
            }
            end = member.offset + bytes;
        }
        if runtime_array(module, ty).is_none() {
            self.padding(start + end, start + span);
        }
    }

    fn padding(&mut self, from: u32, to: u32) {
        if to > from {
            self.row(from, &(to - from).to_string(), "(padding)");
        }
    }

    fn row(&mut self, offset: u32, bytes: &str, what: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "  {offset:>6}  {bytes:>4}  {what}");
    }
}

#[cfg(test)]
mod tests {
    use crate::kernel::{Kernel, testing};

    /// A kernel with one storage binding of type `ty`, and structs to choose from.
    fn kernel(ty: &str) -> Kernel {
        let wgsl = format!(
            "enable f16;
            struct Pair {{ a: f32, b: u32 }}
            struct Gap {{ a: f32, b: vec3f }}
            struct Tail {{ a: vec3f, b: f32, c: f32 }}
            struct Nested {{ pair: Pair, gaps: array<Gap, 2>, at: vec2h }}
            struct List {{ count: u32, items: array<Pair> }}
            @group(0) @binding(0) var<storage, read_write> data: {ty};
            @compute @workgroup_size(1) fn main() {{ _ = &data; }}"
        );
        testing::kernel(&wgsl)
    }

    /// `fixed bytes + runtime stride`, the unit's stride, and whether it is dense, for a type.
    fn check(ty: &str, fixed: u32, runtime: Option<u32>, unit: Option<u32>, dense: bool) {
        let kernel = kernel(ty);
        let shape = &kernel.bindings()[0].shape;
        assert_eq!(shape.name, ty);
        assert_eq!((shape.fixed_bytes, shape.runtime_stride), (fixed, runtime), "bytes of {ty}");
        assert_eq!(shape.unit.as_ref().map(|unit| unit.stride), unit, "unit of {ty}");
        assert_eq!(shape.dense, dense, "padding of {ty}");
    }

    #[test]
    fn shapes() {
        check("u32", 4, None, Some(4), true);
        check("vec3f", 12, None, Some(12), true);
        check("mat2x2f", 16, None, Some(16), true);
        check("mat3x3f", 48, None, Some(48), false);
        check("array<f32>", 0, Some(4), Some(4), true);
        check("array<f16>", 0, Some(2), Some(2), true);
        check("array<vec3f>", 0, Some(16), Some(16), false);
        check("array<vec3f, 5>", 80, None, Some(16), false);
        check("array<atomic<i32>, 5>", 20, None, Some(4), true);
        check("array<mat4x4f>", 0, Some(64), Some(64), true);
        check("Pair", 8, None, Some(8), true);
        check("array<Gap>", 0, Some(32), Some(32), false);
        check("Tail", 32, None, Some(32), false);
        check("List", 4, Some(8), None, true);
    }

    #[test]
    fn scalars() {
        let scalar = |ty| kernel(ty).bindings()[0].shape.scalar;
        assert_eq!(scalar("array<vec4f>"), Some(naga::Scalar::F32));
        assert_eq!(scalar("array<Gap>"), Some(naga::Scalar::F32));
        assert_eq!(scalar("array<atomic<u32>>"), Some(naga::Scalar::U32));
        assert_eq!(scalar("array<Pair>"), None);
    }

    #[test]
    fn tables() {
        assert_eq!(kernel("array<vec4f>").bindings()[0].layout(), "");
        insta::assert_snapshot!(kernel("array<Tail>").bindings()[0].layout(), @r"
        Tail: 32 bytes from one to the next
          offset  size
               0    12  a: vec3f
              12     4  b: f32
              16     4  c: f32
              20    12  (padding)
        ");
        insta::assert_snapshot!(kernel("Nested").bindings()[0].layout(), @r"
        Nested: 96 bytes
          offset  size
               0     4  pair.a: f32
               4     4  pair.b: u32
               8     8  (padding)
              16    64  gaps: array<Gap, 2>
              80     4  at: vec2h
              84    12  (padding)
        ");
        insta::assert_snapshot!(kernel("List").bindings()[0].layout(), @r"
        List: 4 bytes, then 8 for each element of its runtime-sized array
          offset  size
               0     4  count: u32
               4   ...  items: array<Pair>
        ");
    }
}
