// A constant array with an index that is known at run time only.
//! grid: 10
//! out y: u32 = 31 28 31 30 31 30 31 31 30 31

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
const DAYS = array<u32, 12>(31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = DAYS[i];
}
