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

/// Has Mesa not print, each time that devices are looked for, that lavapipe is for testing (`swath devices` says which are
/// software), and that there is no display to ask which device is its own.
fn quieten_drivers() {
    let is_set = |name: &str| std::env::var_os(name).is_some();
    let quiet = [
        ("MESA_VK_IGNORE_CONFORMANCE_WARNING", "true", true),
        ("NODEVICE_SELECT", "1", !is_set("XDG_RUNTIME_DIR") && !is_set("MESA_VK_DEVICE_SELECT")),
    ];
    for (name, value, _) in quiet.into_iter().filter(|(name, _, helps)| *helps && !is_set(name)) {
        // SAFETY: this is the first thing that the process does, before there is another thread to read the environment.
        unsafe { std::env::set_var(name, value) };
    }
}
