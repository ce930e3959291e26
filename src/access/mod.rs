//! How a kernel indexes its buffers: which parts of a call can be taken apart.
//!
//! A call covers a grid of workgroups. To run it in several tiles, on one device or on many, one has to know which bytes of
//! each binding a part of the grid touches. [`Kernel::access`] works that out for given numbers: the grid, the
//! contents of uniforms, the sizes of buffers. It cuts the grid along one axis into *units*, slabs one workgroup
//! thick, and gives for each binding a [`Verdict`], what decided it, and [`Footprint`]s: the bytes that a range of units reads
//! and writes. What is not proven is [`Verdict::Whole`] or [`Verdict::Pinned`].
//!
//! ```
//! use swath::access::{Numbers, Verdict};
//!
//! let module = swath::Module::parse(
//!     "@group(0) @binding(0) var<storage, read> src: array<f32>;
//!      @group(0) @binding(1) var<storage, read_write> dst: array<f32>;
//!      @compute @workgroup_size(64) fn average(@builtin(global_invocation_id) id: vec3u) {
//!          let i = id.x;
//!          if i == 0u || i + 1u >= arrayLength(&dst) { return; }
//!          dst[i] = (src[i - 1u] + src[i] + src[i + 1u]) / 3.0;
//!      }",
//! )?;
//! let numbers = Numbers::new().with_workgroups([16, 1, 1]).with_bytes(0, 4000).with_bytes(1, 4000);
//! let analysis = module.kernel("average")?.access(&numbers)?;
//!
//! // 256 bytes for a workgroup of 64, and an element of halo on both sides.
//! assert_eq!(analysis.bindings[0].verdict, Verdict::Sliced { stride: 256, start: 0, halo: [4, 4] });
//! assert_eq!(analysis.bindings[1].verdict, Verdict::Sliced { stride: 256, start: 0, halo: [0, 0] });
//! // Workgroups 4 to 7 read elements 255 to 512.
//! assert_eq!(analysis.bindings[0].reads.bytes(4..8), 255 * 4..513 * 4);
//! # Ok::<(), swath::Error>(())
//! ```

mod affine;
mod cover;
mod definition;
mod derive;
mod early;
mod example;
mod explain;
mod facts;
mod footprint;
mod form;
mod guard;
mod input;
mod iterations;
mod linear;
mod memo;
#[cfg(feature = "gpu")]
pub(crate) mod proven;
mod relevance;
mod verdict;
mod walk;

#[cfg(test)]
mod tests;

use std::{fmt, ops::Range};

pub use example::{Example, Meaning};
pub use input::Numbers;
pub(crate) use iterations::LoopBounds;
pub use verdict::{Merge, Verdict};

use crate::{
    error::{Error, Result},
    ir::{Builtin, Op, Program, Space},
    kernel::{BindingKind, Kernel},
};
#[cfg(all(test, feature = "cpu"))]
pub(crate) use footprint::Kind;
use footprint::{Access, Piece};
use verdict::{Cause, Judgement, judge};
use walk::{Analyzer, Effort, Source};

/// How the bindings of a call are accessed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Analysis {
    /// The axis along which the grid is cut: 0 to 2 for x to z.
    pub axis: usize,
    /// The number of units, which are slabs of workgroups across that axis; `None` where the grid is not known.
    pub units: Option<u32>,
    /// One for each of the kernel's bindings, in their order.
    pub bindings: Vec<BindingAccess>,
    /// The uniform words that the answer depends on: it holds for all calls that agree in these, in the grid and in the
    /// sizes of buffers.
    pub uniform_words: Vec<Word>,
    /// The bindings whose lengths the kernel asks for.
    pub lengths: Vec<usize>,
    /// Whether each access of the kernel's program is proven to be in bounds, in the order of the program.
    pub in_bounds: Vec<bool>,
}

/// How one binding is accessed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BindingAccess {
    /// How it can be divided.
    pub verdict: Verdict,
    /// What decided that, in words.
    pub reason: String,
    /// The access that decided it.
    pub place: Option<Place>,
    /// What the verdict takes for granted, where the numbers it depends on are not known.
    pub condition: Option<String>,
    /// The bytes that are read.
    pub reads: Footprint,
    /// The bytes that are written.
    pub writes: Footprint,
    /// What is written without gaps.
    covered: Option<cover::Covered>,
}

impl BindingAccess {
    /// Whether the units write every byte of `writes.bytes(units)`, and read none of the binding: what stood there before
    /// does not matter.
    pub fn is_covered(&self, units: Range<u32>) -> bool {
        self.reads.is_empty() && self.covered.is_some_and(|covered| self.writes.is_exactly(&covered, units))
    }
}

/// A scalar of a uniform.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Word {
    /// The place of the uniform in the kernel's list of bindings.
    pub binding: usize,
    /// Where it stands, in bytes.
    pub offset: u32,
    /// Its path, such as `params.width`.
    pub name: String,
}

/// A place in WGSL text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The file, where the kernel's module is from several.
    pub file: Option<String>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What stands there.
    pub text: String,
}

/// `line 7`, or `line 7 of noise.wgsl`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        self.file.as_ref().map_or(Ok(()), |file| write!(f, " of {file}"))
    }
}

/// The bytes of a binding that a range of units touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footprint {
    pieces: Vec<Piece>,
    /// Whether nothing is known, so that it is the whole buffer.
    everything: bool,
}

impl Footprint {
    /// The smallest range of bytes known to hold all that the units touch; empty if they touch nothing. Where
    /// nothing is known it is `0..u64::MAX`.
    pub fn bytes(&self, units: Range<u32>) -> Range<u64> {
        if units.is_empty() {
            return 0..0;
        }
        if self.everything {
            return 0..u64::MAX;
        }
        let ranges = self.pieces.iter().filter_map(|piece| piece.bytes(units.start, units.end));
        let hull = ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let byte = |x: i128| u64::try_from(x.max(0)).unwrap_or(u64::MAX);
        hull.map_or(0..0, |(lo, hi)| byte(lo)..byte(hi))
    }

    /// Whether no unit touches anything.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty() && !self.everything
    }

    fn of<'a>(accesses: impl Iterator<Item = &'a Access>, axis: usize) -> Footprint {
        let mut footprint = Footprint { pieces: Vec::new(), everything: false };
        for access in accesses {
            match access.pieces[axis] {
                Some(piece) if !footprint.pieces.contains(&piece) => footprint.pieces.push(piece),
                Some(_) => {}
                None => footprint.everything = true,
            }
        }
        footprint
    }
}

impl Analysis {
    /// Whether the call can be cut into tiles: no binding is pinned.
    pub fn is_divisible(&self) -> bool {
        self.bindings.iter().all(|binding| binding.verdict != Verdict::Pinned)
    }
}

impl Kernel {
    /// How the kernel's bindings are accessed in a call with these numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Wgsl`](crate::Error::Wgsl) where the kernel uses what is not supported, and
    /// [`Error::Kernel`](crate::Error::Kernel) where an override constant has no value.
    pub fn access(&self, numbers: &Numbers<'_>) -> Result<Analysis> {
        self.check_complete()?;
        let program = self.program()?;
        Ok(self.analysis(&program, numbers))
    }

    /// As [`access`](Kernel::access). A kernel that has no program here, and may run on a GPU all the same, has an analysis
    /// that knows nothing.
    pub(crate) fn access_or_unknown(&self, numbers: &Numbers<'_>) -> Result<Analysis> {
        self.check_complete()?;
        match self.program() {
            Ok(program) => Ok(self.analysis(&program, numbers)),
            Err(error) => {
                let why = match error {
                    Error::Wgsl(error) => error.message,
                    other => other.to_string(),
                };
                Ok(self.unknown_access(numbers.workgroups(), &format!("its accesses are not known: {why}")))
            }
        }
    }

    /// The analysis of a call of which nothing is known, because of `reason`.
    pub(crate) fn unknown_access(&self, workgroups: Option<[u32; 3]>, reason: &str) -> Analysis {
        let bindings = self.bindings().iter().map(|binding| BindingAccess {
            verdict: if binding.stores { Verdict::Pinned } else { Verdict::Whole },
            reason: if binding.kind == BindingKind::Uniform { "a uniform" } else { reason }.to_owned(),
            place: None,
            condition: None,
            reads: Footprint { pieces: Vec::new(), everything: binding.loads },
            writes: Footprint { pieces: Vec::new(), everything: binding.stores },
            covered: None,
        });
        Analysis {
            axis: 0,
            units: workgroups.map(|count| count[0]),
            bindings: bindings.collect(),
            uniform_words: Vec::new(),
            lengths: Vec::new(),
            in_bounds: Vec::new(),
        }
    }

    fn analysis(&self, program: &Program, numbers: &Numbers<'_>) -> Analysis {
        let all = analyse(program, numbers);
        let found = all.best();
        let bindings = self.bindings().iter().enumerate().map(|(place, binding)| match binding.kind {
            BindingKind::Uniform => BindingAccess {
                verdict: Verdict::Whole,
                reason: "a uniform".to_owned(),
                place: None,
                condition: None,
                reads: Footprint { pieces: Vec::new(), everything: true },
                writes: Footprint { pieces: Vec::new(), everything: false },
                covered: None,
            },
            _ => {
                let accesses = || all.accesses.iter().flatten().filter(move |a| a.binding == Some(place));
                let judgement = &found.judgements[place];
                let access = explain::binding(self, judgement, accesses(), found.axis, all.blind);
                let own: Vec<&Access> = accesses().collect();
                BindingAccess { covered: cover::covered(&own, found.axis, program.workgroup_size), ..access }
            }
        });
        let word =
            |&(binding, offset): &(usize, u32)| Word { binding, offset, name: explain::word(self, binding, offset) };
        Analysis {
            axis: found.axis,
            units: numbers.workgroups().map(|count| count[found.axis]),
            bindings: bindings.collect(),
            uniform_words: all.uniform_words.iter().map(word).collect(),
            lengths: all.lengths.clone(),
            in_bounds: all.in_bounds.clone(),
        }
    }
}

/// The accesses of a program, and what they come to for each axis that it can be cut along.
pub(crate) struct Findings {
    /// By access; nothing where no invocation comes.
    pub accesses: Vec<Option<Access>>,
    pub in_bounds: Vec<bool>,
    /// The axes that the grid can be cut along.
    pub axes: Vec<Cut>,
    uniform_words: Vec<(usize, u32)>,
    lengths: Vec<usize>,
    /// Whether nothing could be worked out at all.
    pub blind: bool,
}

/// A cut along an axis.
pub(crate) struct Cut {
    pub axis: usize,
    /// One for each binding.
    pub judgements: Vec<Judgement>,
}

impl Findings {
    /// The axis with the fewest pinned bindings, then with the fewest bytes to move, then with the fewest that
    /// every tile needs whole, then the outermost.
    pub fn best(&self) -> &Cut {
        let cost = |cut: &&Cut| {
            let count = |verdict| cut.judgements.iter().filter(|j| j.verdict == verdict).count();
            let bytes: u128 = cut.judgements.iter().map(|j| j.bytes).sum();
            (count(Verdict::Pinned), bytes, count(Verdict::Whole), 3 - cut.axis)
        };
        self.axes.iter().min_by_key(cost).expect("there is at least one axis")
    }
}

/// Analyses a program.
pub(crate) fn analyse(program: &Program, numbers: &Numbers<'_>) -> Findings {
    let (findings, _) = analyse_within(program, numbers, Effort::default());
    findings.expect("an analysis that need not be better than anything comes to its end")
}

/// Analyses a program with some effort; gives nothing where the verdicts are not what is wanted, and the work that it was.
fn analyse_within(program: &Program, numbers: &Numbers<'_>, effort: Effort) -> (Option<Findings>, u64) {
    let bindings = program.memories.iter().filter_map(|memory| match memory.space {
        Space::Storage { binding, .. } | Space::Uniform { binding } => Some(binding + 1),
        _ => None,
    });
    let bindings = bindings.max().unwrap_or(0);
    // A GPU may take another way through the kernel than this program does.
    let differs = match program.assumed {
        assumed if assumed.subgroup_size => Some(Source::Subgroup),
        assumed if assumed.float_rounding => Some(Source::Float),
        _ => None,
    };
    if let Some(source) = differs {
        return (Some(blind(program, bindings, source)), 0);
    }
    let mut axes: Vec<usize> = match numbers.workgroups() {
        Some(count) => (0..3).filter(|&axis| count[axis] > 1).collect(),
        None => used_axes(program),
    };
    if axes.is_empty() {
        axes.push(0);
    }
    let mut analyzer = Analyzer::new(program, numbers);
    analyzer.cut_along(&axes, bindings, effort);
    analyzer.run();
    let work = analyzer.known.work();
    if analyzer.is_hopeless() {
        return (None, work);
    }
    let Analyzer { accesses, read_words, read_lengths, .. } = analyzer;
    let cut = |axis: usize| {
        let size = u64::from(program.workgroup_size[axis].max(1));
        let units = numbers.workgroups().map_or((1 << 32) / size, |count| count[axis].into());
        let judgements = (0..bindings).map(|binding| {
            let own: Vec<&Access> = accesses.iter().flatten().filter(|a| a.binding == Some(binding)).collect();
            judge(&own, axis, units, numbers.bytes(binding))
        });
        Cut { axis, judgements: judgements.collect() }
    };
    let findings = Findings {
        axes: axes.into_iter().map(cut).collect(),
        in_bounds: accesses.iter().map(|a| a.as_ref().is_none_or(|a| a.unproven.is_none())).collect(),
        accesses,
        uniform_words: read_words.into_iter().collect(),
        lengths: read_lengths.into_iter().collect(),
        blind: false,
    };
    (Some(findings), work)
}

/// For each integer value of a program that is computed at all, the least and the greatest it can be.
#[cfg(all(test, feature = "cpu"))]
pub(crate) fn value_ranges(program: &Program, numbers: &Numbers<'_>) -> Vec<Option<(i128, i128)>> {
    let mut analyzer = Analyzer::new(program, numbers);
    analyzer.relevant.fill(true);
    analyzer.run();
    analyzer.ranges.iter().map(|range| range.map(|range| (range.lo, range.hi))).collect()
}

/// The axes along which the program tells workgroups apart.
fn used_axes(program: &Program) -> Vec<usize> {
    let mut used = [false; 3];
    program.body.visit_definitions(&mut |value| {
        if let Op::Builtin(Builtin::GlobalId(axis) | Builtin::WorkgroupId(axis)) = program.def(value).op {
            used[usize::from(axis)] = true;
        }
    });
    (0..3).filter(|&axis| used[axis]).collect()
}

/// Nothing is proven, because devices differ in what the program was made from.
fn blind(program: &Program, bindings: usize, source: Source) -> Findings {
    let judge = |binding: usize| {
        let writable = program.memories.iter().any(|m| m.space == Space::Storage { binding, writable: true });
        Judgement {
            verdict: if writable { Verdict::Pinned } else { Verdict::Whole },
            cause: Cause::Devices(source),
            origin: None,
            assumes: None,
            bytes: 0,
        }
    };
    Findings {
        accesses: (0..program.accesses).map(|_| None).collect(),
        in_bounds: vec![false; program.accesses as usize],
        axes: vec![Cut { axis: 0, judgements: (0..bindings).map(judge).collect() }],
        uniform_words: Vec::new(),
        lengths: Vec::new(),
        blind: true,
    }
}
