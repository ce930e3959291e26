//! Runs a case on a device.

use half::f16;
use swath::{Call, Device, DeviceKind, Error, Kernel, Module, Runtime, Untyped};

use super::{
    compare,
    header::{self, Case, Extent, Role, Setting},
    values::{Entry, Scalar},
};

impl Case {
    /// Runs the case.
    ///
    /// # Errors
    ///
    /// One line for each difference: file, device, element, got, expected.
    pub fn run(&self, runtime: &Runtime, device: &Device) -> Result<(), String> {
        let place = format!("tests/cases/{}.wgsl on {}", self.name, device.alias());
        let compiled = self.compile(device);
        if let Some((text, line)) = &self.error {
            return match compiled {
                Ok(_) => Err(format!("{place}: compiled, and an error was expected: {text}")),
                Err(error) => check_refusal(&error, text, *line).map_err(|problem| format!("{place}: {problem}")),
            };
        }
        let kernel = match compiled {
            Ok(kernel) => kernel,
            Err(error @ Error::Unsupported(_)) if device.kind() != DeviceKind::Cpu => {
                eprintln!("SKIPPED: {place}: {error}");
                return Ok(());
            }
            Err(error) => return Err(format!("{place}: does not compile: {error}")),
        };
        let mut contents: Vec<Vec<u8>> = self.buffers.iter().map(|buffer| buffer.before.clone()).collect();
        let call = self.settings.iter().try_fold(runtime.call(&kernel).device(device), apply)?;
        self.bind(call, &mut contents).run().map_err(|error| format!("{place}: {error}"))?;
        compare::buffers(&place, &self.buffers, &contents)
    }

    /// Its kernel, compiled for the device.
    pub fn compile(&self, device: &Device) -> Result<Kernel, Error> {
        let module = Module::parse(&self.wgsl)?;
        let mut kernel = match &self.entry {
            Some(entry) => module.kernel(entry)?,
            None => module.only_kernel()?,
        };
        for (name, value) in &self.constants {
            kernel = kernel.with_const(name, *value)?;
        }
        device.prepare(&kernel)?;
        Ok(kernel)
    }

    fn bind<'a>(&'a self, mut call: Call<'a>, contents: &'a mut [Vec<u8>]) -> Call<'a> {
        for (buffer, bytes) in self.buffers.iter().zip(contents) {
            call = match buffer.role {
                Role::In => call.read(&buffer.name, Untyped(&*bytes)),
                Role::InOut => call.read_write(&buffer.name, Untyped(bytes)),
                Role::Out => call.write(&buffer.name, Untyped(bytes)),
            };
        }
        match self.extent {
            Some(Extent::Workgroups(extent)) => call.workgroups(extent),
            Some(Extent::Grid(extent)) => call.grid(extent),
            None => call,
        }
    }
}

/// Gives a uniform or a field of one its value.
fn apply<'a>(call: Call<'a>, setting: &Setting) -> Result<Call<'a>, String> {
    let Setting { path, whole, entries } = setting;
    if *whole {
        return Ok(call.uniform_bytes(path, &header::bytes(entries)?));
    }
    let bits = entries.iter().map(Entry::bits).collect::<Result<Vec<u32>, String>>()?;
    match entries.first().map(|entry| entry.scalar) {
        Some(Scalar::F32) => set(call, path, &bits, f32::from_bits),
        Some(Scalar::F16) => set(call, path, &bits, |bits| f16::from_bits(bits as u16)),
        Some(Scalar::I32) => set(call, path, &bits, |bits| bits as i32),
        Some(Scalar::U32) => set(call, path, &bits, |bits| bits),
        Some(Scalar::Bool) => set(call, path, &bits, |bits| bits != 0),
        None => Err(format!("`set {path}` has no value")),
    }
}

fn set<'a, T>(call: Call<'a>, path: &str, bits: &[u32], make: impl Fn(u32) -> T) -> Result<Call<'a>, String>
where
    T: swath::UniformValue,
    [T; 2]: swath::UniformValue,
    [T; 3]: swath::UniformValue,
    [T; 4]: swath::UniformValue,
{
    Ok(match *bits {
        [x] => call.set(path, make(x)),
        [x, y] => call.set(path, [x, y].map(make)),
        [x, y, z] => call.set(path, [x, y, z].map(make)),
        [x, y, z, w] => call.set(path, [x, y, z, w].map(make)),
        _ => return Err(format!("`set {path}` takes 1 to 4 numbers; write `uniform` for more")),
    })
}

/// Whether a refusal says `text`, at `line` where one is marked.
fn check_refusal(error: &Error, text: &str, line: Option<u32>) -> Result<(), String> {
    let message = error.to_string();
    if !message.contains(text) {
        return Err(format!("was refused with other words than `{text}`: {message}"));
    }
    let Some(line) = line else { return Ok(()) };
    match error {
        Error::Wgsl(error) if error.location.is_some_and(|(at, _)| at == line) => Ok(()),
        Error::Wgsl(error) => Err(format!("was refused at {:?}, not on line {line}: {message}", error.location)),
        _ => Err(format!("the error has no place in the source: {message}")),
    }
}
