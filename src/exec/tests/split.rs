//! Shared launches whose members fail: by script, on devices that compute nothing.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    device_info::{DeviceInfo, DeviceKind},
    error::{Error, Message, Result},
    exec::{
        Allocation, ArgData, Backend, Launch, Metrics, Ready, Sequence, SequenceTurn,
        null::NullBackend,
        session::{Body, Session},
        split::{self, Member, SplitLaunch},
    },
    kernel::{Kernel, testing::kernel},
    plan::{
        self, Plan, TileEvent,
        request::{CallShape, Capacity, DataLocation, PlanRequest},
    },
};

const COUNT: &str = "
    @group(0) @binding(0) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
        if id.x < arrayLength(&y) { y[id.x] = id.x; }
    }";

const TALLY: &str = "
    @group(0) @binding(0) var<storage, read_write> y: array<atomic<u32>>;
    @compute @workgroup_size(64) fn tally(@builtin(global_invocation_id) id: vec3u) { atomicAdd(&y[id.x % 7u], 1u); }";

const UNITS: u32 = 500;

/// What a device does wrong, and at which of its runs.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Fails(u32),
    Panics(u32),
    FailsToFold,
    /// Its memory takes so many units, whatever its plan says.
    TakesOnly(u32),
}

/// A device that computes nothing, and notes which units it was given.
struct Scripted {
    inner: Arc<dyn Backend>,
    fault: Fault,
    settled: Mutex<Vec<Range<u32>>>,
    is_open: AtomicBool,
}

impl Scripted {
    fn new(fault: Fault) -> Scripted {
        let info = DeviceInfo {
            name: "Scripted".to_owned(),
            kind: DeviceKind::OtherGpu,
            backend: "null".to_owned(),
            driver: String::new(),
            limits: Vec::new(),
            features: Vec::new(),
            memory: None,
        };
        let inner = NullBackend::with_info(info);
        Scripted { inner, fault, settled: Mutex::default(), is_open: AtomicBool::new(false) }
    }
}

/// Notes that a session was closed, however it ended.
struct Closing<'s>(&'s AtomicBool);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

struct ScriptedSession<'s> {
    inner: &'s mut dyn Session,
    device: &'s Scripted,
    runs: u32,
}

impl Session for ScriptedSession<'_> {
    fn most_units(&self) -> u32 {
        if let Fault::TakesOnly(units) = self.device.fault { units } else { self.inner.most_units() }
    }

    fn depth(&self) -> usize {
        self.inner.depth()
    }

    fn start(&mut self, units: Range<u32>) -> Result<()> {
        assert!(units.end - units.start <= self.most_units());
        self.runs += 1;
        match self.device.fault {
            Fault::Fails(at) if at == self.runs => return Err(Error::Device(Message::new("on purpose"))),
            Fault::Panics(at) if at == self.runs => panic!("on purpose"),
            _ => {}
        }
        std::thread::sleep(Duration::from_micros(50));
        self.inner.start(units)
    }

    fn land(&mut self, patience: Option<Duration>) -> Result<()> {
        self.inner.land(patience)
    }

    fn settle(&mut self, units: &[Range<u32>]) -> Result<()> {
        self.device.settled.lock().unwrap().extend_from_slice(units);
        self.inner.settle(units)
    }

    fn fold(&mut self) -> Result<()> {
        match self.device.fault {
            Fault::FailsToFold => Err(Error::Device(Message::new("on purpose"))),
            _ => self.inner.fold(),
        }
    }
}

impl Backend for Scripted {
    fn info(&self) -> &DeviceInfo {
        self.inner.info()
    }

    fn capacity(&self) -> Option<Capacity> {
        self.inner.capacity()
    }

    fn supports(&self, kernel: &Kernel) -> Result<()> {
        self.inner.supports(kernel)
    }

    fn prepare(&self, kernel: &Kernel) -> Result<Duration> {
        self.inner.prepare(kernel)
    }

    fn allocate(&self, bytes: u64, label: &str) -> Result<Arc<dyn Allocation>> {
        self.inner.allocate(bytes, label)
    }

    fn launch(&self, launch: Launch<'_>) -> Result<Metrics> {
        self.inner.launch(launch)
    }

    fn serve(&self, launch: Launch<'_>, plan: &Plan, body: &mut Body<'_>) -> Result<Metrics> {
        self.is_open.store(true, Ordering::Relaxed);
        let _closing = Closing(&self.is_open);
        let mut scripted = |inner: &mut dyn Session| body(&mut ScriptedSession { inner, device: self, runs: 0 });
        self.inner.serve(launch, plan, &mut scripted)
    }

    fn sequence(&self, sequence: Sequence) -> Result<(Ready, Duration)> {
        self.inner.sequence(sequence)
    }

    fn run_turn(&self, ready: &Ready, turn: SequenceTurn<'_>) -> Result<Metrics> {
        self.inner.run_turn(ready, turn)
    }
}

/// Runs a kernel on devices with these faults; gives the units that each settled, and what came of it.
fn run(wgsl: &str, faults: &[Fault], watch: &mut (dyn FnMut(TileEvent) + Send)) -> (Vec<Vec<Range<u32>>>, Result<u32>) {
    let kernel = kernel(wgsl);
    let devices: Vec<Scripted> = faults.iter().map(|&fault| Scripted::new(fault)).collect();
    let mut y = vec![0_u8; 256 * UNITS as usize];
    let shape = CallShape {
        workgroups: [UNITS, 1, 1],
        bytes: vec![y.len() as u64],
        holders: vec![DataLocation::Host],
        capacity: devices[0].capacity(),
        memory: None,
        tiles: None,
        reports: false,
        splits: true,
        is_recorded: false,
    };
    let plan = plan::plan(&kernel, &PlanRequest { shape, uniforms: &[] }, "scripted").unwrap().unwrap();
    assert_eq!(plan.unsplit(&kernel), None);
    let members: Vec<Member<'_>> = devices
        .iter()
        .map(|backend| Member { backend, plan: &plan, spare_threads: 0, is_listed: true, rate: None, track: None })
        .collect();
    let args = vec![ArgData::Write(&mut y)];
    let launch = SplitLaunch {
        kernel: &kernel,
        args,
        workgroups: [UNITS, 1, 1],
        stop: None,
        watcher: Some(watch),
        journal: None,
        spare: None,
        patience: split::PATIENCE,
    };
    let result = split::run(launch, &members).map(|done| done.members.iter().map(|member| member.share.units).sum());
    assert!(devices.iter().all(|device| !device.is_open.load(Ordering::Relaxed)), "every session was closed");
    (devices.into_iter().map(|device| device.settled.into_inner().unwrap()).collect(), result)
}

#[test]
fn every_unit_is_settled_once() {
    for _ in 0..20 {
        let mut done = 0;
        let (settled, result) = run(COUNT, &[Fault::None, Fault::TakesOnly(3), Fault::TakesOnly(64)], &mut |event| {
            assert!(event.units_done > done && event.units == UNITS);
            done = event.units_done;
        });
        assert_eq!((result.unwrap(), done), (UNITS, UNITS));
        let mut units: Vec<u32> = settled.into_iter().flatten().flatten().collect();
        units.sort_unstable();
        assert_eq!(units, (0..UNITS).collect::<Vec<_>>());
    }
}

#[test]
fn an_error_of_one_device_does_not_end_the_call() {
    for fault in [Fault::Fails(1), Fault::Fails(4), Fault::Panics(1), Fault::Panics(3)] {
        let (settled, result) = run(COUNT, &[Fault::None, fault, Fault::None], &mut |_| {});
        assert_eq!(result.unwrap(), UNITS, "{fault:?}");
        let mut units: Vec<u32> = settled.into_iter().flatten().flatten().collect();
        units.sort_unstable();
        assert_eq!(units, (0..UNITS).collect::<Vec<_>>(), "{fault:?}");
    }
}

#[test]
fn an_error_of_all_devices_ends_the_call() {
    for fault in [Fault::Fails(1), Fault::Panics(1)] {
        let (_, result) = run(COUNT, &[fault, fault], &mut |_| {});
        let error = result.expect_err("all devices failed").to_string();
        let expected =
            if matches!(fault, Fault::Panics(_)) { "a thread that feeds a device failed" } else { "on purpose" };
        assert!(error.contains(expected), "{fault:?}: {error}");
    }
}

#[test]
fn an_error_while_folding_ends_the_call() {
    let (_, result) = run(TALLY, &[Fault::FailsToFold, Fault::FailsToFold], &mut |_| {});
    assert!(result.expect_err("no copy could be folded in").to_string().contains("on purpose"));
    let (_, result) = run(TALLY, &[Fault::None, Fault::None, Fault::None], &mut |_| {});
    assert_eq!(result.unwrap(), UNITS);
}

#[test]
fn a_watcher_that_panics_ends_the_call_and_then_goes_on() {
    let mut told = 0;
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        run(COUNT, &[Fault::None, Fault::None], &mut |_| {
            told += 1;
            assert!(told < 2, "enough");
        })
    }));
    let cause = caught.expect_err("it goes on");
    assert_eq!(cause.downcast_ref::<&str>().copied(), Some("enough"));
    assert_eq!(told, 2, "nobody is told anything after that");
}
