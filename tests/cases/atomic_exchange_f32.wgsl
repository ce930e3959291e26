// Exchanges, loads and stores of floats; each value that is put in comes out once.
//! grid: 256
//! inout y: f32 = 256 7 -> _ 3.5
//! inout seen: u32 = 0*257 -> _*257
//! out total: f32 = 7

@group(0) @binding(0) var<storage, read_write> y: array<atomic<f32>>;
@group(0) @binding(1) var<storage, read_write> seen: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read_write> total: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let old = atomicExchange(&y[0], f32(id.x));
    atomicAdd(&seen[u32(old)], 1u);
    if id.x == 0 {
        total[0] = atomicLoad(&y[1]);
        atomicStore(&y[1], 3.5);
    }
}
