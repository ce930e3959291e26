//! Plans, and calls in any number of tiles: the same results as in one.
//!
//! What a GPU cannot hold goes to the CPU engine, so these tests want it beside the GPUs.
#![cfg(feature = "cpu")]

use std::sync::OnceLock;

#[cfg(feature = "gpu")]
use crate::missing_gpu;
use crate::wgsl::kernel;
use half::f16;
use proptest::prelude::*;
use swath::{
    Call, CancelToken, Device, Error, Report, Runtime,
    access::Verdict,
    plan::{Reason, Residency},
};

/// The devices of this machine that tests run on.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("there is the CPU engine at least"))
}

fn devices() -> Vec<Device> {
    #[cfg(feature = "gpu")]
    if runtime().devices().iter().all(|device| device.alias() != "gpu:0") {
        missing_gpu::skip("no adapter was found");
    }
    runtime().devices().to_vec()
}

const SCALE: &str = "
    @group(0) @binding(0) var<uniform> factor: u32;
    @group(0) @binding(1) var<storage, read> x: array<u32>;
    @group(0) @binding(2) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn scale(@builtin(global_invocation_id) id: vec3u) {
        if id.x < arrayLength(&y) { y[id.x] = factor * x[id.x] + id.x; }
    }";

/// A smoothed row with clamped edges, and a row sum in between, so that there are a halo and floats.
const BLUR: &str = "
    struct Params { width: u32, height: u32 }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read> src: array<f32>;
    @group(0) @binding(2) var<storage, read_write> dst: array<f32>;
    @compute @workgroup_size(8, 8) fn blur(@builtin(global_invocation_id) id: vec3u) {
        if id.x >= params.width || id.y >= params.height { return; }
        var sum = 0.0;
        for (var dy = -2i; dy <= 2; dy++) {
            let y = u32(clamp(i32(id.y) + dy, 0, i32(params.height) - 1));
            sum += src[y * params.width + id.x] * f32(3 - abs(dy));
        }
        dst[id.y * params.width + id.x] = sum / 9.0;
    }";

const HISTOGRAM: &str = "
    @group(0) @binding(0) var<storage, read> data: array<u32>;
    @group(0) @binding(1) var<storage, read_write> bins: array<atomic<u32>, 16>;
    @compute @workgroup_size(64) fn histogram(@builtin(global_invocation_id) id: vec3u) {
        if id.x < arrayLength(&data) { atomicAdd(&bins[data[id.x] % 16u], 1u); }
    }";

/// Rows that are turned around within their workgroups, the last workgroup first.
const BACKWARDS: &str = "
    @group(0) @binding(0) var<storage, read> x: array<vec4u>;
    @group(0) @binding(1) var<storage, read_write> y: array<vec4u>;
    var<workgroup> row: array<vec4u, 32>;
    @compute @workgroup_size(32) fn backwards(
        @builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) at: u32,
        @builtin(num_workgroups) groups: vec3u,
    ) {
        row[at] = x[id.x];
        workgroupBarrier();
        y[groups.x * 32u - 1u - id.x] = row[at] + vec4u(groups.x);
    }";

#[test]
fn what_fits_is_one_tile() {
    let (x, mut y) = (vec![1_u32; 1000], vec![0_u32; 1000]);
    let kernel = kernel(SCALE);
    for device in devices() {
        let call = runtime().call(&kernel).set("factor", 3u32).read("x", &x).write("y", &mut y).grid([1000]);
        let job = call.device(&device).plan().unwrap();
        assert_eq!(job.plan().tiles.count(), 1, "{job}");
        assert!(job.plan().reasons.is_empty() && !job.plan().is_streamed(), "{job}");
        let report = job.run().unwrap();
        assert_eq!((report.tiles(), report.device()), (1, device.name()));
        assert_eq!(y[999], 3 + 999);
    }
}

#[test]
fn a_memory_limit_streams_what_follows_the_grid() {
    let n = 100_003_u32;
    let x: Vec<u32> = (0..n).collect();
    let mut y = vec![7_u32; n as usize + 5];
    let kernel = kernel(SCALE);
    for device in devices() {
        y.fill(7);
        let call = runtime().call(&kernel).set("factor", 3u32).read("x", &x).write("y", &mut y[..n as usize]);
        let job = call.grid([n]).device(&device).memory_limit(64 << 10).plan().unwrap();
        if device.alias() != "cpu" {
            assert!(job.plan().is_streamed(), "{job}");
            assert!(job.plan().device_bytes <= 64 << 10, "{job}");
            assert!(matches!(job.plan().reasons[..], [Reason::Memory { asked: true, .. }]), "{job}");
            assert!(job.plan().tiles.count() > 12, "{job}");
        }
        let count = job.plan().tiles.count();
        let report = job.run().unwrap();
        assert_eq!(report.tiles(), count);
        assert!((0..n).all(|i| y[i as usize] == 4 * i), "on {}", device.alias());
        assert_eq!(y[n as usize..], [7; 5]);
    }
}

/// What does not follow the grid stays on the device; a limit that it breaks sends the call to the CPU engine.
#[test]
fn what_cannot_be_cut_stays_or_goes_to_the_engine() {
    let gather = kernel(
        "@group(0) @binding(0) var<storage, read> places: array<u32>;
         @group(0) @binding(1) var<storage, read> table: array<u32>;
         @group(0) @binding(2) var<storage, read_write> to: array<u32>;
         @compute @workgroup_size(64) fn gather(@builtin(global_invocation_id) id: vec3u) {
             if id.x < arrayLength(&to) { to[id.x] = table[places[id.x]]; }
         }",
    );
    let n = 50_000_u32;
    let from: Vec<u32> = (0..n).map(|i| i.wrapping_mul(2_654_435_761) % 1100).collect();
    let table: Vec<u32> = (0..1000).map(|i| i * i + 1).collect();
    // Out of bounds reads zero.
    let expected: Vec<u32> = from.iter().map(|&i| table.get(i as usize).copied().unwrap_or(0)).collect();
    for device in devices().iter().filter(|device| device.alias() != "cpu") {
        let mut to = vec![0; n as usize];
        let call = runtime().call(&gather).read("places", &from).read("table", &table).write("to", &mut to);
        let job = call.grid([n]).device(device).memory_limit(100 << 10).plan().unwrap();
        let places: Vec<_> = job.plan().bindings.iter().map(|binding| binding.residency).collect();
        assert_eq!(places, [Residency::Streamed, Residency::Whole, Residency::Streamed], "{job}");
        assert_eq!(job.plan().bindings[1].verdict, Verdict::Whole);
        job.run().unwrap();
        assert_eq!(to, expected);

        to.fill(0);
        let call = runtime().call(&gather).read("places", &from).read("table", &table).write("to", &mut to);
        let job = call.grid([n]).device(device).memory_limit(3000).plan().unwrap();
        let detour = job.plan().detour.as_ref().expect("4000 bytes of table do not fit");
        assert!(detour.device.contains(device.name()) && detour.reason.contains("3000 bytes"), "{job}");
        assert_eq!(job.device().alias(), "cpu");
        job.run().unwrap();
        assert_eq!(to, expected);
    }
}

#[test]
fn a_histogram_streams_its_data_and_keeps_its_bins() {
    let data: Vec<u32> = (0..200_001_u32).map(|i| i.wrapping_mul(747_796_405) >> 7).collect();
    let mut expected = vec![1_u32; 16];
    data.iter().for_each(|&x| expected[x as usize % 16] += 1);
    let kernel = kernel(HISTOGRAM);
    for device in devices() {
        let mut bins = vec![1_u32; 16];
        let call = runtime().call(&kernel).read("data", &data).read_write("bins", &mut bins).grid([data.len()]);
        let report = call.device(&device).memory_limit(50_000).run().unwrap();
        assert_eq!(bins, expected, "{report}");
        assert!(device.alias() == "cpu" || report.tiles() > 16, "{report}");
    }
}

/// Some tiles read a binding that only others write.
#[test]
fn tiles_that_only_read_leave_things_as_they_are() {
    let kernel = kernel(
        "@group(0) @binding(0) var<uniform> half: u32;
         @group(0) @binding(1) var<storage, read_write> y: array<u32>;
         @group(0) @binding(2) var<storage, read_write> seen: array<u32>;
         @compute @workgroup_size(64) fn some(@builtin(global_invocation_id) id: vec3u) {
             if id.x >= arrayLength(&y) { return; }
             let value = y[id.x];
             seen[id.x] = value;
             if id.x < half { y[id.x] = value + 1u; }
         }",
    );
    let n = 20_000_u32;
    for device in devices() {
        let mut y: Vec<u32> = (0..n).collect();
        let mut seen = vec![u32::MAX; n as usize];
        let call = runtime().call(&kernel).set("half", n / 2 + 7).read_write("y", &mut y).write("seen", &mut seen);
        let report = call.grid([n]).device(&device).memory_limit(20_000).run().unwrap();
        assert!(device.alias() == "cpu" || report.tiles() > 8, "{report}");
        assert!((0..n).all(|i| y[i as usize] == i + u32::from(i < n / 2 + 7)), "{report}");
        assert!((0..n).all(|i| seen[i as usize] == i), "{report}");
    }
}

#[test]
fn halves_keep_their_neighbours() {
    for device in devices().iter().filter(|device| device.info().features.contains(&"shader-f16")) {
        let cases = [(64, 0, 5999), (64, 0, 5120), (64, 1, 5901), (3, 0, 5997), (1, 2, 5001), (64, 2, 5998)];
        check_halves(runtime(), &cases, |call| call.device(device).tiles(7).memory_limit(20_000));
    }
}

/// Halves: parts that start or end within a word, and what nobody writes. Cases are the size of a workgroup, how far on is
/// written, and how many; `set` says how a call runs.
pub fn check_halves(runtime: &Runtime, cases: &[(u32, u32, usize)], set: impl Fn(Call<'_>) -> Call<'_>) {
    let wgsl = |size: u32, shift: u32| {
        format!(
            "enable f16;
             @group(0) @binding(0) var<uniform> n: u32;
             @group(0) @binding(1) var<storage, read> x: array<f16>;
             @group(0) @binding(2) var<storage, read_write> y: array<f16>;
             @compute @workgroup_size({size}) fn halves(@builtin(global_invocation_id) id: vec3u) {{
                 if id.x < n {{ y[id.x + {shift}u] = x[id.x] * 2h; }}
             }}"
        )
    };
    let len = 6000;
    let x: Vec<f16> = (0..len).map(|i| f16::from_f32((i % 900) as f32)).collect();
    for &(size, shift, n) in cases {
        let kernel = kernel(&wgsl(size, shift));
        let mut y = vec![f16::NEG_INFINITY; len];
        let call = runtime.call(&kernel).set("n", n as u32).read("x", &x).write("y", &mut y).grid([n]);
        let report = set(call).run().unwrap_or_else(|error| panic!("{error}"));
        for (i, y) in y.iter().enumerate() {
            let inside = (shift as usize..shift as usize + n).contains(&i);
            let expected = if inside { x[i - shift as usize] + x[i - shift as usize] } else { f16::NEG_INFINITY };
            assert_eq!(*y, expected, "{i} of {n}, {size} at a time, {shift} on: {report}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tiles_and_budgets_do_not_show(
        tiles in 1..=64_u32, budget in 0..6_usize, width in 1..70_u32, height in 1..90_u32, groups in 1..90_u32,
    ) {
        let memory = [None, Some(2_000_u64), Some(5_000), Some(20_000), Some(60_000), Some(1 << 20)][budget];
        for device in devices() {
            check_blur(&device, tiles, memory, width, height);
            check_backwards(runtime(), groups, |call| {
                let call = call.device(&device).tiles(tiles);
                match memory {
                    Some(memory) => call.memory_limit(memory),
                    None => call,
                }
            });
        }
    }
}

fn check_blur(device: &Device, tiles: u32, memory: Option<u64>, width: u32, height: u32) {
    let kernel = kernel(BLUR);
    let n = (width * height) as usize;
    let src: Vec<f32> = (0..n).map(|i| ((i * 7919) % 1009) as f32 * 0.37 - 90.0).collect();
    let run = |tiles: Option<u32>, memory: Option<u64>, device: &Device| {
        // Poisoned: what a tile fails to write shows.
        let mut dst = vec![f32::NAN; n];
        let mut call = runtime().call(&kernel).set("params.width", width).set("params.height", height);
        call = call.read("src", &src).write("dst", &mut dst).grid([width, height]).device(device);
        if let Some(tiles) = tiles {
            call = call.tiles(tiles);
        }
        if let Some(memory) = memory {
            call = call.memory_limit(memory);
        }
        let report = call.run().unwrap_or_else(|error| panic!("{error}"));
        assert!(dst.iter().all(|x| x.is_finite()), "{report}");
        (dst.into_iter().map(f32::to_bits).collect::<Vec<_>>(), report)
    };
    let (found, report) = run(Some(tiles), memory, device);
    // What does not fit goes to the CPU engine, which fuses where a GPU may not.
    let ran_on =
        devices().into_iter().find(|device| device.name() == report.device()).expect("a device of the runtime");
    let (expected, _) = run(None, None, &ran_on);
    let differs = found.iter().zip(&expected).position(|(a, b)| a != b);
    assert_eq!(differs, None, "{tiles} tiles, {memory:?}, {width} x {height}: {report}");
}

/// Rows that are turned around within their workgroups, the last workgroup first; `set` says how the call runs.
pub fn check_backwards(runtime: &Runtime, groups: u32, set: impl Fn(Call<'_>) -> Call<'_>) -> Report {
    let kernel = kernel(BACKWARDS);
    let n = groups as usize * 128;
    let x: Vec<u32> = (0..n as u32).map(|i| i ^ 0x5a5a).collect();
    let mut y = vec![u32::MAX; n];
    let call = runtime.call(&kernel).read("x", &x).write("y", &mut y).workgroups([groups]);
    let report = set(call).run().unwrap_or_else(|error| panic!("{error}"));
    for (at, value) in y.iter().enumerate() {
        let mirrored = n - 4 - at / 4 * 4 + at % 4;
        assert_eq!(*value, x[mirrored] + groups, "{at} of {report}");
    }
    report
}

#[test]
fn huge_grids_plan_at_once_and_print_briefly() {
    let kernel = kernel("@compute @workgroup_size(1) fn nothing() {}");
    for device in devices() {
        let start = std::time::Instant::now();
        let job = runtime().call(&kernel).workgroups([70_000, 70_000]).device(&device).plan().unwrap();
        let took = start.elapsed();
        assert!(took.as_millis() < 500, "{took:?}");
        let text = job.to_string();
        assert!(text.lines().count() < 8, "{text}");
    }
}

/// A time step's changing number plans nothing anew; a changed width does.
#[test]
fn plans_are_found_again_by_what_they_depend_on() {
    let kernel = kernel(
        "struct Params { width: u32, time: f32 }
         @group(0) @binding(0) var<uniform> params: Params;
         @group(0) @binding(1) var<storage, read_write> y: array<f32>;
         @compute @workgroup_size(8, 8) fn step(@builtin(global_invocation_id) id: vec3u) {
             if id.x < params.width { y[id.y * params.width + id.x] = params.time; }
         }",
    );
    let mut y = vec![0.0_f32; 64 * 64];
    let mut plan = |width: u32, time: f32| {
        let call = runtime().call(&kernel).set("params.width", width).set("params.time", time).write("y", &mut y);
        let job = call.grid([64, 64]).device("cpu").plan().unwrap();
        (std::ptr::from_ref(job.plan()) as usize, format!("{:?}", job.plan().bindings[1].verdict))
    };
    let first = plan(64, 0.0);
    assert_eq!(plan(64, 1.0), first);
    assert_ne!(plan(32, 1.0).0, first.0);
    assert_eq!(plan(64, 2.0), first);
}

#[test]
fn a_grid_is_inferred_where_the_outputs_agree() {
    let scale = kernel(SCALE);
    let x: Vec<u32> = (0..1000).collect();
    for device in devices() {
        let mut y = vec![0_u32; 1000];
        let call = runtime().call(&scale).set("factor", 2u32).read("x", &x).write("y", &mut y).device(&device);
        let report = call.run().unwrap();
        assert_eq!(report.workgroups(), [16, 1, 1]);
        assert!((0..1000).all(|i| y[i as usize] == 3 * i));
    }
    // No bounds check in the kernel: what the last workgroup writes too much is dropped.
    let bare = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
         @compute @workgroup_size(64) fn bare(@builtin(global_invocation_id) id: vec3u) { y[id.x] = id.x; }",
    );
    let mut y = vec![9_u32; 100];
    runtime().call(&bare).write("y", &mut y).device("cpu").run().unwrap();
    assert!((0..100).all(|i| y[i as usize] == i));
}

#[test]
fn a_grid_that_the_outputs_do_not_tell_is_asked_for() {
    let refused = |wgsl: &str, lengths: &[usize]| {
        let kernel = kernel(wgsl);
        let mut data: Vec<Vec<u32>> = lengths.iter().map(|&len| vec![0; len]).collect();
        let mut call = runtime().call(&kernel).device("cpu");
        for (name, data) in ["a", "b"].iter().zip(&mut data) {
            call = call.read_write(name, data);
        }
        match call.run() {
            Err(Error::Call(message)) => message.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let head = "@group(0) @binding(0) var<storage, read_write> a: array<u32>;
        @group(0) @binding(1) var<storage, read_write> b: array<u32>;
        @compute @workgroup_size(64) fn two(@builtin(global_invocation_id) id: vec3u) {";
    let cases = [
        refused(&format!("{head} a[id.x] = 1u; b[id.x] = 2u; }}"), &[100, 101]),
        refused(&format!("{head} a[id.x] = 1u; b[id.x * 2u] = 2u; }}"), &[128, 128]),
        refused(&format!("{head} a[id.x] = 1u; b[a[id.x]] = 2u; }}"), &[128, 128]),
        refused(&format!("{head} a[id.y] = 1u; b[id.x] = 2u; }}"), &[128, 128]),
        refused(
            &head.replace("64", "8, 8").replace("two", "flat").to_string().replace('{', "{ a[id.x] = b[id.x]; }"),
            &[8, 8],
        ),
    ];
    insta::assert_snapshot!(cases.join("\n"));
}

#[test]
fn progress_is_told_tile_by_tile_and_a_cancelled_call_ends() {
    let n = 1 << 20;
    let kernel = kernel(SCALE);
    let x = vec![1_u32; n];
    for device in devices() {
        for memory in [None, Some(1 << 20)] {
            let mut y = vec![0_u32; n];
            let mut seen = Vec::new();
            let mut call = runtime().call(&kernel).set("factor", 1u32).read("x", &x).write("y", &mut y).grid([n]);
            if let Some(memory) = memory {
                call = call.memory_limit(memory);
            }
            let report = call.device(&device).progress(|event| seen.push((event.tile, event.tiles))).run().unwrap();
            let tiles = report.tiles();
            assert!(tiles >= 8, "{report}");
            assert_eq!(seen, (0..tiles).map(|tile| (tile, tiles)).collect::<Vec<_>>());

            let token = CancelToken::new();
            let cancel = token.clone();
            let mut told = 0;
            let mut call = runtime().call(&kernel).set("factor", 1u32).read("x", &x).write("y", &mut y).grid([n]);
            if let Some(memory) = memory {
                call = call.memory_limit(memory);
            }
            let stopped = call.device(&device).tiles(64).cancel(&token).progress(|event| {
                told += 1;
                if event.tile == 1 {
                    cancel.cancel();
                }
            });
            match stopped.run() {
                Err(Error::Cancelled(_)) => {}
                other => panic!("{other:?}"),
            }
            assert!(told < 10, "{told} tiles ran after the second one cancelled the call");
        }
    }
}
