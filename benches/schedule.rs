//! The ledger's claim policy on simulated members: how near calls that members share come to what no schedule can beat.
//!
//! ```sh
//! cargo bench --bench schedule
//! cargo bench --bench schedule -- --seed 7
//! cargo bench --bench schedule -- --calls 20000 # only the first row, of so many
//! ```
//!
//! Printed are shares of the ideal time (`swath::schedule::simulate::ideal` says what it counts), for many drawn calls: the
//! median, what 5 of 100 calls stay below, and the least; the least share of what the best member takes alone, and how many calls
//! stay below 0.95 of that; and beside it what a split does that is fixed at the start. Then what the ledger itself costs with a thousand members.

use std::{
    env, fs,
    time::{Duration, Instant},
};

use swath::schedule::simulate::{
    Dice, Setting, Simulation, Study, changing, in_hindsight, in_place, known_roughly, thousand,
};

fn main() {
    let arguments: Vec<String> = env::args().collect();
    // `cargo test --benches` only sees whether it works.
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        let text = arguments.get(at + 1)?;
        Some(text.parse().unwrap_or_else(|_| panic!("{name} has a number, and is {text}")))
    };
    let seed = number("--seed").unwrap_or(1);
    let only = number("--calls").map(|calls: u64| calls as u32);
    let (calls, changes) = if is_bench { (only.unwrap_or(200), 50) } else { (10, 4) };

    println!("seed {seed}; shares of the ideal, over {calls} and {changes} calls");
    println!(
        "{:44} {:>7} {:>7} {:>7} {:>10} {:>6} {:>11}",
        "", "median", "5th", "least", "best alone", "< 0.95", "fixed split"
    );
    let row = |name: &str, study: Study| {
        println!(
            "{name:44} {:7.3} {:7.3} {:7.3} {:10.3} {:6} {:11.3}",
            study.efficiency.median(),
            study.efficiency.percentile(5),
            study.efficiency.least(),
            study.beside_best.least(),
            study.beside_best.below(0.95),
            study.fixed_split.median(),
        );
    };
    let unchanged = |_: &mut Simulation<'_>, _: &mut Dice| {};
    row("2 to 16 members, nothing known of them", Study::of(seed, calls, Setting::draw, unchanged));
    if only.is_some() {
        return;
    }
    row("  rates known up to a factor of two", Study::of(seed, calls, Setting::draw, known_roughly));
    row("  all known, best of 75 policies afterwards", Study::of(seed, calls, Setting::draw, in_hindsight));
    row("  the slowest member works in place", Study::of(seed, calls, Setting::draw, in_place));
    row("  small claims as fast as with hot caches", Study::of(seed, calls, Setting::draw_hot, unchanged));
    row("one becomes ten times slower", Study::of(seed, changes, |dice| changing(dice, false), unchanged));
    row("one stalls for a second", Study::of(seed, changes, |dice| changing(dice, true), unchanged));
    row("a thousand members", Study::of(seed, 1, thousand, unchanged));
    cost(seed, if is_bench { 5 } else { 1 });
}

/// What the ledger costs with a thousand members: the calls of a simulation again, on a fresh ledger, without the simulation.
fn cost(seed: u64, runs: u32) {
    let setting = thousand(&mut Dice::new(seed));
    let simulation = Simulation { is_watched: true, ..Simulation::new(setting.units, &setting.laws, seed) };
    let outcome = simulation.run();
    let replays = (0..runs).map(|_| {
        let (start, busy) = (Instant::now(), processor_time());
        simulation.replay(&outcome.calls);
        let wall = start.elapsed();
        busy.zip(processor_time()).map_or(wall, |(before, after)| after - before)
    });
    let least = replays.min().unwrap_or_default();
    println!(
        "the ledger of a thousand members: {:.2} us for each of {} claims, the least of {runs} runs",
        least.as_secs_f64() * 1e6 / outcome.claims as f64,
        outcome.claims
    );
}

/// The time that this thread was on a processor, where the system tells: other programs do not count.
fn processor_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}
