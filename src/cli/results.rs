//! Result files: whole under their names, or not there at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use swath::Scalar;

use super::{
    failure::{Failure, Outcome},
    mapped::{self, Mapped},
    npy::Array,
};

/// The place that `path` names, once it is known that a file can be made there.
pub fn check_target(path: &Path) -> Outcome<PathBuf> {
    let wrong = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Failure::wrong(
            format!("`{}` cannot be written: its folder does not exist", path.display()),
            "make the folder first",
        ),
        _ => Failure::Wrong(format!("`{}` cannot be written: {error}", path.display())),
    };
    let place = fs::canonicalize(path).or_else(|_| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().ok_or(io::Error::from(io::ErrorKind::IsADirectory))?;
        fs::canonicalize(folder).map(|folder| folder.join(name))
    });
    let place = place.map_err(wrong)?;
    match fs::metadata(&place) {
        Ok(meta) if meta.is_dir() => Err(wrong(io::Error::from(io::ErrorKind::IsADirectory))),
        Ok(meta) if !meta.is_file() => Ok(place),
        Ok(_) | Err(_) => {
            let probe = temporary(&place);
            File::create(&probe).and_then(|_| fs::remove_file(&probe)).map_err(wrong)?;
            Ok(place)
        }
    }
}

/// Where the bytes of `path` stand until they are whole.
fn temporary(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// A file that appears under its name when it is whole, and not before.
pub struct Pending {
    path: PathBuf,
    /// Where the bytes stand until then; `None` when they were written in place (to a pipe or a device).
    temporary: Option<PathBuf>,
}

impl Pending {
    /// Writes the array beside `path`.
    pub fn write(path: &Path, array: &Array) -> Outcome<Pending> {
        let fail = |error: io::Error| Failure::Failed(format!("`{}` cannot be written: {error}", path.display()));
        // Through a link, what it points to is replaced, and the link stays.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let existing = fs::metadata(path).ok();
        if existing.as_ref().is_some_and(|meta| !meta.is_file()) {
            let file = File::options().write(true).open(path).map_err(fail)?;
            write_to(file, array).map_err(fail)?;
            return Ok(Pending { path: path.clone(), temporary: None });
        }
        let pending = Pending { path: path.clone(), temporary: Some(temporary(path)) };
        let temporary = pending.temporary.as_deref().unwrap_or(path);
        let file = File::create(temporary).map_err(fail)?;
        let file = write_to(file, array).map_err(fail)?;
        if let Some(meta) = existing {
            file.set_permissions(meta.permissions()).map_err(fail)?;
        }
        file.sync_all().map_err(fail)?;
        Ok(pending)
    }

    /// Makes the file beside `path`, of zeros that are in memory and in the file alike. Nothing where the target is no
    /// plain file.
    pub fn mapped(path: &Path, scalar: Scalar, shape: &[u64]) -> Outcome<Option<(Pending, Mapped)>> {
        let fail = |error: io::Error| Failure::Failed(format!("`{}` cannot be written: {error}", path.display()));
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        if !mapped::is_possible(path) {
            return Ok(None);
        }
        let pending = Pending { path: path.clone(), temporary: Some(temporary(path)) };
        let temporary = pending.temporary.as_deref().unwrap_or(path);
        let file = File::options().read(true).write(true).create(true).truncate(true).open(temporary).map_err(fail)?;
        if let Ok(meta) = fs::metadata(path) {
            file.set_permissions(meta.permissions()).map_err(fail)?;
        }
        let bytes = shape.iter().product::<u64>() * scalar.bytes() as u64;
        let header = mapped::header(scalar, shape).map_err(fail)?;
        let map = Mapped::output(file, scalar, &header, bytes).map_err(fail)?;
        Ok(Some((pending, map)))
    }

    /// Puts the file in its place.
    pub fn commit(mut self) -> Outcome {
        let Some(temporary) = self.temporary.take() else { return Ok(()) };
        fs::rename(&temporary, &self.path).map_err(|error| {
            let _ = fs::remove_file(&temporary);
            Failure::Failed(format!("`{}` cannot be written: {error}", self.path.display()))
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Nothing more can be done about a file that does not go away.
            let _ = fs::remove_file(temporary);
        }
    }
}

fn write_to(file: File, array: &Array) -> io::Result<File> {
    let mut file = file;
    file.write_all(&mapped::header(array.data.scalar(), &array.shape)?)?;
    file.write_all(array.data.bytes())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{dtype::Data, npy};
    use half::f16;

    #[test]
    fn arrays_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        for data in [
            Data::F32(vec![1.5, f32::NAN, -0.0, 1e-40, f32::INFINITY, 3.0]),
            Data::I32(vec![1, -2, i32::MIN, 4, 5, 6]),
            Data::U32(vec![1, u32::MAX, 3, 4, 5, 6]),
            Data::F16(vec![f16::from_f32(0.1); 6]),
        ] {
            let array = Array { shape: vec![2, 3], data };
            Pending::write(&path, &array).unwrap().commit().unwrap();
            let back = read(&path).unwrap();
            assert_eq!(back.shape, array.shape);
            assert_eq!(back.data.scalar(), array.data.scalar());
            assert_eq!(back.data.bytes(), array.data.bytes());
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_file_that_is_not_committed_leaves_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        fs::write(&path, "precious").unwrap();
        drop(Pending::write(&path, &Array { shape: vec![1], data: Data::U32(vec![7]) }).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    fn read(path: &Path) -> Outcome<Array> {
        npy::read(npy::Source { name: "x", path, convert: None, wanted: None, convertible: true })
    }
}
