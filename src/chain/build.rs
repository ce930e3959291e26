//! From what was recorded to what runs: the device, the memory, the sequence.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    ChainBuilder, checkpoint,
    plan::ChainPlan,
    record::{Arg, Owner, Recorded, Recording, Role, Spec, refuse},
    run::{Break, Chain, Home, Inner, Learning, One, Port, State},
    several::{self, Spread},
    share::{self, Lifetime},
};
use crate::{
    call::place,
    cost::{Fingerprint, Task, Work, WorkAsked},
    device::{self, Asked, Candidates, Decision, Device},
    digest::Digest,
    error::{Error, Result},
    exec::{Allocation, Dispatch, Sequence, SequenceArg, Step},
    kernel::Kernel,
    plan::request::{CallShape, DataLocation, PlanRequest},
};

pub(super) fn build(mut builder: ChainBuilder) -> Result<Chain> {
    if let Some(error) = builder.error.take() {
        return Err(error);
    }
    let recording = &mut builder.recording;
    if !recording.is_called {
        return Err(refuse("it has no calls", "add some with chain.call(&kernel)"));
    }
    check_slots(recording)?;
    extend_lives(recording);
    let asked = match builder.asked.take() {
        None => builder.devices.default_several()?,
        asked => asked,
    };
    let mut reason = None;
    if let Some(Asked::Several { devices, is_list }) = &asked {
        let refuse = |device: &Device| distrust(&builder, device);
        let (recording, placing) = (&builder.recording, builder.placing.as_ref());
        match several::spread(recording, &builder.devices, (devices, *is_list), placing, refuse)? {
            Ok(spread) => return spread_over(builder, &spread),
            Err(why) => reason = Some(why),
        }
    }
    let (device, mut compile, task) = choose_device(&builder, asked.as_ref())?;
    let recording = &mut builder.recording;
    let layout = Layout::new(recording);
    let buffers = layout.make(recording, &device)?;
    let plan = ChainPlan::new(recording, &layout, &device, reason);

    let front = zeroed(recording);
    let skip = front.len();
    let (recipe, lives) = (checkpoint::recipe(recording), checkpoint::lives(recording, skip, &layout.buffers));
    let name = || name_of(recording.specs.iter());
    let learning = task.map(|task| Learning { devices: builder.devices.clone(), task, name: name() });
    let steps = front.iter().chain(recording.steps.iter()).map(|step| layout.step(recording, *step)).collect();
    let dispatches = recording.specs.iter().map(|spec| layout.dispatch(recording, spec)).collect();
    let uniforms = recording.uniforms.words.clone();
    let count = skip + recording.steps.len();
    let sequence = Sequence { buffers: buffers.clone(), uniforms, dispatches, steps };
    let (ready, took) = device.inner.backend.sequence(sequence)?;
    compile += took;
    let breaks = recording.breaks.iter().map(|each| Break {
        at: each.at + skip,
        buffer: layout.buffer(each.memory),
        bytes: recording.memories[each.memory].bytes as usize,
        done: each.done.clone(),
        repeat: each.repeat,
        rounds: each.rounds,
        exit: (each.exit.0 + skip, each.exit.1),
    });
    let (breaks, own) = (breaks.collect(), buffers[..layout.own].to_vec());
    let home = Home::One(One { device, learning, ready, steps: count, skip, own, recipe, lives });
    Ok(chain(builder, plan, home, compile, breaks, |memory| layout.buffer(memory)))
}

/// The chain on several devices.
fn spread_over(builder: ChainBuilder, spread: &Spread) -> Result<Chain> {
    let (several, compile, layouts) = several::make(&builder.recording, &builder.devices, spread)?;
    let plan = ChainPlan::several(&builder.recording, spread, &layouts);
    // Each device has buffers of its own: runs are given memories.
    Ok(chain(builder, plan, Home::Several(several), compile, Vec::new(), |memory| memory))
}

fn chain(
    builder: ChainBuilder,
    plan: ChainPlan,
    home: Home,
    compile: Duration,
    breaks: Vec<Break>,
    buffer: impl Fn(usize) -> usize,
) -> Chain {
    let recording = builder.recording;
    let ports = recording.slots.iter().map(|slot| Port {
        role: slot.role,
        label: slot.label(),
        elements: slot.elements,
        element_name: slot.element_name,
        from: buffer(slot.origin),
        to: buffer(slot.memory),
    });
    let devices = match &home {
        Home::One(_) => 1,
        Home::Several(several) => several.members.len(),
    };
    let state = State { uniforms: recording.uniforms.words, changed: vec![true; devices] };
    Chain {
        inner: Arc::new(Inner {
            id: builder.id,
            ports: ports.collect(),
            breaks,
            repeats: recording.repeats.iter().map(|(most, _)| *most).collect(),
            values: recording.values,
            patches: recording.uniforms.patches,
            plan,
            home,
            compile,
            state: Mutex::new(state),
        }),
    }
}

/// A chain's name for what is learned: its kernels.
pub(super) fn name_of<'s>(specs: impl Iterator<Item = &'s Spec>) -> String {
    let names: Vec<&str> = specs.map(|spec| spec.kernel.name()).collect();
    format!("chain of {}", names.join(", "))
}

/// Refuses inputs that nothing uses and outputs that nothing writes.
fn check_slots(recording: &Recording) -> Result<()> {
    for slot in &recording.slots {
        let (origin, last) = (&recording.memories[slot.origin], &recording.memories[slot.memory]);
        if slot.role.is_given() && origin.life.is_none() {
            return Err(refuse(format!("no call uses {}", slot.label()), "bind it in a call, or leave it out"));
        }
        if slot.role.is_taken() && !last.written {
            let help = "bind it in a call that writes it, or leave it out";
            return Err(refuse(format!("no call writes {}", slot.label()), help));
        }
    }
    Ok(())
}

/// Has the memories of slots live from the start, or to the end, where runs upload, zero or download them.
fn extend_lives(recording: &mut Recording) {
    let end = recording.steps.len() + 1;
    for number in 0..recording.slots.len() {
        let slot = &recording.slots[number];
        let (role, origin, memory) = (slot.role, slot.origin, slot.memory);
        if role != Role::Scratch {
            recording.touch(origin, 0);
        }
        if role.is_taken() {
            recording.touch(memory, end);
        }
    }
}

/// The steps before the first recorded one: outputs start as zeros.
fn zeroed(recording: &Recording) -> Vec<Recorded> {
    let outputs = recording.slots.iter().filter(|slot| slot.role == Role::Output);
    outputs.map(|slot| Recorded::Zero(slot.origin)).collect()
}

/// The device: the one that holds the buffers, the one asked for, or the best that can run all kernels.
fn choose_device(builder: &ChainBuilder, asked: Option<&Asked>) -> Result<(Device, Duration, Option<Task>)> {
    let recording = &builder.recording;
    let residents = recording.memories.iter().enumerate().filter_map(|(number, memory)| match &memory.owner {
        Owner::Resident { device, .. } => Some((number, device)),
        Owner::Slot(_) => None,
    });
    let name = |number| recording.describe(number);
    let (one, several) = match asked {
        Some(Asked::One(device)) => (Some(device), None),
        Some(Asked::Several { devices, .. }) => (None, Some(devices)),
        None => (None, None),
    };
    let decision = device::decide("the chain", residents, name, one);
    let decision = decision.map_err(|message| Error::Call(message.subject("chain")))?;
    let kernels: Vec<&Kernel> = recording.specs.iter().map(|spec| &spec.kernel).collect();
    let largest = recording.memories.iter().map(|memory| memory.bytes).max().unwrap_or(0);
    let mut candidates = match (decision, several) {
        (Decision::Open, Some(devices)) => Candidates { devices: devices.as_slice().into(), is_decided: false },
        _ => builder.devices.candidates(decision)?,
    };
    let task = if builder.devices.learns() { task(recording) } else { None };
    if let Some(task) = &task {
        builder.devices.predict_order_for(task, &mut candidates);
    }
    let mut refuse = |device: &Device| distrust(builder, device);
    let found = candidates.first_for(&kernels, largest, &mut refuse);
    let (device, compile) = found.map_err(|error| builder.devices.name_takers(&kernels, error))?;
    check_sizes(recording, &device)?;
    Ok((device, compile, task))
}

/// Refuses bindings that are larger than a device takes.
pub(super) fn check_sizes(recording: &Recording, device: &Device) -> Result<()> {
    for spec in &recording.specs {
        for (binding, arg) in spec.kernel.bindings().iter().zip(&spec.args) {
            if let Arg::Memory(memory) = arg {
                let bytes = recording.memories[*memory].bytes;
                if bytes > device.inner.max_binding.min(device.inner.max_buffer) {
                    return Err(place::too_large(&spec.kernel, binding, bytes, device));
                }
            }
        }
    }
    Ok(())
}

/// The memories that a step binds.
pub(super) fn memories(recording: &Recording, step: Recorded) -> impl Iterator<Item = usize> {
    let (args, zeroed) = match step {
        Recorded::Dispatch(number) => (&recording.specs[number as usize].args[..], None),
        Recorded::Zero(memory) => (&[][..], Some(memory)),
    };
    let bound = args.iter().filter_map(|arg| match *arg {
        Arg::Memory(memory) => Some(memory),
        Arg::Uniform { .. } => None,
    });
    bound.chain(zeroed)
}

/// Why a device is not trusted with one of the calls, if it is not. What it gets wrong would be found too late: data stays on
/// the device, and nobody could go on from it.
fn distrust(builder: &ChainBuilder, device: &Device) -> Option<Error> {
    let recording = &builder.recording;
    recording.specs.iter().find_map(|spec| {
        let bytes = spec.args.iter().map(|arg| arg_bytes(recording, arg));
        let holders = spec.args.iter().map(|_| DataLocation::Resident);
        let shape = CallShape::new(spec.workgroups, bytes, holders);
        // Values of uniforms may be others with every run.
        let uniforms = if recording.uniforms.patches.is_empty() { uniforms_of(recording, spec) } else { None };
        let doubt = builder.devices.doubt(
            device,
            &spec.kernel,
            &PlanRequest { shape, uniforms: uniforms.as_deref().unwrap_or_default() },
        )?;
        Some(doubt.refusal(&spec.kernel, &device.describe()))
    })
}

/// What a run does, for predictions; nothing where its kernels cannot be counted, and with resident buffers, which decide
/// where it runs.
pub(super) fn task(recording: &Recording) -> Option<Task> {
    let all: Vec<(usize, usize)> = recording.specs.iter().map(|spec| spec.count).enumerate().collect();
    let mut task = task_of(recording, &all)?;
    for slot in &recording.slots {
        let moved =
            |memory: usize, is_moved: bool| if is_moved { recording.memories[memory].bytes as f64 } else { 0.0 };
        task.work.up += moved(slot.origin, slot.role.is_given());
        task.work.down += moved(slot.memory, slot.role.is_taken());
    }
    Some(task)
}

/// The same of some of its dispatches, given by number and how often they are made, without what goes to the device and back.
pub(super) fn task_of(recording: &Recording, dispatches: &[(usize, usize)]) -> Option<Task> {
    if dispatches.is_empty() {
        return None;
    }
    let mut work = Work::default();
    let mut digest = Digest::new();
    for &(number, count) in dispatches {
        let spec = &recording.specs[number];
        let uniforms = uniforms_of(recording, spec)?;
        let shape = CallShape::new(
            spec.workgroups,
            spec.args.iter().map(|arg| arg_bytes(recording, arg)),
            spec.args.iter().map(|arg| holder(recording, arg)).collect::<Option<Vec<_>>>()?,
        );
        let one = WorkAsked::count(&spec.kernel, &PlanRequest { shape, uniforms: &uniforms }).ok()?.work;
        work.add(&Work { further_dispatches: 1.0, ..one }, count as f64);
        digest = digest.wide(spec.kernel.fingerprint().0).number(count as u64);
    }
    work.further_dispatches -= 1.0;
    Some(Task { kernel: Fingerprint(digest.finish()), work })
}

/// The uniform bytes of a call, each binding's at its place.
fn uniforms_of(recording: &Recording, spec: &Spec) -> Option<Vec<u8>> {
    let mut uniforms = vec![0; spec.kernel.inner.uniform_bytes];
    let all: &[u8] = bytemuck::cast_slice(&recording.uniforms.words);
    for (binding, arg) in spec.kernel.bindings().iter().zip(&spec.args) {
        if let Arg::Uniform { offset, bytes } = *arg {
            let at = binding.uniform_offset;
            uniforms.get_mut(at..at + bytes)?.copy_from_slice(all.get(offset..offset + bytes)?);
        }
    }
    Some(uniforms)
}

fn arg_bytes(recording: &Recording, arg: &Arg) -> u64 {
    match *arg {
        Arg::Memory(memory) => recording.memories[memory].bytes,
        Arg::Uniform { bytes, .. } => bytes as u64,
    }
}

/// Where a call of a chain has its data; nothing for a buffer that decides where the chain runs.
fn holder(recording: &Recording, arg: &Arg) -> Option<DataLocation> {
    match *arg {
        Arg::Uniform { .. } => Some(DataLocation::Uniform),
        Arg::Memory(memory) => match recording.memories[memory].owner {
            Owner::Slot(_) => Some(DataLocation::Resident),
            Owner::Resident { .. } => None,
        },
    }
}

/// Where each memory lies.
pub(super) struct Layout {
    /// For each memory, its buffer; none where nothing uses it.
    pub buffers: Vec<Option<usize>>,
    /// Bytes of the chain's own buffers. Resident ones follow them.
    pub bytes: Vec<u64>,
    own: usize,
}

impl Layout {
    fn new(recording: &Recording) -> Layout {
        let lives: Vec<_> = recording.memories.iter().map(|memory| memory.life).collect();
        Layout::of(recording, &lives)
    }

    /// The layout of memories that are used from one moment to another, each by its number.
    pub fn of(recording: &Recording, used: &[Option<(usize, usize)>]) -> Layout {
        let mut buffers = vec![None; recording.memories.len()];
        let (mut lives, mut owners) = (Vec::new(), Vec::new());
        for (number, (memory, used)) in recording.memories.iter().zip(used).enumerate() {
            if let (Owner::Slot(_), Some((first, last))) = (&memory.owner, *used) {
                lives.push(Lifetime { bytes: memory.bytes, first, last });
                owners.push(number);
            }
        }
        let (places, bytes) = share::share(&lives);
        owners.iter().zip(places).for_each(|(&number, place)| buffers[number] = Some(place));
        let own = bytes.len();
        let residents =
            recording.memories.iter().enumerate().filter(|(_, memory)| matches!(memory.owner, Owner::Resident { .. }));
        residents.zip(own..).for_each(|((number, _), place)| buffers[number] = Some(place));
        Layout { buffers, bytes, own }
    }

    /// Makes the chain's own buffers; gives all of them.
    pub fn make(&self, recording: &Recording, device: &Device) -> Result<Vec<Arc<dyn Allocation>>> {
        let make = |bytes: &u64| device.allocate(*bytes, "memory of a chain");
        let mut buffers: Vec<Arc<dyn Allocation>> = self.bytes.iter().map(make).collect::<Result<_>>()?;
        buffers.extend(recording.memories.iter().filter_map(|memory| match &memory.owner {
            Owner::Resident { memory, .. } => Some(memory.clone()),
            Owner::Slot(_) => None,
        }));
        Ok(buffers)
    }

    pub fn buffer(&self, memory: usize) -> usize {
        self.buffers[memory].unwrap_or_default()
    }

    pub fn step(&self, recording: &Recording, step: Recorded) -> Step {
        match step {
            Recorded::Dispatch(number) => Step::Dispatch(number),
            Recorded::Zero(memory) => {
                Step::Zero { buffer: self.buffer(memory) as u32, bytes: recording.memories[memory].bytes }
            }
        }
    }

    pub fn dispatch(&self, recording: &Recording, spec: &Spec) -> Dispatch {
        let args = spec.args.iter().map(|arg| match *arg {
            Arg::Memory(memory) => {
                SequenceArg::Buffer { buffer: self.buffer(memory), bytes: recording.memories[memory].bytes }
            }
            Arg::Uniform { offset, bytes } => SequenceArg::Uniform { offset, bytes },
        });
        Dispatch { kernel: spec.kernel.clone(), args: args.collect(), workgroups: spec.workgroups }
    }
}
