// dot, cross, length, distance, normalize, reflect, refract, faceForward where the results are exact or nearly.
//! grid: 1
//! out y: f32 = 32 -3 6 -3 7 5 0.6 0 0.8 1 0.5 -2 1 3 -1 -2 -3 0 -1 0
//!     ~ ulp 4

@group(0) @binding(0) var<storage, read_write> y: array<f32, 20>;
@group(0) @binding(1) var<uniform> one: f32;
//! set one: f32 = 1

@compute @workgroup_size(1)
fn main() {
    let a = vec3f(1, 2, 3) * one;
    let b = vec3f(4, 5, 6) * one;
    y[0] = dot(a, b);
    let c = cross(a, b);
    y[1] = c.x;
    y[2] = c.y;
    y[3] = c.z;
    y[4] = length(vec3f(2, 3, 6) * one);
    y[5] = distance(vec2f(1, 1) * one, vec2f(4, 5));
    let n = normalize(vec3f(3, 0, 4) * one);
    y[6] = n.x;
    y[7] = n.y;
    y[8] = n.z;
    y[9] = length(-one);
    y[10] = distance(2.0 * one, 1.5);
    let r = reflect(vec2f(-2, -1) * one, vec2f(0, 1));
    y[11] = r.x;
    y[12] = r.y;
    y[13] = faceForward(vec3f(3, 0, 0) * one, vec3f(-1, 0, 0), vec3f(1, 0, 0)).x;
    let f = faceForward(a, vec3f(1, 0, 0), vec3f(1, 0, 0));
    y[14] = f.x;
    y[15] = f.y;
    y[16] = f.z;
    // Straight through, and total reflection.
    let t = refract(vec2f(0, -1) * one, vec2f(0, 1), 0.5);
    y[17] = t.x;
    y[18] = t.y;
    y[19] = refract(normalize(vec2f(1, -1)) * one, vec2f(0, 1), 1.5).x;
}
