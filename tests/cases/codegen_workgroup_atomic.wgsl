// A workgroup runs on one thread: atomics on its memory take no lock.
//! workgroups: 2
//! in x: u32 = hash(128, 3)
//! out y: u32 = each(32, sum(k, 0, 64, x[i / 16 * 64 + k] % 16 == i % 16 ? 1 : 0))
//! asm lacks: lock; xchg
//! asm loop has: add dword ptr [r15 x64 lacks: tzcnt

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> bins: array<atomic<u32>, 16>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) i: u32,
        @builtin(workgroup_id) wg: vec3u) {
    atomicAdd(&bins[x[id.x] % 16], 1u);
    workgroupBarrier();
    if (i < 16) {
        y[wg.x * 16 + i] = atomicLoad(&bins[i]);
    }
}
