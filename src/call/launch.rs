//! From a call to a launch: what needs the whole call to be checked, the device, the memory.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Call,
    args::{Arg, Data},
    bind,
    uniform::Uniforms,
};
use crate::{
    error::{Error, Message, Result},
    exec::{
        ArgData, Launch,
        stop::{Armed, Left},
    },
    kernel::Kernel,
    report::Report,
    runtime::Device,
};

/// A call that nothing is wrong with, and the device it goes to.
pub(super) struct Checked<'a> {
    pub kernel: Kernel,
    pub device: Device,
    pub args: Vec<Option<Arg<'a>>>,
    uniforms: Uniforms,
    workgroups: [u32; 3],
    start: Instant,
    pub stop: Option<Armed>,
    /// Time spent compiling to find out whether the device can run the kernel.
    compile: Duration,
}

impl<'a> Call<'a> {
    /// Everything that can be checked without running.
    pub(super) fn check(mut self) -> Result<Checked<'a>> {
        let start = Instant::now();
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let kernel = &self.kernel;
        kernel.check_complete()?;
        self.check_missing().map_err(Error::Call)?;
        self.uniforms.check_complete(kernel).map_err(Error::Call)?;
        self.check_aliases().map_err(Error::Call)?;
        let extent = self.extent.ok_or_else(|| {
            Error::Call(kernel.message("the call has no grid").help("say how many invocations with .grid([n, 1, 1])"))
        })?;
        let workgroups = extent.workgroups(kernel).map_err(Error::Call)?;
        let (device, compile) = self.choose_device()?;
        let stop = Armed::new(Some(kernel), start, self.deadline, self.tokens)?;
        Ok(Checked {
            kernel: self.kernel,
            device,
            args: self.args,
            uniforms: self.uniforms,
            workgroups,
            start,
            stop,
            compile,
        })
    }

    /// Refuses a call that leaves storage bindings out.
    fn check_missing(&self) -> Result<(), Message> {
        bind::check_missing(
            &self.kernel,
            |place| self.args[place].is_some(),
            |method, binding| {
                format!("bind it with .{method}(\"{}\", ..), which takes {}", binding.name, binding.shape.name)
            },
        )
    }

    /// Refuses one buffer under two names where the kernel writes under one of them.
    fn check_aliases(&self) -> Result<(), Message> {
        let memory = |place: usize| match &self.args[place] {
            Some(Arg { data: Data::Resident { memory, .. }, .. }) => Some(Arc::as_ptr(memory)),
            _ => None,
        };
        bind::check_aliases(&self.kernel, |i, j| match (memory(i), memory(j)) {
            (Some(first), Some(second)) => std::ptr::addr_eq(first, second),
            _ => false,
        })
    }

    /// The device: the one that holds the buffers, the one asked for, or the best that can run it. Also
    /// the time spent compiling meanwhile.
    fn choose_device(&self) -> Result<(Device, Duration)> {
        let bindings = self.kernel.bindings();
        let mut holder: Option<(&Device, &str)> = None;
        for (binding, arg) in bindings.iter().zip(&self.args) {
            let Some(Arg { data: Data::Resident { device, .. }, .. }) = arg else { continue };
            match holder {
                Some((other, name)) if other != device => {
                    let problem = format!(
                        "`{name}` lives on {}, and `{}` on {}",
                        other.describe(),
                        binding.name,
                        device.describe()
                    );
                    let help = "make both on one device, or copy one over with Buffer::copy_from";
                    return Err(Error::Call(self.kernel.message(problem).help(help)));
                }
                Some(_) => {}
                None => holder = Some((device, &binding.name)),
            }
        }
        let device = match (holder, &self.device) {
            (Some((holder, name)), Some(asked)) if holder != asked => {
                let problem =
                    format!("`{name}` lives on {}, and the call asks for {}", holder.describe(), asked.describe());
                let help = "leave .device(..) out, or make the buffer on that device";
                return Err(Error::Call(self.kernel.message(problem).help(help)));
            }
            (Some((holder, _)), _) => holder.clone(),
            (None, Some(asked)) => asked.clone(),
            (None, None) => {
                let chosen = self.runtime.choose_for(&self.kernel, self.largest())?;
                self.check_sizes(&chosen.0)?;
                return Ok(chosen);
            }
        };
        self.check_sizes(&device)?;
        let compile = device.accepts(&self.kernel)?;
        Ok((device, compile))
    }

    /// Bytes of the largest binding.
    fn largest(&self) -> u64 {
        self.args.iter().flatten().map(|arg| arg.data.bytes()).max().unwrap_or(0)
    }

    /// Refuses bindings that are larger than the device takes.
    fn check_sizes(&self, device: &Device) -> Result<()> {
        let args = self.kernel.bindings().iter().zip(&self.args);
        args.filter_map(|(binding, arg)| Some((binding, arg.as_ref()?)))
            .try_for_each(|(binding, arg)| bind::check_size(&self.kernel, binding, arg.data.bytes(), device))
    }
}

impl Checked<'_> {
    /// Runs it. The results are in the arguments then.
    pub fn launch(mut self) -> Result<Report> {
        self.run()
    }

    /// As [`launch`](Checked::launch), and leaves the arguments to be taken out.
    pub fn run(&mut self) -> Result<Report> {
        let stop = self.stop.as_ref().map(|armed| &**armed.stop());
        if let Some(stop) = stop.filter(|stop| stop.is_due()) {
            return Err(stop.error(Left::Nothing));
        }
        let bindings = self.kernel.bindings();
        let args = bindings.iter().zip(&mut self.args);
        let args = args.map(|(binding, arg)| match arg {
            Some(arg) => arg.data.lend(binding.kind),
            None => ArgData::Uniform(self.uniforms.bytes(binding)),
        });
        let args = args.collect();
        let launch = Launch { kernel: &self.kernel, args, workgroups: self.workgroups, stop };
        let mut metrics = self.device.inner.backend.launch(launch)?;
        metrics.compile += self.compile;
        Ok(Report {
            kernel: self.kernel.clone(),
            device: self.device.clone(),
            metrics,
            total: self.start.elapsed(),
            workgroups: self.workgroups,
        })
    }
}
