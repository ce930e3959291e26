// Columns and rows at indices that differ from lane to lane.
//! grid: 9
//! in m: f32 = 1 2 3 0  4 5 6 0  7 8 9 0
//! out y: f32 = 1 2 3 4 5 6 7 8 9
//! out z: f32 = 10 2 3 4 50 6 7 8 90
//! out w: f32 = each(9, 18 * (i % 3) + 14 + (i % 4 == 0 ? 9 * (i % 3 + 1) * (4 * (i % 3) + 1) : 0))

@group(0) @binding(0) var<storage, read> m: mat3x3f;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<f32>;
@group(0) @binding(3) var<storage, read_write> w: array<f32>;

@compute @workgroup_size(9)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let c = i / 3;
    let r = i % 3;
    var local = m;
    y[i] = local[c][r];
    if (c == r) {
        local[c][r] *= 10;
    }
    z[i] = local[c][r];
    w[i] = dot(local[r], vec3f(1, 2, 3));
}
