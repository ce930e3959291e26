// 16,384 bytes of workgroup memory, filled in strides.
//! workgroups: 2
//! out y: u32 = each(128, sum(k, 0, 64, (k * 64 + i % 64) * (1 + i / 64)))

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

var<workgroup> block: array<vec4u, 1024>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3u,
) {
    for (var k = 0u; k < 16; k++) {
        let at = k * 64 + lane;
        block[at] = (vec4u(4 * at) + vec4u(0, 1, 2, 3)) * (group.x + 1);
    }
    workgroupBarrier();
    var sum = 0u;
    for (var k = 0u; k < 64; k++) {
        let at = k * 64 + lane;
        sum += block[at / 4][at % 4];
    }
    y[id.x] = sum;
}
