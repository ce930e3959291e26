//! Files that are complete under their names or not there at all: [`Output`].
//!
//! A journal (see `journal`) asks a few things more of a disk, which it does through [`FileSystem`]: so that tests can put one
//! behind it that loses what was not synced.

mod folder;
mod lock;
mod output;
#[cfg(test)]
pub(crate) mod simulated;
mod system;

pub(crate) use folder::cache_folder;
pub(crate) use lock::{try_lock, unlock};
pub use output::{Output, abandon_all, hidden_beside, keep_mode, place_of, remove_unused, sync_folder};
pub use system::{FileIdentity, FileSystem, Handle, System};
