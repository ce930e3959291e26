//! The state of a chain: what it needs to go on from between two of its steps.

use std::{io, path::Path};

use super::{
    format::{Found, Header, Piece, Position, Record, State},
    store::{PAGE, Refusal, find_data, forget, make_data, open, read},
};
use crate::{
    digest::Digest,
    file::{FileSystem, Handle},
};

/// Where a chain's states are stored: the log says which one counts, and a data file has room for two, so that the one that
/// counts is never written over. It is this process's alone.
pub(crate) struct StateLog {
    log: Box<dyn Handle>,
    end: u64,
    sum: u128,
    data: Box<dyn Handle>,
    /// Bytes of one of the two places.
    half: u64,
    /// The place of the state that counts.
    slot: u8,
    state: Option<State>,
}

impl StateLog {
    /// Opens the log of a run, or begins one. A state takes up to `bytes`, each of its pieces rounded up to pages.
    ///
    /// # Errors
    ///
    /// If it is that of another run, damaged or in use; and those of the disk.
    pub fn open(fs: &dyn FileSystem, path: &Path, header: &Header, bytes: u64) -> Result<StateLog, Refusal> {
        let log = open(fs, path)?;
        match read(&*log)? {
            Some(found) => StateLog::go_on(fs, path, header, log, found, bytes),
            None => StateLog::begin(fs, path, header, log, bytes).inspect_err(|_| forget(fs, path)),
        }
    }

    fn begin(
        fs: &dyn FileSystem,
        path: &Path,
        header: &Header,
        log: Box<dyn Handle>,
        half: u64,
    ) -> Result<StateLog, Refusal> {
        let data = make_data(fs, path, 2 * half)?;
        let (encoded, sum) = header.encode();
        log.write_at(0, &encoded)?;
        log.sync()?;
        fs.sync_folder(path)?;
        Ok(StateLog { log, end: encoded.len() as u64, sum, data, half, slot: 1, state: None })
    }

    fn go_on(
        fs: &dyn FileSystem,
        path: &Path,
        header: &Header,
        log: Box<dyn Handle>,
        found: Found,
        half: u64,
    ) -> Result<StateLog, Refusal> {
        found.header.check(header, &|_| false)?;
        let data = match &found.state {
            None => make_data(fs, path, 2 * half)?,
            Some(_) => find_data(fs, path, 2 * half)?,
        };
        // What was torn is not to stand behind what is written next.
        log.truncate(found.end)?;
        let slot = found.state.as_ref().map_or(1, |state| state.slot);
        Ok(StateLog { log, end: found.end, sum: found.sum, data, half, slot, state: found.state })
    }

    /// How far an earlier process came, as far as it is recorded.
    pub fn position(&self) -> Option<&Position> {
        self.state.as_ref().map(|state| &state.position)
    }

    /// What was in the chain's memory then: each memory's number, its first byte, and the bytes.
    ///
    /// # Errors
    ///
    /// If it is not what was recorded; and those of the disk.
    pub fn restore(&self) -> Result<Vec<(u32, u64, Vec<u8>)>, Refusal> {
        let Some(State { slot, pieces, .. }) = &self.state else { return Ok(Vec::new()) };
        let changed = || Refusal::wrong("does not match the data that it vouches for: it was changed or damaged since");
        let mut at = 0;
        let mut restored = Vec::with_capacity(pieces.len());
        for piece in pieces {
            // The record has a sum, so this is what was written; but a length is not believed before memory is made of it.
            if piece.bytes > self.half - at.min(self.half) {
                return Err(changed());
            }
            let mut bytes = vec![0; piece.bytes as usize];
            self.data.read_at(self.start(*slot) + at, &mut bytes)?;
            if Digest::of(&bytes) != piece.sum {
                return Err(changed());
            }
            restored.push((piece.memory, piece.start, bytes));
            at += piece.bytes.next_multiple_of(PAGE);
        }
        Ok(restored)
    }

    /// Makes a state durable: first its data, in the place of the one before the last, then the record that says so.
    ///
    /// # Errors
    ///
    /// Those of the disk. What was recorded before stays good.
    pub fn store(&mut self, position: Position, pieces: &[(u32, u64, &[u8])]) -> io::Result<()> {
        let slot = self.slot ^ 1;
        let mut at = 0;
        let mut known = Vec::with_capacity(pieces.len());
        for &(memory, start, bytes) in pieces {
            let length = bytes.len() as u64;
            if at + length > self.half {
                return Err(io::Error::other("a state has more bytes than there is room for"));
            }
            self.data.write_at(self.start(slot) + at, bytes)?;
            known.push(Piece { memory, start, bytes: length, sum: Digest::of(bytes) });
            at += length.next_multiple_of(PAGE);
        }
        self.data.sync()?;
        let (encoded, sum) = Record::State(State { slot, position, pieces: known }).encode(self.sum);
        self.log.write_at(self.end, &encoded)?;
        self.log.sync()?;
        (self.end, self.sum, self.slot) = (self.end + encoded.len() as u64, sum, slot);
        Ok(())
    }

    fn start(&self, slot: u8) -> u64 {
        u64::from(slot) * self.half
    }

    /// Bytes that a state of pieces of these sizes takes.
    pub fn room(pieces: impl IntoIterator<Item = u64>) -> u64 {
        pieces.into_iter().map(|bytes| bytes.next_multiple_of(PAGE)).sum()
    }
}
