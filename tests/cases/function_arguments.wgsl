// Values, structs, arrays and vectors through calls; a call as an argument of another; unused results.
//! grid: 4
//! out y: i32 = each(4, 5 * i + (i + 1) + 3 * (i + 2) * (i + 2) + 24)

struct Pair { a: i32, b: vec2i }

@group(0) @binding(0) var<storage, read_write> y: array<i32>;

fn square(x: i32) -> i32 {
    return x * x;
}

fn pair(x: i32) -> Pair {
    return Pair(x, vec2i(x + 1, square(x + 2)));
}

fn total(p: Pair, weights: array<i32, 3>) -> i32 {
    return p.a * weights[0] + p.b.x * weights[1] + p.b.y * weights[2];
}

fn nothing(x: i32) {
    _ = square(x);
}

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = i32(id.x);
    nothing(i);
    y[id.x] = total(pair(i), array(5, 1, 3)) + square(-2) * 6;
}
