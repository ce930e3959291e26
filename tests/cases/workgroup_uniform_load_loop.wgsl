// A loop that ends when lanes agree on it by a flag in workgroup memory: sorting by exchanges of neighbours.
//! grid: 14
//! in x: u32 = 9 3 7 1 8 2 5  7 6 5 4 3 2 1
//! out y: u32 = 1 2 3 5 7 8 9  1 2 3 4 5 6 7

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> list: array<u32, 7>;
var<workgroup> changed: u32;

@compute @workgroup_size(7)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    list[lane] = x[id.x];
    loop {
        workgroupBarrier();
        if (lane == 0) {
            changed = 0;
        }
        workgroupBarrier();
        for (var odd = 0u; odd < 2; odd++) {
            if (lane % 2 == odd && lane < 6) {
                let a = list[lane];
                let b = list[lane + 1];
                if (a > b) {
                    list[lane] = b;
                    list[lane + 1] = a;
                    changed = 1;
                }
            }
            workgroupBarrier();
        }
        if (workgroupUniformLoad(&changed) == 0) {
            break;
        }
    }
    y[id.x] = list[lane];
}
