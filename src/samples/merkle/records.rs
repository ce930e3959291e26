//! Records, made or read, and the salts that hide them.

use std::{fs, path::Path};

use rand::{Rng, RngCore, SeedableRng, TryRngCore, rngs::OsRng, rngs::SmallRng};

use super::{super::read, LONGEST, MOST_BYTES, MOST_RECORDS};
use crate::{Error, Result, error::Message};

/// Records as the WGSL wants them.
pub(super) struct Records {
    /// The first word of each, and its bytes.
    pub spans: Vec<[u32; 2]>,
    /// Eight words for each.
    pub salts: Vec<u32>,
    pub words: Vec<u32>,
}

impl Records {
    /// Puts records one after the other, each from a word of its own, with salts from `random`.
    pub fn new<'r>(records: impl IntoIterator<Item = &'r [u8]>, mut random: impl FnMut(&mut [u8])) -> Records {
        let (mut spans, mut bytes) = (Vec::new(), Vec::new());
        for record in records {
            spans.push([(bytes.len() / 4) as u32, record.len() as u32]);
            bytes.extend_from_slice(record);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        // An array has at least one word.
        bytes.resize(bytes.len().max(4), 0);
        let mut salts = vec![0; 8 * spans.len()];
        random(bytemuck::cast_slice_mut(&mut salts));
        Records { spans, salts, words: bytemuck::pod_collect_to_vec(&bytes) }
    }

    /// Shipments, with salts of as little worth as the seed has.
    pub fn shipments(count: usize, seed: u64) -> Records {
        const GOODS: [&str; 6] = ["coffee", "medicines", "machine parts", "rice", "cotton", "cheese"];
        const PLACES: [&str; 8] =
            ["Rotterdam", "Santos", "Busan", "Mombasa", "Valparaiso", "Chennai", "Felixstowe", "Oakland"];
        let mut random = SmallRng::seed_from_u64(seed);
        let shipment = |number: usize| {
            let mut pick = |words: &[&'static str]| words[random.random_range(0..words.len())];
            let (goods, from, to) = (pick(&GOODS), pick(&PLACES), pick(&PLACES));
            let [kilograms, degrees] = [random.random_range(200..24_000), random.random_range(-20..25)];
            let seal: u64 = random.random();
            format!("{number:07},{goods},{from},{to},{kilograms} kg,{degrees} C,seal {seal:016x}").into_bytes()
        };
        let shipments: Vec<Vec<u8>> = (0..count).map(shipment).collect();
        Records::new(shipments.iter().map(Vec::as_slice), |salts| random.fill_bytes(salts))
    }

    /// The lines of a file, or the files of a folder by their names, with salts from the system's random numbers.
    pub fn read(path: &Path) -> Result<Records> {
        let files = if path.is_dir() { folder(path)? } else { vec![read::bytes(path)?] };
        let records: Vec<&[u8]> =
            if path.is_dir() { files.iter().map(Vec::as_slice).collect() } else { lines(path, &files[0])? };
        if records.is_empty() {
            return Err(read::refuse(
                path,
                "it has no records",
                "give a file with a record in each line, or a folder of files",
            ));
        }
        if let Some(place) = records.iter().position(|record| record.len() > LONGEST) {
            let problem =
                format!("record {} has {} bytes, where {LONGEST} are the most", place + 1, records[place].len());
            return Err(read::refuse(path, problem, "log its SHA-256 instead"));
        }
        let bytes: usize = records.iter().map(|record| record.len().next_multiple_of(4)).sum();
        if records.len() > MOST_RECORDS || bytes > MOST_BYTES {
            let size = format!("it has {} records of {bytes} bytes", records.len());
            return Err(read::refuse(
                path,
                size,
                format!("give at most {MOST_RECORDS} records of {MOST_BYTES} bytes in all"),
            ));
        }
        let mut failure = None;
        let records = Records::new(records, |salts| failure = OsRng.try_fill_bytes(salts).err());
        match failure {
            Some(error) => Err(Error::Io(Message::new(format!("the system has no random numbers for salts: {error}")))),
            None => Ok(records),
        }
    }

    pub fn count(&self) -> usize {
        self.spans.len()
    }

    /// The bytes of a record.
    pub fn record(&self, index: usize) -> &[u8] {
        let [first, bytes] = self.spans[index];
        &bytemuck::cast_slice(&self.words)[4 * first as usize..][..bytes as usize]
    }

    pub fn salt(&self, index: usize) -> &[u8; 32] {
        &bytemuck::cast_slice::<u32, u8>(&self.salts).as_chunks().0[index]
    }
}

/// A record in each line. One that is empty is taken for a mistake.
fn lines<'b>(path: &Path, bytes: &'b [u8]) -> Result<Vec<&'b [u8]>> {
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let lines = text.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let lines: Vec<&[u8]> = lines.collect();
    match lines.iter().position(|line| line.is_empty()) {
        Some(place) => {
            Err(read::refuse(path, format!("line {} is empty", place + 1), "give each record a line, and no others"))
        }
        None => Ok(lines),
    }
}

/// The contents of the files of a folder, in the order of their names.
fn folder(path: &Path) -> Result<Vec<Vec<u8>>> {
    let unreadable = |error| read::unreadable(path, &error);
    let entries = fs::read_dir(path).map_err(unreadable)?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>().map_err(unreadable)?;
    files.retain(|file| file.is_file());
    files.sort();
    files.iter().map(|file| read::bytes(file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_where_their_spans_say() {
        let records = Records::new([&b"abcde"[..], b"", b"fghi"], |salts| salts.fill(9));
        assert_eq!(records.spans, [[0, 5], [2, 0], [2, 4]]);
        assert_eq!([0, 1, 2].map(|i| records.record(i)), [&b"abcde"[..], b"", b"fghi"]);
        assert_eq!(records.salt(2), &[9; 32]);
    }

    #[test]
    fn lines_and_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("b.txt");
        fs::write(&list, b"one\r\ntwo\n\xff three").unwrap();
        let records = Records::read(&list).unwrap();
        let texts: Vec<_> = (0..records.count()).map(|i| records.record(i)).collect();
        assert_eq!(texts, [&b"one"[..], b"two", b"\xff three"]);
        assert_ne!(records.salt(0), records.salt(1));
        assert_ne!(records.salts, Records::read(&list).unwrap().salts, "salts that can be foretold");

        fs::write(folder.path().join("a.bin"), [1, 2, 3]).unwrap();
        fs::create_dir(folder.path().join("c")).unwrap();
        let records = Records::read(folder.path()).unwrap();
        assert_eq!((records.count(), records.record(0)), (2, &[1u8, 2, 3][..]));

        for (text, problem) in
            [("", "no records"), ("\n", "no records"), ("a\n\nb\n", "line 2 is empty"), ("a\n\n", "line 2")]
        {
            fs::write(&list, text).unwrap();
            let refused = Records::read(&list).err().unwrap().to_string();
            assert!(refused.contains(problem), "{refused}");
        }
        fs::write(&list, [b"a\n".to_vec(), vec![b'b'; LONGEST + 1]].concat()).unwrap();
        let refused = Records::read(&list).err().unwrap().to_string();
        assert!(refused.contains("record 2 has 131031 bytes"), "{refused}");
        let refused = Records::read(&folder.path().join("d.txt")).err().unwrap().to_string();
        assert!(refused.contains("there is no such file"), "{refused}");
    }
}
