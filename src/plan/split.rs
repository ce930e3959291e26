//! Whether several devices can share a call.

use super::{Binding, Plan};
use crate::{access::Verdict, kernel::Kernel};

impl Plan {
    /// Why the call cannot be shared, in words; nothing if it can be.
    pub(crate) fn unsplit(&self, kernel: &Kernel) -> Option<String> {
        let written = self.bindings.iter().zip(kernel.bindings()).filter(|(_, binding)| binding.stores);
        let whole = written.map(|(binding, _)| binding).find_map(whole);
        whole.or_else(|| (self.tiles.units() < 2).then(|| "the grid is one unit".to_owned()))
    }
}

/// Why a binding that is written cannot be divided, if it cannot.
fn whole(binding: &Binding) -> Option<String> {
    let reason = match binding.verdict {
        Verdict::Sliced { stride: 0, .. } => "one workgroup has it all",
        Verdict::Sliced { .. } | Verdict::Merged(_) => return None,
        Verdict::Whole | Verdict::Pinned => &binding.reason,
    };
    let line = binding.place.as_ref().map_or(String::new(), |place| format!(" ({place}: {})", place.text));
    Some(format!("`{}` cannot be divided: {reason}{line}", binding.name))
}
