//! Many users of one process: what calls of many threads come to beside those of one, and how long a small call takes.
//!
//! ```sh
//! cargo bench --bench users                  # the CPU engine and the first GPU
//! cargo bench --bench users -- --seconds 10  # for each measurement
//! ```
//!
//! Printed are, for each device: calls in a second by 1, 8 and 64 threads, of sizes that are drawn and the same for all; and the
//! time of a call of 64 elements, alone and beside a thread that makes large calls, in the median and for 99 and 99.9 of 100.
//! Every result is checked.

use std::{
    env,
    error::Error,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use swath::{Device, Kernel, Runtime};

const WGSL: &str = "
@group(0) @binding(0) var<uniform> turns: u32;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64) fn turn(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&y) { return; }
    var x = y[id.x];
    for (var i = 0u; i < turns; i++) { x = x * 1664525u + 1013904223u; }
    y[id.x] = x;
}";

/// Elements of a small call, and of a large one.
const SMALL: usize = 64;
const LARGE: usize = 1 << 22;

/// Rounds of the loop in a small call, and in a large one.
const FEW: u32 = 16;
const MANY: u32 = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` only sees whether it works.
    let measure = env::args().any(|argument| argument == "--bench");
    let asked = env::args().skip_while(|argument| argument != "--seconds").nth(1);
    let seconds: f64 = asked.map_or(Ok(4.0), |text| text.parse())?;
    let time = Duration::from_secs_f64(if measure { seconds } else { 0.05 });
    let rt = Runtime::new()?;
    let kernel = rt.module(WGSL)?.only_kernel()?;
    let gpu = rt.devices().iter().find(|device| device.alias().starts_with("gpu"));
    let cpu = rt.devices().iter().find(|device| device.alias() == "cpu");
    for device in cpu.into_iter().chain(gpu) {
        println!("{}", device.name());
        throughput(&rt, &kernel, device, time);
        for beside in [0, 1] {
            latency(&rt, &kernel, device, time, beside, if measure { LARGE } else { LARGE >> 8 });
        }
    }
    Ok(())
}

/// A call, and its result checked.
fn call(rt: &Runtime, kernel: &Kernel, device: &Device, count: usize, turns: u32) {
    let mut y: Vec<u32> = (0..count as u32).collect();
    rt.call(kernel).device(device).set("turns", turns).read_write("y", &mut y).grid(count).run().expect("it runs");
    for at in [0, count / 2, count - 1] {
        let expected = (0..turns).fold(at as u32, |x, _| x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        assert_eq!(y[at], expected, "element {at} of {count}");
    }
}

/// Sizes from 64 to 64 Ki elements, even in their logarithms, the same for all.
fn size(number: usize) -> usize {
    let random = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    SMALL << (random % 11)
}

/// Calls in a second by so many threads.
fn throughput(rt: &Runtime, kernel: &Kernel, device: &Device, time: Duration) {
    call(rt, kernel, device, SMALL, FEW);
    let mut alone = 0.0;
    for threads in [1, 8, 64] {
        let next = AtomicUsize::new(0);
        let begin = Instant::now();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while begin.elapsed() < time {
                        call(rt, kernel, device, size(next.fetch_add(1, Ordering::Relaxed)), FEW);
                    }
                });
            }
        });
        let rate = next.into_inner() as f64 / begin.elapsed().as_secs_f64();
        if threads == 1 {
            alone = rate;
        }
        println!("  {threads:>2} threads  {rate:>10.0} calls a second  {:>6.3} of one thread's", rate / alone);
    }
}

/// The time of small calls, beside so many threads that make large ones.
fn latency(rt: &Runtime, kernel: &Kernel, device: &Device, time: Duration, beside: usize, large: usize) {
    let is_over = AtomicBool::new(false);
    let mut longest = Duration::ZERO;
    let mut times = Vec::new();
    // What takes how long is known then.
    let begin = Instant::now();
    call(rt, kernel, device, large, MANY);
    let one = begin.elapsed();
    thread::scope(|scope| {
        for _ in 0..beside {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    call(rt, kernel, device, large, MANY);
                }
            });
        }
        thread::sleep(time / 20);
        let begin = Instant::now();
        while begin.elapsed() < time || times.len() < 3 {
            let start = Instant::now();
            call(rt, kernel, device, SMALL, FEW);
            times.push(start.elapsed());
            longest = longest.max(start.elapsed());
            // So many that none is seen twice, and yet not only those that follow a large one's end.
            thread::sleep(Duration::from_micros(200));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    times.sort_unstable();
    let at = |share: f64| format!("{:.2?}", times[((times.len() - 1) as f64 * share) as usize]);
    let place = if beside == 0 { "alone".to_owned() } else { format!("beside calls of {one:.1?}") };
    println!(
        "  64 elements, {place:<24} median {:>10}  99%: {:>10}  99.9%: {:>10}  longest {longest:.2?} of {}",
        at(0.5),
        at(0.99),
        at(0.999),
        times.len()
    );
}
