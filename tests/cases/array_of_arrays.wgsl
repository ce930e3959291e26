// Arrays of arrays in a buffer: rows of three, odd numbers of rows.
//! grid: 5
//! in x: u32 = seq(15)
//! out y: u32 = each(15, 10 * (i % 3 * 5 + i / 3) + 1)

@group(0) @binding(0) var<storage, read> x: array<array<u32, 5>, 3>;
@group(0) @binding(1) var<storage, read_write> y: array<array<u32, 3>>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    for (var k = 0u; k < 3; k++) {
        y[id.x][k] = 10 * x[k][id.x] + 1;
    }
}
