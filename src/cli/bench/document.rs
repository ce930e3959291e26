//! The measurements as a document: what `--json` writes and `--baseline` reads.

use std::{collections::HashMap, fs, path::Path, thread};

use serde::{Deserialize, Serialize};
use swath::samples::{Problem, Sample, Work};

use crate::cli::{
    failure::{Failure, Outcome},
    npy, results,
    run::giga,
    show::{self, Spread},
};

/// The shape of the JSON; a reader of an earlier file checks it.
const VERSION: u32 = 1;

/// All measurements of a run.
#[derive(Serialize, Deserialize)]
pub struct Document {
    version: u32,
    swath: String,
    pub host: Host,
    pub results: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
pub struct Host {
    pub os: String,
    pub arch: String,
    pub cores: usize,
}

/// One sample on one device, or natively.
#[derive(Clone, Serialize, Deserialize)]
pub struct Row {
    pub sample: String,
    /// In words.
    pub size: String,
    /// `native`, `cpu`, `cpu:interp`, `gpu:0`.
    pub on: String,
    /// The device's name; `native reference` for the reference.
    pub device: String,
    /// On resident data.
    pub kernel_ms: Option<Times>,
    /// With transfers from and to host memory.
    pub total_ms: Option<Times>,
    pub gigabytes_per_second: Option<f64>,
    pub gigaoperations_per_second: Option<f64>,
    /// How many times as fast as the native reference.
    pub speedup: Option<f64>,
    /// What the machine can do at most.
    pub limit: Option<Limit>,
    pub verified: bool,
    pub error: Option<String>,
    /// For people.
    #[serde(skip)]
    pub rate: String,
    /// 10^9 bytes a second that memory gave meanwhile.
    #[serde(skip)]
    pub memory: Option<f64>,
}

/// The limit that a run would meet first, and how near it came.
#[derive(Clone, Serialize, Deserialize)]
pub struct Limit {
    /// `memory` or `arithmetic`.
    pub by: String,
    pub percent: f64,
    pub gigabytes_per_second: f64,
    pub gigaoperations_per_second: f64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Times {
    pub median: f64,
    pub min: f64,
    pub max: f64,
    pub runs: usize,
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

impl Row {
    /// Without times.
    pub fn new(sample: &dyn Sample, problem: &dyn Problem, on: &str, device: &str) -> Row {
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
            limit: None,
            verified: false,
            error: None,
            rate: String::new(),
            memory: None,
        }
    }

    /// With the times that `work` took, here and natively.
    pub fn timed(self, work: &Work, kernel: Spread, native: Option<Spread>) -> Row {
        let time = kernel.median;
        let speedup = native.filter(|_| !time.is_zero()).map(|native| native.median.as_secs_f64() / time.as_secs_f64());
        Row {
            kernel_ms: Some(kernel.into()),
            gigabytes_per_second: Some(giga(work.bytes, time)),
            gigaoperations_per_second: Some(giga(work.operations, time)),
            speedup,
            rate: crate::cli::run::rate(work, time),
            ..self
        }
    }

    /// Compares the rates with those that memory gave, and that arithmetic is known to reach: what is nearer limits.
    pub fn limit_by(&mut self, gigaoperations: f64) {
        let (Some(operations), Some(bytes), Some(gigabytes)) =
            (self.gigaoperations_per_second, self.gigabytes_per_second, self.memory)
        else {
            return;
        };
        let (arithmetic, memory) = (100.0 * operations / gigaoperations, 100.0 * bytes / gigabytes);
        let (by, percent) = if memory > arithmetic { ("memory", memory) } else { ("arithmetic", arithmetic) };
        self.limit = percent.is_finite().then(|| Limit {
            by: by.into(),
            percent,
            gigabytes_per_second: gigabytes,
            gigaoperations_per_second: gigaoperations,
        });
    }

    pub fn key(&self) -> (String, String, String) {
        (self.sample.clone(), self.size.clone(), format!("{} {}", self.on, self.device))
    }

    /// How near it came to its limit, in words.
    pub fn nearness(&self) -> String {
        self.limit.as_ref().map_or("-".into(), |limit| format!("{} % of {}", show::digits(limit.percent), limit.by))
    }
}

impl Document {
    /// The measurements, and the machine they are from.
    pub fn new(results: Vec<Row>) -> Self {
        let host = Host {
            os: std::env::consts::OS.into(),
            arch: std::env::consts::ARCH.into(),
            cores: thread::available_parallelism().map_or(0, usize::from),
        };
        Document { version: VERSION, swath: env!("CARGO_PKG_VERSION").into(), host, results }
    }

    /// Writes it to a file, or to stdout where that is `-`.
    pub fn save(&self, path: &Path) -> Outcome {
        if is_stdout(path) {
            return show::json(self);
        }
        results::write_text(path, &(show::to_json(self)? + "\n"))
    }
}

pub fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Medians of an earlier run.
pub type Baseline = HashMap<(String, String, String), f64>;

pub fn read_baseline(path: &Path) -> Outcome<Baseline> {
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
