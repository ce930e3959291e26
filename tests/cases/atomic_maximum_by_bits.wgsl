// A maximum of positive floats by their bits, which have the same order.
//! grid: 256
//! in x: f32 = each(256, (i * 37 % 256) * 0.5 + 1)
//! inout most: u32 = 0 -> 0x43008000

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> most: atomic<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    atomicMax(&most, bitcast<u32>(x[id.x]));
}
