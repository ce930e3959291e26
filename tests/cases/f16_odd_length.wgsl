// An odd number of halves: the buffer that holds them has room for one more, which is none of the array.
//! grid: 6
//! in x: f16 = 1 2 3 4 5
//! inout y: f16 = 9*3 -> 9 9 10
//! out lengths: u32 = 5 3 5 3 5 3
//! out found: f16 = 1 2 3 4 5 0
//! out kept: f16 = 9 9 10 0 0 0

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;
@group(0) @binding(2) var<storage, read_write> lengths: array<vec2u, 3>;
@group(0) @binding(3) var<storage, read_write> found: array<f16>;
@group(0) @binding(4) var<storage, read_write> kept: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(local_invocation_index) i: u32) {
    lengths[i / 2] = vec2u(arrayLength(&x), arrayLength(&y));
    found[i] = x[i];
    if (i >= 2) {
        y[i] = f16(i + 8);
    }
    kept[i] = y[i];
}
