//! What the access analysis predicts against what the interpreter records.
//!
//! Every workgroup's recorded accesses must lie inside the predicted footprints, accesses that are proven to be in bounds
//! must be, and no tile may depend on what another one does. `SWATH_ORACLE=N` checks N generated kernels in place of the
//! usual number, `SWATH_SEED=S` starts from another seed; a failure names the seed of its kernel.

use std::{cell::RefCell, collections::BTreeMap};

use super::indexing::{self, Generated, Random};
use crate::{
    access::{self, Findings, Merge, Numbers, Verdict},
    exec::cpu::{
        interp::{self, Touched},
        shared_mem::SharedMem,
    },
    ir::{self, AccessId, AtomicFun, Space, Type, eval::Lane},
    kernel::{BindingKind, Kernel, Module},
};

/// What was checked, to know that the checks meet something.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub kernels: usize,
    pub accesses: usize,
    pub in_bounds: usize,
    pub sliced: usize,
    pub whole: usize,
    pub merged: usize,
    pub pinned: usize,
    pub covered: usize,
}

/// Runs a kernel on the interpreter and compares what it touches with the prediction.
pub fn check(
    kernel: &Kernel,
    workgroups: [u32; 3],
    memory: &[(SharedMem<'_>, u64)],
    uniforms: &[Vec<u8>],
    tally: &mut Tally,
) -> Result<(), String> {
    let mut numbers = Numbers::new().with_workgroups(workgroups);
    for (place, binding) in kernel.bindings().iter().enumerate() {
        numbers = match binding.kind {
            BindingKind::Uniform => numbers.with_uniform(place, 0, &uniforms[place]),
            _ => numbers.with_bytes(place, memory[place].1),
        };
    }
    let program = ir::lower::lower(kernel).map_err(|e| e.to_string())?;
    let findings = access::analyse(&program, &numbers);
    let recording = interp::record(&program, workgroups, memory).map_err(|e| e.to_string())?;
    let sizes = memory.iter().map(|(_, bytes)| *bytes).collect();
    let mut checker = Checker { findings: &findings, workgroups, units: BTreeMap::new(), sizes, covered: 0 };
    for ((access, unit), touched) in recording {
        checker.touch(access, unit, &touched)?;
    }
    checker.verdicts()?;
    let analysis = kernel.access(&numbers).map_err(|e| e.to_string())?;
    checker.footprints(&analysis)?;
    tally.kernels += 1;
    tally.covered += checker.covered;
    tally.accesses += findings.in_bounds.len();
    tally.in_bounds += findings.in_bounds.iter().filter(|proven| **proven).count();
    for judgement in &findings.best().judgements {
        *match judgement.verdict {
            Verdict::Sliced { .. } => &mut tally.sliced,
            Verdict::Whole => &mut tally.whole,
            Verdict::Merged(_) => &mut tally.merged,
            Verdict::Pinned => &mut tally.pinned,
        } += 1;
    }
    Ok(())
}

/// Runs a kernel, invocation after invocation, and compares every integer that it computes with the predicted range.
fn check_values(kernel: &Kernel, workgroups: [u32; 3], data: &[Vec<u32>]) -> Result<(), String> {
    let program = ir::lower::lower(kernel).map_err(|e| e.to_string())?;
    if program.has_barrier {
        return Ok(());
    }
    let mut numbers = Numbers::new().with_workgroups(workgroups);
    for (place, words) in data.iter().enumerate() {
        numbers = match kernel.bindings()[place].kind {
            BindingKind::Uniform => numbers.with_uniform(place, 0, bytemuck::cast_slice(words)),
            _ => numbers.with_bytes(place, 4 * words.len() as u64),
        };
    }
    let ranges = access::value_ranges(&program, &numbers);
    let memories = program.memories.iter().map(|memory| match memory.space {
        Space::Storage { binding, .. } | Space::Uniform { binding } => data[binding].clone(),
        _ => Vec::new(),
    });
    let found = RefCell::new(None);
    let mut lane = Lane::new(&program, memories.collect());
    lane.workgroups = workgroups;
    lane.observer = Some(Box::new(|value, bits| {
        let number = match program.ty(value) {
            Type::I32 => i128::from(bits as i32),
            Type::U32 => i128::from(bits),
            _ => return,
        };
        let range = ranges[value.0 as usize];
        if !range.is_some_and(|(lo, hi)| lo <= number && number <= hi) {
            found.borrow_mut().get_or_insert(format!("value {} is {number}, outside of {range:?}", value.0));
        }
    }));
    let size = program.workgroup_size;
    let all = [0, 1, 2].map(|axis| size[axis] * workgroups[axis]);
    for index in 0..all.iter().product::<u32>() {
        let at = [index % all[0], index / all[0] % all[1], index / all[0] / all[1]];
        lane.global_id = at;
        lane.local_id = [0, 1, 2].map(|axis| at[axis] % size[axis]);
        lane.run();
        if let Some(found) = found.borrow_mut().take() {
            return Err(format!("{found} in invocation {at:?} of\n{program}"));
        }
    }
    Ok(())
}

/// Bytes that a workgroup reads and writes, by binding.
#[derive(Clone, Default)]
struct Bytes {
    reads: BTreeMap<usize, Vec<(u64, u64)>>,
    writes: BTreeMap<usize, Vec<(u64, u64)>>,
}

struct Checker<'a> {
    findings: &'a Findings,
    workgroups: [u32; 3],
    /// By workgroup.
    units: BTreeMap<u64, Bytes>,
    /// Bytes of each binding.
    sizes: Vec<u64>,
    /// Runs of units that are said to write all of their range.
    covered: usize,
}

impl Checker<'_> {
    /// The coordinates of a workgroup.
    fn coordinates(&self, unit: u64) -> [u32; 3] {
        let [x, y, _] = self.workgroups.map(u64::from);
        [unit % x, unit / x % y, unit / x / y].map(|n| n as u32)
    }

    fn touch(&mut self, id: AccessId, unit: u64, touched: &Touched) -> Result<(), String> {
        if self.findings.blind {
            return Ok(());
        }
        let at = self.coordinates(unit);
        let Some(access) = &self.findings.accesses[id.0 as usize] else {
            return Err(format!("access {} is said to be never reached, and workgroup {at:?} does", id.0));
        };
        if touched.outside && self.findings.in_bounds[id.0 as usize] {
            return Err(format!("access {} is said to be in bounds, and is not in workgroup {at:?}: {access:?}", id.0));
        }
        let Some(binding) = access.binding else { return Ok(()) };
        for axis in 0..3 {
            let Some(piece) = access.pieces[axis] else { continue };
            let allowed = piece.bytes(at[axis], at[axis] + 1).unwrap_or((0, 0));
            for &byte in &touched.bytes {
                if i128::from(byte) < allowed.0 || i128::from(byte + touched.size) > allowed.1 {
                    return Err(format!(
                        "access {} touches byte {byte} in workgroup {at:?}, outside of {allowed:?} along axis {axis}: \
                         {access:?}",
                        id.0
                    ));
                }
            }
        }
        let ranges = touched.bytes.iter().map(|&byte| (byte, byte + touched.size));
        let bytes = self.units.entry(unit).or_default();
        if access.kind.reads() {
            bytes.reads.entry(binding).or_default().extend(ranges.clone());
        }
        if access.kind.writes() {
            bytes.writes.entry(binding).or_default().extend(ranges);
        }
        Ok(())
    }

    /// What the units of a cut touch, by unit and binding: reads, then writes.
    fn along(&self, axis: usize) -> BTreeMap<u32, Bytes> {
        let mut slabs: BTreeMap<u32, Bytes> = BTreeMap::new();
        for (&unit, bytes) in &self.units {
            let slab = slabs.entry(self.coordinates(unit)[axis]).or_default();
            for (into, from) in [(&mut slab.reads, &bytes.reads), (&mut slab.writes, &bytes.writes)] {
                for (&binding, ranges) in from {
                    into.entry(binding).or_default().extend(ranges);
                }
            }
        }
        slabs
    }

    /// Whether each verdict, for each axis, is true of what was recorded.
    fn verdicts(&self) -> Result<(), String> {
        for cut in &self.findings.axes {
            let slabs = self.along(cut.axis);
            for (binding, judgement) in cut.judgements.iter().enumerate() {
                let failed = match judgement.verdict {
                    Verdict::Sliced { stride, start, halo } => sliced(&slabs, binding, stride, start, halo),
                    Verdict::Whole => slabs.values().find_map(|slab| {
                        slab.writes.get(&binding).map(|ranges| format!("it is written at {:?}", ranges[0]))
                    }),
                    Verdict::Merged(merge) => {
                        let own = self.findings.accesses.iter().flatten().filter(|a| a.binding == Some(binding));
                        own.filter(|access| !merges(access.kind, merge)).map(|access| format!("{access:?}")).next()
                    }
                    Verdict::Pinned => None,
                };
                if let Some(failed) = failed {
                    let axis = cut.axis;
                    return Err(format!("binding {binding}, cut along axis {axis}: {judgement:?}, and {failed}"));
                }
            }
        }
        Ok(())
    }

    /// Whether the footprints of runs of units hold what those units touch.
    fn footprints(&mut self, analysis: &access::Analysis) -> Result<(), String> {
        let slabs = self.along(analysis.axis);
        let units = self.workgroups[analysis.axis];
        for first in [0, units / 3, units / 2, units - 1] {
            for end in [first + 1, units.min(first + 2), units] {
                for (binding, access) in analysis.bindings.iter().enumerate() {
                    let (reads, writes) = (access.reads.bytes(first..end), access.writes.bytes(first..end));
                    if access.is_covered(first..end) {
                        self.covered += 1;
                        let mut written: Vec<(u64, u64)> = slabs
                            .range(first..end)
                            .flat_map(|(_, slab)| slab.writes.get(&binding).into_iter().flatten().copied())
                            .collect();
                        written.sort_unstable();
                        let reached = written
                            .iter()
                            .fold(writes.start, |at, range| if range.0 <= at { at.max(range.1) } else { at });
                        // What lies behind the end of the buffer is nobody's.
                        if reached < writes.end.min(self.sizes[binding]) {
                            return Err(format!(
                                "binding {binding}: units {first}..{end} are said to write all of {writes:?}, and byte \
                                 {reached} is not written"
                            ));
                        }
                    }
                    for slab in slabs.range(first..end).map(|(_, slab)| slab) {
                        for (touched, allowed) in [(&slab.reads, &reads), (&slab.writes, &writes)] {
                            let inside = |range: &&(u64, u64)| range.0 >= allowed.start && range.1 <= allowed.end;
                            let all = touched.get(&binding).into_iter().flatten();
                            if let Some(range) = all.clone().find(|range| !inside(range)) {
                                return Err(format!(
                                    "binding {binding}: units {first}..{end} touch {range:?}, outside of {allowed:?}"
                                ));
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether an access is one of those that a merge is made of.
fn merges(kind: access::Kind, merge: Merge) -> bool {
    let access::Kind::Atomic { fun, signed, result_used: false } = kind else { return false };
    match fun {
        AtomicFun::Add | AtomicFun::Sub => merge == Merge::Add,
        AtomicFun::Min => merge == if signed { Merge::MinI32 } else { Merge::MinU32 },
        AtomicFun::Max => merge == if signed { Merge::MaxI32 } else { Merge::MaxU32 },
        AtomicFun::And => merge == Merge::And,
        AtomicFun::Or => merge == Merge::Or,
        AtomicFun::Xor => merge == Merge::Xor,
        _ => false,
    }
}

/// What is wrong with a cut of a binding, if anything.
fn sliced(slabs: &BTreeMap<u32, Bytes>, binding: usize, stride: i64, start: i64, halo: [u64; 2]) -> Option<String> {
    let mut writer: BTreeMap<u64, u32> = BTreeMap::new();
    for (&unit, slab) in slabs {
        for &(byte, end) in slab.writes.get(&binding).into_iter().flatten() {
            for byte in byte..end {
                if let Some(other) = writer.insert(byte, unit).filter(|&other| other != unit) {
                    return Some(format!("units {other} and {unit} both write byte {byte}"));
                }
            }
        }
    }
    for (&unit, slab) in slabs {
        let own = i128::from(start) + i128::from(stride) * i128::from(unit);
        let first = own - i128::from(halo[0]);
        let last = own + i128::from(stride.unsigned_abs()) + i128::from(halo[1]);
        let reads = slab.reads.get(&binding).into_iter().flatten();
        for &(byte, end) in reads.clone() {
            if let Some((_, other)) = writer.range(byte..end).find(|(_, other)| **other != unit) {
                return Some(format!("unit {unit} reads byte {byte}, which unit {other} writes"));
            }
        }
        for &(byte, end) in reads.chain(slab.writes.get(&binding).into_iter().flatten()) {
            if stride != 0 && (i128::from(byte) < first || i128::from(end) > last) {
                return Some(format!("unit {unit} touches byte {byte}, outside of {first}..{last}"));
            }
        }
    }
    None
}

/// Runs a generated kernel and checks it; nothing if it is not valid WGSL (a constant expression may be an error).
fn check_generated(generated: &Generated, seed: u64, tally: &mut Tally) -> Option<()> {
    let context = |what: String| -> ! {
        panic!(
            "seed {seed}: {what}\nworkgroups {:?}, params {:?}, lengths {:?}\n{}",
            generated.workgroups, generated.params, generated.lengths, generated.wgsl
        )
    };
    let kernel = Module::parse(&generated.wgsl).and_then(|module| module.only_kernel());
    let kernel = match kernel {
        Ok(kernel) => kernel,
        // A constant expression may be an error by itself.
        Err(error) if error.to_string().contains("error:") => return None,
        Err(error) => context(error.to_string()),
    };
    let mut random = Random::new(seed ^ 0x0c0f);
    let words = |count: usize, random: &mut Random| (0..count).map(|_| random.next() as u32 >> 8).collect::<Vec<u32>>();
    let mut data: Vec<Vec<u32>> = kernel
        .bindings()
        .iter()
        .map(|binding| {
            let of = |place: usize| generated.lengths[place];
            match binding.name.as_str() {
                "params" => generated.params.to_vec(),
                "src" => words(of(0), &mut random),
                "idx" => words(of(1), &mut random).into_iter().map(|word| word % generated.below.max(1)).collect(),
                "dst" => words(of(2), &mut random),
                "acc" => words(of(3), &mut random),
                "recs" => words(of(4) * 6, &mut random),
                "quads" => words(of(5) * 4, &mut random),
                "log" => [vec![0], words(of(6) + 6, &mut random)].concat(),
                "halves" => words(of(7).div_ceil(2), &mut random).into_iter().map(|word| word & 0x3c00_3c00).collect(),
                other => context(format!("a binding `{other}`")),
            }
        })
        .collect();
    let uniforms: Vec<Vec<u8>> = data.iter().map(|words| bytemuck::cast_slice(words).to_vec()).collect();
    if let Err(what) = check_values(&kernel, generated.workgroups, &data) {
        context(what);
    }
    let memory: Vec<_> = data
        .iter_mut()
        .zip(kernel.bindings())
        .map(|(words, binding)| {
            let bytes = 4 * words.len() as u64;
            let memory = match binding.kind {
                BindingKind::ReadWriteStorage => SharedMem::racy(bytemuck::cast_slice_mut(words)).ok(),
                _ => SharedMem::fixed(bytemuck::cast_slice(words)),
            };
            (memory.expect("words are aligned"), bytes)
        })
        .collect();
    if let Err(what) = check(&kernel, generated.workgroups, &memory, &uniforms, tally) {
        context(what);
    }
    Some(())
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Checks many kernels on all cores; gives what was checked.
fn check_many(make: fn(u64) -> Generated, usual: u64) -> Tally {
    let count = from_environment("SWATH_ORACLE", usual);
    let first = from_environment("SWATH_SEED", 1);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let tallies = std::thread::scope(|scope| {
        let work = |thread: u64| {
            move || {
                let mut tally = Tally::default();
                for seed in (first + thread..first + count).step_by(threads as usize) {
                    check_generated(&make(seed), seed, &mut tally);
                }
                tally
            }
        };
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(work(thread))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
            .collect::<Vec<_>>()
    });
    let mut all = Tally::default();
    for tally in tallies {
        all.kernels += tally.kernels;
        all.accesses += tally.accesses;
        all.in_bounds += tally.in_bounds;
        all.sliced += tally.sliced;
        all.whole += tally.whole;
        all.merged += tally.merged;
        all.pinned += tally.pinned;
        all.covered += tally.covered;
    }
    println!("{all:?}");
    assert!(all.kernels as u64 * 2 > count, "only {} of {count} kernels were valid", all.kernels);
    all
}

/// Kernels in the shapes of real ones: the prediction holds, and is worth something.
#[test]
fn footprints_of_real_shapes() {
    let tally = check_many(indexing::family, 2000);
    assert!(tally.sliced * 3 > tally.kernels, "{tally:?}");
    assert!(tally.in_bounds * 2 > tally.accesses, "{tally:?}");
    assert!([tally.whole, tally.merged, tally.pinned, tally.covered].iter().all(|&n| n > 0), "{tally:?}");
}

/// Kernels in no shape at all.
#[test]
fn footprints_of_arbitrary_kernels() {
    let tally = check_many(indexing::soup, 2000);
    assert!(tally.in_bounds > 0 && tally.sliced > 0, "{tally:?}");
}
