// Whoever reads what an atomic gives needs the memory of all threads, and the lock.
//! grid: 512
//! inout n: u32 = 5 -> 517
//! out seen: u32 = _*512
//! asm loop has: lock xadd x8
//! asm lacks: cmpxchg

@group(0) @binding(0) var<storage, read_write> n: atomic<u32>;
@group(0) @binding(1) var<storage, read_write> seen: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    seen[id.x] = atomicAdd(&n, 1u);
}
