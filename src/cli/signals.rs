//! Signals that end the command: nothing half-written stays, and whoever waits for it sees the usual status.

#[cfg(unix)]
pub use unix::watch;

#[cfg(not(unix))]
pub use elsewhere::watch;

#[cfg(unix)]
mod unix {
    use std::{
        fs,
        sync::{Arc, atomic::AtomicBool},
        thread,
    };

    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
        iterator::Signals,
        low_level,
    };
    use swath::file::abandon_all;

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
                end(signal);
            }
        });
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
    pub fn watch() {}
}
