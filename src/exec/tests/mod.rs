//! Tests that need more than one stage of the road.

#[cfg(feature = "cpu")]
mod faults;
#[cfg(feature = "gpu")]
mod passes;
mod slices;
mod split;
