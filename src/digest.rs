//! Hashes that are the same in every process, on every machine and in every version.

use twox_hash::xxhash3_128::Hasher;

/// A hash of 128 bits (XXH3) over numbers and texts in their order. It tells contents apart that differ by accident; it is
/// not meant to withstand malice.
pub(crate) struct Digest(Hasher);

impl Digest {
    pub fn new() -> Digest {
        Digest(Hasher::new())
    }

    /// Of some bytes.
    pub fn of(bytes: &[u8]) -> u128 {
        Hasher::oneshot(bytes)
    }

    pub fn number(mut self, number: u64) -> Digest {
        self.0.write(&number.to_le_bytes());
        self
    }

    pub fn wide(mut self, number: u128) -> Digest {
        self.0.write(&number.to_le_bytes());
        self
    }

    /// Bytes, and how many there are.
    pub fn text(mut self, text: &[u8]) -> Digest {
        self.add(&(text.len() as u64).to_le_bytes());
        self.add(text);
        self
    }

    /// Bytes alone.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    pub fn finish(&self) -> u128 {
        self.0.finish_128()
    }
}

/// A sum of 64 bits (FNV-1a; RFC 9923) that tells whether a file of ours is damaged.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Journals outlive the build that wrote them.
    #[test]
    fn it_is_the_same_for_ever() {
        // From the specification's reference implementation.
        assert_eq!(Digest::of(b""), 0x99aa_06d3_0147_98d8_6001_c324_468d_497f);
        assert_eq!(Digest::new().finish(), Digest::of(b""));
        let mut parts = Digest::new();
        parts.add(b"ab");
        parts.add(b"c");
        assert_eq!(parts.finish(), Digest::of(b"abc"));
        // From the RFC.
        assert_eq!(checksum(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(checksum(b"foobar"), 0x8594_4171_f739_67e8);
        assert_ne!(Digest::new().text(b"ab").text(b"c").finish(), Digest::new().text(b"a").text(b"bc").finish());
    }
}
