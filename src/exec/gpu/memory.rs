//! Device memory: buffers that are used again, and memory that stays on the device.
//!
//! A binding is always a buffer of its own, never a part of one: WebGPU refuses a buffer that is
//! bound for reading and for writing in one dispatch, even where the ranges are disjoint.

use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    Gpu,
    device::{Scopes, lock, translate},
    transfer::{self, Piece},
};
use crate::{
    error::{Error, Message, Result},
    exec::Allocation,
};

/// What a kernel's storage buffers are made for.
pub(super) const STORAGE: wgpu::BufferUsages =
    wgpu::BufferUsages::STORAGE.union(wgpu::BufferUsages::COPY_SRC).union(wgpu::BufferUsages::COPY_DST);

/// wgpu copies in units of this many bytes, and binds storage in them.
pub(super) const UNIT: u64 = wgpu::COPY_BUFFER_ALIGNMENT;

/// The unused bytes that a pool keeps at most.
const KEPT: u64 = 512 << 20;

/// The pattern of a fill is repeated to at most this many bytes before it is copied.
const FILL_BLOCK: usize = 4 << 20;

/// Rounds up to whole units; no buffer is empty.
pub(super) fn padded(bytes: u64) -> u64 {
    bytes.max(1).next_multiple_of(UNIT)
}

/// The size of buffer in which `bytes` are put when they only stay for one call: at most an eighth
/// more, so that calls of nearly the same size use the same buffers.
pub(super) fn size_class(bytes: u64) -> u64 {
    let bytes = padded(bytes).max(256);
    let step = (bytes.next_power_of_two() / 16).max(UNIT);
    bytes.next_multiple_of(step)
}

/// A buffer on the device, known by a number that no other has.
pub(super) struct DeviceBuffer {
    pub buffer: wgpu::Buffer,
    pub id: u64,
    pub size: u64,
    _metered: Option<Metered>,
}

impl DeviceBuffer {
    pub fn new(buffer: wgpu::Buffer) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        DeviceBuffer { size: buffer.size(), buffer, id, _metered: None }
    }
}

/// Bytes of all storage buffers that there are.
#[derive(Default)]
pub(super) struct Meter {
    bytes: AtomicU64,
    /// The most that there were at a time.
    most: AtomicU64,
    /// The most that there should be; 0 where that is not limited.
    limit: AtomicU64,
    /// Held by who makes room: what one gives up is not missed by another.
    making_room: Mutex<()>,
}

/// A buffer as it is counted, until it is dropped.
struct Metered {
    meter: Arc<Meter>,
    bytes: u64,
}

impl Meter {
    /// Counts a buffer of so many bytes that is to be made, unless that is too much.
    fn count(self: &Arc<Self>, bytes: u64) -> Option<Metered> {
        let limit = self.limit.load(Ordering::Relaxed);
        let add = |now: u64| Some(now + bytes).filter(|&sum| limit == 0 || sum <= limit);
        let before = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok()?;
        self.most.fetch_max(before + bytes, Ordering::Relaxed);
        Some(Metered { meter: Arc::clone(self), bytes })
    }

    /// Limits the bytes of all buffers, in use or kept for later.
    pub fn limit(&self, bytes: Option<u64>) {
        self.limit.store(bytes.unwrap_or(0), Ordering::Relaxed);
    }

    /// The most bytes that there were at a time.
    #[cfg(all(test, feature = "cpu"))]
    pub fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.meter.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Storage buffers that are not in use, by size. The oldest go first when there are too many.
#[derive(Default)]
pub(super) struct Pool {
    inner: Mutex<PoolInner>,
}

#[derive(Default)]
struct PoolInner {
    free: BTreeMap<u64, Vec<DeviceBuffer>>,
    /// Sizes in the order in which buffers came back.
    order: VecDeque<u64>,
    bytes: u64,
}

impl PoolInner {
    /// Takes out at least so many bytes, if there are so many, the oldest buffers first.
    fn shrink(&mut self, bytes: u64) -> Vec<DeviceBuffer> {
        let (mut gone, mut freed) = (Vec::new(), 0);
        while freed < bytes {
            let Some(size) = self.order.pop_front() else { break };
            let Some(old) = self.free.get_mut(&size).filter(|kept| !kept.is_empty()) else { break };
            gone.push(old.remove(0));
            self.bytes -= size;
            freed += size;
        }
        gone
    }
}

impl Pool {
    /// A buffer of exactly `size` bytes, if one is kept.
    fn take(&self, size: u64) -> Option<DeviceBuffer> {
        let mut inner = lock(&self.inner);
        let buffer = inner.free.get_mut(&size)?.pop()?;
        inner.bytes -= size;
        if let Some(place) = inner.order.iter().position(|kept| *kept == size) {
            inner.order.remove(place);
        }
        Some(buffer)
    }

    /// Keeps a buffer; gives those that have to go instead.
    fn put(&self, buffer: DeviceBuffer) -> Vec<DeviceBuffer> {
        let mut inner = lock(&self.inner);
        inner.bytes += buffer.size;
        inner.order.push_back(buffer.size);
        inner.free.entry(buffer.size).or_default().push(buffer);
        let excess = inner.bytes.saturating_sub(KEPT);
        inner.shrink(excess)
    }

    /// Gives up at least so many bytes of what is kept, if there are so many, the oldest first.
    fn shrink(&self, bytes: u64) -> Vec<DeviceBuffer> {
        lock(&self.inner).shrink(bytes)
    }

    /// Gives up all that is kept.
    fn clear(&self) -> Vec<DeviceBuffer> {
        let mut inner = lock(&self.inner);
        let PoolInner { free, .. } = std::mem::take(&mut *inner);
        free.into_values().flatten().collect()
    }
}

impl Gpu {
    /// Makes a buffer; where memory is short, gives up what the pools keep and tries again.
    pub(super) fn create_buffer(&self, size: u64, usage: wgpu::BufferUsages, subject: &str) -> Result<wgpu::Buffer> {
        if size > self.limits.max_buffer_size {
            return Err(too_large(subject, &self.info.name, size, &self.limits));
        }
        let create = || {
            let scopes = Scopes::open(&self.device);
            let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(subject),
                size,
                usage,
                mapped_at_creation: usage.contains(wgpu::BufferUsages::MAP_WRITE),
            });
            match scopes.close() {
                Some(error) => Err(translate(error, &self.info.name, "", subject)),
                None => Ok(buffer),
            }
        };
        match create() {
            Err(Error::OutOfMemory(_)) => {
                self.trim();
                create()
            }
            result => result,
        }
    }

    /// A storage buffer of `size` bytes with unspecified contents; whether it is new, and so zero.
    pub(super) fn acquire(&self, size: u64, subject: &str) -> Result<(DeviceBuffer, bool)> {
        if let Some(buffer) = self.pool.take(size) {
            return Ok((buffer, false));
        }
        let metered = match self.meter.count(size) {
            Some(metered) => metered,
            None => self.make_room(size, subject)?,
        };
        let buffer = self.create_buffer(size, STORAGE, subject)?;
        Ok((DeviceBuffer { _metered: Some(metered), ..DeviceBuffer::new(buffer) }, true))
    }

    /// Counts a buffer for which there is room once what is kept for later calls is given up.
    fn make_room(&self, size: u64, subject: &str) -> Result<Metered> {
        let _alone = lock(&self.meter.making_room);
        loop {
            if let Some(metered) = self.meter.count(size) {
                return Ok(metered);
            }
            let gone = self.pool.shrink(size);
            if gone.is_empty() {
                let problem =
                    format!("a buffer of {size} bytes does not fit the memory that may be used of the device");
                let help = "allow more (SWATH_MEMORY), or drop buffers that are not needed";
                return Err(Error::OutOfMemory(Message::new(problem).subject(subject).help(help)));
            }
            self.forget(&gone);
            drop(gone);
            // wgpu frees memory when it is polled after the last use.
            self.poll()?;
        }
    }

    /// Takes a buffer back. What the device still does with it comes before whatever is done next.
    pub(super) fn release(&self, buffer: DeviceBuffer) {
        let gone = self.pool.put(buffer);
        self.forget(&gone);
    }

    /// Gives up the unused buffers of all pools.
    fn trim(&self) {
        let gone = self.pool.clear();
        self.forget(&gone);
        drop(gone);
        self.staging.clear();
        // wgpu frees memory when it is polled after the last use.
        self.wait_idle();
    }

    /// Drops the bind groups that would keep these buffers alive.
    fn forget(&self, gone: &[DeviceBuffer]) {
        for buffer in gone {
            self.groups.forget(buffer.id);
        }
    }
}

fn too_large(subject: &str, device: &str, size: u64, limits: &wgpu::Limits) -> Error {
    Error::Unsupported(
        Message::new(format!(
            "needs a buffer of {size} bytes; device `{device}` makes buffers of at most {} (maxBufferSize)",
            limits.max_buffer_size,
        ))
        .subject(subject)
        .help("split the data into several buffers and calls, or use the device `cpu`"),
    )
}

/// Memory that stays on a GPU.
///
/// Its buffer has the size asked for, rounded up to 4 bytes; what the padding holds is unspecified.
/// So `arrayLength` of an `array<f16>` of odd length counts one element more.
pub(super) struct GpuAllocation {
    pub gpu: Arc<Gpu>,
    /// `None` only while it is dropped.
    buffer: Option<DeviceBuffer>,
    bytes: u64,
    /// Held while a word at an unaligned end of a range is read, changed and written back.
    edge: Mutex<()>,
    /// Somebody outside holds the wgpu buffer, so it may not be given to another allocation.
    exposed: AtomicBool,
}

impl GpuAllocation {
    /// Zeroed memory.
    pub fn new(gpu: &Arc<Gpu>, bytes: u64, label: &str) -> Result<Self> {
        gpu.check("")?;
        let (buffer, fresh) = gpu.acquire(padded(bytes), label)?;
        let allocation = GpuAllocation {
            gpu: Arc::clone(gpu),
            buffer: Some(buffer),
            bytes,
            edge: Mutex::new(()),
            exposed: AtomicBool::new(false),
        };
        if !fresh {
            allocation.record("zeroing", |encoder, buffer| encoder.clear_buffer(buffer, 0, None))?;
        }
        Ok(allocation)
    }

    /// The buffer and its number.
    pub fn device_buffer(&self) -> &DeviceBuffer {
        self.buffer.as_ref().expect("an allocation has its buffer until it is dropped")
    }

    /// The wgpu buffer, for use outside of this crate.
    pub fn expose(&self) -> wgpu::Buffer {
        self.exposed.store(true, Ordering::Release);
        self.device_buffer().buffer.clone()
    }

    /// Records and submits commands on the buffer, without waiting for them.
    fn record(&self, what: &str, commands: impl FnOnce(&mut wgpu::CommandEncoder, &wgpu::Buffer)) -> Result<()> {
        self.gpu.check("")?;
        self.gpu.guarded("", what, || {
            let mut encoder = self.gpu.encoder();
            commands(&mut encoder, &self.device_buffer().buffer);
            self.gpu.queue.submit([encoder.finish()]);
            // Nobody waits for this; calls on a lost device fail silently, and polling tells.
            self.gpu.poll()
        })
    }

    /// Reads whole units.
    fn read_units(&self, offset: u64, data: &mut [u8]) -> Result<()> {
        let piece = Piece { source: &self.device_buffer().buffer, offset, data };
        self.gpu.guarded("", "download", || {
            let encoder = self.gpu.encoder();
            transfer::finish(&self.gpu, encoder, vec![piece], None)
        })
    }

    /// Changes the bytes `data` at `offset`, which lie within one unit.
    fn patch(&self, offset: u64, data: &[u8]) -> Result<()> {
        let (unit, within) = (offset / UNIT * UNIT, (offset % UNIT) as usize);
        let mut word = [0; UNIT as usize];
        self.read_units(unit, &mut word)?;
        word[within..within + data.len()].copy_from_slice(data);
        self.gpu.guarded("", "upload", || transfer::upload(&self.gpu, &self.device_buffer().buffer, unit, &word, None))
    }
}

impl Allocation for GpuAllocation {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn upload(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.gpu.check("")?;
        let end = offset + data.len() as u64;
        // The bytes before the first whole unit, and those after the last, unless they end the buffer.
        let head = ((offset.next_multiple_of(UNIT) - offset) as usize).min(data.len());
        let tail = if end == self.bytes { 0 } else { (end % UNIT) as usize };
        let tail = tail.min(data.len() - head);
        let (head_data, rest) = data.split_at(head);
        let (middle, tail_data) = rest.split_at(rest.len() - tail);
        if head != 0 || tail != 0 {
            let _one_at_a_time = lock(&self.edge);
            if head != 0 {
                self.patch(offset, head_data)?;
            }
            if tail != 0 {
                self.patch(end - tail as u64, tail_data)?;
            }
        }
        if middle.is_empty() {
            return Ok(());
        }
        self.gpu.guarded("", "upload", || {
            transfer::upload(&self.gpu, &self.device_buffer().buffer, offset + head as u64, middle, None)?;
            self.gpu.poll()
        })
    }

    fn download(&self, offset: u64, data: &mut [u8]) -> Result<()> {
        self.gpu.check("")?;
        if data.is_empty() {
            return Ok(());
        }
        if offset.is_multiple_of(UNIT) {
            return self.read_units(offset, data);
        }
        let head = ((UNIT - offset % UNIT) as usize).min(data.len());
        let (head_data, rest) = data.split_at_mut(head);
        let mut word = [0; UNIT as usize];
        self.read_units(offset / UNIT * UNIT, &mut word)?;
        let within = (offset % UNIT) as usize;
        head_data.copy_from_slice(&word[within..within + head]);
        if rest.is_empty() { Ok(()) } else { self.read_units(offset + head as u64, rest) }
    }

    fn fill(&self, pattern: &[u8]) -> Result<()> {
        if self.bytes == 0 || pattern.is_empty() {
            return Ok(());
        }
        if pattern.iter().all(|byte| *byte == 0) {
            return self.record("fill", |encoder, buffer| encoder.clear_buffer(buffer, 0, None));
        }
        let repeats = (FILL_BLOCK / pattern.len()).clamp(1, (self.bytes as usize / pattern.len()).max(1));
        // Pieces that follow each other start at whole units.
        let repeats = match (UNIT as usize).checked_div(pattern.len()) {
            Some(group) if group > 1 && repeats > group => repeats / group * group,
            _ => repeats,
        };
        let block = pattern.repeat(repeats);
        if block.len() as u64 >= self.bytes {
            return self.upload(0, &block);
        }
        let size = block.len() as u64;
        let (source, _) = self.gpu.acquire(size_class(size), "fill")?;
        self.gpu.guarded("", "fill", || transfer::upload(&self.gpu, &source.buffer, 0, &block, None))?;
        let result = self.record("fill", |encoder, buffer| {
            for offset in (0..self.bytes).step_by(block.len()) {
                let length = padded(size.min(self.bytes - offset));
                encoder.copy_buffer_to_buffer(&source.buffer, 0, buffer, offset, length);
            }
        });
        self.gpu.release(source);
        result
    }

    fn copy_from(&self, offset: u64, source: &dyn Allocation, source_offset: u64, bytes: u64) -> Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        let aligned = [offset, source_offset].iter().all(|at| at.is_multiple_of(UNIT));
        // A last, partial unit may be copied whole only where nothing but padding follows in it.
        let whole =
            bytes.is_multiple_of(UNIT) || (offset + bytes == self.bytes && source_offset + bytes == source.bytes());
        let other = source.as_any().downcast_ref::<GpuAllocation>();
        match other {
            Some(other) if aligned && whole && Arc::ptr_eq(&self.gpu, &other.gpu) => {
                let length = padded(bytes);
                if self.device_buffer().id != other.device_buffer().id {
                    return self.record("copy", |encoder, buffer| {
                        let from = &other.device_buffer().buffer;
                        encoder.copy_buffer_to_buffer(from, source_offset, buffer, offset, length);
                    });
                }
                // WebGPU does not copy within one buffer.
                let (between, _) = self.gpu.acquire(size_class(bytes), "copy")?;
                let result = self.record("copy", |encoder, buffer| {
                    encoder.copy_buffer_to_buffer(buffer, source_offset, &between.buffer, 0, length);
                    encoder.copy_buffer_to_buffer(&between.buffer, 0, buffer, offset, length);
                });
                self.gpu.release(between);
                result
            }
            _ => {
                let mut data = vec![0; bytes as usize];
                source.download(source_offset, &mut data)?;
                self.upload(offset, &data)
            }
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for GpuAllocation {
    fn drop(&mut self) {
        let Some(buffer) = self.buffer.take() else { return };
        if self.exposed.load(Ordering::Acquire) {
            self.gpu.forget(&[buffer]);
        } else {
            self.gpu.release(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_waste_at_most_an_eighth() {
        for bytes in (1..100_000).chain([1 << 20, (1 << 20) + 1, 300_000_001]) {
            let class = size_class(bytes);
            assert!(class >= bytes && class.is_multiple_of(UNIT), "{bytes} -> {class}");
            assert!(bytes < 256 || class - bytes <= bytes / 8 + UNIT, "{bytes} -> {class}");
            assert_eq!(size_class(class), class, "a class is its own class");
        }
    }
}
