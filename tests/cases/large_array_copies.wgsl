// Arrays of more than 4,096 scalars are copied between local variables, as values that no later write changes.
//! grid: 4
//! device: cpu, because a driver that unrolls may take minutes to compile it
//! out y: u32 = each(4, 100 + i) each(4, i)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) i: u32) {
    var list: array<u32, 4500>;
    for (var k = 0u; k < 4500u; k++) {
        list[k] = k;
    }
    let before = list;
    var copy = list;
    copy[i] += 100;
    list[i] = 7;
    y[i] = copy[i];
    y[4 + i] = before[i];
}
