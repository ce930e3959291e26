//! Cases: WGSL files whose header says how to run the kernel and what it must write.
//!
//! A header is made of the comment lines that start with `//!`. A line with more than one space after that goes
//! on with the line before. Prose stands in ordinary comments.
//!
//! ```text
//! //! entry: name                     the kernel, where the file has several
//! //! grid: 70 1 1                    invocations; missing axes are 1
//! //! workgroups: 3                   instead of `grid`
//! //! const WG = 7                    an override constant
//! //! set params.a: f32 = 2.5         a field of a uniform: f32, f16, i32, u32, bool; 1 to 4 numbers
//! //! uniform params: f32 = 1 2 u32 3 a whole uniform, as it lies in memory
//! //! in x: u32 = 1 2 3               a buffer that is read
//! //! inout y: u32 = 1 2 3            one that is read and written: what it holds before ...
//! //!     -> 2 4 6                    ... and after
//! //! out z: f32 = 1.5 -inf nan       one that is written; before, it is filled with poison
//! //!     ~ ulp 4 abs 1e-6            how far off a float may be: within any of these
//! //! device: cpu, because ...        runs on the CPU engine only, or with `gpu` on GPUs only
//! //! error: text                     must be refused with an error that contains this text, at the line of the
//! //!                                 WGSL that holds the words `refused here`, if one does
//! //! asm lacks: vgather               what the machine code must not have: see below
//! ```
//!
//! A list of values holds numbers (`-1`, `0x80000000`, `1e-3`, `inf`, `-inf`, `nan`; hexadecimal numbers are
//! the bits of a float), `_` for anything, `untouched` for what was there before, a type that changes what
//! follows, `value*count`, and generators:
//!
//! - `seq(n)`, `seq(n, start, step)`: numbers at equal distance;
//! - `hash(n, seed)`: any bits for integers, multiples of 1/256 between -64 and 64 for floats;
//! - `each(n, expression in i)`, where `x[i]` is element i of a buffer given above (its contents before the run).
//!
//! Expressions compute with integers that do not overflow and with `f64`; see [`expression`].
//!
//! `asm` lines hold where the CPU engine compiles for this machine:
//!
//! ```text
//! //! asm has: vfmadd x8; vmovups [        instructions that start so: exactly 8, and at least one
//! //! asm has: vmulps x2+                  at least two
//! //! asm lacks: lock; vmovups*[rbx        none that starts so; `*` stands for anything
//! //! asm loop has: vfmadd x8              some loop has all of these ...
//! //!     lacks: vpmaskmov; vpgather       ... and none of those
//! //! asm block has: vmulps lacks: vptest  the same of a stretch without jumps
//! ```
//!
//! Instructions are written as `swath check KERNEL.wgsl --emit asm` shows them. A loop is one way around: where a loop
//! has a version without masks, for lane groups in which all lanes go one way, and another for the rest, those are two.

mod asm;
mod compare;
mod expression;
mod header;
mod run;
mod values;

pub use header::Case;

use std::path::{Path, PathBuf};

use libtest_mimic::Trial;

/// Trials of the harness itself.
pub fn own_trials() -> Vec<Trial> {
    compare::own_trials().into_iter().chain(asm::own_trials()).collect()
}

/// Every case of `tests/cases`, by its name, or what is wrong with its header. A program that was carried to another
/// machine finds the cases in the folder that `SWATH_CASES` names.
pub fn load() -> Vec<(String, Result<Case, String>)> {
    let here = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let folder = std::env::var_os("SWATH_CASES").map_or_else(here, PathBuf::from);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("the cases in {}: {error}", folder.display()))
        .map(|entry| entry.expect("the cases can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"))
        .collect();
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).expect("a case is UTF-8 text");
        let case = Case::parse(&name, &text);
        (name, case)
    };
    files.iter().map(read).collect()
}
