// Small kernels that show what a device can do at most.

@group(0) @binding(0) var<uniform> rounds: u32;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<u32>;
@group(0) @binding(3) var<storage, read_write> sums: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> z: array<f32>;
@group(0) @binding(5) var<storage, read> w: array<f32>;

// A launch, and nothing else.
@compute @workgroup_size(64) fn nothing(@builtin(global_invocation_id) id: vec3u) {
    if id.x == 0xffffffffu { y[0] = 1u; }
}

// The way of an array to the device.
@group(0) @binding(6) var<storage, read_write> found: u32;
@compute @workgroup_size(64) fn look(@builtin(global_invocation_id) id: vec3u) {
    if id.x == 0xffffffffu && x[0] == 7u { found = 1u; }
}

// Memory: two arrays are read, one is written.
@compute @workgroup_size(256) fn update(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&z) { z[id.x] = fma(w[id.x], 0.5, z[id.x]); }
}

// Arithmetic, in eight sums that do not wait for each other.
@compute @workgroup_size(64) fn multiply_add(@builtin(global_invocation_id) id: vec3u) {
    var a = vec4f(f32(id.x)) * vec4f(0.001, 0.002, 0.003, 0.004);
    var b = a + 1.0;
    for (var round = 0u; round < rounds; round++) {
        a = fma(a, vec4f(0.999), vec4f(0.25));
        b = fma(b, vec4f(0.999), vec4f(0.25));
    }
    let sum = dot(a, b);
    if sum == 0.123 { z[0] = sum; }
}

// What caches answer.
@compute @workgroup_size(64) fn load(@builtin(global_invocation_id) id: vec3u) {
    var sum = 0u;
    for (var round = 0u; round < rounds; round++) {
        let at = id.x + 8u * round;
        sum += x[at & 1023u] ^ x[(at + 64u) & 1023u] ^ x[(at + 128u) & 1023u] ^ x[(at + 192u) & 1023u];
    }
    if sum == 0xfffffff1u { y[0] = sum; }
}

// Atomic operations that rarely meet.
@compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
    for (var round = 0u; round < rounds; round += 16u) {
        if atomicAdd(&sums[(id.x + round) & 1023u], 1u) == 0xfffffff1u { y[0] = 1u; }
    }
}

// Workgroups that have nothing to do.
@compute @workgroup_size(64) fn leave(@builtin(global_invocation_id) id: vec3u) {
    if id.x == 0xffffffffu { y[0] = 1u; }
}
