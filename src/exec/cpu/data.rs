//! The data of a launch as the engine works on it: in place where it can be.

use std::{
    collections::BTreeMap,
    sync::{Arc, RwLockReadGuard, RwLockWriteGuard},
};

use super::shared_mem::{Aligned, HostAllocation, SharedMem};
use crate::{
    access::Merge,
    error::{Error, Message, Result},
    exec::{Allocation, ArgData, Metrics, host::HostMemory, stop::Stop},
    kernel::{BindingKind, Kernel},
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
    writable: Vec<bool>,
}

impl<'a> LaunchData<'a> {
    pub fn new(kernel: &Kernel, args: Vec<ArgData<'a>>) -> Result<Self> {
        let writable: Vec<_> = kernel.bindings().iter().map(|b| b.kind == BindingKind::ReadWriteStorage).collect();
        if writable.len() != args.len() {
            return Err(Error::Call(
                Message::new(format!("{} bindings were given data, the kernel has {}", args.len(), writable.len()))
                    .kernel(kernel.name()),
            ));
        }
        // Compiled code writes these, so that what is behind a shared reference must not be among them.
        let read_only = |at: &usize| writable[*at] && matches!(args[*at], ArgData::Uniform(_) | ArgData::Read(_));
        if let Some(at) = (0..args.len()).find(read_only) {
            return Err(Error::Call(
                Message::new("was given data to read, and the kernel writes to it")
                    .kernel(kernel.name())
                    .subject(kernel.bindings()[at].name.as_str())
                    .help("bind it for writing"),
            ));
        }
        Ok(LaunchData { args, writable })
    }

    /// Locks resident buffers, copies what is not aligned, runs `body` with the memory of each binding and, where others take
    /// part in the launch, with what the host has of it, and copies back.
    pub fn with_memory(
        self,
        metrics: &mut Metrics,
        stop: Option<&Stop>,
        body: impl FnOnce(&mut Metrics, &[(SharedMem<'_>, u64)], &[Home<'_>]) -> Result<()>,
    ) -> Result<()> {
        let LaunchData { args, writable } = self;
        // Each buffer is locked once, in the order of addresses, lest two launches wait for each other.
        let mut wanted: BTreeMap<usize, (&HostAllocation, bool)> = BTreeMap::new();
        for (arg, writable) in args.iter().zip(&writable) {
            if let ArgData::Resident(resident) = arg {
                let resident: &Arc<dyn Allocation> = resident;
                let memory = host(resident.as_ref())?;
                wanted.entry(address(memory)).or_insert((memory, false)).1 |= writable;
            }
        }
        let mut guards: BTreeMap<usize, Guard<'_>> = wanted
            .into_iter()
            .map(|(at, (memory, write))| Ok((at, Guard::of(memory, write, stop)?)))
            .collect::<Result<_>>()?;
        let mut locked: BTreeMap<usize, (SharedMem<'_>, u64)> = BTreeMap::new();
        for (at, guard) in &mut guards {
            let (memory, bytes) = match guard {
                Guard::Read(memory) => (SharedMem::fixed(memory.bytes()), memory.bytes().len()),
                Guard::Write(memory) => {
                    let bytes = memory.bytes().len();
                    (SharedMem::racy(memory.bytes_mut()).ok(), bytes)
                }
            };
            locked.insert(*at, (memory.ok_or_else(unaligned)?, bytes as u64));
        }
        let mut copies = Vec::new();
        let mut places = Vec::with_capacity(args.len());
        // Of a launch that nobody else takes part in there is nothing to say.
        let shared = args.iter().any(|arg| matches!(arg, ArgData::Shared(_) | ArgData::Merged(..)));
        let mut homes = Vec::new();
        for arg in args {
            let (place, bytes, home) = match arg {
                ArgData::Resident(memory) => {
                    let (memory, bytes) = locked[&address(host(memory.as_ref())?)];
                    (BoundMemory::Here(memory), bytes, Home::Here)
                }
                arg => bind(arg, &mut copies, metrics)?,
            };
            places.push((place, bytes));
            if shared {
                homes.push(home);
            }
        }
        let mut views = Vec::new();
        for Copied { memory, is_written, .. } in &mut copies {
            let view =
                if *is_written { SharedMem::racy(memory.bytes_mut()).ok() } else { SharedMem::fixed(memory.bytes()) };
            views.push(view.ok_or_else(unaligned)?);
        }
        let memory: Vec<_> = places
            .into_iter()
            .map(|(place, bytes)| match place {
                BoundMemory::Here(memory) => (memory, bytes),
                BoundMemory::Copy(index) => (views[index], bytes),
            })
            .collect();
        body(metrics, &memory, &homes)?;
        drop((memory, views));
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

/// The memory of an argument that is not resident, and its size; what has to be made is put into `copies`.
fn bind<'a>(
    arg: ArgData<'a>,
    copies: &mut Vec<Copied<'a>>,
    metrics: &mut Metrics,
) -> Result<(BoundMemory<'a>, u64, Home<'a>)> {
    let bytes = arg.bytes();
    let mut copied = |memory: Aligned, is_written, target| {
        copies.push(Copied { memory, is_written, target });
        BoundMemory::Copy(copies.len() - 1)
    };
    let (place, home) = match arg {
        ArgData::Uniform(data) | ArgData::Read(data) => match SharedMem::fixed(data) {
            Some(memory) => (BoundMemory::Here(memory), Home::Here),
            None => {
                metrics.bytes_up += bytes;
                (copied(Aligned::copy(data)?, false, None), Home::Here)
            }
        },
        ArgData::ReadSlice(slice) => {
            let mut memory = Aligned::reserved(bytes)?;
            let first = slice.first as usize;
            memory.bytes_mut()[first..first + slice.data.len()].copy_from_slice(slice.data);
            metrics.bytes_up += slice.data.len() as u64;
            (copied(memory, false, None), Home::Here)
        }
        ArgData::Write(data) => match SharedMem::racy(data) {
            Ok(memory) => (BoundMemory::Here(memory), Home::Here),
            Err(data) => {
                metrics.bytes_up += bytes;
                (copied(Aligned::copy(data)?, true, Some(data)), Home::Here)
            }
        },
        ArgData::Shared(host) => match SharedMem::claimed(host) {
            Some(memory) => (BoundMemory::Here(memory), Home::Claimed(host)),
            None => (copied(Aligned::reserved(bytes)?, true, None), Home::Ranges(host)),
        },
        ArgData::Merged(host, merge) => {
            let mut memory = Aligned::zeroed(bytes as usize)?;
            memory.bytes_mut().copy_from_slice(&merge.identity_bytes(bytes));
            (copied(memory, true, None), Home::Merged(host, merge))
        }
        ArgData::Resident(_) => return Err(unaligned()),
    };
    Ok((place, bytes, home))
}

/// Where the data of a binding is.
enum BoundMemory<'a> {
    Here(SharedMem<'a>),
    /// In the aligned copy of that number.
    Copy(usize),
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
