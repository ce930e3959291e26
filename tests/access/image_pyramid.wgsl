//! workgroups: 16 12
//! words size: 256 192 128 96 64 48
//! elements fine: 49152
//! elements coarse: 12288
//! elements coarser: 3072
//! elements detail: 49152
//! elements blurred: 12288
// Levels of a picture: five taps each way with clamped edges, and the difference to the level above, interpolated.
struct Size { w0: i32, h0: i32, w1: i32, h1: i32, w2: i32, h2: i32 }
@group(0) @binding(0) var<uniform> size: Size;
@group(0) @binding(1) var<storage, read> fine: array<f32>;
@group(0) @binding(2) var<storage, read> coarse: array<f32>;
@group(0) @binding(3) var<storage, read> coarser: array<f32>;
@group(0) @binding(4) var<storage, read_write> detail: array<f32>;
@group(0) @binding(5) var<storage, read_write> blurred: array<f32>;

const taps = array<f32, 5>(0.0625, 0.25, 0.375, 0.25, 0.0625);

fn from_coarse(x: i32, y: i32) -> f32 {
    return coarse[clamp(y, 0, size.h1 - 1) * size.w1 + clamp(x, 0, size.w1 - 1)];
}

fn from_coarser(x: i32, y: i32) -> f32 {
    return coarser[clamp(y, 0, size.h2 - 1) * size.w2 + clamp(x, 0, size.w2 - 1)];
}

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let x = i32(id.x);
    let y = i32(id.y);
    if (x >= size.w0 || y >= size.h0) { return; }
    var sum = 0.0;
    for (var dy = -2; dy <= 2; dy++) {
        for (var dx = -2; dx <= 2; dx++) {
            let sx = clamp(x + dx, 0, size.w0 - 1);
            let sy = clamp(y + dy, 0, size.h0 - 1);
            sum += taps[dx + 2] * taps[dy + 2] * fine[sy * size.w0 + sx];
        }
    }
    let cx = (x - 1) >> 1u;
    let cy = (y - 1) >> 1u;
    let up = 0.25 * (from_coarse(cx, cy) + from_coarse(cx + 1, cy) + from_coarse(cx, cy + 1) + from_coarse(cx + 1, cy + 1));
    let top = 0.5 * (from_coarser(x / 4, y / 4) + from_coarser(x / 4 + 1, y / 4 + 1));
    detail[y * size.w0 + x] = fine[y * size.w0 + x] - up - 0.125 * top;
    if (x % 2 == 0 && y % 2 == 0 && x / 2 < size.w1 && y / 2 < size.h1) {
        blurred[y / 2 * size.w1 + x / 2] = sum;
    }
}
