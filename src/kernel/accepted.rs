//! The devices that are known to run a kernel.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use rustc_hash::FxHashSet;

/// Devices, by number. Numbers are not used again, so a process that opens and closes many comes to large ones.
#[derive(Default)]
pub(crate) struct Accepted {
    /// The first 64, a bit each: all that most processes ever have, and what each call asks.
    first: AtomicU64,
    others: Mutex<FxHashSet<u32>>,
}

impl Accepted {
    pub fn contains(&self, device: u32) -> bool {
        match bit(device) {
            Some(bit) => self.first.load(Ordering::Relaxed) & bit != 0,
            None => self.others.lock().unwrap_or_else(PoisonError::into_inner).contains(&device),
        }
    }

    pub fn insert(&self, device: u32) {
        match bit(device) {
            Some(bit) => {
                self.first.fetch_or(bit, Ordering::Relaxed);
            }
            None => {
                self.others.lock().unwrap_or_else(PoisonError::into_inner).insert(device);
            }
        }
    }
}

fn bit(device: u32) -> Option<u64> {
    1u64.checked_shl(device)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::Module;

    #[test]
    fn a_kernel_is_checked_once_for_each_device_whatever_its_number() {
        let kernel = Module::parse("@compute @workgroup_size(1) fn k() {}").and_then(|module| module.only_kernel());
        let kernel = kernel.unwrap_or_else(|error| panic!("{error}"));
        let mut checks = 0;
        for device in [0, 63, 64, 65, 1000, u32::MAX] {
            for _ in 0..2 {
                let took = kernel.accepted_on(device, || {
                    checks += 1;
                    Ok(())
                });
                assert!(took.is_ok());
            }
            assert_eq!(kernel.accepted_on(device, || unreachable!("it was checked")).ok(), Some(Duration::ZERO));
        }
        assert_eq!(checks, 6);
    }
}
