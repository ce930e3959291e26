// Structs, arrays and matrices out of bounds read as zero in all their parts, and are not written in any.
//! grid: 5
//! in index: i32 = 1 2 -1 -2147483648 0
//! in items: u32 = 1 2 3 4  5 6 7 8
//! in rows: f32 = 1 2 3 4  5 6 7 8
//! inout written: u32 = 100*8 -> 10 20 30 40 11 21 31 41
//! out sums: u32 = 26 0 0 0 10
//! out diagonal: f32 = 13 0 0 0 5
//! out column: f32 = 15 0 0 0 7
//! out from_value: u32 = 34 0 0 0 12
//! out local_rows: f32 = 105 5 5 5 105

struct Item { a: u32, b: array<u32, 2>, c: u32 }

@group(0) @binding(0) var<storage, read> index: array<i32>;
@group(0) @binding(1) var<storage, read> items: array<Item, 2>;
@group(0) @binding(2) var<storage, read> rows: array<mat2x2f>;
@group(0) @binding(3) var<storage, read_write> written: array<Item>;
@group(0) @binding(4) var<storage, read_write> sums: array<u32>;
@group(0) @binding(5) var<storage, read_write> diagonal: array<f32>;
@group(0) @binding(6) var<storage, read_write> column: array<f32>;
@group(0) @binding(7) var<storage, read_write> from_value: array<u32>;
@group(0) @binding(8) var<storage, read_write> local_rows: array<f32>;

fn sum(item: Item) -> u32 {
    return item.a + item.b[0] + item.b[1] + item.c;
}

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = index[id.x];
    let item = items[i];
    sums[id.x] = sum(item);
    let m = rows[i];
    diagonal[id.x] = m[0].x + m[1].y;
    column[id.x] = m[i].x + rows[1][i].y;
    let both = array(Item(1u, array(2u, 3u), 6u), Item(7u, array(8u, 9u), 10u));
    from_value[id.x] = sum(both[i]);
    var local = mat2x2f(1.0, 2.0, 3.0, 4.0);
    let before = local[i][i];
    local[i][i] = 50.0;
    local_rows[id.x] = before + local[i][i] + local[0][0] + local[1][1];
    let k = u32(i);
    written[i] = Item(10u + k, array(20u + k, 30u + k), 40u + k);
}
