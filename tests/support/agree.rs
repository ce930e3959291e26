//! Runs a program on two executors and compares what they leave behind.

use std::{fmt, time::Duration};

use swath::{BindingKind, Error, Kernel, Result, Runtime, Untyped};

use crate::programs::{Buffer, Dialect, Program};

/// Words of a program's immediates.
const GIFT: usize = 8;

/// How long a program may be interpreted. It takes milliseconds; one that was reduced may have lost the end of a loop.
pub const INTERPRETED_WITHIN: Duration = Duration::from_secs(5);

/// How a comparison went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The program ran as machine code and interpreted, with the same results.
    Same,
    /// It is left to the interpreter, so that there was nothing to compare.
    Interpreted,
}

/// Why a program does not pass.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// It was refused, or did not run.
    Refused(String),
    /// Two runs left different results.
    Differs(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Refused(what) | Failure::Differs(what)) = self;
        f.write_str(what)
    }
}

/// Runs `program` on both engines.
///
/// # Errors
///
/// Where it is refused, or the results differ: what is wrong, with the program.
pub fn compare(program: &Program, compiled: &Runtime, interpreted: &Runtime) -> Result<Outcome, Failure> {
    let kernel = kernel(program, compiled)?;
    let run = |runtime, within| run(program, &kernel, runtime, "auto", within).map_err(|error| refused(program, error));
    let (expected, _) = run(interpreted, Some(INTERPRETED_WITHIN))?;
    let (got, left_out) = run(compiled, None)?;
    difference(program, ("compiled", &got), ("interpreted", &expected))?;
    outcome(&kernel, left_out).map_err(|why| refused(program, why))
}

/// How a comparison with the same results went, of which the compiled run was `left_out` to the interpreter or not.
///
/// # Errors
///
/// If it should not have been left out.
pub fn outcome(kernel: &Kernel, left_out: bool) -> Result<Outcome, String> {
    if !left_out {
        return Ok(Outcome::Same);
    }
    match kernel.asm() {
        Ok(_) => Err("it was interpreted, although it compiles".into()),
        // Anything but its bounds that the compiler gives up on is a defect, although the interpreter hides it.
        Err(Error::Unsupported(message)) if message.problem.contains(" too ") => Ok(Outcome::Interpreted),
        Err(error) => Err(error.to_string()),
    }
}

/// Runs `program` on a device of `runtime`, and interpreted.
///
/// # Errors
///
/// Where it is refused, or the results differ: what is wrong, with the program.
#[allow(dead_code, reason = "not all who include this file have devices")]
pub fn compare_device(
    program: &Program,
    runtime: &Runtime,
    device: &str,
    interpreted: &Runtime,
) -> Result<(), Failure> {
    let kernel = kernel(program, runtime)?;
    let run = |runtime, device, within| {
        run(program, &kernel, runtime, device, within).map_err(|error| refused(program, error))
    };
    let (expected, _) = run(interpreted, "auto", Some(INTERPRETED_WITHIN))?;
    let (got, _) = run(runtime, device, None)?;
    difference(program, (device, &got), ("interpreted", &expected))
}

fn refused(program: &Program, why: impl fmt::Display) -> Failure {
    Failure::Refused(format!("{why}\n{}", program.wgsl))
}

fn kernel(program: &Program, runtime: &Runtime) -> Result<Kernel, Failure> {
    let kernel = runtime.module(&program.wgsl).and_then(|module| module.only_kernel());
    kernel.map_err(|error| refused(program, error))
}

/// What two runs leave, each with the name of who ran, is the same.
fn difference(
    program: &Program,
    (a, got): (&str, &[Vec<u32>]),
    (b, expected): (&str, &[Vec<u32>]),
) -> Result<(), Failure> {
    for (buffer, (got, expected)) in program.buffers.iter().zip(got.iter().zip(expected)) {
        let differs = |&at: &usize| !same(program.dialect, buffer, at, got[at], expected[at]);
        if let Some(at) = (0..got.len()).find(differs) {
            let (got, expected) = (got[at], expected[at]);
            return Err(Failure::Differs(format!(
                "{}, word {at}: {got:#x} ({}) {a}, {expected:#x} ({}) {b}\n{}",
                buffer.name,
                f32::from_bits(got),
                f32::from_bits(expected),
                program.wgsl
            )));
        }
    }
    Ok(())
}

/// Whether two words are the same; which NaN a float is does not count, nor, among exact ones, the sign of a zero.
fn same(dialect: Dialect, buffer: &Buffer, at: usize, a: u32, b: u32) -> bool {
    let float = buffer.floats[at % buffer.floats.len()];
    let (x, y) = (f32::from_bits(a), f32::from_bits(b));
    a == b || float && (x.is_nan() && y.is_nan() || dialect == Dialect::Exact && x == y)
}

/// What each buffer holds after a run on a device `within` a time, and whether the run was interpreted.
pub fn run(
    program: &Program,
    kernel: &Kernel,
    runtime: &Runtime,
    device: &str,
    within: Option<Duration>,
) -> Result<(Vec<Vec<u32>>, bool)> {
    let mut words: Vec<Vec<u32>> = program.buffers.iter().map(|buffer| buffer.words.clone()).collect();
    let mut call = runtime.call(kernel);
    let kind = |name: &str| kernel.bindings().iter().find(|binding| binding.name == name).map(|binding| binding.kind);
    for (buffer, words) in program.buffers.iter().zip(&mut words) {
        call = match kind(buffer.name) {
            None => call,
            Some(BindingKind::Uniform) => call.uniform_bytes(buffer.name, bytemuck::cast_slice(&*words)),
            Some(_) if buffer.writable => call.read_write(buffer.name, Untyped(words)),
            Some(_) => call.read(buffer.name, Untyped(&*words)),
        };
    }
    if kind("params").is_some() {
        call = call.uniform_bytes("params", bytemuck::cast_slice(&program.params));
    }
    if kind("gift").is_some() {
        call = call.uniform_bytes("gift", bytemuck::cast_slice(&program.params[..GIFT]));
    }
    if let Some(within) = within {
        call = call.deadline(within);
    }
    let report = call.workgroups(program.workgroups).device(device).run()?;
    Ok((words, report.interpreted()))
}
