// An index that changes in a loop, and in its continuing block, is checked as it is at each access.
//! grid: 2
//! in x: u32 = 1 2 3 4
//! out sums: u32 = 20 10
//! inout marks: u32 = 0*4 -> 2 2 2 2
//! out count: u32 = 4 4

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> sums: array<u32>;
@group(0) @binding(2) var<storage, read_write> marks: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> count: array<u32>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var sum = 0u;
    var i = -3;
    loop {
        sum += x[i];
        let p = &marks[i];
        let before = atomicAdd(p, 1u);
        if (before > 100u) {
            break;
        }
        continuing {
            sum += x[i] * u32(id.x == 0u);
            i += 1;
            break if i > 9;
        }
    }
    sums[id.x] = sum;
    var found = 0u;
    for (var k = 0; k < 12; k++) {
        let value = x[k];
        switch (value) {
            case 0: { continue; }
            default: { found += u32(value > x[k + 4]); }
        }
    }
    count[id.x] = found;
}
