//! Choices for generated tests: from a seed, or from a list of bytes.

use std::collections::VecDeque;

/// A source of choices.
///
/// Where a list of bytes ends, every choice is the first one, which generators make the simplest: so a shorter list makes
/// a smaller program.
pub struct Random(Source);

enum Source {
    /// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    Seed(u64),
    Bytes(VecDeque<u8>),
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(Source::Seed(seed))
    }

    /// The choices that a fuzzer makes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Random(Source::Bytes(bytes.iter().copied().collect()))
    }

    pub fn next(&mut self) -> u64 {
        match &mut self.0 {
            Source::Seed(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = *state;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            }
            Source::Bytes(bytes) => u64::from_le_bytes(std::array::from_fn(|_| bytes.pop_front().unwrap_or(0))),
        }
    }

    /// A number from 0 to `n - 1`. A list gives one byte for it where that is enough.
    pub fn below(&mut self, n: usize) -> usize {
        match &mut self.0 {
            Source::Bytes(bytes) if n <= 256 => usize::from(bytes.pop_front().unwrap_or(0)) % n,
            _ => (self.next() % n as u64) as usize,
        }
    }

    /// True in so many of a hundred cases; false where a list has ended.
    pub fn chance(&mut self, percent: usize) -> bool {
        let number = self.below(100);
        match self.0 {
            Source::Seed(_) => number < percent,
            Source::Bytes(_) => number >= 100 - percent,
        }
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
