//! Chains: many calls whose data stays on its device between them, planned once and run many times.
//!
//! A chain is built from slots and calls. Slots stand for memory: [`input`](ChainBuilder::input) is uploaded at each run,
//! [`output`](ChainBuilder::output) is downloaded, [`scratch`](ChainBuilder::scratch) never leaves the device. Calls are put
//! together as on a [`Runtime`](crate::Runtime), save that slots are bound instead of slices; they run in the order in which they were
//! made, each seeing what those before it wrote.
//!
//! ```
//! let rt = swath::Runtime::new()?;
//! let module = rt.module(
//!     "@group(0) @binding(0) var<uniform> factor: f32;
//!      @group(0) @binding(1) var<storage, read> src: array<f32>;
//!      @group(0) @binding(2) var<storage, read_write> dst: array<f32>;
//!      @compute @workgroup_size(64) fn scale(@builtin(global_invocation_id) id: vec3u) {
//!          if id.x < arrayLength(&src) { dst[id.x] = factor * src[id.x]; }
//!      }",
//! )?;
//! let scale = module.kernel("scale")?;
//!
//! let mut chain = rt.chain();
//! let x = chain.input::<f32>(3);
//! let half = chain.scratch::<f32>(3);
//! let y = chain.output::<f32>(3);
//! chain.call(&scale).set("factor", 2.0f32).bind("src", x).bind("dst", half).grid([3]);
//! chain.call(&scale).set("factor", 5.0f32).bind("src", half).bind("dst", y).grid([3]);
//! let chain = chain.build()?; // checked, compiled, its memory made
//! println!("{chain}"); // the calls, the memory, and what shares it
//!
//! let mut result = [0.0; 3];
//! chain.run([x.from(&[1.0, 2.0, 3.0])], [y.into(&mut result)])?;
//! assert_eq!(result, [10.0, 20.0, 30.0]);
//! chain.run([x.from(&[4.0, 5.0, 6.0])], [y.into(&mut result)])?;
//! assert_eq!(result, [40.0, 50.0, 60.0]);
//! # Ok::<(), swath::Error>(())
//! ```
//!
//! # What slots start with
//!
//! | slot | at the start of a run | at the end |
//! |---|---|---|
//! | [`input`](ChainBuilder::input) | what the run gives; kernels may overwrite it | gone |
//! | [`in_out`](ChainBuilder::in_out) | what the run gives | downloaded |
//! | [`output`](ChainBuilder::output) | zeros | downloaded |
//! | [`scratch`](ChainBuilder::scratch) | **anything** | gone |
//! | a resident [`Buffer`](crate::Buffer) | what it holds | what it holds |
//!
//! Scratch that is never in use at one time shares memory, also with inputs that are used up, so it starts with whatever
//! was there before. A call that reads scratch before anything was written to it is refused; where a kernel adds to what
//! it finds, start with [`zero`](ChainBuilder::zero). Elements that the writing call left out remain whatever they were.
//!
//! # Loops
//!
//! [`repeat`](ChainBuilder::repeat) calls a closure for each step, which may give each step values of its own.
//! [`swap`](ChainBuilder::swap) makes two slots change places, for kernels that read one state and write the next:
//!
//! ```
//! # let rt = swath::Runtime::new()?;
//! # let module = rt.module(
//! #     "@group(0) @binding(0) var<uniform> step: u32;
//! #      @group(0) @binding(1) var<storage, read> old: array<u32>;
//! #      @group(0) @binding(2) var<storage, read_write> fresh: array<u32>;
//! #      @compute @workgroup_size(64) fn add(@builtin(global_invocation_id) id: vec3u) {
//! #          if id.x < arrayLength(&old) { fresh[id.x] = old[id.x] + step; }
//! #      }",
//! # )?;
//! # let add = module.kernel("add")?;
//! let mut chain = rt.chain();
//! let state = chain.in_out::<u32>(2);
//! let next = chain.scratch::<u32>(2);
//! chain.repeat(5, |i, chain| {
//!     chain.call(&add).set("step", i as u32).bind("old", state).bind("fresh", next).grid([2]);
//!     chain.swap(state, next); // from here on, `state` is what the call wrote
//! });
//! let chain = chain.build()?;
//!
//! let mut data = [100, 200];
//! chain.run([], [state.update(&mut data)])?;
//! assert_eq!(data, [110, 210]);
//! # Ok::<(), swath::Error>(())
//! ```
//!
//! [`repeat_until`](ChainBuilder::repeat_until) looks at a slot every few steps and ends early. Steps are recorded when the
//! chain is built; those that bind the same and have the same uniform values are kept once, so a million steps over two
//! buffers cost little. Each different one costs a GPU a bind group.

mod assign;
mod build;
mod call;
mod checkpoint;
mod exchange;
mod graph;
mod plan;
mod record;
mod report;
mod run;
mod several;
mod share;
mod slot;
mod turns;

use std::{
    any::type_name,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytemuck::Pod;

pub use call::ChainCall;
pub use plan::ChainPlan;
pub use report::{ChainMember, ChainReport};
pub use run::{Chain, ChainRun};
pub use slot::{ChainArg, Input, Output, Slot, Value};

use crate::{
    buffer::bytes_of_elements,
    call::UniformValue,
    device::{Asked, DeviceChoice, Devices},
    error::{Error, Message, Result},
    kernel::Kernel,
};
use record::{Recording, Role, refuse};
use several::Placing;
use slot::ChainData;

/// A chain that is being put together; see [the module](self).
///
/// What is wrong is found when it is said, and told by [`build`](ChainBuilder::build): the first error counts.
pub struct ChainBuilder {
    devices: Devices,
    /// Unlike every other chain's.
    id: u64,
    recording: Recording,
    asked: Option<Asked>,
    /// Which branch goes to which device, where tests say so.
    placing: Option<Placing>,
    error: Option<Error>,
}

impl ChainBuilder {
    pub(crate) fn new(devices: Devices) -> ChainBuilder {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        ChainBuilder { devices, id, recording: Recording::default(), asked: None, placing: None, error: None }
    }

    /// A slot of `len` elements that each run is given; see [`Slot::from`].
    pub fn input<T: Pod>(&mut self, len: usize) -> Slot<T> {
        self.slot(Role::Input, len)
    }

    /// A slot of `len` elements that starts as zeros, and whose contents a run gives back; see [`Slot::into`].
    pub fn output<T: Pod>(&mut self, len: usize) -> Slot<T> {
        self.slot(Role::Output, len)
    }

    /// A slot of `len` elements that each run is given, and whose contents it gives back; see [`Slot::update`], or
    /// [`Slot::from`] and [`Slot::into`] where they are two slices.
    pub fn in_out<T: Pod>(&mut self, len: usize) -> Slot<T> {
        self.slot(Role::InOut, len)
    }

    /// A slot of `len` elements that stays on the device. What it starts with is not specified.
    pub fn scratch<T: Pod>(&mut self, len: usize) -> Slot<T> {
        self.slot(Role::Scratch, len)
    }

    fn slot<T: Pod>(&mut self, role: Role, len: usize) -> Slot<T> {
        let bytes = match bytes_of_elements::<T>("Slot", len) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.error.get_or_insert(error);
                4
            }
        };
        Slot::new(self.id, self.recording.slot(role, len, bytes, type_name::<T>()))
    }

    /// A number for uniforms that each run may choose anew (see [`Chain::value`]); it is `default` where a run does not.
    ///
    /// ```
    /// # let rt = swath::Runtime::new()?;
    /// # let module = rt.module(
    /// #     "@group(0) @binding(0) var<uniform> step: u32;
    /// #      @group(0) @binding(1) var<storage, read_write> counts: array<u32>;
    /// #      @compute @workgroup_size(64) fn add(@builtin(global_invocation_id) id: vec3u) {
    /// #          if id.x < arrayLength(&counts) { counts[id.x] += step; }
    /// #      }",
    /// # )?;
    /// let mut chain = rt.chain();
    /// let counts = chain.in_out::<u32>(2);
    /// let step = chain.value(1u32);
    /// chain.call(&module.kernel("add")?).set_value("step", step).bind("counts", counts).grid([2]);
    /// let chain = chain.build()?;
    ///
    /// let mut data = [10, 20];
    /// chain.run([], [counts.update(&mut data)])?;
    /// chain.value(step, 100).run([], [counts.update(&mut data)])?;
    /// assert_eq!(data, [111, 121]);
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn value<T: UniformValue>(&mut self, default: T) -> Value<T> {
        self.recording.values.push(slot::scalars(&default));
        Value { chain: self.id, number: self.recording.values.len() - 1, default }
    }

    /// Adds a call of `kernel`, which its methods put together. It is complete where the statement ends.
    pub fn call(&mut self, kernel: &Kernel) -> ChainCall<'_> {
        ChainCall::new(self, kernel.clone())
    }

    /// Sets every byte of a slot to zero at this point of the chain.
    pub fn zero<T: Pod>(&mut self, slot: Slot<T>) {
        self.attempt(|builder| {
            let memory = builder.memory_of(slot.chain, slot.number)?;
            builder.recording.zero(memory).map_err(Error::Call)
        });
    }

    /// Makes two slots of one length change places: what was the memory of one is the other's from here on. Nothing is
    /// copied.
    pub fn swap<T: Pod>(&mut self, first: Slot<T>, second: Slot<T>) {
        self.attempt(|builder| {
            for slot in [first, second] {
                builder.memory_of(slot.chain, slot.number)?;
            }
            let slots = &mut builder.recording.slots;
            let [a, b] = [&slots[first.number], &slots[second.number]];
            if a.elements != b.elements {
                let problem = format!(
                    "{} of {} elements and {} of {} cannot change places",
                    a.label(),
                    a.elements,
                    b.label(),
                    b.elements
                );
                return Err(refuse(problem, "swap slots of one length"));
            }
            let meanings = (a.memory, b.memory);
            (slots[first.number].memory, slots[second.number].memory) = (meanings.1, meanings.0);
            Ok(())
        });
    }

    /// Adds the calls that `body` makes, `times` times over. It is given the number of the step, and the chain.
    pub fn repeat(&mut self, times: usize, mut body: impl FnMut(usize, &mut ChainBuilder)) {
        for step in 0..times {
            if self.error.is_some() {
                return;
            }
            body(step, self);
        }
    }

    /// As [`repeat`](ChainBuilder::repeat), at most `most` times: after every `every` of them the run reads `slot` back,
    /// and goes on behind the loop once `done` says so of its contents. [`ChainReport::rounds`] tells how many it were.
    ///
    /// Reading back makes the device wait, so choose `every` as large as the work that may be wasted allows, and a small
    /// slot. Slots that are swapped in the loop must be back in their places at each check: make `every` even. `done` must
    /// not run the chain, which would wait for itself.
    ///
    /// ```
    /// # let rt = swath::Runtime::new()?;
    /// # let module = rt.module(
    /// #     "@group(0) @binding(0) var<storage, read_write> left: array<u32>;
    /// #      @compute @workgroup_size(64) fn halve(@builtin(global_invocation_id) id: vec3u) {
    /// #          if id.x < arrayLength(&left) { left[id.x] /= 2u; }
    /// #      }",
    /// # )?;
    /// # let halve = module.kernel("halve")?;
    /// let mut chain = rt.chain();
    /// let left = chain.in_out::<u32>(2);
    /// let all_gone = |left: &[u32]| left.iter().all(|left| *left == 0);
    /// chain.repeat_until(100, 4, left, all_gone, |_, chain| {
    ///     chain.call(&halve).bind("left", left).grid([2]);
    /// });
    /// let chain = chain.build()?;
    ///
    /// let mut data = [7, 1000];
    /// let report = chain.run([], [left.update(&mut data)])?;
    /// assert_eq!((data, report.rounds()), ([0, 0], &[12][..]));
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn repeat_until<T: Pod>(
        &mut self,
        most: usize,
        every: usize,
        slot: Slot<T>,
        done: impl Fn(&[T]) -> bool + Send + Sync + 'static,
        mut body: impl FnMut(usize, &mut ChainBuilder),
    ) {
        let done = Arc::new(move |bytes: &[u8]| done(&bytemuck::pod_collect_to_vec::<u8, T>(bytes)));
        self.attempt(|builder| {
            if every == 0 {
                return Err(refuse(
                    "a loop is to be checked every 0 steps",
                    "check after every step, or after several",
                ));
            }
            builder.memory_of(slot.chain, slot.number).map(|_memory| ())
        });
        let (repeat, first) = (self.recording.repeats.len(), self.recording.breaks.len());
        self.recording.repeats.push((most, every));
        let meanings = self.recording.meanings();
        let mut filled = None;
        for step in 0..most {
            if self.error.is_some() {
                return;
            }
            body(step, self);
            let rounds = step + 1;
            if rounds % every != 0 && rounds != most {
                continue;
            }
            self.attempt(|builder| builder.check_back_in_place(&meanings, rounds));
            self.attempt(|builder| builder.check_watched(slot.number));
            if self.error.is_none() && rounds != most {
                filled.get_or_insert_with(|| self.recording.filled());
                self.recording.check(slot.number, repeat, rounds, done.clone());
            }
        }
        let exit = (self.recording.steps.len(), self.recording.breaks.len());
        let own = self.recording.breaks[first..].iter_mut().filter(|each| each.repeat == repeat);
        own.for_each(|each| each.exit = exit);
        // Only what was filled when the loop could first be left is sure to be.
        if let Some(filled) = filled {
            self.recording.only_filled(&filled);
        }
    }

    /// Refuses a check in a loop while slots are not where they were at its start: what comes after the loop must mean the
    /// same wherever it was left.
    fn check_back_in_place(&self, meanings: &[usize], rounds: usize) -> Result<()> {
        let slots = &self.recording.slots;
        let moved: Vec<String> = slots
            .iter()
            .zip(meanings)
            .filter(|(slot, memory)| slot.memory != **memory)
            .map(|(slot, _)| slot.label())
            .collect();
        if moved.is_empty() {
            return Ok(());
        }
        let problem =
            format!("the loop may end after {rounds} rounds, when {} have changed places", moved.join(" and "));
        Err(refuse(problem, "check after an even number of rounds, of an even number in all"))
    }

    fn check_watched(&self, slot: usize) -> Result<()> {
        let memory = self.recording.slots[slot].memory;
        if self.recording.memories[memory].filled {
            return Ok(());
        }
        let problem = format!("the loop looks at {}, which nothing has written to", self.recording.describe(memory));
        Err(refuse(problem, "look at a slot that the loop's calls write"))
    }

    /// Chooses the device, by name or as a [`Device`](crate::Device); see [`Runtime::device`](crate::Runtime::device). Without it,
    /// resident buffers decide, else `auto`.
    ///
    /// With several (`all`, or a list such as `gpu:0,cpu`), branches of the chain that do not wait for each other run on different
    /// devices at the same time: with `all` where that is predicted to be faster, with a list in any case, so that each device has a
    /// branch if there are enough. What one device computes and another needs is copied over once, as soon as it is there. The
    /// printed chain says what runs where, and why; [`ChainReport::members`] what each did. A chain with resident buffers,
    /// [`repeat_until`](ChainBuilder::repeat_until) or calls that all wait for each other runs on one of them, and such a chain alone
    /// takes a [checkpoint](Chain::checkpoint).
    ///
    /// ```
    /// # let rt = swath::Runtime::new()?;
    /// # let module = rt.module(
    /// #     "@group(0) @binding(0) var<uniform> factor: f32;
    /// #      @group(0) @binding(1) var<storage, read_write> data: array<f32>;
    /// #      @compute @workgroup_size(64) fn scale(@builtin(global_invocation_id) id: vec3u) {
    /// #          if id.x < arrayLength(&data) { data[id.x] *= factor; }
    /// #      }",
    /// # )?;
    /// # let scale = module.kernel("scale")?;
    /// let mut chain = rt.chain();
    /// let [x, y] = [chain.in_out::<f32>(3), chain.in_out::<f32>(3)];
    /// chain.call(&scale).set("factor", 2.0f32).bind("data", x).grid([3]);
    /// chain.call(&scale).set("factor", 3.0f32).bind("data", y).grid([3]);
    /// chain.device("all"); // the two do not wait for each other
    /// let chain = chain.build()?;
    /// println!("{chain}");
    ///
    /// let (mut a, mut b) = ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]);
    /// chain.run([], [x.update(&mut a), y.update(&mut b)])?;
    /// assert_eq!((a, b), ([2.0, 4.0, 6.0], [3.0, 6.0, 9.0]));
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn device<'d>(&mut self, device: impl Into<DeviceChoice<'d>>) -> &mut Self {
        let choice = device.into();
        let is_reproducible = choice.is_reproducible();
        let one = |asked: Option<Asked>| match asked {
            asked if is_reproducible => {
                self.devices.reproducible(asked.as_ref(), Message::new).map(|device| Some(Asked::One(device)))
            }
            asked => Ok(asked),
        };
        match self.devices.choose(choice).and_then(one) {
            Ok(asked) => self.asked = asked,
            Err(error) => self.error = self.error.take().or(Some(error)),
        }
        self
    }

    /// Has each branch run on the device of this number among those asked for, whatever is predicted: for tests.
    #[doc(hidden)]
    pub fn place_branches(&mut self, device_of: impl Fn(usize) -> usize + Send + Sync + 'static) -> &mut Self {
        self.placing = Some(Box::new(device_of));
        self
    }

    /// Checks the whole chain, chooses the device, lays out and makes the memory, and compiles the kernels.
    ///
    /// # Errors
    ///
    /// The first thing that was wrong with a slot, a call or a loop, as [`Error::Call`] or [`Error::Buffer`]; then
    /// [`Error::NoDevice`] and [`Error::Unsupported`] where no device can run it, and [`Error::OutOfMemory`].
    pub fn build(self) -> Result<Chain> {
        build::build(self)
    }

    /// Does `step` unless an earlier one failed.
    fn attempt(&mut self, step: impl FnOnce(&mut Self) -> Result<()>) {
        if self.error.is_none()
            && let Err(error) = step(self)
        {
            self.error = Some(error);
        }
    }

    /// The memory that a slot means now.
    fn memory_of(&self, chain: u64, number: usize) -> Result<usize> {
        match self.recording.slots.get(number) {
            Some(slot) if chain == self.id => Ok(slot.memory),
            _ => Err(refuse("a slot belongs to another chain", "use the slots that this chain's builder made")),
        }
    }
}

impl fmt::Debug for ChainBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainBuilder")
            .field("slots", &self.recording.slots.len())
            .field("steps", &self.recording.steps.len())
            .finish_non_exhaustive()
    }
}
