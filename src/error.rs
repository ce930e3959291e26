//! The errors of this crate: what was wrong, where, and what to do.

use std::fmt;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
///
/// Every message names the kernel and the binding it is about, the value and the limit that clash,
/// and what to do about it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The WGSL does not parse, does not validate, or uses what is not supported; the message shows
    /// the source with a caret.
    #[error("{0}")]
    Wgsl(Box<WgslError>),

    /// A kernel was asked for that the module does not have, or an override constant is wrong.
    #[error("{0}")]
    Kernel(Message),

    /// A call is wrong: a binding, a length, a grid. Found before anything runs.
    #[error("{0}")]
    Call(Message),

    /// A buffer operation is wrong: a range, a length, an alignment.
    #[error("{0}")]
    Buffer(Message),

    /// The kernel needs what the device does not have.
    #[error("{0}")]
    Unsupported(Message),

    /// No device fits the request.
    #[error("{0}")]
    NoDevice(Message),

    /// The device has too little memory.
    #[error("{0}")]
    OutOfMemory(Message),

    /// The device or its driver failed; what it wrote is unspecified.
    #[error("{0}")]
    Device(Message),

    /// The device is gone: unplugged, reset by its driver, or closed. What was in its buffers is lost.
    #[error("{0}")]
    DeviceLost(Message),

    /// The device has not done what it was given in many times the time that was expected. It is left to itself, and takes
    /// no other call until it is done.
    #[error("{0}")]
    Hung(Message),

    /// What the device computed is wrong, by its own account. It is not used: what was bound for writing is as it was, unless
    /// the message says otherwise.
    #[error("{0}")]
    WrongResult(Message),

    /// The call was not done by its [`deadline`](crate::Call::deadline). What was bound for writing is
    /// initialised but unspecified, unless the message says that nothing was written.
    #[error("{0}")]
    Deadline(Message),

    /// The call's [`CancelToken`](crate::CancelToken) was cancelled. What was bound for writing is initialised but
    /// unspecified, unless the message says that nothing was written.
    #[error("{0}")]
    Cancelled(Message),

    /// The device still runs a call that was given up, and takes no other until it is done.
    #[error("{0}")]
    Busy(Message),

    /// A file could not be read or written.
    #[error("{0}")]
    Io(Message),
}

/// What an error says: where, what, and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The kernel, or empty.
    pub kernel: String,
    /// The binding, device or file it is about, or empty.
    pub subject: String,
    /// What is wrong, with the value and the limit. May name the subject itself.
    pub problem: String,
    /// What to do, or empty.
    pub help: String,
}

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
