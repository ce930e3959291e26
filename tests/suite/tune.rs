//! Constants that a call leaves open, tuned with its arguments.

use swath::{Error, History, Kernel, Runtime};

use crate::wgsl::kernel;

/// One CPU engine: what is tuned is kept and used where there is no choice of devices, too.
fn engine() -> Runtime {
    Runtime::cpu_engines_that_learn(&[2], &History::InMemory).expect("an engine")
}

/// A kernel whose author chose the worst of all workgroups.
fn squares() -> Kernel {
    kernel(
        "override WG: u32 = 1;
        override FACTOR: u32 = 3;
        @group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(WG) fn squares(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) at: u32) {
            if id.x < arrayLength(&y) { y[id.x] = FACTOR * id.x * id.x + min(at, 0u); }
        }",
    )
}

const MATMUL: &str = "
override TILE: u32 = 4;
struct Params { n: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
var<workgroup> left: array<f32, TILE * TILE>;
var<workgroup> right: array<f32, TILE * TILE>;
@compute @workgroup_size(TILE, TILE)
fn matmul(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) at: vec3u) {
    let n = params.n;
    var sum = 0.0;
    for (var start = 0u; start < n; start += TILE) {
        left[at.y * TILE + at.x] = select(0.0, a[id.y * n + start + at.x], id.y < n && start + at.x < n);
        right[at.y * TILE + at.x] = select(0.0, b[(start + at.y) * n + id.x], id.x < n && start + at.y < n);
        workgroupBarrier();
        for (var k = 0u; k < TILE; k++) { sum += left[at.y * TILE + k] * right[k * TILE + at.x]; }
        workgroupBarrier();
    }
    if id.x < n && id.y < n { c[id.y * n + id.x] = sum; }
}";

const REDUCE: &str = "
override WG: u32 = 32;
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> sum: atomic<u32>;
var<workgroup> parts: array<u32, WG>;
@compute @workgroup_size(WG)
fn reduce(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) at: u32, @builtin(num_workgroups) groups: vec3u) {
    var own = 0u;
    for (var i = id.x; i < arrayLength(&x); i += groups.x * WG) { own += x[i]; }
    parts[at] = own;
    workgroupBarrier();
    for (var half = WG / 2u; half > 0u; half /= 2u) {
        if at < half { parts[at] += parts[at + half]; }
        workgroupBarrier();
    }
    if at == 0u { atomicAdd(&sum, parts[0]); }
}";

const STENCIL: &str = "
override WX: u32 = 8;
override WY: u32 = 8;
struct Params { width: u32, height: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> old: array<f32>;
@group(0) @binding(2) var<storage, read_write> next: array<f32>;
fn at(x: u32, y: u32) -> f32 { return old[y * params.width + x]; }
@compute @workgroup_size(WX, WY)
fn stencil(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.width || id.y >= params.height { return; }
    let left = max(id.x, 1u) - 1u;
    let right = min(id.x + 1u, params.width - 1u);
    let above = max(id.y, 1u) - 1u;
    let below = min(id.y + 1u, params.height - 1u);
    let around = at(left, id.y) + at(right, id.y) + at(id.x, above) + at(id.x, below);
    next[id.y * params.width + id.x] = 0.5 * at(id.x, id.y) + 0.125 * around;
}";

/// Each device finds constants that are at least as good as those written. `--nocapture` shows all times.
#[test]
fn the_best_is_at_least_as_good_as_what_is_written() {
    let rt = Runtime::builder().history(History::InMemory).build().expect("devices");
    let n = 64usize;
    let (a, b): (Vec<f32>, Vec<f32>) = (0..n * n).map(|i| ((i % 7) as f32, (i % 5) as f32 - 2.0)).unzip();
    let mut c = vec![-1.0f32; n * n];
    let matmul = kernel(MATMUL).tune(&rt, &[("TILE", &[2.0, 8.0, 16.0])], |call| {
        call.set("params.n", n as u32).read("a", &a).read("b", &b).write("c", &mut c).grid([n, n])
    });
    let x: Vec<u32> = (0..100_000).collect();
    let mut sum = [7u32];
    let reduce = kernel(REDUCE).tune(&rt, &[("WG", &[16.0, 64.0, 128.0])], |call| {
        call.read("x", &x).read_write("sum", &mut sum).grid([x.len() / 16])
    });
    let (width, height) = (200usize, 150usize);
    let old: Vec<f32> = (0..width * height).map(|i| (i % 11) as f32).collect();
    let mut next = vec![-1.0f32; width * height];
    let stencil = kernel(STENCIL).tune(&rt, &[("WX", &[4.0, 16.0, 64.0]), ("WY", &[1.0, 4.0])], |call| {
        let call = call.set("params.width", width as u32).set("params.height", height as u32);
        call.read("old", &old).write("next", &mut next).grid([width, height])
    });
    for (tuned, count) in [(matmul, 4), (reduce, 4), (stencil, 7)] {
        let tuned = tuned.unwrap_or_else(|error| panic!("{error}"));
        println!("{tuned}");
        assert_eq!(tuned.devices().len(), rt.devices().len());
        assert_eq!(tuned.wrong().count(), 0, "{tuned}");
        for on in tuned.devices() {
            let (best, written) = (on.best().expect("one is right"), &on.variants()[0]);
            assert_eq!(on.variants().len(), count);
            assert!(written.constants().is_empty() && on.is_kept());
            assert!(on.variants().iter().all(|variant| variant.runs() >= 2 || variant.refusal().is_some()), "{tuned}");
            assert!(best.kernel_time() <= written.kernel_time(), "{tuned}");
        }
    }
    assert!(c.iter().chain(&next).all(|value| *value == -1.0) && sum == [7], "what was there is there again");
}

#[test]
fn calls_that_leave_a_constant_open_take_what_was_tuned() {
    let rt = engine();
    let (squares, n) = (squares(), 20_000usize);
    let mut y = vec![9u32; n];
    let tuned = squares.tune(&rt, &[("WG", &[64.0])], |call| call.write("y", &mut y).grid([n]));
    let tuned = tuned.unwrap_or_else(|error| panic!("{error}"));
    let best = tuned.devices()[0].best().expect("both are right");
    assert_eq!(best.constants(), [("WG".to_owned(), 64.0)], "{tuned}");
    assert_eq!(y, vec![9; n]);

    let job = rt.call(&squares).write("y", &mut y).grid([n]).plan().expect("planned");
    assert_eq!(job.plan().tuned.as_deref(), Some("WG = 64"));
    assert!(job.to_string().contains("with WG = 64, found to be the fastest there"), "{job}");
    let report = job.run().expect("run");
    assert_eq!(report.workgroups(), [n.div_ceil(64) as u32, 1, 1]);
    assert!(y.iter().enumerate().all(|(i, y)| *y == 3 * (i * i) as u32));
    // Without a plan, and where the outputs tell the grid.
    for _ in 0..3 {
        let report = rt.call(&squares).write("y", &mut y).grid([n]).run().expect("run");
        assert_eq!(report.workgroups(), [n.div_ceil(64) as u32, 1, 1]);
    }
    let report = rt.call(&squares).write("y", &mut y).run().expect("run");
    assert_eq!(report.workgroups()[0], n.div_ceil(64) as u32);

    // A call that says more than that keeps what is written.
    let written = |report: swath::Report| assert_eq!(report.workgroups(), [n as u32, 1, 1]);
    written(rt.call(&squares).write("y", &mut y).grid([n]).reproducible().run().expect("run"));
    written(rt.call(&squares).write("y", &mut y).workgroups([n]).run().expect("run"));
    written(rt.call(&squares).write("y", &mut y).grid([n]).device("cpu").run().expect("run"));
    let given = squares.with_const("WG", 1).expect("it fits");
    written(rt.call(&given).write("y", &mut y).grid([n]).run().expect("run"));
    // Other constants make another kernel, of which nothing is known; and so do other sizes.
    let other = squares.with_const("FACTOR", 5).expect("it fits");
    written(rt.call(&other).write("y", &mut y).grid([n]).run().expect("run"));
    let mut few = vec![0u32; 1];
    let report = rt.call(&squares).write("y", &mut few).grid([1]).run().expect("run");
    assert_eq!((report.workgroups(), few), ([1, 1, 1], vec![0]));
    // A runtime that keeps nothing uses nothing.
    let off = Runtime::cpu().expect("an engine");
    written(off.call(&squares).write("y", &mut y).grid([n]).run().expect("run"));
}

/// Grids that have as many of the author's workgroups need not have as many of others.
#[test]
fn each_grid_has_workgroups_of_its_own() {
    let rt = engine();
    let kernel = kernel(
        "override WG: u32 = 2;
        @group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(WG) fn k(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) at: u32) {
            if id.x < arrayLength(&y) { y[id.x] = id.x + 1u + min(at, 0u); }
        }",
    );
    let (less, more) = (63 * 317usize, 63 * 317 + 1usize);
    let mut y = vec![0u32; more];
    let tuned = kernel.tune(&rt, &[("WG", &[63.0])], |call| call.write("y", &mut y[..less]).grid([less]));
    assert_eq!(tuned.expect("tuned").devices()[0].best().map(|best| best.constants().len()), Some(1));
    for (n, groups) in [(less, 317), (more, 318), (less, 317)] {
        y.fill(0);
        let report = rt.call(&kernel).write("y", &mut y[..n]).grid([n]).run().expect("run");
        assert_eq!(report.workgroups(), [groups, 1, 1]);
        assert!(y[..n].iter().enumerate().all(|(i, y)| *y == i as u32 + 1));
    }
}

#[test]
fn what_was_tuned_is_there_in_the_next_runtime() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = History::Folder(folder.path().join("history"));
    let open = || Runtime::cpu_engines_that_learn(&[2], &history).expect("an engine");
    let mut y = vec![0u32; 20_000];
    squares().tune(&open(), &[("WG", &[64.0])], |call| call.write("y", &mut y).grid([20_000])).expect("tuned");
    let kept = history.tuned().expect("read");
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].name.as_str(), kept[0].constants.as_slice()), ("squares", &[("WG".to_owned(), 64.0)][..]));
    let report = open().call(&squares()).write("y", &mut y).grid([20_000]).run().expect("run");
    assert_eq!(report.workgroups(), [313, 1, 1]);
    // Found anew, from now on.
    squares().tune(&open(), &[("WG", &[32.0])], |call| call.write("y", &mut y).grid([20_000])).expect("tuned");
    let report = open().call(&squares()).write("y", &mut y).grid([20_000]).run().expect("run");
    assert_eq!(report.workgroups(), [625, 1, 1]);
}

#[test]
fn a_variant_that_gives_other_results_is_named_and_never_chosen() {
    let rt = engine();
    let kernel = kernel(
        "override WG: u32 = 1;
        @group(0) @binding(0) var<storage, read_write> y: array<f32>;
        @compute @workgroup_size(WG) fn wrong(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) at: u32) {
            let one_off = select(0.0, 0.5, WG == 256u && id.x == 9u);
            if id.x < arrayLength(&y) { y[id.x] = f32(id.x + min(at, 0u)) + one_off; }
        }",
    );
    let mut y = vec![0.0f32; 20_000];
    let values: &[f64] = &[256.0, 64.0, 1e6];
    let tuned = kernel.tune(&rt, &[("WG", values)], |call| call.write("y", &mut y).grid([20_000])).expect("tuned");
    let wrong: Vec<_> = tuned.wrong().collect();
    assert_eq!(wrong.len(), 1, "{tuned}");
    assert_eq!(wrong[0].1.constants(), [("WG".to_owned(), 256.0)]);
    assert_eq!((wrong[0].2, wrong[0].1.runs()), ("`y[9]` is 9.5, not 9", 0));
    let on = &tuned.devices()[0];
    // Which of the right ones is the fastest is the machine's to say: the default, or 64.
    let best = on.best().expect("two are right").constants();
    assert!(best.is_empty() || *best == [("WG".to_owned(), 64.0)], "{tuned}");
    let refusal = on.variants()[3].refusal().expect("a workgroup of a million");
    assert!(refusal.contains("Workgroup size"), "{refusal}");
}

#[test]
fn what_cannot_be_tuned_is_refused() {
    let rt = engine();
    let mut y = vec![0u32; 64];
    let mut refuse = |kernel: &Kernel, values: &[(&str, &[f64])], part: &str| {
        let error = kernel.tune(&rt, values, |call| call.write("y", &mut y).grid([64])).expect_err(part);
        assert!(matches!(error, Error::Call(_) | Error::Kernel(_)) && error.to_string().contains(part), "{error}");
    };
    let squares = squares();
    refuse(&squares, &[], "nothing to tune");
    refuse(&squares, &[("WG", &[])], "no values for `WG`");
    refuse(&squares, &[("WG", &[1.0]), ("WG", &[2.0])], "`WG` is given twice");
    refuse(&squares, &[("NONE", &[1.0])], "no override constant `NONE`");
    refuse(&squares, &[("WG", &[1.5])], "not a whole number");
    let many: Vec<f64> = (1..=300).map(f64::from).collect();
    refuse(&squares, &[("WG", &many)], "more than 256 variants");
    let given = squares.with_const("WG", 8).expect("it fits");
    refuse(&given, &[("WG", &[1.0])], "not all of these are open: WG = 1");
    let unused = kernel(
        "override N: u32 = 1;
        @group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) { y[id.x] = id.x; }",
    );
    refuse(&unused, &[("N", &[1.0, 2.0])], "not all of these are open: N = 1");

    let buffer = rt.buffer(&[0u32; 64]).expect("a buffer");
    let values: &[(&str, &[f64])] = &[("WG", &[64.0])];
    let error = squares.tune(&rt, values, |call| call.write("y", &buffer).grid([64])).expect_err("a buffer");
    assert!(error.to_string().contains("data of the host"), "{error}");
    let error = squares.tune(&rt, values, |call| call.grid([64])).expect_err("`y` is missing");
    assert!(error.to_string().contains('y'), "{error}");
    let error = squares.tune(&rt, values, |call| call.write("y", &mut y).grid([64]).reproducible());
    assert!(error.expect_err("reproducible").to_string().contains("reproducible"));
}
