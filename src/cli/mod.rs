//! The command line: a thin face over the library's public one.

mod access;
mod args;
mod bench;
mod bind;
mod check;
mod devices;
mod dtype;
mod exec;
mod failure;
mod fields;
mod history;
mod kernel;
mod layout;
mod mapped;
mod members;
mod npy;
mod part;
mod plan;
mod recorded;
mod results;
mod run;
mod show;
mod signals;
mod tracing;
mod tune;
mod values;
mod written;

use failure::{Failure, Outcome};

pub use args::{Cli, Command};

/// Sends the log to stderr when `SWATH_LOG` says a level: error, warn, info, debug or trace.
pub fn start_logging() -> Outcome {
    let Ok(level) = std::env::var("SWATH_LOG") else { return Ok(()) };
    let level: tracing_subscriber::filter::LevelFilter = level.parse().map_err(|_| {
        Failure::wrong(
            format!("SWATH_LOG is `{level}`, which is no level"),
            "use error, warn, info, debug, trace or off",
        )
    })?;
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).init();
    Ok(())
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
