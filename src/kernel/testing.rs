//! How unit tests come by a kernel.

use super::{Kernel, Module};

/// The only kernel of `wgsl`; an error in it fails the test.
#[track_caller]
pub fn kernel(wgsl: &str) -> Kernel {
    Module::parse(wgsl).and_then(|module| module.only_kernel()).unwrap_or_else(|error| panic!("{error}\n{wgsl}"))
}
