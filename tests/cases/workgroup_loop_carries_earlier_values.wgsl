// Loops around barriers whose values start inner loops: what the outer one carries on was computed before it and is read
// again behind it, or is computed in it before the inner one starts (section "for statement").
//! workgroups: 1
//! out y: u32 = 0 2 4 6 8 10 12 14
//! out z: u32 = 10 14 18 22 26 30 34 38
//! out w: u32 = 21 22 23 24 25 26 27 28

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<u32>;
@group(0) @binding(2) var<storage, read_write> w: array<u32>;

var<workgroup> exchanged: array<u32, 8>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {
    let early = lane * (groups.x + 1u);
    var last = 5u;
    var total = 0u;
    for (var i = 0u; i < groups.x * 2u; i++) {
        var inner = last;
        for (var k = 0u; k < groups.x; k++) {
            exchanged[lane] = inner;
            workgroupBarrier();
            inner += exchanged[lane];
        }
        total += inner;
        last = early;
    }
    y[lane] = early;
    z[lane] = total;

    var outer = lane;
    var sum = 0u;
    for (var i = 0u; i < groups.x * 2u; i++) {
        let changed = outer + 10u;
        var inner = outer;
        for (var k = 0u; k < groups.x; k++) {
            exchanged[lane] = inner;
            workgroupBarrier();
            inner += i;
        }
        sum = inner;
        outer = changed;
    }
    w[lane] = sum + outer - lane - 10u;
}
