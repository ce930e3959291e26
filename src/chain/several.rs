//! Chains whose branches run on several devices at the same time: who runs which, and what is copied from one to another.

use std::{ops::Range, sync::Arc, time::Duration};

use rustc_hash::FxHashMap;

use super::{
    assign::{Assignment, Costs, alone, assign, timed},
    build::{self, Layout},
    graph::{Contents, Graph},
    record::{Owner, Recorded, Recording, Role},
};
use crate::{
    call::split::shares_cores,
    cost::Task,
    device::{Candidates, Device, Devices},
    error::Result,
    exec::{Allocation, Ready, Sequence, Step},
    kernel::Kernel,
};

/// A chain on several devices.
pub(super) struct Several {
    pub members: Vec<Member>,
    /// How many turns take each of the contents that cross.
    pub readers: Vec<usize>,
    pub devices: Devices,
}

impl Several {
    /// The first of the devices.
    pub fn first(&self) -> &Device {
        &self.members[0].device
    }
}

/// What one of the devices does.
pub(super) struct Member {
    pub device: Device,
    pub ready: Ready,
    /// The chain's memory there.
    pub own: Vec<Arc<dyn Allocation>>,
    pub turns: Vec<Turn>,
}

/// A branch on its device.
pub(super) struct Turn {
    pub steps: Range<usize>,
    pub imports: Vec<Import>,
    pub exports: Vec<Export>,
    /// What is learned from how long it takes, and by which name.
    pub task: Option<(Task, String)>,
}

/// What is copied to a buffer before a branch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub buffer: usize,
    pub source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// What the run gives for this memory.
    Given(usize),
    /// The crossing contents of this number.
    Crossing(usize),
}

/// What is copied out of a buffer after a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Export {
    pub buffer: usize,
    pub bytes: usize,
    /// Its number among the contents that cross, if other turns take it.
    pub crossing: Option<usize>,
    /// The memory, if these are its last contents and those of a slot that a run can take.
    pub result: Option<usize>,
}

/// Devices that are to share a chain, and how.
pub(super) struct Spread {
    pub devices: Vec<Device>,
    pub graph: Graph,
    pub assignment: Assignment,
    /// The work of each branch, where it can be counted.
    tasks: Vec<Option<Task>>,
    /// Time spent compiling to find out who can run it.
    pub compile: Duration,
    /// Why it is shared, in words.
    pub reason: String,
}

/// A choice of the device of each branch, for tests.
pub(super) type Placing = Box<dyn Fn(usize) -> usize + Send + Sync>;

/// By what factor a chain has to be faster on several devices than on the best alone.
const WORTH: f64 = 0.95;

/// Seconds that each further device costs a run: a thread that starts and ends, about.
const THREAD: f64 = 50e-6;

/// How devices are to share what was recorded, or why they do not. With `is_list` each of them is to get a branch.
///
/// # Errors
///
/// Why a device that is listed cannot run it.
pub(super) fn spread(
    recording: &Recording,
    devices: &Devices,
    (asked, is_list): (&[Device], bool),
    placing: Option<&Placing>,
    mut refuse: impl FnMut(&Device) -> Option<crate::Error>,
) -> Result<Result<Spread, String>> {
    if recording.memories.iter().any(|memory| matches!(memory.owner, Owner::Resident { .. })) {
        return Ok(Err("it binds buffers, and runs where they are".to_owned()));
    }
    if !recording.breaks.is_empty() {
        return Ok(Err("its loop looks at data while it runs (repeat_until)".to_owned()));
    }
    let Some(graph) = Graph::of(recording) else {
        return Ok(Err("it has too many calls that wait for several others".to_owned()));
    };
    if graph.branches.len() < 2 {
        return Ok(Err("each of its calls waits for the one before".to_owned()));
    }
    let kernels: Vec<&Kernel> = recording.specs.iter().map(|spec| &spec.kernel).collect();
    let largest = recording.memories.iter().map(|memory| memory.bytes).max().unwrap_or(0);
    let (mut able, mut compile) = (Vec::new(), Duration::ZERO);
    for device in asked {
        if !is_list && shares_cores(device, asked) {
            continue;
        }
        if !is_list && device.inner.max_binding.min(device.inner.max_buffer) < largest {
            continue;
        }
        match device.accepts_all(&kernels).and_then(|took| refuse(device).map_or(Ok(took), Err)) {
            Ok(took) => {
                build::check_sizes(recording, device)?;
                compile += took;
                able.push(device.clone());
            }
            Err(error) if is_list => return Err(devices.name_takers(&kernels, error)),
            Err(_) => {}
        }
    }
    if able.len() < 2 {
        return Ok(Err("no two of the devices can run all of its calls beside each other".to_owned()));
    }
    let tasks: Vec<Option<Task>> = graph.branches.iter().map(|branch| task(recording, &branch.steps)).collect();
    // Whoever was never measured is measured where that is worth it.
    if let Some(whole) = build::task(recording) {
        devices.predict_order_for(&whole, &mut Candidates { devices: able.as_slice().into(), is_decided: false });
    }
    let costs = costs(recording, devices, &able, &tasks);
    let best = (0..able.len()).map(|device| (device, alone(&graph, &costs, device).seconds));
    let (best, on_best) = best.min_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap_or((0, f64::INFINITY));
    let mut found = assign(&graph, &costs, is_list);
    if let Some(placing) = placing {
        let device_of = (0..graph.branches.len()).map(|branch| placing(branch) % able.len()).collect();
        found = timed(&graph, &costs, device_of, found.order);
    }
    // Those that have a branch, and no others.
    let used: Vec<usize> = (0..able.len()).filter(|device| found.device_of.contains(device)).collect();
    found.seconds += THREAD * (used.len() - 1) as f64;
    let time = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    let (together, alone) = (time(found.seconds), time(on_best));
    let compared = match tasks.iter().all(Option::is_some) {
        true => format!("{together:.3?} are predicted, and {alone:.3?} for {} alone", able[best].describe()),
        false => "what its calls take cannot be predicted".to_owned(),
    };
    let is_wanted = is_list || placing.is_some();
    let is_faster = found.seconds < WORTH * on_best && tasks.iter().all(Option::is_some);
    if !is_wanted && !is_faster {
        return Ok(Err(compared));
    }
    if used.len() < 2 {
        return Ok(Err(compared));
    }
    let number = |device: usize| used.iter().position(|other| *other == device).unwrap_or(0);
    found.device_of.iter_mut().for_each(|device| *device = number(*device));
    let devices = used.iter().map(|&device| able[device].clone()).collect();
    Ok(Ok(Spread { devices, graph, assignment: found, tasks, compile, reason: compared }))
}

/// The work of some steps.
fn task(recording: &Recording, steps: &[usize]) -> Option<Task> {
    build::task_of(recording, &counts(recording, steps))
}

/// The dispatches that steps are, with how often each.
fn counts(recording: &Recording, steps: &[usize]) -> Vec<(usize, usize)> {
    let mut counts: Vec<(usize, usize)> = Vec::new();
    for &step in steps {
        let Recorded::Dispatch(number) = recording.steps[step] else { continue };
        match counts.iter_mut().find(|(known, _)| *known == number as usize) {
            Some((_, count)) => *count += 1,
            None => counts.push((number as usize, 1)),
        }
    }
    counts
}

fn costs(recording: &Recording, devices: &Devices, able: &[Device], tasks: &[Option<Task>]) -> Costs {
    // Where nothing is known, branches are taken to be alike.
    let seconds =
        |task: &Option<Task>, device| task.as_ref().map_or(1e-3, |task| devices.seconds_of(task, device).max(1e-9));
    let ceilings: Vec<_> = able.iter().map(|device| devices.ceilings_or_usual(device)).collect();
    let role = |memory: usize, is: fn(Role) -> bool, place: fn(&super::record::SlotInfo) -> usize| {
        recording.slots.iter().any(|slot| place(slot) == memory && is(slot.role))
    };
    let memories = 0..recording.memories.len();
    Costs {
        seconds: tasks.iter().map(|task| able.iter().map(|device| seconds(task, device)).collect()).collect(),
        up: ceilings.iter().map(|ceilings| ceilings.up).collect(),
        down: ceilings.iter().map(|ceilings| ceilings.down).collect(),
        bytes: recording.memories.iter().map(|memory| memory.bytes as f64).collect(),
        is_given: memories.clone().map(|memory| role(memory, Role::is_given, |slot| slot.origin)).collect(),
        is_result: memories.map(|memory| role(memory, Role::is_taken, |slot| slot.memory)).collect(),
    }
}

/// Where a memory's first contents come from.
fn start(recording: &Recording, memory: usize) -> Option<Role> {
    match recording.memories[memory].owner {
        Owner::Slot(slot) => Some(recording.slots[slot].role),
        Owner::Resident { .. } => None,
    }
}

/// The turns of each device, before its memory is laid out: branches with what they take and leave, by memory.
struct Script {
    branch: usize,
    /// Memories that start as zeros here.
    zeroed: Vec<usize>,
    takes: Vec<(usize, Source)>,
    leaves: Vec<Export>,
}

/// What each device does, in its order, and how many turns take each of the contents that cross.
fn scripts(recording: &Recording, spread: &Spread) -> (Vec<Vec<Script>>, Vec<usize>) {
    let Spread { devices, graph, assignment, .. } = spread;
    let mut holds: Vec<FxHashMap<usize, Option<usize>>> = vec![FxHashMap::default(); devices.len()];
    let mut crossing: FxHashMap<Contents, usize> = FxHashMap::default();
    let mut readers: Vec<usize> = Vec::new();
    let mut scripts: Vec<Vec<Script>> = devices.iter().map(|_| Vec::new()).collect();
    for &branch in &assignment.order {
        let device = assignment.device_of[branch];
        let mut script = Script { branch, zeroed: Vec::new(), takes: Vec::new(), leaves: Vec::new() };
        for need in &graph.branches[branch].needs {
            if holds[device].insert(need.memory, need.by) == Some(need.by) {
                continue;
            }
            match (need.by, start(recording, need.memory)) {
                (Some(_), _) => {
                    let number = *crossing.entry(*need).or_insert_with(|| {
                        readers.push(0);
                        readers.len() - 1
                    });
                    readers[number] += 1;
                    script.takes.push((need.memory, Source::Crossing(number)));
                }
                (None, Some(role)) if role.is_given() => script.takes.push((need.memory, Source::Given(need.memory))),
                (None, _) => script.zeroed.push(need.memory),
            }
        }
        graph.branches[branch].writes.iter().for_each(|&memory| _ = holds[device].insert(memory, Some(branch)));
        scripts[device].push(script);
    }
    let is_result = |memory: usize| recording.slots.iter().any(|slot| slot.memory == memory && slot.role.is_taken());
    for script in scripts.iter_mut().flatten() {
        for &memory in &graph.branches[script.branch].writes {
            let contents = Contents { memory, by: Some(script.branch) };
            let crossing = crossing.get(&contents).copied();
            let result = (graph.last[memory] == Some(script.branch) && is_result(memory)).then_some(memory);
            if crossing.is_some() || result.is_some() {
                let bytes = recording.memories[memory].bytes as usize;
                script.leaves.push(Export { buffer: memory, bytes, crossing, result });
            }
        }
    }
    (scripts, readers)
}

/// Makes what devices need to share a chain; gives the time spent compiling, too, and the layout on each.
pub(super) fn make(
    recording: &Recording,
    devices: &Devices,
    spread: &Spread,
) -> Result<(Several, Duration, Vec<Layout>)> {
    let (scripts, readers) = scripts(recording, spread);
    let (mut members, mut compile, mut layouts) = (Vec::new(), spread.compile, Vec::new());
    for (device, scripts) in spread.devices.iter().zip(&scripts) {
        let (member, took, layout) = member(recording, spread, device, scripts)?;
        members.push(member);
        layouts.push(layout);
        compile += took;
    }
    Ok((Several { members, readers, devices: devices.clone() }, compile, layouts))
}

fn member(
    recording: &Recording,
    spread: &Spread,
    device: &Device,
    scripts: &[Script],
) -> Result<(Member, Duration, Layout)> {
    // Memory is in use from the first turn that binds it to the last.
    let mut lives: Vec<Option<(usize, usize)>> = vec![None; recording.memories.len()];
    for (turn, script) in scripts.iter().enumerate() {
        for &step in &spread.graph.branches[script.branch].steps {
            build::memories(recording, recording.steps[step]).for_each(|memory| {
                let life = &mut lives[memory];
                *life = Some(life.map_or((turn, turn), |(first, _)| (first, turn)));
            });
        }
    }
    let layout = Layout::of(recording, &lives);
    let own = layout.make(recording, device)?;
    let mut known: FxHashMap<u32, u32> = FxHashMap::default();
    let (mut dispatches, mut steps, mut turns) = (Vec::new(), Vec::new(), Vec::new());
    for script in scripts {
        let begin = steps.len();
        steps.extend(script.zeroed.iter().map(|&memory| layout.step(recording, Recorded::Zero(memory))));
        let branch = &spread.graph.branches[script.branch];
        for &step in &branch.steps {
            steps.push(match recording.steps[step] {
                Recorded::Dispatch(number) => Step::Dispatch(*known.entry(number).or_insert_with(|| {
                    dispatches.push(layout.dispatch(recording, &recording.specs[number as usize]));
                    dispatches.len() as u32 - 1
                })),
                zero @ Recorded::Zero(_) => layout.step(recording, zero),
            });
        }
        let name =
            || build::name_of(counts(recording, &branch.steps).iter().map(|(number, _)| &recording.specs[*number]));
        let import = |&(memory, source): &(usize, Source)| Import { buffer: layout.buffer(memory), source };
        let export = |export: &Export| Export { buffer: layout.buffer(export.buffer), ..*export };
        turns.push(Turn {
            steps: begin..steps.len(),
            imports: script.takes.iter().map(import).collect(),
            exports: script.leaves.iter().map(export).collect(),
            task: spread.tasks[script.branch].map(|task| (task, name())),
        });
    }
    let uniforms = recording.uniforms.words.clone();
    let sequence = Sequence { buffers: own.clone(), uniforms, dispatches, steps };
    let (ready, took) = device.inner.backend.sequence(sequence)?;
    Ok((Member { device: device.clone(), ready, own, turns }, took, layout))
}

/// The branches in words: where each runs, what it calls, and what comes over from another device.
pub(super) fn describe(recording: &Recording, spread: &Spread) -> Vec<String> {
    let (scripts, _) = scripts(recording, spread);
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (device, script) in
        spread.devices.iter().zip(&scripts).flat_map(|(device, all)| all.iter().map(move |script| (device, script)))
    {
        let mut calls: Vec<(&str, usize)> = Vec::new();
        for (number, count) in counts(recording, &spread.graph.branches[script.branch].steps) {
            let name = recording.specs[number].kernel.name();
            match calls.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known += count,
                None => calls.push((name, count)),
            }
        }
        let call = |&(name, count): &(&str, usize)| {
            if count == 1 { name.to_owned() } else { format!("{name} {count} times") }
        };
        let mut line = format!("branch {} on {}: ", script.branch, device.alias());
        line += &match calls.is_empty() {
            true => "zeroes memory".to_owned(),
            false => calls.iter().take(SHOWN).map(call).collect::<Vec<_>>().join(", "),
        };
        if calls.len() > SHOWN {
            line += &format!(" and {} more", calls.len() - SHOWN);
        }
        for need in &spread.graph.branches[script.branch].needs {
            let Some(by) = need.by.filter(|_| script.takes.iter().any(|(memory, _)| *memory == need.memory)) else {
                continue;
            };
            let bytes = crate::bytes::Bytes(recording.memories[need.memory].bytes);
            line += &format!("; {} of branch {by} is copied over, {bytes}", recording.describe(need.memory));
        }
        lines.push((script.branch, line));
    }
    lines.sort_by_key(|(branch, _)| *branch);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Calls of a branch that are listed.
const SHOWN: usize = 4;
