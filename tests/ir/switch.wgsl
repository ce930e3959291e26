// A switch on a varying selector, with a shared case.
@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var value = 0u;
    switch (y[id.x]) {
        case 0: { value = 5; }
        case 1, 2: { value = id.x; }
        default: { value = y[id.x] * 2; }
    }
    y[id.x] = value;
}
