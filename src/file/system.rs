//! What a journal asks of a file system, and the system's own.

use std::{
    fs::{self, File},
    io,
    path::Path,
    time::UNIX_EPOCH,
};

use super::{
    lock::{self, Holder},
    output::{reserve, sync_folder},
};

/// A disk. What is written is there for every reader at once, and after a failure of power only once it was synced: bytes by
/// [`Handle::sync`], names by [`sync_folder`](FileSystem::sync_folder).
pub trait FileSystem: Send + Sync {
    /// Opens a file for reading and writing; nothing if it is not there.
    fn open(&self, path: &Path) -> io::Result<Option<Box<dyn Handle>>>;
    /// Opens a file for reading and writing, and makes it if it is not there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Handle>>;
    /// Gives a file another name, in place of the one that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file, if it is there.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Has the names of the folder that `path` is in reach the disk.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Which file is at a path; nothing if none is.
    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>>;
}

/// An open file.
pub trait Handle: Send + Sync {
    /// Whether the file is this handle's alone, as far as the system can tell. It stays so until the handle is dropped.
    fn take_lock(&self) -> bool;
    /// Bytes in the file.
    fn length(&self) -> io::Result<u64>;
    /// Fills `bytes` with those from `offset` on.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
    /// Writes all of `bytes` from `offset` on.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Makes the file so long, of zeros beyond its end, and has the disk set the space aside.
    fn reserve(&self, len: u64) -> io::Result<()>;
    /// Has all that was written reach the disk.
    fn sync(&self) -> io::Result<()>;
}

/// Tells a file from others, whatever it is called, and from itself once it was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileIdentity {
    /// The file's number in its file system, where there are such.
    pub number: u64,
    /// Bytes in it.
    pub bytes: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub changed: u64,
}

impl FileIdentity {
    /// Of an open file.
    pub fn of(file: &File) -> io::Result<FileIdentity> {
        file.metadata().map(|meta| FileIdentity::from(&meta))
    }
}

impl From<&fs::Metadata> for FileIdentity {
    fn from(meta: &fs::Metadata) -> Self {
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(meta);
        #[cfg(not(unix))]
        let number = 0;
        let since = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let changed = since.map_or(0, |since| since.as_nanos() as u64);
        FileIdentity { number, bytes: meta.len(), changed }
    }
}

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl FileSystem for System {
    fn open(&self, path: &Path) -> io::Result<Option<Box<dyn Handle>>> {
        match File::options().read(true).write(true).open(path) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Handle>> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Box::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        sync_folder(path)
    }

    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>> {
        match fs::metadata(path) {
            Ok(meta) => Ok(Some(FileIdentity::from(&meta))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Handle for File {
    fn take_lock(&self) -> bool {
        lock::take(self) != Holder::Another
    }

    fn length(&self) -> io::Result<u64> {
        self.metadata().map(|meta| meta.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, bytes, offset)
    }

    #[cfg(unix)]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self, bytes, offset)
    }

    #[cfg(not(unix))]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        use std::io::{Read, Seek, SeekFrom};

        let mut file = self;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(bytes)
    }

    #[cfg(not(unix))]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        use std::io::{Seek, SeekFrom, Write};

        let mut file = self;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        reserve(self, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
