// An index past a vector's end in a buffer reads zero and writes nothing, not even the next vector.
//! grid: 6
//! inout v: u32 = 1 2 3 4  5 6 7 8 -> 10 11 12 13  5 6 7 8
//! out y: u32 = 1 2 3 4 0 0

@group(0) @binding(0) var<storage, read_write> v: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(6)
fn main(@builtin(local_invocation_index) i: u32) {
    y[i] = v[0][i];
    workgroupBarrier();
    v[0][i] = 10 + i;
}
