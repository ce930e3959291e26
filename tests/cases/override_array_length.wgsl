// A workgroup array whose length is an override constant.
//! grid: 12
//! const N = 6
//! in x: u32 = seq(12, 10, 1)
//! out y: u32 = 15 14 13 12 11 10 21 20 19 18 17 16

override N: u32;

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, N>;

@compute @workgroup_size(N)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    tile[lane] = x[id.x];
    workgroupBarrier();
    y[id.x] = tile[N - 1 - lane];
}
