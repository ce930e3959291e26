//! Kernels that arithmetic limits.

use rayon::prelude::*;

use crate::{
    Kernel,
    inputs::{
        self, BODIES, HASHES, ITERATIONS, MATRIX, OPTIONS, ORIGIN, PICTURE, PITCH, RATE, ROUNDS, SOFTENING2, VOLATILITY,
    },
    lanes::{float_bytes, integer_bytes, mul_add},
};

/// Elements that go through a loop together, for the compiler to put into vectors.
const LANES: usize = if cfg!(target_feature = "avx512f") {
    32
} else if cfg!(target_feature = "avx") {
    16
} else {
    8
};

/// Iterations until the points of a picture escape.
pub struct Mandelbrot {
    counts: Vec<u32>,
}

impl Mandelbrot {
    pub fn new() -> Self {
        Mandelbrot { counts: vec![0; PICTURE * PICTURE] }
    }
}

/// Counts of neighbouring points of a row.
fn escape(first: usize, imaginary: f32, counts: &mut [u32; LANES]) {
    let real: [f32; LANES] = std::array::from_fn(|lane| mul_add((first + lane) as f32, PITCH, ORIGIN[0]));
    let (mut x, mut y) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    *counts = [0; LANES];
    for _ in 0..ITERATIONS {
        let mut inside = 0;
        for lane in 0..LANES {
            let (x2, y2) = (x[lane] * x[lane], y[lane] * y[lane]);
            // A point that is outside once stays there, so its count stands still by itself.
            let stays = u32::from(x2 + y2 <= 4.0);
            counts[lane] += stays;
            inside |= stays;
            y[lane] = mul_add(2.0 * x[lane], y[lane], imaginary);
            x[lane] = x2 - y2 + real[lane];
        }
        if inside == 0 {
            break;
        }
    }
}

impl Kernel for Mandelbrot {
    fn run(&mut self) {
        self.counts.par_chunks_mut(PICTURE).enumerate().for_each(|(row, counts)| {
            let imaginary = mul_add(row as f32, PITCH, ORIGIN[1]);
            for (block, counts) in counts.as_chunks_mut().0.iter_mut().enumerate() {
                escape(block * LANES, imaginary, counts);
            }
        });
    }

    fn result(&self) -> Vec<u8> {
        integer_bytes(&self.counts)
    }
}

/// Softened gravity between all pairs.
pub struct Nbody {
    bodies: [Vec<f32>; 4],
    accelerations: [Vec<f32>; 3],
}

impl Nbody {
    pub fn new() -> Self {
        Nbody { bodies: inputs::bodies(), accelerations: std::array::from_fn(|_| vec![0.0; BODIES]) }
    }
}

/// The pull of all bodies on `LANES` of them, from `first` on.
fn pull(bodies: &[Vec<f32>; 4], first: usize) -> [[f32; LANES]; 3] {
    let [xs, ys, zs, masses] = bodies;
    let mine = |axis: &[f32]| -> [f32; LANES] { std::array::from_fn(|lane| axis[first + lane]) };
    let (x, y, z) = (mine(xs), mine(ys), mine(zs));
    let mut sums = [[0.0_f32; LANES]; 3];
    let [ax, ay, az] = &mut sums;
    for ((other_x, other_y), (other_z, mass)) in xs.iter().zip(ys).zip(zs.iter().zip(masses)) {
        for lane in 0..LANES {
            let (dx, dy, dz) = (other_x - x[lane], other_y - y[lane], other_z - z[lane]);
            let distance2 = mul_add(dx, dx, mul_add(dy, dy, mul_add(dz, dz, SOFTENING2)));
            let inverse = 1.0 / distance2.sqrt();
            let factor = mass * inverse * inverse * inverse;
            ax[lane] = mul_add(dx, factor, ax[lane]);
            ay[lane] = mul_add(dy, factor, ay[lane]);
            az[lane] = mul_add(dz, factor, az[lane]);
        }
    }
    sums
}

impl Kernel for Nbody {
    fn run(&mut self) {
        let bodies = &self.bodies;
        let [x, y, z] = &mut self.accelerations;
        let outputs = x.par_chunks_mut(LANES).zip(y.par_chunks_mut(LANES)).zip(z.par_chunks_mut(LANES));
        outputs.enumerate().for_each(|(block, ((x, y), z))| {
            let sums = pull(bodies, block * LANES);
            for (out, sum) in [x, y, z].into_iter().zip(sums) {
                out.copy_from_slice(&sum);
            }
        });
    }

    fn result(&self) -> Vec<u8> {
        let [x, y, z] = &self.accelerations;
        let rows: Vec<_> = x.iter().zip(y).zip(z).flat_map(|((x, y), z)| [*x, *y, *z, 0.0]).collect();
        float_bytes(&rows)
    }
}

/// C = A B.
pub struct Matmul {
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

impl Matmul {
    pub fn new() -> Self {
        let matrix = |seed| inputs::floats(seed, MATRIX * MATRIX, -1.0, 1.0);
        Matmul { a: matrix(301), b: matrix(302), c: vec![0.0; MATRIX * MATRIX] }
    }
}

impl Kernel for Matmul {
    /// Four rows of C at a time, so that an element of B that is loaded serves four; the columns in blocks whose part of B
    /// stays in the second-level cache.
    fn run(&mut self) {
        const ROWS: usize = 4;
        const COLUMNS: usize = 2 * LANES;
        let (a, b) = (&self.a, &self.b);
        self.c.par_chunks_mut(ROWS * MATRIX).enumerate().for_each(|(block, c)| {
            let a = &a[block * ROWS * MATRIX..][..ROWS * MATRIX];
            for column in (0..MATRIX).step_by(COLUMNS) {
                let mut sums = [[0.0_f32; COLUMNS]; ROWS];
                for (k, row) in b.chunks_exact(MATRIX).enumerate() {
                    let row: &[f32; COLUMNS] = row[column..].first_chunk().expect("whole blocks");
                    for (i, sums) in sums.iter_mut().enumerate() {
                        let factor = a[i * MATRIX + k];
                        for (sum, b) in sums.iter_mut().zip(row) {
                            *sum = mul_add(factor, *b, *sum);
                        }
                    }
                }
                for (row, sums) in c.chunks_exact_mut(MATRIX).zip(sums) {
                    row[column..column + COLUMNS].copy_from_slice(&sums);
                }
            }
        });
    }

    fn result(&self) -> Vec<u8> {
        float_bytes(&self.c)
    }
}

/// Prices of European options.
pub struct BlackScholes {
    options: [Vec<f32>; 3],
    calls: Vec<f32>,
    puts: Vec<f32>,
}

impl BlackScholes {
    pub fn new() -> Self {
        BlackScholes { options: inputs::options(), calls: vec![0.0; OPTIONS], puts: vec![0.0; OPTIONS] }
    }
}

/// The normal distribution below x: Abramowitz and Stegun, 26.2.17.
fn normal_below(x: f32) -> f32 {
    let t = 1.0 / mul_add(0.231_641_9, x.abs(), 1.0);
    let series = mul_add(t, mul_add(t, 1.330_274_5, -1.821_255_9), 1.781_477_9);
    let series = t * mul_add(t, mul_add(t, series, -0.356_563_78), 0.319_381_54);
    let tail = 0.398_942_3 * (-0.5 * x * x).exp() * series;
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// Call and put.
fn price(spot: f32, strike: f32, years: f32) -> (f32, f32) {
    let root = years.sqrt();
    let spread = VOLATILITY * root;
    let d1 = mul_add(mul_add(0.5 * VOLATILITY, VOLATILITY, RATE), years, (spot / strike).ln()) / spread;
    let (below1, below2) = (normal_below(d1), normal_below(d1 - spread));
    let discounted = strike * (-RATE * years).exp();
    (spot * below1 - discounted * below2, discounted * (1.0 - below2) - spot * (1.0 - below1))
}

impl Kernel for BlackScholes {
    fn run(&mut self) {
        const CHUNK: usize = 1 << 12;
        let [spots, strikes, years] = &self.options;
        let options = spots.par_chunks(CHUNK).zip(strikes.par_chunks(CHUNK)).zip(years.par_chunks(CHUNK));
        let outputs = self.calls.par_chunks_mut(CHUNK).zip(self.puts.par_chunks_mut(CHUNK));
        options.zip(outputs).for_each(|(((spots, strikes), years), (calls, puts))| {
            let options = spots.iter().zip(strikes).zip(years);
            for (((spot, strike), years), (call, put)) in options.zip(calls.iter_mut().zip(puts)) {
                (*call, *put) = price(*spot, *strike, *years);
            }
        });
    }

    fn result(&self) -> Vec<u8> {
        float_bytes(&[&self.calls[..], &self.puts[..]].concat())
    }
}

/// Rounds of xorshift on each number.
pub struct Hash {
    x: Vec<u32>,
    y: Vec<u32>,
}

impl Hash {
    pub fn new() -> Self {
        Hash { x: inputs::integers(6, HASHES), y: vec![0; HASHES] }
    }
}

impl Kernel for Hash {
    fn run(&mut self) {
        const CHUNK: usize = 1 << 12;
        // Each step waits for the one before: several vectors go side by side.
        const CHAINS: usize = 32;
        self.x.par_chunks(CHUNK).zip(self.y.par_chunks_mut(CHUNK)).for_each(|(x, y)| {
            for (x, y) in x.as_chunks::<CHAINS>().0.iter().zip(y.as_chunks_mut::<CHAINS>().0) {
                let mut state = *x;
                for _ in 0..ROUNDS {
                    for state in &mut state {
                        *state ^= *state << 13;
                        *state ^= *state >> 17;
                        *state ^= *state << 5;
                    }
                }
                *y = state;
            }
        });
    }

    fn result(&self) -> Vec<u8> {
        integer_bytes(&self.y)
    }
}
