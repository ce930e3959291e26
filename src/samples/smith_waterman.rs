//! `smith_waterman`: where reads of a sequencer belong in a genome.

mod native;
mod reads;

use std::{path::Path, sync::OnceLock, time::Duration};

use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

use self::reads::{Reads, complement};
use super::{Check, Problem, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, timed};
use crate::{Buffer, Device, DeviceChoice, Kernel, Result, Runtime};

const WGSL: &str = include_str!("../../shaders/smith_waterman.wgsl");

/// The most bases of a read: 64 lanes with four each.
const LONGEST: usize = 256;

/// The most reads, and the most bases of a reference.
const MOST_READS: usize = 1 << 20;
const MOST_REFERENCE: usize = 1 << 24;

/// The sample.
pub struct SmithWaterman;

impl Sample for SmithWaterman {
    fn name(&self) -> &'static str {
        "smith_waterman"
    }

    fn field(&self) -> &'static str {
        "genomics"
    }

    fn summary(&self) -> &'static str {
        "where reads belong in a genome, by local alignment"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "reads", small: 40, default: 512, large: 8_192, max: MOST_READS }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["tsv", "npy"]
    }

    fn reads(&self) -> Option<&'static str> {
        Some("FASTA: first the reference, then reads of up to 256 bases")
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        Ok(Box::new(Mapping::new(Reads::made(self.sizes().resolve(size)?, seed))))
    }

    fn open(&self, file: &Path, _seed: u64) -> Result<Box<dyn Problem>> {
        Ok(Box::new(Mapping::new(Reads::read(file)?)))
    }
}

/// `Params` in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Costs {
    equal: i32,
    unequal: i32,
    open: i32,
    extend: i32,
}

/// Those of BLAST for nucleotides, with which a gap costs 5 and 2 for each base.
const COSTS: Costs = Costs { equal: 2, unequal: -3, open: 7, extend: 2 };

/// A read as it is, or its other strand.
struct Query {
    bases: Vec<u8>,
}

struct Mapping {
    input: Reads,
    /// Each read, and then each read's other strand.
    queries: Vec<Query>,
    /// The reference, where each query is, and the queries, as the WGSL wants them.
    reference: Vec<u32>,
    spans: Vec<[u32; 2]>,
    bases: Vec<u32>,
    /// Score and end for each query.
    hits: Vec<[u32; 2]>,
    expected: OnceLock<Vec<[u32; 2]>>,
}

impl Mapping {
    fn new(input: Reads) -> Self {
        let strands = input.reads.iter().cloned().chain(input.reads.iter().map(|read| complement(read)));
        let queries: Vec<Query> = strands.map(|bases| Query { bases }).collect();
        let mut first = 0;
        let span = |query: &Query| {
            let bases = query.bases.len() as u32;
            first += bases;
            [first - bases, bases]
        };
        Mapping {
            reference: input.reference.iter().map(|&base| base.into()).collect(),
            spans: queries.iter().map(span).collect(),
            bases: queries.iter().flat_map(|query| &query.bases).map(|&base| base.into()).collect(),
            // What no alignment gives: a score without an end.
            hits: vec![[1, 0]; queries.len()],
            queries,
            input,
            expected: OnceLock::new(),
        }
    }

    fn expected(&self) -> &[[u32; 2]] {
        self.expected.get_or_init(|| {
            let best = |query: &Query| native::best(&self.input.reference, &query.bases);
            self.queries.par_iter().map(best).collect()
        })
    }

    /// Name, score, strand and end of each read, in lines with a title. A read without a score has no place.
    fn table(&self) -> String {
        let mut text = String::from("read\tbases\tscore\tstrand\tend\n");
        let (as_they_are, others) = self.hits.split_at(self.input.reads.len());
        let rows = self.input.names.iter().zip(&self.input.reads).zip(as_they_are.iter().zip(others));
        for ((name, read), (one, other)) in rows {
            let (strand, [score, end]) = if one[0] >= other[0] { ('+', one) } else { ('-', other) };
            let place = if *score > 0 { format!("{strand}\t{end}") } else { ".\t.".into() };
            text += &format!("{name}\t{}\t{score}\t{place}\n", read.len());
        }
        text
    }
}

impl Problem for Mapping {
    fn describe(&self) -> String {
        format!("{} reads, both strands, in {} bases", self.input.reads.len(), self.reference.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let kernel = runtime.module(WGSL)?.only_kernel()?;
        let report = runtime
            .call(&kernel)
            .uniform("params", &COSTS)
            .read("reference", &self.reference)
            .read("spans", &self.spans)
            .read("reads", &self.bases)
            .write("hits", &mut self.hits)
            .workgroups([self.queries.len()])
            .device(devices)
            .run()?;
        Ok(Tally::from(&report))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        Ok(Box::new(OnDevice {
            kernel: runtime.module(WGSL)?.only_kernel()?,
            reference: runtime.buffer_on(device, &self.reference)?,
            spans: runtime.buffer_on(device, &self.spans)?,
            bases: runtime.buffer_on(device, &self.bases)?,
            hits: runtime.buffer_zeroed_on(device, self.hits.len())?,
            runtime: runtime.clone(),
            result: &mut self.hits,
        }))
    }

    fn native(&mut self) -> Duration {
        let (input, queries, hits) = (&self.input, &self.queries, &mut self.hits);
        timed(|| native::align(&input.reference, queries, hits))
    }

    fn verify(&self) -> Verdict {
        let wrong = self.hits.iter().zip(self.expected()).filter(|(found, expected)| found != expected).count();
        vec![Check {
            what: "scores and ends against the recurrences, cell by cell",
            error: wrong as f64,
            tolerance: 0.0,
            measure: "alignments that differ",
            reason: "scores are whole numbers",
        }]
        .into()
    }

    fn work(&self) -> Work {
        let cells = self.bases.len() as u64 * self.reference.len() as u64;
        let bytes = 4 * (self.bases.len() + self.reference.len()) + 16 * self.spans.len();
        Work {
            operations: 12 * cells,
            counted: "12 a cell of the table: gaps 6, bases 2, the largest 3, the best 1",
            bytes: bytes as u64,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        match draw::extension(path, SmithWaterman.draws())? {
            "tsv" => draw::write_text(path, &self.table()),
            _ => draw::write_npy(path, self.hits.as_flattened(), &[2, self.input.reads.len(), 2]),
        }
    }

    fn corrupt(&mut self, seed: u64) {
        let i = seed as usize % self.hits.len();
        let part = seed as usize / 2 % 2;
        self.hits[i][part] = self.hits[i][part].wrapping_add(1);
    }
}

struct OnDevice<'p> {
    result: &'p mut [[u32; 2]],
    runtime: Runtime,
    kernel: Kernel,
    reference: Buffer<u32>,
    spans: Buffer<[u32; 2]>,
    bases: Buffer<u32>,
    hits: Buffer<[u32; 2]>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        let report = self
            .runtime
            .call(&self.kernel)
            .uniform("params", &COSTS)
            .read("reference", &self.reference)
            .read("spans", &self.spans)
            .read("reads", &self.bases)
            .write("hits", &self.hits)
            .workgroups([self.spans.len()])
            .run()?;
        Ok(Tally::from(&report))
    }

    fn fetch(&mut self) -> Result<()> {
        self.hits.download_into(self.result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(text: &str) -> Vec<u8> {
        text.bytes().map(|letter| b"NACGT".iter().position(|&known| known == letter).unwrap() as u8).collect()
    }

    /// Alignments that can be worked out by hand.
    #[test]
    fn the_recurrences_find_what_is_there() {
        for (reference, read, score, end) in [
            ("ACGT", "ACGT", 8, 4),
            ("TTACGTTT", "ACGT", 8, 6),
            // The first of two.
            ("ACGTNACGT", "ACGT", 8, 4),
            ("AAAA", "CCCC", 0, 0),
            ("NNNN", "NNNN", 0, 0),
            // One base is another: 9 equal, less 3.
            ("ACGTACGTAC", "ACGTCCGTAC", 15, 10),
            // Two bases are left out: 16 equal, less 9.
            ("ACGTACGATTCCGATCGA", "ACGTACGACCGATCGA", 23, 18),
        ] {
            let found = native::best(&bases(reference), &bases(read));
            assert_eq!(found, [score, end], "{reference} {read}");
        }
    }

    /// The genome and the reads in the repository: almost every read is found, on one strand alone.
    #[test]
    fn real_reads_are_found() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/phix174_reads.fasta");
        let mut mapping = Mapping::new(Reads::read(&path).unwrap());
        assert_eq!((mapping.reference.len(), mapping.input.reads.len()), (5386, 48));
        mapping.native();
        assert!(mapping.verify().passed());
        let (one, other) = mapping.hits.split_at(48);
        let found =
            one.iter().zip(other).filter(|(one, other)| one[0].max(other[0]) > 100 && one[0].min(other[0]) < 60);
        // Most of them reach over the ends of the genome, which is a ring; one is of something else.
        assert_eq!(found.count(), 47);
        let table = mapping.table();
        assert_eq!(table.lines().count(), 49);
        assert!(table.starts_with("read\tbases\tscore\tstrand\tend\nERR266411.1\t100\t"), "{table}");
    }
}
