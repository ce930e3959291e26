//! The `swath` command: parse, run, say how it went.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli::start_logging().and_then(|()| cli::run(&cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // What WGSL's parser says begins with the word.
            let sentence = failure.to_string();
            eprintln!("error: {}", sentence.strip_prefix("error: ").unwrap_or(&sentence));
            failure.status()
        }
    }
}
