//! Ten lines to a first result: a thousand numbers, doubled on the best device of this machine.
//!
//! `cargo run --example hello`

const KERNEL: &str = "
    @group(0) @binding(0) var<storage, read_write> numbers: array<f32>;

    @compute @workgroup_size(64)
    fn double(@builtin(global_invocation_id) id: vec3u) {
        if (id.x < arrayLength(&numbers)) {
            numbers[id.x] *= 2.0;
        }
    }";

fn main() -> swath::Result<()> {
    let mut numbers: Vec<f32> = (0..1000).map(|i| i as f32).collect();

    let runtime = swath::Runtime::new()?;
    let double = runtime.module(KERNEL)?.only_kernel()?;
    let report = runtime.call(&double).read_write("numbers", &mut numbers).grid([1000]).run()?;

    println!("{report}\n{:?} ...", &numbers[..8]);
    assert!(numbers.iter().enumerate().all(|(i, &number)| number == 2.0 * i as f32));
    Ok(())
}
