// A continuing block sees the body's declarations, and ends the loop by `break if`.
//! grid: 7
//! out y: u32 = each(7, sum(k, 0, i + 1, 2 * k + 1))
//! out z: u32 = each(7, i + 1)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<u32>;

@compute @workgroup_size(7)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var sum = 0u;
    var k = 0u;
    loop {
        let odd = 2 * k + 1;
        sum += odd;
        continuing {
            let next = (odd + 1) / 2;
            k = next;
            break if next > id.x;
        }
    }
    y[id.x] = sum;
    z[id.x] = k;
}
