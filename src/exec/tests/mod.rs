//! Tests that need more than one stage of the road.

#[cfg(feature = "gpu")]
mod passes;
mod split;
