//! What learning costs a warm call of 64 elements on the CPU engine.
//!
//! ```sh
//! cargo bench --bench learning
//! ```
//!
//! The same calls, in turn, through runtimes with two devices each: one that learns nothing, one whose devices are not
//! measured yet, and one that chooses by what it has learned. Printed are the medians and their ratios to the first. Times of
//! microseconds are noisy; instructions are not, and are counted with one of the three alone:
//!
//! ```sh
//! valgrind --tool=callgrind target/release/deps/learning-* off 20000
//! ```

#[path = "beside/compare.rs"]
mod compare;

use std::error::Error;

use swath::{History, Kernel, Runtime};

const WGSL: &str = "
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn add(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&y) { y[id.x] = x[id.x] + 1.0; }
}";

const ELEMENTS: usize = 64;

/// The ways to learn: a name, what is kept, and whether devices are measured first.
const WAYS: [(&str, History, bool); 3] =
    [("off", History::Off, false), ("unmeasured", History::InMemory, false), ("learned", History::InMemory, true)];

fn runtime(history: &History, is_measured: bool) -> swath::Result<Runtime> {
    let rt = Runtime::cpu_engines_that_learn(&[1, 1], history)?;
    if is_measured {
        rt.measure();
    }
    Ok(rt)
}

fn call(rt: &Runtime, kernel: &Kernel, x: &[f32], y: &mut [f32]) -> Result<(), Box<dyn Error>> {
    rt.call(kernel).read("x", x).write("y", y).grid([ELEMENTS]).run()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (x, mut y, mut z) = (vec![1.0f32; ELEMENTS], vec![0.0f32; ELEMENTS], vec![0.0f32; ELEMENTS]);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [name, count] = arguments.as_slice()
        && let Some((_, history, is_measured)) = WAYS.iter().find(|(way, ..)| way == name)
    {
        let rt = runtime(history, *is_measured)?;
        let kernel = rt.module(WGSL)?.only_kernel()?;
        return (0..count.parse::<u32>()?).try_for_each(|_| call(&rt, &kernel, &x, &mut y));
    }
    // `cargo test --benches` only sees whether it works.
    let calls = if arguments.iter().any(|argument| argument == "--bench") { 50_000 } else { 50 };
    let [off, others @ ..] = WAYS;
    let off = runtime(&off.1, off.2)?;
    let kernel = off.module(WGSL)?.only_kernel()?;
    for (name, history, is_measured) in others {
        let rt = runtime(&history, is_measured)?;
        let (without, with) =
            compare::compare(calls, calls / 10, || call(&off, &kernel, &x, &mut y), || call(&rt, &kernel, &x, &mut z))?;
        let ratio = with.as_secs_f64() / without.as_secs_f64();
        println!("{name:>12}: {with:.2?}, {without:.2?} without learning, ratio {ratio:.3}");
    }
    assert_eq!(y, z);
    Ok(())
}
