// A loop that only some lanes enter, and a branch that only some iterations take.
//! grid: 12
//! out y: u32 = each(12, i % 3 == 0 ? sum(k, 0, i, k % 2 == 1 ? k : 0) : 7)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var value = 7u;
    if (id.x % 3 == 0) {
        value = 0;
        var k = 0u;
        while (k < id.x) {
            if (k % 2 == 1) {
                value += k;
            }
            k++;
        }
    }
    y[id.x] = value;
}
