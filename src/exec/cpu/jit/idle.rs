//! Worker blocks between launches. Each version of each program keeps those of its last launches; what all of them
//! take together is bounded.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A thread's block of memory for one compiled program and one set of bindings.
pub struct Worker {
    pub block: Vec<Row>,
    /// Its copies of memories, by record.
    pub copies: Vec<Vec<u32>>,
    /// Its bytes, as they are counted in the budget.
    counted: usize,
    budget: &'static Budget,
}

/// A row, so that the block is aligned for vectors.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub struct Row(pub [u32; 8]);

/// Bytes of the workers that are not in use, of all programs together. What is in use at a time may be more.
const MOST_BYTES: usize = 128 << 20;

/// That of this process.
static BUDGET: Budget = Budget::new();

/// What all workers take together.
struct Budget {
    /// Bytes of the workers there are, in use or not: it changes only when one is made, grows or is dropped, so that a
    /// launch on workers from before writes nothing that all launches share.
    bytes: AtomicUsize,
    /// Where idle workers are.
    shelves: Mutex<Vec<Weak<Workers>>>,
}

type Workers = Mutex<Vec<Worker>>;

/// The idle workers of one version of a program, dropped with it.
pub struct Idle {
    workers: Arc<Workers>,
    budget: &'static Budget,
}

impl Budget {
    const fn new() -> Budget {
        Budget { bytes: AtomicUsize::new(0), shelves: Mutex::new(Vec::new()) }
    }

    fn is_exceeded(&self) -> bool {
        self.bytes.load(Relaxed) > MOST_BYTES
    }
}

impl Worker {
    /// Counts its bytes anew, after its copies have changed.
    pub fn count(&mut self) {
        let copied: usize = self.copies.iter().map(|copy| copy.capacity() * size_of::<u32>()).sum();
        let bytes = self.block.capacity() * size_of::<Row>() + copied;
        if bytes != self.counted {
            self.budget.bytes.fetch_add(bytes, Relaxed);
            self.budget.bytes.fetch_sub(self.counted, Relaxed);
            self.counted = bytes;
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.budget.bytes.fetch_sub(self.counted, Relaxed);
    }
}

impl Idle {
    pub fn new() -> Idle {
        Idle::within(&BUDGET)
    }

    fn within(budget: &'static Budget) -> Idle {
        let workers = Arc::default();
        let mut shelves = lock(&budget.shelves);
        shelves.retain(|shelf| shelf.strong_count() > 0);
        shelves.push(Arc::downgrade(&workers));
        Idle { workers, budget }
    }

    /// A worker that was not there before.
    pub fn make(&self, block: Vec<Row>, copies: Vec<Vec<u32>>) -> Worker {
        let mut worker = Worker { block, copies, counted: 0, budget: self.budget };
        worker.count();
        worker
    }

    pub fn take(&self) -> Option<Worker> {
        lock(&self.workers).pop()
    }

    /// Keeps a worker for the next launch. Where they have become too many bytes, those of other programs go first, and
    /// then this one.
    pub fn put(&self, worker: Worker) {
        if self.budget.is_exceeded() {
            self.clear_others();
            if self.budget.is_exceeded() {
                return;
            }
        }
        lock(&self.workers).push(worker);
    }

    fn clear_others(&self) {
        let shelves: Vec<_> = lock(&self.budget.shelves).iter().filter_map(Weak::upgrade).collect();
        for shelf in shelves.iter().filter(|shelf| !Arc::ptr_eq(shelf, &self.workers)) {
            let workers = std::mem::take(&mut *lock(shelf));
            drop(workers);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_workers_are_kept_up_to_a_bound_over_all_programs() {
        static OURS: Budget = Budget::new();
        let (first, second) = (Idle::within(&OURS), Idle::within(&OURS));
        let worker = |bytes: usize| first.make(vec![Row([0; 8]); bytes / size_of::<Row>()], Vec::new());
        let kept = || (lock(&first.workers).len(), lock(&second.workers).len());
        let third = MOST_BYTES / 3;
        first.put(worker(third));
        second.put(worker(third));
        second.put(worker(third));
        assert_eq!(kept(), (1, 2));
        // One more, and those of the other program make room.
        first.put(worker(third));
        assert_eq!(kept(), (2, 0));
        // What is too large by itself is not kept at all.
        second.put(worker(2 * MOST_BYTES));
        assert_eq!(kept(), (0, 0));
        // What is in use counts, and copies that have grown.
        let mut used = worker(third);
        used.copies.push(vec![0; MOST_BYTES / size_of::<u32>()]);
        used.count();
        first.put(worker(1024));
        assert_eq!(kept(), (0, 0));
        drop(used);
        first.put(worker(1024));
        assert_eq!(kept(), (1, 0));
        drop((first, second));
        assert_eq!(OURS.bytes.load(Relaxed), 0, "idle workers go with their program");
    }
}
