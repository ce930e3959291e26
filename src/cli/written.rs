//! Storage that a kernel writes: its memory, and the file that it goes to.

use std::{
    borrow::Cow,
    fs::File,
    path::{Path, PathBuf},
};

use swath::FinalFile;

use super::{
    dtype::Data,
    failure::Outcome,
    form::Form,
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
    /// What the file has of the memory.
    pub form: Form,
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
        (&self.file, self.form.describe(&self.memory, &self.shape))
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
    pub fn finish(mut self, name: &str, id: u64) -> Outcome<FinalFile> {
        match (self.part.take(), &self.memory) {
            (Some(part), Data::Mapped(map)) => {
                map.flush().map_err(|error| unwritten(&self.file, &error))?;
                part.finish(name)
            }
            _ => {
                let (header, body) = self.contents()?;
                Part::open(&self.file, id)?.write(&header, &body)?.finish(name)
            }
        }
    }

    /// Writes the file, beside the place where it is to be.
    pub fn save(mut self) -> Outcome<Pending> {
        match (self.pending.take(), &self.memory) {
            (Some(pending), Data::Mapped(map)) => {
                map.flush().map_err(|error| unwritten(&self.file, &error))?;
                Ok(pending)
            }
            _ => {
                let (header, body) = self.contents()?;
                Pending::write(&self.file, &header, &body)
            }
        }
    }

    /// The file's header, and its data.
    fn contents(&self) -> Outcome<(Vec<u8>, Cow<'_, [u8]>)> {
        let header = self.form.header(self.memory.scalar(), &self.shape);
        let header = header.map_err(|error| unwritten(&self.file, &error))?;
        Ok((header, self.form.body(&self.memory, &self.shape)))
    }
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
