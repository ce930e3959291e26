//! WGSL modules and the kernels in them: parsed, validated, overrides resolved, reflected.

pub(crate) mod accepted;
mod constant;
pub(crate) mod diagnostic;
pub(crate) mod fields;
mod guarded;
pub(crate) mod identity;
pub(crate) mod layout;
#[cfg(feature = "imports")]
mod link;
mod memo;
mod module;
pub(crate) mod names;
mod nesting;
#[cfg(feature = "gpu")]
pub(crate) mod passes;
mod polyfill;
pub(crate) mod powers;
mod read;
mod reflect;
mod remap;
pub(crate) mod requirements;
pub(crate) mod source;
mod specialize;
#[cfg(test)]
pub(crate) mod testing;
mod text;
mod types;
mod unsupported;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use naga::{Handle, valid::ModuleInfo};

use accepted::Accepted;
use identity::Identity;
#[cfg(feature = "imports")]
pub use link::{Define, Sources};
pub use module::Module;
pub(crate) use requirements::Requirements;
pub use specialize::ConstValue;
pub use types::{Field, OverrideConstant, Scalar, Type};

use crate::error::{Error, Message, Result};
use memo::Memo;
use source::Source;

/// An entry point of a module, with its override constants resolved. Cheap to clone.
#[derive(Clone)]
pub struct Kernel {
    pub(crate) inner: Arc<KernelInner>,
}

pub(crate) struct KernelInner {
    pub name: String,
    /// The WGSL text, for carets.
    pub source: Source,
    /// The module reduced to this entry point and what it reaches, without overrides.
    pub module: naga::Module,
    pub info: ModuleInfo,
    /// The place of the entry point in `module.entry_points`.
    pub entry: usize,
    pub workgroup_size: [u32; 3],
    /// The bindings that the entry point uses, ordered by group and binding number.
    pub bindings: Vec<Binding>,
    /// Equal for equal text, entry point and constants.
    pub identity: Identity,
    /// What a device must have to run it.
    pub requirements: Requirements,
    /// Bytes of all uniform bindings together, each at its [`Binding::uniform_offset`].
    pub uniform_bytes: usize,
    /// Which of those bytes start a scalar: one bit for each two bytes.
    pub uniform_scalars: Vec<u32>,
    /// The module as written, to resolve other constants.
    parent: Module,
    /// The constants given so far, by name or `@id`.
    constants: Vec<(String, f64)>,
    /// Override constants that have no default and no value yet.
    missing: Vec<String>,
    /// Devices on which the requirements were met.
    accepted_on: Accepted,
    /// What later stages have worked out about it.
    pub memo: Memo,
}

/// A resource that a kernel is given.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The name of the WGSL variable.
    pub name: String,
    /// `@group`.
    pub group: u32,
    /// `@binding`.
    pub index: u32,
    /// Storage or uniform.
    pub kind: BindingKind,
    /// The variable in the naga module.
    pub(crate) global: Handle<naga::GlobalVariable>,
    /// Its type, as far as host data must fit it.
    pub(crate) shape: layout::TypeLayout,
    /// Its type, for programs.
    pub(crate) ty: Type,
    /// Whether the kernel loads from it (atomics load).
    pub(crate) loads: bool,
    /// Whether the kernel stores to it (atomics store).
    pub(crate) stores: bool,
    /// For a uniform: where its bytes start among the uniform bytes of a call.
    pub(crate) uniform_offset: usize,
}

impl Binding {
    /// Whether the kernel writes it. One that is declared `read_write` may only be read.
    pub fn is_written(&self) -> bool {
        self.stores
    }

    /// Whether its type is a runtime-sized array, and no struct around one.
    pub(crate) fn is_plain_array(&self) -> bool {
        self.shape.runtime_stride.is_some() && self.shape.unit.as_ref().is_some_and(|unit| unit.element)
    }

    /// Its type as WGSL writes it: `array<vec4<f32>>`, `Params`.
    pub fn type_name(&self) -> &str {
        &self.shape.name
    }

    /// The smallest number of bytes that can be bound: the whole of a sized type, or up to the end
    /// of the first element of a runtime-sized array.
    pub fn min_bytes(&self) -> u64 {
        self.shape.min_bytes()
    }

    /// Bytes from one element of its runtime-sized array to the next; `None` where the size is fixed.
    pub fn element_stride(&self) -> Option<u32> {
        self.shape.runtime_stride
    }

    /// Offsets, sizes and padding of what it holds, as a table for people; empty for a plain
    /// scalar or vector type.
    pub fn layout(&self) -> &str {
        &self.shape.table
    }
}

/// How a kernel sees a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BindingKind {
    /// `var<storage, read>`.
    ReadStorage,
    /// `var<storage, read_write>`.
    ReadWriteStorage,
    /// `var<uniform>`.
    Uniform,
}

impl fmt::Display for BindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BindingKind::ReadStorage => "storage, read",
            BindingKind::ReadWriteStorage => "storage, read_write",
            BindingKind::Uniform => "uniform",
        })
    }
}

impl Kernel {
    /// The entry point's name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The bindings that the entry point uses, ordered by group and binding number.
    pub fn bindings(&self) -> &[Binding] {
        &self.inner.bindings
    }

    /// Invocations of a workgroup along x, y and z. An axis that depends on an override constant
    /// without a value counts as 1 until [`with_const`](Kernel::with_const) gives it one.
    pub fn workgroup_size(&self) -> [u32; 3] {
        self.inner.workgroup_size
    }

    /// Features beyond WebGPU's core that a device must have to run the kernel: `shader-f16`,
    /// `subgroups`.
    pub fn required_features(&self) -> &[&'static str] {
        &self.inner.requirements.features
    }

    /// Whether the module declares a binding `name`, used by this kernel or not.
    pub fn declares(&self, name: &str) -> bool {
        self.inner.declares(name)
    }

    /// The override constants that have neither a default nor a value yet.
    pub fn missing_constants(&self) -> &[String] {
        &self.inner.missing
    }

    /// Refuses a kernel whose override constants do not all have a value.
    pub(crate) fn check_complete(&self) -> Result<()> {
        match self.inner.missing.as_slice() {
            [] => Ok(()),
            missing => Err(Error::Kernel(specialize::missing_constants(&self.inner.name, missing))),
        }
    }

    /// The kernel with another module in its place, for tests of what is made from it. Its identity is the same:
    /// whoever keeps something for a kernel must not be given both.
    #[cfg(all(test, feature = "cpu", feature = "gpu"))]
    pub(crate) fn with_module(&self, module: naga::Module, info: ModuleInfo) -> Kernel {
        let inner = &self.inner;
        let (bindings, uniform_bytes) = reflect::bindings(&module, &info, inner.entry);
        let inner = KernelInner {
            name: inner.name.clone(),
            source: inner.source.clone(),
            uniform_scalars: reflect::uniform_scalars(&module, &bindings, uniform_bytes),
            module,
            info,
            entry: inner.entry,
            workgroup_size: inner.workgroup_size,
            bindings,
            identity: inner.identity.clone(),
            requirements: inner.requirements.clone(),
            uniform_bytes,
            parent: inner.parent.clone(),
            constants: Vec::new(),
            missing: Vec::new(),
            accepted_on: Accepted::default(),
            memo: Memo::default(),
        };
        Kernel { inner: Arc::new(inner) }
    }

    pub(crate) fn entry_point(&self) -> &naga::EntryPoint {
        &self.inner.module.entry_points[self.inner.entry]
    }

    /// `error`, with the name of the file that the kernel is from.
    pub(crate) fn in_file(&self, error: Error) -> Error {
        diagnostic::in_file(self.inner.parent.inner.file.as_deref(), error)
    }

    /// Runs `check` once for each device, and gives the time it took; later calls for the same device
    /// number are answered from memory.
    pub(crate) fn accepted_on(&self, device: u32, check: impl FnOnce() -> Result<()>) -> Result<Duration> {
        if self.inner.accepted_on.contains(device) {
            return Ok(Duration::ZERO);
        }
        let start = Instant::now();
        check().map_err(|error| self.in_file(error))?;
        self.inner.accepted_on.insert(device);
        Ok(start.elapsed())
    }

    /// An error about this kernel's `subject`.
    pub(crate) fn message(&self, problem: impl Into<String>) -> Message {
        Message::new(problem).kernel(&self.inner.name)
    }
}

impl KernelInner {
    /// Whether the module declares a binding `name`, used by this kernel or not.
    pub fn declares(&self, name: &str) -> bool {
        let variables = &self.parent.inner.module.global_variables;
        variables.iter().any(|(_, variable)| variable.binding.is_some() && variable.name.as_deref() == Some(name))
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel")
            .field("name", &format_args!("{}", self.inner.identity))
            .field("workgroup_size", &self.inner.workgroup_size)
            .field("bindings", &self.inner.bindings.iter().map(|binding| &binding.name).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
