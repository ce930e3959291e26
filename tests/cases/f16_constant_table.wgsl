// A table of halves that is indexed at run time, in bounds and beyond.
//! grid: 6
//! in index: u32 = 3 0 2 1 4 3
//! out y: f16 = 0.125 1.5 -2048 65504 0 0.125

enable f16;

@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

const TABLE = array<f16, 4>(1.5h, 65504h, -2048h, 0.125h);

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var table = TABLE;
    let i = index[id.x];
    y[id.x] = select(table[i % 4], 0h, i > 3);
}
