// Conversions from and to bool: zero is false, all else is true.
//! grid: 8
//! out y: u32 = 0 1 1 1 0 1 1 0

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let values = array<bool, 8>(bool(0), bool(1), bool(-1i), bool(2u), bool(0.0), bool(0.5), bool(-1e-20), bool(-0.0));
    y[i] = u32(values[i]);
}
