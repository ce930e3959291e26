//! What a checkpoint costs: chains and calls on the CPU engine, with and without one, in turn.
//!
//! Chains store their state as often as costs least for one failure an hour. They run for half a minute each, or for so many
//! seconds as `cargo bench --bench checkpoint -- --seconds N` says: a state is stored every few seconds.

use std::{
    env,
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use swath::{Chain, CheckpointEvery, Kernel, Runtime, chain::Slot};

const WGSL: &str = "
@group(0) @binding(0) var<storage, read> src: array<f32>;
@group(0) @binding(1) var<storage, read_write> dst: array<f32>;
@compute @workgroup_size(64) fn smooth_once(@builtin(global_invocation_id) id: vec3u) {
    let n = arrayLength(&src);
    if id.x >= n { return; }
    let left = src[select(id.x - 1u, n - 1u, id.x == 0u)];
    let right = src[select(id.x + 1u, 0u, id.x == n - 1u)];
    dst[id.x] = 0.25 * (left + right) + 0.5 * src[id.x];
}
@compute @workgroup_size(64) fn grind(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&dst) { return; }
    var x = dst[id.x];
    for (var i = 0u; i < 2000u; i++) { x = fma(x, 0.999, 0.5); }
    dst[id.x] = x;
}
";

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` only sees whether it works.
    let measure = env::args().any(|argument| argument == "--bench");
    let asked = env::args().skip_while(|argument| argument != "--seconds").nth(1);
    let seconds = asked.map_or(Ok(30.0), |text| text.parse())?;
    let time = if measure { Duration::from_secs_f64(seconds) } else { Duration::from_millis(20) };
    let rt = Runtime::cpu()?;
    let module = rt.module(WGSL)?;
    let folder = env::temp_dir().join(format!("swath-checkpoint-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = chains(&rt, &module.kernel("smooth_once")?, time, &folder)
        .and_then(|()| calls(&rt, &module.kernel("grind")?, if measure { 7 } else { 1 }, &folder));
    std::fs::remove_dir_all(&folder)?;
    done
}

fn chains(rt: &Runtime, kernel: &Kernel, time: Duration, folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("chains, one failure an hour");
    println!(
        "{:>10}  {:>8}  {:>10}  {:>10}  {:>6}  {:>6}  {:>10}  {:>7}",
        "elements", "calls", "without", "with", "ratio", "stored", "each", "share"
    );
    for n in [1 << 16, 1 << 20, 1 << 24] {
        // So many calls as take that time.
        let (probe, state) = chain(rt, kernel, n, 20)?;
        let data = vec![1.0; n];
        run(&probe, state, &data, None)?;
        let (one, _) = run(&probe, state, &data, None)?;
        let calls = (20.0 * time.as_secs_f64() / one.as_secs_f64()).clamp(20.0, 16e6) as usize;
        drop(probe);
        let (chain, state) = chain(rt, kernel, n, calls)?;
        let path = folder.join(format!("chain-{n}"));
        let (without, _) = run(&chain, state, &data, None)?;
        let (with, report) = run(&chain, state, &data, Some(&path))?;
        let (count, stored) = (report.checkpoints(), report.checkpoint_time());
        println!(
            "{n:>10}  {calls:>8}  {:>10}  {:>10}  {:>6.3}  {count:>6}  {:>10}  {:>6.2}%",
            format!("{without:.2?}"),
            format!("{with:.2?}"),
            with.as_secs_f64() / without.as_secs_f64(),
            format!("{:.1?}", stored / count as u32),
            100.0 * stored.as_secs_f64() / with.as_secs_f64(),
        );
    }
    Ok(())
}

fn chain(rt: &Runtime, kernel: &Kernel, n: usize, calls: usize) -> swath::Result<(Chain, Slot<f32>)> {
    let mut chain = rt.chain();
    let (state, next) = (chain.in_out::<f32>(n), chain.scratch::<f32>(n));
    chain.repeat(calls, |_, chain| {
        chain.call(kernel).bind("src", state).bind("dst", next).grid(n);
        chain.swap(state, next);
    });
    Ok((chain.build()?, state))
}

fn run(
    chain: &Chain,
    state: Slot<f32>,
    data: &[f32],
    path: Option<&Path>,
) -> swath::Result<(Duration, swath::chain::ChainReport)> {
    let mut data = data.to_vec();
    let start = Instant::now();
    let outputs = [state.update(&mut data)];
    let report = match path {
        Some(path) => chain.checkpoint(path, CheckpointEvery::Failure(Duration::from_secs(3600))).run([], outputs)?,
        None => chain.run([], outputs)?,
    };
    Ok((start.elapsed(), report))
}

fn calls(rt: &Runtime, kernel: &Kernel, runs: usize, folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("calls, medians of {runs}");
    println!("{:>10}  {:>10}  {:>10}  {:>6}", "elements", "without", "with", "ratio");
    for n in [1 << 16, 1 << 20, 1 << 23] {
        let mut data = vec![1.0f32; n];
        let mut times = [Vec::new(), Vec::new()];
        for number in 0..=runs {
            for (with, times) in times.iter_mut().enumerate() {
                let path = folder.join(format!("call-{n}-{number}"));
                let start = Instant::now();
                let call = rt.call(kernel).read_write("dst", &mut data).grid(n);
                if with == 1 {
                    call.checkpoint(path.as_path()).run()?
                } else {
                    call.run()?
                };
                // The first of each warms up.
                if number > 0 {
                    times.push(start.elapsed());
                }
            }
        }
        let [without, with] = times.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2]
        });
        println!(
            "{n:>10}  {:>10}  {:>10}  {:>6.3}",
            format!("{without:.2?}"),
            format!("{with:.2?}"),
            with.as_secs_f64() / without.as_secs_f64()
        );
    }
    Ok(())
}
