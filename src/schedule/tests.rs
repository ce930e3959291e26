//! The claim policy on simulated members. What is asserted is what the policy reaches, with a little room for other seeds;
//! `cargo bench --bench schedule` prints the figures.

use super::simulate::{Dice, Setting, Simulation, Study, changing, thousand};

/// The seeds of the tests: one that is always the same, and one that is given.
fn seeds() -> impl Iterator<Item = u64> {
    let given = std::env::var("SWATH_SEED").ok().and_then(|seed| seed.parse().ok());
    [1].into_iter().chain(given).inspect(|seed| println!("seed {seed}"))
}

/// Machines after laws that the policy does not know.
#[test]
fn drawn_calls_are_done_efficiently() {
    for seed in seeds() {
        let study = Study::of(seed, 200, Setting::draw, |_, _| {});
        let (efficiency, beside_best) = (&study.efficiency, &study.beside_best);
        assert!(efficiency.median() >= 0.96, "{}", efficiency.median());
        assert!(efficiency.percentile(5) >= 0.84, "{}", efficiency.percentile(5));
        assert!(beside_best.least() >= 0.95, "{}", beside_best.least());
        assert!(study.fixed_split.median() < 0.9, "{}", study.fixed_split.median());
        assert!(efficiency.percentile(100) < 1.05, "no call beats the ideal, save by lucky noise");
    }
}
