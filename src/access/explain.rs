//! Verdicts in words.

use naga::Span;

use super::{
    BindingAccess, Footprint, Place,
    footprint::{Access, Unproven},
    verdict::{Cause, Judgement, Merge},
    walk::Source,
};
use crate::{
    ir::Origin,
    kernel::{Kernel, fields},
};

const AXES: [&str; 3] = ["x", "y", "z"];

/// What there is to say about a binding.
pub fn binding<'a>(
    kernel: &Kernel,
    judgement: &Judgement,
    accesses: impl Iterator<Item = &'a Access> + Clone,
    axis: usize,
    blind: bool,
) -> BindingAccess {
    let everything = Footprint { pieces: Vec::new(), everything: true };
    let footprint = |wanted: fn(&Access) -> bool| match blind {
        true => everything.clone(),
        false => Footprint::of(accesses.clone().filter(|&access| wanted(access)), axis),
    };
    let line = |origin: Origin| place(kernel, origin.span).map_or(String::new(), |p| format!(" at {p}"));
    BindingAccess {
        verdict: judgement.verdict,
        reason: reason(kernel, &judgement.cause, axis),
        place: judgement.origin.and_then(|origin| place(kernel, origin.span)),
        condition: judgement.assumes.map(|origin| format!("the buffer is long enough for the index{}", line(origin))),
        reads: footprint(|access| access.kind.reads()),
        writes: footprint(|access| access.kind.writes()),
        covered: None,
    }
}

/// Where a span of the kernel's text is.
fn place(kernel: &Kernel, span: Span) -> Option<Place> {
    let file = kernel.inner.source.view().file_of(span);
    let (line, column) = file.location(span)?;
    let text = file.text.get(file.span(span).to_range()?)?;
    // The first line, if there are several.
    let text = text.lines().next().unwrap_or(text).trim_end().to_owned();
    Some(Place { file: file.name.map(str::to_owned), line, column, text })
}

fn reason(kernel: &Kernel, cause: &Cause, axis: usize) -> String {
    let axis = AXES[axis];
    match cause {
        Cause::Follows => format!("every access moves with the workgroup's {axis}"),
        Cause::Untouched => "nothing but its length is used".to_owned(),
        Cause::Unproven(unproven) => self::unproven(kernel, *unproven),
        Cause::Anywhere => "this access may go anywhere".to_owned(),
        Cause::Same => format!("workgroups with different {axis} access the same elements here"),
        Cause::Spread => format!("a workgroup's {axis} decides little about what it reads here"),
        Cause::Strides(a, b) => {
            format!("this access moves by {b} bytes from one workgroup's {axis} to the next, another one by {a}")
        }
        Cause::Overlap { width, stride } => format!(
            "workgroups with neighbouring {axis} are {} bytes apart here, and access {width} bytes",
            stride.abs()
        ),
        Cause::Atomics(merge) => format!("every access is an atomic {} whose result is not used", name(*merge)),
        Cause::Devices(Source::Subgroup) => {
            "the kernel asks for the size of a subgroup, which devices choose".to_owned()
        }
        Cause::Devices(_) => {
            "a constant float decides about an integer or a branch, and devices round differently".to_owned()
        }
    }
}

/// The operation of a merge, in words.
fn name(merge: Merge) -> &'static str {
    match merge {
        Merge::Add => "addition",
        Merge::MinI32 | Merge::MinU32 => "minimum",
        Merge::MaxI32 | Merge::MaxU32 => "maximum",
        Merge::And => "and",
        Merge::Or => "or",
        Merge::Xor => "exclusive or",
    }
}

fn unproven(kernel: &Kernel, unproven: Unproven) -> String {
    match unproven {
        Unproven::From(source) => format!("the index depends on {}", self::source(kernel, source)),
        Unproven::Wraps(range) => {
            format!("the index may wrap around: it is computed as {} to {}", range.lo, range.hi)
        }
        Unproven::Beyond { index, length } => {
            let elements = if length == 1 { "element" } else { "elements" };
            format!("the index may be {index}, and there are {length} {elements}")
        }
        Unproven::Length => "the length of the buffer is not known".to_owned(),
        Unproven::Short => "the buffer ends before this".to_owned(),
    }
}

fn source(kernel: &Kernel, source: Source) -> String {
    match source {
        Source::Unknown => "a computation that is not followed".to_owned(),
        Source::Float => "a float".to_owned(),
        Source::Loaded(_) => "a value that is read from memory".to_owned(),
        Source::Subgroup => "a subgroup".to_owned(),
        Source::Length(_) => "the length of a buffer".to_owned(),
        Source::Word { binding, offset } => format!("{}, which is not given", word(kernel, binding, offset)),
        Source::Loop => "what a loop computes".to_owned(),
    }
}

/// The path of the scalar at a byte of a uniform, such as `params.width`.
pub(super) fn word(kernel: &Kernel, binding: usize, offset: u32) -> String {
    let module = &kernel.inner.module;
    let variable = &kernel.bindings()[binding];
    let ty = module.global_variables[variable.global].ty;
    let mut found = None;
    fields::each(module, ty, &variable.name, &mut |path, slot| {
        if slot.places().any(|place| place == offset as usize) {
            found = Some(match slot.places().nth(1) {
                None => path.to_owned(),
                Some(_) => {
                    let at = slot.places().position(|place| place == offset as usize).unwrap_or(0);
                    format!("{path}[{at}]")
                }
            });
        }
    });
    found.unwrap_or_else(|| format!("{} at byte {offset}", variable.name))
}
