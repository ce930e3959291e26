//! What a chain's calls bind and what its runs are given: typed handles.

use std::{fmt, marker::PhantomData};

use bytemuck::Pod;

use crate::{
    buffer::Buffer,
    call::{Untyped, element::Element, uniform::UniformValue},
    device::Device,
    exec::Allocation,
};

/// Memory of a chain: `len` elements of type `T` that its calls read and write. A handle, to be copied freely; it means
/// something in its own chain only.
pub struct Slot<T> {
    pub(super) chain: u64,
    pub(super) number: usize,
    element: PhantomData<fn() -> T>,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Slot<T> {}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({})", self.number)
    }
}

impl<T: Pod> Slot<T> {
    pub(super) fn new(chain: u64, number: usize) -> Slot<T> {
        Slot { chain, number, element: PhantomData }
    }

    /// For a run: the slot starts with what `data` holds.
    pub fn from<'a>(self, data: &'a [T]) -> Input<'a> {
        Input { chain: self.chain, slot: self.number, bytes: bytemuck::cast_slice(data), elements: data.len() }
    }

    /// For a run: what the slot holds at the end goes to `data`.
    pub fn into<'a>(self, data: &'a mut [T]) -> Output<'a> {
        self.output(data, false)
    }

    /// For a run: the slot, made by [`in_out`](super::ChainBuilder::in_out), starts with what `data` holds, and what it
    /// holds at the end goes there.
    pub fn update<'a>(self, data: &'a mut [T]) -> Output<'a> {
        self.output(data, true)
    }

    fn output<'a>(self, data: &'a mut [T], upload: bool) -> Output<'a> {
        let elements = data.len();
        let bytes = bytemuck::cast_slice_mut(data);
        Output { chain: self.chain, slot: self.number, bytes, elements, upload }
    }
}

/// Data that a slot starts with in a run; see [`Slot::from`].
pub struct Input<'a> {
    pub(super) chain: u64,
    pub(super) slot: usize,
    pub(super) bytes: &'a [u8],
    pub(super) elements: usize,
}

/// Where the contents of a slot go at the end of a run; see [`Slot::into`] and [`Slot::update`].
pub struct Output<'a> {
    pub(super) chain: u64,
    pub(super) slot: usize,
    pub(super) bytes: &'a mut [u8],
    pub(super) elements: usize,
    /// Whether the slot also starts with what is there.
    pub(super) upload: bool,
}

/// A number for uniforms that each run may choose anew; see [`ChainBuilder::value`](super::ChainBuilder::value).
pub struct Value<T> {
    pub(super) chain: u64,
    pub(super) number: usize,
    pub(super) default: T,
}

impl<T: Clone> Clone for Value<T> {
    fn clone(&self) -> Self {
        Value { default: self.default.clone(), ..*self }
    }
}

impl<T: Copy> Copy for Value<T> {}

impl<T> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.number)
    }
}

/// The scalars of a value, column by column.
pub(super) fn scalars(value: &dyn UniformValue) -> Vec<u64> {
    let (rows, columns) = value.shape();
    (0..columns).flat_map(|column| (0..rows).map(move |row| value.bits(column, row))).collect()
}

/// What a chain's call binds: a [`Slot`], or a resident [`Buffer`]. [`Untyped`] around a slot leaves its element type
/// unchecked.
pub struct ChainArg {
    pub(super) data: ChainData,
    pub(super) element: Element,
}

pub(super) enum ChainData {
    Slot { chain: u64, number: usize },
    Resident { memory: std::sync::Arc<dyn Allocation>, device: Device },
}

impl<T: Pod> From<Slot<T>> for ChainArg {
    fn from(slot: Slot<T>) -> Self {
        ChainArg { data: ChainData::Slot { chain: slot.chain, number: slot.number }, element: Element::of::<T>() }
    }
}

impl<T: Pod> From<Untyped<Slot<T>>> for ChainArg {
    fn from(Untyped(slot): Untyped<Slot<T>>) -> Self {
        let arg = ChainArg::from(slot);
        ChainArg { element: arg.element.untyped(), ..arg }
    }
}

impl<T: Pod> From<&Buffer<T>> for ChainArg {
    fn from(buffer: &Buffer<T>) -> Self {
        let data = ChainData::Resident { memory: buffer.memory().clone(), device: buffer.device().clone() };
        ChainArg { data, element: Element::of::<T>() }
    }
}

impl<T: Pod> From<&&Buffer<T>> for ChainArg {
    fn from(buffer: &&Buffer<T>) -> Self {
        ChainArg::from(*buffer)
    }
}

impl<T: Pod> From<Buffer<T>> for ChainArg {
    fn from(buffer: Buffer<T>) -> Self {
        ChainArg::from(&buffer)
    }
}
