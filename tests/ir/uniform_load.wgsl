// workgroupUniformLoad makes what follows uniform: the loop may hold a barrier.
@group(0) @binding(0) var<storage, read_write> y: array<u32>;

var<workgroup> rounds: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    if (lane == 0) {
        rounds = y[id.x];
    }
    var value = id.x;
    for (var k = 0u; k < workgroupUniformLoad(&rounds); k++) {
        value = value * 5 + k;
        storageBarrier();
    }
    y[id.x] = value;
}
