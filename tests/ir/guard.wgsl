// The usual guard, by a runtime length and a uniform: `||` becomes one condition, and nothing runs twice.
@group(0) @binding(0) var<uniform> n: u32;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= n || id.x >= arrayLength(&y)) {
        return;
    }
    y[id.x] = id.x;
}
