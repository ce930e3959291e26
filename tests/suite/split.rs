//! Calls that several devices share: the same results as on one.
//!
//! What each device gives alone is what a shared call is compared with. `VK_DRIVER_FILES` with several drivers makes more
//! devices.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::OnceLock,
    time::Duration,
};

#[cfg(feature = "gpu")]
use crate::missing_gpu;
use crate::{
    plan::{check_backwards, check_halves},
    wgsl::kernel,
};
use proptest::prelude::*;
use swath::{CancelToken, Device, Error, Kernel, Report, Runtime, Untyped};

/// All devices of this machine.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        #[cfg(feature = "gpu")]
        crate::validation::watch();
        Runtime::new().expect("there is the CPU engine at least")
    })
}

/// Two CPU engines, which give the same floats.
fn engines() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::cpu_engines(&[1, 1]).expect("the engine is always there"))
}

/// The runtimes, each with at least two devices.
fn runtimes() -> Vec<&'static Runtime> {
    #[cfg(feature = "gpu")]
    if runtime().devices().len() < 2 {
        missing_gpu::skip("no adapter was found");
    }
    [runtime(), engines()].into_iter().filter(|runtime| runtime.devices().len() > 1).collect()
}

/// Every unit was computed by somebody, and counted once.
fn check_members(report: &Report, devices: usize) {
    let units: u32 = report.members().iter().map(|member| member.units()).sum();
    let axis = report.plan().expect("a shared call has a plan").tiles;
    assert_eq!((report.members().len(), units), (devices, axis.units()), "{report}");
    assert_eq!(report.tiles(), report.members().iter().map(|member| member.tiles()).sum::<u32>(), "{report}");
}

const SCALE: &str = "
    @group(0) @binding(0) var<uniform> factor: u32;
    @group(0) @binding(1) var<storage, read> x: array<u32>;
    @group(0) @binding(2) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn scale(@builtin(global_invocation_id) id: vec3u) {
        if id.x < arrayLength(&y) { y[id.x] = factor * x[id.x] + y[id.x] + id.x; }
    }";

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
            sum += src[y * params.width + id.x] * f32(3 - abs(dy)) * 0.37;
        }
        dst[id.y * params.width + id.x] = sum / 9.0 + src[id.y * params.width + id.x];
    }";

/// Outputs that are no arrays of their own stay whole on each device; only what its units write comes back.
const WHOLE: &str = "
    struct List { count: u32, items: array<u32> }
    @group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> fixed: array<u32, 5000>;
    @group(0) @binding(2) var<storage, read_write> list: List;
    @compute @workgroup_size(32) fn whole(@builtin(global_invocation_id) id: vec3u) {
        if id.x >= arrayLength(&x) { return; }
        fixed[id.x] = x[id.x] * 3u + fixed[id.x];
        list.items[id.x] = x[id.x] ^ 0x55u;
    }";

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn members_do_not_show(
        tiles in 1..=64_u32, budget in 0..5_usize, width in 1..70_u32, height in 16..190_u32, n in 130..40_000_usize,
    ) {
        let memory = [None, Some(40_000), Some(60_000), Some(200_000), Some(1 << 20)][budget];
        for runtime in runtimes() {
            let limits = Limits { tiles, memory };
            check_scale(runtime, &limits, n);
            check_blur(runtime, &limits, width, height);
            let report = check_backwards(runtime, height, |call| limits.of(call).device(runtime.devices()));
            check_members(&report, runtime.devices().len());
            check_whole(runtime, tiles, n % 5000);
            check_merged(runtime, &limits, n);
        }
    }
}

struct Limits {
    tiles: u32,
    memory: Option<u64>,
}

impl Limits {
    fn of<'a>(&self, call: swath::Call<'a>) -> swath::Call<'a> {
        let call = call.tiles(self.tiles);
        match self.memory {
            Some(bytes) => call.memory_limit(bytes),
            None => call,
        }
    }
}

fn check_scale(runtime: &Runtime, limits: &Limits, n: usize) {
    let x: Vec<u32> = (0..n as u32).map(|i| i.wrapping_mul(2_654_435_761)).collect();
    let mut y: Vec<u32> = (0..n as u32 + 3).map(|i| i % 77).collect();
    let scale = kernel(SCALE);
    let call = runtime.call(&scale).set("factor", 3u32).read("x", &x).read_write("y", &mut y[..n]).grid([n]);
    let report = limits.of(call).device(runtime.devices()).run().unwrap_or_else(|error| panic!("{error}"));
    check_members(&report, runtime.devices().len());
    let expected = |i: usize| x[i].wrapping_mul(3).wrapping_add(i as u32 % 77 + i as u32);
    let wrong = (0..n).find(|&i| y[i] != expected(i));
    assert_eq!(wrong, None, "{report}");
    assert!((n..n + 3).all(|i| y[i] == i as u32 % 77), "{report}");
}

fn check_blur(runtime: &Runtime, limits: &Limits, width: u32, height: u32) {
    let blur = kernel(BLUR);
    let n = (width * height) as usize;
    let src: Vec<f32> = (0..n).map(|i| ((i * 7919) % 1009) as f32 * 0.37 - 90.0).collect();
    let run = |on: &[Device], limits: &Limits| {
        // Poisoned: what nobody writes shows.
        let mut dst = vec![f32::NAN; n];
        let call = runtime.call(&blur).set("params.width", width).set("params.height", height);
        let call = call.read("src", &src).write("dst", &mut dst).grid([width, height]);
        let report = limits.of(call).device(on).run().unwrap_or_else(|error| panic!("{error}"));
        (dst.into_iter().map(f32::to_bits).collect::<Vec<_>>(), report)
    };
    let alone: Vec<_> = runtime.devices().chunks(1).map(|one| run(one, &Limits { tiles: 1, memory: None }).0).collect();
    let (shared, report) = run(runtime.devices(), limits);
    check_members(&report, runtime.devices().len());
    let wrong = (0..n).find(|&i| alone.iter().all(|alone| alone[i] != shared[i]));
    assert_eq!(wrong, None, "{width} x {height}: {report}");
}

fn check_whole(runtime: &Runtime, tiles: u32, n: usize) {
    let n = n.max(64);
    let whole = kernel(WHOLE);
    let x: Vec<u32> = (0..n as u32).map(|i| i.wrapping_mul(747_796_405)).collect();
    let mut fixed: Vec<u32> = (0..5000).collect();
    let mut list = vec![u32::MAX; n + 9];
    let call =
        runtime.call(&whole).read("x", &x).read_write("fixed", &mut fixed[..]).read_write("list", Untyped(&mut list));
    let report = call.grid([n]).tiles(tiles).device(runtime.devices()).run().unwrap_or_else(|error| panic!("{error}"));
    check_members(&report, runtime.devices().len());
    for (i, value) in (0_u32..).zip(fixed) {
        let added = x.get(i as usize).map_or(0, |x| x.wrapping_mul(3));
        assert_eq!(value, added.wrapping_add(i), "{i}: {report}");
    }
    assert_eq!((list[0], &list[n + 1..]), (u32::MAX, &[u32::MAX; 8][..]), "{report}");
    assert!((0..n).all(|i| list[i + 1] == x[i] ^ 0x55), "{report}");
}

/// One kind of atomic for each binding, on what is there already.
fn check_merged(runtime: &Runtime, limits: &Limits, n: usize) {
    let ops = ["Add", "Min", "Max", "And", "Or", "Xor"];
    let mut declared = String::new();
    let mut body = String::new();
    for (number, op) in ops.iter().enumerate() {
        let name = op.to_lowercase();
        declared +=
            &format!("@group(0) @binding({}) var<storage, read_write> m_{name}: array<atomic<u32>, 8>;\n", number + 1);
        body += &format!("atomic{op}(&m_{name}[value % 8u], value >> 3u);\n");
    }
    let merged = kernel(&format!(
        "@group(0) @binding(0) var<storage, read> data: array<u32>;
         {declared}
         @group(0) @binding(7) var<storage, read_write> signed: array<atomic<i32>, 2>;
         @group(0) @binding(8) var<storage, read_write> copy: array<u32>;
         @compute @workgroup_size(64) fn merged(@builtin(global_invocation_id) id: vec3u) {{
             if id.x >= arrayLength(&data) {{ return; }}
             let value = data[id.x];
             {body}
             atomicMax(&signed[value % 2u], bitcast<i32>(value));
             copy[id.x] = value;
         }}"
    ));
    let data: Vec<u32> = (0..n as u32).map(|i| i.wrapping_mul(747_796_405).rotate_left(9)).collect();
    let run = |on: &[Device], limits: &Limits| {
        let mut bins: Vec<Vec<u32>> = (0..ops.len()).map(|op| vec![0x0123_4567 << op; 8]).collect();
        let (mut signed, mut copy) = ([-5_i32, i32::MIN], vec![0_u32; n]);
        let mut call =
            runtime.call(&merged).read("data", &data).read_write("signed", &mut signed).write("copy", &mut copy);
        for (op, bins) in ops.iter().zip(&mut bins) {
            call = call.read_write(&format!("m_{}", op.to_lowercase()), bins);
        }
        let report = limits.of(call.grid([n])).device(on).run().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(copy, data, "{report}");
        (bins, signed, report)
    };
    let (bins, signed, report) = run(runtime.devices(), limits);
    check_members(&report, runtime.devices().len());
    let fold = |start: u32, combine: fn(u32, u32) -> u32, bin: u32| {
        data.iter().filter(|&&value| value % 8 == bin).fold(start, |all, value| combine(all, value >> 3))
    };
    let combine: [fn(u32, u32) -> u32; 6] =
        [u32::wrapping_add, Ord::min, Ord::max, |a, b| a & b, |a, b| a | b, |a, b| a ^ b];
    for (op, bins) in bins.iter().enumerate() {
        let expected: Vec<u32> = (0..8).map(|bin| fold(0x0123_4567 << op, combine[op], bin)).collect();
        assert_eq!(*bins, expected, "{}: {report}", ops[op]);
    }
    let most = |start: i32, bin: u32| data.iter().filter(|&&v| v % 2 == bin).fold(start, |all, &v| all.max(v as i32));
    assert_eq!(signed, [most(-5, 0), most(i32::MIN, 1)], "{report}");
}

#[test]
fn halves_keep_their_neighbours() {
    for runtime in runtimes() {
        let devices = runtime.devices().iter();
        let devices: Vec<Device> =
            devices.filter(|device| device.info().features.contains(&"shader-f16")).cloned().collect();
        let cases = [(64, 0, 5999), (64, 1, 5901), (3, 0, 5997), (3, 1, 5997), (1, 2, 5001), (64, 2, 5998)];
        check_halves(runtime, &cases, |call| call.tiles(31).device(&devices[..]));
    }
}

/// Host memory that starts at an odd address is copied, range by range.
#[test]
fn data_at_any_address() {
    let n = 30_000_usize;
    let scale = kernel(SCALE);
    let x: Vec<u32> = (0..n as u32).collect();
    for runtime in runtimes() {
        let mut bytes = vec![0_u8; 4 * n + 1];
        let call = runtime.call(&scale).set("factor", 2u32).read("x", &x).read_write("y", Untyped(&mut bytes[1..]));
        let report = call.grid([n]).tiles(23).device(runtime.devices()).run().unwrap_or_else(|error| panic!("{error}"));
        check_members(&report, runtime.devices().len());
        let wrong = bytes[1..].chunks(4).zip(0_u32..).find(|(word, i)| **word != (3 * i).to_ne_bytes());
        assert_eq!(wrong, None, "{report}");
        assert_eq!(bytes[0], 0);
    }
}

#[test]
fn what_cannot_be_divided_runs_on_one_device_and_says_why() {
    let pinned = kernel(
        "@group(0) @binding(0) var<storage, read_write> next: atomic<u32>;
         @group(0) @binding(1) var<storage, read_write> order: array<u32>;
         @compute @workgroup_size(64) fn enlist(@builtin(global_invocation_id) id: vec3u) {
             if id.x < arrayLength(&order) { order[atomicAdd(&next, 1u)] = id.x; }
         }",
    );
    let one = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
         @compute @workgroup_size(64) fn first(@builtin(global_invocation_id) id: vec3u) { if id.x == 0u { y[0] = 7u; } }",
    );
    for runtime in runtimes() {
        let (mut next, mut order) = ([0_u32], vec![0_u32; 1000]);
        let call = runtime.call(&pinned).read_write("next", &mut next).write("order", &mut order).grid([1000]);
        let job = call.device(runtime.devices()).plan().unwrap();
        let reason = job.plan().unsplit.clone().expect("it cannot be cut");
        assert!(reason.contains("`next` cannot be divided") && reason.contains("line 4"), "{reason}");
        assert!(job.to_string().contains("on one device: `next`"), "{job}");
        let report = job.run().unwrap();
        assert!(report.members().is_empty(), "{report}");
        order.sort_unstable();
        assert!(order.iter().zip(0..).all(|(got, i)| *got == i) && next == [1000]);

        let mut y = [0_u32; 1];
        let report = runtime.call(&one).write("y", &mut y).grid([640]).device(runtime.devices()).run().unwrap();
        assert!(report.members().is_empty() && y == [7], "{report}");
    }
}

#[test]
fn names_and_lists_choose_the_devices() {
    let scale = kernel(SCALE);
    let x = vec![1_u32; 10_000];
    let run = |runtime: &Runtime, devices: &str| {
        let mut y = vec![0_u32; 10_000];
        let call = runtime.call(&scale).set("factor", 1u32).read("x", &x).read_write("y", &mut y).grid([10_000]);
        call.device(devices).run().map(|report| (report, y))
    };
    let (report, y) = run(engines(), "cpu, cpu:1").unwrap();
    assert_eq!(report.members().len(), 2);
    assert!(report.members().iter().all(|member| member.units() > 0), "who is listed takes part: {report}");
    assert!(y.iter().zip(0_u32..).all(|(y, i)| *y == i + 1));
    let (report, _) = run(engines(), "all").unwrap();
    assert_eq!(report.members().len(), 2);
    // Twice the same is one.
    assert!(run(engines(), "cpu,cpu").unwrap().0.members().is_empty());
    match run(engines(), "cpu,moon") {
        Err(Error::NoDevice(message)) => assert!(message.to_string().contains("`moon`"), "{message}"),
        other => panic!("{other:?}"),
    }
}

/// A kernel that takes long enough to be stopped.
fn slow() -> (Kernel, usize) {
    let wgsl = "
        @group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(64) fn slow(@builtin(global_invocation_id) id: vec3u) {
            if id.x >= arrayLength(&y) { return; }
            var value = id.x | 1u;
            for (var i = 0u; i < 2000u; i++) { value = value * 747796405u + (value >> 7u); }
            y[id.x] = value;
        }";
    (kernel(wgsl), 1 << 17)
}

#[test]
fn devices_are_free_again_after_a_call_that_ends_early() {
    let (slow, n) = slow();
    for runtime in runtimes() {
        let devices = runtime.devices();
        let expected = {
            let mut y = vec![0_u32; n];
            runtime.call(&slow).write("y", &mut y).grid([n]).device(devices).run().unwrap();
            y
        };
        let mut y = vec![0_u32; n];
        let call = runtime.call(&slow).write("y", &mut y).grid([n]).tiles(64).device(devices);
        let mut told = 0;
        let panicking = call.progress(|_| {
            told += 1;
            assert!(told < 3, "on purpose");
        });
        let caught = panic::catch_unwind(AssertUnwindSafe(|| panicking.run()));
        assert!(caught.is_err());

        let token = CancelToken::new();
        let cancel = token.clone();
        let call = runtime.call(&slow).write("y", &mut y).grid([n]).tiles(64).device(devices).cancel(&token);
        match call
            .progress(|event| {
                if event.tile == 2 {
                    cancel.cancel()
                }
            })
            .run()
        {
            Err(Error::Cancelled(_)) => {}
            other => panic!("{other:?}"),
        }

        let call = runtime.call(&slow).write("y", &mut y).grid([n]).tiles(64).device(devices);
        match call.deadline(Duration::from_millis(2)).run() {
            Err(Error::Deadline(_)) => {}
            other => panic!("{other:?}"),
        }

        // A GPU that was given up may take a while.
        y.fill(0);
        let report = (0..1000).find_map(|_| {
            match runtime.call(&slow).write("y", &mut y).grid([n]).device(devices).run() {
                Err(Error::Busy(_)) => std::thread::sleep(Duration::from_millis(10)),
                other => return Some(other.unwrap_or_else(|error| panic!("{error}"))),
            }
            None
        });
        check_members(&report.expect("the devices come back"), devices.len());
        assert_eq!(y, expected);
    }
}

#[test]
fn progress_is_told_in_order_of_commit() {
    let (slow, n) = slow();
    for runtime in runtimes() {
        let mut y = vec![0_u32; n];
        let mut events = Vec::new();
        let call = runtime.call(&slow).write("y", &mut y).grid([n]).tiles(20).device(runtime.devices());
        let report = call.progress(|event| events.push(event)).run().unwrap();
        assert!(events.len() >= 20, "{report}");
        assert!(events.iter().zip(0..).all(|(event, tile)| event.tile == tile), "{events:?}");
        assert!(events.windows(2).all(|pair| pair[0].units_done < pair[1].units_done), "{events:?}");
        assert_eq!(events.last().map(|event| event.fraction()), Some(1.0));
    }
}

/// All samples: those that can be divided are, and all give what the native reference does.
#[cfg(feature = "cli")]
#[test]
fn samples_are_shared() {
    use swath::samples::{self, Size};
    for runtime in runtimes() {
        let mut shared = Vec::new();
        for sample in samples::all() {
            let size = match sample.name() {
                "matmul" | "mandelbrot" | "nbody" | "shallow_water" | "conv2d" | "path_tracer" => 131,
                "fft" => 70,
                "merkle" => 1003,
                "smith_waterman" => 40,
                "quantum" => 12,
                "knn" => 9000,
                _ => 100_003,
            };
            let mut problem = sample.prepare(Size::Count(size), 11).unwrap();
            let tally = problem.run(runtime, &runtime.devices().into()).unwrap_or_else(|error| panic!("{error}"));
            let verdict = problem.verify();
            assert!(verdict.passed(), "{}: {verdict}", sample.name());
            if !tally.members.is_empty() {
                shared.push(sample.name());
            }
        }
        assert_eq!(
            shared,
            [
                "saxpy",
                "reduce",
                "histogram",
                "matmul",
                "mandelbrot",
                "black_scholes",
                "fft",
                "conv2d",
                "smith_waterman",
                "monte_carlo",
                "knn"
            ]
        );
    }
}

#[test]
fn owned_vectors_are_shared_too() {
    let scale = kernel(SCALE);
    for runtime in runtimes() {
        let n = 50_000_u32;
        let x: Vec<u32> = (0..n).collect();
        let call = runtime.call(&scale).set("factor", 2u32).read("x", x).read_write("y", vec![1_u32; n as usize]);
        let mut outcome = pollster::block_on(call.grid([n]).device(runtime.devices()).run_async()).unwrap();
        check_members(outcome.report(), runtime.devices().len());
        let y = outcome.take::<u32>("y").unwrap();
        assert!(y.iter().zip(0_u32..).all(|(y, i)| *y == 3 * i + 1));
    }
}

#[test]
fn resident_data_stays_where_it_is() {
    let scale = kernel(SCALE);
    let runtime = engines();
    let device = &runtime.devices()[1];
    let y = runtime.buffer_on(device, &[1_u32; 1000]).unwrap();
    let x = vec![5_u32; 1000];
    let call = runtime.call(&scale).set("factor", 2u32).read("x", &x).read_write("y", &y).grid([1000]);
    let report = call.device("all").run().unwrap();
    assert!(report.members().is_empty());
    assert!(y.download().unwrap().iter().zip(0_u32..).all(|(y, i)| *y == 11 + i));
}
