//! The uniform from which an adapted kernel reads where its tile lies.

use std::num::NonZeroU32;

use naga::{
    AddressSpace, ArraySize, GlobalVariable, Handle, Module, ResourceBinding, Scalar, Span, StructMember, Type,
    TypeInner, VectorSize,
};

/// What the uniform holds for one call or one tile of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TileUniform {
    /// The tile's first workgroup.
    pub origin: [u32; 3],
    /// Iterations that an invocation's loops may have, in units of [`FILLING`](super::FILLING), where there is a limit.
    pub fuel: u32,
    /// Workgroups of the whole grid.
    pub whole: [u32; 3],
    /// One for each of the kernel's bindings, in their order.
    pub slices: Vec<Slice>,
}

/// What a tile has of a binding's runtime-sized array, in elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slice {
    /// The first element that is in the tile's buffer; zero if the binding is not sliced.
    pub first: u32,
    /// The length of the whole array.
    pub length: u32,
}

/// Bytes in front of the slices: two vectors of three and a word behind each.
const HEAD: u32 = 32;
/// Bytes of a slice: an array in a uniform has elements of 16 bytes.
const STRIDE: u32 = 16;

impl TileUniform {
    /// The tile that starts at workgroup `origin` of a grid of `whole` workgroups, of a kernel with `bindings` bindings,
    /// none of them sliced, without fuel.
    pub fn new(origin: [u32; 3], whole: [u32; 3], bindings: usize) -> Self {
        TileUniform { origin, fuel: 0, whole, slices: vec![Slice::default(); bindings] }
    }

    /// The uniform's size in bytes for a kernel with this many bindings.
    pub fn size(bindings: usize) -> u64 {
        u64::from(HEAD) + u64::from(STRIDE) * bindings.max(1) as u64
    }

    /// Writes the uniform at the start of `out`.
    ///
    /// # Panics
    ///
    /// If `out` is shorter than [`size`](Self::size).
    pub fn write(&self, out: &mut [u8]) {
        let word = |out: &mut [u8], at: usize, value: u32| out[at..at + 4].copy_from_slice(&value.to_le_bytes());
        for (axis, (&origin, &whole)) in self.origin.iter().zip(&self.whole).enumerate() {
            word(out, axis * 4, origin);
            word(out, 16 + axis * 4, whole);
        }
        word(out, 12, self.fuel);
        for (slice, out) in self.slices.iter().zip(out[HEAD as usize..].chunks_mut(STRIDE as usize)) {
            word(out, 0, slice.first);
            word(out, 4, slice.length);
        }
    }
}

/// The members of the uniform's struct.
pub(super) const ORIGIN: u32 = 0;
pub(super) const FUEL: u32 = 1;
pub(super) const WHOLE: u32 = 2;
pub(super) const SLICES: u32 = 3;

/// The word of a slice that is always zero.
pub(super) const ZERO: u32 = 2;

/// Declares the uniform in `module`, bound at `place`, for a kernel with this many bindings.
pub(super) fn declare(module: &mut Module, bindings: usize, place: ResourceBinding) -> Handle<GlobalVariable> {
    let mut insert =
        |name: Option<&str>, inner| module.types.insert(Type { name: name.map(str::to_owned), inner }, Span::UNDEFINED);
    let vec3u = insert(None, TypeInner::Vector { size: VectorSize::Tri, scalar: Scalar::U32 });
    let vec4u = insert(None, TypeInner::Vector { size: VectorSize::Quad, scalar: Scalar::U32 });
    let number = insert(None, TypeInner::Scalar(Scalar::U32));
    let count = NonZeroU32::new(bindings as u32).unwrap_or(NonZeroU32::MIN);
    let size = ArraySize::Constant(count);
    let slices = insert(None, TypeInner::Array { base: vec4u, size, stride: STRIDE });
    let member = |name: &str, ty, offset| StructMember { name: Some(name.to_owned()), ty, binding: None, offset };
    let members = vec![
        member("origin", vec3u, 0),
        member("fuel", number, 12),
        member("whole", vec3u, 16),
        member("slices", slices, HEAD),
    ];
    let span = TileUniform::size(bindings) as u32;
    let ty = insert(Some("SwathTile"), TypeInner::Struct { members, span });
    module.global_variables.append(
        GlobalVariable {
            name: Some("swath_tile".to_owned()),
            space: AddressSpace::Uniform,
            binding: Some(place),
            ty,
            init: None,
            memory_decorations: naga::MemoryDecorations::empty(),
        },
        Span::UNDEFINED,
    )
}
