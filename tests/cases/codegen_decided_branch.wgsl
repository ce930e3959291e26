// A guard inside of a loop, on a coordinate with which nearly all lanes pass it: once for lanes that all do, without masks,
// once with masks, each for eight rows, and once for the rest.
//! grid: 512
//! in x: f32 = seq(512)
//! out y: f32 = each(512, sum(k, 0, 9, i + k >= 4 && i + k < 516 ? x[i + k - 4] : 0))
//! asm has: vaddps x18
//! asm block has: vaddps x8 lacks: vblend; vpmaskmov

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var sum = 0.0;
    for (var k = -4; k <= 4; k++) {
        let at = i32(id.x) + k;
        if (at >= 0 && at < i32(arrayLength(&x))) {
            sum += x[at];
        }
    }
    y[id.x] = sum;
}
