//! What ends a command early, and the exit status it leaves.

use std::{fmt, process::ExitCode};

/// A sentence for the user, and whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The call was wrong: exit status 2.
    Wrong(String),
    /// The call was right and the work failed: exit status 1.
    Failed(String),
}

/// A result whose error ends the command.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// The call was wrong; says so, and what to do.
    pub fn wrong(problem: impl fmt::Display, help: impl fmt::Display) -> Self {
        Failure::Wrong(format!("{problem}\n  help: {help}"))
    }

    /// The exit status.
    pub fn status(&self) -> ExitCode {
        match self {
            Failure::Wrong(_) => ExitCode::from(2),
            Failure::Failed(_) => ExitCode::from(1),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Wrong(sentence) | Failure::Failed(sentence)) = self;
        f.write_str(sentence)
    }
}

impl From<swath::Error> for Failure {
    fn from(error: swath::Error) -> Self {
        use swath::Error::*;
        let sentence = error.to_string();
        match error {
            // The device failed, ran out of memory, or took too long, on a call that was well formed.
            Device(_) | DeviceLost(_) | Hung(_) | OutOfMemory(_) | Deadline(_) | Cancelled(_) | Busy(_) => {
                Failure::Failed(sentence)
            }
            _ => Failure::Wrong(sentence),
        }
    }
}
