//! A journal's bytes.
//!
//! All numbers are little-endian, a text or a list has its length (32 bits) in front. The header is
//!
//! ```text
//! mark (8 bytes), version (32 bits), length of the rest without the sum (32 bits), the rest, sum (128 bits)
//! ```
//!
//! and a record
//!
//! ```text
//! length of the rest without the sum (32 bits), kind (8 bits), the rest, sum (128 bits)
//! ```
//!
//! where a record's sum is over the sum in front of it and the record: so no record stands for itself, and none that was left
//! by another journal is taken for one of this.

use std::{fmt, ops::Range};

use crate::{digest::Digest, file::FileIdentity};

/// Which format this reads and writes.
pub(crate) const VERSION: u32 = 1;

const MARK: [u8; 8] = *b"swathjnl";

/// Bytes of a sum.
const SUM: usize = 16;

/// The longest header that is believed.
const MOST_HEADER: usize = 1 << 20;

/// What a journal belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// This crate and its version.
    pub engine: String,
    /// The devices, with backends and drivers.
    pub devices: String,
    /// The kernel's text, entry point and constants; of a chain, all of its calls.
    pub kernel: u128,
    /// Grid, uniforms, sizes, and what else the caller says has to be the same.
    pub call: u128,
    /// The axis that is cut, or [`STEPS`] of a chain, and into how many units.
    pub axis: u8,
    pub units: u32,
    /// What each storage binding held at first.
    pub data: Vec<(String, u128)>,
}

/// What is cut in a chain, where a call has an axis of its grid.
pub(crate) const STEPS: u8 = 3;

/// Something that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// Runs of units are committed, each with the sum of what it wrote.
    Units { runs: Vec<(Range<u32>, u128)>, merged: Option<MergedState> },
    /// All units are committed, and these files (of those bindings) are to take their names.
    Finishing(Vec<(String, FileIdentity)>),
    /// They have them.
    Done,
    /// All that a chain needs to go on from between two of its steps.
    State(State),
}

/// Where a chain was, and what was in its memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Which half of the data file has the pieces, one behind the other, each at a page.
    pub slot: u8,
    pub position: Position,
    pub pieces: Vec<Piece>,
}

/// How far a chain is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// The step that comes next.
    pub step: u64,
    /// The next place where a loop may end.
    pub check: u64,
    /// For each loop that may end early, the rounds after which it did, or the most.
    pub rounds: Vec<u64>,
}

/// Bytes of a chain's memory, by their place in the whole, whoever had them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub memory: u32,
    pub start: u64,
    pub bytes: u64,
    pub sum: u128,
}

/// The merged bindings with all units that are recorded by now, and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MergedState {
    /// Which of their two places they are in.
    pub slot: u8,
    pub sum: u128,
}

/// What a journal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub header: Header,
    pub runs: Vec<(Range<u32>, u128)>,
    pub merged: Option<MergedState>,
    /// The last one.
    pub state: Option<State>,
    pub finishing: Option<Vec<(String, FileIdentity)>>,
    pub is_done: bool,
    /// Where the next record goes: behind the last that is whole.
    pub end: u64,
    /// The sum in front of it.
    pub sum: u128,
}

/// Why a file is no journal that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Foreign,
    Version(u32),
    Torn,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Foreign => write!(f, "is no checkpoint"),
            Flaw::Version(version) => {
                write!(f, "is a checkpoint of format {version}, and this version of swath has format {VERSION}")
            }
            Flaw::Torn => write!(f, "is the torn or damaged beginning of a checkpoint"),
        }
    }
}

impl Header {
    /// Its bytes, and the sum that the first record follows.
    pub fn encode(&self) -> (Vec<u8>, u128) {
        let mut body = Vec::new();
        put_text(&mut body, self.engine.as_bytes());
        put_text(&mut body, self.devices.as_bytes());
        body.extend(self.kernel.to_le_bytes());
        body.extend(self.call.to_le_bytes());
        body.push(self.axis);
        body.extend(self.units.to_le_bytes());
        body.extend((self.data.len() as u32).to_le_bytes());
        for (name, sum) in &self.data {
            put_text(&mut body, name.as_bytes());
            body.extend(sum.to_le_bytes());
        }
        let mut bytes = MARK.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((body.len() as u32).to_le_bytes());
        bytes.extend(body);
        let sum = Digest::of(&bytes);
        bytes.extend(sum.to_le_bytes());
        (bytes, sum)
    }

    fn decode(body: &[u8]) -> Option<Header> {
        let mut reader = Reader(body);
        let header = Header {
            engine: reader.text()?,
            devices: reader.text()?,
            kernel: reader.u128()?,
            call: reader.u128()?,
            axis: reader.take(1)?[0],
            units: reader.u32()?,
            data: reader.list(|reader| Some((reader.text()?, reader.u128()?)))?,
        };
        reader.0.is_empty().then_some(header)
    }
}

const UNITS: u8 = 1;
const FINISHING: u8 = 2;
const DONE: u8 = 3;
const STATE: u8 = 4;

impl Record {
    /// Its bytes behind a record of sum `before`, and its own sum.
    pub fn encode(&self, before: u128) -> (Vec<u8>, u128) {
        let mut body = Vec::new();
        match self {
            Record::Units { runs, merged } => {
                body.push(UNITS);
                body.extend((runs.len() as u32).to_le_bytes());
                for (run, sum) in runs {
                    body.extend(run.start.to_le_bytes());
                    body.extend(run.end.to_le_bytes());
                    body.extend(sum.to_le_bytes());
                }
                body.push(u8::from(merged.is_some()));
                if let Some(MergedState { slot, sum }) = merged {
                    body.push(*slot);
                    body.extend(sum.to_le_bytes());
                }
            }
            Record::Finishing(files) => {
                body.push(FINISHING);
                body.extend((files.len() as u32).to_le_bytes());
                for (name, FileIdentity { number, bytes, changed }) in files {
                    put_text(&mut body, name.as_bytes());
                    [number, bytes, changed].iter().for_each(|number| body.extend(number.to_le_bytes()));
                }
            }
            Record::Done => body.push(DONE),
            Record::State(State { slot, position, pieces }) => {
                body.extend([STATE, *slot]);
                body.extend(position.step.to_le_bytes());
                body.extend(position.check.to_le_bytes());
                body.extend((position.rounds.len() as u32).to_le_bytes());
                position.rounds.iter().for_each(|rounds| body.extend(rounds.to_le_bytes()));
                body.extend((pieces.len() as u32).to_le_bytes());
                for Piece { memory, start, bytes, sum } in pieces {
                    body.extend(memory.to_le_bytes());
                    body.extend(start.to_le_bytes());
                    body.extend(bytes.to_le_bytes());
                    body.extend(sum.to_le_bytes());
                }
            }
        }
        let mut bytes = (body.len() as u32).to_le_bytes().to_vec();
        bytes.extend(body);
        let sum = Digest::new().wide(before).text(&bytes).finish();
        bytes.extend(sum.to_le_bytes());
        (bytes, sum)
    }

    fn decode(body: &[u8]) -> Option<Record> {
        let mut reader = Reader(body);
        let record = match reader.take(1)?[0] {
            UNITS => {
                let runs = reader.list(|reader| Some((reader.u32()?..reader.u32()?, reader.u128()?)))?;
                let merged = match reader.take(1)?[0] {
                    0 => None,
                    _ => Some(MergedState { slot: reader.take(1)?[0] & 1, sum: reader.u128()? }),
                };
                Record::Units { runs, merged }
            }
            FINISHING => Record::Finishing(reader.list(|reader| {
                let name = reader.text()?;
                Some((name, FileIdentity { number: reader.u64()?, bytes: reader.u64()?, changed: reader.u64()? }))
            })?),
            DONE => Record::Done,
            STATE => Record::State(State {
                slot: reader.take(1)?[0] & 1,
                position: Position {
                    step: reader.u64()?,
                    check: reader.u64()?,
                    rounds: reader.list(|reader| reader.u64())?,
                },
                pieces: reader.list(|reader| {
                    Some(Piece {
                        memory: reader.u32()?,
                        start: reader.u64()?,
                        bytes: reader.u64()?,
                        sum: reader.u128()?,
                    })
                })?,
            }),
            _ => return None,
        };
        reader.0.is_empty().then_some(record)
    }
}

/// Reads a journal. A record that is not whole, and whatever is behind it, counts as never written.
///
/// # Errors
///
/// What is wrong with the header.
pub(crate) fn parse(bytes: &[u8]) -> Result<Found, Flaw> {
    if !bytes.starts_with(&MARK) {
        return Err(if MARK.starts_with(bytes) { Flaw::Torn } else { Flaw::Foreign });
    }
    let mut reader = Reader(&bytes[MARK.len()..]);
    let version = reader.u32().ok_or(Flaw::Torn)?;
    if version != VERSION {
        return Err(Flaw::Version(version));
    }
    let length = reader.u32().ok_or(Flaw::Torn)? as usize;
    let body = reader.take(length.min(MOST_HEADER)).ok_or(Flaw::Torn)?;
    let front = bytes.len() - reader.0.len();
    let sum = reader.u128().ok_or(Flaw::Torn)?;
    if sum != Digest::of(&bytes[..front]) {
        return Err(Flaw::Torn);
    }
    let header = Header::decode(body).ok_or(Flaw::Torn)?;
    let mut found = Found {
        header,
        runs: Vec::new(),
        merged: None,
        state: None,
        finishing: None,
        is_done: false,
        end: (front + SUM) as u64,
        sum,
    };
    while let Some(length) = reader.u32() {
        let Some(body) = reader.take(length as usize) else { break };
        let whole = &bytes[found.end as usize..][..4 + body.len()];
        let Some(sum) = reader.u128() else { break };
        if sum != Digest::new().wide(found.sum).text(whole).finish() {
            break;
        }
        let Some(record) = Record::decode(body) else { break };
        match record {
            Record::Units { runs, merged } if found.finishing.is_none() => {
                found.runs.extend(runs);
                found.merged = merged.or(found.merged);
            }
            Record::State(state) if found.finishing.is_none() => found.state = Some(state),
            Record::Finishing(files) if found.finishing.is_none() => found.finishing = Some(files),
            Record::Done if found.finishing.is_some() => found.is_done = true,
            _ => break,
        }
        found.end += (whole.len() + SUM) as u64;
        found.sum = sum;
    }
    Ok(found)
}

fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text);
}

/// What is left to read.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn u128(&mut self) -> Option<u128> {
        self.take(SUM)?.try_into().ok().map(u128::from_le_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.u32()? as usize;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    /// A list whose length alone reserves no memory.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.u32()?;
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(item(self)?);
        }
        Some(items)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn header() -> Header {
        Header {
            engine: "swath 0.1.0".into(),
            devices: "cpu".into(),
            kernel: 1,
            call: 2,
            axis: 1,
            units: 90,
            data: vec![("x".into(), 3), ("y".into(), 4)],
        }
    }

    pub fn journal(records: &[Record]) -> Vec<u8> {
        let (mut bytes, mut sum) = header().encode();
        for record in records {
            let (more, next) = record.encode(sum);
            bytes.extend(more);
            sum = next;
        }
        bytes
    }

    fn state() -> State {
        let piece = Piece { memory: 3, start: 64, bytes: 128, sum: 8 };
        let position = Position { step: 17, check: 1, rounds: vec![4, 90] };
        State { slot: 1, position, pieces: vec![piece, Piece { memory: 4, ..piece }] }
    }

    fn records() -> Vec<Record> {
        let merged = Some(MergedState { slot: 1, sum: 77 });
        let identity = FileIdentity { number: 5, bytes: 6, changed: 7 };
        vec![
            Record::State(state()),
            Record::Units { runs: vec![(0..4, 11)], merged: None },
            Record::Units { runs: vec![(4..5, 12), (7..90, 13)], merged },
            Record::Finishing(vec![("y".into(), identity)]),
            Record::Done,
        ]
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = journal(&records());
        let found = parse(&bytes).expect("a journal");
        assert_eq!((found.header, found.end), (header(), bytes.len() as u64));
        assert_eq!(found.runs, [(0..4, 11), (4..5, 12), (7..90, 13)]);
        assert_eq!(found.merged, Some(MergedState { slot: 1, sum: 77 }));
        assert_eq!(found.state, Some(state()));
        assert!(found.is_done && found.finishing.is_some_and(|files| files.len() == 1));
    }

    /// What is cut or changed anywhere reads as the records in front of it, or is refused.
    #[test]
    fn a_damaged_journal_is_its_undamaged_beginning() {
        let bytes = journal(&records());
        let all: Vec<Found> =
            (0..=records().len()).map(|count| parse(&journal(&records()[..count])).expect("a journal")).collect();
        let check = |damaged: &[u8], at: usize| match parse(damaged) {
            Ok(found) => assert_eq!(Some(&found), all.iter().rfind(|whole| whole.end <= at as u64), "byte {at}"),
            Err(_) => assert!((at as u64) < all[0].end, "byte {at}"),
        };
        for at in 0..bytes.len() {
            check(&bytes[..at], at);
            for change in [1, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                check(&damaged, at);
            }
        }
    }

    #[test]
    fn what_is_no_journal_of_this_version_is_refused() {
        assert_eq!(parse(b"hello, world"), Err(Flaw::Foreign));
        assert_eq!(parse(b""), Err(Flaw::Torn));
        let mut other = journal(&[]);
        other[8] = 9;
        assert_eq!(parse(&other), Err(Flaw::Version(9)));
        let mut endless = journal(&[]);
        endless[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(parse(&endless), Err(Flaw::Torn));
    }

    /// Records of another journal count for nothing, whole as they are.
    #[test]
    fn foreign_records_are_not_taken() {
        let (mut bytes, _) = Header { call: 99, ..header() }.encode();
        let (_, sum) = header().encode();
        bytes.extend(Record::Units { runs: vec![(0..90, 1)], merged: None }.encode(sum).0);
        assert_eq!(parse(&bytes).expect("a journal").runs, []);
    }
}
