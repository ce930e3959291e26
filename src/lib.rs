//! Runs data-parallel kernels written in plain WGSL on GPUs through wgpu, or on the CPU.

pub mod error;
pub mod exec;
pub mod ir;
pub mod kernel;

pub use error::{Error, Result};
pub use kernel::{Binding, BindingKind, Kernel};
