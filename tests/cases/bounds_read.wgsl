// Reads past the end give zero, in runtime-sized arrays, fixed arrays, vectors, and locals.
//! grid: 8
//! in x: u32 = 1 2 3 4 5
//! in fixed: u32 = 10 20 30 40
//! in v: u32 = 7 8 9
//! out y: u32 = 1 2 3 4 5 0 0 0
//! out z: u32 = 10 20 30 40 0 0 0 0
//! out w: u32 = 7 8 9 0 0 0 0 0
//! out u: u32 = 5 6 7 0 0 0 0 0
//! out t: u32 = 0 1 4 9 16 0 0 0

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> fixed: array<u32, 4>;
@group(0) @binding(2) var<storage, read> v: array<u32, 3>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;
@group(0) @binding(4) var<storage, read_write> z: array<u32>;
@group(0) @binding(5) var<storage, read_write> w: array<u32>;
@group(0) @binding(6) var<storage, read_write> u: array<u32>;
@group(0) @binding(7) var<storage, read_write> t: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = x[i];
    z[i] = fixed[i];
    let vector = vec3u(v[0], v[1], v[2]);
    w[i] = vector[i];
    let table = array(5u, 6u, 7u);
    u[i] = table[i];
    var local: array<u32, 5>;
    for (var k = 0u; k < 5; k++) {
        local[k] = k * k;
    }
    t[i] = local[i];
}
