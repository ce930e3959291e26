//! `swath bench`: every sample, every device and the native reference side by side.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use swath::{
    Device, Runtime,
    samples::{self, Problem, Sample, Size, Work},
};

use super::{
    args::BenchArgs,
    failure::{Failure, Outcome},
    npy, results,
    run::{giga, rate},
    show::{self, Progress, Spread},
};

/// The shape of the JSON; a reader of an earlier file checks it.
const VERSION: u32 = 1;

/// What `--json` writes and `--baseline` reads.
#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    swath: String,
    host: Host,
    results: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Host {
    os: String,
    arch: String,
    cores: usize,
}

/// One sample on one device, or natively.
#[derive(Clone, Serialize, Deserialize)]
struct Row {
    sample: String,
    /// In words.
    size: String,
    /// `native`, `cpu`, `gpu:0`.
    on: String,
    /// The device's name; `native reference` for the reference.
    device: String,
    /// On resident data.
    kernel_ms: Option<Times>,
    /// With transfers from and to host memory.
    total_ms: Option<Times>,
    gigabytes_per_second: Option<f64>,
    gigaoperations_per_second: Option<f64>,
    /// How many times as fast as the native reference.
    speedup: Option<f64>,
    verified: bool,
    error: Option<String>,
    /// For people.
    #[serde(skip)]
    rate: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Times {
    median: f64,
    min: f64,
    max: f64,
    runs: usize,
}

impl From<Spread> for Times {
    fn from(spread: Spread) -> Self {
        Times {
            median: show::millis(spread.median),
            min: show::millis(spread.min),
            max: show::millis(spread.max),
            runs: spread.count,
        }
    }
}

/// How often to measure.
struct Effort {
    /// At least so often.
    runs: usize,
    /// More, until so much time is spent.
    budget: Duration,
    /// And never more often than that.
    most: usize,
    /// Calls from host memory.
    calls: usize,
}

impl Effort {
    const FULL: Effort = Effort { runs: 5, budget: Duration::from_secs(1), most: 50, calls: 3 };
    const QUICK: Effort = Effort { runs: 3, budget: Duration::ZERO, most: 3, calls: 1 };

    /// Measures `step` as often as it takes.
    fn measure(&self, mut step: impl FnMut() -> Outcome<Duration>) -> Outcome<Spread> {
        let start = Instant::now();
        let mut times = Vec::new();
        while times.len() < self.runs || (start.elapsed() < self.budget && times.len() < self.most) {
            times.push(step()?);
        }
        Ok(Spread::of(times))
    }
}

/// Runs the command.
pub fn bench(args: &BenchArgs) -> Outcome {
    if args.html.is_some() {
        return Err(Failure::wrong("--html is not in this version", "--json FILE has the same numbers"));
    }
    let samples = chosen_samples(&args.samples)?;
    let baseline = args.baseline.as_deref().map(read_baseline).transpose()?;
    if let Some(path) = args.json.as_deref().filter(|path| !is_stdout(path)) {
        results::check_target(path)?;
    }
    let runtime = Runtime::new()?;
    let devices = chosen_devices(&args.device, &runtime)?;
    let size = args.size.unwrap_or(if args.quick { Size::Small } else { Size::Default });
    let effort = if args.quick { Effort::QUICK } else { Effort::FULL };

    let progress = Progress::new((samples.len() * (devices.len() + 1)) as u64, "");
    let mut rows = Vec::new();
    for sample in samples {
        rows.extend(side_by_side(sample, size, args.seed, &runtime, &devices, &effort, &progress)?);
    }
    drop(progress);

    let table = table(&rows, &devices, baseline.as_ref());
    match args.json.as_deref() {
        Some(path) if is_stdout(path) => eprintln!("{table}"),
        _ => show::line(&table)?,
    }
    let failed: Vec<String> =
        rows.iter().filter(|row| !row.verified).map(|row| format!("{} on {}", row.sample, row.on)).collect();
    if let Some(path) = args.json.as_deref() {
        save(path, rows)?;
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Failed(format!("not verified: {}", failed.join(", ")))) }
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

fn chosen_samples(names: &[String]) -> Outcome<Vec<&'static dyn Sample>> {
    if names.is_empty() || names.iter().any(|name| name == "all") {
        return Ok(samples::all().to_vec());
    }
    names.iter().map(|name| Ok(samples::find(name)?)).collect()
}

fn chosen_devices(names: &[String], runtime: &Runtime) -> Outcome<Vec<Device>> {
    let mut devices: Vec<Device> = Vec::new();
    if names.is_empty() || names.iter().any(|name| name == "all") {
        devices.extend(runtime.devices().iter().cloned());
        // The CPU engine beside the native reference, then the GPUs.
        devices.sort_by_key(|device| device.alias() != "cpu");
        return Ok(devices);
    }
    for name in names {
        let device = runtime.device(name)?;
        if !devices.contains(&device) {
            devices.push(device);
        }
    }
    Ok(devices)
}

/// The native reference and every device, on the same inputs.
fn side_by_side(
    sample: &'static dyn Sample,
    size: Size,
    seed: u64,
    runtime: &Runtime,
    devices: &[Device],
    effort: &Effort,
    progress: &Progress,
) -> Outcome<Vec<Row>> {
    let mut problem = sample.prepare(size, seed)?;
    progress.say(format!("{}: native reference", sample.name()));
    problem.native();
    let native = effort.measure(|| Ok(problem.native()))?;
    let verified = problem.verify();
    let work = problem.work();
    let mut rows = vec![
        Row {
            verified: verified.passed(),
            error: (!verified.passed()).then(|| verified.to_string()),
            ..row(sample, &*problem, "native", "native reference")
        }
        .timed(&work, native, None, native),
    ];
    progress.step();
    for device in devices {
        progress.say(format!("{}: {}", sample.name(), device.name()));
        let row = row(sample, &*problem, device.alias(), device.name());
        rows.push(match on_device(&mut *problem, runtime, device, effort) {
            Ok((kernel, total)) => {
                let verdict = problem.verify();
                let error = (!verdict.passed()).then(|| verdict.to_string());
                Row { verified: verdict.passed(), error, ..row.timed(&problem.work(), kernel, Some(total), native) }
            }
            Err(failure) => Row { error: Some(failure.to_string()), ..row },
        });
        progress.step();
    }
    Ok(rows)
}

/// Kernel times on resident data, and times of calls from host memory. The outputs left are those of
/// a resident run.
fn on_device(
    problem: &mut dyn Problem,
    runtime: &Runtime,
    device: &Device,
    effort: &Effort,
) -> Outcome<(Spread, Spread)> {
    problem.run(runtime, device)?;
    let calls = Effort { runs: effort.calls, budget: Duration::ZERO, ..Effort::QUICK };
    let total = calls.measure(|| Ok(problem.run(runtime, device)?.total))?;
    let mut resident = problem.resident(runtime, device)?;
    resident.step()?;
    let kernel = effort.measure(|| Ok(resident.step()?.kernel))?;
    resident.fetch()?;
    Ok((kernel, total))
}

fn row(sample: &dyn Sample, problem: &dyn Problem, on: &str, device: &str) -> Row {
    Row {
        sample: sample.name().into(),
        size: problem.describe(),
        on: on.into(),
        device: device.into(),
        kernel_ms: None,
        total_ms: None,
        gigabytes_per_second: None,
        gigaoperations_per_second: None,
        speedup: None,
        verified: false,
        error: None,
        rate: String::new(),
    }
}

impl Row {
    fn timed(self, work: &Work, kernel: Spread, total: Option<Spread>, native: Spread) -> Row {
        let time = kernel.median;
        let speedup = (!time.is_zero()).then(|| native.median.as_secs_f64() / time.as_secs_f64());
        Row {
            kernel_ms: Some(kernel.into()),
            total_ms: total.map(Times::from),
            gigabytes_per_second: Some(giga(work.bytes, time)),
            gigaoperations_per_second: Some(giga(work.operations, time)),
            speedup,
            rate: rate(work, time),
            ..self
        }
    }

    fn key(&self) -> (String, String, String) {
        (self.sample.clone(), self.size.clone(), format!("{} {}", self.on, self.device))
    }
}

/// Medians of an earlier run.
type Baseline = HashMap<(String, String, String), f64>;

fn read_baseline(path: &Path) -> Outcome<Baseline> {
    let text = fs::read_to_string(path).map_err(|error| Failure::Wrong(npy::unreadable(path, &error)))?;
    let not_ours = |why: String| {
        Failure::wrong(format!("--baseline: `{}` {why}", path.display()), "give a file that `swath bench --json` wrote")
    };
    let document: Document =
        serde_json::from_str(&text).map_err(|error| not_ours(format!("does not read: {error}")))?;
    if document.version != VERSION {
        return Err(not_ours(format!("has version {}, and this reads {VERSION}", document.version)));
    }
    let medians = document.results.iter().filter_map(|row| Some((row.key(), row.kernel_ms?.median)));
    Ok(medians.collect())
}

fn save(path: &Path, rows: Vec<Row>) -> Outcome {
    let host = Host {
        os: std::env::consts::OS.into(),
        arch: std::env::consts::ARCH.into(),
        cores: thread::available_parallelism().map_or(0, usize::from),
    };
    let document = Document { version: VERSION, swath: env!("CARGO_PKG_VERSION").into(), host, results: rows };
    if is_stdout(path) {
        return show::json(&document);
    }
    let text = show::to_json(&document)? + "\n";
    fs::write(path, text).map_err(|error| Failure::Failed(format!("`{}` cannot be written: {error}", path.display())))
}

fn table(rows: &[Row], devices: &[Device], baseline: Option<&Baseline>) -> String {
    let mut header =
        vec!["sample", "size", "on", "kernel", "least to most", "with transfers", "rate", "vs native", "verified"];
    if baseline.is_some() {
        header.push("vs baseline");
    }
    let mut table = show::table(&header, &[3, 4, 5, 6, 7, 9]);
    let mut before = "";
    for row in rows {
        let (sample, size) = if row.sample == before { ("", "") } else { (row.sample.as_str(), row.size.as_str()) };
        before = &row.sample;
        let time = |ms: f64| show::time(Duration::from_secs_f64(ms / 1e3));
        let times = |times: Option<Times>, show: &dyn Fn(Times) -> String| times.map_or("-".to_string(), show);
        let mut cells = vec![
            sample.to_string(),
            size.to_string(),
            row.on.clone(),
            times(row.kernel_ms, &|times| time(times.median)),
            times(row.kernel_ms, &|times| format!("{} to {}", time(times.min), time(times.max))),
            times(row.total_ms, &|times| time(times.median)),
            row.rate.clone(),
            row.speedup.map_or("-".into(), |speedup| format!("{} x", show::digits(speedup))),
            if row.verified { "yes".into() } else { "NO".into() },
        ];
        if let Some(baseline) = baseline {
            let earlier = baseline.get(&row.key()).zip(row.kernel_ms);
            cells.push(
                earlier.map_or("-".into(), |(&earlier, now)| format!("{} x", show::digits(earlier / now.median))),
            );
        }
        table.add_row(cells);
    }
    let mut text: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    text += "\nnative: the sample's reference in Rust, on all cores, from memory to memory\n";
    for device in devices {
        text += &format!("{}: {}\n", device.alias(), device.name());
    }
    for row in rows {
        if let Some(error) = &row.error {
            text += &format!("{} on {}: {error}\n", row.sample, row.on);
        }
    }
    text
}
