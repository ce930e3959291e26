//! Devices, samples, and what is measured of them.

use std::fs;

use super::{Bench, devices, json};

#[test]
fn devices_are_listed() {
    let bench = Bench::new();
    let document = json(&bench.runs("devices --json"));
    let listed = document["devices"].as_array().expect("an array");
    assert!(!listed.is_empty());
    for device in listed {
        for key in ["device", "name", "kind", "backend", "driver", "limits", "features", "memory_bytes"] {
            assert!(device.get(key).is_some(), "{key} of {device}");
        }
    }
    assert_eq!(listed.iter().filter(|device| device["default"] == true).count(), 1);
    let text = bench.runs("devices");
    for device in listed {
        assert!(text.contains(device["name"].as_str().expect("a name")), "{text}");
    }
    let sentence = bench.fails("run saxpy --device nowhere", 2);
    assert!(sentence.contains("no device is called `nowhere`"), "{sentence}");
}

#[test]
fn samples_run_and_are_verified() {
    for device in devices() {
        let bench = Bench::new();
        let text = bench.runs(&format!("run all --size small --device {device}"));
        assert_eq!(text.lines().filter(|line| line.contains("yes: ")).count(), swath::samples::all().len(), "{text}");
        let document =
            json(&bench.runs(&format!("run saxpy --size 1001 --seed 3 --json --out y.npy --device {device}")));
        assert_eq!(document["verified"], true);
        assert!(document["size"].as_str().is_some_and(|size| size.contains("1001")), "{document}");
        assert_eq!(bench.read::<f32>("y.npy").0, [1001]);
        let document = json(&bench.runs(&format!("run all --size small --json --device {device}")));
        assert_eq!(document["failed"], 0);
        let sentence = bench.fails(&format!("run saxpy --size small --out y.jpeg --device {device}"), 2);
        assert!(sentence.contains(".npy"), "{sentence}");
    }
}

#[test]
fn bench_puts_devices_and_the_native_reference_side_by_side() {
    let bench = Bench::new();
    let first = json(&bench.runs("bench saxpy histogram --quick --json -"));
    let results = first["results"].as_array().expect("an array");
    let natives = results.iter().filter(|row| row["on"] == "native").count();
    assert_eq!(natives, 2);
    // The CPU engine runs twice where it compiles: compiled and interpreted.
    let devices = json(&bench.runs("devices --json"));
    let devices = devices["devices"].as_array().expect("an array");
    let compiles =
        devices.iter().any(|device| device["driver"].as_str().is_some_and(|driver| driver.starts_with("jit")));
    assert_eq!(results.len(), 2 * (1 + devices.len() + usize::from(compiles)));
    for row in results {
        assert_eq!(row["verified"], true, "{row}");
        let times = &row["kernel_ms"];
        let (least, median, most) = (times["min"].as_f64(), times["median"].as_f64(), times["max"].as_f64());
        assert!(least > Some(0.0) && least <= median && median <= most, "{row}");
        assert!(row["speedup"].as_f64() > Some(0.0), "{row}");
        assert!(row["limit"]["percent"].as_f64() > Some(0.0), "{row}");
    }
    let text = bench.runs("bench saxpy --quick --device cpu:interp,cpu --json first.json --html first.html");
    assert!(text.contains("cpu:interp: ") && text.contains("(interp, "), "{text}");
    let page = fs::read_to_string(bench.path("first.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("cpu:interp"), "{page}");
    let text = bench.runs("bench saxpy --quick --baseline first.json");
    assert!(text.contains("vs baseline") && text.contains("native"), "{text}");
    bench.fails("bench saxpy --quick --baseline nowhere.json", 2);
    bench.fails("bench nothing", 2);
}
