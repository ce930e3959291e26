//! Which parts of uniforms a kernel reads.

use crate::{
    ir::{IndexBound, Op, Program, Space},
    kernel::{Binding, Kernel},
};

/// Places that a lookup in a table of uniforms may have before it counts as all of them.
const MOST_PLACES: usize = 1 << 16;

/// The scalars of all uniforms that a kernel reads.
pub(super) struct UniformsRead {
    /// A bit for each two bytes, set where a scalar starts that is read. Nothing where that is not known: then all are.
    bits: Option<Vec<u32>>,
}

impl UniformsRead {
    /// Whether the scalar is read that starts `place` bytes into all uniforms.
    pub fn has(&self, place: usize) -> bool {
        self.bits.as_ref().is_none_or(|bits| bits[place / 64] & 1 << (place / 2 % 32) != 0)
    }

    fn of(kernel: &Kernel) -> UniformsRead {
        UniformsRead { bits: kernel.program().ok().and_then(|program| bits(kernel, &program)) }
    }
}

fn bits(kernel: &Kernel, program: &Program) -> Option<Vec<u32>> {
    let bytes = kernel.inner.uniform_bytes;
    let mut bits = vec![0u32; bytes.div_ceil(64)];
    let mut is_known = true;
    program.body.visit_definitions(&mut |value| {
        let (Op::Load(address) | Op::UniformLoad(address)) = &program.def(value).op else { return };
        let Space::Uniform { binding } = program.memory(address.mem).space else { return };
        let mut places = vec![kernel.bindings()[binding].uniform_offset + address.offset as usize];
        for term in &address.terms {
            match term.bound {
                IndexBound::Const(count) if places.len() * count as usize <= MOST_PLACES => {
                    let along =
                        |place: usize| (0..count as usize).map(move |index| place + index * term.stride as usize);
                    places = places.into_iter().flat_map(along).collect();
                }
                _ => is_known = false,
            }
        }
        for place in places.into_iter().filter(|place| *place < bytes) {
            bits[place / 64] |= 1 << (place / 2 % 32);
        }
    });
    is_known.then_some(bits)
}

impl Kernel {
    /// The scalars of its uniforms that it reads.
    pub(super) fn uniforms_read(&self) -> &UniformsRead {
        let read = self.inner.memo.get_or_try_make(|| Ok::<_, std::convert::Infallible>(UniformsRead::of(self)));
        match read {
            Ok(read) => read,
            Err(never) => match never {},
        }
    }

    /// Whether it reads the scalar that starts `offset` bytes into a uniform.
    #[doc(hidden)]
    pub fn reads_uniform(&self, binding: &Binding, offset: usize) -> bool {
        self.uniforms_read().has(binding.uniform_offset + offset)
    }
}
