//! WGSL modules and the kernels in them: parsed, validated, overrides resolved, reflected.

pub(crate) mod passes;

use std::sync::Arc;

use naga::{Handle, valid::ModuleInfo};

/// An entry point of a module, with its override constants resolved. Cheap to clone.
#[derive(Clone)]
pub struct Kernel {
    pub(crate) inner: Arc<KernelInner>,
}

pub(crate) struct KernelInner {
    pub name: String,
    /// The WGSL text, for carets.
    pub source: Arc<str>,
    /// The module without overrides.
    pub module: naga::Module,
    pub info: ModuleInfo,
    /// The place of the entry point in `module.entry_points`.
    pub entry: usize,
    pub workgroup_size: [u32; 3],
    /// The bindings that the entry point uses, ordered by group and binding number.
    pub bindings: Vec<Binding>,
    /// Equal for equal text, entry point and constants.
    pub fingerprint: u64,
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

impl Kernel {
    /// The entry point's name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The bindings that the entry point uses, ordered by group and binding number.
    pub fn bindings(&self) -> &[Binding] {
        &self.inner.bindings
    }

    pub(crate) fn entry_point(&self) -> &naga::EntryPoint {
        &self.inner.module.entry_points[self.inner.entry]
    }
}
