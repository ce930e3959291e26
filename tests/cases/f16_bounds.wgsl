// Halves out of bounds: reads give zero, writes are dropped, and the other half of a word is nobody's but its owner's.
//! grid: 12
//! in index: u32 = 0 1 2 3 4 5 6 4294967295 2147483648 1 3 0
//! in x: f16 = 1 2 3 4 5 6
//! in pairs: f16 = 10 11 12 13  20 21 22 23
//! inout list: f16 = 9*12 -> 9 0.5 9 1.5 9 2.5 9 3.5 9 4.5 9 5.5
//! inout structs: f16 = 7*8 -> 7 100 7 7  7 7 100 7
//! out from_x: f16 = 1 2 3 4 5 6 0 0 0 2 4 1
//! out from_pairs: f16 = 10 21 12 0 0 0 0 0 0 21 0 20

enable f16;

struct Three { a: array<f16, 3>, b: f16 }

@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<f16>;
@group(0) @binding(2) var<storage, read> pairs: array<Three>;
@group(0) @binding(3) var<storage, read_write> list: array<f16>;
@group(0) @binding(4) var<storage, read_write> structs: array<Three>;
@group(0) @binding(5) var<storage, read_write> from_x: array<f16>;
@group(0) @binding(6) var<storage, read_write> from_pairs: array<f16>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    from_x[i] = x[index[i]];
    from_pairs[i] = pairs[i % 2].a[index[i]];
    // Odd elements only, and half of them beyond the end.
    list[2 * i + 1] = f16(i) + 0.5h;
    // A fourth element would be `b`.
    if (i < 4) {
        structs[i % 2].a[i + 1] = f16(100);
    }
}
