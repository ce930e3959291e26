// Abstract integers are computed in 64 bits before they become a type (section Abstract Numeric Types).
//! grid: 1
//! out y: u32 = 1 0xffffffff 6 2

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    const large = 4294967296 - 1;
    y[0] = (1 << 40) >> 40;
    y[1] = large;
    y[2] = 3 * 2;
    y[3] = 7 / 3;
}
