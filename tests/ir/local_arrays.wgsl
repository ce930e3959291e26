// A constant table, a local array with constant indices, one with dynamic indices.
@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let table = array(3u, 1u, 4u, 1u, 5u, 9u);
    var pair: array<u32, 2>;
    pair[0] = table[id.x % 6];
    pair[1] = pair[0] * 2;
    var ring: array<u32, 4>;
    ring[id.x % 4] = pair[1];
    y[id.x] = ring[(id.x + 1) % 4] + pair[0];
}
