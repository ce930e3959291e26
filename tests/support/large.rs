//! Kernels that come to many operations once their functions are inlined: arithmetic in the field of 256 bits of the curve
//! BN254, with limbs of 16 bits in Montgomery's form (P. L. Montgomery, "Modular multiplication without trial division", 1985).

/// The modulus of the field, from the lowest limb on.
const MODULUS: [u32; 16] = [
    0xfd47, 0xd87c, 0x8c16, 0x3c20, 0xca8d, 0x6871, 0x6a91, 0x9781, 0x585d, 0x8181, 0x45b6, 0xb850, 0xa029, 0xe131,
    0x4e72, 0x3064,
];
/// Minus one by the modulus, modulo 2^16.
const FACTOR: u32 = 0x6389;

/// Bindings: two numbers for each invocation, and one.
const HEADER: &str = "\
struct Fe { l: array<u32, 16> }
@group(0) @binding(0) var<storage, read> a: array<Fe>;
@group(0) @binding(1) var<storage, read_write> r: array<Fe>;
";

/// A chain of `count` multiplications in straight lines, each some 2,600 operations: `x = x * y`, `y = y * x` in turn, and
/// `x + y` in the end. Numbers come in pairs.
pub fn multiplications(count: usize) -> String {
    let chain: String = (0..count).map(|i| if i % 2 == 0 { "x = mul(x, y);\n" } else { "y = mul(y, x);\n" }).collect();
    format!(
        "{HEADER}{}@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {{
    if (id.x >= arrayLength(&r)) {{ return; }}
    var x = a[2u * id.x];
    var y = a[2u * id.x + 1u];
    {chain}
    r[id.x] = add(x, y);
}}
",
        straight()
    )
}

/// Multiplication and addition without loops.
fn straight() -> String {
    let limbs = |f: &dyn Fn(usize) -> String| (0..16).map(|j| format!("    {}\n", f(j))).collect::<String>();
    let difference = limbs(&|j| {
        let modulus = MODULUS[j];
        format!("x = a.l[{j}] - {modulus}u - c; s.l[{j}] = x & 0xffffu; c = (x >> 16u) & 1u;")
    });
    let choice = limbs(&|j| format!("s.l[{j}] = select(s.l[{j}], a.l[{j}], c == 1u);"));
    let sum = limbs(&|j| format!("x = a.l[{j}] + b.l[{j}] + c; s.l[{j}] = x & 0xffffu; c = x >> 16u;"));
    let product = limbs(&|j| format!("p = x * b.l[{j}] + (*t)[{j}] + c; (*t)[{j}] = p & 0xffffu; c = p >> 16u;"));
    let shifted = limbs(&|j| match j {
        0 => format!("c = (m * {}u + (*t)[0]) >> 16u;", MODULUS[0]),
        _ => format!("p = m * {}u + (*t)[{j}] + c; (*t)[{}] = p & 0xffffu; c = p >> 16u;", MODULUS[j], j - 1),
    });
    let steps = limbs(&|i| format!("step(&t, a.l[{i}], b);"));
    let result = limbs(&|j| format!("s.l[{j}] = t[{j}];"));
    format!(
        "fn reduced(a: Fe) -> Fe {{
    var s: Fe; var c = 0u; var x: u32;
{difference}{choice}    return s;
}}
fn add(a: Fe, b: Fe) -> Fe {{
    var s: Fe; var c = 0u; var x: u32;
{sum}    return reduced(s);
}}
fn step(t: ptr<function, array<u32, 17>>, x: u32, b: Fe) {{
    var c = 0u; var p: u32;
{product}    (*t)[16] += c;
    let m = ((*t)[0] * {FACTOR}u) & 0xffffu;
{shifted}    p = (*t)[16] + c;
    (*t)[15] = p & 0xffffu;
    (*t)[16] = p >> 16u;
}}
fn mul(a: Fe, b: Fe) -> Fe {{
    var t: array<u32, 17>; var s: Fe;
{steps}{result}    return reduced(s);
}}
"
    )
}

/// Multiplication, addition and subtraction with loops over limbs.
fn looped() -> String {
    let modulus = MODULUS.map(|limb| format!("{limb}u")).join(", ");
    format!(
        "const q = array<u32, 16>({modulus});
fn reduced(a: Fe) -> Fe {{
    var s: Fe; var c = 0u;
    for (var j = 0u; j < 16u; j++) {{ let x = a.l[j] - q[j] - c; s.l[j] = x & 0xffffu; c = (x >> 16u) & 1u; }}
    if (c == 1u) {{ return a; }}
    return s;
}}
fn add(a: Fe, b: Fe) -> Fe {{
    var s: Fe; var c = 0u;
    for (var j = 0u; j < 16u; j++) {{ let x = a.l[j] + b.l[j] + c; s.l[j] = x & 0xffffu; c = x >> 16u; }}
    return reduced(s);
}}
fn sub(a: Fe, b: Fe) -> Fe {{
    var s: Fe; var c = 0u;
    for (var j = 0u; j < 16u; j++) {{ let x = a.l[j] - b.l[j] - c; s.l[j] = x & 0xffffu; c = (x >> 16u) & 1u; }}
    let m = 0u - c;
    c = 0u;
    for (var j = 0u; j < 16u; j++) {{ let x = s.l[j] + (q[j] & m) + c; s.l[j] = x & 0xffffu; c = x >> 16u; }}
    return s;
}}
fn mul(a: Fe, b: Fe) -> Fe {{
    var t: array<u32, 17>;
    for (var i = 0u; i < 16u; i++) {{
        var c = 0u;
        for (var j = 0u; j < 16u; j++) {{ let x = a.l[i] * b.l[j] + t[j] + c; t[j] = x & 0xffffu; c = x >> 16u; }}
        t[16] += c;
        let m = (t[0] * {FACTOR}u) & 0xffffu;
        c = (m * q[0] + t[0]) >> 16u;
        for (var j = 1u; j < 16u; j++) {{ let x = m * q[j] + t[j] + c; t[j - 1u] = x & 0xffffu; c = x >> 16u; }}
        let x = t[16] + c;
        t[15] = x & 0xffffu;
        t[16] = x >> 16u;
    }}
    var s: Fe;
    for (var j = 0u; j < 16u; j++) {{ s.l[j] = t[j]; }}
    return reduced(s);
}}
"
    )
}

/// A multiplication of a curve's point by `77 + id.x`, bit by bit, with `copies` of doubling and addition in the body of a
/// loop of four iterations: some 5,100 operations each, and many loops. Points are three numbers, in Jacobian coordinates.
pub fn points(copies: usize) -> String {
    const STEP: &str = "\
        at -= 1u;
        p = double(p);
        if (((k >> at) & 1u) == 1u) { p = plus(p, g); }
";
    format!(
        "{HEADER}struct Point {{ x: Fe, y: Fe, z: Fe }}
{}fn double(p: Point) -> Point {{
    let a = mul(p.x, p.x); let b = mul(p.y, p.y); let c = mul(b, b);
    let xb = add(p.x, b);
    let d0 = sub(sub(mul(xb, xb), a), c);
    let d = add(d0, d0); let e = add(add(a, a), a);
    let x = sub(mul(e, e), add(d, d));
    let c2 = add(c, c); let c4 = add(c2, c2);
    let y = sub(mul(e, sub(d, x)), add(c4, c4));
    let z = mul(p.y, p.z);
    return Point(x, y, add(z, z));
}}
fn plus(p: Point, o: Point) -> Point {{
    let z1 = mul(p.z, p.z); let z2 = mul(o.z, o.z);
    let u1 = mul(p.x, z2); let u2 = mul(o.x, z1);
    let s1 = mul(mul(p.y, o.z), z2); let s2 = mul(mul(o.y, p.z), z1);
    let h = sub(u2, u1); let h2 = add(h, h);
    let i = mul(h2, h2); let j = mul(h, i);
    let r0 = sub(s2, s1); let r = add(r0, r0); let v = mul(u1, i);
    let x = sub(sub(mul(r, r), j), add(v, v));
    let w = mul(s1, j);
    let y = sub(mul(r, sub(v, x)), add(w, w));
    let z = add(p.z, o.z);
    return Point(x, y, mul(sub(sub(mul(z, z), z1), z2), h));
}}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {{
    if (3u * id.x >= arrayLength(&r)) {{ return; }}
    let g = Point(a[3u * id.x], a[3u * id.x + 1u], a[3u * id.x + 2u]);
    var p = g;
    let k = 77u + id.x;
    var at = {}u;
    for (var s = 0u; s < 4u; s++) {{
{}    }}
    r[3u * id.x] = p.x;
    r[3u * id.x + 1u] = p.y;
    r[3u * id.x + 2u] = p.z;
}}
",
        looped(),
        4 * copies,
        STEP.repeat(copies)
    )
}
