//! How numbers, tables and progress are shown.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::failure::{Failure, Outcome};

/// Milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A time with three digits: `1.23 ms`.
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s if s >= 1e-6 => (s * 1e6, "µs"),
        s => (s * 1e9, "ns"),
    };
    format!("{} {unit}", digits(value))
}

/// Three significant digits, without an exponent.
pub fn digits(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    match value.abs() {
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.9995 => format!("{value:.2}"),
        v if v >= 0.09995 => format!("{value:.3}"),
        v if v >= 0.009995 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}

/// A number of bytes: `1.5 MiB`.
pub fn bytes(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = None;
    for next in units {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = Some(next);
    }
    match unit {
        Some(unit) => format!("{} {unit}", digits(value)),
        None => format!("{bytes} B"),
    }
}

/// Median, least and greatest of some times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: Duration,
    pub min: Duration,
    pub max: Duration,
    pub count: usize,
}

impl Spread {
    /// Of `times`; all zero where there are none.
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Spread {
        let mut times: Vec<Duration> = times.into_iter().collect();
        times.sort();
        let at = |place: usize| times.get(place).copied().unwrap_or_default();
        let middle = times.len() / 2;
        let median =
            if times.len() % 2 == 1 || times.is_empty() { at(middle) } else { (at(middle - 1) + at(middle)) / 2 };
        Spread { median, min: at(0), max: at(times.len().saturating_sub(1)), count: times.len() }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&time(self.median))?;
        if self.count > 1 {
            write!(f, " (median of {}, {} to {})", self.count, time(self.min), time(self.max))?;
        }
        Ok(())
    }
}

/// A table without rules, numbers to the right.
pub fn table(header: &[&str], numeric: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if numeric.contains(&place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Prints `document` to stdout.
pub fn json(document: &impl Serialize) -> Outcome {
    let text = to_json(document)?;
    line(&text)
}

/// `document` as indented text.
pub fn to_json(document: &impl Serialize) -> Outcome<String> {
    serde_json::to_string_pretty(document).map_err(|error| Failure::Failed(format!("no JSON could be made: {error}")))
}

/// Prints to stdout. A reader that went away (`| head`) is no failure.
pub fn line(text: &str) -> Outcome {
    match writeln!(io::stdout().lock(), "{}", text.trim_end()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Failed(format!("stdout cannot be written: {error}"))),
    }
}

/// How often a bar is drawn anew.
const TICK: Duration = Duration::from_millis(200);

/// A progress bar on stderr; nothing where stderr is no terminal, and nothing for short work.
pub struct Progress {
    bar: ProgressBar,
    /// Whether somebody looks, and it counts the units of a call.
    pub counts_units: bool,
}

impl Progress {
    /// For `steps` of `what`.
    pub fn new(steps: u64, what: &str) -> Progress {
        Progress::drawn(Some(steps), what, steps > 1, "{msg} {wide_bar} {pos}/{len} {elapsed}")
    }

    /// For a call of `what` that is done in parts.
    pub fn of_units(what: &str) -> Progress {
        let mut progress = Progress::drawn(None, what, true, "{msg} {wide_bar} {pos}/{len} {elapsed}");
        progress.counts_units = !progress.bar.is_hidden();
        progress
    }

    /// For `what` that tells nothing until it is done: the time that has passed.
    pub fn of_time(what: &str) -> Progress {
        Progress::drawn(None, what, true, "{spinner} {msg} {elapsed}")
    }

    fn drawn(steps: Option<u64>, what: &str, is_long: bool, template: &str) -> Progress {
        let visible = io::stderr().is_terminal() && is_long;
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(steps, target).with_message(what.to_string());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if visible {
            // The time goes on where nothing else does.
            bar.enable_steady_tick(TICK);
        }
        Progress { bar, counts_units: false }
    }

    /// Says what is being done now.
    pub fn say(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// So much is done, of so much.
    pub fn reach(&self, done: u64, all: u64) {
        self.bar.set_length(all);
        self.bar.set_position(done);
    }

    /// One more is done.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// Prints a line to stdout without tearing the bar.
    pub fn line(&self, text: &str) -> Outcome {
        self.bar.suspend(|| line(text))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        for (value, text) in
            [(1234.5, "1234"), (123.45, "123"), (12.345, "12.3"), (1.2345, "1.23"), (0.12345, "0.123"), (0.0, "0")]
        {
            assert_eq!(digits(value), text);
        }
        assert_eq!(time(Duration::from_micros(1500)), "1.50 ms");
        assert_eq!(time(Duration::from_nanos(999_999)), "1000 µs");
        assert_eq!(bytes(1000), "1000 B");
        assert_eq!(bytes(1536), "1.50 KiB");
        assert_eq!(bytes(256 << 20), "256 MiB");
    }

    #[test]
    fn medians_stand_in_the_middle() {
        let spread = |times: &[u64]| Spread::of(times.iter().map(|&t| Duration::from_millis(t)));
        assert_eq!(spread(&[3, 1, 2]).median, Duration::from_millis(2));
        assert_eq!(spread(&[4, 1, 2, 3]).median, Duration::from_micros(2500));
        assert_eq!(spread(&[]).median, Duration::ZERO);
        assert_eq!(
            (spread(&[3, 1, 2]).min, spread(&[3, 1, 2]).max),
            (Duration::from_millis(1), Duration::from_millis(3))
        );
    }
}
