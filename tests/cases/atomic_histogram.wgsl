// Counts of 1,000 values in 10 bins: first in workgroup memory, then in the buffer.
//! grid: 1000
//! in x: u32 = each(1000, i * i % 97)
//! inout bins: u32 = 0*10 -> each(10, sum(k, 0, 1000, x[k] % 10 == i))

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> bins: array<atomic<u32>, 10>;

var<workgroup> local: array<atomic<u32>, 10>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    if (id.x < arrayLength(&x)) {
        atomicAdd(&local[x[id.x] % 10], 1u);
    }
    workgroupBarrier();
    if (lane < 10) {
        atomicAdd(&bins[lane], atomicLoad(&local[lane]));
    }
}
