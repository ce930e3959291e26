// Componentwise arithmetic, with scalars on either side, comparisons to vectors of bool, any, all, select.
//! grid: 2
//! in a: f32 = 1 2 3 4  -1 -2 -3 -4
//! in b: f32 = 4 3 2 1  2 2 2 2
//! out sum: f32 = 5 5 5 5  1 0 -1 -2
//! out scaled: f32 = 1 3 5 7  -3 -5 -7 -9
//! out swapped: f32 = 9 8 7 6  11 12 13 14
//! out chosen: f32 = 1 2 2 1  -1 -2 -3 -4
//! out truth: u32 = 1 0 2 1  1 1 4 0

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> sum: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> scaled: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> swapped: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> chosen: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> truth: array<vec4u>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let p = a[id.x];
    let q = b[id.x];
    sum[id.x] = p + q;
    scaled[id.x] = 2.0 * p - 1.0;
    swapped[id.x] = 10.0 - p;
    let less = p < q;
    chosen[id.x] = select(q, p, less);
    let counts = vec4u(less);
    truth[id.x] = vec4u(u32(any(less)), u32(all(less)), counts.x + counts.y + counts.z + counts.w, u32(any(p == -q + 5)));
}
