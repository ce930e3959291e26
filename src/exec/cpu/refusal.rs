//! Why a kernel is left to the interpreter.

use std::fmt::{self, Display, Formatter};

use crate::ir::verify;

/// Why there is no machine code for a program.
#[derive(Debug)]
pub enum Refusal {
    /// The program is too large, or the system does not run compiled code: nothing is wrong.
    Limit(String),
    /// The compiler broke a rule of its own. The interpreter gives the right results all the same.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "there is no compiler here"))]
    Fault(String),
}

impl Refusal {
    pub fn limit(reason: impl Into<String>) -> Self {
        Refusal::Limit(reason.into())
    }

    /// Notes that a kernel is interpreted.
    ///
    /// # Panics
    ///
    /// At a fault, in debug builds, in tests and when fuzzing.
    pub fn note(&self, kernel: &impl Display) {
        match self {
            Refusal::Limit(reason) => tracing::debug!("kernel `{kernel}` is interpreted: {reason}"),
            Refusal::Fault(reason) if verify::ON => panic!("the compiler fails on kernel `{kernel}`: {reason}"),
            Refusal::Fault(reason) => {
                tracing::warn!("kernel `{kernel}` is interpreted, for the compiler fails on it: {reason}");
            }
        }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Limit(reason) | Refusal::Fault(reason) => f.write_str(reason),
        }
    }
}
