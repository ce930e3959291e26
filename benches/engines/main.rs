//! The engine race: the same kernels on the CPU engine, its interpreter, a GPU device, and by hand in Rust.
//!
//! ```sh
//! cargo bench --bench engines                              # all nine kernels, all columns
//! cargo bench --bench engines -- matmul --without interp,gpu
//! cargo bench --bench engines -- --stream                  # the engine beside the bandwidth of memory
//! cargo bench --bench engines -- --small                   # what a small call and a compilation cost
//! cargo bench --bench engines -- --scaling                 # one thread beside two
//! ```
//!
//! All run in one race, turn by turn, on data that is where they need it; the medians of the kernel times count, and every
//! result is compared with a reference within a derived tolerance. Ends with status 1 where one is wrong.
//! `docs/benchmarks.md` says more.

mod cases;
#[path = "../native/src/inputs.rs"]
mod inputs;
#[path = "../../tests/support/large.rs"]
mod large;
mod native;
mod options;
mod race;
mod racer;
mod reference;
mod report;
mod scaling;
mod serve;
mod small;
mod stream;

use std::{
    error::Error,
    process::{Command, ExitCode},
};

use options::{Mode, Options};

/// Where the engine, native code and Mesa's software drivers read how many threads to use.
const THREADS: [&str; 3] = ["SWATH_THREADS", "RAYON_NUM_THREADS", "LP_NUM_THREADS"];

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all results were right.
fn run() -> Outcome<bool> {
    let options = Options::parse(std::env::args().skip(1))?;
    // What holds the engine to some threads holds everyone.
    let threads = options
        .threads
        .or_else(|| std::env::var("SWATH_THREADS").ok()?.trim().parse().ok())
        .filter(|threads| *threads > 0);
    if let Some(threads) = threads.filter(|_| matches!(options.mode, Mode::Race | Mode::Stream | Mode::Small))
        && !THREADS.iter().all(|variable| std::env::var(variable).is_ok_and(|value| value == threads.to_string()))
    {
        return again_with(threads);
    }
    match options.mode {
        Mode::Race => race::race(&options),
        Mode::Scaling => scaling::scaling(&options),
        Mode::Stream => stream::stream(&options),
        Mode::Small => small::small(&options),
        Mode::Serve => serve::serve().map(|()| true),
    }
}

/// The program once more, with every racer held to `threads` threads.
fn again_with(threads: usize) -> Outcome<bool> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1));
    Ok(limit(&mut command, threads).status()?.success())
}

/// Holds what `command` starts to `threads` threads.
fn limit(command: &mut Command, threads: usize) -> &mut Command {
    for variable in THREADS {
        command.env(variable, threads.to_string());
    }
    command
}
