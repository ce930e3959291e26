//! `merkle`: a log of records that nobody can change unseen, with proofs for single ones.

pub mod log;
mod records;

use std::{
    path::Path,
    sync::OnceLock,
    time::{Duration, Instant},
};

use rayon::prelude::*;
use serde::Serialize;

use self::{
    log::{Digest, Log, is_beginning, is_member},
    records::Records,
};
use super::{Check, Problem, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, timed};
use crate::{
    Buffer, Chain, ChainBuilder, Device, DeviceChoice, Error, Result, Runtime,
    chain::{ChainArg, Slot},
    error::Message,
};

const WGSL: &str = include_str!("../../shaders/merkle.wgsl");

/// The most records of a log, and the most bytes of all of them.
const MOST_RECORDS: usize = 1 << 24;
const MOST_BYTES: usize = 1 << 31;

/// The most bytes of one record: with a salt, what the WGSL has blocks for.
const LONGEST: usize = 131_030;

/// The sample.
pub struct Merkle;

impl Sample for Merkle {
    fn name(&self) -> &'static str {
        "merkle"
    }

    fn field(&self) -> &'static str {
        "provenance"
    }

    fn summary(&self) -> &'static str {
        "a log of shipments that nobody can change unseen"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "records", small: 1_000, default: 1 << 17, large: 1 << 21, max: MOST_RECORDS }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["json", "npy"]
    }

    fn reads(&self) -> Option<&'static str> {
        Some("records: a file with one in each line, or a folder with one in each file")
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        Ok(Box::new(Tree::new(Records::shipments(self.sizes().resolve(size)?, seed))))
    }

    /// The salts are from the system, not from the seed: they have to be secret.
    fn open(&self, file: &Path, _seed: u64) -> Result<Box<dyn Problem>> {
        Ok(Box::new(Tree::new(Records::read(file)?)))
    }
}

/// SHA-256 of each message, on a device.
///
/// # Errors
///
/// When a message has more than 131,030 bytes; those of the call.
pub fn digests(runtime: &Runtime, device: &Device, messages: &[&[u8]]) -> Result<Vec<Digest>> {
    if let Some(long) = messages.iter().find(|message| message.len() > LONGEST) {
        let problem = format!("a message of {} bytes cannot be hashed", long.len());
        return Err(Error::Call(Message::new(problem).help(format!("a message has at most {LONGEST} bytes"))));
    }
    let records = Records::new(messages.iter().copied(), |_| ());
    let mut hashes = vec![0; 8 * messages.len()];
    let kernel = runtime.module(WGSL)?.kernel("digests")?;
    let call = runtime.call(&kernel).read("spans", &records.spans).read("records", &records.words);
    // Bound, because the kernel could read them, and not read.
    let call = call.read("salts", &records.salts);
    call.write("hashes", &mut hashes).grid([messages.len()]).device(device).run()?;
    Ok(hashes.as_chunks().0.iter().map(digest).collect())
}

/// The bytes of a digest.
fn digest(words: &[u32; 8]) -> Digest {
    let mut digest = [0; 32];
    digest.as_chunks_mut().0.iter_mut().zip(words).for_each(|(bytes, word)| *bytes = word.to_be_bytes());
    digest
}

struct Tree {
    records: Records,
    /// The digests of each level, eight words each, leaves first.
    levels: Vec<Vec<u32>>,
    expected: OnceLock<Vec<Vec<u32>>>,
}

/// How many digests each level of a tree has.
fn level_sizes(leaves: usize) -> Vec<usize> {
    let halves = std::iter::successors(Some(leaves), |&size| (size > 1).then(|| size.div_ceil(2)));
    halves.collect()
}

impl Tree {
    fn new(records: Records) -> Self {
        let levels = level_sizes(records.count()).into_iter().map(|size| vec![0; 8 * size]).collect();
        Tree { records, levels, expected: OnceLock::new() }
    }

    fn expected(&self) -> &[Vec<u32>] {
        self.expected.get_or_init(|| {
            let mut levels = self.levels.clone();
            native(&self.records, &mut levels);
            levels
        })
    }

    fn log(&self) -> Log {
        let level = |words: &Vec<u32>| words.as_chunks().0.iter().map(digest).collect();
        Log::new(self.levels.iter().map(level).collect())
    }

    /// Adds the levels of the tree to a chain.
    fn chain(
        &self,
        chain: &mut ChainBuilder,
        runtime: &Runtime,
        [spans, salts, words]: [ChainArg; 3],
        level: impl Fn(usize) -> ChainArg,
    ) -> Result<()> {
        let module = runtime.module(WGSL)?;
        let (leaves, nodes) = (module.kernel("leaves")?, module.kernel("nodes")?);
        let call = chain.call(&leaves).bind("spans", spans).bind("salts", salts).bind("records", words);
        call.bind("hashes", level(0)).grid([self.records.count()]);
        for up in 1..self.levels.len() {
            let call = chain.call(&nodes).bind("children", level(up - 1)).bind("hashes", level(up));
            call.grid([self.levels[up].len() / 8]);
        }
        Ok(())
    }

    /// Proofs that do not hold, of some records and earlier sizes of the log all over it.
    fn wrong_proofs(&self) -> usize {
        let (log, size) = (self.log(), self.records.count());
        let root = log.root();
        let some = |share: usize| share * (size - 1) / PROOFS;
        let wrong = |share: usize| {
            let index = some(share);
            let leaf = log::leaf(self.records.salt(index), self.records.record(index));
            let before = index + 1;
            let is_in = is_member(&root, size, index, &leaf, &log.membership(index));
            let is_kept = is_beginning(&log.root_at(before), before, &root, size, &log.consistency(before));
            usize::from(!is_in) + usize::from(!is_kept)
        };
        (0..=PROOFS).map(wrong).sum()
    }
}

/// Proofs of each kind that are tried, less one.
const PROOFS: usize = 16;

impl Problem for Tree {
    fn describe(&self) -> String {
        format!("{} records of {} bytes", self.records.count(), 4 * self.records.words.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let start = Instant::now();
        let mut chain = runtime.chain();
        let Records { spans, salts, words } = &self.records;
        let inputs = (chain.input(spans.len()), chain.input(salts.len()), chain.input(words.len()));
        let levels: Vec<Slot<u32>> = self.levels.iter().map(|level| chain.output(level.len())).collect();
        let args = [ChainArg::from(inputs.0), ChainArg::from(inputs.1), ChainArg::from(inputs.2)];
        self.chain(&mut chain, runtime, args, |level| ChainArg::from(levels[level]))?;
        chain.device(&runtime.first_of(devices)?);
        let chain = chain.build()?;
        let inputs = [inputs.0.from(spans), inputs.1.from(salts), inputs.2.from(words)];
        let outputs = levels.into_iter().zip(&mut self.levels).map(|(slot, level)| slot.into(level));
        let report = chain.run(inputs, outputs)?;
        Ok(Tally::of_chain(&chain, &report, start))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        let Records { spans, salts, words } = &self.records;
        let spans = runtime.buffer_on(device, spans)?;
        let [salts, words] = [runtime.buffer_on(device, salts)?, runtime.buffer_on(device, words)?];
        let level = |level: &Vec<u32>| runtime.buffer_zeroed_on(device, level.len());
        let levels: Vec<Buffer<u32>> = self.levels.iter().map(level).collect::<Result<_>>()?;
        let mut chain = runtime.chain();
        let args = [(&spans).into(), (&salts).into(), (&words).into()];
        self.chain(&mut chain, runtime, args, |level| (&levels[level]).into())?;
        Ok(Box::new(OnDevice { chain: chain.build()?, levels, results: &mut self.levels }))
    }

    fn native(&mut self) -> Duration {
        let (records, levels) = (&self.records, &mut self.levels);
        timed(|| native(records, levels))
    }

    fn verify(&self) -> Verdict {
        let pairs = self.levels.iter().flatten().zip(self.expected().iter().flatten());
        let wrong = pairs.filter(|(found, expected)| found != expected).count();
        vec![
            Check {
                what: "digests against the crate sha2",
                error: wrong as f64,
                tolerance: 0.0,
                measure: "words that differ",
                reason: "SHA-256 is exact",
            },
            Check {
                what: "proofs of membership and of consistency, followed as RFC 9162 says",
                error: self.wrong_proofs() as f64,
                tolerance: 0.0,
                measure: "proofs that do not hold",
                reason: "a proof leads to the root, or it is none",
            },
        ]
        .into()
    }

    fn work(&self) -> Work {
        let blocks = |&[_, bytes]: &[u32; 2]| u64::from((bytes + 33 + 72) / 64);
        let leaves: u64 = self.records.spans.iter().map(blocks).sum();
        let nodes = self.records.count() as u64 - 1;
        let digests: u64 = self.levels.iter().map(|level| level.len() as u64 / 8).sum();
        Work {
            operations: 2_168 * (leaves + 2 * nodes),
            counted: "2168 a block of 64 bytes: 24 a round, 13 a word of the schedule but the first 16, 8 sums",
            bytes: 4 * self.records.words.len() as u64 + 40 * self.records.count() as u64 + 64 * digests,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        match draw::extension(path, Merkle.draws())? {
            "json" => draw::write_json(path, &Document::new(self)),
            _ => {
                let words = self.levels.concat();
                draw::write_npy(path, &words, &[words.len() / 8, 8])
            }
        }
    }

    fn corrupt(&mut self, seed: u64) {
        let level = seed as usize % self.levels.len();
        let level = &mut self.levels[level];
        let i = seed as usize % level.len();
        level[i] ^= 1 << (seed % 32);
    }
}

/// The tree in native Rust, with SHA instructions where the processor has them.
fn native(records: &Records, levels: &mut [Vec<u32>]) {
    let store = |words: &mut [u32; 8], digest: Digest| {
        words.iter_mut().zip(digest.as_chunks().0).for_each(|(word, &bytes)| *word = u32::from_be_bytes(bytes));
    };
    let leaves = levels[0].as_chunks_mut().0.par_iter_mut().enumerate();
    leaves.for_each(|(i, words)| store(words, log::leaf(records.salt(i), records.record(i))));
    for up in 1..levels.len() {
        let (below, level) = levels.split_at_mut(up);
        let pairs = below[up - 1].par_chunks(16).zip(level[0].as_chunks_mut().0);
        pairs.for_each(|(pair, words)| match pair.as_chunks().0 {
            [left, right] => store(words, log::node(&digest(left), &digest(right))),
            _ => words.copy_from_slice(pair),
        });
    }
}

/// What is written of a log: each entry can be given away alone, with its record.
#[derive(Serialize)]
struct Document {
    hash: &'static str,
    size: usize,
    root: String,
    entries: Vec<Entry>,
    /// The log when it was shorter.
    earlier: Vec<Earlier>,
}

#[derive(Serialize)]
struct Entry {
    index: usize,
    salt: String,
    leaf: String,
    proof: Vec<String>,
}

#[derive(Serialize)]
struct Earlier {
    size: usize,
    root: String,
    proof: Vec<String>,
}

impl Document {
    fn new(tree: &Tree) -> Document {
        let (log, size) = (tree.log(), tree.records.count());
        let all = |digests: Vec<Digest>| digests.iter().map(|digest| hex(digest)).collect();
        let entry = |index| Entry {
            index,
            salt: hex(tree.records.salt(index)),
            leaf: hex(&log.leaf(index)),
            proof: all(log.membership(index)),
        };
        let earlier = |size| Earlier { size, root: hex(&log.root_at(size)), proof: all(log.consistency(size)) };
        let powers = (0..usize::BITS).map(|power| 1usize << power).take_while(|&power| power < size);
        Document {
            hash: "SHA-256, RFC 9162; what is logged is the salt and the record",
            size,
            root: hex(&log.root()),
            entries: (0..size).map(entry).collect(),
            earlier: powers.map(earlier).collect(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct OnDevice<'p> {
    results: &'p mut [Vec<u32>],
    chain: Chain,
    levels: Vec<Buffer<u32>>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        Ok(Tally::from(&self.chain.run([], [])?))
    }

    fn fetch(&mut self) -> Result<()> {
        self.levels.iter().zip(self.results.iter_mut()).try_for_each(|(level, result)| level.download_into(result))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_halved_up_to_the_root() {
        assert_eq!(level_sizes(1), [1]);
        assert_eq!(level_sizes(5), [5, 3, 2, 1]);
        assert_eq!(level_sizes(8), [8, 4, 2, 1]);
    }
}
