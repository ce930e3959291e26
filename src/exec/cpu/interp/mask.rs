//! Which lanes are active.

use super::{
    frame::Frame,
    lanes::{self, Arg},
    value::{Row, ValueForm},
};

/// Lanes in a line of memory: windows are widened to whole lines, rows are whole lines.
pub(super) const LINE: usize = 16;

/// The lanes that are active: those in `lo..hi` whose lane of `row` is set, or all in `lo..hi`. The first and
/// the last of `lo..hi` are active. Holds a reference to `row`.
///
/// Packed into two words, so that it travels in registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mask {
    /// `lo`, and `hi` above.
    range: u64,
    /// How many lanes are active, and the number of the row plus one above.
    rest: u64,
}

/// Lanes `lo..hi`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub lo: usize,
    pub hi: usize,
}

impl Mask {
    /// No lane.
    pub const NONE: Mask = Mask { range: 0, rest: 0 };

    #[inline(always)]
    fn new(lo: u32, hi: u32, count: u32, row: Option<Row>) -> Mask {
        let range = u64::from(lo) | u64::from(hi) << 32;
        Mask { range, rest: u64::from(count) | u64::from(row.map_or(0, |row| row.0 + 1)) << 32 }
    }

    /// The lanes `lo..hi`.
    pub fn range_of(lo: u32, hi: u32) -> Mask {
        Mask::new(lo, hi, hi - lo, None)
    }

    #[inline(always)]
    pub fn lo(self) -> u32 {
        self.range as u32
    }

    #[inline(always)]
    pub fn hi(self) -> u32 {
        (self.range >> 32) as u32
    }

    /// How many lanes are active.
    #[inline(always)]
    pub fn count(self) -> u32 {
        self.rest as u32
    }

    #[inline(always)]
    pub fn row(self) -> Option<Row> {
        ((self.rest >> 32) as u32).checked_sub(1).map(Row)
    }

    #[inline(always)]
    pub fn is_none(self) -> bool {
        self.count() == 0
    }

    /// The lanes that instructions compute: whole lines around the active lanes.
    #[inline(always)]
    pub fn window(self) -> Window {
        Window { lo: self.lo() as usize / LINE * LINE, hi: (self.hi() as usize).next_multiple_of(LINE) }
    }

    /// From the first to the last active lane.
    #[inline(always)]
    pub fn range(self) -> Window {
        Window { lo: self.lo() as usize, hi: self.hi() as usize }
    }

    /// The first active lane only.
    pub fn first_lane(self) -> Mask {
        Mask::range_of(self.lo(), self.lo() + 1)
    }

    /// Whether every lane in `lo..hi` is active.
    pub fn is_range(self) -> bool {
        self.row().is_none()
    }
}

impl Frame {
    /// Calls `visit` with every active lane, in order.
    pub fn active_lanes(&self, mask: Mask, visit: impl FnMut(usize)) {
        let Window { lo, hi } = mask.range();
        match mask.row() {
            None => (lo..hi).for_each(visit),
            Some(row) => {
                let row = self.row(row);
                (lo..hi).filter(|&lane| row[lane] != 0).for_each(visit);
            }
        }
    }

    /// The lanes of the mask's row, if it has one.
    pub fn mask_row(&self, mask: Mask) -> Option<&[u32]> {
        mask.row().map(|row| self.row(row))
    }

    /// Another reference to a mask.
    pub fn share_mask(&mut self, mask: Mask) -> Mask {
        self.retain(mask.row());
        mask
    }

    pub fn drop_mask(&mut self, mask: Mask) {
        self.release(mask.row());
    }

    /// The active lanes of `mask` in which `cond` holds, and the others.
    pub fn divide(&mut self, mask: Mask, cond: u32) -> (Mask, Mask) {
        match self.shape(cond) {
            ValueForm::Uniform(0) => (Mask::NONE, self.share_mask(mask)),
            ValueForm::Uniform(_) => (self.share_mask(mask), Mask::NONE),
            ValueForm::Split { at, below } => {
                let at = at.clamp(mask.lo(), mask.hi());
                let low = self.sub_range(mask, mask.lo(), at);
                let high = self.sub_range(mask, at, mask.hi());
                if below { (low, high) } else { (high, low) }
            }
            _ => self.divide_by_row(mask, cond),
        }
    }

    /// The active lanes of `mask` within `lo..hi`, which lies in the mask's own range.
    fn sub_range(&mut self, mask: Mask, lo: u32, hi: u32) -> Mask {
        let Some(row) = mask.row() else { return Mask::range_of(lo, hi) };
        let count = lanes::count(&self.row(row)[lo as usize..hi as usize]);
        if count == 0 {
            return Mask::NONE;
        }
        self.retain(Some(row));
        self.tighten(Mask::new(lo, hi, count, Some(row)))
    }

    fn divide_by_row(&mut self, mask: Mask, cond: u32) -> (Mask, Mask) {
        let cond = self.row_of(cond);
        let window = mask.range();
        let (accepted, count) = match mask.row() {
            None => (cond, lanes::count(&self.row(cond)[window.lo..window.hi])),
            Some(active) => {
                let accepted = self.new_row();
                let (lanes, others) = self.split(accepted, window);
                let (active, holds) = (others.row(active), others.row(cond));
                let count = lanes::mask_and(lanes, &active[window.lo..window.hi], &holds[window.lo..window.hi]);
                self.release(Some(cond));
                (accepted, count)
            }
        };
        if count == 0 || count == mask.count() {
            self.release(Some(accepted));
            let whole = self.share_mask(mask);
            return if count == 0 { (Mask::NONE, whole) } else { (whole, Mask::NONE) };
        }
        let rejected = self.new_row();
        let (lanes, others) = self.split(rejected, window);
        let accepted_lanes = &others.row(accepted)[window.lo..window.hi];
        match mask.row() {
            None => lanes::unary(lanes::UnOp::Not, lanes, accepted_lanes),
            Some(active) => {
                lanes::mask_and_not(lanes, &others.row(active)[window.lo..window.hi], accepted_lanes);
            }
        }
        let (lo, hi) = (mask.lo(), mask.hi());
        let accepted = self.tighten(Mask::new(lo, hi, count, Some(accepted)));
        let rejected = self.tighten(Mask::new(lo, hi, mask.count() - count, Some(rejected)));
        (accepted, rejected)
    }

    /// Narrows `lo..hi` to the first and the last active lane; drops a row that says no more than that.
    fn tighten(&mut self, mask: Mask) -> Mask {
        let Some(row) = mask.row() else { return mask };
        let lanes = &self.row(row)[mask.lo() as usize..mask.hi() as usize];
        let first = lanes.iter().position(|lane| *lane != 0).unwrap_or(0) as u32;
        let last = lanes.iter().rposition(|lane| *lane != 0).unwrap_or(0) as u32;
        let (lo, hi) = (mask.lo() + first, mask.lo() + last + 1);
        if mask.count() == hi - lo {
            self.release(Some(row));
            return Mask::range_of(lo, hi);
        }
        Mask::new(lo, hi, mask.count(), Some(row))
    }

    /// The lanes of either mask; they have none in common. Takes over both references.
    pub fn union(&mut self, a: Mask, b: Mask) -> Mask {
        if a.is_none() || b.is_none() {
            return if a.is_none() { b } else { a };
        }
        let (low, high) = if a.lo() < b.lo() { (a, b) } else { (b, a) };
        if low.is_range() && high.is_range() && low.hi() == high.lo() {
            return Mask::range_of(low.lo(), high.hi());
        }
        let row = self.new_row();
        let united = Mask::new(low.lo(), low.hi().max(high.hi()), a.count() + b.count(), Some(row));
        let window = united.range();
        self.row_mut(row)[window.lo..window.hi].fill(0);
        for part in [low, high] {
            let window = part.range();
            let (lanes, others) = self.split(row, window);
            match part.row() {
                None => lanes.fill(!0),
                Some(part) => lanes::blend(lanes, &others.row(part)[window.lo..window.hi], Arg::Splat(!0)),
            }
            self.release(part.row());
        }
        self.tighten(united)
    }
}
