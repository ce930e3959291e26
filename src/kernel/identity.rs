//! Which kernels are the same.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use rustc_hash::FxHasher;

/// What makes a kernel the one that it is, however often it is made: its text, its entry point, and the values given for
/// those override constants that it uses. Whatever is kept for a kernel is found by this.
///
/// Two are equal only if all of that is equal. The hash, worked out once, says where to look, and nothing more.
#[derive(Clone)]
pub(crate) struct Identity(Arc<Parts>);

struct Parts {
    hash: u64,
    source: Arc<str>,
    name: String,
    /// The constants by name, with the bits of their values.
    constants: BTreeMap<String, u64>,
}

impl Identity {
    pub fn new(source: &Arc<str>, name: &str, constants: &BTreeMap<String, f64>) -> Identity {
        let constants = constants.iter().map(|(name, value)| (name.clone(), value.to_bits())).collect();
        let mut hasher = FxHasher::default();
        (source, name, &constants).hash(&mut hasher);
        Identity(Arc::new(Parts {
            hash: hasher.finish(),
            source: Arc::clone(source),
            name: name.to_owned(),
            constants,
        }))
    }

    /// The WGSL text.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The entry point.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The constants by name, with the bits of their values.
    pub fn constants(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.constants.iter().map(|(name, bits)| (name.as_str(), *bits))
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        let same_parts = |a: &Parts, b: &Parts| {
            let same_text = Arc::ptr_eq(&a.source, &b.source) || a.source == b.source;
            a.hash == b.hash && a.name == b.name && a.constants == b.constants && same_text
        };
        Arc::ptr_eq(&self.0, &other.0) || same_parts(&self.0, &other.0)
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

/// The entry point with the constants given: `blur`, or `blur (N = 4, SCALE = 0.5)`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name)?;
        for (place, (name, bits)) in self.0.constants.iter().enumerate() {
            let front = if place == 0 { " (" } else { ", " };
            write!(f, "{front}{name} = {}", f64::from_bits(*bits))?;
        }
        f.write_str(if self.0.constants.is_empty() { "" } else { ")" })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{Kernel, Module};

    const WGSL: &str = "
        @id(7) override N: u32 = 4;
        override UNUSED: u32 = 4;
        @group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(N) fn k() { y[0] = N; }
        @compute @workgroup_size(N) fn other() { y[0] = N; }";

    fn kernel(name: &str, constants: &[(&str, u32)]) -> Kernel {
        let kernel = Module::parse(WGSL).and_then(|module| module.kernel(name));
        let given = constants.iter().fold(kernel, |kernel, &(name, value)| kernel?.with_const(name, value));
        given.unwrap_or_else(|error| panic!("{error}"))
    }

    fn identity(name: &str, constants: &[(&str, u32)]) -> Identity {
        kernel(name, constants).inner.identity.clone()
    }

    #[test]
    fn text_entry_point_and_constants_count() {
        let plain = identity("k", &[]);
        assert!(plain == identity("k", &[]), "made twice from equal text");
        assert!(plain != identity("other", &[]));
        let text = WGSL.replace("y[0] = N;", "y[0] = N + 1u;");
        let changed = Module::parse(&text).and_then(|module| module.kernel("k")).unwrap_or_else(|e| panic!("{e}"));
        assert!(plain != changed.inner.identity);
        assert!(plain != identity("k", &[("N", 8)]));
        assert!(identity("k", &[("N", 8)]) == identity("k", &[("7", 8)]), "a name and an @id are one constant");
        assert!(plain == identity("k", &[("UNUSED", 9)]), "what the kernel does not use does not count");
    }

    #[test]
    fn of_two_values_for_one_constant_the_last_counts() {
        let eight = identity("k", &[("N", 2), ("7", 8)]);
        let two = identity("k", &[("7", 8), ("N", 2)]);
        assert!(eight == identity("k", &[("N", 8)]) && two == identity("k", &[("N", 2)]));
        assert!(eight != two);
        assert_eq!(kernel("k", &[("N", 2), ("7", 8)]).workgroup_size(), [8, 1, 1]);
    }

    #[test]
    fn equal_hashes_are_not_sameness() {
        let with = |source: &str, name: &str, n: f64| {
            let constants = BTreeMap::from([("N".to_owned(), n.to_bits())]);
            Identity(Arc::new(Parts { hash: 1, source: source.into(), name: name.to_owned(), constants }))
        };
        let all = [with("a", "k", 1.0), with("b", "k", 1.0), with("a", "l", 1.0), with("a", "k", 2.0)];
        let set: HashSet<Identity> = all.iter().cloned().collect();
        assert_eq!(set.len(), all.len());
        assert!(set.contains(&with("a", "k", 2.0)) && !set.contains(&with("b", "k", 2.0)));
    }

    #[test]
    fn it_reads_as_the_call_was_written() {
        assert_eq!(identity("k", &[]).to_string(), "k");
        assert_eq!(identity("k", &[("7", 8)]).to_string(), "k (N = 8)");
    }
}
