//! Names of kernels and devices that are the same in every process.

use std::fmt;

use crate::kernel::Kernel;

/// A hash of 128 bits that depends on nothing but what was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u128);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Fingerprint {
    /// Of some texts in their order; where one ends and the next begins counts.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Fingerprint {
        let mut hasher = Hasher128::default();
        texts.into_iter().for_each(|text| hasher.add(text));
        hasher.finish()
    }
}

/// FNV-1a of 128 bits (Fowler, Noll and Vo; RFC 9923): the same on every machine, and not meant to withstand malice.
#[derive(Clone, Copy, Debug)]
pub struct Hasher128(u128);

impl Default for Hasher128 {
    fn default() -> Self {
        Hasher128(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Hasher128 {
    /// Adds a text, and how long it is.
    pub fn add(&mut self, text: &[u8]) {
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
    }

    pub fn finish(self) -> Fingerprint {
        Fingerprint(self.0)
    }
}

impl Kernel {
    /// The kernel's name for what is learned: its text, its entry point and the values of its constants.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        struct Kept(Fingerprint);
        let identity = &self.inner.identity;
        let make = || {
            let mut hasher = Hasher128::default();
            hasher.add(identity.source().as_bytes());
            hasher.add(identity.name().as_bytes());
            for (name, bits) in identity.constants() {
                hasher.add(name.as_bytes());
                hasher.add(&bits.to_le_bytes());
            }
            Ok::<_, std::convert::Infallible>(Kept(hasher.finish()))
        };
        match self.inner.memo.get_or_try_make(make) {
            Ok(kept) => kept.0,
            Err(never) => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Module;

    #[test]
    fn it_is_fnv_1a() {
        // The test vectors of the RFC, which hash bytes and no lengths.
        let hash = |text: &str| {
            let mut hasher = Hasher128::default();
            hasher.bytes(text.as_bytes());
            hasher.finish().0
        };
        assert_eq!(hash(""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(hash("a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(hash("foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    #[test]
    fn text_entry_point_and_constants_count() {
        let wgsl = "override N: u32 = 4;
            @group(0) @binding(0) var<storage, read_write> y: array<u32>;
            @compute @workgroup_size(1) fn a() { y[0] = N; }
            @compute @workgroup_size(1) fn b() { y[0] = N; }";
        let kernel = |text: &str, name: &str| {
            Module::parse(text).and_then(|module| module.kernel(name)).unwrap_or_else(|error| panic!("{error}"))
        };
        let plain = kernel(wgsl, "a").fingerprint();
        assert_eq!(plain, kernel(wgsl, "a").fingerprint());
        assert_ne!(plain, kernel(wgsl, "b").fingerprint());
        assert_ne!(plain, kernel(&wgsl.replace("= N;", "= N + 1u;"), "a").fingerprint());
        let with = |value: u32| kernel(wgsl, "a").with_const("N", value).unwrap_or_else(|error| panic!("{error}"));
        assert_ne!(plain, with(8).fingerprint());
        assert_ne!(with(8).fingerprint(), with(9).fingerprint());
        // The same in every process and build: what files hold must be found again.
        assert_eq!(plain.to_string().len(), 32);
        assert_ne!(Fingerprint::of([&b"ab"[..], b"c"]), Fingerprint::of([&b"a"[..], b"bc"]));
    }
}
