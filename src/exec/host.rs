//! The host's memory of a binding that is written while a call runs in parts: its bytes are lent by ranges.
//!
//! Several members work on one call, each on ranges of its own. What is safe about that is looked at while it runs, as a
//! `RefCell` does for one value: a range that is lent for writing is lent to nobody else.

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut, Range},
    slice,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::access::Merge;

/// Bytes of the host that are lent by ranges.
pub(crate) struct HostMemory<'a> {
    start: *mut u8,
    bytes: usize,
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

// SAFETY: `HostMemory` stands for an exclusive borrow of plain bytes for 'a (`new` is the only place that makes one), and
// bytes may be reached from any thread. They are reached through loans alone, and the list of those sees to it that bytes
// that one loan may write are in no other.
unsafe impl Send for HostMemory<'_> {}
// SAFETY: as above; the list is behind a lock.
unsafe impl Sync for HostMemory<'_> {}

impl<'a> HostMemory<'a> {
    /// Takes the bytes over for as long as they are borrowed.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        HostMemory {
            start: bytes.as_mut_ptr(),
            bytes: bytes.len(),
            lent: Mutex::default(),
            returned: Condvar::new(),
            memory: PhantomData,
        }
    }

    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// Lends a range for reading, once nobody may write in it.
    ///
    /// # Panics
    ///
    /// If the range is not within the memory.
    pub fn read(&self, range: Range<u64>) -> Read<'_> {
        let (range, _loan) = self.lend(range, false);
        // SAFETY: the range is within the bytes that `new` took over (`lend`), which are initialised and live as long
        // as `self`; until the loan is returned, nobody is lent any of it for writing.
        let bytes = unsafe { slice::from_raw_parts(self.start.add(range.start), range.len()) };
        Read { bytes, _loan }
    }

    /// Lends a range for writing, once nobody else has any of it.
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

    /// Lends a range for writing by a kernel, which is given the address of the whole and keeps to the range.
    ///
    /// # Panics
    ///
    /// If the range is not within the memory.
    #[cfg(feature = "cpu")]
    pub fn claim(&self, range: Range<u64>) -> Loan<'_> {
        self.lend(range, true).1
    }

    /// Where the bytes start. They may be written where a [`claim`](Self::claim) is held.
    #[cfg(feature = "cpu")]
    pub fn start(&self) -> *mut u8 {
        self.start
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
        assert!(range.start <= range.end && range.end <= self.bytes(), "{range:?} of {} bytes", self.bytes);
        let range = range.start as usize..range.end as usize;
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
    #[should_panic(expected = "of 4 bytes")]
    fn a_range_beyond_the_end_is_refused() {
        HostMemory::new(&mut [0; 4]).read(2..5);
    }
}
