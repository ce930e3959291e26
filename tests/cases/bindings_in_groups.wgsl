// Bindings spread over groups with gaps, in another order than the text's.
//! grid: 3
//! in a: u32 = 1 2 3
//! in b: u32 = 10 20 30
//! out c: u32 = 112 124 136
//! set k: u32 = 101

@group(2) @binding(5) var<storage, read> a: array<u32>;
@group(0) @binding(3) var<storage, read_write> c: array<u32>;
@group(1) @binding(0) var<uniform> k: u32;
@group(0) @binding(1) var<storage, read> b: array<u32>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    c[i] = a[i] + b[i] + k + i;
}
