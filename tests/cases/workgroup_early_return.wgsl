// Lanes past the edge return in front of a barrier; those that stay meet at it.
//! device: cpu, because WGSL wants barriers in uniform control flow (section 15.2), and only the engine defines this
//! grid: 10
//! in x: u32 = seq(10)
//! out y: u32 = 7 6 5 4 3 2 1 0 9 8

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, 8>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    if (id.x >= arrayLength(&x)) {
        return;
    }
    tile[lane] = x[id.x];
    workgroupBarrier();
    let last = min(8u, arrayLength(&x) - (id.x - lane)) - 1;
    y[id.x] = tile[last - lane];
}
