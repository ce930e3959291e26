//! The host's memory of a binding that is written while a call runs in parts: its bytes are lent by ranges.
//!
//! Several members work on one call, each on ranges of its own. What is safe about that is looked at while it runs, as a
//! `RefCell` does for one value: a range that is lent for writing is lent to nobody else.
//!
//! Who does a part of a call has a *slice* of each binding: a first byte, and the bytes from there on that the part touches.
//! All offsets are those in the whole binding, whose length is what the kernel sees.

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut, Range},
    slice,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::access::Merge;

/// A part of a binding's data that the kernel only reads.
#[derive(Clone, Copy)]
pub(crate) struct HostSlice<'a> {
    /// The bytes that are there.
    pub data: &'a [u8],
    /// Where in the binding they start.
    pub first: u64,
    /// Bytes of the whole binding.
    pub whole: u64,
}

impl<'a> HostSlice<'a> {
    /// The bytes of a range of the binding.
    ///
    /// # Panics
    ///
    /// If they are not all there.
    #[cfg(feature = "gpu")]
    pub fn bytes(&self, range: Range<u64>) -> &'a [u8] {
        let range = within(range, self.first, self.data.len(), self.whole);
        &self.data[range]
    }
}

impl<'a> From<&'a [u8]> for HostSlice<'a> {
    fn from(data: &'a [u8]) -> Self {
        HostSlice { data, first: 0, whole: data.len() as u64 }
    }
}

/// Where a range of a binding is in a slice of it.
fn within(range: Range<u64>, first: u64, bytes: usize, whole: u64) -> Range<usize> {
    let end = first + bytes as u64;
    assert!(
        first <= range.start && range.start <= range.end && range.end <= end,
        "{range:?} of bytes {first}..{end} of {whole} bytes"
    );
    (range.start - first) as usize..(range.end - first) as usize
}

/// Bytes of the host that are lent by ranges: all of a binding, or a slice of it.
pub(crate) struct HostMemory<'a> {
    start: *mut u8,
    bytes: usize,
    /// Where in the binding they start, and how long that is.
    first: u64,
    whole: u64,
    lent: Mutex<Loans>,
    returned: Condvar,
    /// The exclusive borrow that stands behind `start`.
    memory: PhantomData<&'a mut [u8]>,
}

/// What is lent, and who waits, in the order in which they asked: so that nobody waits for ever.
#[derive(Default)]
struct Loans {
    requests: Vec<Request>,
    next: u64,
}

/// A range that somebody has, or waits for.
struct Request {
    number: u64,
    range: Range<usize>,
    writes: bool,
}

impl Request {
    fn conflicts(&self, other: &Request) -> bool {
        (self.writes || other.writes) && self.range.start < other.range.end && other.range.start < self.range.end
    }
}

// SAFETY: `HostMemory` stands for an exclusive borrow of plain bytes for 'a (`slice` is the only place that makes one), and
// bytes may be reached from any thread. They are reached through loans alone, and the list of those sees to it that bytes
// that one loan may write are in no other.
unsafe impl Send for HostMemory<'_> {}
// SAFETY: as above; the list is behind a lock.
unsafe impl Sync for HostMemory<'_> {}

impl<'a> HostMemory<'a> {
    /// Takes over all of a binding's bytes for as long as they are borrowed.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        let whole = bytes.len() as u64;
        Self::slice(bytes, 0, whole)
    }

    /// Takes over those bytes of a binding of `whole` bytes that start at `first`.
    ///
    /// # Panics
    ///
    /// If they end beyond the binding.
    pub fn slice(bytes: &'a mut [u8], first: u64, whole: u64) -> Self {
        assert!(first.checked_add(bytes.len() as u64).is_some_and(|end| end <= whole), "a slice lies in its binding");
        HostMemory {
            start: bytes.as_mut_ptr(),
            bytes: bytes.len(),
            first,
            whole,
            lent: Mutex::default(),
            returned: Condvar::new(),
            memory: PhantomData,
        }
    }

    /// Size of the whole binding in bytes.
    pub fn bytes(&self) -> u64 {
        self.whole
    }

    /// The bytes of the binding that are there.
    pub fn present(&self) -> Range<u64> {
        self.first..self.first + self.bytes as u64
    }

    /// Lends a range of the binding for reading, once nobody may write in it.
    ///
    /// # Panics
    ///
    /// If the range is not within the memory.
    pub fn read(&self, range: Range<u64>) -> Read<'_> {
        let (range, _loan) = self.lend(range, false);
        // SAFETY: the range is within the bytes that `slice` took over (`lend`), which are initialised and live as long
        // as `self`; until the loan is returned, nobody is lent any of it for writing.
        let bytes = unsafe { slice::from_raw_parts(self.start.add(range.start), range.len()) };
        Read { bytes, _loan }
    }

    /// Lends a range of the binding for writing, once nobody else has any of it.
    ///
    /// # Panics
    ///
    /// If the range is not within the memory.
    pub fn write(&self, range: Range<u64>) -> Write<'_> {
        let (range, _loan) = self.lend(range, true);
        // SAFETY: as in `read`; until the loan is returned, nobody else is lent any of it at all.
        let bytes = unsafe { slice::from_raw_parts_mut(self.start.add(range.start), range.len()) };
        Write { bytes, _loan }
    }

    /// Lends a range of the binding for writing by a kernel, which is given the address of the whole and keeps to the range.
    ///
    /// # Panics
    ///
    /// If the range is not within the memory.
    #[cfg(feature = "cpu")]
    pub fn claim(&self, range: Range<u64>) -> Claim<'_> {
        let (range, _loan) = self.lend(range, true);
        Claim { memory: self, range, _loan }
    }

    /// Where the binding starts, if all of it is there. It may be written where a [`claim`](Self::claim) is held.
    #[cfg(feature = "cpu")]
    pub fn start(&self) -> Option<*mut u8> {
        (self.bytes as u64 == self.whole).then_some(self.start)
    }

    /// Combines each word with that of `copy`.
    ///
    /// # Panics
    ///
    /// If the copy is longer than the memory.
    pub fn fold(&self, merge: Merge, copy: &[u8]) {
        let mut bytes = self.write(0..copy.len() as u64);
        let word = |bytes: &[u8]| u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        for (target, copied) in bytes.chunks_exact_mut(4).zip(copy.chunks_exact(4)) {
            let combined = merge.combine(word(target), word(copied));
            target.copy_from_slice(&combined.to_ne_bytes());
        }
    }

    fn lend(&self, range: Range<u64>, writes: bool) -> (Range<usize>, Loan<'_>) {
        let range = within(range, self.first, self.bytes, self.whole);
        let mut loans = self.loans();
        let number = loans.next;
        loans.next += 1;
        loans.requests.push(Request { number, range: range.clone(), writes });
        while !loans.is_granted(number) {
            loans = self.returned.wait(loans).unwrap_or_else(PoisonError::into_inner);
        }
        (range, Loan { memory: self, number })
    }

    fn loans(&self) -> MutexGuard<'_, Loans> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loans {
    /// Whether nobody who asked earlier stands in the way of request `number`.
    fn is_granted(&self, number: u64) -> bool {
        let earlier = self.requests.iter().take_while(|request| request.number != number);
        let asked = self.requests.iter().find(|request| request.number == number);
        asked.is_some_and(|asked| !earlier.into_iter().any(|other| other.conflicts(asked)))
    }
}

/// A range that a kernel may write until this is dropped.
#[cfg(feature = "cpu")]
pub(crate) struct Claim<'m> {
    memory: &'m HostMemory<'m>,
    range: Range<usize>,
    _loan: Loan<'m>,
}

#[cfg(feature = "cpu")]
impl Claim<'_> {
    /// A copy of these bytes of the binding as they are now, while no kernel runs; nothing if there is no memory for it.
    ///
    /// # Panics
    ///
    /// If they are not in the claim.
    pub fn copy(&self, range: Range<u64>) -> Option<Vec<u8>> {
        let at = self.locate(range);
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(at.len()).ok()?;
        // SAFETY: the bytes are among those that `slice` took over, which are initialised, and lent to this claim alone.
        bytes.extend_from_slice(unsafe { slice::from_raw_parts(self.memory.start.add(at.start), at.len()) });
        Some(bytes)
    }

    /// Puts such a copy back where it starts at this byte of the binding, while no kernel runs.
    ///
    /// # Panics
    ///
    /// If that is not in the claim.
    pub fn restore(&mut self, first: u64, bytes: &[u8]) {
        let at = self.locate(first..first + bytes.len() as u64);
        // SAFETY: as in `copy`; the claim is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.memory.start.add(at.start), at.len()) }.copy_from_slice(bytes);
    }

    fn locate(&self, range: Range<u64>) -> Range<usize> {
        let at = within(range, self.memory.first, self.memory.bytes, self.memory.whole);
        assert!(at.is_empty() || self.range.start <= at.start && at.end <= self.range.end, "a claim has its own bytes");
        at
    }
}

/// A range that is lent until this is dropped.
pub(crate) struct Loan<'m> {
    memory: &'m HostMemory<'m>,
    number: u64,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.memory.loans().requests.retain(|request| request.number != self.number);
        self.memory.returned.notify_all();
    }
}

/// Bytes that nobody writes until this is dropped.
pub(crate) struct Read<'m> {
    bytes: &'m [u8],
    _loan: Loan<'m>,
}

impl Deref for Read<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

/// Bytes that nobody else has until this is dropped.
pub(crate) struct Write<'m> {
    bytes: &'m mut [u8],
    _loan: Loan<'m>,
}

impl Deref for Write<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

impl DerefMut for Write<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;

    #[test]
    fn ranges_are_written_side_by_side() {
        let mut bytes = [0; 64];
        let memory = HostMemory::new(&mut bytes);
        thread::scope(|scope| {
            for part in 0..8 {
                let memory = &memory;
                scope.spawn(move || memory.write(8 * part..8 * part + 8).fill(part as u8 + 1));
            }
        });
        assert!(memory.read(0..64).iter().enumerate().all(|(at, &byte)| usize::from(byte) == at / 8 + 1));
        assert_eq!(memory.loans().requests.len(), 0);
    }

    #[test]
    fn whoever_writes_waits_for_those_who_read_and_the_other_way_round() {
        let mut bytes = [0; 16];
        let memory = HostMemory::new(&mut bytes);
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            let (first, second) = (memory.read(0..8), memory.read(4..16));
            let memory = &memory;
            scope.spawn(move || {
                memory.write(6..7).fill(9);
                sender.send(()).expect("somebody listens");
            });
            assert!(receiver.recv_timeout(Duration::from_millis(20)).is_err(), "both still read");
            drop(first);
            assert!(receiver.recv_timeout(Duration::from_millis(20)).is_err(), "one still reads");
            assert_eq!(second[2], 0);
            drop(second);
            receiver.recv().expect("it writes");
        });
        assert_eq!(memory.read(6..7)[0], 9);
    }

    #[test]
    fn a_slice_is_found_by_offsets_in_the_whole() {
        let mut bytes = [0; 8];
        let memory = HostMemory::slice(&mut bytes, 100, 1000);
        assert_eq!((memory.bytes(), memory.present()), (1000, 100..108));
        memory.write(102..104).fill(7);
        assert_eq!(*memory.read(101..105), [0, 7, 7, 0]);
        drop(memory);
        assert_eq!(bytes, [0, 0, 7, 7, 0, 0, 0, 0]);
    }

    #[test]
    #[should_panic(expected = "of bytes 100..108 of 1000 bytes")]
    fn what_is_not_there_is_not_lent() {
        HostMemory::slice(&mut [0; 8], 100, 1000).read(99..101);
    }

    #[test]
    #[should_panic(expected = "of 4 bytes")]
    fn a_range_beyond_the_end_is_refused() {
        HostMemory::new(&mut [0; 4]).read(2..5);
    }
}
