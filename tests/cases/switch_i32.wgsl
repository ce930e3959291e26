// A switch over i32: several selectors of a case, one of them with the default (section Statements, Switch).
//! grid: 8
//! out y: u32 = 99 10 20 99 99 10 99 40

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    switch i32(i) - 2 {
        case -1, 3: {
            y[i] = 10;
        }
        case 0: {
            y[i] = 20;
        }
        case 2, default: {
            y[i] = 99;
        }
        case 5: {
            y[i] = 40;
        }
    }
}
