//! The data of a launch as the engine works on it: in place where it can be.

use std::sync::{RwLockReadGuard, RwLockWriteGuard};

use smallvec::SmallVec;

use super::shared_mem::{Aligned, HostAllocation, SharedMem};
use crate::{
    access::Merge,
    error::{Error, Message, Result},
    exec::{Allocation, ArgData, Metrics, host::HostMemory, stop::Stop},
    kernel::{Binding, BindingKind, Kernel},
};

/// A lock on a resident buffer.
pub(super) enum Guard<'a> {
    Read(RwLockReadGuard<'a, Aligned>),
    Write(RwLockWriteGuard<'a, Aligned>),
}

impl<'a> Guard<'a> {
    /// Waits for the lock; not beyond the stop of the launch that waits.
    pub fn of(memory: &'a HostAllocation, write: bool, stop: Option<&Stop>) -> Result<Guard<'a>> {
        let Some(stop) = stop else {
            return Ok(if write { Guard::Write(memory.write()) } else { Guard::Read(memory.read()) });
        };
        stop.wait_for(|| if write { memory.try_write().map(Guard::Write) } else { memory.try_read().map(Guard::Read) })
    }
}

/// The data of a launch, not yet locked or aligned.
pub(super) struct LaunchData<'a> {
    args: Vec<ArgData<'a>>,
    kernel: &'a Kernel,
}

/// A resident buffer that a launch locks: its address, and whether it is written.
struct Wanted<'a> {
    at: usize,
    memory: &'a HostAllocation,
    is_written: bool,
}

impl<'a> LaunchData<'a> {
    pub fn new(kernel: &'a Kernel, args: Vec<ArgData<'a>>) -> Result<Self> {
        let bindings = kernel.bindings();
        if bindings.len() != args.len() {
            return Err(Error::Call(
                Message::new(format!("{} bindings were given data, the kernel has {}", args.len(), bindings.len()))
                    .kernel(kernel.name()),
            ));
        }
        // Compiled code writes these, so that what is behind a shared reference must not be among them.
        let read_only = |(binding, arg): &(&Binding, &ArgData<'_>)| {
            is_writable(binding) && matches!(arg, ArgData::Uniform(_) | ArgData::Read(_))
        };
        if let Some((binding, _)) = bindings.iter().zip(&args).find(read_only) {
            return Err(Error::Call(
                Message::new("was given data to read, and the kernel writes to it")
                    .kernel(kernel.name())
                    .subject(binding.name.as_str())
                    .help("bind it for writing"),
            ));
        }
        Ok(LaunchData { args, kernel })
    }

    /// The resident buffers to lock: each once, in the order of addresses, lest two launches wait for each other.
    fn wanted(&self) -> Result<Vec<Wanted<'a>>> {
        let mut wanted = Vec::new();
        for (binding, arg) in self.kernel.bindings().iter().zip(&self.args) {
            if let ArgData::Resident(resident) = *arg {
                let memory = host(resident.as_ref())?;
                wanted.push(Wanted { at: address(memory), memory, is_written: is_writable(binding) });
            }
        }
        wanted.sort_unstable_by_key(|one| one.at);
        wanted.dedup_by(|second, first| {
            let is_same = second.at == first.at;
            first.is_written |= is_same && second.is_written;
            is_same
        });
        Ok(wanted)
    }

    /// Locks resident buffers, copies what is not aligned, runs `body` with the memory of each binding and, where others take
    /// part in the launch, with what the host has of it, and copies back.
    pub fn with_memory(
        self,
        metrics: &mut Metrics,
        stop: Option<&Stop>,
        body: impl FnOnce(&mut Metrics, &[(SharedMem<'_>, u64)], &[Home<'_>]) -> Result<()>,
    ) -> Result<()> {
        let mut guards = SmallVec::<[(usize, Guard<'_>); 8]>::new();
        for Wanted { at, memory, is_written } in self.wanted()? {
            guards.push((at, Guard::of(memory, is_written, stop)?));
        }
        let mut locked = SmallVec::<[(usize, SharedMem<'_>, u64); 8]>::new();
        for (at, guard) in &mut guards {
            let (memory, bytes) = match guard {
                Guard::Read(memory) => (SharedMem::fixed(memory.bytes()), memory.bytes().len()),
                Guard::Write(memory) => {
                    let bytes = memory.bytes().len();
                    (SharedMem::racy(memory.bytes_mut()).ok(), bytes)
                }
            };
            locked.push((*at, memory.ok_or_else(unaligned)?, bytes as u64));
        }
        let args = self.args;
        let mut copies = Vec::new();
        let mut memory = SmallVec::<[(SharedMem<'_>, u64); 8]>::new();
        // Of a launch that nobody else takes part in there is nothing to say.
        let shared = args.iter().any(|arg| matches!(arg, ArgData::Shared(_) | ArgData::Merged(..)));
        let mut homes = Vec::new();
        for (at, arg) in args.into_iter().enumerate() {
            if shared {
                homes.push(Home::of(&arg));
            }
            memory.push(match arg {
                ArgData::Resident(resident) => {
                    let address = address(host(resident.as_ref())?);
                    let (_, place, bytes) = *locked.iter().find(|one| one.0 == address).ok_or_else(unaligned)?;
                    (place, bytes)
                }
                arg => bind(at, arg, &mut copies, metrics)?,
            });
        }
        for Copied { at, memory: copy, is_written, .. } in &mut copies {
            let view =
                if *is_written { SharedMem::racy(copy.bytes_mut()).ok() } else { SharedMem::fixed(copy.bytes()) };
            memory[*at].0 = view.ok_or_else(unaligned)?;
        }
        body(metrics, &memory, &homes)?;
        drop(memory);
        for Copied { memory, target, .. } in copies {
            if let Some(target) = target {
                target.copy_from_slice(memory.bytes());
                metrics.bytes_down += target.len() as u64;
            }
        }
        Ok(())
    }
}

/// Memory that is made for a launch.
struct Copied<'a> {
    /// The binding that it is for.
    at: usize,
    memory: Aligned,
    is_written: bool,
    /// What it is copied to in the end.
    target: Option<&'a mut [u8]>,
}

/// What the host has of a binding, and the engine works on.
#[derive(Clone, Copy)]
pub(super) enum Home<'a> {
    /// All of it, for as long as the launch runs; or the end of the launch sees to it.
    Here,
    /// The memory itself, of which ranges are to be claimed.
    Claimed(&'a HostMemory<'a>),
    /// Memory that is not aligned, or a slice: ranges are copied from it and back.
    Ranges(&'a HostMemory<'a>),
    /// Memory that a copy is to be folded into.
    Merged(&'a HostMemory<'a>, Merge),
}

impl<'a> Home<'a> {
    fn of(arg: &ArgData<'a>) -> Home<'a> {
        match *arg {
            ArgData::Shared(host) if SharedMem::claimed(host).is_some() => Home::Claimed(host),
            ArgData::Shared(host) => Home::Ranges(host),
            ArgData::Merged(host, merge) => Home::Merged(host, merge),
            _ => Home::Here,
        }
    }
}

/// Whether the kernel writes it; it may be declared so and not be written.
fn is_writable(binding: &Binding) -> bool {
    binding.kind == BindingKind::ReadWriteStorage && binding.stores
}

/// The memory of the argument of binding `at`, which is not resident, and its size. What has to be made is put into `copies`:
/// in its place is none until then.
fn bind<'a>(
    at: usize,
    arg: ArgData<'a>,
    copies: &mut Vec<Copied<'a>>,
    metrics: &mut Metrics,
) -> Result<(SharedMem<'a>, u64)> {
    let bytes = arg.bytes();
    let mut copied = |memory: Aligned, is_written, target| {
        copies.push(Copied { at, memory, is_written, target });
        SharedMem::none()
    };
    let place = match arg {
        ArgData::Uniform(data) | ArgData::Read(data) => match SharedMem::fixed(data) {
            Some(memory) => memory,
            None => {
                metrics.bytes_up += bytes;
                copied(Aligned::copy(data)?, false, None)
            }
        },
        ArgData::ReadSlice(slice) => {
            let mut memory = Aligned::reserved(bytes)?;
            let first = slice.first as usize;
            memory.bytes_mut()[first..first + slice.data.len()].copy_from_slice(slice.data);
            metrics.bytes_up += slice.data.len() as u64;
            copied(memory, false, None)
        }
        ArgData::Write(data) => match SharedMem::racy(data) {
            Ok(memory) => memory,
            Err(data) => {
                metrics.bytes_up += bytes;
                copied(Aligned::copy(data)?, true, Some(data))
            }
        },
        ArgData::Shared(host) => match SharedMem::claimed(host) {
            Some(memory) => memory,
            None => copied(Aligned::reserved(bytes)?, true, None),
        },
        ArgData::Merged(_, merge) => {
            let mut memory = Aligned::zeroed(bytes as usize)?;
            memory.bytes_mut().copy_from_slice(&merge.identity_bytes(bytes));
            copied(memory, true, None)
        }
        ArgData::Resident(_) => return Err(unaligned()),
    };
    Ok((place, bytes))
}

pub(super) fn host(memory: &dyn Allocation) -> Result<&HostAllocation> {
    memory.as_any().downcast_ref().ok_or_else(|| {
        Error::Call(
            Message::new("a buffer that lives on another device is bound in a call on the CPU engine")
                .help("make the buffer on the CPU engine, or run the call on the buffer's device"),
        )
    })
}

pub(super) fn address(memory: &HostAllocation) -> usize {
    std::ptr::from_ref(memory).addr()
}

pub(super) fn unaligned() -> Error {
    Error::Device(Message::new("memory of the engine's own is not aligned"))
}
