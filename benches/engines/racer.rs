//! Those who race: an engine of this crate, or a program that serves.

use std::time::Duration;

use swath::{Buffer, Device, Kernel, Runtime, Untyped};

use crate::{
    Outcome,
    cases::{Access, Case, Value},
};

/// Someone who runs the kernels.
pub trait Racer {
    /// The name of the column.
    fn column(&self) -> &str;

    /// What it is, in words.
    fn describe(&self) -> String;

    /// Makes the kernel and its data ready, as before any run.
    fn prepare(&mut self, case: &Case) -> Outcome;

    /// The kernel times of `count` runs, one after the other, on data that stays where it is.
    fn run(&mut self, case: &Case, count: usize) -> Outcome<Vec<Duration>>;

    /// The result, as it is now.
    fn result(&mut self, case: &Case) -> Outcome<Vec<u32>>;

    /// Frees the data.
    fn release(&mut self, case: &Case) -> Outcome;
}

/// A device of this crate.
pub struct Engine {
    column: &'static str,
    runtime: Runtime,
    device: Device,
    ready: Option<(Kernel, Vec<Buffer<u32>>)>,
}

impl Engine {
    pub fn new(column: &'static str, runtime: Runtime, device: &str) -> Outcome<Self> {
        let device = runtime.device(device)?;
        Ok(Engine { column, runtime, device, ready: None })
    }
}

impl Racer for Engine {
    fn column(&self) -> &str {
        self.column
    }

    fn describe(&self) -> String {
        format!("{} ({})", self.device.name(), self.device.info().driver)
    }

    fn prepare(&mut self, case: &Case) -> Outcome {
        let kernel = self.runtime.module(case.wgsl)?.only_kernel()?;
        kernel.prepare(&self.runtime, &self.device)?;
        let buffers = case.buffers.iter().map(|binding| self.runtime.buffer_on(&self.device, &binding.words));
        let buffers = buffers.collect::<Result<_, _>>()?;
        self.ready = Some((kernel, buffers));
        Ok(())
    }

    fn run(&mut self, case: &Case, count: usize) -> Outcome<Vec<Duration>> {
        let (kernel, buffers) = self.ready.as_ref().ok_or("the kernel is not prepared")?;
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let mut call = self.runtime.call(kernel).device(&self.device);
            for (name, value) in &case.uniforms {
                call = match *value {
                    Value::U32(value) => call.set(name, value),
                    Value::F32(value) => call.set(name, value),
                    Value::Vec2(value) => call.set(name, value),
                };
            }
            for (binding, buffer) in case.buffers.iter().zip(buffers) {
                call = match binding.access {
                    Access::Read => call.read(binding.name, Untyped(buffer)),
                    Access::Write => call.write(binding.name, Untyped(buffer)),
                    Access::ReadWrite => call.read_write(binding.name, Untyped(buffer)),
                };
            }
            times.push(call.grid(case.grid).run()?.kernel_time());
        }
        Ok(times)
    }

    fn result(&mut self, case: &Case) -> Outcome<Vec<u32>> {
        let (_, buffers) = self.ready.as_ref().ok_or("the kernel is not prepared")?;
        let mut words = Vec::new();
        for (binding, buffer) in case.buffers.iter().zip(buffers) {
            if binding.access != Access::Read {
                words.extend(buffer.download()?);
            }
        }
        Ok(words)
    }

    fn release(&mut self, _: &Case) -> Outcome {
        self.ready = None;
        Ok(())
    }
}
