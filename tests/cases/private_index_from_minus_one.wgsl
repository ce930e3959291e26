// A local array at an index that comes from below zero, stored and loaded.
//! grid: 1
//! inout out: u32 = 4294967295 0*4 -> 4294967295 10 11 12 13

@group(0) @binding(0) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(1)
fn main() {
    var local: array<u32, 4>;
    var i = out[0];
    loop {
        local[i + 1u] = i + 11u;
        i += 1u;
        if (i == 3u) {
            break;
        }
    }
    var j = out[0];
    loop {
        out[j + 2u] = local[j + 1u];
        j += 1u;
        if (j == 3u) {
            break;
        }
    }
}
