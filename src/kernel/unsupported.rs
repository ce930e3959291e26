//! What WGSL has and kernels here do not, refused in plain words.

use naga::{AddressSpace, ImageClass, Module, ScalarKind, Span, TypeInner, valid::ModuleInfo};

use super::{diagnostic, source::Source};
use crate::error::Result;

/// Refuses textures, samplers, binding arrays and 16-bit integer types in `module`, which holds only what one entry
/// point reaches.
pub(super) fn check(source: &Source, module: &Module, info: &ModuleInfo) -> Result<()> {
    for (handle, variable) in module.global_variables.iter() {
        let name = variable.name.as_deref().unwrap_or("_");
        let span = module.global_variables.get_span(handle);
        if let Some((what, help)) = refused_variable(module, variable) {
            let message = format!("`{name}` is {what}, which kernels cannot use here");
            return Err(diagnostic::with_note(source, span, message, "", Some(format!("help: {help}"))));
        }
    }
    let mut found = None;
    each_type(module, info, &mut |inner, span| {
        if found.is_none()
            && let Some((what, word)) = refused_type(inner)
        {
            found = Some((what, word, span));
        }
    });
    let Some((what, word, span)) = found else { return Ok(()) };
    let span = if span.is_defined() { span } else { find_word(source, word) };
    let message = format!("the kernel uses {what}, which are not supported");
    let help = "help: use 32-bit types; one u32 holds two of 16 bits".to_owned();
    Err(diagnostic::with_note(source, span, message, "", Some(help)))
}

/// Calls `visit` with every type in the module, those of its expressions included, and where it stands.
pub(super) fn each_type(module: &Module, info: &ModuleInfo, visit: &mut dyn FnMut(&TypeInner, Span)) {
    for (handle, ty) in module.types.iter() {
        visit(&ty.inner, module.types.get_span(handle));
    }
    for (handle, _) in module.global_expressions.iter() {
        visit(info[handle].inner_with(&module.types), module.global_expressions.get_span(handle));
    }
    let functions = module.functions.iter().map(|(handle, function)| (function, &info[handle]));
    let entries = module.entry_points.iter().enumerate().map(|(i, entry)| (&entry.function, info.get_entry_point(i)));
    for (function, info) in functions.chain(entries) {
        for (handle, _) in function.expressions.iter() {
            visit(info[handle].ty.inner_with(&module.types), function.expressions.get_span(handle));
        }
    }
}

/// What is refused about a module's variable, and what to do instead.
fn refused_variable(module: &Module, variable: &naga::GlobalVariable) -> Option<(&'static str, &'static str)> {
    match variable.space {
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

/// What is refused about a type, and the word that stands for it in WGSL.
fn refused_type(inner: &TypeInner) -> Option<(&'static str, &'static str)> {
    let scalar = inner.scalar()?;
    match (scalar.kind, scalar.width) {
        (ScalarKind::Sint, 2) => Some(("16-bit integers (i16)", "i16")),
        (ScalarKind::Uint, 2) => Some(("16-bit integers (u16)", "u16")),
        _ => None,
    }
}

/// The first place in `source`, comments left out, where `word` stands as a word of its own.
fn find_word(source: &str, word: &str) -> Span {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        let code = line.split("//").next().unwrap_or(line);
        for (at, _) in code.match_indices(word) {
            let (before, after) = (&code[..at], &code[at + word.len()..]);
            if !before.ends_with(inside) && !after.starts_with(inside) {
                return Span::from(start + at..start + at + word.len());
            }
        }
        start += line.len();
    }
    Span::UNDEFINED
}
