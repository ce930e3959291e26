// A memory in which a kernel only accumulates is a copy of each worker's own: plain additions.
//! grid: 512
//! in x: u32 = hash(512, 3)
//! inout bins: u32 = 0*16 -> each(16, sum(k, 0, 512, x[k] % 16 == i ? 1 : 0))
//! asm loop has: add dword ptr [ x64 lacks: vpmaxud; tzcnt
//! asm lacks: lock; xchg

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> bins: array<atomic<u32>, 16>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    atomicAdd(&bins[x[id.x] % 16], 1u);
}
