// The old values that atomicAdd of u32 gives are those of some order: each ticket is drawn once (section Atomic
// Built-in Functions).
//! grid: 256
//! inout next: u32 = 0 -> 256
//! inout drawn: u32 = 0*256 -> 1*256

@group(0) @binding(0) var<storage, read_write> next: atomic<u32>;
@group(0) @binding(1) var<storage, read_write> drawn: array<atomic<u32>>;

@compute @workgroup_size(32)
fn main() {
    let ticket = atomicAdd(&next, 1);
    atomicAdd(&drawn[ticket], 1u);
}
