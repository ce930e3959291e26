// mandelbrot: escape times of z -> z^2 + c, and a smooth colouring of them.
//
//   params.centre    vec2f              the point c in the middle of the picture
//   params.pitch     f32                distance between pixels
//   params.limit     u32                iterations after which a point counts as in the set
//   params.width, params.height  u32    pixels
//   counts           u32[height][width] written: iterations until |z| > 256, or `limit`
//   pixels           u32[height][width] written: red, green, blue, alpha, a byte each, red lowest;
//                                       rows from top to bottom
//   grid             [width, height]
//
// The colour follows the logarithm of n + 1 - log2(log2 |z|^2 / 16), which is continuous where n jumps; points
// of the set are black.
//
// Ragged edges: invocations beyond the picture return at once.
// Source: Peitgen and Richter, "The Beauty of Fractals" (1986), section 2 and "potential function".

const ESCAPE2 = 65536.0;
const TURN = 6.2831853f;

struct Params {
    centre: vec2f,
    pitch: f32,
    limit: u32,
    width: u32,
    height: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;
@group(0) @binding(2) var<storage, read_write> pixels: array<u32>;

// A cosine wave for each channel. The argument of cos stays within half a turn, where it is accurate.
fn palette(turns: f32) -> vec3f {
    let phase = fract(vec3f(turns) + vec3f(0.5, 0.6, 0.7)) - 0.5;
    return 0.5 - 0.5 * cos(TURN * phase);
}

@compute @workgroup_size(16, 16)
fn mandelbrot(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.width || id.y >= params.height) {
        return;
    }
    // From the middle of the picture, in half pixels: whole numbers, hence exact.
    let right = f32(i32(2u * id.x + 1u) - i32(params.width));
    let up = f32(i32(params.height) - i32(2u * id.y + 1u));
    let c = params.centre + vec2f(right, up) * (0.5 * params.pitch);

    var z = vec2f();
    var square = vec2f();
    var n = 0u;
    while (n < params.limit && square.x + square.y <= ESCAPE2) {
        z = vec2f(square.x - square.y + c.x, 2.0 * z.x * z.y + c.y);
        square = z * z;
        n++;
    }

    let i = id.y * params.width + id.x;
    let escaped = square.x + square.y > ESCAPE2;
    var colour = vec4f(0.0, 0.0, 0.0, 1.0);
    if (escaped) {
        let smooth_count = f32(n) + 1.0 - log2(log2(square.x + square.y) / 16.0);
        colour = vec4f(palette(0.25 * log2(smooth_count)), 1.0);
    }
    counts[i] = n;
    pixels[i] = pack4x8unorm(colour);
}
