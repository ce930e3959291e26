//! Result files: complete under their names, or not there at all.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use swath::{
    Scalar,
    file::{Output, place_of},
};

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
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Err(wrong(io::Error::from(io::ErrorKind::IsADirectory))),
        Ok(meta) if !meta.is_file() => Ok(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())),
        Ok(_) | Err(_) => {
            let place = place_of(path).map_err(wrong)?;
            Output::create(&place).map(drop).map_err(wrong)?;
            Ok(place)
        }
    }
}

/// The work was right and the file cannot be written.
pub fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("`{}` cannot be written: {error}", path.display()))
}

/// Writes a text file.
pub fn write_text(path: &Path, text: &str) -> Outcome {
    let written = Output::create(path).and_then(|mut output| {
        output.write_all(text.as_bytes())?;
        output.commit()
    });
    written.map_err(|error| unwritten(path, &error))
}

/// A file that appears under its name when it is committed, and not before.
pub struct Pending {
    path: PathBuf,
    output: Output,
}

impl Pending {
    /// Writes the array beside `path`.
    pub fn write(path: &Path, array: &Array) -> Outcome<Pending> {
        let written = Output::create(path).and_then(|mut output| {
            write_to(&mut output, array)?;
            output.sync()?;
            Ok(Pending { path: path.to_owned(), output })
        });
        written.map_err(|error| unwritten(path, &error))
    }

    /// Makes the file beside `path`, of zeros that are in memory and in the file alike. Nothing where the target is no
    /// plain file.
    pub fn mapped(path: &Path, scalar: Scalar, shape: &[u64]) -> Outcome<Option<(Pending, Mapped)>> {
        if !mapped::is_possible(path) {
            return Ok(None);
        }
        let made = Output::create(path).and_then(|mut output| {
            let bytes = shape.iter().product::<u64>() * scalar.bytes() as u64;
            let header = mapped::header(scalar, shape)?;
            output.write_all(&header)?;
            output.reserve(header.len() as u64 + bytes)?;
            let map = Mapped::output(output.file(), scalar, header.len() as u64, bytes)?;
            Ok(Some((Pending { path: path.to_owned(), output }, map)))
        });
        made.map_err(|error| unwritten(path, &error))
    }

    /// Puts the file in its place.
    pub fn commit(self) -> Outcome {
        let Pending { path, output } = self;
        output.commit().map_err(|error| unwritten(&path, &error))
    }
}

/// Writes an array as a `.npy` file has it.
pub fn write_to(file: &mut impl Write, array: &Array) -> io::Result<()> {
    file.write_all(&mapped::header(array.data.scalar(), &array.shape)?)?;
    file.write_all(array.data.bytes())
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
