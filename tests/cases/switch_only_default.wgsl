// A switch with nothing but a default runs it once, and break leaves it.
//! grid: 4
//! inout y: u32 = 0*4 -> 1 0 1 0

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = 0;
    switch i {
        default: {
            if i % 2 == 1 {
                break;
            }
            y[i] += 1;
        }
    }
}
