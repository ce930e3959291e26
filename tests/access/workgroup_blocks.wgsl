//! workgroups: 9 7
//! words params: 70 55
//! elements image: 3850
//! elements means: 63
struct Params { width: u32, height: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<f32>;
@group(0) @binding(2) var<storage, read_write> means: array<f32>;
var<workgroup> tile: array<f32, 64>;
@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_id) lane: vec3u, @builtin(local_invocation_index) place: u32) {
    let x = group.x * 8u + lane.x;
    let y = group.y * 8u + lane.y;
    if (x < params.width && y < params.height) { tile[place] = image[y * params.width + x]; }
    workgroupBarrier();
    for (var half = 32u; half > 0u; half >>= 1u) {
        if (place < half) { tile[place] += tile[place + half]; }
        workgroupBarrier();
    }
    if (place == 0u) { means[group.y * groups.x + group.x] = tile[0] / 64.0; }
}
