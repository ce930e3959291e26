//! Kernels in the intermediate representation: lowered once, and kept with the kernel.

use std::sync::Arc;

use super::{Program, lower};
use crate::{error::Result, kernel::Kernel};

impl Kernel {
    /// The program in this crate's intermediate representation, printed for people.
    ///
    /// # Errors
    ///
    /// [`Error::Wgsl`](crate::Error::Wgsl) where the kernel uses what is not supported.
    pub fn ir(&self) -> Result<String> {
        self.check_complete()?;
        let program = lower::lower(self).map_err(|error| self.in_file(error))?;
        Ok(program.to_string())
    }

    /// The program in the intermediate representation, lowered once.
    pub(crate) fn program(&self) -> Result<Arc<Program>> {
        self.inner.memo.get_or_try_make(|| lower::lower(self).map(Arc::new)).cloned()
    }
}
