//! Calls on GPUs through the public face.
//!
//! These need a GPU, or a driver that plays one (Mesa's lavapipe). Without, they say aloud that they are
//! skipped; with `SWATH_REQUIRE_GPU=1` they fail. With `WGPU_VALIDATION=1` an error of Vulkan's
//! validation layers fails them too.
#![cfg(feature = "gpu")]

use std::{
    sync::LazyLock,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{missing_gpu, validation};
use swath::{Device, DeviceKind, Error, Kernel, Result, Runtime};

/// The runtime that all tests share, and its best GPU.
fn gpu() -> Option<(&'static Runtime, &'static Device)> {
    static SHARED: LazyLock<Option<(Runtime, Device)>> = LazyLock::new(|| {
        validation::watch();
        let rt = Runtime::new().ok()?;
        let device = rt.device("gpu").ok()?;
        Some((rt, device))
    });
    if SHARED.is_none() {
        missing_gpu::skip("no adapter was found");
    }
    SHARED.as_ref().map(|(rt, device)| (rt, device))
}

fn kernel(wgsl: &str, name: &str) -> Kernel {
    swath::Module::parse(wgsl).and_then(|module| module.kernel(name)).expect("the test's WGSL is right")
}

const SAXPY: &str = "
    struct Params { a: f32 }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read> x: array<f32>;
    @group(0) @binding(2) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(64)
    fn saxpy(@builtin(global_invocation_id) gid: vec3<u32>) {
        if (gid.x < arrayLength(&y)) { y[gid.x] = params.a * x[gid.x] + y[gid.x]; }
    }
";

#[test]
fn the_device_says_what_it_is() {
    let Some((_, device)) = gpu() else { return };
    let info = device.info();
    assert!(!info.name.is_empty() && !info.driver.is_empty());
    assert!(["vulkan", "metal", "dx12"].contains(&info.backend.as_str()), "{}", info.backend);
    assert_ne!(info.kind, DeviceKind::Cpu);
    let limit = |name| info.limits.iter().find(|(known, _)| *known == name).expect("the limit is there").1;
    // What WebGPU guarantees.
    assert!(limit("maxStorageBufferBindingSize") >= 128 << 20);
    assert!(limit("maxBufferSize") >= 256 << 20);
    assert!(limit("maxComputeInvocationsPerWorkgroup") >= 256);
    assert!(limit("maxComputeWorkgroupsPerDimension") >= 65_535);
}

#[test]
fn host_slices_go_up_and_come_back() -> Result<()> {
    let Some((rt, device)) = gpu() else { return Ok(()) };
    let saxpy = kernel(SAXPY, "saxpy");
    // A ragged edge, and more than one staging buffer.
    for n in [1, 63, 65, 1000, 5_000_001] {
        let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let mut y = vec![1.0_f32; n];
        let report = rt
            .call(&saxpy)
            .device(device)
            .set("params.a", 2.0_f32)
            .read("x", &x)
            .read_write("y", &mut y)
            .grid([n])
            .run()?;
        for (x, y) in x.iter().zip(&y) {
            assert_eq!(*y, 2.0 * x + 1.0);
        }
        assert_eq!(report.device(), device.name());
        assert_eq!((report.bytes_up(), report.bytes_down()), (8 * n as u64, 4 * n as u64));
        assert!(report.kernel_time() > std::time::Duration::ZERO);
        assert!(report.kernel_time() <= report.total_time());
    }
    Ok(())
}

#[test]
fn resident_data_stays_between_calls() -> Result<()> {
    let Some((rt, device)) = gpu() else { return Ok(()) };
    let saxpy = kernel(SAXPY, "saxpy");
    let n = 10_000;
    let x = rt.buffer_on(device, &vec![1.0_f32; n])?;
    let y = rt.buffer_zeroed_on::<f32>(device, n)?;
    // Other factors in every call: the uniform is written anew each time.
    for turn in 0..100 {
        let report = rt.call(&saxpy).set("params.a", turn as f32).read("x", &x).read_write("y", &y).grid([n]).run()?;
        assert_eq!((report.bytes_up(), report.bytes_down()), (0, 0));
        assert_eq!((report.tiles(), report.dispatches()), (1, 1));
    }
    assert_eq!(y.download()?, vec![4950.0; n]);
    assert_eq!(y.download_range(17..20)?, [4950.0; 3]);
    y.fill(2.5)?;
    y.upload_at(1, &[7.0])?;
    let copy = rt.buffer_zeroed_on::<f32>(device, n)?;
    copy.copy_from(&y)?;
    assert_eq!(copy.download_range(0..3)?, [2.5, 7.0, 2.5]);
    Ok(())
}

#[test]
fn what_the_kernel_does_not_write_is_kept() -> Result<()> {
    let Some((rt, device)) = gpu() else { return Ok(()) };
    let odd = kernel(
        "@group(0) @binding(0) var<storage, read_write> out: array<u32>;
         @compute @workgroup_size(8) fn odd(@builtin(global_invocation_id) gid: vec3<u32>) {
             if (gid.x % 2u == 1u && gid.x < arrayLength(&out)) { out[gid.x] = gid.x; }
         }",
        "odd",
    );
    let mut out = vec![1000_u32; 21];
    rt.call(&odd).device(device).write("out", &mut out).grid([21]).run()?;
    let expected: Vec<u32> = (0..21).map(|i| if i % 2 == 1 { i } else { 1000 }).collect();
    assert_eq!(out, expected);
    Ok(())
}

/// Every invocation of every workgroup notes that it ran, with the ids and the count that it saw.
const IDS: &str = "
    @group(0) @binding(0) var<storage, read_write> out: array<u32>;

    struct Where {
        @builtin(workgroup_id) workgroup: vec3<u32>,
        @builtin(local_invocation_index) local: u32,
        @builtin(num_workgroups) count: vec3<u32>,
    }

    @compute @workgroup_size(4)
    fn line(@builtin(global_invocation_id) gid: vec3<u32>, place: Where) {
        let right = gid.x == place.workgroup.x * 4u + place.local && all(gid.yz == vec2(0u));
        out[gid.x] += select(0u, place.count.x, right);
    }

    @compute @workgroup_size(1, 2)
    fn plane(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>,
             @builtin(workgroup_id) workgroup: vec3<u32>) {
        let right = gid.y / 2u == workgroup.y && gid.x == workgroup.x;
        out[gid.y * count.x + gid.x] += select(0u, gid.y * 3u + gid.x + 1u, right);
    }

    var<workgroup> sum: atomic<u32>;

    @compute @workgroup_size(4)
    fn with_barrier(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) workgroup: vec3<u32>) {
        if (workgroup.x >= 65530u) {
            atomicAdd(&sum, local + workgroup.x);
        }
        workgroupBarrier();
        if (local == 0u) { out[workgroup.x] = atomicLoad(&sum); }
    }
";

#[test]
fn a_line_of_70_000_workgroups() -> Result<()> {
    let Some((rt, device)) = gpu() else { return Ok(()) };
    let line = kernel(IDS, "line");
    let count = 70_000_u32;
    let mut out = vec![1_u32; 4 * count as usize];
    let report = rt.call(&line).device(device).read_write("out", &mut out).workgroups([count]).run()?;
    assert_eq!(report.workgroups(), [count, 1, 1]);
    assert_eq!(report.dispatches(), 2);
    assert!(out.iter().all(|value| *value == count + 1));
    // And a grid that fits, with the same kernel.
    out.truncate(40);
    let report = rt.call(&line).device(device).read_write("out", &mut out).grid([40]).run()?;
    assert_eq!(report.dispatches(), 1);
    assert!(out.iter().all(|value| *value == count + 1 + 10));
    Ok(())
}

#[test]
fn planes_that_are_too_long_along_x_or_y() -> Result<()> {
    let Some((rt, device)) = gpu() else { return Ok(()) };
    let plane = kernel(IDS, "plane");
    for (x, y) in [(65_536, 2), (2, 70_000)] {
        let (width, height) = (x as usize, 2 * y as usize);
        let mut out = vec![0_u32; width * height];
        let report = rt.call(&plane).device(device).read_write("out", &mut out).workgroups([x, y]).run()?;
        // More of them where it took long before, so that others come in between.
        assert!(report.dispatches() >= 2, "{report}");
        for (i, value) in out.iter().enumerate() {
            assert_eq!(*value as usize, i / width * 3 + i % width + 1, "{i} of {x} x {y}");
        }
    }
    Ok(())
}

#[test]
fn workgroup_memory_and_barriers_in_a_tiled_grid() -> Result<()> {
    let Some((rt, device)) = gpu() else { return Ok(()) };
    let with_barrier = kernel(IDS, "with_barrier");
    let mut out = vec![9_u32; 66_000];
    rt.call(&with_barrier).device(device).write("out", &mut out).workgroups([66_000]).run()?;
    for (i, value) in (0..).zip(&out) {
        assert_eq!(*value, if i >= 65_530 { 4 * i + 6 } else { 0 }, "workgroup {i}");
    }
    Ok(())
}

/// A device of the program's own, with these limits; `None` without a GPU.
fn own_device(limits: wgpu::Limits) -> Option<(wgpu::Device, wgpu::Queue)> {
    gpu()?;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        flags: wgpu::InstanceFlags::DEBUG.with_env(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let request = wgpu::DeviceDescriptor { required_limits: limits, ..wgpu::DeviceDescriptor::default() };
    adapters.iter().find_map(|adapter| pollster::block_on(adapter.request_device(&request)).ok())
}

#[test]
fn grids_beyond_the_limit_on_every_axis() -> Result<()> {
    // A device with a low limit, so that few workgroups are beyond it.
    let limits = wgpu::Limits { max_compute_workgroups_per_dimension: 5, ..wgpu::Limits::default() };
    let Some((device, queue)) = own_device(limits) else { return Ok(()) };
    let block = kernel(
        "@group(0) @binding(0) var<storage, read_write> out: array<u32>;
         @compute @workgroup_size(2, 3, 1)
         fn block(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>,
                  @builtin(workgroup_id) workgroup: vec3<u32>) {
             let size = count * vec3(2u, 3u, 1u);
             let place = (gid.z * size.y + gid.y) * size.x + gid.x;
             out[place] += select(0u, place + 1u, all(gid / vec3(2u, 3u, 1u) == workgroup));
         }",
        "block",
    );
    for (workgroups, dispatches) in [
        ([5, 5, 5], 1),
        ([6, 5, 5], 2),
        ([6, 7, 1], 4),
        ([11, 5, 6], 6),
        ([12, 11, 13], 27),
        ([60, 61, 62], 12 * 13 * 13),
    ] {
        let count = 6 * workgroups.iter().product::<u32>();
        let mut out = vec![0_u32; count as usize];
        // Where nobody knows how long it takes, it is not cut for others.
        let rt = Runtime::from_wgpu(device.clone(), queue.clone())?;
        let report = rt.call(&block).read_write("out", &mut out).workgroups(workgroups).run()?;
        assert_eq!(report.dispatches(), dispatches);
        assert!((1..).zip(&out).all(|(expected, value)| *value == expected), "{workgroups:?}");
    }
    Ok(())
}

#[test]
fn a_device_of_the_programs_own_shares_its_buffers() -> Result<()> {
    let Some((device, queue)) = own_device(wgpu::Limits::default()) else { return Ok(()) };
    let rt = Runtime::from_wgpu(device.clone(), queue.clone())?;
    let saxpy = kernel(SAXPY, "saxpy");
    let (x, y) = (rt.buffer(&[1.0_f32, 2.0, 3.0])?, rt.buffer(&[10.0_f32; 3])?);
    let raw = y.as_wgpu().expect("a GPU buffer");
    assert_eq!(raw.size(), 12);
    // What the program does on its queue and what Swath does come in the order of the calls.
    queue.write_buffer(&raw, 4, &5.0_f32.to_le_bytes());
    rt.call(&saxpy).set("params.a", 100.0_f32).read("x", &x).read_write("y", &y).grid([3]).run()?;
    assert_eq!(y.download()?, [110.0, 205.0, 310.0]);
    // The program keeps its buffer when Swath's is gone, and nobody else gets it.
    drop(y);
    let other = rt.buffer_zeroed::<f32>(3)?;
    other.fill(1.0)?;
    let again = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 12,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_buffer_to_buffer(&raw, 0, &again, 0, 12);
    let index = queue.submit([encoder.finish()]);
    again.map_async(wgpu::MapMode::Read, .., |result| result.expect("mapped"));
    device.poll(wgpu::PollType::Wait { submission_index: Some(index), timeout: None }).expect("the device is there");
    let view = again.get_mapped_range(..).expect("mapped");
    assert_eq!(bytemuck::cast_slice::<u8, f32>(&view), [110.0, 205.0, 310.0]);
    Ok(())
}

#[test]
fn several_entry_points_of_one_module() -> Result<()> {
    let Some((rt, device)) = gpu() else { return Ok(()) };
    // They use different bindings, some at the same place, and different shared functions.
    let module = rt.module(
        "@group(0) @binding(0) var<storage, read_write> numbers: array<u32>;
         @group(0) @binding(0) var<storage, read_write> reals: array<f32>;
         @group(2) @binding(5) var<uniform> step: u32;
         fn twice(n: u32) -> u32 { return 2u * n; }
         @compute @workgroup_size(4) fn count(@builtin(global_invocation_id) gid: vec3<u32>) {
             numbers[gid.x] = twice(gid.x) + step;
         }
         @compute @workgroup_size(8) fn halve(@builtin(global_invocation_id) gid: vec3<u32>) {
             reals[gid.x] = 0.5 * reals[gid.x];
         }",
    )?;
    let (count, halve) = (module.kernel("count")?, module.kernel("halve")?);
    let mut numbers = vec![0_u32; 8];
    rt.call(&count).device(device).set("step", 3_u32).write("numbers", &mut numbers).grid([8]).run()?;
    assert_eq!(numbers, [3, 5, 7, 9, 11, 13, 15, 17]);
    let mut reals = [1.0_f32, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
    rt.call(&halve).device(device).read_write("reals", &mut reals).grid([8]).run()?;
    assert_eq!(reals, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
    Ok(())
}

#[test]
fn array_length_is_that_of_the_data() -> Result<()> {
    let Some((rt, device)) = gpu() else { return Ok(()) };
    let length = kernel(
        "@group(0) @binding(0) var<storage, read> data: array<f32>;
         @group(0) @binding(1) var<storage, read_write> out: array<u32>;
         @compute @workgroup_size(1) fn length() { out[0] = arrayLength(&data); out[1] = arrayLength(&out); }",
        "length",
    );
    // Buffers come from pools and may be larger than what is bound.
    for n in [1, 2, 100, 1001, 70_001] {
        let mut out = [0_u32; 2];
        rt.call(&length).device(device).read("data", vec![0.0_f32; n]).write("out", &mut out).grid([1]).run()?;
        assert_eq!(out, [n as u32, 2]);
        let data = rt.buffer_zeroed_on::<f32>(device, n)?;
        rt.call(&length)
            .device(device)
            .read("data", &data)
            .write("out", &rt.buffer_zeroed_on::<u32>(device, 2)?)
            .grid([1])
            .run()?;
    }
    Ok(())
}

#[test]
fn many_threads_call_at_once() -> Result<()> {
    let Some((rt, device)) = gpu() else { return Ok(()) };
    let saxpy = kernel(SAXPY, "saxpy");
    let shared = rt.buffer_on(device, &vec![1.0_f32; 1000])?;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let (saxpy, shared) = (&saxpy, &shared);
                scope.spawn(move || -> Result<()> {
                    let resident = rt.buffer_zeroed_on::<f32>(device, 1000)?;
                    for turn in 0..20 {
                        // Uniforms that differ between threads and calls meet in one ring of buffers.
                        let a = (100 * number + turn) as f32;
                        let mut y = vec![0.5_f32; 1000];
                        rt.call(saxpy)
                            .device(device)
                            .set("params.a", a)
                            .read("x", shared)
                            .read_write("y", &resident)
                            .grid([1000])
                            .run()?;
                        rt.call(saxpy)
                            .device(device)
                            .set("params.a", a)
                            .read("x", vec![2.0_f32; 1000])
                            .read_write("y", &mut y)
                            .grid([1000])
                            .run()?;
                        assert_eq!(y, vec![2.0 * a + 0.5; 1000]);
                    }
                    let sum = (0..20).map(|turn| (100 * number + turn) as f32).sum::<f32>();
                    assert_eq!(resident.download()?, vec![sum; 1000]);
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })
}

#[test]
fn too_much_for_the_device_is_an_error_and_the_device_lives_on() -> Result<()> {
    let Some((rt, device)) = gpu() else { return Ok(()) };
    let huge = rt.buffer_zeroed_on::<f32>(device, 1 << 44);
    assert!(matches!(huge, Err(Error::Buffer(_))), "{huge:?}");

    let wide = kernel(
        "@group(0) @binding(0) var<storage, read_write> out: array<u32>;
         @compute @workgroup_size(16384) fn wide() { out[0] = 1u; }",
        "wide",
    );
    let mut out = [0_u32; 1];
    let refused = rt.call(&wide).device(device).write("out", &mut out).grid([1]).run();
    match refused {
        Err(Error::Unsupported(message)) => {
            assert_eq!(message.kernel, "wide");
            assert!(message.problem.contains("maxComputeWorkgroupSizeX"), "{message}");
        }
        other => panic!("a workgroup of 16,384 invocations: {other:?}"),
    }

    let mut y = [1.0_f32; 4];
    rt.call(&kernel(SAXPY, "saxpy"))
        .device(device)
        .set("params.a", 1.0_f32)
        .read("x", &[1.0_f32; 4])
        .read_write("y", &mut y)
        .grid([4])
        .run()?;
    assert_eq!(y, [2.0; 4]);
    Ok(())
}

#[test]
fn a_buffer_destroyed_behind_our_back_is_an_error() -> Result<()> {
    let Some((device, queue)) = own_device(wgpu::Limits::default()) else { return Ok(()) };
    let rt = Runtime::from_wgpu(device, queue)?;
    let saxpy = kernel(SAXPY, "saxpy");
    let (x, y) = (rt.buffer(&[1.0_f32; 4])?, rt.buffer(&[1.0_f32; 4])?);
    x.as_wgpu().expect("a GPU buffer").destroy();
    let call = || rt.call(&saxpy).set("params.a", 1.0_f32).read("x", &x).read_write("y", &y).grid([4]).run();
    match call() {
        Err(Error::Device(message)) => assert_eq!(message.kernel, "saxpy"),
        other => panic!("a destroyed buffer was used: {other:?}"),
    }
    // The other buffer is as it was.
    assert_eq!(y.download()?, [1.0; 4]);
    Ok(())
}

#[test]
fn a_lost_device_says_so() -> Result<()> {
    let Some((device, queue)) = own_device(wgpu::Limits::default()) else { return Ok(()) };
    let rt = Runtime::from_wgpu(device.clone(), queue)?;
    let saxpy = kernel(SAXPY, "saxpy");
    let (x, y) = (rt.buffer(&[1.0_f32; 4])?, rt.buffer(&[1.0_f32; 4])?);
    device.destroy();
    let call = || rt.call(&saxpy).set("params.a", 1.0_f32).read("x", &x).read_write("y", &y).grid([4]).run();
    for _ in 0..2 {
        match call() {
            Err(Error::DeviceLost(message)) => {
                assert!(message.problem.contains("lost"), "{message}");
                assert_eq!((message.kernel.as_str(), message.subject.as_str()), ("saxpy", "x"), "the buffer is named");
            }
            other => panic!("a lost device ran a kernel: {other:?}"),
        }
    }
    assert!(matches!(y.download(), Err(Error::DeviceLost(_))));
    assert!(matches!(x.fill(1.0), Err(Error::DeviceLost(_))));
    assert!(matches!(rt.buffer(&[1.0_f32]), Err(Error::DeviceLost(_))));
    Ok(())
}

/// Reads one element of each kibibyte of what is copied: nearly all of the call is transfers.
const PICK: &str = "
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(64) fn pick(@builtin(global_invocation_id) gid: vec3<u32>) {
        if (gid.x < arrayLength(&y)) { y[gid.x] = x[gid.x * 256u]; }
    }
";

/// The time in the kernel and in all, of a call that copies 64 MiB in tiles.
fn pick_in_tiles(rt: &Runtime, device: &Device) -> Result<(Duration, Duration)> {
    let pick = kernel(PICK, "pick");
    let x: Vec<f32> = (0..16 << 20).map(|i| (i / 256) as f32).collect();
    let mut y = vec![0.0_f32; x.len() / 256];
    let grid = [y.len() as u32];
    let job =
        rt.call(&pick).device(device).read("x", &x).write("y", &mut y).grid(grid).memory_limit(24 << 20).plan()?;
    assert!(job.plan().is_streamed(), "{job}");
    let report = job.run()?;
    assert!(report.tiles() > 2 && report.dispatches() == report.tiles(), "{report}");
    assert!(report.bytes_up() >= 60 << 20, "{report}");
    assert!(y.iter().enumerate().all(|(i, y)| *y == i as f32));
    Ok((report.kernel_time(), report.total_time() - report.compile_time()))
}

/// Of some runs one is undisturbed by other tests, which share the cores: there the kernel is a small part.
fn check_pick(rt: &Runtime, device: &Device) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..8 {
        let (kernel, total) = pick_in_tiles(rt, device)?;
        assert!(kernel > Duration::ZERO);
        times.push((kernel, total));
        if 2 * kernel < total {
            return Ok(());
        }
    }
    panic!("time in the kernel, and of all: {times:?}")
}

#[test]
fn transfers_are_no_kernel_time_in_tiles() -> Result<()> {
    let Some((rt, device)) = gpu() else { return Ok(()) };
    check_pick(rt, device)
}

#[test]
fn transfers_are_no_kernel_time_in_tiles_on_a_device_without_a_clock() -> Result<()> {
    let Some((device, queue)) = own_device(wgpu::Limits::default()) else { return Ok(()) };
    assert!(!device.features().contains(wgpu::Features::TIMESTAMP_QUERY));
    let rt = Runtime::from_wgpu(device, queue)?;
    check_pick(&rt, &rt.devices()[0])
}

#[test]
fn what_a_driver_compiles_at_the_first_dispatch_is_no_kernel_time() -> Result<()> {
    let Some((rt, device)) = gpu() else { return Ok(()) };
    // Text that no driver has seen and cached, and that is some work to compile.
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.subsec_nanos());
    let branch = |n: u32| {
        let (a, b) = (seed ^ n, 5 + n);
        format!(
            "if (x % {b}u == 3u) {{ for (var j = 0u; j < x % 7u; j++) {{ x = x * {a}u + y[(x + {n}u) % 64u]; }} }}\n"
        )
    };
    let fresh = |salt: u32| {
        let body: String = (0..12).map(|n| branch(16 * salt + n)).collect();
        let wgsl = format!(
            "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
             @compute @workgroup_size(64) fn fresh(@builtin(global_invocation_id) id: vec3u) {{
                 var x = y[id.x];
                 {body}
                 y[id.x] = x;
             }}"
        );
        kernel(&wgsl, "fresh")
    };
    let first = |kernel: &Kernel| {
        let mut y: Vec<u32> = (0..64).collect();
        rt.call(kernel).device(device).read_write("y", &mut y).grid([64]).run()
    };
    let report = first(&fresh(1))?;
    assert!(4 * report.kernel_time() < report.compile_time(), "{report}");
    // What is compiled ahead is compiled to the end.
    let prepared = fresh(2);
    let compile = prepared.prepare(rt, device)?;
    let report = first(&prepared)?;
    assert_eq!(report.compile_time(), Duration::ZERO);
    assert!(4 * report.kernel_time() < compile, "{compile:?} ahead, {report}");
    Ok(())
}
