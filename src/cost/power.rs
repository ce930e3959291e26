//! What power devices draw while they run calls, and which takes the least energy.

use std::collections::HashMap;

use super::{DeviceId, window::Window};

/// How many times longer than the fastest a device may be predicted to take for its power to be found out.
const MOST_SLOWER: f64 = 4.0;

/// The power of devices, learned from counters of energy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Powers(HashMap<DeviceId, Window>);

/// What is known of a device that may run a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Contender {
    /// Seconds that are predicted, if that is known.
    pub seconds: Option<f64>,
    /// Watts, if they were ever seen.
    pub watts: Option<f64>,
    /// Whether its energy can be counted.
    pub is_counted: bool,
}

impl Powers {
    /// A call took so much energy, and so long.
    pub fn observe(&mut self, device: DeviceId, joules: f64, seconds: f64) {
        let watts = joules / seconds;
        // Counters have a resolution: nothing is learned from what is too small for them.
        if watts.is_finite() && watts > 0.0 {
            self.0.entry(device).or_default().push(watts.ln() as f32);
        }
    }

    /// Takes over what a file says.
    pub fn absorb(&mut self, device: DeviceId, last: &[f32]) {
        let window = self.0.entry(device).or_default();
        last.iter().for_each(|&seen| window.push(seen));
    }

    /// Logarithms of the watts that were seen last.
    pub fn last(&self, device: DeviceId) -> &[f32] {
        self.0.get(&device).map_or(&[], Window::last)
    }

    /// Watts, if they were ever seen.
    pub fn watts(&self, device: DeviceId) -> Option<f64> {
        self.0.get(&device)?.middle().map(f64::exp)
    }
}

/// The order in which devices are to be preferred where the least energy is wanted: their places. One whose power was never seen
/// comes first once, unless it is predicted to take far longer than the fastest. Nothing where energies cannot be compared:
/// then time decides.
pub(crate) fn by_energy(contenders: &[Contender]) -> Option<Vec<usize>> {
    let seconds: Vec<f64> = contenders.iter().map(|one| one.seconds).collect::<Option<_>>()?;
    let fastest = seconds.iter().copied().min_by(f64::total_cmp)?;
    let is_unseen = |at: &usize| contenders[*at].watts.is_none();
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    if order.iter().filter(|at| is_unseen(at)).any(|at| !contenders[*at].is_counted) {
        return None;
    }
    let is_tried = |at: &usize| is_unseen(at) && seconds[*at] <= MOST_SLOWER * fastest;
    let joules = |at: usize| seconds[at] * contenders[at].watts.unwrap_or(f64::INFINITY);
    order.sort_by(|a, b| is_tried(b).cmp(&is_tried(a)).then(joules(*a).total_cmp(&joules(*b))));
    Some(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Fingerprint;

    fn contender(seconds: f64, watts: impl Into<Option<f64>>) -> Contender {
        Contender { seconds: Some(seconds), watts: watts.into(), is_counted: true }
    }

    #[test]
    fn a_device_draws_what_it_drew_before() {
        let (one, other) = (DeviceId(Fingerprint(1)), DeviceId(Fingerprint(2)));
        let mut powers = Powers::default();
        assert_eq!(powers.watts(one), None);
        for (joules, seconds) in [(20.0, 1.0), (41.0, 2.0), (19.0, 1.0), (0.0, 1e-3), (5.0, 0.0), (4000.0, 1.0)] {
            powers.observe(one, joules, seconds);
        }
        let watts = powers.watts(one).expect("it was seen");
        assert!((18.0..22.0).contains(&watts), "{watts}: neither what is too small nor a spike counts");
        let mut again = Powers::default();
        again.absorb(other, powers.last(one));
        assert_eq!(again.watts(other), Some(watts));
    }

    #[test]
    fn the_least_energy_comes_first() {
        // 100 J, 30 J, 45 J.
        let all = [contender(1.0, 100.0), contender(3.0, 10.0), contender(1.5, 30.0)];
        assert_eq!(by_energy(&all), Some(vec![1, 2, 0]));
    }

    #[test]
    fn what_was_never_seen_is_tried_where_that_costs_little() {
        assert_eq!(by_energy(&[contender(1.0, 10.0), contender(3.0, None)]), Some(vec![1, 0]));
        assert_eq!(by_energy(&[contender(1.0, 10.0), contender(5.0, None)]), Some(vec![0, 1]));
        assert_eq!(by_energy(&[contender(5.0, None), contender(1.0, None)]), Some(vec![1, 0]));
    }

    #[test]
    fn what_cannot_be_compared_is_left_to_time() {
        let uncounted = Contender { is_counted: false, ..contender(0.5, None) };
        assert_eq!(by_energy(&[contender(1.0, 10.0), uncounted]), None);
        assert_eq!(by_energy(&[contender(1.0, 10.0), Contender { seconds: None, ..contender(0.5, 3.0) }]), None);
        assert_eq!(by_energy(&[]), None);
    }
}
