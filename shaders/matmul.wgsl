// matmul: C = A B for matrices of any shape, stored row by row.
//
//   params    m, n, k: u32    rows of A and C, columns of B and C, columns of A and rows of B
//   a         f32[m][k]       read
//   b         f32[k][n]       read
//   c         f32[m][n]       written
//   grid      [ceil(n / 64), ceil(m / 64)] workgroups
//
// A workgroup of 16 x 16 lanes makes a block of 64 x 64 of C, each lane 4 x 4 of it in registers: 16
// multiply-adds for 5 reads of workgroup memory. The inner dimension is walked in steps of
// 16, of which A and B are first copied to workgroup memory, where 64 lanes read each element.
// A lane's four rows are consecutive (one vector of A's tile serves them all); its columns stand 16
// apart, so that neighbouring lanes read and write neighbouring elements of B and C.
//
// Ragged edges: what is past an edge of A or B counts as zero; what is past an edge of C is not written.
// Source: Volkov and Demmel, "Benchmarking GPUs to Tune Dense Linear Algebra" (2008).

const BLOCK = 64u;
const DEPTH = 16u;
const LANES = 16u;
// One more than DEPTH, so that the vectors of two rows of lanes stand in different memory banks.
const A_STRIDE = 17u;

struct Params {
    m: u32,
    n: u32,
    k: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

// tile_a[q * A_STRIDE + p] holds rows 4q .. 4q + 3 of column p; tile_b[p * BLOCK + j] row p, column j.
var<workgroup> tile_a: array<vec4f, 272>;
var<workgroup> tile_b: array<f32, 1024>;

fn read_a(row: u32, column: u32) -> f32 {
    if (row < params.m && column < params.k) {
        return a[row * params.k + column];
    }
    return 0.0;
}

fn read_b(row: u32, column: u32) -> f32 {
    if (row < params.k && column < params.n) {
        return b[row * params.n + column];
    }
    return 0.0;
}

fn write_c(row: u32, column: u32, value: vec4f) {
    if (row >= params.m) {
        return;
    }
    let start = row * params.n;
    if (column < params.n) {
        c[start + column] = value.x;
    }
    if (column + LANES < params.n) {
        c[start + column + LANES] = value.y;
    }
    if (column + 2u * LANES < params.n) {
        c[start + column + 2u * LANES] = value.z;
    }
    if (column + 3u * LANES < params.n) {
        c[start + column + 3u * LANES] = value.w;
    }
}

@compute @workgroup_size(LANES, LANES)
fn matmul(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) lane: vec3u) {
    let row = group.y * BLOCK + 4u * lane.y;
    let column = group.x * BLOCK + lane.x;

    var sum0 = vec4f();
    var sum1 = vec4f();
    var sum2 = vec4f();
    var sum3 = vec4f();
    for (var first = 0u; first < params.k; first += DEPTH) {
        // Each lane copies four elements of A (one column, four rows) and four of B (one row).
        let p = first + lane.x;
        tile_a[lane.y * A_STRIDE + lane.x] =
            vec4f(read_a(row, p), read_a(row + 1u, p), read_a(row + 2u, p), read_a(row + 3u, p));
        let q = first + lane.y;
        let to = lane.y * BLOCK + lane.x;
        tile_b[to] = read_b(q, column);
        tile_b[to + LANES] = read_b(q, column + LANES);
        tile_b[to + 2u * LANES] = read_b(q, column + 2u * LANES);
        tile_b[to + 3u * LANES] = read_b(q, column + 3u * LANES);
        workgroupBarrier();

        for (var i = 0u; i < DEPTH; i++) {
            let left = tile_a[lane.y * A_STRIDE + i];
            let at = i * BLOCK + lane.x;
            let right = vec4f(tile_b[at], tile_b[at + LANES], tile_b[at + 2u * LANES], tile_b[at + 3u * LANES]);
            sum0 += left.x * right;
            sum1 += left.y * right;
            sum2 += left.z * right;
            sum3 += left.w * right;
        }
        workgroupBarrier();
    }

    write_c(row, column, sum0);
    write_c(row + 1u, column, sum1);
    write_c(row + 2u, column, sum2);
    write_c(row + 3u, column, sum3);
}
