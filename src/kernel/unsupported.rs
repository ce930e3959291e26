//! What WGSL has and kernels here do not, refused in plain words.

use naga::{AddressSpace, ImageClass, Module, ScalarKind, Span, TypeInner};

use super::diagnostic;
use crate::error::Result;

/// Refuses textures, samplers, immediates, binding arrays, 64-bit and 16-bit integer types in
/// `module`, which holds only what one entry point reaches.
pub(super) fn check(source: &str, module: &Module) -> Result<()> {
    for (handle, variable) in module.global_variables.iter() {
        let name = variable.name.as_deref().unwrap_or("_");
        let span = module.global_variables.get_span(handle);
        if let Some((what, help)) = refused_variable(module, variable) {
            let message = format!("`{name}` is {what}, which kernels cannot use here");
            return Err(diagnostic::with_note(source, span, message, "", Some(help.to_owned())));
        }
    }
    for (handle, ty) in module.types.iter() {
        if let Some((what, words)) = refused_type(&ty.inner) {
            let mut span = module.types.get_span(handle);
            if span.to_range().is_none_or(|range| range.is_empty()) {
                span = find_word(source, words);
            }
            let message = format!("the kernel uses {what}, which are not supported");
            let help = "use 32-bit types; two u32 hold 64 bits".to_owned();
            return Err(diagnostic::with_note(source, span, message, "", Some(help)));
        }
    }
    Ok(())
}

/// What is refused about a module's variable, and what to do instead.
fn refused_variable(module: &Module, variable: &naga::GlobalVariable) -> Option<(&'static str, &'static str)> {
    match variable.space {
        AddressSpace::Immediate => return Some(("an immediate (push constant)", "use a uniform: var<uniform>")),
        AddressSpace::TaskPayload | AddressSpace::RayPayload | AddressSpace::IncomingRayPayload => {
            return Some(("a payload of another kind of shader", "use storage buffers"));
        }
        _ => {}
    }
    match module.types[variable.ty].inner {
        TypeInner::Image { class: ImageClass::Storage { .. }, .. } => {
            Some(("a storage texture", "use a storage buffer, array<u32> or array<vec4f>, indexed by y * width + x"))
        }
        TypeInner::Image { .. } => {
            Some(("a texture", "use a storage buffer, array<u32> or array<vec4f>, indexed by y * width + x"))
        }
        TypeInner::Sampler { .. } => Some(("a sampler", "use a storage buffer and interpolate in the kernel")),
        TypeInner::BindingArray { .. } => {
            Some(("an array of bindings", "use one binding for each, or one larger array"))
        }
        TypeInner::AccelerationStructure { .. } => Some(("an acceleration structure", "use storage buffers")),
        _ => None,
    }
}

/// What is refused about a type, and the words that stand for it in WGSL.
fn refused_type(inner: &TypeInner) -> Option<(&'static str, &'static [&'static str])> {
    let scalar = inner.scalar()?;
    match (scalar.kind, scalar.width) {
        (ScalarKind::Sint, 8) => Some(("64-bit integers (i64)", &["i64"])),
        (ScalarKind::Uint, 8) => Some(("64-bit integers (u64)", &["u64"])),
        (ScalarKind::Float, 8) => Some(("64-bit floats (f64)", &["f64"])),
        (ScalarKind::Sint, 2) => Some(("16-bit integers (i16)", &["i16"])),
        (ScalarKind::Uint, 2) => Some(("16-bit integers (u16)", &["u16"])),
        _ => None,
    }
}

/// The first place in `source` where one of `words` stands as a word of its own.
fn find_word(source: &str, words: &[&str]) -> Span {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    for word in words {
        let place = source
            .match_indices(word)
            .map(|(start, _)| start)
            .find(|&start| !source[..start].ends_with(inside) && !source[start + word.len()..].starts_with(inside));
        if let Some(start) = place {
            return Span::from(start..start + word.len());
        }
    }
    Span::UNDEFINED
}
