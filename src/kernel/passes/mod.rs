//! Passes over the naga module on its way to a GPU.

mod rebase;

pub(crate) use rebase::{TileOrigin, rebase};
