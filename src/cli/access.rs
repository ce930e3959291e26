//! What `swath check` says about how a kernel's bindings are accessed.

use serde::Serialize;
use swath::{
    BindingKind, Kernel,
    access::{Analysis, BindingAccess, Example, Meaning, Numbers, Verdict},
};

use super::{
    args::CallArgs,
    bind::{Contents, Slot},
    failure::{Failure, Outcome},
    fields, show,
};

pub const AXES: [&str; 3] = ["x", "y", "z"];

/// The access analysis of a kernel, as JSON has it.
#[derive(Serialize)]
pub struct AccessEntry {
    /// The axis along which the grid is cut.
    axis: &'static str,
    /// Slabs of workgroups across that axis; `null` where the grid is not given.
    units: Option<u32>,
    bindings: Vec<VerdictEntry>,
    /// Paths of the uniform words that the verdicts depend on.
    uniforms: Vec<String>,
    /// Names of the bindings whose lengths the kernel asks for.
    lengths: Vec<String>,
    /// What uniforms would have to be for other verdicts, where they are not given.
    example: Option<ExampleEntry>,
}

#[derive(Serialize)]
struct VerdictEntry {
    name: String,
    /// `sliced`, `whole`, `merged` or `pinned`.
    verdict: &'static str,
    /// Bytes from one unit to the next, for `sliced`.
    stride: Option<i64>,
    /// Bytes that a unit reads in front of its own range and behind it, for `sliced`.
    halo: Option<[u64; 2]>,
    /// The operation, for `merged`.
    operation: Option<&'static str>,
    reason: String,
    /// What the verdict takes for granted.
    condition: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    text: Option<String>,
}

#[derive(Serialize)]
struct ExampleEntry {
    axis: &'static str,
    conditions: Vec<ConditionEntry>,
    /// Whether the grid has to be of whole workgroups.
    even: bool,
    bindings: Vec<ExampleVerdictEntry>,
}

#[derive(Serialize)]
struct ExampleVerdictEntry {
    name: String,
    verdict: &'static str,
    /// Whether units read beyond their own ranges.
    halo: bool,
}

#[derive(Serialize)]
struct ConditionEntry {
    word: String,
    equals: String,
}

/// The numbers that the command line gives: the grid, uniforms, and the sizes of what was bound.
pub struct Given {
    workgroups: Option<[u32; 3]>,
    /// By binding, offset and bytes.
    uniforms: Vec<(usize, u32, Vec<u8>)>,
    bytes: Vec<(usize, u64)>,
}

impl Given {
    /// From a call that was bound as a whole.
    pub fn bound(kernel: &Kernel, args: &CallArgs, slots: &[Slot]) -> Outcome<Given> {
        let mut given = Given { workgroups: workgroups(kernel, args)?, uniforms: Vec::new(), bytes: Vec::new() };
        for (place, slot) in slots.iter().enumerate() {
            match &slot.contents {
                Contents::Uniform(bytes) => given.uniforms.push((place, 0, bytes.clone())),
                _ => given.bytes.push((place, slot.bytes())),
            }
        }
        Ok(given)
    }

    /// From a grid and some fields of uniforms, where nothing else is given.
    pub fn partial(kernel: &Kernel, args: &CallArgs) -> Outcome<Given> {
        let mut given = Given { workgroups: workgroups(kernel, args)?, uniforms: Vec::new(), bytes: Vec::new() };
        for (place, binding) in kernel.bindings().iter().enumerate() {
            if binding.kind == BindingKind::Uniform {
                let sets: Vec<_> = args.sets.iter().filter(|set| set.name == binding.name).collect();
                let parts = fields::parts(binding.ty(), &sets)?;
                given.uniforms.extend(parts.into_iter().map(|(offset, bytes)| (place, offset, bytes)));
            }
        }
        Ok(given)
    }

    /// What would have to be given, where nothing is.
    fn example(&self, kernel: &Kernel, analysis: &Analysis) -> Outcome<Option<Example>> {
        let nothing = self.workgroups.is_none() && self.uniforms.is_empty() && self.bytes.is_empty();
        Ok(if nothing { kernel.access_example(analysis)? } else { None })
    }

    fn numbers(&self) -> Numbers<'_> {
        let mut numbers = Numbers::new();
        if let Some(workgroups) = self.workgroups {
            numbers = numbers.with_workgroups(workgroups);
        }
        for (place, offset, bytes) in &self.uniforms {
            numbers = numbers.with_uniform(*place, *offset, bytes);
        }
        self.bytes.iter().fold(numbers, |numbers, &(place, bytes)| numbers.with_bytes(place, bytes))
    }
}

/// The workgroups that `--grid` or `--workgroups` ask for.
fn workgroups(kernel: &Kernel, args: &CallArgs) -> Outcome<Option<[u32; 3]>> {
    let counts = match (args.grid, args.workgroups) {
        (Some(grid), _) => {
            let size = kernel.workgroup_size();
            [0, 1, 2].map(|axis| grid.0[axis].div_ceil(u64::from(size[axis].max(1))))
        }
        (None, Some(workgroups)) => workgroups.0,
        (None, None) => return Ok(None),
    };
    let count = |axis: usize| {
        u32::try_from(counts[axis]).map_err(|_| {
            Failure::wrong(
                format!("{} workgroups along {} are more than 4294967295", counts[axis], AXES[axis]),
                "give a smaller grid",
            )
        })
    };
    Ok(Some([count(0)?, count(1)?, count(2)?]))
}

/// The verdicts on a kernel as text.
pub fn describe(kernel: &Kernel, given: &Given) -> Outcome<String> {
    // What only a GPU can run is valid, and not analysed.
    let analysis = match kernel.access(&given.numbers()) {
        Ok(analysis) => analysis,
        Err(error) => {
            let error = error.to_string();
            return Ok(format!("\n  access: not known, for {}\n", error.lines().next().unwrap_or_default()));
        }
    };
    let storage = |analysis: &Analysis| {
        let pairs = kernel.bindings().iter().zip(&analysis.bindings);
        let storage = pairs.filter(|(binding, _)| binding.kind != BindingKind::Uniform);
        storage.map(|(binding, access)| (binding.name.clone(), access.clone())).collect::<Vec<_>>()
    };
    if storage(&analysis).is_empty() {
        return Ok(String::new());
    }
    let mut text = match given.example(kernel, &analysis)? {
        Some(example) => {
            let words = example.conditions.iter().map(|(word, meaning)| format!("{} is {}", word.name, name(*meaning)));
            let even = example.even.then(|| "the grid is of whole workgroups".to_owned());
            let conditions: Vec<String> = words.chain(even).collect();
            let conditions = match conditions.as_slice() {
                [] => String::new(),
                conditions => format!(" if {}", conditions.join(" and ")),
            };
            let axis = AXES[example.analysis.axis];
            let head =
                format!("\n  access, cut along {axis}{conditions} (found by trying: --grid and --set make sure)\n");
            head + &lines(&storage(&example.analysis), false)
        }
        None => format!("\n  access, {}\n{}", cut(&analysis), lines(&storage(&analysis), given.workgroups.is_some())),
    };
    let depends = depends(kernel, &analysis);
    if !depends.is_empty() {
        text += &format!("    the verdicts depend on {}\n", depends.join(", "));
    }
    Ok(text)
}

/// The verdicts on a kernel as JSON has them; nothing where it is not analysed.
pub fn entry(kernel: &Kernel, given: &Given) -> Outcome<Option<AccessEntry>> {
    let Ok(analysis) = kernel.access(&given.numbers()) else { return Ok(None) };
    let example = given.example(kernel, &analysis)?;
    let entries = |analysis: &Analysis| {
        kernel.bindings().iter().zip(&analysis.bindings).map(|(b, access)| verdict_entry(&b.name, access)).collect()
    };
    Ok(Some(AccessEntry {
        axis: AXES[analysis.axis],
        units: analysis.units,
        bindings: entries(&analysis),
        uniforms: analysis.uniform_words.iter().map(|word| word.name.clone()).collect(),
        lengths: analysis.lengths.iter().map(|&place| kernel.bindings()[place].name.clone()).collect(),
        example: example.map(|example| ExampleEntry {
            axis: AXES[example.analysis.axis],
            even: example.even,
            conditions: (example.conditions.iter())
                .map(|(word, meaning)| ConditionEntry { word: word.name.clone(), equals: name(*meaning) })
                .collect(),
            bindings: (kernel.bindings().iter().zip(&example.analysis.bindings))
                .map(|(binding, access)| ExampleVerdictEntry {
                    name: binding.name.clone(),
                    verdict: word(access.verdict),
                    halo: matches!(access.verdict, Verdict::Sliced { halo, .. } if halo != [0, 0]),
                })
                .collect(),
        }),
    }))
}

fn verdict_entry(name: &str, access: &BindingAccess) -> VerdictEntry {
    let (stride, halo) = match access.verdict {
        Verdict::Sliced { stride, halo, .. } => (Some(stride), Some(halo)),
        _ => (None, None),
    };
    let operation = match access.verdict {
        Verdict::Merged(merge) => Some(merge.name()),
        _ => None,
    };
    VerdictEntry {
        name: name.to_owned(),
        verdict: word(access.verdict),
        stride,
        halo,
        operation,
        reason: access.reason.clone(),
        condition: access.condition.clone(),
        line: access.place.as_ref().map(|place| place.line),
        column: access.place.as_ref().map(|place| place.column),
        text: access.place.as_ref().map(|place| place.text.clone()),
    }
}

pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Sliced { .. } => "sliced",
        Verdict::Whole => "whole",
        Verdict::Merged(_) => "merged",
        _ => "pinned",
    }
}

fn name(meaning: Meaning) -> String {
    match meaning {
        Meaning::Extent(axis) => format!("grid.{}", AXES[axis]),
        Meaning::Invocations => "the product of the grid's extents".to_owned(),
        _ => "a few".to_owned(),
    }
}

fn cut(analysis: &Analysis) -> String {
    let axis = AXES[analysis.axis];
    match analysis.units {
        Some(1) => "of one workgroup".to_owned(),
        Some(units) => format!("cut along {axis} into {units} units"),
        None => format!("cut along {axis}"),
    }
}

/// What the verdicts depend on: words of uniforms, and lengths.
fn depends(kernel: &Kernel, analysis: &Analysis) -> Vec<String> {
    let words = analysis.uniform_words.iter().map(|word| word.name.clone());
    let lengths = analysis.lengths.iter().map(|&place| format!("the length of {}", kernel.bindings()[place].name));
    words.chain(lengths).collect()
}

/// Two or three lines for each binding: the verdict, where it was decided, and why.
fn lines(bindings: &[(String, BindingAccess)], with_bytes: bool) -> String {
    let width = bindings.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, access) in bindings {
        let verdict = match access.verdict {
            Verdict::Sliced { stride, halo, .. } if with_bytes => {
                let halo = match halo {
                    [0, 0] => String::new(),
                    [before, after] => {
                        format!(", halo {} before and {} after", show::bytes(before), show::bytes(after))
                    }
                };
                match stride {
                    0 => "sliced: one unit has it all".to_owned(),
                    _ => format!("sliced: {} a unit{halo}", show::bytes(stride.unsigned_abs())),
                }
            }
            Verdict::Sliced { halo: [0, 0], .. } => "sliced".to_owned(),
            Verdict::Sliced { .. } => "sliced, with a halo".to_owned(),
            Verdict::Merged(merge) => format!("merged by {}", merge.name()),
            verdict => word(verdict).to_owned(),
        };
        let condition = access.condition.as_ref().map_or(String::new(), |condition| format!(", if {condition}"));
        text += &format!("    {name:width$}  {verdict}{condition}\n");
        let place = access.place.as_ref().map(|place| format!("{place}, `{}`: ", place.text));
        text += &format!("    {:width$}  {}{}\n", "", place.unwrap_or_default(), access.reason);
    }
    text
}
