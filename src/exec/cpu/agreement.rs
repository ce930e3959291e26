//! What the lanes of a workgroup have to agree on while a kernel runs: see `ir/agree.rs`.

use std::sync::Arc;

use super::{
    data::unaligned,
    shared_mem::{Aligned, SharedMem},
};
use crate::{
    error::{Error, Result},
    ir::{Op, Program, Type, Value, agree},
    kernel::Kernel,
};

/// What each check of a kernel is about.
pub(super) struct Agreement {
    kernel: Kernel,
    checks: Vec<Read>,
}

/// A value that each lane reads for itself.
struct Read {
    variable: String,
    place: String,
    ty: Type,
}

impl Agreement {
    /// The program as it is executed, and what it checks; nothing for one that checks nothing.
    pub fn of(kernel: &Kernel, program: &Arc<Program>) -> (Arc<Program>, Option<Agreement>) {
        if program.checks.is_empty() {
            return (Arc::clone(program), None);
        }
        let checks = program.checks.iter().map(|check| read(kernel, program, check.own)).collect();
        let executed = agree::with_report(program, kernel.bindings().len());
        (Arc::new(executed), Some(Agreement { kernel: kernel.clone(), checks }))
    }

    /// Runs the kernel by `run`, which gets the memory that is told in behind that of the bindings.
    pub fn run<T>(
        &self,
        memory: &[(SharedMem<'_>, u64)],
        run: impl FnOnce(&[(SharedMem<'_>, u64)]) -> Result<T>,
    ) -> Result<T> {
        let mut told = Aligned::zeroed(4 * agree::REPORT_WORDS)?;
        let bytes = told.bytes().len() as u64;
        let told_in = SharedMem::racy(told.bytes_mut()).map_err(|_| unaligned())?;
        let all: Vec<_> = memory.iter().copied().chain([(told_in, bytes)]).collect();
        let result = run(&all)?;
        drop(all);
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| told.bytes()[4 * at + byte]));
        match (word(0) as usize).checked_sub(1).and_then(|number| self.checks.get(number)) {
            Some(read) => Err(self.disagree(read, word(1), word(2))),
            None => Ok(result),
        }
    }

    fn disagree(&self, read: &Read, agreed: u32, own: u32) -> Error {
        let Read { variable, place, ty } = read;
        let [agreed, own] = [agreed, own].map(|bits| match ty {
            Type::F32 => f32::from_bits(bits).to_string(),
            Type::I32 => (bits as i32).to_string(),
            _ => bits.to_string(),
        });
        let problem = format!(
            "invocations of one workgroup read {agreed} and {own} from `{variable}`{place}, and whether they all reach a \
             barrier depends on it"
        );
        let help =
            "let all invocations of a workgroup read the same, or take the barrier out from under what they read";
        Error::Call(self.kernel.message(problem).subject(variable).help(help))
    }
}

fn read(kernel: &Kernel, program: &Program, own: Value) -> Read {
    let def = program.def(own);
    let variable = match &def.op {
        Op::Load(address) => program.memory(address.mem).name.clone(),
        _ => String::new(),
    };
    let span = def.origin.span;
    let file = kernel.inner.source.view().file_of(span);
    let place = file.location(span).map_or(String::new(), |(line, _)| {
        let name = file.name.map_or(String::new(), |name| format!(" of {name}"));
        format!(" in line {line}{name}")
    });
    Read { variable, place, ty: def.ty }
}
