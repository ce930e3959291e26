//! To come.
use super::Program;
use crate::{
    error::{Error, Message, Result},
    kernel::Kernel,
};

/// Placeholder until the lowering lands.
pub(crate) fn lower(kernel: &Kernel) -> Result<Program> {
    Err(Error::Kernel(Message::new("there is no IR yet").kernel(kernel.name())))
}
