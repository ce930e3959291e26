// Swizzles in every spelling, constructors from parts, and assignment to a component.
//! grid: 2
//! in x: u32 = 1 2 3 4  5 6 7 8
//! out y: u32 = 4 3 2 1  2 2 1 3  1 2 4 3  9 1 2 77  8 7 6 5  6 6 5 7  5 6 8 7  9 5 6 77

@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4u>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let v = x[id.x];
    let at = id.x * 4;
    y[at] = v.wzyx;
    y[at + 1] = v.ggrb;
    y[at + 2] = vec4u(v.xy, v.wz);
    var built = vec4u(9, vec3u(v.rg, 5));
    built.w = 77;
    y[at + 3] = built;
}
