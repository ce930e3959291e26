//! What is known ahead of a call: which device is to run it, and what it is expected to take.

use std::{sync::Arc, time::Duration};

use super::{
    Device,
    share::Sharing,
    variant::{Variant, Variants},
};
use crate::exec::split;

/// A call that ran so often before is known by what it took.
const SEEN: u32 = 3;

/// A call whose device is chosen or known, and what it is expected to take.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(super) entry: usize,
    pub(super) generation: u32,
    /// The device's number, and seconds without compilation.
    pub(super) expected: Option<(u32, f64)>,
    /// Whether the device was chosen here.
    pub(super) is_open: bool,
    /// If it is tried out: what the best is predicted to take.
    pub(super) instead_of: Option<f64>,
    /// The call on devices for which constants that it leaves open were tuned.
    pub(super) variants: Option<Variants>,
    /// Those that are to share it.
    pub(super) sharing: Option<Arc<Sharing>>,
    /// Whether it ran before, so that finding this took no time.
    pub(super) is_warm: bool,
    /// How often it ran before.
    pub(super) runs: u32,
}

impl Ticket {
    /// Whether finding the device took no time to speak of.
    pub fn is_warm(&self) -> bool {
        self.is_warm
    }

    /// Leaves all of the call to one device.
    pub fn leave_to_one(&mut self) {
        self.sharing = None;
    }

    /// Those that are to share it, where that pays.
    pub fn sharing(&self) -> Option<&Arc<Sharing>> {
        self.sharing.as_ref()
    }

    /// The call with the constants that were tuned for a device, if there are any.
    pub fn variant_on(&self, device: &Device) -> Option<&Arc<Variant>> {
        let found = self.variants.as_ref()?.iter().find(|(number, _)| *number == device.inner.number);
        found.map(|(_, variant)| variant)
    }

    /// How long the device may take before it counts as hung: many times what is expected, where that was seen and not only
    /// reckoned, nor the device tried out.
    pub fn patience(&self, device: &Device) -> Option<Duration> {
        let is_known = self.runs >= SEEN && self.instead_of.is_none();
        let seconds = self.seconds_on(device).filter(|_| is_known)?;
        let expected = Duration::try_from_secs_f64(f64::from(split::HUNG) * seconds).ok()?;
        Some(expected.max(split::PATIENCE))
    }

    /// Seconds that the call is expected to take on this device.
    pub fn seconds_on(&self, device: &Device) -> Option<f64> {
        self.expected.filter(|(number, _)| *number == device.inner.number).map(|(_, seconds)| seconds)
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    #[test]
    fn a_device_may_take_many_times_what_was_seen() {
        let device = Device::new(crate::exec::cpu::engine_of(1), "cpu".to_owned(), None);
        let ticket = |seconds: f64, runs| Ticket {
            entry: 0,
            generation: 0,
            expected: Some((device.inner.number, seconds)),
            is_open: false,
            instead_of: None,
            variants: None,
            sharing: None,
            is_warm: true,
            runs,
        };
        // What is only reckoned may be wrong by more.
        assert_eq!(ticket(1.0, 2).patience(&device), None);
        assert_eq!(ticket(1.0, 3).patience(&device), Some(Duration::from_secs(20)));
        assert_eq!(ticket(1e-6, 100).patience(&device), Some(Duration::from_secs(10)));
        assert_eq!(ticket(f64::INFINITY, 3).patience(&device), None);
        let other = Device::new(crate::exec::cpu::engine_of(1), "cpu:1".to_owned(), None);
        assert_eq!(ticket(1.0, 3).patience(&other), None);
    }
}
