//! The kernels of the engine benchmark, by hand in Rust with rayon: what an engine has to compare with.
//!
//! It serves the benchmark, which builds it twice: as `cargo build --release` does by itself, and with
//! `target-cpu=native`. Requests are lines on stdin, each answered by one line on stdout; between requests it sleeps.
//!
//! | request | answer |
//! |---|---|
//! | `prepare KERNEL` | `ok`, with the kernel's data in memory, as before any run |
//! | `run KERNEL COUNT` | the nanoseconds of each of so many runs, one after the other |
//! | `result KERNEL FILE` | `ok`, with the result in the file: 32-bit words, little-endian |
//! | `release KERNEL` | `ok`, with the data freed |
//!
//! What cannot be done is answered by `error` and the reason. The end of stdin ends the program.

mod arithmetic;
mod inputs;
mod lanes;
mod memory;
mod stream;

use std::{
    collections::HashMap,
    fs,
    io::{self, BufRead, Write},
    time::Instant,
};

/// A kernel with its data.
trait Kernel: Send {
    /// Runs once.
    fn run(&mut self);

    /// The result, in the layout of the WGSL kernel's.
    fn result(&self) -> Vec<u8>;
}

/// The kernel of this name, with its inputs.
fn prepare(name: &str) -> Result<Box<dyn Kernel>, String> {
    Ok(match name {
        "saxpy" => Box::new(memory::Saxpy::new()),
        "mandelbrot" => Box::new(arithmetic::Mandelbrot::new()),
        "nbody" => Box::new(arithmetic::Nbody::new()),
        "matmul" => Box::new(arithmetic::Matmul::new()),
        "black_scholes" => Box::new(arithmetic::BlackScholes::new()),
        "heat" => Box::new(memory::Heat::new()),
        "reduce" => Box::new(memory::Reduce::new()),
        "histogram" => Box::new(memory::Histogram::new()),
        "hash" => Box::new(arithmetic::Hash::new()),
        "stream" => Box::new(stream::Plain::new()),
        "stream_avx2" => Box::new(stream::Unrolled::new()?),
        _ => return Err(format!("no kernel is called `{name}`")),
    })
}

/// The kernels that are ready to run.
#[derive(Default)]
struct Server {
    kernels: HashMap<String, Box<dyn Kernel>>,
}

impl Server {
    fn kernel(&mut self, name: &str) -> Result<&mut Box<dyn Kernel>, String> {
        self.kernels.get_mut(name).ok_or_else(|| format!("`{name}` is not prepared"))
    }

    fn answer(&mut self, request: &str) -> Result<String, String> {
        let words: Vec<_> = request.split_whitespace().collect();
        let done = "ok".to_owned();
        match words[..] {
            ["prepare", name] => {
                self.kernels.insert(name.to_owned(), prepare(name)?);
                Ok(done)
            }
            ["run", name, count] => {
                let count: usize = count.parse().map_err(|_| format!("`{count}` is not a number of runs"))?;
                let kernel = self.kernel(name)?;
                // Within the pool, so that no run waits for a sleeping thread to hand it over.
                let times: Vec<_> = rayon::scope(|_| (0..count).map(|_| timed(&mut **kernel)).collect());
                Ok(times.join(" "))
            }
            ["result", name, file] => {
                let result = self.kernel(name)?.result();
                fs::write(file, result).map_err(|error| format!("`{file}`: {error}"))?;
                Ok(done)
            }
            ["release", name] => {
                self.kernels.remove(name);
                Ok(done)
            }
            _ => Err(format!("`{request}` is not a request")),
        }
    }
}

/// Runs once; the nanoseconds it took.
fn timed(kernel: &mut dyn Kernel) -> String {
    let start = Instant::now();
    kernel.run();
    start.elapsed().as_nanos().to_string()
}

fn main() -> io::Result<()> {
    let mut server = Server::default();
    let mut stdout = io::stdout().lock();
    for request in io::stdin().lock().lines() {
        let answer = server.answer(&request?).unwrap_or_else(|reason| format!("error {reason}"));
        writeln!(stdout, "{answer}")?;
        stdout.flush()?;
    }
    Ok(())
}
