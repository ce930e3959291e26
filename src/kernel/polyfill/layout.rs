//! Layouts of structs that say `@align`.
//!
//! naga gives a struct the alignment of its members' types wherever it is part of another type, and drops what
//! `@align` says. The text still has it. Sizes are whole multiples of the raised alignment, so that naga's validator,
//! which knows the lower one, has nothing against the new offsets.

use naga::{ArraySize, Handle, Module, Scalar, StructMember, Type, TypeInner, VectorSize};
use rustc_hash::FxHashMap;

use crate::kernel::text::Member;

/// Lays out anew the types that contain a struct whose alignment is raised. `said` is what the structs of the text say
/// about their members. Gives the struct of which that is not known, if there is one.
pub fn apply(module: &mut Module, said: &FxHashMap<String, Option<Vec<Member>>>) -> Result<(), String> {
    if let Some((name, _)) = said.iter().find(|(_, members)| members.is_none()) {
        return Err(name.clone());
    }
    let raises = |members: &Option<Vec<Member>>| match members {
        Some(members) => members.iter().any(|member| member.align.is_some()),
        None => false,
    };
    if !said.values().any(raises) {
        return Ok(());
    }
    let mut sizes: Vec<Laid> = Vec::with_capacity(module.types.len());
    let handles: Vec<Handle<Type>> = module.types.iter().map(|(handle, _)| handle).collect();
    for handle in handles {
        let mut ty = module.types[handle].clone();
        let laid = lay_out(&mut ty, &sizes, said);
        if ty != module.types[handle] {
            module.types.replace(handle, ty);
        }
        sizes.push(laid);
    }
    Ok(())
}

/// How a type lies in memory.
#[derive(Clone, Copy)]
struct Laid {
    align: u32,
    size: u32,
}

/// The layout of a type, whose offsets and strides are changed to it. `sizes` has those before it in the module.
fn lay_out(ty: &mut Type, sizes: &[Laid], said: &FxHashMap<String, Option<Vec<Member>>>) -> Laid {
    let vector = |size: VectorSize, scalar: Scalar| {
        let count = if size == VectorSize::Tri { 4 } else { size as u32 };
        Laid { align: count * u32::from(scalar.width), size: size as u32 * u32::from(scalar.width) }
    };
    match &mut ty.inner {
        TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => {
            Laid { align: scalar.width.into(), size: scalar.width.into() }
        }
        TypeInner::Vector { size, scalar } => vector(*size, *scalar),
        TypeInner::Matrix { columns, rows, scalar } => {
            let column = vector(*rows, *scalar);
            Laid { align: column.align, size: column.align * *columns as u32 }
        }
        TypeInner::Array { base, size, stride } => {
            let element = sizes[base.index()];
            *stride = up_to(element.size, element.align);
            let count = match size {
                ArraySize::Constant(count) => count.get(),
                ArraySize::Pending(_) | ArraySize::Dynamic => 1,
            };
            Laid { align: element.align, size: stride.saturating_mul(count) }
        }
        TypeInner::Struct { members, span } => {
            let said = ty.name.as_ref().and_then(|name| said.get(name)).and_then(Option::as_ref);
            structure(members, span, sizes, said)
        }
        _ => Laid { align: 1, size: 0 },
    }
}

fn structure(members: &mut [StructMember], span: &mut u32, sizes: &[Laid], said: Option<&Vec<Member>>) -> Laid {
    // Structs without a text, such as the result of `frexp`, keep the layout that they have.
    let said = said.filter(|said| said.len() == members.len());
    let mut align = 1;
    let mut end = 0u32;
    for (i, member) in members.iter_mut().enumerate() {
        let (ty, own) = (sizes[member.ty.index()], said.map(|said| said[i]).unwrap_or_default());
        let member_align = own.align.unwrap_or(ty.align).max(ty.align);
        align = align.max(member_align);
        if said.is_some() {
            member.offset = up_to(end, member_align);
        }
        end = member.offset.saturating_add(own.size.unwrap_or(ty.size).max(ty.size));
    }
    if said.is_some() {
        *span = up_to(end, align);
    }
    Laid { align, size: *span }
}

/// `size` rounded up to a multiple of `align`. What is too large for any device stays as it is, for the validator to refuse.
fn up_to(size: u32, align: u32) -> u32 {
    size.checked_next_multiple_of(align).unwrap_or(size)
}
