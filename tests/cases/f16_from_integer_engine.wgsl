// Conversions of integers to halves round once on the engine, and too large ones give infinity.
//! grid: 8
//! device: cpu, because WGSL leaves rounding and overflow open (section Floating Point Conversion)
//! in a: u32 = 2049 2051 65519 65520 0xffffffff 0xf4243 4097 4099
//! out x: f16 = 2048 2052 65504 inf inf inf 4096 4100

enable f16;

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> x: array<f16>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    x[i] = f16(a[i]);
}
