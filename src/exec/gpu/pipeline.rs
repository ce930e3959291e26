//! Pipelines: compiled once for each kernel and device; the last used are kept in memory and, where the backend can,
//! all on disk.

use std::{
    borrow::Cow,
    num::NonZero,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use lru::LruCache;
use naga::{ResourceBinding, valid::GlobalUse};
use rustc_hash::FxBuildHasher;

use super::{
    Gpu,
    device::{Scopes, lock, translate},
    memory::padded,
    submit,
    turns::Rate,
};
use crate::{
    access::Numbers,
    error::{Error, Result},
    kernel::{
        BindingKind, Kernel,
        identity::Identity,
        passes::{self, Guard, Refused, TileUniform, Variant},
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
    /// For a variant that reads it: the layout of the tile's uniform, which has a dynamic offset, and of the status if it
    /// has one.
    pub tile: Option<wgpu::BindGroupLayout>,
    /// For each binding, whether the kernel may write it.
    pub written: Vec<bool>,
    /// How long it takes.
    pub rate: Rate,
}

/// Pipelines that are kept, the last used ones. A software driver holds about a megabyte of machine code for each.
const KEPT: NonZero<usize> = NonZero::new(128).expect("some are kept");

/// Kernels of which is kept what is to be guarded: some kilobytes each.
const KEPT_GUARDS: NonZero<usize> = NonZero::new(1024).expect("some are kept");

/// Bytes of a binding up to which a pipeline is run once on memory made for that.
const MOST_TO_WARM: u64 = 16 << 20;

/// What a pipeline is found by.
type Key = (Identity, Variant);

/// A place for a pipeline, locked while it is compiled, so that nobody compiles it twice.
type Slot = Arc<Mutex<Option<Arc<Pipeline>>>>;

/// The pipelines of a device. Those in use live on when they are not kept any more.
pub(super) struct Pipelines {
    slots: Mutex<LruCache<Key, Slot, FxBuildHasher>>,
    /// What is guarded in a kernel whatever the numbers of the call are.
    guards: Mutex<LruCache<Identity, Guard, FxBuildHasher>>,
}

impl Default for Pipelines {
    fn default() -> Self {
        let (slots, guards) =
            (LruCache::with_hasher(KEPT, FxBuildHasher), LruCache::with_hasher(KEPT_GUARDS, FxBuildHasher));
        Pipelines { slots: Mutex::new(slots), guards: Mutex::new(guards) }
    }
}

impl Pipelines {
    /// The kernel as it runs on any data: what is not in bounds for every grid and every size is guarded.
    pub fn variant(&self, kernel: &Kernel, tiled: bool) -> Variant {
        let known = lock(&self.guards).get(&kernel.inner.identity).cloned();
        let guard = known.unwrap_or_else(|| {
            let guard = match kernel.proven_in_bounds(&Numbers::new()) {
                Ok(proven) => Guard::Unproven(Arc::new(proven)),
                // What the analysis cannot read, a GPU may well run.
                Err(_) => Guard::All,
            };
            lock(&self.guards).put(kernel.inner.identity.clone(), guard.clone());
            guard
        });
        Variant { tiled, guard, ..Variant::default() }
    }

    /// The place of a pipeline. The one that was not used for longest makes room for a new one.
    fn slot(&self, kernel: &Kernel, variant: &Variant) -> Slot {
        let key = (kernel.inner.identity.clone(), variant.clone());
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(&key) {
            return Arc::clone(slot);
        }
        let slot = Slot::default();
        let evicted = slots.push(key, Arc::clone(&slot));
        // A driver may take its time to let go of a pipeline, and others need not wait for that.
        drop(slots);
        drop(evicted);
        slot
    }

    /// The pipeline of a variant of the kernel, and the time it took to compile it now: zero when it was there.
    pub fn get(&self, gpu: &Gpu, kernel: &Kernel, variant: &Variant) -> Result<(Arc<Pipeline>, Duration)> {
        let slot = self.slot(kernel, variant);
        let mut slot = lock(&slot);
        if let Some(pipeline) = &*slot {
            return Ok((Arc::clone(pipeline), Duration::ZERO));
        }
        let start = Instant::now();
        let pipeline = Arc::new(compile(gpu, kernel, variant)?);
        let took = start.elapsed() + warm(gpu, kernel, variant, &pipeline)?;
        *slot = Some(Arc::clone(&pipeline));
        tracing::debug!(
            kernel = %kernel.inner.identity,
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

/// Has the driver do now what some do at a pipeline's first dispatch: compile. Gives the time that took. A dispatch of no
/// workgroups reads and writes nothing.
///
/// Left out where the device's clock times kernels, which the host's work does not count in, where other work keeps the
/// device busy, and for very large bindings: there the first dispatch may count what the driver compiles.
fn warm(gpu: &Gpu, kernel: &Kernel, variant: &Variant, pipeline: &Pipeline) -> Result<Duration> {
    let large = kernel.bindings().iter().any(|binding| binding.min_bytes() > MOST_TO_WARM);
    if gpu.timers.time_launches() || gpu.given_up.load(Ordering::Acquire) != 0 || large {
        return Ok(Duration::ZERO);
    }
    gpu.guarded(kernel.name(), "", || {
        let scratch = |bytes, usage| gpu.create_buffer(padded(bytes), usage, "first dispatch");
        let usage = |kind| match kind {
            BindingKind::Uniform => wgpu::BufferUsages::UNIFORM,
            BindingKind::ReadStorage | BindingKind::ReadWriteStorage => wgpu::BufferUsages::STORAGE,
        };
        let data = kernel.bindings().iter().map(|binding| scratch(binding.min_bytes(), usage(binding.kind)));
        let data = bind_whole(gpu, &pipeline.data, &data.collect::<Result<Vec<_>>>()?);
        let tile = match &pipeline.tile {
            None => None,
            Some(layout) => {
                let mut buffers =
                    vec![scratch(TileUniform::size(kernel.bindings().len()), wgpu::BufferUsages::UNIFORM)?];
                if variant.has_status() {
                    buffers.push(scratch(submit::STATUS as u64, wgpu::BufferUsages::STORAGE)?);
                }
                Some(bind_whole(gpu, layout, &buffers))
            }
        };
        // What others have submitted is not this kernel's time.
        gpu.wait(gpu.queue.submit([]), None)?;
        let start = Instant::now();
        let mut encoder = gpu.encoder();
        let mut pass = submit::begin_pass(&mut encoder, pipeline, &data, None);
        if let Some(tile) = &tile {
            pass.set_bind_group(TILE_GROUP, tile, &[0]);
        }
        pass.dispatch_workgroups(0, 1, 1);
        drop(pass);
        gpu.wait(gpu.queue.submit([encoder.finish()]), None)?;
        Ok(start.elapsed())
    })
}

/// Binds the whole of each buffer.
fn bind_whole(gpu: &Gpu, layout: &wgpu::BindGroupLayout, buffers: &[wgpu::Buffer]) -> wgpu::BindGroup {
    let entries: Vec<_> = (0..)
        .zip(buffers)
        .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
        .collect();
    gpu.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
}

fn build(gpu: &Gpu, kernel: &Kernel, variant: &Variant, module: naga::Module) -> Pipeline {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let label = Some(kernel.name());
    let source = wgpu::ShaderSource::Naga(Cow::Owned(module));
    let descriptor = wgpu::ShaderModuleDescriptor { label, source };
    let checks = wgpu::ShaderRuntimeChecks { bounds_checks: false, ..wgpu::ShaderRuntimeChecks::checked() };
    // SAFETY: what wgpu leaves out is checks of bounds, all others stay on. No access of the module needs them:
    // - `module_for_device` makes every load, store and atomic anew (`passes::rewrite`), under a guard unless the
    //   variant's `Guard::Unproven` has it. There is no variant without a guard, and one whose loops may end early
    //   guards everything.
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
        layout(&[uniform, status][..1 + usize::from(variant.has_status())])
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
        cache: gpu.disk.cache().as_ref(),
    });
    let uses = kernel.inner.info.get_entry_point(kernel.inner.entry);
    let written = kernel.bindings().iter().map(|binding| uses[binding.global].contains(GlobalUse::WRITE)).collect();
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    Pipeline { id, pipeline, data, tile, rate: Rate::default(), written }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Module;

    fn kernel(number: usize) -> Kernel {
        let wgsl = format!("@compute @workgroup_size({}) fn k() {{}}", number + 1);
        Module::parse(&wgsl).and_then(|module| module.only_kernel()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn pipelines_are_found_by_kernel_and_variant_and_the_last_used_are_kept() {
        let (pipelines, plain) = (Pipelines::default(), Variant::default());
        let first = pipelines.slot(&kernel(0), &plain);
        // One made again from the same text is the same; another variant is not.
        assert!(Arc::ptr_eq(&first, &pipelines.slot(&kernel(0), &plain)));
        for other in [Variant { tiled: true, ..plain.clone() }, Variant { fuel: true, ..plain.clone() }] {
            assert!(!Arc::ptr_eq(&first, &pipelines.slot(&kernel(0), &other)));
        }
        for number in 1..KEPT.get() {
            pipelines.slot(&kernel(number), &plain);
            pipelines.slot(&kernel(0), &plain);
        }
        assert!(Arc::ptr_eq(&first, &pipelines.slot(&kernel(0), &plain)), "what is used stays");
        let kept = Arc::downgrade(&pipelines.slot(&kernel(1), &plain));
        for number in KEPT.get()..2 * KEPT.get() {
            pipelines.slot(&kernel(number), &plain);
        }
        assert_eq!(lock(&pipelines.slots).len(), KEPT.get());
        assert!(kept.upgrade().is_none(), "what is not used goes");
    }

    #[test]
    fn guards_are_worked_out_once_and_bounded() {
        let pipelines = Pipelines::default();
        let guard = |number| match pipelines.variant(&kernel(number), false).guard {
            Guard::Unproven(proven) => proven,
            Guard::All => panic!("the kernel can be analysed"),
        };
        let first = guard(0);
        assert!(Arc::ptr_eq(&first, &guard(0)));
        for number in 1..=KEPT_GUARDS.get() {
            guard(number);
        }
        assert_eq!(lock(&pipelines.guards).len(), KEPT_GUARDS.get());
        assert_eq!(Arc::strong_count(&first), 1);
    }
}
