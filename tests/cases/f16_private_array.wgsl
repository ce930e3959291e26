// A local array of halves with an index that is known at run time only.
//! grid: 8
//! out y: f16 = each(8, (i * 3 % 8) * 0.25)

enable f16;

@group(0) @binding(0) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) i: u32) {
    var list: array<f16, 8>;
    for (var k = 0u; k < 8u; k++) {
        list[k] = f16(k) * 0.25h;
    }
    y[i] = list[i * 3 % 8];
}
