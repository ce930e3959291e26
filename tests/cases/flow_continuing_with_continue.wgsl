// `continue` goes to the continuing block, whose declarations come from before the `continue`.
//! grid: 8
//! out y: u32 = each(8, sum(k, 0, i + 1, k % 2 == 0 ? 1 : 10 * k))

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var sum = 0u;
    var k = 0u;
    loop {
        let next = k + 1;
        if (k % 2 == 0) {
            sum += 1;
            continue;
        }
        sum += 10 * k;
        continuing {
            k = next;
            break if k > id.x;
        }
    }
    y[id.x] = sum;
}
