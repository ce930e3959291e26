//! What a dispatch binds: uniforms by their contents, and bind groups that are used again.

use std::{
    hash::Hasher,
    sync::{Arc, Mutex},
};

use rustc_hash::{FxHashMap, FxHasher};

use super::{Gpu, device::lock, memory::DeviceBuffer, pipeline::Pipeline, transfer};
use crate::error::Result;

/// Uniform buffers kept for each size.
const SLOTS_PER_SIZE: usize = 32;

/// Bind groups kept for a device.
const GROUPS: usize = 512;

/// A uniform buffer. Whoever holds it may submit work that reads it: it is written again only when
/// nobody does.
pub(super) struct UniformSlot {
    pub buffer: DeviceBuffer,
}

/// A ring of small uniform buffers. A call whose uniform holds what one of them holds already, as
/// calls in a loop mostly do, uploads nothing.
#[derive(Default)]
pub(super) struct Uniforms {
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    slots: Vec<Entry>,
    clock: u64,
}

struct Entry {
    slot: Arc<UniformSlot>,
    hash: u64,
    contents: Vec<u8>,
    used: u64,
}

impl Uniforms {
    /// A buffer that holds `contents`.
    pub fn get(&self, gpu: &Gpu, contents: &[u8]) -> Result<Arc<UniformSlot>> {
        let mut hasher = FxHasher::default();
        hasher.write(contents);
        let hash = hasher.finish();
        let mut ring = lock(&self.ring);
        ring.clock += 1;
        let now = ring.clock;
        let same = |entry: &&mut Entry| entry.hash == hash && entry.contents == contents;
        if let Some(entry) = ring.slots.iter_mut().find(same) {
            entry.used = now;
            return Ok(Arc::clone(&entry.slot));
        }
        let size = (contents.len() as u64).next_power_of_two().max(256);
        let of_size = |entry: &Entry| entry.slot.buffer.size == size;
        let full = ring.slots.iter().filter(|entry| of_size(entry)).count() >= SLOTS_PER_SIZE;
        let idle = |entry: &&mut Entry| of_size(entry) && Arc::strong_count(&entry.slot) == 1;
        let oldest = if full { ring.slots.iter_mut().filter(idle).min_by_key(|entry| entry.used) } else { None };
        // Written before the lock is let go: nobody finds the slot by contents that are not there yet.
        match oldest {
            Some(entry) => {
                // While the write may fail, the entry stands for nothing.
                entry.contents.clear();
                write(gpu, &entry.slot.buffer, contents)?;
                (entry.hash, entry.used) = (hash, now);
                entry.contents.extend_from_slice(contents);
                Ok(Arc::clone(&entry.slot))
            }
            None => {
                let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
                let buffer = DeviceBuffer::new(gpu.create_buffer(size, usage, "uniform")?);
                write(gpu, &buffer, contents)?;
                let slot = Arc::new(UniformSlot { buffer });
                // One beyond the ring, when all of it is in use, serves this call only.
                if !full {
                    let contents = contents.to_vec();
                    ring.slots.push(Entry { slot: Arc::clone(&slot), hash, contents, used: now });
                }
                Ok(slot)
            }
        }
    }
}

fn write(gpu: &Gpu, buffer: &DeviceBuffer, contents: &[u8]) -> Result<()> {
    gpu.guarded("", "uniform", || transfer::upload(gpu, &buffer.buffer, 0, contents, None))
}

/// One binding of a dispatch: the whole of a buffer up to `bytes`, so that `arrayLength` is right.
#[derive(Clone, Copy)]
pub(super) struct BoundBuffer<'a> {
    pub buffer: &'a DeviceBuffer,
    pub bytes: u64,
}

/// Bind groups, by pipeline and by what is bound.
#[derive(Default)]
pub(super) struct BindGroups {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    groups: FxHashMap<Key, (wgpu::BindGroup, u64)>,
    clock: u64,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    pipeline: u64,
    /// Number of the buffer and bytes bound of it.
    bound: Vec<(u64, u64)>,
}

impl BindGroups {
    /// The group that binds `bound`, in order, to the pipeline's data bindings.
    pub fn get(&self, gpu: &Gpu, pipeline: &Pipeline, bound: &[BoundBuffer<'_>]) -> wgpu::BindGroup {
        let parts = bound.iter().map(|part| (part.buffer.id, part.bytes)).collect();
        let key = Key { pipeline: pipeline.id, bound: parts };
        let mut kept = lock(&self.kept);
        kept.clock += 1;
        let now = kept.clock;
        if let Some((group, used)) = kept.groups.get_mut(&key) {
            *used = now;
            return group.clone();
        }
        let entries: Vec<_> = (0..)
            .zip(bound)
            .map(|(binding, part)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &part.buffer.buffer,
                    offset: 0,
                    size: wgpu::BufferSize::new(part.bytes),
                }),
            })
            .collect();
        let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.data,
            entries: &entries,
        });
        if kept.groups.len() >= GROUPS {
            // The older half goes at once, so that the search is rare.
            let mut ages: Vec<u64> = kept.groups.values().map(|(_, used)| *used).collect();
            let (_, middle, _) = ages.select_nth_unstable(GROUPS / 2);
            let middle = *middle;
            kept.groups.retain(|_, (_, used)| *used >= middle);
        }
        kept.groups.insert(key, (group.clone(), now));
        group
    }

    /// Drops all groups.
    pub fn clear(&self) {
        lock(&self.kept).groups.clear();
    }

    /// Drops the groups that bind this buffer: they would keep its memory alive.
    pub fn forget(&self, buffer: u64) {
        lock(&self.kept).groups.retain(|key, _| key.bound.iter().all(|(id, _)| *id != buffer));
    }
}
