//! Which devices are there, and how is one chosen?
//!
//! A call runs on the best device, on the device that holds its buffers, or where `.device(..)` says:
//! by a name (`cpu`, `gpu`, `gpu:0`, a part of a device's name) or by one of `Runtime::devices`. The environment
//! variable `SWATH_DEVICE` changes what is best.
//!
//! `cargo run --example choose_device`

const KERNEL: &str = "
    @group(0) @binding(0) var<storage, read_write> squares: array<u32>;

    @compute @workgroup_size(64)
    fn square(@builtin(global_invocation_id) id: vec3u) {
        if (id.x < arrayLength(&squares)) {
            squares[id.x] = id.x * id.x;
        }
    }";

fn main() -> swath::Result<()> {
    let runtime = swath::Runtime::new()?;
    let square = runtime.module(KERNEL)?.only_kernel()?;
    let expected: Vec<u32> = (0..1000).map(|i| i * i).collect();

    println!("the best device is {}", runtime.device("auto")?.name());
    for device in runtime.devices() {
        let mut squares = vec![0u32; 1000];
        let report = runtime.call(&square).write("squares", &mut squares).grid([1000]).device(device).run()?;
        println!("{}: {:?}, {report}", device.alias(), device.kind());
        // Whole numbers are the same on every device.
        assert_eq!(squares, expected);
    }

    // Asking for what is not there says what is.
    let error = runtime.device("abacus").unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("abacus"));
    Ok(())
}
