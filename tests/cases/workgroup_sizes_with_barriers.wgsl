// 1,024 lanes exchange values over two axes.
//! grid: 32 32
//! out y: u32 = each(1024, (i % 32) * 32 + i / 32)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<array<u32, 32>, 32>;

@compute @workgroup_size(32, 32)
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) index: u32) {
    tile[local.y][local.x] = index;
    workgroupBarrier();
    y[index] = tile[local.x][local.y];
}
