// Workgroup memory is zero at the start of each workgroup, whatever the one before left (section 7.3).
//! workgroups: 300
//! out y: u32 = 0*300
//! out z: f32 = 0*300

struct Part { flags: vec2u, weights: array<f32, 3> }

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<f32>;

var<workgroup> words: array<u32, 16>;
var<workgroup> part: Part;

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let before = words[15 - lane] + part.flags.y;
    let weight = part.weights[lane % 3];
    workgroupBarrier();
    words[lane] = before + 1;
    part.weights[lane % 3] = 2;
    part.flags.y = 5;
    workgroupBarrier();
    if (lane == group.x % 16) {
        y[group.x] = before;
        z[group.x] = weight;
    }
}
