// Eight levels of branches and loops, with exits from the innermost.
//! grid: 16
//! out y: u32 = 0 1 2 3 4 5 6 7 8 8 8 8 8 8 8 8

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let n = id.x;
    var depth = 0u;
    loop {
        if (n > 0) {
            depth = 1;
            for (var a = 0u; a < 2; a++) {
                if (n > 1) {
                    depth = 2;
                    while (true) {
                        if (n > 2) {
                            depth = 3;
                            switch (n % 2) {
                                default: {
                                    if (n > 3) {
                                        depth = min(n, 8u);
                                    }
                                }
                            }
                        }
                        break;
                    }
                }
                if (a == 1) {
                    break;
                }
            }
        }
        break;
    }
    y[n] = depth;
}
