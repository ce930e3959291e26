//! Parts of a grid: tiles, and the boxes of workgroups that they are.

use std::ops::Range;

/// A box of workgroups in a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The first workgroup.
    pub origin: [u32; 3],
    /// Workgroups along each axis.
    pub size: [u32; 3],
    /// Workgroups of the whole grid along each axis.
    pub whole: [u32; 3],
}

impl Part {
    /// All of a grid.
    pub fn whole(workgroups: [u32; 3]) -> Part {
        Part { origin: [0; 3], size: workgroups, whole: workgroups }
    }

    /// The same part as boxes of at most `limit` workgroups along an axis, one after the other.
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    pub fn split(self, limit: u32) -> impl Iterator<Item = Part> {
        let Part { origin, size, whole } = self;
        let axis = move |axis: usize| {
            let end = origin[axis] + size[axis];
            (origin[axis]..end).step_by(limit as usize).map(move |start| (start, limit.min(end - start)))
        };
        axis(2).flat_map(move |(z, depth)| {
            axis(1).flat_map(move |(y, height)| {
                axis(0).map(move |(x, width)| Part { origin: [x, y, z], size: [width, height, depth], whole })
            })
        })
    }
}

/// The tiles of a call: its grid is cut along one axis into *units*, slabs one workgroup thick, and a tile is a run of
/// units. Nothing is stored for a tile, so that a grid of any size is cut at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileSpace {
    axis: usize,
    units: u32,
    per_tile: u32,
}

impl TileSpace {
    /// All units in one tile.
    pub(super) fn one(axis: usize, units: u32) -> TileSpace {
        TileSpace { axis, units, per_tile: units.max(1) }
    }

    /// Tiles of at most `most` units, as many as that takes and as equal as that allows.
    pub(super) fn at_most(axis: usize, units: u32, most: u32) -> TileSpace {
        let count = units.div_ceil(most.max(1)).max(1);
        TileSpace { axis, units, per_tile: units.div_ceil(count).max(1) }
    }

    /// The same units in tiles of at most `most`.
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    pub(crate) fn narrowed(&self, most: u32) -> TileSpace {
        TileSpace::at_most(self.axis, self.units, most)
    }

    /// The axis that is cut: 0 to 2 for x to z.
    pub fn axis(&self) -> usize {
        self.axis
    }

    /// Units in all.
    pub fn units(&self) -> u32 {
        self.units
    }

    /// Units of a tile; the last one may have fewer.
    pub fn units_per_tile(&self) -> u32 {
        self.per_tile
    }

    /// The number of tiles.
    pub fn count(&self) -> u32 {
        self.units.div_ceil(self.per_tile)
    }

    /// The units of tile `index`; nothing from [`count`](TileSpace::count) on.
    pub fn tile(&self, index: u32) -> Option<Range<u32>> {
        let start = index.checked_mul(self.per_tile).filter(|&start| start < self.units)?;
        Some(start..self.units.min(start.saturating_add(self.per_tile)))
    }

    /// The units of each tile, in order.
    pub fn iter(&self) -> impl Iterator<Item = Range<u32>> + use<> {
        let space = *self;
        (0..space.count()).filter_map(move |index| space.tile(index))
    }

    /// The workgroups that `units` are in a grid of `whole`.
    pub(crate) fn part(&self, units: &Range<u32>, whole: [u32; 3]) -> Part {
        let mut part = Part::whole(whole);
        part.origin[self.axis] = units.start;
        part.size[self.axis] = units.end - units.start;
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_cover_a_part_once() {
        for (origin, size, limit, count) in [
            ([0; 3], [5, 1, 1], 5, 1),
            ([0; 3], [6, 1, 1], 5, 2),
            ([0; 3], [7, 12, 3], 5, 2 * 3),
            ([0; 3], [1, 1, 11], 5, 3),
            ([3, 0, 0], [6, 1, 1], 5, 2),
            ([1, 2, 3], [7, 12, 3], 5, 2 * 3),
            ([0, 0, 9], [1, 1, 11], 5, 3),
        ] {
            let all: Vec<_> = Part { origin, size, whole: [99; 3] }.split(limit).collect();
            assert_eq!(all.len(), count);
            let mut seen = std::collections::HashSet::new();
            for part in all {
                assert!(part.size.iter().all(|n| (1..=limit).contains(n)));
                for z in 0..part.size[2] {
                    for y in 0..part.size[1] {
                        for x in 0..part.size[0] {
                            let at = [part.origin[0] + x, part.origin[1] + y, part.origin[2] + z];
                            assert!((0..3).all(|i| (origin[i]..origin[i] + size[i]).contains(&at[i])));
                            assert!(seen.insert(at));
                        }
                    }
                }
            }
            assert_eq!(seen.len() as u32, size.iter().product::<u32>());
        }
    }

    #[test]
    fn the_largest_grid_is_enumerated_lazily() {
        let first = Part::whole([u32::MAX, u32::MAX, 1]).split(65_535).next().expect("a first part");
        assert_eq!((first.origin, first.size), ([0, 0, 0], [65_535, 65_535, 1]));
        assert_eq!(Part::whole([u32::MAX, 1, 1]).split(65_535).count(), 65_537);
    }

    #[test]
    fn tiles_are_equal_and_complete() {
        for units in (1..200).chain([70_000, u32::MAX]) {
            for most in [1, 2, 3, 7, 64, 1000, u32::MAX] {
                let space = TileSpace::at_most(1, units, most);
                assert!(space.units_per_tile() <= most);
                if space.count() < 10_000 {
                    let mut next = 0;
                    for tile in space.iter() {
                        assert_eq!(tile.start, next);
                        assert!(!tile.is_empty());
                        next = tile.end;
                    }
                    assert_eq!(next, units);
                }
                let last = space.tile(space.count() - 1).expect("a last tile");
                assert_eq!(last.end, units);
                assert_eq!(space.tile(space.count()), None);
            }
        }
    }
}
