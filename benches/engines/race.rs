//! The race itself: kernel by kernel, turn by turn.

use std::time::Duration;

use swath::Runtime;

use crate::{
    Outcome,
    cases::{Case, ENTRIES},
    native::{Build, Served},
    options::Options,
    racer::{Engine, Racer},
    reference,
    report::{Document, Table},
};

/// Runs that are shorter than this are warmed up before each turn: others have used the caches meanwhile.
const SHORT: Duration = Duration::from_millis(20);

/// What a turn takes, if several runs fit in.
const TURN: Duration = Duration::from_millis(5);

/// Most runs of a turn.
const RUNS_OF_A_TURN: u128 = 5;

/// Turns that everyone has, whatever they take.
const LEAST_TURNS: usize = 3;

/// One racer's times on one kernel.
#[derive(Clone, Debug, Default)]
pub struct Times {
    sorted: Vec<Duration>,
    pub correct: bool,
}

impl Times {
    /// The median in milliseconds.
    pub fn median(&self) -> f64 {
        self.sorted.get(self.sorted.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }

    /// The quickest run in milliseconds.
    pub fn least(&self) -> f64 {
        self.sorted.first().map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }

    pub fn runs(&self) -> usize {
        self.sorted.len()
    }
}

/// The racers that `options` asks for, as far as they are there.
fn racers(options: &Options) -> Outcome<Vec<Box<dyn Racer>>> {
    let mut racers: Vec<Box<dyn Racer>> = Vec::new();
    if options.has("interp") {
        racers.push(Box::new(Engine::new("interp", Runtime::cpu_interpreter()?, "cpu")?));
    }
    if options.has("jit") {
        racers.push(Box::new(Engine::new("jit", Runtime::cpu()?, "cpu")?));
    }
    if options.has("gpu") {
        match Engine::new("gpu", Runtime::new()?, &options.device) {
            Ok(gpu) => racers.push(Box::new(gpu)),
            Err(error) => println!("no column gpu: {error}"),
        }
    }
    for build in [Build::Default, Build::Cpu] {
        if options.has(build.column()) {
            racers.push(Box::new(Served::native(build)?));
        }
    }
    Ok(racers)
}

/// All kernels that are asked for; whether all results were right.
pub fn race(options: &Options) -> Outcome<bool> {
    let mut racers = racers(options)?;
    for racer in &racers {
        println!("{:10} {}", racer.column(), racer.describe());
    }
    let table = Table::new(&racers);
    println!("\n{}", table.header());
    let mut document = Document::new(&racers);
    let mut correct = true;
    for entry in ENTRIES.iter().filter(|entry| options.wants(entry.name)) {
        let times = one(&(entry.case)(), &mut racers, options)?;
        println!("{}", table.row(entry.title, &times));
        correct &= times.iter().all(|times| times.correct);
        document.add(entry, &racers, times);
    }
    println!("{}", table.footer(&document));
    if options.markdown {
        println!("\n{}", document.markdown());
    }
    if let Some(path) = &options.json {
        document.save(path)?;
    }
    Ok(correct)
}

/// The times of all racers on one kernel.
pub fn one(case: &Case, racers: &mut [Box<dyn Racer>], options: &Options) -> Outcome<Vec<Times>> {
    let allowed = (case.allowed)(case);
    let mut all = vec![Times::default(); racers.len()];
    for (racer, times) in racers.iter_mut().zip(&mut all) {
        racer.prepare(case)?;
        racer.run(case, 1)?;
        let found = reference::numbers(case, &racer.result(case)?);
        let wrong = found.iter().zip(&allowed).position(|(found, allowed)| !allowed.holds(*found));
        times.correct = wrong.is_none() && found.len() == allowed.len();
        if let Some(at) = wrong {
            let (found, allowed) = (found[at], allowed[at]);
            eprintln!("{}, {}: result {at} is {found}, not {allowed:?}", case.name, racer.column());
        } else if !times.correct {
            eprintln!("{}, {}: {} results, not {}", case.name, racer.column(), found.len(), allowed.len());
        }
    }
    turns(case, racers, &mut all, options)?;
    for racer in racers.iter_mut() {
        racer.release(case)?;
    }
    Ok(all)
}

/// The measured turns of racers that are ready.
pub fn turns(case: &Case, racers: &mut [Box<dyn Racer>], all: &mut [Times], options: &Options) -> Outcome {
    for turn in 0..options.runs {
        for place in 0..racers.len() {
            // Another one goes first each time, so that nobody always runs in the same one's wake.
            let which = (place + turn) % racers.len();
            let times = &mut all[which].sorted;
            if times.iter().sum::<Duration>() < options.budget || turn < LEAST_TURNS {
                times.extend(one_turn(case, &mut *racers[which], times.last().copied())?);
            }
        }
    }
    for times in all {
        times.sorted.sort_unstable();
    }
    Ok(())
}

/// The measured runs of a turn, of which the last took `before`.
fn one_turn(case: &Case, racer: &mut dyn Racer, before: Option<Duration>) -> Outcome<Vec<Duration>> {
    let before = match before {
        Some(before) => before,
        None => *racer.run(case, 1)?.last().ok_or("the run has no time")?,
    };
    if before >= SHORT {
        return racer.run(case, 1);
    }
    let runs = (TURN.as_nanos() / before.as_nanos().max(1)).clamp(1, RUNS_OF_A_TURN) as usize;
    let mut times = racer.run(case, 1 + runs)?;
    times.remove(0);
    Ok(times)
}
