// A pointer out of bounds stays so in the functions that it is passed to, and in the functions that those call.
//! grid: 6
//! in index: i32 = 0 2 3 -1 2147483647 1
//! out found: u32 = 5 7 0 0 0 6
//! out after: u32 = 15 17 0 0 0 16
//! out others: u32 = 18 18 18 18 18 18
//! out pairs: u32 = 1 9 0 0 0 5

struct Pair { a: u32, b: array<u32, 2> }

@group(0) @binding(0) var<storage, read> index: array<i32>;
@group(0) @binding(1) var<storage, read_write> found: array<u32>;
@group(0) @binding(2) var<storage, read_write> after: array<u32>;
@group(0) @binding(3) var<storage, read_write> others: array<u32>;
@group(0) @binding(4) var<storage, read_write> pairs: array<u32>;

var<private> table: array<Pair, 3>;

fn add(p: ptr<function, u32>, n: u32) -> u32 {
    let before = *p;
    *p = before + n;
    return before;
}

fn twice(p: ptr<function, u32>) -> u32 {
    let before = add(p, 4u);
    add(p, 6u);
    return before;
}

fn second(p: ptr<private, Pair>, i: i32) -> u32 {
    (*p).b[i] += 1u;
    return (*p).b[i] + (*p).a;
}

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = index[id.x];
    var local = array(5u, 6u, 7u);
    found[id.x] = twice(&local[i]);
    let p = &local[i];
    after[id.x] = *p;
    // What is in bounds went up by 10, nothing else did.
    local[i] -= min(local[i], 10u);
    others[id.x] = local[0] + local[1] + local[2];

    table[0].b[0] = 0u;
    table[1].a = 4u;
    table[2].a = 8u;
    pairs[id.x] = second(&table[i], i & 1);
}
