//! What planning costs: a call that was planned before, one that was not, and the largest grid.
//!
//! ```sh
//! cargo bench --bench planning
//! ```
//!
//! Printed are medians: of a whole `Call::plan` (binding the arguments included) for calls whose plan is found again,
//! although a uniform changes from call to call; of the first plan of a call; and of a grid of 70,000 x 70,000 workgroups.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use swath::{Kernel, Runtime};

const HEAT: &str = "
struct Params { width: u32, height: u32, time: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
@compute @workgroup_size(16, 16) fn heat(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.width || id.y >= params.height { return; }
    let up = select(id.y - 1u, 0u, id.y == 0u);
    dst[id.y * params.width + id.x] = params.time * src[up * params.width + id.x];
}";

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` only sees whether it works.
    let calls = if std::env::args().any(|argument| argument == "--bench") { 2000 } else { 5 };
    let rt = Runtime::new()?;
    let heat = rt.module(HEAT)?.only_kernel()?;
    let nothing = rt.module("@compute @workgroup_size(1) fn nothing() {}")?.only_kernel()?;
    for device in rt.devices() {
        println!("{}", device.name());
        device.prepare(&heat)?;
        let src = vec![0.0_f32; 512 * 512];
        let mut dst = src.clone();
        let mut plan = |width: u32, time: f32| -> Result<Duration, Box<dyn Error>> {
            let start = Instant::now();
            let call = rt.call(&heat).set("params.width", width).set("params.height", 512u32).set("params.time", time);
            let job = call.read("src", &src).write("dst", &mut dst).grid([width, 512]).device(device).plan()?;
            assert_eq!(job.plan().tiles.count(), 1);
            drop(job);
            Ok(start.elapsed())
        };
        // A width that no other call has is planned anew.
        let firsts = (1..calls.min(200)).map(|width| plan(width, 0.0)).collect::<Result<Vec<_>, _>>()?;
        let again = (0..calls).map(|time| plan(512, time as f32)).collect::<Result<Vec<_>, _>>()?;
        println!("  planned before   {:>10.2?}", median(again));
        println!("  planned anew     {:>10.2?}", median(firsts));
        println!("  70,000 x 70,000  {:>10.2?}", huge(&rt, &nothing, device)?);
    }
    Ok(())
}

/// The first plan of a huge grid, and what it prints.
fn huge(rt: &Runtime, kernel: &Kernel, device: &swath::Device) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    let job = rt.call(kernel).workgroups([70_000, 70_000]).device(device).plan()?;
    let text = job.to_string();
    let took = start.elapsed();
    assert!(text.lines().count() < 8, "{text}");
    Ok(took)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
