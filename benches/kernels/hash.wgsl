// Rounds of xorshift on each number.

struct Params {
    rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(256)
fn hash(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= arrayLength(&x)) {
        return;
    }
    var state = x[id.x];
    for (var round = 0u; round < params.rounds; round++) {
        state ^= state << 13u;
        state ^= state >> 17u;
        state ^= state << 5u;
    }
    y[id.x] = state;
}
