//! A disk in memory that loses power: what was not synced is dropped, torn and reordered.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{FileIdentity, FileSystem, Handle};

/// Bytes that a disk writes as one, or not at all.
const SECTOR: usize = 512;

/// A disk. Its clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: Vec<SimulatedFile>,
    /// Files by name: as a reader sees them, and as they are after a loss of power.
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// What happened to names since the folder was synced. There is one folder.
    unsynced_names: Vec<NameChange>,
    /// Changes that were made.
    changes: u64,
    /// The change at which the power goes.
    power_until: Option<u64>,
}

#[derive(Clone, Default)]
struct SimulatedFile {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Clone)]
enum NameChange {
    Set(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl SimulatedDisk {
    /// Lets the power go at the change of this number, from now on. Reads fail then, too.
    pub fn cut_after(&self, changes: u64) {
        let mut state = self.state();
        state.power_until = Some(state.changes + changes);
    }

    /// Changes that were made so far.
    pub fn changes(&self) -> u64 {
        self.state().changes
    }

    /// Whether the power went.
    pub fn is_cut(&self) -> bool {
        let state = self.state();
        state.power_until.is_some_and(|until| state.changes >= until)
    }

    /// The disk when power is back: of what was not synced, `pick` says what got there.
    pub fn after_a_cut(&self, mut pick: impl FnMut() -> bool) -> SimulatedDisk {
        let mut state = self.state();
        let mut files = Vec::with_capacity(state.files.len());
        for file in &mut state.files {
            let mut durable = file.durable.clone();
            let mut changes = file.unsynced.clone();
            // Now and then in another order.
            if changes.len() > 1 && pick() && pick() {
                changes.reverse();
            }
            for change in &changes {
                change.tear(&mut durable, &mut pick);
            }
            files.push(SimulatedFile { bytes: durable.clone(), durable, unsynced: Vec::new() });
        }
        let mut names = state.durable_names.clone();
        for change in state.unsynced_names.iter().filter(|_| pick()) {
            change.apply(&mut names);
        }
        let state = State { files, names: names.clone(), durable_names: names, ..State::default() };
        SimulatedDisk { state: Arc::new(Mutex::new(state)) }
    }

    /// The disk when a process was killed and the system goes on: nothing is lost.
    pub fn after_a_kill(&self) -> SimulatedDisk {
        let state = self.state();
        let files = state.files.iter().map(|file| {
            let bytes = file.bytes.clone();
            SimulatedFile { durable: bytes.clone(), bytes, unsynced: Vec::new() }
        });
        let (files, names) = (files.collect(), state.names.clone());
        let state = State { files, names: names.clone(), durable_names: names, ..State::default() };
        SimulatedDisk { state: Arc::new(Mutex::new(state)) }
    }

    /// What is in a file.
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(path).map(|&file| state.files[file].bytes.clone())
    }

    /// Puts a file there, for good.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let number = state.files.len();
        state.files.push(SimulatedFile { bytes: bytes.to_vec(), durable: bytes.to_vec(), unsynced: Vec::new() });
        state.names.insert(path.to_owned(), number);
        state.durable_names.insert(path.to_owned(), number);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        self.tear(bytes, &mut || true);
    }

    /// As [`apply`](Change::apply), for those sectors that are picked.
    fn tear(&self, bytes: &mut Vec<u8>, pick: &mut impl FnMut() -> bool) {
        match self {
            Change::Length(len) => {
                if pick() {
                    bytes.resize(*len as usize, 0);
                }
            }
            Change::Write(offset, written) => {
                let mut at = 0;
                while at < written.len() {
                    let from = *offset as usize + at;
                    let step = (SECTOR - from % SECTOR).min(written.len() - at);
                    if pick() {
                        if bytes.len() < from + step {
                            bytes.resize(from + step, 0);
                        }
                        bytes[from..from + step].copy_from_slice(&written[at..at + step]);
                    }
                    at += step;
                }
            }
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            NameChange::Set(path, file) => drop(names.insert(path.clone(), *file)),
            NameChange::Remove(path) => drop(names.remove(path)),
            NameChange::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

impl State {
    fn check_power(&self) -> io::Result<()> {
        match self.power_until {
            Some(until) if self.changes >= until => Err(io::Error::other("the power is gone")),
            _ => Ok(()),
        }
    }

    /// Counts a change; an error once the power is gone. The change at which it goes is made, and not synced.
    fn change(&mut self) -> io::Result<()> {
        self.check_power()?;
        self.changes += 1;
        Ok(())
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
    }
}

impl FileSystem for SimulatedDisk {
    fn open(&self, path: &Path) -> io::Result<Option<Box<dyn Handle>>> {
        let state = self.state();
        state.check_power()?;
        let file = state.names.get(path).copied();
        Ok(file.map(|file| Box::new(SimulatedHandle { disk: self.clone(), file }) as Box<dyn Handle>))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Handle>> {
        let mut state = self.state();
        state.check_power()?;
        let file = match state.names.get(path) {
            Some(&file) => file,
            None => {
                state.change()?;
                state.files.push(SimulatedFile::default());
                let file = state.files.len() - 1;
                state.rename(NameChange::Set(path.to_owned(), file));
                file
            }
        };
        Ok(Box::new(SimulatedHandle { disk: self.clone(), file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.rename(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.durable_names = state.names.clone();
        state.unsynced_names.clear();
        Ok(())
    }

    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>> {
        let state = self.state();
        state.check_power()?;
        let found = state.names.get(path);
        let identity = |&file: &usize| FileIdentity {
            number: file as u64 + 1,
            bytes: state.files[file].bytes.len() as u64,
            changed: 0,
        };
        Ok(found.map(identity))
    }
}

struct SimulatedHandle {
    disk: SimulatedDisk,
    file: usize,
}

impl SimulatedHandle {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change()?;
        let file = &mut state.files[self.file];
        change.apply(&mut file.bytes);
        file.unsynced.push(change);
        Ok(())
    }
}

impl Handle for SimulatedHandle {
    fn take_lock(&self) -> bool {
        true
    }

    fn length(&self) -> io::Result<u64> {
        let state = self.disk.state();
        state.check_power()?;
        Ok(state.files[self.file].bytes.len() as u64)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let state = self.disk.state();
        state.check_power()?;
        let found = state.files[self.file].bytes.get(offset as usize..offset as usize + bytes.len());
        bytes.copy_from_slice(found.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(Change::Write(offset, bytes.to_vec()))
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.change(Change::Length(len))
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        let now = self.length()?;
        self.change(Change::Length(len.max(now)))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change()?;
        let file = &mut state.files[self.file];
        file.durable = file.bytes.clone();
        file.unsynced.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_synced_may_be_lost() {
        let (disk, path) = (SimulatedDisk::default(), Path::new("a"));
        let file = disk.create(path).expect("made");
        file.write_at(0, &[1; 2000]).expect("written");
        assert_eq!(disk.after_a_cut(|| false).contents(path), None, "its name was not synced");
        disk.sync_folder(path).expect("synced");
        assert_eq!(disk.after_a_cut(|| false).contents(path), Some(Vec::new()), "its bytes were not synced");
        file.sync().expect("synced");
        file.write_at(500, &[2; 1000]).expect("written");
        let mut turn = 0;
        let torn = disk.after_a_cut(|| {
            turn += 1;
            turn == 2
        });
        let expected: Vec<u8> = (0..2000).map(|at| if (512..1024).contains(&at) { 2 } else { 1 }).collect();
        assert_eq!(torn.contents(path), Some(expected), "one sector of three got there");
        disk.cut_after(1);
        file.write_at(0, &[3]).expect("the last that is made");
        assert!(disk.is_cut() && file.write_at(0, &[3]).is_err() && file.read_at(0, &mut [0]).is_err());
        assert_eq!(disk.after_a_cut(|| false).contents(path), Some(vec![1; 2000]));
        assert_eq!(disk.after_a_kill().contents(path).map(|bytes| bytes[0]), Some(3));
    }
}
