//! Control flow, masks, and the shapes of grids.

use super::*;

/// A kernel that stores `f(i)` for a ragged number of lanes.
fn each(body: &str, input: Vec<u32>) {
    for (size, groups) in [("1", 150), ("7", 22), ("64", 3), ("256", 1)] {
        let wgsl = format!(
            "@group(0) @binding(0) var<storage, read> input: array<u32>;
             @group(0) @binding(1) var<storage, read_write> output: array<u32>;
             {body}
             @compute @workgroup_size({size}) fn main(@builtin(global_invocation_id) id: vec3u) {{
                if (id.x >= arrayLength(&input)) {{ return; }}
                output[id.x] = f(input[id.x], id.x);
             }}"
        );
        let count = input.len();
        compare(&wgsl, [groups, 1, 1], &mut [input.clone(), vec![0xdead_beef; count + 20]]);
    }
}

#[test]
fn nested_ifs() {
    let body = "
        fn f(x: u32, i: u32) -> u32 {
            var r = 1u;
            if (x % 2u == 0u) {
                if (x % 3u == 0u) { r = 7u; } else if (i > 70u) { r = x; } else { r += i; }
                r *= 3u;
            } else {
                if (i < 33u) { if (x > 1000u) { r = 5u; } r += 2u; }
            }
            return r + x;
        }";
    each(body, noise(140, 5));
}

#[test]
fn loops_with_varying_trip_counts() {
    let body = "
        fn f(x: u32, i: u32) -> u32 {
            var sum = 0u;
            for (var k = 0u; k < x % 37u; k++) {
                if (k % 5u == 3u) { continue; }
                for (var j = k; j < k + i % 4u; j++) { sum += j * j + x; }
            }
            return sum;
        }";
    each(body, noise(140, 17));
}

#[test]
fn breaks_out_of_two_levels_and_returns_from_loops() {
    let body = "
        fn find(x: u32, i: u32) -> u32 {
            var found = 99u;
            for (var a = 1u; a < 12u; a++) {
                var stop = false;
                for (var b = a; b < 12u; b++) {
                    if (a * b == x % 60u) { found = a * 100u + b; stop = true; break; }
                    if (a + b == x % 17u + 13u) { return a; }
                    switch ((a + b + i) % 4u) {
                        case 0u: { continue; }
                        case 1u: { found += 1u; }
                        case 2u: { if (b == 11u) { break; } found += 2u; }
                        default: { }
                    }
                    found ^= b;
                }
                if (stop) { break; }
            }
            return found;
        }
        fn f(x: u32, i: u32) -> u32 { return find(x, i) + 1000u * find(x / 7u, i + 1u); }";
    each(body, noise(140, 23));
}

#[test]
fn values_that_swap_in_a_loop() {
    let body = "
        fn f(x: u32, i: u32) -> u32 {
            var a = x; var b = i; var c = 7u;
            for (var k = 0u; k < i % 9u; k++) { let t = a; a = b; b = c; c = t + k; }
            loop { if (a < 100u) { break; } a /= 3u; let t = b; b = c; c = t; }
            return a ^ (b << 8u) ^ (c << 16u);
        }";
    each(body, noise(140, 31));
}

#[test]
fn conditions_that_change_with_the_lane_index() {
    let body = "
        fn f(x: u32, i: u32) -> u32 {
            var r = 0u;
            for (var s = 128u; s > 0u; s >>= 1u) {
                if (i < s) { r += s; if (i >= s / 2u) { r += x; } else { r ^= 1u; } }
                if (i == s) { r += 1000u; }
                if (i != s && i < 100u) { r += 3u; }
            }
            let left = select(i - 1u, 0u, i == 0u);
            let right = min(i + 1u, 139u);
            return r + input[left] * 3u + input[right];
        }";
    each(body, noise(140, 41));
}

#[test]
fn grids_of_every_shape() {
    let wgsl = |size: &str| {
        format!(
            "struct Out {{ id: vec3u, index: u32, local: vec3u, group_x: u32, group: vec3u, groups_x: u32 }}
            @group(0) @binding(0) var<uniform> size: vec3u;
            @group(0) @binding(1) var<storage, read_write> out: array<Out>;
            @compute @workgroup_size({size}) fn main(@builtin(global_invocation_id) id: vec3u,
                @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) index: u32,
                @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {{
                if (any(id >= size)) {{ return; }}
                let at = id.x + size.x * (id.y + size.y * id.z);
                out[at] = Out(id, index, local, group.x * 7u, group, groups.x);
            }}"
        )
    };
    for (text, size) in [
        ("1", [1, 1, 1]),
        ("7", [7, 1, 1]),
        ("64", [64, 1, 1]),
        ("1024", [1024, 1, 1]),
        ("8, 8", [8, 8, 1]),
        ("4, 4, 4", [4, 4, 4]),
        ("1, 64", [1, 64, 1]),
        ("3, 5, 7", [3, 5, 7]),
        ("1, 1, 9", [1, 1, 9]),
    ] {
        for extent in [[1u32, 1, 1], [300, 1, 1], [1, 300, 1], [5, 7, 11], [129, 3, 2], [40, 30, 1]] {
            let groups = [0, 1, 2].map(|axis: usize| extent[axis].div_ceil(size[axis]));
            let count = extent.iter().product::<u32>() as usize;
            let mut uniform = extent.to_vec();
            uniform.push(0);
            compare(&wgsl(text), groups, &mut [uniform, vec![77; 12 * count]]);
        }
    }
}

/// A barrier makes each workgroup a frame: the same grids, through the other path.
#[test]
fn workgroups_of_every_shape() {
    let wgsl = |size: &str, lanes: u32| {
        format!(
            "var<workgroup> tile: array<u32, {lanes}>;
            @group(0) @binding(0) var<storage, read_write> out: array<vec4u>;
            @compute @workgroup_size({size}) fn main(@builtin(global_invocation_id) id: vec3u,
                @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) index: u32,
                @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {{
                tile[index] = id.x + 1000u * id.y + 1000000u * id.z;
                workgroupBarrier();
                let place = group.x + groups.x * (group.y + groups.y * group.z);
                let other = tile[{lanes}u - 1u - index];
                out[place * {lanes}u + index] = vec4u(other, local.x + 100u * local.y + 10000u * local.z, tile[0], group.y);
            }}"
        )
    };
    for (text, size) in
        [("1", [1, 1, 1]), ("7", [7, 1, 1]), ("256", [256, 1, 1]), ("8, 8", [8, 8, 1]), ("4, 3, 5", [4, 3, 5])]
    {
        let groups = [3, 2, 2];
        let lanes: u32 = size.iter().product();
        let total = (groups.iter().product::<u32>() * lanes) as usize;
        let mut bindings = [vec![0; 4 * total]];
        dispatch(&wgsl(text, lanes), groups, &mut bindings);
        for at in 0..total as u32 {
            let (place, index) = (at / lanes, at % lanes);
            let group = [place % groups[0], place / groups[0] % groups[1], place / groups[0] / groups[1]];
            let local = |index: u32| [index % size[0], index / size[0] % size[1], index / size[0] / size[1]];
            let packed = |index: u32| {
                let local = local(index);
                [1, 1000, 1_000_000].iter().enumerate().map(|(a, f)| f * (group[a] * size[a] + local[a])).sum::<u32>()
            };
            let [x, y, z] = local(index);
            let want = [packed(lanes - 1 - index), x + 100 * y + 10000 * z, packed(0), group[1]];
            assert_eq!(bindings[0][4 * at as usize..][..4], want, "{text} at {at}");
        }
    }
}

#[test]
fn early_returns_before_barriers_and_loops_around_them() {
    let wgsl = "
        var<workgroup> sums: array<u32, 256>;
        @group(0) @binding(0) var<storage, read> x: array<u32>;
        @group(0) @binding(1) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(256) fn main(@builtin(global_invocation_id) id: vec3u,
            @builtin(local_invocation_index) i: u32, @builtin(workgroup_id) group: vec3u) {
            sums[i] = 0u;
            if (id.x < arrayLength(&x)) { sums[i] = x[id.x]; }
            workgroupBarrier();
            for (var s = 128u; s > 0u; s /= 2u) {
                if (i < s) { sums[i] += sums[i + s]; }
                workgroupBarrier();
            }
            if (i == 0u) { out[group.x] = sums[0]; }
        }";
    let x = noise(256 * 9 + 77, 3);
    let want: Vec<u32> = x.chunks(256).map(|part| part.iter().fold(0u32, |a, b| a.wrapping_add(*b))).collect();
    let mut bindings = [x, vec![0; 10]];
    dispatch(wgsl, [10, 1, 1], &mut bindings);
    assert_eq!(bindings[1], want);
}

#[test]
fn a_large_grid_on_many_threads() {
    let wgsl = "
        @group(0) @binding(0) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
            var h = id.x;
            for (var k = 0u; k < 16u; k++) { h ^= h << 13u; h ^= h >> 17u; h ^= h << 5u; h += k; }
            out[id.x] = h;
        }";
    let n = 100_000 * 64;
    let program = program(wgsl);
    let mut bindings = [vec![0; n]];
    run_program(&program, [100_000, 1, 1], &mut bindings, 5);
    for i in (0..n).step_by(997) {
        let mut h = i as u32;
        for k in 0..16 {
            h ^= h << 13;
            h ^= h >> 17;
            h ^= h << 5;
            h = h.wrapping_add(k);
        }
        assert_eq!(bindings[0][i], h);
    }
}

/// `depth` ifs inside each other, all taken in lane 0, around a store.
fn nested(depth: usize) -> Program {
    use crate::ir::{
        Address, Binary, Block, Builtin, End, IndexBound, Memory, Origin, RuntimeArray, Space, Stmt, Term,
    };
    let mut b = crate::ir::build::Builder::new();
    let runtime = Some(RuntimeArray { offset: 0, stride: 4 });
    let space = Space::Storage { binding: 0, writable: true };
    let mem = b.memory(Memory { name: "out".to_owned(), space, runtime, data: Vec::new() });
    let lane = b.builtin(Builtin::GlobalId(0));
    let one = b.u32(1);
    let cond = b.binary(Binary::Lt, lane, one);
    let terms = vec![Term { index: lane, stride: 4, bound: IndexBound::Runtime }];
    let address = Address { mem, offset: 0, terms, origin: Origin::default(), id: Default::default() };
    let mut stmt = Stmt::Store { address, value: one };
    for _ in 0..depth {
        let block = |stmts| Block { stmts, end: End::Yield(Vec::new()) };
        stmt = Stmt::If { cond, accept: block(vec![stmt]), reject: block(Vec::new()), results: Vec::new() };
    }
    b.push(stmt);
    b.finish("deep".to_owned(), [4, 1, 1], End::Yield(Vec::new()))
}

#[test]
fn nesting_runs_to_its_limit_and_is_refused_beyond() {
    let mut bindings = [vec![0; 4]];
    run_program(&nested(390), [1, 1, 1], &mut bindings, 1);
    assert_eq!(bindings[0], [1, 0, 0, 0]);
    let error = compile(&nested(1000)).unwrap_err().to_string();
    assert!(error.contains("nest more than"), "{error}");
}
