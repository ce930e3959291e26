//! Shared launches whose members fail: by script, on devices that compute nothing.

use std::{ops::Range, time::Duration};

use crate::{
    device_info::{DeviceInfo, DeviceKind},
    error::Result,
    exec::{
        ArgData, Backend,
        faulty::{self, Asked, Faulty, Kind, Operation},
        null::NullBackend,
        split::{self, Member, SplitLaunch},
    },
    kernel::testing::kernel,
    plan::{
        self, TileEvent,
        request::{CallShape, DataLocation, PlanRequest},
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

/// A device that computes nothing and takes some time for it.
fn device(fault: Fault) -> Faulty {
    let info = DeviceInfo {
        name: "Scripted".to_owned(),
        kind: DeviceKind::OtherGpu,
        backend: "null".to_owned(),
        driver: String::new(),
        limits: Vec::new(),
        features: Vec::new(),
        memory: None,
    };
    let kind = if matches!(fault, Fault::Panics(_)) { Kind::Panics } else { Kind::Error };
    let fails = move |asked: Asked| match fault {
        Fault::Fails(at) | Fault::Panics(at) => asked.operation == Operation::Start && asked.run == at,
        Fault::FailsToFold => asked.operation == Operation::Fold,
        Fault::None | Fault::TakesOnly(_) => false,
    };
    let script = move |asked| fails(asked).then_some(faulty::Fault { kind, is_late: false });
    let device = Faulty::by(NullBackend::with_info(info), script).with_pace(Duration::from_micros(50));
    if let Fault::TakesOnly(units) = fault { device.with_room(units) } else { device }
}

/// Runs a kernel on devices with these faults; gives the units that each settled, and what came of it.
fn run(wgsl: &str, faults: &[Fault], watch: &mut (dyn FnMut(TileEvent) + Send)) -> (Vec<Vec<Range<u32>>>, Result<u32>) {
    let kernel = kernel(wgsl);
    let devices: Vec<Faulty> = faults.iter().map(|&fault| device(fault)).collect();
    let mut y = vec![0_u8; 256 * UNITS as usize];
    let shape = CallShape {
        capacity: devices[0].capacity(),
        splits: true,
        ..CallShape::new([UNITS, 1, 1], [y.len() as u64], [DataLocation::Host])
    };
    let plan = plan::plan(&kernel, &PlanRequest { shape, uniforms: &[] }, "scripted").unwrap().unwrap();
    assert_eq!(plan.unsplit(&kernel), None);
    let members: Vec<Member<'_>> = devices
        .iter()
        .map(|backend| Member {
            backend,
            plan: &plan,
            spare_threads: 0,
            is_listed: true,
            rate: None,
            track: None,
            watches_loops: false,
        })
        .collect();
    let args = vec![ArgData::Write(&mut y)];
    let launch = SplitLaunch {
        kernel: &kernel,
        args,
        workgroups: [UNITS, 1, 1],
        stop: None,
        is_exact: false,
        watcher: Some(watch),
        journal: None,
        spare: None,
        patience: split::PATIENCE,
    };
    let result = split::run(launch, &members).map(|done| done.members.iter().map(|member| member.share.units).sum());
    assert!(devices.iter().all(|device| device.open_sessions() == 0), "every session was closed");
    (devices.iter().map(Faulty::settled).collect(), result)
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
