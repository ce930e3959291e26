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
    values::is_stream,
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
    if is_stream(path) {
        return Ok(path.to_owned());
    }
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

/// A file that appears under its name when it is committed, and not before; or what goes to stdout then.
pub struct Pending {
    path: PathBuf,
    place: Place,
}

enum Place {
    File(Output),
    Stdout(Vec<u8>),
}

impl Pending {
    /// Writes a header and the data behind it beside `path`.
    pub fn write(path: &Path, header: &[u8], body: &[u8]) -> Outcome<Pending> {
        if is_stream(path) {
            return Ok(Pending { path: path.to_owned(), place: Place::Stdout([header, body].concat()) });
        }
        let written = Output::create(path).and_then(|mut output| {
            output.write_all(header)?;
            output.write_all(body)?;
            output.sync()?;
            Ok(Pending { path: path.to_owned(), place: Place::File(output) })
        });
        written.map_err(|error| unwritten(path, &error))
    }

    /// Makes the file beside `path`: a header, and behind it so many bytes of zeros that are in memory and in the file alike.
    /// Nothing where the target is no plain file.
    pub fn mapped(path: &Path, header: &[u8], scalar: Scalar, bytes: u64) -> Outcome<Option<(Pending, Mapped)>> {
        if !mapped::is_possible(path) {
            return Ok(None);
        }
        let made = Output::create(path).and_then(|mut output| {
            output.write_all(header)?;
            output.reserve(header.len() as u64 + bytes)?;
            let map = Mapped::output(output.file(), scalar, header.len() as u64, bytes)?;
            Ok(Some((Pending { path: path.to_owned(), place: Place::File(output) }, map)))
        });
        made.map_err(|error| unwritten(path, &error))
    }

    /// Puts the file in its place.
    pub fn commit(self) -> Outcome {
        let Pending { path, place } = self;
        match place {
            Place::File(output) => output.commit().map_err(|error| unwritten(&path, &error)),
            Place::Stdout(bytes) => {
                let mut stdout = io::stdout().lock();
                match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
                    Err(error) => Err(Failure::Failed(format!("stdout cannot be written: {error}"))),
                    Ok(()) => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{
        dtype::Data,
        form::Form,
        npy::{self, Array, Found},
    };
    use half::f16;

    fn write(path: &Path, array: &Array) -> Pending {
        let header = Form::Plain.header(array.data.scalar(), &array.shape).unwrap();
        Pending::write(path, &header, array.data.bytes()).unwrap()
    }

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
            write(&path, &array).commit().unwrap();
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
        drop(write(&path, &Array { shape: vec![1], data: Data::U32(vec![7]) }));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    fn read(path: &Path) -> Outcome<Array> {
        match npy::read(npy::Source { name: "x", path, convert: None, wanted: None, ask: None })? {
            Found::Array(array) => Ok(array),
            Found::Records(..) => panic!("these are no records"),
        }
    }
}
