//! The measuring of one sample: everyone in turn, in one run.

use std::time::{Duration, Instant};

use swath::{
    Device, DeviceChoice, Runtime,
    samples::{Problem, Resident, Sample, Size},
};

use super::{
    document::Row,
    limits::{self, GpuMemory, HostMemory},
};
use crate::cli::{
    failure::{Failure, Outcome},
    show::{Progress, Spread},
};

/// A device that takes part.
pub struct Contender {
    pub runtime: Runtime,
    pub device: Device,
    /// How the device is named on the command line.
    pub alias: String,
    /// Whether its calls may run nowhere else.
    pub is_reproducible: bool,
    /// 10^9 operations a second that it does at most; `None` where the host's limit counts.
    pub gigaoperations: Option<f64>,
}

/// How often to measure.
pub struct Effort {
    /// At least so often.
    runs: usize,
    /// More, until so much time is spent.
    budget: Duration,
    /// And never more often than that.
    most: usize,
    /// Calls from host memory.
    calls: usize,
}

/// Runs that are shorter than this are warmed up in each turn: others have used the caches meanwhile.
const SHORT: Duration = Duration::from_millis(20);

impl Effort {
    pub const FULL: Effort = Effort { runs: 5, budget: Duration::from_secs(1), most: 50, calls: 3 };
    pub const QUICK: Effort = Effort { runs: 3, budget: Duration::ZERO, most: 3, calls: 1 };

    fn is_done(&self, times: &[Duration], spent: Duration) -> bool {
        times.len() >= self.runs && (spent >= self.budget || times.len() >= self.most)
    }
}

/// What is run and timed.
enum Runner<'p> {
    Native(&'p mut dyn Problem),
    Device(Box<dyn Resident + 'p>),
}

impl Runner<'_> {
    fn run(&mut self) -> Outcome<Duration> {
        match self {
            Runner::Native(problem) => Ok(problem.native()),
            Runner::Device(resident) => Ok(resident.step()?.kernel),
        }
    }
}

/// One who takes part, with the times so far.
struct Entrant<'p> {
    runner: Runner<'p>,
    /// With transfers.
    total: Option<Spread>,
    times: Vec<Duration>,
    spent: Duration,
    failure: Option<Failure>,
}

/// What was measured of one who took part.
struct Measured {
    kernel: Spread,
    total: Option<Spread>,
}

impl<'p> Entrant<'p> {
    fn new(runner: Runner<'p>, total: Option<Spread>) -> Self {
        Entrant { runner, total, times: Vec::new(), spent: Duration::ZERO, failure: None }
    }

    /// A device, after calls from host memory.
    fn device(problem: &'p mut dyn Problem, contender: &Contender, effort: &Effort) -> Outcome<Self> {
        let total = totals(problem, contender, effort)?;
        let resident = problem.resident(&contender.runtime, &contender.device)?;
        Ok(Entrant::new(Runner::Device(resident), Some(total)))
    }

    fn is_done(&self, effort: &Effort) -> bool {
        self.failure.is_some() || effort.is_done(&self.times, self.spent)
    }

    /// One measured run.
    fn turn(&mut self) {
        let start = Instant::now();
        let run = match self.times.last() {
            Some(last) if *last >= SHORT => self.runner.run(),
            _ => self.runner.run().and_then(|_| self.runner.run()),
        };
        self.spent += start.elapsed();
        match run {
            Ok(time) => self.times.push(time),
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// The times, with the outputs of the last run left in the problem.
    fn finish(self) -> Outcome<Measured> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if let Runner::Device(mut resident) = self.runner {
            resident.fetch()?;
        }
        Ok(Measured { kernel: Spread::of(self.times), total: self.total })
    }
}

/// The memory whose rate is measured meanwhile.
enum Memory {
    Host(HostMemory),
    Gpu(Box<GpuMemory>),
}

impl Memory {
    fn rate(&mut self) -> Outcome<f64> {
        match self {
            Memory::Host(memory) => Ok(memory.rate()),
            Memory::Gpu(memory) => memory.rate(),
        }
    }
}

/// The native reference and every device, on the same inputs, turn by turn. Meanwhile `arithmetic` becomes the
/// most that the host's cores did, in 10^9 operations a second.
pub fn side_by_side(
    sample: &'static dyn Sample,
    size: Size,
    seed: u64,
    (contenders, arithmetic): (&[Contender], &mut f64),
    effort: &Effort,
    progress: &Progress,
) -> Outcome<Vec<Row>> {
    // Each has a problem of its own, from the same seed.
    let prepare = || sample.prepare(size, seed);
    let mut native = prepare()?;
    let mut problems = contenders.iter().map(|_| prepare()).collect::<swath::Result<Vec<_>>>()?;
    progress.say(format!("{}: first runs", sample.name()));
    native.native();
    let work = native.work();
    let mut memories = vec![Memory::Host(HostMemory::new(&work))];
    for contender in contenders.iter().filter(|contender| !limits::is_host(&contender.device)) {
        memories.push(Memory::Gpu(Box::new(GpuMemory::new(&work, &contender.runtime, &contender.device)?)));
    }
    let mut entrants = vec![Ok(Entrant::new(Runner::Native(&mut *native), None))];
    for (contender, problem) in contenders.iter().zip(&mut problems) {
        entrants.push(Entrant::device(&mut **problem, contender, effort));
    }

    progress.say(format!("{}: turn by turn", sample.name()));
    let rates = race(entrants.iter_mut().flatten().collect(), &mut memories, arithmetic, effort)?;
    drop(memories);

    let mut measured = entrants.into_iter().map(|entrant| entrant.and_then(Entrant::finish)).collect::<Vec<_>>();
    let on_devices = measured.split_off(1);
    let reference = measured.pop().transpose()?.map(|measured| measured.kernel);
    let row = Row { memory: rates.first().copied(), ..Row::new(sample, &*native, "native", "native reference") };
    let mut rows = Vec::new();
    if let Some(kernel) = reference {
        rows.push(judged(row.timed(&native.work(), kernel, reference), &*native));
    }
    progress.step();
    let mut gpu_rates = rates[1..].iter();
    for ((contender, problem), measured) in contenders.iter().zip(&problems).zip(on_devices) {
        let memory = if limits::is_host(&contender.device) { rates.first() } else { gpu_rates.next() };
        let row = Row::new(sample, &**problem, &contender.alias, contender.device.name());
        let row = Row { memory: memory.copied(), ..row };
        rows.push(match measured {
            Ok(Measured { kernel, total }) => {
                let row = Row { total_ms: total.map(Into::into), ..row };
                judged(row.timed(&problem.work(), kernel, reference), &**problem)
            }
            Err(failure) => Row { error: Some(failure.to_string()), ..row },
        });
        progress.step();
    }
    Ok(rows)
}

/// Everyone in turn until all are done. Meanwhile the rates of the memories are measured, of which the most counts, and
/// `arithmetic`.
fn race(
    mut entrants: Vec<&mut Entrant<'_>>,
    memories: &mut [Memory],
    arithmetic: &mut f64,
    effort: &Effort,
) -> Outcome<Vec<f64>> {
    let count = entrants.len();
    let mut rates = vec![0.0_f64; memories.len()];
    for turn in 0.. {
        let mut any = false;
        for place in 0..count {
            // Another one goes first each time, so that nobody always runs in the same one's wake.
            let entrant = &mut entrants[(place + turn) % count];
            if !entrant.is_done(effort) {
                entrant.turn();
                any = true;
            }
        }
        if !any {
            break;
        }
        for (memory, rate) in memories.iter_mut().zip(&mut rates) {
            *rate = rate.max(memory.rate()?);
        }
        *arithmetic = arithmetic.max(limits::host_arithmetic());
    }
    Ok(rates)
}

/// Times of calls from host memory, after one that compiles.
fn totals(problem: &mut dyn Problem, contender: &Contender, effort: &Effort) -> Outcome<Spread> {
    let choice = DeviceChoice::from(&contender.device);
    let choice = if contender.is_reproducible { choice.reproducible() } else { choice };
    problem.run(&contender.runtime, &choice)?;
    let mut times = Vec::new();
    for _ in 0..effort.calls {
        times.push(problem.run(&contender.runtime, &choice)?.total);
    }
    Ok(Spread::of(times))
}

/// With the verdict on what was left last.
fn judged(row: Row, problem: &dyn Problem) -> Row {
    let verdict = problem.verify();
    let error = (!verdict.passed()).then(|| verdict.to_string());
    Row { verified: verdict.passed(), error, ..row }
}
