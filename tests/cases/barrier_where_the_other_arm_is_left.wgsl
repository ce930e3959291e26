// A barrier in one arm of a uniform branch, behind whose other arm invocations return one by one (section Uniformity). That
// the arm with the barrier always returns, a compiler can tell.
//! workgroups: 2
//! in x: u32 = 0 5 1 9
//! out y: u32 = 0 7 2 7  5 11 8 17

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> told: u32;
var<private> one: u32 = 1u;

fn part(group: u32, lane: u32) -> u32 {
    var known = 3u;
    if (group == 0u) {
        known = 4u;
    } else {
        if (lane == 0u) {
            told = 5u;
        }
        let t = workgroupUniformLoad(&told);
        if (one < 2u) {
            return t + lane + x[lane];
        }
    }
    if (x[lane] > 2u) {
        if (known == 4u) {
            return 7u;
        }
    }
    return lane;
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    y[group.x * 4u + lane] = part(group.x, lane);
}
