//! In place of the compiler on processors that it does not know.

use std::{convert::Infallible, time::Duration};

use super::{pool::Team, refusal::Refusal, shared_mem::SharedMem};
use crate::{error::Result, exec::stop::Stop, ir::Program, plan::Part};

pub fn available() -> bool {
    false
}

pub fn assembly(_: &Program, _: crate::kernel::source::Text<'_>) -> Result<String, String> {
    Err("this processor is not supported".into())
}

/// Machine code, of which there is none here.
pub struct Compiled(Infallible);

impl Compiled {
    pub fn new(_: &Program) -> Result<Self, Refusal> {
        Err(Refusal::limit("this processor is not supported"))
    }

    pub fn make_ready(&self, _: Part, _: u32, _: impl Fn(usize) -> Option<u64>) -> Duration {
        match self.0 {}
    }

    pub fn launch(
        &self,
        _: Part,
        _: u32,
        _: &[(SharedMem<'_>, u64)],
        _: Team<'_>,
        _: Option<&Stop>,
    ) -> Option<Result<()>> {
        match self.0 {}
    }
}
