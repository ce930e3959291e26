//! Embeddings, made or read from a file.

use std::path::Path;

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::super::read;
use crate::Result;

/// The most coordinates of a vector.
pub(super) const MOST_DIMENSION: usize = 4096;

/// The most vectors of a file, for each is compared with each.
const MOST_ROWS: usize = 1 << 16;

/// The lengths that vectors may have, so that no square of a coordinate that matters is too small or too large.
const LENGTHS: std::ops::RangeInclusive<f64> = 1e-12..=1e12;

/// Vectors, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Vectors {
    pub dimension: usize,
    pub values: Vec<f32>,
}

impl Vectors {
    pub fn count(&self) -> usize {
        self.values.len() / self.dimension
    }

    pub fn row(&self, index: usize) -> Option<&[f32]> {
        self.values.get(index.checked_mul(self.dimension)?..)?.get(..self.dimension)
    }

    /// A database and queries as embeddings are: around a few middles, of different lengths. Some are there twice, as what is
    /// collected mostly has.
    pub fn made(counts: [usize; 2], dimension: usize, seed: u64) -> (Vectors, Vectors) {
        let mut random = SmallRng::seed_from_u64(seed);
        let middles: Vec<Vec<f32>> =
            (0..50).map(|_| (0..dimension).map(|_| random.random_range(-1.0..1.0)).collect()).collect();
        let [database, queries] = counts.map(|count| {
            let mut values: Vec<f32> = Vec::with_capacity(count * dimension);
            for row in 0..count {
                if row > 0 && random.random_range(0..50) == 0 {
                    let twin = random.random_range(0..row) * dimension;
                    values.extend_from_within(twin..twin + dimension);
                    continue;
                }
                let middle = &middles[random.random_range(0..middles.len())];
                let length = random.random_range(0.5f32..2.0);
                values.extend(middle.iter().map(|value| length * (value + random.random_range(-0.7f32..0.7))));
            }
            Vectors { dimension, values }
        });
        (database, queries)
    }

    /// The rows of an array.
    pub fn read(path: &Path) -> Result<Vectors> {
        let read::Array { shape, values } = read::npy(path)?;
        let [rows, dimension] = shape[..] else {
            let help = "give an array of shape (vectors, coordinates)";
            return Err(read::refuse(path, format!("its shape is {shape:?}"), help));
        };
        if !(1..=MOST_ROWS).contains(&rows) || !(1..=MOST_DIMENSION).contains(&dimension) {
            let problem = format!("it has {rows} vectors of {dimension} coordinates");
            let help = format!("give 1 to {MOST_ROWS} vectors of 1 to {MOST_DIMENSION} coordinates");
            return Err(read::refuse(path, problem, help));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let problem = format!("row {}, column {} holds {}", at / dimension, at % dimension, values[at]);
            return Err(read::refuse(path, problem, "replace what is not finite first"));
        }
        let vectors = Vectors { dimension, values };
        for (number, row) in vectors.values.chunks(dimension).enumerate() {
            let length = length(row);
            if !LENGTHS.contains(&length) {
                let problem = format!("row {number}: a vector of length {length:e}, which has no direction to compare");
                let help =
                    format!("leave it out, or scale it to a length from {:e} to {:e}", LENGTHS.start(), LENGTHS.end());
                return Err(read::refuse(path, problem, help));
            }
        }
        Ok(vectors)
    }
}

/// The length of a vector.
pub(super) fn length(row: &[f32]) -> f64 {
    row.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt()
}

/// The cosine of the angle between two vectors.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot: f64 = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    dot / (length(a) * length(b))
}
