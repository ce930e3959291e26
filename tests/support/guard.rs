//! Memory between inaccessible pages.
//!
//! [`Guarded`] is a global allocator. Once [`turn_on`] is called, every allocation has pages of its own with an
//! inaccessible one before and behind them, and ends right before the one behind, or starts right behind the one before.
//! So whoever reads or writes beyond its end, or before its start, dies at once. Addresses are never used again, which
//! catches whoever comes back to memory that was freed.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr,
    sync::atomic::{AtomicU8, AtomicUsize, Ordering},
};

/// Which end of an allocation touches an inaccessible page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Start = 1,
    End = 2,
}

/// The allocator. Before [`turn_on`], it is the system's.
pub struct Guarded;

const PAGE: usize = 4096;

/// Addresses set apart for all allocations of the process.
const SPACE: usize = 1 << 41;

const OFF: u8 = 0;

static SIDE: AtomicU8 = AtomicU8::new(OFF);
static START: AtomicUsize = AtomicUsize::new(0);
/// Bytes of the space that have been given out.
static USED: AtomicUsize = AtomicUsize::new(0);

static GUARDED: AtomicUsize = AtomicUsize::new(0);
static REFUSED: AtomicUsize = AtomicUsize::new(0);

/// How many allocations were guarded, and for how many the system had no guards left.
pub fn counts() -> (usize, usize) {
    (GUARDED.load(Ordering::Relaxed), REFUSED.load(Ordering::Relaxed))
}

/// Guards whatever is allocated from now on.
pub fn turn_on(side: Side) {
    // SAFETY: sysconf has no preconditions.
    assert_eq!(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }, PAGE as libc::c_long);
    // SAFETY: a new mapping at an address of the system's choice touches nothing that is there.
    let space = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        libc::mmap(ptr::null_mut(), SPACE, libc::PROT_NONE, flags, -1, 0)
    };
    assert_ne!(space, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    START.store(space.addr(), Ordering::Relaxed);
    // The first page stays inaccessible.
    USED.store(PAGE, Ordering::Relaxed);
    SIDE.store(side as u8, Ordering::Release);
}

/// Does something without guards: compilation, which has so many small structures, more yet where it is checked, that the
/// system runs out of them, and none of which a kernel sees.
pub fn without<T>(work: impl FnOnce() -> T) -> T {
    let side = SIDE.swap(OFF, Ordering::AcqRel);
    let result = work();
    SIDE.store(side, Ordering::Release);
    result
}

/// Whether the address is in the space.
fn is_guarded(address: usize) -> bool {
    let start = START.load(Ordering::Relaxed);
    start != 0 && (start..start + SPACE).contains(&address)
}

// SAFETY: memory comes from the system's allocator or from pages of the space that nobody else was given; which of them
// is told by its address, so that each is freed where it came from.
unsafe impl GlobalAlloc for Guarded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let side = SIDE.load(Ordering::Acquire);
        let pages = layout.size().next_multiple_of(PAGE);
        // What is aligned to 8 bytes holds pointers. Kernels see bytes, words and rows, and compilation has so many small
        // structures that the system runs out of guards.
        if side == OFF || layout.align() > PAGE || layout.align() == align_of::<usize>() {
            // SAFETY: the caller's promises are those that the system's allocator asks for.
            return unsafe { System.alloc(layout) };
        }
        let at = USED.fetch_add(pages + PAGE, Ordering::Relaxed);
        assert!(at + pages < SPACE, "the test allocates more than it has addresses");
        let start = ptr::with_exposed_provenance_mut::<u8>(START.load(Ordering::Relaxed) + at);
        // SAFETY: the pages are part of the space's mapping, and only this allocation has them.
        if unsafe { libc::mprotect(start.cast(), pages, libc::PROT_READ | libc::PROT_WRITE) } != 0 {
            // The system tells only so many regions apart, and the compiler may need more at a time.
            REFUSED.fetch_add(1, Ordering::Relaxed);
            // SAFETY: as above.
            return unsafe { System.alloc(layout) };
        }
        GUARDED.fetch_add(1, Ordering::Relaxed);
        let slack = if side == Side::End as u8 { (pages - layout.size()) / layout.align() * layout.align() } else { 0 };
        // SAFETY: within the pages, for the slack is what the size leaves of them.
        unsafe { start.add(slack) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if !is_guarded(memory.addr()) {
            // SAFETY: what is not in the space came from the system's allocator.
            return unsafe { System.dealloc(memory, layout) };
        }
        let start = memory.map_addr(|address| address / PAGE * PAGE);
        let pages = layout.size().next_multiple_of(PAGE);
        // SAFETY: these are the pages of the allocation, which nobody uses any more.
        unsafe {
            libc::madvise(start.cast(), pages, libc::MADV_DONTNEED);
            libc::mprotect(start.cast(), pages, libc::PROT_NONE);
        }
    }
}
