// Defaults hold where nothing is given.
//! grid: 5
//! out y: u32 = 4 4 4 4 4

override WG: u32 = 4;

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < arrayLength(&y)) {
        y[id.x] = WG;
    }
}
