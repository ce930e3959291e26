//! How do I run many calls on data that stays on the device?
//!
//! As a chain: it is built once, and each run of it is one submission to the device. Here heat spreads along a rod in a
//! thousand steps, each of which reads one state and writes the next.
//!
//! `cargo run --example chain`

const WGSL: &str = "
    @group(0) @binding(0) var<uniform> share: f32;
    @group(0) @binding(1) var<storage, read> old: array<f32>;
    @group(0) @binding(2) var<storage, read_write> fresh: array<f32>;

    @compute @workgroup_size(64)
    fn spread(@builtin(global_invocation_id) id: vec3u) {
        let last = arrayLength(&old) - 1u;
        if (id.x > last) {
            return;
        }
        // Nothing leaves at the ends.
        let left = old[max(id.x, 1u) - 1u];
        let right = old[min(id.x + 1u, last)];
        fresh[id.x] = old[id.x] + share * (left - 2.0 * old[id.x] + right);
    }
";

fn main() -> swath::Result<()> {
    let runtime = swath::Runtime::new()?;
    let spread = runtime.module(WGSL)?.only_kernel()?;

    let mut rod = vec![0.0f32; 200];
    rod[100] = 100.0;

    let mut chain = runtime.chain();
    let state = chain.in_out::<f32>(rod.len());
    let next = chain.scratch::<f32>(rod.len());
    chain.repeat(1000, |_, chain| {
        chain.call(&spread).set("share", 0.25f32).bind("old", state).bind("fresh", next).grid([200]);
        chain.swap(state, next);
    });
    let chain = chain.build()?;
    println!("{chain}");

    // One upload, a thousand dispatches, one download. With other data it would run again.
    let report = chain.run([], [state.update(&mut rod)])?;
    println!("{report}");

    let total: f32 = rod.iter().sum();
    assert!((total - 100.0).abs() < 0.01, "heat is neither made nor lost: {total}");
    assert!(rod[100] < 2.0 && rod[60] > 0.1, "it has spread");
    Ok(())
}
