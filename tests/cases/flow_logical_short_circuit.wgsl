// && and || evaluate their right side only where it counts: here it has side effects.
//! grid: 8
//! out y: u32 = 0 0 10 1 0 0 11 11
//! out calls: u32 = 1 1 2 1 1 1 2 2

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> calls: array<u32>;

var<private> count: u32;

fn is_set(value: u32, bit: u32) -> bool {
    count++;
    return (value & (1u << bit)) != 0;
}

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var value = 0u;
    // Bit 1 and bit 2 or else nothing: 6 and 7; bit 1 only: 2 and 3.
    if (is_set(i, 1) && is_set(i, 2)) {
        value = 11;
    } else if (i == 2) {
        value = 10;
    } else if (i == 3) {
        value = 1;
        count -= 1u;
    }
    y[i] = value;
    calls[i] = count;
}
