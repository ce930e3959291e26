//! Which device: what a caller says, what resident buffers decide, and who may run what is left open.

use std::time::Duration;

use smallvec::SmallVec;

use super::Device;
use crate::{
    error::{Error, Message, Result},
    kernel::Kernel,
};

/// Which device a call runs on: a [`Device`], or a name as [`Runtime::device`](crate::Runtime::device) takes it. Or which
/// devices share it: several of them, or their names with commas between, or `all`.
#[derive(Clone, Debug)]
pub struct DeviceChoice<'a> {
    pub(super) choice: Choice<'a>,
    is_reproducible: bool,
}

impl<'a> DeviceChoice<'a> {
    fn new(choice: Choice<'a>) -> DeviceChoice<'a> {
        DeviceChoice { choice, is_reproducible: false }
    }

    /// The same, for calls whose results are to be the same in every run: see [`Call::reproducible`](crate::Call::reproducible).
    pub fn reproducible(self) -> DeviceChoice<'a> {
        DeviceChoice { is_reproducible: true, ..self }
    }

    pub(crate) fn is_reproducible(&self) -> bool {
        self.is_reproducible
    }
}

#[derive(Clone, Debug)]
pub(super) enum Choice<'a> {
    Device(Device),
    Devices(Vec<Device>),
    Name(&'a str),
}

/// The devices that a caller asks for.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    One(Device),
    Several {
        devices: Vec<Device>,
        /// Whether each is to take part, as the caller named it; else only those that help.
        is_list: bool,
    },
}

impl From<Device> for DeviceChoice<'_> {
    fn from(device: Device) -> Self {
        DeviceChoice::new(Choice::Device(device))
    }
}

impl From<&Device> for DeviceChoice<'_> {
    fn from(device: &Device) -> Self {
        DeviceChoice::new(Choice::Device(device.clone()))
    }
}

impl<'a> From<&DeviceChoice<'a>> for DeviceChoice<'a> {
    fn from(choice: &DeviceChoice<'a>) -> Self {
        choice.clone()
    }
}

impl From<Vec<Device>> for DeviceChoice<'_> {
    fn from(devices: Vec<Device>) -> Self {
        DeviceChoice::new(Choice::Devices(devices))
    }
}

impl From<&[Device]> for DeviceChoice<'_> {
    fn from(devices: &[Device]) -> Self {
        DeviceChoice::new(Choice::Devices(devices.to_vec()))
    }
}

impl<'a> From<&'a str> for DeviceChoice<'a> {
    fn from(name: &'a str) -> Self {
        DeviceChoice::new(Choice::Name(name))
    }
}

impl<'a> From<&'a String> for DeviceChoice<'a> {
    fn from(name: &'a String) -> Self {
        DeviceChoice::new(Choice::Name(name))
    }
}

/// What decides where a call or a chain runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision<'a> {
    /// Its resident buffers live there.
    Holds(&'a Device),
    /// The caller asked for it.
    Asked(&'a Device),
    /// Nothing does.
    Open,
}

/// What decides where `what` ("the call") runs: its resident buffers, given by number, or the device that was `asked` for.
///
/// # Errors
///
/// What is wrong and what to do, where buffers live apart, or elsewhere than was asked for. `name` has the names of buffers.
pub(crate) fn decide<'a>(
    what: &str,
    residents: impl Iterator<Item = (usize, &'a Device)>,
    name: impl Fn(usize) -> String,
    asked: Option<&'a Device>,
) -> Result<Decision<'a>, Message> {
    let mut holder: Option<(usize, &Device)> = None;
    for (number, device) in residents {
        match holder {
            Some((first, other)) if other != device => {
                let (first, second) = (name(first), name(number));
                let problem = format!("{first} lives on {}, and {second} on {}", other.describe(), device.describe());
                let help = "make both on one device, or copy one over with Buffer::copy_from";
                return Err(Message::new(problem).help(help));
            }
            Some(_) => {}
            None => holder = Some((number, device)),
        }
    }
    match (holder, asked) {
        (Some((number, holder)), Some(asked)) if holder != asked => {
            let buffer = name(number);
            let problem = format!("{buffer} lives on {}, and {what} asks for {}", holder.describe(), asked.describe());
            Err(Message::new(problem).help("leave .device(..) out, or make the buffer on that device"))
        }
        (Some((_, holder)), _) => Ok(Decision::Holds(holder)),
        (None, Some(asked)) => Ok(Decision::Asked(asked)),
        (None, None) => Ok(Decision::Open),
    }
}

/// The devices that may run a call or a chain, best first.
pub(crate) struct Candidates {
    pub devices: SmallVec<[Device; 4]>,
    /// Whether the first one was asked for, or holds the data. Those behind it are for what it cannot hold.
    pub is_decided: bool,
}

impl Candidates {
    /// The one that is decided on, else the first that can run all `kernels` with bindings of up to `bytes` and that `refuse`
    /// has nothing against; with the time it took to find out.
    ///
    /// # Errors
    ///
    /// Why the one that is decided on, or the best, cannot.
    pub fn first_for(
        self,
        kernels: &[&Kernel],
        bytes: u64,
        refuse: &mut dyn FnMut(&Device) -> Option<Error>,
    ) -> Result<(Device, Duration)> {
        let roomy = |device: &Device| device.inner.max_binding.min(device.inner.max_buffer) >= bytes;
        // Where none is large enough, the error about the best is what helps.
        let any = self.devices.iter().any(roomy);
        let mut refusal = None;
        for device in self.devices {
            if any && !self.is_decided && !roomy(&device) {
                continue;
            }
            match device.accepts_all(kernels).and_then(|took| refuse(&device).map_or(Ok(took), Err)) {
                Ok(took) => return Ok((device, took)),
                Err(error) if self.is_decided => return Err(error),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        Err(refusal.unwrap_or_else(|| Error::NoDevice(Message::new("the runtime has no device"))))
    }
}
