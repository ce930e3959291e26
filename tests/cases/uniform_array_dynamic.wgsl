// Arrays of structs and of vectors in a uniform, at indices that differ from lane to lane.
//! grid: 6
//! uniform table: f32 = 1 2 3 4  u32 10 0 0 0   f32 5 6 7 8  u32 20 0 0 0   f32 9 10 11 12  u32 30 0 0 0
//! out y: f32 = 1 15 24 4 14 23

struct Row { values: vec4f, extra: u32 }

@group(0) @binding(0) var<uniform> table: array<Row, 3>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let row = i % 3;
    var value = table[row].values[i % 4];
    if (row > 0) {
        value += f32(table[row - 1].extra);
    }
    y[i] = value - f32(row) - select(0.0, 5.0, row == 2);
}
