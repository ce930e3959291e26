//! How does data stay on the device between calls?
//!
//! In a `Buffer`: uploaded once, bound by any number of calls, downloaded when wanted. Here heat spreads
//! along a rod for a thousand steps, back and forth between two buffers.
//!
//! `cargo run --example resident`

const KERNEL: &str = "
    @group(0) @binding(0) var<storage, read> now: array<f32>;
    @group(0) @binding(1) var<storage, read_write> next: array<f32>;

    @compute @workgroup_size(64)
    fn spread(@builtin(global_invocation_id) id: vec3u) {
        let i = id.x;
        let last = arrayLength(&now) - 1u;
        if (i > last) {
            return;
        }
        // Nothing passes through the ends.
        let left = now[select(i - 1u, 0u, i == 0u)];
        let right = now[min(i + 1u, last)];
        next[i] = now[i] + 0.25 * (left - 2.0 * now[i] + right);
    }";

const CELLS: usize = 1000;

fn main() -> swath::Result<()> {
    let runtime = swath::Runtime::new()?;
    let spread = runtime.module(KERNEL)?.only_kernel()?;

    // One warm cell in a cold rod.
    let mut rod = vec![0.0f32; CELLS];
    rod[CELLS / 2] = 1024.0;
    let mut now = runtime.buffer(&rod)?;
    let mut next = runtime.buffer_zeroed::<f32>(CELLS)?;

    for _ in 0..1000 {
        runtime.call(&spread).read("now", &now).write("next", &next).grid([CELLS]).run()?;
        std::mem::swap(&mut now, &mut next);
    }

    // Only a part of a buffer can be downloaded, too.
    let middle = now.download_range(CELLS / 2 - 2..CELLS / 2 + 3)?;
    println!("on {}: {middle:?}", now.device().name());

    let heat: f32 = now.download()?.iter().sum();
    assert!((heat - 1024.0).abs() < 0.1, "heat neither comes nor goes, but there is {heat}");
    assert!(middle[2] < 20.0 && middle[2] > middle[1] && middle[2] > middle[3], "it spreads from the middle");
    Ok(())
}
