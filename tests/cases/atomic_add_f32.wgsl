// Sums of small whole numbers are exact in any order.
//! grid: 4096
//! inout y: f32 = 0.5 0*7 -> 4096.5 0 8388608 -2048 0 0 -8 0
//! out old: f32 = 1*4096

@group(0) @binding(0) var<storage, read_write> y: array<atomic<f32>>;
@group(0) @binding(1) var<storage, read_write> old: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let before = atomicAdd(&y[0], 1.0);
    atomicAdd(&y[2], f32(i) + 0.5);
    if i % 2 == 1 { atomicSub(&y[3], 1.0); }
    // Out of bounds: nothing, and zero.
    let none = atomicAdd(&y[i + 8], 1.0);
    if i < 8 { atomicAdd(&y[i / 8 + 6], -1.0); }
    old[i] = f32(before >= 0.5 && before < 4096.5 && fract(before) == 0.5 && none == 0.0);
}
