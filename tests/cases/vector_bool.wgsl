// Vectors of bool: ! & | ==, select by component, conversion, in variables, arrays and workgroup memory.
//! grid: 4
//! out y: u32 = 5 10 1 0  5 10 0 1  5 2 1 0  5 2 0 1

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

var<workgroup> flags: array<vec2<bool>, 4>;

@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) lane: u32) {
    let a = vec4<bool>(true, false, true, false);
    var b = !a;
    if (lane >= 2) {
        b.w = false;
    }
    let bits = vec4u(1, 2, 4, 8);
    y[lane * 4] = dot(select(vec4u(), bits, a | (a & b)), vec4u(1));
    y[lane * 4 + 1] = dot(select(bits, vec4u(), b == vec4<bool>()), vec4u(1));
    flags[lane] = vec2<bool>(lane % 2 == 0, lane % 2 == 1);
    workgroupBarrier();
    var list: array<bool, 4>;
    for (var k = 0u; k < 4; k++) {
        list[k] = flags[k].x;
    }
    y[lane * 4 + 2] = u32(list[lane]);
    y[lane * 4 + 3] = u32(flags[lane].y);
}
