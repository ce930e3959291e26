//! The command line: a thin face over the library's public one.

mod args;
mod dtype;
mod failure;
mod fields;
mod layout;
mod npy;
mod values;

use std::process::ExitCode;

use clap::Parser;

/// Parses, runs, and says how it went.
pub fn main() -> ExitCode {
    let cli = args::Cli::parse();
    println!("{cli:?}");
    ExitCode::SUCCESS
}
