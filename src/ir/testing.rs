//! How unit tests come by a program.

use super::{Program, lower::lower};
use crate::kernel::testing::kernel;

/// The only kernel of `wgsl`, lowered; an error in it fails the test.
#[track_caller]
pub fn program(wgsl: &str) -> Program {
    lower(&kernel(wgsl)).unwrap_or_else(|error| panic!("{error}\n{wgsl}"))
}
