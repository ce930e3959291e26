// Pointers to storage, uniform and workgroup memory as parameters (unrestricted_pointer_parameters): to whole variables,
// to parts of them by constant and by dynamic indices, handed on to other functions, with lengths and atomics.
//! workgroups: 2
//! uniform params: u32 = 10 0 0 0 20 0 0 0
//! in x: u32 = seq(16)
//! inout y: u32 = 0*16 -> 10 11 12 13 14 15 16 17  28 29 30 31 32 33 34 35
//! inout counts: u32 = 0*4 -> 8 8 44 120
//! inout rows: u32 = 0*8 -> 1 2 3 4 0 0 0 200
//! out last: u32 = 7 15

requires unrestricted_pointer_parameters;

struct Params { first: vec4u, second: vec4u }
struct Row { a: vec2u, b: array<u32, 2> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> rows: array<Row>;
@group(0) @binding(5) var<storage, read_write> last: array<u32>;
var<workgroup> tile: array<u32, 8>;

fn put(to: ptr<storage, array<u32>, read_write>, source: ptr<workgroup, array<u32, 8>>, i: u32, add: ptr<uniform, vec4u>) {
    if i < arrayLength(to) { (*to)[i] = (*source)[i % 8] + component(add, 0); }
}

fn component(v: ptr<uniform, vec4u>, i: u32) -> u32 { return (*v)[i]; }

fn count(c: ptr<storage, atomic<u32>, read_write>, by: u32) -> u32 { return atomicAdd(c, by); }

fn assign(v: ptr<storage, vec2u, read_write>, to: vec2u) { *v = to; }

fn fill_row(r: ptr<storage, Row, read_write>, k: i32) {
    assign(&(*r).a, vec2u(1, 2));
    for (var i = 0; i < 2; i++) { element(&(*r).b[i], u32(3 + i)); }
    // Out of bounds: dropped.
    element(&(*r).b[k], 99u);
}

fn element(e: ptr<storage, u32, read_write>, to: u32) { *e = to; }

fn end(t: ptr<workgroup, array<u32, 8>>) -> u32 { return workgroupUniformLoad(&(*t)[7]); }

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) l: u32, @builtin(workgroup_id) g: vec3u) {
    let i = g.x * 8 + l;
    tile[l] = x[i];
    workgroupBarrier();
    if g.x == 0 { put(&y, &tile, i, &params.first); } else { put(&y, &tile, i, &params.second); }
    _ = count(&counts[g.x], 1);
    _ = count(&counts[2], select(0u, 44u, i == 0));
    _ = count(&counts[3], i);
    if i == 0 {
        fill_row(&rows[0], 2);
        element(&rows[1].b[1], 200);
    }
    let seven = end(&tile);
    if l == 0 { last[g.x] = seven; }
}
