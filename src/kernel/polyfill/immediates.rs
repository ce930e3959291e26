//! Immediates (`var<immediate>`) as uniforms.
//!
//! They are small, the same for all invocations, and set by a call: what uniforms are here anyhow. Each gets a place of its
//! own in group 0.

use naga::{AddressSpace, Handle, Module, ResourceBinding, Type, TypeInner};

/// Makes uniforms of the module's immediates.
pub fn make_uniforms(module: &mut Module) {
    let is_immediate = |space| space == AddressSpace::Immediate;
    if !module.global_variables.iter().any(|(_, variable)| is_immediate(variable.space)) {
        return;
    }
    let taken = module.global_variables.iter().filter_map(|(_, variable)| variable.binding);
    let taken: Vec<u32> = taken.filter(|place| place.group == 0).map(|place| place.binding).collect();
    let mut free = (0..).filter(|binding| !taken.contains(binding));
    for (_, variable) in module.global_variables.iter_mut() {
        if is_immediate(variable.space) {
            variable.space = AddressSpace::Uniform;
            variable.binding = free.next().map(|binding| ResourceBinding { group: 0, binding });
        }
    }
    let pointers: Vec<Handle<Type>> = module
        .types
        .iter()
        .filter(|(_, ty)| ty.inner.pointer_space().is_some_and(is_immediate))
        .map(|ty| ty.0)
        .collect();
    for handle in pointers {
        let mut ty = module.types[handle].clone();
        if let TypeInner::Pointer { space, .. } | TypeInner::ValuePointer { space, .. } = &mut ty.inner {
            *space = AddressSpace::Uniform;
        }
        // A name tells it from a pointer to uniforms that the module may have.
        ty.name = Some(format!("immediate_{}", handle.index()));
        module.types.replace(handle, ty);
    }
}
