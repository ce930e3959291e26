//! The command line: a thin face over the library's public one.

mod args;
mod bind;
mod check;
mod devices;
mod dtype;
mod exec;
mod failure;
mod fields;
mod kernel;
mod layout;
mod npy;
mod show;
mod values;

use failure::{Failure, Outcome};

pub use args::{Cli, Command};

/// Runs the command.
pub fn run(command: &Command) -> Outcome {
    match command {
        Command::Devices(args) => devices::devices(args),
        Command::Exec(args) => exec::exec(args),
        Command::Check(args) => check::check(args),
        Command::Run(_) | Command::Bench(_) => Err(Failure::Wrong("not yet".into())),
        Command::Plan(_) => Err(Failure::wrong(
            "`swath plan` is not in this version: a call still runs as one tile, so there is no plan to print",
            "`swath check` with the same arguments checks the call without running it",
        )),
    }
}
