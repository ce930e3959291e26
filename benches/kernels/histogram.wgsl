// Counts of the low bytes, each added where it belongs.

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(256)
fn histogram(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= arrayLength(&x)) {
        return;
    }
    atomicAdd(&counts[x[id.x] & 255u], 1u);
}
