//! Bounds on times that hold on any machine: multiples of what plain code takes on this one.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use swath::{Module, Runtime};

/// How many times its usual time a text may take: more than a busy machine makes of it, less than what is worth knowing.
const SLOWER: f64 = 50.0;

/// Below this no time counts as long: others may hold all cores for that while.
const MOMENT: Duration = Duration::from_secs(2);

/// Texts that are shorter have the time of so many bytes, for a runtime is made for each.
const SHORTEST: usize = 2000;

/// The time for a byte of plain code on this machine, from its text to its results on both executors.
fn pace() -> Duration {
    static PACE: OnceLock<Duration> = OnceLock::new();
    *PACE.get_or_init(|| {
        let line = "y[0] = y[0] * 3u + 1u; if y[0] > 9u { y[1] ^= y[0]; }\n";
        let wgsl = format!(
            "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
            @compute @workgroup_size(1) fn main() {{ {} }}",
            line.repeat(200)
        );
        let measure = |_| {
            let start = Instant::now();
            for engine in [Runtime::cpu(), Runtime::cpu_interpreter()] {
                let kernel = Module::parse(&wgsl).and_then(|module| module.only_kernel()).expect("it is a kernel");
                let engine = engine.expect("the engine is always there");
                engine.call(&kernel).read_write("y", &mut [0u32; 2]).workgroups([1, 1, 1]).run().expect("it runs");
            }
            start.elapsed()
        };
        (0..3).map(measure).min().unwrap_or_default() / wgsl.len() as u32
    })
}

/// Does `work` on a text, which has to be done soon: in fifty times what plain code of that length takes (most texts take
/// half of that time or as much), and `cost` times as long where the text stands for more than its length says.
///
/// # Panics
///
/// When it took longer.
pub fn soon<T>(text: &str, cost: f64, work: impl FnOnce() -> T) -> T {
    let usual = pace().mul_f64(cost * text.len().max(SHORTEST) as f64);
    let start = Instant::now();
    let result = work();
    let (took, allowed) = (start.elapsed(), usual.mul_f64(SLOWER).max(MOMENT));
    let shown: String = text.chars().take(60).collect();
    assert!(took < allowed, "it took {took:?}, and {allowed:?} is much for it: {shown}");
    result
}
