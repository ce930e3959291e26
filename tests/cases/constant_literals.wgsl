// Literals of all forms: decimal and hexadecimal, with suffix and without (section Literals).
//! grid: 1
//! out y: f32 = 26 255 1 3 100 12 0.5 1024

@group(0) @binding(0) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[0] = f32(0x1Au);
    y[1] = f32(0xFFi);
    y[2] = 1f;
    y[3] = 0x1.8p1;
    y[4] = 1e2;
    y[5] = 12.;
    y[6] = .5f;
    y[7] = 0x1P10f;
}
