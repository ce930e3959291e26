//! How good the choice of a device is: samples at several sizes, on every device alone and on the one that is chosen.
//!
//! ```sh
//! cargo bench --bench choice
//! ```
//!
//! Each sample is timed on each device, in turn. Then it is left to the choice: from what the devices can do and what
//! other samples took, with nothing known of its own kernels, and after five runs. Printed is how often the choice was within
//! 10 per cent of the best device, how far predictions were off, and how often the fixed orders would have been as good.
//! `VK_DRIVER_FILES` with several files, separated by colons, brings in several drivers.

use std::{error::Error, fs, path::Path, time::Duration};

use swath::{
    Device, DeviceChoice, History, Runtime,
    samples::{self, Problem, Sample, Size, Tally},
};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Sizes of each sample.
const SIZES: usize = 6;

/// Within so much of the best a choice is a good one.
const GOOD: f64 = 1.1;

/// A sample of one size, and its time on each device.
struct Case {
    sample: &'static dyn Sample,
    size: usize,
    seconds: Vec<f64>,
}

impl Case {
    fn best(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn is_good(&self, device: usize) -> bool {
        self.seconds[device] <= GOOD * self.best()
    }

    fn problem(&self) -> Outcome<Box<dyn Problem>> {
        Ok(self.sample.prepare(Size::Count(self.size), 1)?)
    }
}

fn main() -> Outcome {
    // `cargo test --benches` only sees whether it works.
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let plain = Runtime::builder().history(History::Off).build()?;
    if plain.devices().len() < 2 {
        println!("skipped: there is one device, and nothing to choose");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let ceilings = folder.path().join("ceilings");
    Runtime::builder().history(History::Folder(ceilings.clone())).build()?.measure();

    let mut cases = Vec::new();
    for &sample in samples::all() {
        for size in sizes(sample, is_measured) {
            let mut case = Case { sample, size, seconds: Vec::new() };
            case.seconds = alone(&plain, &case, if is_measured { 5 } else { 1 })?;
            let times: Vec<String> = case.seconds.iter().map(|seconds| format!("{:>10.1}", 1e6 * seconds)).collect();
            println!("{:<14} {size:>9} {} us", sample.name(), times.join(" "));
            cases.push(case);
        }
    }
    let names: Vec<&str> = plain.devices().iter().map(Device::name).collect();
    println!("devices: {}", names.join(", "));

    // What all samples teach; then each is judged without what it taught itself.
    let all = folder.path().join("all");
    copy(&ceilings, &all, |_| true)?;
    {
        let runtime = Runtime::builder().history(History::Folder(all.clone())).build()?;
        for case in &cases {
            let mut problem = case.problem()?;
            for device in runtime.devices() {
                problem.run(&runtime, &DeviceChoice::from(device))?;
                problem.run(&runtime, &DeviceChoice::from(device))?;
            }
        }
    }
    let (mut first, mut later) = (Tallies::default(), Tallies::default());
    for (number, case) in cases.iter().enumerate() {
        let folder = folder.path().join(format!("case-{number}"));
        let own: Vec<String> =
            plain.module(case.sample.wgsl())?.kernel_names().map(|name| format!("\t{name}")).collect();
        copy(&all, &folder, |line| !own.iter().any(|name| line.contains(name.as_str())))?;
        let runtime = Runtime::builder().history(History::Folder(folder)).build()?;
        let mut problem = case.problem()?;
        let mut tally = problem.run(&runtime, &DeviceChoice::from("auto"))?;
        first.add(case, &names, &tally);
        for _ in 0..5 {
            tally = problem.run(&runtime, &DeviceChoice::from("auto"))?;
        }
        later.add(case, &names, &tally);
    }
    first.print("kernels never seen");
    later.print("after five runs");
    for (device, name) in names.iter().enumerate() {
        let good = cases.iter().filter(|case| case.is_good(device)).count();
        println!("always {name}: {good} of {} within 10 per cent", cases.len());
    }
    Ok(())
}

/// From 64 elements, or 8 along each side, to the default size.
fn sizes(sample: &dyn Sample, is_measured: bool) -> Vec<usize> {
    let sizes = sample.sizes();
    let least = if sizes.default < 4096 { 8.0 } else { 64.0 };
    let most = if is_measured { sizes.default } else { sizes.small } as f64;
    let count = if is_measured { SIZES } else { 2 };
    let size = |at: usize| least * (most / least).powf(at as f64 / (count - 1) as f64);
    (0..count).map(|at| size(at).round() as usize).collect()
}

/// Seconds on each device alone, the middle of some runs in turn.
fn alone(runtime: &Runtime, case: &Case, runs: usize) -> Outcome<Vec<f64>> {
    let mut problem = case.problem()?;
    let mut times = vec![Vec::new(); runtime.devices().len()];
    for run in 0..=runs {
        for (device, times) in runtime.devices().iter().zip(&mut times) {
            let tally = problem.run(runtime, &DeviceChoice::from(device))?;
            if run > 0 {
                times.push(tally.total);
            }
        }
    }
    Ok(times.into_iter().map(|times| middle(times).as_secs_f64()).collect())
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Copies those lines of a history that are wanted.
fn copy(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> Outcome {
    fs::create_dir_all(to)?;
    let text = fs::read_to_string(from.join("learned.txt"))?;
    let lines: Vec<&str> = text.lines().filter(|line| wanted(line)).collect();
    fs::write(to.join("learned.txt"), lines.join("\n") + "\n")?;
    Ok(())
}

/// How good some choices were.
#[derive(Default)]
struct Tallies {
    cases: usize,
    good: usize,
    /// Times taken over those of the best device.
    spent: f64,
    best: f64,
    /// Predicted over measured, or measured over predicted, whichever is larger.
    errors: Vec<f64>,
}

impl Tallies {
    fn add(&mut self, case: &Case, names: &[&str], tally: &Tally) {
        let Some(device) = names.iter().position(|name| *name == tally.device) else { return };
        self.cases += 1;
        self.good += usize::from(case.is_good(device));
        self.spent += case.seconds[device];
        self.best += case.best();
        if let Some(predicted) = tally.predicted {
            let ratio = predicted.as_secs_f64() / case.seconds[device];
            self.errors.push(ratio.max(ratio.recip()));
        }
        if !case.is_good(device) {
            let times = case.seconds[device] / case.best();
            println!("  {} of {}: {}, {times:.2} of the best", case.sample.name(), case.size, names[device]);
        }
    }

    fn print(mut self, what: &str) {
        self.errors.sort_by(f64::total_cmp);
        let within = self.errors.iter().filter(|error| **error <= 1.5).count();
        let middle = self.errors.get(self.errors.len() / 2).map_or(f64::NAN, |error| 100.0 * (error - 1.0));
        println!(
            "{what}: {} of {} within 10 per cent of the best, {:.1} per cent more time in all; {} predictions, off by {middle:.0} \
             per cent at the middle, {within} within a factor of 1.5",
            self.good,
            self.cases,
            100.0 * (self.spent / self.best - 1.0),
            self.errors.len(),
        );
    }
}
