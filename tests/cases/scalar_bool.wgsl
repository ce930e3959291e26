// Operators on bool: ! && || & | == !=, and select.
//! grid: 4
//! out y: u32 = 80 133 133 43

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let a = (id.x & 1) != 0;
    let b = id.x >= 2;
    var bits = 0u;
    bits |= select(0u, 1u, a || b);
    bits |= select(0u, 2u, a && b);
    bits |= select(0u, 4u, a != b);
    bits |= select(0u, 8u, a & b);
    bits |= select(0u, 16u, !(a | b));
    bits |= select(0u, 32u, a == true && b == a);
    bits |= select(0u, 64u, !a && !b);
    bits |= select(0u, 128u, a != b);
    y[id.x] = bits;
}
