//! Kernels that memory or caches limit.

use rayon::prelude::*;

use crate::{
    Kernel,
    inputs::{self, BINS, DIFFUSION, ELEMENTS, FACTOR, SIDE},
    lanes::{float_bytes, integer_bytes, mul_add},
};

/// Elements that a thread takes at a time.
const CHUNK: usize = 1 << 16;

/// y = a x + y.
pub struct Saxpy {
    x: Vec<f32>,
    y: Vec<f32>,
}

impl Saxpy {
    pub fn new() -> Self {
        Saxpy { x: inputs::floats(1, ELEMENTS, 0.0, 1.0), y: inputs::floats(2, ELEMENTS, 0.0, 1.0) }
    }
}

impl Kernel for Saxpy {
    fn run(&mut self) {
        self.y.par_chunks_mut(CHUNK).zip(self.x.par_chunks(CHUNK)).for_each(|(y, x)| {
            for (y, x) in y.iter_mut().zip(x) {
                *y = mul_add(FACTOR, *x, *y);
            }
        });
    }

    fn result(&self) -> Vec<u8> {
        float_bytes(&self.y)
    }
}

/// A step of the heat equation in two dimensions, its edges clamped.
pub struct Heat {
    x: Vec<f32>,
    y: Vec<f32>,
}

impl Heat {
    pub fn new() -> Self {
        Heat { x: inputs::floats(3, SIDE * SIDE, 0.0, 1.0), y: vec![0.0; SIDE * SIDE] }
    }
}

impl Kernel for Heat {
    fn run(&mut self) {
        let row = |row: usize| &self.x[row * SIDE..(row + 1) * SIDE];
        self.y.par_chunks_mut(SIDE).enumerate().for_each(|(at, out)| {
            let (up, here, down) = (row(at.saturating_sub(1)), row(at), row((at + 1).min(SIDE - 1)));
            let step = |left: f32, centre: f32, right: f32, up: f32, down: f32| {
                mul_add(DIFFUSION, mul_add(-4.0, centre, left + right + up + down), centre)
            };
            let last = SIDE - 1;
            out[0] = step(here[0], here[0], here[1], up[0], down[0]);
            let vertical = up[1..last].iter().zip(&down[1..last]);
            for ((out, around), (up, down)) in out[1..last].iter_mut().zip(here.windows(3)).zip(vertical) {
                *out = step(around[0], around[1], around[2], *up, *down);
            }
            out[last] = step(here[last - 1], here[last], here[last], up[last], down[last]);
        });
    }

    fn result(&self) -> Vec<u8> {
        float_bytes(&self.y)
    }
}

/// The sum of all elements.
pub struct Reduce {
    x: Vec<f32>,
    sum: f32,
}

impl Reduce {
    pub fn new() -> Self {
        Reduce { x: inputs::floats(4, ELEMENTS, 0.0, 1.0), sum: 0.0 }
    }
}

impl Kernel for Reduce {
    /// No sum has more than 1024 additions on its path: 512 of a lane, 32 lanes, 256 chunks.
    fn run(&mut self) {
        const LANES: usize = 32;
        self.sum = self
            .x
            .par_chunks(LANES * 512)
            .map(|chunk| {
                let mut sums = [0.0_f32; LANES];
                for row in chunk.as_chunks::<LANES>().0 {
                    for (sum, x) in sums.iter_mut().zip(row) {
                        *sum += x;
                    }
                }
                sums.iter().sum::<f32>()
            })
            .sum();
    }

    fn result(&self) -> Vec<u8> {
        float_bytes(&[self.sum])
    }
}

/// Counts of the low bytes.
pub struct Histogram {
    x: Vec<u32>,
    counts: [u32; BINS],
}

impl Histogram {
    pub fn new() -> Self {
        Histogram { x: inputs::integers(5, ELEMENTS), counts: [0; BINS] }
    }
}

impl Kernel for Histogram {
    fn run(&mut self) {
        // Four tables, so that a count seldom waits for the one before it.
        let empty = || [[0_u32; BINS]; 4];
        let tables = self
            .x
            .par_chunks(CHUNK)
            .fold(empty, |mut tables, chunk| {
                for four in chunk.as_chunks::<4>().0 {
                    for (table, x) in tables.iter_mut().zip(four) {
                        table[(x & 255) as usize] += 1;
                    }
                }
                tables
            })
            .reduce(empty, |mut all, tables| {
                for (all, table) in all.as_flattened_mut().iter_mut().zip(tables.as_flattened()) {
                    *all += table;
                }
                all
            });
        for table in tables {
            for (count, more) in self.counts.iter_mut().zip(table) {
                *count += more;
            }
        }
    }

    fn result(&self) -> Vec<u8> {
        integer_bytes(&self.counts)
    }
}
