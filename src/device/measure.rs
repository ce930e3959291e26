//! What a device can do at most, measured with small kernels.

use std::time::{Duration, Instant};

use super::Device;
use crate::{
    cost::{Ceilings, Work, WorkAsked},
    error::Result,
    exec::{ArgData, Launch, Metrics},
    kernel::{Binding, BindingKind, Kernel, Module},
    plan::request::{CallShape, DataLocation, PlanRequest},
};

const WGSL: &str = include_str!("measure.wgsl");

/// Elements of arrays that no cache should hold.
const MANY: usize = 4 << 20;

/// Elements of an array that every cache holds.
const FEW: usize = 1 << 10;

/// A kernel that is timed runs for at least so long, where that takes no more rounds than there are.
const LONG: Duration = Duration::from_millis(3);

/// Times that something is measured; the shortest counts.
const TRIES: usize = 3;

/// Measures a device. Takes some hundredths of a second, more where a driver compiles slowly.
///
/// # Errors
///
/// Where one of the kernels cannot run there.
pub(super) fn measure(device: &Device) -> Result<Ceilings> {
    let module = Module::parse(WGSL)?;
    let compile = device.prepare(&module.kernel("update")?)?;
    let bench = |name: &str, elements: usize, groups: u32| Bench::new(device, &module, name, elements, groups);

    let mut nothing = bench("nothing", 64, 1)?;
    let mut launches = (0..LAUNCHES).map(|_| Ok(nothing.run()?.0)).collect::<Result<Vec<_>>>()?;
    launches.sort_unstable();
    let launch = seconds(launches[LAUNCHES / 2]);

    let (up, down, memory) = transfers(device, &module, launch)?;
    let (time, work) = bench("multiply_add", FEW, 1 << 10)?.long()?;
    let arithmetic = work.operations / time;
    let (time, work) = bench("multiply_add", FEW, 1)?.long()?;
    let lone = (work.operations / time).min(arithmetic);
    let (time, work) = bench("load", FEW, 1 << 10)?.long()?;
    // What it computes to find its places is arithmetic.
    let loading = (time - work.operations / arithmetic).max(0.1 * time);
    let access = work.accesses / loading;
    let (time, work) = bench("count", FEW, 1 << 10)?.long()?;
    let atomic = work.atomics / time;
    let (time, work) = bench("leave", FEW, 1 << 12)?.long()?;
    let workgroups = work.workgroups / time;
    let compile = seconds(compile);
    Ok(Ceilings { launch, compile, up, down, memory, arithmetic, lone, access, atomic, workgroups })
}

/// Bytes a second to the device, back, and within kernels.
fn transfers(device: &Device, module: &Module, launch: f64) -> Result<(f64, f64, f64)> {
    let mut look = Bench::new(device, module, "look", MANY, 1)?;
    let mut update = Bench::new(device, module, "update", MANY, (MANY / 256) as u32)?;
    let bytes = (4 * MANY) as f64;
    let rest = |(all, metrics): (Duration, Metrics)| (seconds(all) - seconds(metrics.kernel) - launch).max(1e-7);
    let (mut up, mut down, mut kernel) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
    for _ in 0..TRIES {
        up = up.min(rest(look.run()?));
        let run = update.run()?;
        // It takes both arrays there, and one back.
        down = down.min((rest(run) - 2.0 * up).max(0.2 * up));
        kernel = kernel.min(seconds(run.1.kernel));
    }
    let memory = 3.0 * bytes / kernel;
    Ok(match device.capacity() {
        Some(_) => (bytes / up, bytes / down, memory),
        None => (f64::INFINITY, f64::INFINITY, memory),
    })
}

/// Times that nothing is launched.
const LAUNCHES: usize = 21;

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64().max(1e-9)
}

/// A kernel and its data: arrays of so many elements for all bindings, and a uniform with the rounds it goes, if it has one.
struct Bench<'a> {
    device: &'a Device,
    kernel: Kernel,
    arrays: Vec<Vec<u32>>,
    rounds: u32,
    groups: u32,
}

impl<'a> Bench<'a> {
    fn new(device: &'a Device, module: &Module, name: &str, elements: usize, groups: u32) -> Result<Bench<'a>> {
        let kernel = module.kernel(name)?;
        let arrays = kernel.bindings().iter().map(|binding| match (binding.kind, binding.element_stride()) {
            (BindingKind::Uniform, _) => Vec::new(),
            // Not zeros, so that its pages are there before anything is timed.
            (_, Some(_)) => vec![1; elements],
            (_, None) => vec![1; binding.min_bytes() as usize / 4],
        });
        Ok(Bench { device, arrays: arrays.collect(), kernel, rounds: 16, groups })
    }

    /// Runs it; gives the time of all, without compilation, and what the backend says.
    fn run(&mut self) -> Result<(Duration, Metrics)> {
        let uniform = self.rounds.to_ne_bytes();
        let args = self.kernel.bindings().iter().zip(&mut self.arrays).map(|(binding, array)| match binding.kind {
            BindingKind::Uniform => ArgData::Uniform(&uniform),
            BindingKind::ReadStorage => ArgData::Read(bytemuck::cast_slice(array)),
            BindingKind::ReadWriteStorage => ArgData::Write(bytemuck::cast_slice_mut(array)),
        });
        let launch = Launch::new(&self.kernel, args.collect(), [self.groups, 1, 1]);
        let start = Instant::now();
        let metrics = self.device.inner.backend.launch(launch)?;
        Ok((start.elapsed().saturating_sub(metrics.compile), metrics))
    }

    fn has_rounds(&self) -> bool {
        self.kernel.bindings().iter().any(|binding| binding.kind == BindingKind::Uniform)
    }

    /// Has it do so much that it takes some time; gives that time and the work.
    fn long(&mut self) -> Result<(f64, Work)> {
        loop {
            let mut least = Duration::MAX;
            for _ in 0..TRIES {
                least = least.min(self.run()?.1.kernel);
                if least > 10 * LONG {
                    break;
                }
            }
            let (size, most) =
                if self.has_rounds() { (&mut self.rounds, 1 << 16) } else { (&mut self.groups, 1 << 15) };
            if least >= LONG || *size >= most {
                return Ok((seconds(least), self.work()?));
            }
            // Straight to where it should be long enough, but not too far at once.
            let factor = (1.3 * seconds(LONG) / seconds(least)).clamp(2.0, 16.0);
            *size = ((f64::from(*size) * factor) as u32).min(most);
        }
    }

    /// The work as it is counted for calls, so that both are in the same units.
    fn work(&self) -> Result<Work> {
        let is_uniform = |binding: &Binding| binding.kind == BindingKind::Uniform;
        let bindings = self.kernel.bindings().iter();
        let bytes = bindings
            .clone()
            .zip(&self.arrays)
            .map(|(binding, array)| if is_uniform(binding) { 4 } else { 4 * array.len() as u64 });
        let holder = |binding| if is_uniform(binding) { DataLocation::Uniform } else { DataLocation::Resident };
        let shape = CallShape::new([self.groups, 1, 1], bytes, bindings.map(holder));
        let request = PlanRequest { shape, uniforms: &self.rounds.to_ne_bytes() };
        Ok(WorkAsked::count(&self.kernel, &request)?.work)
    }
}
