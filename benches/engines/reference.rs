//! What results may be: each kernel in f64, with a bound on what rounding in f32 can do.

use rayon::prelude::*;

use crate::{cases::Case, inputs::*};
use bounded::Bounded;

#[allow(dead_code, unused_imports, reason = "the samples use more of it, and test it")]
#[path = "../../src/samples/bounded.rs"]
mod bounded;

/// The largest relative error of rounding an f32 to nearest: 2^-24.
const ROUNDING: f64 = 1.0 / (1u64 << 24) as f64;

/// A hundredth more, for what is of second order.
const SECOND_ORDER: f64 = 1.01;

/// The range in which a result is right.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    low: f64,
    high: f64,
}

impl Allowed {
    fn exactly(value: u32) -> Self {
        Allowed { low: value.into(), high: value.into() }
    }

    fn near(value: f64, error: f64) -> Self {
        Allowed { low: value - error, high: value + error }
    }

    /// Whether `value` is right; NaN never is.
    pub fn holds(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

impl From<Bounded> for Allowed {
    fn from(Bounded { value, error }: Bounded) -> Self {
        Allowed::near(value, error)
    }
}

/// What an engine found, as numbers to compare.
pub fn numbers(case: &Case, words: &[u32]) -> Vec<f64> {
    let number = |word: &u32| if case.has_floats() { f32::from_bits(*word).into() } else { f64::from(*word) };
    let numbers: Vec<f64> = words.iter().map(number).collect();
    if case.summed { vec![numbers.iter().sum()] } else { numbers }
}

fn exact(value: f32) -> Bounded {
    Bounded::exact(value)
}

pub fn saxpy(case: &Case) -> Vec<Allowed> {
    let (x, y) = (case.floats("x"), case.floats("y"));
    x.par_iter().zip(y).map(|(x, y)| (exact(FACTOR) * exact(*x) + exact(*y)).into()).collect()
}

/// The same for all elements, since x and y have the same everywhere.
pub fn stream(case: &Case) -> Allowed {
    (exact(STREAM_FACTOR) * exact(case.floats("x")[0]) + exact(case.floats("y")[0])).into()
}

/// The orbit of each point in f64, with a bound on how far one in f32 may stray.
///
/// With z off by e, z^2 + c is off by (2 |z| + e) e; its products, their difference and the sum with c
/// round by at most three roundings of (|z| + e)^2 and one of |c|. The points c themselves are exact.
pub fn mandelbrot(_: &Case) -> Vec<Allowed> {
    let axis = |start: f32, at: usize| f64::from(start) + at as f64 * f64::from(PITCH);
    (0..PICTURE * PICTURE)
        .into_par_iter()
        .map(|i| escape(axis(ORIGIN[0], i % PICTURE), axis(ORIGIN[1], i / PICTURE)))
        .collect()
}

/// The iterations after which c may escape.
fn escape(real: f64, imaginary: f64) -> Allowed {
    let c_size = real.hypot(imaginary);
    let (mut x, mut y, mut error) = (0.0_f64, 0.0_f64, 0.0_f64);
    let mut earliest = None;
    for n in 0..ITERATIONS {
        let size = x.hypot(y);
        let (farthest, nearest) = (size + error, (size - error).max(0.0));
        // The test itself rounds two squares and a sum.
        if farthest * farthest * (1.0 + 3.0 * ROUNDING) > 4.0 {
            earliest.get_or_insert(n);
        }
        if nearest * nearest * (1.0 - 3.0 * ROUNDING) > 4.0 {
            return Allowed { low: earliest.unwrap_or(n).into(), high: n.into() };
        }
        error = (2.0 * size + error) * error + SECOND_ORDER * ROUNDING * (3.0 * farthest * farthest + c_size);
        (x, y) = (x * x - y * y + real, 2.0 * x * y + imaginary);
        if !error.is_finite() {
            break;
        }
    }
    Allowed { low: earliest.unwrap_or(ITERATIONS).into(), high: ITERATIONS.into() }
}

/// A term of a sum has at most 32 roundings: 1 of the distance, 6 of its square with softening (of which the root
/// keeps half), 4 of the inverse root, all three times in the cube, and 5 of the products. A sum of n
/// terms adds one for each.
pub fn nbody(case: &Case) -> Vec<Allowed> {
    let bodies: Vec<[f64; 4]> =
        case.floats("bodies").as_chunks().0.iter().map(|body: &[f32; 4]| body.map(f64::from)).collect();
    let roundings = SECOND_ORDER * ROUNDING * (32 + BODIES) as f64;
    let pull = |[x, y, z, _]: &[f64; 4]| {
        let (mut sums, mut sizes) = ([0.0; 3], [0.0; 3]);
        for [other_x, other_y, other_z, mass] in &bodies {
            let apart = [other_x - x, other_y - y, other_z - z];
            let distance2 = apart.iter().map(|axis| axis * axis).sum::<f64>() + f64::from(SOFTENING2);
            let factor = mass / (distance2 * distance2.sqrt());
            for axis in 0..3 {
                sums[axis] += apart[axis] * factor;
                sizes[axis] += (apart[axis] * factor).abs();
            }
        }
        let near = |axis: usize| Allowed::near(sums[axis], roundings * sizes[axis]);
        [near(0), near(1), near(2), Allowed::exactly(0)]
    };
    bodies.par_iter().flat_map_iter(pull).collect()
}

/// A sum of k products has at most k + 1 roundings of the sum of their sizes.
pub fn matmul(case: &Case) -> Vec<Allowed> {
    let (a, b) = (case.floats("a"), case.floats("b"));
    let roundings = SECOND_ORDER * ROUNDING * (MATRIX + 1) as f64;
    let row = |a: &[f32]| {
        let (mut sums, mut sizes) = (vec![0.0_f64; MATRIX], vec![0.0_f64; MATRIX]);
        for (a, b) in a.iter().zip(b.chunks_exact(MATRIX)) {
            for ((sum, size), b) in sums.iter_mut().zip(&mut sizes).zip(b) {
                let product = f64::from(*a) * f64::from(*b);
                *sum += product;
                *size += product.abs();
            }
        }
        sums.into_iter().zip(sizes).map(move |(sum, size)| Allowed::near(sum, roundings * size))
    };
    a.par_chunks(MATRIX).flat_map_iter(row).collect()
}

/// WGSL's accuracy of each operation, carried through the formulas.
pub fn black_scholes(case: &Case) -> Vec<Allowed> {
    let options = case.floats("spots").par_iter().zip(case.floats("strikes")).zip(case.floats("years"));
    let (calls, puts): (Vec<_>, Vec<_>) =
        options.map(|((spot, strike), years)| price(exact(*spot), exact(*strike), exact(*years))).unzip();
    [calls, puts].concat()
}

fn price(spot: Bounded, strike: Bounded, years: Bounded) -> (Allowed, Allowed) {
    let (rate, volatility, one) = (exact(RATE), exact(VOLATILITY), exact(1.0));
    let spread = volatility * years.sqrt();
    let drift = (rate + exact(0.5) * volatility * volatility) * years;
    let d1 = ((spot / strike).ln() + drift) / spread;
    let (below1, below2) = (normal_below(d1), normal_below(d1 - spread));
    let discounted = strike * (-rate * years).exp();
    let call = spot * below1 - discounted * below2;
    let put = discounted * (one - below2) - spot * (one - below1);
    (call.into(), put.into())
}

/// As in the kernel. Where x may be on either side of zero, both branches give the same, up to the error of the
/// formula, which is below 7.5e-8.
fn normal_below(x: Bounded) -> Bounded {
    let one = exact(1.0);
    let t = one / (one + Bounded::literal(0.2316419) * x.abs());
    let factors = [0.31938154, -0.35656378, 1.7814779, -1.8212559, 1.3302745].map(Bounded::literal);
    let series = factors.into_iter().rev().fold(exact(0.0), |sum, factor| t * (factor + sum));
    let tail = Bounded::literal(0.3989423) * (exact(-0.5) * x * x).exp() * series;
    let below = if x.value > 0.0 { one - tail } else { tail };
    let either = if x.value.abs() <= x.error { 2.0 * 7.5e-8 } else { 0.0 };
    Bounded { error: below.error + either, ..below }
}

pub fn heat(case: &Case) -> Vec<Allowed> {
    let x = case.floats("x");
    let at = |row: usize, column: usize| exact(x[row * SIDE + column]);
    let point = |i: usize| {
        let (row, column) = (i / SIDE, i % SIDE);
        let around = at(row, column.saturating_sub(1))
            + at(row, (column + 1).min(SIDE - 1))
            + at(row.saturating_sub(1), column)
            + at((row + 1).min(SIDE - 1), column);
        (at(row, column) + exact(DIFFUSION) * (around - exact(4.0) * at(row, column))).into()
    };
    (0..x.len()).into_par_iter().map(point).collect()
}

/// No racer has more than 1024 additions on the path to its sum, which all are of positive numbers.
pub fn reduce(case: &Case) -> Vec<Allowed> {
    let sum: f64 = case.floats("x").iter().map(|x| f64::from(*x)).sum();
    vec![Allowed::near(sum, SECOND_ORDER * ROUNDING * 1024.0 * sum)]
}

pub fn histogram(case: &Case) -> Vec<Allowed> {
    let mut counts = [0; BINS];
    for x in case.words("x") {
        counts[(x & 255) as usize] += 1;
    }
    counts.map(Allowed::exactly).into()
}

pub fn hash(case: &Case) -> Vec<Allowed> {
    let hash = |x: &u32| {
        let mut state = *x;
        for _ in 0..ROUNDS {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
        }
        Allowed::exactly(state)
    };
    case.words("x").par_iter().map(hash).collect()
}
