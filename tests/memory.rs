//! A process that compiles ever more kernels takes no more memory for it than those that are kept.
#![cfg(all(feature = "cpu", target_os = "linux"))]

#[cfg(feature = "gpu")]
#[path = "support/missing_gpu.rs"]
mod missing_gpu;

use swath::{Device, DeviceKind, Module, Result, Runtime};

/// Kernels after which nothing is to grow any more: more than any device keeps pipelines or bind groups for.
const WARM_UP: u32 = 540;

/// Kernels whose memory is measured.
const MEASURED: u32 = 200;

/// Bytes that a kernel may leave behind: a tenth of what a software driver holds for a pipeline that is kept.
const MOST_LEFT: u64 = 48 << 10;

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages: u64 = text.split_whitespace().nth(1).and_then(|field| field.parse().ok()).expect("pages");
    pages * 4096
}

/// Parses, compiles and runs a kernel that is unlike those of all other numbers.
fn run(rt: &Runtime, device: &Device, number: u32) -> Result<()> {
    let wgsl = format!(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
         @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) {{
             var x = y[id.x];
             for (var j = 0u; j < 4u; j++) {{
                 if x % 3u == 1u {{ x = x * {number}u + y[(x + j) % 64u]; }} else {{ x ^= y[(x >> j) % 64u]; }}
             }}
             y[id.x] = x;
         }}"
    );
    let mut y = vec![number; 64];
    rt.call(&Module::parse(&wgsl)?.kernel("k")?).device(device).read_write("y", &mut y).grid([64]).run().map(|_| ())
}

/// One test, for what another one took meanwhile would be counted too.
#[test]
fn compiling_many_kernels_leaves_nothing_behind() -> Result<()> {
    let rt = Runtime::new()?;
    #[cfg(feature = "gpu")]
    if rt.devices().iter().all(|device| device.kind() == DeviceKind::Cpu) {
        missing_gpu::skip("no adapter was found");
    }
    for device in rt.devices() {
        let start = resident();
        (1..=WARM_UP).try_for_each(|number| run(&rt, device, number))?;
        let warm = resident();
        (1..=MEASURED).try_for_each(|number| run(&rt, device, WARM_UP + number))?;
        let grown = resident().saturating_sub(warm);
        let kept = warm.saturating_sub(start) / u64::from(WARM_UP);
        println!("{device:?}: {kept} bytes for a kernel at first, {} later", grown / u64::from(MEASURED));
        assert!(
            grown < u64::from(MEASURED) * MOST_LEFT,
            "{device:?}: {MEASURED} kernels left {grown} bytes behind, after {kept} for each of the first {WARM_UP}"
        );
    }
    // The CPU engine is a device too.
    assert!(rt.devices().iter().any(|device| device.kind() == DeviceKind::Cpu));
    Ok(())
}
