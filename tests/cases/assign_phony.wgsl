// A phony assignment calls what stands on its right (section Statements, Phony Assignment).
//! grid: 4
//! out y: u32 = 7 7 7 7

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
var<private> calls = 5u;

fn count() -> u32 {
    calls++;
    return 0u;
}

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    _ = count();
    _ = count();
    y[i] = calls;
}
