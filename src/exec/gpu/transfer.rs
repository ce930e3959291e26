//! Bytes between the host and the device, through staging buffers that are used again.

use std::{
    collections::BTreeMap,
    iter,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Instant,
};

use super::{
    Gpu,
    device::lock,
    memory::{UNIT, padded},
};
use crate::{
    error::{Error, Message, Result},
    exec::stop::Stop,
};

/// Up to this many bytes go through wgpu's own staging, which costs less for little data.
const SMALL: usize = 64 << 10;

/// The largest staging buffer; more bytes go in several.
const CHUNK: u64 = 16 << 20;

/// Bytes of staging on their way at a time in one transfer. Two such windows overlap in a download:
/// the device fills one while the host empties the other.
const WINDOW: u64 = 2 * CHUNK;

/// Bytes of unused staging kept in each direction.
const KEPT: u64 = 128 << 20;

const UPLOAD: wgpu::BufferUsages = wgpu::BufferUsages::MAP_WRITE.union(wgpu::BufferUsages::COPY_SRC);
const DOWNLOAD: wgpu::BufferUsages = wgpu::BufferUsages::MAP_READ.union(wgpu::BufferUsages::COPY_DST);

/// Staging buffers that are not in use: those for uploads mapped, those for downloads not.
#[derive(Default)]
pub(super) struct Staging {
    up: Arc<Mutex<FreeBuffers>>,
    down: Mutex<FreeBuffers>,
}

/// Buffers of one direction, by size.
#[derive(Default)]
struct FreeBuffers {
    free: BTreeMap<u64, Vec<wgpu::Buffer>>,
    bytes: u64,
}

impl FreeBuffers {
    fn take(&mut self, size: u64) -> Option<wgpu::Buffer> {
        let buffer = self.free.get_mut(&size)?.pop()?;
        self.bytes -= size;
        Some(buffer)
    }

    /// Keeps the buffer if there is room for it.
    fn put(&mut self, buffer: wgpu::Buffer) {
        if self.bytes + buffer.size() <= KEPT {
            self.bytes += buffer.size();
            self.free.entry(buffer.size()).or_default().push(buffer);
        }
    }
}

impl Staging {
    /// Gives up all that is kept.
    pub fn clear(&self) {
        *lock(&self.up) = FreeBuffers::default();
        *lock(&self.down) = FreeBuffers::default();
    }

    /// A mapped buffer to write into.
    fn writable(&self, gpu: &Gpu, bytes: u64) -> Result<wgpu::Buffer> {
        let size = staging_class(bytes);
        // The lock is let go first: when memory is short, making a buffer empties the shelves.
        let kept = lock(&self.up).take(size);
        kept.map_or_else(|| gpu.create_buffer(size, UPLOAD, "staging"), Ok)
    }

    /// Takes back a buffer that was copied from: it is mapped again once the device is done with it.
    fn put_writable(&self, buffer: wgpu::Buffer) {
        let (shelf, mapped) = (Arc::clone(&self.up), buffer.clone());
        buffer.map_async(wgpu::MapMode::Write, .., move |result| {
            if result.is_ok() {
                lock(&shelf).put(mapped);
            }
        });
    }

    /// A buffer to copy into and read from.
    fn readable(&self, gpu: &Gpu, bytes: u64) -> Result<wgpu::Buffer> {
        let size = staging_class(bytes);
        let kept = lock(&self.down).take(size);
        kept.map_or_else(|| gpu.create_buffer(size, DOWNLOAD, "staging"), Ok)
    }
}

/// The staging sizes are powers of two, so that few serve all.
fn staging_class(bytes: u64) -> u64 {
    bytes.next_power_of_two().max(256)
}

/// Copies `data` to `offset` of `target`; both the offset and the end of what is written are rounded
/// to whole units, the end with zeros. Returns once the copy is submitted.
pub(super) fn upload(gpu: &Gpu, target: &wgpu::Buffer, offset: u64, data: &[u8], stop: Option<&Stop>) -> Result<()> {
    if data.len() <= SMALL {
        let (whole, rest) = data.split_at(data.len() / UNIT as usize * UNIT as usize);
        if !whole.is_empty() {
            gpu.queue.write_buffer(target, offset, whole);
        }
        if !rest.is_empty() {
            let mut word = [0; UNIT as usize];
            word[..rest.len()].copy_from_slice(rest);
            gpu.queue.write_buffer(target, offset + whole.len() as u64, &word);
        }
        return Ok(());
    }
    let mut offset = offset;
    let mut submitted: Option<wgpu::SubmissionIndex> = None;
    let mut in_flight = 0;
    for chunk in data.chunks(CHUNK as usize) {
        let length = padded(chunk.len() as u64);
        if in_flight + length > WINDOW {
            // The staging that comes free here is what the next chunks use.
            if let Some(index) = submitted.take() {
                gpu.wait(index, stop)?;
            }
            in_flight = 0;
        }
        let staging = gpu.staging.writable(gpu, length)?;
        write_mapped(gpu, &staging, chunk)?;
        let mut encoder = gpu.encoder();
        encoder.copy_buffer_to_buffer(&staging, 0, target, offset, length);
        submitted = Some(gpu.queue.submit([encoder.finish()]));
        gpu.staging.put_writable(staging);
        offset += length;
        in_flight += length;
    }
    Ok(())
}

/// Writes `chunk` to a mapped buffer, pads it to whole units with zeros, and unmaps it.
fn write_mapped(gpu: &Gpu, staging: &wgpu::Buffer, chunk: &[u8]) -> Result<()> {
    let whole = chunk.len() / UNIT as usize * UNIT as usize;
    {
        let mut view =
            staging.get_mapped_range_mut(..padded(chunk.len() as u64)).map_err(|error| gpu.transfer_failed(&error))?;
        view.slice(..whole).copy_from_slice(&chunk[..whole]);
        if whole < chunk.len() {
            let mut word = [0; UNIT as usize];
            word[..chunk.len() - whole].copy_from_slice(&chunk[whole..]);
            view.slice(whole..).copy_from_slice(&word);
        }
    }
    staging.unmap();
    Ok(())
}

/// Where bytes that are read back go: they may come in chunks.
pub(super) trait Target: Sized {
    /// How many bytes.
    fn bytes(&self) -> u64;
    /// The first `bytes` and the rest.
    fn split_at(self, bytes: u64) -> (Self, Self);
}

impl Target for &mut [u8] {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }

    fn split_at(self, bytes: u64) -> (Self, Self) {
        self.split_at_mut(bytes as usize)
    }
}

/// Bytes to be read back, from `offset` of `source` on. The offset is a whole number of units, and the source goes on to
/// the end of the last unit.
pub(super) struct Piece<'s, T> {
    pub source: &'s wgpu::Buffer,
    pub offset: u64,
    pub data: T,
}

/// Pieces whose copies have been submitted together.
pub(super) struct Readback<T> {
    index: wgpu::SubmissionIndex,
    parts: Vec<Part<T>>,
}

/// A chunk on its way.
struct Part<T> {
    staging: wgpu::Buffer,
    state: Arc<AtomicU8>,
    data: T,
}

const WAITING: u8 = 0;
const MAPPED: u8 = 1;
const FAILED: u8 = 2;

/// Submits `encoder`, with the copies of as many pieces as fit in a window behind what it holds, then
/// the rest, and returns when all of it is done and the pieces are filled.
pub(super) fn finish(
    gpu: &Gpu,
    encoder: wgpu::CommandEncoder,
    pieces: Vec<Piece<'_, &mut [u8]>>,
    stop: Option<&Stop>,
) -> Result<()> {
    finish_as(gpu, encoder, pieces, Ending { stop, ..Ending::default() })
}

/// What may end a wait early, and who wants to know whether results were on their way then.
#[derive(Clone, Copy, Default)]
pub(super) struct Ending<'a> {
    pub stop: Option<&'a Stop>,
    /// When the device counts as hung.
    pub until: Option<Instant>,
    /// Set before the first piece is changed.
    pub landing: Option<&'a AtomicBool>,
}

/// As [`finish`].
pub(super) fn finish_as(
    gpu: &Gpu,
    encoder: wgpu::CommandEncoder,
    pieces: Vec<Piece<'_, &mut [u8]>>,
    ending: Ending<'_>,
) -> Result<()> {
    if pieces.is_empty() {
        let index = gpu.queue.submit([encoder.finish()]);
        return gpu.wait_until(index, ending.stop, ending.until);
    }
    let mut chunks = pieces.into_iter().flat_map(split).peekable();
    let mut encoder = Some(encoder);
    let mut before: Option<Readback<&mut [u8]>> = None;
    while chunks.peek().is_some() {
        let mut encoder = encoder.take().unwrap_or_else(|| gpu.encoder());
        let mut parts = Vec::new();
        let mut bytes = 0;
        while let Some(chunk) = chunks.next_if(|chunk| bytes == 0 || bytes + chunk.bytes() <= WINDOW) {
            bytes += chunk.bytes();
            parts.push(copy_to_staging(gpu, &mut encoder, chunk)?);
        }
        if let Some(readback) = before.replace(submit(gpu, encoder, parts)) {
            readback.complete(gpu, ending)?;
        }
    }
    before.map_or(Ok(()), |readback| readback.complete(gpu, ending))
}

/// Submits `encoder` with the copies of all pieces behind what it holds, and returns at once: the bytes are there when
/// the readback has landed.
pub(super) fn start_readback<T: Target>(
    gpu: &Gpu,
    encoder: wgpu::CommandEncoder,
    pieces: Vec<Piece<'_, T>>,
) -> Result<Readback<T>> {
    let mut encoder = encoder;
    let chunks = pieces.into_iter().flat_map(split);
    let parts = chunks.map(|chunk| copy_to_staging(gpu, &mut encoder, chunk)).collect::<Result<_>>()?;
    Ok(submit(gpu, encoder, parts))
}

/// Records the copy of a chunk into a staging buffer.
fn copy_to_staging<T: Target>(gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, chunk: Piece<'_, T>) -> Result<Part<T>> {
    let staging = gpu.staging.readable(gpu, chunk.bytes())?;
    encoder.copy_buffer_to_buffer(chunk.source, chunk.offset, &staging, 0, chunk.bytes());
    Ok(Part { staging, state: Arc::new(AtomicU8::new(WAITING)), data: chunk.data })
}

/// Submits copies into staging buffers, and asks for these to be mapped when that is done.
fn submit<T: Target>(gpu: &Gpu, encoder: wgpu::CommandEncoder, parts: Vec<Part<T>>) -> Readback<T> {
    let index = gpu.queue.submit([encoder.finish()]);
    for part in &parts {
        let state = Arc::clone(&part.state);
        part.staging.map_async(wgpu::MapMode::Read, ..padded(part.data.bytes()), move |result| {
            state.store(if result.is_ok() { MAPPED } else { FAILED }, Ordering::Release);
        });
    }
    Readback { index, parts }
}

/// Cuts a piece into chunks.
fn split<'s, T: Target>(piece: Piece<'s, T>) -> impl Iterator<Item = Piece<'s, T>> {
    let Piece { source, mut offset, data } = piece;
    let mut rest = Some(data);
    iter::from_fn(move || {
        let whole = rest.take().filter(|rest| rest.bytes() > 0)?;
        if whole.bytes() <= CHUNK {
            return Some(Piece { source, offset, data: whole });
        }
        let (data, behind) = whole.split_at(CHUNK);
        rest = Some(behind);
        let chunk = Piece { source, offset, data };
        offset += CHUNK;
        Some(chunk)
    })
}

impl<T: Target> Piece<'_, T> {
    /// Bytes that are copied for it on the device.
    fn bytes(&self) -> u64 {
        padded(self.data.bytes())
    }
}

impl<T: Target> Readback<T> {
    /// Waits until the bytes are there; if they are not by then, the device counts as hung.
    pub fn land(&self, gpu: &Gpu, stop: Option<&Stop>, until: Option<Instant>) -> Result<()> {
        gpu.wait_until(self.index.clone(), stop, until)?;
        for part in &self.parts {
            // The callback may be running on another thread that polls at the same time.
            while part.state.load(Ordering::Acquire) == WAITING {
                gpu.faults.check()?;
                gpu.poll()?;
                std::thread::yield_now();
            }
            if part.state.load(Ordering::Acquire) == FAILED {
                gpu.faults.check()?;
                return Err(gpu.transfer_failed(&"a staging buffer cannot be mapped"));
            }
        }
        Ok(())
    }

    /// What `see` makes of the bytes for the first target that is `wanted`, if there is one. They have [landed](Self::land), and
    /// stay where they are.
    pub fn look<R>(&self, gpu: &Gpu, wanted: impl Fn(&T) -> bool, see: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        let Some(Part { staging, data, .. }) = self.parts.iter().find(|part| wanted(&part.data)) else {
            return Ok(None);
        };
        let view = staging.get_mapped_range(..padded(data.bytes())).map_err(|error| gpu.transfer_failed(&error))?;
        Ok(Some(see(&view)))
    }

    /// Hands over the bytes, which have [landed](Self::land): whole units, of which a target's own are the first.
    pub fn unload(self, gpu: &Gpu, mut put: impl FnMut(T, &[u8])) -> Result<()> {
        for Part { staging, data, .. } in self.parts {
            {
                let view =
                    staging.get_mapped_range(..padded(data.bytes())).map_err(|error| gpu.transfer_failed(&error))?;
                put(data, &view);
            }
            staging.unmap();
            lock(&gpu.staging.down).put(staging);
        }
        Ok(())
    }
}

impl Readback<&mut [u8]> {
    /// Waits for the copies and fills the pieces.
    pub fn complete(self, gpu: &Gpu, ending: Ending<'_>) -> Result<()> {
        self.land(gpu, ending.stop, ending.until)?;
        ending.landing.into_iter().for_each(|landing| landing.store(true, Ordering::Relaxed));
        self.unload(gpu, |data, bytes| data.copy_from_slice(&bytes[..data.len()]))
    }
}

impl Gpu {
    fn transfer_failed(&self, error: &dyn std::fmt::Display) -> Error {
        Error::Device(Message::new(format!("a transfer failed: {error}")).subject(&self.info.name))
    }
}
