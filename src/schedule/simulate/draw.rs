//! Machines and calls, drawn from a seed.

use super::{
    Dice,
    ideal::ideal,
    law::{Drift, Law, Link, Sizes},
    machine::alone,
    recorded::{RECORDED, Recorded},
};

/// A call and the members that share it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Units of the call.
    pub units: u32,
    /// The members.
    pub laws: Vec<Law>,
    /// Seconds that no schedule can beat.
    pub ideal: f64,
    /// Seconds that the best member takes alone, in the number of equal tiles that suits it best.
    pub best_alone: f64,
}

impl Setting {
    /// These members with this call.
    pub fn new(units: u32, laws: Vec<Law>) -> Setting {
        let mut bounds: Vec<(f64, &Law)> =
            laws.iter().map(|law| (ideal(units, std::slice::from_ref(law)), law)).collect();
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut best_alone = f64::INFINITY;
        for (bound, law) in bounds {
            if bound < best_alone {
                best_alone = best_alone.min(alone(units, law));
            }
        }
        Setting { best_alone, ideal: ideal(units, &laws), units, laws }
    }

    /// 2 to 16 members, up to 100 times apart, of which the best alone takes 0.1 to 100 s; a claim costs 20 us to 2 ms, and
    /// varies by up to 30 per cent. All draws of sizes and times are even in their logarithms.
    ///
    /// Half of the members work in the host's memory, a claim at a time; the others are at the end of links, which half of
    /// them share, with two claims in flight, so that a part of what a claim costs passes while another is computed. Half of
    /// them all warm up, are throttled, or swing. A quarter has a step in speed where claims do not fit a cache, and another
    /// quarter takes as long for small claims as a device did for one of the samples.
    pub fn draw(dice: &mut Dice) -> Setting {
        Setting::any(dice, false)
    }

    /// The same, where small claims are as fast as the samples were that ran again and again over the same data.
    pub fn draw_hot(dice: &mut Dice) -> Setting {
        Setting::any(dice, true)
    }

    fn any(dice: &mut Dice, is_hot: bool) -> Setting {
        let members = 2 + dice.below(15);
        let alone = dice.log_between(0.1, 100.0);
        let units = dice.log_between(1000.0, 200_000.0) as u32;
        let spread = dice.log_between(1.0, 100.0);
        let noise = dice.between(0.0, 0.3);
        let best = f64::from(units) / alone;
        let up = best * dice.log_between(1.0, 50.0);
        let shared = Link { up, down: up * dice.log_between(0.5, 2.0), is_shared: true };
        let sample = RECORDED[dice.below(RECORDED.len() as u32) as usize].sample;
        let devices: Vec<&'static Recorded> = RECORDED.iter().filter(|times| times.sample == sample).collect();
        let law = |at| {
            let rate = if at == 0 { best } else { best / dice.log_between(1.0, spread) };
            let cost = dice.log_between(20e-6, 2e-3);
            let is_far = dice.chance(0.5);
            let in_line = if is_far { dice.between(0.1, 1.0) } else { 1.0 };
            let link = if dice.chance(0.5) { shared } else { Link { is_shared: false, ..shared } };
            let sizes = match dice.below(4) {
                0 => Sizes::Cache {
                    most: (f64::from(units) * dice.log_between(0.001, 0.1)) as u32,
                    factor: dice.between(0.7, 1.0),
                },
                1 => Sizes::Recorded { times: devices[dice.below(devices.len() as u32) as usize], is_hot },
                _ => Sizes::Alike,
            };
            let drift = match dice.below(6) {
                0 => Drift::WarmUp { seconds: alone * dice.log_between(0.01, 0.1), factor: dice.between(0.3, 1.0) },
                1 => Drift::Change { at: alone * dice.log_between(0.02, 0.5), factor: dice.between(0.5, 1.0) },
                2 => Drift::Swing { period: alone * dice.log_between(0.05, 0.5), depth: dice.between(0.0, 0.4) },
                _ => Drift::Steady,
            };
            Law {
                rate,
                sizes,
                drift,
                noise,
                fixed: cost * in_line,
                latency: cost * (1.0 - in_line),
                link: if is_far { link } else { Link::NONE },
                depth: if is_far { 2 } else { 1 },
                ..Law::default()
            }
        };
        Setting::new(units, (0..members).map(law).collect())
    }
}

/// 2 to 16 members, of which one changes in the middle: it becomes ten times slower, or stalls for a second. The best alone
/// takes 5 to 100 s.
pub fn changing(dice: &mut Dice, is_stall: bool) -> Setting {
    let members = 2 + dice.below(15);
    let units = dice.log_between(5000.0, 200_000.0) as u32;
    let best = f64::from(units) / dice.log_between(5.0, 100.0);
    let noise = dice.between(0.0, 0.3);
    let law = |_| {
        let cost = dice.log_between(20e-6, 2e-3);
        Law { rate: best / dice.log_between(1.0, 10.0), noise, fixed: cost, depth: 1 + dice.below(2), ..Law::default() }
    };
    let mut laws: Vec<Law> = (0..members).map(law).collect();
    let seconds = ideal(units, &laws);
    let at = seconds * dice.between(0.2, 0.95);
    let who = dice.below(members) as usize;
    laws[who].drift = if is_stall { Drift::Stall { at, seconds: 1.0 } } else { Drift::Change { at, factor: 0.1 } };
    Setting::new(units, laws)
}

/// A thousand members, up to 100 times apart.
pub fn thousand(dice: &mut Dice) -> Setting {
    let law = |_| Law {
        rate: dice.log_between(10.0, 1000.0),
        noise: 0.2,
        fixed: dice.log_between(20e-6, 2e-3),
        depth: 1 + dice.below(2),
        ..Law::default()
    };
    Setting::new(3_000_000, (0..1000).map(law).collect())
}
