//! Names of kernels and devices that are the same in every process.

use std::fmt;

use crate::{digest::Digest, kernel::Kernel};

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
        Fingerprint(texts.into_iter().fold(Digest::new(), Digest::text).finish())
    }
}

impl Kernel {
    /// The kernel's name in files: its text, its entry point and the values of its constants.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        struct Kept(Fingerprint);
        let identity = &self.inner.identity;
        let make = || {
            let digest = Digest::new().text(identity.source().as_bytes()).text(identity.name().as_bytes());
            let add = |digest: Digest, (name, bits): (&str, _)| digest.text(name.as_bytes()).number(bits);
            let digest = identity.constants().fold(digest, add);
            Ok::<_, std::convert::Infallible>(Kept(Fingerprint(digest.finish())))
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
