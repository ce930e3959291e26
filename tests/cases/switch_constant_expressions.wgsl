// Selectors of a switch may be constant expressions (section Statements, Switch).
//! grid: 6
//! out y: u32 = 0 1 2 2 0 3

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
const ONE = 1u;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    switch i {
        case ONE: {
            y[i] = 1;
        }
        case ONE + 1, ONE * 3: {
            y[i] = 2;
        }
        case (1u << 2u) + ONE: {
            y[i] = 3;
        }
        default: {
            y[i] = 0;
        }
    }
}
