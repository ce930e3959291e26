//! Kernels that do not see the shape of their workgroups: the CPU engine runs them in rows, with the same results.

use swath::{Kernel, Report, Result, Runtime};

use crate::{
    shape_free::{KERNELS, text},
    wgsl::kernel,
};

/// Data of one call: a grid of so many invocations along x and y.
struct Data {
    x: Vec<u32>,
    y: Vec<u32>,
    width: usize,
    height: usize,
}

impl Data {
    fn new(width: usize, height: usize) -> Data {
        let x = (0..width * height).map(|i| (i as u32).wrapping_mul(2_654_435_761) >> 8).collect();
        Data { x, y: vec![0; width * height], width, height }
    }

    /// Runs a kernel over it, from zeros; what is written beside the grid would show behind it.
    fn run(
        &mut self,
        rt: &Runtime,
        kernel: &Kernel,
        how: impl FnOnce(swath::Call<'_>) -> swath::Call<'_>,
    ) -> Result<Report> {
        self.y.fill(0);
        let Data { x, y, width, height } = self;
        let call = rt.call(kernel).set("p.width", *width as u32).set("p.height", *height as u32);
        how(call.read("x", &*x).write("y", y).grid([*width, *height])).run()
    }
}

fn done<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// Any size, in one piece, in tiles, and shared by engines, gives what the author's workgroups give on the interpreter.
#[test]
fn results_do_not_depend_on_the_shape() {
    let (compiler, interpreter) = (done(Runtime::cpu()), done(Runtime::cpu_interpreter()));
    let shared = done(Runtime::cpu_engines(&[1, 1]));
    for (name, is_2d, body) in KERNELS {
        let mut data = if is_2d { Data::new(101, 37) } else { Data::new(3001, 1) };
        let expected = {
            let plain = kernel(&text((name, is_2d, body), [64, 1, 1]));
            done(data.run(&interpreter, &plain, |call| call));
            data.y.clone()
        };
        let sizes: &[[u32; 3]] = &[
            [1, 1, 1],
            [2, 1, 1],
            [3, 1, 1],
            [7, 1, 1],
            [12, 1, 1],
            [63, 1, 1],
            [1, 4, 1],
            [3, 5, 1],
            [2, 2, 2],
            [4, 16, 1],
        ];
        for &size in sizes {
            let sized = kernel(&text((name, is_2d, body), size));
            let mut check = |what: &str, rt: &Runtime, how: fn(swath::Call<'_>) -> swath::Call<'_>| {
                let report = done(data.run(rt, &sized, how));
                assert_eq!(data.y, expected, "{name} in workgroups of {size:?}, {what}");
                let groups = [data.width as u32, data.height as u32, 1];
                let groups: Vec<u32> = groups.iter().zip(size).map(|(n, size)| n.div_ceil(size)).collect();
                assert_eq!(report.workgroups()[..], groups, "the author's are counted");
            };
            check("compiled", &compiler, |call| call);
            check("exact", &compiler, |call| call.exact_workgroups());
            check("interpreted", &interpreter, |call| call);
            check("in tiles", &compiler, |call| call.tiles(5));
            check("in exact tiles", &compiler, |call| call.tiles(5).exact_workgroups());
            check("shared", &shared, |call| call.device("cpu,cpu:1"));
        }
    }
}

/// The same on a GPU.
#[cfg(feature = "gpu")]
#[test]
fn results_do_not_depend_on_the_shape_on_a_gpu() {
    let Some((rt, device)) = crate::first_gpu() else { return };
    for (name, is_2d, body) in KERNELS {
        let mut data = if is_2d { Data::new(231, 97) } else { Data::new(20_003, 1) };
        // What the device itself gives: it may round floats otherwise than the engine.
        let plain = kernel(&text((name, is_2d, body), [256, 1, 1]));
        done(data.run(rt, &plain, |call| call.device(device).exact_workgroups()));
        let expected = data.y.clone();
        for size in [[1, 1, 1], [3, 1, 1], [48, 1, 1], [1, 4, 1], [3, 5, 1], [2, 2, 2]] {
            let sized = kernel(&text((name, is_2d, body), size));
            for is_exact in [false, true] {
                let run = data.run(rt, &sized, |call| {
                    let call = call.device(device);
                    if is_exact { call.exact_workgroups() } else { call }
                });
                done(run);
                assert!(data.y == expected, "{name} in workgroups of {size:?}, exact: {is_exact}");
            }
        }
    }
}

/// Where rows end beside the grid, and where a GPU takes several dispatches.
#[cfg(feature = "gpu")]
#[test]
fn invocations_on_a_gpu_are_those_of_the_authors_workgroups() {
    let Some((rt, device)) = crate::first_gpu() else { return };
    let kernel = kernel(
        "@group(0) @binding(0) var<storage, read_write> ids: array<atomic<u32>>;
        @group(0) @binding(1) var<storage, read_write> count: atomic<u32>;
        @compute @workgroup_size(3, 2) fn all(@builtin(global_invocation_id) id: vec3u) {
            if id.x < 512u && id.y < 64u { atomicAdd(&ids[id.y * 512u + id.x], 1u); }
            atomicAdd(&count, 1u);
        }",
    );
    for (x, y) in [(100u32, 30), (101, 31), (22, 140), (30, 40_000)] {
        let (mut ids, mut total) = (vec![0u32; 512 * 64], [0u32]);
        let call = rt.call(&kernel).read_write("ids", &mut ids).read_write("count", &mut total);
        let report = done(call.workgroups([x, y]).device(device).run());
        assert_eq!((report.workgroups(), total), ([x, y, 1], [6 * x * y]));
        let expected = |at: usize| u32::from(at % 512 < 3 * x as usize && at / 512 < 2 * y as usize);
        assert!(ids.iter().enumerate().all(|(at, n)| *n == expected(at)), "{x} x {y}");
    }
}

/// Only whole workgroups of the author's run, and all of them: also where the kernel does not check its id.
#[test]
fn invocations_are_those_of_the_authors_workgroups() {
    let rt = done(Runtime::cpu());
    let count = kernel(
        "@group(0) @binding(0) var<storage, read_write> ids: array<atomic<u32>>;
        @group(0) @binding(1) var<storage, read_write> count: atomic<u32>;
        @compute @workgroup_size(3, 2) fn all(@builtin(global_invocation_id) id: vec3u) {
            atomicAdd(&ids[id.y * 512u + id.x], 1u);
            atomicAdd(&count, 1u);
        }",
    );
    for (x, y) in [(100, 3), (101, 1), (43, 7), (1, 50)] {
        let (mut ids, mut total) = (vec![0u32; 512 * 64], [0u32]);
        let call = rt.call(&count).read_write("ids", &mut ids).read_write("count", &mut total);
        done(call.workgroups([x, y]).run());
        assert_eq!(total, [6 * x * y]);
        let expected = |at: usize| u32::from(at % 512 < 3 * x as usize && at / 512 < 2 * y as usize);
        assert!(ids.iter().enumerate().all(|(at, n)| *n == expected(at)), "{x} x {y}");
    }
}

#[test]
fn plans_say_so() {
    let rt = done(Runtime::cpu());
    let mut y = vec![0u32; 1000];
    let lone = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(1) fn lone(@builtin(global_invocation_id) id: vec3u) { y[id.x] = id.x; }",
    );
    let is_compiled = !done(rt.call(&lone).write("y", &mut y).grid([1000]).run()).interpreted();
    let job = done(rt.call(&lone).write("y", &mut y).grid([1000]).plan());
    assert_eq!(job.plan().shape, is_compiled.then_some([64, 1, 1]));
    assert_eq!(job.to_string().contains("run in workgroups of 64 x 1 x 1 invocations"), is_compiled, "{job}");
    assert_eq!(job.plan().workgroups, [1000, 1, 1]);
    drop(job);
    let job = done(rt.call(&lone).write("y", &mut y).grid([1000]).exact_workgroups().plan());
    assert_eq!(job.plan().shape, None);
    drop(job);
    let sees = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(2) fn sees(@builtin(workgroup_id) id: vec3u) { y[id.x] = id.x; }",
    );
    assert_eq!(done(rt.call(&sees).write("y", &mut y).grid([1000]).plan()).plan().shape, None);
    // Where a workgroup is one invocation, both have the same number.
    let same = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(1) fn same(@builtin(workgroup_id) id: vec3u) { y[id.x] = id.x; }",
    );
    let job = done(rt.call(&same).write("y", &mut y).grid([1000]).plan());
    assert_eq!(job.plan().shape.is_some(), is_compiled);
    done(job.run());
    assert!(y.iter().enumerate().all(|(i, y)| *y == i as u32));
    let wide = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(64) fn wide(@builtin(global_invocation_id) id: vec3u) { y[id.x] = id.x; }",
    );
    assert_eq!(done(rt.call(&wide).write("y", &mut y).grid([1000]).plan()).plan().shape, None);
}

/// A lock that invocations wait for is held by one that must go on: it runs in its author's workgroups.
#[test]
fn loops_that_wait_for_others_are_left_as_they_are() {
    let rt = done(Runtime::cpu());
    let lock = kernel(
        "@group(0) @binding(0) var<storage, read_write> lock: atomic<u32>;
        @group(0) @binding(1) var<storage, read_write> sum: array<u32>;
        @compute @workgroup_size(1) fn locked(@builtin(global_invocation_id) id: vec3u) {
            while atomicExchange(&lock, 1u) == 1u { }
            sum[0] += id.x;
            atomicStore(&lock, 0u);
        }",
    );
    let (mut word, mut sum) = ([0u32], [0u32]);
    let call = rt.call(&lock).read_write("lock", &mut word).read_write("sum", &mut sum).grid([64]);
    done(call.deadline(std::time::Duration::from_secs(60)).run());
}
