// A switch over u32: several selectors of a case, one of them with the default (section Statements, Switch).
//! grid: 8
//! out y: u32 = 20 10 99 10 99 40 99 99

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    switch i {
        case 1u, 3u: {
            y[i] = 10;
        }
        case 0u: {
            y[i] = 20;
        }
        case 2u, default: {
            y[i] = 99;
        }
        case 5u: {
            y[i] = 40;
        }
    }
}
