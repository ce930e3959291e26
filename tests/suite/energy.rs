//! Calls that are to take little energy.

#[cfg(feature = "cpu")]
use std::fs;

use crate::wgsl::kernel;
use swath::{Prefer, Runtime};

const SQUARES: &str = "
    @group(0) @binding(0) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn squares(@builtin(global_invocation_id) id: vec3u) {
        if id.x < arrayLength(&y) { y[id.x] = id.x * id.x; }
    }";

/// Whether the processors' counters can be read here.
#[cfg(feature = "cpu")]
fn is_counted() -> bool {
    let Ok(entries) = fs::read_dir("/sys/class/powercap") else { return false };
    entries.flatten().any(|entry| {
        let is_package = fs::read_to_string(entry.path().join("name")).is_ok_and(|name| name.starts_with("package"));
        is_package && fs::read_to_string(entry.path().join("energy_uj")).is_ok()
    })
}

#[cfg(feature = "cpu")]
#[test]
fn a_call_says_what_it_took_where_that_can_be_counted() {
    let runtime = Runtime::cpu().expect("the engine is always there");
    let kernel = kernel(SQUARES);
    let mut y = vec![0u32; 100_000];
    let mut run = |prefer| runtime.call(&kernel).write("y", &mut y).prefer(prefer).run().expect("it runs");
    assert_eq!(run(Prefer::Time).energy(), None, "nobody asked");
    let report = run(Prefer::Energy);
    assert_eq!(report.energy().is_some(), is_counted(), "{report}");
    assert_eq!(report.to_string().contains(" J,"), is_counted(), "{report}");
    assert!(y.iter().zip(0u32..).all(|(&y, i)| y == i.wrapping_mul(i)));
}

#[test]
fn what_is_wanted_changes_no_result() {
    let runtime = Runtime::new().expect("there is the engine at least");
    let kernel = kernel(SQUARES);
    for _ in 0..3 {
        let mut y = vec![0u32; 10_000];
        let report = runtime.call(&kernel).write("y", &mut y).prefer(Prefer::Energy).run().expect("it runs");
        assert!(y.iter().zip(0u32..).all(|(&y, i)| y == i * i), "{report}");
        assert!(report.members().is_empty(), "one device runs it");
    }
}
