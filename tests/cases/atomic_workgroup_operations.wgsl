// Every atomic operation on workgroup memory, in an array and in a struct.
//! grid: 40
//! out s: i32 = 1780 -780 -3 39 -8 -1 0 9
//! out u: u32 = 0x80000000 40

struct Shared { total: atomic<u32>, flags: array<atomic<u32>, 2> }

@group(0) @binding(0) var<storage, read_write> s: array<i32>;
@group(0) @binding(1) var<storage, read_write> u: array<u32>;

var<workgroup> a: array<atomic<i32>, 8>;
var<workgroup> b: Shared;

@compute @workgroup_size(40)
fn main(@builtin(local_invocation_index) lane: u32) {
    let i = i32(lane);
    if (lane < 8) {
        let starts = array<i32, 8>(1000, 0, 0, 0, -1, 0, 0, 0);
        atomicStore(&a[lane], starts[lane]);
    }
    workgroupBarrier();
    atomicAdd(&a[0], i);
    atomicSub(&a[1], i);
    atomicMin(&a[2], i - 3);
    atomicMax(&a[3], i);
    atomicAnd(&a[4], ~(i % 8));
    atomicOr(&a[5], -1 - i % 2);
    atomicXor(&a[6], 1 << (lane % 4));
    if (lane == 9) {
        _ = atomicExchange(&a[7], i);
    }
    atomicAdd(&b.total, 1u);
    atomicMax(&b.flags[lane % 2], 0x80000000u >> (lane / 2));
    workgroupBarrier();
    if (lane < 8) {
        s[lane] = atomicLoad(&a[lane]);
    }
    if (lane == 0) {
        u[0] = atomicLoad(&b.flags[1]);
        u[1] = atomicLoad(&b.total);
    }
}
