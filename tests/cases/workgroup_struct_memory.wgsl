// Structs, vectors, matrices and bools in workgroup memory.
//! grid: 8
//! out y: f32 = 8 7 6 5 4 3 2 1
//! out z: u32 = 0 1 0 1 0 1 0 1

struct Cell { at: vec3f, odd: bool, m: mat2x2f }

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read_write> z: array<u32>;

var<workgroup> cells: array<Cell, 8>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    let f = f32(lane);
    cells[lane] = Cell(vec3f(f, 2 * f, 3 * f), lane % 2 == 0, mat2x2f(1, 0, 0, f));
    workgroupBarrier();
    let other = cells[7 - lane];
    y[lane] = other.at.z - other.at[1] + other.m[0][0];
    z[lane] = u32(cells[lane].odd == other.odd) + u32(!cells[lane].odd);
}
