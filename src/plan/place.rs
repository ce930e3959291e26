//! Where the data of a call lies while it runs, and how large its tiles are.

use super::{
    Binding, Reason, Residency, TileSpace,
    request::{CallShape, Capacity, DataLocation},
};
use crate::{
    access::{Analysis, Place, Verdict},
    kernel::Kernel,
};

/// Sets of tile buffers: one is filled while another is computed on.
pub(crate) const SETS: u64 = 2;

/// Bytes that a streamed tile holds at most, over all bindings: large enough that what a tile costs by itself does not
/// matter, and small enough that the first upload and the last download, which nothing overlaps, do not either.
const TILE_BYTES: u64 = 48 << 20;

/// Tiles that a call is cut into for the sake of reports on its progress.
const REPORTED_TILES: u32 = 32;

/// Tiles that a call is cut into so that what it has done is recorded meanwhile: few enough that what each costs by itself does
/// not matter where it matters how long a call takes.
const RECORDED_TILES: u32 = 256;

/// Why a device cannot hold a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// A binding that cannot be cut is larger than the device binds.
    Binding {
        name: String,
        bytes: u64,
        limit: u64,
        limit_name: &'static str,
        reason: String,
        place: Option<Box<Place>>,
    },
    /// What cannot be cut takes more memory than there is, or leaves too little for a tile of one unit.
    Memory { needed: u64, budget: u64 },
}

/// A placement.
pub(super) struct Placed {
    pub tiles: TileSpace,
    pub bindings: Vec<Binding>,
    pub reasons: Vec<Reason>,
    pub device_bytes: u64,
}

/// Places a call on a device.
pub(super) fn place(kernel: &Kernel, shape: &CallShape, analysis: &Analysis) -> Result<Placed, Misfit> {
    let placer = Placer { kernel, shape, analysis, reasons: Vec::new() };
    match shape.capacity.as_ref() {
        None => Ok(placer.on_host()),
        Some(capacity) => placer.on_device(capacity),
    }
}

struct Placer<'a> {
    kernel: &'a Kernel,
    shape: &'a CallShape,
    analysis: &'a Analysis,
    reasons: Vec<Reason>,
}

impl Placer<'_> {
    fn units(&self) -> u32 {
        self.shape.workgroups[self.analysis.axis]
    }

    /// In the host's memory, where there are no limits.
    fn on_host(mut self) -> Placed {
        let places = self.shape.holders.iter().map(|holder| match holder {
            DataLocation::Uniform => Residency::Uniform,
            DataLocation::Resident => Residency::Resident,
            DataLocation::Host => Residency::Host,
        });
        let places = places.collect();
        let tiles = self.whole_tiles();
        self.placed(tiles, places, 0)
    }

    /// The tiles of a call whose data needs none.
    fn whole_tiles(&mut self) -> TileSpace {
        let (axis, units) = (self.analysis.axis, self.units());
        if let Some(count) = self.shape.tiles {
            self.reasons.push(Reason::Asked { tiles: count });
            return TileSpace::at_most(axis, units, units.div_ceil(count.max(1)));
        }
        if self.shape.is_recorded {
            self.reasons.push(Reason::Checkpoint);
            return TileSpace::at_most(axis, units, units.div_ceil(RECORDED_TILES));
        }
        if self.shape.reports {
            self.reasons.push(Reason::Progress);
            return TileSpace::at_most(axis, units, units.div_ceil(REPORTED_TILES));
        }
        TileSpace::one(axis, units)
    }

    fn on_device(mut self, capacity: &Capacity) -> Result<Placed, Misfit> {
        let (bytes, budget) = (&self.shape.bytes, self.shape.budget(capacity));
        let mut reasons = Vec::new();
        let (limit, limit_name) = capacity.largest();
        for at in self.shape.on_host().filter(|&at| bytes[at] > limit) {
            let name = self.kernel.bindings()[at].name.clone();
            reasons.push(Reason::Binding { name, bytes: bytes[at], limit, limit_name });
        }
        let total = self.shape.total();
        if total > budget {
            reasons.push(Reason::Memory { needed: total, budget, asked: self.shape.memory == Some(budget) });
        }
        let streams = self.shape.splits || !reasons.is_empty();
        self.reasons = reasons;
        let places: Vec<Residency> = (0..bytes.len())
            .map(|at| match self.shape.holders[at] {
                DataLocation::Uniform => Residency::Uniform,
                DataLocation::Resident => Residency::Resident,
                DataLocation::Host if streams && self.is_streamable(at) => Residency::Streamed,
                DataLocation::Host => Residency::Whole,
            })
            .collect();
        let whole: u64 = self.placed_as(&places, Residency::Whole).map(|at| bytes[at]).sum();
        for at in self.placed_as(&places, Residency::Whole) {
            self.check_binding(at, capacity)?;
        }
        // Where several devices share a call of which each has all data, there is nothing that a tile would have to hold.
        let has_parts = self.placed_as(&places, Residency::Streamed).next().is_some();
        let streams = has_parts || !self.reasons.is_empty();
        let tiles = if streams { self.streamed_tiles(&places, whole, budget, capacity)? } else { self.whole_tiles() };
        let streamed: u64 =
            self.placed_as(&places, Residency::Streamed).map(|at| self.tile_bytes(at, tiles.units_per_tile())).sum();
        let sets = SETS.min(tiles.count().into());
        let needed = whole + sets * streamed;
        if whole > budget {
            return Err(Misfit::Memory { needed: whole, budget });
        }
        let limit = capacity.max_workgroups;
        let size = tiles.part(&tiles.tile(0).unwrap_or(0..1), self.shape.workgroups).size;
        if size.iter().any(|&count| count > limit) {
            self.reasons.push(Reason::Dispatch { limit });
        }
        Ok(self.placed(tiles, places, needed))
    }

    fn placed_as(&self, places: &[Residency], wanted: Residency) -> impl Iterator<Item = usize> {
        let found: Vec<usize> = (0..places.len()).filter(|&at| places[at] == wanted).collect();
        found.into_iter()
    }

    /// Whether a tile can have its own part of a binding.
    fn is_streamable(&self, at: usize) -> bool {
        let Verdict::Sliced { stride, .. } = self.analysis.bindings[at].verdict else { return false };
        let binding = &self.kernel.bindings()[at];
        // What a tile sees of its array is told in numbers of 32 bits.
        let countable = self.shape.bytes[at] / self.element(at) <= u64::from(u32::MAX);
        stride != 0 && binding.is_plain_array() && countable && (!binding.stores || self.starts_at_words(at, stride))
    }

    /// Whether the parts of a binding that units have to themselves start at whole words, which are what is copied: one may
    /// end within a word only where nobody's part is in the rest of it.
    fn starts_at_words(&self, at: usize, stride: i64) -> bool {
        let access = &self.analysis.bindings[at];
        let words = self.kernel.bindings()[at].shape.scalar.is_some_and(|scalar| scalar.width == 4);
        // The first unit's part may be cut short by a guard; beyond it all are alike.
        let aligned = |unit: u32| {
            let (reads, writes) = (access.reads.bytes(unit..unit + 1), access.writes.bytes(unit..unit + 1));
            let starts = [reads, writes].into_iter().filter(|range| !range.is_empty()).map(|range| range.start);
            starts.min().is_some_and(|start| start % 4 == 0)
        };
        words || (stride % 4 == 0 && (1..3).all(aligned))
    }

    fn check_binding(&self, at: usize, capacity: &Capacity) -> Result<(), Misfit> {
        let (limit, limit_name) = capacity.largest();
        let bytes = self.shape.bytes[at];
        if bytes <= limit {
            return Ok(());
        }
        let binding = &self.kernel.bindings()[at];
        let access = &self.analysis.bindings[at];
        let reason = match access.verdict {
            Verdict::Sliced { stride: 0, .. } => "one workgroup has it all".to_owned(),
            Verdict::Sliced { .. } if binding.is_plain_array() => "its parts do not start at whole words".to_owned(),
            Verdict::Sliced { .. } => "its type is no runtime-sized array on its own".to_owned(),
            _ => access.reason.clone(),
        };
        let place = access.place.clone().map(Box::new);
        Err(Misfit::Binding { name: binding.name.clone(), bytes, limit, limit_name, reason, place })
    }

    /// The most bytes of a binding that `units` in a row touch.
    fn tile_bytes(&self, at: usize, units: u32) -> u64 {
        tile_bytes(self.analysis.bindings[at].verdict, self.element(at), self.shape.bytes[at], units)
    }

    /// Bytes of an element of a binding's array.
    fn element(&self, at: usize) -> u64 {
        u64::from(self.kernel.bindings()[at].element_stride().unwrap_or(4))
    }

    /// Tiles as large as the device can hold, or as is worth it.
    fn streamed_tiles(
        &mut self,
        places: &[Residency],
        whole: u64,
        budget: u64,
        capacity: &Capacity,
    ) -> Result<TileSpace, Misfit> {
        let (axis, units) = (self.analysis.axis, self.units());
        let streamed: Vec<usize> = self.placed_as(places, Residency::Streamed).collect();
        let needs = |count: u32| streamed.iter().map(|&at| self.tile_bytes(at, count)).sum::<u64>();
        let room = budget.saturating_sub(whole);
        let fits = |count: u32| {
            let one_set = count >= units;
            let bytes = needs(count).saturating_mul(if one_set { 1 } else { SETS });
            bytes <= room && streamed.iter().all(|&at| self.tile_bytes(at, count) <= capacity.largest().0)
        };
        if streamed.is_empty() || whole > budget || !fits(1) {
            let needed = whole.saturating_add(needs(1).saturating_mul(SETS));
            return Err(Misfit::Memory { needed, budget });
        }
        let most = most_that(units, fits);
        let worth = most_that(units, |count| needs(count) <= TILE_BYTES);
        let mut chosen = most.min(worth.max(1));
        if self.shape.is_recorded {
            self.reasons.push(Reason::Checkpoint);
            chosen = chosen.min(units.div_ceil(RECORDED_TILES));
        }
        let asked = self.shape.tiles.map(|count| (count, units.div_ceil(count.max(1))));
        let chosen = match asked {
            Some((count, per_tile)) if per_tile <= most => {
                self.reasons.push(Reason::Asked { tiles: count });
                per_tile
            }
            _ => chosen,
        };
        Ok(TileSpace::at_most(axis, units, chosen))
    }

    fn placed(self, tiles: TileSpace, places: Vec<Residency>, device_bytes: u64) -> Placed {
        let bindings = (0..places.len())
            .map(|at| {
                let binding = &self.kernel.bindings()[at];
                let access = &self.analysis.bindings[at];
                let tile_bytes = match places[at] {
                    Residency::Streamed => self.tile_bytes(at, tiles.units_per_tile()),
                    _ => self.shape.bytes[at],
                };
                Binding {
                    name: binding.name.clone(),
                    bytes: self.shape.bytes[at],
                    residency: places[at],
                    verdict: access.verdict,
                    reason: access.reason.clone(),
                    place: access.place.clone(),
                    tile_bytes,
                    element: self.element(at),
                }
            })
            .collect();
        Placed { tiles, bindings, reasons: self.reasons, device_bytes }
    }
}

/// The most bytes of a binding of so many `bytes` that `units` in a row touch.
pub(super) fn tile_bytes(verdict: Verdict, element: u64, bytes: u64, units: u32) -> u64 {
    let Verdict::Sliced { stride, halo, .. } = verdict else { return 0 };
    let own = stride.unsigned_abs().saturating_mul(units.into());
    // A range is widened to whole elements at both ends.
    let most = own.saturating_add(halo[0]).saturating_add(halo[1]).saturating_add(2 * element);
    most.min(bytes.next_multiple_of(4)).max(element.next_multiple_of(4)).next_multiple_of(4)
}

/// The greatest count up to `units` that `fits`, given that all below one that fits do; 0 if none does.
fn most_that(units: u32, fits: impl Fn(u32) -> bool) -> u32 {
    let (mut good, mut bad) = (0, units.saturating_add(1));
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    good
}
