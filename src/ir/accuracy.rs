//! How far each function is off, against what WGSL allows (section Floating Point Accuracy).
//!
//! `cargo test --lib ir::accuracy -- --nocapture` prints the worst error of each function of the table, in units of the
//! last place (ULP) of the exact result, and where it is. Exact results are those of `f64`. Where WGSL inherits a bound
//! from an expression, what its last operation may be off is the bound here, which is less. Halves are tried one and all.

use super::{eval::Lane, testing::program};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    F32,
    F16,
}

use Kind::{F16, F32};

impl Kind {
    fn name(self) -> &'static str {
        if self == F32 { "f32" } else { "f16" }
    }

    fn round(self, x: f64) -> f64 {
        if self == F32 { f64::from(x as f32) } else { half::f16::from_f64(x).to_f64() }
    }

    /// The distance of the numbers around `x`.
    fn ulp(self, x: f64) -> f64 {
        let (bits, least) = if self == F32 { (23, -126) } else { (10, -14) };
        let exponent = if x == 0.0 { least } else { (x.abs().log2().floor() as i32).max(least) };
        2f64.powi(exponent - bits)
    }

    fn largest(self) -> f64 {
        if self == F32 { f64::from(f32::MAX) } else { 65504.0 }
    }

    /// `f` of the kind that it is.
    fn pick(self, f32: f64, f16: f64) -> f64 {
        if self == F32 { f32 } else { f16 }
    }
}

/// What a function is judged by.
struct Function {
    name: &'static str,
    /// In WGSL, of `x`, `y` and `z`.
    wgsl: &'static str,
    exact: fn([f64; 3]) -> f64,
    /// Where WGSL has a bound.
    domain: fn(Kind, [f64; 3]) -> bool,
    /// How far the result may be off, of the operands and the exact result.
    bound: fn(Kind, [f64; 3], f64) -> f64,
    /// How many operands it has.
    operands: usize,
}

/// A bound in ULP.
macro_rules! ulps {
    ($count:expr) => {
        |kind, _, exact| $count * kind.ulp(exact)
    };
}

const EVERYWHERE: fn(Kind, [f64; 3]) -> bool = |_, _| true;

/// Correct rounding, and a trifle for that of `f64` itself.
const ROUNDED: fn(Kind, [f64; 3], f64) -> f64 = ulps!(0.500_001);

/// What logarithms may be off.
fn logarithm(kind: Kind, [x, ..]: [f64; 3], exact: f64) -> f64 {
    if (0.5..=2.0).contains(&x) { 2f64.powi(kind.pick(-21.0, -7.0) as i32) } else { 3.0 * kind.ulp(exact) }
}

/// What the last logarithm of an inverse hyperbolic function may be off, whatever its argument.
fn inherited_logarithm(kind: Kind, _: [f64; 3], exact: f64) -> f64 {
    (3.0 * kind.ulp(exact)).max(2f64.powi(kind.pick(-21.0, -7.0) as i32))
}

fn exponential(kind: Kind, power: f64, exact: f64) -> f64 {
    (kind.pick(3.0, 1.0) + 2.0 * power.abs()) * kind.ulp(exact)
}

/// What the two exponentials of `sinh` and `cosh` may be off.
fn hyperbolic(kind: Kind, [x, ..]: [f64; 3], exact: f64) -> f64 {
    0.5 * (exponential(kind, x, x.exp()) + exponential(kind, x, (-x).exp())) + 0.5 * kind.ulp(exact)
}

fn normal(kind: Kind, x: f64) -> bool {
    let least = 2f64.powi(kind.pick(-126.0, -14.0) as i32);
    x.abs() >= least && x.abs() <= 1.0 / least
}

fn within_pi(_: Kind, [x, ..]: [f64; 3]) -> bool {
    x.abs() <= std::f64::consts::PI
}

fn sine(kind: Kind, _: [f64; 3], _: f64) -> f64 {
    2f64.powi(kind.pick(-11.0, -7.0) as i32)
}

fn arcsine(kind: Kind, _: [f64; 3], _: f64) -> f64 {
    kind.pick(6.77e-5, 3.91e-3)
}

/// All positive and in a range where nothing overflows and no sum cancels.
fn moderate(_: Kind, operands: [f64; 3]) -> bool {
    operands.iter().all(|&x| (0.05..60.0).contains(&x))
}

fn unit(x: f64) -> bool {
    (0.0..=1.0).contains(&x)
}

#[rustfmt::skip]
fn functions() -> Vec<Function> {
    let f = |name, wgsl, operands, exact, domain, bound| Function { name, wgsl, exact, domain, bound, operands };
    vec![
        f("x + y", "x + y", 2, |[x, y, _]| x + y, EVERYWHERE, ROUNDED),
        f("x - y", "x - y", 2, |[x, y, _]| x - y, EVERYWHERE, ROUNDED),
        f("x * y", "x * y", 2, |[x, y, _]| x * y, EVERYWHERE, ROUNDED),
        f("x / y", "x / y", 2, |[x, y, _]| x / y, |k, [_, y, _]| normal(k, y), ulps!(2.5)),
        f("x % y", "x % y", 2, |[x, y, _]| x % y, |k, [x, y, _]| normal(k, y) && (x / y).abs() < 500.0, ulps!(1.0)),
        f("-x", "-x", 1, |[x, ..]| -x, EVERYWHERE, ulps!(0.0)),
        f("abs", "abs(x)", 1, |[x, ..]| x.abs(), EVERYWHERE, ulps!(0.0)),
        f("acos", "acos(x)", 1, |[x, ..]| x.acos(), EVERYWHERE, arcsine),
        f("acosh", "acosh(x)", 1, |[x, ..]| x.acosh(), EVERYWHERE, inherited_logarithm),
        f("asin", "asin(x)", 1, |[x, ..]| x.asin(), EVERYWHERE, arcsine),
        f("asinh", "asinh(x)", 1, |[x, ..]| x.asinh(), EVERYWHERE, inherited_logarithm),
        f("atan", "atan(x)", 1, |[x, ..]| x.atan(), EVERYWHERE, |k, _, e| k.pick(4096.0, 5.0) * k.ulp(e)),
        f("atan2", "atan2(x, y)", 2, |[x, y, _]| x.atan2(y), |k, [x, y, _]| normal(k, y) && normal(k, x),
            |k, _, e| k.pick(4096.0, 5.0) * k.ulp(e)),
        f("atanh", "atanh(x)", 1, |[x, ..]| x.atanh(), EVERYWHERE, inherited_logarithm),
        f("ceil", "ceil(x)", 1, |[x, ..]| x.ceil(), EVERYWHERE, ulps!(0.0)),
        f("clamp", "clamp(x, min(y, z), max(y, z))", 3, |[x, y, z]| x.clamp(y.min(z), y.max(z)), EVERYWHERE, ulps!(0.0)),
        f("cos", "cos(x)", 1, |[x, ..]| x.cos(), within_pi, sine),
        f("cosh", "cosh(x)", 1, |[x, ..]| x.cosh(), EVERYWHERE, hyperbolic),
        f("cross", "cross(vec3(x, y, z), vec3(y, z, x)).x", 3, |[x, y, z]| y * x - z * z, moderate,
            |k, [x, y, z], _| 1.5 * k.ulp(y * x + z * z)),
        f("degrees", "degrees(x)", 1, |[x, ..]| x.to_degrees(), EVERYWHERE, ulps!(1.5)),
        f("determinant", "determinant(mat2x2(x, y, z, x))", 3, |[x, y, z]| x * x - y * z, moderate,
            |k, [x, y, z], _| 1.5 * k.ulp(x * x + y * z)),
        f("distance", "distance(vec2(x, y), vec2(y, z))", 3, |[x, y, z]| (x - y).hypot(y - z),
            |k, v| moderate(k, v) && v[0] > 2.0 * v[1] && v[2] > 2.0 * v[1], ulps!(4.5)),
        f("dot", "dot(vec3(x, y, z), vec3(y, z, x))", 3, |[x, y, z]| x * y + y * z + z * x, moderate, ulps!(2.5)),
        f("exp", "exp(x)", 1, |[x, ..]| x.exp(), EVERYWHERE, |k, [x, ..], e| exponential(k, x, e)),
        f("exp2", "exp2(x)", 1, |[x, ..]| x.exp2(), EVERYWHERE, |k, [x, ..], e| exponential(k, x, e)),
        f("faceForward", "faceForward(vec2(x, y), vec2(y, z), vec2(x, y)).x", 3, |[x, ..]| -x, moderate, ulps!(0.0)),
        f("floor", "floor(x)", 1, |[x, ..]| x.floor(), EVERYWHERE, ulps!(0.0)),
        f("fma", "fma(x, y, z)", 3, |[x, y, z]| x * y + z, moderate, ulps!(1.0)),
        f("fract", "fract(x)", 1, |[x, ..]| x - x.floor(), EVERYWHERE, ROUNDED),
        f("inverseSqrt", "inverseSqrt(x)", 1, |[x, ..]| 1.0 / x.sqrt(), EVERYWHERE, ulps!(2.0)),
        f("ldexp", "ldexp(x, 7)", 1, |[x, ..]| x * 128.0, EVERYWHERE, ulps!(0.0)),
        f("ldexp", "ldexp(x, -9)", 1, |[x, ..]| x / 512.0, EVERYWHERE, ROUNDED),
        f("length", "length(vec3(x, y, z))", 3, |[x, y, z]| (x * x + y * y + z * z).sqrt(), moderate, ulps!(4.5)),
        f("log", "log(x)", 1, |[x, ..]| x.ln(), EVERYWHERE, logarithm),
        f("log2", "log2(x)", 1, |[x, ..]| x.log2(), EVERYWHERE, logarithm),
        f("max", "max(x, y)", 2, |[x, y, _]| x.max(y), EVERYWHERE, ulps!(0.0)),
        f("min", "min(x, y)", 2, |[x, y, _]| x.min(y), EVERYWHERE, ulps!(0.0)),
        f("mix", "mix(x, y, z)", 3, |[x, y, z]| x * (1.0 - z) + y * z, |k, v| moderate(k, v) && unit(v[2]), ulps!(2.5)),
        f("modf", "modf(x).fract", 1, |[x, ..]| x.fract(), EVERYWHERE, ulps!(0.0)),
        f("modf", "modf(x).whole", 1, |[x, ..]| x.trunc(), EVERYWHERE, ulps!(0.0)),
        f("normalize", "normalize(vec2(x, y)).x", 2, |[x, y, _]| x / x.hypot(y), moderate, ulps!(5.0)),
        f("pow", "pow(x, y)", 2, |[x, y, _]| x.powf(y), |_, [x, y, _]| x > 0.0 && y.abs() < 60.0,
            |k, [x, y, _], e| exponential(k, y * x.log2(), e)),
        f("radians", "radians(x)", 1, |[x, ..]| x.to_radians(), EVERYWHERE, ulps!(1.5)),
        f("reflect", "reflect(vec2(x, y), vec2(-y, z)).x", 3, |[x, y, z]| x + 2.0 * (z * y - y * x) * y,
            |k, v| moderate(k, v) && v.iter().all(|&x| x < 8.0), |k, [x, y, z], _| 4.0 * k.ulp(x + 2.0 * (z * y + y * x) * y)),
        f("refract", "refract(vec2(0.6, -0.8), vec2(0, 1), x).y", 1, |[x, ..]| {
            -0.8 * x - (x * -0.8 + (1.0 - x * x * (1.0 - 0.64)).sqrt())
        }, |_, [x, ..]| (0.1..1.0).contains(&x), |k, _, _| k.pick(2e-6, 2e-2)),
        f("round", "round(x)", 1, |[x, ..]| x.round_ties_even(), EVERYWHERE, ulps!(0.0)),
        f("saturate", "saturate(x)", 1, |[x, ..]| x.clamp(0.0, 1.0), EVERYWHERE, ulps!(0.0)),
        f("sign", "sign(x)", 1, |[x, ..]| if x == 0.0 { 0.0 } else { x.signum() }, EVERYWHERE, ulps!(0.0)),
        f("sin", "sin(x)", 1, |[x, ..]| x.sin(), within_pi, sine),
        f("sinh", "sinh(x)", 1, |[x, ..]| x.sinh(), EVERYWHERE, hyperbolic),
        f("smoothstep", "smoothstep(y, y + z, x)", 3, |[x, y, z]| {
            let t = ((x - y) / z).clamp(0.0, 1.0);
            t * t * (3.0 - 2.0 * t)
        }, |k, [x, y, z]| moderate(k, [x, y, z]) && k.round(y + z) == y + z && k.round(x - y) == x - y && x > y, ulps!(10.0)),
        f("sqrt", "sqrt(x)", 1, |[x, ..]| x.sqrt(), EVERYWHERE, ulps!(2.5)),
        f("step", "step(x, y)", 2, |[x, y, _]| f64::from(u8::from(x <= y)), EVERYWHERE, ulps!(0.0)),
        f("tan", "tan(x)", 1, |[x, ..]| x.tan(), within_pi, |k, [x, ..], _| 2f64.powi(k.pick(-11.0, -7.0) as i32) / x.cos().abs()),
        f("tanh", "tanh(x)", 1, |[x, ..]| x.tanh(), EVERYWHERE, |k, _, e| k.pick(1e-5, 2.5 * k.ulp(e))),
        f("trunc", "trunc(x)", 1, |[x, ..]| x.trunc(), EVERYWHERE, ulps!(0.0)),
    ]
}

/// Runs a function on operands.
fn results(kind: Kind, wgsl: &str, operands: &[[f64; 3]]) -> Vec<f64> {
    let ty = kind.name();
    let text = format!(
        "enable f16;
         @group(0) @binding(0) var<storage, read> input: array<f32>;
         @group(0) @binding(1) var<storage, read_write> output: array<f32>;
         fn f(x: {ty}, y: {ty}, z: {ty}) -> {ty} {{ return {wgsl}; }}
         @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {{
            let i = id.x * 3;
            output[id.x] = f32(f({ty}(input[i]), {ty}(input[i + 1]), {ty}(input[i + 2])));
         }}"
    );
    let program = program(&text);
    let memories = program.memories.iter().map(|memory| match memory.name.as_str() {
        "input" => operands.iter().flatten().map(|&x| (x as f32).to_bits()).collect(),
        "output" => vec![0; operands.len()],
        _ => Vec::new(),
    });
    let mut lane = Lane::new(&program, memories.collect());
    for i in 0..operands.len() as u32 {
        (lane.global_id, lane.local_id) = ([i, 0, 0], [i % 64, 0, 0]);
        lane.run();
    }
    let output = program.memories.iter().position(|memory| memory.name == "output").expect("there is an output");
    lane.memories[output].iter().map(|&bits| f64::from(f32::from_bits(bits))).collect()
}

/// Finite numbers: all exponents, both signs, and what is special; every half.
fn numbers(kind: Kind) -> Vec<f64> {
    if kind == F16 {
        return (0..=u16::MAX).map(|bits| half::f16::from_bits(bits).to_f64()).filter(|x| x.is_finite()).collect();
    }
    let mut bits: Vec<u32> = (0..20_000u32).map(|i| i.wrapping_mul(214_751)).collect();
    for x in [0.0f32, 1.0, 0.5, 2.0, 0.25, std::f32::consts::PI, 1e-40, f32::MIN_POSITIVE, f32::MAX, 88.7, 127.9, 1e9] {
        bits.extend([x.to_bits().wrapping_sub(1), x.to_bits(), x.to_bits() + 1]);
    }
    // Close to 1, where logarithms cancel, and over the periods of the trigonometric functions.
    bits.extend((0..4000u32).map(|i| 0x3f40_0000 + i * 4099));
    bits.extend((0..4000).map(|i| (i as f32 * 0.000_79).to_bits()));
    let signs = bits.into_iter().flat_map(|bits| [bits, bits ^ 1 << 31]);
    signs.map(|bits| f64::from(f32::from_bits(bits))).filter(|x| x.is_finite()).collect()
}

/// Operands for a function of several: special values with each other, and numbers of moderate size.
fn tuples(kind: Kind, operands: usize) -> Vec<[f64; 3]> {
    if operands == 1 {
        return numbers(kind).into_iter().map(|x| [x, 0.0, 0.0]).collect();
    }
    let special =
        [0.0, 1.0, -1.0, 0.5, 3.0, -7.25, 0.1, 1e-3, 1e4, -100.0, kind.largest(), 2f64.powi(-14), 2f64.powi(-24)];
    let mut tuples = Vec::new();
    for x in special {
        for y in special {
            tuples.extend(special.map(|z| [x, y, z]));
        }
    }
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    for i in 0..20_000 {
        let scale = if i % 3 == 0 { 1.0 } else { 60.0 };
        tuples.push([next() * scale, next() * scale, next() * if i % 2 == 0 { 1.0 } else { scale }]);
        tuples.push([next() * 120.0 - 60.0, next() * 12.0 - 6.0, next() * 2.0 - 1.0]);
    }
    tuples.into_iter().map(|tuple| tuple.map(|x| kind.round(x))).collect()
}

/// The worst error of a function in ULP, where it is, and how often it is outside its bound.
fn worst(kind: Kind, function: &Function) -> (f64, [f64; 3], usize) {
    let operands: Vec<[f64; 3]> =
        tuples(kind, function.operands).into_iter().filter(|&operands| (function.domain)(kind, operands)).collect();
    assert!(operands.len() > 100, "{}: only {} operands", function.name, operands.len());
    let (mut worst, mut place, mut outside) = (0.0, [0.0; 3], 0);
    for (&operands, &got) in operands.iter().zip(&results(kind, function.wgsl, &operands)) {
        let exact = (function.exact)(operands);
        let rounded = kind.round(exact);
        if rounded.is_nan() || exact.abs() > kind.largest() {
            // Without a value, or overflow, which may set in at the largest number.
            let fits = if rounded.is_nan() { got.is_nan() } else { got.abs() >= kind.largest() * 0.99 };
            outside += usize::from(!fits);
            continue;
        }
        let error = if got.is_infinite() && exact.abs() >= kind.largest() * 0.99 { 0.0 } else { (got - exact).abs() };
        // The result is a number of its kind: half a unit is lost in any case.
        let bound = (function.bound)(kind, operands, exact).max((rounded - exact).abs());
        if error.is_nan() || error > bound {
            outside += 1;
        }
        let ulps = error / kind.ulp(exact);
        if ulps.is_nan() || ulps > worst {
            (worst, place) = (ulps, operands);
        }
    }
    (worst, place, outside)
}

fn check(kind: Kind) {
    let mut failed = Vec::new();
    println!("{:14} {:>10}  at", kind.name(), "worst ULP");
    for function in functions() {
        let (ulps, place, outside) = worst(kind, &function);
        let place: Vec<String> = place[..function.operands].iter().map(|x| format!("{x:e}")).collect();
        println!("{:14} {ulps:10.3}  {}", function.name, place.join(", "));
        if outside > 0 {
            failed.push(format!("{} ({outside} times, worst {ulps:.3} ULP at {})", function.name, place.join(", ")));
        }
    }
    assert!(failed.is_empty(), "outside of WGSL's bounds for {}: {}", kind.name(), failed.join("; "));
}

#[test]
fn singles_are_within_the_bounds_of_wgsl() {
    check(F32);
}

#[test]
fn halves_are_within_the_bounds_of_wgsl() {
    check(F16);
}

/// `quantizeToF16` and the conversions between floats are rounded once, to the nearest.
#[test]
fn quantizing_is_rounding() {
    let operands: Vec<[f64; 3]> = numbers(F32).into_iter().map(|x| [x, 0.0, 0.0]).collect();
    for wgsl in ["quantizeToF16(x)", "f32(f16(x))"] {
        for (&[x, ..], &got) in operands.iter().zip(&results(F32, wgsl, &operands)) {
            assert_eq!(got.to_bits(), half::f16::from_f64(x).to_f64().to_bits(), "{wgsl} of {x:e}");
        }
    }
}
