//! The shipped samples: real programs of the fields they stand for, each with a native reference.
//!
//! A [`Sample`] is what is fixed: its name, its WGSL, its sizes. [`Sample::prepare`] makes a
//! [`Problem`] of one size: inputs from a seed, and room for the outputs. A problem runs on a device
//! from host slices ([`Problem::run`]), on data that stays there ([`Problem::resident`]), or on the
//! host in plain Rust ([`Problem::native`]); each leaves its outputs in the problem, and
//! [`Problem::verify`] judges what was left last.
//!
//! ```no_run
//! use swath::samples::{self, Size};
//!
//! let runtime = swath::Runtime::new()?;
//! let device = runtime.device("auto")?;
//! for sample in samples::all() {
//!     let mut problem = sample.prepare(Size::Small, 1)?;
//!     problem.run(&runtime, &(&device).into())?;
//!     assert!(problem.verify().passed());
//! }
//! # Ok::<(), swath::Error>(())
//! ```

mod bounded;
mod draw;
#[cfg(all(test, feature = "cpu"))]
mod footprints;
mod image;
mod read;
mod verdict;

pub mod black_scholes;
pub mod conv2d;
pub mod fft;
pub mod histogram;
pub mod knn;
pub mod mandelbrot;
pub mod matmul;
pub mod merkle;
pub mod monte_carlo;
pub mod nbody;
pub mod path_tracer;
pub mod quantum;
pub mod radix_sort;
pub mod reduce;
pub mod saxpy;
pub mod scan;
pub mod shallow_water;
pub mod smith_waterman;

use std::{
    fmt,
    path::Path,
    str::FromStr,
    time::{Duration, Instant},
};

pub use verdict::{Check, Verdict};

use crate::{
    Chain, Device, DeviceChoice, Error, MemberReport, Report, Result, Runtime, chain::ChainReport, error::Message,
};

/// A shipped sample: what does not depend on its size.
pub trait Sample: Send + Sync {
    /// The name, which is also the stem of its WGSL and Rust files.
    fn name(&self) -> &'static str;

    /// The field it stands for, such as `linear algebra`.
    fn field(&self) -> &'static str;

    /// What it computes, in one line.
    fn summary(&self) -> &'static str;

    /// The WGSL text.
    fn wgsl(&self) -> &'static str;

    /// The sizes it runs at, and what a size counts.
    fn sizes(&self) -> Sizes;

    /// The file name extensions that [`Problem::draw`] writes, the best one first.
    fn draws(&self) -> &'static [&'static str];

    /// Makes inputs of this size from `seed`. The same size and seed give the same inputs.
    ///
    /// # Errors
    ///
    /// When the size is zero or more than [`Sizes::max`].
    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>>;

    /// The files that [`Sample::open`] takes, in words; nothing where all inputs are made.
    fn reads(&self) -> Option<&'static str> {
        None
    }

    /// Takes the inputs from a file. Where something is drawn by chance beside them, it is from `seed`.
    ///
    /// # Errors
    ///
    /// When the sample takes no files, or this one is not what it takes; the message says where.
    fn open(&self, file: &Path, _seed: u64) -> Result<Box<dyn Problem>> {
        let takers: Vec<_> =
            all().iter().filter(|sample| sample.reads().is_some()).map(|sample| sample.name()).collect();
        Err(Error::Call(
            Message::new(format!("`{}` makes its inputs, and takes no file", self.name()))
                .subject(file.display().to_string())
                .help(format!("these take one: {}", takers.join(", "))),
        ))
    }
}

/// A sample at one size: inputs, and the outputs of its last run.
pub trait Problem: Send {
    /// The size in words, such as `4194304 elements`.
    fn describe(&self) -> String;

    /// Runs on a device, or on several, from host slices: uploads, computes, downloads. Samples whose data stays on a device
    /// between calls take the first.
    ///
    /// # Errors
    ///
    /// Those of the calls it makes.
    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally>;

    /// Uploads the inputs once, to run again and again on data that stays on `device`.
    ///
    /// # Errors
    ///
    /// Those of the buffers and the kernels it makes.
    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>>;

    /// Runs the native reference: plain Rust on all cores, written for speed. Gives the time it took,
    /// from inputs to outputs, both in memory.
    fn native(&mut self) -> Duration;

    /// Compares the outputs that were left last with what they must be.
    fn verify(&self) -> Verdict;

    /// The operations and the traffic of one run, for the roofline. Where they depend on
    /// the outputs, these are those of the last run.
    fn work(&self) -> Work;

    /// Draws the outputs that were left last as a picture, or writes them as an array, by the
    /// extension of `path`: one of [`Sample::draws`].
    ///
    /// # Errors
    ///
    /// When the extension is another one, or the file cannot be written.
    fn draw(&self, path: &Path) -> Result<()>;

    /// Damages one element of the outputs, chosen by `seed`, by the least that
    /// [`Problem::verify`] promises to notice. For tests of the verification itself.
    fn corrupt(&mut self, seed: u64);
}

/// A problem whose data stays on a device.
pub trait Resident {
    /// Restores the starting contents where the last step changed them (outside the measured time),
    /// then runs once. The tally's total is the wall time of the calls.
    ///
    /// # Errors
    ///
    /// Those of the calls it makes.
    fn step(&mut self) -> Result<Tally>;

    /// Downloads what the last step computed into the problem, for [`Problem::verify`].
    ///
    /// # Errors
    ///
    /// Those of the downloads.
    fn fetch(&mut self) -> Result<()>;
}

/// All samples, in the order they are shown in.
pub fn all() -> &'static [&'static dyn Sample] {
    &[
        &saxpy::Saxpy,
        &reduce::Reduce,
        &scan::Scan,
        &histogram::Histogram,
        &radix_sort::RadixSort,
        &matmul::Matmul,
        &nbody::Nbody,
        &mandelbrot::Mandelbrot,
        &black_scholes::BlackScholes,
        &shallow_water::ShallowWater,
        &fft::Fft,
        &conv2d::Conv2d,
        &merkle::Merkle,
        &smith_waterman::SmithWaterman,
        &monte_carlo::MonteCarlo,
        &quantum::Quantum,
        &knn::Knn,
        &path_tracer::PathTracer,
    ]
}

/// The sample of this name.
///
/// # Errors
///
/// When there is none; the message lists those there are.
pub fn find(name: &str) -> Result<&'static dyn Sample> {
    all().iter().copied().find(|sample| sample.name() == name).ok_or_else(|| {
        let names: Vec<_> = all().iter().map(|sample| sample.name()).collect();
        Error::Call(
            Message::new(format!("no sample is called `{name}`")).help(format!("there are {}", names.join(", "))),
        )
    })
}

/// How large a problem to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    /// A moment on any executor; with ragged edges.
    Small,
    /// About a second on two cores.
    #[default]
    Default,
    /// Enough to keep a large GPU busy.
    Large,
    /// This many of what [`Sizes::unit`] says.
    Count(usize),
}

impl FromStr for Size {
    type Err = Error;

    /// Reads `small`, `default`, `large` or a whole number.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "small" => Ok(Size::Small),
            "default" => Ok(Size::Default),
            "large" => Ok(Size::Large),
            number => number.parse().map(Size::Count).map_err(|_| {
                Error::Call(
                    Message::new(format!("`{text}` is not a size"))
                        .help("a size is `small`, `default`, `large` or a whole number"),
                )
            }),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Small => f.write_str("small"),
            Size::Default => f.write_str("default"),
            Size::Large => f.write_str("large"),
            Size::Count(count) => write!(f, "{count}"),
        }
    }
}

/// What the named sizes of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// What a size counts, such as `elements of each vector`.
    pub unit: &'static str,
    /// [`Size::Small`].
    pub small: usize,
    /// [`Size::Default`].
    pub default: usize,
    /// [`Size::Large`].
    pub large: usize,
    /// The largest that [`Size::Count`] may be.
    pub max: usize,
}

impl Sizes {
    /// The number that `size` stands for.
    ///
    /// # Errors
    ///
    /// When it is zero or more than `max`.
    pub fn resolve(&self, size: Size) -> Result<usize> {
        let count = match size {
            Size::Small => self.small,
            Size::Default => self.default,
            Size::Large => self.large,
            Size::Count(count) => count,
        };
        if count == 0 || count > self.max {
            return Err(Error::Call(
                Message::new(format!("a size of {count} cannot be made"))
                    .help(format!("it counts {}; choose from 1 to {}", self.unit, self.max)),
            ));
        }
        Ok(count)
    }
}

/// What one run has to do, whatever does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Arithmetic operations.
    pub operations: u64,
    /// What was counted as an operation.
    pub counted: &'static str,
    /// Bytes that must be read and written at least once.
    pub bytes: u64,
}

/// The reports of all calls of one run, added up.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Time in kernels.
    pub kernel: Duration,
    /// Time in all, transfers included, compilation not.
    pub total: Duration,
    /// Time spent compiling.
    pub compile: Duration,
    /// Bytes copied to the device.
    pub bytes_up: u64,
    /// Bytes copied back.
    pub bytes_down: u64,
    /// Dispatches made.
    pub dispatches: u64,
    /// What each device did in the last call that several shared.
    pub members: Vec<MemberReport>,
    /// The device of the last call.
    pub device: String,
    /// What all calls together were predicted to take, where that was known of each.
    pub predicted: Option<Duration>,
}

impl Tally {
    /// Adds what one call took.
    fn add(&mut self, report: &Report) {
        let is_first = self.device.is_empty();
        let before = if is_first { Some(Duration::ZERO) } else { self.predicted };
        self.predicted = before.zip(report.predicted_time()).map(|(before, time)| before + time);
        self.device = report.device().to_owned();
        self.kernel += report.kernel_time();
        self.total += report.total_time().saturating_sub(report.compile_time());
        self.compile += report.compile_time();
        self.bytes_up += report.bytes_up();
        self.bytes_down += report.bytes_down();
        self.dispatches += u64::from(report.dispatches());
        if !report.members().is_empty() {
            self.members = report.members().to_vec();
        }
    }
}

impl Tally {
    /// What a run of a chain took that was begun at `start`, the chain's building in it.
    fn of_chain(chain: &Chain, report: &ChainReport, start: Instant) -> Self {
        let compile = chain.compile_time();
        Tally { compile, total: start.elapsed().saturating_sub(compile), ..Tally::from(report) }
    }
}

impl From<&Report> for Tally {
    fn from(report: &Report) -> Self {
        let mut tally = Tally::default();
        tally.add(report);
        tally
    }
}

impl From<&ChainReport> for Tally {
    fn from(report: &ChainReport) -> Self {
        Tally {
            kernel: report.kernel_time(),
            total: report.total_time(),
            compile: Duration::ZERO,
            bytes_up: report.bytes_up(),
            bytes_down: report.bytes_down(),
            dispatches: report.dispatches(),
            members: Vec::new(),
            device: report.device().to_owned(),
            predicted: None,
        }
    }
}

/// The largest relative error of rounding an f32 to nearest: 2^-24.
const ROUNDING: f64 = 1.0 / (1u64 << 24) as f64;

/// How long `work` takes.
fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes that leave ragged edges, with and without whole workgroups in front of them.
    const COUNTS: [usize; 7] = [1, 2, 63, 64, 65, 130, 257];

    fn each(check: impl Fn(&mut dyn Problem, &str)) {
        for sample in all() {
            // Where work grows with the square of the size, and each part of it is much.
            let most = match sample.name() {
                "smith_waterman" => 65,
                "path_tracer" => 63,
                _ => usize::MAX,
            };
            // Of which each doubles the work.
            let counts = if sample.name() == "quantum" { [1, 2, 3, 8, 9, 10, 13] } else { COUNTS };
            for count in counts.into_iter().filter(|&count| count <= most) {
                let mut problem = sample.prepare(Size::Count(count), 7).unwrap();
                check(&mut *problem, &format!("{} at {count}", sample.name()));
            }
        }
    }

    #[test]
    fn kernels_are_valid() {
        for sample in all() {
            let module = naga::front::wgsl::parse_str(sample.wgsl()).unwrap();
            // Nothing but what every device has.
            naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty())
                .validate(&module)
                .unwrap_or_else(|error| panic!("{}: {error:?}", sample.name()));
            for entry in &module.entry_points {
                assert!(entry.workgroup_size.iter().product::<u32>() <= 256, "{}", sample.name());
            }
        }
    }

    #[test]
    fn native_references_are_right() {
        each(|problem, name| {
            problem.native();
            let verdict = problem.verify();
            assert!(verdict.passed(), "{name}: {verdict}");
        });
    }

    #[test]
    fn damage_is_noticed() {
        each(|problem, name| {
            for seed in 0..24 {
                problem.native();
                problem.corrupt(seed);
                assert!(!problem.verify().passed(), "{name}, damaged by {seed}");
            }
        });
    }

    #[test]
    fn outputs_that_were_never_written_are_noticed() {
        each(|problem, name| {
            assert!(!problem.verify().passed(), "{name}");
        });
    }

    #[test]
    fn the_same_seed_makes_the_same_problem() {
        for sample in all().iter().filter(|sample| sample.name() != "mandelbrot") {
            let folder = tempfile::tempdir().unwrap();
            let output = |seed: u64| {
                let path = folder.path().join("out.npy");
                let mut problem = sample.prepare(Size::Small, seed).unwrap();
                problem.native();
                problem.draw(&path).unwrap();
                std::fs::read(&path).unwrap()
            };
            assert_eq!(output(1), output(1), "{}", sample.name());
            assert_ne!(output(1), output(2), "{}", sample.name());
        }
    }

    #[test]
    fn draws_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        for sample in all() {
            let mut problem = sample.prepare(Size::Small, 1).unwrap();
            problem.native();
            for extension in sample.draws() {
                let path = folder.path().join(sample.name()).with_extension(extension);
                problem.draw(&path).unwrap();
                assert!(std::fs::metadata(&path).unwrap().len() > 80);
            }
            let refused = problem.draw(&folder.path().join("out.docx")).unwrap_err().to_string();
            assert!(refused.contains(sample.draws()[0]), "{refused}");
        }
    }

    #[test]
    fn sizes_are_checked() {
        for sample in all() {
            assert!(sample.prepare(Size::Count(0), 1).is_err());
            assert!(sample.prepare(Size::Count(sample.sizes().max + 1), 1).is_err());
        }
        assert_eq!("default".parse::<Size>().unwrap(), Size::Default);
        assert_eq!("77".parse::<Size>().unwrap(), Size::Count(77));
        assert!("big".parse::<Size>().unwrap_err().to_string().contains("`small`, `default`, `large`"));
    }

    #[test]
    fn samples_are_found_by_name() {
        assert_eq!(find("nbody").unwrap().name(), "nbody");
        assert!(find("nobody").err().unwrap().to_string().contains("mandelbrot"));
    }
}
