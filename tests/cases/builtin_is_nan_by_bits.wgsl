// The usual way to look for NaN and infinity in WGSL, by the bits.
//! grid: 6
//! in x: u32 = 0x7fc00000 0xffc00001 0x7f800000 0xff800000 0x3f800000 0
//! out y: u32 = 1 1 2 2 0 0

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let size = x[id.x] & 0x7fffffffu;
    y[id.x] = select(select(0u, 2u, size == 0x7f800000u), 1u, size > 0x7f800000u);
}
