//! An append-only log of records, as RFC 9162 has it: a tree of digests, and proofs about it.
//!
//! Whoever knows the root of a log can be shown one of its records with its salt and a
//! [proof of membership](Log::membership), and sees nothing of the others. Whoever knew the root of the log when it was
//! shorter can be shown, by a [proof of consistency](Log::consistency), that all records of then are still there, in the
//! same order. No ledger that many keep, and nothing of value, is needed for either.

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// The digest of a leaf: of a byte 0, the salt and the record.
pub fn leaf(salt: &[u8; 32], record: &[u8]) -> Digest {
    Sha256::new().chain_update([0]).chain_update(salt).chain_update(record).finalize().into()
}

/// The digest of a node: of a byte 1 and the two below.
pub fn node(left: &Digest, right: &Digest) -> Digest {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The digests of a log: those of the leaves, then level by level those of pairs, up to the root. An odd one at the end of
/// a level is handed on as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    levels: Vec<Vec<Digest>>,
}

impl Log {
    /// A log of these levels, leaves first, each half as long as the one below, rounded up.
    pub(super) fn new(levels: Vec<Vec<Digest>>) -> Log {
        Log { levels }
    }

    /// Records in it.
    pub fn size(&self) -> usize {
        self.levels[0].len()
    }

    /// What stands for all of it.
    pub fn root(&self) -> Digest {
        self.levels[self.levels.len() - 1][0]
    }

    /// The digest of a leaf.
    ///
    /// # Panics
    ///
    /// When there is no such record.
    pub fn leaf(&self, index: usize) -> Digest {
        self.levels[0][index]
    }

    /// The digests that lead from a leaf to the root, lowest first (RFC 9162, section 2.1.3.1).
    ///
    /// # Panics
    ///
    /// When there is no such record.
    pub fn membership(&self, index: usize) -> Vec<Digest> {
        assert!(index < self.size(), "there are {} records, and none at {index}", self.size());
        // One that is handed on has no sibling.
        self.levels.iter().enumerate().filter_map(|(up, level)| level.get((index >> up) ^ 1)).copied().collect()
    }

    /// The root when the log had its first `size` records.
    ///
    /// # Panics
    ///
    /// When it never had so many, or none.
    pub fn root_at(&self, size: usize) -> Digest {
        assert!((1..=self.size()).contains(&size), "the log has {} records, and never had {size}", self.size());
        // Full trees side by side, the largest first; put together from the right.
        let mut peaks = Vec::new();
        let mut first = 0;
        while first < size {
            let up = (size - first).ilog2();
            peaks.push(self.levels[up as usize][first >> up]);
            first += 1 << up;
        }
        peaks.into_iter().rev().reduce(|right, left| node(&left, &right)).expect("a size is not zero")
    }

    /// What shows that the log of `size` records is the beginning of this one (RFC 9162, section 2.1.4.1).
    ///
    /// # Panics
    ///
    /// When it never had so many, or none.
    pub fn consistency(&self, size: usize) -> Vec<Digest> {
        assert!((1..=self.size()).contains(&size), "the log has {} records, and never had {size}", self.size());
        let (mut first, mut end) = (0, self.size());
        let mut proof = Vec::new();
        // Down to the part that ends with the old log; what is beside the way is in the proof.
        while end != size {
            let middle = first + largest_power_below(end - first);
            if size <= middle {
                proof.push(self.part(middle, end));
                end = middle;
            } else {
                proof.push(self.part(first, middle));
                first = middle;
            }
        }
        if first > 0 {
            proof.push(self.part(first, end));
        }
        proof.reverse();
        proof
    }

    /// The digest of the records from `first` to `end`: a full tree, or what is left of the log.
    fn part(&self, first: usize, end: usize) -> Digest {
        let up = (end - first).next_power_of_two().ilog2();
        self.levels[up as usize][first >> up]
    }
}

/// The largest power of two that is less than `count`, which is at least two.
fn largest_power_below(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// Whether a proof of membership shows that the record at `index`, with the digest `leaf`, is in the log of `size` records
/// with this root (RFC 9162, section 2.1.3.2).
pub fn is_member(root: &Digest, size: usize, index: usize, leaf: &Digest, proof: &[Digest]) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last) = (index, size - 1);
    let mut found = *leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if place % 2 == 1 || place == last {
            found = node(sibling, &found);
            while place.is_multiple_of(2) && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            found = node(&found, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && found == *root
}

/// Whether a proof of consistency shows that the log of `old_size` records with the root `old` is the beginning of the log
/// of `size` records with the root `root` (RFC 9162, section 2.1.4.2).
pub fn is_beginning(old: &Digest, old_size: usize, root: &Digest, size: usize, proof: &[Digest]) -> bool {
    if old_size == 0 || old_size > size {
        return false;
    }
    if old_size == size {
        return proof.is_empty() && old == root;
    }
    // A full tree is not in the proof: it is the old root.
    let mut steps = old_size.is_power_of_two().then_some(old).into_iter().chain(proof);
    let (mut place, mut last) = (old_size - 1, size - 1);
    while place % 2 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let Some(first) = steps.next() else { return false };
    let (mut then, mut now) = (*first, *first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if place % 2 == 1 || place == last {
            then = node(step, &then);
            now = node(step, &now);
            while place.is_multiple_of(2) && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            now = node(&now, step);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && then == *old && now == *root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root as its definition has it (RFC 9162, section 2.1.1).
    fn root(leaves: &[Digest]) -> Digest {
        match leaves {
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(largest_power_below(leaves.len()));
                node(&root(left), &root(right))
            }
        }
    }

    fn log(size: usize) -> Log {
        let mut levels = vec![(0..size).map(|i| leaf(&[7; 32], &i.to_le_bytes())).collect::<Vec<_>>()];
        while levels[levels.len() - 1].len() > 1 {
            let pairs = levels[levels.len() - 1].chunks(2);
            levels.push(pairs.map(|pair| if let [left, right] = pair { node(left, right) } else { pair[0] }).collect());
        }
        Log::new(levels)
    }

    #[test]
    fn the_root_is_as_defined() {
        for size in 1..40 {
            let log = log(size);
            let leaves: Vec<Digest> = (0..size).map(|i| log.leaf(i)).collect();
            assert_eq!(log.root(), root(&leaves), "{size}");
            for before in 1..=size {
                assert_eq!(log.root_at(before), root(&leaves[..before]), "{size} {before}");
            }
        }
    }

    /// All proofs of small logs hold, and none holds for anything else.
    #[test]
    fn proofs_hold_for_what_they_prove() {
        for size in 1..20 {
            let log = log(size);
            let root = log.root();
            for index in 0..size {
                let (leaf, proof) = (log.leaf(index), log.membership(index));
                assert!(is_member(&root, size, index, &leaf, &proof));
                for other in (0..=size).filter(|&other| other != index) {
                    assert!(!is_member(&root, size, other, &leaf, &proof), "{size} {index} {other}");
                }
                assert!(!is_member(&root, size, index, &[1; 32], &proof));
                for step in 0..proof.len() {
                    let mut wrong = proof.clone();
                    wrong[step][step % 32] ^= 1;
                    assert!(!is_member(&root, size, index, &leaf, &wrong));
                    assert!(!is_member(&root, size, index, &leaf, &proof[..step]));
                }
                assert!(!is_member(&root, size, index, &leaf, &[proof.clone(), vec![root]].concat()));
            }
            for before in 1..=size {
                let (old, proof) = (log.root_at(before), log.consistency(before));
                assert!(is_beginning(&old, before, &root, size, &proof), "{size} {before}");
                assert!(!is_beginning(&[1; 32], before, &root, size, &proof));
                assert!(!is_beginning(&old, before, &[1; 32], size, &proof));
                assert!(!is_beginning(&old, before, &root, size, &[proof.clone(), vec![root]].concat()));
                for step in 0..proof.len() {
                    let mut wrong = proof.clone();
                    wrong[step][step % 32] ^= 1;
                    assert!(!is_beginning(&old, before, &root, size, &wrong));
                }
            }
            assert!(!is_beginning(&root, 0, &root, size, &[]) && !is_beginning(&root, size + 1, &root, size, &[]));
        }
    }
}
