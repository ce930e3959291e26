// Values of which the parts are not used again: a negated term of a sum, and a condition of a loop of which one part is the
// same for all, both computed in front of a barrier.
//! workgroups: 1
//! in x: f32 = 1 2 3 4 5 6 7 8
//! out sums: f32 = 401 402 403 -4 -5 -6 -7 -8
//! out trips: u32 = 0 0 0 2 2 2 2 2

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> trips: array<u32>;

var<workgroup> exchanged: array<f32, 8>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {
    let minus = -x[lane];
    let again = (groups.x == 1u) & (x[lane] > 3.5);
    var sum = 100.0;
    for (var k = 0u; k < groups.x * 2u; k++) {
        exchanged[lane] = sum;
        workgroupBarrier();
        sum = sum - (select(3.0, 1.0, again) * exchanged[lane]) + minus;
    }
    sums[lane] = sum;
    var count = 0u;
    while again {
        count++;
        if count >= 2u { break; }
    }
    trips[lane] = count;
}
