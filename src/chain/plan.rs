//! What was planned for a chain, for people.

use std::fmt;

use super::{
    build::Layout,
    record::{Arg, Owner, Recording},
    several::{self, Spread},
};
use crate::{bytes::Bytes, device::Device};

/// What a chain does and where its data lies; printed, it reads as a few lines.
#[derive(Clone, Debug)]
pub struct ChainPlan {
    /// Where it runs, in words.
    devices: String,
    /// Why it runs on several devices, or does not though several were asked for.
    reason: Option<String>,
    /// What each of its branches does, where they are spread.
    branches: Vec<String>,
    dispatches: usize,
    calls: Vec<CallPlan>,
    blocks: Vec<Block>,
    residents: Vec<String>,
    /// Bytes of all slots that are used.
    apart: u64,
    /// For each `repeat_until`, the most rounds and the rounds between two checks.
    repeats: Vec<(usize, usize)>,
}

/// A call, and how often it is made.
#[derive(Clone, Debug)]
struct CallPlan {
    kernel: String,
    workgroups: [u32; 3],
    count: usize,
    bound: Vec<String>,
}

/// A piece of the chain's own memory, and who uses it in turn.
#[derive(Clone, Debug)]
struct Block {
    bytes: u64,
    tenants: Vec<String>,
    /// The device, where there are several.
    on: Option<String>,
}

/// Calls and blocks that are listed.
const SHOWN: usize = 12;

impl ChainPlan {
    /// The plan of what was recorded on a device, where each memory lies in the buffer of that number.
    pub(super) fn new(recording: &Recording, layout: &Layout, device: &Device, reason: Option<String>) -> ChainPlan {
        let mut plan = ChainPlan { devices: device.describe(), reason, ..ChainPlan::of(recording) };
        plan.place(recording, layout, None);
        plan
    }

    /// The plan of what several devices share, each with its layout.
    pub(super) fn several(recording: &Recording, spread: &Spread, layouts: &[Layout]) -> ChainPlan {
        let names: Vec<String> = spread.devices.iter().map(Device::describe).collect();
        let mut plan = ChainPlan {
            devices: names.join(" and "),
            reason: Some(spread.reason.clone()),
            branches: several::describe(recording, spread),
            ..ChainPlan::of(recording)
        };
        for (device, layout) in spread.devices.iter().zip(layouts) {
            plan.place(recording, layout, Some(device.alias()));
        }
        plan
    }

    /// What does not depend on where it runs.
    fn of(recording: &Recording) -> ChainPlan {
        let calls = recording.specs.iter().map(|spec| CallPlan {
            kernel: spec.kernel.name().to_owned(),
            workgroups: spec.workgroups,
            count: spec.count,
            bound: bound(recording, spec),
        });
        ChainPlan {
            devices: String::new(),
            reason: None,
            branches: Vec::new(),
            dispatches: recording.specs.iter().map(|spec| spec.count).sum(),
            calls: calls.collect(),
            blocks: Vec::new(),
            residents: Vec::new(),
            apart: 0,
            repeats: recording.repeats.clone(),
        }
    }

    /// Adds the memory of a device.
    fn place(&mut self, recording: &Recording, layout: &Layout, on: Option<&str>) {
        let on = on.map(str::to_owned);
        let mut blocks: Vec<Block> =
            layout.bytes.iter().map(|&bytes| Block { bytes, tenants: Vec::new(), on: on.clone() }).collect();
        let mut order: Vec<usize> = (0..recording.memories.len()).collect();
        order.sort_by_key(|&number| recording.memories[number].life);
        for number in order {
            let memory = &recording.memories[number];
            match (&memory.owner, layout.buffers[number]) {
                (Owner::Resident { .. }, _) => {
                    self.residents.push(format!("{}, {}", recording.describe(number), Bytes(memory.bytes)));
                }
                (Owner::Slot(_), Some(block)) => {
                    blocks[block].tenants.push(recording.describe(number));
                    self.apart += memory.bytes;
                }
                (Owner::Slot(_), None) => {}
            }
        }
        self.blocks.extend(blocks);
    }

    /// Calls that a run makes, if no loop ends early.
    pub fn calls(&self) -> usize {
        self.dispatches
    }

    /// Bytes of memory that the chain holds on its devices, without resident buffers.
    pub fn memory_bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.bytes).sum()
    }

    /// The resident buffers that it binds.
    pub(super) fn residents(&self) -> &[String] {
        &self.residents
    }

    /// Bytes of memory there would be if no slots shared any.
    pub fn unshared_bytes(&self) -> u64 {
        self.apart
    }
}

/// What a call binds: `x = input 0`.
fn bound(recording: &Recording, spec: &super::record::Spec) -> Vec<String> {
    let bindings = spec.kernel.bindings().iter().zip(&spec.args);
    let storage = bindings.filter_map(|(binding, arg)| match arg {
        Arg::Memory(memory) => Some((&binding.name, *memory)),
        Arg::Uniform { .. } => None,
    });
    storage
        .map(|(name, memory)| match &recording.memories[memory].owner {
            Owner::Slot(slot) => format!("{name} = {}", recording.slots[*slot].label()),
            Owner::Resident { .. } => format!("{name} = a buffer"),
        })
        .collect()
}

impl fmt::Display for ChainPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ChainPlan { devices, reason, branches, dispatches, calls, blocks, residents, apart, repeats } = self;
        let plural = if *dispatches == 1 { "" } else { "s" };
        write!(f, "chain on {devices}: {dispatches} call{plural}, {} of memory", Bytes(self.memory_bytes()))?;
        if *apart > self.memory_bytes() {
            write!(f, " ({} if nothing shared any)", Bytes(*apart))?;
        }
        match reason {
            Some(reason) if branches.is_empty() => write!(f, "\n  on one device: {reason}")?,
            Some(reason) => write!(f, "\n  on several devices: {reason}")?,
            None => {}
        }
        branches.iter().take(SHOWN).try_for_each(|branch| write!(f, "\n  {branch}"))?;
        more(f, branches.len(), "branches")?;
        for CallPlan { kernel, workgroups: [x, y, z], count, bound } in calls.iter().take(SHOWN) {
            write!(f, "\n  {kernel}: {x} x {y} x {z} workgroups")?;
            if *count > 1 {
                write!(f, ", {count} times")?;
            }
            if !bound.is_empty() {
                write!(f, "; {}", bound.join(", "))?;
            }
        }
        more(f, calls.len(), "calls that differ")?;
        for (most, every) in repeats {
            write!(f, "\n  until: at most {most} rounds, checked every {every}")?;
        }
        for (number, Block { bytes, tenants, on }) in blocks.iter().enumerate().take(SHOWN) {
            let on = on.as_ref().map_or(String::new(), |on| format!(" on {on}"));
            write!(f, "\n  memory {number}{on}: {}; {}", Bytes(*bytes), tenants.join(", then "))?;
        }
        more(f, blocks.len(), "pieces of memory")?;
        residents.iter().try_for_each(|resident| write!(f, "\n  resident: {resident}"))
    }
}

/// Says how many were not listed.
fn more(f: &mut fmt::Formatter<'_>, count: usize, what: &str) -> fmt::Result {
    if count > SHOWN { write!(f, "\n  and {} more {what}", count - SHOWN) } else { Ok(()) }
}
