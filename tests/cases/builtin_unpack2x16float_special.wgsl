// unpack2x16float of subnormal halves, of zero with a sign, and of infinities is exact on the engine.
//! grid: 3
//! device: cpu, because WGSL leaves NaN, infinities, subnormal numbers and the sign of zero open (section
//!     Differences from IEEE-754)
//! in x: u32 = 0x3ff0001 0x80008001 0xfc007c00
//! out y: f32 = 0x33800000 0x387fc000 0xb3800000 -0 inf -inf

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec2f>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = unpack2x16float(x[id.x]);
}
