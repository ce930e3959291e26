//! Memory that stays on a device between calls.

use std::{any::type_name, fmt, marker::PhantomData, ops::Range, sync::Arc};

use bytemuck::Pod;

use crate::{
    bytes::exact_bytes,
    device::Device,
    error::{Error, Message, Result},
    exec::Allocation,
};

/// `len` elements of type `T` in the memory of a device. Clones share the memory.
///
/// Calls that are given resident buffers run on the device that holds them.
///
/// ```
/// let rt = swath::Runtime::new()?;
/// let buffer = rt.buffer(&[1.0f32, 2.0, 3.0])?;
/// buffer.upload_at(1, &[5.0])?;
/// assert_eq!(buffer.download()?, [1.0, 5.0, 3.0]);
/// # Ok::<(), swath::Error>(())
/// ```
pub struct Buffer<T> {
    memory: Arc<dyn Allocation>,
    device: Device,
    len: usize,
    // Says nothing of ownership: the memory is the device's, so the buffer may cross threads whatever `T` is.
    element: PhantomData<fn() -> T>,
}

impl<T> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Buffer { memory: self.memory.clone(), device: self.device.clone(), len: self.len, element: PhantomData }
    }
}

impl<T> Buffer<T> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Always `false`: a buffer has at least one element.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The size in bytes.
    pub fn bytes(&self) -> u64 {
        self.memory.bytes()
    }

    /// The device that holds it.
    pub fn device(&self) -> &Device {
        &self.device
    }

    pub(crate) fn memory(&self) -> &Arc<dyn Allocation> {
        &self.memory
    }

    /// The wgpu buffer behind it; `None` where it lives on the CPU engine.
    #[cfg(feature = "gpu")]
    pub fn as_wgpu(&self) -> Option<wgpu::Buffer> {
        crate::exec::gpu::wgpu_buffer(&*self.memory)
    }
}

impl<T: Pod> Buffer<T> {
    pub(crate) fn zeroed(device: &Device, len: usize) -> Result<Buffer<T>> {
        let bytes = check_new::<T>(device, len)?;
        let memory = device.allocate(bytes, type_name::<T>())?;
        Ok(Buffer { memory, device: device.clone(), len, element: PhantomData })
    }

    /// Replaces the contents.
    ///
    /// # Errors
    ///
    /// [`Error::Buffer`] where `data` has another length.
    pub fn upload(&self, data: &[T]) -> Result<()> {
        self.same_length("upload", data.len())?;
        self.memory.upload(0, bytemuck::cast_slice(data))
    }

    /// Replaces the elements from `offset` on, which is counted in elements.
    ///
    /// # Errors
    ///
    /// [`Error::Buffer`] where `data` does not fit.
    pub fn upload_at(&self, offset: usize, data: &[T]) -> Result<()> {
        let range = self.check_range("upload", offset, data.len())?;
        write_bytes(&*self.memory, range, bytemuck::cast_slice(data))
    }

    /// The contents.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device failed.
    pub fn download(&self) -> Result<Vec<T>> {
        self.download_range(0..self.len)
    }

    /// Copies the contents into `data`.
    ///
    /// # Errors
    ///
    /// [`Error::Buffer`] where `data` has another length.
    pub fn download_into(&self, data: &mut [T]) -> Result<()> {
        self.same_length("download", data.len())?;
        self.memory.download(0, bytemuck::cast_slice_mut(data))
    }

    /// The elements of `range`.
    ///
    /// # Errors
    ///
    /// [`Error::Buffer`] where the range is not inside the buffer.
    pub fn download_range(&self, range: Range<usize>) -> Result<Vec<T>> {
        let Some(count) = range.end.checked_sub(range.start) else {
            return Err(self.error(format!("the range {}..{} ends before it starts", range.start, range.end)));
        };
        let bytes = self.check_range("download", range.start, count)?;
        let mut data = vec![T::zeroed(); count];
        read_bytes(&*self.memory, bytes, bytemuck::cast_slice_mut(&mut data))?;
        Ok(data)
    }

    /// Sets every element to `value`.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device failed.
    pub fn fill(&self, value: T) -> Result<()> {
        let pattern = bytemuck::bytes_of(&value);
        if matches!(pattern.len(), 1 | 2) || pattern.len().is_multiple_of(4) {
            return self.memory.fill(pattern);
        }
        self.upload(&vec![value; self.len])
    }

    /// Copies the contents of `other`, which has the same length; it may live on another device.
    ///
    /// # Errors
    ///
    /// [`Error::Buffer`] where the lengths differ.
    pub fn copy_from(&self, other: &Buffer<T>) -> Result<()> {
        self.same_length("copy", other.len)?;
        if Arc::ptr_eq(&self.memory, &other.memory) {
            return Ok(());
        }
        if self.device == other.device {
            return self.memory.copy_from(0, &*other.memory, 0, self.memory.bytes());
        }
        self.upload(&other.download()?)
    }

    fn same_length(&self, what: &str, len: usize) -> Result<()> {
        if len == self.len {
            return Ok(());
        }
        Err(Error::Buffer(
            self.message(format!("the {what} has {len} elements, and the buffer has {}", self.len))
                .help("give as many elements as the buffer has, or use upload_at and download_range for a part"),
        ))
    }

    /// The bytes of `count` elements from `offset` on.
    fn check_range(&self, what: &str, offset: usize, count: usize) -> Result<Range<u64>> {
        match offset.checked_add(count) {
            Some(end) if end <= self.len => {
                let size = size_of::<T>() as u64;
                Ok(offset as u64 * size..end as u64 * size)
            }
            _ => Err(self.error(format!(
                "the {what} of {count} elements at {offset} goes past the end, and the buffer has {} elements",
                self.len
            ))),
        }
    }

    fn error(&self, problem: String) -> Error {
        Error::Buffer(self.message(problem))
    }

    fn message(&self, problem: String) -> Message {
        Message::new(problem).subject(format!("Buffer<{}>", short_name(type_name::<T>())))
    }
}

impl<T> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(&format!("Buffer<{}>", short_name(type_name::<T>())))
            .field("len", &self.len)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

/// A type's name without the path of its modules.
pub(crate) fn short_name(name: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    for c in name.chars() {
        match c {
            ':' => word.clear(),
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            c => {
                short.push_str(&word);
                word.clear();
                short.push(c);
            }
        }
    }
    short + &word
}

/// The bytes of `len` elements, checked as far as no device is needed. `what` they are for names the type in errors.
pub(crate) fn bytes_of_elements<T: Pod>(what: &str, len: usize) -> Result<u64> {
    let refuse = |problem: String, help: &str| Err(refusal::<T>(what, problem, help));
    let size = size_of::<T>();
    if size == 0 {
        return refuse("the element type has no size".to_owned(), "use a type that holds something");
    }
    if len == 0 {
        let problem = format!("a {} needs at least one element", what.to_lowercase());
        return refuse(problem, "skip the call where there is no data");
    }
    let Some(bytes) = (len as u64).checked_mul(size as u64) else {
        return refuse(format!("{len} elements of {size} bytes are beyond 2^64 bytes"), "use fewer elements");
    };
    if !bytes.is_multiple_of(4) {
        return refuse(
            format!("{len} elements of {size} bytes are {bytes} bytes, which is not a multiple of 4"),
            "round the length up: devices move memory in words of 4 bytes",
        );
    }
    Ok(bytes)
}

fn refusal<T>(what: &str, problem: String, help: &str) -> Error {
    let subject = format!("{what}<{}>", short_name(type_name::<T>()));
    Error::Buffer(Message::new(problem).subject(subject).help(help))
}

/// The bytes of a new buffer, checked.
fn check_new<T: Pod>(device: &Device, len: usize) -> Result<u64> {
    let bytes = bytes_of_elements::<T>("Buffer", len)?;
    let limit = device.inner.max_buffer;
    if bytes > limit {
        let problem = format!(
            "{} are asked for, and {} makes buffers of up to {}",
            exact_bytes(bytes),
            device.describe(),
            exact_bytes(limit)
        );
        return Err(refusal::<T>("Buffer", problem, "use several buffers, or another device"));
    }
    Ok(bytes)
}

/// The smallest range of whole words around `range`.
fn words(range: &Range<u64>) -> Range<u64> {
    range.start / 4 * 4..range.end.next_multiple_of(4)
}

/// Writes `data` to `range`, which need not start or end at a word: devices move whole words only.
fn write_bytes(memory: &dyn Allocation, range: Range<u64>, data: &[u8]) -> Result<()> {
    let around = words(&range);
    if data.is_empty() || around == range {
        return if data.is_empty() { Ok(()) } else { memory.upload(range.start, data) };
    }
    let mut whole = vec![0; (around.end - around.start) as usize];
    memory.download(around.start, &mut whole)?;
    let skip = (range.start - around.start) as usize;
    whole[skip..skip + data.len()].copy_from_slice(data);
    memory.upload(around.start, &whole)
}

/// Reads `range`, which need not start or end at a word, into `data`.
fn read_bytes(memory: &dyn Allocation, range: Range<u64>, data: &mut [u8]) -> Result<()> {
    let around = words(&range);
    if data.is_empty() || around == range {
        return if data.is_empty() { Ok(()) } else { memory.download(range.start, data) };
    }
    let mut whole = vec![0; (around.end - around.start) as usize];
    memory.download(around.start, &mut whole)?;
    let skip = (range.start - around.start) as usize;
    data.copy_from_slice(&whole[skip..skip + data.len()]);
    Ok(())
}
