//! The command line from the outside: what it computes, what it prints, what it refuses.

#[path = "cli/clash.rs"]
mod clash;
#[path = "cli/data.rs"]
mod data;
#[path = "support/drawn.rs"]
mod drawn;
#[path = "cli/grids.rs"]
mod grids;
#[cfg(feature = "gpu")]
#[path = "support/missing_gpu.rs"]
mod missing_gpu;
#[allow(dead_code, reason = "programs make choices in other ways, too")]
#[path = "support/random.rs"]
mod random;
#[path = "cli/samples.rs"]
mod samples;
#[path = "cli/talk.rs"]
mod talk;
#[path = "cli/wrong.rs"]
mod wrong;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
    time::{Duration, Instant},
};

use half::f16;
use npyz::{AutoSerialize, Deserialize, WriterBuilder};
use serde_json::Value;

/// A folder with kernels and arrays, in which `swath` runs.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Bench {
        Bench(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(self, name: &str, contents: impl AsRef<[u8]>) -> Bench {
        fs::write(self.path(name), contents).expect("a file in the temporary folder");
        self
    }

    fn array<T: AutoSerialize + npyz::Serialize>(self, name: &str, shape: &[u64], data: &[T]) -> Bench {
        self.array_as(name, shape, npyz::Order::C, data)
    }

    fn array_as<T: AutoSerialize + npyz::Serialize>(
        self,
        name: &str,
        shape: &[u64],
        order: npyz::Order,
        data: &[T],
    ) -> Bench {
        let file = fs::File::create(self.path(name)).expect("a file in the temporary folder");
        let options = npyz::WriteOptions::<T>::new().default_dtype().shape(shape).order(order).writer(file);
        let mut writer = options.begin_nd().expect("a header");
        data.iter().try_for_each(|element| writer.push(element)).expect("the elements");
        writer.finish().expect("all elements");
        self
    }

    fn read<T: Deserialize>(&self, name: &str) -> (Vec<u64>, Vec<T>) {
        let bytes = fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let file = npyz::NpyFile::new(&bytes[..]).expect("a .npy file");
        (file.shape().to_vec(), file.into_vec().expect("elements of the type asked for"))
    }

    /// `swath` with these words; quotes are not needed, for none has a space in it.
    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_swath"));
        command.current_dir(self.0.path()).env_remove("SWATH_DEVICE").args(words.split_whitespace());
        // Some of what drivers load complains where it is not there, and is kept from it.
        command.env_remove("XDG_RUNTIME_DIR");
        command
    }

    /// Runs it.
    fn swath(&self, words: &str) -> Output {
        self.command(words).output().expect("swath starts")
    }

    /// Runs it and expects that all went well.
    fn runs(&self, words: &str) -> String {
        let output = self.swath(words);
        assert_eq!(output.status.code(), Some(0), "swath {words}\n{}", stderr(&output));
        stdout(&output)
    }

    /// Runs it and expects this status.
    fn fails(&self, words: &str, status: i32) -> String {
        let output = self.swath(words);
        assert_eq!(output.status.code(), Some(status), "swath {words}\n{}", stderr(&output));
        assert_eq!(stdout(&output), "", "what went wrong is said on stderr alone");
        stderr(&output)
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout in UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr in UTF-8")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("one JSON document: {error}\n{text}"))
}

/// The devices to test on: `cpu`, and `gpu` where the machine has one.
fn devices() -> &'static [&'static str] {
    static DEVICES: OnceLock<Vec<&str>> = OnceLock::new();
    DEVICES.get_or_init(|| {
        let listed = json(&Bench::new().runs("devices --json"));
        let names: Vec<&str> =
            listed["devices"].as_array().into_iter().flatten().flat_map(|d| d["device"].as_str()).collect();
        let mut devices = Vec::new();
        if names.contains(&"cpu") {
            devices.push("cpu");
        }
        if names.iter().any(|name| name.starts_with("gpu:")) {
            devices.push("gpu");
        } else {
            #[cfg(feature = "gpu")]
            missing_gpu::skip("`swath devices` lists none");
        }
        devices
    })
}

const HEAT: &str = "
struct Params { width: u32, height: u32, alpha: f32, _pad: u32, offset: vec3f }
override SCALE: f32 = 1.0;
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
@compute @workgroup_size(8, 8) fn heat(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.width || id.y >= params.height { return; }
    let i = id.y * params.width + id.x;
    dst[i] = src[i] * params.alpha * SCALE + params.offset.z;
}";

const COUNT_UP: &str = "
@group(0) @binding(0) var<storage, read_write> counts: array<u32>;
@compute @workgroup_size(1) fn count_up(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&counts) { counts[id.x] += 3u * id.x; }
}";

const POINTS: &str = "
@group(0) @binding(0) var<storage, read> points: array<vec3f>;
@group(0) @binding(1) var<storage, read_write> swapped: array<vec3f>;
@group(0) @binding(2) var<storage, read_write> count: atomic<u32>;
@compute @workgroup_size(64) fn swap(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&points) { return; }
    swapped[id.x] = points[id.x].zyx * 2.0;
    atomicAdd(&count, 1u);
}";

const HALVES: &str = "enable f16;
@group(0) @binding(0) var<storage, read> factor: array<f16>;
@group(0) @binding(1) var<storage, read_write> h: array<vec2h>;
@compute @workgroup_size(4) fn halves(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&h) { h[id.x] *= factor[0]; }
}";

const SEVERAL: &str = "
override N: u32;
@group(0) @binding(0) var<storage, read_write> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> unused: array<u32>;
@compute @workgroup_size(1) fn first() { a[0] = 1u; }
@compute @workgroup_size(1) fn second() { a[0] = N; }
@compute @workgroup_size(1) fn third() { unused[0] = 1u; }";

fn heat() -> (Bench, Vec<f32>) {
    let src: Vec<f32> = (0..7 * 13).map(|i| i as f32 * 0.25).collect();
    (Bench::new().file("heat.wgsl", HEAT).array("src.npy", &[7, 13], &src), src)
}

const HEAT_SETS: &str =
    "--set params.width=13 --set params.height=0x7 --set params.alpha=0.5 --set params.offset=1,2,-3";

#[test]
fn structs_constants_and_the_shape_of_the_grid() {
    for device in devices() {
        let (bench, src) = heat();
        bench.runs(&format!(
            "exec heat.wgsl --grid 13,7 --in src=src.npy --out dst=dst.npy:f32 {HEAT_SETS} --const SCALE=4 --device {device}"
        ));
        let expected: Vec<f32> = src.iter().map(|x| x * 0.5 * 4.0 - 3.0).collect();
        assert_eq!(bench.read("dst.npy"), (vec![7, 13], expected), "{device}");
    }
}

#[test]
fn seventy_thousand_workgroups_on_one_axis() {
    for device in devices() {
        let start: Vec<u32> = (0..70_000).collect();
        let bench = Bench::new().file("k.wgsl", COUNT_UP).array("c.npy", &[70_000], &start);
        bench.runs(&format!("exec k.wgsl --workgroups 70000 --inout counts=c.npy:d.npy --device {device}"));
        bench.runs(&format!("exec k.wgsl --grid 70000 --inout counts=c.npy:e.npy --device {device}"));
        let expected: Vec<u32> = start.iter().map(|i| 4 * i).collect();
        assert_eq!(bench.read("d.npy"), (vec![70_000], expected.clone()), "{device}");
        assert_eq!(bench.read("e.npy"), (vec![70_000], expected), "{device}");
        assert_eq!(bench.read::<u32>("c.npy").1, start, "the input is as it was");
    }
}

#[test]
fn vectors_of_three_are_padded_and_stripped() {
    let points: Vec<f32> = (0..300).map(|i| i as f32).collect();
    for device in devices() {
        let bench = Bench::new().file("k.wgsl", POINTS).array("p.npy", &[100, 3], &points);
        bench.runs(&format!(
            "exec k.wgsl --grid 100 --in points=p.npy --out swapped=q.npy:vec3f --out count=c.npy:u32 --device {device}"
        ));
        let expected: Vec<f32> = points.chunks(3).flat_map(|p| [2.0 * p[2], 2.0 * p[1], 2.0 * p[0]]).collect();
        assert_eq!(bench.read("q.npy"), (vec![100, 3], expected), "{device}");
        assert_eq!(bench.read::<u32>("c.npy"), (vec![1], vec![100]), "{device}");
    }
}

#[test]
fn halves_go_in_and_out() {
    for device in devices() {
        let numbers = |numbers: &[f32]| numbers.iter().map(|&x| f16::from_f32(x)).collect::<Vec<_>>();
        let bench = Bench::new()
            .file("k.wgsl", HALVES)
            .array("h.npy", &[5, 2], &numbers(&[0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]))
            .array("f.npy", &[2], &[1.5_f64, 0.0]);
        bench.runs(&format!("exec k.wgsl --grid 5 --in factor=f.npy:f16 --inout h=h.npy --device {device}"));
        let expected = numbers(&[0.75, 1.5, 3.0, 4.5, 6.0, 7.5, 9.0, 10.5, 12.0, 13.5]);
        assert_eq!(bench.read("h.npy"), (vec![5, 2], expected), "{device}");
    }
}

#[test]
fn repetitions_start_from_the_same_contents() {
    for device in devices() {
        let bench = Bench::new().file("k.wgsl", COUNT_UP).array("c.npy", &[6], &[10_u32; 6]);
        let text =
            bench.runs(&format!("exec k.wgsl --grid 6 --inout counts=c.npy --repeat 4 --json --device {device}"));
        let document = json(&text);
        let keys: Vec<&String> = document.as_object().expect("an object").keys().collect();
        let mut expected = ["kernel", "device", "tiles", "compile_ms", "runs", "bytes_up", "bytes_down"];
        expected.sort_unstable();
        assert_eq!(keys, expected);
        assert_eq!((&document["kernel"], &document["tiles"]), (&Value::from("count_up"), &Value::from(1)));
        let runs = document["runs"].as_array().expect("an array");
        assert_eq!(runs.len(), 4);
        for run in runs {
            let (kernel, total) = (run["kernel_ms"].as_f64(), run["total_ms"].as_f64());
            assert!(kernel > Some(0.0) && total >= kernel && total.is_some(), "{run}");
            assert_eq!(run.as_object().map(serde_json::Map::len), Some(2));
        }
        assert_eq!(bench.read("c.npy"), (vec![6], vec![10, 13, 16, 19, 22, 25_u32]), "{device}");
    }
}

/// The time that compiling took is told, in both forms, on every device.
#[test]
fn exec_says_what_compiling_took() {
    for device in devices() {
        let bench = Bench::new().file("k.wgsl", COUNT_UP).array("c.npy", &[6], &[10_u32; 6]);
        let command = format!("exec k.wgsl --grid 6 --inout counts=c.npy --device {device}");
        let document = json(&bench.runs(&format!("{command} --json")));
        assert!(document["compile_ms"].as_f64() > Some(0.0), "{device}: {document}");
        let text = stderr(&bench.swath(&command));
        let (_, compiled) = text.split_once("compiled in ").unwrap_or_else(|| panic!("{device}: {text}"));
        assert!(!compiled.starts_with("0 "), "{device}: {text}");
    }
}

/// Files large enough to be mapped: read, changed in place, made anew, in tiles, once and again.
#[test]
fn large_files_stream_in_tiles() {
    let add = "
        @group(0) @binding(0) var<storage, read> x: array<u32>;
        @group(0) @binding(1) var<storage, read_write> y: array<u32>;
        @group(0) @binding(2) var<storage, read_write> z: array<vec2u>;
        @compute @workgroup_size(256) fn add(@builtin(global_invocation_id) id: vec3u) {
            if id.x < arrayLength(&y) { y[id.x] += x[id.x]; z[id.x] = vec2u(x[id.x], id.x); }
        }";
    let n = (16 << 18) + 1001_u32;
    let x: Vec<u32> = (0..n).map(|i| i.wrapping_mul(2_654_435_761)).collect();
    let y: Vec<u32> = (0..n).rev().collect();
    let sums: Vec<u32> = x.iter().zip(&y).map(|(x, y)| x.wrapping_add(*y)).collect();
    let shape = [u64::from(n)];
    for device in devices() {
        let bench = Bench::new().file("k.wgsl", add).array("x.npy", &shape, &x).array("y.npy", &shape, &y);
        let call = format!("k.wgsl --grid {n} --in x=x.npy --inout y=y.npy --out z=z.npy:vec2u --device {device}");
        let plan = json(&bench.runs(&format!("plan {call} --memory 8MiB --json")));
        assert_eq!(fs::read_dir(bench.0.path()).unwrap().count(), 3, "a plan makes no file");
        let places: Vec<_> = plan["bindings"].as_array().unwrap().iter().map(|b| b["residency"].clone()).collect();
        assert_eq!(places, vec![Value::from(if *device == "cpu" { "host" } else { "streamed" }); 3], "{plan}");

        let document = json(&bench.runs(&format!("exec {call} --memory 8MiB --repeat 2 --json")));
        assert_eq!(document["tiles"], plan["tiles"]["count"], "{device}");
        assert!(*device == "cpu" || document["tiles"].as_u64() > Some(8), "{document}");
        assert_eq!(bench.read("y.npy"), (shape.to_vec(), sums.clone()), "{device}");
        let pairs: Vec<u32> = x.iter().zip(0..).flat_map(|(x, i)| [*x, i]).collect();
        assert_eq!(bench.read("z.npy"), (vec![u64::from(n), 2], pairs), "{device}");
        assert_eq!(fs::read_dir(bench.0.path()).unwrap().count(), 4, "no temporary file stays");
    }
}

#[test]
fn tiles_can_be_asked_for() {
    for device in devices() {
        let bench = Bench::new().file("k.wgsl", COUNT_UP).array("c.npy", &[600], &[10_u32; 600]);
        let text = bench.runs(&format!("exec k.wgsl --inout counts=c.npy --tiles 3 --json --device {device}"));
        let document = json(&text);
        assert!(document["tiles"].as_u64() > Some(1), "{document}");
        assert_eq!(bench.read::<u32>("c.npy").1, (0..600).map(|i| 10 + 3 * i).collect::<Vec<u32>>(), "{device}");
    }
}

/// Files shared by all devices, and what each did.
#[test]
fn several_devices_share_a_call() {
    let n = (1 << 20) + 77_u32;
    let wgsl = COUNT_UP.replace("@workgroup_size(1)", "@workgroup_size(64)");
    let bench = Bench::new().file("k.wgsl", wgsl).array("c.npy", &[u64::from(n)], &vec![10_u32; n as usize]);
    let list = devices().join(",");
    for (choice, least) in [(list.as_str(), devices().len()), ("all", 0)] {
        let call = format!("k.wgsl --inout counts=c.npy:d.npy --tiles 9 --device {choice}");
        let text = bench.runs(&format!("plan {call}"));
        assert!(text.contains("count"), "{text}");
        let document = json(&bench.runs(&format!("exec {call} --trace t.json --json")));
        assert_eq!(bench.read::<u32>("d.npy").1, (0..n).map(|i| 10 + 3 * i).collect::<Vec<u32>>(), "{choice}");
        let members = document["members"].as_array().map(Vec::as_slice).unwrap_or_default();
        let units: u64 = members.iter().filter_map(|member| member["units"].as_u64()).sum();
        let busy = members.iter().filter(|member| member["units"].as_u64() > Some(0)).count();
        if !members.is_empty() {
            assert_eq!(units, u64::from(n.div_ceil(64)), "{document}");
            assert!(busy >= least.min(2), "who is listed takes part: {document}");
        }
        assert!(choice == "all" || members.len() == least || least == 1, "{document}");

        let trace = json(&fs::read_to_string(bench.path("t.json")).expect("a trace"));
        let events = trace["traceEvents"].as_array().expect("a list");
        let named = |name: &'static str| events.iter().filter(move |event| event["name"] == name);
        let claimed: u64 = named("claim").filter_map(|event| event["args"]["units"].as_u64()).sum();
        assert!(claimed >= u64::from(n.div_ceil(64)), "every unit was claimed: {claimed}");
        assert!(named("kernel").all(|event| event["ph"] == "X" && event["dur"].as_f64() > Some(0.0)), "{trace}");
        assert!(named("kernel").count() >= 1 && named("thread_name").count() >= 1, "{trace}");
    }
    let text = stderr(&bench.swath(&format!("exec k.wgsl --inout counts=c.npy:d.npy --device {list}")));
    assert!(devices().len() < 2 || text.contains(" units in "), "{text}");
}

#[test]
fn entries_constants_and_read_only_structs() {
    let storage = "
        struct Config { scale: u32, shift: vec2u }
        @group(0) @binding(0) var<storage, read> config: Config;
        @group(0) @binding(1) var<storage, read_write> x: array<u32, 3>;
        @compute @workgroup_size(3) fn main(@builtin(local_invocation_index) i: u32) {
            x[i] = i * config.scale + config.shift.y;
        }";
    for device in devices() {
        let bench = Bench::new().file("s.wgsl", SEVERAL).file("config.wgsl", storage);
        bench.runs(&format!("exec s.wgsl --entry second --grid 1 --const N=7 --out a=a.npy:u32:2x3 --device {device}"));
        assert_eq!(bench.read("a.npy"), (vec![2, 3], vec![7, 0, 0, 0, 0, 0_u32]), "{device}");
        bench.runs(&format!(
            "exec config.wgsl --workgroups 1 --set config.scale=10 --set config.shift=0,5 --out x=x.npy:u32 --device {device}"
        ));
        assert_eq!(bench.read("x.npy"), (vec![3], vec![5, 15, 25_u32]), "{device}");
    }
}

#[test]
fn a_wrong_call_leaves_every_file_as_it_was() {
    let (bench, _) = heat();
    let bench = bench.array("dst.npy", &[91], &[1.0_f32; 91]);
    let before = (fs::read(bench.path("dst.npy")).unwrap(), count_files(&bench));
    for wrong in
        ["--const SCALE=1 --grid 13,7", "--const NOPE=1 --grid 13,7", "--grid 4294967297", "--device nowhere --grid 1"]
    {
        bench.fails(&format!("exec heat.wgsl --in src=src.npy --inout dst=dst.npy {wrong}"), 2);
    }
    assert_eq!((fs::read(bench.path("dst.npy")).unwrap(), count_files(&bench)), before);
}

fn count_files(bench: &Bench) -> usize {
    fs::read_dir(Path::new(bench.0.path())).unwrap().count()
}

#[test]
#[cfg(feature = "cpu")]
fn a_deadline_ends_the_work_with_status_1() {
    let endless = "
        @group(0) @binding(0) var<storage, read_write> x: array<u32>;
        @compute @workgroup_size(1) fn main() {
            for (var i = 0u; x[0] < 2u; i++) { x[0] = i % 2u; }
        }";
    let bench = Bench::new().file("k.wgsl", endless).array("x.npy", &[1], &[1_u32]);
    let sentence = bench.fails("exec k.wgsl --grid 1 --inout x=x.npy --timeout 0.3 --device cpu", 1);
    assert!(sentence.contains("--timeout"), "{sentence}");
    assert_eq!(bench.read("x.npy"), (vec![1], vec![1_u32]));
}

#[test]
fn a_gpu_that_takes_too_long_is_left_to_itself() {
    if !devices().contains(&"gpu") {
        return;
    }
    // Minutes on any GPU, in workgroups that end soon: what is left of it ends with the process.
    let long = "
        @group(0) @binding(0) var<storage, read_write> x: array<u32>;
        @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) k: u32) {
            var h = k + x[0];
            for (var i = 0u; i < 50000u; i++) { h ^= h << 13u; h ^= h >> 17u; h ^= h << 5u; }
            x[k] = h;
        }";
    let bench = Bench::new().file("k.wgsl", long).array("x.npy", &[64], &[1_u32; 64]);
    let start = Instant::now();
    let sentence = bench.fails("exec k.wgsl --workgroups 65535,1000 --inout x=x.npy --timeout 0.3 --device gpu", 1);
    assert!(sentence.contains("--timeout"), "{sentence}");
    assert!(start.elapsed() < Duration::from_secs(60), "it took {:?}", start.elapsed());
    assert_eq!(bench.read("x.npy"), (vec![64], vec![1_u32; 64]));
}

/// Every call here is refused before a device is touched, so that the sentences are the same everywhere.
#[test]
fn wrong_calls_are_refused_with_a_sentence_that_helps() {
    let (bench, _) = heat();
    let bench = bench
        .file("count.wgsl", COUNT_UP)
        .file("points.wgsl", POINTS)
        .file("several.wgsl", SEVERAL)
        .file("broken.wgsl", "@compute @workgroup_size(1)\nfn main() {\n    let x: f32 = 1u;\n}\n")
        .file(
            "mixed.wgsl",
            "struct P { a: f32, b: u32 }
             @group(0) @binding(0) var<storage, read_write> ps: array<P>;
             @compute @workgroup_size(1) fn main() { ps[0].b = 1u; }",
        )
        .file("text.npy", "1 2 3 4 5 6 7 8 9\n")
        .array("f64.npy", &[4], &[1.0_f64; 4])
        .array("i64.npy", &[2], &[1_i64, 1 << 40])
        .array("bool.npy", &[2], &[true, false])
        .array("i32.npy", &[4], &[1_i32; 4])
        .array("u32.npy", &[4], &[1_u32; 4])
        .array("across.npy", &[3, 5], &[0.0_f32; 15])
        .array_as("fortran.npy", &[2, 3], npyz::Order::Fortran, &[0.0_f32; 6]);
    let bench = bench.array("points.npy", &[5, 3], &[0.0_f32; 15]);
    let cut = fs::read(bench.path("u32.npy")).unwrap();
    let bench = bench.file("cut.npy", &cut[..cut.len() - 8]);
    let calls = [
        // The command line itself.
        "exec heat.wgsl",
        "exec heat.wgsl --grid 1 --workgroups 1",
        "exec heat.wgsl --grid 1,,2",
        "exec heat.wgsl --grid 1,2,3,4",
        "exec heat.wgsl --grid 1 --in src",
        "exec heat.wgsl --grid 1 --out dst=dst.npy",
        "exec heat.wgsl --grid 1 --out dst=dst.npy:f64",
        "exec heat.wgsl --grid 1 --inout dst=dst.npy:f32",
        "exec heat.wgsl --grid 1 --memory lots",
        "run nothing",
        "run saxpy --size 0",
        "plan heat.wgsl --grid 1",
        // The kernel.
        "exec nowhere.wgsl --grid 1",
        "exec broken.wgsl --grid 1",
        "check broken.wgsl",
        "exec several.wgsl --grid 1",
        "exec several.wgsl --entry fourth --grid 1",
        "exec several.wgsl --entry second --grid 1",
        "exec heat.wgsl --grid 1 --const SCAEL=2",
        "exec heat.wgsl --grid 1 --const SCALE=much",
        // The bindings.
        "exec heat.wgsl --grid 1",
        "exec heat.wgsl --grid 1 --in scr=src.npy",
        "exec several.wgsl --entry first --grid 1 --out unused=a.npy:u32",
        "exec points.wgsl --grid 1 --in points=across.npy --in points=across.npy",
        "exec points.wgsl --grid 1 --in points=points.npy --in swapped=points.npy --out count=c.npy:u32",
        "exec points.wgsl --grid 1 --out points=points.npy:vec3f --out swapped=q.npy:vec3f --out count=c.npy:u32",
        "exec points.wgsl --grid 1 --in points=across.npy --out swapped=q.npy:vec3f --out count=q.npy:u32",
        // The files.
        "exec count.wgsl --grid 1 --inout counts=nowhere.npy",
        "exec count.wgsl --grid 1 --inout counts=text.npy",
        "exec count.wgsl --grid 1 --inout counts=cut.npy",
        "exec count.wgsl --grid 1 --inout counts=f64.npy",
        "exec count.wgsl --grid 1 --inout counts=i32.npy",
        "exec points.wgsl --grid 1 --in points=f64.npy --out swapped=q.npy:vec3f --out count=c.npy:u32",
        "exec points.wgsl --grid 1 --in points=bool.npy --out swapped=q.npy:vec3f --out count=c.npy:u32",
        "exec points.wgsl --grid 1 --in points=i64.npy:i32 --out swapped=q.npy:vec3f --out count=c.npy:u32",
        "exec points.wgsl --grid 1 --in points=fortran.npy --out swapped=q.npy:vec3f --out count=c.npy:u32",
        "exec points.wgsl --grid 1 --in points=across.npy --out swapped=q.npy:vec3f --out count=c.npy:u32",
        "exec mixed.wgsl --grid 1 --inout ps=u32.npy",
        "exec count.wgsl --grid 1 --inout counts=u32.npy:nowhere/c.npy",
        // Outputs.
        "exec count.wgsl --grid 1 --out counts=c.npy:f32",
        "exec count.wgsl --workgroups 1 --out counts=c.npy:u32",
        "exec count.wgsl --grid 1 --out counts=c.npy:u32:99999999999,9999999999",
        "exec mixed.wgsl --grid 1 --out ps=c.npy:u32",
        // Uniforms.
        "exec heat.wgsl --grid 1 --in src=src.npy --inout dst=src.npy --set params.width=13",
        "exec heat.wgsl --grid 1 --in src=src.npy --inout dst=src.npy --set params.widht=13",
        "exec heat.wgsl --grid 1 --in src=src.npy --inout dst=src.npy --set params.width=1.5",
        "exec heat.wgsl --grid 1 --in src=src.npy --inout dst=src.npy --set params.width=-1",
        "exec heat.wgsl --grid 1 --in src=src.npy --inout dst=src.npy --set params.alpha=half",
        "exec heat.wgsl --grid 1 --in src=src.npy --inout dst=src.npy --set params.offset=1,2",
        "exec heat.wgsl --grid 1 --in src=src.npy --inout dst=src.npy --set params=1",
        "exec count.wgsl --grid 1 --set counts=1",
        "exec count.wgsl --grid 1 --inout counts=u32.npy --tiles 0",
        "exec count.wgsl --grid 1 --inout counts=u32.npy --trace nowhere/t.json",
    ];
    let mut transcript = String::new();
    for call in calls {
        transcript += &format!("$ swath {call}\n{}\n", bench.fails(call, 2).trim_end());
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("cli_wrong_calls", transcript);
    });
}

#[test]
fn check_shows_what_a_kernel_is() {
    let (bench, _) = heat();
    let bench = bench.file("points.wgsl", POINTS).file("several.wgsl", SEVERAL);
    let mut transcript = String::new();
    for call in [
        "check heat.wgsl",
        "check points.wgsl",
        "check several.wgsl",
        "check several.wgsl --entry second --const N=2",
        "check heat.wgsl --grid 13,7 --set params.width=13 --set params.height=7",
        "check heat.wgsl --workgroups 2,9 --set params.width=16",
        "check heat.wgsl --json",
    ] {
        transcript += &format!("$ swath {call}\n{}\n", bench.runs(call));
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("cli_check", transcript);
    });
    let printed = bench.runs("check heat.wgsl --emit ir");
    assert!(printed.contains("kernel heat") && printed.contains("dst["), "{printed}");
    // With data, the call is checked as well, and nothing runs.
    bench.fails("check heat.wgsl --in src=src.npy", 2);
    let printed =
        bench.runs(&format!("check heat.wgsl --grid 13,7 --in src=src.npy --out dst=dst.npy:f32 {HEAT_SETS}"));
    assert!(printed.contains("cut along x into 2 units") && !printed.contains("long enough"), "{printed}");
    assert!(!bench.path("dst.npy").exists());
}

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
