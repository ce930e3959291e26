// Cases that return from a function, and one that goes on behind the switch.
//! grid: 6
//! out y: u32 = 10 11 12 0 0 0

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
fn choose(i: u32) -> u32 {
    var found = 0u;
    switch i {
        case 0: {
            return 10;
        }
        case 1: {
            found = 11;
        }
        case 2: {
            return 12;
        }
        default: {}
    }
    return found;
}

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = choose(i);
}
