// Values that a loop around a barrier carries on to each other's places, one of them changed on the way.
//! grid: 20
//! out first: u32 = 19 29 39 49 59 69 79 89 99 109 119 129 139 149 159 169 179 189 199 209
//! out second: u32 = 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26

@group(0) @binding(0) var<storage, read_write> first: array<u32>;
@group(0) @binding(1) var<storage, read_write> second: array<u32>;

var<workgroup> step: u32;

@compute @workgroup_size(20)
fn main(@builtin(local_invocation_index) lane: u32) {
    if (lane == 0u) {
        step = 3u;
    }
    var a = lane + 1u;
    var b = 10u * (lane + 1u);
    for (var i = 0u; i < 5u; i++) {
        let more = workgroupUniformLoad(&step);
        let before = a;
        a = b + more;
        b = before;
    }
    first[lane] = a;
    second[lane] = b;
}
