//! Kernel-visible memory: the one type through which kernels touch bytes of the host.
//!
//! WGSL lets invocations race: two of them may write one element, or one may read what another
//! writes. Rust's `&mut [u32]` promises that nothing of the kind happens, so memory that a kernel
//! can write is only ever seen through relaxed atomics here, which compile to plain loads and stores.
//! Memory that nobody can write while the kernel runs is a plain slice.

use std::{
    any::Any,
    marker::PhantomData,
    slice,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError, TryLockResult,
        atomic::{AtomicU16, AtomicU32, Ordering::Relaxed},
    },
};

use memmap2::{MmapMut, MmapOptions};

use crate::{
    error::{Error, Message, Result},
    exec::{Allocation, host::HostMemory},
};

/// A cache line of bytes: the unit in which memory is allocated, so that rows of lanes are aligned.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(super) struct CacheLine(pub [u32; 16]);

/// Bytes that a kernel accesses while a dispatch runs.
#[derive(Clone, Copy)]
pub(super) enum SharedMem<'a> {
    /// Nobody writes it while the dispatch runs.
    Fixed(Fixed<'a>),
    /// Invocations may write it, in any order.
    Racy(Racy<'a>),
}

/// Memory that does not change while a dispatch runs.
#[derive(Clone, Copy)]
pub(super) struct Fixed<'a> {
    words: &'a [u32],
    halves: &'a [u16],
}

impl<'a> Fixed<'a> {
    pub fn words(self) -> &'a [u32] {
        self.words
    }

    pub fn halves(self) -> &'a [u16] {
        self.halves
    }
}

/// Memory that invocations write without order.
#[derive(Clone, Copy)]
pub(super) struct Racy<'a> {
    start: *mut u8,
    bytes: usize,
    /// The exclusive borrow that stands behind `start`.
    memory: PhantomData<&'a mut [u8]>,
}

// SAFETY: `Racy` stands for an exclusive borrow of plain bytes for 'a (`SharedMem::racy` and `claimed` are the only places
// that make one; the latter's is that of a `HostMemory`), and bytes may be reached from any thread. What it gives out is shared by its copies: slices of atomics, which
// are `Sync`, and in `as_raw` a pointer, of which the unsafe code that follows it has to make something sound.
unsafe impl Send for Racy<'_> {}
// SAFETY: as above.
unsafe impl Sync for Racy<'_> {}

impl<'a> Racy<'a> {
    /// Whole 32-bit words.
    pub fn words(self) -> &'a [AtomicU32] {
        // SAFETY: `start` and `bytes` are those of a `&'a mut [u8]` that `SharedMem::racy` or a `HostMemory` took over, once
        // its start was seen to be 4-aligned; the slice ends within it, for the length is rounded down. During 'a Rust
        // code reaches the bytes through copies of this value alone, hence by atomics (in `interp`: `units`, and
        // `accumulate`); and those of a `HostMemory` through its loans, which are of ranges that no claim has, while the
        // kernel keeps to what is claimed (`CpuSession::start`).
        //
        // Two accesses of one location by atomics of two sizes would be a race. Within a binding WGSL's layouts give
        // each location one type, and an access has that type's size. Two bindings with types of their own may lie on
        // one buffer, but then the kernel writes neither (`call::bind::check_aliases`), and reads do not race.
        unsafe { slice::from_raw_parts(self.start.cast::<AtomicU32>(), self.bytes / 4) }
    }

    /// Whole 16-bit halves.
    pub fn halves(self) -> &'a [AtomicU16] {
        // SAFETY: as in `words`; what is 4-aligned is 2-aligned.
        unsafe { slice::from_raw_parts(self.start.cast::<AtomicU16>(), self.bytes / 2) }
    }
}

impl<'a> SharedMem<'a> {
    /// Memory that nobody writes during `'a`; `None` if it is not 4-aligned.
    pub fn fixed(bytes: &'a [u8]) -> Option<Self> {
        let words = bytemuck::try_cast_slice(&bytes[..bytes.len() & !3]).ok()?;
        let halves = bytemuck::try_cast_slice(&bytes[..bytes.len() & !1]).ok()?;
        Some(SharedMem::Fixed(Fixed { words, halves }))
    }

    /// Memory of no bytes.
    pub fn none() -> Self {
        SharedMem::Fixed(Fixed { words: &[], halves: &[] })
    }

    /// The start and size of the bytes, for compiled code. The pointer is valid for `'a`, for reads, and where the
    /// memory is racy for writes too: fixed memory must not be written through it, nor racy memory accessed by Rust
    /// code that is not atomic.
    #[cfg(target_arch = "x86_64")]
    pub fn as_raw(self) -> (*mut u8, usize) {
        match self {
            SharedMem::Fixed(fixed) => (fixed.halves.as_ptr().cast_mut().cast(), fixed.halves.len() * 2),
            SharedMem::Racy(racy) => (racy.start, racy.bytes),
        }
    }

    /// Memory of which the kernel writes what is claimed; `None` if it is not 4-aligned, or not all there.
    ///
    /// Whoever runs the kernel holds claims for all that it touches, so that the rest may be written by others meanwhile.
    pub fn claimed(host: &'a HostMemory<'a>) -> Option<Self> {
        let (start, bytes) = (host.start()?, host.bytes() as usize);
        (start.align_offset(4) == 0).then_some(SharedMem::Racy(Racy { start, bytes, memory: PhantomData }))
    }

    /// Copies `data` to where byte `start` is; nothing where that cannot be written. Both are even.
    pub fn store(self, start: u64, data: &[u8]) {
        let SharedMem::Racy(racy) = self else { return };
        for (half, bytes) in racy.halves().iter().skip(start as usize / 2).zip(data.chunks_exact(2)) {
            half.store(u16::from_ne_bytes([bytes[0], bytes[1]]), Relaxed);
        }
    }

    /// Copies what is from byte `start` on to `data`. Both are even.
    pub fn load(self, start: u64, data: &mut [u8]) {
        let first = start as usize / 2;
        match self {
            SharedMem::Racy(racy) => {
                for (bytes, half) in data.chunks_exact_mut(2).zip(racy.halves().iter().skip(first)) {
                    bytes.copy_from_slice(&half.load(Relaxed).to_ne_bytes());
                }
            }
            SharedMem::Fixed(fixed) => {
                for (bytes, half) in data.chunks_exact_mut(2).zip(fixed.halves().iter().skip(first)) {
                    bytes.copy_from_slice(&half.to_ne_bytes());
                }
            }
        }
    }

    /// Memory that the kernel writes; gives the slice back if it is not 4-aligned.
    pub fn racy(bytes: &'a mut [u8]) -> std::result::Result<Self, &'a mut [u8]> {
        if bytes.as_ptr().align_offset(4) != 0 {
            return Err(bytes);
        }
        Ok(SharedMem::Racy(Racy { start: bytes.as_mut_ptr(), bytes: bytes.len(), memory: PhantomData }))
    }
}

/// Bytes where they are aligned.
pub(super) struct Aligned {
    lines: Lines,
    bytes: usize,
}

/// What they lie in.
enum Lines {
    Owned(Box<[CacheLine]>),
    /// Addresses that memory is only given to where they are touched.
    Reserved(MmapMut),
}

impl Aligned {
    /// Zeroed memory; an error if there is not enough.
    pub fn zeroed(bytes: usize) -> Result<Self> {
        let lines = bytemuck::allocation::try_zeroed_slice_box(bytes.div_ceil(64)).map_err(|()| {
            Error::OutOfMemory(
                Message::new(format!("the host has no {bytes} bytes left")).help("process the data in smaller parts"),
            )
        })?;
        Ok(Aligned { lines: Lines::Owned(lines), bytes })
    }

    /// Memory of which only a part is going to be touched, zeroed: it takes as much as that part. A slice of a binding lies in
    /// it where it lies in the whole, so that a kernel finds it by its own indices, lengths are the whole's, and rows of
    /// compiled code may read a little beyond what is touched.
    pub fn reserved(bytes: u64) -> Result<Self> {
        let refused = |why: String| {
            let message = Message::new(format!("the host reserves no addresses for {bytes} bytes: {why}"));
            Error::OutOfMemory(message.help("process the data in smaller parts"))
        };
        let size = usize::try_from(bytes).map_err(|_| refused("there are not so many".to_owned()))?;
        let map = MmapOptions::new().len(size.max(1)).no_reserve_swap().map_anon();
        Ok(Aligned { lines: Lines::Reserved(map.map_err(|error| refused(error.to_string()))?), bytes: size })
    }

    /// A copy of `bytes`.
    pub fn copy(bytes: &[u8]) -> Result<Self> {
        let mut copy = Self::zeroed(bytes.len())?;
        copy.bytes_mut().copy_from_slice(bytes);
        Ok(copy)
    }

    pub fn bytes(&self) -> &[u8] {
        match &self.lines {
            Lines::Owned(lines) => &bytemuck::cast_slice(lines)[..self.bytes],
            Lines::Reserved(map) => &map[..self.bytes],
        }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.lines {
            Lines::Owned(lines) => &mut bytemuck::cast_slice_mut(lines)[..self.bytes],
            Lines::Reserved(map) => &mut map[..self.bytes],
        }
    }
}

/// Host memory of a resident buffer. A launch holds the lock from its start to its end, so launches that
/// write one buffer run one after the other, and those that read it run side by side.
pub(super) struct HostAllocation {
    bytes: u64,
    memory: RwLock<Aligned>,
}

impl HostAllocation {
    pub fn zeroed(bytes: u64) -> Result<Self> {
        let size = usize::try_from(bytes).map_err(|_| {
            Error::OutOfMemory(Message::new(format!("{bytes} bytes are more than this machine can address")))
        })?;
        Aligned::zeroed(size).map(|memory| HostAllocation { bytes, memory: RwLock::new(memory) })
    }

    /// A lock that a panicking thread left behind is no reason to stop: the memory is plain bytes.
    pub fn read(&self) -> RwLockReadGuard<'_, Aligned> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn write(&self) -> RwLockWriteGuard<'_, Aligned> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`read`](Self::read), unless it would have to wait.
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, Aligned>> {
        unless_blocked(self.memory.try_read())
    }

    /// As [`write`](Self::write), unless it would have to wait.
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, Aligned>> {
        unless_blocked(self.memory.try_write())
    }
}

fn unless_blocked<T>(lock: TryLockResult<T>) -> Option<T> {
    match lock {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// The part of `bytes` from `offset` on, `len` long; the caller has checked, so a miss is its fault.
fn part(bytes: u64, offset: u64, len: u64) -> Result<std::ops::Range<usize>> {
    match offset.checked_add(len) {
        Some(end) if end <= bytes => Ok(offset as usize..end as usize),
        _ => Err(Error::Buffer(Message::new(format!(
            "bytes {offset}..{} lie outside the buffer of {bytes} bytes",
            offset.saturating_add(len)
        )))),
    }
}

impl Allocation for HostAllocation {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn upload(&self, offset: u64, data: &[u8]) -> Result<()> {
        let mut memory = self.write();
        let range = part(memory.bytes as u64, offset, data.len() as u64)?;
        memory.bytes_mut()[range].copy_from_slice(data);
        Ok(())
    }

    fn download(&self, offset: u64, data: &mut [u8]) -> Result<()> {
        let memory = self.read();
        let range = part(memory.bytes as u64, offset, data.len() as u64)?;
        data.copy_from_slice(&memory.bytes()[range]);
        Ok(())
    }

    fn fill(&self, pattern: &[u8]) -> Result<()> {
        let mut memory = self.write();
        if pattern.is_empty() {
            return Err(Error::Buffer(Message::new("cannot fill with an empty pattern")));
        }
        for piece in memory.bytes_mut().chunks_mut(pattern.len()) {
            piece.copy_from_slice(&pattern[..piece.len()]);
        }
        Ok(())
    }

    fn copy_from(&self, offset: u64, source: &dyn Allocation, source_offset: u64, bytes: u64) -> Result<()> {
        let source = source.as_any().downcast_ref::<HostAllocation>().ok_or_else(|| {
            Error::Buffer(Message::new("the source of the copy is on another device").help("download it first"))
        })?;
        if std::ptr::eq(self, source) {
            let mut memory = self.write();
            let from = part(memory.bytes as u64, source_offset, bytes)?;
            let to = part(memory.bytes as u64, offset, bytes)?;
            memory.bytes_mut().copy_within(from, to.start);
            return Ok(());
        }
        // By address, so that two opposite copies cannot wait for each other.
        let (mut memory, from);
        if std::ptr::from_ref(self) < std::ptr::from_ref(source) {
            memory = self.write();
            from = source.read();
        } else {
            from = source.read();
            memory = self.write();
        }
        let source_range = part(from.bytes as u64, source_offset, bytes)?;
        let range = part(memory.bytes as u64, offset, bytes)?;
        memory.bytes_mut()[range].copy_from_slice(&from.bytes()[source_range]);
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocations_copy_both_ways() {
        let a = HostAllocation::zeroed(10).unwrap();
        let b = HostAllocation::zeroed(12).unwrap();
        a.upload(2, &[1, 2, 3]).unwrap();
        b.copy_from(4, &a, 1, 6).unwrap();
        a.copy_from(0, &a, 3, 2).unwrap();
        let mut got = [9; 12];
        b.download(0, &mut got).unwrap();
        assert_eq!(got, [0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0]);
        let mut got = [9; 10];
        a.download(0, &mut got).unwrap();
        assert_eq!(got, [2, 3, 1, 2, 3, 0, 0, 0, 0, 0]);
        b.fill(&[7, 8]).unwrap();
        let mut got = [0; 3];
        b.download(9, &mut got).unwrap();
        assert_eq!(got, [8, 7, 8]);
        assert!(b.download(10, &mut got).is_err());
        assert!(b.upload(u64::MAX, &got).is_err());
    }

    #[test]
    fn memory_must_be_aligned_and_ends_where_it_ends() {
        let mut memory = Aligned::zeroed(15).unwrap();
        assert!(SharedMem::fixed(&memory.bytes()[1..]).is_none());
        assert!(SharedMem::racy(&mut memory.bytes_mut()[1..]).is_err());
        match SharedMem::racy(memory.bytes_mut()) {
            Ok(SharedMem::Racy(racy)) => assert_eq!((racy.words().len(), racy.halves().len()), (3, 7)),
            _ => panic!("aligned"),
        }
        match SharedMem::fixed(memory.bytes()) {
            Some(SharedMem::Fixed(fixed)) => assert_eq!((fixed.words().len(), fixed.halves().len()), (3, 7)),
            _ => panic!("aligned"),
        }
    }
}
