//! A file that is written beside the place where it is to be, and takes its name when it is complete.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    mem,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::lock::{self, Holder};

/// A file that replaces the one of its name when it is complete: the old one, if there is one, is untouched until then, its
/// permissions are kept, and through a symbolic link what it points to is replaced. Dropped before [`commit`](Output::commit),
/// nothing is left of it.
///
/// The bytes stand in a hidden file in the same folder, which is locked as long as the process lives. What a process that
/// died has left there is removed by the next one that writes to the same place.
///
/// A target that is no plain file (a pipe, a device) is written as it is.
#[derive(Debug)]
pub struct Output {
    /// With links followed.
    target: PathBuf,
    /// Where the bytes stand until then; nothing where they are written in place.
    temporary: Option<PathBuf>,
    file: File,
}

/// Temporary files of this process. Whoever holds the lock may make, rename and remove them.
static TEMPORARIES: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Processes that may write to one target at a time before names get longer to find.
const SLOTS: u32 = 16;

/// Names that are tried for a temporary file.
const MOST_SLOTS: u32 = 4096;

/// Bytes of a target's name that its temporary file's name has: names have 255 at most.
const LONGEST: usize = 180;

/// Links that are followed one after the other, as systems do.
const MOST_LINKS: u32 = 40;

impl Output {
    /// Begins a file that is to be at `path`.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn create(path: &Path) -> io::Result<Output> {
        let old = fs::metadata(path).ok();
        if old.as_ref().is_some_and(|meta| !meta.is_file()) {
            let file = File::options().write(true).open(path)?;
            return Ok(Output { target: path.to_owned(), temporary: None, file });
        }
        let target = place_of(path)?;
        let mut temporaries = temporaries();
        let (file, temporary) = begin(&target)?;
        temporaries.insert(temporary.clone());
        drop(temporaries);
        let output = Output { target, temporary: Some(temporary), file };
        keep_mode(&output.file, &output.target)?;
        Ok(output)
    }

    /// The file, open for reading and writing.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether the target is no plain file, and what is written is there at once.
    pub fn is_in_place(&self) -> bool {
        self.temporary.is_none()
    }

    /// Makes the file so long, of zeros, and has the disk set the space aside: so that a full disk shows here, and not when
    /// memory that is mapped is written.
    ///
    /// # Errors
    ///
    /// Those of the file system; that of a full disk among them.
    pub fn reserve(&self, bytes: u64) -> io::Result<()> {
        reserve(&self.file, bytes)
    }

    /// Has all that was written reach the disk.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn sync(&self) -> io::Result<()> {
        if self.is_in_place() { Ok(()) } else { self.file.sync_all() }
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    ///
    /// Those of the file system: then the old file is as it was.
    pub fn commit(mut self) -> io::Result<()> {
        self.sync()?;
        let Some(temporary) = &self.temporary else { return Ok(()) };
        let mut temporaries = temporaries();
        fs::rename(temporary, &self.target)?;
        temporaries.remove(temporary);
        drop(temporaries);
        self.temporary = None;
        sync_folder(&self.target)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            let mut temporaries = temporaries();
            // Nothing more can be done about a file that does not go away.
            let _ = fs::remove_file(&temporary);
            temporaries.remove(&temporary);
        }
    }
}

/// Removes all temporary files of this process, and has no others made or renamed: for a process that ends now.
pub fn abandon_all() {
    let mut temporaries = temporaries();
    for temporary in mem::take(&mut *temporaries) {
        let _ = fs::remove_file(temporary);
    }
    // Whoever waits for the lock waits for the end.
    mem::forget(temporaries);
}

fn temporaries() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    TEMPORARIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place that `path` names once links are followed, also where nothing is there yet.
///
/// # Errors
///
/// Those of the file system, where the folder is not there.
pub fn place_of(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            place => return place,
        }
        let folder = folder_of(&path);
        match fs::read_link(&path) {
            Ok(link) => path = folder.join(link),
            Err(_) => {
                let name = path.file_name().ok_or(io::Error::from(io::ErrorKind::IsADirectory))?;
                return Ok(fs::canonicalize(folder)?.join(name));
            }
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a temporary file for `target`, and removes those that nobody uses any more.
fn begin(target: &Path) -> io::Result<(File, PathBuf)> {
    let mut made = None;
    for slot in 0..MOST_SLOTS {
        let path = temporary(target, slot);
        let is_there = path.symlink_metadata().is_ok();
        if is_there && remove_dead(&path) != Removal::Removed {
            continue;
        }
        if made.is_none() {
            made = make(&path)?.map(|file| (file, path));
        } else if !is_there && slot >= SLOTS {
            break;
        }
    }
    made.ok_or_else(|| io::Error::other("too many processes write to it"))
}

/// Where the bytes of `target` stand until they are complete.
fn temporary(target: &Path, slot: u32) -> PathBuf {
    hidden_beside(target, &format!("swath-{slot}.tmp"))
}

/// A hidden file beside `target`, of its name with `.` and an ending behind it.
pub fn hidden_beside(target: &Path, ending: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default();
    let mut hidden = OsString::from(".");
    match name.to_str() {
        Some(text) if text.len() > LONGEST => {
            let end = (0..=LONGEST).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
            hidden.push(&text[..end]);
        }
        _ => hidden.push(name),
    }
    hidden.push(".");
    hidden.push(ending);
    target.with_file_name(hidden)
}

/// Makes a file and locks it; nothing if another process was quicker.
fn make(path: &Path) -> io::Result<Option<File>> {
    let file = match File::options().read(true).write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        file => file?,
    };
    // Before it was locked, another process may have taken it for one that was left behind.
    let is_ours = match lock::take(&file) {
        Holder::Us => lock::is_at(&file, path).unwrap_or(false),
        Holder::Another => false,
        Holder::Unknown => true,
    };
    Ok(is_ours.then_some(file))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removal {
    Removed,
    /// Somebody lives whose it is, or may be.
    Kept,
}

/// Removes a temporary file if the process that made it is dead.
fn remove_dead(path: &Path) -> Removal {
    let Ok(file) = File::options().read(true).write(true).open(path) else { return Removal::Kept };
    // The lock is held until the file is removed: nobody else removes it meanwhile and makes another of the name.
    let is_dead = lock::take(&file) == Holder::Us && lock::is_at(&file, path).unwrap_or(false);
    if is_dead && fs::remove_file(path).is_ok() { Removal::Removed } else { Removal::Kept }
}

/// Removes a file that no process has locked.
pub fn remove_unused(path: &Path) {
    // Nothing more can be done about a file that does not go away.
    let _ = remove_dead(path);
}

/// Sets space aside where the file system can, else by writing zeros.
pub(super) fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    if !allocate(file, bytes)? {
        write_zeros(file, bytes)?;
    }
    Ok(())
}

/// Whether the file system set the space aside.
#[cfg(target_os = "linux")]
fn allocate(file: &File, bytes: u64) -> io::Result<bool> {
    use rustix::{
        fs::{FallocateFlags, fallocate},
        io::Errno,
    };

    loop {
        return match fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => Ok(true),
            Err(Errno::INTR) => continue,
            // File systems without it, and an empty file.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(false),
            Err(error) => Err(error.into()),
        };
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_: &File, _: u64) -> io::Result<bool> {
    Ok(false)
}

fn write_zeros(file: &File, bytes: u64) -> io::Result<()> {
    use std::io::{Seek, SeekFrom};

    let mut file = file;
    let start = file.metadata()?.len().min(bytes);
    let zeros = vec![0; 1 << 20];
    file.seek(SeekFrom::Start(start))?;
    let mut left = bytes - start;
    while left > 0 {
        let step = left.min(zeros.len() as u64);
        file.write_all(&zeros[..step as usize])?;
        left -= step;
    }
    file.seek(SeekFrom::Start(0)).map(|_| ())
}

/// Has the name of a file reach the disk.
///
/// # Errors
///
/// Those of the file system.
#[cfg(unix)]
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(folder_of(path)).and_then(|folder| folder.sync_all()) {
        // File systems that have nothing to sync there.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        // A folder that may be written and not read.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

/// Has the name of a file reach the disk.
///
/// # Errors
///
/// None here.
#[cfg(not(unix))]
pub fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Gives a file the permissions of the one that it is to replace, if there is one; its owner and group too, as far as the
/// process may.
///
/// # Errors
///
/// Those of the file system.
pub fn keep_mode(file: &File, target: &Path) -> io::Result<()> {
    let Ok(old) = fs::metadata(target) else { return Ok(()) };
    keep_owner(file, &old);
    file.set_permissions(old.permissions())
}

#[cfg(unix)]
fn keep_owner(file: &File, old: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};

    let Ok(new) = file.metadata() else { return };
    if new.uid() != old.uid() || new.gid() != old.gid() {
        let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    }
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &fs::Metadata) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("the folder is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    fn write(path: &Path, text: &str) -> io::Result<()> {
        let mut output = Output::create(path)?;
        output.write_all(text.as_bytes())?;
        output.commit()
    }

    #[test]
    fn a_file_takes_its_name_when_it_is_complete() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("o");
        fs::write(&path, "old").expect("written");
        let mut output = Output::create(&path).expect("begun");
        output.write_all(b"new").expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"old");
        assert_eq!(names(folder.path()), [".o.swath-0.tmp", "o"]);
        output.commit().expect("committed");
        assert_eq!(fs::read(&path).expect("there"), b"new");
        assert_eq!(names(folder.path()), ["o"]);

        drop(Output::create(&path).expect("begun"));
        assert_eq!(fs::read(&path).expect("there"), b"new");
        assert_eq!(names(folder.path()), ["o"]);
    }

    /// Two that live do not touch each other's; what nobody holds is removed.
    #[cfg(unix)]
    #[test]
    fn leftovers_are_removed_and_what_is_in_use_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("o");
        for name in [".o.swash-9.tmp", ".o.swath-1.tmp", ".o.swath-7.tmp", ".o.part", ".p.swath-0.tmp"] {
            fs::write(folder.path().join(name), "left").expect("written");
        }
        let (mut first, mut second) = (Output::create(&path).expect("begun"), Output::create(&path).expect("begun"));
        let others = [".o.part", ".o.swash-9.tmp", ".p.swath-0.tmp"];
        assert_eq!(
            names(folder.path()),
            [".o.part", ".o.swash-9.tmp", ".o.swath-0.tmp", ".o.swath-1.tmp", ".p.swath-0.tmp"]
        );
        second.write_all(b"second").expect("written");
        first.write_all(b"first").expect("written");
        second.commit().expect("committed");
        first.commit().expect("committed");
        assert_eq!(fs::read(&path).expect("there"), b"first");
        let mut expected: Vec<String> = others.map(String::from).into();
        expected.push("o".into());
        assert_eq!(names(folder.path()), expected);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("d")).expect("made");
        fs::write(path("d/real"), "old").expect("written");
        fs::set_permissions(path("d/real"), fs::Permissions::from_mode(0o640)).expect("set");
        symlink("d/real", path("link")).expect("linked");
        symlink("d/missing", path("dangling")).expect("linked");
        symlink("dangling", path("twice")).expect("linked");
        write(&path("link"), "new").expect("written");
        write(&path("twice"), "made").expect("written");
        assert_eq!(fs::read(path("d/real")).expect("there"), b"new");
        assert_eq!(fs::metadata(path("d/real")).expect("there").permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read(path("d/missing")).expect("there"), b"made");
        for link in ["link", "dangling", "twice"] {
            assert!(path(link).symlink_metadata().expect("there").is_symlink(), "{link}");
        }
        symlink("round", path("round")).expect("linked");
        assert!(Output::create(&path("round")).is_err());
    }

    #[test]
    fn names_of_any_length_are_written() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["x".repeat(255), "é".repeat(127), "y".into()] {
            write(&folder.path().join(&name), &name).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(fs::read(folder.path().join(&name)).expect("there"), name.as_bytes());
        }
    }

    #[test]
    fn space_is_set_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let output = Output::create(&folder.path().join("o")).expect("begun");
        output.reserve(3 << 20).expect("there is room");
        assert_eq!(output.file().metadata().expect("there").len(), 3 << 20);
        // The way of file systems that cannot.
        let file = tempfile::tempfile().expect("made");
        (&file).write_all(b"header").expect("written");
        write_zeros(&file, (2 << 20) + 7).expect("there is room");
        assert_eq!(file.metadata().expect("there").len(), (2 << 20) + 7);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_written_as_it_is() {
        let mut output = Output::create(Path::new("/dev/full")).expect("begun");
        assert!(output.is_in_place());
        let error = output.write_all(&[1; 100]).expect_err("it is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
