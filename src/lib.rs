//! Runs data-parallel kernels written in plain WGSL on GPUs through wgpu, or on the CPU.
//!
//! A kernel is a compute entry point of a WGSL module. A call names its arguments as the WGSL names
//! its variables, takes host slices as they are, and says how many invocations to run:
//!
//! ```
//! let rt = swath::Runtime::new()?; // every GPU, and the CPU engine
//! let module = rt.module(
//!     "
//!     struct Params { a: f32 }
//!     @group(0) @binding(0) var<uniform> params: Params;
//!     @group(0) @binding(1) var<storage, read> x: array<f32>;
//!     @group(0) @binding(2) var<storage, read_write> y: array<f32>;
//!
//!     @compute @workgroup_size(64)
//!     fn saxpy(@builtin(global_invocation_id) id: vec3u) {
//!         if id.x < arrayLength(&y) { y[id.x] = params.a * x[id.x] + y[id.x]; }
//!     }
//!     ",
//! )?;
//! let saxpy = module.kernel("saxpy")?;
//!
//! let x: Vec<f32> = (0..1000).map(|i| i as f32).collect();
//! let mut y = vec![1.0f32; x.len()];
//! let report = rt
//!     .call(&saxpy)
//!     .set("params.a", 2.5f32)
//!     .read("x", &x)
//!     .read_write("y", &mut y)
//!     .grid([x.len()])
//!     .run()?;
//!
//! assert_eq!(y[10], 2.5 * 10.0 + 1.0);
//! println!("{report}"); // where it ran, and what it took
//! # Ok::<(), swath::Error>(())
//! ```
//!
//! # Data
//!
//! | WGSL | in the call | host data |
//! |---|---|---|
//! | `var<uniform>` | [`set`](Call::set) by path, [`uniform`](Call::uniform) as a whole | scalars, arrays; any plain struct |
//! | `var<storage, read>` | [`read`](Call::read) | `&[T]`, [`&Buffer<T>`](Buffer) |
//! | `var<storage, read_write>` | [`write`](Call::write), [`read_write`](Call::read_write) | `&mut [T]`, [`&Buffer<T>`](Buffer) |
//!
//! `T` is `f32`, `i32`, `u32`, [`half::f16`], an array of them, or a struct that is
//! [`bytemuck::Pod`] and has the size that WGSL gives the element. `&[f32]`
//! serves `array<f32>` and `array<vec4f>`. An element of `array<vec3f>` takes 16 bytes, and a call
//! that forgets it is told so, with the layout.
//!
//! A [`Buffer`] stays on its device from call to call; [`Call::run_async`] takes vectors and hands them back.
//!
//! # What a call promises
//!
//! A wrong call is an [`Error`] before anything runs, and says what is wrong, where, and what to do.
//! Out of bounds, reads give zero and writes are dropped. What the kernel does not write keeps its
//! contents. After an error while it runs, what was bound for writing is initialised but unspecified.
//!
//! A call ends early at its [`deadline`](Call::deadline), or when its [`CancelToken`] says so.
//!
//! Integers come out the same on every device. Floats come out the same on the CPU engine, whatever
//! the number of threads; across devices each operation is within WGSL's accuracy and no more.
//!
//! # Features
//!
//! `gpu` brings wgpu, `cpu` the CPU engine, and `cli` the `swath` command with the samples; all three
//! are on by default, and so is `derive`, which has structs checked field by field ([`layout`]). A library wants
//! `default-features = false, features = ["gpu", "cpu", "derive"]`. `glam` and `mint` have `.set` take the
//! vectors and matrices of these crates. `imports` brings modules from
//! several files, as WESL and naga_oil have them.
#![warn(missing_docs)]

pub mod access;
mod buffer;
mod bytes;
mod call;
pub mod chain;
pub mod cost;
mod device;
mod device_info;
mod digest;
mod environment;
pub mod error;
mod exec;
#[doc(hidden)]
pub mod file;
mod ir;
mod journal;
mod kernel;
#[cfg(feature = "derive")]
pub mod layout;
pub mod plan;
mod report;
mod runtime;
#[cfg(feature = "cli")]
pub mod samples;
#[doc(hidden)]
pub mod schedule;
mod trace;
mod trust;

pub use buffer::Buffer;
#[doc(hidden)]
pub use bytes::parse_bytes;
pub use call::{
    Call, Checkpoint, FailedCall, Grid, Job, Outcome, Predicted, Prefer, ReadArg, TileEvents, Tuned, TunedDevice,
    TunedVariant, UniformValue, Untyped, WriteArg,
};
pub use chain::{Chain, ChainBuilder};
pub use cost::History;
pub use device::{Device, DeviceChoice};
pub use device_info::{DeviceInfo, DeviceKind};
pub use error::{Error, Result};
pub use exec::CancelToken;
pub use journal::CheckpointEvery;
#[doc(hidden)]
pub use journal::{FinalFile, Progress};
#[doc(hidden)]
pub use kernel::names::nearest as nearest_name;
pub use kernel::{Binding, BindingKind, ConstValue, Field, Kernel, Module, OverrideConstant, Scalar, Type};
#[cfg(feature = "imports")]
pub use kernel::{Define, Sources};
pub use report::{FaultReport, MemberReport, Report};
pub use runtime::{Runtime, RuntimeBuilder};
pub use trace::Trace;
pub use trust::FailedProbe;

#[cfg(feature = "derive")]
pub use swath_derive::Layout;

#[cfg(feature = "gpu")]
pub use wgpu;
