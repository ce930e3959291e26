// A loop whose length differs from lane to lane has no barrier.
//! device: cpu, because naga accepts the kernel, and what a GPU makes of it is undefined (section 15.2)
//! error: barrier

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> sum: atomic<u32>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    for (var k = 0u; k < x[lane]; k++) {
        atomicAdd(&sum, 1u);
        workgroupBarrier(); // refused here
    }
    y[lane] = atomicLoad(&sum);
}
