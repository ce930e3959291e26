//! A radio recording: what a receiver hears of a band, as complex samples.

use std::f64::consts::{PI, TAU};

use num_complex::Complex;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rayon::prelude::*;

/// A band with some that transmit in it. Frequencies are in turns a sample, from -1/2 to 1/2.
struct Band {
    /// Samples of the recording.
    end: f64,
    /// Where a carrier is whose frequency swings to and fro, and how often it does.
    swinging: [f64; 2],
    /// Where sweeps begin, and how many there are.
    sweeping: [f64; 2],
    /// Where a carrier is that is keyed, and how often.
    keyed: [f64; 2],
    /// Where a satellite passes that first comes nearer.
    passing: f64,
    /// Frequencies of a transmitter that hops.
    hops: Vec<f64>,
}

/// Strength of the noise, beside which a transmitter has 1.
const NOISE: f32 = 0.1;

/// A recording cut into frames, each faded in and out by a Hann window.
pub(super) fn recording(frames: usize, length: usize, seed: u64) -> Vec<Complex<f32>> {
    let mut random = SmallRng::seed_from_u64(seed);
    let band = Band {
        end: (frames * length) as f64,
        swinging: [random.random_range(-0.40..-0.34), random.random_range(3.0..6.0)],
        sweeping: [random.random_range(0.02..0.06), random.random_range(3.0..6.0f64).round()],
        keyed: [random.random_range(0.24..0.27), random.random_range(20.0..40.0)],
        passing: random.random_range(0.36..0.40),
        hops: (0..64).map(|_| random.random_range(-0.25..-0.05)).collect(),
    };
    let window: Vec<f32> = (0..length).map(|i| (PI * (i as f64 + 0.5) / length as f64).sin().powi(2) as f32).collect();
    let mut signal = vec![Complex::default(); frames * length];
    signal.par_chunks_mut(length).enumerate().for_each(|(frame, samples)| {
        let mut random = SmallRng::seed_from_u64(seed.wrapping_add(frame as u64 + 1));
        for (i, (sample, window)) in samples.iter_mut().zip(&window).enumerate() {
            let heard = band.at((frame * length + i) as f64);
            let mut noise = || NOISE * random.random_range(-1.0f32..1.0);
            let noise = Complex::new(noise(), noise());
            *sample = (Complex::new(heard.re as f32, heard.im as f32) + noise) * window;
        }
    });
    signal
}

impl Band {
    /// What is heard at a time, in samples.
    fn at(&self, time: f64) -> Complex<f64> {
        // How much of the recording is over.
        let part = time / self.end;
        let carrier = |turns: f64| Complex::from_polar(1.0, TAU * turns.fract());
        let [middle, swings] = self.swinging;
        // The integral of a frequency that is off by 0.04 at most.
        let swinging = middle * time - 0.04 * self.end / (TAU * swings) * (TAU * swings * part).cos();
        let [first, sweeps] = self.sweeping;
        let since = time - (part * sweeps).floor() * self.end / sweeps;
        let sweeping = first * since + 0.5 * 0.15 * sweeps / self.end * since * since;
        let [place, keys] = self.keyed;
        let key = f64::from(u8::from((part * keys).fract() < 0.6));
        let slope = 8.0;
        let passing = self.passing * time - 0.05 * self.end / slope * (slope * (part - 0.5)).cosh().ln();
        let hop = self.hops[((part * self.hops.len() as f64) as usize).min(self.hops.len() - 1)];
        carrier(swinging)
            + carrier(sweeping)
            + carrier(hop * time)
            + carrier(place * time) * key
            + carrier(passing) * 0.3
    }
}
