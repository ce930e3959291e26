//! Random kernels, each computed three times: by a plain walk over its syntax tree here, and by every device.
//!
//! A kernel is made from a list of numbers, one for each choice, so that proptest shrinks a failing kernel by
//! shrinking the list. All arithmetic is exact (integers wrap, floats are small whole numbers), so every
//! device must agree to the last bit. `PROPTEST_CASES=10000 cargo test --test suite differential` looks further.

#[path = "random/generate.rs"]
mod generate;
#[path = "random/syntax.rs"]
mod syntax;
#[path = "random/workgroup.rs"]
mod workgroup;

use std::sync::LazyLock;

#[cfg(feature = "gpu")]
use crate::{missing_gpu, validation};
use generate::{function, workgroup};
use proptest::{collection, prelude::*, test_runner::Config};
use swath::Runtime;
use syntax::{Function, GIVEN};
use workgroup::Workgroup;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    #[cfg(feature = "gpu")]
    validation::watch();
    let runtime = Runtime::new().unwrap_or_else(|error| panic!("{error}"));
    #[cfg(feature = "gpu")]
    if runtime.devices().iter().all(|device| device.kind() == swath::DeviceKind::Cpu) {
        missing_gpu::skip("no adapter was found, so random kernels run on the CPU engine only");
    }
    runtime
});

/// What lanes are given: small numbers, limits, and anything.
fn inputs(count: usize) -> Vec<u32> {
    let anything = |i: u32| (i ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b1).rotate_left(i % 31);
    (0..count as u32)
        .map(|i| match i % 4 {
            0 => i / 4,
            1 => [0, 1, 2, 31, 32, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, u32::MAX, u32::MAX - 1][i as usize / 4 % 10],
            _ => anything(i),
        })
        .collect()
}

/// A kernel whose function `compute` takes these arguments.
fn kernel(functions: &str, size: u32, arguments: &str) -> String {
    format!(
        "@group(0) @binding(0) var<uniform> given: u32;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;

{functions}
@compute @workgroup_size({size})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {{
    output[id.x] = compute({arguments});
}}
"
    )
}

/// Where each device first differs from what is expected.
fn disagreement(wgsl: &str, input: &[u32], expected: &[u32]) -> Result<(), String> {
    let module = RUNTIME.module(wgsl).map_err(|error| format!("{error}\n{wgsl}"))?;
    let kernel = module.only_kernel().map_err(|error| format!("{error}\n{wgsl}"))?;
    let mut wrong = String::new();
    for device in RUNTIME.devices() {
        let mut output = vec![0xdead_beef; input.len()];
        let call = RUNTIME.call(&kernel).set("given", GIVEN).read("input", input).write("output", &mut output);
        call.grid([input.len()]).device(device).run().map_err(|error| format!("{error}\n{wgsl}"))?;
        if let Some(lane) = (0..input.len()).find(|&lane| output[lane] != expected[lane]) {
            let (x, got, wanted) = (input[lane], output[lane], expected[lane]);
            wrong += &format!("{}: lane {lane} with x = {x}: got {got}, expected {wanted}\n", device.alias());
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong + wgsl) }
}

fn check_function(function: &Function) -> Result<(), String> {
    let input = inputs(96);
    let expected: Vec<u32> = input.iter().map(|&x| function.run(x)).collect();
    disagreement(&kernel(&function.to_string(), 32, "input[id.x], given"), &input, &expected)
}

/// Three whole workgroups: a ragged one would have lanes that meet no barrier.
fn check_workgroup(workgroup: &Workgroup) -> Result<(), String> {
    let size = workgroup.size as usize;
    let input = inputs(3 * size);
    let expected: Vec<u32> = input.chunks(size).flat_map(|lanes| workgroup.run(lanes)).collect();
    disagreement(&kernel(&workgroup.to_string(), workgroup.size, "input[id.x], given, lane"), &input, &expected)
}

fn config() -> Config {
    let mut config = Config { failure_persistence: None, max_shrink_iters: 3000, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 96;
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn devices_agree(choices in collection::vec(any::<u32>(), 100..800)) {
        check_function(&function(&choices)).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn devices_agree_across_barriers(choices in collection::vec(any::<u32>(), 100..800)) {
        check_workgroup(&workgroup(&choices)).map_err(TestCaseError::fail)?;
    }
}

/// The walk itself, on a kernel that is known: the greatest common divisor by subtraction, cut short.
#[test]
fn walk_is_right() {
    use syntax::{Expr, Statement, Type::U32};
    let a = || Expr::Variable(0, U32);
    let b = || Expr::Variable(1, U32);
    let difference = |x: Expr, y: Expr| Expr::binary("-", x, y);
    let body = vec![Statement::While {
        counter: 7,
        bound: 50,
        condition: Expr::binary("!=", a(), b()),
        body: vec![Statement::If(
            Expr::binary(">", a(), b()),
            vec![Statement::Assign(0, U32, difference(a(), b()))],
            vec![Statement::Assign(1, U32, difference(b(), a()))],
        )],
    }];
    let function = Function { body, result: Expr::Variable(0, U32) };
    assert_eq!(function.run(20), 5);
    assert_eq!(function.run(64), 1);
    check_function(&function).unwrap_or_else(|problem| panic!("{problem}"));
}
