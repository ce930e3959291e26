//! A robust middle of what was seen last.

/// Observations that are kept.
pub const KEPT: usize = 9;

/// By what factor, as a logarithm, an observation has to be away from the middle to be of another machine, or a spike.
const FAR: f32 = 0.35;

/// So many in a row on the same side, and what was seen before is forgotten.
const IN_A_ROW: usize = 3;

/// The spread of observations where few were made, as a logarithm.
const LEAST_SPREAD: f64 = 0.04;

/// The last observations: logarithms of how much longer something took than was predicted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// The oldest first.
    last: Vec<f32>,
    /// The last ones that are far from these, all on one side: spikes, or another machine.
    apart: Vec<f32>,
    /// How many there were in all.
    count: u64,
}

impl Window {
    /// From what a file says.
    pub fn from_parts(last: &[f32], count: u64) -> Window {
        let mut window = Window::default();
        last.iter().for_each(|&seen| window.push(seen));
        window.count = window.count.max(count);
        window
    }

    pub fn last(&self) -> &[f32] {
        &self.last
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds an observation. One far from the others is a spike, and does nothing; some in a row tell of another machine, and
    /// what was seen before is forgotten.
    pub fn push(&mut self, seen: f32) {
        if !seen.is_finite() {
            return;
        }
        self.count += 1;
        let away = seen - middle(&self.last);
        if self.last.len() < 2 || away.abs() <= FAR {
            self.apart.clear();
            if self.last.len() == KEPT {
                self.last.remove(0);
            }
            self.last.push(seen);
            return;
        }
        let middle = middle(&self.last);
        self.apart.retain(|other| (other - middle).signum() == away.signum());
        self.apart.push(seen);
        if self.apart.len() == IN_A_ROW {
            self.last = std::mem::take(&mut self.apart);
        }
    }

    /// The middle; nothing where nothing was seen. Of two the lower one: what disturbs a measurement makes it longer.
    pub fn middle(&self) -> Option<f64> {
        (!self.last.is_empty()).then(|| f64::from(middle(&self.last)))
    }

    /// How far the middle may be from the truth, as a logarithm.
    pub fn uncertainty(&self) -> f64 {
        let count = self.last.len();
        match count {
            0 => f64::INFINITY,
            // Nobody knows whether a single one was a spike.
            1 => 0.2,
            _ => (self.spread() / (count as f64).sqrt()).max(LEAST_SPREAD),
        }
    }

    /// The middle distance from the middle, as the deviation of a normal distribution that has it.
    pub fn spread(&self) -> f64 {
        if self.last.is_empty() {
            return 0.0;
        }
        let middle = middle(&self.last);
        let away: Vec<f32> = self.last.iter().map(|seen| (seen - middle).abs()).collect();
        1.4826 * f64::from(self::middle(&away))
    }
}

fn middle(seen: &[f32]) -> f32 {
    let mut sorted = seen.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get((sorted.len().max(1) - 1) / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(seen: &[f32]) -> Window {
        let mut window = Window::default();
        seen.iter().for_each(|&seen| window.push(seen));
        window
    }

    #[test]
    fn a_spike_does_not_move_the_middle() {
        let mut calm = window(&[0.1, 0.12, 0.09, 0.11, 0.1]);
        let before = calm.middle();
        calm.push(10f32.ln());
        assert_eq!(before, calm.middle());
        calm.push(0.1);
        assert_eq!(before, calm.middle());
    }

    #[test]
    fn another_machine_is_seen_after_three() {
        for away in [2f32.ln(), -2f32.ln(), 10f32.ln()] {
            let mut window = window(&[0.0; KEPT]);
            window.push(away);
            window.push(away + 0.02);
            assert_eq!(window.middle(), Some(0.0));
            window.push(away + 0.01);
            let middle = window.middle().unwrap_or(f64::NAN);
            assert!((middle - f64::from(away)).abs() < 0.03, "{middle}");
            assert_eq!(window.count(), KEPT as u64 + 3);
        }
    }

    #[test]
    fn what_is_no_number_is_not_seen() {
        let mut window = window(&[f32::NAN, f32::INFINITY, -f32::INFINITY]);
        assert_eq!((window.middle(), window.count()), (None, 0));
        assert!(window.uncertainty().is_infinite());
        window.push(0.5);
        assert_eq!((window.middle(), window.last()), (Some(0.5), &[0.5][..]));
    }

    #[test]
    fn it_keeps_a_bounded_number() {
        let window = window(&(0..1000).map(|at| (at % 5) as f32 * 0.01).collect::<Vec<_>>());
        assert_eq!((window.last().len(), window.count()), (KEPT, 1000));
        assert_eq!(Window::from_parts(window.last(), 1000), window);
    }
}
