//! Calls that go on where an earlier process stopped.

use std::{
    fmt,
    fs::File,
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use super::{Call, args::Data, launch::Checked};
use crate::{
    access::Verdict,
    device::Device,
    device_info::DeviceKind,
    digest::Digest,
    error::{Error, Message, Result},
    exec::keep::unkept,
    file::{System, place_of},
    journal::{
        FinalFile, Header, Home, Journal, Memory, Progress, Recorded, Refusal, Region, data_path, finish, progress,
    },
    kernel::{BindingKind, Kernel},
    plan::Plan,
    report::Report,
};

/// Where a call records what it has done; see [`Call::checkpoint`].
pub struct Checkpoint<'a> {
    path: PathBuf,
    /// What else has to be the same.
    note: u128,
    files: Vec<CallerFile<'a>>,
    is_persistent: bool,
}

/// Memory of the caller's that is in a file, shared with it.
struct CallerFile<'a> {
    name: String,
    file: Option<File>,
    /// What it starts with; nothing for zeros.
    start: Option<&'a [u8]>,
    /// Whether it holds that already.
    is_fresh: bool,
}

impl<'a> Checkpoint<'a> {
    /// In this file, and in another beside it whose name ends in `.data`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Checkpoint { path: path.into(), note: 0, files: Vec::new(), is_persistent: false }
    }

    /// For memory that outlives the process, such as that of a file which the caller mapped and has the call write: what it
    /// began with is stored before anything runs, which takes as much space again. The call goes on from there, and not from
    /// what a process that died has left in that memory: whatever is in it then is not looked at.
    ///
    /// Without this, the memory that the call writes has to hold the same contents again when the call goes on, as the rest of
    /// its data has to, or the call is refused.
    pub fn persistent(mut self) -> Self {
        self.is_persistent = true;
        self
    }

    /// Has the checkpoint belong to calls with the same note only.
    #[doc(hidden)]
    pub fn note(mut self, note: &[u8]) -> Self {
        self.note = Digest::of(note);
        self
    }

    /// The memory bound as `name` is that of a file, shared with it, and starts with `start` or zeros, whatever it holds unless
    /// it `is_fresh`. Without the file the call is not to be run.
    #[doc(hidden)]
    pub fn in_file(mut self, name: &str, file: Option<File>, start: Option<&'a [u8]>, is_fresh: bool) -> Self {
        self.files.push(CallerFile { name: name.to_owned(), file, start, is_fresh });
        self
    }

    /// A number that tells the one at `path` from others, however the path is written.
    #[doc(hidden)]
    pub fn id(path: &Path) -> Result<u64> {
        let place = place_of(path).map_err(|error| refused(None, path, Refusal::Io(error)))?;
        Ok(Digest::of(place.as_os_str().as_encoded_bytes()) as u64)
    }

    /// The file in which the one at `path` keeps its data.
    #[doc(hidden)]
    pub fn data_path(path: &Path) -> PathBuf {
        data_path(path)
    }

    /// How far the one at `path` is.
    #[doc(hidden)]
    pub fn progress(path: &Path) -> Result<Progress> {
        progress(&System, path).map_err(|refusal| refused(None, path, refusal))
    }
}

impl From<&Path> for Checkpoint<'_> {
    fn from(path: &Path) -> Self {
        Checkpoint::new(path)
    }
}

impl From<PathBuf> for Checkpoint<'_> {
    fn from(path: PathBuf) -> Self {
        Checkpoint::new(path)
    }
}

impl From<&str> for Checkpoint<'_> {
    fn from(path: &str) -> Self {
        Checkpoint::new(path)
    }
}

impl fmt::Debug for Checkpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<'a> Call<'a> {
    /// Records on disk what the call has done, so that the same call goes on from there after the process was killed, or was
    /// stopped by a [deadline](Call::deadline) or a [token](Call::cancel). Once the call is done, the same call gives the
    /// results without running anything, until the file is removed.
    ///
    /// The call is the same if the kernel, the grid, the uniforms, the devices and what is bound (as it is when the call
    /// begins) are; otherwise it is refused. The call runs in some hundred tiles where its grid can be cut, and what a tile
    /// has computed is lost with the process only until it is recorded, which happens all the time: it takes a twentieth of
    /// the time at most. A call that cannot be cut is recorded when it is done. `path` names the record; a file beside it,
    /// `path` with `.data` behind it, holds the results, and takes as much space as they do (twice that for buffers in which
    /// atomics accumulate). Resident buffers are not recorded, and calls with them refused.
    ///
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("swath-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("squares.checkpoint");
    /// let rt = swath::Runtime::cpu()?;
    /// let module = rt.module(
    ///     "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
    ///      @compute @workgroup_size(64) fn square(@builtin(global_invocation_id) id: vec3u) {
    ///          if id.x < arrayLength(&y) { y[id.x] = id.x * id.x; }
    ///      }",
    /// )?;
    /// let kernel = module.kernel("square")?;
    /// for resumed in [0, 1563] {
    ///     let mut y = vec![0u32; 100_000];
    ///     let report = rt.call(&kernel).write("y", &mut y).checkpoint(path.as_path()).run()?;
    ///     assert_eq!(y[300], 90_000);
    ///     assert_eq!(report.resumed_units(), resumed);
    /// }
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn checkpoint(mut self, checkpoint: impl Into<Checkpoint<'a>>) -> Self {
        self.parts.checkpoint = Some(Box::new(checkpoint.into()));
        self
    }
}

impl Report {
    /// Gives the files of a call with a checkpoint their names. Whether it had anything to record: the files of one that had
    /// nothing to do are as they were.
    #[doc(hidden)]
    pub fn finish_checkpoint(&self, files: &[FinalFile]) -> Result<bool> {
        let Some(recorded) = self.recorded.as_deref() else { return Ok(false) };
        finish_recorded(&self.kernel, recorded, files, &|_| false).map(|()| true)
    }
}

/// What a call's checkpoint says of it; nothing, where it has none.
#[derive(Default)]
pub(super) struct Resumed {
    /// Units that were done before.
    pub units: u32,
    /// What the checkpoint belongs to.
    pub recorded: Option<Arc<Recorded>>,
}

impl Checked<'_> {
    /// Opens its journal, if it has a checkpoint, and puts what is recorded into the arguments.
    pub fn resume(&mut self) -> Result<(Option<Journal>, Resumed)> {
        let Some(recorded) = self.recorded() else { return Ok((None, Resumed::default())) };
        let journal = self.open_journal(&recorded)?;
        let units = journal.committed().map(|units| units.end - units.start).sum();
        Ok((Some(journal), Resumed { units, recorded: Some(Arc::new(recorded)) }))
    }

    /// What its checkpoint belongs to, if it has one.
    pub fn recorded(&self) -> Option<Recorded> {
        let checkpoint = self.call.checkpoint.as_ref()?;
        let plan = self.plans().next()?;
        Some(Recorded { path: checkpoint.path.clone(), header: self.header(checkpoint, plan) })
    }

    fn header(&self, checkpoint: &Checkpoint<'_>, plan: &Plan) -> Header {
        let kernel = &self.call.kernel;
        let [x, y, z] = self.workgroups.map(u64::from);
        let mut call = Digest::new().wide(checkpoint.note).number(x).number(y).number(z);
        call = call.text(self.call.uniforms.all());
        let mut data = Vec::new();
        for (binding, arg) in kernel.bindings().iter().zip(&self.call.args) {
            let Some(arg) = arg else { continue };
            let held: &[u8] = match &arg.data {
                Data::Read(bytes) => bytes,
                Data::Write(bytes) => bytes,
                Data::Owned(owned) => owned.bytes(),
                Data::Resident { .. } => &[],
            };
            call = call.text(binding.name.as_bytes()).number(held.len() as u64);
            let start = match checkpoint.files.iter().find(|file| file.name == binding.name) {
                None => Digest::of(held),
                Some(CallerFile { start: Some(start), .. }) => Digest::of(start),
                Some(_) => Digest::new().text(b"zeros").number(held.len() as u64).finish(),
            };
            data.push((binding.name.clone(), start));
        }
        let mut devices: Vec<String> = self.devices().map(describe).collect();
        devices.sort_unstable();
        Header {
            engine: concat!("swath ", env!("CARGO_PKG_VERSION")).to_owned(),
            devices: devices.join(" and "),
            kernel: kernel.fingerprint().0,
            call: call.finish(),
            axis: plan.tiles.axis() as u8,
            units: plan.tiles.units(),
            data,
        }
    }

    fn open_journal(&mut self, recorded: &Recorded) -> Result<Journal> {
        let Some(plan) = self.plans().next().cloned() else { return Err(Error::Call(Message::default())) };
        let is_cut = self.is_shared();
        let kernel = self.call.kernel.clone();
        let (mut files, is_persistent) = match self.call.checkpoint.take() {
            Some(checkpoint) => (checkpoint.files, checkpoint.is_persistent),
            None => (Vec::new(), false),
        };
        let mut regions = Vec::new();
        for (at, binding) in kernel.bindings().iter().enumerate() {
            if binding.kind != BindingKind::ReadWriteStorage || !binding.stores {
                continue;
            }
            let file = files.iter_mut().find(|file| file.name == binding.name).and_then(|file| file.file.take());
            let home = match (plan.bindings[at].verdict, file) {
                (Verdict::Merged(_), _) if is_cut => Home::Merged,
                (_, Some(file)) => Home::Caller(Box::new(file)),
                (_, None) => Home::Data,
            };
            let (name, bytes) = (binding.name.clone(), plan.bindings[at].bytes);
            regions.push(Region { name, binding: at, bytes, home, is_persistent });
        }
        let refuse = |refusal| refused(Some(&kernel), &recorded.path, refusal);
        let journal =
            Journal::open(&System, &recorded.path, &recorded.header, regions, &Arguments(self)).map_err(refuse)?;
        let extents = |at: usize, units: Range<u32>| extent(&plan, is_cut, at, units);
        let mut memory: Vec<Option<&mut [u8]>> = self
            .call
            .args
            .iter_mut()
            .map(|arg| match &mut arg.as_mut()?.data {
                Data::Write(bytes) => Some(&mut **bytes),
                Data::Owned(owned) => Some(owned.bytes_mut()),
                Data::Read(_) | Data::Resident { .. } => None,
            })
            .collect();
        journal.restore(&extents, &mut memory).map_err(refuse)?;
        for file in files {
            let Some(at) = kernel.bindings().iter().position(|binding| binding.name == file.name) else { continue };
            let Some(memory) = memory[at].as_deref_mut() else { continue };
            // What is merged was restored as a whole, once there was anything.
            let is_merged = is_cut && matches!(plan.bindings[at].verdict, Verdict::Merged(_));
            let is_restored = is_merged && journal.committed().next().is_some();
            if !(is_restored || file.is_fresh && file.start.is_none()) {
                let kept = journal.committed().filter(|_| !is_merged).map(|units| extents(at, units));
                start_over(memory, file.start, kept.collect());
            }
        }
        Ok(journal)
    }

    /// Records that all of a call that is not cut is done.
    pub fn record_all(&self, journal: &mut Journal) -> Result<()> {
        let Some(plan) = self.placement.plan.as_deref() else { return Ok(()) };
        journal.landed(Some(0..plan.tiles.units()));
        let start = Instant::now();
        let extents = |at: usize, units: Range<u32>| extent(plan, false, at, units);
        let tended = journal.tend(&Arguments(self), &extents, &|| start.elapsed(), true);
        tended.map(|_| ()).map_err(|error| unkept(&self.call.kernel, error))
    }
}

/// The bytes of a binding that a run of units writes, as far as the journal cares.
fn extent(plan: &Plan, is_cut: bool, at: usize, units: Range<u32>) -> Range<u64> {
    if is_cut { plan.writes(at, units) } else { 0..plan.bindings[at].bytes }
}

/// Puts back what memory started with, save in ranges that are kept.
fn start_over(memory: &mut [u8], start: Option<&[u8]>, mut kept: Vec<Range<u64>>) {
    kept.retain(|range| !range.is_empty());
    kept.sort_unstable_by_key(|range| range.start);
    kept.push(memory.len() as u64..memory.len() as u64);
    let mut at = 0;
    for range in kept {
        let gap = at..(range.start as usize).max(at);
        match start {
            Some(start) => memory[gap.clone()].copy_from_slice(&start[gap]),
            None => memory[gap].fill(0),
        }
        at = at.max(range.end as usize);
    }
}

/// The arguments of a call that is not running.
struct Arguments<'c, 'a>(&'c Checked<'a>);

impl Memory for Arguments<'_, '_> {
    fn read(&self, binding: usize, range: Range<u64>, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let range = range.start as usize..range.end as usize;
        match self.0.call.args[binding].as_ref().map(|arg| &arg.data) {
            Some(Data::Write(bytes)) => take(&bytes[range]),
            Some(Data::Owned(owned)) => take(&owned.bytes()[range]),
            _ => Ok(()),
        }
    }
}

/// Gives files their names, once all units are recorded. Bindings that `is_replaced` names are not compared.
pub(super) fn finish_recorded(
    kernel: &Kernel,
    recorded: &Recorded,
    files: &[FinalFile],
    is_replaced: &dyn Fn(&str) -> bool,
) -> Result<()> {
    let finished = finish(&System, &recorded.path, &recorded.header, is_replaced, files);
    finished.map_err(|refusal| refused(Some(kernel), &recorded.path, refusal))
}

/// A device as far as results depend on it.
pub(crate) fn describe(device: &Device) -> String {
    let info = device.info();
    match info.kind {
        // The same bits on any number of threads, whatever the processor.
        DeviceKind::Cpu => "the CPU engine".to_owned(),
        _ => format!("{} ({}, {})", info.name, info.backend, info.driver),
    }
}

/// The error of a call whose checkpoint cannot be used.
pub(crate) fn refused(kernel: Option<&Kernel>, path: &Path, refusal: Refusal) -> Error {
    let name = path.display();
    let message = |problem: String| match kernel {
        Some(kernel) => kernel.message(problem),
        None => Message::new(problem),
    };
    match refusal {
        Refusal::Wrong { problem, help } => {
            Error::Call(message(format!("the checkpoint `{name}` {problem}")).help(help))
        }
        Refusal::Io(error) => {
            let problem = format!("the checkpoint `{name}` cannot be read or written: {error}");
            Error::Io(message(problem).cause(error))
        }
    }
}

/// Refuses a checkpoint of what stays on a device.
pub(super) fn refuse_resident(kernel: &Kernel, name: &str) -> Error {
    let message = kernel.message(format!("a checkpoint records host data, and `{name}` is a resident buffer"));
    Error::Call(message.subject(name).help("bind a slice, or leave the checkpoint out"))
}
