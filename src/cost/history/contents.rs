//! What a file of records comes to.

use std::collections::{BTreeMap, HashMap};

use super::{
    super::{Ceilings, DeviceId, Powers, Record, Seen, window::Window},
    format,
};

/// A device that was measured.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LearnedDevice {
    /// Its name and its driver.
    pub name: String,
    /// What it can do.
    pub ceilings: Ceilings,
}

/// What was learned about a kernel of about one size on a device.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LearnedKernel {
    /// The kernel's name.
    pub name: String,
    /// The kernel's fingerprint, which tells kernels of one name apart.
    pub fingerprint: String,
    /// The device's name and its driver.
    pub device: String,
    /// The size of its calls: operations and bytes together are about so many doublings.
    pub size: i16,
    /// How many times as long as is predicted from the device's ceilings it takes.
    pub factor: f64,
    /// Calls that were seen.
    pub observations: u64,
}

/// Values of override constants that were found to be the fastest for a kernel in calls of about one size on a device.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TunedKernel {
    /// The kernel's name, with the constants that are given.
    pub name: String,
    /// The kernel's fingerprint, which tells kernels of one name apart.
    pub fingerprint: String,
    /// The device's name and its driver.
    pub device: String,
    /// The size of its calls: operations and bytes together are about so many doublings.
    pub size: i16,
    /// The values of the constants that are open; none where those are the fastest that the author wrote.
    pub constants: Vec<(String, f64)>,
}

/// What the records of a file come to.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    devices: Vec<(DeviceId, String, Ceilings)>,
    /// The oldest first.
    tuned: Vec<(Seen, TunedKernel)>,
    runs: HashMap<Seen, Runs>,
    /// By device and by their names.
    probes: HashMap<(DeviceId, String), Probed>,
    /// What devices draw, and their names.
    powers: Powers,
    drawing: BTreeMap<DeviceId, String>,
    records: u64,
}

/// What a probe found on a device.
#[derive(Clone, Debug)]
struct Probed {
    device: String,
    version: u32,
    failed: Vec<String>,
}

#[derive(Debug)]
struct Runs {
    name: String,
    window: Window,
    count: u64,
    /// The place of the last record of it.
    last: u64,
}

impl Contents {
    pub fn of(records: Vec<Record>) -> Contents {
        let mut contents = Contents::default();
        records.into_iter().for_each(|record| contents.add(record));
        contents
    }

    fn add(&mut self, record: Record) {
        self.records += 1;
        match record {
            Record::Device { id, name, ceilings } => {
                let before = self.devices.iter().position(|(other, ..)| *other == id).map(|at| self.devices.remove(at));
                let ceilings = match before {
                    None => ceilings,
                    Some((.., before)) if !before.is_clearly_below(&ceilings) => before,
                    Some((.., before)) => {
                        // What was seen before was compared with something else.
                        self.runs.retain(|seen, _| seen.device != id);
                        before.best(&ceilings)
                    }
                };
                self.devices.push((id, name, ceilings));
            }
            Record::Runs { seen, name, last, count } => {
                let fresh = || Runs { name: String::new(), window: Window::default(), count: 0, last: 0 };
                let runs = self.runs.entry(seen).or_insert_with(fresh);
                last.iter().for_each(|&ratio| runs.window.push(ratio));
                runs.count = runs.count.saturating_add(count);
                (runs.name, runs.last) = (name, self.records);
            }
            Record::Tuned { seen, name, on: device, constants } => {
                let fingerprint = seen.kernel.to_string();
                self.tuned.retain(|(other, _)| *other != seen);
                self.tuned.push((seen, TunedKernel { name, fingerprint, device, size: seen.class, constants }));
            }
            Record::Probe { id, device, version, probe, failed } => {
                self.probes.insert((id, probe), Probed { device, version, failed });
            }
            Record::Power { id, name, last } => {
                self.powers.absorb(id, &last);
                self.drawing.insert(id, name);
            }
        }
    }

    /// The same as few records: those that were seen last, as many as come to so many bytes.
    pub fn records(&self, bytes: usize) -> Vec<Record> {
        let mut records = Vec::new();
        let mut text = Vec::new();
        // The devices of the last measurements, in their order.
        for (id, name, ceilings) in self.devices.iter().rev() {
            let record = Record::Device { id: *id, name: name.clone(), ceilings: *ceilings };
            format::line(&record, &mut text);
            if text.len() > bytes {
                break;
            }
            records.push(record);
        }
        records.reverse();
        // Likewise, and up to half of the room.
        let mut tuned = Vec::new();
        for (seen, TunedKernel { name, device, constants, .. }) in self.tuned.iter().rev() {
            let (name, on, constants) = (name.clone(), device.clone(), constants.clone());
            let record = Record::Tuned { seen: *seen, name, on, constants };
            format::line(&record, &mut text);
            if text.len() > bytes / 2 {
                break;
            }
            tuned.push(record);
        }
        records.extend(tuned.into_iter().rev());
        let mut probes: Vec<(&(DeviceId, String), &Probed)> = self.probes.iter().collect();
        probes.sort_by_key(|(key, _)| *key);
        for ((id, probe), Probed { device, version, failed }) in probes {
            let (id, version) = (*id, *version);
            let (device, probe, failed) = (device.clone(), probe.clone(), failed.clone());
            let record = Record::Probe { id, device, version, probe, failed };
            format::line(&record, &mut text);
            if text.len() > bytes {
                break;
            }
            records.push(record);
        }
        for (id, name) in &self.drawing {
            let record = Record::Power { id: *id, name: name.clone(), last: self.powers.last(*id).to_vec() };
            format::line(&record, &mut text);
            if text.len() > bytes {
                break;
            }
            records.push(record);
        }
        let mut runs: Vec<(&Seen, &Runs)> = self.runs.iter().collect();
        runs.sort_by_key(|(seen, runs)| (std::cmp::Reverse(runs.last), **seen));
        let mut kept = Vec::new();
        for (seen, runs) in runs {
            let (name, last) = (runs.name.clone(), runs.window.last().to_vec());
            let record = Record::Runs { seen: *seen, name, last, count: runs.count };
            format::line(&record, &mut text);
            if text.len() > bytes {
                break;
            }
            kept.push(record);
        }
        records.extend(kept.into_iter().rev());
        records
    }

    /// All of it.
    pub fn all(&self) -> Vec<Record> {
        self.records(usize::MAX)
    }

    /// What a probe of this version found that a device gets wrong, if it has run.
    pub fn failed_probe(&self, id: DeviceId, probe: &str, version: u32) -> Option<&[String]> {
        let found = self.probes.get(&(id, probe.to_owned()));
        found.filter(|found| found.version == version).map(|found| &*found.failed)
    }

    /// What devices draw.
    pub fn powers(&self) -> &Powers {
        &self.powers
    }

    /// For people.
    pub fn listed(&self) -> (Vec<LearnedDevice>, Vec<LearnedKernel>) {
        let devices = self.devices.iter();
        let devices = devices.map(|(_, name, ceilings)| LearnedDevice { name: name.clone(), ceilings: *ceilings });
        let named =
            |id: DeviceId| self.devices.iter().find(|(other, ..)| *other == id).map(|(_, name, _)| name.clone());
        let mut kernels: Vec<LearnedKernel> = self
            .runs
            .iter()
            .map(|(seen, runs)| LearnedKernel {
                name: runs.name.clone(),
                fingerprint: seen.kernel.to_string(),
                device: named(seen.device).unwrap_or_else(|| seen.device.0.to_string()),
                size: seen.class,
                factor: runs.window.middle().unwrap_or(0.0).exp(),
                observations: runs.count,
            })
            .collect();
        let key = |kernel: &LearnedKernel| {
            (kernel.name.clone(), kernel.fingerprint.clone(), kernel.device.clone(), kernel.size)
        };
        kernels.sort_by_cached_key(key);
        (devices.collect(), kernels)
    }

    /// The constants that were tuned, for people.
    pub fn tuned(&self) -> Vec<TunedKernel> {
        self.tuned.iter().map(|(_, tuned)| tuned.clone()).collect()
    }
}
