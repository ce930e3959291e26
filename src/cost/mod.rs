//! How long a call takes on a device: predicted before anything has run, and learned from what did.
//!
//! The time of a call is that of launching it, of its bytes over the link to the device, and of its work at the speed of
//! the device. The *prior* counts operations and bytes on the kernel's program (`Work`) and divides them by what the
//! device can do at most ([`Ceilings`], measured once). What calls took beside it is kept for each kernel, device and size
//! (`Model::observe`): the logarithm of the ratio, of which a robust middle counts. From there come predictions
//! (`Model::predict`) and the choice of a device (`Model::choose`), which tries what it is unsure of at a bounded cost.
//!
//! Nothing here does I/O or reads a clock, save `history`, which keeps what was learned in a file.

mod ceilings;
mod choose;
mod count;
mod fingerprint;
pub(crate) mod history;
mod model;
mod power;
mod sample;
mod share;
#[cfg(test)]
mod simulate;
#[cfg(test)]
mod tests;
mod window;
mod work;

pub use ceilings::Ceilings;
#[cfg(test)]
pub(crate) use choose::Choice;
pub(crate) use choose::{Candidate, PAYS};
pub(crate) use fingerprint::Fingerprint;
pub use history::{History, LearnedDevice, LearnedKernel, TunedKernel};
pub use model::{Basis, Prediction};
pub(crate) use model::{Constants, DeviceId, Model, Record, Seen, Task};
pub(crate) use power::{Contender, Powers, by_energy};
pub(crate) use sample::{OFTEN, Sampler};
pub(crate) use share::{Sharer, shared};
pub(crate) use work::{Work, WorkAsked};
