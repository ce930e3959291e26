// Atomics with and without a use of the old value, and a compare-exchange loop.
@group(0) @binding(0) var<storage, read_write> bins: array<atomic<u32>>;
@group(0) @binding(1) var<storage, read_write> greatest: atomic<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let value = y[id.x];
    atomicAdd(&bins[value % 16], 1u);
    y[id.x] = atomicAdd(&bins[0], 2u);
    var seen = atomicLoad(&greatest);
    while (seen < value) {
        let result = atomicCompareExchangeWeak(&greatest, seen, value);
        if (result.exchanged) {
            break;
        }
        seen = result.old_value;
    }
}
