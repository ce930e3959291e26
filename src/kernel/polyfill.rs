//! Where naga takes less than WGSL has, and a small change makes up for it.
//!
//! The text is changed in place or at its end, so that every span still points to what the author wrote; the module
//! is changed before it is validated. Devices and the CPU engine see the changed module alike.

mod immediates;
mod inputs;
mod layout;
mod pointers;

use std::borrow::Cow;

use naga::{
    Arena, Block, Expression, GatherMode, Handle, Literal, PredeclaredType, Range, Scalar, ScalarKind, Statement,
    TypeInner,
    front::Typifier,
    proc::{ResolveContext, TypeResolution},
};

use super::{
    diagnostic,
    nesting::{comment, word},
    text::struct_alignments,
};
use crate::error::Result;

/// `subgroupElect`, which naga does not know, from what it knows: no active lane stands before this one.
const ELECT: &str = "\nfn subgroupElect() -> bool { return subgroupExclusiveAdd(1u) == 0u; }\n";

/// The text as naga takes it.
///
/// - `enable subgroups` is blanked: naga has the functions, and refuses the directive. So is what is required of the
///   language that this crate has and naga does not.
/// - `subgroupElect` is declared where the text uses it and does not declare it.
pub(super) fn text(source: &str) -> Cow<'_, str> {
    let mut tokens = Tokens { text: source.as_bytes(), at: 0 };
    let (mut blanks, mut elects, mut declared) = (Vec::new(), false, false);
    let (mut in_directives, mut previous) = (true, "");
    while let Some((at, token)) = tokens.next() {
        match token {
            "enable" if in_directives => directive(&mut tokens, at, "enable", &["subgroups"], &mut blanks),
            "requires" if in_directives => directive(&mut tokens, at, "requires", REQUIRED, &mut blanks),
            "diagnostic" if in_directives => while tokens.next().is_some_and(|(_, token)| token != ";") {},
            ";" => {}
            "subgroupElect" if previous == "fn" => declared = true,
            "subgroupElect" => elects = true,
            _ => in_directives = false,
        }
        previous = token;
    }
    if blanks.is_empty() && (!elects || declared) {
        return Cow::Borrowed(source);
    }
    let mut text = source.to_owned();
    for range in blanks {
        text.replace_range(range.clone(), &" ".repeat(range.len()));
    }
    if elects && !declared {
        text += ELECT;
    }
    Cow::Owned(text)
}

/// Extensions of the language that this crate makes up for.
const REQUIRED: &[&str] =
    &["immediate_address_space", "linear_indexing", "subgroup_id", "unrestricted_pointer_parameters"];

/// What of a directive that starts at `start` with `keyword` is to be blanked: the names in `known`, or all of it.
fn directive(
    tokens: &mut Tokens<'_>,
    start: usize,
    keyword: &str,
    known: &[&str],
    blanks: &mut Vec<std::ops::Range<usize>>,
) {
    let mut found = Vec::new();
    while let Some((at, token)) = tokens.next() {
        found.push((at, token));
        if token == ";" {
            break;
        }
    }
    let is_name = |token: &str| token != "," && token != ";";
    if !found.iter().any(|(_, token)| known.contains(token)) {
        return;
    }
    if !found.iter().any(|(_, token)| is_name(token) && !known.contains(token)) {
        blanks.push(start..start + keyword.len());
        blanks.extend(found.iter().map(|&(at, token)| at..at + token.len()));
        return;
    }
    // What is left stands between commas: one goes with each name, that behind it or else the one before.
    let mut commas: Vec<usize> = Vec::new();
    for (i, &(at, token)) in found.iter().enumerate() {
        if known.contains(&token) {
            blanks.push(at..at + token.len());
            let behind = found.get(i + 1).filter(|next| next.1 == ",");
            let before = found[..i].iter().rfind(|before| before.1 == "," && !commas.contains(&before.0));
            commas.extend(behind.or(before).map(|&(at, _)| at));
        }
    }
    blanks.extend(commas.into_iter().map(|at| at..at + 1));
}

/// The words and single characters of a text, without comments and spaces.
struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<(usize, &'a str)> {
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            if let Some(length) = comment(rest) {
                self.at += length;
            } else if rest[0].is_ascii_whitespace() || !rest[0].is_ascii() {
                self.at += 1;
            } else {
                let (at, length) = (self.at, word(rest).max(1));
                self.at += length;
                return Some((at, std::str::from_utf8(&rest[..length]).unwrap_or_default()));
            }
        }
    }
}

/// The module that `text` was parsed to, as naga's validator takes it.
///
/// - `frexp` of halves has exponents of type `i32`; naga gives them 16 bits.
/// - Lanes that subgroup operations name may be `i32`, which abstract integers become; naga wants `u32`.
/// - An `@align` that raises a struct's own alignment counts where the struct is part of another type.
/// - Inputs that naga does not have are computed from those that it has.
/// - Immediates become uniforms.
/// - Functions that take pointers to memory that is shared are copied for each way in which they are called.
pub(super) fn module(module: &mut naga::Module, text: &str) -> Result<()> {
    widen_exponents(module);
    layout::apply(module, &struct_alignments(text)).map_err(|name| {
        let message = format!("the alignments of the struct `{name}` cannot be worked out");
        let help = "help: write the numbers of @align and @size as literals".to_owned();
        diagnostic::with_note(text, naga::Span::UNDEFINED, message, "", Some(help))
    })?;
    let entries = module.entry_points.len();
    let functions: Vec<Handle<naga::Function>> = module.functions.iter().map(|(handle, _)| handle).collect();
    for handle in functions {
        let mut function = std::mem::take(&mut module.functions[handle]);
        unsigned_lanes(module, &mut function);
        module.functions[handle] = function;
    }
    for entry in 0..entries {
        let mut function = std::mem::take(&mut module.entry_points[entry].function);
        unsigned_lanes(module, &mut function);
        module.entry_points[entry].function = function;
    }
    inputs::compute(module);
    immediates::make_uniforms(module);
    pointers::specialize(module);
    Ok(())
}

fn widen_exponents(module: &mut naga::Module) {
    let results: Vec<_> = module
        .special_types
        .predeclared_types
        .iter()
        .filter_map(|(kind, &handle)| match *kind {
            PredeclaredType::FrexpResult { size, scalar: Scalar::F16 } => Some((size, handle)),
            _ => None,
        })
        .collect();
    for (size, handle) in results {
        let mut ty = module.types[handle].clone();
        let TypeInner::Struct { members, span } = &mut ty.inner else { continue };
        let [_, exponent] = members.as_mut_slice() else { continue };
        let inner = match size {
            Some(size) => TypeInner::Vector { size, scalar: Scalar::I32 },
            None => TypeInner::Scalar(Scalar::I32),
        };
        // The exponents' alignment, which is also where they start and half of the whole.
        let offset = match size {
            None => 4,
            Some(naga::VectorSize::Bi) => 8,
            Some(_) => 16,
        };
        exponent.offset = offset;
        *span = 2 * offset;
        // In the place of the narrow type, since a type refers to those before it only; a name tells it from its equal.
        let narrow = exponent.ty;
        module.types.replace(handle, ty);
        if module.types[narrow].inner != inner {
            module
                .types
                .replace(narrow, naga::Type { name: Some(format!("exponent_{offset}_{}", narrow.index())), inner });
        }
    }
}

fn unsigned_lanes(module: &naga::Module, function: &mut naga::Function) {
    let mut body = std::mem::take(&mut function.body);
    let mut lanes = Lanes { module, function, typifier: Typifier::new() };
    lanes.block(&mut body);
    function.body = body;
}

/// Makes the lanes that a function's subgroup operations name unsigned.
struct Lanes<'a> {
    module: &'a naga::Module,
    function: &'a mut naga::Function,
    typifier: Typifier,
}

impl Lanes<'_> {
    fn block(&mut self, block: &mut Block) {
        let mut at = 0;
        while at < block.len() {
            match &mut block[at] {
                Statement::Block(inner) => self.block(inner),
                Statement::If { accept, reject, .. } => {
                    self.block(accept);
                    self.block(reject);
                }
                Statement::Switch { cases, .. } => cases.iter_mut().for_each(|case| self.block(&mut case.body)),
                Statement::Loop { body, continuing, .. } => {
                    self.block(body);
                    self.block(continuing);
                }
                Statement::SubgroupGather { mode, .. } => {
                    use GatherMode as G;
                    if let G::Broadcast(lane)
                    | G::Shuffle(lane)
                    | G::ShuffleDown(lane)
                    | G::ShuffleUp(lane)
                    | G::ShuffleXor(lane)
                    | G::QuadBroadcast(lane) = mode
                        && let Some((unsigned, emit)) = self.unsigned(*lane)
                    {
                        *lane = unsigned;
                        if let Some(range) = emit {
                            block.splice(at..at, Block::from_vec(vec![Statement::Emit(range)]));
                            at += 1;
                        }
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// The `u32` that stands for an `i32`, and what is to be emitted for it; `None` for other types.
    fn unsigned(&mut self, lane: Handle<Expression>) -> Option<(Handle<Expression>, Option<Range<Expression>>)> {
        let expressions: &mut Arena<Expression> = &mut self.function.expressions;
        let span = expressions.get_span(lane);
        if let Expression::Literal(Literal::I32(value)) = expressions[lane] {
            return Some((expressions.append(Expression::Literal(Literal::U32(value as u32)), span), None));
        }
        let arguments = &self.function.arguments;
        let context = ResolveContext::with_locals(self.module, &self.function.local_variables, arguments);
        self.typifier.grow(lane, expressions, &context).ok()?;
        let ty = match &self.typifier[lane] {
            TypeResolution::Handle(handle) => &self.module.types[*handle].inner,
            TypeResolution::Value(inner) => inner,
        };
        if *ty != TypeInner::Scalar(Scalar::I32) {
            return None;
        }
        let before = expressions.len();
        let cast = expressions.append(Expression::As { expr: lane, kind: ScalarKind::Uint, convert: Some(4) }, span);
        Some((cast, Some(expressions.range_from(before))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_keeps_its_places() {
        let plain = "enable f16; fn f() {}";
        assert!(matches!(text(plain), Cow::Borrowed(same) if same == plain));
        let blanks = |n: usize| " ".repeat(n);
        assert_eq!(text("enable subgroups;\nfn f() {}"), format!("{}\nfn f() {{}}", blanks(17)));
        assert_eq!(text("enable f16, subgroups;"), format!("enable f16{};", blanks(11)));
        assert_eq!(text("enable subgroups, f16;"), format!("enable{}f16;", blanks(12)));
        assert_eq!(text("/* é */ enable subgroups /* é */;"), format!("/* é */ {} /* é */ ", blanks(16)));
        let name = "var<private> enable: u32; // subgroups, subgroupElect";
        assert_eq!(text(name), name);
    }

    #[test]
    fn elect_is_declared_once() {
        assert_eq!(text("fn f() { if subgroupElect() {} }").matches("fn subgroupElect").count(), 1);
        let own = "fn subgroupElect() -> u32 { return 1u; } fn f() { _ = subgroupElect(); }";
        assert_eq!(text(own), own);
    }
}
