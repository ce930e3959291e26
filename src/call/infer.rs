//! The grid of a call that was given none.

use super::{CallParts, bind};
use crate::{
    access::Verdict,
    error::{Error, Message, Result},
    kernel::Binding,
};

impl CallParts<'_> {
    /// The workgroups of a call whose outputs tell the grid: arrays of one length, of which every invocation along x
    /// writes its own element.
    pub(super) fn infer_grid(&self) -> Result<[u32; 3]> {
        let len = self.output_length().map_err(|why| self.no_grid(&why))?;
        let size = u64::from(self.kernel.inner.workgroup_size[0].max(1));
        let groups = u32::try_from(len.div_ceil(size))
            .map_err(|_| self.no_grid(&format!("{len} elements take more workgroups than there can be")))?;
        let workgroups = [groups.max(1), 1, 1];
        self.check_outputs(workgroups).map_err(|why| self.no_grid(&why))?;
        Ok(workgroups)
    }

    /// Whether the kernel writes, and all that it writes has no elements.
    pub(super) fn has_empty_outputs(&self) -> bool {
        let mut outputs = self.outputs().peekable();
        outputs.peek().is_some() && outputs.all(|(_, binding, bytes)| bind::is_empty(binding, bytes))
    }

    fn no_grid(&self, why: &str) -> Error {
        let message: Message =
            self.kernel.message(format!("the call has no grid, and the outputs do not tell it: {why}"));
        Error::Call(message.help("say how many invocations with .grid([n, 1, 1])"))
    }

    /// What the kernel writes, with the bytes of its data.
    fn outputs(&self) -> impl Iterator<Item = (usize, &Binding, u64)> {
        let bindings = self.kernel.bindings().iter().enumerate();
        bindings.filter(|(_, binding)| binding.stores).filter_map(|(at, binding)| {
            let arg = self.args[at].as_ref()?;
            Some((at, binding, arg.data.bytes()))
        })
    }

    /// The elements that all outputs have.
    pub(super) fn output_length(&self) -> Result<u64, String> {
        if self.kernel.inner.workgroup_size[1..] != [1, 1] {
            return Err("its workgroups have more than one axis".into());
        }
        let mut found: Option<(&str, u64)> = None;
        for (_, binding, bytes) in self.outputs() {
            let name = binding.name.as_str();
            let Some(stride) = binding.element_stride().filter(|_| binding.is_plain_array()) else {
                return Err(format!("`{name}` is no runtime-sized array"));
            };
            let len = bytes / u64::from(stride);
            match found {
                Some((other, before)) if before != len => {
                    return Err(format!("`{other}` has {before} elements, and `{name}` has {len}"));
                }
                _ => found = Some((name, len)),
            }
        }
        found.map(|(_, len)| len).ok_or_else(|| "it writes nothing".into())
    }

    /// Whether every output is written element by element along x.
    fn check_outputs(&self, workgroups: [u32; 3]) -> Result<(), String> {
        let size = u64::from(self.kernel.inner.workgroup_size[0]);
        let invocations = u64::from(workgroups[0]) * size;
        // The last workgroup's invocations beyond the data are the kernel's own concern: for a kernel that does not check
        // its id, what they write is dropped.
        let mut given = self.given(workgroups);
        for (at, binding, bytes) in self.outputs() {
            let reached = invocations * u64::from(binding.element_stride().unwrap_or(0));
            given.shape.bytes[at] = bytes.max(reached);
        }
        let numbers = given.numbers(&self.kernel);
        let analysis = self.kernel.access(&numbers).map_err(|_| "its accesses are not known".to_owned())?;
        for (at, binding, _) in self.outputs() {
            let stride = u64::from(binding.element_stride().unwrap_or(0));
            let unit = i64::try_from(stride * size).unwrap_or(i64::MAX);
            let access = &analysis.bindings[at];
            let one_unit = workgroups[0] == 1 && matches!(access.verdict, Verdict::Sliced { start: 0, .. });
            let reaches = access.writes.bytes(0..1) == (0..stride * size);
            let follows =
                matches!(access.verdict, Verdict::Sliced { stride, start: 0, halo: [0, 0] } if stride == unit);
            if analysis.axis != 0 || !reaches || !(follows || one_unit) {
                return Err(format!("`{}` is not written element by element along x", binding.name));
            }
        }
        Ok(())
    }
}
