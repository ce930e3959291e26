//! Calls that leave the device open: where they run, what is predicted, and what is kept.

use std::time::Duration;

use swath::{Call, DeviceChoice, DeviceKind, Error, History, Kernel, Report, Result, Runtime, cost::Basis};

const WGSL: &str = "
struct Params { rounds: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn turn(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&y) { return; }
    var value = x[id.x];
    for (var round = 0u; round < params.rounds; round++) { value = fma(value, 0.5, 0.25); }
    y[id.x] = value;
}";

struct Data {
    x: Vec<f32>,
    y: Vec<f32>,
}

impl Data {
    fn new(count: usize) -> Data {
        Data { x: vec![1.0; count], y: vec![0.0; count] }
    }

    fn call<'a>(&'a mut self, rt: &Runtime, kernel: &Kernel, rounds: u32) -> Call<'a> {
        rt.call(kernel).set("params.rounds", rounds).read("x", &self.x).write("y", &mut self.y)
    }
}

fn kernel(rt: &Runtime) -> Kernel {
    rt.module(WGSL).and_then(|module| module.only_kernel()).unwrap_or_else(|error| panic!("{error}"))
}

/// A runtime that learns for itself; nothing where there is no choice of devices.
fn learning(history: History) -> Option<Runtime> {
    let rt = Runtime::builder().history(history).build().unwrap_or_else(|error| panic!("{error}"));
    if rt.devices().len() < 2 {
        eprintln!("skipped: there is one device");
        return None;
    }
    Some(rt)
}

fn done<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn alias(rt: &Runtime, report: &Report) -> String {
    let device = rt.devices().iter().find(|device| device.name() == report.device());
    device.map(|device| device.alias().to_owned()).unwrap_or_default()
}

#[test]
fn with_nothing_learned_the_order_is_fixed() {
    let Some(rt) = learning(History::Off) else { return };
    let (kernel, mut data) = (kernel(&rt), Data::new(1000));
    rt.measure();
    assert!(rt.devices().iter().all(|device| rt.ceilings(device).is_none()), "nothing is measured");
    let job = done(data.call(&rt, &kernel, 1).plan());
    assert!(job.predictions().is_empty());
    assert!(!job.to_string().contains("predicted"), "{job}");
    let report = done(job.run());
    assert_eq!(report.predicted_time(), None);
    // A software GPU never wins by rank.
    let best = done(rt.device("auto"));
    assert_eq!(report.device(), best.name());
    assert_ne!(best.kind(), DeviceKind::SoftwareGpu);
}

#[test]
fn a_short_program_is_not_kept_waiting_by_measurements() {
    let Some(rt) = learning(History::InMemory) else { return };
    let (kernel, mut data) = (kernel(&rt), Data::new(1000));
    for _ in 0..20 {
        let report = done(data.call(&rt, &kernel, 1).run());
        assert_eq!(report.predicted_time(), None);
        assert_eq!(report.device(), done(rt.device("auto")).name());
    }
    assert!(rt.devices().iter().all(|device| rt.ceilings(device).is_none()));
}

#[test]
fn predictions_are_made_told_and_get_better() {
    let Some(rt) = learning(History::InMemory) else { return };
    let (kernel, mut data) = (kernel(&rt), Data::new(200_000));
    rt.measure();
    for device in rt.devices() {
        let ceilings = rt.ceilings(device).unwrap_or_else(|| panic!("{device:?} was measured"));
        assert!(
            ceilings.arithmetic > 1e6 && ceilings.memory > 1e6 && ceilings.launch < 1.0,
            "{device:?}: {ceilings:?}"
        );
        assert_eq!(ceilings.up.is_finite(), device.kind() != DeviceKind::Cpu);
    }
    let job = done(data.call(&rt, &kernel, 100).plan());
    assert_eq!(job.predictions().len(), rt.devices().len(), "one for each device");
    assert_eq!(job.predictions()[0].device(), job.device(), "what was chosen comes first");
    assert!(job.predictions().iter().all(|each| each.basis() == Basis::Ceilings && each.observations() == 0));
    assert_eq!(job.to_string().matches("  predicted: ").count(), rt.devices().len(), "{job}");
    drop(job);

    let mut chosen = Vec::new();
    for run in 0..8 {
        let report = done(data.call(&rt, &kernel, 100).run());
        assert!(report.predicted_time().is_some(), "run {run}");
        assert!(report.to_string().contains(" predicted"), "{report}");
        chosen.push(alias(&rt, &report));
    }
    let job = done(data.call(&rt, &kernel, 100).plan());
    let seen: u64 = job.predictions().iter().map(|each| each.observations()).sum();
    assert_eq!(seen, 8, "all runs count: {job}");
    assert!(job.predictions().iter().any(|each| each.basis() == Basis::Runs));
    drop(job);
    // Another size of the kernel is told from these.
    let job_of_more = {
        let mut more = Data::new(800_000);
        let job = done(more.call(&rt, &kernel, 100).plan());
        job.predictions().iter().any(|each| each.basis() == Basis::OtherSizes)
    };
    assert!(job_of_more);
    assert!(data.y.iter().all(|y| (y - 0.5).abs() < 1e-6), "wherever it ran: {chosen:?}");
}

/// Where one device is clearly faster, calls end up there.
#[test]
fn the_faster_device_is_chosen() {
    let Some(rt) = learning(History::InMemory) else { return };
    let (kernel, mut data) = (kernel(&rt), Data::new(300_000));
    rt.measure();
    let rounds = 400;
    let mut seconds: Vec<(Duration, String)> = Vec::new();
    for device in rt.devices() {
        let mut time = |_| {
            let report = done(data.call(&rt, &kernel, rounds).device(device).run());
            report.total_time().saturating_sub(report.compile_time())
        };
        let mut times: Vec<Duration> = (0..5).map(&mut time).collect();
        times.sort_unstable();
        seconds.push((times[2], device.alias().to_owned()));
    }
    seconds.sort();
    if seconds[1].0 < 2 * seconds[0].0 {
        return eprintln!("skipped: no device is clearly the fastest: {seconds:?}");
    }
    let report = done(data.call(&rt, &kernel, rounds).run());
    assert_eq!(alias(&rt, &report), seconds[0].1, "{seconds:?}");
}

#[test]
fn what_is_learned_is_there_in_the_next_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = History::Folder(folder.path().join("learned"));
    {
        let Some(rt) = learning(history.clone()) else { return };
        let (kernel, mut data) = (kernel(&rt), Data::new(100_000));
        rt.measure();
        for device in rt.devices() {
            done(data.call(&rt, &kernel, 10).device(device).run());
        }
    }
    let (devices, kernels) = history.learned().expect("read");
    let Some(rt) = learning(history.clone()) else { return };
    assert_eq!(devices.len(), rt.devices().len());
    assert_eq!(kernels.len(), rt.devices().len(), "{kernels:?}");
    assert!(kernels.iter().all(|kernel| kernel.name == "turn" && kernel.observations == 1));
    let (kernel, mut data) = (kernel(&rt), Data::new(100_000));
    let job = done(data.call(&rt, &kernel, 10).plan());
    assert!(job.predictions().iter().all(|each| each.basis() == Basis::Runs && each.observations() == 1), "{job}");
    drop((job, rt));
    history.clear().expect("cleared");
    assert!(history.learned().expect("nothing is there").1.is_empty());
}

#[test]
fn uniforms_that_decide_how_long_it_takes_count() {
    let Some(rt) = learning(History::InMemory) else { return };
    let (kernel, mut data) = (kernel(&rt), Data::new(500_000));
    rt.measure();
    let mut longest = |rounds: u32| {
        let job = done(data.call(&rt, &kernel, rounds).plan());
        job.predictions().iter().map(|each| each.time()).max()
    };
    assert!(longest(1_000_000) > longest(1).map(|time| 4 * time));
}

/// Two engines of one thread each do a long call together.
#[test]
fn a_call_is_shared_where_that_pays() {
    let rt = done(Runtime::cpu_engines_that_learn(&[1, 1], &History::InMemory));
    rt.measure();
    let (kernel, mut data, rounds) = (kernel(&rt), Data::new(100_000), 4000);
    for device in rt.devices() {
        (0..5).for_each(|_| drop(done(data.call(&rt, &kernel, rounds).device(device).run())));
    }
    data.y.fill(0.0);
    let job = done(data.call(&rt, &kernel, rounds).plan());
    assert_eq!(job.plans().count(), 2, "{job}");
    assert!(job.to_string().contains("shared by several devices: "), "{job}");
    assert!(job.plan().shared.as_ref().is_some_and(|why| why.contains("for the best of them alone")), "{job}");
    let first = &job.predictions()[0];
    assert_eq!((first.others().len(), first.basis()), (1, Basis::Alone), "{job}");
    assert_eq!(job.predictions().len(), 3, "together, and each alone: {job}");
    assert!(job.predictions()[1..].iter().all(|alone| alone.time() > first.time()), "{job}");
    let predicted = first.time();
    let report = done(job.run());
    assert_eq!(report.members().len(), 2, "{report}");
    assert_eq!(report.predicted_time(), Some(predicted));
    assert!(report.members().iter().all(|member| member.units() > 0), "{report}");
    assert!(data.y.iter().all(|y| (y - 0.5).abs() < 1e-6));
    // What it took is learned like that of any device, and counts when the choice is made anew.
    (0..16).for_each(|_| drop(done(data.call(&rt, &kernel, rounds).run())));
    let job = done(data.call(&rt, &kernel, rounds).plan());
    let first = &job.predictions()[0];
    // Where others take the cores meanwhile, it may turn out that it does not pay.
    assert!(first.others().is_empty() || first.basis() == Basis::Runs && first.observations() >= 3, "{job}");
    drop(job);

    // Where it does not pay, or is forbidden, one does all of it.
    let alone = |report: Report| assert!(report.members().is_empty(), "{report}");
    alone(done(data.call(&rt, &kernel, rounds).reproducible().run()));
    alone(done(data.call(&rt, &kernel, rounds).device("cpu:1").run()));
    alone(done(data.call(&rt, &kernel, 1).run()));
    let buffer = done(rt.buffer(&data.x));
    alone(done(rt.call(&kernel).set("params.rounds", rounds).read("x", &buffer).write("y", &mut data.y).run()));
}

/// What cannot be cut is asked for once, and runs on one device.
#[test]
fn a_call_that_cannot_be_cut_is_not_shared() {
    let rt = done(Runtime::cpu_engines_that_learn(&[1, 1], &History::InMemory));
    rt.measure();
    let module = rt.module(
        "@group(0) @binding(0) var<storage, read> to: array<u32>;
        @group(0) @binding(1) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(64) fn scatter(@builtin(global_invocation_id) id: vec3u) {
            if id.x >= arrayLength(&to) { return; }
            var value = id.x;
            for (var round = 0u; round < 4000u; round++) { value = value * 1664525u + 1013904223u; }
            y[to[id.x]] = value;
        }",
    );
    let kernel = done(module.and_then(|module| module.only_kernel()));
    let to: Vec<u32> = (0..100_000).rev().collect();
    let mut y = vec![0u32; to.len()];
    for device in rt.devices() {
        (0..5).for_each(|_| {
            drop(done(rt.call(&kernel).read("to", &to).write("y", &mut y).grid([to.len()]).device(device).run()));
        });
    }
    let expected = std::mem::replace(&mut y, vec![0; to.len()]);
    for _ in 0..3 {
        let job = done(rt.call(&kernel).read("to", &to).write("y", &mut y).grid([to.len()]).plan());
        assert_eq!((job.plans().count(), &job.plan().shared), (1, &None), "{job}");
        assert!(job.predictions().iter().all(|each| each.others().is_empty()), "{job}");
        assert!(done(job.run()).members().is_empty());
    }
    assert_eq!(y, expected);
}

#[test]
fn reproducible_calls_run_on_the_engine_or_where_they_are_told() {
    // As a choice of devices, too, for those who hand one on.
    if let Some(rt) = learning(History::Off) {
        let choice = DeviceChoice::from("auto").reproducible();
        assert_eq!(done(rt.devices_of(&choice)), [done(rt.device("cpu"))]);
        let (kernel, mut data) = (kernel(&rt), Data::new(1000));
        assert_eq!(alias(&rt, &done(data.call(&rt, &kernel, 1).device(&choice).run())), "cpu");
        let gpu = DeviceChoice::from("gpu").reproducible();
        assert_eq!(done(rt.devices_of(&gpu)), [done(rt.device("gpu"))]);
        assert!(rt.devices_of(DeviceChoice::from("gpu:0,cpu").reproducible()).is_err());
    }
    let Some(rt) = learning(History::InMemory) else { return };
    let (kernel, mut data) = (kernel(&rt), Data::new(1000));
    rt.measure();
    let report = done(data.call(&rt, &kernel, 1).reproducible().run());
    assert_eq!((alias(&rt, &report).as_str(), report.predicted_time()), ("cpu", None));
    let report = done(data.call(&rt, &kernel, 1).device("all").reproducible().run());
    assert_eq!((alias(&rt, &report).as_str(), report.members().len()), ("cpu", 0));
    let report = done(data.call(&rt, &kernel, 1).device("gpu").reproducible().run());
    assert_eq!(report.device(), done(rt.device("gpu")).name());
    let error = data.call(&rt, &kernel, 1).device("gpu:0,cpu").reproducible().run();
    let Err(Error::Call(message)) = error else { panic!("{error:?}") };
    assert!(message.to_string().contains("a reproducible call runs on one device, and 2 were asked for"), "{message}");
    // Where it does not fit it does not go elsewhere.
    let detour = data.call(&rt, &kernel, 1).device("gpu").memory_limit(16).plan();
    let is_detour = detour.is_ok_and(|job| job.plan().detour.is_some());
    let refused = data.call(&rt, &kernel, 1).device("gpu").memory_limit(16).reproducible().plan();
    assert!(!is_detour || matches!(refused, Err(Error::Unsupported(_))), "{refused:?}");
}
