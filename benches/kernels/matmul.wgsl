// C = A B, as textbooks write it: tiles of A and B in workgroup memory, one element of C for each invocation.

struct Params {
    m: u32,
    n: u32,
    k: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

const TILE = 16u;
var<workgroup> tile_a: array<array<f32, TILE>, TILE>;
var<workgroup> tile_b: array<array<f32, TILE>, TILE>;

@compute @workgroup_size(TILE, TILE)
fn matmul(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) lane: vec3u) {
    let row = id.y;
    let column = id.x;
    var sum = 0.0;
    for (var first = 0u; first < params.k; first += TILE) {
        tile_a[lane.y][lane.x] = 0.0;
        tile_b[lane.y][lane.x] = 0.0;
        if (row < params.m && first + lane.x < params.k) {
            tile_a[lane.y][lane.x] = a[row * params.k + first + lane.x];
        }
        if (first + lane.y < params.k && column < params.n) {
            tile_b[lane.y][lane.x] = b[(first + lane.y) * params.n + column];
        }
        workgroupBarrier();
        for (var i = 0u; i < TILE; i++) {
            sum += tile_a[lane.y][i] * tile_b[i][lane.x];
        }
        workgroupBarrier();
    }
    if (row < params.m && column < params.n) {
        c[row * params.n + column] = sum;
    }
}
