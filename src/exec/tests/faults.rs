//! Faults at every operation of shared launches: the results are exact, or the error is one that nobody could help.

use std::{sync::Arc, time::Duration};

use crate::{
    device_info::DeviceKind,
    error::Error,
    exec::{
        ArgData, Backend,
        faulty::{Fault, Faulty, Kind, Operation},
        split::{self, Member, Outcome, SplitLaunch},
    },
    kernel::{Kernel, testing::kernel},
    plan::{
        self, Plan,
        request::{CallShape, DataLocation, PlanRequest},
    },
    schedule::Remedy,
};

/// Writes what it does not read.
const MAP: &str = "
    @group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn map(@builtin(global_invocation_id) id: vec3u) {
        if id.x < arrayLength(&y) { y[id.x] = x[id.x] * 3u + id.x; }
    }";

/// Doing a unit twice would show.
const UPDATE: &str = "
    @group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn update(@builtin(global_invocation_id) id: vec3u) {
        if id.x < arrayLength(&y) { y[id.x] += x[id.x] * 3u + id.x; }
    }";

/// The same in an array that cannot be streamed.
const FIXED: &str = "
    @group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<u32, 6400>;
    @compute @workgroup_size(64) fn fixed(@builtin(global_invocation_id) id: vec3u) {
        y[id.x] += x[id.x] * 3u + id.x;
    }";

/// Counting a unit twice would show.
const TALLY: &str = "
    @group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<atomic<u32>>;
    @compute @workgroup_size(64) fn tally(@builtin(global_invocation_id) id: vec3u) {
        atomicAdd(&y[(x[id.x] + id.x) % 61u], id.x + 1u);
    }";

const ELEMENTS: usize = 6400;

/// A kernel and what comes out.
struct Subject {
    kernel: Kernel,
    x: Vec<u32>,
    before: Vec<u32>,
    after: Vec<u32>,
    /// Whether it reads what it writes: then a fault while results come to the host is the end.
    updates: bool,
}

fn subjects() -> Vec<Subject> {
    let x: Vec<u32> = (0..ELEMENTS as u32).map(|i| i.wrapping_mul(2_654_435_761) >> 7).collect();
    let before: Vec<u32> = (0..ELEMENTS as u32).map(|i| i ^ 0x5555).collect();
    let mapped = |i: usize| x[i].wrapping_mul(3).wrapping_add(i as u32);
    let all: Vec<u32> = (0..ELEMENTS).map(mapped).collect();
    let updated: Vec<u32> = (0..ELEMENTS).map(|i| before[i].wrapping_add(mapped(i))).collect();
    let mut tally: Vec<u32> = before[..61].to_vec();
    for (i, x) in x.iter().enumerate() {
        let slot = &mut tally[(x.wrapping_add(i as u32) % 61) as usize];
        *slot = slot.wrapping_add(i as u32 + 1);
    }
    let subject = |wgsl, before: &[u32], after: &[u32], updates| Subject {
        kernel: kernel(wgsl),
        x: x.clone(),
        before: before.to_vec(),
        after: after.to_vec(),
        updates,
    };
    vec![
        subject(MAP, &before, &all, false),
        subject(UPDATE, &before, &updated, true),
        subject(FIXED, &before, &updated, true),
        subject(TALLY, &before[..61], &tally, false),
    ]
}

/// A member that is asked for by name, of which nothing is known.
fn member<'m>(backend: &'m dyn Backend, plan: &'m Plan) -> Member<'m> {
    Member { backend, plan, spare_threads: 0, is_listed: true, rate: None, track: None, watches_loops: false }
}

impl Subject {
    fn plan(&self, backend: &dyn Backend) -> Plan {
        let shape = CallShape {
            capacity: backend.capacity(),
            tiles: Some(50),
            splits: true,
            ..CallShape::new(
                [ELEMENTS as u32 / 64, 1, 1],
                [4 * self.x.len() as u64, 4 * self.before.len() as u64],
                [DataLocation::Host; 2],
            )
        };
        plan::plan(&self.kernel, &PlanRequest { shape, uniforms: &[] }, "a device").unwrap().unwrap()
    }

    /// Runs it on these devices, and on a spare one if need be; checks what comes out, and gives what failed.
    fn run(&self, devices: &[Arc<Faulty>], spare: Option<&Arc<dyn Backend>>) -> Result<Outcome, Error> {
        let plans: Vec<Plan> = devices.iter().map(|device| self.plan(&**device)).collect();
        let spare_plan = spare.map(|spare| self.plan(&**spare));
        let members: Vec<_> = devices.iter().zip(&plans).map(|(device, plan)| member(&**device, plan)).collect();
        let spare = spare.zip(spare_plan.as_ref()).map(|(spare, plan)| member(&**spare, plan));
        let mut y = self.before.clone();
        let args = vec![ArgData::Read(bytemuck::cast_slice(&self.x)), ArgData::Write(bytemuck::cast_slice_mut(&mut y))];
        let launch = SplitLaunch {
            kernel: &self.kernel,
            args,
            workgroups: [ELEMENTS as u32 / 64, 1, 1],
            stop: None,
            is_exact: false,
            watcher: None,
            journal: None,
            spare,
            patience: Duration::from_millis(1),
        };
        let outcome = split::run(launch, &members);
        assert!(devices.iter().all(|device| device.open_sessions() == 0), "every session was closed");
        let outcome = outcome?;
        assert_eq!(y, self.after, "{}: {:?}", self.kernel.name(), outcome.faults);
        let units: u32 = outcome.members.iter().map(|member| member.share.units).sum();
        assert_eq!(units, ELEMENTS as u32 / 64);
        Ok(outcome)
    }

    /// Runs it with faults, of which none may show.
    fn survives(&self, devices: &[Arc<Faulty>], spare: &Arc<dyn Backend>) {
        let result = self.run(devices, Some(spare));
        let failed: Vec<_> = devices.iter().flat_map(|device| device.failed()).collect();
        match result {
            Ok(outcome) => assert!(outcome.faults.len() >= usize::from(!failed.is_empty()), "{failed:?}"),
            Err(error) => {
                let is_spoilt = self.updates && failed.iter().any(|(operation, _)| *operation == Operation::Settle);
                assert!(is_spoilt, "{}: {error}\n{failed:?}", self.kernel.name());
            }
        }
    }
}

/// A device that computes, with a thread of its own.
fn engine() -> Arc<dyn Backend> {
    crate::exec::cpu::engine_of(1)
}

/// What the devices that share a launch are: two CPU engines, and one with the first GPU if there is one.
fn pairs() -> Vec<[Arc<dyn Backend>; 2]> {
    let gpu = crate::exec::discover(None).into_iter().find(|backend| backend.info().kind != DeviceKind::Cpu);
    let mut pairs = vec![[engine(), engine()]];
    pairs.extend(gpu.map(|gpu| [gpu, engine()]));
    pairs
}

fn faulty(pair: &[Arc<dyn Backend>; 2], scripts: [Vec<(u32, Fault)>; 2]) -> Vec<Arc<Faulty>> {
    let faulty = |(backend, script): (&Arc<dyn Backend>, _)| Arc::new(Faulty::new(Arc::clone(backend), script));
    pair.iter().zip(scripts).map(faulty).collect()
}

/// Numbers that look drawn.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(n)) as u32
    }

    fn fault(&mut self) -> Fault {
        let kinds = [Kind::Error, Kind::Lost, Kind::Hangs, Kind::OutOfMemory, Kind::Panics];
        Fault { kind: kinds[self.below(5) as usize], is_late: self.below(2) == 0 }
    }
}

/// How much is tried: `SWATH_FAULTS=20` tries each operation with twenty faults.
fn rounds() -> u32 {
    std::env::var("SWATH_FAULTS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

#[test]
fn a_fault_at_any_operation_does_not_show() {
    let spare = engine();
    let mut dice = Dice(1);
    for pair in pairs() {
        for subject in subjects() {
            let healthy = faulty(&pair, [vec![], vec![]]);
            subject.run(&healthy, None).unwrap();
            let operations: Vec<u32> = healthy.iter().map(|device| device.operations()).collect();
            for member in 0..2 {
                for at in 0..operations[member] {
                    for _ in 0..rounds() {
                        let mut scripts = [vec![], vec![]];
                        scripts[member].push((at, dice.fault()));
                        subject.survives(&faulty(&pair, scripts), &spare);
                    }
                }
            }
        }
    }
}

#[test]
fn faults_in_pairs_do_not_show() {
    let spare = engine();
    let mut dice = Dice(2);
    let mut spared = 0;
    for pair in pairs() {
        for subject in subjects() {
            for _ in 0..40 * rounds() {
                let scripts = [0, 1].map(|_| vec![(dice.below(60), dice.fault())]);
                let devices = faulty(&pair, scripts);
                subject.survives(&devices, &spare);
                let gone = |device: &Arc<Faulty>| {
                    device.failed().iter().any(|(_, fault)| matches!(fault.kind, Kind::Lost | Kind::Hangs))
                };
                spared += u32::from(devices.iter().all(gone));
            }
        }
    }
    assert!(spared > 10, "in only {spared} calls both devices went away");
}

#[test]
fn who_has_too_little_memory_goes_on_with_less() {
    let fault = Fault { kind: Kind::OutOfMemory, is_late: false };
    for subject in subjects() {
        // Alone it claims tiles of two units from the start.
        let device = Arc::new(Faulty::new(engine(), [(1, fault)]));
        let outcome = subject.run(&[device], None).unwrap();
        assert_eq!(outcome.faults.iter().map(|fault| fault.remedy).collect::<Vec<_>>(), [Remedy::Smaller(1)]);
        assert_eq!(outcome.members[0].share.claims, ELEMENTS as u32 / 64);
    }
}

#[test]
fn when_all_are_gone_the_error_is_the_last_ones() {
    let lost = Fault { kind: Kind::Lost, is_late: false };
    let devices = faulty(&[engine(), engine()], [vec![(2, lost)], vec![(3, lost)]]);
    let error = subjects()[0].run(&devices, None).expect_err("nobody is left");
    assert!(matches!(error, Error::DeviceLost(_)), "{error}");
}

/// A real device, lost for real.
#[cfg(feature = "gpu")]
#[test]
fn a_device_that_is_destroyed_in_the_middle_of_a_call_does_not_show() {
    let Some((gpu, destroy)) = crate::exec::gpu::destructible() else {
        assert!(std::env::var_os("SWATH_REQUIRE_GPU").is_none_or(|v| v != "1"), "there is no GPU");
        return;
    };
    let subject = &subjects()[1];
    let engine = engine();
    let plans = [subject.plan(&*gpu), subject.plan(&*engine)];
    let mut y = subject.before.clone();
    let mut told = 0;
    let mut watch = |_| {
        told += 1;
        if told == 5 {
            destroy();
        }
    };
    let launch = SplitLaunch {
        kernel: &subject.kernel,
        args: vec![ArgData::Read(bytemuck::cast_slice(&subject.x)), ArgData::Write(bytemuck::cast_slice_mut(&mut y))],
        workgroups: [ELEMENTS as u32 / 64, 1, 1],
        stop: None,
        is_exact: false,
        watcher: Some(&mut watch),
        journal: None,
        spare: None,
        patience: split::PATIENCE,
    };
    let members = [member(&*gpu, &plans[0]), member(&*engine, &plans[1])];
    let outcome = split::run(launch, &members).unwrap();
    assert_eq!(y, subject.after, "{:?}", outcome.faults);
    assert!(told > 5, "the call went on");
    assert!(outcome.faults.iter().all(|fault| matches!(fault.error, Error::DeviceLost(_))), "{:?}", outcome.faults);
}
