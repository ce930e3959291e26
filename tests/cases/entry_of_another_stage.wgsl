// An entry point of another stage is nobody's concern here, also where naga does not know what it uses or finds it wrong.
//! workgroups: 1
//! out y: u32 = 5

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@vertex fn corner(@builtin(vertex_index) i: u32) -> vec4f { return vec4f(f32(i)); }

@fragment fn paint(@builtin(new_input) what: u32) -> @location(0) vec4f {
    return textureOfTheFuture(what);
}

@compute @workgroup_size(1) fn main() { y[0] = 5; }
