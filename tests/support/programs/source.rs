//! Where choices come from: a seed, or a list of bytes.

/// A source of choices. Where a list ends, every choice is the first one, which generators make the simplest: so a shorter
/// list makes a smaller program.
pub enum Source<'a> {
    /// Numbers from a seed (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    Seed(u64),
    Bytes(&'a [u8]),
}

impl Source<'_> {
    /// Any number.
    pub fn word(&mut self) -> u32 {
        match self {
            Source::Seed(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = *state;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (z ^ (z >> 31)) as u32
            }
            Source::Bytes(_) => u32::from_le_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    fn byte(&mut self) -> u8 {
        match self {
            Source::Seed(_) => self.word() as u8,
            Source::Bytes(bytes) => match bytes.split_first() {
                Some((&first, rest)) => {
                    *bytes = rest;
                    first
                }
                None => 0,
            },
        }
    }

    /// A number below `n`. A list gives one byte for it where that is enough.
    pub fn below(&mut self, n: usize) -> usize {
        let number = if n <= 256 { u32::from(self.byte()) } else { self.word() };
        number as usize % n
    }

    /// `true` in so many of a hundred cases, and not where the list has ended.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
