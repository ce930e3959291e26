// Override constants of every type, one with an @id, one that follows from another.
//! grid: 14
//! const WG = 7
//! const 12 = -5
//! const SCALE = 1.5
//! const FLIP = 1
//! out y: f32 = each(14, -(1.5 * i + 14 - 5))

override WG: u32 = 64;
override DOUBLE: u32 = WG * 2;
@id(12) override offset: i32 = 3;
override SCALE: f32 = 1.0;
override FLIP: bool = false;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var value = SCALE * f32(id.x) + f32(DOUBLE) + f32(offset);
    if (FLIP) {
        value = -value;
    }
    y[id.x] = value;
}
