//! How WGSL types split into scalars, and where each scalar lies in memory.

use naga::{ArraySize, Scalar, ScalarKind, TypeInner};

use crate::{ir::Type, kernel::layout};

/// Scalars that one value may be split into. A value larger than this must stay in memory.
pub const MAX_LEAVES: u32 = 4096;

/// How a type is laid out in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As WGSL says, for buffers that the host sees.
    Host,
    /// One word for each scalar, for workgroup and private memory.
    Packed,
}

/// One scalar of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Bytes from the start of the type.
    pub offset: u32,
    pub ty: Type,
}

/// The lane type of a scalar; `None` for 64-bit ones.
pub fn scalar_type(scalar: Scalar) -> Option<Type> {
    match (scalar.kind, scalar.width) {
        (ScalarKind::Float, 4) => Some(Type::F32),
        (ScalarKind::Float, 2) => Some(Type::F16),
        (ScalarKind::Sint, 4) => Some(Type::I32),
        (ScalarKind::Uint, 4) => Some(Type::U32),
        (ScalarKind::Bool, _) => Some(Type::Bool),
        _ => None,
    }
}

/// Questions about the types of a module. `None` stands for a type that has no answer: a texture,
/// a 64-bit scalar, a runtime-sized array.
pub struct Types<'a> {
    module: &'a naga::Module,
}

impl<'a> Types<'a> {
    pub fn new(module: &'a naga::Module) -> Self {
        Types { module }
    }

    /// The elements of an array of fixed size, which an override constant may have given.
    fn fixed_length(&self, size: ArraySize) -> Option<u32> {
        layout::array_length(self.module, size)
    }

    pub fn inner(&self, handle: naga::Handle<naga::Type>) -> &'a TypeInner {
        &self.module.types[handle].inner
    }

    /// How many scalars a type splits into.
    pub fn leaf_count(&self, inner: &TypeInner) -> Option<u32> {
        match *inner {
            TypeInner::Scalar(s) | TypeInner::Atomic(s) => scalar_type(s).map(|_| 1),
            TypeInner::Vector { size, scalar } => scalar_type(scalar).map(|_| size as u32),
            TypeInner::Matrix { columns, rows, scalar } => scalar_type(scalar).map(|_| columns as u32 * rows as u32),
            TypeInner::Array { base, size, .. } => {
                self.leaf_count(self.inner(base))?.checked_mul(self.fixed_length(size)?)
            }
            TypeInner::Struct { ref members, .. } => {
                members.iter().try_fold(0u32, |sum, m| sum.checked_add(self.leaf_count(self.inner(m.ty))?))
            }
            _ => None,
        }
    }

    /// The scalars of a type in order, where there are at most [`MAX_LEAVES`].
    pub fn leaves(&self, inner: &TypeInner, layout: Layout) -> Option<Vec<Leaf>> {
        let count = self.leaf_count(inner)?;
        if count > MAX_LEAVES {
            return None;
        }
        let mut leaves = Vec::with_capacity(count as usize);
        self.collect(inner, 0, &mut leaves)?;
        if layout == Layout::Packed {
            for (i, leaf) in leaves.iter_mut().enumerate() {
                leaf.offset = i as u32 * 4;
            }
        }
        Some(leaves)
    }

    fn collect(&self, inner: &TypeInner, offset: u32, out: &mut Vec<Leaf>) -> Option<()> {
        let mut scalars = |s: Scalar, count: u32, offset: u32| {
            let ty = scalar_type(s)?;
            out.extend((0..count).map(|i| Leaf { offset: offset + i * u32::from(s.width), ty }));
            Some(())
        };
        match *inner {
            TypeInner::Scalar(s) | TypeInner::Atomic(s) => scalars(s, 1, offset),
            TypeInner::Vector { size, scalar } => scalars(scalar, size as u32, offset),
            TypeInner::Matrix { columns, rows, scalar } => {
                let stride = column_stride(rows, scalar);
                (0..columns as u32).try_for_each(|c| scalars(scalar, rows as u32, offset + c * stride))
            }
            TypeInner::Array { base, size, stride } => {
                (0..self.fixed_length(size)?).try_for_each(|i| self.collect(self.inner(base), offset + i * stride, out))
            }
            TypeInner::Struct { ref members, .. } => {
                members.iter().try_for_each(|m| self.collect(self.inner(m.ty), offset + m.offset, out))
            }
            _ => None,
        }
    }

    /// The type, count and byte stride of what a dynamic index selects; the count is `None` for a
    /// runtime-sized array.
    pub fn element(&self, inner: &TypeInner, layout: Layout) -> Option<(TypeInner, Option<u32>, u32)> {
        let (ty, count, host) = match *inner {
            TypeInner::Vector { size, scalar } => {
                (TypeInner::Scalar(scalar), Some(size as u32), u32::from(scalar.width))
            }
            TypeInner::Matrix { columns, rows, scalar } => {
                (TypeInner::Vector { size: rows, scalar }, Some(columns as u32), column_stride(rows, scalar))
            }
            TypeInner::Array { base, size, stride } => {
                let count = match size {
                    ArraySize::Dynamic => None,
                    _ => Some(self.fixed_length(size)?),
                };
                (self.inner(base).clone(), count, stride)
            }
            _ => return None,
        };
        let stride = match layout {
            Layout::Host => host,
            Layout::Packed => self.leaf_count(&ty)?.checked_mul(4)?,
        };
        Some((ty, count, stride))
    }

    /// The type and byte offset of member `index` of a struct.
    pub fn member(&self, inner: &TypeInner, index: u32, layout: Layout) -> Option<(TypeInner, u32)> {
        let TypeInner::Struct { ref members, .. } = *inner else { return None };
        let member = members.get(index as usize)?;
        let offset = match layout {
            Layout::Host => member.offset,
            Layout::Packed => self.leaves_before(inner, index)?.checked_mul(4)?,
        };
        Some((self.inner(member.ty).clone(), offset))
    }

    /// How many scalars stand in front of component `index` of a composite.
    pub fn leaves_before(&self, inner: &TypeInner, index: u32) -> Option<u32> {
        match *inner {
            TypeInner::Struct { ref members, .. } => members
                .iter()
                .take(index as usize)
                .try_fold(0u32, |sum, m| sum.checked_add(self.leaf_count(self.inner(m.ty))?)),
            _ => {
                let (element, _, _) = self.element(inner, Layout::Host)?;
                self.leaf_count(&element)?.checked_mul(index)
            }
        }
    }
}

/// Bytes from one matrix column to the next.
fn column_stride(rows: naga::VectorSize, scalar: Scalar) -> u32 {
    let rows = if rows == naga::VectorSize::Tri { 4 } else { rows as u32 };
    rows * u32::from(scalar.width)
}
