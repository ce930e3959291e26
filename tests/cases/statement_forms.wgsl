// Compound assignments of every kind, increments, phony assignments, blocks with shadowed names.
//! grid: 1
//! out y: u32 = 7 12 4 2 1 12 13 6 3 24 6 5 8
//! out f: f32 = 2 -1.5 0.75

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> f: array<f32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var a = 5u + id.x;
    a += 2; y[0] = a;
    a = 4; a *= 3; y[1] = a;
    a -= 8; y[2] = a;
    a /= 2; y[3] = a;
    a = 7; a %= 3; y[4] = a;
    a = 14; a &= 13; y[5] = a;
    a |= 1; y[6] = a;
    a ^= 11; y[7] = a;
    a >>= 1u; y[8] = a;
    a <<= 3u; y[9] = a;
    a = 5; a++; y[10] = a;
    a--; y[11] = a;
    _ = a;
    {
        let a = 8u;
        y[12] = a;
    }
    var v = vec2f(1, -3) + f32(id.x);
    v.x += 1;
    v.y *= 0.5;
    f[0] = v.x;
    f[1] = v.y;
    v /= -2;
    f[2] = v.y;
}
