//! Locks on files: the system takes them back when the process ends, however it ends.

use std::{fs::File, io, path::Path};

/// Locks a file, unless another process has it; whether it did. The lock goes with the handle. Systems without such locks
/// give it to everybody.
#[cfg(any(unix, windows))]
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    use fs4::{FileExt, TryLockError};

    match FileExt::try_lock(file) {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(not(any(unix, windows)))]
pub(crate) fn try_lock(_: &File) -> io::Result<bool> {
    Ok(true)
}

/// Lets go of a lock, as closing the file does as well.
pub(crate) fn unlock(file: &File) {
    #[cfg(any(unix, windows))]
    let _ = fs4::FileExt::unlock(file);
    #[cfg(not(any(unix, windows)))]
    let _ = file;
}

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

/// Locks a file, if nobody else has it, so that others see that this process lives. The lock goes with the handle.
#[cfg(unix)]
pub(super) fn take(file: &File) -> Holder {
    loop {
        return match try_lock(file) {
            Ok(true) => Holder::Us,
            Ok(false) => Holder::Another,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
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
