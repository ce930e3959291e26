// Pointers to local variables through several functions, and to elements that are chosen at run time.
//! grid: 6
//! out y: u32 = each(6, i % 3 == 2 ? 33 : 31 + i % 3)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
fn inner(x: ptr<function, vec3u>) {
    (*x).y = 30;
}

fn outer(x: ptr<function, vec3u>) {
    inner(x);
}

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var rows = array<vec3u, 3>(vec3u(1), vec3u(2), vec3u(3));
    outer(&rows[i % 3]);
    y[i] = rows[i % 3].x + rows[i % 3].y;
}
