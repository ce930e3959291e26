// Some lanes read a row of workgroup memory, just written, at every distance from where rows start, up to and beyond the end
// of the array; what is beyond reads as zero here (WGSL leaves it open).
//! grid: 16
//! out y: u32 = 1 2 5 10 17 0 0 0 65 82 101 122 145 0 0 0
//!   2 5 10 17 26 0 0 0 82 101 122 145 170 0 0 0
//!   5 10 17 26 37 0 0 0 101 122 145 170 197 0 0 0
//!   10 17 26 37 50 0 0 0 122 145 170 197 226 0 0 0
//!   17 26 37 50 65 0 0 0 145 170 197 226 257 0 0 0
//!   26 37 50 65 82 0 0 0 170 197 226 257 290 0 0 0
//!   37 50 65 82 101 0 0 0 197 226 257 290 325 0 0 0
//!   50 65 82 101 122 0 0 0 226 257 290 325 362 0 0 0
//!   65 82 101 122 145 0 0 0 257 290 325 362 401 0 0 0
//!   82 101 122 145 170 0 0 0 290 325 362 401 442 0 0 0
//!   101 122 145 170 197 0 0 0 325 362 401 442 485 0 0 0

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, 24>;

@compute @workgroup_size(16)
fn main(@builtin(local_invocation_index) lane: u32) {
    for (var distance = 0u; distance < 11u; distance++) {
        tile[lane] = lane * lane + 1u;
        if (lane < 8u) {
            tile[16u + lane] = (16u + lane) * (16u + lane) + 1u;
        }
        workgroupBarrier();
        var seen = 0u;
        if ((lane & 7u) < 5u) {
            seen = tile[lane + distance];
        }
        y[distance * 16u + lane] = seen;
        workgroupBarrier();
    }
}
