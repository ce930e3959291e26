//! Kernels that do not see the shape of their workgroups, with workgroups of any size, on each device.
//!
//! ```sh
//! cargo bench --bench shapes
//! ```
//!
//! Printed are kernel times as multiples of the best size's, for sizes from 1 to 256 along x, and some with two axes; with
//! the engine as it chooses, and in the author's workgroups (`exact`). `-- cpu` measures that device alone.

#[path = "../tests/support/shape_free.rs"]
mod shape_free;

use std::time::Duration;

use shape_free::{KERNELS, text};
use swath::{Device, History, Kernel, Module, Runtime};

const SIZES: [[u32; 3]; 12] = [
    [1, 1, 1],
    [2, 1, 1],
    [3, 1, 1],
    [8, 1, 1],
    [16, 1, 1],
    [32, 1, 1],
    [64, 1, 1],
    [128, 1, 1],
    [256, 1, 1],
    [1, 64, 1],
    [8, 8, 1],
    [16, 16, 1],
];

fn main() -> swath::Result<()> {
    // `cargo test --benches` only sees whether it works.
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let (width, height, rounds) = if is_measured { (1 << 20, 1024, 7) } else { (100, 10, 1) };
    let rt = Runtime::builder().history(History::Off).build()?;
    for device in rt.devices().iter().filter(|device| named.as_deref().is_none_or(|name| name == device.alias())) {
        for is_exact in [false, true] {
            println!("{}{}", device.name(), if is_exact { ", exact" } else { "" });
            println!("{:>13}  {}", "", SIZES.map(|[x, y, _]| format!("{:>7}", format!("{x}x{y}"))).join(" "));
            for (name, is_2d, body) in KERNELS {
                let extent = if is_2d { [width / height, height] } else { [width, 1] };
                // With several rows in a workgroup, most of a grid of one would not be there.
                let sizes: Vec<[u32; 3]> = SIZES.into_iter().filter(|size| is_2d || size[1] == 1).collect();
                let parse = |size: &[u32; 3]| Module::parse(&text((name, is_2d, body), *size));
                let kernels: Vec<_> = sizes.iter().map(parse).collect();
                let mut times = vec![Vec::new(); sizes.len()];
                for _ in 0..=rounds {
                    for (kernel, times) in kernels.iter().zip(&mut times) {
                        let kernel = kernel.clone()?.only_kernel()?;
                        times.push(time(&rt, device, &kernel, extent, is_exact)?);
                    }
                }
                // The first round compiles.
                let middle = |times: &Vec<Duration>| {
                    let mut times = times[1..].to_vec();
                    times.sort_unstable();
                    times[times.len() / 2].as_secs_f64()
                };
                let times: Vec<f64> = times.iter().map(middle).collect();
                let best = times.iter().copied().fold(f64::INFINITY, f64::min);
                let row: Vec<String> = times.iter().map(|time| format!("{:>7.2}", time / best)).collect();
                println!("{name:>13}  {}   best {:.2} ms", row.join(" "), 1e3 * best);
            }
        }
    }
    Ok(())
}

fn time(rt: &Runtime, device: &Device, kernel: &Kernel, [w, h]: [usize; 2], is_exact: bool) -> swath::Result<Duration> {
    let x: Vec<u32> = (0..(w * h) as u32).collect();
    let mut y = vec![0u32; w * h];
    let call = rt.call(kernel).set("p.width", w as u32).set("p.height", h as u32);
    let call = call.read("x", &x).write("y", &mut y).grid([w, h]).device(device);
    let report = if is_exact { call.exact_workgroups().run()? } else { call.run()? };
    Ok(report.kernel_time())
}
