//! The distribution of losses in closed form: a linear and a quadratic form of independent normal variates.

use std::f64::consts::{PI, TAU};

use super::{
    FACTORS, Position,
    native::{NORMAL_ERROR, UNITS},
};

/// Standard deviations after which what the sum in [`Law::below`] takes for the distribution begins anew.
const PERIOD: f64 = 60.0;

/// The most terms of that sum.
const MOST_TERMS: usize = 20_000;

type Matrix = [[f64; FACTORS]; FACTORS];

/// How losses are distributed. A loss is the sum of `linear * y + square * y^2` over independent normal y.
pub(super) struct Law {
    pub mean: f64,
    pub deviation: f64,
    /// Each term of the sum in [`Law::below`]: where the characteristic function is taken, its size over the number of the
    /// term and a half, and its phase.
    terms: Vec<[f64; 3]>,
    /// What is left out of the sum at most.
    left_out: f64,
    /// By how much normal variates that are off shift a loss at most.
    pub shift: f64,
}

impl Law {
    pub fn new(positions: &[Position]) -> Law {
        let mut linear = [0.0; FACTORS];
        let mut square = [[0.0; FACTORS]; FACTORS];
        for position in positions {
            let mut loadings = [0.0; FACTORS];
            loadings.iter_mut().zip(position.loadings.as_flattened()).for_each(|(a, &b)| *a = f64::from(b) * UNITS);
            for i in 0..FACTORS {
                linear[i] -= f64::from(position.value) * loadings[i];
                for j in 0..FACTORS {
                    square[i][j] -= f64::from(position.curvature) * loadings[i] * loadings[j];
                }
            }
        }
        // A loss changes with a factor by no more than this, for no variate is beyond 5.5.
        let slope = |i: usize| linear[i].abs() + 11.0 * square[i].iter().map(|term| term.abs()).sum::<f64>();
        let shift = NORMAL_ERROR * (0..FACTORS).map(slope).sum::<f64>();

        let (squares, axes) = diagonal(square);
        let linear: [f64; FACTORS] =
            std::array::from_fn(|axis| (0..FACTORS).map(|i| axes[i][axis] * linear[i]).sum::<f64>());
        let pairs: Vec<(f64, f64)> = linear.into_iter().zip(squares).collect();
        let mean = squares.iter().sum::<f64>();
        let deviation =
            pairs.iter().map(|(linear, square)| linear * linear + 2.0 * square * square).sum::<f64>().sqrt();

        let step = TAU / (PERIOD * deviation);
        let mut terms = Vec::new();
        let mut size = 1.0;
        while size > 1e-17 && terms.len() < MOST_TERMS {
            let number = terms.len() as f64 + 0.5;
            let t = number * step;
            let mut phase = 0.0;
            let mut logarithm = 0.0;
            for &(linear, square) in &pairs {
                let turn = 2.0 * t * square;
                let width = 1.0 + turn * turn;
                logarithm -= 0.25 * width.ln() + 0.5 * t * t * linear * linear / width;
                phase += 0.5 * turn.atan() - 0.5 * t * t * linear * linear * turn / width;
            }
            size = logarithm.exp();
            terms.push([t, size / number, phase]);
        }
        Law { mean, deviation, terms, left_out: size, shift }
    }

    /// The part of losses below `loss`, at least and at most, where normal variates are off as they may be.
    pub fn range(&self, loss: f64) -> [f64; 2] {
        let within = |part: f64| part.clamp(0.0, 1.0);
        [within(self.below(loss - self.shift) - self.left_out), within(self.below(loss + self.shift) + self.left_out)]
    }

    /// The part of losses below `loss`: the characteristic function, inverted by the midpoint rule (Davies, "Numerical
    /// inversion of a characteristic function", 1973; Rouvinez, "Going Greek with VaR", 1997).
    pub fn below(&self, loss: f64) -> f64 {
        0.5 - self.terms.iter().map(|[t, size, phase]| size * (phase - t * loss).sin()).sum::<f64>() / PI
    }

    /// The loss that a part `level` of all losses is below.
    pub fn quantile(&self, level: f64) -> f64 {
        let mut range = [-20.0, 20.0].map(|width| self.mean + width * self.deviation);
        for _ in 0..60 {
            let middle = 0.5 * (range[0] + range[1]);
            range[usize::from(self.below(middle) > level)] = middle;
        }
        range[0]
    }

    /// Value at risk at a level: what it is, and the standard error of one that is read from `scenarios` losses.
    pub fn value_at_risk(&self, level: f64, scenarios: f64) -> [f64; 2] {
        let quantile = self.quantile(level);
        let width = 0.01 * self.deviation;
        let density = (self.below(quantile + width) - self.below(quantile - width)) / (2.0 * width);
        [quantile, (level * (1.0 - level) / scenarios).sqrt() / density]
    }

    /// Expected shortfall at a level, and its standard error: the mean of losses beyond the value at risk.
    pub fn expected_shortfall(&self, level: f64, scenarios: f64) -> [f64; 2] {
        let quantile = self.quantile(level);
        // The first two moments of what is beyond, by Simpson's rule.
        const STEPS: usize = 2_000;
        let step = 20.0 * self.deviation / STEPS as f64;
        let (mut first, mut second) = (0.0, 0.0);
        for i in 0..=STEPS {
            let weight = if i == 0 || i == STEPS { 1.0 } else { 2.0 * (1 + i % 2) as f64 } * step / 3.0;
            let beyond = i as f64 * step;
            let above = 1.0 - self.below(quantile + beyond);
            first += weight * above;
            second += weight * 2.0 * beyond * above;
        }
        let share = 1.0 - level;
        let (mean, square) = (first / share, second / share);
        let variance = square - mean * mean + level * mean * mean;
        [quantile + mean, (variance / (scenarios * share)).sqrt()]
    }
}

/// The eigenvalues of a symmetric matrix, and its eigenvectors in columns, by Jacobi's rotations.
fn diagonal(mut matrix: Matrix) -> ([f64; FACTORS], Matrix) {
    let mut axes: Matrix = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
    // Each sweep squares what is left; what is zero for all digits stays so.
    for _ in 0..30 {
        for p in 0..FACTORS {
            for q in p + 1..FACTORS {
                if matrix[p][q].abs() <= 1e-18 * (matrix[p][p].abs() + matrix[q][q].abs()) {
                    continue;
                }
                let slope = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
                let tangent = slope.signum() / (slope.abs() + slope.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                let sine = tangent * cosine;
                let turn = |a: &mut f64, b: &mut f64| {
                    (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
                };
                for row in matrix.iter_mut().chain(&mut axes) {
                    let [mut a, mut b] = [row[p], row[q]];
                    turn(&mut a, &mut b);
                    [row[p], row[q]] = [a, b];
                }
                let (before, after) = matrix.split_at_mut(q);
                before[p].iter_mut().zip(&mut after[0]).for_each(|(a, b)| turn(a, b));
            }
        }
    }
    (std::array::from_fn(|i| matrix[i][i]), axes)
}

#[cfg(test)]
mod tests {
    use super::{super::super::black_scholes::normal_below, *};

    fn position(value: f32, curvature: f32, loadings: &[(usize, f32)]) -> Position {
        let mut position = Position { loadings: [[0.0; 4]; FACTORS / 4], value, curvature, pad: [0.0; 2] };
        for &(factor, loading) in loadings {
            position.loadings[factor / 4][factor % 4] = loading / UNITS as f32;
        }
        position
    }

    #[test]
    fn a_linear_portfolio_is_normal() {
        let law = Law::new(&[position(-3.0, 0.0, &[(0, 1.0)]), position(2.0, 0.0, &[(7, 2.0)])]);
        assert!((law.mean, law.deviation) == (0.0, 5.0), "{} {}", law.mean, law.deviation);
        for x in [-12.0, -1.0, 0.0, 3.0, 11.6] {
            assert!((law.below(x) - normal_below(x / 5.0)).abs() < 1e-14, "{x}");
        }
        // 2.326 standard deviations, and the density over the part beyond.
        let [risk, error] = law.value_at_risk(0.99, 1e4);
        assert!((risk - 5.0 * 2.326_347_874).abs() < 1e-8, "{risk}");
        assert!((error - 5.0 * (0.99f64 * 0.01 / 1e4).sqrt() / 0.026_652_142).abs() < 1e-4, "{error}");
        let [shortfall, _] = law.expected_shortfall(0.975, 1e4);
        assert!((shortfall - 5.0 * 2.337_802_8).abs() < 1e-5, "{shortfall}");
    }

    /// Squares of normal variates of two factors: an exponential distribution. With signs that differ, a symmetric one.
    #[test]
    fn a_curved_portfolio_is_as_its_squares_are() {
        let law = Law::new(&[position(0.0, -0.5, &[(0, 1.0)]), position(0.0, -0.5, &[(1, 1.0)])]);
        for x in [0.3f64, 1.0, 4.0] {
            let exact = 1.0 - (-x).exp();
            assert!((law.below(x) - exact).abs() < law.left_out + 1e-9, "{x}: {} {exact}", law.below(x));
        }
        // Turned into axes that are none of the factors': 2 z0 z1.
        let law = Law::new(&[position(0.0, 0.5, &[(2, 1.0), (3, 1.0)]), position(0.0, -0.5, &[(2, 1.0), (3, -1.0)])]);
        assert!(law.mean.abs() < 1e-12 && (law.deviation - 2.0).abs() < 1e-12);
        assert!((law.below(0.0) - 0.5).abs() < 1e-12);
    }
}
