// A value that a loop around a barrier carries on, and that in each iteration only some lanes change: those that share a
// condition in one iteration may have differed in an earlier one (section "for statement").
//! workgroups: 1
//! out z: u32 = 5 5 5 25 25 25 25 25 25 25 25 25 25 25 25 25

@group(0) @binding(0) var<storage, read_write> z: array<u32>;

var<workgroup> exchanged: array<u32, 16>;

@compute @workgroup_size(16)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {
    var chosen = 1u;
    for (var k = 0u; k < groups.x * 24u; k++) {
        switch lane - k {
            case 0u, 3u: { chosen *= 5u; }
            default: {}
        }
        exchanged[lane] = 0u;
        workgroupBarrier();
    }
    z[lane] = chosen;
}
