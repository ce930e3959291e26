//! The bindings of an entry point.

use naga::{AddressSpace, Module, StorageAccess, valid::GlobalUse, valid::ModuleInfo};

use super::{Binding, BindingKind, Type, fields, layout::Shape};

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
                shape: Shape::of(module, variable.ty),
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
pub(super) fn uniform_scalars(module: &Module, bindings: &[Binding], bytes: usize) -> Vec<u64> {
    let mut bits = vec![0u64; bytes.div_ceil(128)];
    for binding in bindings.iter().filter(|binding| binding.kind == BindingKind::Uniform) {
        fields::each(module, module.global_variables[binding.global].ty, "", &mut |path, slot| {
            if fields::is_padding(path) {
                return;
            }
            for place in slot.places() {
                let bit = (binding.uniform_offset + place) / 2;
                bits[bit / 64] |= 1 << (bit % 64);
            }
        });
    }
    bits
}
