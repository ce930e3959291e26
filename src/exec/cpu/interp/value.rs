//! The forms that values are kept in.

/// Names a row of lanes in a [`Frame`](super::frame::Frame).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row(pub u32);

/// The value of an SSA value in the current frame, in the cheapest form that describes all its lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueForm {
    /// Not computed on the current path.
    Unset,
    /// The same in every lane.
    Uniform(u32),
    /// `base + lane * step`, wrapping.
    Ramp { base: u32, step: u32 },
    /// A `Bool`: `below` in the lanes below `at`, its opposite from there on.
    Split { at: u32, below: bool },
    /// Anything.
    Row,
}

/// A value: its shape, and a row with the same contents if one was made.
///
/// Packed into two words, each always read and written whole: values are handed on right after they were
/// computed, and a processor is slow to read together what was just written in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The kind of shape in the low three bits, the number of the row plus one above.
    pub tag: u32,
    /// The numbers of the shape.
    pub data: u64,
}

const UNSET: u32 = 0;
const UNIFORM: u32 = 1;
const RAMP: u32 = 2;
const SPLIT: u32 = 3;
const ROW: u32 = 4;

impl Slot {
    pub const UNSET: Slot = Slot { tag: UNSET, data: 0 };

    #[inline(always)]
    pub fn new(shape: ValueForm, row: Option<Row>) -> Slot {
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let (kind, data) = match shape {
            ValueForm::Unset => (UNSET, 0),
            ValueForm::Uniform(value) => (UNIFORM, u64::from(value)),
            ValueForm::Ramp { base, step } => (RAMP, pair(base, step)),
            ValueForm::Split { at, below } => (SPLIT, pair(at, u32::from(below))),
            ValueForm::Row => (ROW, 0),
        };
        Slot { tag: kind | row.map_or(0, |row| (row.0 + 1) << 3), data }
    }

    #[inline(always)]
    pub fn shape(self) -> ValueForm {
        let (low, high) = (self.data as u32, (self.data >> 32) as u32);
        match self.tag & 7 {
            UNSET => ValueForm::Unset,
            UNIFORM => ValueForm::Uniform(low),
            RAMP => ValueForm::Ramp { base: low, step: high },
            SPLIT => ValueForm::Split { at: low, below: high != 0 },
            _ => ValueForm::Row,
        }
    }

    #[inline(always)]
    pub fn row(self) -> Option<Row> {
        (self.tag >> 3).checked_sub(1).map(Row)
    }

    /// The value in one lane, where no row is needed to tell.
    #[inline(always)]
    pub fn lane(self, lane: u32) -> u32 {
        match self.shape() {
            ValueForm::Uniform(value) => value,
            ValueForm::Ramp { base, step } => base.wrapping_add(step.wrapping_mul(lane)),
            ValueForm::Split { at, below } => {
                if (lane < at) == below {
                    !0
                } else {
                    0
                }
            }
            ValueForm::Row | ValueForm::Unset => 0,
        }
    }
}
