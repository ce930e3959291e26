//! What devices may get wrong, how that is found, and which kernels it touches.
//!
//! A *probe* is a kernel whose results are known. A device that gives others has a [`Weakness`], which counts against it for
//! kernels that use what it gets wrong, and for no others. Here is plain data: who runs probes and keeps what they found is
//! `device`.

#[allow(clippy::approx_constant, clippy::excessive_precision, reason = "values as tables have them")]
mod builtins;
mod probes;
mod uses;

use std::fmt;

pub(crate) use builtins::functions;
pub(crate) use probes::{PROBES, Probe, probe_functions};
pub(crate) use uses::Uses;

use crate::{access::LoopBounds, error::Error, kernel::Kernel};

/// The version of the probes: what was found with others does not count.
pub(crate) const PROBES_VERSION: u32 = 2;

/// What a device gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Weakness {
    Basics,
    Loops,
    LongLoops,
    WrappedCounters,
    DeepBranches,
    ManyCases,
    Shifts,
    KnownZeros,
    Atomics,
    LargeIndices,
    /// A built-in function, by its name.
    Builtin(&'static str),
}

/// Iterations that all loops of an invocation together may have on a device that ends loops early: what such devices allow is
/// 65,535, and some are used up in front of the kernel's own.
pub(crate) const MOST_ITERATIONS: u64 = 65_000;

/// Constructs inside each other that are few, on a device on which too many go wrong.
const MOST_NESTED: usize = 64;

/// Cases of a switch that are few.
const MOST_CASES: usize = 64;

/// What starts the name of a weakness that is a function.
const BUILTIN: &str = "builtin ";

impl Weakness {
    /// All but built-in functions, with their names and what is tested.
    const PLAIN: [(Weakness, &'static str, &'static str); 10] = [
        (Weakness::Basics, "basics", "copies, arithmetic, ids of invocations, functions, workgroup memory"),
        (Weakness::Loops, "loops", "loops of a few iterations, in each other, left early"),
        (
            Weakness::LongLoops,
            "long loops",
            "loops that go round more than 65,536 times: one, in each other, one after another",
        ),
        (Weakness::WrappedCounters, "wrapped counters", "loops whose counters wrap around"),
        (Weakness::DeepBranches, "deep branches", "a hundred branches inside each other"),
        (Weakness::ManyCases, "many cases", "a switch of 300 cases"),
        (Weakness::Shifts, "shifts", "shifts by amounts that are known, and that are not"),
        (Weakness::KnownZeros, "known zeros", "vectors of zeros that a compiler knows"),
        (Weakness::Atomics, "atomics", "atomics that many invocations contend for"),
        (Weakness::LargeIndices, "large indices", "indices at the end of an array and far beyond it"),
    ];

    /// Its name, by which it is kept and shown.
    pub fn name(self) -> String {
        match self {
            Weakness::Builtin(function) => format!("{BUILTIN}{function}"),
            plain => plain.entry().map_or_else(String::new, |(_, name, _)| (*name).to_owned()),
        }
    }

    /// What was tested.
    pub fn tested(self) -> String {
        match self {
            Weakness::Builtin(function) => format!("`{function}` at some points"),
            plain => plain.entry().map_or_else(String::new, |(.., tested)| (*tested).to_owned()),
        }
    }

    fn entry(self) -> Option<&'static (Weakness, &'static str, &'static str)> {
        Weakness::PLAIN.iter().find(|(weakness, ..)| *weakness == self)
    }

    /// The weakness of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Weakness> {
        if let Some(function) = name.strip_prefix(BUILTIN) {
            return builtins::functions().find(|known| *known == function).map(Weakness::Builtin);
        }
        Weakness::PLAIN.iter().find(|(_, known, _)| *known == name).map(|(weakness, ..)| *weakness)
    }

    /// Whether a kernel uses what the device gets wrong. `bounds` are those of its loops in the call.
    fn touches(self, uses: &Uses, bounds: &mut dyn FnMut() -> LoopBounds) -> bool {
        match self {
            // Whatever has an array has indices, and may be given one that is out of bounds.
            Weakness::Basics | Weakness::LargeIndices => true,
            Weakness::Loops => uses.has_loops,
            Weakness::LongLoops => {
                uses.has_loops && bounds().iterations.is_none_or(|iterations| iterations > MOST_ITERATIONS)
            }
            Weakness::WrappedCounters => uses.has_loops && bounds().may_wrap,
            Weakness::DeepBranches => uses.nesting > MOST_NESTED,
            Weakness::ManyCases => uses.most_cases > MOST_CASES,
            Weakness::Shifts => uses.shifts,
            Weakness::KnownZeros => uses.vectors,
            Weakness::Atomics => uses.atomics,
            Weakness::Builtin(function) => uses.builtins.contains(function),
        }
    }

    /// What it means for a kernel that is touched.
    fn consequence(self) -> String {
        match self {
            Weakness::LongLoops => {
                "it ends loops that together go round more than 65,535 times, and nothing bounds those of this kernel"
                    .into()
            }
            Weakness::DeepBranches => format!(
                "it goes wrong where very many branches or cases stand inside each other, and this kernel has more than {MOST_NESTED}"
            ),
            Weakness::ManyCases => {
                format!("it goes wrong in switches of many cases, and this kernel has one of more than {MOST_CASES}")
            }
            Weakness::Basics => "it does not compute what it should, whatever the kernel".into(),
            other => format!("it gets wrong what this kernel uses: {}", other.name()),
        }
    }
}

/// A probe that a device fails: something that it gets wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedProbe {
    /// Its name.
    pub name: String,
    /// What it tests.
    pub tested: String,
}

impl From<Weakness> for FailedProbe {
    fn from(weakness: Weakness) -> Self {
        FailedProbe { name: weakness.name(), tested: weakness.tested() }
    }
}

/// Why a device is not to be trusted with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    weaknesses: Vec<Weakness>,
    /// Whether the device was seen to get this kernel wrong.
    is_confirmed: bool,
}

impl Doubt {
    /// What of these weaknesses touches a kernel; nothing where none does. `bounds` are those of its loops in the call.
    pub fn of(kernel: &Kernel, weaknesses: &[Weakness], mut bounds: impl FnMut() -> LoopBounds) -> Option<Doubt> {
        if weaknesses.is_empty() {
            return None;
        }
        let uses = kernel.uses();
        let weaknesses: Vec<Weakness> =
            weaknesses.iter().copied().filter(|weakness| weakness.touches(uses, &mut bounds)).collect();
        (!weaknesses.is_empty()).then_some(Doubt { weaknesses, is_confirmed: false })
    }

    /// The same, where the device was seen to get this kernel wrong.
    pub fn confirmed(self) -> Doubt {
        Doubt { is_confirmed: true, ..self }
    }

    /// Whether the device may be tried all the same, for it is found while the kernel runs if it goes wrong.
    pub fn is_watchable(&self) -> bool {
        !self.is_confirmed && self.weaknesses.iter().all(|weakness| *weakness == Weakness::LongLoops)
    }

    /// The error of a call or a chain that a device is not trusted with.
    pub fn refusal(&self, kernel: &Kernel, device: &str) -> Error {
        let message = kernel.message(format!("{device} is not trusted with it: {self}"));
        Error::Unsupported(message.help(
            "use another device, such as `cpu`; `swath devices` shows what a device gets wrong, and SWATH_TRUST=off has it used all the same",
        ))
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.weaknesses.iter().map(|weakness| weakness.consequence()).collect();
        f.write_str(&all.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::Numbers, kernel::testing::kernel};

    fn touched(body: &str, weaknesses: &[Weakness]) -> Vec<Weakness> {
        let kernel = kernel(&format!(
            "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
             @group(0) @binding(1) var<storage, read_write> a: atomic<u32>;
             @compute @workgroup_size(64) fn k(@builtin(local_invocation_index) i: u32) {{ {body} }}"
        ));
        let doubt = Doubt::of(&kernel, weaknesses, || kernel.loop_bounds(&Numbers::new()));
        doubt.map_or(Vec::new(), |doubt| doubt.weaknesses)
    }

    #[test]
    fn names_are_kept_and_found_again() {
        let functions = builtins::functions().map(Weakness::Builtin);
        let all: Vec<Weakness> = Weakness::PLAIN.iter().map(|(weakness, ..)| *weakness).chain(functions).collect();
        assert!(all.len() > 60, "{}", all.len());
        for weakness in all {
            assert_eq!(Weakness::from_name(&weakness.name()), Some(weakness));
            assert!(!weakness.name().contains([',', '\t']) && !weakness.tested().is_empty());
        }
        assert_eq!(Weakness::from_name("builtin nothing"), None);
        assert_eq!(Weakness::from_name("what the next version tests"), None);
    }

    #[test]
    fn weaknesses_count_where_they_touch_the_kernel() {
        use Weakness::*;
        let all = [
            Loops,
            LongLoops,
            WrappedCounters,
            DeepBranches,
            ManyCases,
            Shifts,
            KnownZeros,
            Atomics,
            Builtin("pow"),
            Builtin("sin"),
        ];
        assert_eq!(touched("x[i] = 1u;", &all), []);
        assert_eq!(touched("x[i] = 1u;", &[Basics, LargeIndices]), [Basics, LargeIndices]);
        assert_eq!(touched("for (var k = 0u; k < 9u; k++) { x[k] = i; }", &all), [Loops]);
        assert_eq!(touched("for (var k = 0u; k < 65536u; k++) { x[k] = i; }", &all), [Loops, LongLoops]);
        assert_eq!(touched("for (var k = 0u; k < x[0]; k++) { x[k] = i; }", &all), [Loops, LongLoops]);
        assert_eq!(
            touched("for (var k = 9u; k < 10u; k -= 1u) { x[k] = i; }", &all),
            [Loops, LongLoops, WrappedCounters]
        );
        assert_eq!(touched("x[i] = x[0] << (i % 8u);", &all), [Shifts]);
        assert_eq!(touched("let v = vec2u(x[0], i); x[i] = v.x * v.y;", &all), [KnownZeros]);
        assert_eq!(touched("atomicAdd(&a, 1u);", &all), [Atomics]);
        assert_eq!(touched("x[i] = u32(pow(f32(x[0]), 1.5));", &all), [Builtin("pow")]);
        let cases = |n: u32| (0..n).map(|k| format!("case {k}u: {{ x[i] = {k}u; }} ")).collect::<String>();
        assert_eq!(touched(&format!("switch x[i] {{ {} default: {{}} }}", cases(100)), &all), [ManyCases]);
        assert_eq!(touched(&format!("switch x[i] {{ {} default: {{}} }}", cases(30)), &all), []);
        let nested = |n: u32| {
            (0..n).map(|k| format!("if x[i] > {k}u {{")).collect::<String>() + "x[i]++;" + &"}".repeat(n as usize)
        };
        assert_eq!(touched(&nested(90), &all), [DeepBranches]);
        assert_eq!(touched(&nested(20), &all), []);
        // What comes behind a branch that returns runs only if it did not.
        let returns: String = (0..90).map(|k| format!("if x[i] == {k}u {{ return; }} x[i] += 1u; ")).collect();
        assert_eq!(touched(&returns, &all), [DeepBranches]);
    }

    #[test]
    fn only_long_loops_are_found_while_they_run() {
        let doubt = |weaknesses: &[Weakness]| Doubt { weaknesses: weaknesses.to_vec(), is_confirmed: false };
        assert!(doubt(&[Weakness::LongLoops]).is_watchable());
        assert!(!doubt(&[Weakness::LongLoops, Weakness::Atomics]).is_watchable());
        assert!(!doubt(&[Weakness::LongLoops]).confirmed().is_watchable());
    }
}
