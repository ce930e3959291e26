//! Threads: the calling one, and a rayon pool of our own beside it.
//!
//! A launch holds the locks of the buffers it uses, so the thread that waits for its end must not take up other
//! work meanwhile: another launch of the same buffer, say, which would wait for the lock for ever. Rayon's workers do
//! take up other work when they wait; so a launch that is called from a rayon worker (of any pool) runs
//! on a thread of its own, and workers of our pool never wait.
//!
//! The pool serves one launch at a time. Another one that comes meanwhile starts threads for itself: it must end when
//! it is done, or has to stop, however long the first one takes.

use std::{
    any::Any,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, OnceLock, PoisonError, TryLockError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::environment;

/// The threads that a backend runs on.
pub(super) struct Pool {
    threads: usize,
    /// All but the calling thread; `None` inside if the system refused to start them.
    helpers: OnceLock<Option<rayon::ThreadPool>>,
    /// Held by the launch that uses the helpers.
    serving: Mutex<()>,
}

/// Some threads of a pool.
#[derive(Clone, Copy)]
pub(super) struct Team<'p> {
    pool: &'p Pool,
    threads: usize,
}

impl Team<'_> {
    /// Threads that a launch may use.
    pub fn threads(self) -> usize {
        self.threads
    }

    /// Runs `work` on `workers` threads at once, or on as many as there are, and waits for all; gives the message of a panic.
    pub fn run(self, workers: usize, work: &(impl Fn() + Sync)) -> Result<(), String> {
        self.pool.run(workers.min(self.threads), work)
    }
}

impl Pool {
    /// A pool of `threads` threads, the calling one included. They start when first needed.
    pub fn new(threads: usize) -> Self {
        Pool { threads: threads.max(1), helpers: OnceLock::new(), serving: Mutex::new(()) }
    }

    /// As many threads as `SWATH_THREADS` says, else as the machine runs at once.
    pub fn from_environment() -> Self {
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        Self::new(environment::threads().unwrap_or_else(available))
    }

    /// Threads that a launch may use.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// So many of its threads, at least one.
    pub fn team(&self, threads: usize) -> Team<'_> {
        Team { pool: self, threads: threads.clamp(1, self.threads) }
    }

    /// Runs `work` on `workers` threads at once and waits for all; gives the message of a panic.
    fn run(&self, workers: usize, work: &(impl Fn() + Sync)) -> Result<(), String> {
        if workers.min(self.threads) <= 1 {
            return catch_unwind(AssertUnwindSafe(work)).map_err(message);
        }
        if rayon::current_thread_index().is_some() {
            return std::thread::scope(|scope| {
                let launch = scope.spawn(|| self.run_with_helpers(workers, work));
                launch.join().unwrap_or_else(|panic| Err(message(panic)))
            });
        }
        self.run_with_helpers(workers, work)
    }

    fn run_with_helpers(&self, workers: usize, work: &(impl Fn() + Sync)) -> Result<(), String> {
        let failure = Mutex::new(None);
        let guarded = || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert_with(|| message(panic));
            }
        };
        let others = workers.min(self.threads) - 1;
        match self.serving.try_lock() {
            Ok(_serving) => self.share(others, &guarded),
            Err(TryLockError::Poisoned(_serving)) => self.share(others, &guarded),
            Err(TryLockError::WouldBlock) => std::thread::scope(|scope| {
                for _ in 0..others {
                    // A thread that the system refuses is one less.
                    let _ = std::thread::Builder::new().spawn_scoped(scope, guarded);
                }
                guarded();
            }),
        }
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(message) => Err(message),
        }
    }

    /// Runs `work` here and on so many of the helpers.
    fn share(&self, others: usize, work: &(impl Fn() + Sync)) {
        let helpers = self.helpers.get_or_init(|| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(self.threads - 1)
                .thread_name(|index| format!("swath-cpu-{index}"))
                .build();
            pool.map_err(|error| tracing::warn!("no helper threads: {error}")).ok()
        });
        match helpers {
            Some(helpers) => helpers.in_place_scope(|scope| {
                for _ in 0..others {
                    scope.spawn(|_| work());
                }
                work();
            }),
            None => work(),
        }
    }
}

fn message(panic: Box<dyn Any + Send>) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}

/// Hands out the units `0..total` in ranges, to whoever asks next.
pub(super) struct Claims {
    next: AtomicU64,
    total: u64,
    grain: u64,
}

impl Claims {
    /// Ranges such that each of `workers` gets several.
    pub fn new(total: u64, workers: usize) -> Self {
        Claims { next: AtomicU64::new(0), total, grain: (total / (workers as u64 * 16)).max(1) }
    }

    /// The next range; `None` when all are handed out.
    pub fn claim(&self) -> Option<Range<u64>> {
        // Checked first, so that the counter cannot wrap however often it is asked.
        if self.next.load(Relaxed) >= self.total {
            return None;
        }
        let start = self.next.fetch_add(self.grain, Relaxed);
        (start < self.total).then(|| start..start.saturating_add(self.grain).min(self.total))
    }

    /// Whether anything is left.
    pub fn any_left(&self) -> bool {
        self.next.load(Relaxed) < self.total
    }

    /// Hands out nothing more.
    pub fn stop(&self) {
        self.next.store(self.total, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_handed_out_once() {
        for (total, threads) in [(0, 2), (1, 4), (1000, 3), (12345, 8)] {
            let pool = Pool::new(threads);
            let claims = Claims::new(total, threads);
            let seen: Vec<_> = (0..total).map(|_| AtomicU64::new(0)).collect();
            pool.run(threads, &|| {
                while let Some(range) = claims.claim() {
                    for unit in range {
                        seen[unit as usize].fetch_add(1, Relaxed);
                    }
                }
            })
            .unwrap();
            assert!(seen.iter().all(|count| count.load(Relaxed) == 1));
        }
    }

    #[test]
    fn a_panic_becomes_a_message() {
        let pool = Pool::new(3);
        for workers in [1, 3] {
            let error = pool.run(workers, &|| panic!("lost {}", 7)).unwrap_err();
            assert_eq!(error, "lost 7");
        }
        pool.run(3, &|| {}).unwrap();
    }

    #[test]
    fn a_launch_does_not_wait_for_another_that_keeps_the_helpers() {
        let pool = Pool::new(3);
        let (started, done) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let long = scope.spawn(|| {
                pool.run(3, &|| {
                    started.fetch_add(1, Relaxed);
                    while done.load(Relaxed) == 0 {
                        std::thread::yield_now();
                    }
                })
            });
            while started.load(Relaxed) < 3 {
                std::thread::yield_now();
            }
            let count = AtomicU64::new(0);
            pool.run(3, &|| {
                count.fetch_add(1, Relaxed);
            })
            .unwrap();
            assert_eq!(count.load(Relaxed), 3);
            done.store(1, Relaxed);
            long.join().unwrap().unwrap();
        });
    }

    #[test]
    fn launches_from_rayon_workers_do_not_wait_for_each_other() {
        use rayon::prelude::*;
        let pool = Pool::new(2);
        let lock = Mutex::new(());
        let outer = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        outer.install(|| {
            (0..64).into_par_iter().for_each(|_| {
                let _guard = lock.lock().unwrap();
                pool.run(2, &|| {
                    std::thread::sleep(std::time::Duration::from_micros(100));
                })
                .unwrap();
            });
        });
    }
}
