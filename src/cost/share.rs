//! How long a call takes that several devices share.

/// A device that may share a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sharer {
    /// Seconds that it takes for all of the call.
    pub seconds: f64,
    /// Seconds of that which a call costs however small it is.
    pub fixed: f64,
    /// Seconds that pass before it can begin: compilation that is ahead.
    pub ahead: f64,
    /// The part of its speed that it keeps: a host that feeds others leaves a thread to them.
    pub keeps: f64,
}

/// Seconds that it takes to start a device's thread and to open a session.
const OPENING: f64 = 200e-6;

/// Claims that a device makes in a call, about, each of which costs what a call costs however small it is.
const CLAIMS: f64 = 8.0;

/// The least part of a call that a device does who is worth the trouble.
const LEAST_PART: f64 = 0.05;

/// What is left of the speed of all, for they do not end at the same moment.
const TOGETHER: f64 = 0.95;

impl Sharer {
    /// Calls of this kind in a second, as far as they depend on its speed.
    fn rate(&self) -> f64 {
        self.keeps / (self.seconds - self.fixed).max(1e-9)
    }

    /// Seconds in which it does nothing of the call.
    fn lost(&self) -> f64 {
        OPENING + self.ahead + CLAIMS * self.fixed
    }
}

/// Seconds that a call takes which those of some devices share who help, and their places; nothing where no two do.
pub(crate) fn shared(sharers: &[Sharer]) -> Option<(f64, Vec<usize>)> {
    let mut places: Vec<usize> = (0..sharers.len()).collect();
    loop {
        if places.len() < 2 {
            return None;
        }
        let all = || places.iter().map(|&at| &sharers[at]);
        let rates: f64 = all().map(Sharer::rate).sum();
        // All are done at the same time: then the sum of what each does is the call.
        let lost: f64 = all().map(|sharer| sharer.rate() * sharer.lost()).sum();
        let seconds = (1.0 + lost) / rates;
        let part = |sharer: &Sharer| sharer.rate() * (seconds - sharer.lost());
        let (least, part) = places.iter().map(|&at| (at, part(&sharers[at]))).min_by(|a, b| a.1.total_cmp(&b.1))?;
        if part >= LEAST_PART {
            return Some((seconds / TOGETHER, places));
        }
        places.retain(|&at| at != least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::simulate::{Dice, Law, Setting, Simulation, known_roughly};

    fn sharer(seconds: f64) -> Sharer {
        Sharer { seconds, fixed: 1e-5, ahead: 0.0, keeps: 1.0 }
    }

    #[test]
    fn two_of_a_kind_take_half_as_long() {
        let (seconds, places) = shared(&[sharer(0.1), sharer(0.1)]).expect("both help");
        assert!((0.05..0.055).contains(&seconds), "{seconds}");
        assert_eq!(places, [0, 1]);
        let (seconds, _) = shared(&[sharer(0.1), Sharer { keeps: 0.5, ..sharer(0.1) }]).expect("both help");
        assert!((0.066..0.072).contains(&seconds), "{seconds}");
    }

    #[test]
    fn who_does_not_help_is_left_out() {
        assert_eq!(shared(&[sharer(0.1), sharer(10.0)]), None);
        assert_eq!(shared(&[sharer(0.1)]), None);
        assert_eq!(shared(&[]), None);
        let (_, places) = shared(&[sharer(10.0), sharer(0.1), sharer(0.2)]).expect("two help");
        assert_eq!(places, [1, 2]);
        // A call that is over before the other has begun, and one whose kernel is not compiled.
        assert_eq!(shared(&[sharer(1e-4), sharer(1e-4)]).map(|(seconds, _)| seconds < 1e-4), Some(false));
        assert_eq!(shared(&[sharer(0.1), Sharer { ahead: 1.0, ..sharer(0.1) }]), None);
    }

    /// What the ledger makes of drawn machines whose members were timed alone.
    #[test]
    fn the_ledger_does_what_is_predicted() {
        let given = std::env::var("SWATH_SEED").ok().and_then(|seed| seed.parse().ok());
        let mut dice = Dice::new(given.unwrap_or(11));
        let (mut ratios, mut chosen, mut good) = (Vec::new(), 0, 0);
        for _ in 0..300 {
            let mut setting = Setting::draw(&mut dice);
            setting.laws.truncate(2 + dice.below(3) as usize);
            let alone = |law: &Law| {
                let laws = [Law { noise: 0.0, ..law.clone() }];
                Simulation::new(setting.units, &laws, 1).run().seconds
            };
            let times: Vec<f64> = setting.laws.iter().map(alone).collect();
            let sharers = setting.laws.iter().zip(&times).map(|(law, &seconds)| Sharer {
                seconds,
                fixed: law.fixed + law.latency,
                ahead: 0.0,
                keeps: 1.0,
            });
            let Some((predicted, _)) = shared(&sharers.collect::<Vec<_>>()) else { continue };
            let mut simulation = Simulation::new(setting.units, &setting.laws, 7);
            known_roughly(&mut simulation, &mut dice);
            let seconds = simulation.run().seconds;
            ratios.push(seconds / predicted);
            let best = times.iter().copied().fold(f64::INFINITY, f64::min);
            if predicted < super::super::choose::PAYS * best {
                chosen += 1;
                good += usize::from(seconds < best);
            }
        }
        ratios.sort_unstable_by(f64::total_cmp);
        let at = |percent: usize| ratios[ratios.len() * percent / 100];
        println!("taken over predicted: {:.2}, {:.2}, {:.2}; {good} of {chosen} paid", at(5), at(50), at(95));
        assert!(chosen > 100 && 20 * good >= 19 * chosen, "{good} of {chosen}");
        assert!((0.8..1.25).contains(&at(50)), "{}", at(50));
    }
}
