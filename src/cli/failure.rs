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
        let sentence = in_flags(&error.to_string());
        match error {
            // The device failed, ran out of memory, or took too long, on a call that was well formed.
            Device(_) | DeviceLost(_) | Hung(_) | OutOfMemory(_) | Deadline(_) | Cancelled(_) | Busy(_)
            | Callback(_) => Failure::Failed(sentence),
            _ => Failure::Wrong(sentence),
        }
    }
}

/// What the library says, with the command's flags in place of the library's methods.
fn in_flags(sentence: &str) -> String {
    let mut said = String::new();
    let mut rest = sentence;
    while let Some(at) = rest.find('.') {
        said.push_str(&rest[..at]);
        match flag(&rest[at..], said.ends_with(|c: char| c.is_alphanumeric() || c == ')')) {
            Some((flag, length)) => {
                said.push_str(&flag);
                rest = &rest[at + length..];
            }
            None => {
                said.push('.');
                rest = &rest[at + 1..];
            }
        }
    }
    said + rest
}

/// The flag for a call of a method at the start of `text`, and how long that is there. A method of something `is_of_something` is none.
fn flag(text: &str, is_of_something: bool) -> Option<(String, usize)> {
    let (method, arguments) = text.strip_prefix('.')?.split_once('(')?;
    let (arguments, _) = arguments.split_once(')')?;
    // The name of a binding, or the path of a field.
    let name = arguments.split('"').nth(1).unwrap_or("NAME");
    let flag = match method {
        _ if is_of_something => return None,
        "grid" => "--grid N".to_owned(),
        "workgroups" => "--workgroups N".to_owned(),
        "device" => "--device D".to_owned(),
        "deadline" => "--timeout SECONDS".to_owned(),
        "memory_limit" => "--memory BYTES".to_owned(),
        "tiles" => "--tiles N".to_owned(),
        "reproducible" => "--reproducible".to_owned(),
        "checkpoint" => "--checkpoint FILE".to_owned(),
        "set" | "uniform" => format!("--set {name}=VALUE"),
        "read" => format!("--in {name}=FILE.npy"),
        "write" => format!("--out {name}=FILE.npy:DTYPE"),
        "read_write" => format!("--inout {name}=FILE.npy"),
        _ => return None,
    };
    Some((flag, 1 + method.len() + 1 + arguments.len() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_told_as_flags() {
        for (said, flags) in [
            ("say how many invocations with .grid([n, 1, 1])", "say how many invocations with --grid N"),
            ("allow more time with .deadline(..), or", "allow more time with --timeout SECONDS, or"),
            (
                "give it with .set(\"p.a\", value) or .uniform(\"p\", &value)",
                "give it with --set p.a=VALUE or --set p=VALUE",
            ),
            ("leave .device(..) out", "leave --device D out"),
            ("bind it with .read_write(\"x\", ..)", "bind it with --inout x=FILE.npy"),
            ("save array.read(1). It took 1.5 s (so)", "save array.read(1). It took 1.5 s (so)"),
            ("a.b (c.d). e", "a.b (c.d). e"),
        ] {
            assert_eq!(in_flags(said), flags);
        }
    }
}
