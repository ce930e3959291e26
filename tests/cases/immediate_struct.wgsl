// A struct of immediates, passed to functions by value and by pointer, beside a binding whose number is the next.
//! grid: 2
//! set params.scale: f32 = 2 3 4
//! set params.count: u32 = 5
//! set params.offset: i32 = -1 -2
//! in x: f32 = 10 20
//! out y: f32 = 92 182

requires immediate_address_space;
struct Params { scale: vec3f, count: u32, offset: vec2i }
var<immediate> params: Params;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

fn sum(p: Params) -> f32 { return p.scale.x + p.scale.y + p.scale.z; }
fn offset(p: ptr<immediate, Params>) -> i32 { return (*p).offset.x + (*p).offset.y; }

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = x[id.x] * sum(params) + f32(params.count) + f32(offset(&params));
}
