// A local array of 200 elements, and one of vectors, more than registers hold.
//! grid: 10
//! out y: u32 = each(10, sum(k, 0, 200, (k * k + i) % 7 == 3 ? k : 0))
//! out z: f32 = each(10, 3 * sum(k, 0, 40, k) + 40 * i)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var list: array<u32, 200>;
    for (var k = 0u; k < 200; k++) {
        list[(k * 37) % 200] = ((k * 37) % 200) * ((k * 37) % 200) + id.x;
    }
    var sum = 0u;
    for (var k = 0u; k < 200; k++) {
        if (list[k] % 7 == 3) {
            sum += k;
        }
    }
    y[id.x] = sum;
    var vectors: array<vec3f, 40>;
    for (var k = 0u; k < 40; k++) {
        vectors[k] = vec3f(f32(k), f32(2 * k), f32(id.x));
    }
    var total = vec3f();
    for (var k = 0u; k < 40; k++) {
        total += vectors[39 - k];
    }
    z[id.x] = total.x + total.y + total.z;
}
