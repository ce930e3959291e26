// An override constant that the kernel does not have is refused, and those it has are named.
//! const SIZ = 4
//! error: SIZE

override SIZE: u32 = 2;

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = SIZE;
}
