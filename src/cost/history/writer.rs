//! The thread that writes what was learned, so that no call waits for a disk.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{HistoryFile, Record};

/// How long news wait for more.
const GATHER: Duration = Duration::from_secs(2);

/// Writes what was learned some time after it was, and when it is dropped.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    has_news: bool,
    is_over: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// A writer to a file. `take` hands out what is to be written.
    pub fn new(file: HistoryFile, take: impl Fn() -> Vec<Record> + Send + 'static) -> Writer {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new().name("swath-history".to_owned()).spawn(move || own.write(&file, &take));
        if let Err(error) = &thread {
            tracing::warn!(%error, "what is learned is not kept: the system starts no thread");
        }
        Writer { shared, thread: thread.ok() }
    }

    /// There is something to write.
    pub fn notify(&self) {
        let mut state = self.shared.state();
        if !state.has_news {
            state.has_news = true;
            self.shared.changed.notify_one();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn write(&self, file: &HistoryFile, take: &impl Fn() -> Vec<Record>) {
        let mut left: Vec<Record> = Vec::new();
        let mut is_told = false;
        loop {
            let is_over = self.wait();
            left.extend(take());
            match file.append(&left) {
                Ok(()) => left.clear(),
                Err(error) => {
                    // Once is enough.
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!(%error, folder = %file.folder.display(), "what is learned cannot be written");
                    }
                    // Tried again with the next news, if they are not too many by then.
                    if left.len() > MOST_LEFT {
                        left.clear();
                    }
                }
            }
            if is_over {
                return;
            }
        }
    }

    /// Waits for news, and then for some more; gives whether there will be none any more.
    fn wait(&self) -> bool {
        let mut state = self.state();
        while !state.has_news && !state.is_over {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let start = Instant::now();
        while !state.is_over {
            let Some(left) = GATHER.checked_sub(start.elapsed()) else { break };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.has_news = false;
        state.is_over
    }
}

/// Records that are kept for another try.
const MOST_LEFT: usize = 10_000;
