// workgroupUniformLoad out of bounds gives zero: of a scalar, and of a struct in all its parts.
//! workgroups: 4
//! in index: i32 = 0 -1 2 1
//! out scalar: u32 = 7 0 0 8
//! out whole: u32 = 3 0 0 30

struct Pair { a: u32, b: u32 }

@group(0) @binding(0) var<storage, read> index: array<i32>;
@group(0) @binding(1) var<storage, read_write> scalar: array<u32>;
@group(0) @binding(2) var<storage, read_write> whole: array<u32>;

var<workgroup> numbers: array<u32, 2>;
var<workgroup> pairs: array<Pair, 2>;

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    let i = index[id.x];
    if (lane == 0u) {
        numbers = array(7u, 8u);
        pairs = array(Pair(1u, 2u), Pair(10u, 20u));
    }
    let number = workgroupUniformLoad(&numbers[i]);
    let pair = workgroupUniformLoad(&pairs[i]);
    if (lane == 0u) {
        scalar[id.x] = number;
        whole[id.x] = pair.a + pair.b;
    }
}
