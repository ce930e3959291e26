// arrayLength of elements of 4, 8, 16 and 32 bytes, the last in a struct; a length that is odd.
//! grid: 1
//! in a: u32 = seq(7)
//! in b: u32 = seq(10)
//! in c: u32 = seq(12)
//! in d: u32 = seq(20)
//! out y: u32 = 7 5 3 2 6

struct Pair { x: vec4u, y: vec3u }
struct Tail { head: vec4u, pairs: array<Pair> }

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<vec2u>;
@group(0) @binding(2) var<storage, read> c: array<vec3u>;
@group(0) @binding(3) var<storage, read> d: Tail;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main() {
    y[0] = arrayLength(&a);
    y[1] = arrayLength(&b);
    y[2] = arrayLength(&c);
    y[3] = arrayLength(&d.pairs);
    y[4] = a[arrayLength(&a) - 1];
}
