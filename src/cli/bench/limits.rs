//! What the machine can do at most, measured: bytes that memory moves, and additions and multiplications.

use std::time::{Duration, Instant};

use multiversion::multiversion;
use rayon::prelude::*;
use swath::{Buffer, Device, DeviceKind, Kernel, Runtime, samples::Work};

use crate::cli::{failure::Outcome, run::giga};

/// Bytes of the smallest memory traffic that is measured; less would measure how threads start.
const LEAST_BYTES: u64 = 1 << 20;

/// Bytes of the largest: what no cache holds.
const MOST_BYTES: u64 = 1 << 29;

/// Whose limits count for a device: the host's for the engine, native code and software drivers.
pub fn is_host(device: &Device) -> bool {
    matches!(device.kind(), DeviceKind::Cpu | DeviceKind::SoftwareGpu)
}

/// Memory traffic of a sample, as it is measured.
fn traffic(work: &Work) -> u64 {
    work.bytes.clamp(LEAST_BYTES, MOST_BYTES)
}

/// The host's memory: two vectors as large as the sample's traffic asks for.
pub struct HostMemory {
    x: Vec<f32>,
    y: Vec<f32>,
}

/// Elements that a thread takes at a time.
const CHUNK: usize = 1 << 14;

impl HostMemory {
    /// For as much traffic as `work` has.
    pub fn new(work: &Work) -> Self {
        // Updating reads two vectors and writes one.
        let count = (traffic(work) / 12) as usize;
        let filled = |value: f32| (0..count).into_par_iter().map(|_| value).collect();
        HostMemory { x: filled(1.0), y: filled(0.0) }
    }

    /// 10^9 bytes a second of one pass that updates, or one that only reads: whichever is faster.
    pub fn rate(&mut self) -> f64 {
        let bytes = 4 * self.x.len() as u64;
        let update = timed(|| {
            self.y.par_chunks_mut(CHUNK).zip(self.x.par_chunks(CHUNK)).for_each(|(y, x)| update(1e-6, x, y));
        });
        let read = timed(|| {
            let sum = |chunk: &[f32]| sum(chunk);
            std::hint::black_box(self.x.par_chunks(CHUNK).map(sum).sum::<f32>());
            std::hint::black_box(self.y.par_chunks(CHUNK).map(sum).sum::<f32>());
        });
        giga(3 * bytes, update).max(giga(2 * bytes, read))
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// y += a x.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2+fma"))]
fn update(a: f32, x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// The sum, in as many lanes as hide how long an addition takes.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2+fma"))]
fn sum(x: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 128];
    for row in x.as_chunks::<128>().0 {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += x;
        }
    }
    sums.iter().sum()
}

/// Rounds of the arithmetic that is measured; a few milliseconds.
const ROUNDS: usize = 1 << 19;

/// Numbers that are worked on at once: ten vectors of the widest kind, so that none waits for the one before.
const NUMBERS: usize = 160;

/// 10^9 operations a second of all cores in one try; a fused multiply-add counts as two.
pub fn host_arithmetic() -> f64 {
    let threads = rayon::current_num_threads();
    let time = timed(|| {
        let chains = (0..threads).into_par_iter().with_max_len(1);
        std::hint::black_box(chains.map(|thread| multiply_add(ROUNDS, 1e-3 * thread as f32)).sum::<f32>());
    });
    giga((2 * NUMBERS * ROUNDS * threads) as u64, time)
}

/// Multiplies and adds without using memory.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2+fma"))]
fn multiply_add(rounds: usize, start: f32) -> f32 {
    // Without an instruction for it, a fused multiply-add is a slow function.
    let fused = cfg!(target_arch = "aarch64") || multiversion::target::target_cfg_f!(target_feature = "fma");
    let mut numbers = [start; NUMBERS];
    for _ in 0..rounds {
        for number in &mut numbers {
            *number = if fused { number.mul_add(0.999, 0.25) } else { *number * 0.999 + 0.25 };
        }
    }
    numbers.iter().sum()
}

const GPU_WGSL: &str = "
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(256)
fn update(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    for (var i = id.x; i < arrayLength(&y); i += 256u * groups.x) {
        y[i] += 0.000001 * x[i];
    }
}

@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(256)
fn multiply_add(@builtin(global_invocation_id) id: vec3u) {
    var a = vec4f(f32(id.x)) * vec4f(0.001, 0.002, 0.003, 0.004);
    var b = a + 1.0;
    for (var round = 0u; round < 1024u; round++) {
        a = fma(a, vec4f(0.999), vec4f(0.25));
        b = fma(b, vec4f(0.999), vec4f(0.25));
    }
    sums[id.x] = dot(a, b);
}
";

/// Invocations of the arithmetic that is measured on a GPU: enough for the largest.
const GPU_INVOCATIONS: usize = 1 << 20;

/// 10^9 operations a second of a GPU, the best of some tries.
pub fn gpu_arithmetic(runtime: &Runtime, device: &Device) -> Outcome<f64> {
    arithmetic_of(runtime, device, GPU_INVOCATIONS)
}

fn arithmetic_of(runtime: &Runtime, device: &Device, invocations: usize) -> Outcome<f64> {
    let kernel = runtime.module(GPU_WGSL)?.kernel("multiply_add")?;
    let sums = runtime.buffer_zeroed_on::<f32>(device, invocations)?;
    let mut best = 0.0_f64;
    for _ in 0..5 {
        let report = runtime.call(&kernel).write("sums", &sums).grid(invocations).run()?;
        best = best.max(giga(2 * 8 * 1024 * invocations as u64, report.kernel_time()));
    }
    Ok(best)
}

/// A GPU's memory, like [`HostMemory`].
pub struct GpuMemory {
    runtime: Runtime,
    kernel: Kernel,
    x: Buffer<[f32; 4]>,
    y: Buffer<[f32; 4]>,
}

impl GpuMemory {
    /// For as much traffic as `work` has.
    pub fn new(work: &Work, runtime: &Runtime, device: &Device) -> Outcome<Self> {
        let count = (traffic(work) / 48) as usize;
        Ok(GpuMemory {
            runtime: runtime.clone(),
            kernel: runtime.module(GPU_WGSL)?.kernel("update")?,
            x: runtime.buffer_zeroed_on(device, count)?,
            y: runtime.buffer_zeroed_on(device, count)?,
        })
    }

    /// 10^9 bytes a second of one pass that updates.
    pub fn rate(&mut self) -> Outcome<f64> {
        let count = self.x.len();
        let call = self.runtime.call(&self.kernel).read("x", &self.x).read_write("y", &self.y);
        let report = call.workgroups(count.div_ceil(256).min(1 << 15)).run()?;
        Ok(giga(48 * count as u64, report.kernel_time()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_can_be_measured_on_any_device() {
        let work = Work { operations: 0, counted: "nothing", bytes: 0 };
        let is_rate = |rate: f64| rate > 0.0 && rate.is_finite();
        let mut memory = HostMemory::new(&work);
        assert!(is_rate(memory.rate()) && is_rate(host_arithmetic()));
        assert!(memory.y.iter().all(|y| *y == 1e-6), "one pass has updated every element");
        let runtime = Runtime::new().unwrap();
        for device in runtime.devices() {
            assert!(is_rate(arithmetic_of(&runtime, device, 1024).unwrap()), "{device:?}");
            let mut memory = GpuMemory::new(&work, &runtime, device).unwrap();
            memory.x.fill([1.0; 4]).unwrap();
            assert!(is_rate(memory.rate().unwrap()), "{device:?}");
            assert!(memory.y.download().unwrap().iter().flatten().all(|y| *y == 1e-6), "{device:?}");
        }
    }
}
