//! Kernels that do not see the shape of their workgroups, for any size: `SIZE` stands for it.

/// A name, whether its grid has two axes, and the text. Each reads `x` and writes `y`, with as many words as the grid has
/// invocations.
pub const KERNELS: [(&str, bool, &str); 10] = [
    ("scale", false, "y[id.x] = bitcast<u32>(2.5 * f32(x[id.x]));"),
    (
        "hash",
        false,
        "var h = x[id.x]; for (var i = 0u; i < 16u; i++) { h = (h ^ (h >> 15u)) * 0x85ebca6bu; } y[id.x] = h;",
    ),
    ("gather", false, "y[id.x] = x[(id.x * 7919u) % arrayLength(&x)];"),
    ("neighbours", false, "y[id.x] = x[max(id.x, 1u) - 1u] + 2u * x[id.x] + x[min(id.x + 1u, arrayLength(&x) - 1u)];"),
    (
        "collatz",
        false,
        "var n = x[id.x] | 1u; var i = 0u; while n != 1u && i < 40u { n = select(n / 2u, 3u * n + 1u, n % 2u == 1u); i++; } y[id.x] = i;",
    ),
    ("branch", false, "if x[id.x] % 3u == 0u { y[id.x] = id.x; } else { y[id.x] = u32(sqrt(f32(x[id.x]))); }"),
    (
        "polynomial",
        false,
        "let t = f32(x[id.x] % 1000u) * 0.001; var p = 0.0; for (var i = 0; i < 12; i++) { p = fma(p, t, 0.5); } y[id.x] = bitcast<u32>(p);",
    ),
    ("copy_2d", true, "y[id.y * p.width + id.x] = x[id.y * p.width + id.x] + id.y;"),
    (
        "blur_2d",
        true,
        "var sum = 0u; for (var d = 0u; d < 5u; d++) { sum += x[id.y * p.width + min(id.x + d, p.width - 1u)]; } y[id.y * p.width + id.x] = sum;",
    ),
    ("transpose_2d", true, "y[id.x * p.height + id.y] = x[id.y * p.width + id.x];"),
];

/// The text of a kernel with workgroups of a size.
pub fn text((name, _, body): (&str, bool, &str), size: [u32; 3]) -> String {
    let [a, b, c] = size;
    format!(
        "struct Params {{ width: u32, height: u32 }}
        @group(0) @binding(0) var<uniform> p: Params;
        @group(0) @binding(1) var<storage, read> x: array<u32>;
        @group(0) @binding(2) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size({a}, {b}, {c}) fn {name}(@builtin(global_invocation_id) id: vec3u) {{
            if id.x >= p.width || id.y >= p.height {{ return; }}
            {body}
        }}"
    )
}
