//! Calls: a kernel, its arguments and its grid, checked and then run.

mod args;
mod asynchronous;
pub(crate) mod bind;
pub(crate) mod checkpoint;
mod compare;
pub(crate) mod element;
pub(crate) mod grid;
mod infer;
mod job;
mod launch;
pub(crate) mod place;
mod prefer;
mod progress;
mod search;
pub(crate) mod split;
#[cfg(all(test, feature = "cpu"))]
mod tests;
mod tune;
pub(crate) mod uniform;
mod unread;
#[cfg(any(feature = "glam", feature = "mint"))]
mod vectors;

use std::{fmt, time::Duration};

use bytemuck::NoUninit;

pub use args::{ReadArg, Untyped, WriteArg};
pub use asynchronous::{FailedCall, Outcome};
pub use checkpoint::Checkpoint;
pub use grid::Grid;
pub use job::{Job, Predicted};
pub use prefer::Prefer;
pub use progress::TileEvents;
pub use tune::{Tuned, TunedDevice, TunedVariant};
pub use uniform::UniformValue;

use crate::{
    device::{Asked, DeviceChoice, Devices},
    error::{Error, Message, Result},
    exec::CancelToken,
    kernel::Kernel,
    report::Report,
};
use args::{Arg, Data, OwnedData};
use bind::Access;
use grid::Extent;
use progress::Watchers;
use uniform::Uniforms;

/// A call of a kernel, being put together by its methods and then [`run`](Call::run).
///
/// Names are those of the WGSL variables. What is wrong with an argument is found when it is given,
/// and said by `run` before anything runs: the first error counts.
///
/// ```
/// let rt = swath::Runtime::new()?;
/// let module = rt.module(
///     "@group(0) @binding(0) var<uniform> factor: f32;
///      @group(0) @binding(1) var<storage, read> x: array<f32>;
///      @group(0) @binding(2) var<storage, read_write> y: array<f32>;
///      @compute @workgroup_size(64) fn scale(@builtin(global_invocation_id) id: vec3u) {
///          if id.x < arrayLength(&x) { y[id.x] = factor * x[id.x]; }
///      }",
/// )?;
/// let x = [1.0f32, 2.0, 3.0];
/// let mut y = vec![0.0f32; x.len()];
/// let call = rt.call(&module.kernel("scale")?).set("factor", 2.0f32).read("x", &x).write("y", &mut y);
/// let report = call.grid([x.len()]).run()?;
/// println!("{report}");
/// assert_eq!(y, [2.0, 4.0, 6.0]);
/// # Ok::<(), swath::Error>(())
/// ```
#[must_use = "a call does nothing until it is run"]
pub struct Call<'a> {
    /// Behind a pointer, for each method hands the call on.
    parts: Box<CallParts<'a>>,
}

/// What a call is put together from.
struct CallParts<'a> {
    devices: Devices,
    kernel: Kernel,
    /// One for each of the kernel's bindings; none for uniforms.
    args: Vec<Option<Arg<'a>>>,
    uniforms: Uniforms,
    extent: Option<Extent>,
    device: Option<Asked>,
    deadline: Option<Duration>,
    tokens: Vec<CancelToken>,
    /// The one of them that the future of an asynchronous call cancels when it is dropped.
    on_drop: Option<CancelToken>,
    memory: Option<u64>,
    tiles: Option<u32>,
    watchers: Watchers<'a>,
    checkpoint: Option<Box<Checkpoint<'a>>>,
    is_reproducible: bool,
    is_exact: bool,
    prefer: Prefer,
    error: Option<Box<Error>>,
    /// Vectors that were given and not bound, for there was an error.
    refused: Vec<(String, Box<dyn OwnedData>)>,
}

impl<'a> CallParts<'a> {
    fn new(devices: Devices, kernel: Kernel) -> CallParts<'a> {
        let args = kernel.bindings().iter().map(|_| None).collect();
        let uniforms = Uniforms::new(&kernel);
        CallParts {
            devices,
            kernel,
            args,
            uniforms,
            extent: None,
            device: None,
            deadline: None,
            tokens: Vec::new(),
            on_drop: None,
            memory: None,
            tiles: None,
            watchers: Watchers::default(),
            checkpoint: None,
            is_reproducible: false,
            is_exact: false,
            prefer: Prefer::Time,
            error: None,
            refused: Vec::new(),
        }
    }

    /// Binds `arg`, unless there was an error before.
    fn bind(&mut self, name: &str, arg: Arg<'a>, access: Access) {
        if self.error.is_none() {
            let args = &mut self.args;
            let taken = |place: usize| args[place].is_some();
            match bind::place(&self.kernel, name, access, arg.element, arg.data.bytes(), taken) {
                Ok(place) => {
                    args[place] = Some(arg);
                    return;
                }
                Err(message) => self.error = Some(Box::new(Error::Call(message))),
            }
        }
        if let Data::Owned(vector) = arg.data {
            self.refused.push((name.to_owned(), vector));
        }
    }
}

impl<'a> Call<'a> {
    pub(crate) fn new(devices: Devices, kernel: Kernel) -> Call<'a> {
        Call::of(CallParts::new(devices, kernel))
    }

    fn of(parts: CallParts<'a>) -> Call<'a> {
        Call { parts: Box::new(parts) }
    }

    /// Sets a field of a uniform: `params.a`, `params.lights[2].pos`, `params.pos.x`; a uniform that
    /// is no struct by its name alone.
    ///
    /// Takes `f32`, `i32`, `u32`, `f16` and (for an integer field) `bool`; `[T; N]` for vectors and
    /// arrays; `[[T; ROWS]; COLUMNS]` for matrices and arrays of vectors. The type must be the field's, save that an integer literal
    /// (an `i32`) and a `usize` serve all that can hold the number: `.set("params.n", data.len())`.
    /// Every field that the kernel reads must be set, save those whose names start with `_` or `pad`.
    pub fn set(mut self, path: &str, value: impl UniformValue) -> Self {
        self.attempt(|call| call.uniforms.set(&call.kernel, path, &value));
        self
    }

    /// Sets the uniform `name` from a value with the layout that WGSL gives its type.
    pub fn uniform<T: NoUninit>(mut self, name: &str, value: &T) -> Self {
        self.attempt(|call| call.uniforms.set_whole(&call.kernel, name, value));
        self
    }

    /// Sets the uniform `name` from bytes that are laid out as WGSL says, for callers that know its type only
    /// when they run (see [`Binding::ty`](crate::Binding::ty)).
    pub fn uniform_bytes(mut self, name: &str, bytes: &[u8]) -> Self {
        self.attempt(|call| call.uniforms.set_bytes(&call.kernel, name, bytes));
        self
    }

    /// Binds data that the kernel only reads: a `var<storage, read>`, or a `var<storage, read_write>` that it never writes.
    ///
    /// The element type must be the binding's scalar type or a vector of it, or else a struct of the
    /// element's size; `&[f32]` serves `array<vec4f>`.
    pub fn read(mut self, name: &str, data: impl Into<ReadArg<'a>>) -> Self {
        let ReadArg(arg) = data.into();
        self.parts.bind(name, arg, Access::Read);
        self
    }

    /// Binds data that the kernel writes and does not read: a `var<storage, read_write>`. What the
    /// kernel does not write keeps its contents.
    pub fn write(mut self, name: &str, data: impl Into<WriteArg<'a>>) -> Self {
        let WriteArg(arg) = data.into();
        self.parts.bind(name, arg, Access::Write);
        self
    }

    /// Binds data that the kernel reads and writes: a `var<storage, read_write>`.
    pub fn read_write(mut self, name: &str, data: impl Into<WriteArg<'a>>) -> Self {
        let WriteArg(arg) = data.into();
        self.parts.bind(name, arg, Access::ReadWrite);
        self
    }

    /// How many invocations to run along x, y and z, rounded up to whole workgroups: a kernel checks
    /// its id against the length of its data.
    ///
    /// It may be left out where the outputs tell: where each is an array of which every invocation along x writes its
    /// own element, and all are of one length, that is the grid.
    pub fn grid(mut self, grid: impl Into<Grid>) -> Self {
        self.parts.extent = Some(Extent::Invocations(grid.into()));
        self
    }

    /// How many workgroups to run along x, y and z; instead of [`grid`](Call::grid).
    pub fn workgroups(mut self, workgroups: impl Into<Grid>) -> Self {
        self.parts.extent = Some(Extent::Workgroups(workgroups.into()));
        self
    }

    /// The most device memory that the call's host data may take at a time, in bytes. What needs more runs in tiles whose
    /// data fits, and where that cannot be, on the CPU engine, which works in the host's memory.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.parts.memory = Some(bytes);
        self
    }

    /// How many tiles to run the call in, or as many as there are workgroups along the axis that is cut, if those are
    /// fewer; without it as few as the device allows. Results are the same, whatever their number. A call whose data
    /// does not fit the device takes more if it needs them.
    pub fn tiles(mut self, count: u32) -> Self {
        self.parts.tiles = Some(count.max(1));
        self
    }

    /// The device to run on: a [`Device`](crate::Device), or a name as [`Runtime::device`](crate::Runtime::device) takes it.
    /// Without it, resident buffers decide, else `auto`.
    ///
    /// Several devices share the call where it can be cut: a list of them, or their names with commas between
    /// (`gpu:0,cpu`), of which each gets work if there is enough; or `all`, which leaves out who does not help. Each claims
    /// parts of the grid when it is free. Integers are the same bits as on one device; floats are those of whichever
    /// device computed them. The [plan](crate::plan::Plan) says why a call is not cut.
    ///
    /// ```
    /// let rt = swath::Runtime::new()?;
    /// let module = rt.module(
    ///     "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
    ///      @compute @workgroup_size(64) fn square(@builtin(global_invocation_id) id: vec3u) {
    ///          if id.x < arrayLength(&y) { y[id.x] = id.x * id.x; }
    ///      }",
    /// )?;
    /// let mut y = vec![0u32; 100_000];
    /// let report = rt.call(&module.kernel("square")?).write("y", &mut y).device("all").run()?;
    /// for member in report.members() {
    ///     println!("{}: {} units in {:?}", member.device().name(), member.units(), member.busy_time());
    /// }
    /// assert_eq!(y[300], 90_000);
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn device<'d>(mut self, device: impl Into<DeviceChoice<'d>>) -> Self {
        let choice = device.into();
        let parts = &mut *self.parts;
        parts.is_reproducible |= choice.is_reproducible();
        match parts.devices.choose(choice) {
            Ok(device) => parts.device = device,
            Err(error) => _ = parts.error.get_or_insert(Box::new(error)),
        }
        self
    }

    /// Has the results be the same bits in every run: the call runs on the CPU engine, or on the one device that is named (by
    /// [`device`](Call::device) or by `SWATH_DEVICE`), and nowhere else. It is not split, not chosen by what was learned, and
    /// does not go elsewhere where it does not fit.
    ///
    /// What order or scheduling decides stays as the kernel has it: a kernel whose invocations race may give other results
    /// with every run.
    ///
    /// ```
    /// let rt = swath::Runtime::new()?;
    /// let module = rt.module(
    ///     "@group(0) @binding(0) var<storage, read_write> y: array<f32>;
    ///      @compute @workgroup_size(64) fn root(@builtin(global_invocation_id) id: vec3u) {
    ///          if id.x < arrayLength(&y) { y[id.x] = sqrt(f32(id.x)); }
    ///      }",
    /// )?;
    /// let mut y = [0.0f32; 100];
    /// rt.call(&module.kernel("root")?).write("y", &mut y).reproducible().run()?;
    /// assert_eq!(y[49], 7.0);
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn reproducible(mut self) -> Self {
        self.parts.is_reproducible = true;
        self
    }

    /// Has the call run in workgroups of the size that the kernel's author wrote, on every device.
    ///
    /// Without it, a kernel that does not see the shape of its workgroups may run in others: one that has no workgroup memory,
    /// barriers or subgroup operations, reads no ids but `global_invocation_id`, and has no loop that reads what other invocations
    /// write. Its results are the same. Where its workgroups are small (`@workgroup_size(1)`), devices run it in rows along x that suit
    /// them, and the [plan](Call::plan) says so. Grids, units and reports count the author's workgroups in any case.
    pub fn exact_workgroups(mut self) -> Self {
        self.parts.is_exact = true;
        self
    }

    /// How long the call may take, from [`run`](Call::run) or [`run_async`](Call::run_async) on, transfers included.
    /// Then it ends with [`Error::Deadline`].
    ///
    /// The CPU engine stops the kernel. A GPU cannot be interrupted: the call returns all the same, and other calls
    /// on that GPU are refused with [`Error::Busy`] until it has finished the kernel. Compilation is not interrupted on
    /// either; [`Kernel::prepare`](crate::Kernel::prepare) does it ahead.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let rt = swath::Runtime::new()?;
    /// let module = rt.module(
    ///     "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
    ///      @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
    ///          if id.x < arrayLength(&y) { y[id.x] = id.x; }
    ///      }",
    /// )?;
    /// let mut y = [0u32; 4];
    /// let call = rt.call(&module.kernel("count")?).write("y", &mut y).grid([4]);
    /// call.deadline(Duration::from_secs(10)).run()?;
    /// assert_eq!(y, [0, 1, 2, 3]);
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.parts.deadline = Some(limit);
        self
    }

    /// Lets `token` end the call, with [`Error::Cancelled`] and otherwise as at a [`deadline`](Call::deadline). Given
    /// several tokens, each of them can.
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.parts.tokens.push(token.clone());
        self
    }

    /// Runs the call and waits for its results, which are then in the slices and vectors that were
    /// bound for writing.
    ///
    /// # Errors
    ///
    /// Before anything runs: [`Error::Call`] where the arguments or the grid are wrong,
    /// [`Error::NoDevice`] and [`Error::Unsupported`] where no device can run it, [`Error::Busy`] where the device
    /// still runs a call that was given up. After that [`Error::OutOfMemory`], [`Error::Device`], [`Error::DeviceLost`],
    /// [`Error::Deadline`] and [`Error::Cancelled`]; what was bound for writing is then initialised but unspecified.
    pub fn run(self) -> Result<Report> {
        self.check()?.launch_now()
    }

    /// Does `step` unless an earlier one failed.
    fn attempt(&mut self, step: impl FnOnce(&mut CallParts<'a>) -> Result<(), Message>) {
        if self.parts.error.is_none()
            && let Err(message) = step(&mut self.parts)
        {
            self.parts.error = Some(Box::new(Error::Call(message)));
        }
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("kernel", &self.parts.kernel)
            .field("extent", &self.parts.extent)
            .finish_non_exhaustive()
    }
}
