//! Runs a program on two executors and compares what they leave behind.

use swath::{BindingKind, Error, Kernel, Result, Runtime, Untyped};

use crate::programs::{Buffer, Program};

/// How a comparison went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The program ran as machine code and interpreted, with the same results.
    Same,
    /// It is left to the interpreter, so that there was nothing to compare.
    Interpreted,
}

/// Runs `program` on both engines.
///
/// # Errors
///
/// Where it is refused, or the results differ: what is wrong, with the program.
pub fn compare(program: &Program, compiled: &Runtime, interpreted: &Runtime) -> Result<Outcome, String> {
    let wgsl = &program.wgsl;
    let kernel = compiled.module(wgsl).and_then(|module| module.only_kernel()).map_err(|e| format!("{e}\n{wgsl}"))?;
    let run = |runtime: &Runtime| run(program, &kernel, runtime).map_err(|error| format!("{error}\n{wgsl}"));
    let expected = run(interpreted)?;
    let got = run(compiled)?;
    for (buffer, (got, expected)) in program.buffers.iter().zip(got.iter().zip(&expected)) {
        let differs = |&at: &usize| !same(buffer, at, got[at], expected[at]);
        if let Some(at) = (0..got.len()).find(differs) {
            return Err(format!(
                "{}, word {at}: {:#x} ({}) compiled, {:#x} ({}) interpreted\n{wgsl}",
                buffer.name,
                got[at],
                f32::from_bits(got[at]),
                expected[at],
                f32::from_bits(expected[at])
            ));
        }
    }
    match kernel.asm() {
        Ok(_) => Ok(Outcome::Same),
        // What the compiler gives up on in the middle is a defect, although the interpreter hides it.
        Err(Error::Unsupported(message)) if !message.problem.contains("failed") => Ok(Outcome::Interpreted),
        Err(error) => Err(format!("{error}\n{wgsl}")),
    }
}

/// Whether two words are the same; which NaN a float is does not count.
fn same(buffer: &Buffer, at: usize, a: u32, b: u32) -> bool {
    let float = buffer.floats[at % buffer.floats.len()];
    a == b || float && f32::from_bits(a).is_nan() && f32::from_bits(b).is_nan()
}

/// What each buffer holds after a run.
pub fn run(program: &Program, kernel: &Kernel, runtime: &Runtime) -> Result<Vec<Vec<u32>>> {
    let mut words: Vec<Vec<u32>> = program.buffers.iter().map(|buffer| buffer.words.clone()).collect();
    let mut call = runtime.call(kernel);
    let used = |name: &str| kernel.bindings().iter().any(|binding| binding.name == name);
    for (buffer, words) in program.buffers.iter().zip(&mut words).filter(|(buffer, _)| used(buffer.name)) {
        call = match buffer.writable {
            true => call.read_write(buffer.name, Untyped(words)),
            false => call.read(buffer.name, Untyped(&*words)),
        };
    }
    if kernel.bindings().iter().any(|binding| binding.kind == BindingKind::Uniform) {
        call = call.uniform_bytes("params", bytemuck::cast_slice(&program.params));
    }
    call.workgroups(program.workgroups).run()?;
    Ok(words)
}
