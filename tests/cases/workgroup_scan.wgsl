// An inclusive prefix sum of 7 lanes: barriers between reading and writing the same memory.
//! grid: 21
//! in x: i32 = 1 2 3 4 5 6 7  -1 -1 -1 -1 -1 -1 -1  100 0 -50 0 25 0 1
//! out y: i32 = 1 3 6 10 15 21 28  -1 -2 -3 -4 -5 -6 -7  100 100 50 50 75 75 76

@group(0) @binding(0) var<storage, read> x: array<i32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;

var<workgroup> sums: array<i32, 7>;

@compute @workgroup_size(7)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    sums[lane] = x[id.x];
    workgroupBarrier();
    for (var step = 1u; step < 7; step *= 2) {
        var left = 0;
        if (lane >= step) {
            left = sums[lane - step];
        }
        workgroupBarrier();
        sums[lane] += left;
        workgroupBarrier();
    }
    y[id.x] = sums[lane];
}
