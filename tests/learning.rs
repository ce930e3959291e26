//! What the command learns, shows and forgets, each time in a process of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const WGSL: &str = "
override FACTOR: u32 = 3;
@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64) fn scale(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&y) { y[id.x] = FACTOR * id.x; }
}";

/// A folder with a kernel, and a history of its own.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("k.wgsl"), WGSL).expect("a file");
        Place(folder)
    }

    fn history(&self) -> PathBuf {
        self.0.path().join("history")
    }

    /// What `swath` prints with these words, and with `SWATH_HISTORY` like this.
    fn runs_with(&self, history: &Path, words: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_swath"));
        command.current_dir(self.0.path()).env_remove("SWATH_DEVICE").env("SWATH_HISTORY", history);
        let output = command.args(words.split_whitespace()).output().expect("swath starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        assert!(output.status.success(), "swath {words}\n{}", text(output.stderr));
        text(output.stdout)
    }

    fn runs(&self, words: &str) -> String {
        self.runs_with(&self.history(), words)
    }

    fn json(&self, words: &str) -> Value {
        let text = self.runs(words);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("one JSON document: {error}\n{text}"))
    }

    /// The short names of the devices; nothing where there is no choice.
    fn devices(&self) -> Option<Vec<String>> {
        let listed = self.json("devices --json");
        let devices = listed["devices"].as_array().expect("devices");
        let names: Vec<String> =
            devices.iter().filter_map(|device| Some(device["device"].as_str()?.to_owned())).collect();
        if names.len() < 2 {
            eprintln!("skipped: there is one device");
            return None;
        }
        Some(names)
    }
}

fn len(value: &Value) -> usize {
    value.as_array().unwrap_or_else(|| panic!("a list: {value}")).len()
}

const CALL: &str = "k.wgsl --grid 1000 --out y=y.npy:u32";

#[test]
fn ceilings_are_measured_once_and_kept() {
    let place = Place::new();
    let Some(names) = place.devices() else { return };
    let before = place.json("devices --json");
    assert!(before["devices"].as_array().into_iter().flatten().all(|device| device["ceilings"].is_null()), "{before}");
    let measured = place.json("devices --measure --json");
    for device in measured["devices"].as_array().into_iter().flatten() {
        assert!(device["ceilings"]["memory_bytes"].as_f64().is_some_and(|rate| rate > 1e6), "{device}");
        let is_cpu = device["device"].as_str().is_some_and(|name| name.starts_with("cpu"));
        assert_eq!(device["ceilings"]["up_bytes"].is_null(), is_cpu, "{device}");
    }
    assert_eq!(place.json("devices --json"), measured, "they were kept");
    // Measured again, the better of both counts.
    let again = place.json("devices --measure --json");
    let both = [&measured, &again].map(|json| json["devices"].as_array().expect("devices").clone());
    for (first, second) in both[0].iter().zip(&both[1]) {
        for rate in ["memory_bytes", "operations", "accesses"] {
            let rate = |device: &Value| device["ceilings"][rate].as_f64();
            assert!(rate(second).is_some() && rate(second) >= rate(first), "{first} {second}");
        }
    }
    assert!(place.runs("devices").matches("at most").count() == names.len());
    assert_eq!(len(&place.json("history --json")["devices"]), names.len());
    // Nothing of it in the other places.
    assert!(place.runs_with(Path::new("off"), "history --json").contains("\"file\": null"));
}

#[test]
fn plans_say_what_is_predicted() {
    let place = Place::new();
    let Some(names) = place.devices() else { return };
    let plan = place.json(&format!("plan {CALL} --json"));
    let predicted = &plan["predicted"];
    assert_eq!(len(predicted), names.len(), "one for each device: {plan}");
    assert!(
        plan["device"].as_str().is_some_and(|device| device.contains(predicted[0]["device"].as_str().unwrap_or("?")))
    );
    for each in predicted.as_array().into_iter().flatten() {
        assert!(each["ms"].as_f64().is_some_and(|ms| ms > 0.0) && each["observations"] == 0, "{each}");
    }
    let text = place.runs(&format!("plan {CALL}"));
    assert_eq!(text.matches("predicted: ").count(), names.len(), "{text}");

    // With `--device cpu` no driver is touched: there is nothing to choose, and nothing to learn.
    for name in names.iter().filter(|name| *name != "cpu") {
        let run = place.json(&format!("exec {CALL} --device {name} --json"));
        assert!(run["runs"][0]["predicted_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{run}");
    }
    let plan = place.json(&format!("plan {CALL} --json"));
    let seen: u64 =
        plan["predicted"].as_array().into_iter().flatten().filter_map(|each| each["observations"].as_u64()).sum();
    assert_eq!(seen, names.len() as u64 - 1, "{plan}");
    assert!(place.runs(&format!("plan {CALL}")).contains("from 1 run like it"));
    // Other constants are another kernel.
    let plan = place.json(&format!("plan {CALL} --const FACTOR=4 --json"));
    assert!(plan["predicted"].as_array().into_iter().flatten().all(|each| each["observations"] == 0), "{plan}");

    let plan = place.json(&format!("plan {CALL} --reproducible --json"));
    assert!(plan["device"].as_str().is_some_and(|device| device.starts_with("cpu")), "{plan}");
    assert_eq!(len(&plan["predicted"]), 0, "nothing that was learned decides: {plan}");

    let without = place.runs_with(Path::new("off"), &format!("plan {CALL}"));
    assert!(!without.contains("predicted"), "{without}");
    let named = place.json(&format!("plan {CALL} --device cpu --json"));
    assert_eq!(named["device"].as_str().map(|name| name.starts_with("cpu")), Some(true));
}

#[test]
fn what_was_learned_is_shown_and_forgotten() {
    let place = Place::new();
    let Some(names) = place.devices() else { return };
    assert!(place.runs("history").contains("no device was measured"));
    place.runs(&format!("plan {CALL}"));
    place.runs(&format!("exec {CALL} --repeat 3"));
    let history = place.json("history --json");
    assert_eq!(history["file"].as_str(), place.history().join("learned.txt").to_str());
    assert_eq!(len(&history["devices"]), names.len());
    let kernels = history["kernels"].as_array().expect("kernels");
    let seen: u64 = kernels.iter().filter_map(|kernel| kernel["observations"].as_u64()).sum();
    assert_eq!(seen, 3, "{history}");
    assert!(kernels.iter().all(|kernel| kernel["kernel"] == "scale"));
    assert!(place.runs("history").contains("scale"));

    // A damaged file costs what is damaged.
    let file = place.history().join("learned.txt");
    let text = fs::read_to_string(&file).expect("the history");
    fs::write(&file, text.replace("scale", "scull")).expect("written");
    let history = place.json("history --json");
    assert_eq!((len(&history["devices"]), len(&history["kernels"])), (names.len(), 0));
    place.runs(&format!("exec {CALL}"));
    fs::write(&file, b"\0\xff").expect("written");
    assert_eq!(len(&place.json("history --json")["kernels"]), 0);
    place.runs(&format!("exec {CALL}"));

    place.runs("history --clear");
    assert!(!file.exists());
    assert_eq!(len(&place.json("history --json --clear")["devices"]), 0);
}

#[test]
fn constants_are_tuned_kept_and_used() {
    let place = Place::new();
    let wgsl = "override WG: u32 = 1;
        override FACTOR: u32 = 3;
        @group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(WG) fn scale(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) at: u32) {
            if id.x < arrayLength(&y) { y[id.x] = FACTOR * id.x + min(at, 0u); }
        }";
    fs::write(place.0.path().join("k.wgsl"), wgsl).expect("a file");
    let call = "k.wgsl --grid 20000 --out y=y.npy:u32";
    let tuned = place.json(&format!("tune {call} --const WG=64,128 --json"));
    let count = len(&tuned["devices"]);
    let devices = place.json("devices --json");
    let engine = devices["devices"].as_array().into_iter().flatten().find(|device| device["device"] == "cpu");
    let engine = engine.expect("it is there");
    for device in tuned["devices"].as_array().into_iter().flatten() {
        assert_eq!((len(&device["variants"]), &device["kept"]), (3, &Value::Bool(true)), "{tuned}");
        assert!(device["variants"][1]["kernel_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{tuned}");
        // A workgroup of one takes eight times as long on the engine. Drivers may be held up by what else the machine does.
        let variants = device["variants"].as_array().expect("they are listed");
        let time = |variant: &Value| variant["kernel_ms"].as_f64().expect("a time");
        let least = variants.iter().map(time).fold(f64::INFINITY, f64::min);
        let best = variants.iter().find(|variant| variant["constants"] == device["best"]).expect("it is one of them");
        assert!(time(best) <= 1.1 * least, "{tuned}");
        let is_engine = device["device"] == engine["name"];
        assert!(!is_engine || device["best"]["WG"].as_f64().is_some_and(|size| size >= 64.0), "{tuned}");
    }
    assert!(!place.0.path().join("y.npy").exists(), "no output is written");
    let history = place.json("history --json");
    assert_eq!(len(&history["tuned"]), count, "{history}");
    assert!(place.runs("history").contains("the fastest constants"));

    let plan = place.json(&format!("plan {call} --json"));
    assert!(plan["tuned"].as_str().is_some_and(|constants| constants.starts_with("WG = ")), "{plan}");
    assert!(place.runs(&format!("plan {call}")).contains("found to be the fastest"));
    assert!(place.json(&format!("plan {call} --const WG=2 --json"))["tuned"].is_null());
    assert!(place.json(&format!("plan {call} --reproducible --json"))["tuned"].is_null());
    place.runs(&format!("exec {call}"));
    let with = fs::read(place.0.path().join("y.npy")).expect("the output");
    place.runs(&format!("exec {call} --const WG=1"));
    assert_eq!(fs::read(place.0.path().join("y.npy")).expect("the output"), with);
    assert!(
        place.runs_with(Path::new("off"), &format!("tune {call} --const WG=64,32 --device cpu")).contains("not kept")
    );

    // A wrong variant is named, with status 1; a wrong command has status 2.
    fs::write(place.0.path().join("k.wgsl"), wgsl.replace("min(at, 0u)", "u32(WG == 64u)")).expect("a file");
    let fails = |words: &str, status: i32, part: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_swath"));
        command.current_dir(place.0.path()).env_remove("SWATH_DEVICE").env("SWATH_HISTORY", place.history());
        let output = command.args(words.split_whitespace()).output().expect("swath starts");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{words}: {error}");
        assert!(error.contains(part), "{words}: {error}");
    };
    fails(&format!("tune {call} --const WG=64,128 --device cpu"), 1, "with WG = 64 on");
    fails(&format!("tune {call} --device cpu"), 2, "nothing to tune");
    fails(&format!("exec {call} --const WG=64,128"), 2, "several values");
}
