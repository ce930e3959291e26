// Loop variables that exchange their values: Fibonacci numbers and Euclid's algorithm.
//! grid: 12
//! in a: u32 = 12 18 7 100 81 1 0 5 270 17 64 99
//! in b: u32 = 18 12 3 75 27 1 5 0 192 51 48 100
//! out fib: u32 = 0 1 1 2 3 5 8 13 21 34 55 89
//! out gcd: u32 = 6 6 1 25 27 1 5 5 6 17 16 1

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> fib: array<u32>;
@group(0) @binding(3) var<storage, read_write> gcd: array<u32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var f0 = 0u;
    var f1 = 1u;
    for (var k = 0u; k < id.x; k++) {
        let next = f0 + f1;
        f0 = f1;
        f1 = next;
    }
    fib[id.x] = f0;
    var x = a[id.x];
    var y = b[id.x];
    while (y != 0) {
        let rest = x % y;
        x = y;
        y = rest;
    }
    gcd[id.x] = x;
}
