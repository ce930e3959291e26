// The largest workgroup that common devices take.
//! grid: 2000
//! out y: u32 = each(2000, (i / 1024) * 10000 + 1023 - i % 1024) untouched*10

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1024)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) index: u32,
    @builtin(workgroup_id) group: vec3u,
) {
    if (id.x >= 2000) {
        return;
    }
    y[id.x] = group.x * 10000 + 1023 - index;
}
