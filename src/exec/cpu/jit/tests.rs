//! Compiled programs against the plain executor of `ir::eval`.

use std::fmt::Write;

use memmap2::MmapOptions;

use super::{Bytes, HUGE, Variant};
use crate::ir::{Program, Space, eval::Lane, testing::program};

/// Runs a program without barriers both ways over the same memories and compares all that it wrote; compiled as it is, and as
/// if it were huge.
fn compare(wgsl: &str, memories: &[Vec<u32>], workgroups: [u32; 3]) {
    let program = program(wgsl);
    for huge in [HUGE, 0] {
        let compiled = Variant::with_huge(&program, &[], huge).unwrap_or_else(|e| panic!("{e}"));
        compare_compiled(&program, &compiled, memories, workgroups);
    }
}

fn compare_compiled(program: &Program, compiled: &Variant, memories: &[Vec<u32>], workgroups: [u32; 3]) {
    let mut buffers = memories.to_vec();
    let bytes: Vec<Bytes> =
        buffers.iter_mut().map(|b| Bytes { start: b.as_mut_ptr().cast(), len: b.len() * 4 }).collect();
    assert!(compiled.accepts(&bytes));
    let mut worker = compiled.worker(&bytes, workgroups, None);
    for z in 0..workgroups[2] {
        for y in 0..workgroups[1] {
            // SAFETY: the worker belongs to the program; the buffers live on and nobody looks at them meanwhile.
            unsafe { compiled.run_row(&mut worker, [0, y, z], workgroups[0]) };
        }
    }
    let binding_of = |space: Space| match space {
        Space::Storage { binding, .. } | Space::Uniform { binding } => Some(binding),
        _ => None,
    };
    let initial = program.memories.iter().map(|m| match binding_of(m.space) {
        Some(binding) => memories[binding].clone(),
        None => Vec::new(),
    });
    let mut lane = Lane::new(program, initial.collect());
    lane.workgroups = workgroups;
    let size = program.workgroup_size;
    for workgroup in 0..workgroups.iter().product::<u32>() {
        let wg = [
            workgroup % workgroups[0],
            workgroup / workgroups[0] % workgroups[1],
            workgroup / workgroups[0] / workgroups[1],
        ];
        for index in 0..program.lanes() {
            let local = [index % size[0], index / size[0] % size[1], index / size[0] / size[1]];
            lane.local_id = local;
            lane.global_id = [0, 1, 2].map(|a| wg[a] * size[a] + local[a]);
            lane.run();
        }
    }
    for (i, memory) in program.memories.iter().enumerate() {
        let Some(binding) = binding_of(memory.space) else { continue };
        for (at, (&got, &expected)) in buffers[binding].iter().zip(&lane.memories[i]).enumerate() {
            let nans = f32::from_bits(got).is_nan() && f32::from_bits(expected).is_nan();
            assert!(
                got == expected || nans,
                "{}[{at}] is {got:#x} ({}), not {expected:#x} ({})\n{program}",
                memory.name,
                f32::from_bits(got),
                f32::from_bits(expected)
            );
        }
    }
}

fn hash(n: usize) -> Vec<u32> {
    (0..n as u32).map(|i| i.wrapping_mul(0x9e37_79b9) ^ i.rotate_left(13)).collect()
}

const BINDINGS: &str = "@group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<u32>;";

/// A kernel that maps words, over ragged lengths.
fn map(body: &str) {
    for (size, n) in [("64", 300), ("7", 50), ("1", 3), ("16, 2", 150), ("8, 4, 2", 700)] {
        let enable = if body.contains("f16") { "enable f16;" } else { "" };
        let wgsl = format!(
            "{enable} {BINDINGS} {body} @compute @workgroup_size({size}) fn main(@builtin(global_invocation_id) id: vec3u) {{
                // No two invocations have the same.
                let i = id.x + (id.y + id.z * 4u) * 96u;
                if (i >= arrayLength(&x)) {{ return; }}
                y[i] = f(x[i], i);
            }}"
        );
        let mut x = hash(n);
        for (i, special) in [0.0f32, -0.0, 1.0, f32::NAN, f32::INFINITY, -1.5e9, 3e9, 5e9, 1e-40].iter().enumerate() {
            if let Some(word) = x.get_mut(i * 5) {
                *word = special.to_bits();
            }
        }
        compare(&wgsl, &[x, vec![0xdead_beef; n]], [6, 1, 1]);
    }
}

#[test]
fn arithmetic() {
    map("fn f(x: u32, i: u32) -> u32 { return (x + i) * 3u ^ (x >> (i & 31u)) | (x << 5u); }");
    map("fn f(x: u32, i: u32) -> u32 { return x / (i % 7u) + x % (i & 3u); }");
    map(
        "fn f(x: u32, i: u32) -> u32 { let s = bitcast<i32>(x); return bitcast<u32>(s / (i32(i) - 20) + s % (i32(i) % 5 - 2) + (s >> 3u)); }",
    );
    map(
        "fn f(x: u32, i: u32) -> u32 { return countOneBits(x) + countLeadingZeros(x >> 9u) * 64u + countTrailingZeros(x) + reverseBits(x); }",
    );
    map(
        "fn f(x: u32, i: u32) -> u32 { let v = bitcast<f32>(x); return bitcast<u32>(v * 2.0 + 1.0 / v - sqrt(abs(v))); }",
    );
    map("fn f(x: u32, i: u32) -> u32 { let v = bitcast<f32>(x); return bitcast<u32>(i32(v)) ^ u32(v) * 3u; }");
    map("fn f(x: u32, i: u32) -> u32 { return bitcast<u32>(f32(x) + f32(bitcast<i32>(x)) * 0.5); }");
    map(
        "fn f(x: u32, i: u32) -> u32 { let v = bitcast<f32>(x); let w = bitcast<f32>(x * 77u); return bitcast<u32>(min(v, w)) ^ bitcast<u32>(max(v, w)) * 3u ^ u32(v < w) ^ u32(v >= w) * 2u ^ u32(v != w) * 4u; }",
    );
    map(
        "fn f(x: u32, i: u32) -> u32 { let v = bitcast<f32>(x); return bitcast<u32>(exp(v)) ^ bitcast<u32>(sin(v)) * 3u ^ bitcast<u32>(log(v)) * 5u ^ bitcast<u32>(floor(v) + round(v)); }",
    );
    map(
        "fn f(x: u32, i: u32) -> u32 { let s = bitcast<i32>(x); return u32(s < 5) + u32(s >= -7) * 2u + u32(x > 9u) * 4u + u32(x <= i) * 8u + bitcast<u32>(min(s, 3) + max(s, -3)) + min(x, i) * max(x, i); }",
    );
}

#[test]
fn control_flow() {
    map(
        "fn f(x: u32, i: u32) -> u32 { if (x % 3u == 0u) { return x / 3u; } else if (x % 3u == 1u) { return x * 2u; } return i; }",
    );
    map("fn f(x: u32, i: u32) -> u32 { var n = x % 97u + 1u; var steps = 0u;
        while (n != 1u) { if (n % 2u == 0u) { n = n / 2u; } else { n = 3u * n + 1u; } steps++; } return steps; }");
    map(
        "fn f(x: u32, i: u32) -> u32 { var s = 0u; for (var k = 0u; k < 10u; k++) { if (k == x % 13u) { continue; } if (k > x % 17u) { break; } s += k * k; } return s; }",
    );
    map(
        "fn f(x: u32, i: u32) -> u32 { var s = 0u; for (var k = 0u; k < 6u; k++) { for (var j = 0u; j < 6u; j++) { if (k * j > x % 20u) { return s + 1000u; } s += j; } } return s; }",
    );
    map(
        "fn f(x: u32, i: u32) -> u32 { switch (x % 6u) { case 0u: { return 1u; } case 1u, 2u: { if (i % 2u == 0u) { break; } return 5u; } default: { return 9u; } } return 77u; }",
    );
    map(
        "fn f(x: u32, i: u32) -> u32 { var a = x; var b = i; loop { let t = a % 11u; if (t == 3u) { b += 2u; } continuing { a = a / 2u + b % 3u; b += 1u; break if b > i + 12u; } } return a * 100u + b; }",
    );
}

#[test]
fn memory() {
    map("fn f(v: u32, i: u32) -> u32 { return x[v % 400u] + x[(i + 1u) % 300u]; }");
    map("fn f(v: u32, i: u32) -> u32 { return x[i + 5u] + x[i - 3u] * 2u; }");
    map(
        "fn f(v: u32, i: u32) -> u32 { var a = array<u32, 5>(1u, 2u, 3u, 4u, 5u); a[v % 7u] = i; a[2] += a[i % 6u]; return a[v % 5u] * 100u + a[2]; }",
    );
    map(
        "const T = array<u32, 6>(5u, 1u, 8u, 2u, 7u, 3u); fn f(v: u32, i: u32) -> u32 { return T[v % 8u] + T[i % 6u]; }",
    );
    map("fn f(v: u32, i: u32) -> u32 { if (v % 3u == 0u) { y[i] = 7u; } return y[i] + 1u; }");
    let wgsl = "@group(0) @binding(0) var<storage, read_write> y: array<atomic<u32>, 32>;
        @group(0) @binding(1) var<storage, read_write> z: array<atomic<i32>, 16>;
        @compute @workgroup_size(40) fn main(@builtin(global_invocation_id) id: vec3u) {
            atomicAdd(&y[id.x % 17u], id.x); atomicMax(&y[20], id.x); atomicXor(&y[id.x % 5u + 24u], id.x);
            atomicMin(&z[id.x % 4u], -i32(id.x)); atomicSub(&z[5], 3); atomicAnd(&z[6], i32(id.x) | 8); atomicOr(&z[7], i32(id.x));
            if (id.x % 3u == 1u) { atomicAdd(&z[9], 1); }
        }";
    compare(wgsl, &[hash(32), hash(16)], [3, 1, 1]);
}

#[test]
fn vectors_and_axes() {
    let wgsl = "struct P { w: u32, h: u32, k: f32 }
        @group(0) @binding(0) var<uniform> p: P;
        @group(0) @binding(1) var<storage, read> x: array<vec4f>;
        @group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
        @compute @workgroup_size(8, 4) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) l: u32, @builtin(workgroup_id) g: vec3u) {
            if (id.x >= p.w || id.y >= p.h) { return; }
            let i = id.y * p.w + id.x;
            y[i] = x[i].wzyx * p.k + vec4f(f32(n.x), f32(l), f32(g.y), f32(id.z));
        }";
    let words = |n: usize| hash(n).into_iter().map(|w| ((w % 1000) as f32).to_bits()).collect::<Vec<_>>();
    compare(wgsl, &[vec![13, 9, 0.5f32.to_bits(), 0], words(13 * 9 * 4), words(13 * 9 * 4)], [2, 3, 1]);
}

/// More values alive at once than there are registers, by far: they go to the stack, page after page.
#[test]
fn many_live_values() {
    let mut body = String::from("fn f(v: u32, i: u32) -> u32 {\n");
    for k in 0..400 {
        let _ = writeln!(body, "let a{k} = x[(v + {k}u * 7u) % arrayLength(&x)] * {}u;", 2 * k + 1);
    }
    body += "var s = 0u;\nfor (var n = 0u; n < 3u; n++) {\n";
    for k in (0..400).rev() {
        let _ = writeln!(body, "s = s * 31u + a{k};");
    }
    body += "}\nreturn s; }";
    map(&body);
}

#[test]
fn half_arithmetic() {
    let unary = ["-h", "abs(h)", "sqrt(abs(h))", "floor(h)", "ceil(h)", "trunc(h)", "round(h)"];
    let binary = ["h + g", "h - g", "h * g", "h / g", "min(h, g)", "max(h, g)", "fma(h, g, h)", "select(h, g, h < g)"];
    for expression in unary.into_iter().chain(binary) {
        map(&format!(
            "fn f(x: u32, i: u32) -> u32 {{ let v = unpack2x16float(x); let h = f16(v.x); let g = f16(v.y);
             return bitcast<u32>(f32({expression})); }}"
        ));
    }
    map("fn f(x: u32, i: u32) -> u32 { let h = f16(x); return bitcast<u32>(f32(h)) ^ u32(h) * 3u; }");
    map("fn f(x: u32, i: u32) -> u32 { let h = f16(bitcast<i32>(x) >> (i & 31u)); return bitcast<u32>(i32(h)); }");
    map("fn f(x: u32, i: u32) -> u32 { let h = f16(bitcast<f32>(x)); return bitcast<u32>(f32(h)) + u32(bool(h)); }");
    map("fn f(x: u32, i: u32) -> u32 { let h = f16(x % 3u == 1u); return u32(h == 1h) + u32(h > f16(i)) * 2u; }");
    // Nearly halfway between two halves, from integers that single floats cannot hold.
    map(
        "fn f(x: u32, i: u32) -> u32 { return bitcast<u32>(f32(f16((2049u << (i % 6u)) + x % 2u)) + f32(f16(65519u + i % 3u))); }",
    );
}

/// Every half, as all kinds of accesses find and leave it.
#[test]
fn halves_in_memory() {
    // Which NaN comes out is left open.
    let is_nan = |half: u32| half & 0x7fff > 0x7c00;
    let half = |n: u32| if is_nan(n) { 0 } else { n };
    let words: Vec<u32> = (0..1u32 << 15).map(|n| half(2 * n) | half(2 * n + 1) << 16).collect();
    let n = 1 << 16;
    let wgsl = "enable f16;
        struct Pair { first: f16, second: f16 }
        @group(0) @binding(0) var<storage, read> x: array<f16>;
        @group(0) @binding(1) var<storage, read> pairs: array<Pair>;
        @group(0) @binding(2) var<storage, read> one: array<f16>;
        @group(0) @binding(3) var<storage, read_write> floats: array<f32>;
        @group(0) @binding(4) var<storage, read_write> y: array<f16>;
        @group(0) @binding(5) var<storage, read_write> z: array<Pair>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) wg: vec3u) {
            let i = id.x;
            floats[i] = f32(x[i]) + f32(one[wg.x % 3u]);
            floats[i + 65536u] = f32(x[65535u - i]);
            floats[i + 131072u] = f32(x[i * 2657u % 65600u]);
            floats[i + 196608u] = f32(pairs[i / 2u * 7u % 40000u].first) - f32(pairs[i ^ 1u].second) + f32(one[0]);
            y[i] = x[i];
            y[65536u + (i ^ 5u)] = x[i];
            if (i % 3u == 1u) { y[131072u + i] = x[i]; }
            z[i].second = x[i];
        }";
    let output = |words: usize| vec![0x1234_5678; words];
    compare(
        wgsl,
        &[words.clone(), words, vec![0x3c00_4000], output(4 * n), output(2 * n), output(n)],
        [n as u32 / 64, 1, 1],
    );
}

/// Vectors of halves, of which two lie in a word, over ragged lengths.
#[test]
fn vectors_of_halves() {
    let structs = "struct Mixed { a: f16, b: vec2<f16>, c: f32, d: vec4<f16>, e: f16 }
        struct Two { x: f16, y: f16 }
        struct Shifted { first: f16, rest: array<Two> }";
    for (ty, update) in [
        ("vec2<f16>", "y[i] = x[i].yx * 2h + y[i];"),
        ("vec3<f16>", "y[i] = x[i].zxy * 2h + y[i];"),
        ("vec4<f16>", "y[i] = x[i].wzyx * 2h + y[i];"),
        ("vec4<f16>", "if (y[i].x > 1.1h) { y[i] = x[i]; }"),
        ("vec2<f16>", "if (y[i].x > 1.1h) { y[i] = x[i]; }"),
        ("vec4<f16>", "y[i].y = x[i].z; y[i].z = x[i].y; y[i].w = x[i * 5u % 41u].x;"),
        ("vec4<f16>", "y[i].w = x[i].z; y[i].x = x[i].y + x[31u - i % 32u].w;"),
        ("mat2x4<f16>", "y[i] = x[i] * 0.5h; y[i][1].y = x[i][0].z;"),
        ("mat4x4<f16>", "y[i] = x[i] * 2h - y[i];"),
        ("Mixed", "y[i].b = x[i].d.xy; y[i].d = x[i].d * x[i].e; y[i].e = x[i].a; y[i].c = x[i].c;"),
        ("Mixed", "y[i] = x[i];"),
        ("array<f16, 6>", "y[i][1] = x[i][2]; y[i][2] = x[i][3]; y[i][3] = x[i][1]; y[i][4] = 3h; y[i][5] = 4h;"),
    ] {
        let wgsl = format!(
            "enable f16; {structs}
            @group(0) @binding(0) var<storage, read> x: array<{ty}>;
            @group(0) @binding(1) var<storage, read_write> y: array<{ty}>;
            @group(0) @binding(2) var<storage, read_write> z: Shifted;
            @compute @workgroup_size(32) fn main(@builtin(global_invocation_id) id: vec3u) {{
                let i = id.x;
                {update}
                let two = z.rest[i];
                z.rest[i].x = two.y;
                z.rest[i].y = two.x;
            }}"
        );
        // Halves from 1 up, of few digits.
        let halves =
            |n: u32| (0..n).map(|i| 0x3c00_3c00 + (i * 37 % 16 + ((i * 11 % 16) << 16)) * 32).collect::<Vec<u32>>();
        for n in [3, 40, 64 * 8] {
            compare(&wgsl, &[halves(n), halves(n), halves(n)], [5, 1, 1]);
        }
    }
}

/// Workgroups and arrays that are not whole rows of lanes.
#[test]
fn halves_at_edges() {
    let wgsl = "enable f16;
        struct List { first: f16, rest: array<f16> }
        @group(0) @binding(0) var<storage, read> x: List;
        @group(0) @binding(1) var<storage, read_write> y: List;
        @group(0) @binding(2) var<storage, read_write> all: array<f16, 3>;
        @compute @workgroup_size(13) fn main(@builtin(global_invocation_id) id: vec3u) {
            let i = id.x;
            y.rest[i] = x.rest[i + 2u] + x.rest[i - 7u] * x.first;
            if (i == 20u) { y.first = x.rest[33]; all[i % 3u] = x.rest[5]; }
        }";
    let halves = |n: u32| (0..n).map(|i| 0x3c00_3c00 + i * 0x11_0007).collect::<Vec<u32>>();
    compare(wgsl, &[halves(20), halves(17), halves(2)], [4, 1, 1]);
    // A memory of one word.
    compare(wgsl, &[halves(1), halves(1), halves(2)], [4, 1, 1]);
}

/// Elements farther from the start than displacements and indices of 32 bits reach.
#[test]
fn far_elements() {
    const BYTES: usize = 5 << 30;
    const BLOCK: usize = 1 << 16;
    let Ok(mut memory) = MmapOptions::new().len(BYTES).no_reserve_swap().map_anon() else {
        return eprintln!("SKIPPED: this machine has no {BYTES} bytes of addresses");
    };
    let program = program(
        "struct Block { words: array<u32, 16384> }
        @group(0) @binding(0) var<storage, read_write> x: array<Block>;
        @compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) wg: vec3u) {
            x[id.x + 40000u].words[5] = x[id.x + 60000u].words[id.x] + 1u;
            x[70000].words[id.x] = x[70000].words[id.x + 16u] + 2u;
            x[wg.y + 45000u].words[id.x] = x[wg.y + 65000u].words[3] + id.x;
        }",
    );
    let at = |block: usize, word: usize| block * BLOCK + word * 4;
    let mut put = |at: usize, word: u32| memory[at..at + 4].copy_from_slice(&word.to_ne_bytes());
    for i in 0..8 {
        put(at(60000 + i, i), 100 * i as u32);
        put(at(70000, 16 + i), 7 * i as u32);
    }
    put(at(65000, 3), 1000);
    let compiled = Variant::new(&program, &[]).unwrap_or_else(|e| panic!("{e}"));
    let bytes = [Bytes { start: memory.as_mut_ptr(), len: BYTES }];
    assert!(compiled.accepts(&bytes));
    let mut worker = compiled.worker(&bytes, [1, 1, 1], None);
    // SAFETY: the worker belongs to the program; the memory lives on and nobody looks at it meanwhile.
    unsafe { compiled.run_row(&mut worker, [0, 0, 0], 1) };
    let get = |at: usize| u32::from_ne_bytes(std::array::from_fn(|i| memory[at + i]));
    for i in 0..8 {
        assert_eq!(get(at(40000 + i, 5)), 100 * i as u32 + 1, "lane {i}");
        assert_eq!(get(at(70000, i)), 7 * i as u32 + 2, "lane {i}");
        assert_eq!(get(at(45000, i)), 1000 + i as u32, "lane {i}");
    }
}
