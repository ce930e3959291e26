//! Calls with a checkpoint: stopped anywhere and made again, they give what an undisturbed one gives.

use std::path::Path;

use crate::{chain::checkpoint::Folder, wgsl::kernel};
use swath::{Call, CancelToken, Checkpoint, Error, Kernel, Report, Runtime, plan::TileEvent};

/// What it reads it replaces; each unit its own part, the last one a short one.
const IN_PLACE: &str = "
    @group(0) @binding(0) var<uniform> factor: u32;
    @group(0) @binding(1) var<storage, read> x: array<u32>;
    @group(0) @binding(2) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn scale(@builtin(global_invocation_id) id: vec3u) {
        if id.x >= arrayLength(&y) { return; }
        var value = factor * x[id.x] + 3u * y[id.x] + id.x;
        for (var i = 0u; i < 10000u; i++) { value = value * 1664525u + 1013904223u; }
        y[id.x] = value;
    }";

/// A part for each unit, with gaps that keep their contents, and counts of what all find.
const MERGED: &str = "
    struct Item { value: u32, kept: u32 }
    @group(0) @binding(0) var<uniform> factor: u32;
    @group(0) @binding(1) var<storage, read> x: array<u32>;
    @group(0) @binding(2) var<storage, read_write> y: array<Item>;
    @group(0) @binding(3) var<storage, read_write> bins: array<atomic<u32>, 16>;
    @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
        if id.x >= arrayLength(&y) { return; }
        var value = factor * x[id.x];
        for (var i = 0u; i < 10000u; i++) { value = value * 1664525u + 1013904223u; }
        y[id.x].value = value;
        atomicAdd(&bins[x[id.x] % 16u], x[id.x]);
    }";

/// Cannot be cut.
const SCATTER: &str = "
    @group(0) @binding(0) var<uniform> factor: u32;
    @group(0) @binding(1) var<storage, read> x: array<u32>;
    @group(0) @binding(2) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn scatter(@builtin(global_invocation_id) id: vec3u) {
        let to = x[id.x] % arrayLength(&y);
        if id.x < arrayLength(&x) { y[to] = y[to] * factor + 1u; }
    }";

/// Elements, which are not a whole number of units.
const COUNT: usize = 20_000;

/// A call's data.
#[derive(Clone, PartialEq)]
struct Data {
    x: Vec<u32>,
    y: Vec<u32>,
    bins: Vec<u32>,
}

impl Data {
    fn new(text: &str) -> Data {
        let width = if text == MERGED { 2 } else { 1 };
        // Of the scattered elements, no two go to one place, so that the result is one.
        let x = (0..COUNT as u32).map(|i| (i * 7919) % COUNT as u32).collect();
        Data { x, y: (0..(COUNT * width) as u32).map(|i| i ^ 0x5555).collect(), bins: vec![5; 16] }
    }

    fn call<'a>(&'a mut self, runtime: &Runtime, kernel: &Kernel, devices: &str) -> Call<'a> {
        let call = runtime.call(kernel).device(devices).set("factor", 3u32).read("x", &self.x);
        let call = if kernel.bindings().iter().any(|binding| binding.name == "bins") {
            call.read_write("bins", &mut self.bins).write("y", swath::Untyped(&mut self.y))
        } else {
            call.read_write("y", &mut self.y)
        };
        call.grid([COUNT])
    }
}

/// The runtime, and the devices of it to test on: one alone, and several.
fn setups() -> Vec<(Runtime, Vec<&'static str>)> {
    let engines = Runtime::cpu_engines(&[1, 2]).expect("the engine is always there");
    #[allow(unused_mut)]
    let mut setups = vec![(engines, vec!["cpu", "cpu,cpu:1"])];
    #[cfg(feature = "gpu")]
    {
        crate::validation::watch();
        let all = Runtime::new().expect("there is the CPU engine at least");
        if all.devices().len() > 1 {
            setups.push((all, vec!["gpu:0", "gpu:0,cpu"]));
        } else {
            crate::missing_gpu::skip("no adapter was found");
        }
    }
    setups
}

/// Where a call is made.
struct Setup<'s> {
    runtime: &'s Runtime,
    kernel: &'s Kernel,
    devices: &'s str,
    path: &'s Path,
    is_persistent: bool,
}

impl Setup<'_> {
    fn call<'a>(&self, memory: &'a mut Data) -> Call<'a> {
        let checkpoint = Checkpoint::new(self.path);
        let checkpoint = if self.is_persistent { checkpoint.persistent() } else { checkpoint };
        memory.call(self.runtime, self.kernel, self.devices).checkpoint(checkpoint)
    }
}

/// Makes the call again and again, of which each is stopped after some tiles, until one comes to its end. How many that took,
/// and the last one's report.
fn until_done(setup: &Setup<'_>, data: &Data, tiles: usize) -> (Data, u32, Report) {
    let mut memory = data.clone();
    let mut done = 0;
    for count in 1..1000 {
        if !setup.is_persistent {
            memory = data.clone();
        }
        let token = CancelToken::new();
        let (mut seen, mut first, mut last) = (0, None, 0);
        let result = setup
            .call(&mut memory)
            .cancel(&token)
            .progress(|event| {
                seen += 1;
                first.get_or_insert(event.units_done);
                last = event.units_done;
                if seen > tiles {
                    token.cancel();
                }
            })
            .run();
        if done > 0 {
            assert!(first >= Some(done), "what was done counts from the start: {first:?} of {done}");
        }
        match result {
            Ok(report) => {
                assert!(report.resumed_units() >= done, "{} of {done}", report.resumed_units());
                return (memory, count, report);
            }
            Err(Error::Cancelled(_)) => done = last,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("it is never done")
}

#[test]
fn stopped_anywhere_it_goes_on_to_the_same_results() {
    for (runtime, devices) in setups() {
        for text in [IN_PLACE, MERGED, SCATTER] {
            for devices in &devices {
                for (is_persistent, tiles) in [(false, 3), (true, 3), (false, 40)] {
                    let tiles = match text {
                        // What is recorded as a whole has to come to its end.
                        SCATTER => usize::MAX,
                        // Heard of when copies are folded in, now and then.
                        MERGED => 1,
                        _ => tiles,
                    };
                    let must_stop = match text {
                        IN_PLACE => tiles == 3,
                        MERGED => devices.starts_with("cpu"),
                        _ => false,
                    };
                    goes_on(&runtime, text, (devices, is_persistent, tiles), must_stop);
                }
            }
        }
    }
}

/// Stops a call again and again after some tiles, compares what it comes to with an undisturbed one, and makes it once more.
/// A call may be done before it is stopped, on a machine that is fast or busy: one that must be is tried again with more to do.
fn goes_on(runtime: &Runtime, text: &str, (devices, is_persistent, tiles): (&str, bool, usize), must_stop: bool) {
    let data = Data::new(text);
    for attempt in 0..9 {
        let kernel = &kernel(&text.replace("10000u", &format!("{}u", 10_000 << attempt)));
        let mut expected = data.clone();
        expected.call(runtime, kernel, devices).run().unwrap_or_else(|error| panic!("{error}"));
        let folder = Folder::new();
        let path = folder.path();
        let setup = Setup { runtime, kernel, devices, path: &path, is_persistent };
        let (found, count, report) = until_done(&setup, &data, tiles);
        let what = format!("{} on {devices}, {tiles} tiles, {count} calls", kernel.name());
        assert!(found == expected, "{what}");
        // And once more: nothing runs.
        let mut again = data.clone();
        let last = setup.call(&mut again).run().unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(again == expected, "{what}, made again");
        let units = report.plan().expect("it is planned").tiles.units();
        assert_eq!((last.resumed_units(), last.dispatches()), (units, 0), "{what}");
        if count > 1 || !must_stop {
            return;
        }
    }
    panic!("a call on {devices} is always done before it is stopped: {text}")
}

fn cancel_beyond(event: TileEvent, share: f64, token: &CancelToken) {
    if event.fraction() > share {
        token.cancel();
    }
}

/// A folder with the checkpoint of a call that was stopped: tries until one is, before it is done.
fn stopped(mut run: impl FnMut(&Path) -> swath::Result<Report>) -> Folder {
    for _ in 0..50 {
        let folder = Folder::new();
        if let Err(error) = run(&folder.path()) {
            assert!(matches!(error, Error::Cancelled(_)), "{error}");
            return folder;
        }
    }
    panic!("it is always done")
}

/// Who made the memory's file and had it changed in part goes on from what it began with; others are told that it was changed.
#[test]
fn memory_that_outlives_the_process_is_not_updated_twice() {
    let runtime = Runtime::cpu().expect("the engine is always there");
    let kernel = kernel(IN_PLACE);
    let data = Data::new(IN_PLACE);
    let mut expected = data.clone();
    expected.call(&runtime, &kernel, "cpu").run().expect("it runs");
    for is_persistent in [false, true] {
        let mut memory = data.clone();
        let folder = stopped(|path| {
            memory = data.clone();
            let token = CancelToken::new();
            let setup = Setup { runtime: &runtime, kernel: &kernel, devices: "cpu", path, is_persistent };
            let call = setup.call(&mut memory).cancel(&token);
            call.progress(|event| cancel_beyond(event, 0.3, &token)).run()
        });
        assert!(memory.y != data.y && memory.y != expected.y, "it was changed in part");
        let path = folder.path();
        let setup = Setup { runtime: &runtime, kernel: &kernel, devices: "cpu", path: &path, is_persistent };
        let result = setup.call(&mut memory).run();
        if is_persistent {
            assert!(result.expect("it goes on").resumed_units() > 0);
            assert!(memory == expected);
        } else {
            let error = result.expect_err("it is refused").to_string();
            assert!(error.contains("`y` was changed since"), "{error}");
        }
    }
}

#[test]
fn other_calls_are_refused_and_change_nothing() {
    let runtime = Runtime::cpu_engines(&[1, 1]).expect("the engine is always there");
    let scale = kernel(IN_PLACE);
    let data = Data::new(IN_PLACE);
    let folder = stopped(|path| {
        let mut memory = data.clone();
        let token = CancelToken::new();
        let call = memory.call(&runtime, &scale, "cpu").checkpoint(path).cancel(&token);
        call.progress(|event| cancel_beyond(event, 0.3, &token)).run()
    });
    let refused = |change: &dyn Fn(&mut Data), call: &dyn for<'a> Fn(Call<'a>) -> Call<'a>, kernel: &Kernel| {
        let mut memory = data.clone();
        change(&mut memory);
        let before = memory.clone();
        let result = call(memory.call(&runtime, kernel, "cpu")).checkpoint(folder.path()).run();
        let Err(Error::Call(message)) = result else { panic!("{result:?} is not refused") };
        assert!(memory == before);
        message.to_string()
    };
    for (words, error) in [
        ("`x` was changed since", refused(&|data| data.x[7] += 1, &|call| call, &scale)),
        ("`y` was changed since", refused(&|data| data.y[7] += 1, &|call| call, &scale)),
        ("another grid", refused(&|_| (), &|call| call.grid([COUNT + 64]), &scale)),
        ("sizes", refused(&|data| data.y.truncate(COUNT - 1), &|call| call, &scale)),
        ("another kernel", refused(&|_| (), &|call| call, &kernel(&IN_PLACE.replace("3u *", "4u *")))),
        ("another kernel", refused(&|_| (), &|call| call, &kernel(&(IN_PLACE.to_owned() + " ")))),
        ("the CPU engine and the CPU engine", refused(&|_| (), &|call| call.device("cpu,cpu:1"), &scale)),
    ] {
        assert!(error.contains(words) && error.contains("the checkpoint `") && error.contains("help: "), "{error}");
    }
    // The number of tiles may differ.
    let mut memory = data.clone();
    let report = memory.call(&runtime, &scale, "cpu").tiles(7).checkpoint(folder.path()).run().expect("it goes on");
    assert!(report.resumed_units() > 0);
    let mut expected = data.clone();
    expected.call(&runtime, &scale, "cpu").run().expect("it runs");
    assert!(memory == expected);
}

#[test]
fn a_checkpoint_is_for_one_call_at_a_time() {
    let runtime = Runtime::cpu().expect("the engine is always there");
    let kernel = kernel(IN_PLACE);
    let folder = Folder::new();
    let (mut memory, mut other) = (Data::new(IN_PLACE), Data::new(IN_PLACE));
    let mut errors = Vec::new();
    let call = memory.call(&runtime, &kernel, "cpu").checkpoint(folder.path());
    call.progress(|_| {
        if errors.is_empty() {
            let result = other.call(&runtime, &kernel, "cpu").checkpoint(folder.path()).run();
            errors.push(result.expect_err("it is refused").to_string());
        }
    })
    .run()
    .expect("it runs");
    assert!(cfg!(not(unix)) || errors[0].contains("is in use by another process"), "{errors:?}");
}

#[test]
fn resident_data_is_refused() {
    let runtime = Runtime::cpu().expect("the engine is always there");
    let kernel = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(64) fn f(@builtin(global_invocation_id) id: vec3u) { y[id.x] = id.x; }",
    );
    let buffer = runtime.buffer(&[0u32; 64]).expect("it is made");
    let folder = Folder::new();
    let error = runtime.call(&kernel).write("y", &buffer).grid([64]).checkpoint(folder.path()).run();
    let error = error.expect_err("it is refused").to_string();
    assert!(error.contains("`y` is a resident buffer"), "{error}");
    assert!(!folder.path().exists());
}

#[test]
fn a_disk_that_fails_ends_the_call() {
    let runtime = Runtime::cpu().expect("the engine is always there");
    let kernel = kernel(IN_PLACE);
    let mut memory = Data::new(IN_PLACE);
    let call = memory.call(&runtime, &kernel, "cpu").checkpoint("/nowhere/at/all");
    let error = call.run().expect_err("there is no such folder");
    assert!(matches!(error, Error::Io(_)), "{error}");
    assert!(memory == Data::new(IN_PLACE));
}

#[test]
fn a_trace_shows_what_was_resumed() {
    let runtime = Runtime::cpu().expect("the engine is always there");
    let kernel = kernel(IN_PLACE);
    let folder = Folder::new();
    let data = Data::new(IN_PLACE);
    let written = |trace: &swath::Trace| {
        let mut json = Vec::new();
        trace.write(&mut json).expect("memory takes it");
        String::from_utf8(json).expect("UTF-8")
    };
    let trace = runtime.trace();
    data.clone().call(&runtime, &kernel, "cpu").checkpoint(folder.path()).run().expect("it runs");
    let first = written(&trace);
    assert!(first.contains("\"name\":\"checkpoint\"") && !first.contains("\"name\":\"resumed\""), "{first}");
    data.clone().call(&runtime, &kernel, "cpu").checkpoint(folder.path()).run().expect("it runs");
    assert!(written(&trace).contains("\"name\":\"resumed\""));
}

#[test]
fn a_call_that_does_not_block_is_recorded_too() {
    let runtime = Runtime::cpu().expect("the engine is always there");
    let kernel = kernel(IN_PLACE);
    let folder = Folder::new();
    let data = Data::new(IN_PLACE);
    let mut expected = data.clone();
    expected.call(&runtime, &kernel, "cpu").run().expect("it runs");
    for resumed in [0, 313] {
        let call = runtime.call(&kernel).set("factor", 3u32).read("x", data.x.clone()).read_write("y", data.y.clone());
        let outcome = pollster::block_on(call.grid([COUNT]).checkpoint(folder.path()).run_async());
        let mut outcome = outcome.expect("it runs");
        assert_eq!(outcome.report().resumed_units(), resumed);
        assert!(outcome.take::<u32>("y").expect("it is given back") == expected.y);
    }
}
