// Whole structs and arrays copied between buffers, locals, workgroup memory and private variables.
//! grid: 2
//! in x: u32 = seq(20)
//! out y: u32 = 10 11 12 13 14 15 16 17 18 untouched 0 1 2 3 4 5 6 7 8 untouched
//! out z: u32 = seq(18)

struct Inner { a: vec2u, b: array<u32, 3> }
struct Item { first: vec3u, last: Inner }

@group(0) @binding(0) var<storage, read> x: array<array<u32, 9>, 2>;
@group(0) @binding(1) var<storage, read_write> y: array<array<u32, 10>, 2>;
@group(0) @binding(2) var<storage, read_write> z: array<array<u32, 9>, 2>;

var<workgroup> items: array<Item, 2>;
var<private> mine: Item;

fn packed(words: array<u32, 9>, add: u32) -> Item {
    var w = words;
    for (var k = 0; k < 9; k++) {
        w[k] += add;
    }
    return Item(vec3u(w[0], w[1], w[2]), Inner(vec2u(w[3], w[4]), array<u32, 3>(w[5], w[6], w[7])));
}

@compute @workgroup_size(2)
fn main(@builtin(local_invocation_index) lane: u32) {
    mine = packed(x[lane], lane);
    items[lane] = mine;
    workgroupBarrier();
    let other = items[1 - lane];
    y[lane][0] = other.first.x;
    y[lane][1] = other.first[1];
    y[lane][2] = other.first.z;
    y[lane][3] = other.last.a.x;
    y[lane][4] = other.last.a.y;
    var inner = other.last;
    for (var k = 0; k < 3; k++) {
        y[lane][5 + k] = inner.b[k];
    }
    y[lane][8] = inner.b[2] + 1;
    z[lane] = x[lane];
}
