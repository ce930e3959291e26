// A loop that counts an u32 down to zero and past it.
//! grid: 1
//! out y: u32 = 3 2 1 0 0xffffffff

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var k = 3u;
    var at = 0u;
    while k < 4 {
        y[at] = k;
        at++;
        k--;
    }
    y[4] = k;
}
