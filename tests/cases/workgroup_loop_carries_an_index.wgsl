// A value that a loop around a barrier carries on, chosen in some lanes and used as an index, in and out of bounds (section
// "select").
//! workgroups: 1
//! in numbers: u32 = 3 4 5 6 7 8 9 10
//! in t: u32 = 100 101 102 103 104
//! out y: u32 = 3 4294967295 4294967295 4294967295 4294967295 4294967295 4294967295 4294967295
//! out z: u32 = 206 103 103 103 103 103 103 103

@group(0) @binding(0) var<storage, read> numbers: array<u32>;
@group(0) @binding(1) var<storage, read> t: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<storage, read_write> z: array<u32>;

var<workgroup> exchanged: array<u32, 8>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {
    var index = numbers[lane];
    var found = 0u;
    for (var k = 0u; k < groups.x * 2u; k++) {
        if lane != 0u {
            index = 0xffffffffu;
        }
        exchanged[lane] = t[index];
        workgroupBarrier();
        found = t[index] + exchanged[0];
        workgroupBarrier();
    }
    y[lane] = index;
    z[lane] = found;
}
