// fft: discrete Fourier transforms of many frames of complex numbers, all of one length.
//
//   LENGTH         override    points of a frame: a power of two from 4 to 1024
//   params.sign    f32         -1 forward, +1 inverse: the sign in exp(sign * 2 pi i j k / LENGTH)
//   params.scale   f32         a factor of every result: 1, or 1 / LENGTH for an inverse that undoes the forward one
//   roots          vec2f[LENGTH / 2]    cosine and sine of 2 pi k / LENGTH; those of WGSL are too coarse on some GPUs
//   signal         vec2f[frames * LENGTH]    read: real and imaginary part, frame after frame
//   spectra        vec2f[frames * LENGTH]    written: frame after frame, frequencies from 0 up, then the negative ones
//   grid           frames, in workgroups
//
// A workgroup transforms a frame, a quarter of its points in lanes. Each lane keeps four points, LENGTH / 4 apart, in
// registers. A pass turns them by roots of unity and makes four-point transforms of them; between passes the points change
// lanes through workgroup memory, so that the last pass leaves them in order and no bits have to be reversed (Stockham). The
// first pass reads and the last one writes in rows, neighbouring lanes beside each other. An odd power of two ends with a
// pass of two-point transforms.
//
// Shows: workgroup memory and a workgroup whose sizes an override constant sets.
// Ragged edge: none, the grid is as many workgroups as there are frames. A frame that is not all there is left alone.
// Source: Govindaraju, Lloyd, Dotsenko, Smith and Manferdelli, "High Performance Discrete Fourier Transforms on Graphics
// Processors" (2008); the passes are those of Stockham (1966).

override LENGTH: u32 = 1024u;
override LANES: u32 = LENGTH / 4u;

struct Params {
    sign: f32,
    scale: f32,
}

// Points of a lane: LENGTH / 4 apart.
struct Four {
    a: vec2f,
    b: vec2f,
    c: vec2f,
    d: vec2f,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> roots: array<vec2f>;
@group(0) @binding(2) var<storage, read> signal: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> spectra: array<vec2f>;

// Real and imaginary parts apart, so that neighbouring lanes use neighbouring banks.
var<workgroup> re: array<f32, LENGTH>;
var<workgroup> im: array<f32, LENGTH>;

fn times(a: vec2f, b: vec2f) -> vec2f {
    return vec2f(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

// exp(sign * 2 pi i k / LENGTH), for k below LENGTH / 2.
fn root(k: u32) -> vec2f {
    var value = vec2f(1.0, 0.0);
    if (k < arrayLength(&roots)) {
        value = roots[k];
    }
    return vec2f(value.x, params.sign * value.y);
}

// The last pass of an odd power of two: points that are LENGTH / 2 apart.
fn radix_2(x: Four, lane: u32) -> Four {
    let c = times(x.c, root(lane));
    let d = times(x.d, root(lane + LANES));
    return Four(x.a + c, x.b + d, x.a - c, x.b - d);
}

// A pass over transforms of `span` points: makes transforms of four times as many.
fn radix_4(x: Four, lane: u32, span: u32) -> Four {
    var y = x;
    if (span > 1u) {
        let w = root((lane & (span - 1u)) * (LANES / span));
        let w2 = times(w, w);
        y = Four(x.a, times(x.b, w), times(x.c, w2), times(x.d, times(w2, w)));
    }
    let even = y.a + y.c;
    let odd = y.b + y.d;
    let even_apart = y.a - y.c;
    let apart = params.sign * (y.b - y.d);
    // Times i.
    let odd_apart = vec2f(-apart.y, apart.x);
    return Four(even + odd, even_apart + odd_apart, even - odd, even_apart - odd_apart);
}

// Brings the points that a pass over transforms of `span` points left in lanes to those that need them next.
fn exchange(x: Four, lane: u32, span: u32) -> Four {
    let k = lane & (span - 1u);
    let at = 4u * (lane - k) + k;
    workgroupBarrier();
    re[at] = x.a.x;
    im[at] = x.a.y;
    re[at + span] = x.b.x;
    im[at + span] = x.b.y;
    re[at + 2u * span] = x.c.x;
    im[at + 2u * span] = x.c.y;
    re[at + 3u * span] = x.d.x;
    im[at + 3u * span] = x.d.y;
    workgroupBarrier();
    return Four(
        vec2f(re[lane], im[lane]),
        vec2f(re[lane + LANES], im[lane + LANES]),
        vec2f(re[lane + 2u * LANES], im[lane + 2u * LANES]),
        vec2f(re[lane + 3u * LANES], im[lane + 3u * LANES]),
    );
}

@compute @workgroup_size(LANES)
fn fft(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let first = group.x * LENGTH + lane;
    var x: Four;
    if (first + 3u * LANES < arrayLength(&signal)) {
        x = Four(signal[first], signal[first + LANES], signal[first + 2u * LANES], signal[first + 3u * LANES]);
    }

    x = radix_4(x, lane, 1u);
    if (LENGTH > 4u) {
        x = exchange(x, lane, 1u);
    }
    if (LENGTH >= 16u) {
        x = radix_4(x, lane, 4u);
    }
    if (LENGTH > 16u) {
        x = exchange(x, lane, 4u);
    }
    if (LENGTH >= 64u) {
        x = radix_4(x, lane, 16u);
    }
    if (LENGTH > 64u) {
        x = exchange(x, lane, 16u);
    }
    if (LENGTH >= 256u) {
        x = radix_4(x, lane, 64u);
    }
    if (LENGTH > 256u) {
        x = exchange(x, lane, 64u);
    }
    if (LENGTH >= 1024u) {
        x = radix_4(x, lane, 256u);
    }
    if ((countTrailingZeros(LENGTH) & 1u) == 1u) {
        x = radix_2(x, lane);
    }

    if (first + 3u * LANES < arrayLength(&spectra)) {
        spectra[first] = params.scale * x.a;
        spectra[first + LANES] = params.scale * x.b;
        spectra[first + 2u * LANES] = params.scale * x.c;
        spectra[first + 3u * LANES] = params.scale * x.d;
    }
}
