//! What a call can be given: borrowed slices, owned vectors, resident buffers.

use std::{
    any::{Any, TypeId},
    sync::Arc,
};

use bytemuck::Pod;

use super::element::Element;
use crate::{
    buffer::Buffer,
    device::Device,
    exec::{Allocation, ArgData},
    kernel::BindingKind,
};

/// What [`Call::read`](crate::Call::read) takes: `&[T]`, `&Vec<T>`, `&[T; N]`, `&Buffer<T>`, and for
/// asynchronous calls `Vec<T>` and `Buffer<T>`.
pub struct ReadArg<'a>(pub(super) Arg<'a>);

/// What [`Call::write`](crate::Call::write) and [`Call::read_write`](crate::Call::read_write) take:
/// `&mut [T]`, `&mut Vec<T>`, `&mut [T; N]`, `&Buffer<T>`, and for asynchronous calls `Vec<T>` and `Buffer<T>`.
pub struct WriteArg<'a>(pub(super) Arg<'a>);

/// Data whose element type is not compared with the WGSL, only its length: for a struct that ends in
/// a runtime-sized array, which no Rust type stands for. The caller answers for the layout.
///
/// ```no_run
/// # fn f(rt: swath::Runtime, kernel: swath::Kernel, words: Vec<u32>) -> swath::Result<()> {
/// // struct List { count: atomic<u32>, items: array<vec2f> }
/// let mut words = words;
/// rt.call(&kernel).read_write("list", swath::Untyped(&mut words)).grid([64]).run()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Untyped<A>(pub A);

/// Data for a binding.
pub(super) struct Arg<'a> {
    pub data: Data<'a>,
    pub element: Element,
}

impl Arg<'_> {
    /// The same data, lent for one of several runs. A vector is lent as what the binding makes of it.
    pub fn reborrow(&mut self, kind: BindingKind) -> Arg<'_> {
        let data = match &mut self.data {
            Data::Read(bytes) => Data::Read(bytes),
            Data::Write(bytes) => Data::Write(bytes),
            Data::Owned(owned) => match kind {
                BindingKind::ReadWriteStorage => Data::Write(owned.bytes_mut()),
                BindingKind::ReadStorage | BindingKind::Uniform => Data::Read(owned.bytes()),
            },
            Data::Resident { memory, device } => Data::Resident { memory: memory.clone(), device: device.clone() },
        };
        Arg { data, element: self.element }
    }
}

pub(super) enum Data<'a> {
    Read(&'a [u8]),
    Write(&'a mut [u8]),
    Owned(Box<dyn OwnedData>),
    Resident { memory: Arc<dyn Allocation>, device: Device },
}

impl Data<'_> {
    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        match self {
            Data::Read(bytes) => bytes.len() as u64,
            Data::Write(bytes) => bytes.len() as u64,
            Data::Owned(owned) => owned.bytes().len() as u64,
            Data::Resident { memory, .. } => memory.bytes(),
        }
    }

    /// The bytes, where they are in the host's memory.
    pub fn on_host(&self) -> Option<&[u8]> {
        match self {
            Data::Read(bytes) => Some(bytes),
            Data::Write(bytes) => Some(bytes),
            Data::Owned(owned) => Some(owned.bytes()),
            Data::Resident { .. } => None,
        }
    }

    /// The same, to be written.
    pub fn on_host_mut(&mut self) -> Option<&mut [u8]> {
        match self {
            Data::Write(bytes) => Some(bytes),
            Data::Owned(owned) => Some(owned.bytes_mut()),
            Data::Read(_) | Data::Resident { .. } => None,
        }
    }

    /// The data as a launch takes it, for a binding of this kind.
    pub fn lend(&mut self, kind: BindingKind) -> ArgData<'_> {
        match self {
            Data::Read(bytes) => ArgData::Read(bytes),
            Data::Write(bytes) => ArgData::Write(bytes),
            Data::Owned(owned) => match kind {
                BindingKind::ReadWriteStorage => ArgData::Write(owned.bytes_mut()),
                BindingKind::ReadStorage | BindingKind::Uniform => ArgData::Read(owned.bytes()),
            },
            Data::Resident { memory, .. } => ArgData::Resident(memory),
        }
    }
}

/// A vector of any element type.
pub(super) trait OwnedData: Send + Sync {
    fn bytes(&self) -> &[u8];
    fn bytes_mut(&mut self) -> &mut [u8];
    /// The vector itself.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    /// The element type.
    fn element(&self) -> (TypeId, &'static str);
}

impl<T: Pod + Send + Sync> OwnedData for Vec<T> {
    fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(self)
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(self)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn element(&self) -> (TypeId, &'static str) {
        (TypeId::of::<T>(), std::any::type_name::<T>())
    }
}

fn read<T: Pod>(data: &[T]) -> Arg<'_> {
    Arg { data: Data::Read(bytemuck::cast_slice(data)), element: Element::of::<T>() }
}

fn write<T: Pod>(data: &mut [T]) -> Arg<'_> {
    Arg { data: Data::Write(bytemuck::cast_slice_mut(data)), element: Element::of::<T>() }
}

fn owned<T: Pod + Send + Sync>(data: Vec<T>) -> Arg<'static> {
    Arg { data: Data::Owned(Box::new(data)), element: Element::of::<T>() }
}

fn resident<T: Pod>(buffer: &Buffer<T>) -> Arg<'static> {
    let data = Data::Resident { memory: buffer.memory().clone(), device: buffer.device().clone() };
    Arg { data, element: Element::of::<T>() }
}

impl<'a, T: Pod> From<&'a [T]> for ReadArg<'a> {
    fn from(data: &'a [T]) -> Self {
        ReadArg(read(data))
    }
}

impl<'a, T: Pod> From<&'a Vec<T>> for ReadArg<'a> {
    fn from(data: &'a Vec<T>) -> Self {
        ReadArg(read(data))
    }
}

impl<'a, T: Pod, const N: usize> From<&'a [T; N]> for ReadArg<'a> {
    fn from(data: &'a [T; N]) -> Self {
        ReadArg(read(data))
    }
}

impl<T: Pod + Send + Sync> From<Vec<T>> for ReadArg<'_> {
    fn from(data: Vec<T>) -> Self {
        ReadArg(owned(data))
    }
}

impl<T: Pod> From<&Buffer<T>> for ReadArg<'_> {
    fn from(buffer: &Buffer<T>) -> Self {
        ReadArg(resident(buffer))
    }
}

impl<T: Pod> From<Buffer<T>> for ReadArg<'_> {
    fn from(buffer: Buffer<T>) -> Self {
        ReadArg(resident(&buffer))
    }
}

impl<'a, T: Pod> From<&'a mut [T]> for WriteArg<'a> {
    fn from(data: &'a mut [T]) -> Self {
        WriteArg(write(data))
    }
}

impl<'a, T: Pod> From<&'a mut Vec<T>> for WriteArg<'a> {
    fn from(data: &'a mut Vec<T>) -> Self {
        WriteArg(write(data))
    }
}

impl<'a, T: Pod, const N: usize> From<&'a mut [T; N]> for WriteArg<'a> {
    fn from(data: &'a mut [T; N]) -> Self {
        WriteArg(write(data))
    }
}

impl<T: Pod + Send + Sync> From<Vec<T>> for WriteArg<'_> {
    fn from(data: Vec<T>) -> Self {
        WriteArg(owned(data))
    }
}

impl<T: Pod> From<&Buffer<T>> for WriteArg<'_> {
    fn from(buffer: &Buffer<T>) -> Self {
        WriteArg(resident(buffer))
    }
}

impl<T: Pod> From<Buffer<T>> for WriteArg<'_> {
    fn from(buffer: Buffer<T>) -> Self {
        WriteArg(resident(&buffer))
    }
}

impl<'a, A: Into<ReadArg<'a>>> From<Untyped<A>> for ReadArg<'a> {
    fn from(Untyped(data): Untyped<A>) -> Self {
        let ReadArg(arg) = data.into();
        ReadArg(Arg { element: arg.element.untyped(), ..arg })
    }
}

impl<'a, A: Into<WriteArg<'a>>> From<Untyped<A>> for WriteArg<'a> {
    fn from(Untyped(data): Untyped<A>) -> Self {
        let WriteArg(arg) = data.into();
        WriteArg(Arg { element: arg.element.untyped(), ..arg })
    }
}
