//! The engine as a backend: memory that is not aligned, resident buffers, limits, the cache.

mod indexing;
mod oracle;
#[cfg(feature = "cli")]
pub(crate) mod recording;
#[cfg(target_os = "linux")]
mod slices;

use std::sync::Arc;

use super::{shared_mem::Aligned, *};
use crate::{exec::ArgData, kernel::testing::kernel};

const SCALE: &str = "
    @group(0) @binding(0) var<uniform> factor: u32;
    @group(0) @binding(1) var<storage, read> x: array<u32>;
    @group(0) @binding(2) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn scale(@builtin(global_invocation_id) id: vec3u) {
        if (id.x < arrayLength(&y)) { y[id.x] += factor * x[id.x]; }
    }";

/// The engine on so many threads, without the compiler.
fn backend(threads: usize) -> CpuBackend {
    CpuBackend::on(Pool::new(threads), false)
}

fn launch(backend: &CpuBackend, kernel: &Kernel, args: Vec<ArgData<'_>>, groups: u32) -> Result<Metrics> {
    backend.launch(Launch::new(kernel, args, [groups, 1, 1]))
}

#[test]
fn memory_that_is_not_aligned_is_copied_and_copied_back() {
    let backend = backend(2);
    let kernel = kernel(SCALE);
    let numbers = |count: u32| (0..count).flat_map(u32::to_ne_bytes).collect::<Vec<u8>>();
    for shift in 0..4 {
        let mut x = Aligned::zeroed(1024).unwrap();
        let mut y = Aligned::zeroed(1024).unwrap();
        x.bytes_mut()[shift..shift + 400].copy_from_slice(&numbers(100));
        y.bytes_mut()[shift..shift + 400].copy_from_slice(&numbers(100));
        y.bytes_mut()[shift + 400..].fill(7);
        let factor = 3u32.to_ne_bytes();
        let args = vec![
            ArgData::Uniform(&factor),
            ArgData::Read(&x.bytes()[shift..shift + 400]),
            ArgData::Write(&mut y.bytes_mut()[shift..shift + 400]),
        ];
        let metrics = launch(&backend, &kernel, args, 2).unwrap();
        let got: Vec<u32> = bytemuck::pod_collect_to_vec(&y.bytes()[shift..shift + 400]);
        assert_eq!(got, (0..100).map(|i| 4 * i).collect::<Vec<u32>>());
        assert!(y.bytes()[shift + 400..].iter().all(|byte| *byte == 7));
        // In place unless it cannot be: the four bytes of `factor` lie wherever they lie.
        let copied = if shift == 0 { 0 } else { 400 };
        assert_eq!((metrics.bytes_up & !7, metrics.bytes_down), (2 * copied, copied));
    }
}

#[test]
fn launches_on_one_buffer_from_many_threads_follow_each_other() {
    let backend = backend(3);
    let kernel = kernel(SCALE);
    let count = 50_000;
    let a = backend.allocate(4 * count, "a").unwrap();
    let b = backend.allocate(4 * count, "b").unwrap();
    a.fill(&1u32.to_ne_bytes()).unwrap();
    b.fill(&1u32.to_ne_bytes()).unwrap();
    let one = 1u32.to_ne_bytes();
    let zero = 0u32.to_ne_bytes();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (backend, kernel, a, b) = (&backend, &kernel, &a, &b);
            scope.spawn(move || {
                for _ in 0..25 {
                    // Opposite roles at once, which must not wait for each other for ever.
                    let (x, y) = if thread % 2 == 0 { (a, b) } else { (b, a) };
                    let factor = if thread % 2 == 0 { &one } else { &zero };
                    let args = vec![ArgData::Uniform(factor), ArgData::Resident(x), ArgData::Resident(y)];
                    launch(backend, kernel, args, count.div_ceil(64) as u32).unwrap();
                }
            });
        }
    });
    let mut bytes = vec![0; 4 * count as usize];
    b.download(0, &mut bytes).unwrap();
    let got: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
    assert!(got.iter().all(|x| *x == 51), "{:?}", &got[..8]);
    assert_eq!(Arc::strong_count(&a), 1);
}

#[test]
fn one_buffer_may_be_read_twice() {
    let backend = backend(1);
    let kernel = kernel(
        "@group(0) @binding(0) var<storage, read> a: array<u32>;
         @group(0) @binding(1) var<storage, read> b: array<u32>;
         @group(0) @binding(2) var<storage, read_write> c: array<u32>;
         @compute @workgroup_size(4) fn add(@builtin(global_invocation_id) id: vec3u) { c[id.x] = a[id.x] + b[id.x]; }",
    );
    let a = backend.allocate(16, "a").unwrap();
    a.fill(&21u32.to_ne_bytes()).unwrap();
    let c = backend.allocate(16, "c").unwrap();
    let args = vec![ArgData::Resident(&a), ArgData::Resident(&a), ArgData::Resident(&c)];
    launch(&backend, &kernel, args, 1).unwrap();
    let mut bytes = [0; 16];
    c.download(0, &mut bytes).unwrap();
    assert_eq!(bytes, [42, 0, 0, 0].repeat(4)[..]);
}

#[test]
fn what_the_engine_lacks_is_named() {
    let backend = backend(1);
    let refusal = |wgsl: &str| backend.supports(&kernel(wgsl)).unwrap_err().to_string();
    let text = refusal(
        "var<workgroup> big: array<u32, 300000>;
         @compute @workgroup_size(1) fn main() { big[0] = 1u; }",
    );
    assert!(text.contains("maxComputeWorkgroupStorageSize"), "{text}");
    let text = refusal("@compute @workgroup_size(1024, 65) fn main() { }");
    assert!(text.contains("maxComputeInvocationsPerWorkgroup"), "{text}");
    let text = refusal(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
         @compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
            var table: array<u32, 8000000>;
            table[id.x] = 1u;
            y[id.x] = table[id.y];
         }",
    );
    assert!(text.contains("local arrays") && text.contains("shrink"), "{text}");
    backend.supports(&kernel("@compute @workgroup_size(1024, 64) fn main() { }")).unwrap();
}

#[test]
fn a_kernel_is_compiled_once_and_old_ones_make_room() {
    let backend = backend(1);
    let first = kernel(SCALE);
    assert!(backend.prepare(&first).unwrap() > Duration::ZERO);
    assert_eq!(backend.prepare(&first).unwrap(), Duration::ZERO);
    for number in 0..2 * KEPT_KERNELS.get() {
        let wgsl = SCALE.replace("y[id.x] += factor", &format!("y[id.x] += {number}u + factor"));
        backend.prepare(&kernel(&wgsl)).unwrap();
    }
    assert_eq!(backend.cache().len(), KEPT_KERNELS.get());
    assert!(backend.prepare(&first).unwrap() > Duration::ZERO);
}

#[test]
fn finding_out_whether_a_kernel_can_run_makes_no_machine_code() {
    let backend = CpuBackend::on(Pool::new(1), jit::available());
    let kernel = kernel(SCALE);
    backend.supports(&kernel).unwrap();
    let code = backend.accepted(&kernel).unwrap();
    assert!(code.jit.get().is_none());
    assert!(backend.prepare(&kernel).unwrap() > Duration::ZERO);
    assert_eq!(code.jit.get().map(Option::is_some), Some(jit::available()));
    assert_eq!(backend.prepare(&kernel).unwrap(), Duration::ZERO);
}

/// The first version of a kernel that counts has copies for the workers; the one for large memories comes when it is needed.
#[test]
fn compiling_another_version_is_no_kernel_time() {
    let backend = CpuBackend::on(Pool::new(1), true);
    if !jit::available() {
        return;
    }
    let kernel = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<atomic<u32>>;
         @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) { atomicAdd(&y[id.x], 1u); }",
    );
    let run = |words: usize| {
        let mut y = vec![0u32; words];
        launch(&backend, &kernel, vec![ArgData::Write(bytemuck::cast_slice_mut(&mut y))], 1).unwrap()
    };
    assert!(run(64).compile > Duration::ZERO);
    assert_eq!(run(64).compile, Duration::ZERO);
    assert!(run(1 << 20).compile > Duration::ZERO);
    assert_eq!(run(1 << 20).compile, Duration::ZERO);
}

#[test]
fn what_is_compiled_goes_with_the_kernels_that_go() {
    let backend = backend(1);
    let weak = {
        let first = kernel(SCALE);
        Arc::downgrade(&backend.code(&first).unwrap().0)
    };
    assert!(weak.upgrade().is_some(), "it is kept for a kernel made again from the same text");
    assert_eq!(backend.prepare(&kernel(SCALE)).unwrap(), Duration::ZERO);
    for number in 0..KEPT_KERNELS.get() {
        let wgsl = SCALE.replace("y[id.x] += factor", &format!("y[id.x] += {number}u + factor"));
        backend.prepare(&kernel(&wgsl)).unwrap();
    }
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_launch_without_all_its_data_is_refused() {
    let backend = backend(1);
    let error = launch(&backend, &kernel(SCALE), Vec::new(), 1).unwrap_err().to_string();
    assert!(error.contains("0 bindings were given data, the kernel has 3"), "{error}");
}

#[test]
fn a_launch_that_would_write_what_is_bound_for_reading_is_refused() {
    let backend = backend(1);
    let (factor, x, y) = (1u32.to_ne_bytes(), [5u8; 400], [0u8; 400]);
    let args = vec![ArgData::Uniform(&factor), ArgData::Read(&x), ArgData::Read(&y)];
    let error = launch(&backend, &kernel(SCALE), args, 2).unwrap_err().to_string();
    assert!(error.contains("was given data to read, and the kernel writes to it"), "{error}");
}

#[test]
fn a_failed_launch_leaves_the_engine_able_to_go_on() {
    let backend = backend(2);
    let failed = backend.pool.team(2).run(2, &|| panic!("on purpose"));
    assert_eq!(failed.unwrap_err(), "on purpose");
    let (x, mut y) = ([5u8; 400], [0u8; 400]);
    let factor = 1u32.to_ne_bytes();
    let args = vec![ArgData::Uniform(&factor), ArgData::Read(&x), ArgData::Write(&mut y)];
    launch(&backend, &kernel(SCALE), args, 2).unwrap();
    assert_eq!(y, [5; 400]);
}
