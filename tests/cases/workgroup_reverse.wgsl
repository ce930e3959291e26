// A tile that every lane fills and another lane reads, in two workgroups.
//! grid: 128
//! in x: u32 = hash(128, 3)
//! out y: u32 = each(128, x[i / 64 * 64 + 63 - i % 64])

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    tile[lane] = x[id.x];
    workgroupBarrier();
    y[id.x] = tile[63 - lane];
}
