//! Kernels with the values of constants that were found to be the fastest on a device.

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    cost::{Constants, Task, WorkAsked},
    kernel::{Binding, Kernel},
    plan::request::{CallShape, PlanRequest},
};

/// The workgroups that a call has with another kernel, which its constants make of it; nothing for a call that is to keep the
/// one that it has.
pub(crate) type Regrid<'a> = Option<&'a dyn Fn(&Kernel) -> Option<[u32; 3]>>;

/// A call with the constants that it leaves open as they are the fastest on a device. How many workgroups it has then is for
/// each call to say: grids that are alike in large workgroups are not in small ones.
pub(crate) struct Variant {
    pub kernel: Kernel,
    /// The values, as people write them: `WG = 128`.
    pub constants: String,
    pub(super) task: Task,
    /// The uniform words that decide how long it takes.
    pub(super) words: Vec<(usize, u32, u32)>,
}

/// Variants by the numbers of their devices.
pub(super) type Variants = Arc<[(u32, Arc<Variant>)]>;

impl Variant {
    /// The call with these constants; nothing where it cannot be made, as it would be if the text had changed.
    pub(super) fn new(
        kernel: &Kernel,
        given: &PlanRequest<'_>,
        regrid: &dyn Fn(&Kernel) -> Option<[u32; 3]>,
        constants: &Constants,
    ) -> Option<Variant> {
        let variant = kernel.kept_with(constants)?;
        let place = |binding: &Binding| (binding.group, binding.index, binding.kind, binding.uniform_offset);
        if !variant.bindings().iter().map(place).eq(kernel.bindings().iter().map(place)) {
            return None;
        }
        let workgroups = regrid(&variant)?;
        let shape = CallShape { workgroups, ..given.shape.clone() };
        let WorkAsked { work, words, .. } =
            WorkAsked::count(&variant, &PlanRequest { shape, uniforms: given.uniforms }).ok()?;
        let task = Task { kernel: variant.fingerprint(), work };
        Some(Variant { kernel: variant, constants: in_words(constants), task, words })
    }
}

impl fmt::Debug for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variant").field("kernel", &self.kernel).finish_non_exhaustive()
    }
}

/// Values of constants as people write them: `WG = 128, TILE = 4`.
pub(crate) fn in_words(constants: &[(String, f64)]) -> String {
    constants.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}

/// Variants of a kernel that are kept with it, the last ones.
const KEPT: usize = 8;

impl Kernel {
    /// The kernel with these constants; made, or found among those made before.
    fn kept_with(&self, constants: &Constants) -> Option<Kernel> {
        #[derive(Default)]
        struct Kept(Mutex<Vec<(Constants, Kernel)>>);
        let kept = self.inner.memo.get_or_try_make(|| Ok::<_, Infallible>(Kept::default()));
        let Kept(kept) = kept.unwrap_or_else(|never| match never {});
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, kernel)) = kept.iter().find(|(other, _)| other == constants) {
            return Some(kernel.clone());
        }
        match self.with_constants(constants) {
            Ok(kernel) => {
                if kept.len() == KEPT {
                    kept.remove(0);
                }
                kept.push((constants.clone(), kernel.clone()));
                Some(kernel)
            }
            Err(error) => {
                tracing::warn!(kernel = self.name(), %error, "tuned constants are of another kernel, and are left out");
                None
            }
        }
    }
}
