//! The types of bindings and the override constants of modules, for programs that look at kernels.

use std::fmt;

use naga::{Handle, Literal, ScalarKind, TypeInner};

use super::{Binding, Module, layout};

/// A scalar that stands in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// `f32`.
    F32,
    /// `i32`.
    I32,
    /// `u32`.
    U32,
    /// `f16`.
    F16,
    /// `f64`, an extension that some GPUs have.
    F64,
    /// `i64`, likewise.
    I64,
    /// `u64`, likewise.
    U64,
}

impl Scalar {
    /// WGSL's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Scalar::F32 => "f32",
            Scalar::I32 => "i32",
            Scalar::U32 => "u32",
            Scalar::F16 => "f16",
            Scalar::F64 => "f64",
            Scalar::I64 => "i64",
            Scalar::U64 => "u64",
        }
    }

    /// Bytes of one.
    pub const fn bytes(self) -> usize {
        match self {
            Scalar::F16 => 2,
            Scalar::F32 | Scalar::I32 | Scalar::U32 => 4,
            Scalar::F64 | Scalar::I64 | Scalar::U64 => 8,
        }
    }

    /// Types of other widths are refused before a kernel exists.
    fn of(scalar: naga::Scalar) -> Scalar {
        match (scalar.kind, scalar.width) {
            (ScalarKind::Float, 2) => Scalar::F16,
            (ScalarKind::Float, 8) => Scalar::F64,
            (ScalarKind::Sint, 8) => Scalar::I64,
            (ScalarKind::Uint, 8) => Scalar::U64,
            (ScalarKind::Float | ScalarKind::AbstractFloat, _) => Scalar::F32,
            (ScalarKind::Sint | ScalarKind::AbstractInt, _) => Scalar::I32,
            (ScalarKind::Uint | ScalarKind::Bool, _) => Scalar::U32,
        }
    }

    /// What stands behind `vec3` and `mat2x2`.
    fn suffix(self) -> &'static str {
        match self {
            Scalar::F32 => "f",
            Scalar::I32 => "i",
            Scalar::U32 => "u",
            Scalar::F16 => "h",
            Scalar::F64 => "<f64>",
            Scalar::I64 => "<i64>",
            Scalar::U64 => "<u64>",
        }
    }
}

/// A WGSL type that stands in a buffer, with its memory layout.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// A scalar.
    Scalar(Scalar),
    /// `atomic<i32>` or `atomic<u32>`; with extensions also of other scalars.
    Atomic(Scalar),
    /// `vec2f` to `vec4u`; its components lie side by side.
    Vector {
        /// 2 to 4.
        width: u32,
        /// Of its components.
        scalar: Scalar,
    },
    /// `mat2x2f` to `mat4x4h`, column by column; a column of 3 rows takes the room of 4.
    Matrix {
        /// 2 to 4.
        columns: u32,
        /// 2 to 4.
        rows: u32,
        /// Of its components.
        scalar: Scalar,
    },
    /// An array.
    Array {
        /// The type of its elements.
        element: Box<Type>,
        /// `None` for a runtime-sized one.
        count: Option<u32>,
        /// Bytes from one element to the next.
        stride: u32,
    },
    /// A struct.
    Struct {
        /// Its name.
        name: String,
        /// In the order of their offsets.
        fields: Vec<Field>,
        /// Bytes, padding at the end included; up to its runtime-sized array, if it ends in one.
        size: u32,
    },
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Bytes from the start of the struct.
    pub offset: u32,
    /// Its type.
    pub ty: Type,
}

impl Field {
    /// A field `offset` bytes from the start of its struct.
    pub fn new(name: impl Into<String>, offset: u32, ty: Type) -> Field {
        Field { name: name.into(), offset, ty }
    }
}

impl Type {
    /// Bytes, without the elements of a runtime-sized array.
    pub fn size(&self) -> u64 {
        match *self {
            Type::Scalar(scalar) | Type::Atomic(scalar) => scalar.bytes() as u64,
            Type::Vector { width, scalar } => u64::from(width) * scalar.bytes() as u64,
            Type::Matrix { columns, rows, scalar } => u64::from(columns) * column_stride(rows, scalar),
            Type::Array { count, stride, .. } => u64::from(count.unwrap_or(0)) * u64::from(stride),
            Type::Struct { size, .. } => u64::from(size),
        }
    }

    /// Calls `visit` with the byte offset (from `base`) and the type of each scalar, in order of their
    /// offsets. The elements of a runtime-sized array are left out.
    pub fn visit(&self, base: u64, visit: &mut impl FnMut(u64, Scalar)) {
        match self {
            Type::Scalar(scalar) | Type::Atomic(scalar) => visit(base, *scalar),
            Type::Vector { width, scalar } => {
                (0..*width).for_each(|i| visit(base + u64::from(i) * scalar.bytes() as u64, *scalar));
            }
            Type::Matrix { columns, rows, scalar } => {
                for column in 0..*columns {
                    let base = base + u64::from(column) * column_stride(*rows, *scalar);
                    Type::Vector { width: *rows, scalar: *scalar }.visit(base, visit);
                }
            }
            Type::Array { element, count, stride } => {
                (0..count.unwrap_or(0)).for_each(|i| element.visit(base + u64::from(i) * u64::from(*stride), visit));
            }
            Type::Struct { fields, .. } => {
                fields.iter().for_each(|field| field.ty.visit(base + u64::from(field.offset), visit));
            }
        }
    }

    /// The runtime-sized array that the type is or ends in: its element, the stride, and the bytes in front of it.
    pub fn runtime_array(&self) -> Option<(&Type, u32, u32)> {
        match self {
            Type::Array { element, count: None, stride } => Some((element, *stride, 0)),
            Type::Struct { fields, .. } => match fields.last() {
                Some(Field { ty: Type::Array { element, count: None, stride }, offset, .. }) => {
                    Some((element, *stride, *offset))
                }
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn of(module: &naga::Module, ty: Handle<naga::Type>) -> Type {
        match module.types[ty].inner {
            TypeInner::Scalar(scalar) => Type::Scalar(Scalar::of(scalar)),
            TypeInner::Atomic(scalar) => Type::Atomic(Scalar::of(scalar)),
            TypeInner::Vector { size, scalar } => Type::Vector { width: size as u32, scalar: Scalar::of(scalar) },
            TypeInner::Matrix { columns, rows, scalar } => {
                Type::Matrix { columns: columns as u32, rows: rows as u32, scalar: Scalar::of(scalar) }
            }
            TypeInner::Array { base, size, stride } => Type::Array {
                element: Box::new(Type::of(module, base)),
                count: layout::array_length(module, size),
                stride,
            },
            TypeInner::Struct { ref members, span } => {
                let fields: Vec<Field> = members
                    .iter()
                    .map(|member| Field {
                        name: member.name.clone().unwrap_or_default(),
                        offset: member.offset,
                        ty: Type::of(module, member.ty),
                    })
                    .collect();
                let open = fields.last().filter(|field| field.ty.runtime_array().is_some());
                let size = open.map_or(span, |field| field.offset);
                Type::Struct { name: layout::type_name(module, ty), fields, size }
            }
            // Textures, samplers and pointers are refused before a kernel exists.
            _ => Type::Struct { name: layout::type_name(module, ty), fields: Vec::new(), size: 0 },
        }
    }
}

fn column_stride(rows: u32, scalar: Scalar) -> u64 {
    (if rows == 2 { 2 } else { 4 }) * scalar.bytes() as u64
}

impl fmt::Display for Type {
    /// As WGSL writes it, in its short forms.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Scalar(scalar) => f.write_str(scalar.name()),
            Type::Atomic(scalar) => write!(f, "atomic<{}>", scalar.name()),
            Type::Vector { width, scalar } => write!(f, "vec{width}{}", scalar.suffix()),
            Type::Matrix { columns, rows, scalar } => write!(f, "mat{columns}x{rows}{}", scalar.suffix()),
            Type::Array { element, count: Some(count), .. } => write!(f, "array<{element}, {count}>"),
            Type::Array { element, count: None, .. } => write!(f, "array<{element}>"),
            Type::Struct { name, .. } => f.write_str(name),
        }
    }
}

impl Binding {
    /// Its type, with the memory layout.
    pub fn ty(&self) -> &Type {
        &self.ty
    }
}

/// An `override` constant of a [`Module`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OverrideConstant {
    /// Its name.
    pub name: String,
    /// Its `@id`, if it has one.
    pub id: Option<u16>,
    /// Its type as WGSL writes it.
    pub type_name: String,
    /// Whether it has a default.
    pub has_default: bool,
    /// The default, where it is a plain number (`true` is 1) and not an expression.
    pub default: Option<f64>,
}

impl Module {
    /// The override constants, in the order of the text.
    pub fn constants(&self) -> Vec<OverrideConstant> {
        let module = &self.inner.module;
        let number = |init: Handle<naga::Expression>| match module.global_expressions[init] {
            naga::Expression::Literal(literal) => literal_value(literal),
            _ => None,
        };
        module
            .overrides
            .iter()
            .map(|(_, constant)| OverrideConstant {
                name: constant.name.clone().unwrap_or_default(),
                id: constant.id,
                type_name: layout::type_name(module, constant.ty),
                has_default: constant.init.is_some(),
                default: constant.init.and_then(number),
            })
            .collect()
    }
}

fn literal_value(literal: Literal) -> Option<f64> {
    Some(match literal {
        Literal::F64(value) | Literal::AbstractFloat(value) => value,
        Literal::F32(value) => f64::from(value),
        Literal::F16(value) => f64::from(value),
        Literal::I32(value) => f64::from(value),
        Literal::U32(value) => f64::from(value),
        Literal::Bool(value) => f64::from(u8::from(value)),
        Literal::AbstractInt(value) => value as f64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::testing::kernel;

    #[test]
    fn bindings_have_types_with_layouts() {
        let wgsl = "
            struct P { at: vec3f, mass: f32, m: mat2x3f }
            struct List { count: atomic<u32>, items: array<vec2i> }
            @group(0) @binding(0) var<storage> particles: array<P>;
            @group(0) @binding(1) var<storage, read_write> list: List;
            @compute @workgroup_size(1) fn main() { list.items[0].x = i32(particles[0].mass); }";
        let kernel = kernel(wgsl);
        let [particles, list] = kernel.bindings() else { panic!("two bindings") };
        assert_eq!(particles.ty().to_string(), "array<P>");
        let (element, stride, offset) = particles.ty().runtime_array().unwrap();
        assert_eq!((element.size(), stride, offset), (48, 48, 0));
        let mut offsets = Vec::new();
        element.visit(0, &mut |offset, _| offsets.push(offset));
        assert_eq!(offsets, [0, 4, 8, 12, 16, 20, 24, 32, 36, 40]);
        let (element, stride, offset) = list.ty().runtime_array().unwrap();
        assert_eq!((element.to_string().as_str(), stride, offset), ("vec2i", 8, 8));
        assert_eq!(list.ty().size(), 8);
    }

    #[test]
    fn override_constants_are_listed() {
        let wgsl = "
            @id(7) override WG: u32 = 64;
            override scale: f32;
            override on: bool = true;
            override twice: u32 = WG * 2u;
            @compute @workgroup_size(WG) fn main() { _ = scale; _ = on; _ = twice; }";
        let constants = Module::parse(wgsl).unwrap().constants();
        let seen: Vec<_> = constants.iter().map(|c| (c.name.as_str(), c.id, c.has_default, c.default)).collect();
        assert_eq!(seen[0], ("WG", Some(7), true, Some(64.0)));
        assert_eq!(seen[1], ("scale", None, false, None));
        assert_eq!(seen[2], ("on", None, true, Some(1.0)));
        assert_eq!((seen[3].0, seen[3].2), ("twice", true));
        assert_eq!(constants[1].type_name, "f32");
    }
}
