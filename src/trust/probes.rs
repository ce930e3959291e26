//! The probes: kernels, what they are given, and what they give.

use std::collections::BTreeSet;

use super::{
    MOST_CASES, MOST_NESTED, Uses, Weakness,
    builtins::{self, POINTS},
};

const BINDINGS: &str = "
    @group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<u32>;
";

/// The same for arrays of known lengths: accesses at known places need no guards, which takes less to compile.
fn sized(x: usize, y: usize) -> String {
    format!(
        "@group(0) @binding(0) var<storage, read> x: array<u32, {x}>;
         @group(0) @binding(1) var<storage, read_write> y: array<u32, {y}>;"
    )
}

/// A kernel that reads `x` and writes `y`, which starts as zeros, and what is in `y` then.
pub(crate) struct Probe {
    pub wgsl: String,
    pub workgroups: [u32; 3],
    pub x: Vec<u32>,
    /// The words of `y`, and what is wrong with a device that gives others.
    words: Vec<(u32, Weakness)>,
    /// What the bits of the words behind them stand for: those that are not set.
    flags: Vec<Weakness>,
}

impl Probe {
    fn new(wgsl: String, workgroups: [u32; 3], x: Vec<u32>) -> Probe {
        Probe { wgsl, workgroups, x, words: Vec::new(), flags: Vec::new() }
    }

    /// The next words of `y`.
    fn expect(mut self, weakness: Weakness, words: impl IntoIterator<Item = u32>) -> Probe {
        self.words.extend(words.into_iter().map(|word| (word, weakness)));
        self
    }

    /// Words of `y`.
    pub fn len(&self) -> usize {
        self.words.len() + self.flags.len().div_ceil(32)
    }

    /// What a device gets wrong that gives this `y`.
    pub fn failed(&self, y: &[u32]) -> BTreeSet<Weakness> {
        let word = |at: usize| y.get(at).copied();
        let words = self.words.iter().enumerate();
        let wrong =
            words.filter(|(at, (expected, _))| word(*at) != Some(*expected)).map(|(_, (_, weakness))| *weakness);
        let is_set = |at: usize| word(self.words.len() + at / 32).is_some_and(|bits| bits >> (at % 32) & 1 == 1);
        let unset = self.flags.iter().enumerate().filter(|(at, _)| !is_set(*at)).map(|(_, weakness)| *weakness);
        wrong.chain(unset).collect()
    }

    /// What a device gets wrong that cannot run it.
    pub fn all(&self) -> BTreeSet<Weakness> {
        self.words.iter().map(|(_, weakness)| *weakness).chain(self.flags.iter().copied()).collect()
    }
}

/// All probes but those of [functions](probe_functions), those first that take longest to compile. A probe stands for the kernels
/// that a failure of it may touch.
pub(crate) static PROBES: [ProbeEntry; 7] = [
    ProbeEntry { name: "cases", make: cases, concerns: |uses| uses.most_cases > MOST_CASES },
    ProbeEntry { name: "nesting", make: nesting, concerns: |uses| uses.nesting > MOST_NESTED },
    ProbeEntry { name: "basics", make: basics, concerns: |_| true },
    ProbeEntry { name: "atomics", make: atomics, concerns: |uses| uses.atomics },
    ProbeEntry { name: "values", make: values, concerns: |_| true },
    ProbeEntry { name: "loops", make: loops, concerns: |uses| uses.has_loops },
    ProbeEntry { name: "counters", make: counters, concerns: |uses| uses.has_loops },
];

/// A probe that may have to run.
pub(crate) struct ProbeEntry {
    /// By which it is known whether it has run.
    pub name: &'static str,
    pub make: fn() -> Probe,
    /// Whether it has to have run before a kernel that uses this is trusted to a device.
    pub concerns: fn(&Uses) -> bool,
}

/// What no compiler finds a shorter way through a loop of.
const NEXT: &str = "fn next(s: u32) -> u32 { return s * 1664525u + 1013904223u; }";

/// The same, so many times.
fn after(count: u32, s: u32) -> u32 {
    // Of two steps: a * (a * s + c) + c.
    let (mut a, mut c) = (1_664_525u32, 1_013_904_223u32);
    let (mut s, mut count) = (s, count);
    while count > 0 {
        if count & 1 == 1 {
            s = s.wrapping_mul(a).wrapping_add(c);
        }
        (a, c) = (a.wrapping_mul(a), a.wrapping_mul(c).wrapping_add(c));
        count >>= 1;
    }
    s
}

fn basics() -> Probe {
    const GROUPS: [u32; 3] = [3, 2, 2];
    let wgsl = format!(
        "{BINDINGS}
        var<workgroup> line: array<u32, 64>;
        fn twice(p: ptr<function, u32>) -> u32 {{ *p += 1u; return 2u * *p; }}
        @compute @workgroup_size(8, 4, 2)
        fn basics(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32,
                  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                  @builtin(local_invocation_id) local: vec3u) {{
            let at = 64u * (group.x + groups.x * (group.y + groups.y * group.z)) + lane;
            line[lane] = x[at];
            workgroupBarrier();
            var value = line[63u - lane];
            let whole = i32(value % 2000u) - 1000;
            let part = f32(whole) * 0.25 + 3.5;
            var table = array<u32, 5>(3u, 1u, 4u, 1u, 5u);
            table[at % 5u] += 10u;
            let doubled = twice(&value);
            value = (value ^ doubled) + table[(at + 1u) % 5u] + table[at % 5u];
            value += u32(whole / 7 + 200) + u32(whole % 7 + 7) * 3u + bitcast<u32>(part);
            value += select(11u, 22u, part > 0.0) + id.x + 100u * id.y + 10000u * id.z + 7u * local.x + 5u * local.z;
            y[at] = value;
        }}"
    );
    let count = 64 * GROUPS.iter().product::<u32>();
    let x: Vec<u32> = (0..count).map(|i| after(i, 2)).collect();
    let y = (0..count).map(|at| {
        let (group, lane) = (at / 64, at % 64);
        let group = [group % GROUPS[0], group / GROUPS[0] % GROUPS[1], group / (GROUPS[0] * GROUPS[1])];
        let local = [lane % 8, lane / 8 % 4, lane / 32];
        let id = [8 * group[0] + local[0], 4 * group[1] + local[1], 2 * group[2] + local[2]];
        let value = x[(at - lane + 63 - lane) as usize];
        let whole = (value % 2000) as i32 - 1000;
        let part = whole as f32 * 0.25 + 3.5;
        let mut table = [3u32, 1, 4, 1, 5];
        table[at as usize % 5] += 10;
        let value = value.wrapping_add(1);
        let value = (value ^ value.wrapping_mul(2)).wrapping_add(table[(at as usize + 1) % 5] + table[at as usize % 5]);
        let value = value.wrapping_add((whole / 7 + 200) as u32 + (whole % 7 + 7) as u32 * 3);
        let value = value.wrapping_add(part.to_bits());
        let chosen = if part > 0.0 { 22 } else { 11 };
        value.wrapping_add(chosen + id[0] + 100 * id[1] + 10_000 * id[2] + 7 * local[0] + 5 * local[2])
    });
    let y: Vec<u32> = y.collect();
    Probe::new(wgsl, GROUPS, x).expect(Weakness::Basics, y)
}

/// Loops, short ones first: on a device that counts all of them together these come before it has counted far.
fn loops() -> Probe {
    const LANES: u32 = 16;
    let wgsl = format!(
        "{BINDINGS}{NEXT}
        @compute @workgroup_size({LANES})
        fn loops(@builtin(local_invocation_index) lane: u32) {{
            var s = lane;
            for (var i = 0u; i < x[lane]; i++) {{
                for (var k = 0u; k < 9u; k++) {{
                    if k == i % 5u {{ continue; }}
                    if s % 13u == 0u {{ break; }}
                    s = next(s);
                }}
                loop {{ s += 1u; if s % 4u == 0u {{ break; }} }}
            }}
            y[lane] = s;
            s = lane;
            for (var i = 0u; i < x[lane + {LANES}u]; i++) {{ s = next(s); }}
            y[lane + {LANES}u] = s;
            for (var i = 0u; i < x[lane + 2u * {LANES}u]; i++) {{
                for (var k = 0u; k < x[lane + 2u * {LANES}u]; k++) {{ s = next(s); }}
            }}
            y[lane + 2u * {LANES}u] = s;
            for (var i = 0u; i < x[lane + 3u * {LANES}u]; i++) {{ s = next(s); }}
            s ^= lane;
            for (var i = 0u; i < x[lane + 3u * {LANES}u]; i++) {{ s = next(s); }}
            y[lane + 3u * {LANES}u] = s;
        }}"
    );
    let lanes = 0..LANES;
    let counts = [|lane: u32| lane % 7 + 3, |lane| 70_000 + 5 * lane, |lane| 300 - lane / 5, |lane| 40_000 - 3 * lane];
    let x = counts.iter().flat_map(|count| lanes.clone().map(count)).collect();
    let short = lanes.clone().map(|lane| {
        let mut s = lane;
        for i in 0..counts[0](lane) {
            for _ in (0..9).filter(|k| *k != i % 5) {
                if s % 13 == 0 {
                    break;
                }
                s = after(1, s);
            }
            s = (s.wrapping_add(1)).next_multiple_of(4);
        }
        s
    });
    let one = |lane| after(counts[1](lane), lane);
    let nested = |lane| after(counts[2](lane).pow(2), one(lane));
    let consecutive = |lane| after(counts[3](lane), after(counts[3](lane), nested(lane)) ^ lane);
    let long = lanes.clone().map(one).chain(lanes.clone().map(nested)).chain(lanes.clone().map(consecutive));
    Probe::new(wgsl, [1, 1, 1], x).expect(Weakness::Loops, short).expect(Weakness::LongLoops, long)
}

/// Loops whose counters wrap around, and how often they go round.
#[rustfmt::skip]
const COUNTERS: [(&str, u32); 9] = [
    ("var i = 5u; i < 10u; i -= 1u", 6),
    ("var i = x[0]; i < 10u; i -= 3u", 2),
    ("var i = 4294967290u; i >= 4294967290u; i++", 6),
    ("var i = 4294967295u; i != 3u; i += 2u", 2),
    ("var i = 2147483640; i > 0; i += 1", 8),
    ("var i = bitcast<i32>(x[1]); i < 0; i -= 3", 3),
    ("var i = 3u; i >= 0u && s < 21u; i -= 1u", 21),
    ("var i = 1u; i != 0u; i <<= 1u", 32),
    ("var i = 0u; i <= 4000000000u && s < 17u; i += 1000000000u", 17),
];

fn counters() -> Probe {
    let loops = COUNTERS.iter().enumerate();
    let loops = loops.map(|(at, (head, _))| format!("s = 0u; for ({head}) {{ s += 1u; }} y[{at}] = s;"));
    let loops: String = loops.collect();
    let x = vec![5, -2_147_483_642_i32 as u32];
    let bindings = sized(x.len(), COUNTERS.len());
    let wgsl = format!("{bindings}@compute @workgroup_size(1) fn counters() {{ var s = 0u; {loops} }}");
    Probe::new(wgsl, [1, 1, 1], x).expect(Weakness::WrappedCounters, COUNTERS.map(|(_, count)| count))
}

/// A switch whose cases return: that cannot be turned into selects.
fn cases() -> Probe {
    const CASES: u32 = 300;
    let cases: String = (0..CASES).map(|case| format!("case {case}u: {{ return {}u; }}\n", 3 * case + 1)).collect();
    let wgsl = format!(
        "{BINDINGS}
        fn choose(v: u32) -> u32 {{ switch v {{ {cases} default: {{ return 0u; }} }} }}
        @compute @workgroup_size(64) fn cases(@builtin(global_invocation_id) id: vec3u) {{
            if id.x < {CASES}u {{ y[id.x] = choose(x[id.x]); }}
        }}"
    );
    let probe = Probe::new(wgsl, [CASES.div_ceil(64), 1, 1], (0..CASES).collect());
    probe.expect(Weakness::ManyCases, (0..CASES).map(|case| 3 * case + 1))
}

/// Branches inside each other.
fn nesting() -> Probe {
    const DEEP: u32 = 100;
    let open: String = (1..DEEP).map(|depth| format!("if v >= {depth}u {{ r += 1u; ")).collect();
    let close = "}".repeat(DEEP as usize - 1);
    let wgsl = format!(
        "{BINDINGS}
        fn count(v: u32) -> u32 {{ var r = 0u; {open} {close} return r; }}
        @compute @workgroup_size(64) fn nesting(@builtin(global_invocation_id) id: vec3u) {{
            if id.x < {DEEP}u {{ y[id.x] = count(x[id.x]); }}
        }}"
    );
    Probe::new(wgsl, [DEEP.div_ceil(64), 1, 1], (0..DEEP).collect()).expect(Weakness::DeepBranches, 0..DEEP)
}

/// Shifts, zeros that are known, indices: what is done on the way to a device so that drivers get it right.
fn values() -> Probe {
    const LENGTH: u32 = 300_000;
    let wgsl = format!(
        "{BINDINGS}
        @compute @workgroup_size(8) fn values(@builtin(local_invocation_index) lane: u32) {{
            let value = x[0];
            let amount = x[1u + lane];
            y[lane] = value << amount;
            y[8u + lane] = value >> amount;
            y[16u + lane] = bitcast<u32>(bitcast<i32>(value) >> amount);
            y[34u + lane] = x[x[9u + lane]];
            if lane > 1u {{ y[x[9u + lane]] = 99u; }}
            if lane > 0u {{ return; }}
            var known = 35u;
            let pair = vec2u(value, 6u) << vec2u(known, known - 3u);
            y[24] = pair.x;
            y[25] = pair.y;
            y[26] = value >> known;
            let nothing = vec4u();
            var empty: vec4u;
            y[27] = (~vec4u().yy).x;
            y[28] = (vec2u(32u) / nothing.yy).y;
            y[29] = u32(all(empty.zw == vec2u()));
            y[30] = (empty.xyz + vec3u(7u)).z;
            y[31] = u32((vec3i(5) - vec3i()).y == 5 && empty.x == 0u);
            y[32] = arrayLength(&x);
            y[33] = arrayLength(&y);
        }}"
    );
    let value = 0x9abc_def1u32;
    let amounts = [0, 1, 5, 31, 32, 33, 63, 64];
    let indices = [0, LENGTH - 1, LENGTH, 0x3fff_ffff, 0x4000_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
    let mut x: Vec<u32> = [value].into_iter().chain(amounts).chain(indices).collect();
    x.resize(LENGTH as usize, 7);
    x[LENGTH as usize - 1] = 5;
    let shifted = amounts.map(|amount| value.wrapping_shl(amount)).into_iter();
    let shifted = shifted.chain(amounts.map(|amount| value.wrapping_shr(amount)));
    let shifted = shifted.chain(amounts.map(|amount| (value as i32).wrapping_shr(amount) as u32));
    Probe::new(wgsl, [1, 1, 1], x)
        .expect(Weakness::Shifts, shifted.chain([value << 3, 6, value >> 3]))
        .expect(Weakness::KnownZeros, [u32::MAX, 32, 1, 7, 1])
        .expect(Weakness::LargeIndices, [LENGTH, 42, value, 5, 0, 0, 0, 0, 0, 0])
}

/// Everybody contends for a few words.
fn atomics() -> Probe {
    const GROUPS: u32 = 32;
    const ALL: u32 = 64 * GROUPS;
    let wgsl = "@group(0) @binding(0) var<storage, read> x: array<u32>;
        @group(0) @binding(1) var<storage, read_write> y: array<atomic<u32>>;
        var<workgroup> low: atomic<u32>;
        var<workgroup> sum: atomic<i32>;
        @compute @workgroup_size(64)
        fn atomics(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
            let i = id.x;
            if lane == 0u { atomicStore(&low, x[0]); }
            workgroupBarrier();
            atomicMin(&low, 1000u - lane);
            atomicAdd(&sum, i32(lane) - 40);
            atomicAdd(&y[0], 1u);
            atomicSub(&y[1], 3u);
            atomicMax(&y[2], i);
            atomicOr(&y[3], 1u << (i % 32u));
            atomicXor(&y[4], i * 3u + 1u);
            var seen = atomicLoad(&y[5]);
            loop {
                let tried = atomicCompareExchangeWeak(&y[5], seen, seen + i);
                if tried.exchanged { break; }
                seen = tried.old_value;
            }
            // Each old value is somebody's.
            let old = atomicAdd(&y[6], 1u);
            atomicOr(&y[9u + old / 32u], 1u << (old % 32u));
            workgroupBarrier();
            if lane == 0u {
                atomicAdd(&y[7], atomicLoad(&low));
                atomicAdd(&y[8], bitcast<u32>(atomicLoad(&sum)));
            }
        }";
    let ids = || 0..ALL;
    let of_group = (0..64).map(|lane| lane - 40).sum::<i32>() as u32;
    let y = [
        ALL,
        0u32.wrapping_sub(3 * ALL),
        ALL - 1,
        u32::MAX,
        ids().fold(0, |all, i| all ^ (i * 3 + 1)),
        ids().sum(),
        ALL,
        GROUPS * (1000 - 63),
        of_group.wrapping_mul(GROUPS),
    ];
    let y = y.into_iter().chain((0..ALL / 32).map(|_| u32::MAX));
    Probe::new(wgsl.to_owned(), [GROUPS, 1, 1], vec![u32::MAX]).expect(Weakness::Atomics, y)
}

/// The probe of built-in functions: some at a time, for there are drivers that take seconds to compile all of them.
pub(crate) fn probe_functions(functions: &[&'static str]) -> Probe {
    let points: Vec<_> = POINTS.iter().filter(|(function, ..)| functions.contains(function)).collect();
    let count = points.len().div_ceil(32);
    let flags = points.iter().map(|(function, ..)| Weakness::Builtin(function)).collect();
    let point =
        |(at, point)| format!("ok{} |= select(0u, {}u, {});\n", at / 32, 1u32 << (at % 32), builtins::condition(point));
    let points: String = points.into_iter().enumerate().map(point).collect();
    let each = |text: &dyn Fn(usize) -> String| (0..count).map(text).collect::<String>();
    let (declared, stored) = (each(&|at| format!("var ok{at} = 0u; ")), each(&|at| format!("y[{at}] = ok{at}; ")));
    let bindings = sized(2, count);
    let wgsl = format!(
        "{bindings}
        @compute @workgroup_size(1) fn functions() {{
            let f = bitcast<f32>(x[0]);
            let u = x[1];
            {declared}
            {points}
            {stored}
        }}"
    );
    let mut probe = Probe::new(wgsl, [1, 1, 1], vec![1f32.to_bits(), 1]);
    probe.flags = flags;
    probe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::testing::kernel;

    #[test]
    fn steps_are_taken_at_once() {
        let one = |s: u32| s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        for count in [0, 1, 2, 3, 7, 100] {
            assert_eq!(after(count, 5), (0..count).fold(5, |s, _| one(s)), "{count}");
        }
    }

    #[test]
    fn every_probe_is_a_kernel_and_every_word_counts() {
        let functions: Vec<_> = builtins::functions().collect();
        let probes = PROBES.iter().map(|entry| ((entry.make)(), entry.name));
        for (probe, name) in probes.chain(functions.chunks(5).map(|some| (probe_functions(some), "functions"))) {
            let kernel = kernel(&probe.wgsl);
            assert_eq!(kernel.name(), name);
            if let Some(entry) = PROBES.iter().find(|entry| entry.name == name) {
                assert!((entry.concerns)(kernel.uses()), "{name}");
            }
            let used: BTreeSet<_> = kernel.uses().builtins.iter().copied().map(Weakness::Builtin).collect();
            assert!(name != "functions" || probe.all().is_subset(&used), "{:?}", probe.all());
            assert_eq!(kernel.bindings().len(), 2, "{}", kernel.name());
            let wrong = vec![if probe.words.is_empty() { 0 } else { 0x1234_5678 }; probe.len()];
            assert_eq!(probe.failed(&wrong), probe.all(), "{}", kernel.name());
            assert_eq!(probe.failed(&[]), probe.all());
        }
    }
}
