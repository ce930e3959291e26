// Divisions by powers of two are shifts and masks.
//! grid: 512
//! in x: u32 = hash(512, 1)
//! out y: u32 = each(512, x[i] / 8 + x[i] % 16)
//! asm loop has: vpsrld x8; vpand x8; vpaddd x8 lacks: vdiv; vcvt; vpmul

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = x[id.x] / 8 + x[id.x] % 16;
}
