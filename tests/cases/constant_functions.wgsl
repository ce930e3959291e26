// Built-in functions of constants give what they give at run time.
//! grid: 4
//! out y: u32 = 1*4

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    const folded = vec4u(countOneBits(0xf0f0u), firstLeadingBit(1000u), reverseBits(6u), max(3u, 9u));
    let x = vec4u(0xf0f0u, 1000u, 6u, 3u) + vec4u(i - i);
    let computed = vec4u(countOneBits(x.x), firstLeadingBit(x.y), reverseBits(x.z), max(x.w, 9u));
    y[i] = u32(folded[i] == computed[i]);
}
