//! Types of bindings, and how packed `.npy` scalars map onto the memory that WGSL lays out.

use swath::{Scalar, Type};

use super::dtype::{DType, Data};

/// The shape that a file has for a type of fixed size, without the axis of a vector.
pub fn fixed_shape(ty: &Type) -> Option<(Vec<u64>, DType)> {
    match ty {
        Type::Scalar(scalar) | Type::Atomic(scalar) => Some((vec![1], DType { scalar: *scalar, width: 1 })),
        Type::Vector { width, scalar } => Some((vec![], DType { scalar: *scalar, width: *width })),
        Type::Array { element, count: Some(count), .. } => match &**element {
            Type::Scalar(_) | Type::Atomic(_) => {
                fixed_shape(element).map(|(_, dtype)| (vec![u64::from(*count)], dtype))
            }
            _ => fixed_shape(element).map(|(inner, dtype)| ([vec![u64::from(*count)], inner].concat(), dtype)),
        },
        _ => None,
    }
}

/// The type that a binding's elements have in a file, if they are scalars or vectors.
pub fn element_dtype(ty: &Type) -> Option<DType> {
    match *ty {
        Type::Scalar(scalar) | Type::Atomic(scalar) => Some(DType { scalar, width: 1 }),
        Type::Vector { width, scalar } => Some(DType { scalar, width }),
        Type::Array { ref element, .. } => match **element {
            Type::Array { .. } => None,
            _ => element_dtype(element),
        },
        _ => None,
    }
}

/// How the packed scalars of a file lie in a binding: all of one scalar type, at these places.
#[derive(Clone, Debug, PartialEq)]
pub struct Packing {
    pub scalar: Scalar,
    /// Places, in scalars, of what stands before the repeated part.
    head: Vec<usize>,
    /// Length of that part in memory, in scalars.
    head_stride: usize,
    /// Places, in scalars, within one element of the repeated part.
    cells: Vec<usize>,
    /// Length of an element in memory, in scalars; 0 when nothing is repeated.
    stride: usize,
    /// Number of elements, where the type fixes it.
    count: Option<usize>,
}

/// Why a type has no packing.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixed {
    pub first: Scalar,
    pub other: Scalar,
}

impl Packing {
    /// The packing of `ty`, unless scalars of several types are mixed in it.
    pub fn of(ty: &Type) -> Result<Packing, Mixed> {
        let empty = Type::Struct { name: String::new(), fields: Vec::new(), size: 0 };
        let (head, head_bytes, element, stride, count) = match ty {
            Type::Array { element, count, stride } => (&empty, 0, &**element, *stride, count.map(|n| n as usize)),
            _ => match ty.runtime_array() {
                Some((element, stride, offset)) => (ty, offset, element, stride, None),
                None => (ty, ty.size() as u32, &empty, 0, Some(0)),
            },
        };
        let mut scalar = None;
        let mut mixed = None;
        let mut places = |ty: &Type| {
            let mut places = Vec::new();
            ty.visit(0, &mut |offset, found| {
                let first = *scalar.get_or_insert(found);
                if found != first {
                    mixed = Some(Mixed { first, other: found });
                }
                places.push(offset as usize / first.bytes());
            });
            places
        };
        let (head, cells) = (places(head), places(element));
        if let Some(mixed) = mixed {
            return Err(mixed);
        }
        let scalar = scalar.unwrap_or(Scalar::U32);
        let in_scalars = |bytes: u32| bytes as usize / scalar.bytes();
        Ok(Packing { scalar, head, head_stride: in_scalars(head_bytes), cells, stride: in_scalars(stride), count })
    }

    /// Whether files and memory agree as they are.
    pub fn is_dense(&self) -> bool {
        self.head.len() == self.head_stride && self.cells.len() == self.stride
    }

    /// Number of elements of the repeated part that `packed` scalars make, or what they had to be.
    fn elements(&self, packed: usize) -> Result<usize, String> {
        let rest = packed.checked_sub(self.head.len());
        match (rest, self.count) {
            (Some(rest), Some(count)) if rest == count * self.cells.len() => Ok(count),
            (_, Some(count)) => Err(format!("exactly {} scalars", self.head.len() + count * self.cells.len())),
            (Some(rest), None) if rest % self.cells.len().max(1) == 0 => Ok(rest / self.cells.len().max(1)),
            (_, None) if self.head.is_empty() => Err(format!("a multiple of {} scalars", self.cells.len())),
            (_, None) => Err(format!("{} scalars and then a multiple of {}", self.head.len(), self.cells.len())),
        }
    }

    /// Whether the rows of an array of `shape` hold whole elements, or what they had to hold. Refuses a
    /// transposed array, whose scalars would be taken in the wrong order.
    pub fn check_rows(&self, shape: &[u64]) -> Result<(), String> {
        let row: u64 = shape.iter().skip(1).product();
        let cells = self.cells.len() as u64;
        let open = self.count.is_none() && self.head.is_empty();
        if !open || shape.len() < 2 || row.is_multiple_of(cells) || row * shape[0] == cells {
            return Ok(());
        }
        Err(format!("rows of {cells} scalars, or a multiple of that"))
    }

    /// Whether an array of `shape` spells the padding out: its last axis counts an element's memory.
    pub fn is_padded(&self, shape: &[u64]) -> bool {
        self.head.is_empty()
            && self.cells.len() < self.stride
            && shape.len() > 1
            && shape.last() == Some(&(self.stride as u64))
    }

    /// Number of scalars that a binding has in memory for `packed` ones, or what they had to be.
    pub fn memory_len(&self, packed: usize) -> Result<usize, String> {
        Ok(self.head_stride + self.elements(packed)? * self.stride)
    }

    /// Spreads packed scalars to their places; gaps are zero.
    pub fn pack(&self, packed: &Data, len: usize) -> Data {
        let mut memory = Data::zeros(packed.scalar(), len);
        let size = packed.scalar().bytes();
        let (from, to) = (packed.bytes(), memory.bytes_mut());
        self.places().zip(from.chunks_exact(size)).for_each(|(place, scalar)| {
            to[place * size..][..size].copy_from_slice(scalar);
        });
        memory
    }

    /// Gathers the scalars from their places into `packed`.
    pub fn unpack(&self, memory: &Data, packed: &mut Data) {
        let size = packed.scalar().bytes();
        let (from, to) = (memory.bytes(), packed.bytes_mut());
        self.places().zip(to.chunks_exact_mut(size)).for_each(|(place, scalar)| {
            scalar.copy_from_slice(&from[place * size..][..size]);
        });
    }

    /// Places of all scalars in order, without end where the type has none.
    fn places(&self) -> impl Iterator<Item = usize> {
        let repeated = (0..).map(move |i| self.head_stride + i * self.stride);
        let repeated = repeated.take(if self.cells.is_empty() { 0 } else { usize::MAX });
        self.head.iter().copied().chain(repeated.flat_map(|base| self.cells.iter().map(move |cell| base + cell)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use swath::Field;

    const F32: Type = Type::Scalar(Scalar::F32);

    fn array(element: Type, count: Option<u32>, stride: u32) -> Type {
        Type::Array { element: Box::new(element), count, stride }
    }

    fn structure(fields: &[(u32, Type)], size: u32) -> Type {
        let field = |(offset, ty): &(u32, Type)| Field::new("f", *offset, ty.clone());
        Type::Struct { name: "S".into(), fields: fields.iter().map(field).collect(), size }
    }

    fn vec3() -> Type {
        Type::Vector { width: 3, scalar: Scalar::F32 }
    }

    #[test]
    fn dense_types_need_no_copy() {
        for ty in [array(F32, None, 4), array(Type::Vector { width: 4, scalar: Scalar::F16 }, None, 8), F32] {
            assert!(Packing::of(&ty).unwrap().is_dense(), "{ty}");
        }
    }

    #[test]
    fn vec3_arrays_are_padded_and_stripped() {
        let packing = Packing::of(&array(vec3(), None, 16)).unwrap();
        let packed = Data::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let len = packing.memory_len(6).unwrap();
        let memory = packing.pack(&packed, len);
        assert_eq!(memory, Data::F32(vec![1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 0.0]));
        let mut back = Data::zeros(Scalar::F32, 6);
        packing.unpack(&memory, &mut back);
        assert_eq!(back, packed);
        assert_eq!(packing.memory_len(7), Err("a multiple of 3 scalars".into()));
        assert!(packing.check_rows(&[5, 3]).is_ok() && packing.check_rows(&[3, 5]).is_err());
        assert!(packing.is_padded(&[5, 4]) && !packing.is_padded(&[4]) && !packing.is_padded(&[4, 3]));
    }

    #[test]
    fn structs_of_one_type_pack_around_their_gaps() {
        // struct { position: vec3f, velocity: vec3f }
        let packing = Packing::of(&array(structure(&[(0, vec3()), (16, vec3())], 32), None, 32)).unwrap();
        let len = packing.memory_len(6).unwrap();
        let memory = packing.pack(&Data::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), len);
        assert_eq!(memory, Data::F32(vec![1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 0.0]));
    }

    #[test]
    fn a_head_stands_before_the_runtime_array() {
        // struct { scale: f32, data: array<vec2f> }
        let vec2 = Type::Vector { width: 2, scalar: Scalar::F32 };
        let packing = Packing::of(&structure(&[(0, F32), (8, array(vec2, None, 8))], 8)).unwrap();
        let len = packing.memory_len(5).unwrap();
        let memory = packing.pack(&Data::F32(vec![9.0, 1.0, 2.0, 3.0, 4.0]), len);
        assert_eq!(memory, Data::F32(vec![9.0, 0.0, 1.0, 2.0, 3.0, 4.0]));
        assert_eq!(packing.memory_len(4), Err("1 scalars and then a multiple of 2".into()));
    }

    #[test]
    fn matrices_pad_their_columns() {
        let mat = Type::Matrix { columns: 2, rows: 3, scalar: Scalar::F32 };
        let packing = Packing::of(&mat).unwrap();
        assert_eq!(packing.memory_len(6), Ok(8));
        assert_eq!(packing.memory_len(8), Err("exactly 6 scalars".into()));
        let memory = packing.pack(&Data::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 8);
        assert_eq!(memory, Data::F32(vec![1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 0.0]));
    }

    #[test]
    fn mixed_types_have_no_packing() {
        let mixed = structure(&[(0, F32), (4, Type::Scalar(Scalar::U32))], 8);
        assert_eq!(Packing::of(&array(mixed, None, 8)), Err(Mixed { first: Scalar::F32, other: Scalar::U32 }));
    }
}
