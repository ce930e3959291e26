//! Calls on devices that fail, and on devices that lie.

#[cfg(feature = "gpu")]
mod budget;

use std::sync::Arc;

use super::Call;
use crate::{
    cost::History,
    device::Devices,
    device_info::{DeviceInfo, DeviceKind},
    error::{Error, Result},
    exec::{
        Backend, cpu,
        faulty::{Fault, Faulty, Kind, Lie},
        null::NullBackend,
    },
    kernel::{Kernel, testing::kernel},
    report::Report,
};

const UPDATE: &str = "
    @group(0) @binding(0) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn update(@builtin(global_invocation_id) id: vec3u) {
        if id.x < arrayLength(&y) { y[id.x] += id.x; }
    }";

/// A GPU that computes nothing and fails at its first call, and the CPU engine.
fn devices(kind: Kind) -> Devices {
    let info = DeviceInfo {
        name: "Failing".to_owned(),
        kind: DeviceKind::DiscreteGpu,
        backend: "null".to_owned(),
        driver: String::new(),
        limits: Vec::new(),
        features: Vec::new(),
        memory: None,
    };
    let fault = Fault { kind, is_late: false };
    let gpu: Arc<dyn Backend> = Arc::new(Faulty::new(NullBackend::with_info(info), [(0, fault)]));
    Devices::new(vec![gpu, cpu::engine_of(1)], None, &History::Off, None).expect("there are devices")
}

fn run(devices: &Devices, asked: Option<&str>, y: &mut [u32]) -> Result<Report> {
    let call = Call::new(devices.clone(), kernel(UPDATE)).read_write("y", &mut *y).grid([100]);
    match asked {
        Some(name) => call.device(name).run(),
        None => call.run(),
    }
}

#[test]
fn the_engine_takes_over_what_a_device_failed_to_do() {
    for (kind, asked) in [
        (Kind::Lost, None),
        (Kind::Lost, Some("gpu")),
        (Kind::Hangs, Some("gpu:0")),
        (Kind::OutOfMemory, Some("gpu")),
        (Kind::Error, None),
    ] {
        let mut y = [1; 100];
        let report = run(&devices(kind), asked, &mut y).unwrap_or_else(|error| panic!("{kind:?}, {asked:?}: {error}"));
        assert!(y.iter().zip(1..).all(|(&y, i)| y == i), "{kind:?}, {asked:?}");
        let [fault] = report.faults() else { panic!("{:?}", report.faults()) };
        assert!(fault.is_out() && fault.device().name() == "Failing", "{fault}");
        assert_ne!(report.device(), "Failing");
        assert!(report.to_string().contains("Failing) failed, and others did its work: "), "{report}");
    }
}

#[test]
fn who_asks_for_a_device_hears_what_is_wrong_with_it() {
    let mut y = [1; 100];
    let error = run(&devices(Kind::Error), Some("gpu"), &mut y).expect_err("the device was asked for");
    assert!(matches!(error, Error::Device(_)), "{error}");
    assert_eq!(y, [1; 100]);
}

/// A GPU that lies so, and the CPU engine.
fn lying(lie: Lie) -> Devices {
    let gpu: Arc<dyn Backend> = Arc::new(Faulty::lying(cpu::engine_of(1), lie));
    Devices::new(vec![gpu, cpu::engine_of(1)], None, &History::Off, None).expect("there are devices")
}

/// A kernel of 64 elements, and what it gives.
fn subject(wgsl: &str, result: impl Fn(u32) -> u32) -> (Kernel, [u32; 64]) {
    let bindings = "@group(0) @binding(0) var<storage, read_write> y: array<u32>;";
    let text =
        format!("{bindings} @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) {{ {wgsl} }}");
    (kernel(&text), std::array::from_fn(|i| result(i as u32)))
}

/// Adds ones up by atomics.
const TALLY: &str = "
    @group(0) @binding(0) var<storage, read_write> y: array<atomic<u32>>;
    @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) { atomicAdd(&y[id.x % 3u], 1u); }";

#[test]
fn probes_find_devices_that_lie_and_count_where_they_touch_the_kernel() {
    let cases: String = (0..300).map(|case| format!("case {case}u: {{ y[id.x] = {case}u + id.x; }} ")).collect();
    let switch = format!("switch id.x + 236u {{ {cases} default: {{}} }}");
    let plain = subject("y[id.x] = 3u * id.x + 5u;", |i| 3 * i + 5);
    let switch = subject(&switch, |i| i + 236 + i);
    let tally = (kernel(TALLY), std::array::from_fn(|i| [22, 21, 21].get(i).copied().unwrap_or(0)));
    let kernels = [&plain, &switch, &tally];
    for (lie, found, touched) in [
        (Lie::AddsOne, "basics", [true, true, true]),
        (Lie::DropsCase, "many cases", [false, true, false]),
        (Lie::LosesAtomic, "atomics", [false, false, true]),
    ] {
        let devices = lying(lie);
        let gpu = devices.named("gpu").expect("it is there");
        assert_eq!(devices.weaknesses(&gpu), None, "nothing is probed before a call is to run there");
        for ((kernel, expected), is_touched) in kernels.into_iter().zip(touched) {
            for asked in [None, Some("gpu"), Some("gpu:0,cpu"), Some("all")] {
                let mut y = [0; 64];
                let call = Call::new(devices.clone(), kernel.clone()).read_write("y", &mut y).grid([64]);
                let call = match asked {
                    Some(name) => call.device(name),
                    None => call,
                };
                // What several devices share is computed in sessions, about which this device does not lie.
                if asked.is_some_and(|asked| asked != "gpu") && !is_touched {
                    continue;
                }
                let result = call.plan().and_then(|job| Ok((job.plan().detour.clone(), job.run()?)));
                let context = format!("{lie:?}, {}, {asked:?}", kernel.name());
                match (result, asked) {
                    (Ok((detour, report)), Some("gpu")) => {
                        assert_eq!(detour.is_some(), is_touched, "{context}");
                        let runs_elsewhere = report.device() != "Lying";
                        assert_eq!(runs_elsewhere, is_touched, "{context}");
                        let reason = detour.map(|detour| detour.reason).unwrap_or_default();
                        assert!(!is_touched || !reason.is_empty(), "{context}");
                    }
                    (Ok((_, report)), _) => assert_eq!(report.device() != "Lying", is_touched, "{context}"),
                    (Err(error), Some("gpu:0,cpu")) if is_touched => {
                        assert!(matches!(error, Error::Unsupported(_)), "{context}: {error}");
                        assert!(error.to_string().contains("is not trusted with it"), "{error}");
                        continue;
                    }
                    (Err(error), _) => panic!("{context}: {error}"),
                }
                assert_eq!(y, *expected, "{context}");
            }
        }
        let weaknesses = devices.weaknesses(&gpu).expect("it was probed");
        let names: Vec<String> = weaknesses.iter().map(|weakness| weakness.name()).collect();
        assert!(names.contains(&found.to_owned()), "{lie:?}: {names:?}");
        assert!(lie == Lie::AddsOne || names.len() == 1, "{lie:?}: {names:?}");
    }
}

#[test]
fn a_device_is_not_trusted_with_what_must_run_there() {
    let (kernel, _) = subject("y[id.x] = 3u * id.x + 5u;", |i| 3 * i + 5);
    let devices = lying(Lie::AddsOne);
    let mut y = [0u32; 64];
    let call = Call::new(devices, kernel).read_write("y", &mut y).grid([64]).device("gpu").reproducible();
    let error = call.run().expect_err("nobody else may run it");
    assert!(error.to_string().contains("Lying) is not trusted with it: it does not compute what it should"), "{error}");
    assert!(error.to_string().contains("SWATH_TRUST=off"), "{error}");
    assert_eq!(y, [0; 64]);
}
