//! What a builder has heard so far, as plain data: memories, the dispatches that differ, and the order of steps.

use std::{ops::Range, sync::Arc};

use rustc_hash::FxHashMap;

use crate::{
    device::Device,
    error::{Error, Message},
    exec::{Allocation, UNIFORM_ALIGNMENT},
    kernel::{BindingKind, Kernel},
};

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Input,
    Output,
    InOut,
    Scratch,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::Input => "input",
            Role::Output => "output",
            Role::InOut => "in_out",
            Role::Scratch => "scratch",
        }
    }

    /// Whether each run uploads it.
    pub fn is_given(self) -> bool {
        matches!(self, Role::Input | Role::InOut)
    }

    /// Whether a run can download it.
    pub fn is_taken(self) -> bool {
        matches!(self, Role::Output | Role::InOut)
    }
}

/// A slot, and which memory it means now: a swap changes that.
pub(super) struct SlotInfo {
    pub role: Role,
    /// Its number among the slots of its role.
    pub place: usize,
    pub elements: usize,
    pub element_name: &'static str,
    /// The memory it starts with.
    pub origin: usize,
    pub memory: usize,
}

/// Memory that steps use.
pub(super) struct Memory {
    pub bytes: u64,
    /// The slot it was made for, or the resident buffer.
    pub owner: Owner,
    /// The first and the last step that use it; see [`Recording::now`].
    pub life: Option<(usize, usize)>,
    /// Whether it holds anything that may be read.
    pub filled: bool,
    /// Whether a step writes it.
    pub written: bool,
    /// The name of the first binding it was bound to.
    pub name: Option<String>,
}

pub(super) enum Owner {
    Slot(usize),
    Resident { memory: Arc<dyn Allocation>, device: Device },
}

/// What a dispatch binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Arg {
    Memory(usize),
    Uniform { offset: usize, bytes: usize },
}

/// A dispatch, and how often the steps have it.
pub(super) struct Spec {
    pub kernel: Kernel,
    pub args: Vec<Arg>,
    pub workgroups: [u32; 3],
    pub count: usize,
}

/// Dispatches are the same by their kernel's number, what they bind, and their grid.
type SpecKey = (usize, Vec<Arg>, [u32; 3]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recorded {
    /// The dispatch of this number.
    Dispatch(u32),
    /// Zeroes a memory.
    Zero(usize),
}

/// Whether a loop is done, by the bytes of the slot it looks at.
pub(super) type Done = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// A place where a run may leave a `repeat_until`.
pub(super) struct Break {
    /// The check comes before the step of this number.
    pub at: usize,
    pub memory: usize,
    pub done: Done,
    /// Which `repeat_until` it is of, and the rounds done by then.
    pub repeat: usize,
    pub rounds: usize,
    /// Where the run goes on: the next step, and the next break.
    pub exit: (usize, usize),
}

/// Where a scalar of a [`Value`](super::Value) stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Patch {
    pub value: usize,
    pub scalar: usize,
    /// Bytes among those of its uniform, or of all.
    pub place: Range<usize>,
}

/// The contents of all uniforms. Equal ones are kept once.
#[derive(Default)]
pub(super) struct Uniforms {
    pub words: Vec<u32>,
    pub patches: Vec<Patch>,
    known: FxHashMap<(Vec<u8>, Vec<Patch>), usize>,
}

impl Uniforms {
    /// Where a uniform of these contents stands.
    fn place(&mut self, contents: &[u8], patches: Vec<Patch>) -> usize {
        let key = (contents.to_vec(), patches);
        if let Some(offset) = self.known.get(&key) {
            return *offset;
        }
        let offset = 4 * self.words.len();
        self.words.resize(self.words.len() + contents.len().next_multiple_of(UNIFORM_ALIGNMENT) / 4, 0);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words);
        bytes[offset..offset + contents.len()].copy_from_slice(contents);
        self.patches.extend(
            key.1.iter().map(|patch| Patch { place: patch.place.start + offset..patch.place.end + offset, ..*patch }),
        );
        self.known.insert(key, offset);
        offset
    }
}

/// The most steps that are recorded.
const MOST_STEPS: usize = 1 << 24;

#[derive(Default)]
pub(super) struct Recording {
    pub slots: Vec<SlotInfo>,
    pub memories: Vec<Memory>,
    pub specs: Vec<Spec>,
    /// The kernels that differ.
    kernels: Vec<Kernel>,
    known: FxHashMap<SpecKey, u32>,
    pub steps: Vec<Recorded>,
    pub breaks: Vec<Break>,
    /// For each `repeat_until`, the most rounds and the steps between two checks.
    pub repeats: Vec<(usize, usize)>,
    pub uniforms: Uniforms,
    /// Whether there is a call, be it one that has nothing to do.
    pub is_called: bool,
    /// The scalars of each value, where a run does not say otherwise.
    pub values: Vec<Vec<u64>>,
}

impl Recording {
    /// Adds a slot with memory of its own.
    pub fn slot(&mut self, role: Role, elements: usize, bytes: u64, element_name: &'static str) -> usize {
        let (number, memory) = (self.slots.len(), self.memories.len());
        let place = self.slots.iter().filter(|slot| slot.role == role).count();
        self.slots.push(SlotInfo { role, place, elements, element_name, origin: memory, memory });
        self.memories.push(Memory {
            bytes,
            owner: Owner::Slot(number),
            life: None,
            filled: role != Role::Scratch,
            written: false,
            name: None,
        });
        number
    }

    /// The memory of a resident buffer.
    pub fn resident(&mut self, memory: Arc<dyn Allocation>, device: Device) -> usize {
        let known = self.memories.iter().position(|known| match &known.owner {
            Owner::Resident { memory: other, .. } => Arc::ptr_eq(other, &memory),
            Owner::Slot(_) => false,
        });
        known.unwrap_or_else(|| {
            let bytes = memory.bytes();
            let owner = Owner::Resident { memory, device };
            self.memories.push(Memory { bytes, owner, life: None, filled: true, written: false, name: None });
            self.memories.len() - 1
        })
    }

    /// The number of the step that comes next, counted from 1: what is uploaded and zeroed at the start is step 0.
    fn now(&self) -> usize {
        self.steps.len() + 1
    }

    /// Notes that step `when` uses a memory.
    pub fn touch(&mut self, memory: usize, when: usize) {
        let life = &mut self.memories[memory].life;
        *life = Some(life.map_or((when, when), |(first, last)| (first.min(when), last.max(when))));
    }

    /// A slot or buffer for messages: `input 0`, or a resident buffer's binding.
    pub fn describe(&self, memory: usize) -> String {
        let Memory { owner, name, .. } = &self.memories[memory];
        match (owner, name) {
            (Owner::Slot(slot), Some(name)) => format!("{} (`{name}`)", self.slots[*slot].label()),
            (Owner::Slot(slot), None) => self.slots[*slot].label(),
            (Owner::Resident { .. }, name) => format!("a buffer (`{}`)", name.as_deref().unwrap_or_default()),
        }
    }

    /// Adds a dispatch: `args` for each storage binding, and the bytes of all uniforms with what is patched in them.
    pub fn dispatch(
        &mut self,
        kernel: &Kernel,
        args: &[Option<usize>],
        uniforms: &[u8],
        patches: &[Patch],
        workgroups: [u32; 3],
    ) -> Result<(), Message> {
        self.check_filled(kernel, args)?;
        self.room()?;
        let now = self.now();
        let mut bound = Vec::with_capacity(args.len());
        for (binding, arg) in kernel.bindings().iter().zip(args) {
            let Some(memory) = *arg else {
                let start = binding.uniform_offset;
                let place = start..start + binding.shape.fixed_bytes as usize;
                let inside = patches.iter().filter(|patch| place.contains(&patch.place.start));
                let patches =
                    inside.map(|patch| Patch { place: patch.place.start - start..patch.place.end - start, ..*patch });
                let patches = patches.collect();
                let offset = self.uniforms.place(&uniforms[place.clone()], patches);
                bound.push(Arg::Uniform { offset, bytes: place.len() });
                continue;
            };
            self.touch(memory, now);
            let known = &mut self.memories[memory];
            known.name.get_or_insert_with(|| binding.name.clone());
            if binding.kind == BindingKind::ReadWriteStorage && binding.stores {
                (known.filled, known.written) = (true, true);
            }
            bound.push(Arg::Memory(memory));
        }
        let key = (self.kernel(kernel), bound, workgroups);
        let number = match self.known.get(&key) {
            Some(number) => *number,
            None => {
                let number = self.specs.len() as u32;
                self.specs.push(Spec { kernel: kernel.clone(), args: key.1.clone(), workgroups, count: 0 });
                self.known.insert(key, number);
                number
            }
        };
        self.is_called = true;
        self.specs[number as usize].count += 1;
        self.steps.push(Recorded::Dispatch(number));
        Ok(())
    }

    /// Notes a call of no workgroups: what is bound counts as used, and nothing runs.
    pub fn nothing(&mut self, kernel: &Kernel, args: &[Option<usize>]) {
        self.is_called = true;
        let now = self.now();
        for (binding, memory) in kernel.bindings().iter().zip(args).filter_map(|(b, arg)| Some((b, (*arg)?))) {
            self.touch(memory, now);
            let known = &mut self.memories[memory];
            known.name.get_or_insert_with(|| binding.name.clone());
            known.written |= binding.kind == BindingKind::ReadWriteStorage && binding.stores;
        }
    }

    /// The number of a kernel. One that was made twice from the same text counts once.
    fn kernel(&mut self, kernel: &Kernel) -> usize {
        let same = |known: &Kernel| known.inner.identity == kernel.inner.identity;
        self.kernels.iter().position(same).unwrap_or_else(|| {
            self.kernels.push(kernel.clone());
            self.kernels.len() - 1
        })
    }

    /// Refuses to read scratch that nothing has filled.
    fn check_filled(&self, kernel: &Kernel, args: &[Option<usize>]) -> Result<(), Message> {
        for (binding, arg) in kernel.bindings().iter().zip(args) {
            let Some(memory) = arg.filter(|&memory| binding.loads && !self.memories[memory].filled) else { continue };
            let name = &binding.name;
            return Err(kernel
                .message(format!("`{name}` is read, and nothing has been written to {} yet", self.describe(memory)))
                .subject(name)
                .help("write it in a call before, or start it with zeros: chain.zero(slot)"));
        }
        Ok(())
    }

    /// Adds a step that zeroes a memory.
    pub fn zero(&mut self, memory: usize) -> Result<(), Message> {
        self.room()?;
        self.touch(memory, self.now());
        let known = &mut self.memories[memory];
        (known.filled, known.written) = (true, true);
        self.steps.push(Recorded::Zero(memory));
        Ok(())
    }

    fn room(&self) -> Result<(), Message> {
        if self.steps.len() < MOST_STEPS {
            return Ok(());
        }
        Err(Message::new(format!("a chain has at most {MOST_STEPS} steps"))
            .subject("chain")
            .help("build a chain of fewer steps and run it several times, with an in_out slot or a resident buffer"))
    }

    /// Which memory each slot means now.
    pub fn meanings(&self) -> Vec<usize> {
        self.slots.iter().map(|slot| slot.memory).collect()
    }

    /// Whether each memory is filled now.
    pub fn filled(&self) -> Vec<bool> {
        self.memories.iter().map(|memory| memory.filled).collect()
    }

    /// Takes scratch as filled only where it was so when this was asked for, in [`filled`](Recording::filled).
    pub fn only_filled(&mut self, then: &[bool]) {
        for (number, memory) in self.memories.iter_mut().enumerate() {
            let Owner::Slot(slot) = memory.owner else { continue };
            if self.slots[slot].role == Role::Scratch {
                memory.filled &= then.get(number).copied().unwrap_or(false);
            }
        }
    }

    /// Adds a check of `slot` between two steps.
    pub fn check(&mut self, slot: usize, repeat: usize, rounds: usize, done: Done) {
        let (at, memory) = (self.steps.len(), self.slots[slot].memory);
        self.touch(memory, self.now());
        self.breaks.push(Break { at, memory, done, repeat, rounds, exit: (at, self.breaks.len() + 1) });
    }
}

impl SlotInfo {
    /// `input 0`.
    pub fn label(&self) -> String {
        format!("{} {}", self.role.name(), self.place)
    }
}

/// An error about a chain as a whole.
pub(super) fn refuse(problem: impl Into<String>, help: &str) -> Error {
    Error::Call(Message::new(problem).subject("chain").help(help))
}
