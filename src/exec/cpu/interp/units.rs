//! Memory as a sequence of elements, words or halves, plain or atomic.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU16, AtomicU32, Ordering::Relaxed},
};

use super::half::{from_half, to_half};

/// Elements that can be read. Halves are given as single floats.
pub(super) trait Read: Copy {
    fn count(self) -> usize;
    /// The element at `index`; zero outside.
    fn get(self, index: usize) -> u32;
    /// The elements from `start` on, which are all inside.
    fn read(self, start: usize, d: &mut [u32]);
}

/// Elements that can be written.
pub(super) trait Write: Read {
    /// Writes the element at `index`; nothing outside.
    fn set(self, index: usize, value: u32);
    /// Writes the elements from `start` on, which are all inside.
    fn write(self, start: usize, s: &[u32]);
}

impl Read for &[u32] {
    #[inline(always)]
    fn count(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn get(self, index: usize) -> u32 {
        <[u32]>::get(self, index).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn read(self, start: usize, d: &mut [u32]) {
        d.copy_from_slice(&self[start..start + d.len()]);
    }
}

impl Read for &[u16] {
    #[inline(always)]
    fn count(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn get(self, index: usize) -> u32 {
        <[u16]>::get(self, index).map_or(0, |half| from_half(u32::from(*half)))
    }

    #[inline(always)]
    fn read(self, start: usize, d: &mut [u32]) {
        for (d, half) in d.iter_mut().zip(&self[start..]) {
            *d = from_half(u32::from(*half));
        }
    }
}

impl Read for &[AtomicU32] {
    #[inline(always)]
    fn count(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn get(self, index: usize) -> u32 {
        <[AtomicU32]>::get(self, index).map_or(0, |word| word.load(Relaxed))
    }

    #[inline(always)]
    fn read(self, start: usize, d: &mut [u32]) {
        for (d, word) in d.iter_mut().zip(&self[start..]) {
            *d = word.load(Relaxed);
        }
    }
}

impl Write for &[AtomicU32] {
    #[inline(always)]
    fn set(self, index: usize, value: u32) {
        if let Some(word) = <[AtomicU32]>::get(self, index) {
            word.store(value, Relaxed);
        }
    }

    #[inline(always)]
    fn write(self, start: usize, s: &[u32]) {
        for (word, s) in self[start..].iter().zip(s) {
            word.store(*s, Relaxed);
        }
    }
}

impl Read for &[AtomicU16] {
    #[inline(always)]
    fn count(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn get(self, index: usize) -> u32 {
        <[AtomicU16]>::get(self, index).map_or(0, |half| from_half(u32::from(half.load(Relaxed))))
    }

    #[inline(always)]
    fn read(self, start: usize, d: &mut [u32]) {
        for (d, half) in d.iter_mut().zip(&self[start..]) {
            *d = from_half(u32::from(half.load(Relaxed)));
        }
    }
}

impl Write for &[AtomicU16] {
    #[inline(always)]
    fn set(self, index: usize, value: u32) {
        if let Some(half) = <[AtomicU16]>::get(self, index) {
            half.store(to_half(value) as u16, Relaxed);
        }
    }

    #[inline(always)]
    fn write(self, start: usize, s: &[u32]) {
        for (half, s) in self[start..].iter().zip(s) {
            half.store(to_half(*s) as u16, Relaxed);
        }
    }
}

impl Read for &[Cell<u32>] {
    #[inline(always)]
    fn count(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn get(self, index: usize) -> u32 {
        <[Cell<u32>]>::get(self, index).map_or(0, Cell::get)
    }

    #[inline(always)]
    fn read(self, start: usize, d: &mut [u32]) {
        for (d, word) in d.iter_mut().zip(&self[start..]) {
            *d = word.get();
        }
    }
}

impl Write for &[Cell<u32>] {
    #[inline(always)]
    fn set(self, index: usize, value: u32) {
        if let Some(word) = <[Cell<u32>]>::get(self, index) {
            word.set(value);
        }
    }

    #[inline(always)]
    fn write(self, start: usize, s: &[u32]) {
        for (word, s) in self[start..].iter().zip(s) {
            word.set(*s);
        }
    }
}

/// `units[first + l * step] = values[l]` in the lanes of `mask`, if there is one.
#[inline(always)]
pub(super) fn write_steps<U: Write>(
    units: U,
    first: usize,
    step: isize,
    mask: Option<&[u32]>,
    values: impl Iterator<Item = u32>,
) {
    let mut index = first;
    match mask {
        None => {
            for value in values {
                units.set(index, value);
                index = index.wrapping_add_signed(step);
            }
        }
        Some(mask) => {
            for (value, active) in values.zip(mask) {
                if *active != 0 {
                    units.set(index, value);
                }
                index = index.wrapping_add_signed(step);
            }
        }
    }
}

/// Lanes looked at together: indices that follow each other are one copy.
const CHUNK: usize = 8;

/// `d[l] = units[index[l]]`; zero where the index is not below `limit`.
#[inline(always)]
pub(super) fn gather<U: Read>(d: &mut [u32], index: &[u32], limit: usize, units: U) {
    let limit = limit.min(units.count());
    let lane = |index: u32| if (index as usize) < limit { units.get(index as usize) } else { 0 };
    let mut chunks = d.chunks_exact_mut(CHUNK);
    let mut indices = index.chunks_exact(CHUNK);
    for (d, index) in (&mut chunks).zip(&mut indices) {
        let first = index[0];
        let (mut follow, mut same) = (true, true);
        for (lane, i) in index.iter().enumerate() {
            follow &= *i == first.wrapping_add(lane as u32);
            same &= *i == first;
        }
        if follow && first as usize + CHUNK <= limit {
            units.read(first as usize, d);
        } else if same {
            d.fill(lane(first));
        } else {
            for (d, i) in d.iter_mut().zip(index) {
                *d = lane(*i);
            }
        }
    }
    for (d, i) in chunks.into_remainder().iter_mut().zip(indices.remainder()) {
        *d = lane(*i);
    }
}

/// `units[index[l]] = s[l]` in the lanes of `mask`, if there is one; nothing where the index is not below `limit`.
#[inline(always)]
pub(super) fn scatter<U: Write>(
    units: U,
    index: &[u32],
    limit: usize,
    mask: Option<&[u32]>,
    value: impl Fn(usize) -> u32,
    row: Option<&[u32]>,
) {
    let limit = limit.min(units.count());
    for start in (0..index.len()).step_by(CHUNK) {
        let end = (start + CHUNK).min(index.len());
        let part = &index[start..end];
        let first = part[0];
        let mut follow = first as usize + part.len() <= limit && row.is_some();
        for (lane, i) in part.iter().enumerate() {
            follow &= *i == first.wrapping_add(lane as u32);
        }
        if let Some(mask) = mask {
            follow &= mask[start..end].iter().all(|active| *active != 0);
        }
        match row {
            Some(row) if follow => units.write(first as usize, &row[start..end]),
            _ => {
                for lane in start..end {
                    if (index[lane] as usize) < limit && mask.is_none_or(|mask| mask[lane] != 0) {
                        units.set(index[lane] as usize, value(lane));
                    }
                }
            }
        }
    }
}
