// Atomics under branches and in loops that differ from lane to lane; some results are not used.
//! grid: 20
//! inout counts: u32 = 0*4 -> each(1, sum(k, 0, 20, k % 3 == 0 ? k : 0)) 190 7 13

@group(0) @binding(0) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x % 3 == 0) {
        for (var k = 0u; k < id.x; k++) {
            atomicAdd(&counts[0], 1u);
        }
    }
    atomicAdd(&counts[1], id.x);
    atomicAdd(&counts[select(3u, 2u, id.x % 3 == 0)], 1u);
}
