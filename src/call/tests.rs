//! Calls on one device that fails.

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
        faulty::{Fault, Faulty, Kind},
        null::NullBackend,
    },
    kernel::testing::kernel,
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
