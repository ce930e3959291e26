//! Calls from the caller's side: what goes in comes out, on every device of the machine.

use crate::wgsl::kernel;
#[cfg(feature = "gpu")]
use crate::{missing_gpu, validation};
use bytemuck::{Pod, Zeroable};
use half::f16;
use swath::{Device, Result, Runtime, Untyped};

/// Runs `test` on every device. Without a GPU, says so, or fails if there has to be one.
fn on_every_device(test: impl Fn(&Runtime, &Device) -> Result<()>) {
    #[cfg(feature = "gpu")]
    validation::watch();
    let rt = match Runtime::new() {
        Ok(rt) => rt,
        #[cfg(feature = "gpu")]
        Err(error @ swath::Error::NoDevice(_)) => return missing_gpu::skip(error),
        Err(error) => panic!("{error}"),
    };
    #[cfg(feature = "gpu")]
    if let Err(error) = rt.device("gpu") {
        missing_gpu::skip(error);
    }
    for device in rt.devices() {
        test(&rt, device).unwrap_or_else(|error| panic!("on {}: {error}", device.name()));
    }
}

const SAXPY: &str = "
struct Params { a: f32, n: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn saxpy(@builtin(global_invocation_id) id: vec3u) {
    if id.x < params.n { y[id.x] = params.a * x[id.x] + y[id.x]; }
}";

#[test]
fn host_slices_in_and_out() {
    let saxpy = kernel(SAXPY);
    on_every_device(|rt, device| {
        let x: Vec<f32> = (0..100).map(|i| i as f32).collect();
        let mut y = vec![1f32; 100];
        let call = rt.call(&saxpy).set("params.a", 2f32).set("params.n", 90u32).read("x", &x).read_write("y", &mut y);
        let report = call.grid(100).device(device).run()?;
        assert_eq!(report.device(), device.name());
        assert_eq!(report.kernel(), "saxpy");
        assert_eq!(report.workgroups(), [2, 1, 1]);
        assert!(report.total_time() >= report.compile_time());
        // The engine's driver is named "jit, ..." or "interp, ...".
        let interprets = device.info().driver.starts_with("interp");
        assert_eq!((report.interpreted(), report.to_string().ends_with(", interpreted")), (interprets, interprets));
        for (i, y) in y.iter().enumerate() {
            assert_eq!(*y, if i < 90 { 2.0 * i as f32 + 1.0 } else { 1.0 });
        }
        Ok(())
    });
}

#[test]
fn what_is_not_written_keeps_its_contents() {
    let sparse = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(64)
        fn sparse(@builtin(global_invocation_id) id: vec3u) { if id.x % 3 == 0 { y[id.x] = id.x; } }",
    );
    on_every_device(|rt, device| {
        let mut y: Vec<u32> = (0..100).map(|i| 1000 + i).collect();
        rt.call(&sparse).write("y", &mut y).grid(100).device(device).run()?;
        let expected: Vec<u32> = (0..100).map(|i| if i % 3 == 0 { i } else { 1000 + i }).collect();
        assert_eq!(y, expected);
        Ok(())
    });
}

#[test]
fn nothing_to_do_is_done() {
    let saxpy = kernel(SAXPY);
    on_every_device(|rt, device| {
        // A grid of nothing leaves the outputs as they are, whatever else is bound.
        let (x, mut y) = (vec![1f32; 10], vec![7f32; 10]);
        fn bind<'a>(rt: &Runtime, kernel: &swath::Kernel, x: &'a [f32], y: &'a mut [f32]) -> swath::Call<'a> {
            rt.call(kernel).set("params.a", 2f32).set("params.n", 10u32).read("x", x).read_write("y", y)
        }
        let report = bind(rt, &saxpy, &x, &mut y).grid(0).device(device).run()?;
        assert_eq!((report.workgroups(), report.device()), ([0, 1, 1], device.name()));
        assert_eq!(bind(rt, &saxpy, &x, &mut y).grid([10, 3, 0]).device(device).run()?.workgroups(), [1, 3, 0]);
        assert_eq!(y, [7.0; 10]);
        // An empty batch tells its grid, and may be planned and given with one.
        assert_eq!(bind(rt, &saxpy, &[], &mut []).device(device).run()?.workgroups(), [0, 1, 1]);
        assert_eq!(bind(rt, &saxpy, &[], &mut []).device(device).grid(0).run()?.workgroups(), [0, 1, 1]);
        let mut none = [0f32; 0];
        let job = bind(rt, &saxpy, &[], &mut none).device(device).grid(0).plan()?;
        assert_eq!((job.plan().workgroups, job.plan().bindings.len()), ([0, 1, 1], 3));
        assert_eq!(job.run()?.workgroups(), [0, 1, 1]);
        // What WGSL has no meaning for is still an error: a binding without elements under invocations that run.
        let error = bind(rt, &saxpy, &[], &mut y).device(device).grid(10).run().expect_err("no element to read");
        assert!(error.to_string().contains("at least one element"), "{error}");
        Ok(())
    });
}

#[test]
fn types_of_64_bits_run_where_they_are() {
    let wide = kernel(
        "struct Params { scale: f64, offset: i64, mask: u64 }
        @group(0) @binding(0) var<uniform> params: Params;
        @group(0) @binding(1) var<storage, read> x: array<vec2<f64>>;
        @group(0) @binding(2) var<storage, read_write> y: array<vec2<f64>>;
        @group(0) @binding(3) var<storage, read_write> n: array<u64>;
        @group(0) @binding(4) var<storage, read_write> k: array<i64>;
        @compute @workgroup_size(64) fn wide(@builtin(global_invocation_id) id: vec3u) {
            let i = id.x;
            if i < arrayLength(&n) {
                y[i] = params.scale * x[i] - vec2<f64>(3.0lf);
                n[i] = (n[i] << 33u) ^ params.mask;
                k[i] = (k[i] >> (i + 34u)) + params.offset;
            }
        }",
    );
    on_every_device(|rt, device| {
        let (small, large) = (f64::EPSILON, 1u64 << 40 | 5);
        let x = [[1.0 + small, 2.0], [4.0, 8.0 + 8.0 * small]];
        let (mut y, mut n, mut k) = ([[0f64; 2]; 2], [3u64, 1 << 31], [-1i64 << 40, 7 << 35]);
        let call = rt.call(&wide).set("params.scale", 2f64).set("params.offset", -3i64 << 40).set("params.mask", large);
        let call = call.read("x", &x).write("y", &mut y).read_write("n", &mut n).read_write("k", &mut k);
        let has = |feature| device.info().features.contains(&feature);
        let result = call.grid(2).device(device).run();
        if has("shader-f64") && has("shader-int64") {
            result?;
            assert_eq!(y, x.map(|row| row.map(|x| 2.0 * x - 3.0)));
            assert_eq!(n, [(3 << 33) ^ large, large]);
            assert_eq!(k, [-64 - (3 << 40), 7 - (3 << 40)]);
        } else {
            let error = result.expect_err("a feature is missing").to_string();
            assert!(error.contains("shader-f64") || error.contains("shader-int64"), "{error}");
            // Who would take it is named, if there is one.
            let features = |other: &swath::Device| other.info().features.clone();
            let takes =
                |other: &&swath::Device| ["shader-f64", "shader-int64"].iter().all(|f| features(other).contains(f));
            let hint = rt
                .devices()
                .iter()
                .find(takes)
                .map_or("choose a device that has it".into(), |other| format!("choose {}", other.alias()));
            assert!(error.contains(&hint), "{error}");
        }
        Ok(())
    });
    // What is given has to be as wide.
    let rt = Runtime::new().expect("a runtime");
    let error = rt.call(&wide).read("x", &[1f32; 4]).grid(2).run().expect_err("singles for doubles").to_string();
    assert!(error.contains("give f64 elements"), "{error}");
}

/// Lanes that read a bound for a barrier each for itself go on if they read the same, and are told both values if not.
#[cfg(feature = "cpu")]
#[test]
fn lanes_that_disagree_about_a_barrier_are_told() {
    let rounds = kernel(
        "@group(0) @binding(0) var<storage, read_write> bound: array<i32>;
        @group(0) @binding(1) var<storage, read_write> y: array<i32>;
        @compute @workgroup_size(16) fn rounds(@builtin(global_invocation_id) id: vec3u) {
            for (var t = 0; t < bound[id.x]; t++) {
                storageBarrier();
                y[id.x]++;
                bound[id.x] += 0;
            }
        }",
    );
    for rt in [Runtime::cpu(), Runtime::cpu_interpreter()] {
        let rt = rt.expect("the engine is always there");
        let run = |bound: &mut [i32; 32]| {
            let mut y = [0; 32];
            let call = rt.call(&rounds).read_write("bound", bound).read_write("y", &mut y);
            call.grid(32).run().map(|_| y)
        };
        let mut bound = [3; 32];
        bound[16..].fill(5);
        assert_eq!(run(&mut bound).map(|y| y == bound).ok(), Some(true));
        bound[20] = -7;
        let error = run(&mut bound).expect_err("two values").to_string();
        let both = ["read 5 and -7 from", "read -7 and 5 from"].iter().any(|words| error.contains(words));
        assert!(both && error.contains("`bound` in line 4"), "{error}");
        // The next call is none the worse for it.
        assert_eq!(run(&mut [2; 32]).ok(), Some([2; 32]));
        // Tiles are checked as well.
        let mut y = [0; 32];
        let call = rt.call(&rounds).read_write("bound", &mut bound).read_write("y", &mut y).tiles(2);
        assert!(call.grid(32).run().is_err());
    }
}

#[test]
fn buffers_stay_on_the_device() {
    let saxpy = kernel(SAXPY);
    on_every_device(|rt, device| {
        let x = rt.buffer_on(device, &[1f32, 2.0, 3.0, 4.0])?;
        let y = rt.buffer_zeroed_on::<f32>(device, 4)?;
        for _ in 0..10 {
            let call = rt.call(&saxpy).set("params.a", 1f32).set("params.n", 4u32).read("x", &x).read_write("y", &y);
            let report = call.grid(4).run()?;
            assert_eq!(report.device(), device.name());
        }
        assert_eq!(y.download()?, [10.0, 20.0, 30.0, 40.0]);
        Ok(())
    });
}

#[test]
fn buffers_move_data() {
    on_every_device(|rt, device| {
        let buffer = rt.buffer_zeroed_on::<u32>(device, 8)?;
        assert_eq!((buffer.len(), buffer.bytes()), (8, 32));
        assert_eq!(buffer.device(), device);
        assert_eq!(buffer.download()?, [0; 8]);
        buffer.fill(7)?;
        buffer.upload_at(2, &[1, 2, 3])?;
        assert_eq!(buffer.download()?, [7, 7, 1, 2, 3, 7, 7, 7]);
        assert_eq!(buffer.download_range(3..6)?, [2, 3, 7]);
        assert_eq!(buffer.download_range(4..4)?, [0; 0]);
        let mut part = [0; 8];
        buffer.download_into(&mut part)?;
        assert_eq!(part, [7, 7, 1, 2, 3, 7, 7, 7]);
        let copy = rt.buffer_zeroed_on::<u32>(device, 8)?;
        copy.copy_from(&buffer)?;
        copy.copy_from(&copy.clone())?;
        buffer.upload(&[9; 8])?;
        assert_eq!(copy.download()?, [7, 7, 1, 2, 3, 7, 7, 7]);
        // Clones share the memory.
        copy.clone().fill(1)?;
        assert_eq!(copy.download()?, [1; 8]);
        Ok(())
    });
}

#[test]
fn buffers_of_small_and_odd_elements() {
    on_every_device(|rt, device| {
        let halves = rt.buffer_on(device, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0].map(f16::from_f32))?;
        halves.upload_at(1, &[f16::from_f32(9.0)])?;
        halves.upload_at(3, &[f16::from_f32(8.0); 2])?;
        assert_eq!(halves.download()?, [1.0, 9.0, 3.0, 8.0, 8.0, 6.0].map(f16::from_f32));
        assert_eq!(halves.download_range(1..2)?, [f16::from_f32(9.0)]);
        halves.fill(f16::ONE)?;
        assert_eq!(halves.download_range(3..6)?, [f16::ONE; 3]);
        let triples = rt.buffer_zeroed_on::<[f32; 3]>(device, 5)?;
        triples.fill([1.0, 2.0, 3.0])?;
        triples.upload_at(4, &[[4.0, 5.0, 6.0]])?;
        assert_eq!(triples.download_range(3..5)?, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let bytes = rt.buffer_on(device, &[[1u8, 2, 3]; 4])?;
        bytes.fill([4, 5, 6])?;
        bytes.upload_at(1, &[[7, 8, 9]])?;
        assert_eq!(bytes.download()?, [[4, 5, 6], [7, 8, 9], [4, 5, 6], [4, 5, 6]]);
        Ok(())
    });
}

#[test]
fn buffers_copy_between_devices() {
    on_every_device(|rt, from| {
        for to in rt.devices() {
            let source = rt.buffer_on(from, &[1f32, 2.0, 3.0])?;
            let target = rt.buffer_zeroed_on(to, 3)?;
            target.copy_from(&source)?;
            assert_eq!(target.download()?, [1.0, 2.0, 3.0], "{} to {}", from.name(), to.name());
        }
        Ok(())
    });
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct Body {
    position: [f32; 3],
    mass: f32,
    velocity: [f32; 3],
    pad: u32,
}

#[test]
fn structs_in_and_out() {
    let drift = kernel(
        "struct Body { position: vec3f, mass: f32, velocity: vec3f }
        struct Step { dt: f32, turn: mat3x3f, shift: array<vec4f, 2>, on: u32 }
        @group(0) @binding(0) var<storage, read_write> bodies: array<Body>;
        @group(0) @binding(1) var<uniform> step: Step;
        @compute @workgroup_size(16)
        fn drift(@builtin(global_invocation_id) id: vec3u) {
            if id.x >= arrayLength(&bodies) || step.on == 0 { return; }
            let body = &bodies[id.x];
            let shift = step.shift[0].xyz + step.shift[1].xyz;
            (*body).position += step.turn * (*body).velocity * step.dt + shift;
        }",
    );
    on_every_device(|rt, device| {
        let mut bodies = [Body { position: [1.0, 2.0, 3.0], mass: 5.0, velocity: [1.0, 0.0, 2.0], pad: 77 }; 20];
        let call = rt
            .call(&drift)
            .set("step.dt", 2f32)
            .set("step.turn", [[0f32, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
            .set("step.shift[0]", [100f32, 0.0, 0.0, 0.0])
            .set("step.shift", [[10f32, 20.0, 30.0, 0.0]; 2])
            .set("step.shift[1].y", 21f32)
            .set("step.on", true);
        call.read_write("bodies", &mut bodies).grid(20).device(device).run()?;
        let expected = Body { position: [21.0, 45.0, 67.0], mass: 5.0, velocity: [1.0, 0.0, 2.0], pad: 77 };
        assert_eq!(bodies, [expected; 20]);
        Ok(())
    });
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Window {
    low: u32,
    high: u32,
    scale: [f32; 2],
}

#[test]
fn whole_uniforms() {
    let clamp = kernel(
        "struct Window { low: u32, high: u32, scale: vec2f }
        @group(0) @binding(0) var<uniform> window: Window;
        @group(0) @binding(1) var<uniform> offset: vec3i;
        @group(1) @binding(0) var<storage, read> x: array<u32>;
        @group(1) @binding(1) var<storage, read_write> y: array<vec2f>;
        @compute @workgroup_size(4)
        fn main(@builtin(global_invocation_id) id: vec3u) {
            if id.x < arrayLength(&x) {
                y[id.x] = f32(clamp(x[id.x], window.low, window.high)) * window.scale + f32(offset.z);
            }
        }",
    );
    on_every_device(|rt, device| {
        let window = Window { low: 2, high: 5, scale: [1.0, 10.0] };
        let mut y = [0f32; 6];
        let call = rt.call(&clamp).uniform("window", &window).set("window.high", 4u32).uniform("offset", &[1i32, 2, 3]);
        call.read("x", &[1u32, 3, 9]).write("y", &mut y).grid(3).device(device).run()?;
        assert_eq!(y, [5.0, 23.0, 6.0, 33.0, 7.0, 43.0]);
        Ok(())
    });
}

#[test]
fn slices_that_do_not_start_at_a_word() {
    let double = kernel(
        "@group(0) @binding(0) var<storage, read> x: array<u32>;
        @group(0) @binding(1) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(4)
        fn main(@builtin(global_invocation_id) id: vec3u) { if id.x < arrayLength(&y) { y[id.x] += 2 * x[id.x]; } }",
    );
    on_every_device(|rt, device| {
        // One of the four starts is at a word, the others are not.
        for start in 0..4 {
            let mut bytes = vec![[0u8; 1]; 20];
            bytemuck::cast_slice_mut::<[u8; 1], u8>(&mut bytes)[start..start + 16].fill(1);
            let x = bytes.clone();
            let (x, y) = (&x[start..start + 16], &mut bytes[start..start + 16]);
            rt.call(&double).read("x", Untyped(x)).read_write("y", Untyped(&mut *y)).grid(4).device(device).run()?;
            assert!(y.iter().all(|byte| *byte == [3]), "start {start}");
            assert_eq!(bytes.iter().filter(|byte| **byte == [0]).count(), 4, "start {start}");
        }
        Ok(())
    });
}

#[test]
fn asynchronous_calls_give_vectors_back() {
    let saxpy = kernel(SAXPY);
    on_every_device(|rt, device| {
        let call = |a: f32| {
            let call = rt.call(&saxpy).set("params.a", a).set("params.n", 4u32).device(device).grid(4);
            call.read("x", vec![1f32, 2.0, 3.0, 4.0]).read_write("y", vec![1f32; 4]).run_async()
        };
        // Dropped and leaked futures do no harm.
        drop(call(9.0));
        std::mem::forget(call(9.0));
        let (first, second) = (call(1.0), call(2.0));
        let (second, first) = (pollster::block_on(second), pollster::block_on(first));
        assert_eq!(first?.take::<f32>("y")?, [2.0, 3.0, 4.0, 5.0]);
        let mut second = second?;
        assert_eq!(second.take::<f32>("y")?, [3.0, 5.0, 7.0, 9.0]);
        assert_eq!(second.take::<f32>("x")?, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(second.report().device(), device.name());
        Ok(())
    });
}

#[test]
fn asynchronous_calls_on_resident_data_keep_their_order() {
    let step = kernel(
        "@group(0) @binding(0) var<uniform> digit: u32;
        @group(0) @binding(1) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(1) fn main() { y[0] = y[0] * 10 + digit; }",
    );
    on_every_device(|rt, device| {
        let y = rt.buffer_zeroed_on::<u32>(device, 1)?;
        let futures: Vec<_> = (1..=5u32)
            .map(|digit| rt.call(&step).set("digit", digit).read_write("y", y.clone()).grid(1).run_async())
            .collect();
        for future in futures {
            pollster::block_on(future)?;
        }
        assert_eq!(y.download()?, [12345]);
        Ok(())
    });
}

#[test]
fn threads_share_everything() {
    let saxpy = kernel(SAXPY);
    on_every_device(|rt, device| {
        std::thread::scope(|scope| {
            for thread in 0..4u32 {
                let saxpy = &saxpy;
                scope.spawn(move || {
                    let x = vec![thread as f32; 1000];
                    for _ in 0..10 {
                        let mut y = vec![1f32; 1000];
                        let call = rt.call(saxpy).set("params.a", 2f32).set("params.n", 1000u32);
                        let call = call.read("x", &x).read_write("y", &mut y).grid(1000).device(device);
                        call.run().unwrap_or_else(|error| panic!("{error}"));
                        assert_eq!(y, vec![2.0 * thread as f32 + 1.0; 1000]);
                    }
                });
            }
        });
        Ok(())
    });
}

#[test]
fn constants_and_entry_points() {
    let module = swath::Module::parse(
        "override WG: u32 = 32;
        @id(3) override factor: f32;
        @group(0) @binding(0) var<storage, read_write> y: array<f32>;
        var<workgroup> tile: array<f32, WG + 1>;
        @compute @workgroup_size(WG)
        fn scale(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) i: u32) {
            tile[i] = factor;
            workgroupBarrier();
            y[id.x] = tile[WG - 1 - i] * f32(WG);
        }
        @compute @workgroup_size(1) fn reset(@builtin(global_invocation_id) id: vec3u) { y[id.x] = 0; }",
    );
    let module = module.unwrap_or_else(|error| panic!("{error}"));
    on_every_device(|rt, device| {
        let scale = module.kernel("scale")?.with_const("WG", 8)?.with_const("factor", 1.5)?;
        let mut y = vec![0f32; 16];
        let report = rt.call(&scale).write("y", &mut y).grid(16).device(device).run()?;
        assert_eq!(report.workgroups(), [2, 1, 1]);
        assert_eq!(y, [12.0; 16]);
        rt.call(&module.kernel("reset")?).write("y", &mut y).grid(8).device(device).run()?;
        assert_eq!(y[..8], [0.0; 8]);
        assert_eq!(y[8..], [12.0; 8]);
        Ok(())
    });
}

#[test]
fn kernels_print_their_program() -> Result<()> {
    let text = kernel(SAXPY).ir()?;
    assert!(text.contains("saxpy") && text.contains("params"), "{text}");
    Ok(())
}

#[test]
#[cfg(feature = "cpu")]
fn reports_say_what_was_interpreted() -> Result<()> {
    let saxpy = kernel(SAXPY);
    let rt = Runtime::cpu_interpreter()?;
    let mut y = vec![1f32; 10];
    let call =
        rt.call(&saxpy).set("params.a", 2f32).set("params.n", 9u32).read("x", &[1f32; 10]).read_write("y", &mut y);
    assert!(call.grid(10).run()?.interpreted());
    Ok(())
}

#[test]
fn preparing_compiles_once() {
    let once = kernel("@compute @workgroup_size(5) fn prepared_only_here() {}");
    on_every_device(|rt, device| {
        once.prepare(rt, device)?;
        assert!(once.prepare(rt, device)?.is_zero());
        assert!(rt.call(&once).workgroups(1).device(device).run()?.compile_time().is_zero());
        Ok(())
    });
}
