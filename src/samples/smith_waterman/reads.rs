//! Reads and their reference, made or read from FASTA.

use std::path::Path;

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::{super::read, LONGEST, MOST_READS, MOST_REFERENCE};
use crate::Result;

/// What equals no base: an unknown one.
const NONE: u8 = 0;

/// Bases as the WGSL has them: 1 to 4, or 0 for what equals none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reads {
    pub reference: Vec<u8>,
    pub names: Vec<String>,
    pub reads: Vec<Vec<u8>>,
}

impl Reads {
    /// A genome, and reads of either of its strands with the errors that sequencers make; a few are of something else.
    pub fn made(count: usize, seed: u64) -> Reads {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut genome = |bases: usize| -> Vec<u8> { (0..bases).map(|_| random.random_range(1..=4)).collect() };
        let reference = genome((200 + 4 * count).min(5_000));
        let foreign = genome(200);
        let read = |_| {
            let length = random.random_range(80..=150);
            let source = if random.random_range(0..50) == 0 { &foreign } else { &reference };
            let first = random.random_range(0..=source.len() - length);
            let read = damaged(&source[first..first + length], &mut random);
            if random.random() { complement(&read) } else { read }
        };
        let reads: Vec<Vec<u8>> = (0..count).map(read).collect();
        Reads { reference, names: (1..=count).map(|number| format!("read {number}")).collect(), reads }
    }

    /// The first sequence of a FASTA file as the reference, all others as reads.
    pub fn read(path: &Path) -> Result<Reads> {
        let text = read::bytes(path)?;
        let mut names = Vec::new();
        let mut sequences: Vec<Vec<u8>> = Vec::new();
        // Where each begins.
        let mut lines = Vec::new();
        for (line, text) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let text = text.trim_ascii();
            let wrong = |problem: String| read::refuse(path, format!("line {line}: {problem}"), FORM);
            if let Some(title) = text.strip_prefix(b">") {
                let name = title.split(u8::is_ascii_whitespace).next().unwrap_or_default();
                names.push(String::from_utf8_lossy(name).into_owned());
                sequences.push(Vec::new());
                lines.push(line);
            } else if !text.is_empty() {
                let sequence = sequences.last_mut().ok_or_else(|| wrong("a sequence without a title".into()))?;
                for &letter in text {
                    let base = base(letter);
                    sequence.push(base.ok_or_else(|| wrong(format!("`{}` is no base", letter.escape_ascii())))?);
                }
            }
        }
        for (place, (sequence, line)) in sequences.iter().zip(lines).enumerate() {
            let most = if place == 0 { MOST_REFERENCE } else { LONGEST };
            if !(1..=most).contains(&sequence.len()) {
                let what = if place == 0 { "a reference" } else { "a read" };
                let problem =
                    format!("line {line}: {what} of {} bases, where 1 to {most} can be aligned", sequence.len());
                return Err(read::refuse(path, problem, "leave it out, or cut it"));
            }
        }
        if !(2..=MOST_READS + 1).contains(&sequences.len()) {
            let problem = format!("it has {} sequences, where 2 to {} can be aligned", sequences.len(), MOST_READS + 1);
            return Err(read::refuse(path, problem, FORM));
        }
        let (reference, names) = (sequences.remove(0), names.split_off(1));
        Ok(Reads { reference, names, reads: sequences })
    }
}

/// What is wanted of a file.
const FORM: &str = "give FASTA: first the reference, then the reads, each with a title `>NAME` in a line of its own, and then \
                    lines of A, C, G, T, or N for what is not known";

/// A letter as a base. Letters for one of several bases equal none.
fn base(letter: u8) -> Option<u8> {
    match letter.to_ascii_uppercase() {
        b'A' => Some(1),
        b'C' => Some(2),
        b'G' => Some(3),
        b'T' | b'U' => Some(4),
        b'N' | b'R' | b'Y' | b'S' | b'W' | b'K' | b'M' | b'B' | b'D' | b'H' | b'V' => Some(NONE),
        _ => None,
    }
}

/// The other strand, in the direction in which it is read.
pub(super) fn complement(bases: &[u8]) -> Vec<u8> {
    bases.iter().rev().map(|&base| if base == NONE { NONE } else { 5 - base }).collect()
}

/// With one base in 100 another one, one in 400 left out, one in 400 more, and one in 400 unknown.
fn damaged(bases: &[u8], random: &mut SmallRng) -> Vec<u8> {
    let mut read = Vec::with_capacity(bases.len() + 8);
    for &base in bases {
        match random.random_range(0..400) {
            0..4 => read.push(random.random_range(1..=4)),
            4 => (),
            5 => read.extend([base, random.random_range(1..=4)]),
            6 => read.push(NONE),
            _ => read.push(base),
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fasta(text: &str) -> Result<Reads> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fasta");
        std::fs::write(&path, text).unwrap();
        Reads::read(&path)
    }

    #[test]
    fn fasta_is_read() {
        let reads = fasta(">ref all of it\nACGT\r\nnacu\n\n>one\nGG\nTT\n>two x\nR").unwrap();
        assert_eq!(reads.reference, [1, 2, 3, 4, 0, 1, 2, 4]);
        assert_eq!((reads.names, reads.reads), (vec!["one".into(), "two".into()], vec![vec![3, 3, 4, 4], vec![0]]));
    }

    #[test]
    fn what_is_none_is_refused_with_the_line() {
        let long = format!(">r\nACGT\n>q\n{}\n", "A".repeat(LONGEST + 1));
        for (text, problem) in [
            ("", "it has 0 sequences"),
            (">r\nACGT\n", "it has 1 sequences"),
            ("ACGT\n", "line 1: a sequence without a title"),
            (">r\nACGT\n>q\nAC-T\n", "line 4: `-` is no base"),
            (">r\nACGT\n>q\nAC\u{e9}\n", "line 4: `\\xc3` is no base"),
            (">r\n>q\nAC\n", "line 1: a reference of 0 bases"),
            (">r\nAC\n>p\nA\n>q\n", "line 5: a read of 0 bases"),
            (&long, "line 3: a read of 257 bases"),
            ("@r\nACGT\n+\nIIII\n", "line 1: a sequence without a title"),
        ] {
            let refused = fasta(text).err().unwrap().to_string();
            assert!(refused.contains(problem), "{refused}");
        }
    }

    #[test]
    fn strands_are_complements() {
        assert_eq!(complement(&[1, 1, 2, 0, 4]), [1, 0, 3, 4, 4]);
        let reads = Reads::made(40, 3);
        assert!(reads.reads.iter().all(|read| (1..=LONGEST).contains(&read.len())));
    }
}
