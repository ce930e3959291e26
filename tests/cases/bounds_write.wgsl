// Writes past the end are dropped, those at huge and negative indices too; the last element is left alone.
//! grid: 8
//! inout y: u32 = 9 9 9 9 9 -> 0 1 2 3 4
//! inout z: i32 = 9 9 9 -> 5 6 7
//! inout w: u32 = 9 9 9 9 -> 9 9 0 1
//! out seen: u32 = 0 1 2 3 4 0 0 0

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<i32>;
@group(0) @binding(2) var<storage, read_write> w: array<vec4u, 1>;
@group(0) @binding(3) var<storage, read_write> seen: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = i32(id.x);
    y[id.x] = id.x;
    y[0xfffffffcu + id.x % 2] = 77;
    z[i - 5] = i;
    w[id.x / 4 + 1][2] = 5;
    w[id.x / 8][id.x + 2] = id.x;
    seen[id.x] = y[id.x];
}
