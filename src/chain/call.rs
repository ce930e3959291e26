//! A call in a chain.

use std::fmt;

use bytemuck::NoUninit;

use super::{ChainArg, ChainBuilder, ChainData, Value, record::Patch, slot::scalars};
use crate::{
    call::{
        Grid, UniformValue,
        bind::{self, Access},
        grid::Extent,
        uniform::Uniforms,
    },
    error::{Error, Result},
    kernel::Kernel,
};

/// A call that is being added to a chain. It is checked as a [`Call`](crate::Call) is, and complete when it is dropped,
/// which is where its statement ends.
pub struct ChainCall<'b> {
    builder: &'b mut ChainBuilder,
    kernel: Kernel,
    /// The memory of each binding; none for uniforms.
    args: Vec<Option<usize>>,
    uniforms: Uniforms,
    patches: Vec<Patch>,
    extent: Option<Extent>,
}

impl<'b> ChainCall<'b> {
    pub(super) fn new(builder: &'b mut ChainBuilder, kernel: Kernel) -> ChainCall<'b> {
        let args = kernel.bindings().iter().map(|_| None).collect();
        let uniforms = Uniforms::new(&kernel);
        ChainCall { builder, kernel, args, uniforms, patches: Vec::new(), extent: None }
    }

    /// Binds a slot, or a resident buffer, as the WGSL declares the variable `name`.
    ///
    /// The element type must be the binding's scalar type or a vector of it, or else a struct of the element's size; a
    /// slot of `f32` serves `array<vec4f>`.
    pub fn bind(self, name: &str, data: impl Into<ChainArg>) -> Self {
        let ChainArg { data, element } = data.into();
        self.attempt(|call| {
            let memory = match data {
                ChainData::Slot { chain, number } => call.builder.memory_of(chain, number)?,
                ChainData::Resident { memory, device } => call.builder.recording.resident(memory, device),
            };
            let bytes = call.builder.recording.memories[memory].bytes;
            let taken = |place: usize| call.args[place].is_some();
            let place =
                bind::place(&call.kernel, name, Access::Declared, element, bytes, taken).map_err(Error::Call)?;
            bind::check_elements(&call.kernel, &call.kernel.bindings()[place], bytes).map_err(Error::Call)?;
            call.args[place] = Some(memory);
            Ok(())
        })
    }

    /// Sets a field of a uniform, as [`Call::set`](crate::Call::set) does. It is the same in every run.
    pub fn set(self, path: &str, value: impl UniformValue) -> Self {
        self.attempt(|call| {
            let Self { patches, uniforms, kernel, .. } = call;
            let mut places = |place: std::ops::Range<usize>| patches.retain(|patch| patch.place != place);
            uniforms.set_each(kernel, path, &value, &mut places).map_err(Error::Call)
        })
    }

    /// Sets a field of a uniform to what each run chooses; see [`ChainBuilder::value`].
    pub fn set_value<T: UniformValue>(self, path: &str, value: Value<T>) -> Self {
        self.attempt(|call| {
            if value.chain != call.builder.id {
                let message = call.kernel.message(format!("the value for `{path}` belongs to another chain"));
                return Err(Error::Call(message.subject(path).help("use the values that this chain's builder made")));
            }
            let mut scalar = 0;
            let Self { patches, uniforms, kernel, .. } = call;
            let mut places = |place: std::ops::Range<usize>| {
                patches.retain(|patch| patch.place != place);
                patches.push(Patch { value: value.number, scalar, place });
                scalar += 1;
            };
            uniforms.set_each(kernel, path, &value.default, &mut places).map_err(Error::Call)?;
            debug_assert_eq!(scalar, scalars(&value.default).len());
            Ok(())
        })
    }

    /// Sets the uniform `name` from a value with the layout that WGSL gives its type.
    pub fn uniform<T: NoUninit>(self, name: &str, value: &T) -> Self {
        self.attempt(|call| {
            call.uniforms.set_whole(&call.kernel, name, value).map_err(Error::Call)?;
            call.forget_patches(name);
            Ok(())
        })
    }

    /// Sets the uniform `name` from bytes that are laid out as WGSL says.
    pub fn uniform_bytes(self, name: &str, bytes: &[u8]) -> Self {
        self.attempt(|call| {
            call.uniforms.set_bytes(&call.kernel, name, bytes).map_err(Error::Call)?;
            call.forget_patches(name);
            Ok(())
        })
    }

    /// How many invocations run, along up to three axes; rounded up to whole workgroups. A call of none is left out.
    pub fn grid(mut self, invocations: impl Into<Grid>) -> Self {
        self.extent = Some(Extent::Invocations(invocations.into()));
        self
    }

    /// How many workgroups run, along up to three axes.
    pub fn workgroups(mut self, workgroups: impl Into<Grid>) -> Self {
        self.extent = Some(Extent::Workgroups(workgroups.into()));
        self
    }

    /// The whole uniform was set: earlier values of its fields no longer count.
    fn forget_patches(&mut self, name: &str) {
        let Some(binding) = self.kernel.bindings().iter().find(|binding| binding.name == name) else { return };
        let start = binding.uniform_offset;
        let place = start..start + binding.shape.fixed_bytes as usize;
        self.patches.retain(|patch| !place.contains(&patch.place.start));
    }

    /// Does `step` unless something failed earlier in the chain.
    fn attempt(mut self, step: impl FnOnce(&mut Self) -> Result<()>) -> Self {
        if self.builder.error.is_none()
            && let Err(error) = step(&mut self)
        {
            self.builder.error = Some(error);
        }
        self
    }

    /// Checks what needs the whole call, and adds it to the chain.
    fn finish(&mut self) -> Result<()> {
        let kernel = &self.kernel;
        kernel.check_complete()?;
        let given = |place: usize| self.args[place].is_some();
        let how = |_method: &str, binding: &crate::Binding| {
            format!("bind it with .bind(\"{}\", slot), a slot that holds {}", binding.name, binding.shape.name)
        };
        bind::check_missing(kernel, given, how).map_err(Error::Call)?;
        self.uniforms.check_complete(kernel).map_err(Error::Call)?;
        let same = |i: usize, j: usize| self.args[i].is_some() && self.args[i] == self.args[j];
        bind::check_aliases(kernel, same).map_err(Error::Call)?;
        let extent = self.extent.ok_or_else(|| {
            Error::Call(kernel.message("the call has no grid").help("say how many invocations with .grid([n, 1, 1])"))
        })?;
        let workgroups = extent.workgroups(kernel).map_err(Error::Call)?;
        let recording = &mut self.builder.recording;
        if workgroups.contains(&0) {
            recording.nothing(kernel, &self.args);
            return Ok(());
        }
        recording.dispatch(kernel, &self.args, self.uniforms.all(), &self.patches, workgroups).map_err(Error::Call)
    }
}

impl Drop for ChainCall<'_> {
    fn drop(&mut self) {
        if self.builder.error.is_none()
            && let Err(error) = self.finish()
        {
            self.builder.error = Some(error);
        }
    }
}

impl fmt::Debug for ChainCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainCall").field("kernel", &self.kernel).field("extent", &self.extent).finish_non_exhaustive()
    }
}
