// Every atomic operation of i32 and u32 on storage, whose result does not depend on the order of the lanes.
//! grid: 100
//! in x: i32 = each(100, (i * 37) % 101 - 50)
//! inout s: i32 = 1000 1000 1000 -1000 -1 0 0 7
//!     -> each(1, 1000 + sum(k, 0, 100, x[k])) each(1, 1000 - sum(k, 0, 100, x[k])) -50 50 -8 -1 0 107
//! inout u: u32 = 0xffffffff 0 0xffffffff 5 0xff 0 0xf0f0f0f0 9
//!     -> 99 0xffffff9c 0 99 0x80 0x7f 0xf0f0f0f0 9

@group(0) @binding(0) var<storage, read> x: array<i32>;
@group(0) @binding(1) var<storage, read_write> s: array<atomic<i32>, 8>;
@group(0) @binding(2) var<storage, read_write> u: array<atomic<u32>, 8>;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i >= 100) {
        return;
    }
    let v = x[i];
    atomicAdd(&s[0], v);
    atomicSub(&s[1], v);
    atomicMin(&s[2], v);
    atomicMax(&s[3], v);
    // Clears bits 0 to 2: -1 becomes -8.
    atomicAnd(&s[4], ~i32(i % 8));
    atomicOr(&s[5], -1 - i32(i % 2));
    atomicXor(&s[6], 1 << (i % 10));
    _ = atomicAdd(&s[7], 1);

    atomicAdd(&u[0], 1u);
    atomicSub(&u[1], 1u);
    atomicMin(&u[2], i);
    atomicMax(&u[3], i);
    atomicAnd(&u[4], ~(i % 128));
    atomicOr(&u[5], i);
    atomicXor(&u[6], 0x11u);
    if (atomicLoad(&u[7]) == 1234) {
        atomicStore(&u[7], 0u);
    }
}
