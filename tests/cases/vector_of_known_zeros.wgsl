// Integer operations on vectors put together from parts of values that a compiler knows to be zero (section "zero value"):
// of a variable without an initializer, of a constructor without arguments, and of a read out of bounds.
//! grid: 2
//! in t: u32 = 5 6 7 8 9 10 11 12
//! out equal: u32 = 6 6 6 6 6 6
//! out bits: u32 = 0xffffffff 0xffffffff 3 3
//! out quotients: u32 = 32 32 32 32 3 3
//! out less: u32 = 6 6 6 6

@group(0) @binding(0) var<storage, read> t: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> equal: array<u32>;
@group(0) @binding(2) var<storage, read_write> bits: array<u32>;
@group(0) @binding(3) var<storage, read_write> quotients: array<u32>;
@group(0) @binding(4) var<storage, read_write> less: array<u32>;

struct Inner { a: vec3i, list: array<vec2i, 2> }

var<private> unset: vec4u;
var<private> nothing: Inner;
var<private> listed = array<vec3i, 2>(vec3i(), vec3i(1, 2, 3));
var<private> far: u32 = 31u;
var<private> value: u32 = 32u;

@compute @workgroup_size(2)
fn main(@builtin(local_invocation_index) lane: u32) {
    var local: array<vec2u, 3>;
    let chosen = Inner();
    equal[lane] = select(vec2u(5u), vec2u(6u), unset.yy == vec2u(0u))[lane % 2u];
    equal[lane + 2u] = select(vec3u(5u), vec3u(6u), chosen.a.zyx == vec3i())[lane % 3u];
    equal[lane + 4u] = select(vec2u(5u), vec2u(6u), local[far % 3u].yx == vec2u(0u))[lane % 2u];
    bits[lane] = (~unset.zw)[lane % 2u];
    bits[lane + 2u] = bitcast<vec2u>(nothing.list[1].yx | vec2i(3i))[lane % 2u];
    quotients[lane] = (value / t[far % 4u].yy)[lane % 2u];
    quotients[lane + 2u] = bitcast<vec2u>(vec2i(i32(value)) / nothing.a.zy)[lane % 2u];
    quotients[lane + 4u] = bitcast<vec3u>(vec3i(3) / listed[0].zyx)[lane % 3u];
    less[lane] = select(vec2u(5u), vec2u(6u), unset.xy < vec2u(1u))[lane % 2u];
    less[lane + 2u] = select(vec2u(5u), vec2u(6u), nothing.a.xz > vec2i(-1))[lane % 2u];
}
