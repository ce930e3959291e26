//! What a device can do at most.

use super::work::Work;
use crate::device_info::DeviceKind;

/// What a device can do at most, as it was measured: what a prediction for a kernel that has never run is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ceilings {
    /// Seconds that a call costs however small it is.
    pub launch: f64,
    /// Seconds that compiling a small kernel takes.
    pub compile: f64,
    /// Bytes a second to the device; infinite where it works in the host's memory.
    pub up: f64,
    /// Bytes a second back.
    pub down: f64,
    /// Bytes a second that kernels read and write in memory.
    pub memory: f64,
    /// Operations a second of all invocations together. A fused multiply-add is one.
    pub arithmetic: f64,
    /// Operations a second of one workgroup by itself.
    pub lone: f64,
    /// Loads and stores a second that caches answer.
    pub access: f64,
    /// Atomic operations a second.
    pub atomic: f64,
    /// Workgroups a second that do nothing.
    pub workgroups: f64,
}

/// What a dispatch that follows another without the host costs, as a share of a call; about, and not measured.
const FURTHER: f64 = 0.1;

/// By what factor a measurement has to be better than another to take its place: what was learned beside that is forgotten then.
const CLEARLY: f64 = 1.25;

impl Ceilings {
    /// The values, in the order in which they are kept.
    pub(crate) fn values(&self) -> [f64; 10] {
        let Ceilings { launch, compile, up, down, memory, arithmetic, lone, access, atomic, workgroups } = *self;
        [launch, compile, up, down, memory, arithmetic, lone, access, atomic, workgroups]
    }

    /// The ceilings of these values; nothing if one of them makes no sense.
    pub(crate) fn from_values(values: [f64; 10]) -> Option<Ceilings> {
        let [launch, compile, up, down, memory, arithmetic, lone, access, atomic, workgroups] = values;
        let times = [launch, compile].iter().all(|time| time.is_finite() && *time >= 0.0);
        let rates = values[2..].iter().all(|rate| *rate > 0.0);
        let finite = values[4..].iter().all(|rate| rate.is_finite());
        (times && rates && finite).then_some(Ceilings {
            launch,
            compile,
            up,
            down,
            memory,
            arithmetic,
            lone,
            access,
            atomic,
            workgroups,
        })
    }

    /// The better of two measurements in each respect: what disturbs one makes a device look weaker.
    pub(crate) fn best(&self, other: &Ceilings) -> Ceilings {
        let (own, others) = (self.values(), other.values());
        // The first two are times.
        let best = |at: usize| if at < 2 { own[at].min(others[at]) } else { own[at].max(others[at]) };
        Ceilings::from_values(std::array::from_fn(best)).unwrap_or(*self)
    }

    /// Whether another measurement says that the device can do clearly more in some respect.
    pub(crate) fn is_clearly_below(&self, other: &Ceilings) -> bool {
        let (own, others) = (self.values(), other.values());
        (0..own.len()).any(|at| if at < 2 { others[at] * CLEARLY < own[at] } else { others[at] > own[at] * CLEARLY })
    }

    /// What devices of a kind can do, roughly: enough to tell whether a call is long or short, and to choose nothing by.
    pub(crate) fn usual(kind: DeviceKind) -> Ceilings {
        let host = Ceilings {
            launch: 10e-6,
            compile: 5e-3,
            up: f64::INFINITY,
            down: f64::INFINITY,
            memory: 10e9,
            arithmetic: 20e9,
            lone: 5e9,
            access: 5e9,
            atomic: 200e6,
            workgroups: 10e6,
        };
        let software = Ceilings { launch: 100e-6, compile: 50e-3, up: 4e9, down: 4e9, arithmetic: 10e9, ..host };
        let gpu = Ceilings {
            memory: 200e9,
            arithmetic: 2e12,
            lone: 20e9,
            access: 500e9,
            atomic: 5e9,
            workgroups: 500e6,
            ..software
        };
        match kind {
            DeviceKind::Cpu => host,
            DeviceKind::SoftwareGpu => software,
            DeviceKind::DiscreteGpu => Ceilings { memory: 500e9, arithmetic: 5e12, up: 10e9, down: 10e9, ..gpu },
            _ => gpu,
        }
    }

    /// Seconds that a call of so much work takes where the device does what it can at most.
    pub(crate) fn seconds(&self, work: &Work) -> f64 {
        let moved = work.up / self.up + work.down / self.down;
        let computed = work.operations / self.arithmetic + work.accesses / self.access;
        let dispatches = 1.0 + work.further_dispatches;
        // One workgroup is no faster by itself, however many the device works on at a time.
        let longest = dispatches * (work.operations + work.accesses) / work.workgroups.max(1.0) / self.lone;
        let kernel = computed.max(longest).max(work.bytes / self.memory);
        let launches = self.launch * (1.0 + FURTHER * work.further_dispatches);
        launches + moved + kernel + work.atomics / self.atomic + work.workgroups / self.workgroups
    }
}
