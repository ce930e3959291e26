//! Simulated members under a virtual clock: how the claim policy is tested on machines that nobody has.
//!
//! A simulated member follows a [`Law`] that the policy knows nothing of: it sees claims and times alone. A claim passes
//! three stages, to the device, computation and back, each in the order of the claims; as many are in flight as the
//! member's depth allows. What comes of it is compared with an `ideal` that no schedule can beat.

mod draw;
mod ideal;
mod law;
mod machine;
mod recorded;
mod study;

pub use draw::{Setting, changing, thousand};
pub use ideal::ideal;
pub use law::{Drift, Law, Link, Sizes};
pub use machine::{Call, Outcome, Simulation};
pub use recorded::{RECORDED, Recorded};
pub use study::{Shares, Study, in_hindsight, in_place, known_roughly};

/// Random numbers of a simulation: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
/// 2014).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// The next number, from 0 to 1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Between two numbers, evenly.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Between two positive numbers, their logarithm evenly.
    pub fn log_between(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    /// An integer below `sides`.
    pub fn below(&mut self, sides: u32) -> u32 {
        (self.unit() * f64::from(sides)) as u32
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}
