//! Shapes of accesses, bounds, atomics, local arrays, half floats, subgroups.

use super::*;

#[test]
fn every_stride_and_direction() {
    let wgsl = "
        struct S { a: u32, b: vec2u, c: array<u32, 3> }
        @group(0) @binding(0) var<storage, read> x: array<u32>;
        @group(0) @binding(1) var<storage, read> v: array<vec4u>;
        @group(0) @binding(2) var<storage, read> s: array<S>;
        @group(0) @binding(3) var<uniform> n: vec4u;
        @group(0) @binding(4) var<storage, read_write> out: array<vec4u>;
        @compute @workgroup_size(32) fn main(@builtin(global_invocation_id) id: vec3u) {
            let i = id.x;
            let back = n.x - 1u - i;
            let third = 3u * i;
            out[i] = vec4u(x[i] + x[back] + x[third] + x[n.y], v[i].x + v[back].z + v[i / 3u].w,
                s[i].a + s[back].b.y + s[i].c[i % 4u], x[i * i % n.x] + x[(i ^ 5u)] + x[i & ~7u]);
            out[i].w += x[i + 0xfffffff0u];
            out[back].y = i;
        }";
    let n = 200u32;
    for uniform in [[n, 5, 0, 0], [n, 100_000, 0, 0], [70, 0, 0, 0]] {
        let out = vec![1; 4 * n as usize];
        let bindings = [noise(n as usize, 1), noise(4 * n as usize, 2), noise(8 * 150, 3), uniform.to_vec(), out];
        let program = program(wgsl);
        // `out[back].y` races with nothing only where lanes pair up; compare without it then.
        let want = evaluate(&program, [7, 1, 1], &bindings);
        let mut got = bindings.to_vec();
        run_program(&program, [7, 1, 1], &mut got, 1);
        for i in 0..n as usize {
            for part in [0, 2, 3] {
                assert_eq!(got[4][4 * i + part], want[4][4 * i + part], "element {i}, part {part}, {uniform:?}");
            }
        }
    }
}

#[test]
fn out_of_bounds_loads_give_zero_and_stores_do_nothing() {
    let wgsl = "
        struct T { head: array<u32, 5>, rest: array<u32> }
        @group(0) @binding(0) var<storage, read> index: array<u32>;
        @group(0) @binding(1) var<storage, read_write> t: T;
        @group(0) @binding(2) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(16) fn main(@builtin(global_invocation_id) id: vec3u) {
            let k = index[id.x];
            out[id.x] = t.head[k] + t.rest[k] + t.rest[id.x + 3u];
            out[id.x + 64u] = arrayLength(&t.rest);
        }";
    let index = vec![0, 4, 5, 6, 7, 12, 13, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0x4000_0000, 1, 2, 3, 4, 5];
    let t: Vec<u32> = (0..18).map(|i| 100 + i).collect();
    compare(wgsl, [1, 1, 1], &mut [index, t, vec![9; 70]]);

    let wgsl = "
        @group(0) @binding(0) var<storage, read> index: array<u32>;
        @group(0) @binding(1) var<storage, read_write> out: array<u32, 8>;
        @group(0) @binding(2) var<storage, read_write> many: array<u32>;
        @compute @workgroup_size(16) fn main(@builtin(global_invocation_id) id: vec3u) {
            out[index[id.x]] = id.x + 1u;
            many[id.x + 5u] = 7u;
            many[id.x + 0xfffffffeu] = 8u;
        }";
    let index = vec![7, 8, 9, 0x4000_0001, 0x8000_0000, u32::MAX, 1, 0x4000_0000, 20, 21, 22, 23, 24, 25, 26, 0];
    let mut bindings = [index, vec![0; 8], vec![0; 12]];
    dispatch(wgsl, [1, 1, 1], &mut bindings);
    assert_eq!(bindings[1], [16, 7, 0, 0, 0, 0, 0, 1]);
    assert_eq!(bindings[2][..5], [8, 8, 8, 8, 8]);
}

#[test]
fn masked_stores_and_scatters() {
    let wgsl = "
        @group(0) @binding(0) var<storage, read> x: array<u32>;
        @group(0) @binding(1) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
            let i = id.x;
            if (x[i] % 3u == 0u) {
                out[i] = x[i];
                out[4u * i + 1000u] = 5u;
                out[1000u + 4u * (i ^ 3u) + 1u] = i;
            } else if (i > 50u) {
                out[i] = 77u;
            }
            if (i >= 100u && i < 131u) { out[5000u + i] = i; out[6000u + i] = 1u; }
        }";
    compare(wgsl, [5, 1, 1], &mut [noise(320, 8), vec![0; 7000]]);
}

#[test]
fn local_arrays() {
    let wgsl = "
        @group(0) @binding(0) var<storage, read> x: array<u32>;
        @group(0) @binding(1) var<storage, read_write> out: array<u32>;
        const primes = array<u32, 6>(2u, 3u, 5u, 7u, 11u, 13u);
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
            let i = id.x;
            var sum = 0u;
            for (var round = 0u; round < 3u; round++) {
                var stack: array<u32, 9>;
                for (var k = 0u; k < 9u; k++) { stack[k] += x[i] >> k; }
                stack[x[i] % 12u] = 1000u + round;
                if (i % 3u == 0u) { stack[i % 9u] = 5u; }
                for (var k = 0u; k < x[i] % 10u; k++) { sum = sum * 3u + stack[k]; }
                sum += stack[i % 9u] + primes[i % 7u] + primes[round];
            }
            out[i] = sum;
        }";
    compare(wgsl, [5, 1, 1], &mut [noise(320, 12), vec![0; 320]]);
}

#[test]
fn private_memory_larger_than_the_frame_budget() {
    let wgsl = "
        @group(0) @binding(0) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3u) {
            var table: array<u32, 3000>;
            for (var k = 0u; k < 3000u; k += 7u) { table[k + id.x % 7u] = k * id.x; }
            out[id.x] = table[(id.x * 70u) % 3000u + id.x % 7u] + table[2999];
        }";
    compare(wgsl, [8, 1, 1], &mut [vec![0; 64]]);
}

#[test]
fn atomics_that_accumulate() {
    let wgsl = |fun: &str, ty: &str| {
        format!(
            "@group(0) @binding(0) var<storage, read> x: array<{ty}>;
             @group(0) @binding(1) var<storage, read_write> bins: array<atomic<{ty}>>;
             @group(0) @binding(2) var<storage, read_write> total: atomic<{ty}>;
             @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {{
                let bin = u32(x[id.x]) % 19u;
                {fun}(&bins[bin], x[id.x]);
                if (bin % 2u == 0u) {{ {fun}(&total, x[id.x]); }}
             }}"
        )
    };
    for fun in ["atomicAdd", "atomicSub", "atomicMin", "atomicMax", "atomicAnd", "atomicOr", "atomicXor"] {
        for ty in ["u32", "i32"] {
            // 17 bins: two of the indices are out of bounds. 100 lanes are too few for copies, 6400 enough.
            for groups in [1, 100] {
                let lanes = 64 * groups as usize;
                let start = vec![if fun == "atomicMin" { 0x7fff_0000 } else { 0x00ff_0010 }; 17];
                compare(&wgsl(fun, ty), [groups, 1, 1], &mut [noise(lanes, 77), start, vec![5]]);
            }
        }
    }
}

#[test]
fn atomics_whose_results_are_read() {
    let wgsl = "
        @group(0) @binding(0) var<storage, read_write> counter: array<atomic<u32>, 2>;
        @group(0) @binding(1) var<storage, read_write> taken: array<u32>;
        @group(0) @binding(2) var<storage, read_write> swapped: array<atomic<u32>>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
            if (id.x % 3u != 0u) {
                let at = atomicAdd(&counter[0], 1u);
                taken[at] = id.x;
            }
            let r = atomicCompareExchangeWeak(&swapped[id.x % 8u], 0u, id.x + 1u);
            if (r.exchanged) { atomicAdd(&counter[1], 1u); }
            atomicMax(&swapped[8u], atomicExchange(&swapped[id.x + 100u], id.x));
        }";
    let program = program(wgsl);
    for threads in [1, 4] {
        let mut bindings = [vec![0; 2], vec![u32::MAX; 640], vec![0; 740]];
        run_program(&program, [10, 1, 1], &mut bindings, threads);
        assert_eq!(bindings[0], [426, 8]);
        let mut taken: Vec<u32> = bindings[1][..426].to_vec();
        taken.sort_unstable();
        assert_eq!(taken, (0..640).filter(|i| i % 3 != 0).collect::<Vec<_>>());
        assert!(bindings[2][..8].iter().enumerate().all(|(i, x)| (*x as usize - 1) % 8 == i));
        assert_eq!(bindings[2][100..740], (0..640).collect::<Vec<_>>());
    }
}

#[test]
fn workgroup_memory_starts_at_zero_and_has_atomics() {
    let wgsl = "
        var<workgroup> bins: array<atomic<u32>, 16>;
        var<workgroup> last: atomic<i32>;
        @group(0) @binding(0) var<storage, read> x: array<u32>;
        @group(0) @binding(1) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u,
            @builtin(local_invocation_index) i: u32, @builtin(workgroup_id) group: vec3u) {
            let before = atomicAdd(&bins[x[id.x] % 16u], 1u);
            atomicMax(&last, i32(before));
            workgroupBarrier();
            if (i < 16u) { out[group.x * 17u + i] = atomicLoad(&bins[i]); }
            if (i == 20u) { out[group.x * 17u + 16u] = u32(atomicLoad(&last)); }
            workgroupBarrier();
            atomicStore(&bins[i % 16u], 9u);
        }";
    let x = noise(64 * 20, 5);
    let mut want = Vec::new();
    for part in x.chunks(64) {
        let mut bins = [0; 16];
        part.iter().for_each(|x| bins[*x as usize % 16] += 1);
        want.extend(bins);
        want.push(bins.iter().max().unwrap() - 1);
    }
    let mut bindings = [x, vec![0; 17 * 20]];
    dispatch(wgsl, [20, 1, 1], &mut bindings);
    assert_eq!(bindings[1], want);
}

#[test]
fn uniform_loads_of_workgroup_memory() {
    let wgsl = "
        var<workgroup> limit: u32;
        @group(0) @binding(0) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(32) fn main(@builtin(local_invocation_index) i: u32,
            @builtin(workgroup_id) group: vec3u) {
            if (i == 7u) { limit = group.x * 3u; }
            let n = workgroupUniformLoad(&limit);
            for (var k = 0u; k < n; k++) { workgroupBarrier(); out[group.x * 32u + i] += k; }
        }";
    let mut bindings = [vec![0; 96]];
    dispatch(wgsl, [3, 1, 1], &mut bindings);
    let want: Vec<u32> = (0..96).map(|i| (0..3 * (i / 32)).sum()).collect();
    assert_eq!(bindings[0], want);
}

#[test]
fn half_floats_in_every_memory() {
    let wgsl = "
        enable f16;
        var<workgroup> tile: array<f16, 32>;
        @group(0) @binding(0) var<storage, read> x: array<f16>;
        @group(0) @binding(1) var<storage, read_write> y: array<f16>;
        @group(0) @binding(2) var<storage, read_write> v: array<vec2h>;
        @compute @workgroup_size(32) fn main(@builtin(global_invocation_id) id: vec3u,
            @builtin(local_invocation_index) i: u32) {
            var mine: array<f16, 5>;
            tile[i] = x[id.x];
            workgroupBarrier();
            mine[i % 5u] = tile[31u - i] + 1.0h;
            mine[3] += tile[i];
            y[id.x] = mine[i % 5u] * x[id.x] + mine[3];
            v[id.x] = vec2h(y[id.x], mine[(i + 1u) % 5u]);
            if (i % 4u == 1u) { y[id.x + 64u] = tile[i ^ 1u]; }
        }";
    let value = |i: usize| half::f16::from_f32((i as f32 - 20.0) * 0.37);
    let halves: Vec<half::f16> = (0..64).map(value).collect();
    let x: Vec<u32> = bytemuck::allocation::pod_collect_to_vec(&halves);
    let mut bindings = [x, vec![0; 64], vec![0; 64]];
    dispatch(wgsl, [2, 1, 1], &mut bindings);
    let y: &[half::f16] = bytemuck::cast_slice(&bindings[1]);
    let v: &[half::f16] = bytemuck::cast_slice(&bindings[2]);
    let round = half::f16::from_f32;
    for id in 0..64 {
        let i = id % 32;
        let tile = |k: usize| value(id / 32 * 32 + k);
        let mut mine = [half::f16::ZERO; 5];
        mine[i % 5] = round(tile(31 - i).to_f32() + 1.0);
        mine[3] = round(mine[3].to_f32() + tile(i).to_f32());
        let product = round(mine[i % 5].to_f32() * value(id).to_f32());
        let want = round(product.to_f32() + mine[3].to_f32());
        assert_eq!(y[id], want, "{id}");
        assert_eq!((v[2 * id], v[2 * id + 1]), (want, mine[(i + 1) % 5]), "{id}");
        let stored = if i % 4 == 1 { tile(i ^ 1) } else { half::f16::ZERO };
        assert_eq!(y[id + 64], stored, "{id}");
    }
}

#[test]
fn subgroups_are_eight_lanes() {
    let wgsl = "
        @group(0) @binding(0) var<storage, read> x: array<u32>;
        @group(0) @binding(1) var<storage, read_write> out: array<array<u32, 8>>;
        @compute @workgroup_size(20) fn main(@builtin(global_invocation_id) id: vec3u,
            @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) size: u32) {
            let v = x[id.x];
            out[id.x][0] = lane + 100u * size;
            if (v % 3u != 0u) {
                out[id.x][1] = subgroupAdd(v);
                out[id.x][2] = subgroupExclusiveAdd(v);
                out[id.x][3] = subgroupInclusiveMul(v);
                out[id.x][4] = bitcast<u32>(subgroupMax(bitcast<i32>(v)));
                out[id.x][5] = subgroupBroadcastFirst(v);
                out[id.x][6] = select(0u, 1u, subgroupAny(v > 0xf0000000u)) + select(0u, 2u, subgroupAll(v > 0x10000000u));
                out[id.x][7] = bitcast<u32>(subgroupAdd(f32(v % 100u) * 0.1));
            }
        }";
    let x = noise(60, 21);
    let mut bindings = [x.clone(), vec![0; 8 * 60]];
    dispatch(wgsl, [3, 1, 1], &mut bindings);
    for id in 0..60usize {
        let (group, local) = (id / 20 * 20, id % 20);
        let got = &bindings[1][8 * id..8 * id + 8];
        assert_eq!(got[0], local as u32 % 8 + 800);
        if x[id].is_multiple_of(3) {
            continue;
        }
        let first = group + local / 8 * 8;
        let active: Vec<usize> = (first..(first + 8).min(group + 20)).filter(|i| !x[*i].is_multiple_of(3)).collect();
        let sum = |part: &[usize]| part.iter().fold(0u32, |a, i| a.wrapping_add(x[*i]));
        let before: Vec<usize> = active.iter().copied().filter(|i| *i < id).collect();
        let upto: Vec<usize> = active.iter().copied().filter(|i| *i <= id).collect();
        assert_eq!(got[1], sum(&active));
        assert_eq!(got[2], sum(&before));
        assert_eq!(got[3], upto.iter().fold(1u32, |a, i| a.wrapping_mul(x[*i])));
        assert_eq!(got[4] as i32, active.iter().map(|i| x[*i] as i32).max().unwrap());
        assert_eq!(got[5], x[active[0]]);
        let any = u32::from(active.iter().any(|i| x[*i] > 0xf000_0000));
        let all = u32::from(active.iter().all(|i| x[*i] > 0x1000_0000));
        assert_eq!(got[6], any + 2 * all);
        let floats: Vec<f32> = active.iter().map(|i| (x[*i] % 100) as f32 * 0.1).collect();
        assert_eq!(f32::from_bits(got[7]), floats[1..].iter().fold(floats[0], |a, b| a + b));
    }
}

#[test]
fn the_length_of_an_array_follows_the_binding() {
    let wgsl = "
        struct T { head: vec4f, rest: array<vec3f> }
        @group(0) @binding(0) var<storage, read> t: T;
        @group(0) @binding(1) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(1) fn main() { out[0] = arrayLength(&t.rest); }";
    for (words, want) in [(4 + 12, 3), (4 + 15, 3), (4 + 11, 2), (8, 1)] {
        let mut bindings = [vec![0; words], vec![0]];
        dispatch(wgsl, [1, 1, 1], &mut bindings);
        assert_eq!(bindings[1][0], want);
    }
}
