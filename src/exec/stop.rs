//! Ending a call early: a deadline or a cancellation becomes one word that kernels poll.
//!
//! A call that has neither has no [`Stop`], and pays nothing. Otherwise its stop is [`Armed`]: known to its
//! [`CancelToken`]s, and to one thread that watches the deadlines of the whole process. Whoever comes first sets
//! the word, and it stays set.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::Waker,
    thread,
    time::{Duration, Instant},
};

use futures::task::AtomicWaker;

use crate::{
    error::{Error, Message, Result},
    kernel::Kernel,
};

/// How often a wait that only the clock can end looks for a cancellation.
const GLANCE: Duration = Duration::from_millis(5);

/// The longest single wait: drivers add timeouts to clocks, and some overflow.
const LONG: Duration = Duration::from_secs(3600);

/// What the word of a stop says.
const GO_ON: u32 = 0;
const LATE: u32 = 1;
const CANCELLED: u32 = 2;

/// Whether a call has to end, and since when it runs.
#[derive(Debug)]
pub(crate) struct Stop {
    word: AtomicU32,
    /// Who waits for the call without blocking.
    waker: AtomicWaker,
    /// What it ends: a call of this kernel, or a chain.
    kernel: Option<Kernel>,
    start: Instant,
    limit: Option<Duration>,
    /// Whether a token can set the word.
    cancellable: bool,
}

/// What an ended call leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftBehind<'a> {
    /// It never started.
    Nothing,
    /// It was interrupted.
    Unspecified,
    /// The device of this name cannot be interrupted, and still runs it.
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    Running(&'a str),
}

impl Stop {
    /// The word that is not zero once the call has to end. It stays where it is as long as the stop lives, so that
    /// compiled code can load it.
    pub fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Whether the call has to end.
    pub fn is_set(&self) -> bool {
        self.word.load(Ordering::Relaxed) != GO_ON
    }

    /// As [`is_set`](Stop::is_set), and looks at the clock: for those who wait rather than poll.
    pub fn is_due(&self) -> bool {
        if self.remaining().is_some_and(|left| left.is_zero()) {
            self.set(LATE);
        }
        self.is_set()
    }

    /// How long to wait for something else before [`is_due`](Stop::is_due) is to be asked again.
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    pub fn patience(&self) -> Duration {
        let most = if self.cancellable { GLANCE } else { LONG };
        self.remaining().map_or(most, |left| left.min(most))
    }

    /// Time to the deadline, if there is one.
    pub fn remaining(&self) -> Option<Duration> {
        Some(self.limit?.saturating_sub(self.start.elapsed()))
    }

    /// Tries `attempt` until it gives something, such as a lock that another call holds; not beyond the stop.
    ///
    /// # Errors
    ///
    /// The stop's, of a call that has not started.
    pub fn wait_for<T>(&self, mut attempt: impl FnMut() -> Option<T>) -> Result<T> {
        // A call that another one keeps waiting is in no hurry, so it looks rarely once it has waited for long.
        let mut pause = Duration::from_micros(20);
        loop {
            if let Some(found) = attempt() {
                return Ok(found);
            }
            if self.is_due() {
                return Err(self.error(LeftBehind::Nothing));
            }
            thread::sleep(pause);
            pause = (2 * pause).min(Duration::from_millis(2));
        }
    }

    /// Has `waker` woken when the word is set.
    pub fn wake(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    fn set(&self, reason: u32) {
        // Nothing is published by the word: it only says that the call has to end.
        let _ = self.word.compare_exchange(GO_ON, reason, Ordering::Relaxed, Ordering::Relaxed);
        self.waker.wake();
    }

    /// The error of the call that has ended.
    pub fn error(&self, left: LeftBehind<'_>) -> Error {
        let late = self.word.load(Ordering::Relaxed) != CANCELLED;
        let after = format!("{:.1?}", self.start.elapsed());
        let limit = self.limit.unwrap_or_default();
        let what = match (late, left) {
            (true, LeftBehind::Nothing) => format!("its deadline of {limit:?} passed before it started"),
            (true, LeftBehind::Unspecified) => format!("it was stopped at its deadline of {limit:?}, after {after}"),
            (true, LeftBehind::Running(_)) => {
                format!("it was not done by its deadline of {limit:?}, and was given up after {after}")
            }
            (false, LeftBehind::Nothing) => "it was cancelled before it started".to_owned(),
            (false, LeftBehind::Unspecified) => format!("it was cancelled, and stopped after {after}"),
            (false, LeftBehind::Running(_)) => format!("it was cancelled, and was given up after {after}"),
        };
        let unspecified = "what was bound for writing is initialised, but its contents are unspecified";
        let consequence = match left {
            LeftBehind::Nothing => "nothing was written".to_owned(),
            LeftBehind::Unspecified => unspecified.to_owned(),
            LeftBehind::Running(device) => format!(
                "device `{device}` cannot be interrupted and still runs it, so other calls there are refused until \
                 it is done; {unspecified}"
            ),
        };
        let message = about(self.kernel.as_ref(), format!("{what}; {consequence}"));
        if late {
            Error::Deadline(message.help("allow more time with .deadline(..), or give the kernel less to do"))
        } else {
            Error::Cancelled(message.help("a token stays cancelled: give the next call a new CancelToken"))
        }
    }
}

/// A message about a call of this kernel, or about a chain.
fn about(kernel: Option<&Kernel>, problem: String) -> Message {
    match kernel {
        Some(kernel) => kernel.message(problem),
        None => Message::new(problem).subject("chain"),
    }
}

/// The word that compiled code polls in a call with this stop, or without one.
#[cfg_attr(not(feature = "cpu"), allow(dead_code))]
pub(crate) fn word(stop: Option<&Stop>) -> &AtomicU32 {
    static NEVER: AtomicU32 = AtomicU32::new(GO_ON);
    stop.map_or(&NEVER, Stop::word)
}

/// Cancels calls from outside: another thread, a signal handler's thread, a user interface.
///
/// Clones are the same token. A token that is cancelled stays so.
///
/// ```
/// use swath::{CancelToken, Error};
///
/// let rt = swath::Runtime::new()?;
/// let module = rt.module(
///     "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
///      @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
///          if id.x < arrayLength(&y) { y[id.x] = id.x; }
///      }",
/// )?;
/// let token = CancelToken::new();
/// token.cancel(); // or later, from another thread
/// let mut y = [7u32; 4];
/// let result = rt.call(&module.kernel("count")?).write("y", &mut y).grid([4]).cancel(&token).run();
/// assert!(matches!(result, Err(Error::Cancelled(_))));
/// assert_eq!(y, [7; 4]);
/// # Ok::<(), swath::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct CancelToken {
    inner: Arc<Token>,
}

#[derive(Default)]
struct Token {
    cancelled: AtomicBool,
    calls: Mutex<Vec<Weak<Stop>>>,
}

impl CancelToken {
    /// A token that is not cancelled.
    pub fn new() -> CancelToken {
        CancelToken::default()
    }

    /// Ends the calls that were given the token, those that run and those to come, with
    /// [`Error::Cancelled`]. Returns at once; the calls end soon after.
    pub fn cancel(&self) {
        let calls = {
            let mut calls = lock(&self.inner.calls);
            self.inner.cancelled.store(true, Ordering::Release);
            std::mem::take(&mut *calls)
        };
        // With no lock held: a waker may run anything.
        calls.iter().filter_map(Weak::upgrade).for_each(|stop| stop.set(CANCELLED));
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancelled.load(Ordering::Acquire)
    }

    fn enter(&self, stop: &Arc<Stop>) {
        let mut calls = lock(&self.inner.calls);
        if self.is_cancelled() {
            stop.set(CANCELLED);
        } else {
            calls.push(Arc::downgrade(stop));
        }
    }

    fn leave(&self, stop: &Arc<Stop>) {
        let mut calls = lock(&self.inner.calls);
        if let Some(place) = calls.iter().position(|call| std::ptr::eq(call.as_ptr(), Arc::as_ptr(stop))) {
            calls.swap_remove(place);
        }
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

/// A stop that its tokens and the clock know of, until this is dropped.
#[derive(Debug)]
pub(crate) struct Armed {
    stop: Arc<Stop>,
    tokens: Vec<CancelToken>,
    alarm: Option<Alarm>,
}

impl Armed {
    /// The stop of a call of `kernel` (a chain has none) that began at `start`; `None` where nothing can end it early.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the thread that watches deadlines cannot be started.
    pub fn new(
        kernel: Option<&Kernel>,
        start: Instant,
        limit: Option<Duration>,
        tokens: Vec<CancelToken>,
    ) -> Result<Option<Armed>> {
        if limit.is_none() && tokens.is_empty() {
            return Ok(None);
        }
        let stop = Arc::new(Stop {
            word: AtomicU32::new(GO_ON),
            waker: AtomicWaker::new(),
            kernel: kernel.cloned(),
            start,
            limit,
            cancellable: !tokens.is_empty(),
        });
        tokens.iter().for_each(|token| token.enter(&stop));
        let mut armed = Armed { stop, tokens, alarm: None };
        // A deadline beyond what the clock can count never comes.
        let due = limit.and_then(|limit| start.checked_add(limit));
        armed.alarm = due.map(|due| CLOCK.set(due, &armed.stop)).transpose().map_err(|error| {
            Error::Device(
                about(kernel, format!("the thread that watches deadlines cannot be started: {error}"))
                    .help("let the process have one more thread, or call without a deadline"),
            )
        })?;
        Ok(Some(armed))
    }

    /// The stop.
    pub fn stop(&self) -> &Arc<Stop> {
        &self.stop
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        if let Some(alarm) = self.alarm.take() {
            CLOCK.unset(alarm);
        }
        self.tokens.iter().for_each(|token| token.leave(&self.stop));
    }
}

/// When a stop is due, and a number that no other has.
type Alarm = (Instant, u64);

/// The deadlines of all calls, and the thread that watches them, which starts with the first one.
static CLOCK: Clock =
    Clock { state: Mutex::new(Alarms { running: false, count: 0, due: BTreeMap::new() }), sooner: Condvar::new() };

struct Clock {
    state: Mutex<Alarms>,
    /// Told when the first alarm is another one than before.
    sooner: Condvar,
}

struct Alarms {
    running: bool,
    count: u64,
    due: BTreeMap<Alarm, Arc<Stop>>,
}

impl Clock {
    fn set(&'static self, due: Instant, stop: &Arc<Stop>) -> io::Result<Alarm> {
        let mut state = lock(&self.state);
        if !state.running {
            thread::Builder::new().name("swath-deadlines".to_owned()).spawn(|| self.watch())?;
            state.running = true;
        }
        state.count += 1;
        let alarm = (due, state.count);
        state.due.insert(alarm, Arc::clone(stop));
        if state.due.keys().next() == Some(&alarm) {
            self.sooner.notify_one();
        }
        Ok(alarm)
    }

    fn unset(&self, alarm: Alarm) {
        let stop = lock(&self.state).due.remove(&alarm);
        drop(stop);
    }

    fn watch(&self) {
        let mut state = lock(&self.state);
        loop {
            let now = Instant::now();
            let Some((&(due, number), _)) = state.due.first_key_value() else {
                state = self.sooner.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if due > now {
                let waited = self.sooner.wait_timeout(state, due - now).unwrap_or_else(PoisonError::into_inner);
                state = waited.0;
                continue;
            }
            let stop = state.due.remove(&(due, number));
            // With the lock let go: a waker may run anything.
            drop(state);
            if let Some(stop) = stop {
                stop.set(LATE);
            }
            state = lock(&self.state);
        }
    }
}

/// Locks a mutex whether or not a thread has panicked with it: what is under these is valid between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::testing;

    fn kernel() -> Kernel {
        testing::kernel("@compute @workgroup_size(1) fn main() {}")
    }

    fn armed(limit: Option<Duration>, tokens: &[&CancelToken]) -> Armed {
        let armed = Armed::new(Some(&kernel()), Instant::now(), limit, tokens.iter().copied().cloned().collect());
        armed.expect("the thread starts").expect("there is something to wait for")
    }

    fn wait(stop: &Stop) {
        let start = Instant::now();
        while !stop.is_set() {
            assert!(start.elapsed() < Duration::from_secs(20), "the word is never set");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn nothing_is_made_where_nothing_can_happen() {
        assert!(Armed::new(Some(&kernel()), Instant::now(), None, Vec::new()).expect("no thread is needed").is_none());
        assert_eq!(word(None).load(Ordering::Relaxed), GO_ON);
    }

    #[test]
    fn the_clock_sets_the_word_of_the_calls_that_are_late_and_no_other() {
        let late = armed(Some(Duration::from_secs(3600)), &[]);
        let never = armed(Some(Duration::MAX), &[]);
        let calls: Vec<_> = [30, 10, 20].map(|ms| armed(Some(Duration::from_millis(ms)), &[])).into();
        for call in &calls {
            wait(call.stop());
            let elapsed = call.stop().start.elapsed();
            assert!(elapsed >= call.stop().limit.unwrap_or_default(), "set after {elapsed:?}");
            assert!(matches!(call.stop().error(LeftBehind::Unspecified), Error::Deadline(_)));
        }
        for call in [&late, &never] {
            assert!(!call.stop().is_set() && !call.stop().is_due());
        }
    }

    #[test]
    fn alarms_and_calls_that_are_over_are_forgotten() {
        let token = CancelToken::new();
        let weak: Vec<_> =
            (0..100).map(|_| Arc::downgrade(armed(Some(Duration::from_secs(3600)), &[&token]).stop())).collect();
        assert!(weak.iter().all(|stop| stop.upgrade().is_none()));
        assert!(lock(&token.inner.calls).is_empty());
    }

    #[test]
    fn a_token_sets_the_words_of_all_its_calls() {
        let (token, other) = (CancelToken::new(), CancelToken::new());
        let both = armed(None, &[&token, &other]);
        let apart = armed(None, &[&other]);
        token.clone().cancel();
        assert!(token.is_cancelled() && !other.is_cancelled());
        assert!(both.stop().is_set() && !apart.stop().is_set());
        assert!(armed(None, &[&token]).stop().is_set(), "a token stays cancelled");
        // The first reason stays.
        let late = armed(Some(Duration::ZERO), &[&other]);
        assert!(late.stop().is_due());
        other.cancel();
        assert!(matches!(late.stop().error(LeftBehind::Nothing), Error::Deadline(_)));
        assert!(matches!(apart.stop().error(LeftBehind::Nothing), Error::Cancelled(_)));
    }
}
