// A barrier in a loop that some lanes have left for the end of the function around it: the others come by once more.
//! device: cpu, because naga accepts the kernel, and what a GPU makes of it is undefined (section 15.2)
//! error: barrier

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

fn wait(lane: u32) -> u32 {
    for (var k = 0u; k < 8; k++) {
        storageBarrier(); // refused here
        if (k == lane) {
            return k;
        }
    }
    return 8;
}

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    y[lane] = wait(lane);
}
