//! What was asked for.

use std::{path::PathBuf, str::FromStr, time::Duration};

use crate::Outcome;

const HELP: &str = "\
cargo bench --bench engines -- [KERNEL...] [OPTIONS]

KERNEL is a part of a kernel's name; without one, all run.

  --without A,B     leave out columns: interp, jit, gpu, native, native-cpu
  --device D        the device of the column gpu: gpu, gpu:1, a part of its name (default: gpu)
  --runs N          most turns of each racer (default: 15)
  --budget SECONDS  a racer that has spent so much on a kernel, and had three turns, has no more (default: 2)
  --threads N       threads of every racer (default: what the machine runs at once)
  --json FILE       write the numbers
  --markdown        print the table once more, for docs/benchmarks.md
  --stream          saxpy over 512 MB beside the bandwidth of memory
  --small           calls on 64 elements, and compilation of the shipped samples and of large kernels
  --scaling         one thread beside --threads (default: 2)";

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Race,
    Scaling,
    Stream,
    Small,
    /// As a child of `--scaling`: answers requests like the native program.
    Serve,
}

/// The options.
#[derive(Debug)]
pub struct Options {
    pub mode: Mode,
    pub filters: Vec<String>,
    pub without: Vec<String>,
    pub device: String,
    pub runs: usize,
    pub budget: Duration,
    pub threads: Option<usize>,
    pub json: Option<PathBuf>,
    pub markdown: bool,
}

impl Options {
    /// Reads the arguments.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options = Options {
            mode: Mode::Race,
            filters: Vec::new(),
            without: Vec::new(),
            device: "gpu".to_owned(),
            runs: 15,
            budget: Duration::from_secs(2),
            threads: None,
            json: None,
            markdown: false,
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                // What cargo says to every benchmark.
                "--bench" => {}
                "--stream" => options.mode = Mode::Stream,
                "--small" => options.mode = Mode::Small,
                "--scaling" => options.mode = Mode::Scaling,
                "--serve" => options.mode = Mode::Serve,
                "--without" => {
                    let columns = value::<String>(&arg, &mut args)?;
                    options.without.extend(columns.split(',').map(str::to_owned));
                }
                "--device" => options.device = value(&arg, &mut args)?,
                "--runs" => options.runs = value::<usize>(&arg, &mut args)?.max(1),
                "--budget" => options.budget = Duration::try_from_secs_f64(value(&arg, &mut args)?)?,
                "--threads" => options.threads = Some(value::<usize>(&arg, &mut args)?.max(1)),
                "--json" => options.json = Some(value(&arg, &mut args)?),
                "--markdown" => options.markdown = true,
                _ if arg.starts_with('-') => return Err(format!("`{arg}` is no option\n\n{HELP}").into()),
                _ => options.filters.push(arg),
            }
        }
        Ok(options)
    }

    /// Whether the kernel is asked for.
    pub fn wants(&self, kernel: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| kernel.contains(filter))
    }

    /// Whether the column is asked for.
    pub fn has(&self, column: &str) -> bool {
        !self.without.iter().any(|name| name == column)
    }
}

fn value<T: FromStr>(option: &str, args: &mut impl Iterator<Item = String>) -> Outcome<T> {
    let text = args.next().ok_or_else(|| format!("{option} wants a value\n\n{HELP}"))?;
    text.parse().map_err(|_| format!("{option}: `{text}` does not read\n\n{HELP}").into())
}
