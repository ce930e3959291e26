//! What was learned, kept in the user's cache folder from one process to the next.
//!
//! The file is text, one record a line, each with a checksum. Processes append under a lock, so that none loses what another
//! learned, and whoever finds the file large writes it anew with what counts. Nothing here can fail a call: without a
//! folder, or with a damaged file, one learns anew.

mod contents;
mod format;
mod writer;

use std::{
    env, fs,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

pub(crate) use contents::Contents;
pub use contents::{LearnedDevice, LearnedKernel, TunedKernel};
pub(crate) use writer::Writer;

use super::Record;
use crate::file::{self, cache_folder};

/// Where a runtime keeps what it learns about kernels and devices.
///
/// Learning is what lets a call without a device find the fastest one. See [`RuntimeBuilder::history`](crate::RuntimeBuilder::history).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum History {
    /// Nothing is measured or learned. Calls without a device take the first that can run them, in a fixed order.
    Off,
    /// For as long as the runtime lives.
    InMemory,
    /// In a file in this folder, which is made if it is not there. Only the user can read the file.
    Folder(PathBuf),
}

impl History {
    /// As the environment variable `SWATH_HISTORY` says: `off`, or the absolute path of a folder. Without it, or with `on`, a
    /// folder in the user's cache folder.
    pub fn from_environment() -> History {
        match env::var("SWATH_HISTORY") {
            Ok(text) => match text.trim() {
                "" | "on" => History::usual(),
                "off" => History::Off,
                path if Path::new(path).is_absolute() => History::Folder(path.into()),
                other => {
                    tracing::warn!(
                        "SWATH_HISTORY is `{other}`: not `on`, `off` or an absolute path; nothing is learned"
                    );
                    History::Off
                }
            },
            Err(env::VarError::NotPresent) => History::usual(),
            Err(env::VarError::NotUnicode(path)) if Path::new(&path).is_absolute() => History::Folder(path.into()),
            Err(env::VarError::NotUnicode(_)) => History::Off,
        }
    }

    /// In the user's cache folder, where there is one. Tests leave that alone.
    fn usual() -> History {
        if cfg!(test) {
            return History::Off;
        }
        cache_folder("history").map_or(History::InMemory, History::Folder)
    }

    /// The file, where there is one.
    pub fn path(&self) -> Option<PathBuf> {
        self.file().map(|file| file.path)
    }

    pub(crate) fn file(&self) -> Option<HistoryFile> {
        match self {
            History::Folder(folder) => Some(HistoryFile::new(folder)),
            History::Off | History::InMemory => None,
        }
    }

    /// The devices that were measured, and the kernels that were seen, as the file has them.
    ///
    /// # Errors
    ///
    /// Where the file is there and cannot be read.
    pub fn learned(&self) -> io::Result<(Vec<LearnedDevice>, Vec<LearnedKernel>)> {
        Ok(match self.file() {
            Some(file) => file.read()?.listed(),
            None => (Vec::new(), Vec::new()),
        })
    }

    /// The constants of kernels that were [tuned](crate::Kernel::tune), as the file has them.
    ///
    /// # Errors
    ///
    /// Where the file is there and cannot be read.
    pub fn tuned(&self) -> io::Result<Vec<TunedKernel>> {
        self.file().map_or_else(|| Ok(Vec::new()), |file| Ok(file.read()?.tuned()))
    }

    /// Forgets all that is kept in the file. Processes that run keep what they know, and may write it again.
    ///
    /// # Errors
    ///
    /// Where the file is there and cannot be removed.
    pub fn clear(&self) -> io::Result<()> {
        self.file().map_or(Ok(()), |file| file.clear())
    }
}

/// Beyond this the file is written anew.
const LARGE: u64 = 512 << 10;

/// What it has then at most.
const COMPACT: usize = 256 << 10;

/// Files are read up to here; ours never come near it.
const MOST_READ: u64 = 8 << 20;

/// How long one waits for another process to finish with the file.
const PATIENCE: Duration = Duration::from_millis(300);

/// The file.
#[derive(Clone, Debug)]
pub(crate) struct HistoryFile {
    folder: PathBuf,
    path: PathBuf,
}

impl HistoryFile {
    pub fn new(folder: &Path) -> HistoryFile {
        HistoryFile { folder: folder.to_owned(), path: folder.join("learned.txt") }
    }

    /// What it has; nothing where there is no file. What is damaged is left out, with a warning.
    ///
    /// # Errors
    ///
    /// Where the system does not let us read it.
    pub fn read(&self) -> io::Result<Contents> {
        if !self.path.exists() {
            return Ok(Contents::default());
        }
        // Without the lock the last line may be half written; it is left out then.
        let _lock = self.lock()?;
        self.read_locked()
    }

    fn read_locked(&self) -> io::Result<Contents> {
        let file = match fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::default()),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(MOST_READ).read_to_end(&mut bytes)?;
        let parsed = format::parse(&bytes);
        let path = self.path.display();
        if parsed.is_other_version {
            tracing::info!(%path, "what was learned is of another version, and is ignored");
        } else if parsed.damaged > 0 {
            tracing::warn!(%path, lines = parsed.damaged, "what was learned is damaged in part, which is ignored");
        }
        Ok(Contents::of(parsed.records))
    }

    /// Adds records behind those that are there.
    ///
    /// # Errors
    ///
    /// Where the system does not let us, or another process holds the file for long. Nothing was added then, as far as one can
    /// tell.
    pub fn append(&self, records: &[Record]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        self.make_folder()?;
        let Some(_lock) = self.lock()? else {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "another process holds the file"));
        };
        let mut file = private(fs::OpenOptions::new().read(true).append(true).create(true)).open(&self.path)?;
        let mut start = [0; format::HEADER.len()];
        let length = file.metadata()?.len();
        if length > 0 {
            let is_ours =
                length >= start.len() as u64 && file.read_exact(&mut start).is_ok() && start == *format::HEADER;
            if !is_ours {
                // Of another version, or not ours at all.
                file.set_len(0)?;
            }
        }
        let length = file.metadata()?.len();
        let mut text = Vec::new();
        if length == 0 {
            text.extend_from_slice(format::HEADER);
        } else {
            // A process may have died in the middle of a line.
            let mut last = [0];
            file.seek(SeekFrom::Start(length - 1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                text.push(b'\n');
            }
        }
        records.iter().for_each(|record| format::line(record, &mut text));
        file.write_all(&text)?;
        if length + text.len() as u64 > LARGE {
            drop(file);
            self.compact()?;
        }
        Ok(())
    }

    /// Writes the file anew with what counts; the lock is held.
    fn compact(&self) -> io::Result<()> {
        let records = self.read_locked()?.records(COMPACT);
        let mut text = format::HEADER.to_vec();
        records.iter().for_each(|record| format::line(record, &mut text));
        let temporary = self.path.with_extension("tmp");
        let mut file = private(fs::OpenOptions::new().write(true).create(true).truncate(true)).open(&temporary)?;
        let written = file.write_all(&text).and_then(|()| fs::rename(&temporary, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Removes the file.
    ///
    /// # Errors
    ///
    /// Where the system does not let us.
    pub fn clear(&self) -> io::Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        let _lock = self.lock()?;
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn make_folder(&self) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)
    }

    /// The lock, while it is held; nothing where another process does not let go of it.
    fn lock(&self) -> io::Result<Option<Lock>> {
        // A file of its own, for the other one is replaced.
        let path = self.folder.join("lock");
        let file = private(fs::OpenOptions::new().write(true).create(true).truncate(false)).open(path)?;
        let start = Instant::now();
        loop {
            if file::try_lock(&file)? {
                return Ok(Some(Lock(file)));
            }
            if start.elapsed() > PATIENCE {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A file that only the user can read.
fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Lets go of the file when it is dropped, as the system does when the process ends.
struct Lock(fs::File);

impl Drop for Lock {
    fn drop(&mut self) {
        file::unlock(&self.0);
    }
}

#[cfg(test)]
mod tests;
