//! The command line: a thin face over the library's public one.

mod access;
mod args;
mod bench;
mod bind;
mod check;
mod clash;
mod devices;
mod dtype;
mod exec;
mod failure;
mod fields;
mod form;
mod history;
mod kernel;
mod layout;
mod load;
mod mapped;
mod members;
mod npy;
mod outputs;
mod part;
mod plan;
mod recorded;
mod records;
mod results;
mod run;
mod show;
mod signals;
mod tracing;
mod tune;
mod values;
mod written;

use std::io::IsTerminal;

use failure::{Failure, Outcome};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

pub use args::{Cli, Command};

/// Sends the log to stderr when `SWATH_LOG` says a level (error, warn, info, debug or trace): of the libraries that Swath is built
/// on only warnings, unless it names them (`debug,naga=debug`).
pub fn start_logging() -> Outcome {
    let Ok(text) = std::env::var("SWATH_LOG") else { return Ok(()) };
    let targets = log_targets(&text).ok_or_else(|| {
        Failure::wrong(
            format!("SWATH_LOG is `{text}`, which is no level"),
            "use error, warn, info, debug, trace or off; or a list like debug,naga=info",
        )
    })?;
    let is_terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(is_terminal);
    tracing_subscriber::registry().with(lines).with(targets).init();
    Ok(())
}

/// Who may say what in a log.
fn log_targets(text: &str) -> Option<Targets> {
    let mut targets = Targets::new();
    // An empty one would be a level, too.
    let parse = |text: &str| text.trim().parse::<LevelFilter>().ok().filter(|_| !text.trim().is_empty());
    let mut level = LevelFilter::WARN;
    for part in text.split(',').map(str::trim) {
        match part.split_once('=') {
            Some((target, level)) => {
                targets = targets.with_target(target.trim(), parse(level)?);
            }
            None => level = parse(part)?,
        }
    }
    Some(targets.with_target("swath", level).with_default(level.min(LevelFilter::WARN)))
}

/// Runs the command.
pub fn run(command: &Command) -> Outcome {
    signals::watch();
    match command {
        Command::Devices(args) => devices::devices(args),
        Command::Exec(args) => exec::exec(args),
        Command::Check(args) => check::check(args),
        Command::Run(args) => run::run(args),
        Command::Bench(args) => bench::bench(args),
        Command::Plan(args) => plan::plan(args),
        Command::Tune(args) => tune::tune(args),
        Command::History(args) => history::history(args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::tracing::Level;

    #[test]
    fn a_log_is_of_swath_unless_it_names_others() {
        let targets = log_targets("debug").unwrap();
        assert!(targets.would_enable("swath::device", &Level::DEBUG));
        assert!(!targets.would_enable("swath::device", &Level::TRACE));
        assert!(
            !targets.would_enable("naga::front", &Level::INFO) && targets.would_enable("naga::front", &Level::WARN)
        );
        let targets = log_targets("error, naga=debug").unwrap();
        assert!(targets.would_enable("naga::front", &Level::DEBUG));
        assert!(!targets.would_enable("swath", &Level::WARN) && !targets.would_enable("wgpu_hal", &Level::WARN));
        assert!(!log_targets("off").unwrap().would_enable("swath", &Level::ERROR));
        for bad in ["much", "naga=", "naga=lots", "debug,,"] {
            assert!(log_targets(bad).is_none(), "{bad}");
        }
    }
}
