// Functions that write through pointers to locals, private variables, and parts of them handed on.
//! grid: 4
//! out y: u32 = each(4, 20 + 21 * i)
//! out z: u32 = 5 15 25 35

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<u32>;

var<private> calls: u32;

fn add(to: ptr<function, u32>, by: u32) {
    *to += by;
    calls += 5u;
}

fn swap(a: ptr<function, u32>, b: ptr<function, u32>) {
    let old = *a;
    *a = *b;
    *b = old;
}

fn fill(list: ptr<function, array<u32, 4>>, from_: u32) {
    for (var k = 0u; k < 4; k++) {
        (*list)[k] = from_ + k;
    }
}

fn bump(counter: ptr<private, u32>) {
    *counter += 1u;
}

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var a = 2u * i;
    var b = 10u;
    for (var k = 0u; k < i; k++) {
        add(&a, 1u);
        add(&b, k);
    }
    swap(&a, &b);
    var list: array<u32, 4>;
    fill(&list, a);
    bump(&calls);
    // a is 10 + i (i - 1) / 2, b is 3 i.
    y[i] = list[0] + list[3] - 3 + b * 7 - (i * (i - 1));
    z[i] = calls + 4;
}
