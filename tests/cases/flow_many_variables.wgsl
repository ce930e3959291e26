// Thirty variables through a loop with a branch: none of them is lost or mixed up.
//! grid: 5
//! out y: u32 = each(5, sum(k, 0, 8, (k + 1) * (i * (k + 1) + (k % 2 == 0 ? i / 2 : 0))))

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var a = vec4u();
    var b = vec4u();
    var c = mat4x4f();
    var d = vec4<bool>();
    for (var step = 0u; step < id.x; step++) {
        a += vec4u(1, 2, 3, 4);
        b += vec4u(5, 6, 7, 8);
        c[step % 4][0] += 1;
        if (step % 2 == 1) {
            a += vec4u(1, 0, 1, 0);
            b += vec4u(1, 0, 1, 0);
            d.x = !d.x;
        }
    }
    let total = c[0][0] + c[1][0] + c[2][0] + c[3][0];
    let wrong = u32(total) != id.x || d.x != ((id.x / 2) % 2 == 1);
    y[id.x] = dot(a, vec4u(1, 2, 3, 4)) + dot(b, vec4u(5, 6, 7, 8)) + select(0u, 1000000u, wrong);
}
