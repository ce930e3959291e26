//! Checkpoints: what a call has committed, on disk, so that the same call goes on after its process was killed or the power
//! failed.
//!
//! A [`Journal`] is a file with a header (what it belongs to) and records (which runs of units are durable), and where the
//! results have no file of their own, a second one beside it that has them. The [`format`] is checked whenever it is read: of a
//! damaged journal counts what is in front of the damage. A [`Policy`] says when to write and to sync what; it knows neither
//! files nor clocks. All I/O goes through [`FileSystem`], behind which tests put a disk that loses power at every write.
//!
//! What makes it safe:
//!
//! - Data is written and synced before the record that vouches for it, and a record has a sum of that data.
//! - The contents that a call began with are not touched until it is done: results are built in files and memory of their own.
//!   So units that are not recorded are simply done again from there, and an update in place is never applied twice.
//! - Merged bindings, which every unit changes, are kept twice in turn: a record names the copy that has exactly the units
//!   which are recorded by then.
//! - Of a chain the state between two of its steps is kept ([`StateLog`]), in two places by turns as well; a [`Pacer`] says when.
//! - Files take their names only when all units are recorded. Which files is recorded before, and that it was done after.

mod format;
mod pacer;
mod policy;
mod state;
mod store;

#[cfg(test)]
mod damage;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod state_histories;

pub(crate) use format::{Header, Position, STEPS};
pub use pacer::CheckpointEvery;
pub(crate) use pacer::Pacer;
pub(crate) use policy::Step;
pub(crate) use state::StateLog;
pub use store::{FinalFile, Progress};
pub(crate) use store::{Home, Journal, Memory, Recorded, Refusal, Region, data_path, finish, progress};
