//! Sizes and inputs of the kernels. The benchmark includes this file too, so that all race on the same data.

/// Elements of saxpy, reduce and histogram.
pub const ELEMENTS: usize = 4 << 20;
/// The factor of saxpy.
pub const FACTOR: f32 = 1.5;

/// Side of the picture of mandelbrot.
pub const PICTURE: usize = 1024;
/// Iterations of mandelbrot.
pub const ITERATIONS: u32 = 256;
/// Real and imaginary part at the first pixel.
pub const ORIGIN: [f32; 2] = [-2.0, -1.25];
/// From one pixel to the next. With this and the origin, the coordinates of all pixels are exact.
pub const PITCH: f32 = 2.5 / PICTURE as f32;

/// Bodies of nbody.
pub const BODIES: usize = 8192;
/// Softening of nbody, squared.
pub const SOFTENING2: f32 = 0.01;

/// Rows and columns of matmul.
pub const MATRIX: usize = 512;

/// Options of Black-Scholes.
pub const OPTIONS: usize = 1 << 20;
/// Riskless rate a year.
pub const RATE: f32 = 0.02;
/// Volatility, the same for all.
pub const VOLATILITY: f32 = 0.3;

/// Side of the grid of the heat equation.
pub const SIDE: usize = 2048;
/// Diffusion in one step.
pub const DIFFUSION: f32 = 0.2;

/// Bins of the histogram.
pub const BINS: usize = 256;

/// Numbers to hash.
pub const HASHES: usize = 1 << 20;
/// Rounds of the hash.
pub const ROUNDS: u32 = 256;

/// Elements of each of the two vectors of the streaming test: together 512 MB, more than any cache holds.
pub const STREAM: usize = 64_000_000;
/// Its factor: small, so that the sums stay finite however often it runs.
pub const STREAM_FACTOR: f32 = 1e-6;

/// `count` numbers from Marsaglia's xorshift generator.
pub fn integers(seed: u32, count: usize) -> Vec<u32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        })
        .collect()
}

/// `count` numbers in `low..high`.
pub fn floats(seed: u32, count: usize, low: f32, high: f32) -> Vec<f32> {
    let unit = |bits: u32| (bits >> 8) as f32 / (1 << 24) as f32;
    integers(seed, count).into_iter().map(|bits| low + (high - low) * unit(bits)).collect()
}

/// x, y, z and mass of the bodies of nbody, each by itself.
pub fn bodies() -> [Vec<f32>; 4] {
    let axis = |seed| floats(seed, BODIES, -1.0, 1.0);
    [axis(101), axis(102), axis(103), floats(104, BODIES, 0.5, 1.5)]
}

/// Spot, strike and years of the options of Black-Scholes.
pub fn options() -> [Vec<f32>; 3] {
    [floats(201, OPTIONS, 5.0, 30.0), floats(202, OPTIONS, 1.0, 100.0), floats(203, OPTIONS, 0.25, 10.0)]
}
