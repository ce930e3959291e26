// Halves at other places than one behind the other: backwards, every second, at an odd place in a struct.
//! grid: 9
//! in x: f16 = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28
//! inout y: f16 = 0.25 -1*27 -> 0.25 28 -1 1.5 27 -1 3.5 26 -1 5.5 25 -1 7.5 24 -1 9.5 23 -1 11.5 22 -1 13.5 21 -1 15.5 20 -1 17.5

enable f16;

struct List { first: f16, rest: array<f16> }

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: List;

@compute @workgroup_size(9)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y.rest[3 * i] = x[27 - i];
    y.rest[3 * i + 2] = x[2 * i] + 0.5h;
}
