// Twelve loops inside each other, of two iterations each.
//! grid: 1
//! out y: u32 = 4096

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var n = 0u;
    for (var k0 = 0u; k0 < 2u; k0++) {
        for (var k1 = 0u; k1 < 2u; k1++) {
            for (var k2 = 0u; k2 < 2u; k2++) {
                for (var k3 = 0u; k3 < 2u; k3++) {
                    for (var k4 = 0u; k4 < 2u; k4++) {
                        for (var k5 = 0u; k5 < 2u; k5++) {
                            for (var k6 = 0u; k6 < 2u; k6++) {
                                for (var k7 = 0u; k7 < 2u; k7++) {
                                    for (var k8 = 0u; k8 < 2u; k8++) {
                                        for (var k9 = 0u; k9 < 2u; k9++) {
                                            for (var k10 = 0u; k10 < 2u; k10++) {
                                                for (var k11 = 0u; k11 < 2u; k11++) {
                                                    n++;
                                                }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    y[0] = n;
}
