//! What the compiler takes: every case of `tests/cases` and generated kernels, save those listed here.

use std::path::Path;

use super::{HUGE, available, emit, generate, select};
use crate::{
    error::Result,
    exec::cpu::accumulate,
    ir::{Program, lower::lower},
    kernel::Module,
};

#[path = "../../../../tests/support/generate_groups.rs"]
#[expect(dead_code, reason = "other tests run what it makes")]
mod grouped;
#[path = "../../../../tests/support/programs/mod.rs"]
#[expect(dead_code, reason = "other tests run what it makes")]
pub mod programs;

#[path = "../../../../tests/support/large.rs"]
mod large;

/// Cases that are left to the interpreter, and why.
const INTERPRETED: &[(&str, &str)] = &[];

/// Why a version of a program is not compiled, if so; as it is, or as if it were huge.
fn refusal(program: &Program) -> Option<String> {
    let accumulates = accumulate::memories(program);
    let versions = [(&accumulates[..], HUGE), (&[], HUGE), (&accumulates[..], 0)];
    let refused = |(accumulates, huge)| generate(program, accumulates, huge).err();
    versions.into_iter().find_map(refused).map(|refusal| refusal.to_string())
}

/// The programs of a case's kernels; an error where the case is one that is refused.
fn programs(text: &str) -> Result<Vec<Program>> {
    let constants: Vec<(&str, f64)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("//! const ")?.split_once(" = "))
        .map(|(name, value)| (name, value.trim().parse().unwrap_or_else(|_| panic!("{name} = {value}"))))
        .collect();
    let module = Module::parse(text)?;
    module.kernel_names().map(|name| lower(&module.kernel_with_consts(name, &constants)?)).collect()
}

#[test]
fn cases_are_compiled() {
    if !available() {
        return eprintln!("SKIPPED: this machine does not run compiled code");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut refused = Vec::new();
    let mut compiled = 0;
    for entry in std::fs::read_dir(folder).expect("tests/cases is a folder") {
        let path = entry.expect("tests/cases can be listed").path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a case is UTF-8 text");
        let programs = match programs(&text) {
            Ok(programs) => programs,
            Err(_) if text.contains("//! error: ") => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        for program in programs {
            match refusal(&program) {
                Some(reason) => refused.push((name.clone(), reason)),
                None => compiled += 1,
            }
        }
    }
    refused.sort();
    let refused: Vec<(&str, &str)> = refused.iter().map(|(name, reason)| (&**name, &**reason)).collect();
    assert_eq!(refused, INTERPRETED);
    assert!(compiled > 100, "only {compiled} kernels");
}

/// Compiles a thousand kernels.
fn all_are_compiled(kernel: impl Fn(u64) -> String) {
    if !available() {
        return eprintln!("SKIPPED: this machine does not run compiled code");
    }
    let (mut refused, mut compiled) = (Vec::new(), 0);
    for seed in 1..=1000 {
        // Some have constant expressions that are errors by themselves.
        let Ok(module) = Module::parse(&kernel(seed)) else { continue };
        let program = module.only_kernel().and_then(|kernel| lower(&kernel)).unwrap_or_else(|e| panic!("{seed}: {e}"));
        match refusal(&program) {
            Some(reason) => refused.push((seed, reason)),
            None => compiled += 1,
        }
    }
    assert!(refused.is_empty(), "{} of {} are not compiled: {refused:#?}", refused.len(), refused.len() + compiled);
    assert!(compiled > 500, "only {compiled} kernels were valid");
}

#[test]
fn generated_kernels_are_compiled() {
    all_are_compiled(|seed| programs::program(programs::Random::new(seed)).wgsl);
}

#[test]
fn generated_kernels_whose_invocations_work_together_are_compiled() {
    all_are_compiled(|seed| {
        let mut random = programs::Random::new(seed);
        grouped::kernel(move |n| random.below(n)).wgsl
    });
}

/// What is made of a large kernel: machine instructions, moves and bytes of code, then spill slots and bytes of a worker block.
fn made(wgsl: &str) -> ([usize; 3], [usize; 2]) {
    let program = crate::ir::testing::program(wgsl);
    let (mir, mut layout) = select::select(&program, &[]).expect("there are instructions for all");
    assert!(mir.instruction_count() > HUGE / 2, "{} instructions", mir.instruction_count());
    let (linear, output) = mir.allocate(&mut layout, true).expect("registers are allocated");
    let emitted = emit::emit(&linear, &output).expect("it is encoded");
    let work = [linear.instructions.len(), output.edits.len(), emitted.code.len()];
    (work, [output.num_spillslots, layout.words() * 4])
}

/// Counted, not timed: `tests/large.rs` looks at times.
#[test]
fn code_grows_as_large_kernels_do_and_memory_hardly() {
    for (kind, kernels) in
        [("multiplications", [2, 4, 8].map(large::multiplications)), ("points", [1, 2, 4].map(large::points))]
    {
        let made = kernels.map(|wgsl| made(&wgsl));
        println!("{kind}: {made:?}");
        for pair in made.windows(2) {
            let ((small, less), (large, more)) = (pair[0], pair[1]);
            assert!(small.iter().zip(large).all(|(small, large)| 10 * large < 23 * small), "{kind}: {made:?}");
            assert!(less.iter().zip(more).all(|(less, more)| 10 * more < 15 * less), "{kind}: {made:?}");
        }
    }
}
