//! Signals that end the command: nothing half-written stays, and whoever waits for it sees the usual status.

#[cfg(unix)]
pub use unix::{cancels, end_as_asked, is_asked_to_end, watch};

#[cfg(not(unix))]
pub use elsewhere::{cancels, end_as_asked, is_asked_to_end, watch};

#[cfg(unix)]
mod unix {
    use std::{
        fs,
        sync::{
            Arc, Mutex, PoisonError,
            atomic::{AtomicBool, AtomicI32, Ordering},
        },
        thread,
    };

    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
        iterator::Signals,
        low_level,
    };
    use swath::{CancelToken, file::abandon_all};

    /// What the first signal cancels, rather than end the command at once.
    static TOKEN: Mutex<Option<CancelToken>> = Mutex::new(None);
    /// The signal that came; 0 for none.
    static CAME: AtomicI32 = AtomicI32::new(0);

    /// Watches for signals from now on, on a thread of its own. Those that are ignored stay so (`nohup`, background jobs).
    pub fn watch() {
        let ignored = ignored();
        let signals: Vec<i32> =
            [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0).collect();
        // Without it, a file that grows beyond the limit ends the process, rather than be an error.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
        // Where the system has no thread to spare, signals do what they always do.
        let _ = thread::Builder::new().name("swath-signals".to_owned()).spawn(move || {
            let Ok(mut signals) = Signals::new(signals) else { return };
            for signal in signals.forever() {
                let first = CAME.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed).is_ok();
                let token = TOKEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
                match token.filter(|_| first) {
                    Some(token) => token.cancel(),
                    None => end(signal),
                }
            }
        });
    }

    /// Has the first signal cancel `token`, and the second end the command; without one, the first does.
    pub fn cancels(token: Option<&CancelToken>) {
        *TOKEN.lock().unwrap_or_else(PoisonError::into_inner) = token.cloned();
    }

    /// Whether a signal asked the command to end.
    pub fn is_asked_to_end() -> bool {
        CAME.load(Ordering::Relaxed) != 0
    }

    /// Ends the command as the signal that came would have.
    pub fn end_as_asked() {
        end(CAME.load(Ordering::Relaxed));
    }

    fn end(signal: i32) {
        abandon_all();
        // Does not come back.
        let _ = low_level::emulate_default_handler(signal);
    }

    /// The signals that are ignored, as a mask; as far as the system tells.
    fn ignored() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use swath::CancelToken;

    pub fn watch() {}

    pub fn cancels(_: Option<&CancelToken>) {}

    pub fn is_asked_to_end() -> bool {
        false
    }

    pub fn end_as_asked() {}
}
