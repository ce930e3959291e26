//! Storage that a kernel writes: its memory, and the file that it goes to.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use swath::FinalFile;

use super::{
    dtype::{Data, numpy},
    failure::Outcome,
    layout::Packing,
    npy::{Array, show_shape},
    part::Part,
    results::{Pending, unwritten},
};

/// Storage that the kernel may write, and where it goes.
pub struct Written {
    /// As WGSL lays it out.
    pub memory: Data,
    /// How it started, where that was not zeros.
    pub start: Option<Data>,
    pub file: PathBuf,
    pub shape: Vec<u64>,
    /// How to strip the padding; `None` where the file has the memory as it is.
    pub packing: Option<Packing>,
    /// The file that the memory is in already.
    pub pending: Option<Pending>,
    /// The file that it is in, where the call has a checkpoint.
    pub part: Option<Part>,
    /// Whether the memory is that of a file, which starts with zeros.
    pub is_new_file: bool,
}

impl Written {
    /// Puts the starting contents back.
    pub fn restore(&mut self) {
        match &self.start {
            Some(start) => self.memory.bytes_mut().copy_from_slice(start.bytes()),
            None => self.memory.bytes_mut().fill(0),
        }
    }

    /// What its file is called, and a line about what is in it.
    pub fn describe(&self) -> (&Path, String) {
        (&self.file, format!("{} {}", numpy(self.memory.scalar()), show_shape(&self.shape)))
    }

    /// Hands out the memory, and for a call with a checkpoint: the file that it is in, what it starts with where that is not
    /// zeros, and whether the file was made now. Nothing of that where the memory is in no file.
    pub fn lend(&mut self) -> Outcome<(&mut Data, Option<InFile<'_>>)> {
        let Written { memory, start, part, is_new_file, .. } = self;
        let start = start.as_ref().map(Data::bytes);
        let in_file = match part {
            Some(part) if matches!(memory, Data::Mapped(_)) => {
                let (file, is_fresh) = part.share()?;
                Some(InFile { file: Some(file), start, is_fresh })
            }
            _ if *is_new_file => Some(InFile { file: None, start, is_fresh: true }),
            _ => None,
        };
        Ok((memory, in_file))
    }

    /// Completes the file of a call whose checkpoint has this number, beside the place where it is to be.
    pub fn finish(self, name: &str, id: u64) -> Outcome<FinalFile> {
        let Written { memory, file, shape, packing, part, .. } = self;
        match (part, memory, packing) {
            (Some(part), Data::Mapped(map), _) => {
                map.flush().map_err(|error| unwritten(&file, &error))?;
                part.finish(name)
            }
            (_, data, None) => Part::open(&file, id)?.write(&Array { shape, data })?.finish(name),
            (_, memory, Some(packing)) => {
                Part::open(&file, id)?.write(&unpacked(&packing, &memory, shape))?.finish(name)
            }
        }
    }

    /// Writes the file, beside the place where it is to be.
    pub fn save(self) -> Outcome<Pending> {
        let Written { memory, file, shape, packing, pending, .. } = self;
        match (pending, memory, packing) {
            (Some(pending), Data::Mapped(map), _) => {
                map.flush().map_err(|error| unwritten(&file, &error))?;
                Ok(pending)
            }
            (_, data, None) => Pending::write(&file, &Array { shape, data }),
            (_, memory, Some(packing)) => Pending::write(&file, &unpacked(&packing, &memory, shape)),
        }
    }
}

/// An array without the padding that it has in memory.
fn unpacked(packing: &Packing, memory: &Data, shape: Vec<u64>) -> Array {
    let mut data = Data::zeros(memory.scalar(), shape.iter().product::<u64>() as usize);
    packing.unpack(memory, &mut data);
    Array { shape, data }
}

/// The file that memory is in.
pub struct InFile<'s> {
    /// Nothing for a call that is not run.
    pub file: Option<File>,
    /// What it starts with; nothing for zeros.
    pub start: Option<&'s [u8]>,
    /// Whether it holds nothing but zeros.
    pub is_fresh: bool,
}
