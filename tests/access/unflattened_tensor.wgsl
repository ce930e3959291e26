//! workgroups: 120
//! words shape: 4 6 8 10 4 1920 480 80 10 1
//! elements a: 7680
//! elements b: 7680
//! elements mean: 24
//! elements scale: 24
//! elements shift: 192
//! elements gate: 192
//! elements total: 7680
//! elements flipped: 7680
// Five dimensions from one index, with buffers that have some of them.
struct Shape { n: u32, c: u32, d: u32, h: u32, w: u32, sn: u32, sc: u32, sd: u32, sh: u32, sw: u32 }
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> scale: array<f32>;
@group(0) @binding(5) var<storage, read> shift: array<f32>;
@group(0) @binding(6) var<storage, read> gate: array<f32>;
@group(0) @binding(7) var<storage, read_write> total: array<f32>;
@group(0) @binding(8) var<storage, read_write> flipped: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i >= shape.n * shape.c * shape.d * shape.h * shape.w) { return; }
    let w = i % shape.w;
    let h = i / shape.w % shape.h;
    let d = i / (shape.w * shape.h) % shape.d;
    let c = i / (shape.w * shape.h * shape.d) % shape.c;
    let n = i / (shape.w * shape.h * shape.d * shape.c);
    let strided = n * shape.sn + c * shape.sc + d * shape.sd + h * shape.sh + w * shape.sw;
    let nc = n * shape.c + c;
    let ncd = nc * shape.d + d;
    let x = (a[i] - mean[nc]) * scale[nc] + b[strided % arrayLength(&b)];
    total[i] = x * gate[ncd] + shift[ncd];
    let mirrored = (((n * shape.c + c) * shape.d + d) * shape.h + h) * shape.w + (shape.w - 1u - w);
    flipped[mirrored] = x;
}
