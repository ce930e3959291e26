// Lanes leave at different barriers of a loop; the rest goes on.
//! device: cpu, because WGSL wants barriers in uniform control flow (section 15.2), and only the engine defines this
//! grid: 6
//! out y: u32 = 5 14 12 9 5 0

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

var<workgroup> sum: atomic<u32>;
var<workgroup> sums: array<u32, 6>;

@compute @workgroup_size(6)
fn main(@builtin(local_invocation_index) lane: u32) {
    sums[lane] = 5;
    workgroupBarrier();
    if (lane == 0) {
        y[0] = sums[5];
        return;
    }
    for (var k = 1u; k < 6; k++) {
        if (lane == 6 - k) {
            y[lane] = atomicLoad(&sum);
            return;
        }
        workgroupBarrier();
        if (lane == 5 - k) {
            atomicAdd(&sum, lane + 1);
        }
        workgroupBarrier();
    }
}
