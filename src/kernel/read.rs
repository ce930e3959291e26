//! From a text to a module, with what naga takes less than WGSL made up for.
//!
//! A text is given to naga as it stands, save for what would come out wrong. Only what naga refuses is tried again in
//! other words, so that nothing changes for a text that needs none.

use std::borrow::Cow;

use naga::{
    ShaderStage, WithSpan,
    front::wgsl::ParseError,
    valid::{Capabilities, ValidationError, ValidationFlags, Validator},
};

use super::{
    diagnostic, guarded, nesting, polyfill,
    source::Text,
    text::{self, Bitcasts, Edit, Edited, Mends, exponents},
};
use crate::error::{Error, Result};

/// What naga says about a text.
enum Refusal {
    Parse(ParseError),
    Validation(Box<WithSpan<ValidationError>>),
    /// It panicked.
    Failure(Error),
}

/// Parses and validates a text.
pub(super) fn module(wgsl: &str) -> Result<naga::Module> {
    nesting::check(wgsl)?;
    edited(wgsl.into(), Edited::new(wgsl))
}

/// Parses and validates what became of the author's text `wgsl`.
pub(super) fn edited(wgsl: Text<'_>, text: Edited) -> Result<naga::Module> {
    let text = match polyfill::text(&text.text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(changed) => text.with_same_places(changed),
    };
    let edits = text::mend(&text.text, Mends::Wrong);
    let text = text.edit(edits);
    let error = match attempt(wgsl, &text) {
        Ok(module) => return Ok(module),
        Err(error) => error,
    };
    // What files say for another tool is said in WGSL by now.
    if wgsl.is_one()
        && let Some(error) = text::explain(wgsl.as_str())
    {
        return Err(error);
    }
    // Each step goes on from the one before. What is said of a text that has nothing to mend is said already.
    let mut last = (text, error);
    let steps: [fn(&str) -> Vec<Edit>; 3] = [text::mend_syntax, text::mend_functions, text::without_render];
    for step in steps {
        let edits = step(&last.0.text);
        if !edits.is_empty() {
            let text = last.0.edit(edits);
            match attempt(wgsl, &text) {
                Ok(module) => return Ok(module),
                Err(error) => last = (text, error),
            }
        }
    }
    let (text, error) = last;
    let edits = text::mend(&text.text, Mends::Lets);
    if edits.is_empty() { Err(error) } else { attempt(wgsl, &text.edit(edits)) }
}

/// Parses a text, with casts of halves and exponents as they turn out to be.
fn attempt(wgsl: Text<'_>, text: &Edited) -> Result<naga::Module> {
    let mut casts = Bitcasts::find(&text.text);
    loop {
        let mut tried = text.clone().edit(casts.edits());
        let mut parsed = parse(wgsl, &tried);
        let tries = if text.text.contains("frexp") { exponents::MOST } else { 0 };
        for _ in 0..tries {
            let edits = match &parsed {
                Err(Refusal::Parse(error)) => exponents::widen(error),
                _ => Vec::new(),
            };
            if edits.is_empty() {
                break;
            }
            tried = tried.edit(edits);
            parsed = parse(wgsl, &tried);
        }
        let result = match parsed {
            // All types are known after the first time.
            Ok(module) if casts.learn(&module) => continue,
            Ok(module) => validate(wgsl, &tried, module),
            Err(error) => Err(error),
        };
        return result.map_err(|refusal| match refusal {
            Refusal::Validation(error) => diagnostic::validation_error_at(wgsl, *error, &|span| tried.place(span)),
            Refusal::Parse(error) => diagnostic::parse_error(wgsl, &error, &|span| tried.place(span)),
            Refusal::Failure(error) => error,
        });
    }
}

fn parse(wgsl: Text<'_>, text: &Edited) -> Result<naga::Module, Refusal> {
    let parsed = guarded::naga(wgsl, "parsing", || Ok(naga::front::wgsl::parse_str(&text.text)));
    parsed.map_err(Refusal::Failure)?.map_err(Refusal::Parse)
}

/// The parsed module as it is used, if it is valid.
fn validate(wgsl: Text<'_>, text: &Edited, mut module: naga::Module) -> Result<naga::Module, Refusal> {
    // What a device may lack is refused for that device, and what this crate lacks is refused in plain words for the
    // kernel that uses it: the validator need not refuse either.
    let validated = guarded::naga(wgsl, "validating", || {
        polyfill::module(&mut module, &text.text)?;
        let mut validator = Validator::new(ValidationFlags::all(), Capabilities::all());
        let Err(error) = validator.validate(&module) else { return Ok(None) };
        let fine = compute_only(&module).is_some_and(|compute| validator.validate(&compute).is_ok());
        Ok(if fine { None } else { Some(error) })
    });
    match validated.map_err(Refusal::Failure)? {
        None => {
            text::put_back(&mut module, text);
            Ok(module)
        }
        Some(error) => Err(Refusal::Validation(Box::new(error))),
    }
}

/// The module without the entry points of other stages, if it has both: those are nobody's concern here, and may use
/// what naga does not know.
fn compute_only(module: &naga::Module) -> Option<naga::Module> {
    let is_compute = |entry: &naga::EntryPoint| entry.stage == ShaderStage::Compute;
    let (some, all) = (module.entry_points.iter().any(is_compute), module.entry_points.iter().all(is_compute));
    if !some || all {
        return None;
    }
    let mut compute = module.clone();
    compute.entry_points.retain(is_compute);
    naga::compact::compact(&mut compute, naga::compact::KeepUnused::No);
    Some(compute)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Texts that would take constants far, with something to mend so that they are looked at; none takes long.
    #[test]
    fn no_text_takes_long() {
        let chain: String = (0..5000).rev().map(|i| format!("const A{} = A{i} + 1;", i + 1)).collect();
        let arrays: String =
            (0..40).map(|i| format!("alias T{0} = array<T{i}, 2>; const A{0} = T{0}(A{i}, A{i});", i + 1)).collect();
        let aliases: String = (0..5000).map(|i| format!("alias T{} = T{i};", i + 1)).collect();
        let nested = format!("const B = {}mix(1, 2, 0.5){};", "(".repeat(90), ")".repeat(90));
        let shifts = "const s = 1 >> 64;".to_owned() + "const t = -1 >> (1 << 7);";
        let casts = format!(
            "enable f16; fn f(x: u32) -> f32 {{ return {}x{}; }}",
            "bitcast<f32>(".repeat(100),
            ")".repeat(100)
        );
        let deep_casts = format!("f16 {}", "bitcast<f32>(".repeat(20_000));
        let continuing = "loop { let k = 1; continuing { let k = 2; ".repeat(20_000);
        let names: String = (0..20_000).map(|i| format!("k_{i} ")).collect();
        let lets: String = (0..20_000).map(|i| format!("let a{i} = {i}; ")).collect();
        let values = "y = pack4x8unorm(vec4(1)); ".repeat(20_000);
        for text in [
            format!("{chain} const A0 = mix(1, 2, 0.5);"),
            format!("alias T0 = f32; const A0 = mix(1f, 2f, 0.5f); {arrays}"),
            format!("alias T0 = f32; {aliases} const A = T5000(mix(1, 2, 0.5));"),
            "const A = array<array<array<f32, 4000>, 4000>, 4000>(); const B = mix(1, 2, 0.5);".to_owned(),
            "const A = B; const B = A; const C = mix(A, 2, 0.5);".to_owned(),
            nested,
            shifts,
            casts,
            deep_casts,
            format!("{names} {continuing}"),
            format!("fn f() {{ {lets} }}"),
            format!("fn f() {{ {values} let a = b; }}"),
            "var < ".repeat(50_000),
            "(((((a.b[".repeat(10_000) + &")]".repeat(40_000),
            "loop { let k = 1; continuing { let k = 2; loop { let k = 3; continuing { let k = 4; } } } }".to_owned(),
            "bitcast<vec2h>(bitcast<vec2h>(bitcast<u32>(bitcast<f32>(1)))) enable f16; bitcast<".to_owned(),
            "@align( @align(4) struct S { @align(@size(4)) x: u32, @align( y".to_owned(),
            "fn f() { -- - -; continuing { let let } 0x.p-h 0x1p999999999999h >> >> 64 << }".to_owned(),
        ] {
            let start = Instant::now();
            // Most are no WGSL, or more than naga takes.
            let _ = module(&text);
            for mends in [Mends::Wrong, Mends::Functions, Mends::Lets] {
                let _ = Edited::new(text.as_str()).edit(text::mend(&text, mends));
            }
            let edits = [text::mend_syntax(&text), text::without_render(&text), Bitcasts::find(&text).edits()];
            edits.into_iter().for_each(|edits| drop(Edited::new(text.as_str()).edit(edits)));
            assert!(start.elapsed() < Duration::from_secs(20), "{} bytes took {:?}", text.len(), start.elapsed());
        }
    }
}
