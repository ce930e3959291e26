// A matrix product over 8 x 8 tiles: two barriers in a loop, three axes of ids, sizes that tiles do not divide.
//! grid: 16 16
//! set size: u32 = 13 11 9
//! in a: f32 = each(143, (i * 7 + 3) % 11 - 5)
//! in b: f32 = each(99, (i * 5 + 1) % 13 - 6)
//! out c: f32 = each(117, sum(k, 0, 11, a[i / 9 * 11 + k] * b[k * 9 + i % 9]))

// Rows, inner length, columns.
@group(0) @binding(0) var<uniform> size: vec3u;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

var<workgroup> tile_a: array<array<f32, 8>, 8>;
var<workgroup> tile_b: array<array<f32, 8>, 8>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u) {
    var sum = 0.0;
    for (var start = 0u; start < size.y; start += 8) {
        var value_a = 0.0;
        if (id.y < size.x && start + local.x < size.y) {
            value_a = a[id.y * size.y + start + local.x];
        }
        var value_b = 0.0;
        if (start + local.y < size.y && id.x < size.z) {
            value_b = b[(start + local.y) * size.z + id.x];
        }
        tile_a[local.y][local.x] = value_a;
        tile_b[local.y][local.x] = value_b;
        workgroupBarrier();
        for (var k = 0u; k < 8; k++) {
            sum += tile_a[local.y][k] * tile_b[k][local.x];
        }
        workgroupBarrier();
    }
    if (id.y < size.x && id.x < size.z) {
        c[id.y * size.z + id.x] = sum;
    }
}
