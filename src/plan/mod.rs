//! Plans: how a call is cut into tiles, and where its data lies meanwhile. A plan is plain data; nothing of a device is
//! touched to make one.
//!
//! [`Call::plan`](crate::Call::plan) gives the plan of a call. It cuts the grid along one axis ([`TileSpace`]), says for
//! each binding where its data is while the call runs ([`Residency`]), and why the grid is cut at all ([`Reason`]).
//! A call whose data fits the device is one tile, and runs as its author wrote it. One that does not is *streamed*: each
//! tile is given its own ranges of the buffers that follow the grid (see [`access`](crate::access)), while buffers
//! that do not follow it stay on the device as a whole. What the device cannot hold goes to the CPU engine, which
//! works in the host's memory, and the plan says so.
//!
//! ```
//! let rt = swath::Runtime::new()?;
//! let module = rt.module(
//!     "@group(0) @binding(0) var<storage, read> x: array<f32>;
//!      @group(0) @binding(1) var<storage, read_write> y: array<f32>;
//!      @compute @workgroup_size(64) fn double(@builtin(global_invocation_id) id: vec3u) {
//!          if id.x < arrayLength(&x) { y[id.x] = 2.0 * x[id.x]; }
//!      }",
//! )?;
//! let x = vec![1.0f32; 10_000];
//! let mut y = vec![0.0f32; 10_000];
//! let job = rt.call(&module.kernel("double")?).read("x", &x).write("y", &mut y).grid([10_000]).tiles(4).plan()?;
//! println!("{job}");
//! assert_eq!(job.plan().tiles.count(), 4);
//! let report = job.run()?;
//! assert_eq!(report.tiles(), 4);
//! assert!(y.iter().all(|&y| y == 2.0));
//! # Ok::<(), swath::Error>(())
//! ```

mod cache;
mod explain;
mod place;
pub(crate) mod request;
mod slices;
mod split;
mod tile;

use std::sync::Arc;
#[cfg(feature = "gpu")]
use std::sync::OnceLock;

#[cfg(feature = "gpu")]
use crate::kernel::passes::Proven;

pub(crate) use cache::PlanCache;
pub(crate) use place::{Misfit, SETS};
use request::{CallShape, PlanRequest};
pub(crate) use tile::Part;
pub use tile::TileSpace;

use crate::{
    access::{Analysis, Place, Verdict},
    error::Result,
    kernel::Kernel,
};

/// How a call runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The kernel's name.
    pub kernel: String,
    /// The device, by its short name and its name.
    pub device: String,
    /// The device that was to run it, and why it does not; nothing where it does.
    pub detour: Option<Detour>,
    /// Why one device runs all of the call, though several were asked for; nothing where that was not so.
    pub unsplit: Option<String>,
    /// Why several devices share the call, though it leaves the device open; nothing where that is not so.
    pub shared: Option<String>,
    /// The values of constants that the call leaves open, where they were tuned for the device: `WG = 128`.
    pub tuned: Option<String>,
    /// The shape of the workgroups that the device runs, where that is not the author's: the kernel does not see it, and everything
    /// else counts the author's.
    pub shape: Option<[u32; 3]>,
    /// Workgroups along x, y and z.
    pub workgroups: [u32; 3],
    /// How the grid is cut.
    pub tiles: TileSpace,
    /// One for each of the kernel's bindings, in their order.
    pub bindings: Vec<Binding>,
    /// Why the grid is cut; empty where it is not.
    pub reasons: Vec<Reason>,
    /// Bytes of device memory that the call's host data takes at most at a time.
    pub device_bytes: u64,
    analysis: Arc<Analysis>,
    /// Where the kernel's module is proven to stay in bounds, once somebody has asked.
    #[cfg(feature = "gpu")]
    proven: OnceLock<Arc<Proven>>,
}

/// A device that could not run a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Detour {
    /// The device, by its short name and its name.
    pub device: String,
    /// Why it does not run the call.
    pub reason: String,
}

/// A binding of a planned call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Binding {
    /// The WGSL variable.
    pub name: String,
    /// Bytes of its data.
    pub bytes: u64,
    /// Where its data is while the call runs.
    pub residency: Residency,
    /// How it can be divided.
    pub verdict: Verdict,
    /// What decided that, in words.
    pub reason: String,
    /// The access that decided it.
    pub place: Option<Place>,
    /// The most bytes of it that a tile needs on the device.
    pub tile_bytes: u64,
    /// Bytes of an element of its array.
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    element: u64,
}

/// Where the data of a binding is while a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Residency {
    /// A uniform, which every tile gets.
    Uniform,
    /// In the host's memory, where the CPU engine works on it.
    Host,
    /// In a [`Buffer`](crate::Buffer) that was on the device before the call.
    Resident,
    /// On the device as a whole, from the first tile to the last.
    Whole,
    /// On the device in parts: each tile is given its own.
    Streamed,
}

/// Why a grid is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A binding is larger than the device binds.
    Binding {
        /// The WGSL variable.
        name: String,
        /// Its bytes.
        bytes: u64,
        /// The most bytes that the device takes.
        limit: u64,
        /// That limit's name in WebGPU.
        limit_name: &'static str,
    },
    /// The data does not fit in the device's memory, or in what the caller allows of it.
    Memory {
        /// Bytes of all host data.
        needed: u64,
        /// Bytes that there are.
        budget: u64,
        /// Whether the caller set that limit.
        asked: bool,
    },
    /// The grid has more workgroups along an axis than a dispatch of the device: a tile is several dispatches.
    Dispatch {
        /// Workgroups along an axis.
        limit: u32,
    },
    /// The caller asked for that many tiles.
    Asked {
        /// The number of tiles.
        tiles: u32,
    },
    /// Somebody wants to hear how far the call is.
    Progress,
    /// What is done is recorded meanwhile.
    Checkpoint,
}

/// News of a call that runs in tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TileEvent {
    /// The tile that is done, from 0.
    pub tile: u32,
    /// How many there are. Where several devices share a call its tiles are sized while it runs: then how many there have
    /// been.
    pub tiles: u32,
    /// Units that are done, of [`units`](TileEvent::units).
    pub units_done: u32,
    /// Units of the call (see [`TileSpace::units`]).
    pub units: u32,
}

impl TileEvent {
    /// How much of the call is done, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        f64::from(self.units_done) / f64::from(self.units.max(1))
    }
}

impl Plan {
    /// Whether tiles are given parts of buffers.
    pub fn is_streamed(&self) -> bool {
        self.bindings.iter().any(|binding| binding.residency == Residency::Streamed)
    }

    /// Whether more than one launch of all the data is needed.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_streamed() || self.tiles.count() > 1
    }

    /// The same plan, made because another device cannot hold the call, or is not trusted with it.
    pub(crate) fn with_detour(&self, detour: Detour) -> Plan {
        Plan { detour: Some(detour), ..self.clone() }
    }

    /// The same plan, of a call that several devices cannot share.
    pub(crate) fn with_unsplit(&self, reason: &str) -> Plan {
        Plan { unsplit: Some(reason.to_owned()), ..self.clone() }
    }

    /// The same plan, of a call that several devices share because that pays.
    pub(crate) fn with_shared(&self, reason: &str) -> Plan {
        Plan { shared: Some(reason.to_owned()), ..self.clone() }
    }

    /// The same plan, on a device that runs workgroups of another shape.
    pub(crate) fn with_shape(&self, shape: [u32; 3]) -> Plan {
        Plan { shape: Some(shape), ..self.clone() }
    }

    /// The same plan, of a call with constants that were tuned.
    pub(crate) fn with_tuned(&self, constants: &str) -> Plan {
        Plan { tuned: Some(constants.to_owned()), ..self.clone() }
    }

    /// What is known about the kernel's accesses in this call.
    pub(crate) fn analysis(&self) -> &Analysis {
        &self.analysis
    }
}

/// Plans a call; `device` is how the device is called.
pub(crate) fn plan(kernel: &Kernel, given: &PlanRequest<'_>, device: &str) -> Result<Result<Plan, Misfit>> {
    let analysis = kernel.access_or_unknown(&given.numbers(kernel))?;
    Ok(plan_as(kernel, given, device, analysis))
}

/// The plan of a call without workgroups.
pub(crate) fn plan_nothing(kernel: &Kernel, given: &PlanRequest<'_>, device: &str) -> Plan {
    let analysis = kernel.unknown_access(Some(given.shape.workgroups), "nothing runs");
    // In the host's memory there are no limits.
    let shape = CallShape { capacity: None, tiles: None, reports: false, ..given.shape.clone() };
    let given = PlanRequest { shape, uniforms: given.uniforms };
    plan_as(kernel, &given, device, analysis).expect("the host's memory holds any call")
}

fn plan_as(kernel: &Kernel, given: &PlanRequest<'_>, device: &str, analysis: Analysis) -> Result<Plan, Misfit> {
    let analysis = Arc::new(analysis);
    place::place(kernel, &given.shape, &analysis).map(|placed| Plan {
        kernel: kernel.name().to_owned(),
        device: device.to_owned(),
        detour: None,
        unsplit: None,
        shared: None,
        tuned: None,
        shape: None,
        workgroups: given.shape.workgroups,
        tiles: placed.tiles,
        bindings: placed.bindings,
        reasons: placed.reasons,
        device_bytes: placed.device_bytes,
        analysis,
        #[cfg(feature = "gpu")]
        proven: OnceLock::new(),
    })
}
