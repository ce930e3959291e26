//! The `swath` command: parse, run, say how it went.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    quieten_drivers();
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

/// Has Mesa not print that lavapipe is for testing, each time that devices are looked for: `swath devices` says which are software.
fn quieten_drivers() {
    const WARNING: &str = "MESA_VK_IGNORE_CONFORMANCE_WARNING";
    if std::env::var_os(WARNING).is_none() {
        // SAFETY: this is the first thing that the process does, before there is another thread to read the environment.
        unsafe { std::env::set_var(WARNING, "true") };
    }
}
