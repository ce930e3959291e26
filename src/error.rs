//! The errors of this crate: what was wrong, where, and what to do.

use std::{error::Error as StdError, fmt, io, sync::Arc};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
///
/// Every message names the kernel and the binding it is about, the value and the limit that clash,
/// and what to do about it. `{:?}` prints it like `{}`, for that is how a `main` that returns it ends.
#[derive(Clone)]
#[non_exhaustive]
pub enum Error {
    /// The WGSL does not parse, does not validate, or uses what is not supported; the message shows
    /// the source with a caret.
    Wgsl(Box<WgslError>),

    /// A kernel was asked for that the module does not have, or an override constant is wrong.
    Kernel(Message),

    /// A call is wrong: a binding, a length, a grid. Found before anything runs.
    Call(Message),

    /// A buffer operation is wrong: a range, a length, an alignment.
    Buffer(Message),

    /// The kernel needs what the device does not have.
    Unsupported(Message),

    /// No device fits the request.
    NoDevice(Message),

    /// The device has too little memory.
    OutOfMemory(Message),

    /// The device or its driver failed; what it wrote is unspecified.
    Device(Message),

    /// The device is gone: unplugged, reset by its driver, or closed. What was in its buffers is lost.
    DeviceLost(Message),

    /// The device has not done what it was given in many times the time that was expected. It is left to itself, and takes
    /// no other call until it is done.
    Hung(Message),

    /// What the device computed is wrong, by its own account. It is not used: what was bound for writing is as it was, unless
    /// the message says otherwise.
    WrongResult(Message),

    /// The call was not done by its [`deadline`](crate::Call::deadline). What was bound for writing is
    /// initialised but unspecified, unless the message says that nothing was written.
    Deadline(Message),

    /// The call's [`CancelToken`](crate::CancelToken) was cancelled. What was bound for writing is initialised but
    /// unspecified, unless the message says that nothing was written.
    Cancelled(Message),

    /// The device still runs a call that was given up, and takes no other until it is done.
    Busy(Message),

    /// A callback that the caller gave panicked while an asynchronous call ran. What was bound for writing is initialised but
    /// unspecified.
    Callback(Message),

    /// A file could not be read or written. Where the system said why, that is its
    /// [`source`](std::error::Error::source), an [`std::io::Error`]; the message has its words, too.
    Io(Message),
}

impl Error {
    /// What it says; nothing for an error in WGSL, which has a form of its own.
    fn message(&self) -> Option<&Message> {
        match self {
            Error::Wgsl(_) => None,
            Error::Kernel(message)
            | Error::Call(message)
            | Error::Buffer(message)
            | Error::Unsupported(message)
            | Error::NoDevice(message)
            | Error::OutOfMemory(message)
            | Error::Device(message)
            | Error::DeviceLost(message)
            | Error::Hung(message)
            | Error::WrongResult(message)
            | Error::Deadline(message)
            | Error::Cancelled(message)
            | Error::Busy(message)
            | Error::Callback(message)
            | Error::Io(message) => Some(message),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Wgsl(error) => error.fmt(f),
            // The others have one.
            _ => self.message().map_or(Ok(()), |message| message.fmt(f)),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let cause = self.message()?.cause.as_ref()?;
        Some(&**cause)
    }
}

/// What an error says: where, what, and what to do.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Message {
    /// The kernel, or empty.
    pub kernel: String,
    /// The binding, device or file it is about, or empty.
    pub subject: String,
    /// What is wrong, with the value and the limit. May name the subject itself.
    pub problem: String,
    /// What to do, or empty.
    pub help: String,
    /// What the system said, if it was asked. Its words are in the problem.
    cause: Option<Arc<io::Error>>,
}

/// By what they say.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        let Message { kernel, subject, problem, help, cause: _ } = self;
        [kernel, subject, problem, help] == [&other.kernel, &other.subject, &other.problem, &other.help]
    }
}

impl Eq for Message {}

impl Message {
    /// A message that says `problem`.
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Message { problem: problem.into(), ..Message::default() }
    }

    /// Names the kernel.
    pub(crate) fn kernel(mut self, kernel: impl Into<String>) -> Self {
        self.kernel = kernel.into();
        self
    }

    /// Names the binding, device or file.
    pub(crate) fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// Keeps what the system said, for those who ask for the [source](std::error::Error::source).
    pub(crate) fn cause(mut self, error: io::Error) -> Self {
        self.cause = Some(Arc::new(error));
        self
    }

    /// Says what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.kernel.is_empty() {
            write!(f, "kernel `{}`: ", self.kernel)?;
        }
        if !self.subject.is_empty() && !self.problem.contains(&format!("`{}`", self.subject)) {
            write!(f, "`{}`: ", self.subject)?;
        }
        f.write_str(&self.problem)?;
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

/// An error in WGSL text, with the place it stands at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WgslError {
    /// What is wrong, in one line.
    pub message: String,
    /// The message with the source line and a caret under it.
    pub rendered: String,
    /// Line and column of the place, both from 1, where one is known.
    pub location: Option<(u32, u32)>,
}

impl fmt::Display for WgslError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rendered.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_reads_as_display_does() {
        let wgsl = WgslError { message: "no".into(), rendered: "error: no\n  here\n".into(), location: None };
        let message = Message::new("there are 3").kernel("k").subject("x").help("give 4");
        for error in [Error::Wgsl(Box::new(wgsl)), Error::Call(message.clone()), Error::Io(message)] {
            assert_eq!(format!("{error:?}"), error.to_string());
            assert!(error.source().is_none());
        }
    }
}
