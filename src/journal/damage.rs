//! Journals that were changed, cut, or belong to something else: refused, or right.

use std::{io, ops::Range, path::Path, time::Duration};

use super::{Header, Home, Journal, Memory, Refusal, Region};
use crate::{
    file::{FileSystem, simulated::SimulatedDisk},
    schedule::simulate::Dice,
};

const UNITS: u32 = 20;
const BYTES: usize = 64;

fn header() -> Header {
    super::format::tests::header()
}

fn extents(binding: usize, units: Range<u32>) -> Range<u64> {
    let width = if binding == 1 { 0 } else { BYTES as u64 };
    u64::from(units.start) * width..u64::from(units.end) * width
}

struct Bytes([Vec<u8>; 2]);

impl Memory for Bytes {
    fn read(&self, binding: usize, range: Range<u64>, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        take(&self.0[binding][range.start as usize..range.end as usize])
    }
}

fn regions() -> Vec<Region> {
    let region = |binding, bytes, home| Region { name: "y".into(), binding, bytes, home, is_persistent: false };
    vec![region(0, u64::from(UNITS) * BYTES as u64, Home::Data), region(1, 100, Home::Merged)]
}

fn wanted(units: u32) -> [Vec<u8>; 2] {
    let sliced = (0..UNITS).flat_map(|unit| vec![if unit < units { unit as u8 + 1 } else { 0 }; BYTES]).collect();
    [sliced, vec![units as u8; 100]]
}

/// A disk with a journal of which `units` are done, in runs of 5.
fn recorded() -> SimulatedDisk {
    let disk = SimulatedDisk::default();
    let mut journal = Journal::open(&disk, Path::new("j"), &header(), regions(), &Bytes(wanted(0))).expect("it begins");
    for end in [5, 10, 15] {
        journal.landed(Some(end - 5..end));
        journal.tend(&Bytes(wanted(end)), &extents, &|| Duration::ZERO, true).expect("it is written");
    }
    disk
}

/// What the next process finds: how many units are done, with memory that has exactly those.
fn resume(disk: &SimulatedDisk, header: &Header) -> Result<u32, Refusal> {
    let journal = Journal::open(disk, Path::new("j"), header, regions(), &Bytes(wanted(0)))?;
    let mut memory = wanted(0);
    let [sliced, merged] = &mut memory;
    journal.restore(&extents, &mut [Some(sliced), Some(merged)])?;
    let units: u32 = journal.committed().map(|run| run.end - run.start).sum();
    assert_eq!(memory, wanted(units), "{units} units");
    Ok(units)
}

/// `SWATH_JOURNAL_DAMAGE=10000` for more.
#[test]
fn a_damaged_journal_is_refused_or_right() {
    let cases = std::env::var("SWATH_JOURNAL_DAMAGE").ok().and_then(|text| text.parse().ok()).unwrap_or(2000);
    let whole = recorded();
    assert_eq!(resume(&whole, &header()).expect("it goes on"), 15);
    let (log, data) = (Path::new("j"), Path::new("j.data"));
    let contents = |path| whole.contents(path).expect("it is there");
    let mut dice = Dice::new(3);
    let (mut refused, mut right) = (0, 0);
    for case in 0..cases {
        let (mut bytes, mut stored) = (contents(log), contents(data));
        let mut roll = |below: usize| (dice.unit() * below as f64) as usize;
        match case % 5 {
            0 => bytes.truncate(roll(bytes.len())),
            1 => stored.truncate(roll(stored.len())),
            2 => {
                let at = roll(stored.len());
                stored[at] ^= 1 << roll(8);
            }
            _ => {
                for _ in 0..=roll(3) {
                    let at = roll(bytes.len());
                    bytes[at] ^= 1 + roll(255) as u8;
                }
            }
        }
        let disk = SimulatedDisk::default();
        disk.put(log, &bytes);
        disk.put(data, &stored);
        match resume(&disk, &header()) {
            Ok(_) => right += 1,
            Err(Refusal::Wrong { .. }) => refused += 1,
            Err(Refusal::Io(error)) => panic!("case {case}: {error}"),
        }
    }
    println!("{refused} refused, {right} right");
    assert!(refused > cases / 4 && right > cases / 50);
}

/// Whatever differs is named.
#[test]
fn journals_of_something_else_are_refused_by_name() {
    for (change, words) in [
        (Header { engine: "swath 9.9.9".into(), ..header() }, "belongs to swath 0.1.0, and this is swath 9.9.9"),
        (Header { kernel: 9, ..header() }, "another kernel"),
        (Header { call: 9, ..header() }, "another grid"),
        (Header { axis: 2, ..header() }, "another grid"),
        (Header { units: 9, ..header() }, "another grid"),
        (Header { devices: "gpu".into(), ..header() }, "a run on cpu, and this is one on gpu"),
        (Header { data: vec![("x".into(), 3), ("y".into(), 9)], ..header() }, "`y` was changed"),
    ] {
        let Err(Refusal::Wrong { problem, .. }) = resume(&recorded(), &change) else { panic!("{words}: not refused") };
        assert!(problem.contains(words), "{problem}");
    }
}

#[test]
fn a_journal_whose_data_is_gone_is_refused() {
    let disk = recorded();
    disk.remove(Path::new("j.data")).expect("removed");
    let Err(Refusal::Wrong { problem, .. }) = resume(&disk, &header()) else { panic!("it is not refused") };
    assert!(problem.contains("lost its data"), "{problem}");
}
