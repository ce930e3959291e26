// Indirect reads and writes: a permutation, its inverse, strides, and indices read twice over.
//! grid: 20
//! in p: u32 = each(20, (i * 7 + 3) % 20)
//! in x: u32 = hash(20, 4)
//! out y: u32 = each(20, x[p[i]])
//! out z: u32 = each(20, x[p[p[i]]])
//! out back: u32 = each(20, sum(k, 0, 20, p[k] == i ? k : 0))
//! out strided: u32 = each(20, i % 2 == 0 ? i / 2 : 100 + i / 2)

@group(0) @binding(0) var<storage, read> p: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<storage, read_write> z: array<u32>;
@group(0) @binding(4) var<storage, read_write> back: array<u32>;
@group(0) @binding(5) var<storage, read_write> strided: array<u32>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = x[p[i]];
    z[i] = x[p[p[i]]];
    back[p[i]] = i;
    if (i < 10) {
        strided[2 * i] = i;
        strided[2 * i + 1] = 100 + i;
    }
}
