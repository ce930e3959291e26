//! What a call costs where there is next to nothing to compute, and what compiling costs.

use std::time::{Duration, Instant};

use serde_json::json;
use swath::{Buffer, Kernel, Module, Runtime, samples};

use crate::{Outcome, cases, large, options::Options, report};

/// Elements of a small call.
const ELEMENTS: usize = 64;

/// Calls that are measured, and those before that are not.
const CALLS: usize = 5000;
const WARM_UP: usize = 500;

/// Compilations of each kernel, and of each large one.
const COMPILATIONS: usize = 15;
const LARGE_COMPILATIONS: usize = 5;

/// Prints the costs; whether all results were right.
pub fn small(options: &Options) -> Outcome<bool> {
    let runtime = Runtime::cpu()?;
    println!("{}", runtime.device("cpu")?.info().driver);
    let (calls, correct) = calls(&runtime)?;
    println!("\na warm call on {ELEMENTS} elements (saxpy), median of {CALLS}");
    for (what, time) in &calls {
        println!("{what:24} {:>9.2} us", micros(*time));
    }
    println!("\ncompilation of the samples on a fresh runtime, medians of {COMPILATIONS}");
    println!("{:14} {:14} {:>10} {:>22}", "sample", "kernel", "parse ms", "lower and generate ms");
    let mut compilations = Vec::new();
    for sample in samples::all().iter().filter(|sample| options.wants(sample.name())) {
        let module = Module::parse(sample.wgsl())?;
        for name in module.kernel_names() {
            let (parse, compile) = compilation(sample.wgsl(), name, COMPILATIONS)?;
            let [parse, compile] = [parse, compile].map(|time| time.as_secs_f64() * 1e3);
            println!("{:14} {name:14} {parse:>10.3} {compile:>22.3}", sample.name());
            compilations.push(json!({
                "sample": sample.name(), "kernel": name, "parse_ms": parse, "compile_ms": compile,
            }));
        }
    }
    println!("\ncompilation of large kernels on a fresh runtime, medians of {LARGE_COMPILATIONS}");
    println!("{:20} {:>8} {:>10} {:>22}", "kernel", "IR lines", "parse ms", "lower and generate ms");
    for (name, wgsl) in large_kernels().iter().filter(|(name, _)| options.wants(name)) {
        let lines = Module::parse(wgsl)?.only_kernel()?.ir()?.lines().count();
        let (parse, compile) = compilation(wgsl, "main", LARGE_COMPILATIONS)?;
        let [parse, compile] = [parse, compile].map(|time| time.as_secs_f64() * 1e3);
        println!("{name:20} {lines:>8} {parse:>10.3} {compile:>22.3}");
        compilations.push(json!({
            "sample": name, "kernel": "main", "lines": lines, "parse_ms": parse, "compile_ms": compile,
        }));
    }
    if let Some(path) = &options.json {
        let calls = calls.iter().map(|(what, time)| ((*what).to_owned(), json!(micros(*time))));
        let calls: serde_json::Map<_, _> = calls.collect();
        report::save(path, &json!({"version": 1, "call_us": calls, "compilations": compilations}))?;
    }
    Ok(correct)
}

/// Arithmetic on numbers of 256 bits: in straight lines, and with many loops.
fn large_kernels() -> Vec<(String, String)> {
    let multiplications = [2, 8, 40].map(|count| (format!("{count} multiplications"), large::multiplications(count)));
    let points = [1, 4, 8].map(|copies| (format!("{copies} point steps"), large::points(copies)));
    multiplications.into_iter().chain(points).collect()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Saxpy with a factor small enough to keep y finite over all the calls.
const FACTOR: f32 = 1e-3;

/// Calls on buffers and on slices, in turn; whether their results are those of so many.
fn calls(runtime: &Runtime) -> Outcome<([(&'static str, Duration); 2], bool)> {
    let device = runtime.device("cpu")?;
    let kernel = runtime.module(cases::SAXPY)?.only_kernel()?;
    let x = vec![1.0_f32; ELEMENTS];
    let mut y = vec![0.0_f32; ELEMENTS];
    let (x_buffer, y_buffer) = (runtime.buffer_on(&device, &x)?, runtime.buffer_on(&device, &y)?);
    let (mut resident, mut borrowed) = (Vec::new(), Vec::new());
    for call in 0..WARM_UP + CALLS {
        let on_buffers = on_buffers(runtime, &kernel, &x_buffer, &y_buffer)?;
        let on_slices = on_slices(runtime, &kernel, &x, &mut y)?;
        if call >= WARM_UP {
            resident.push(on_buffers);
            borrowed.push(on_slices);
        }
    }
    // Each addition rounds by half a unit in the last place of at most the final sum.
    let total = f64::from(FACTOR) * (WARM_UP + CALLS) as f64;
    let error = (WARM_UP + CALLS) as f64 * f64::from(f32::EPSILON) * total;
    let right = |y: &[f32]| y.iter().all(|y| (f64::from(*y) - total).abs() <= error);
    let correct = right(&y) && right(&y_buffer.download()?);
    if !correct {
        eprintln!("the calls added up to {}, not {total}", y[0]);
    }
    Ok(([("on resident buffers", median(resident)), ("on borrowed slices", median(borrowed))], correct))
}

fn on_buffers(runtime: &Runtime, kernel: &Kernel, x: &Buffer<f32>, y: &Buffer<f32>) -> Outcome<Duration> {
    let start = Instant::now();
    runtime.call(kernel).set("params.a", FACTOR).read("x", x).read_write("y", y).grid(ELEMENTS).run()?;
    Ok(start.elapsed())
}

fn on_slices(runtime: &Runtime, kernel: &Kernel, x: &[f32], y: &mut [f32]) -> Outcome<Duration> {
    let start = Instant::now();
    runtime.call(kernel).set("params.a", FACTOR).read("x", x).read_write("y", y).grid(ELEMENTS).device("cpu").run()?;
    Ok(start.elapsed())
}

/// The times to parse and validate a kernel's text, and from there to what the engine runs: the medians of so many.
fn compilation(wgsl: &str, name: &str, times: usize) -> Outcome<(Duration, Duration)> {
    let (mut parses, mut compiles) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let start = Instant::now();
        let kernel = Module::parse(wgsl)?.kernel(name)?;
        parses.push(start.elapsed());
        // Another runtime has compiled nothing yet.
        compiles.push(kernel.prepare(&Runtime::cpu()?, "cpu")?);
    }
    Ok((median(parses), median(compiles)))
}
