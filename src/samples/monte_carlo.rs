//! `monte_carlo`: what a portfolio may lose, from scenarios drawn by chance.

mod law;
mod native;
mod picture;
mod portfolio;

use std::{
    path::Path,
    sync::{LazyLock, OnceLock},
    time::Duration,
};

use bytemuck::{Pod, Zeroable};
use serde::Serialize;

use self::{
    law::Law,
    native::{Bounds, KNOTS, running},
    portfolio::Portfolio,
};
use super::{Check, Problem, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, read, timed};
use crate::{Buffer, Device, DeviceChoice, Kernel, Result, Runtime};

const WGSL: &str = include_str!("../../shaders/monte_carlo.wgsl");

/// The most risk factors: four vectors of four.
const FACTORS: usize = 16;

const BINS: usize = 1024;

/// Scenarios of a workgroup: 256 lanes of 16.
const PER_GROUP: usize = 4096;

/// Positions of a portfolio that is made, and the most of one that is read.
const POSITIONS: usize = 32;
const MOST_POSITIONS: usize = 1 << 14;

/// Standard deviations of the loss that the bins reach to either side of its mean.
const REACH: f64 = 8.0;

/// The level at which value at risk is told, as banks are used to, and that of the expected shortfall (Basel Committee on
/// Banking Supervision, "Minimum capital requirements for market risk", 2019).
const RISK_LEVEL: f64 = 0.99;
const SHORTFALL_LEVEL: f64 = 0.975;

/// Standard errors that an estimate may be off, and how many scenarios have to be beyond its level for that to mean
/// something.
const ERRORS: f64 = 5.0;
const ENOUGH: f64 = 100.0;

/// How rarely the shares below the ends of the bins may be further off than their tolerance in a run that is right.
const RARE: f64 = 1e-6;

/// The sample.
pub struct MonteCarlo;

impl Sample for MonteCarlo {
    fn name(&self) -> &'static str {
        "monte_carlo"
    }

    fn field(&self) -> &'static str {
        "finance"
    }

    fn summary(&self) -> &'static str {
        "what a portfolio may lose, from a million scenarios"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "scenarios", small: 5_000, default: 1 << 20, large: 1 << 24, max: 1 << 30 }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["png", "npy", "json"]
    }

    fn reads(&self) -> Option<&'static str> {
        Some("CSV: risk factors with their correlations, and positions")
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        let scenarios = self.sizes().resolve(size)?;
        let positions = Portfolio::made(POSITIONS, seed).positions().expect("correlations that are made are some");
        Ok(Box::new(Losses::new(positions, FACTORS, scenarios, seed)))
    }

    fn open(&self, file: &Path, seed: u64) -> Result<Box<dyn Problem>> {
        let (portfolio, positions) = Portfolio::read(file)?;
        let losses = Losses::new(positions, portfolio.volatilities.len(), self.sizes().default, seed);
        if !losses.has_risk() {
            let problem = "there is nothing to lose: gains and losses of all positions cancel, or nothing moves";
            return Err(read::refuse(
                file,
                problem,
                "give positions with a value that depend on factors with a volatility",
            ));
        }
        Ok(Box::new(losses))
    }
}

/// `Params` in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    key: [u32; 2],
    scenarios: u32,
    factors: u32,
    lowest: f32,
    bins_per_unit: f32,
}

/// As in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Position {
    loadings: [[f32; 4]; FACTORS / 4],
    value: f32,
    curvature: f32,
    pad: [f32; 2],
}

/// The two halves of a seed.
fn key(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

/// Random numbers, and the normal variates that they stand for, in units of 2^-17: both are the same on every device, bit
/// for bit.
#[derive(Clone, Debug, PartialEq)]
pub struct Draws {
    /// The Philox4x32-10 outputs of the counters.
    pub randoms: Vec<[u32; 4]>,
    /// Whole numbers.
    pub normals: Vec<[f32; 4]>,
}

impl Draws {
    /// Those of some counters on a device.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub fn on(runtime: &Runtime, device: &Device, seed: u64, counters: &[[u32; 4]]) -> Result<Draws> {
        let mut draws = Draws { randoms: vec![[0; 4]; counters.len()], normals: vec![[0.0; 4]; counters.len()] };
        let kernel = runtime.module(WGSL)?.kernel("draws")?;
        let call = runtime.call(&kernel).set("params.key", key(seed)).read("knots", KNOTS.as_slice());
        let call = call.read("counters", counters).write("randoms", &mut draws.randoms);
        call.write("normals", &mut draws.normals).grid([counters.len()]).device(device).run()?;
        Ok(draws)
    }

    /// Those of some counters in native Rust.
    pub fn native(seed: u64, counters: &[[u32; 4]]) -> Draws {
        let random = |counter: &[u32; 4]| native::philox(counter.map(|word| [word]), key(seed)).map(|[word]| word);
        let randoms: Vec<[u32; 4]> = counters.iter().map(random).collect();
        let normal = |random: &[u32; 4]| random.map(|word| native::normal(word, &KNOTS) as f32);
        Draws { normals: randoms.iter().map(normal).collect(), randoms }
    }
}

/// A portfolio that gains and loses in proportion to its factors (delta-normal), so that its losses are normal. Those that
/// [`Sample::prepare`] makes are curved.
///
/// # Errors
///
/// When the size is zero or more than [`Sizes::max`].
pub fn linear(scenarios: usize, seed: u64) -> Result<Box<dyn Problem>> {
    let scenarios = MonteCarlo.sizes().resolve(Size::Count(scenarios))?;
    Ok(Box::new(Losses::new(linear_positions(seed), FACTORS, scenarios, seed)))
}

fn linear_positions(seed: u64) -> Vec<Position> {
    let mut portfolio = Portfolio::made(POSITIONS, seed);
    portfolio.holdings.iter_mut().for_each(|holding| holding.convexity = 0.0);
    portfolio.positions().expect("correlations that are made are some")
}

struct Losses {
    params: Params,
    positions: Vec<Position>,
    law: Law,
    bins: Vec<u32>,
    bounds: OnceLock<Bounds>,
}

impl Losses {
    fn new(positions: Vec<Position>, factors: usize, scenarios: usize, seed: u64) -> Self {
        let law = Law::new(&positions);
        let params = Params {
            key: key(seed),
            scenarios: scenarios as u32,
            factors: factors as u32,
            lowest: (law.mean - REACH * law.deviation) as f32,
            bins_per_unit: (BINS as f64 / (2.0 * REACH * law.deviation)) as f32,
        };
        Losses { params, positions, law, bins: vec![0; BINS], bounds: OnceLock::new() }
    }

    /// Whether there is a loss that is not lost in the rounding of what makes it.
    fn has_risk(&self) -> bool {
        let gross = |position: &Position| {
            let moves = position.loadings.as_flattened().iter().map(|&loading| f64::from(loading).abs()).sum::<f64>();
            moves * native::UNITS * f64::from(position.value).abs()
        };
        self.law.deviation > 1e-4 * self.positions.iter().map(gross).sum::<f64>() && self.law.deviation > 1e-6
    }

    fn scenarios(&self) -> f64 {
        f64::from(self.params.scenarios)
    }

    fn groups(&self) -> [usize; 1] {
        [(self.params.scenarios as usize).div_ceil(PER_GROUP)]
    }

    fn bounds(&self) -> &Bounds {
        self.bounds.get_or_init(|| Bounds::new(&self.params, &self.positions))
    }

    /// Losses below the end of each bin.
    fn below(&self) -> Vec<u64> {
        running(self.bins.iter().map(|&count| count.into()).collect())
    }

    /// The loss at the beginning of a bin.
    fn edge(&self, bin: f64) -> f64 {
        f64::from(self.params.lowest) + bin / f64::from(self.params.bins_per_unit)
    }

    /// Value at risk at a level, from the bins: the loss that this part of all is below, as if losses were spread evenly in
    /// their bin.
    fn value_at_risk(&self, level: f64) -> f64 {
        let wanted = level * self.bins.iter().map(|&count| f64::from(count)).sum::<f64>();
        let mut below = 0.0;
        for (bin, &count) in self.bins.iter().enumerate() {
            let count = f64::from(count);
            if below + count >= wanted && count > 0.0 {
                return self.edge(bin as f64 + (wanted - below) / count);
            }
            below += count;
        }
        f64::NAN
    }

    /// The mean of the losses beyond the value at risk, from the bins.
    fn expected_shortfall(&self, level: f64) -> f64 {
        let risk = self.value_at_risk(level);
        let (mut sum, mut beyond) = (0.0, 0.0);
        for (bin, &count) in self.bins.iter().enumerate() {
            let [start, end] = [self.edge(bin as f64), self.edge(bin as f64 + 1.0)];
            let from = start.max(risk);
            if from < end {
                let share = f64::from(count) * (end - from) / (end - start);
                sum += share * 0.5 * (from + end);
                beyond += share;
            }
        }
        sum / beyond
    }

    /// The most losses by which the number below the end of a bin is beyond what rounding allows.
    fn misplaced(&self) -> u64 {
        let Bounds { least, most } = self.bounds();
        let below = self.below();
        let off = below
            .iter()
            .zip(least)
            .zip(most)
            .map(|((&found, &least), &most)| least.saturating_sub(found).max(found.saturating_sub(most)));
        off.max().unwrap_or(0)
    }

    /// The share of losses below the end of a bin that is furthest off the closed form, and how far it may be.
    ///
    /// A count is binomial: by Bernstein's inequality, it is off its mean by more than t with a probability of at most
    /// 2 exp(-t^2 / (2 v + 2 t / 3)), v being its variance. That sum over all bins is to be `RARE`; for large numbers t is
    /// 6.5 standard errors.
    fn drift(&self) -> (f64, f64) {
        let count = self.scenarios();
        let logarithm = (2.0 * BINS as f64 / RARE).ln();
        let third = logarithm / 3.0;
        let tolerance =
            |part: f64| (third + (third * third + 2.0 * logarithm * count * part * (1.0 - part)).sqrt()) / count;
        let mut worst = (0.0, tolerance(0.5));
        for (bin, below) in self.below().into_iter().enumerate().take(BINS - 1) {
            let [least, most] = self.law.range(self.edge(bin as f64 + 1.0));
            let found = below as f64 / count;
            let (off, part) = if found < least { (least - found, least) } else { (found - most, most) };
            if off / tolerance(part) > worst.0 / worst.1 {
                worst = (off, tolerance(part));
            }
        }
        worst
    }
}

impl Problem for Losses {
    fn describe(&self) -> String {
        format!("{} scenarios of {} positions", self.params.scenarios, self.positions.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let kernel = runtime.module(WGSL)?.kernel("monte_carlo")?;
        self.bins.fill(0);
        let groups = self.groups();
        let report = runtime
            .call(&kernel)
            .uniform("params", &self.params)
            .read("knots", KNOTS.as_slice())
            .read("positions", &self.positions)
            .read_write("bins", &mut self.bins)
            .workgroups(groups)
            .device(devices)
            .run()?;
        Ok(Tally::from(&report))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        Ok(Box::new(OnDevice {
            kernel: runtime.module(WGSL)?.kernel("monte_carlo")?,
            params: self.params,
            groups: self.groups(),
            knots: runtime.buffer_on(device, KNOTS.as_slice())?,
            positions: runtime.buffer_on(device, &self.positions)?,
            bins: runtime.buffer_zeroed_on(device, BINS)?,
            runtime: runtime.clone(),
            result: &mut self.bins,
        }))
    }

    fn native(&mut self) -> Duration {
        // Made before it is timed, as it is for devices.
        LazyLock::force(&KNOTS);
        let (params, positions, bins) = (&self.params, &self.positions, &mut self.bins);
        timed(|| native::count(params, positions, bins))
    }

    fn verify(&self) -> Verdict {
        let counted: u64 = self.bins.iter().map(|&count| u64::from(count)).sum();
        let (drift, drift_tolerance) = self.drift();
        let mut checks = vec![
            Check {
                what: "bins against f64",
                error: self.misplaced() as f64,
                tolerance: 0.0,
                measure: "losses in bins that they are not in",
                reason: "random numbers and normal variates are whole numbers; a loss that f32 may round into either of two \
                         bins, by the roundings of its sums, may be in either",
            },
            Check {
                what: "losses counted",
                error: counted.abs_diff(self.params.scenarios.into()) as f64,
                tolerance: 0.0,
                measure: "losses",
                reason: "each scenario has one",
            },
            Check {
                what: "shares below each bin against the closed form",
                error: drift,
                tolerance: drift_tolerance,
                measure: "of all losses",
                reason: "Bernstein's inequality: one in a million runs that are right is further off at any bin",
            },
        ];
        let estimates = [
            (
                "value at risk against the closed form",
                RISK_LEVEL,
                self.value_at_risk(RISK_LEVEL),
                self.law.value_at_risk(RISK_LEVEL, self.scenarios()),
            ),
            (
                "expected shortfall against the closed form",
                SHORTFALL_LEVEL,
                self.expected_shortfall(SHORTFALL_LEVEL),
                self.law.expected_shortfall(SHORTFALL_LEVEL, self.scenarios()),
            ),
        ];
        for (what, level, found, [exact, standard_error]) in estimates {
            if (1.0 - level) * self.scenarios() >= ENOUGH {
                checks.push(Check {
                    what,
                    error: (found - exact).abs(),
                    tolerance: ERRORS * standard_error + self.law.shift + 1.0 / f64::from(self.params.bins_per_unit),
                    measure: "of currency",
                    reason: "5 standard errors, and the width of a bin",
                });
            }
        }
        checks.into()
    }

    fn work(&self) -> Work {
        let scenarios = u64::from(self.params.scenarios);
        let blocks = u64::from(self.params.factors.div_ceil(4));
        let positions = self.positions.len() as u64;
        Work {
            operations: scenarios * (blocks * (10 * 8 + 4 * 12) + positions * (8 * blocks + 4)),
            counted: "for four factors 8 in each of 10 rounds and 12 a normal variate; a position 2 a factor and 4",
            bytes: (80 * self.positions.len() + 4 * KNOTS.len() + 4 * BINS) as u64,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        match draw::extension(path, MonteCarlo.draws())? {
            "png" => draw::write_png(path, picture::WIDTH, &self.picture()),
            "json" => draw::write_json(path, &Document::new(self)),
            _ => draw::write_npy(path, &self.bins, &[BINS]),
        }
    }

    fn corrupt(&mut self, seed: u64) {
        let bin = seed as usize % BINS;
        self.bins[bin] = self.bins[bin].wrapping_add(1);
    }
}

/// What is written of a run.
#[derive(Serialize)]
struct Document {
    scenarios: u32,
    positions: usize,
    trading_days: u32,
    /// Those of the closed form.
    mean_loss: f64,
    standard_deviation: f64,
    value_at_risk: Estimate,
    expected_shortfall: Estimate,
    /// Where the bins begin, how wide they are, and the counts.
    lowest: f64,
    bin_width: f64,
    bins: Vec<u32>,
}

#[derive(Serialize)]
struct Estimate {
    level: f64,
    loss: f64,
    closed_form: f64,
    standard_error: f64,
}

impl Document {
    fn new(losses: &Losses) -> Self {
        let estimate = |level, loss, [closed_form, standard_error]: [f64; 2]| Estimate {
            level,
            loss,
            closed_form,
            standard_error,
        };
        let (law, scenarios) = (&losses.law, losses.scenarios());
        Document {
            scenarios: losses.params.scenarios,
            positions: losses.positions.len(),
            trading_days: 10,
            mean_loss: law.mean,
            standard_deviation: law.deviation,
            value_at_risk: estimate(
                RISK_LEVEL,
                losses.value_at_risk(RISK_LEVEL),
                law.value_at_risk(RISK_LEVEL, scenarios),
            ),
            expected_shortfall: estimate(
                SHORTFALL_LEVEL,
                losses.expected_shortfall(SHORTFALL_LEVEL),
                law.expected_shortfall(SHORTFALL_LEVEL, scenarios),
            ),
            lowest: losses.edge(0.0),
            bin_width: 1.0 / f64::from(losses.params.bins_per_unit),
            bins: losses.bins.clone(),
        }
    }
}

struct OnDevice<'p> {
    result: &'p mut Vec<u32>,
    params: Params,
    groups: [usize; 1],
    runtime: Runtime,
    kernel: Kernel,
    knots: Buffer<u32>,
    positions: Buffer<Position>,
    bins: Buffer<u32>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        self.bins.fill(0)?;
        let report = self
            .runtime
            .call(&self.kernel)
            .uniform("params", &self.params)
            .read("knots", &self.knots)
            .read("positions", &self.positions)
            .read_write("bins", &self.bins)
            .workgroups(self.groups)
            .run()?;
        Ok(Tally::from(&report))
    }

    fn fetch(&mut self) -> Result<()> {
        self.bins.download_into(self.result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The delta-normal portfolio: losses are normal, so that value at risk and expected shortfall are known multiples of the
    /// standard deviation, which is known too.
    #[test]
    fn a_linear_portfolio_loses_what_the_normal_distribution_says() {
        let mut losses = Losses::new(linear_positions(3), FACTORS, 200_000, 3);
        losses.native();
        assert!(losses.verify().passed(), "{}", losses.verify());
        let mut variance = 0.0;
        for factor in 0..FACTORS {
            let exposure = |position: &Position| {
                f64::from(position.value) * f64::from(position.loadings[factor / 4][factor % 4]) * native::UNITS
            };
            variance += losses.positions.iter().map(exposure).sum::<f64>().powi(2);
        }
        let deviation = variance.sqrt();
        let [risk, shortfall] = [losses.value_at_risk(0.99), losses.expected_shortfall(0.975)];
        // Quantile and density at 99 %, and the standard error of the quantile; the mean beyond the quantile at 97.5 %, and the
        // standard error of that mean.
        let error = (0.99 * 0.01 / 200_000.0f64).sqrt() / 0.026_652;
        assert!((risk / deviation - 2.326_348).abs() < 4.5 * error, "{risk} {deviation} {error}");
        let [_, error] = losses.law.expected_shortfall(0.975, 200_000.0);
        assert!((shortfall - 2.337_803 * deviation).abs() < 4.5 * error, "{shortfall} {deviation} {error}");
        assert!(error < 0.01 * deviation);
    }

    /// A portfolio that is not linear, in the same way.
    #[test]
    fn losses_have_their_closed_form() {
        for seed in 1..4 {
            let positions = Portfolio::made(POSITIONS, seed).positions().unwrap();
            let mut losses = Losses::new(positions, FACTORS, 40_000, seed);
            losses.native();
            let verdict = losses.verify();
            assert!(verdict.passed() && verdict.checks.len() == 5, "{verdict}");
        }
    }

    /// Losses with another curvature are not of the same distribution, which the law sees without the reference.
    #[test]
    fn another_distribution_is_noticed() {
        let mut losses = Losses::new(Portfolio::made(POSITIONS, 1).positions().unwrap(), FACTORS, 100_000, 1);
        losses.positions.iter_mut().for_each(|position| position.curvature *= 1.5);
        losses.native();
        let (drift, tolerance) = losses.drift();
        assert!(drift > tolerance, "{drift} {tolerance}");
    }

    #[test]
    fn the_portfolio_in_the_repository_is_read() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/portfolio.csv");
        let (portfolio, positions) = Portfolio::read(&path).unwrap();
        let mut losses = Losses::new(positions, portfolio.volatilities.len(), 50_000, 1);
        assert!(losses.has_risk());
        losses.native();
        assert!(losses.verify().passed(), "{}", losses.verify());
    }

    #[test]
    fn a_portfolio_without_risk_is_none() {
        let positions = Portfolio::made(4, 1).positions().unwrap();
        let short = positions.iter().map(|position| Position {
            value: -position.value,
            curvature: -position.curvature,
            ..*position
        });
        let hedged: Vec<Position> = positions.iter().copied().chain(short).collect();
        assert!(!Losses::new(hedged, FACTORS, 1, 1).has_risk());
        assert!(Losses::new(positions, FACTORS, 1, 1).has_risk());
    }
}
