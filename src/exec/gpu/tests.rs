//! The backend by itself, below the public face.
//!
//! These need a GPU, or a driver that plays one. Without, they say that they are skipped; with
//! `SWATH_REQUIRE_GPU=1` they fail.

use std::sync::LazyLock;

#[path = "../../../tests/support/validation.rs"]
mod validation;

use super::*;
use crate::{exec::ArgData, kernel::Module};

/// One backend for all tests; opening a device takes longer than most of them.
fn backend() -> Option<&'static Arc<dyn Backend>> {
    static FIRST: LazyLock<Option<Arc<dyn Backend>>> = LazyLock::new(|| {
        validation::watch();
        discover().into_iter().next()
    });
    if FIRST.is_none() {
        assert!(std::env::var_os("SWATH_REQUIRE_GPU").is_none_or(|v| v != "1"), "there is no GPU");
        eprintln!("skipped: there is no GPU");
    }
    FIRST.as_ref()
}

/// The entry point `name` of `source`.
fn kernel(source: &str, name: &str) -> Kernel {
    Module::parse(source).and_then(|module| module.kernel(name)).expect("the test's WGSL is right")
}

const SAXPY: &str = "
    struct Params { a: f32, n: u32 }
    @group(0) @binding(2) var<uniform> params: Params;
    @group(1) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(7) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(64)
    fn saxpy(@builtin(global_invocation_id) gid: vec3<u32>) {
        if (gid.x < params.n) { y[gid.x] = params.a * x[gid.x] + y[gid.x]; }
    }
";

fn params(a: f32, n: u32) -> Vec<u8> {
    [a.to_le_bytes(), n.to_le_bytes()].concat()
}

#[test]
fn saxpy_on_host_slices() {
    let Some(backend) = backend() else { return };
    let kernel = kernel(SAXPY, "saxpy");
    // Small, and large enough for several staging buffers.
    for n in [1_u32, 1000, 10 << 20] {
        let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let mut y = vec![1.0_f32; n as usize];
        let metrics = backend
            .launch(Launch::new(
                &kernel,
                vec![
                    ArgData::Uniform(&params(2.0, n - 1)),
                    ArgData::Write(bytemuck::cast_slice_mut(&mut y)),
                    ArgData::Read(bytemuck::cast_slice(&x)),
                ],
                [n.div_ceil(64), 1, 1],
            ))
            .expect("runs");
        assert_eq!(metrics.bytes_up, u64::from(n) * 8);
        assert_eq!(metrics.bytes_down, u64::from(n) * 4);
        let reached = n as usize - 1;
        for (i, y) in y.iter().enumerate() {
            assert_eq!(*y, if i < reached { 2.0 * i as f32 + 1.0 } else { 1.0 }, "{i} of {n}");
        }
    }
}

#[test]
fn resident_memory_keeps_its_contents() {
    let Some(backend) = backend() else { return };
    let kernel = kernel(SAXPY, "saxpy");
    let n = 1000_u32;
    let x = backend.allocate(u64::from(n) * 4, "x").expect("allocated");
    let y = backend.allocate(u64::from(n) * 4, "y").expect("allocated");
    x.fill(&3.0_f32.to_le_bytes()).expect("filled");
    for turn in 0..10 {
        let metrics = backend
            .launch(Launch::new(
                &kernel,
                vec![ArgData::Uniform(&params(turn as f32, n)), ArgData::Resident(&y), ArgData::Resident(&x)],
                [n.div_ceil(64), 1, 1],
            ))
            .expect("runs");
        assert_eq!((metrics.tiles, metrics.dispatches), (1, 1));
    }
    let mut result = vec![0.0_f32; n as usize];
    y.download(0, bytemuck::cast_slice_mut(&mut result)).expect("downloaded");
    assert!(result.iter().all(|y| *y == 45.0 * 3.0));
}

#[test]
fn ranges_at_any_byte() {
    let Some(backend) = backend() else { return };
    for size in [1_usize, 2, 3, 4, 7, 64, 70_001] {
        let memory = backend.allocate(size as u64, "bytes").expect("allocated");
        let mut expected = vec![0_u8; size];
        let mut all = vec![1; size];
        memory.download(0, &mut all).expect("downloaded");
        assert_eq!(all, expected, "new memory is zero");
        for (from, to) in [(0, size), (1, size), (0, size - 1), (size / 2, size / 2 + 1), (3, 5), (1, 2)] {
            if from > to || to > size {
                continue;
            }
            let data: Vec<u8> = (from..to).map(|i| (i * 7 + from + 1) as u8).collect();
            memory.upload(from as u64, &data).expect("uploaded");
            expected[from..to].copy_from_slice(&data);
            memory.download(0, &mut all).expect("downloaded");
            assert_eq!(all, expected, "{from}..{to} of {size}");
            let mut part = vec![0; to - from];
            memory.download(from as u64, &mut part).expect("downloaded");
            assert_eq!(part, data, "{from}..{to} of {size}");
        }
    }
}

#[test]
fn fill_and_copy() {
    let Some(backend) = backend() else { return };
    for (size, pattern) in [
        (7_usize, vec![9_u8]),
        (30, vec![1, 2]),
        (36, vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        ((9 << 20) + 3, vec![5]),
        ((9 << 20) + 6, vec![5, 6]),
        (12 * 900_001, (0..12).collect()),
    ] {
        let memory = backend.allocate(size as u64, "filled").expect("allocated");
        memory.fill(&pattern).expect("filled");
        let mut data = vec![0; size];
        memory.download(0, &mut data).expect("downloaded");
        assert!(data.chunks(pattern.len()).all(|chunk| chunk == pattern), "{size} bytes");

        let copy = backend.allocate(size as u64, "copy").expect("allocated");
        copy.copy_from(0, &*memory, 0, size as u64).expect("copied");
        copy.copy_from(5, &*copy, 0, 2).expect("copied within");
        copy.download(0, &mut data[..7]).expect("downloaded");
        let pattern: Vec<u8> = pattern.iter().cycle().take(5).chain(pattern.iter().cycle().take(2)).copied().collect();
        assert_eq!(data[..7], pattern);
    }
}

#[test]
fn memory_used_before_is_zero_again() {
    let Some(backend) = backend() else { return };
    for _ in 0..3 {
        let memory = backend.allocate(12_344, "again").expect("allocated");
        let mut data = vec![1; 12_344];
        memory.download(0, &mut data).expect("downloaded");
        assert!(data.iter().all(|byte| *byte == 0));
        memory.fill(&[7]).expect("filled");
    }
}

#[test]
fn grids_beyond_the_limit_are_tiled() {
    let Some(backend) = backend() else { return };
    let source = "
        @group(0) @binding(0) var<storage, read_write> out: array<u32>;
        struct Ids { @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) count: vec3<u32> }
        @compute @workgroup_size(2)
        fn line(@builtin(global_invocation_id) gid: vec3<u32>, ids: Ids) {
            out[gid.x] = gid.x + ids.wid.x + ids.count.x;
        }
        @compute @workgroup_size(1, 1, 1)
        fn plane(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>) {
            out[gid.y * count.x + gid.x] += gid.y + 1u;
        }
    ";
    let n = 70_001_u32;
    let mut out = vec![0_u32; 2 * n as usize];
    let line = kernel(source, "line");
    let metrics = backend
        .launch(Launch::new(&line, vec![ArgData::Write(bytemuck::cast_slice_mut(&mut out))], [n, 1, 1]))
        .expect("runs");
    assert_eq!(metrics.dispatches, 2);
    for (i, value) in (0..).zip(&out) {
        assert_eq!(*value, i + i / 2 + n);
    }

    let mut out = vec![0_u32; 2 * n as usize];
    let plane = kernel(source, "plane");
    for workgroups in [[n, 2, 1], [2, n, 1]] {
        out.fill(0);
        backend
            .launch(Launch::new(&plane, vec![ArgData::Write(bytemuck::cast_slice_mut(&mut out))], workgroups))
            .expect("runs");
        for (i, value) in (0..).zip(&out) {
            assert_eq!(*value, i / workgroups[0] + 1, "{i} of {workgroups:?}");
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let Some(backend) = backend() else { return };
    let Err(error) = backend.allocate(1 << 50, "huge") else { panic!("2^50 bytes were allocated") };
    assert!(matches!(&error, Error::Unsupported(m) if m.problem.contains("maxBufferSize")), "{error}");
    // The device is as good as before.
    let memory = backend.allocate(16, "small").expect("allocated");
    memory.fill(&[1]).expect("filled");
}

/// A device that only this test uses, for it is going to be destroyed.
fn own_backend() -> Option<GpuBackend> {
    backend()?;
    device::open_all().into_iter().next().map(GpuBackend::new)
}

#[test]
fn a_lost_device_is_found_again() {
    let Some(backend) = own_backend() else { return };
    let kernel = kernel(SAXPY, "saxpy");
    let run = |y: &mut [f32]| {
        let params = params(2.0, 4);
        let args = vec![
            ArgData::Uniform(&params),
            ArgData::Write(bytemuck::cast_slice_mut(y)),
            ArgData::Read(bytemuck::cast_slice(&[1.0_f32, 2.0, 3.0, 4.0])),
        ];
        backend.launch(Launch::new(&kernel, args, [1, 1, 1]))
    };
    let mut y = [1.0_f32; 4];
    run(&mut y).unwrap();
    let buffer = backend.allocate(16, "kept").unwrap();
    backend.gpu().device.destroy();
    // wgpu tells of it when it is next used.
    let error = run(&mut y).expect_err("the device is gone");
    assert!(matches!(error, Error::DeviceLost(_)), "{error}");
    assert_eq!(y, [3.0, 5.0, 7.0, 9.0], "what was not done left nothing behind");
    run(&mut y).unwrap();
    assert_eq!(y, [5.0, 9.0, 13.0, 17.0], "on the device that was opened anew");
    assert!(matches!(buffer.download(0, &mut [0; 16]), Err(Error::DeviceLost(_))), "what was on the lost one is gone");
}

/// A device that takes many times what was expected is given up, and nothing of it reaches the host.
#[test]
fn a_launch_that_takes_far_too_long_counts_as_hung() {
    // One of its own: others would find it busy.
    let Some(backend) = backend().and_then(|_| discover().into_iter().next()) else { return };
    let kernel = kernel(
        "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
         @compute @workgroup_size(64) fn churn(@builtin(global_invocation_id) id: vec3u) {
             var h = id.x + 1u;
             for (var i = 0u; i < 60000u; i++) { h ^= h << 13u; h ^= h >> 17u; h ^= h << 5u; }
             x[id.x] = h;
         }",
        "churn",
    );
    let run = |x: &mut [u32], groups, patience| {
        let args = vec![ArgData::Write(bytemuck::cast_slice_mut(x))];
        backend.launch(Launch { patience, ..Launch::new(&kernel, args, [groups, 1, 1]) })
    };
    let mut x = vec![7_u32; 64];
    run(&mut x, 1, Some(Duration::from_secs(30))).expect("it is done in time");
    assert_ne!(x[0], 7);
    // Longer and longer, until it takes too long on any machine.
    for groups in [1 << 12, 1 << 15, 1 << 18] {
        let mut x = vec![7_u32; 64 * groups as usize];
        match run(&mut x, groups, Some(Duration::from_millis(20))) {
            Ok(_) => {}
            Err(Error::Hung(_)) => {
                assert!(x.iter().all(|&word| word == 7), "what is on the way stays there");
                assert!(matches!(run(&mut x, 1, None), Err(Error::Busy(_))));
                backend.wait_until_idle(Duration::from_secs(300)).expect("it is done at last");
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the device is too fast for this test");
}
