//! What a failure means for the work that a device had.

use crate::{
    error::Error,
    schedule::{Failure, Remedy},
};

/// Why work failed, as far as it matters for what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultClass {
    /// The call is wrong: it would fail on every device.
    WrongCall,
    /// The call was to end.
    Stopped,
    /// The device: others can do its work.
    Device(Failure),
}

impl FaultClass {
    /// The class of what a device says.
    pub fn of(error: &Error) -> FaultClass {
        match error {
            Error::Wgsl(_)
            | Error::Kernel(_)
            | Error::Call(_)
            | Error::Buffer(_)
            | Error::NoDevice(_)
            | Error::Callback(_)
            | Error::Io(_) => FaultClass::WrongCall,
            Error::Deadline(_) | Error::Cancelled(_) => FaultClass::Stopped,
            Error::OutOfMemory(_) => FaultClass::Device(Failure::OutOfMemory),
            // It cannot run the kernel, or nothing at all for now.
            Error::Unsupported(_) | Error::DeviceLost(_) | Error::Hung(_) | Error::Busy(_) => {
                FaultClass::Device(Failure::Lost)
            }
            Error::WrongResult(_) => FaultClass::Device(Failure::WrongResult),
            Error::Device(_) => FaultClass::Device(Failure::Passing),
        }
    }
}

/// Something that failed on a device and did not end the call.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// The member's number.
    pub member: usize,
    pub error: Error,
    /// What was done about it.
    pub remedy: Remedy,
}
