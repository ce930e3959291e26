// A local array of structs with vectors and matrices, copied as a whole and by element.
//! grid: 4
//! out y: f32 = each(4, 21 * (i % 3 + 1) * (i % 3 + 1) + i % 3)
//! out z: f32 = 7 7 7 7

struct Cell { at: vec2f, m: mat2x2f, n: u32 }

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var cells: array<Cell, 3>;
    for (var k = 0u; k < 3; k++) {
        let f = f32(k + 1);
        cells[k] = Cell(vec2f(f, 2 * f), mat2x2f(f, 0, 0, 10 * f), k);
    }
    let kept = cells;
    cells[1].at[i % 2] = 7;
    z[i] = cells[1].at[i % 2];
    let cell = kept[i % 3];
    let v = cell.m * cell.at;
    y[i] = v.x + v.y + f32(cell.n);
}
