// workgroupUniformLoad: a value of one lane steers all, so that a barrier may stand in the loop.
//! grid: 16
//! in x: u32 = 3 0 0 0 0 0 0 0  5 0 0 0 0 0 0 0
//! out y: u32 = 24*8 40*8

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> rounds: u32;
var<workgroup> count: atomic<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    if (lane == 0) {
        rounds = x[id.x];
    }
    let n = workgroupUniformLoad(&rounds);
    for (var k = 0u; k < n; k++) {
        atomicAdd(&count, 1u);
        workgroupBarrier();
    }
    y[id.x] = atomicLoad(&count);
}
