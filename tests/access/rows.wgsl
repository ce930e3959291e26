//! workgroups: 7
//! words params: 100 433
//! elements a: 43300
//! elements sums: 433
struct Params { columns: u32, rows: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.rows) { return; }
    var sum = 0.0;
    // An index that steps beside the counter.
    var at = id.x * params.columns;
    for (var j = params.columns; j > 0u; j--) {
        sum += a[at];
        at += 1u;
    }
    sums[id.x] = sum;
}
