//! y = a x + y over far more than the caches hold: how fast memory is with this mix of reads and writes.

use rayon::prelude::*;

use crate::{
    Kernel,
    inputs::{STREAM, STREAM_FACTOR},
    lanes::{float_bytes, mul_add},
};

/// Elements that a thread takes at a time.
const CHUNK: usize = 1 << 18;

fn vectors() -> (Vec<f32>, Vec<f32>) {
    // Written by the threads, so that the pages are there.
    let filled = |value: f32| (0..STREAM).into_par_iter().map(|_| value).collect();
    (filled(1.0), filled(2.0))
}

/// A plain loop.
pub struct Plain {
    x: Vec<f32>,
    y: Vec<f32>,
}

impl Plain {
    pub fn new() -> Self {
        let (x, y) = vectors();
        Plain { x, y }
    }
}

impl Kernel for Plain {
    fn run(&mut self) {
        self.y.par_chunks_mut(CHUNK).zip(self.x.par_chunks(CHUNK)).for_each(|(y, x)| {
            for (y, x) in y.iter_mut().zip(x) {
                *y = mul_add(STREAM_FACTOR, *x, *y);
            }
        });
    }

    fn result(&self) -> Vec<u8> {
        float_bytes(&self.y)
    }
}

/// Four AVX vectors in a turn of the loop, whatever the build is for.
pub struct Unrolled(Plain);

impl Unrolled {
    pub fn new() -> Result<Self, String> {
        if supported() { Ok(Unrolled(Plain::new())) } else { Err("this processor has no AVX2 and FMA".to_owned()) }
    }
}

impl Kernel for Unrolled {
    fn run(&mut self) {
        let Plain { x, y } = &mut self.0;
        y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| add(x, y));
    }

    fn result(&self) -> Vec<u8> {
        self.0.result()
    }
}

#[cfg(target_arch = "x86_64")]
fn supported() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[cfg(not(target_arch = "x86_64"))]
fn supported() -> bool {
    false
}

/// y += a x.
#[cfg(target_arch = "x86_64")]
fn add(x: &[f32], y: &mut [f32]) {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps};

    #[target_feature(enable = "avx2,fma")]
    fn vectors(x: &[[f32; 32]], y: &mut [[f32; 32]]) {
        let factor = _mm256_set1_ps(STREAM_FACTOR);
        for (x, y) in x.iter().zip(y) {
            for (x, y) in x.as_chunks::<8>().0.iter().zip(y.as_chunks_mut::<8>().0) {
                // SAFETY: each pointer is to eight floats, as its array's type says, and no alignment is asked for.
                unsafe {
                    let sum = _mm256_fmadd_ps(factor, _mm256_loadu_ps(x.as_ptr()), _mm256_loadu_ps(y.as_ptr()));
                    _mm256_storeu_ps(y.as_mut_ptr(), sum);
                }
            }
        }
    }

    let (x, x_rest) = x.as_chunks();
    let (y, y_rest) = y.as_chunks_mut();
    // SAFETY: an `Unrolled` is only made where the processor has both features.
    unsafe { vectors(x, y) };
    for (y, x) in y_rest.iter_mut().zip(x_rest) {
        *y = mul_add(STREAM_FACTOR, *x, *y);
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn add(_x: &[f32], _y: &mut [f32]) {
    unreachable!("an `Unrolled` is only made on x86-64");
}
