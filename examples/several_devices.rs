//! How do several devices share one call?
//!
//! `cargo run --example several_devices`

use swath::{Result, Runtime};

const WGSL: &str = "
@group(0) @binding(0) var<storage, read_write> lengths: array<u32>;

// How many steps the Collatz sequence of a number takes.
@compute @workgroup_size(64)
fn collatz(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&lengths) { return; }
    var number = id.x + 1u;
    var steps = 0u;
    while number != 1u && steps < 1000u {
        number = select(number / 2u, 3u * number + 1u, number % 2u == 1u);
        steps++;
    }
    lengths[id.x] = steps;
}";

fn main() -> Result<()> {
    let runtime = Runtime::new()?;
    let collatz = runtime.module(WGSL)?.only_kernel()?;
    let mut steps = vec![0u32; 1 << 18];

    // Each device takes parts of the grid whenever it is free. `all` leaves out who does not help; every device of a list,
    // such as "gpu:0,cpu", gets something to do.
    let report = runtime.call(&collatz).write("lengths", &mut steps).device(runtime.devices()).run()?;
    for member in report.members() {
        println!("{}: {} units, idle {:.1?}", member.device().name(), member.units(), member.idle_time());
    }
    let longest = (0..steps.len()).max_by_key(|&at| steps[at]).unwrap_or(0);
    println!("{} takes {} steps", longest + 1, steps[longest]);

    // The same bits as on one device.
    let mut alone = vec![0u32; 1 << 18];
    runtime.call(&collatz).write("lengths", &mut alone).run()?;
    assert_eq!(steps, alone);
    Ok(())
}
