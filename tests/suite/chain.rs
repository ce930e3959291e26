//! Chains, on every kind of device: against the same calls one by one, and what is wrong with them.
//!
//! Without a GPU the tests on one are skipped, and say so; with `SWATH_REQUIRE_GPU=1` they fail.

#[cfg(feature = "cpu")]
#[path = "chain/branches.rs"]
mod branches;
#[path = "chain/checkpoint.rs"]
pub mod checkpoint;
#[path = "chain/errors.rs"]
mod errors;
#[path = "chain/loops.rs"]
mod loops;
#[path = "chain/memory.rs"]
mod memory;
#[path = "chain/stop.rs"]
mod stop;

use std::sync::OnceLock;

#[cfg(feature = "gpu")]
use crate::first_gpu;
use swath::{Chain, Device, DeviceKind, Kernel, Module, Runtime};

const WGSL: &str = "
struct Params { factor: u32, offset: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<u32>;
@group(0) @binding(2) var<storage, read_write> dst: array<u32>;
@group(0) @binding(3) var<storage, read_write> total: array<atomic<u32>>;

// dst[i] = factor * src[i] + offset
@compute @workgroup_size(64) fn scale(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&src) { dst[id.x] = params.factor * src[id.x] + params.offset; }
}

// dst[i] = src[i - 1] + src[i] + src[i + 1], around the ends
@compute @workgroup_size(64) fn spread(@builtin(global_invocation_id) id: vec3u) {
    let n = arrayLength(&src);
    if id.x < n { dst[id.x] = src[(id.x + n - 1u) % n] + src[id.x] + src[(id.x + 1u) % n]; }
}

// dst[i] += src[i]
@compute @workgroup_size(64) fn add(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&src) { dst[id.x] += src[id.x]; }
}

// total[0] += the sum of src
@compute @workgroup_size(64) fn sum(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&src) { atomicAdd(&total[0], src[id.x]); }
}

// dst[k] = the place along x of invocation k * 2^16, and how many workgroups there are
@compute @workgroup_size(1)
fn far(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
    if id.x % 65536u == 0u { dst[id.x / 65536u] = id.x + count.x; }
}

// dst[0] = the length of src
@compute @workgroup_size(1) fn length() { dst[0] = arrayLength(&src); }
";

fn kernel(name: &str) -> Kernel {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| Module::parse(WGSL).expect("the WGSL is right")).kernel(name).expect("it is a kernel")
}

/// A runtime and a device of each kind that there is.
fn devices() -> Vec<(Runtime, Device)> {
    let mut all = Vec::new();
    #[cfg(feature = "cpu")]
    for runtime in [Runtime::cpu(), Runtime::cpu_interpreter()] {
        let runtime = runtime.expect("the engine is always there");
        let device = runtime.device("cpu").expect("the engine is always there");
        all.push((runtime, device));
    }
    #[cfg(feature = "gpu")]
    all.extend(first_gpu().cloned());
    all
}

/// The same, each to itself: a device that was given up is refused to everybody for a while.
fn own_devices() -> Vec<(Runtime, Device)> {
    let all = devices();
    let own = |(runtime, device): (Runtime, Device)| match device.kind() {
        DeviceKind::Cpu => (runtime, device),
        _ => {
            let runtime = Runtime::new().expect("there was one before");
            let device = runtime.device("gpu").expect("there was one before");
            (runtime, device)
        }
    };
    all.into_iter().map(own).collect()
}

/// Numbers without a pattern.
fn numbers(count: usize, seed: u32) -> Vec<u32> {
    (0..count as u32).map(|i| (i ^ seed).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_add(seed)).collect()
}

/// What `spread` does.
fn spread(src: &[u32]) -> Vec<u32> {
    let n = src.len();
    let at = |i: usize| src[i % n];
    (0..n).map(|i| at(i + n - 1).wrapping_add(at(i)).wrapping_add(at(i + 1))).collect()
}

/// Input, two scratches, two outputs: scale, spread, add, sum.
struct Pipeline {
    chain: Chain,
    src: swath::chain::Slot<u32>,
    dst: swath::chain::Slot<u32>,
    total: swath::chain::Slot<u32>,
}

fn pipeline(runtime: &Runtime, device: &Device, n: usize) -> Pipeline {
    let mut chain = runtime.chain();
    let src = chain.input::<u32>(n);
    let (scaled, wide) = (chain.scratch::<u32>(n), chain.scratch::<u32>(n));
    let (dst, total) = (chain.output::<u32>(n), chain.output::<u32>(1));
    chain
        .call(&kernel("scale"))
        .set("params.factor", 3u32)
        .set("params.offset", 7u32)
        .bind("src", src)
        .bind("dst", scaled)
        .grid([n]);
    chain.call(&kernel("spread")).bind("src", scaled).bind("dst", wide).grid([n]);
    // `dst` starts as zeros.
    chain.call(&kernel("add")).bind("src", wide).bind("dst", dst).grid([n]);
    chain.call(&kernel("add")).bind("src", src).bind("dst", dst).grid([n]);
    chain.call(&kernel("sum")).bind("src", dst).bind("total", total).grid([n]);
    chain.device(device);
    Pipeline { chain: chain.build().expect("the chain is right"), src, dst, total }
}

/// The same by calls one by one, from and to host slices.
fn one_by_one(runtime: &Runtime, device: &Device, src: &[u32]) -> (Vec<u32>, u32) {
    let n = src.len();
    let (mut scaled, mut wide, mut dst, mut total) = (vec![0u32; n], vec![0u32; n], vec![0u32; n], [0u32]);
    let call = |name: &str| runtime.call(&kernel(name)).device(device);
    call("scale")
        .set("params.factor", 3u32)
        .set("params.offset", 7u32)
        .read("src", src)
        .write("dst", &mut scaled)
        .grid([n])
        .run()
        .unwrap();
    call("spread").read("src", &scaled).write("dst", &mut wide).grid([n]).run().unwrap();
    call("add").read("src", &wide).read_write("dst", &mut dst).grid([n]).run().unwrap();
    call("add").read("src", src).read_write("dst", &mut dst).grid([n]).run().unwrap();
    call("sum").read("src", &dst).read_write("total", &mut total).grid([n]).run().unwrap();
    (dst, total[0])
}

#[test]
fn a_chain_does_what_its_calls_do() {
    for (runtime, device) in devices() {
        for n in [1, 63, 64, 1000, 100_003] {
            let Pipeline { chain, src, dst, total } = pipeline(&runtime, &device, n);
            assert_eq!(chain.device(), &device);
            for seed in 0..3 {
                // Nobody relies on what the chain's memory holds before a run.
                chain.poison(0xa5 + seed as u8).unwrap();
                let data = numbers(n, seed);
                let (mut out, mut sum) = (vec![9; n], [9]);
                let report = chain.run([src.from(&data)], [dst.into(&mut out), total.into(&mut sum)]).unwrap();
                let expected = one_by_one(&runtime, &device, &data);
                assert_eq!((out, sum[0]), expected, "{} at {n}", device.name());
                assert_eq!(report.dispatches(), 5);
                assert_eq!((report.bytes_up(), report.bytes_down()), (4 * n as u64, 4 * n as u64 + 4));
                assert!(report.kernel_time() <= report.total_time());
                assert_eq!(report.device(), device.name());
                assert_eq!(report.interpreted(), device.info().driver.starts_with("interp"));
            }
        }
    }
}

#[test]
fn calls_that_have_nothing_to_do_are_a_chain() {
    for (runtime, device) in devices() {
        let mut chain = runtime.chain();
        let (src, dst) = (chain.input::<u32>(3), chain.output::<u32>(3));
        chain.call(&kernel("add")).bind("src", src).bind("dst", dst).grid(0);
        chain.device(&device);
        let chain = chain.build().expect("the chain is right");
        let mut out = vec![9; 3];
        let report = chain.run([src.from(&[1, 2, 3])], [dst.into(&mut out)]).unwrap();
        // An output starts as zeros.
        assert_eq!((out, report.dispatches()), (vec![0; 3], 0));
    }
}

#[test]
fn outputs_that_are_not_asked_for_stay_where_they_are() {
    for (runtime, device) in devices() {
        let Pipeline { chain, src, total, .. } = pipeline(&runtime, &device, 500);
        let data = numbers(500, 4);
        let mut sum = [0];
        let report = chain.run([src.from(&data)], [total.into(&mut sum)]).unwrap();
        assert_eq!((sum[0], report.bytes_down()), (one_by_one(&runtime, &device, &data).1, 4));
    }
}

#[test]
fn values_are_chosen_by_each_run() {
    for (runtime, device) in devices() {
        let mut chain = runtime.chain();
        let (src, dst) = (chain.input::<u32>(3), chain.output::<u32>(3));
        let (middle, factor) = (chain.scratch::<u32>(3), chain.value(2u32));
        let scale = kernel("scale");
        chain
            .call(&scale)
            .set_value("params.factor", factor)
            .set("params.offset", 1u32)
            .bind("src", src)
            .bind("dst", middle)
            .grid(3);
        // The later of two counts, whichever kind it is.
        chain
            .call(&scale)
            .set("params.factor", 77u32)
            .set_value("params.factor", factor)
            .set_value("params.offset", factor)
            .set("params.offset", 5u32)
            .bind("src", middle)
            .bind("dst", dst)
            .grid(3);
        chain.device(&device);
        let chain = chain.build().unwrap();
        let run = |factor_now: Option<u32>| {
            let mut out = [0; 3];
            let (inputs, outputs) = ([src.from(&[1, 2, 3])], [dst.into(&mut out)]);
            match factor_now {
                None => chain.run(inputs, outputs).unwrap(),
                Some(now) => chain.value(factor, now).run(inputs, outputs).unwrap(),
            };
            out
        };
        let expected = |f: u32| [1, 2, 3].map(|x| f * (f * x + 1) + 5);
        assert_eq!(run(None), expected(2));
        assert_eq!(run(Some(10)), expected(10));
        assert_eq!(run(Some(10)), expected(10));
        assert_eq!(run(None), expected(2), "a value holds for one run");
    }
}

#[test]
fn grids_are_larger_than_one_dispatch() {
    for (runtime, device) in devices() {
        // 200,000 workgroups along x are four tiles on a GPU.
        let groups = 200_000u32;
        let mut chain = runtime.chain();
        let (first, second) = (chain.output::<u32>(4), chain.output::<u32>(4));
        let far = kernel("far");
        for slot in [first, second] {
            chain.call(&far).bind("dst", slot).workgroups([groups]);
        }
        let copy = chain.output::<u32>(4);
        chain.call(&kernel("add")).bind("src", second).bind("dst", copy).grid(4);
        chain.device(&device);
        let chain = chain.build().unwrap();
        for _ in 0..2 {
            let (mut a, mut b, mut c) = ([0; 4], [0; 4], [0; 4]);
            chain.run([], [first.into(&mut a), second.into(&mut b), copy.into(&mut c)]).unwrap();
            let expected = [0, 1, 2, 3].map(|k| (k << 16) + groups);
            assert_eq!([a, b, c], [expected; 3], "{}", device.name());
        }
    }
}

#[test]
fn runs_of_one_chain_take_turns() {
    for (runtime, device) in devices() {
        let Pipeline { chain, src, dst, total } = pipeline(&runtime, &device, 5000);
        std::thread::scope(|scope| {
            for seed in 0..4 {
                let (chain, runtime, device) = (chain.clone(), &runtime, &device);
                scope.spawn(move || {
                    let data = numbers(5000, seed);
                    let expected = one_by_one(runtime, device, &data);
                    for _ in 0..5 {
                        let (mut out, mut sum) = (vec![0; 5000], [0]);
                        chain.run([src.from(&data)], [dst.into(&mut out), total.into(&mut sum)]).unwrap();
                        assert_eq!((&out, sum[0]), (&expected.0, expected.1));
                    }
                });
            }
        });
    }
}

#[test]
fn chains_are_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Chain>();
    shared::<swath::chain::Slot<f32>>();
}

#[test]
fn structs_and_vectors_fit_as_in_calls() {
    let wgsl = "
        @group(0) @binding(0) var<storage, read> points: array<vec4f>;
        @group(0) @binding(1) var<storage, read_write> sums: array<f32>;
        @compute @workgroup_size(64) fn sum(@builtin(global_invocation_id) id: vec3u) {
            if id.x < arrayLength(&points) { sums[id.x] = dot(points[id.x], vec4f(1)); }
        }";
    let kernel = crate::wgsl::kernel(wgsl);
    for (runtime, device) in devices() {
        let mut chain = runtime.chain();
        let points = chain.input::<[f32; 4]>(2);
        let flat = chain.input::<f32>(8);
        let (first, second) = (chain.output::<f32>(2), chain.output::<[f32; 2]>(1));
        chain.call(&kernel).bind("points", points).bind("sums", first).grid(2);
        chain.call(&kernel).bind("points", flat).bind("sums", second).grid(2);
        chain.device(&device);
        let chain = chain.build().unwrap();
        let data = [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]];
        let (mut a, mut b) = ([0.0; 2], [[0.0; 2]; 1]);
        chain.run([points.from(&data), flat.from(data.as_flattened())], [first.into(&mut a)]).unwrap();
        chain.run([points.from(&data), flat.from(data.as_flattened())], [second.into(&mut b)]).unwrap();
        assert_eq!((a, b), ([10.0, 26.0], [[10.0, 26.0]]));
    }
}
