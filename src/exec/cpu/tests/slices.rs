//! Slices of bindings between inaccessible pages: a run of units reaches the bytes of its footprint, rows of compiled code a
//! little beyond, and nothing else. A wild access ends the process.

use std::ops::Range;

use memmap2::MmapMut;

use super::{
    indexing::{self, Generated, Random},
    *,
};
use crate::{
    access::Verdict,
    kernel::BindingKind,
    plan::{
        self,
        request::{CallShape, DataLocation, PlanRequest},
    },
};

const PAGE: usize = 4096;

/// Bytes that rows of compiled code may read in front of a slice and behind it: eight lanes, each of a struct of 32 bytes.
const MARGIN: u64 = 256;

/// Which end of a slice has the inaccessible page right behind its margin.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Start,
    End,
}

/// A binding of which only a slice, its margin and what else lies on their pages can be touched.
struct Guarded {
    map: MmapMut,
    /// Where in the mapping the binding starts.
    base: usize,
    bytes: usize,
}

impl Guarded {
    /// With the bytes of `slice` filled in from the `whole`, and rubbish around it.
    fn new(whole: &[u8], slice: Range<u64>, side: Side) -> Guarded {
        let bytes = whole.len();
        let mut map = MmapMut::map_anon(bytes.next_multiple_of(PAGE) + 4 * PAGE).unwrap();
        let start = slice.start.saturating_sub(MARGIN) as usize;
        let end = ((slice.end + MARGIN) as usize).min(bytes);
        // The pages' ends fall on those of the slice with its margin; the rest lies where that puts it.
        let base = match side {
            Side::Start => 2 * PAGE - start / 4 * 4 % PAGE,
            Side::End => 2 * PAGE - end.next_multiple_of(4) % PAGE,
        };
        map[base..base + bytes].fill(0xa5);
        let present = slice.start as usize..slice.end as usize;
        map[base + present.start..base + present.end].copy_from_slice(&whole[present]);
        let (first, last) = ((base + start) / PAGE * PAGE, (base + end).next_multiple_of(PAGE));
        for (from, to) in [(0, first), (last.max(first), map.len())] {
            let address = map[from..].as_mut_ptr().cast();
            // SAFETY: whole pages of the mapping made above, which Rust code touches no more: `slice` gives the bytes between
            // them, and kernels are what this is a test of.
            let refused = unsafe { libc::mprotect(address, to - from, libc::PROT_NONE) };
            assert_eq!(refused, 0, "{}", std::io::Error::last_os_error());
        }
        Guarded { map, base, bytes }
    }

    fn memory(&mut self, is_written: bool) -> SharedMem<'_> {
        // SAFETY: bytes of the mapping, which lives as long as `self` is borrowed. Some of its pages cannot be touched; whoever
        // does so ends the process.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().add(self.base), self.bytes) };
        if is_written {
            SharedMem::racy(bytes).unwrap_or_else(|_| panic!("it is aligned"))
        } else {
            SharedMem::fixed(bytes).expect("it is aligned")
        }
    }

    fn slice(&self, range: Range<u64>) -> &[u8] {
        &self.map[self.base + range.start as usize..self.base + range.end as usize]
    }
}

/// A kernel and its data.
struct Subject {
    kernel: Kernel,
    workgroups: [u32; 3],
    /// The contents of each binding.
    data: Vec<Vec<u8>>,
}

impl Subject {
    fn is_written(&self, at: usize) -> bool {
        self.kernel.bindings()[at].kind == BindingKind::ReadWriteStorage
    }

    fn plan(&self) -> Option<Plan> {
        let bindings = self.kernel.bindings();
        let shape = CallShape {
            splits: true,
            ..CallShape::new(
                self.workgroups,
                self.data.iter().map(|data| data.len() as u64),
                bindings.iter().map(|binding| match binding.kind {
                    BindingKind::Uniform => DataLocation::Uniform,
                    _ => DataLocation::Host,
                }),
            )
        };
        let mut uniforms =
            vec![0; bindings.iter().map(|b| b.uniform_offset + b.min_bytes() as usize).max().unwrap_or(0)];
        for (binding, data) in bindings.iter().zip(&self.data).filter(|(b, _)| b.kind == BindingKind::Uniform) {
            uniforms[binding.uniform_offset..binding.uniform_offset + data.len()].copy_from_slice(data);
        }
        let plan = plan::plan(&self.kernel, &PlanRequest { shape, uniforms: &uniforms }, "cpu").ok()?.ok()?;
        plan.unsplit(&self.kernel).is_none().then_some(plan)
    }

    /// Runs a part of the grid over memory that holds what `slices` says of each binding; gives the bindings.
    fn run(&self, engine: &CpuBackend, part: Part, slices: &[Range<u64>], side: Side) -> Vec<Guarded> {
        let mut guarded: Vec<Guarded> =
            self.data.iter().zip(slices).map(|(data, slice)| Guarded::new(data, slice.clone(), side)).collect();
        let memory: Vec<(SharedMem<'_>, u64)> = guarded
            .iter_mut()
            .enumerate()
            .map(|(at, guarded)| {
                let bytes = guarded.bytes as u64;
                (guarded.memory(self.is_written(at)), bytes)
            })
            .collect();
        let (code, _) = engine.code(&self.kernel).unwrap();
        code.make_ready(part, Shape::Sliced, |at| Some(memory.get(at)?.1));
        engine.run(&code, (part, Shape::Sliced), &memory, None).unwrap();
        guarded
    }

    /// Compares runs of units on slices with the same runs on all of the data; gives how many slices were smaller than their
    /// bindings.
    fn check(&self, compiles: bool, random: &mut Random) -> Result<usize, String> {
        let Some(plan) = self.plan() else { return Ok(0) };
        let engine = CpuBackend::on(Pool::new(1), compiles);
        let whole: Vec<Range<u64>> = self.data.iter().map(|data| 0..data.len() as u64).collect();
        let units = plan.tiles.units();
        let mut smaller = 0;
        for _ in 0..6 {
            let first = random.below(units as usize) as u32;
            let run = first..first + 1 + random.below((units - first) as usize) as u32;
            let slices: Vec<Range<u64>> = (0..self.data.len())
                .map(|at| match self.kernel.bindings()[at].kind {
                    BindingKind::Uniform => whole[at].clone(),
                    _ => plan.touches(at, run.clone()),
                })
                .collect();
            smaller += slices.iter().zip(&whole).filter(|(slice, whole)| slice != whole).count();
            let side = if random.below(2) == 0 { Side::Start } else { Side::End };
            let units_of_run = plan.tiles.part(&run, plan.workgroups);
            let part = self.run(&engine, units_of_run, &slices, side);
            let all = self.run(&engine, units_of_run, &whole, side);
            for (at, (part, all)) in part.iter().zip(&all).enumerate() {
                let is_sliced = matches!(plan.bindings[at].verdict, Verdict::Sliced { .. });
                let written = plan.writes(at, run.clone());
                if is_sliced && part.slice(written.clone()) != all.slice(written.clone()) {
                    let name = &self.kernel.bindings()[at].name;
                    let pairs = part.slice(written.clone()).iter().zip(all.slice(written.clone()));
                    let at_byte = written.start + pairs.take_while(|(part, all)| part == all).count() as u64;
                    let slice = &slices[at];
                    return Err(format!(
                        "units {run:?} of {units} on `{}`, {side:?}: `{name}`, of {slice:?} written \
                         {written:?}, differs from byte {at_byte} on",
                        engine.info.driver
                    ));
                }
            }
        }
        Ok(smaller)
    }
}

/// What kernels do with slices: rows, fields of structs, vectors, halves, halos, lengths, descending and shifted indices.
const KERNELS: [&str; 8] = [
    "@group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn map(@builtin(global_invocation_id) id: vec3u) {
        if id.x < arrayLength(&y) { y[id.x] = x[id.x] * 3u + arrayLength(&x); }
    }",
    "@group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(48) fn stencil(@builtin(global_invocation_id) id: vec3u) {
        let n = arrayLength(&y);
        if id.x >= n { return; }
        y[id.x] = x[max(id.x, 100u) - 100u] + 3u * x[min(id.x + 100u, n - 1u)] + x[min(id.x + 1u, n - 1u)];
    }",
    "struct S { a: vec3u, b: u32, c: vec2u, d: u32 }
    @group(0) @binding(0) var<storage, read> x: array<S>;
    @group(0) @binding(1) var<storage, read_write> y: array<S>;
    @compute @workgroup_size(32) fn fields(@builtin(global_invocation_id) id: vec3u) {
        if id.x >= arrayLength(&y) { return; }
        y[id.x].a = x[id.x].a.zyx + x[id.x].d;
        y[id.x].c.y += x[id.x].c.x;
    }",
    "@group(0) @binding(0) var<storage, read> x: array<vec3u>;
    @group(0) @binding(1) var<storage, read_write> y: array<vec2u>;
    @compute @workgroup_size(16) fn vectors(@builtin(global_invocation_id) id: vec3u) {
        if id.x >= arrayLength(&y) { return; }
        y[id.x] = x[id.x].yz + x[id.x].x;
    }",
    "enable f16;
    @group(0) @binding(0) var<storage, read> x: array<f16>;
    @group(0) @binding(1) var<storage, read_write> y: array<f16>;
    @compute @workgroup_size(24) fn halves(@builtin(global_invocation_id) id: vec3u) {
        if id.x >= arrayLength(&y) { return; }
        y[id.x] = x[id.x] + y[id.x];
    }",
    "@group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn backwards(@builtin(global_invocation_id) id: vec3u) {
        let n = arrayLength(&y);
        if id.x < n { y[n - 1u - id.x] = x[n - 1u - id.x] ^ id.x; }
    }",
    "@group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn sums(@builtin(global_invocation_id) id: vec3u) {
        var sum = 0u;
        for (var k = 0u; k < 37u; k++) { sum += x[id.x * 37u + k] * k; }
        if id.x < arrayLength(&y) { y[id.x] = sum; }
    }",
    "@group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<u32>;
    var<workgroup> shared_rows: array<u32, 64>;
    @compute @workgroup_size(64) fn blocks(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) at: u32) {
        shared_rows[at] = x[id.x];
        workgroupBarrier();
        if id.x < arrayLength(&y) { y[id.x] = shared_rows[63u - at] + y[id.x]; }
    }",
];

#[test]
fn slices_are_all_that_their_units_reach() {
    let mut smaller = 0;
    for (number, wgsl) in KERNELS.iter().enumerate() {
        let kernel = kernel(wgsl);
        for elements in [700, 20_011] {
            let mut random = Random::new(number as u64 ^ elements);
            let data: Vec<Vec<u8>> = kernel
                .bindings()
                .iter()
                .map(|binding| {
                    let stride = u64::from(binding.element_stride().expect("an array"));
                    let count = if binding.name == "x" && number == 6 { 37 * elements } else { elements };
                    // Halves of small numbers, so that none is a NaN.
                    let words = (0..(count * stride).div_ceil(4))
                        .flat_map(|_| (random.next() as u32 & 0x3bff_3bff).to_ne_bytes());
                    words.take((count * stride) as usize).collect()
                })
                .collect();
            let [x, y, _] = kernel.workgroup_size();
            let grid = [elements as u32, 1, 1];
            let subject =
                Subject { workgroups: [grid[0].div_ceil(x), grid[1].div_ceil(y), 1], data, kernel: kernel.clone() };
            assert!(subject.plan().is_some(), "{} can be shared", kernel.name());
            for compiles in [true, false] {
                let checked = subject.check(compiles, &mut random);
                smaller += checked.unwrap_or_else(|what| panic!("{}, {elements}: {what}", kernel.name()));
            }
        }
    }
    assert!(smaller > 300, "{smaller} slices were smaller than their bindings");
}

fn generated(generated: &Generated, seed: u64) -> Option<Subject> {
    let kernel = crate::kernel::Module::parse(&generated.wgsl).and_then(|module| module.only_kernel()).ok()?;
    let mut random = Random::new(seed ^ 0x51ce);
    let mut words =
        |count: usize, most: u32| (0..count).map(|_| (random.next() as u32 >> 8) % most).collect::<Vec<u32>>();
    let data = kernel
        .bindings()
        .iter()
        .map(|binding| {
            let of = |place: usize| generated.lengths[place];
            let words = match binding.name.as_str() {
                "params" => generated.params.to_vec(),
                "src" => words(of(0), u32::MAX),
                "idx" => words(of(1), generated.below.max(1)),
                "dst" => words(of(2), u32::MAX),
                "acc" => words(of(3), u32::MAX),
                "recs" => words(of(4) * 6, u32::MAX),
                "quads" => words(of(5) * 4, u32::MAX),
                "log" => [vec![0], words(of(6) + 6, u32::MAX)].concat(),
                _ => words(of(7).div_ceil(2), u32::MAX).into_iter().map(|word| word & 0x3c00_3c00).collect(),
            };
            bytemuck::cast_slice(&words).to_vec()
        })
        .collect();
    Some(Subject { workgroups: generated.workgroups, data, kernel })
}

#[test]
fn slices_of_generated_kernels_are_all_that_their_units_reach() {
    let (mut smaller, mut shared) = (0, 0);
    for seed in 1..400 {
        let made = indexing::family(seed);
        let Some(subject) = generated(&made, seed) else { continue };
        let mut random = Random::new(seed);
        for compiles in [true, false] {
            let checked = subject.check(compiles, &mut random);
            let found = checked.unwrap_or_else(|what| panic!("seed {seed}: {what}\n{}", made.wgsl));
            smaller += found;
            shared += usize::from(found > 0);
        }
    }
    assert!(smaller > 1000 && shared > 200, "{smaller} slices of {shared} kernels were smaller than their bindings");
}
