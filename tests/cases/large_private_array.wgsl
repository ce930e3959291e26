// A local array of 5,000 words, more than a value may have, filled and read at dynamic indices.
//! device: cpu, because some GPU drivers compile a local array of this length for minutes
//! grid: 3
//! out y: u32 = each(3, sum(k, 0, 5000, k * (i + 1)))

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var list: array<u32, 5000>;
    for (var k = 0u; k < 5000; k++) {
        list[k] = k * (id.x + 1);
    }
    var sum = 0u;
    for (var k = 0u; k < 5000; k++) {
        sum += list[4999 - k];
    }
    y[id.x] = sum;
}
