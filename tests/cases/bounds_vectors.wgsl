// Components of vectors, in buffers, workgroup memory, locals and values, by dynamic indices that are out of bounds.
//! grid: 6
//! in index: i32 = 0 2 3 4 -1 1000000
//! in x: u32 = 1 2 3 4  5 6 7 8
//! inout y: u32 = 9*8 -> 9 9 9 9  0 9 20 30
//! uniform table: u32 = 10 11 12 13  20 21 22 23  30 31 32 33
//! out stored: u32 = 5 7 8 0 0 0
//! out uniformly: u32 = 20 22 23 0 0 0
//! out shared_part: u32 = 3 5 0 0 0 0
//! out local: u32 = 7 2 0 0 0 0
//! out value: u32 = 4 6 7 0 0 0
//! out flags: u32 = 1 1 0 0 0 0

@group(0) @binding(0) var<storage, read> index: array<i32>;
@group(0) @binding(1) var<storage, read> x: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(3) var<uniform> table: array<vec4u, 3>;
@group(0) @binding(4) var<storage, read_write> stored: array<u32>;
@group(0) @binding(5) var<storage, read_write> uniformly: array<u32>;
@group(0) @binding(6) var<storage, read_write> shared_part: array<u32>;
@group(0) @binding(7) var<storage, read_write> local: array<u32>;
@group(0) @binding(8) var<storage, read_write> value: array<u32>;
@group(0) @binding(9) var<storage, read_write> flags: array<u32>;

var<workgroup> part: array<vec3u, 2>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = index[id.x];
    stored[id.x] = x[1][i];
    uniformly[id.x] = table[1][i];
    y[1][i] = u32(i) * 10u;
    y[i][i] = 77u * u32(i >= 2);
    if (i == 0) {
        y[0][0] = 9u;
    }

    if (id.x == 0u) {
        part[0] = vec3u(1u);
        part[1] = vec3u(3u, 4u, 5u);
    }
    workgroupBarrier();
    shared_part[id.x] = part[1][i];

    var v = vec3u(1u, 1u, 2u);
    v[i - 1] = 6u;
    v[i] += u32(i == 0) * 6u;
    v[i] -= u32(i == 2) * 0u;
    local[id.x] = v[i];
    value[id.x] = (x[1] - vec4u(1u))[i];
    let odd = vec3<bool>(true, false, true);
    flags[id.x] = u32(odd[i]);
}
