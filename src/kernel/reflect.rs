//! The bindings of an entry point.

use naga::{AddressSpace, Module, StorageAccess, valid::GlobalUse, valid::ModuleInfo};

use super::{Binding, BindingKind, Type, fields, layout::TypeLayout};

/// The bindings that the entry point `entry` uses, ordered by group and binding number, and the
/// bytes of its uniforms together.
pub(super) fn bindings(module: &Module, info: &ModuleInfo, entry: usize) -> (Vec<Binding>, usize) {
    let uses = info.get_entry_point(entry);
    let mut bindings: Vec<Binding> = module
        .global_variables
        .iter()
        .filter(|&(handle, _)| !uses[handle].is_empty())
        .filter_map(|(handle, variable)| {
            let kind = match variable.space {
                AddressSpace::Uniform => BindingKind::Uniform,
                AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => {
                    BindingKind::ReadWriteStorage
                }
                AddressSpace::Storage { .. } => BindingKind::ReadStorage,
                _ => return None,
            };
            let place = variable.binding?;
            Some(Binding {
                name: variable.name.clone().unwrap_or_default(),
                group: place.group,
                index: place.binding,
                kind,
                global: handle,
                shape: TypeLayout::of(module, variable.ty),
                ty: Type::of(module, variable.ty),
                loads: uses[handle].intersects(GlobalUse::READ | GlobalUse::ATOMIC),
                stores: uses[handle].intersects(GlobalUse::WRITE | GlobalUse::ATOMIC),
                uniform_offset: 0,
            })
        })
        .collect();
    bindings.sort_by_key(|binding| (binding.group, binding.index));
    let mut uniform_bytes = 0usize;
    for binding in bindings.iter_mut().filter(|binding| binding.kind == BindingKind::Uniform) {
        binding.uniform_offset = uniform_bytes;
        uniform_bytes += (binding.shape.fixed_bytes as usize).next_multiple_of(16);
    }
    (bindings, uniform_bytes)
}

/// A bit for each two of the `bytes` of all uniforms together: set where a scalar starts that a call
/// has to give. Padding fields may be left out.
pub(super) fn uniform_scalars(module: &Module, bindings: &[Binding], bytes: usize) -> Vec<u32> {
    let mut bits = vec![0; bytes.div_ceil(64)];
    for binding in bindings.iter().filter(|binding| binding.kind == BindingKind::Uniform) {
        fields::each(module, module.global_variables[binding.global].ty, "", &mut |path, slot| {
            if fields::is_padding(path) {
                return;
            }
            for place in slot.places() {
                let bit = (binding.uniform_offset + place) / 2;
                bits[bit / 32] |= 1 << (bit % 32);
            }
        });
    }
    bits
}

#[cfg(test)]
mod tests {
    use crate::kernel::{BindingKind, Module};

    const MODULE: &str = "
        struct Params { a: f32, pad: u32, at: vec3f }
        @group(1) @binding(0) var<storage, read_write> out: array<f32>;
        @group(0) @binding(3) var<uniform> params: Params;
        @group(0) @binding(1) var<storage, read> src: array<f32>;
        @group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>;
        @group(0) @binding(4) var<uniform> gain: f32;
        fn helper(i: u32) -> f32 { return src[i] * gain; }
        @compute @workgroup_size(8, 4) fn whole() { out[0] = helper(0) + params.a; atomicAdd(&counts[0], 1); }
        @compute @workgroup_size(1) fn part() { out[0] = f32(arrayLength(&src)); atomicStore(&counts[0], 1); }
        @compute @workgroup_size(1) fn nothing() {}";

    fn names(kernel: &str) -> Vec<String> {
        let kernel = Module::parse(MODULE).and_then(|module| module.kernel(kernel)).expect("it is a kernel");
        kernel.bindings().iter().map(|binding| binding.name.clone()).collect()
    }

    #[test]
    fn lists_the_bindings_that_an_entry_point_uses() {
        assert_eq!(names("whole"), ["src", "counts", "params", "gain", "out"]);
        assert_eq!(names("part"), ["src", "counts", "out"]);
        assert!(names("nothing").is_empty());
    }

    #[test]
    fn knows_kinds_and_loads() {
        let module = Module::parse(MODULE).expect("it is WGSL");
        let of = |kernel: &str| {
            let kernel = module.kernel(kernel).expect("it is a kernel");
            let facts = kernel.bindings().iter().map(|binding| (binding.kind, binding.loads));
            facts.collect::<Vec<_>>()
        };
        use BindingKind::{ReadStorage, ReadWriteStorage, Uniform};
        assert_eq!(
            of("whole"),
            [
                (ReadStorage, true),
                (ReadWriteStorage, true),
                (Uniform, true),
                (Uniform, true),
                (ReadWriteStorage, false)
            ]
        );
        assert_eq!(of("part"), [(ReadStorage, false), (ReadWriteStorage, false), (ReadWriteStorage, false)]);
    }

    #[test]
    fn uniforms_stand_side_by_side() {
        let kernel = Module::parse(MODULE).and_then(|module| module.kernel("whole")).expect("it is a kernel");
        assert_eq!(kernel.workgroup_size(), [8, 4, 1]);
        assert_eq!(kernel.inner.uniform_bytes, 32 + 16);
        assert_eq!(kernel.bindings()[3].uniform_offset, 32);
        // `a`, the three components of `at` behind the padding, and `gain`.
        let places = [0, 16, 20, 24, 32];
        assert_eq!(kernel.inner.uniform_scalars, [places.iter().fold(0, |bits, place| bits | 1u32 << (place / 2))]);
    }
}
