//! Devices that follow laws which the model does not contain, drawn from a seed.

use super::{Ceilings, DeviceId, Fingerprint, Task, work::Work};
use crate::schedule::simulate::Dice;

/// A simulated device.
#[derive(Clone, Debug)]
pub struct Device {
    pub id: DeviceId,
    /// What it can do, and what was measured of that.
    truth: Ceilings,
    pub measured: Ceilings,
    /// Bytes that fit a cache, and how much faster memory is then.
    cache: (f64, f64),
    /// How much longer the first run of a kernel takes; the next one takes half of that longer, and so on.
    warm_up: f64,
    /// Seconds of work after which it is throttled, and its speed from then on.
    throttled: (f64, f64),
    /// How much of the link's bandwidth others take at most, and over how many runs that swings.
    shared_link: (f64, f64),
    noise: f64,
    /// Speed as others leave it.
    pub speed: f64,
    worked: f64,
}

/// A kernel of one size, and how well it suits each device.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub task: Task,
    suits: Vec<f64>,
    runs: Vec<u32>,
}

/// A machine and the kernels that run there.
#[derive(Debug)]
pub struct Machine {
    pub devices: Vec<Device>,
    pub kernels: Vec<Kernel>,
    spread: f64,
    turn: f64,
}

/// A number whose logarithm is distributed normally, around 1.
fn around(dice: &mut Dice, deviation: f64) -> f64 {
    let sum: f64 = (0..12).map(|_| dice.unit()).sum();
    ((sum - 6.0) * deviation).exp()
}

impl Device {
    /// A host, or a device that is up to `spread` times as strong or a third as weak.
    fn draw(dice: &mut Dice, number: u128, spread: f64) -> Device {
        let is_host = number == 0;
        let strength = if is_host { 1.0 } else { dice.log_between(0.3, spread) };
        let link = if is_host { f64::INFINITY } else { dice.log_between(1e9, 20e9) };
        let truth = Ceilings {
            launch: if is_host { dice.log_between(2e-6, 20e-6) } else { dice.log_between(20e-6, 300e-6) },
            compile: if is_host { 2e-3 } else { 30e-3 },
            up: link,
            down: link * dice.log_between(0.5, 1.5),
            memory: 10e9 * strength.sqrt() * dice.log_between(0.7, 1.4),
            arithmetic: 20e9 * strength,
            lone: 5e9 * strength.powf(0.3),
            access: 10e9 * strength,
            atomic: 200e6 * strength,
            workgroups: 10e6 * strength,
        };
        let measured = truth.values().map(|value| value * around(dice, 0.08));
        Device {
            id: DeviceId(Fingerprint(number)),
            truth,
            measured: Ceilings::from_values(measured).expect("they are rates and times"),
            cache: (dice.log_between(1e5, 1e8), dice.between(1.0, 4.0)),
            warm_up: dice.between(0.0, 0.5),
            throttled: (dice.log_between(1.0, 100.0), dice.between(0.75, 1.0)),
            shared_link: (dice.between(0.0, 0.3), dice.between(20.0, 200.0)),
            noise: dice.between(0.01, 0.08),
            speed: 1.0,
            worked: 0.0,
        }
    }

    /// Seconds that a call takes, as a rule.
    fn seconds(&self, work: &Work, suits: f64, turn: f64) -> f64 {
        let Ceilings { launch, up, down, memory, .. } = self.truth;
        let (share, period) = self.shared_link;
        let link = 1.0 - share * 0.5 * (1.0 + (turn / period * std::f64::consts::TAU).sin());
        let memory = if work.bytes < self.cache.0 { memory * self.cache.1 } else { memory };
        let kernel = Ceilings { launch: 0.0, up: f64::INFINITY, down: f64::INFINITY, memory, ..self.truth };
        let throttled = if self.worked > self.throttled.0 { self.throttled.1 } else { 1.0 };
        let kernel = kernel.seconds(work) / (suits * throttled * self.speed);
        launch + (work.up / up + work.down / down) / link + kernel
    }
}

impl Machine {
    /// 2 to 4 devices, one of them the host, and so many kernels, each of one size.
    pub fn draw(dice: &mut Dice, kernels: usize) -> Machine {
        let spread = dice.log_between(1.0, 100.0);
        let count = 2 + dice.below(3);
        let devices: Vec<Device> = (0..count).map(|number| Device::draw(dice, u128::from(number), spread)).collect();
        let kernel = |number: usize| {
            let invocations = dice.log_between(64.0, 16e6).round();
            let operations = dice.log_between(2.0, 5000.0);
            let bytes = dice.log_between(4.0, 64.0) * invocations;
            let accesses = dice.log_between(1.0, 1.0 + operations / 4.0);
            let work = Work {
                further_dispatches: 0.0,
                invocations,
                workgroups: (invocations / 64.0).ceil(),
                operations: operations * invocations,
                accesses: accesses * invocations,
                atomics: if dice.chance(0.1) { invocations } else { 0.0 },
                bytes,
                up: bytes * dice.between(0.5, 1.0),
                down: bytes * dice.between(0.1, 1.0),
            };
            Kernel {
                task: Task { kernel: Fingerprint(number as u128), work },
                suits: devices.iter().map(|_| around(dice, 0.35)).collect(),
                runs: vec![0; devices.len()],
            }
        };
        let kernels = (0..kernels).map(kernel).collect();
        Machine { devices, kernels, spread, turn: 0.0 }
    }

    /// Puts another device in the place of one.
    pub fn replace(&mut self, device: usize, number: u128, dice: &mut Dice) {
        self.devices[device] = Device::draw(dice, number, self.spread);
        for kernel in &mut self.kernels {
            (kernel.suits[device], kernel.runs[device]) = (around(dice, 0.35), 0);
        }
    }

    /// Seconds that a kernel takes on a device as a rule, once it has run there some times.
    pub fn usual(&self, kernel: usize, device: usize) -> f64 {
        let Kernel { task, suits, .. } = &self.kernels[kernel];
        self.devices[device].seconds(&task.work, suits[device], self.turn)
    }

    /// The least of all devices.
    pub fn best(&self, kernel: usize) -> f64 {
        (0..self.devices.len()).map(|device| self.usual(kernel, device)).fold(f64::INFINITY, f64::min)
    }

    /// Runs a kernel; gives the seconds as they are measured.
    pub fn run(&mut self, kernel: usize, device: usize, dice: &mut Dice) -> f64 {
        let usual = self.usual(kernel, device);
        let Device { warm_up, noise, .. } = self.devices[device];
        let run = &mut self.kernels[kernel].runs[device];
        let cold = 1.0 + warm_up * 0.5f64.powi(*run as i32);
        *run += 1;
        let seconds = usual * cold * around(dice, noise);
        self.devices[device].worked += seconds;
        self.turn += 1.0;
        seconds
    }
}
