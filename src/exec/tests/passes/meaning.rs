//! Adapted kernels, run on the CPU engine, against what their authors wrote.

use super::*;
use crate::{
    exec::{ArgData, Launch, cpu},
    kernel::BindingKind,
};

/// The kernel that a variant is, with its tile's uniform as the last binding.
fn as_kernel(kernel: &Kernel, variant: &Variant) -> Kernel {
    let module = adapted(kernel, variant);
    let info = validate(&module);
    kernel.with_module(module, info)
}

/// Runs a kernel on the interpreter; `data` are its bindings in their order.
fn run(kernel: &Kernel, workgroups: [u32; 3], data: &mut [Vec<u32>]) {
    let args = kernel.bindings().iter().zip(data).map(|(binding, words)| match binding.kind {
        BindingKind::Uniform => ArgData::Uniform(bytemuck::cast_slice(words)),
        BindingKind::ReadStorage => ArgData::Read(bytemuck::cast_slice(words)),
        BindingKind::ReadWriteStorage => ArgData::Write(bytemuck::cast_slice_mut(words)),
    });
    let launch = Launch::new(kernel, args.collect(), workgroups);
    cpu::interpreter().launch(launch).unwrap_or_else(|error| panic!("{}: {error}", kernel.name()));
}

fn words(uniform: &TileUniform) -> Vec<u32> {
    let mut bytes = vec![0; TileUniform::size(uniform.slices.len()) as usize];
    uniform.write(&mut bytes);
    bytemuck::pod_collect_to_vec(&bytes)
}

/// Every kind of access by indices that are read: `index` has some in bounds and some far outside.
const SCATTERED: &str = "
    struct Item { a: u32, b: array<vec2u, 2>, count: atomic<u32> }
    struct Plain { a: u32, b: array<u32, 3> }
    @group(0) @binding(0) var<storage, read> index: array<i32, 64>;
    @group(0) @binding(1) var<storage, read> x: array<u32>;
    @group(0) @binding(2) var<storage, read> plain: array<Plain>;
    @group(0) @binding(3) var<storage, read_write> items: array<Item>;
    @group(0) @binding(4) var<storage, read_write> marks: array<atomic<i32>>;
    @group(0) @binding(5) var<storage, read_write> out: array<vec4u>;

    fn fetch(i: i32) -> u32 { return x[i] + x[u32(i) + 1u]; }
    fn total(p: ptr<function, Plain>) -> u32 { (*p).a += 1u; return (*p).a + (*p).b[0] + (*p).b[2]; }

    @compute @workgroup_size(64) fn scattered(@builtin(local_invocation_index) lane: u32) {
        let i = index[lane];
        var copy = plain[i];
        let whole = total(&copy) + copy.b[i];
        let old = atomicAdd(&marks[i], 3);
        let swapped = atomicCompareExchangeWeak(&items[i].count, 0u, lane);
        items[i].a = whole;
        items[i].b[i][i & 1] = lane + 1u;
        items[i].b[lane & 1u] = vec2u(lane);
        out[i] = vec4u(fetch(i), whole, u32(old), swapped.old_value + 2u * u32(swapped.exchanged));
        out[lane / 2u][i] = items[i].b[1][i] + atomicLoad(&marks[i]) * 0u + u32(arrayLength(&x));
    }";

/// Behind the logical end of each array stands poison: whatever reads it or writes it was not guarded.
#[test]
fn nothing_behind_the_logical_end_is_touched() {
    const POISON: u32 = 0xdead_beef;
    let source = SCATTERED.replace("atomicLoad(&marks[i]) * 0u", "u32(atomicLoad(&marks[i]) * 0)");
    let kernel = kernel(&source);
    // By binding: words of an element, elements.
    let arrays = [(1, 64), (1, 7), (4, 5), (8, 6), (1, 9), (4, 11)];
    let indices = [0, 1, 4, 5, 6, 8, 9, 10, 11, 12, 40, -1, -2, i32::MIN, i32::MAX, 0x1000_0000, 0x4000_0001];
    let mut data: Vec<Vec<u32>> =
        arrays.iter().map(|&(size, count)| (0..size * count).map(|i| i * 7 + 1).collect()).collect();
    // One lane for each element, so that the result does not depend on their order.
    data[0] = (0..64).map(|lane| *indices.get(lane).unwrap_or(&(100 + lane as i32)) as u32).collect();
    let mut expected = data.clone();
    run(&kernel, [1, 1, 1], &mut expected);
    assert_ne!(expected, data, "the kernel does something");

    let runtime = vec![false, true, true, true, true, true];
    for sliced in [false, true] {
        let sliced = runtime.iter().map(|&runtime| runtime && sliced).collect();
        let variant = Variant { sliced, logical_length: runtime.clone(), ..Variant::default() };
        let lengths = arrays.iter().map(|&(_, count)| Slice { first: 0, length: count });
        let uniform = TileUniform { slices: lengths.collect(), ..TileUniform::new([0; 3], [1; 3], 6) };
        let mut longer = data.clone();
        for (array, runtime) in longer.iter_mut().zip(&runtime) {
            array.extend(vec![POISON; if *runtime { 4096 } else { 0 }]);
        }
        longer.push(words(&uniform));
        run(&as_kernel(&kernel, &variant), [1, 1, 1], &mut longer);
        for (i, (found, expected)) in longer.iter().zip(&expected).enumerate() {
            let (found, behind) = found.split_at(expected.len());
            assert_eq!(found, expected, "binding {i}");
            assert!(behind.iter().all(|&word| word == POISON), "binding {i} was written behind its end");
        }
    }
}

/// A guard that rests on the physical length does the same.
#[test]
fn guards_leave_the_meaning_as_it_is() {
    let kernel = kernel(&SCATTERED.replace("atomicLoad(&marks[i]) * 0u", "u32(atomicLoad(&marks[i]) * 0)"));
    let mut data: Vec<Vec<u32>> = [64, 7, 20, 48, 9, 44].map(|n| (0..n).map(|i| i * 5 + 2).collect()).to_vec();
    data[0] = (0..64u32).map(|lane| lane.wrapping_sub(20)).collect();
    let mut expected = data.clone();
    run(&kernel, [1, 1, 1], &mut expected);
    run(&as_kernel(&kernel, &Variant::default()), [1, 1, 1], &mut data);
    assert_eq!(data, expected);
}

const STENCIL: &str = "
    @group(0) @binding(0) var<storage, read> src: array<u32>;
    @group(0) @binding(1) var<storage, read_write> dst: array<u32>;
    @group(0) @binding(2) var<storage, read_write> counts: array<u32>;
    var<workgroup> seen: u32;
    fn at(i: i32) -> u32 { return src[clamp(i, 0, i32(arrayLength(&src)) - 1)]; }
    @compute @workgroup_size(16)
    fn stencil(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u,
               @builtin(num_workgroups) whole: vec3u, @builtin(local_invocation_index) lane: u32) {
        let i = i32(id.x);
        dst[id.x] = at(i - 1) + 1000u * src[id.x] + 1000000u * at(i + 1) + whole.x;
        if (lane == 0u) { seen = group.x; }
        workgroupBarrier();
        if (lane == 3u) { counts[group.x] = seen * arrayLength(&dst) + src[100000u + id.x]; }
    }";

/// A grid in tiles, each with its own slices of the arrays, gives what the whole grid gives.
#[test]
fn tiles_with_slices_make_the_whole() {
    const GROUPS: u32 = 7;
    // The last workgroup is not full: its lanes go beyond the arrays.
    const LENGTH: u32 = 16 * GROUPS - 5;
    let kernel = kernel(STENCIL);
    let src: Vec<u32> = (0..LENGTH).map(|i| i * i % 97).collect();
    let mut expected = [src.clone(), vec![9; LENGTH as usize], vec![9; GROUPS as usize]];
    run(&kernel, [GROUPS, 1, 1], &mut expected);
    let variant = Variant {
        tiled: true,
        rows: 0,
        sliced: vec![true, true, true],
        logical_length: vec![true, true, true],
        guard: Guard::All,
        fuel: false,
        watch: false,
    };
    let tiled = as_kernel(&kernel, &variant);
    for size in [1, 2, 3, GROUPS] {
        let (mut dst, mut counts) = (vec![9; LENGTH as usize], vec![9; GROUPS as usize]);
        for start in (0..GROUPS).step_by(size as usize) {
            let end = GROUPS.min(start + size);
            let own = (start * 16, LENGTH.min(end * 16));
            let halo = (own.0.saturating_sub(1), LENGTH.min(own.1 + 1));
            let slice = |(first, _): (u32, u32), length| Slice { first, length };
            let slices = vec![slice(halo, LENGTH), slice(own, LENGTH), slice((start, end), GROUPS)];
            let uniform = TileUniform { origin: [start, 0, 0], fuel: 0, whole: [GROUPS, 1, 1], slices };
            let part = |all: &[u32], (start, end): (u32, u32)| all[start as usize..end as usize].to_vec();
            let mut data = [part(&src, halo), part(&dst, own), part(&counts, (start, end)), words(&uniform)];
            run(&tiled, [end - start, 1, 1], &mut data);
            dst[own.0 as usize..own.1 as usize].copy_from_slice(&data[1]);
            counts[start as usize..end as usize].copy_from_slice(&data[2]);
        }
        assert_eq!(dst, expected[1], "tiles of {size}");
        assert_eq!(counts, expected[2], "tiles of {size}");
    }
}

/// Every way out of loops: functions that return from loops in loops and switches, breaks of switches in loops, `break if`.
const WAYS_OUT: &str = "
    @group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<u32>;
    struct Pair { a: u32, b: vec2u }
    fn first(n: u32, key: u32) -> Pair {
        for (var i = 0u; i < n; i++) {
            for (var k = i; k < 9u; k++) {
                switch k * i {
                    case 12u: { if key % 3u == 1u { return Pair(k, vec2u(i, 1)); } break; }
                    case 3u, 6u: { if key % 3u == 0u { continue; } if key % 3u == 2u { break; } return Pair(i, vec2u(k)); }
                    case 4u: { loop { if key % 7u == 2u { return Pair(key, vec2u(7)); } break; } }
                    default: {}
                }
                if k == key % 11u { break; }
            }
        }
        return Pair(n, vec2u(99));
    }
    fn nothing(i: u32) {
        loop { if y[i] > 3u { return; } y[i] += 1u; }
    }
    fn sort(n: u32) -> u32 {
        switch n % 4u { case 0u: { for (var i = 0u; ; i++) { if i == n { return i; } } } default: { } }
        var k = 0u;
        loop { k += 2u; continuing { if k > 6u { k += 1u; } break if k >= n % 20u; } }
        return k;
    }
    @compute @workgroup_size(16) fn ways(@builtin(global_invocation_id) id: vec3u) {
        let i = id.x;
        y[i] = 0u;
        nothing(i);
        let found = first(x[i] % 8u, x[i]);
        var sum = 0u;
        for (var k = 0u; k < 5u; k++) { let other = first(k, i); sum += other.a + other.b.y; if sum > 400u { y[i] = sum; return; } }
        while sum % 5u != 0u { sum++; }
        y[i] += found.a + 100u * found.b.x + 10000u * found.b.y + 1000000u * sum + sort(x[i]);
    }";

/// What loops are watched with changes nothing, whatever way they are left on, and finds nothing where nothing is wrong.
#[test]
fn watched_loops_mean_the_same() {
    let kernel = kernel(WAYS_OUT);
    let mut data: Vec<Vec<u32>> = vec![(0..64u32).map(|i| i * i % 61).collect(), vec![7; 64]];
    let uniform = words(&TileUniform::new([0; 3], [4, 1, 1], 2));
    let before = data.clone();
    run(&kernel, [4, 1, 1], &mut data);
    for fuel in [false, true] {
        let variant = Variant { watch: true, fuel, ..Variant::default() };
        let mut uniform = uniform.clone();
        // Fuel for all.
        uniform[3] = 1000;
        let mut found = before.clone();
        found.extend([uniform, vec![0, 0]]);
        run(&as_kernel(&kernel, &variant), [4, 1, 1], &mut found);
        assert_eq!(found[..2], data[..]);
        assert_eq!(found[3], [0, 0], "nothing is cut short");
    }
    data[1].sort_unstable();
    data[1].dedup();
    assert!(data[1].len() > 20, "ways of all kinds were taken: {:?}", data[1]);
}

/// There is nothing to watch without loops.
#[test]
fn a_kernel_without_loops_is_left_alone() {
    let kernel = kernel(&SCATTERED.replace("atomicLoad(&marks[i]) * 0u", "u32(atomicLoad(&marks[i]) * 0)"));
    let variant = |watch| Variant { watch, fuel: false, ..Variant::default() };
    let function = |watch| adapted(&kernel, &variant(watch)).entry_points[kernel.inner.entry].function.clone();
    assert_eq!(format!("{:?}", function(true).body), format!("{:?}", function(false).body));
}
