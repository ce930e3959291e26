// A guard cuts 1,000 elements out of 1,024 invocations.
//! grid: 1000
//! in x: u32 = hash(1000, 1)
//! out y: u32 = each(1000, x[i] ^ i) untouched*24

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < arrayLength(&x)) {
        y[id.x] = x[id.x] ^ id.x;
    }
}
