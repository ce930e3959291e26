//! Locks that say that a process lives: the system takes them back when it ends, however it ends.

use std::{fs::File, io, path::Path};

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// Ours now.
    Us,
    /// A living process's.
    Another,
    /// Nobody can tell: the file system, or the system, has no such locks.
    Unknown,
}

/// Locks a file, if nobody else has it. The lock goes with the handle.
#[cfg(unix)]
pub(super) fn take(file: &File) -> Holder {
    use rustix::{
        fs::{FlockOperation, flock},
        io::Errno,
    };

    loop {
        return match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Holder::Us,
            Err(Errno::INTR) => continue,
            Err(Errno::WOULDBLOCK) => Holder::Another,
            Err(_) => Holder::Unknown,
        };
    }
}

#[cfg(not(unix))]
pub(super) fn take(_: &File) -> Holder {
    Holder::Unknown
}

/// Whether `path` still names the file that is open.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let (open, named) = (file.metadata()?, path.symlink_metadata()?);
    Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
}

#[cfg(not(unix))]
pub(super) fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    path.symlink_metadata().map(|_| true)
}
