//! Lowered programs against what WGSL says, through the plain executor of `eval`.

use super::{eval::Lane, testing::program};
use crate::kernel::Module;

/// Runs `body` for each input word as `x: u32`, with the output word `r: u32` to assign.
fn each(body: &str, inputs: &[u32]) -> Vec<u32> {
    let wgsl = format!(
        "@group(0) @binding(0) var<storage, read> input: array<u32>;
         @group(0) @binding(1) var<storage, read_write> output: array<u32>;
         {body}
         @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {{
            if (id.x >= arrayLength(&input)) {{ return; }}
            output[id.x] = f(input[id.x]);
         }}"
    );
    let program = program(&wgsl);
    let memories = program.memories.iter().map(|m| match m.name.as_str() {
        "input" => inputs.to_vec(),
        "output" => vec![0xdead_beef; inputs.len()],
        _ => Vec::new(),
    });
    let mut lane = Lane::new(&program, memories.collect());
    for i in 0..inputs.len() as u32 {
        lane.global_id = [i, 0, 0];
        lane.local_id = [i % 64, 0, 0];
        lane.run();
    }
    let output = program.memories.iter().position(|m| m.name == "output").expect("there is an output");
    lane.memories.swap_remove(output)
}

#[test]
fn arrays_of_override_length_are_lowered() {
    let wgsl = "
        override N: u32 = 4;
        override M: u32 = N * 2;
        var<workgroup> a: array<f32, N>;
        var<workgroup> b: array<f32, M>;
        var<workgroup> c: array<f32, 8>;
        var<workgroup> d: array<array<f32, 8>, 2>;
        @compute @workgroup_size(N) fn main() { a[0] = 1; b[0] = 2; c[0] = 3; d[0][1] = 4; }";
    for n in [1, 4, 8, 16] {
        let kernel = Module::parse(wgsl).and_then(|module| module.only_kernel()?.with_const("N", n));
        kernel.and_then(|kernel| kernel.ir()).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn control_flow() {
    let body = "
        fn collatz(start: u32) -> u32 {
            var n = start; var steps = 0u;
            loop {
                if (n == 1u) { break; }
                if (n % 2u == 0u) { n = n / 2u; } else { n = 3u * n + 1u; }
                continuing { steps += 1u; break if steps >= 1000u; }
            }
            return steps;
        }
        fn f(x: u32) -> u32 { return collatz(x + 1u); }";
    let expect = |x: u32| {
        let (mut n, mut steps) = (x + 1, 0);
        while n != 1 {
            n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
            steps += 1;
        }
        steps
    };
    let inputs: Vec<u32> = (0..200).collect();
    assert_eq!(each(body, &inputs), inputs.iter().map(|&x| expect(x)).collect::<Vec<_>>());
}

#[test]
fn continue_skips_and_lets_are_visible_in_continuing() {
    let body = "
        fn f(x: u32) -> u32 {
            var sum = 0u;
            var i = 0u;
            loop {
                if (i >= 10u) { break; }
                let step = i % 3u + 1u;
                if (i == x) { sum += 1000u; continue; }
                switch (i) {
                    case 1u, 2u: { if (x == 7u) { break; } sum += 10u; }
                    case 4u: { continue; }
                    default: { sum += 1u; }
                }
                continuing { i += step; }
            }
            return sum;
        }";
    let expect = |x: u32| {
        let (mut sum, mut i) = (0, 0);
        while i < 10 {
            let step = i % 3 + 1;
            if i == x {
                sum += 1000;
            } else {
                match i {
                    1 | 2 if x == 7 => {}
                    1 | 2 => sum += 10,
                    4 => {}
                    _ => sum += 1,
                }
            }
            i += step;
        }
        sum
    };
    let inputs: Vec<u32> = (0..12).collect();
    assert_eq!(each(body, &inputs), inputs.iter().map(|&x| expect(x)).collect::<Vec<_>>());
}

#[test]
fn returns_inside_loops_of_inlined_functions_and_pointer_arguments() {
    let body = "
        var<private> calls: u32;
        struct Pair { a: u32, b: array<u32, 3> }
        fn find(p: ptr<function, Pair>, limit: u32) -> i32 {
            calls += 1u;
            for (var i = 0u; i < 3u; i++) {
                if ((*p).b[i] > limit) { (*p).a = i; return i32(i); }
            }
            return -1;
        }
        fn f(x: u32) -> u32 {
            var p = Pair(99u, array(1u, 5u, 9u));
            p.b[x % 3u] += 2u;
            let at = find(&p, x);
            let again = find(&p, 100u);
            return p.a * 1000u + u32(at + 1) * 100u + u32(again + 1) * 10u + calls;
        }";
    let expect = |x: u32| {
        let mut b = [1, 5, 9];
        b[(x % 3) as usize] += 2;
        let at = b.iter().position(|&v| v > x);
        at.unwrap_or(99) as u32 * 1000 + at.map_or(0, |i| i as u32 + 1) * 100 + 2
    };
    let inputs: Vec<u32> = (0..14).collect();
    assert_eq!(each(body, &inputs), inputs.iter().map(|&x| expect(x)).collect::<Vec<_>>());
}

#[test]
fn vectors_and_matrices() {
    let body = "
        const TABLE = array<u32, 8>(3u, 1u, 4u, 1u, 5u, 9u, 2u, 6u);
        fn f(x: u32) -> u32 {
            let t = f32(x);
            var m = mat3x2f(1.0, 2.0, 3.0, 4.0, 5.0, t);
            m[x % 3u].y += 1.0;
            m[1] = m[1].yx;
            let v = m * vec3f(1.0, 10.0, 100.0);
            var w = vec4u(1u, 2u, 3u, 4u);
            w[x % 5u] = 50u;
            let d = determinant(mat3x3f(2.0, 0.0, 1.0, 1.0, 3.0, 2.0, 1.0, 1.0, t));
            return u32(v.x) + u32(v.y) * 1000u + dot(w, vec4u(1u)) * 7u + TABLE[x] + u32(d) + w[x];
        }";
    let expect = |x: u32| {
        let t = x as f32;
        let mut m = [[1.0, 2.0], [3.0, 4.0], [5.0, t]];
        m[(x % 3) as usize][1] += 1.0;
        m[1] = [m[1][1], m[1][0]];
        let v: Vec<f32> = (0..2).map(|r| m[0][r] + 10.0 * m[1][r] + 100.0 * m[2][r]).collect();
        let mut w = [1, 2, 3, 4];
        if let Some(c) = w.get_mut((x % 5) as usize) {
            *c = 50;
        }
        let table = [3, 1, 4, 1, 5, 9, 2, 6];
        // Columns (2,0,1), (1,3,2), (1,1,t).
        let d = 2.0 * (3.0 * t - 2.0) + (1.0 - 3.0);
        v[0] as u32
            + v[1] as u32 * 1000
            + w.iter().sum::<u32>() * 7
            + table.get(x as usize).copied().unwrap_or(0)
            + d as u32
            + w.get(x as usize).copied().unwrap_or(0)
    };
    let inputs: Vec<u32> = (1..12).collect();
    assert_eq!(each(body, &inputs), inputs.iter().map(|&x| expect(x)).collect::<Vec<_>>());
}

#[test]
fn packing_goes_both_ways() {
    let body = "fn f(x: u32) -> u32 {
        let a = pack4xI8(unpack4xI8(x)) ^ x;
        let b = pack4xU8(unpack4xU8(x)) ^ x;
        let c = pack4x8unorm(unpack4x8unorm(x)) ^ x;
        let d = pack2x16unorm(unpack2x16unorm(x)) ^ x;
        return a | b | c | d;
    }";
    let inputs: Vec<u32> = (0..500u32).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
    assert!(each(body, &inputs).iter().all(|&x| x == 0));
    let halves = "fn f(x: u32) -> u32 { return pack2x16float(unpack2x16float(x)); }";
    let inputs: Vec<u32> = (0..=0xffffu32).filter(|h| h & 0x7c00 != 0x7c00 || h & 0x3ff == 0).collect();
    assert_eq!(each(halves, &inputs), inputs);
    let widen = "fn f(x: u32) -> u32 { return bitcast<u32>(unpack2x16float(x).x); }";
    let expect: Vec<u32> = inputs.iter().map(|&h| half::f16::from_bits(h as u16).to_f32().to_bits()).collect();
    assert_eq!(each(widen, &inputs), expect);
}

#[test]
fn bit_functions() {
    let body = "fn f(x: u32) -> u32 {
        let s = bitcast<i32>(x);
        let o = x % 37u; let c = (x >> 8u) % 37u;
        return extractBits(x, o, c) ^ bitcast<u32>(extractBits(s, o, c)) * 3u
            ^ insertBits(x, 0x5555aaaau, o, c) * 5u
            ^ firstLeadingBit(x) * 7u ^ bitcast<u32>(firstLeadingBit(s)) * 11u
            ^ firstTrailingBit(x) * 13u ^ countOneBits(x) * 17u ^ reverseBits(x) * 19u;
    }";
    let expect = |x: u32| {
        let (o, c) = ((x % 37).min(32), (x >> 8) % 37);
        let c = c.min(32 - o);
        let mask = if c == 0 { 0 } else { u32::MAX >> (32 - c) };
        let extracted = (u64::from(x) >> o) as u32 & mask;
        let signed = if c > 0 && (extracted >> (c - 1)) & 1 == 1 { extracted | !mask } else { extracted };
        let place = (u64::from(mask) << o) as u32;
        let inserted = (x & !place) | ((0x5555_aaaau64 << o) as u32 & place);
        let leading = |v: u32| 31u32.wrapping_sub(v.leading_zeros());
        let s = x as i32;
        extracted
            ^ signed.wrapping_mul(3)
            ^ inserted.wrapping_mul(5)
            ^ leading(x).wrapping_mul(7)
            ^ leading((s ^ (s >> 31)) as u32).wrapping_mul(11)
            ^ (if x == 0 { !0 } else { x.trailing_zeros() }).wrapping_mul(13)
            ^ (x.count_ones() * 17)
            ^ x.reverse_bits().wrapping_mul(19)
    };
    let mut inputs: Vec<u32> = (0..3000u32).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
    inputs.extend([0, 1, !0, 1 << 31, i32::MAX as u32]);
    assert_eq!(each(body, &inputs), inputs.iter().map(|&x| expect(x)).collect::<Vec<_>>());
}

/// Floats that cover all exponents, both signs and the special values.
fn floats() -> Vec<u32> {
    let mut inputs: Vec<u32> = (0..40_000u32).map(|i| i.wrapping_mul(107_374)).collect();
    for x in [0.0f32, 1.0, 0.5, 2.0, std::f32::consts::PI, 1e-40, f32::MIN_POSITIVE, f32::MAX, f32::INFINITY, 1.0e5] {
        for bits in [x.to_bits().wrapping_sub(1), x.to_bits(), x.to_bits() + 1] {
            inputs.extend([bits, bits | 1 << 31]);
        }
    }
    inputs
}

/// The largest error of `function` over inputs within a range, in units of the last place of the exact result.
fn worst(function: &str, exact: impl Fn(f64) -> f64, range: impl Fn(f32) -> bool) -> (f64, f32) {
    let inputs = floats();
    let body = format!("fn f(x: u32) -> u32 {{ return bitcast<u32>({function}(bitcast<f32>(x))); }}");
    let outputs = each(&body, &inputs);
    let mut worst = (0.0, 0.0);
    for (&x, &y) in inputs.iter().zip(&outputs) {
        let (x, y) = (f32::from_bits(x), f32::from_bits(y));
        let exact = exact(f64::from(x));
        let rounded = exact as f32;
        if rounded.is_nan() || rounded.is_infinite() {
            // Overflow may set in within one unit.
            let fits = if rounded.is_nan() { y.is_nan() } else { y == rounded || (range(x) && y.abs() > 3.4e38) };
            assert!(fits, "{function}({x:e}) is {y:e}, not {rounded:e}");
        } else if range(x) {
            let ulp = f64::from(
                f32::from_bits((rounded.abs().to_bits() + 1).max(2))
                    - f32::from_bits((rounded.abs().to_bits() + 1).max(2) - 1),
            );
            let error = (f64::from(y) - exact).abs() / ulp;
            assert!(!error.is_nan(), "{function}({x:e}) is {y:e}, not {exact:e}");
            if error > worst.0 {
                worst = (error, x);
            }
        }
    }
    worst
}

/// A function, the exact one, where it is judged, and the error it may have.
type Accuracy = (&'static str, fn(f64) -> f64, Box<dyn Fn(f32) -> bool>, f64);

#[test]
fn transcendental_functions_are_accurate() {
    let all = |_: f32| true;
    let cases: Vec<Accuracy> = vec![
        ("exp", f64::exp, Box::new(all), 2.0),
        ("exp2", f64::exp2, Box::new(all), 2.0),
        ("log", f64::ln, Box::new(all), 2.0),
        ("log2", f64::log2, Box::new(all), 2.0),
        ("sin", f64::sin, Box::new(|x| x.abs() < 3.0), 2.0),
        ("cos", f64::cos, Box::new(|x| x.abs() < 1.5), 2.0),
        ("tan", f64::tan, Box::new(|x| x.abs() < 1.5), 4.0),
        ("asin", f64::asin, Box::new(all), 3.0),
        ("acos", f64::acos, Box::new(all), 3.0),
        ("atan", f64::atan, Box::new(all), 3.0),
        ("sinh", f64::sinh, Box::new(all), 6.0),
        ("cosh", f64::cosh, Box::new(all), 6.0),
        ("tanh", f64::tanh, Box::new(all), 4.0),
        ("asinh", f64::asinh, Box::new(all), 6.0),
        ("acosh", f64::acosh, Box::new(all), 6.0),
        ("atanh", f64::atanh, Box::new(all), 6.0),
        ("inverseSqrt", |x| 1.0 / x.sqrt(), Box::new(all), 2.0),
        ("sqrt", f64::sqrt, Box::new(all), 0.51),
    ];
    let mut failed = false;
    for (name, exact, range, limit) in cases {
        let (error, at) = worst(name, exact, range);
        println!("{name:12} {error:8.3} ULP at {at:e}");
        failed |= error > limit;
    }
    assert!(!failed, "an error is above its limit");
}
