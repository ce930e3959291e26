//! What makes calls easy to write: numbers where they fit, fields that nobody reads, grids of all kinds, and what comes back
//! from calls that fail.

use swath::{Error, Result, Runtime};

use crate::wgsl::kernel;

/// The kernel's results on every device of the machine.
fn on_every_device(test: impl Fn(&Runtime, &swath::Device) -> Result<()>) {
    #[cfg(feature = "gpu")]
    crate::validation::watch();
    let rt = Runtime::new().unwrap_or_else(|error| panic!("{error}"));
    for device in rt.devices() {
        test(&rt, device).unwrap_or_else(|error| panic!("on {}: {error}", device.name()));
    }
}

const FIELDS: &str = "
struct Params { n: u32, shift: i32, scale: f32, never: vec3f, table: array<vec4u, 2> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = f32(i32(params.n + params.table[id.x & 1u].z) + params.shift) * params.scale;
}";

#[test]
fn numbers_go_where_they_fit_and_unread_fields_may_be_left_out() {
    let fields = kernel(FIELDS);
    on_every_device(|rt, device| {
        let mut y = vec![0f32; 2];
        let n = y.len();
        let call = rt.call(&fields).device(device).set("params.n", n).set("params.shift", -1).set("params.scale", 3);
        let call = call.set("params.table[0].z", 10).set("params.table[1].z", 20u32);
        call.write("y", &mut y).grid([2]).run()?;
        assert_eq!(y, [33.0, 63.0]);
        Ok(())
    });
}

#[test]
fn fields_that_are_read_must_be_set() {
    let rt = Runtime::new().unwrap_or_else(|error| panic!("{error}"));
    let fields = kernel(FIELDS);
    let mut y = vec![0f32; 2];
    let call = rt.call(&fields).set("params.n", 2).set("params.shift", 0).set("params.scale", 1);
    // An index that is not known may be any.
    let error = call.set("params.table[0].z", 10).write("y", &mut y).grid([2]).run().expect_err("one is missing");
    assert!(matches!(&error, Error::Call(message) if message.problem.contains("`params.table` is not set")), "{error}");
    assert!(!error.to_string().contains("never"), "{error}");
}

#[test]
fn what_is_declared_for_writing_and_only_read_may_be_lent_for_reading() {
    let copy = kernel(
        "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
        @group(0) @binding(1) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(64) fn copy(@builtin(global_invocation_id) id: vec3u) {
            if id.x < arrayLength(&y) { y[id.x] = x[id.x] + 1u; }
        }",
    );
    on_every_device(|rt, device| {
        let x: Vec<u32> = (0..1000).collect();
        let expected: Vec<u32> = (1..=1000).collect();
        // Where it is not aligned it is copied.
        let bytes: Vec<u8> = std::iter::once(0).chain(x.iter().flat_map(|x| x.to_le_bytes())).collect();
        let resident = rt.buffer_on(device, &x)?;
        for tiles in [1, 4] {
            let mut y = vec![0u32; 1000];
            rt.call(&copy).device(device).tiles(tiles).read("x", &x).write("y", &mut y).grid([1000]).run()?;
            assert_eq!(y, expected);
            y.fill(0);
            let call = rt.call(&copy).device(device).tiles(tiles).read("x", swath::Untyped(&bytes[1..]));
            call.write("y", &mut y).grid([1000]).run()?;
            assert_eq!(y, expected);
        }
        let mut y = vec![0u32; 1000];
        rt.call(&copy).read("x", &resident).write("y", &mut y).grid([1000]).run()?;
        assert_eq!(y, expected);
        // All devices at once, too.
        y.fill(0);
        rt.call(&copy).device(rt.devices()).read("x", &x).write("y", &mut y).grid([1000]).run()?;
        assert_eq!(y, expected);
        let refused = rt.call(&copy).read("x", &x).read("y", &y).grid([1000]).run().expect_err("it writes y");
        assert!(refused.to_string().contains("`y` was bound for reading only, and the kernel writes it"), "{refused}");
        Ok(())
    });
}

#[test]
fn grids_are_tuples_too() {
    let count = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<atomic<u32>>;
        @compute @workgroup_size(2, 1, 1) fn count(@builtin(workgroup_id) id: vec3u) {
            atomicMax(&y[0], id.x + 1u);
            atomicMax(&y[1], id.y + 1u);
            atomicMax(&y[2], id.z + 1u);
        }",
    );
    on_every_device(|rt, device| {
        let run = |grid: swath::Grid| {
            let mut y = [0u32; 3];
            rt.call(&count).read_write("y", &mut y).grid(grid).device(device).run().map(|_| y)
        };
        assert_eq!(run((6usize, 3u32).into())?, [3, 3, 1]);
        assert_eq!(run((6, 3, 2u64).into())?, [3, 3, 2]);
        Ok(())
    });
}

const ADD: &str = "
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64) fn add(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&y) { y[id.x] += x[id.x]; }
}";

#[test]
fn vectors_come_back_from_calls_that_fail() -> Result<()> {
    let rt = Runtime::new()?;
    let add = kernel(ADD);
    let call = || rt.call(&add).read("x", vec![1u32; 3]).read_write("y", vec![2u32; 3]);
    // Refused: the grid, the device, a name; what came behind the error, too.
    for refused in [
        call().grid([-1]),
        call().grid([3]).device("nowhere"),
        rt.call(&add).read("x", vec![1u32; 3]).read_write("z", vec![9f32]).read_write("y", vec![2u32; 3]),
    ] {
        let mut failed = pollster::block_on(refused.run_async_or_give_back()).expect_err("it is wrong");
        assert_eq!((failed.take::<u32>("x")?, failed.take::<u32>("y")?), (vec![1; 3], vec![2; 3]), "{failed}");
        let again = failed.take::<u32>("y").expect_err("it was taken");
        assert!(again.to_string().contains("was taken before"), "{again}");
        assert_eq!(format!("{failed:?}"), failed.error().to_string());
    }
    let wrong = rt.call(&add).read_write("z", vec![9f32]);
    let mut failed = pollster::block_on(wrong.run_async_or_give_back()).expect_err("there is no z");
    assert_eq!(failed.take::<f32>("z")?, [9.0]);
    // Ended before it began.
    let token = swath::CancelToken::new();
    token.cancel();
    let mut failed =
        pollster::block_on(call().grid([3]).cancel(&token).run_async_or_give_back()).expect_err("it is cancelled");
    assert!(matches!(failed.error(), Error::Cancelled(_)), "{failed}");
    assert_eq!(failed.take::<u32>("y")?, [2; 3]);
    // As other errors, where nobody wants them.
    assert!(matches!(pollster::block_on(call().grid([-1]).run_async()), Err(Error::Call(_))));
    Ok(())
}

#[test]
#[cfg(feature = "cpu")]
fn a_panic_in_a_callback_is_told_as_the_callers() -> Result<()> {
    let rt = Runtime::cpu()?;
    let add = kernel(ADD);
    let call = rt.call(&add).read("x", vec![1u32; 300]).read_write("y", vec![2u32; 300]).grid([300]);
    let call = call.progress(|event| assert!(event.tile == 0, "too many tiles for {}", "me"));
    let mut failed = pollster::block_on(call.tiles(3).run_async_or_give_back()).expect_err("the callback panics");
    let Error::Callback(message) = failed.error() else { panic!("{failed}") };
    assert!(message.problem.contains(".progress(..) panicked: too many tiles for me"), "{message}");
    assert_eq!(failed.take::<u32>("x")?, [1; 300]);
    // The device's thread goes on.
    let call = rt.call(&add).read("x", vec![1u32; 3]).read_write("y", vec![2u32; 3]).grid([3]);
    assert_eq!(pollster::block_on(call.run_async())?.take::<u32>("y")?, [3; 3]);
    Ok(())
}

#[test]
#[cfg(feature = "cpu")]
fn the_engine_has_as_many_threads_as_the_builder_says() -> Result<()> {
    let rt = Runtime::builder().cpu_threads(3).build()?;
    assert!(rt.device("cpu")?.info().driver.ends_with("3 threads"), "{}", rt.device("cpu")?.info().driver);
    let rt = Runtime::builder().cpu_threads(0).build()?;
    assert!(rt.device("cpu")?.info().driver.ends_with("1 thread"));
    let add = kernel(ADD);
    let mut y = [1u32; 100];
    rt.call(&add).device("cpu").read("x", &[2u32; 100]).read_write("y", &mut y).grid([100]).run()?;
    assert_eq!(y, [3; 100]);
    Ok(())
}

#[test]
fn vectors_of_a_library_are_to_be_given_as_their_numbers() -> Result<()> {
    #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
    #[repr(C)]
    struct Vec4([f32; 4], [f32; 0]);

    let sum = kernel(
        "@group(0) @binding(0) var<storage, read> x: array<f32>;
        @group(0) @binding(1) var<storage, read_write> y: array<f32>;
        @compute @workgroup_size(1) fn sum(@builtin(global_invocation_id) id: vec3u) { y[id.x] = x[id.x]; }",
    );
    let rt = Runtime::new()?;
    let vectors = [Vec4([1.0, 2.0, 3.0, 4.0], []); 2];
    let mut y = [0f32; 8];
    let error = rt.call(&sum).read("x", &vectors).write("y", &mut y).grid([8]).run().expect_err("no numbers");
    assert!(error.to_string().contains("bytemuck::cast_slice::<Vec4, f32>(&data)"), "{error}");
    let numbers = bytemuck::cast_slice::<Vec4, f32>(&vectors);
    rt.call(&sum).read("x", numbers).write("y", &mut y).grid([8]).run()?;
    assert_eq!(y, [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0]);
    Ok(())
}

#[test]
fn the_source_of_an_error_is_what_the_system_said() {
    use std::{error::Error as _, io};

    let missing = swath::Module::parse_file("/nowhere/there is no such file.wgsl").expect_err("it is not there");
    let source = missing.source().and_then(|source| source.downcast_ref::<io::Error>());
    assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::NotFound), "{missing}");
    assert!(missing.clone().source().is_some());
}
