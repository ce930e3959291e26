//! Reading what samples are given as files.

use std::{fmt::Display, fs::File, io, io::Read, path::Path};

use crate::{Error, Result, error::Message};

/// The most bytes that are read of a file.
const MOST: u64 = 4 << 30;

/// Elements read at a time, so that a header's claim alone reserves no memory.
const CHUNK: usize = 1 << 20;

/// A file that is not what it should be: what is wrong, and what to do.
pub(super) fn refuse(path: &Path, problem: impl Display, help: impl Into<String>) -> Error {
    Error::Io(Message::new(problem.to_string()).subject(path.display().to_string()).help(help))
}

/// A file that could not be read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Error {
    let problem = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        _ => format!("it cannot be read: {error}"),
    };
    Error::Io(Message::new(problem).subject(path.display().to_string()))
}

/// All bytes of a file.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > MOST {
        return Err(refuse(path, format!("it has more than {} GiB", MOST >> 30), "give a part of it"));
    }
    Ok(bytes)
}

/// An array in C order.
pub(super) struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// Reads a `.npy` file of f32 as `numpy.save` writes it.
pub(super) fn npy(path: &Path) -> Result<Array> {
    let corrupt = |problem: String| {
        let help = "write it with np.save(FILE, np.ascontiguousarray(array, dtype=np.float32))";
        refuse(path, format!("it is no .npy file of f32 that can be read: {problem}"), help)
    };
    let mut file = io::BufReader::new(File::open(path).map_err(|error| unreadable(path, &error))?);
    let shape = header(&mut file).map_err(corrupt)?;
    let count = shape.iter().try_fold(1usize, |count, &extent| count.checked_mul(extent));
    let count = count.filter(|&count| count as u64 <= MOST / 4).ok_or_else(|| corrupt("it is too large".into()))?;
    let mut values = Vec::new();
    while values.len() < count {
        let mut bytes = vec![0; 4 * CHUNK.min(count - values.len())];
        file.read_exact(&mut bytes).map_err(|_| corrupt(format!("it ends before its {count} values do")))?;
        values.extend(bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)));
    }
    Ok(Array { shape, values })
}

/// The shape that the header says, which ends where the values begin.
fn header(file: &mut impl Read) -> Result<Vec<usize>, String> {
    let mut take = |count: usize| {
        let mut bytes = vec![0; count];
        file.read_exact(&mut bytes).map(|()| bytes).map_err(|_| "it ends within its header".to_string())
    };
    let start = take(8)?;
    if !start.starts_with(b"\x93NUMPY") {
        return Err("it does not start as one".into());
    }
    let length = match start[6] {
        1 => take(2)?.iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte)),
        2 | 3 => take(4)?.iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte)),
        version => return Err(format!("its version is {version}")),
    };
    if length > 1 << 16 {
        return Err(format!("its header claims {length} bytes"));
    }
    let text = String::from_utf8(take(length)?).map_err(|_| "its header is no text".to_string())?;
    let after = |key: &str| {
        let (_, rest) = text.split_once(&format!("'{key}':")).ok_or_else(|| format!("its header lacks `{key}`"))?;
        Ok::<_, String>(rest.trim_start())
    };
    let is_float = ["'<f4'", "\"<f4\""].iter().any(|ty| after("descr").is_ok_and(|rest| rest.starts_with(ty)));
    if !is_float {
        let ty = after("descr")?.split(',').next().unwrap_or_default();
        return Err(format!("its type is {ty}"));
    }
    if !after("fortran_order")?.starts_with("False") {
        return Err("it is in Fortran order".into());
    }
    let extents = after("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (extents, _) = extents.ok_or("its shape cannot be read")?;
    let extents = extents.split(',').map(str::trim).filter(|extent| !extent.is_empty());
    extents.map(|extent| extent.parse().map_err(|_| format!("its shape holds `{extent}`"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Array> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        std::fs::write(&path, bytes).unwrap();
        npy(&path)
    }

    #[test]
    fn arrays_are_read() {
        let data: Vec<u8> = (0..6).flat_map(|value| (value as f32).to_le_bytes()).collect();
        let array = read(&file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", &data)).unwrap();
        assert_eq!((array.shape, array.values), (vec![2, 3], vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    }

    #[test]
    fn what_is_none_is_refused() {
        let header = |ty: &str, order: &str, shape: &str| {
            file(&format!("{{'descr': {ty}, 'fortran_order': {order}, 'shape': {shape}}}"), &[0; 20])
        };
        for (bytes, problem) in [
            (vec![], "ends within its header"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), "claims 4294967295 bytes"),
            (b"\x89PNG aaaaaaaaa".to_vec(), "does not start as one"),
            (header("'<f8'", "False", "(2, 3)"), "its type is '<f8'"),
            (header("'<f4'", "True", "(2, 3)"), "Fortran"),
            (header("'<f4'", "False", "(2, 3)"), "ends before its 6 values"),
            (header("'<f4'", "False", "(-2, 3)"), "holds `-2`"),
            (header("'<f4'", "False", "(99999999999, 99999999999)"), "too large"),
            (header("'<f4'", "False", "(268435456, 4)"), "ends before"),
            (header("'<f4'", "False", "2"), "shape cannot be read"),
        ] {
            let refused = read(&bytes).err().unwrap().to_string();
            assert!(refused.contains(problem), "{refused}");
        }
    }
}
