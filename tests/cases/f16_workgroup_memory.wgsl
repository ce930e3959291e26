// Halves in workgroup memory: scalars, vectors and arrays are exchanged by their lanes.
//! grid: 16
//! in x: f16 = seq(16, 0, 0.5)
//! out y: f16 = each(16, (15 - i) * 0.5 + (15 - i) * 1.5)

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;
var<workgroup> plain: array<f16, 16>;
var<workgroup> rows: array<vec3<f16>, 16>;

@compute @workgroup_size(16)
fn main(@builtin(local_invocation_index) i: u32) {
    plain[i] = x[i];
    rows[i] = x[i] * vec3<f16>(1, 2, 3);
    workgroupBarrier();
    y[i] = plain[15 - i] + rows[15 - i].z;
}
