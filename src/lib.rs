//! Runs data-parallel kernels written in plain WGSL on GPUs through wgpu, or on the CPU.
#![warn(missing_docs)]

mod buffer;
mod call;
pub mod error;
mod exec;
mod ir;
mod kernel;
mod report;
mod runtime;
#[cfg(feature = "cli")]
pub mod samples;

pub use buffer::Buffer;
pub use call::{Call, Grid, Outcome, ReadArg, UniformValue, Untyped, WriteArg};
pub use error::{Error, Result};
pub use exec::{DeviceInfo, DeviceKind};
#[doc(hidden)]
pub use kernel::names::nearest as nearest_name;
pub use kernel::{Binding, BindingKind, ConstValue, Field, Kernel, Module, OverrideConstant, Scalar, Type};
pub use report::Report;
pub use runtime::{Device, DeviceChoice, Runtime};

#[cfg(feature = "gpu")]
pub use wgpu;
