//! A journal and the data that it vouches for.

use std::{
    ffi::OsString,
    io,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    format::{self, Found, Header, MergedState, Record},
    policy::{Policy, Step},
};
use crate::{
    digest::Digest,
    file::{FileIdentity, FileSystem, Handle},
};

/// Where what is written to a binding becomes durable.
pub(crate) enum Home {
    /// In the journal's own data file.
    Data,
    /// In a file of the caller's, whose bytes the binding's memory is: what is written there is written to the file.
    Caller(Box<dyn Handle>),
    /// In the data file, as a whole, twice in turn: every unit changes it.
    Merged,
}

/// A binding that the call writes.
pub(crate) struct Region {
    pub name: String,
    /// Its number in the kernel.
    pub binding: usize,
    pub bytes: u64,
    pub home: Home,
    /// Whether its memory outlives the process, so that what it began with has to be kept elsewhere.
    pub is_persistent: bool,
}

/// The call's memory.
pub(crate) trait Memory {
    /// Lends bytes of a binding that nobody writes now.
    fn read(&self, binding: usize, range: Range<u64>, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>;
}

/// Which bytes of a binding a run of units writes.
pub(crate) type Extents<'e> = dyn Fn(usize, Range<u32>) -> Range<u64> + Sync + 'e;

/// Why a checkpoint cannot be used.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is no checkpoint of this call: what about it, and what to do.
    Wrong { problem: String, help: String },
    /// The disk failed.
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Io(error)
    }
}

impl Refusal {
    pub(super) fn wrong(problem: impl Into<String>) -> Refusal {
        Refusal::Wrong {
            problem: problem.into(),
            help:
                "to compute all of it anew, remove the checkpoint; what is updated in place has to be as it was before"
                    .into(),
        }
    }
}

/// A journal's place, and what it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub path: PathBuf,
    pub header: Header,
}

/// A file that takes its name when the call is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalFile {
    /// The binding.
    pub name: String,
    /// Where its bytes are; durable.
    pub temporary: PathBuf,
    /// Where they are to be.
    pub target: PathBuf,
}

/// How far a checkpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is none.
    None,
    /// Units are being done.
    Begun,
    /// All units are done, and these files are to take their names.
    Finishing(Vec<(String, FileIdentity)>),
    /// They have them.
    Done(Vec<(String, FileIdentity)>),
}

/// What is missing of a call, and where it is recorded once it is done. It is this process's alone.
pub(crate) struct Journal {
    log: Box<dyn Handle>,
    end: u64,
    sum: u128,
    data: Option<Box<dyn Handle>>,
    regions: Vec<(Region, Place)>,
    /// The place of the merged bindings that the last record names.
    slot: u8,
    policy: Policy,
    /// Records of the batch that is being made durable, from when its data is written.
    pending: Vec<Record>,
    /// Runs that were committed in an earlier process, and what it merged.
    runs: Vec<(Range<u32>, u128)>,
    merged: Option<MergedState>,
    /// What each binding began with.
    starts: Vec<(String, u128)>,
}

/// Where a region is in the data file.
#[derive(Clone, Copy)]
struct Place {
    /// Its results: one copy, two by turns, or none.
    results: u64,
    /// What it began with, if that is kept.
    start: Option<u64>,
}

/// Regions start at pages.
pub(super) const PAGE: u64 = 4096;

/// The longest journal that is read.
const LONGEST: u64 = 1 << 30;

/// The file beside a journal that has the data which has no other.
pub(crate) fn data_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.file_name().unwrap_or_default());
    name.push(".data");
    path.with_file_name(name)
}

/// Makes the data file, of full size.
pub(super) fn make_data(fs: &dyn FileSystem, path: &Path, bytes: u64) -> Result<Box<dyn Handle>, Refusal> {
    // It is never there without the journal that it belongs to.
    fs.sync_folder(path)?;
    let data = fs.create(&data_path(path))?;
    data.truncate(0)?;
    data.reserve(bytes)?;
    data.sync()?;
    fs.sync_folder(path)?;
    Ok(data)
}

/// Opens the data file that an earlier process made.
pub(super) fn find_data(fs: &dyn FileSystem, path: &Path, bytes: u64) -> Result<Box<dyn Handle>, Refusal> {
    let lost = || Refusal::wrong(format!("has lost its data: `{}` is missing or cut", data_path(path).display()));
    let data = fs.open(&data_path(path))?.ok_or_else(lost)?;
    if data.length()? < bytes { Err(lost()) } else { Ok(data) }
}

/// Removes what could not be begun. What does not go away is empty, or begun anew.
pub(super) fn forget(fs: &dyn FileSystem, path: &Path) {
    let _ = fs.remove(&data_path(path));
    let _ = fs.remove(path);
}

/// Refuses to begin where a file of the user's stands in the way: what has the name of a journal's data, and no journal beside it.
fn check_new(fs: &dyn FileSystem, path: &Path) -> Result<(), Refusal> {
    let data = data_path(path);
    if fs.identity(path)?.is_some() || fs.identity(&data)?.is_none() {
        return Ok(());
    }
    let problem = format!("keeps its data in `{}`, and there is a file of that name already", data.display());
    let help = "choose another name for the checkpoint; or remove that file, if it is left over from one".to_owned();
    Err(Refusal::Wrong { problem, help })
}

/// Opens a journal's file, and sees to it that no other process does.
pub(super) fn open(fs: &dyn FileSystem, path: &Path) -> Result<Box<dyn Handle>, Refusal> {
    check_new(fs, path)?;
    let log = fs.create(path)?;
    if log.take_lock() {
        return Ok(log);
    }
    let help = "wait until it is done, or give this call a checkpoint of its own".into();
    Err(Refusal::Wrong { problem: "is in use by another process".into(), help })
}

/// What is in a journal; nothing if it is empty, as it is when a process was killed before it wrote anything.
pub(super) fn read(log: &dyn Handle) -> Result<Option<Found>, Refusal> {
    let length = log.length()?;
    if length == 0 {
        return Ok(None);
    }
    if length > LONGEST {
        return Err(Refusal::wrong(format::Flaw::Foreign.to_string()));
    }
    let mut bytes = vec![0; length as usize];
    log.read_at(0, &mut bytes)?;
    format::parse(&bytes).map(Some).map_err(|flaw| Refusal::wrong(flaw.to_string()))
}

/// How far the checkpoint at `path` is.
///
/// # Errors
///
/// If it is none, or cannot be read.
pub(crate) fn progress(fs: &dyn FileSystem, path: &Path) -> Result<Progress, Refusal> {
    let Some(log) = fs.open(path)? else { return Ok(Progress::None) };
    Ok(match read(&*log)? {
        None => Progress::None,
        Some(Found { finishing: Some(files), is_done: true, .. }) => Progress::Done(files),
        Some(Found { finishing: Some(files), .. }) => Progress::Finishing(files),
        Some(_) => Progress::Begun,
    })
}

impl Header {
    /// Refuses a journal of something else. Bindings that `is_replaced` names are not compared: what they began with is gone.
    pub(super) fn check(&self, now: &Header, is_replaced: &dyn Fn(&str) -> bool) -> Result<(), Refusal> {
        let differs = |what: &str| Err(Refusal::wrong(format!("belongs to {what}")));
        if self.engine != now.engine {
            return differs(&format!("{}, and this is {}", self.engine, now.engine));
        }
        let (another, with_other) = match now.axis {
            format::STEPS => ("another chain, or to one that was changed since", "a run with other values"),
            _ => (
                "another kernel, or to one that was changed since",
                "a call with another grid, other uniforms, sizes or files",
            ),
        };
        if self.kernel != now.kernel {
            return differs(another);
        }
        if self.call != now.call || (self.axis, self.units) != (now.axis, now.units) {
            return differs(with_other);
        }
        if self.devices != now.devices {
            let problem = format!("belongs to a run on {}, and this is one on {}", self.devices, now.devices);
            return Err(Refusal::Wrong { problem, help: "choose the same devices, or remove the checkpoint".into() });
        }
        for ((name, sum), (_, now)) in self.data.iter().zip(&now.data) {
            if sum != now && !is_replaced(name) {
                return Err(Refusal::wrong(format!("was made with other data: `{name}` was changed since")));
            }
        }
        Ok(())
    }
}

impl Journal {
    /// Opens the journal of a call, or begins one.
    ///
    /// # Errors
    ///
    /// If it is another call's, damaged, in use, or was finished; and those of the disk.
    pub fn open(
        fs: &dyn FileSystem,
        path: &Path,
        header: &Header,
        regions: Vec<Region>,
        memory: &dyn Memory,
    ) -> Result<Journal, Refusal> {
        let log = open(fs, path)?;
        let found = read(&*log)?;
        let mut end = 0;
        let regions: Vec<_> = regions
            .into_iter()
            .map(|region| {
                let copies = match region.home {
                    Home::Data => 1,
                    Home::Caller(_) => 0,
                    Home::Merged => 2,
                };
                let mut take = |copies: u64| {
                    let start = end;
                    end += copies * region.bytes.next_multiple_of(PAGE);
                    start
                };
                let place = Place { results: take(copies), start: region.is_persistent.then(|| take(1)) };
                (region, place)
            })
            .collect();
        let is_merging = regions.iter().any(|(region, _)| matches!(region.home, Home::Merged));
        let policy = Policy::new(is_merging);
        let mut journal = Journal {
            log,
            end: 0,
            sum: 0,
            data: None,
            regions,
            slot: 1,
            policy,
            pending: Vec::new(),
            runs: Vec::new(),
            merged: None,
            starts: header.data.clone(),
        };
        match found {
            Some(found) => journal.go_on(fs, path, header, found, end)?,
            None => journal.begin(fs, path, header, end, memory).inspect_err(|_| forget(fs, path))?,
        }
        Ok(journal)
    }

    fn begin(
        &mut self,
        fs: &dyn FileSystem,
        path: &Path,
        header: &Header,
        bytes: u64,
        memory: &dyn Memory,
    ) -> Result<(), Refusal> {
        self.make_data(fs, path, bytes)?;
        // Durable before any unit begins: the memory itself may then be changed.
        for (region, place) in &self.regions {
            if let (Some(start), Some(data)) = (place.start, &self.data) {
                memory.read(region.binding, 0..region.bytes, &mut |bytes| data.write_at(start, bytes))?;
            }
        }
        self.data.iter().try_for_each(|data| data.sync())?;
        let (encoded, sum) = header.encode();
        self.log.write_at(0, &encoded)?;
        self.log.sync()?;
        fs.sync_folder(path)?;
        (self.end, self.sum) = (encoded.len() as u64, sum);
        Ok(())
    }

    /// Makes the data file, if there is anything to be in it.
    fn make_data(&mut self, fs: &dyn FileSystem, path: &Path, bytes: u64) -> Result<(), Refusal> {
        if bytes > 0 {
            self.data = Some(make_data(fs, path, bytes)?);
        }
        Ok(())
    }

    fn go_on(
        &mut self,
        fs: &dyn FileSystem,
        path: &Path,
        header: &Header,
        found: Found,
        bytes: u64,
    ) -> Result<(), Refusal> {
        let is_persistent =
            |name: &str| self.regions.iter().any(|(region, _)| region.is_persistent && region.name == name);
        found.header.check(header, &is_persistent)?;
        if found.finishing.is_some() {
            return Err(Refusal::wrong("is that of a command that is done"));
        }
        let keeps_starts = self.regions.iter().any(|(region, _)| region.is_persistent);
        if found.runs.is_empty() && !keeps_starts {
            self.make_data(fs, path, bytes)?;
        } else if bytes > 0 {
            self.data = Some(find_data(fs, path, bytes)?);
        }
        // What was torn is not to stand behind what is written next.
        self.log.truncate(found.end)?;
        (self.end, self.sum) = (found.end, found.sum);
        self.slot = found.merged.map_or(1, |merged| merged.slot);
        (self.runs, self.merged, self.starts) = (found.runs, found.merged, found.header.data);
        Ok(())
    }

    /// Bytes of its records.
    pub fn length(&self) -> u64 {
        self.end
    }

    /// The runs of units that were committed in earlier processes.
    pub fn committed(&self) -> impl Iterator<Item = Range<u32>> {
        self.runs.iter().map(|(run, _)| run.clone())
    }

    /// Puts what earlier processes committed into the memory of each binding, and looks whether it is what was recorded.
    /// Memory that is in a file of the caller's has it already; what outlived the process first gets what it began with.
    ///
    /// # Errors
    ///
    /// If it is not; and those of the disk.
    pub fn restore(&self, extents: &Extents<'_>, memory: &mut [Option<&mut [u8]>]) -> Result<(), Refusal> {
        for (region, place) in &self.regions {
            let (Some(start), Some(data)) = (place.start, &self.data) else { continue };
            let bytes = slice(memory, region.binding, &(0..region.bytes))?;
            data.read_at(start, bytes)?;
            if !self.starts.contains(&(region.name.clone(), Digest::of(bytes))) {
                return Err(changed());
            }
        }
        for (run, sum) in &self.runs {
            let mut digest = run_digest(run);
            for (region, place) in &self.regions {
                let range = extents(region.binding, run.clone());
                if matches!(region.home, Home::Merged) || range.is_empty() {
                    continue;
                }
                let bytes = slice(memory, region.binding, &range)?;
                if let (Home::Data, Some(data)) = (&region.home, &self.data) {
                    data.read_at(place.results + range.start, bytes)?;
                }
                digest.add(bytes);
            }
            if digest.finish() != *sum {
                return Err(changed());
            }
        }
        let Some(MergedState { slot, sum }) = self.merged else { return Ok(()) };
        let mut digest = Digest::new();
        for (region, place) in self.merged_regions() {
            let bytes = slice(memory, region.binding, &(0..region.bytes))?;
            if let Some(data) = &self.data {
                data.read_at(slot_start(region, place, slot), bytes)?;
            }
            digest.add(bytes);
        }
        if digest.finish() == sum { Ok(()) } else { Err(changed()) }
    }

    fn merged_regions(&self) -> impl Iterator<Item = (&Region, &Place)> {
        let merged = self.regions.iter().filter(|(region, _)| matches!(region.home, Home::Merged));
        merged.map(|(region, place)| (region, place))
    }

    /// These units are in the call's memory, and nobody writes there any more; with merged bindings, their memory holds
    /// all units that have landed and no others until the journal is [tended](Journal::tend).
    pub fn landed(&mut self, units: impl IntoIterator<Item = Range<u32>>) {
        self.policy.landed(units);
    }

    /// Does what is to be done at the time `now` gives, and says what then: to wait, or to gather.
    ///
    /// # Errors
    ///
    /// Those of the disk. What was recorded before stays good.
    pub fn tend(
        &mut self,
        memory: &dyn Memory,
        extents: &Extents<'_>,
        now: &dyn Fn() -> Duration,
        is_last: bool,
    ) -> io::Result<Step> {
        loop {
            match self.policy.next(now(), is_last) {
                step @ (Step::Wait(_) | Step::Gather) => return Ok(step),
                Step::WriteData => self.write_data(memory, extents)?,
                Step::SyncData => self.sync_data()?,
                Step::WriteRecords => self.write_records()?,
                Step::SyncRecords => self.log.sync()?,
            }
            self.policy.did(now());
        }
    }

    fn write_data(&mut self, memory: &dyn Memory, extents: &Extents<'_>) -> io::Result<()> {
        let mut runs = Vec::with_capacity(self.policy.batch().len());
        for run in self.policy.batch() {
            let mut digest = run_digest(run);
            for (region, place) in &self.regions {
                let range = extents(region.binding, run.clone());
                if matches!(region.home, Home::Merged) || range.is_empty() {
                    continue;
                }
                memory.read(region.binding, range.clone(), &mut |bytes| {
                    digest.add(bytes);
                    match (&region.home, &self.data) {
                        (Home::Data, Some(data)) => data.write_at(place.results + range.start, bytes),
                        _ => Ok(()),
                    }
                })?;
            }
            runs.push((run.clone(), digest.finish()));
        }
        let slot = self.slot ^ 1;
        let mut digest = Digest::new();
        let mut is_merging = false;
        for (region, place) in self.merged_regions() {
            is_merging = true;
            memory.read(region.binding, 0..region.bytes, &mut |bytes| {
                digest.add(bytes);
                let start = slot_start(region, place, slot);
                self.data.as_ref().map_or(Ok(()), |data| data.write_at(start, bytes))
            })?;
        }
        self.pending = if is_merging {
            // All of them or none: the state has all of them.
            vec![Record::Units { runs, merged: Some(MergedState { slot, sum: digest.finish() }) }]
        } else {
            runs.into_iter().map(|run| Record::Units { runs: vec![run], merged: None }).collect()
        };
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let callers = self.regions.iter().filter_map(|(region, _)| match &region.home {
            Home::Caller(file) => Some(file),
            _ => None,
        });
        callers.chain(&self.data).try_for_each(|file| file.sync())
    }

    fn write_records(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut sum = self.sum;
        for record in &self.pending {
            let (encoded, next) = record.encode(sum);
            bytes.extend(encoded);
            sum = next;
            if let Record::Units { merged: Some(merged), .. } = record {
                self.slot = merged.slot;
            }
        }
        self.log.write_at(self.end, &bytes)?;
        (self.end, self.sum) = (self.end + bytes.len() as u64, sum);
        self.pending.clear();
        Ok(())
    }
}

fn run_digest(run: &Range<u32>) -> Digest {
    Digest::new().number(run.start.into()).number(run.end.into())
}

fn slot_start(region: &Region, place: &Place, slot: u8) -> u64 {
    place.results + u64::from(slot) * region.bytes.next_multiple_of(PAGE)
}

fn slice<'m>(memory: &'m mut [Option<&mut [u8]>], binding: usize, range: &Range<u64>) -> io::Result<&'m mut [u8]> {
    let bytes = memory.get_mut(binding).and_then(|memory| memory.as_deref_mut());
    let bytes = bytes.and_then(|bytes| bytes.get_mut(range.start as usize..range.end as usize));
    bytes.ok_or_else(|| io::Error::other("a run of units is recorded that writes outside of its memory"))
}

fn changed() -> Refusal {
    Refusal::wrong("does not match the results that it vouches for: they were changed or damaged since")
}

/// Gives the files of a call, all of whose units are recorded, their names; or goes on with that, or finds that it is done.
/// The journal stays and says so.
///
/// # Errors
///
/// If the journal is another call's (bindings that `is_replaced` names are not compared), or files are not those that it
/// names; and those of the disk.
pub(crate) fn finish(
    fs: &dyn FileSystem,
    path: &Path,
    header: &Header,
    is_replaced: &dyn Fn(&str) -> bool,
    files: &[FinalFile],
) -> Result<(), Refusal> {
    let log = open(fs, path)?;
    let Some(mut found) = read(&*log)? else { return Err(Refusal::wrong("is empty")) };
    found.header.check(header, is_replaced)?;
    if log.length()? > found.end {
        // What was torn is not to stand behind what is written.
        log.truncate(found.end)?;
    }
    let mut append = |record: Record| -> Result<(), Refusal> {
        let (bytes, sum) = record.encode(found.sum);
        log.write_at(found.end, &bytes)?;
        log.sync()?;
        (found.end, found.sum) = (found.end + bytes.len() as u64, sum);
        Ok(())
    };
    let named = match found.finishing {
        Some(named) => named,
        None => {
            let done: u64 = found.runs.iter().map(|(run, _)| u64::from(run.end - run.start)).sum();
            if done != u64::from(header.units) {
                return Err(Refusal::wrong("has units that are not done"));
            }
            let mut named = Vec::with_capacity(files.len());
            for file in files {
                let identity = fs.identity(&file.temporary)?.ok_or_else(|| missing(&file.temporary))?;
                named.push((file.name.clone(), identity));
            }
            append(Record::Finishing(named.clone()))?;
            named
        }
    };
    for file in files {
        let identity = named.iter().find(|(name, _)| *name == file.name).map(|(_, identity)| *identity);
        let Some(identity) = identity else { return Err(Refusal::wrong("belongs to a call with other files")) };
        // Renamed before the process ended, or not yet.
        if fs.identity(&file.target)? == Some(identity) {
            continue;
        }
        if found.is_done || fs.identity(&file.temporary)? != Some(identity) {
            return Err(missing(&file.target));
        }
        fs.rename(&file.temporary, &file.target)?;
    }
    if !found.is_done {
        files.iter().try_for_each(|file| fs.sync_folder(&file.target))?;
        append(Record::Done)?;
    }
    if fs.identity(&data_path(path))?.is_some() {
        fs.remove(&data_path(path))?;
    }
    Ok(())
}

fn missing(path: &Path) -> Refusal {
    Refusal::wrong(format!("names `{}` as its result, which was changed or removed since", path.display()))
}
