// A switch as a case of another.
//! grid: 12
//! out y: u32 = 100 101 102 199 210 219 219 219 300 300 300 300

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var value = 0u;
    switch (id.x / 4) {
        case 0: {
            value = 100;
            switch (id.x) {
                case 1: { value += 1; }
                case 2: { value += 2; break; }
                case 3: { value = 199; }
                default: { break; }
            }
        }
        case 1: {
            switch (id.x % 4) {
                case 0: { value = 210; }
                default: { value = 219; }
            }
        }
        default: { value = 300; }
    }
    y[id.x] = value;
}
