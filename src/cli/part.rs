//! Result files of a call with a checkpoint: they stay when the process ends, and the next one goes on with them.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use swath::{
    FinalFile, Scalar,
    file::{Handle, hidden_beside, keep_mode, place_of, sync_folder},
};

use super::{
    failure::{Failure, Outcome},
    mapped::Mapped,
    results::unwritten,
    values::is_stream,
};

/// A file beside its target, of the same name in every process that goes on with the same checkpoint. It is this process's
/// alone.
pub struct Part {
    target: PathBuf,
    temporary: PathBuf,
    file: File,
    /// Whether it was made now.
    is_fresh: bool,
}

impl Part {
    /// Refuses a result that is no plain file.
    pub fn check(path: &Path) -> Outcome {
        if is_stream(path) || fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
            return Err(Failure::wrong(
                format!("`{}` is no plain file, and --checkpoint wants results that are", path.display()),
                "give the result a file",
            ));
        }
        Ok(())
    }

    /// Opens or makes the file for `path`; `id` is the checkpoint's.
    pub fn open(path: &Path, id: u64) -> Outcome<Part> {
        let fail = |error: io::Error| unwritten(path, &error);
        let target = place_of(path).map_err(fail)?;
        Part::check(&target)?;
        let temporary = beside(&target, id);
        let is_fresh = temporary.symlink_metadata().is_err();
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(&temporary).map_err(fail)?;
        if !file.take_lock() {
            return Err(in_use(path));
        }
        if is_fresh {
            keep_mode(&file, &target).and_then(|()| sync_folder(&temporary)).map_err(fail)?;
        }
        Ok(Part { target, temporary, file, is_fresh })
    }

    /// The file of so many bytes behind its header, mapped. What is in it is left as it is where the checkpoint `is_begun`.
    pub fn mapped(&mut self, header: &[u8], scalar: Scalar, bytes: u64, is_begun: bool) -> Outcome<Mapped> {
        let whole = header.len() as u64 + bytes;
        let made = (|| {
            self.is_fresh = !self.starts_with(header, whole);
            if self.is_fresh && is_begun {
                return Ok(None);
            }
            if self.is_fresh {
                self.file.truncate(0)?;
                self.file.write_at(0, header)?;
                self.file.reserve(whole)?;
            }
            Mapped::output(&self.file, scalar, header.len() as u64, bytes).map(Some)
        })();
        match made {
            Ok(Some(map)) => Ok(map),
            Ok(None) => Err(Failure::wrong(
                format!("the checkpoint has lost `{}`, or was made for another result there", self.temporary.display()),
                "to compute all of it anew, remove the checkpoint; what is updated in place has to be as it was before",
            )),
            Err(error) => Err(unwritten(&self.target, &error)),
        }
    }

    fn starts_with(&self, header: &[u8], whole: u64) -> bool {
        let mut start = vec![0; header.len()];
        self.file.length().is_ok_and(|len| len == whole) && self.file.read_at(0, &mut start).is_ok() && start == header
    }

    /// Another handle of the file, and whether it was made now.
    pub fn share(&self) -> Outcome<(File, bool)> {
        let file = self.file.try_clone().map_err(|error| unwritten(&self.target, &error))?;
        Ok((file, self.is_fresh))
    }

    /// Writes all of the file.
    pub fn write(self, header: &[u8], body: &[u8]) -> Outcome<Part> {
        let written = self.file.truncate(0).and_then(|()| {
            let mut file = io::BufWriter::new(Rest { file: &self.file, at: 0 });
            file.write_all(header)?;
            file.write_all(body)?;
            file.flush()
        });
        written.map_err(|error| unwritten(&self.target, &error))?;
        Ok(self)
    }

    /// Has it reach the disk; what is to become of it.
    pub fn finish(self, name: &str) -> Outcome<FinalFile> {
        let Part { target, temporary, file, .. } = self;
        let synced = keep_mode(&file, &target).and_then(|()| file.sync_all());
        synced.map_err(|error| unwritten(&target, &error))?;
        Ok(FinalFile { name: name.to_owned(), temporary, target })
    }
}

/// Which file `path` is to become, of a checkpoint whose results are complete.
pub fn final_file(name: &str, path: &Path, id: u64) -> Outcome<FinalFile> {
    let target = place_of(path).map_err(|error| unwritten(path, &error))?;
    Ok(FinalFile { name: name.to_owned(), temporary: beside(&target, id), target })
}

/// Where the bytes of `target` are until they are complete.
fn beside(target: &Path, id: u64) -> PathBuf {
    hidden_beside(target, &format!("swath-{id:016x}.part"))
}

fn in_use(path: &Path) -> Failure {
    Failure::wrong(
        format!("another process is writing `{}` for the same checkpoint", path.display()),
        "wait until it is done",
    )
}

/// A file that is written from `at` on.
struct Rest<'f> {
    file: &'f File,
    at: u64,
}

impl Write for Rest<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Handle::write_at(self.file, self.at, bytes)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
