//! workgroups: 16
//! words shape: 1000 900 7000 8
//! elements row_first: 1001
//! elements column: 7000
//! elements value: 7000
//! elements dense: 7200
//! elements diagonal: 1000
//! elements product: 8000
//! elements residual: 8000
// A sparse matrix times a few columns, and what is left of a right-hand side.
struct Shape { rows: u32, columns: u32, entries: u32, width: u32 }
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> row_first: array<u32>;
@group(0) @binding(2) var<storage, read> column: array<u32>;
@group(0) @binding(3) var<storage, read> value: array<f32>;
@group(0) @binding(4) var<storage, read> dense: array<f32>;
@group(0) @binding(5) var<storage, read> diagonal: array<f32>;
@group(0) @binding(6) var<storage, read_write> product: array<f32>;
@group(0) @binding(7) var<storage, read_write> residual: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.x;
    if (row >= shape.rows) { return; }
    let first = row_first[row];
    let end = min(row_first[row + 1u], shape.entries);
    for (var block = 0u; block < shape.width; block += 4u) {
        var sums = vec4f(0.0);
        for (var k = first; k < end; k++) {
            let at = min(column[k], shape.columns - 1u) * shape.width;
            for (var j = 0u; j < 4u; j++) {
                if (block + j < shape.width) { sums[j] += value[k] * dense[at + block + j]; }
            }
        }
        for (var j = 0u; j < 4u; j++) {
            let c = block + j;
            if (c < shape.width) {
                product[row * shape.width + c] = sums[j];
                residual[row * shape.width + c] = residual[row * shape.width + c] - diagonal[row] * sums[j];
            }
        }
    }
}
