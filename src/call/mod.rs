//! Calls: a kernel, its arguments and its grid, checked and then run.

mod args;
mod asynchronous;
mod element;
mod grid;
mod uniform;
pub(crate) mod worker;

use bytemuck::NoUninit;

pub use args::{ReadArg, Untyped, WriteArg};
pub use asynchronous::Outcome;
pub use grid::Grid;
pub use uniform::UniformValue;

use crate::{
    error::{Error, Result},
    kernel::Kernel,
    report::Report,
    runtime::{Device, DeviceChoice, Runtime},
};
use args::Arg;
use grid::Extent;

/// A call of a kernel, being put together. Errors are kept until [`run`](Call::run).
#[must_use = "a call does nothing until it is run"]
pub struct Call<'a> {
    runtime: Runtime,
    kernel: Kernel,
    args: Vec<Option<Arg<'a>>>,
    extent: Option<Extent>,
    device: Option<Device>,
    error: Option<Error>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(runtime: Runtime, kernel: Kernel) -> Call<'a> {
        let args = kernel.bindings().iter().map(|_| None).collect();
        Call { runtime, kernel, args, extent: None, device: None, error: None }
    }

    /// Sets a field of a uniform.
    pub fn set(self, path: &str, value: impl UniformValue) -> Self {
        let _ = (path, value.shape());
        self
    }

    /// Sets a whole uniform.
    pub fn uniform<T: NoUninit>(self, name: &str, value: &T) -> Self {
        let _ = (name, value);
        self
    }

    /// Binds data that the kernel reads.
    pub fn read(self, name: &str, data: impl Into<ReadArg<'a>>) -> Self {
        let _ = (name, data.into());
        self
    }

    /// Binds data that the kernel writes.
    pub fn write(self, name: &str, data: impl Into<WriteArg<'a>>) -> Self {
        let _ = (name, data.into());
        self
    }

    /// Binds data that the kernel reads and writes.
    pub fn read_write(self, name: &str, data: impl Into<WriteArg<'a>>) -> Self {
        let _ = (name, data.into());
        self
    }

    /// Invocations along x, y and z.
    pub fn grid(mut self, grid: impl Into<Grid>) -> Self {
        self.extent = Some(Extent::Invocations(grid.into()));
        self
    }

    /// Workgroups along x, y and z.
    pub fn workgroups(mut self, workgroups: impl Into<Grid>) -> Self {
        self.extent = Some(Extent::Workgroups(workgroups.into()));
        self
    }

    /// The device to run on.
    pub fn device<'d>(mut self, device: impl Into<DeviceChoice<'d>>) -> Self {
        match self.runtime.choose(device.into()) {
            Ok(device) => self.device = device,
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// Runs the call and waits for its results.
    pub fn run(self) -> Result<Report> {
        Err(Error::Call(self.kernel.message("calls are not there yet")))
    }
}
