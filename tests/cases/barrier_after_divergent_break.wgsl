// A barrier behind a `break` that only some lanes take.
//! device: cpu, because naga accepts the kernel, and what a GPU makes of it is undefined (section 15.2)
//! error: barrier

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    for (var k = 0u; k < 8; k++) {
        if (k == lane) {
            break;
        }
        storageBarrier(); // refused here
        y[lane] = k;
    }
}
