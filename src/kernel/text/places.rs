//! Puts the places in a module back to those of the text that it was made from.

use naga::{Arena, Block, Function, Module, Span, Statement, UniqueArena};

use super::Edited;

/// Changes every span of `module`, which was parsed from `text`, to that of the author's text. No handle changes.
pub fn put_back(module: &mut Module, text: &Edited) {
    if !text.is_changed() {
        return;
    }
    let place = &|span| text.place(span);
    let mut types = UniqueArena::new();
    for (handle, ty) in module.types.iter() {
        types.insert(ty.clone(), place(module.types.get_span(handle)));
    }
    module.types = types;
    arena(&mut module.constants, place);
    arena(&mut module.overrides, place);
    arena(&mut module.global_variables, place);
    arena(&mut module.global_expressions, place);
    arena(&mut module.functions, place);
    arena(&mut module.diagnostic_filters, place);
    module.functions.iter_mut().for_each(|(_, each)| function(each, place));
    module.entry_points.iter_mut().for_each(|entry| function(&mut entry.function, place));
}

fn arena<T>(arena: &mut Arena<T>, place: &dyn Fn(Span) -> Span) {
    let mut new = Arena::new();
    for (_, value, span) in arena.drain() {
        new.append(value, place(span));
    }
    *arena = new;
}

fn function(function: &mut Function, place: &dyn Fn(Span) -> Span) {
    arena(&mut function.local_variables, place);
    arena(&mut function.expressions, place);
    block(&mut function.body, place);
}

fn block(body: &mut Block, place: &dyn Fn(Span) -> Span) {
    for (statement, span) in body.span_iter_mut() {
        if let Some(span) = span {
            *span = place(*span);
        }
        match statement {
            Statement::Block(inner) => block(inner, place),
            Statement::If { accept, reject, .. } => {
                block(accept, place);
                block(reject, place);
            }
            Statement::Switch { cases, .. } => cases.iter_mut().for_each(|case| block(&mut case.body, place)),
            Statement::Loop { body, continuing, .. } => {
                block(body, place);
                block(continuing, place);
            }
            _ => {}
        }
    }
}
