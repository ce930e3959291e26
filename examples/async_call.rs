//! How does a call run without blocking the thread?
//!
//! With `run_async`: it takes vectors or buffers, works on the device's own thread, and its future gives the
//! vectors back. It needs no particular executor. Here two calls are under way at once.
//!
//! `cargo run --example async_call`

use futures::future::try_join;

const KERNEL: &str = "
    struct Params { first: u32 }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read_write> steps: array<u32>;

    // How many steps each number takes to 1 by the rule of Collatz.
    @compute @workgroup_size(64)
    fn collatz(@builtin(global_invocation_id) id: vec3u) {
        if (id.x >= arrayLength(&steps)) {
            return;
        }
        var n = params.first + id.x;
        var count = 0u;
        while (n > 1u) {
            n = select(n / 2u, 3u * n + 1u, n % 2u == 1u);
            count++;
        }
        steps[id.x] = count;
    }";

const COUNT: u32 = 1000;

async fn collatz(runtime: &swath::Runtime, kernel: &swath::Kernel, first: u32) -> swath::Result<Vec<u32>> {
    let steps = vec![0u32; COUNT as usize];
    let call = runtime.call(kernel).set("params.first", first).write("steps", steps).grid([COUNT]);
    let mut outcome = call.run_async().await?;
    println!("{}", outcome.report());
    outcome.take("steps")
}

fn main() -> swath::Result<()> {
    let runtime = swath::Runtime::new()?;
    let kernel = runtime.module(KERNEL)?.only_kernel()?;

    let both = try_join(collatz(&runtime, &kernel, 1), collatz(&runtime, &kernel, 1 + COUNT));
    let (low, high) = pollster::block_on(both)?;

    assert_eq!(low[26], 111, "27 takes 111 steps");
    let most = low.iter().chain(&high).zip(1..).max().map(|(&steps, number)| (number, steps));
    println!("the longest way from a number up to {}: {most:?}", 2 * COUNT);
    assert_eq!(most, Some((1161, 181)));
    Ok(())
}
