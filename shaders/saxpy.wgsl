// saxpy: y = a x + y, the vector update of linear algebra.
//
//   params.a   f32         the factor
//   x          f32[n]      read
//   y          f32[n]      updated in place
//   grid       [n]
//
// Ragged edge: invocations past the end of y return at once.
// Source: Lawson, Hanson, Kincaid and Krogh, "Basic Linear Algebra Subprograms for Fortran Usage",
// ACM TOMS 5 (1979).

struct Params {
    a: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn saxpy(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i >= arrayLength(&y)) {
        return;
    }
    y[i] = params.a * x[i] + y[i];
}
