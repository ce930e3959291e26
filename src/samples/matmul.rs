//! `matmul`: C = A B.

use std::{path::Path, sync::OnceLock, time::Duration};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use rayon::prelude::*;

use super::{
    Check, Problem, ROUNDING, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, timed, verdict::Deviation,
};
use crate::{Buffer, Call, Device, DeviceChoice, Kernel, Result, Runtime};

const WGSL: &str = include_str!("../../shaders/matmul.wgsl");

/// Rows and columns of C that a workgroup makes.
const BLOCK: usize = 64;

/// The sample.
pub struct Matmul;

impl Sample for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn field(&self) -> &'static str {
        "machine learning"
    }

    fn summary(&self) -> &'static str {
        "the product of two matrices"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "rows and columns of each matrix", small: 67, default: 512, large: 4096, max: 1 << 15 }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["npy"]
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        let n = self.sizes().resolve(size)?;
        Ok(Box::new(Matrices::new(Dimensions { m: n, n, k: n }, seed)))
    }
}

/// C has `m` rows and `n` columns, A has `k` columns and B has `k` rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dimensions {
    pub m: usize,
    pub n: usize,
    pub k: usize,
}

impl Dimensions {
    fn groups(self) -> [usize; 2] {
        [self.n.div_ceil(BLOCK), self.m.div_ceil(BLOCK)]
    }
}

/// A product of an `m` x `k` and a `k` x `n` matrix of numbers between -1 and 1, made from `seed`.
/// [`Sample::prepare`] makes square ones.
///
/// # Errors
///
/// When a dimension is zero or more than [`Sizes::max`].
pub fn rectangular(m: usize, n: usize, k: usize, seed: u64) -> Result<Box<dyn Problem>> {
    let sizes = Matmul.sizes();
    let checked = |dimension| sizes.resolve(Size::Count(dimension));
    Ok(Box::new(Matrices::new(Dimensions { m: checked(m)?, n: checked(n)?, k: checked(k)? }, seed)))
}

struct Matrices {
    shape: Dimensions,
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
    expected: OnceLock<Expected>,
}

/// What C must be.
struct Expected {
    /// A B.
    product: Vec<f64>,
    /// |A| |B|, the magnitudes multiplied, which rounding errors are proportional to.
    magnitude: Vec<f64>,
}

impl Matrices {
    fn new(shape: Dimensions, seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut matrix = |rows, columns| (0..rows * columns).map(|_| random.random_range(-1.0f32..1.0)).collect();
        Matrices {
            shape,
            a: matrix(shape.m, shape.k),
            b: matrix(shape.k, shape.n),
            c: vec![0.0; shape.m * shape.n],
            expected: OnceLock::new(),
        }
    }

    fn expected(&self) -> &Expected {
        self.expected.get_or_init(|| {
            let f64s = |matrix: &[f32]| matrix.iter().copied().map(f64::from).collect::<Vec<_>>();
            let magnitudes = |matrix: &[f64]| matrix.iter().map(|x| x.abs()).collect::<Vec<_>>();
            let (a, b) = (f64s(&self.a), f64s(&self.b));
            Expected {
                product: product(self.shape, &a, &b),
                magnitude: product(self.shape, &magnitudes(&a), &magnitudes(&b)),
            }
        })
    }

    /// The largest relative error of a sum of `k` products in any order, each product and each sum rounded
    /// at most once.
    fn gamma(&self) -> f64 {
        let rounding = self.shape.k as f64 * ROUNDING;
        rounding / (1.0 - rounding)
    }

    fn set_shape<'a>(&self, call: Call<'a>) -> Call<'a> {
        call.set("params.m", self.shape.m as u32)
            .set("params.n", self.shape.n as u32)
            .set("params.k", self.shape.k as u32)
    }
}

/// A B in f64.
pub(super) fn product(Dimensions { m, n, k }: Dimensions, a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut c = vec![0.0; m * n];
    assert!(a.len() == m * k && b.len() == k * n);
    // SAFETY: the strides are those of dense matrices, rows first, of the lengths just checked.
    unsafe {
        let (row, one) = (n as isize, 1);
        matrixmultiply::dgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            k as isize,
            one,
            b.as_ptr(),
            row,
            one,
            0.0,
            c.as_mut_ptr(),
            row,
            one,
        );
    }
    c
}

impl Problem for Matrices {
    fn describe(&self) -> String {
        let Dimensions { m, n, k } = self.shape;
        format!("{m} x {k} times {k} x {n}")
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let kernel = runtime.module(WGSL)?.only_kernel()?;
        let call = self.set_shape(runtime.call(&kernel));
        let report = call
            .read("a", &self.a)
            .read("b", &self.b)
            .write("c", &mut self.c)
            .workgroups(self.shape.groups())
            .device(devices)
            .run()?;
        Ok(Tally::from(&report))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        Ok(Box::new(OnDevice {
            kernel: runtime.module(WGSL)?.only_kernel()?,
            a: runtime.buffer_on(device, &self.a)?,
            b: runtime.buffer_on(device, &self.b)?,
            c: runtime.buffer_zeroed_on(device, self.c.len())?,
            runtime: runtime.clone(),
            problem: self,
        }))
    }

    /// The crate `matrixmultiply`, with its own threads (at most four).
    fn native(&mut self) -> Duration {
        let Dimensions { m, n, k } = self.shape;
        let (a, b, c) = (&self.a, &self.b, &mut self.c);
        assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n);
        timed(|| {
            // SAFETY: the strides are those of dense matrices, rows first, of the lengths just checked.
            unsafe {
                let (row, one) = (n as isize, 1);
                matrixmultiply::sgemm(
                    m,
                    k,
                    n,
                    1.0,
                    a.as_ptr(),
                    k as isize,
                    one,
                    b.as_ptr(),
                    row,
                    one,
                    0.0,
                    c.as_mut_ptr(),
                    row,
                    one,
                );
            }
        })
    }

    fn verify(&self) -> Verdict {
        let Expected { product, magnitude } = self.expected();
        let norm = |values: &[f64]| values.par_iter().map(|x| x * x).sum::<f64>().sqrt();
        let off: Vec<f64> = self.c.par_iter().zip(product).map(|(&c, exact)| f64::from(c) - exact).collect();
        let worst = off
            .par_iter()
            .zip(magnitude)
            .map(|(off, magnitude)| Deviation { error: off.abs(), tolerance: self.gamma() * magnitude })
            .reduce(|| Deviation::NONE, Deviation::worse);
        Verdict {
            checks: vec![
                Check {
                    what: "C against the product in f64",
                    error: norm(&off) / norm(product),
                    tolerance: self.gamma() * norm(magnitude) / norm(product),
                    measure: "relative Frobenius norm",
                    reason: "k 2^-24 of |A| |B|: what k roundings can do, in any order of the sum",
                },
                Check {
                    what: "each element of C",
                    error: worst.error,
                    tolerance: worst.tolerance,
                    measure: "absolute",
                    reason: "k 2^-24 of |A| |B|: what k roundings can do, in any order of the sum",
                },
            ],
        }
    }

    fn work(&self) -> Work {
        let [m, n, k] = [self.shape.m, self.shape.n, self.shape.k].map(|dimension| dimension as u64);
        Work {
            operations: 2 * m * n * k,
            counted: "a multiplication and an addition for each of m n k products",
            bytes: 4 * (m * k + k * n + m * n),
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        draw::extension(path, Matmul.draws())?;
        draw::write_npy(path, &self.c, &[self.shape.m, self.shape.n])
    }

    fn corrupt(&mut self, seed: u64) {
        let i = seed as usize % self.c.len();
        let Expected { product, magnitude } = self.expected();
        let (exact, tolerance) = (product[i], self.gamma() * magnitude[i]);
        let value = &mut self.c[i];
        *value = (exact + tolerance) as f32;
        while (f64::from(*value) - exact).abs() <= tolerance {
            *value = value.next_up();
        }
    }
}

struct OnDevice<'p> {
    problem: &'p mut Matrices,
    runtime: Runtime,
    kernel: Kernel,
    a: Buffer<f32>,
    b: Buffer<f32>,
    c: Buffer<f32>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        let call = self.problem.set_shape(self.runtime.call(&self.kernel));
        let report = call
            .read("a", &self.a)
            .read("b", &self.b)
            .write("c", &self.c)
            .workgroups(self.problem.shape.groups())
            .run()?;
        Ok(Tally::from(&report))
    }

    fn fetch(&mut self) -> Result<()> {
        self.c.download_into(&mut self.problem.c)
    }
}
