//! Large files in memory without reading them: the system moves their pages between the disk and memory, so that data
//! larger than memory can be worked on.

use std::{fs::File, io, path::Path};

use memmap2::{MmapMut, MmapOptions};
use swath::Scalar;

/// Files with this many bytes of data are mapped; smaller ones are read, which depends on nobody else.
pub const LARGE: u64 = 16 << 20;

/// The scalars of a file that is mapped.
#[derive(Debug)]
pub struct Mapped {
    scalar: Scalar,
    /// The data alone, without the header in front of it.
    map: MmapMut,
}

impl Mapped {
    /// The data of a file, `bytes` from `offset` on. What is written there is not written to the file.
    pub fn input(file: &File, scalar: Scalar, offset: u64, bytes: usize) -> io::Result<Mapped> {
        // SAFETY: the map is private, so that nothing written here reaches the file. That no other process changes the
        // file while the command runs is asked of the user (docs/planning.md), as by every program that maps its input; the
        // length was compared with the file's when it was opened.
        let map = unsafe { MmapOptions::new().offset(offset).len(bytes).map_copy(file)? };
        #[cfg(unix)]
        let _ = map.advise(memmap2::Advice::Sequential);
        Ok(Mapped { scalar, map })
    }

    /// The data of a file of this process's own, `bytes` from `offset` on, which are there and have their space on the disk.
    /// What is written there is written to the file.
    pub fn output(file: &File, scalar: Scalar, offset: u64, bytes: u64) -> io::Result<Mapped> {
        let len = usize::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        // SAFETY: the file was made under a name of this process's own, and nobody else is to write to it before it is given
        // its real name.
        let map = unsafe { MmapOptions::new().offset(offset).len(len).map_mut(file)? };
        Ok(Mapped { scalar, map })
    }

    /// Zeros in no file, for a call that is looked at and not run: they take no memory.
    pub fn nowhere(scalar: Scalar, bytes: u64) -> io::Result<Mapped> {
        let len = usize::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Mapped { scalar, map: MmapOptions::new().len(len).no_reserve_swap().map_anon()? })
    }

    /// The type of the scalars.
    pub fn scalar(&self) -> Scalar {
        self.scalar
    }

    /// Their bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Their bytes, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.map
    }

    /// Has all that was written reach the file.
    pub fn flush(&self) -> io::Result<()> {
        self.map.flush()
    }
}

/// Whether this machine's numbers are as `.npy` files of ours have them.
pub fn is_possible(path: &Path) -> bool {
    cfg!(target_endian = "little") && path.as_os_str() != "-" && path.metadata().map_or(true, |meta| meta.is_file())
}
