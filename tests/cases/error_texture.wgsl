// Textures are refused in plain words.
//! error: texture

@group(0) @binding(0) var image: texture_2d<f32>; // refused here
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(1)
fn main() {
    y[0] = textureLoad(image, vec2u(), 0);
}
