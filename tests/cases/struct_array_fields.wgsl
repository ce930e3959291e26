// Arrays in structs in arrays, indexed by values that differ from lane to lane, written field by field.
//! grid: 6
//! inout rows: u32 = seq(15)
//!     -> each(15, i % 5 == 4 ? i + 7 : (i % 5 > 0 && i % 5 - 1 == (i / 5 + 1) % 3 ? 100 + i / 5 : i))

struct Row { head: u32, cells: array<u32, 3>, tail: u32 }

@group(0) @binding(0) var<storage, read_write> rows: array<Row, 3>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i < 3) {
        rows[i].cells[(i + 1) % 3] = 100 + i;
    } else {
        rows[i - 3].tail += 7;
    }
}
