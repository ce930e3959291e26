// Chains of several indices are in bounds only if each index is.
//! grid: 8
//! in i: u32 = 0 1 2 0 1 3 0 1
//! in j: i32 = 0 1 0 2 -1 3 1 0
//! in deep: u32 = seq(16)
//! inout grid2: u32 = 50*6 -> 100 106 50 50 107 101
//! out found: u32 = 0 7 0 0 0 0 2 5
//! out shared_read: u32 = 200 211 0 0 0 0 201 210
//! out local_read: u32 = 300 311 0 0 0 0 301 310

struct Row { head: u32, cells: array<vec3u, 2> }

@group(0) @binding(0) var<storage, read> i: array<u32>;
@group(0) @binding(1) var<storage, read> j: array<i32>;
@group(0) @binding(2) var<storage, read> deep: array<array<vec2u, 2>>;
@group(0) @binding(3) var<storage, read_write> grid2: array<array<u32, 2>>;
@group(0) @binding(4) var<storage, read_write> found: array<u32>;
@group(0) @binding(5) var<storage, read_write> shared_read: array<u32>;
@group(0) @binding(6) var<storage, read_write> local_read: array<u32>;

var<workgroup> rows: array<Row, 2>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let a = i[id.x];
    let b = j[id.x];
    // Two rows of two: the third row and what follows it is there, but not to be read.
    found[id.x] = deep[a][b][a];
    grid2[a * 2u][b] = 100u + id.x;
    rows[a].cells[b][u32(b)] = 200u + a * 10u + u32(b);
    workgroupBarrier();
    shared_read[id.x] = rows[a].cells[b][b];
    var local: array<array<u32, 2>, 2>;
    local[a][b] = 300u + a * 10u + u32(b);
    local[2u - min(a, 2u)][b + 2] = 999u;
    local_read[id.x] = local[a][b];
}
