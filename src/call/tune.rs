//! Tuning: which values of override constants are the fastest, measured with the arguments of a call.

use std::{
    fmt, mem,
    time::{Duration, Instant},
};

use super::{
    Call, CallParts, args::Arg, compare::difference, grid::Extent, launch::first_line, prefer::Prefer,
    progress::Watchers, uniform::Uniforms,
};
use crate::{
    cost::Constants,
    device::{Asked, Device, Devices, in_words},
    error::{Error, Message, Result},
    exec::{CancelToken, fault::FaultClass},
    kernel::{Binding, Kernel},
    report::Report,
};

/// The most combinations of values that are tried.
const MOST_VARIANTS: usize = 256;

/// Rounds in which every variant runs: at least, and at most.
const LEAST_ROUNDS: usize = 5;
const MOST_ROUNDS: usize = 25;

/// Rounds go on until all of them have taken so long.
const ENOUGH: Duration = Duration::from_millis(500);

/// After some rounds a variant that takes so many times as long as the best is out.
const FIRST_ROUNDS: usize = 2;
const HOPELESS: f64 = 1.5;

/// Within so much of the best, what the author wrote is kept.
const AS_GOOD: f64 = 1.02;

/// What came of [tuning](Kernel::tune) a kernel. Printed, it reads as a table.
#[derive(Clone, Debug)]
pub struct Tuned {
    kernel: Kernel,
    devices: Vec<TunedDevice>,
}

/// What came of tuning a kernel for a device.
#[derive(Clone, Debug)]
pub struct TunedDevice {
    device: Device,
    variants: Vec<TunedVariant>,
    best: Option<usize>,
    is_kept: bool,
}

/// A kernel with some values of constants, on a device.
#[derive(Clone, Debug)]
pub struct TunedVariant {
    constants: Constants,
    kernel_times: Vec<Duration>,
    total_times: Vec<Duration>,
    problem: Option<Problem>,
}

/// Why a variant does not count.
#[derive(Clone, Debug)]
enum Problem {
    /// Its results are not those of the others: where they differ.
    Wrong(String),
    /// The device does not run it.
    Refused(String),
}

impl Tuned {
    /// The kernel, with its constants open.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// For each device.
    pub fn devices(&self) -> &[TunedDevice] {
        &self.devices
    }

    /// The variants whose results are wrong, each with the device and the place.
    pub fn wrong(&self) -> impl Iterator<Item = (&TunedDevice, &TunedVariant, &str)> {
        let variants = self.devices.iter().flat_map(|on| on.variants.iter().map(move |variant| (on, variant)));
        variants.filter_map(|(on, variant)| Some((on, variant, variant.difference()?)))
    }
}

impl TunedDevice {
    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What was tried: first the kernel as it is written, where it can run like that, then each combination of values.
    pub fn variants(&self) -> &[TunedVariant] {
        &self.variants
    }

    /// The fastest of those whose results are right; nothing where there is none.
    pub fn best(&self) -> Option<&TunedVariant> {
        self.variants.get(self.best?)
    }

    /// Whether calls that leave the constants and the device open will use the best.
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }
}

impl TunedVariant {
    /// The values that were tried; empty for the kernel as it is written.
    pub fn constants(&self) -> &[(String, f64)] {
        &self.constants
    }

    /// The middle time in the kernel, without transfers and compilation; zero where it did not run.
    pub fn kernel_time(&self) -> Duration {
        middle(&self.kernel_times)
    }

    /// The middle time of a call, without compilation.
    pub fn total_time(&self) -> Duration {
        middle(&self.total_times)
    }

    /// How often it was timed.
    pub fn runs(&self) -> usize {
        self.kernel_times.len()
    }

    /// Where its results differ from those of the first variant, if they do.
    pub fn difference(&self) -> Option<&str> {
        match &self.problem {
            Some(Problem::Wrong(difference)) => Some(difference),
            _ => None,
        }
    }

    /// Why the device does not run it, if it does not.
    pub fn refusal(&self) -> Option<&str> {
        match &self.problem {
            Some(Problem::Refused(why)) => Some(why),
            _ => None,
        }
    }

    fn is_right(&self) -> bool {
        self.problem.is_none()
    }
}

fn middle(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Which of some variants is the fastest, the first of them the one that is written (`has_written`).
fn best(variants: &[TunedVariant], has_written: bool) -> Option<usize> {
    let right = || (0..variants.len()).filter(|&at| variants[at].is_right() && variants[at].runs() > 0);
    let best = right().min_by_key(|&at| variants[at].kernel_time())?;
    let limit = variants[best].kernel_time().mul_f64(AS_GOOD);
    let is_as_good = has_written && right().next() == Some(0) && variants[0].kernel_time() <= limit;
    Some(if is_as_good { 0 } else { best })
}

/// Values of constants, and the kernel with them, or why there is none.
type Candidate = (Constants, Result<Kernel, String>);

/// A call that is run again and again.
struct Rehearsal<'a> {
    devices: Devices,
    args: Vec<Option<Arg<'a>>>,
    uniforms: Uniforms,
    extent: Option<Extent>,
    memory: Option<u64>,
    tokens: Vec<CancelToken>,
    is_exact: bool,
    /// The workgroup of the kernel as it is written.
    written_size: [u32; 3],
    tiles: Option<u32>,
    deadline: Option<Instant>,
    /// What was bound for writing, as it was: the place of the binding, and its bytes.
    start: Vec<(usize, Vec<u8>)>,
}

impl Call<'_> {
    /// Measures the kernel with each combination of `values`; what is bound for writing is in the end as it was.
    pub(crate) fn tune(self, values: &[(&str, &[f64])]) -> Result<Tuned> {
        (*self.parts).tune(values)
    }
}

impl CallParts<'_> {
    fn tune(mut self, values: &[(&str, &[f64])]) -> Result<Tuned> {
        if let Some(error) = self.error.take() {
            return Err(*error);
        }
        let variants = self.variants(values)?;
        self.check_tunable()?;
        let devices = match self.device.take().or(self.devices.default_asked()?) {
            Some(Asked::One(device)) => vec![device],
            Some(Asked::Several { devices, .. }) => devices,
            None => self.devices.all().to_vec(),
        };
        let kernel = self.kernel.clone();
        let mut rehearsal = Rehearsal::new(self);
        let (mut tuned, mut refusal) = (Vec::new(), None);
        for device in devices {
            let result = rehearsal.tune_on(&device, &variants, kernel.missing_constants().is_empty());
            rehearsal.restore();
            match result {
                Ok(on) => tuned.push(on),
                // Others may be able to run it.
                Err(error) if !is_end(&error) => {
                    let refused = |constants: &Constants| TunedVariant {
                        problem: Some(Problem::Refused(first_line(&error))),
                        ..TunedVariant::new(constants.clone())
                    };
                    let variants = variants.iter().map(|(constants, _)| refused(constants)).collect();
                    tuned.push(TunedDevice { device, variants, best: None, is_kept: false });
                    refusal = refusal.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = refusal.filter(|_| tuned.iter().all(|on| on.best.is_none())) {
            return Err(error);
        }
        for on in &mut tuned {
            let Some(best) = on.best else { continue };
            on.is_kept = rehearsal.keep(&kernel, &on.device, &on.variants[best].constants);
        }
        Ok(Tuned { kernel, devices: tuned })
    }

    /// The kernel as it is written, if it can run like that, and with each combination of values.
    fn variants(&self, values: &[(&str, &[f64])]) -> Result<Vec<Candidate>> {
        let kernel = &self.kernel;
        let wrong = |problem: String, help: &str| Err(Error::Call(kernel.message(problem).help(help)));
        if values.is_empty() {
            return wrong("there is nothing to tune".into(), "name override constants, and values for each");
        }
        let mut combinations: Vec<Constants> = vec![Vec::new()];
        for (at, (name, values_of)) in values.iter().enumerate() {
            if values_of.is_empty() {
                return wrong(format!("there are no values for `{name}`"), "give some, to find the fastest of them");
            }
            if values[..at].iter().any(|(other, _)| other == name) {
                return wrong(format!("`{name}` is given twice"), "give all its values at once");
            }
            if combinations.len() * values_of.len() > MOST_VARIANTS {
                let problem = format!("the values make more than {MOST_VARIANTS} variants of the kernel");
                return wrong(problem, "give fewer, or tune one constant after the other");
            }
            let with = |so_far: &Constants| {
                let so_far = so_far.clone();
                values_of.iter().map(move |&value| [so_far.as_slice(), &[((*name).to_owned(), value)]].concat())
            };
            combinations = combinations.iter().flat_map(with).collect();
        }
        let given = kernel.inner.identity.constants().count();
        let mut variants = Vec::new();
        if kernel.missing_constants().is_empty() {
            variants.push((Vec::new(), Ok(kernel.clone())));
        }
        for constants in combinations {
            let variant = match kernel.with_constants(&constants) {
                Ok(variant) => variant,
                // The kernel makes no sense with these: a workgroup that is too large, say.
                Err(Error::Wgsl(error)) => {
                    variants.push((constants, Err(error.message)));
                    continue;
                }
                Err(error) => return Err(error),
            };
            variant.check_complete()?;
            if variant.inner.identity.constants().count() != given + constants.len() {
                let problem = format!("not all of these are open: {}", in_words(&constants));
                return wrong(problem, "tune constants that the kernel uses, and that have no value yet");
            }
            let place = |binding: &Binding| (binding.group, binding.index, binding.kind, binding.uniform_offset);
            if !variant.bindings().iter().map(place).eq(kernel.bindings().iter().map(place)) {
                let problem = format!("with {} the kernel has other bindings", in_words(&constants));
                return wrong(problem, "tune constants that leave its bindings as they are");
            }
            variants.push((constants, Ok(variant)));
        }
        Ok(variants)
    }

    /// Refuses what makes no sense for a call that is only measured.
    fn check_tunable(&self) -> Result<()> {
        let refuse = |problem: &str, help: &str| Err(Error::Call(self.kernel.message(problem).help(help)));
        if self.checkpoint.is_some() {
            return refuse("a call that is tuned has no results to record", "leave .checkpoint(..) out");
        }
        if self.is_reproducible {
            return refuse("reproducible calls use no tuned constants", "leave .reproducible() out");
        }
        if self.extent.is_some_and(Extent::is_empty) {
            return refuse("a grid of 0 has nothing to measure", "give the grid of the calls to come");
        }
        let resident = |arg: &Option<Arg<'_>>| arg.as_ref().is_some_and(|arg| arg.data.on_host().is_none());
        if self.args.iter().any(resident) {
            let problem =
                "a kernel is tuned with data of the host, which every device can be given, and this is in a buffer";
            return refuse(problem, "bind slices or vectors");
        }
        Ok(())
    }
}

/// Whether an error ends all of it: the caller wants an end.
fn is_end(error: &Error) -> bool {
    matches!(FaultClass::of(error), FaultClass::Stopped)
}

impl TunedVariant {
    fn new(constants: Constants) -> TunedVariant {
        TunedVariant { constants, kernel_times: Vec::new(), total_times: Vec::new(), problem: None }
    }

    fn add(&mut self, report: &Report) {
        self.kernel_times.push(report.kernel_time());
        self.total_times.push(report.total_time().saturating_sub(report.compile_time()));
    }
}

impl<'a> Rehearsal<'a> {
    fn new(call: CallParts<'a>) -> Rehearsal<'a> {
        let CallParts { devices, kernel, args, uniforms, extent, deadline, tokens, memory, tiles, is_exact, .. } = call;
        let bindings = kernel.bindings().iter().zip(&args).enumerate();
        let written = bindings.filter(|(_, (binding, _))| binding.is_written());
        let bytes = |arg: &Option<Arg<'_>>| Some(arg.as_ref()?.data.on_host()?.to_vec());
        let start = written.filter_map(|(at, (_, arg))| Some((at, bytes(arg)?))).collect();
        Rehearsal {
            devices,
            args,
            uniforms,
            extent,
            memory,
            tiles,
            is_exact,
            written_size: kernel.workgroup_size(),
            tokens,
            deadline: deadline.and_then(|limit| Instant::now().checked_add(limit)),
            start,
        }
    }

    /// Puts the contents back.
    fn restore(&mut self) {
        for (at, bytes) in &self.start {
            if let Some(data) = self.args[*at].as_mut().and_then(|arg| arg.data.on_host_mut()) {
                data.copy_from_slice(bytes);
            }
        }
    }

    /// Runs the call once with a kernel, from the same contents.
    fn run(&mut self, device: &Device, kernel: &Kernel) -> Result<Report> {
        self.restore();
        let bindings = kernel.bindings().iter();
        let args = bindings.zip(&mut self.args).map(|(binding, arg)| Some(arg.as_mut()?.reborrow(binding.kind)));
        let call = Call::of(CallParts {
            devices: self.devices.clone(),
            kernel: kernel.clone(),
            args: args.collect(),
            uniforms: self.uniforms.clone(),
            extent: self.extent,
            device: Some(Asked::One(device.clone())),
            deadline: self.deadline.map(|end| end.saturating_duration_since(Instant::now())),
            tokens: self.tokens.clone(),
            on_drop: None,
            memory: self.memory,
            tiles: self.tiles,
            watchers: Watchers::default(),
            checkpoint: None,
            is_reproducible: false,
            // A constant that sizes workgroups is to be measured with these.
            is_exact: self.is_exact || kernel.workgroup_size() != self.written_size,
            prefer: Prefer::Time,
            error: None,
            refused: Vec::new(),
        });
        let report = call.run()?;
        if report.device != *device {
            let problem = format!("the call does not fit {}", device.describe());
            return Err(Error::Unsupported(kernel.message(problem).help("tune it with less data")));
        }
        Ok(report)
    }

    /// What was written, beside what the bindings are.
    fn results(&self) -> Vec<Vec<u8>> {
        let bytes = |(at, _): &(usize, Vec<u8>)| self.args[*at].as_ref().and_then(|arg| arg.data.on_host());
        self.start.iter().map(|start| bytes(start).unwrap_or_default().to_vec()).collect()
    }

    /// Where what was written now differs from results of before.
    fn differs(&self, kernel: &Kernel, expected: &[Vec<u8>]) -> Option<String> {
        let found = self.start.iter().zip(expected).map(|((at, _), expected)| {
            let found = self.args[*at].as_ref()?.data.on_host()?;
            difference(&kernel.bindings()[*at], expected, found)
        });
        found.flatten().next()
    }

    /// Tunes the kernel for one device; `has_written` if the first variant is the kernel as it is written.
    fn tune_on(&mut self, device: &Device, all: &[Candidate], has_written: bool) -> Result<TunedDevice> {
        let mut variants: Vec<_> = all.iter().map(|(constants, _)| TunedVariant::new(constants.clone())).collect();
        let mut expected: Option<Vec<Vec<u8>>> = None;
        let mut refusal = None;
        for ((_, kernel), variant) in all.iter().zip(&mut variants) {
            let kernel = match kernel {
                Ok(kernel) => kernel,
                Err(why) => {
                    variant.problem = Some(Problem::Refused(why.clone()));
                    continue;
                }
            };
            // Compiled ahead, lest that counts where a driver does it at the first dispatch.
            let first = device.prepare(kernel).and_then(|_| self.run(device, kernel));
            match (first, &expected) {
                (Err(error), _) if is_end(&error) => return Err(error),
                (Err(error), _) => {
                    variant.problem = Some(Problem::Refused(first_line(&error)));
                    refusal = refusal.or(Some(error));
                }
                (Ok(_), Some(expected)) => {
                    variant.problem = self.differs(kernel, expected).map(Problem::Wrong);
                }
                (Ok(_), None) => {
                    let results = self.results();
                    self.run(device, kernel)?;
                    if let Some(place) = self.differs(kernel, &results) {
                        let problem =
                            format!("its results differ from run to run, so that nothing can be compared: {place}");
                        return Err(Error::Call(
                            kernel.message(problem).help("tune a kernel whose results do not depend on order"),
                        ));
                    }
                    expected = Some(results);
                }
            }
        }
        if expected.is_none() {
            let none = || Error::Kernel(Message::new("no variant of the kernel can run").help("give other values"));
            return Err(refusal.unwrap_or_else(none));
        }
        self.time(device, all, &mut variants)?;
        let best = best(&variants, has_written);
        Ok(TunedDevice { device: device.clone(), variants, best, is_kept: false })
    }

    /// Runs those variants that are right, in turn, until their times are known.
    fn time(&mut self, device: &Device, all: &[Candidate], variants: &mut [TunedVariant]) -> Result<()> {
        let mut alive: Vec<usize> = (0..variants.len()).filter(|&at| variants[at].is_right()).collect();
        let start = Instant::now();
        for round in 0..MOST_ROUNDS {
            if round >= LEAST_ROUNDS && start.elapsed() >= ENOUGH {
                break;
            }
            for &at in &alive {
                let Ok(kernel) = &all[at].1 else { continue };
                let report = self.run(device, kernel)?;
                variants[at].add(&report);
            }
            // The order changes, so that none always runs in another's wake.
            if !alive.is_empty() {
                alive.rotate_left(1);
            }
            if round + 1 == FIRST_ROUNDS {
                let least = alive.iter().map(|&at| variants[at].kernel_time()).min().unwrap_or_default();
                alive.retain(|&at| variants[at].kernel_time() <= least.mul_f64(HOPELESS));
            }
        }
        Ok(())
    }

    /// Keeps what was found, where a call can leave the constants open; gives whether anybody will use it.
    fn keep(&mut self, kernel: &Kernel, device: &Device, constants: &Constants) -> bool {
        if !kernel.missing_constants().is_empty() {
            return false;
        }
        let args = mem::take(&mut self.args);
        let call = CallParts {
            args,
            uniforms: self.uniforms.clone(),
            extent: self.extent,
            ..CallParts::new(self.devices.clone(), kernel.clone())
        };
        let workgroups = call.extent.map_or_else(|| call.infer_grid().ok(), |extent| extent.workgroups(kernel).ok());
        let is_kept = workgroups
            .is_some_and(|workgroups| self.devices.keep_tuned(kernel, &call.given(workgroups), device, constants));
        self.args = call.args;
        is_kept && !matches!(self.extent, Some(Extent::Workgroups(_)))
    }
}

impl fmt::Display for TunedVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.constants.as_slice() {
            [] => write!(f, "as it is written: ")?,
            constants => write!(f, "{}: ", in_words(constants))?,
        }
        match &self.problem {
            Some(Problem::Wrong(place)) => write!(f, "WRONG, {place}"),
            Some(Problem::Refused(why)) => write!(f, "does not run, {why}"),
            None => write!(f, "{:.3?} in the kernel, {:.3?} in all", self.kernel_time(), self.total_time()),
        }
    }
}

impl fmt::Display for Tuned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for on in &self.devices {
            writeln!(f, "{} on {}", self.kernel.name(), on.device.describe())?;
            for (at, variant) in on.variants.iter().enumerate() {
                let mark = if on.best == Some(at) { "*" } else { " " };
                writeln!(f, "{mark} {variant}")?;
            }
        }
        Ok(())
    }
}
