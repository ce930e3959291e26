//! `black_scholes`: prices and greeks of European options.

use std::{f64::consts, path::Path, time::Duration};

use bytemuck::{Pod, Zeroable};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rayon::prelude::*;

use super::{
    Check, Problem, ROUNDING, Resident, Sample, Size, Sizes, Tally, Verdict, Work, bounded::Bounded, draw, timed,
    verdict::Deviation,
};
use crate::{Buffer, Device, DeviceChoice, Kernel, Result, Runtime};

const WGSL: &str = include_str!("../../shaders/black_scholes.wgsl");

/// A year.
const RATE: f32 = 0.03;

/// The coefficients of Abramowitz and Stegun 26.2.17, for t to t^5.
const SERIES: [f64; 5] = [0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429];

/// The factor of |x| in t there.
const SERIES_SLOPE: f64 = 0.2316419;

/// How far off 26.2.17 is at most.
const SERIES_ERROR: f64 = 7.5e-8;

/// The sample.
pub struct BlackScholes;

impl Sample for BlackScholes {
    fn name(&self) -> &'static str {
        "black_scholes"
    }

    fn field(&self) -> &'static str {
        "finance"
    }

    fn summary(&self) -> &'static str {
        "prices and greeks of European options"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "options", small: 1_000, default: 1 << 20, large: 8 << 20, max: 1 << 28 }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["npy"]
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        let n = self.sizes().resolve(size)?;
        let mut random = SmallRng::seed_from_u64(seed);
        let options = (0..n)
            .map(|_| {
                let spot = random.random_range(20.0f32..200.0);
                OptionTerms {
                    spot,
                    strike: spot * random.random_range(0.6f32..1.6),
                    years: random.random_range(0.1f32..5.0),
                    volatility: random.random_range(0.1f32..0.6),
                }
            })
            .collect();
        Ok(Box::new(Book { options, prices: vec![Price::zeroed(); n], greeks: vec![Greeks::zeroed(); n] }))
    }
}

/// `Option` in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct OptionTerms {
    spot: f32,
    strike: f32,
    years: f32,
    volatility: f32,
}

/// As in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct Price {
    call: f32,
    put: f32,
}

/// As in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct Greeks {
    delta: f32,
    gamma: f32,
    vega: f32,
    theta: f32,
}

struct Book {
    options: Vec<OptionTerms>,
    prices: Vec<Price>,
    greeks: Vec<Greeks>,
}

impl Problem for Book {
    fn describe(&self) -> String {
        format!("{} options", self.options.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let kernel = runtime.module(WGSL)?.only_kernel()?;
        let report = runtime
            .call(&kernel)
            .set("params.rate", RATE)
            .read("options", &self.options)
            .write("prices", &mut self.prices)
            .write("greeks", &mut self.greeks)
            .grid(self.options.len())
            .device(devices)
            .run()?;
        Ok(Tally::from(&report))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        Ok(Box::new(OnDevice {
            kernel: runtime.module(WGSL)?.only_kernel()?,
            options: runtime.buffer_on(device, &self.options)?,
            prices: runtime.buffer_zeroed_on(device, self.options.len())?,
            greeks: runtime.buffer_zeroed_on(device, self.options.len())?,
            runtime: runtime.clone(),
            problem: self,
        }))
    }

    fn native(&mut self) -> Duration {
        let (options, prices, greeks) = (&self.options, &mut self.prices, &mut self.greeks);
        timed(|| {
            let outputs = prices.par_chunks_mut(CHUNK).zip(greeks.par_chunks_mut(CHUNK));
            options.par_chunks(CHUNK).zip(outputs).for_each(|(options, (prices, greeks))| {
                for ((option, price), greek) in options.iter().zip(prices).zip(greeks) {
                    (*price, *greek) = value(option);
                }
            });
        })
    }

    fn verify(&self) -> Verdict {
        let outputs = self.prices.par_iter().zip(&self.greeks);
        let worst = self.options.par_iter().zip(outputs).map(|(option, (price, greeks))| judge(option, price, greeks));
        let none = || [Deviation::NONE; 3];
        let [parity, prices, greeks] = worst.reduce(none, |a, b| std::array::from_fn(|check| a[check].worse(b[check])));
        let check = |what, worst: Deviation, reason| Check {
            what,
            error: worst.error,
            tolerance: worst.tolerance,
            measure: "absolute",
            reason,
        };
        let reason = "WGSL's accuracy of each operation, carried through the formulas option by option, \
                      and 7.5e-8 for the normal distribution";
        Verdict {
            checks: vec![
                check("prices against f64", prices, reason),
                check("greeks against f64", greeks, reason),
                check(
                    "put-call parity",
                    parity,
                    "call - put is spot - discounted strike up to the roundings after the normal distribution, whose \
                     errors cancel",
                ),
            ],
        }
    }

    fn work(&self) -> Work {
        let n = self.options.len() as u64;
        Work {
            operations: 80 * n,
            counted: "80 an option, of which 4 exponentials, a logarithm, a root and 8 divisions",
            bytes: (16 + 8 + 16) * n,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        draw::extension(path, BlackScholes.draws())?;
        draw::write_npy(path, bytemuck::cast_slice::<_, f32>(&self.prices), &[self.prices.len(), 2])
    }

    fn corrupt(&mut self, seed: u64) {
        let i = seed as usize % self.options.len();
        let option = self.options[i];
        let is_right = |price: &Price, greeks: &Greeks| {
            judge(&option, price, greeks).iter().all(|deviation| deviation.error <= deviation.tolerance)
        };
        // Further and further off, until it is too far.
        let mut factor = 1.0 + 1e-6;
        while is_right(&self.prices[i], &self.greeks[i]) {
            match seed % 3 {
                0 => self.prices[i].call = self.prices[i].call * factor + f32::EPSILON,
                1 => self.greeks[i].vega = self.greeks[i].vega * factor + f32::EPSILON,
                _ => self.greeks[i].delta = self.greeks[i].delta * factor + f32::EPSILON,
            }
            factor = 1.0 + 2.0 * (factor - 1.0);
        }
    }
}

/// Options that a worker takes at a time in the native reference.
const CHUNK: usize = 1 << 12;

/// Prices an option in f32, as the kernel does.
fn value(option: &OptionTerms) -> (Price, Greeks) {
    let &OptionTerms { spot, strike, years, volatility } = option;
    let density = |x: f32| 0.398_942_3 * (-0.5 * x * x).exp();
    let tail = |x: f32, density: f32| {
        let t = 1.0 / (1.0 + SERIES_SLOPE as f32 * x.abs());
        density * SERIES.iter().rev().fold(0.0, |sum, &factor| t * (factor as f32 + sum))
    };

    let root = years.sqrt();
    let spread = volatility * root;
    let d1 = (spot / strike).ln() / spread + (RATE / volatility + 0.5 * volatility) * root;
    let d2 = d1 - spread;
    let discounted = strike * (-RATE * years).exp();

    let (density1, density2) = (density(d1), density(d2));
    let (tail1, tail2) = (tail(d1, density1), tail(d2, density2));
    let split = |x: f32, tail: f32| if x > 0.0 { (1.0 - tail, tail) } else { (tail, 1.0 - tail) };
    let ((below1, above1), (below2, above2)) = (split(d1, tail1), split(d2, tail2));

    let price = Price { call: spot * below1 - discounted * below2, put: discounted * above2 - spot * above1 };
    let greeks = Greeks {
        delta: below1,
        gamma: density1 / (spot * spread),
        vega: spot * density1 * root,
        theta: -spot * density1 * volatility / (2.0 * root) - RATE * discounted * below2,
    };
    (price, greeks)
}

/// The worst deviations of an option's outputs: from put-call parity, of the prices, of the greeks.
fn judge(option: &OptionTerms, price: &Price, greeks: &Greeks) -> [Deviation; 3] {
    let exact = Exact::new(option, RATE.into());
    let bounds = Bounds::new(option);

    let forward = exact.spot - exact.discounted;
    let found = f64::from(price.call) - f64::from(price.put);
    let parity = Deviation { error: (found - forward).abs(), tolerance: bounds.parity };

    let normal_error = SERIES_ERROR * (exact.spot + exact.discounted);
    let prices = Deviation::new(price.call, exact.call, bounds.call + normal_error).worse(Deviation::new(
        price.put,
        exact.put,
        bounds.put + normal_error,
    ));

    let rent_error = SERIES_ERROR * f64::from(RATE) * exact.discounted;
    let greeks = Deviation::new(greeks.delta, exact.delta, bounds.delta + SERIES_ERROR)
        .worse(Deviation::new(greeks.gamma, exact.gamma, bounds.gamma))
        .worse(Deviation::new(greeks.vega, exact.vega, bounds.vega))
        .worse(Deviation::new(greeks.theta, exact.theta, bounds.theta + rent_error));
    [parity, prices, greeks]
}

/// What an option is worth, in f64.
struct Exact {
    spot: f64,
    discounted: f64,
    call: f64,
    put: f64,
    delta: f64,
    gamma: f64,
    vega: f64,
    theta: f64,
}

impl Exact {
    fn new(option: &OptionTerms, rate: f64) -> Self {
        let [spot, strike, years, volatility] =
            [option.spot, option.strike, option.years, option.volatility].map(f64::from);
        let root = years.sqrt();
        let spread = volatility * root;
        let d1 = ((spot / strike).ln() + (rate + 0.5 * volatility * volatility) * years) / spread;
        let d2 = d1 - spread;
        let discounted = strike * (-rate * years).exp();
        let density = normal_density(d1);
        let rent = rate * discounted * normal_below(d2);
        Exact {
            spot,
            discounted,
            call: spot * normal_below(d1) - discounted * normal_below(d2),
            put: discounted * normal_below(-d2) - spot * normal_below(-d1),
            delta: normal_below(d1),
            gamma: density / (spot * spread),
            vega: spot * density * root,
            theta: -spot * density * volatility / (2.0 * root) - rent,
        }
    }
}

/// How far off the outputs for an option may be by the roundings of the kernel.
struct Bounds {
    call: f64,
    put: f64,
    parity: f64,
    delta: f64,
    gamma: f64,
    vega: f64,
    theta: f64,
}

impl Bounds {
    fn new(option: &OptionTerms) -> Self {
        let [spot, strike, years, volatility, rate] =
            [option.spot, option.strike, option.years, option.volatility, RATE].map(Bounded::exact);
        let [half, two] = [0.5, 2.0].map(Bounded::exact);

        let root = years.sqrt();
        let spread = volatility * root;
        let d1 = (spot / strike).ln() / spread + (rate / volatility + half * volatility) * root;
        let d2 = d1 - spread;
        let discounted = strike * (-rate * years).exp();

        let (density1, density2) = (density(d1), density(d2));
        let (below1, above1) = (below(d1, density1), below(-d1, density1));
        let (below2, above2) = (below(d2, density2), below(-d2, density2));

        let call = spot * below1 - discounted * below2;
        let put = discounted * above2 - spot * above1;
        // Above and below come from one tail, and add up to 1 with at most one rounding of it; then two
        // products and a difference for each price.
        let roundings = 2.0 * (spot.value + discounted.value) + call.value.abs() + put.value.abs();
        let carried = call.error + put.error + spot.value + discounted.value;
        Bounds {
            call: call.error,
            put: put.error,
            parity: discounted.error + ROUNDING * (roundings + ROUNDING * carried),
            delta: below1.error,
            gamma: (density1 / (spot * spread)).error,
            vega: (spot * density1 * root).error,
            theta: (-spot * density1 * volatility / (two * root) - rate * discounted * below2).error,
        }
    }
}

/// `density` in the WGSL.
fn density(x: Bounded) -> Bounded {
    Bounded::literal(0.3989422804) * (-Bounded::exact(0.5) * x * x).exp()
}

/// `below` in the WGSL.
fn below(x: Bounded, density_x: Bounded) -> Bounded {
    let one = Bounded::exact(1.0);
    let t = one / (one + Bounded::literal(SERIES_SLOPE) * x.abs());
    let [first @ .., last] = SERIES;
    let series =
        first.iter().rev().fold(t * Bounded::literal(last), |sum, &factor| t * (Bounded::literal(factor) + sum));
    let tail = density_x * series;
    let mut below = if x.value > 0.0 { one - tail } else { tail };
    if x.value.abs() <= x.error {
        // Its sign is open, and either side may be taken.
        below.error += (1.0 - 2.0 * tail.value).abs();
    }
    below
}

pub(super) fn normal_density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * consts::PI).sqrt()
}

/// The part of the normal distribution below `x`, to f64's accuracy: near the middle a series whose terms all have
/// one sign, outside of it a continued fraction (Abramowitz and Stegun, 26.2.11 and 26.2.14).
pub(super) fn normal_below(x: f64) -> f64 {
    let size = x.abs();
    let tail = if size < 3.0 {
        let (mut term, mut sum, mut odd) = (size, size, 1.0);
        while term > 1e-18 * sum {
            odd += 2.0;
            term *= size * size / odd;
            sum += term;
        }
        0.5 - normal_density(size) * sum
    } else {
        let fraction = (1..=100).rev().fold(size, |rest, k| size + f64::from(k) / rest);
        normal_density(size) / fraction
    };
    if x > 0.0 { 1.0 - tail } else { tail }
}

struct OnDevice<'p> {
    problem: &'p mut Book,
    runtime: Runtime,
    kernel: Kernel,
    options: Buffer<OptionTerms>,
    prices: Buffer<Price>,
    greeks: Buffer<Greeks>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        let report = self
            .runtime
            .call(&self.kernel)
            .set("params.rate", RATE)
            .read("options", &self.options)
            .write("prices", &self.prices)
            .write("greeks", &self.greeks)
            .grid(self.options.len())
            .run()?;
        Ok(Tally::from(&report))
    }

    fn fetch(&mut self) -> Result<()> {
        self.prices.download_into(&mut self.problem.prices)?;
        self.greeks.download_into(&mut self.problem.greeks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from Abramowitz and Stegun, table 26.1.
    #[test]
    fn normal_distribution() {
        for (x, below) in [(0.0, 0.5), (1.0, 0.841344746068543), (2.0, 0.977249868051821), (3.0, 0.998650101968370)] {
            assert!((normal_below(x) - below).abs() < 1e-15, "{x}: {}", normal_below(x));
            assert!((normal_below(-x) - (1.0 - below)).abs() < 1e-15);
        }
        // The series and the fraction meet.
        assert!((normal_below(-2.999999999) / normal_below(-3.000000001) - 1.0).abs() < 1e-8);
    }

    /// The example of Hull, "Options, Futures, and Other Derivatives", chapter on the Black-Scholes-Merton model.
    #[test]
    fn prices_of_an_option() {
        let option = OptionTerms { spot: 42.0, strike: 40.0, years: 0.5, volatility: 0.2 };
        let exact = Exact::new(&option, 0.1);
        assert!((exact.call - 4.76).abs() < 0.005, "{}", exact.call);
        assert!((exact.put - 0.81).abs() < 0.005, "{}", exact.put);
    }
}
