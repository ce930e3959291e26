// break if sees what the loop body declared (section Statements, Break-If).
//! grid: 8
//! out y: u32 = each(8, i + 1)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var n = 0u;
    loop {
        let before = n;
        n++;
        continuing {
            break if before == i;
        }
    }
    y[i] = n;
}
