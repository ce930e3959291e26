//! Pipelines: compiled once for each kernel and device, kept in memory and, where the backend can,
//! on disk.

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use naga::{ResourceBinding, valid::GlobalUse};
use rustc_hash::FxHashMap;

use super::{
    Gpu,
    device::{Scopes, lock, translate},
};
use crate::{
    access::Numbers,
    error::{Error, Result},
    kernel::{
        BindingKind, Kernel,
        passes::{self, Guard, Refused, Variant},
    },
};

/// The bind group of the kernel's own bindings, numbered in the order of [`Kernel::bindings`]: one
/// group serves them all, however the author spread them.
pub(super) const DATA_GROUP: u32 = 0;

/// The bind group of the tile's uniform, in a pipeline that reads it.
pub(super) const TILE_GROUP: u32 = 1;

/// A kernel made ready for a device.
pub(super) struct Pipeline {
    /// A number that no other pipeline has.
    pub id: u64,
    pub pipeline: wgpu::ComputePipeline,
    pub data: wgpu::BindGroupLayout,
    /// For a variant that reads it: the layout of the tile's uniform, which has a dynamic offset, and of the status word
    /// if it has fuel.
    pub tile: Option<wgpu::BindGroupLayout>,
    /// For each binding, whether the kernel may write it.
    pub written: Vec<bool>,
}

/// The fingerprints of a kernel and of its variant.
type Key = (u64, u64);

/// A place for a pipeline, locked while it is compiled, so that nobody compiles it twice.
type Slot = Arc<Mutex<Option<Arc<Pipeline>>>>;

/// The pipelines of a device.
#[derive(Default)]
pub(super) struct Pipelines {
    slots: Mutex<FxHashMap<Key, Slot>>,
    /// For each kernel, by fingerprint, what is guarded whatever the numbers of the call are.
    guards: Mutex<FxHashMap<u64, Guard>>,
}

impl Pipelines {
    /// The kernel as it runs on any data: what is not in bounds for every grid and every size is guarded.
    pub fn variant(&self, kernel: &Kernel, tiled: bool) -> Variant {
        let mut guards = lock(&self.guards);
        let guard = guards.entry(kernel.inner.fingerprint).or_insert_with(|| {
            match kernel.proven_in_bounds(&Numbers::new()) {
                Ok(proven) => Guard::Unproven(Arc::new(proven)),
                // What the analysis cannot read, a GPU may well run.
                Err(_) => Guard::All,
            }
        });
        Variant { tiled, guard: guard.clone(), ..Variant::default() }
    }

    /// The pipeline of a variant of the kernel, and the time it took to compile it now: zero when it was there.
    pub fn get(&self, gpu: &Gpu, kernel: &Kernel, variant: &Variant) -> Result<(Arc<Pipeline>, Duration)> {
        let key = (kernel.inner.fingerprint, variant.fingerprint());
        let slot = Arc::clone(lock(&self.slots).entry(key).or_default());
        let mut slot = lock(&slot);
        if let Some(pipeline) = &*slot {
            return Ok((Arc::clone(pipeline), Duration::ZERO));
        }
        let start = Instant::now();
        let pipeline = Arc::new(compile(gpu, kernel, variant)?);
        *slot = Some(Arc::clone(&pipeline));
        let took = start.elapsed();
        tracing::debug!(
            kernel = kernel.name(),
            device = gpu.info.name,
            tiled = variant.tiled,
            ?took,
            "pipeline compiled"
        );
        gpu.disk.compiled();
        Ok((pipeline, took))
    }
}

fn compile(gpu: &Gpu, kernel: &Kernel, variant: &Variant) -> Result<Pipeline> {
    let module = module_for_device(gpu, kernel, variant)
        .map_err(|refused| Error::Unsupported(kernel.message(format!("its WGSL {refused}"))))?;
    let scopes = Scopes::open(&gpu.device);
    let pipeline = build(gpu, kernel, variant, module);
    match scopes.close() {
        Some(error) => Err(translate(error, &gpu.info.name, kernel.name(), "")),
        None => Ok(pipeline),
    }
}

fn build(gpu: &Gpu, kernel: &Kernel, variant: &Variant, module: naga::Module) -> Pipeline {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let label = Some(kernel.name());
    let source = wgpu::ShaderSource::Naga(Cow::Owned(module));
    let descriptor = wgpu::ShaderModuleDescriptor { label, source };
    let checks = wgpu::ShaderRuntimeChecks { bounds_checks: false, ..wgpu::ShaderRuntimeChecks::checked() };
    // SAFETY: what wgpu leaves out is checks of bounds, all others stay on. No access of the module needs them:
    // - `module_for_device` makes every load, store and atomic anew (`passes::rewrite`), under a guard unless the
    //   variant's `Guard::Unproven` has it. There is no variant without a guard, and one with fuel guards everything.
    // - What `Guard::Unproven` has is proven (`access::proven`) from numbers that hold for every dispatch of this
    //   pipeline: from none at all (`Pipelines::variant`), or from those of one plan (`stream::launch`). The proofs are
    //   part of the variant, and the pipeline is found by kernel and variant, so that no call runs under the proofs of
    //   another.
    // - Lengths of runtime-sized arrays are what the proofs and guards take them for. `arrayLength` gives the size that
    //   is bound, and where a slice is bound, the tile's uniform says what the plan says. Sized types are bound whole:
    //   wgpu compares bindings with the sizes that the module needs before each dispatch.
    let shader = unsafe { gpu.device.create_shader_module_trusted(descriptor, checks) };
    let entries: Vec<_> = (0..)
        .zip(kernel.bindings())
        .map(|(binding, resource)| layout_entry(binding, buffer_type(resource.kind), false))
        .collect();
    let layout = |entries: &[wgpu::BindGroupLayoutEntry]| {
        gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries })
    };
    let data = layout(&entries);
    let tile = variant.needs_tile().then(|| {
        let uniform = layout_entry(0, wgpu::BufferBindingType::Uniform, true);
        let status = layout_entry(1, wgpu::BufferBindingType::Storage { read_only: false }, false);
        layout(&[uniform, status][..1 + usize::from(variant.fuel)])
    });
    let pipeline_layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&data), tile.as_ref()][..1 + usize::from(tile.is_some())],
        immediate_size: 0,
    });
    let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module: &shader,
        entry_point: Some(kernel.name()),
        // Workgroup memory starts as zero, as WGSL says; overrides are resolved already.
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: gpu.disk.cache(),
    });
    let uses = kernel.inner.info.get_entry_point(kernel.inner.entry);
    let written = kernel.bindings().iter().map(|binding| uses[binding.global].contains(GlobalUse::WRITE)).collect();
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    Pipeline { id, pipeline, data, tile, written }
}

/// The kernel's module as the device gets it: its bindings numbered anew, and adapted as the variant says.
fn module_for_device(gpu: &Gpu, kernel: &Kernel, variant: &Variant) -> std::result::Result<naga::Module, Refused> {
    let mut module = kernel.inner.module.clone();
    let mut globals = Vec::new();
    for (binding, resource) in (0..).zip(kernel.bindings()) {
        module.global_variables.get_mut(resource.global).binding = Some(ResourceBinding { group: DATA_GROUP, binding });
        globals.push(resource.global);
    }
    let place = ResourceBinding { group: TILE_GROUP, binding: 0 };
    let mut adapted = passes::adapt(&module, &kernel.inner.info, kernel.inner.entry, &globals, variant, place)?;
    if gpu.info.backend == wgpu::Backend::Vulkan.to_str() {
        passes::write_out_zeros(&mut adapted)?;
    }
    Ok(adapted)
}

fn buffer_type(kind: BindingKind) -> wgpu::BufferBindingType {
    match kind {
        BindingKind::ReadStorage => wgpu::BufferBindingType::Storage { read_only: true },
        BindingKind::ReadWriteStorage => wgpu::BufferBindingType::Storage { read_only: false },
        BindingKind::Uniform => wgpu::BufferBindingType::Uniform,
    }
}

fn layout_entry(binding: u32, ty: wgpu::BufferBindingType, has_dynamic_offset: bool) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size: None },
        count: None,
    }
}
