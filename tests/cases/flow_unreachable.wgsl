// Statements behind a return or break, loops that always leave, branches that both return.
//! grid: 4
//! inout y: u32 = 9*4 -> 100 101 202 203

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

fn pick(i: u32) -> u32 {
    loop {
        if (i < 2) {
            return 100 + i;
        } else {
            break;
        }
    }
    switch (i) {
        default: {
            return 200 + i;
        }
    }
}

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    while (true) {
        y[id.x] = pick(id.x);
        if (id.x < 10) {
            break;
        }
        y[id.x] = 1;
    }
}
