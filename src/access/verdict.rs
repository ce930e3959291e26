//! From what the accesses of a binding touch to how the binding can be cut, and which axis to cut along.

use super::{
    footprint::{Access, Kind, Piece, Unproven},
    walk::Source,
};
use crate::ir::{AtomicFun, Origin};

/// How the data of a binding can be divided among the tiles of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Each unit has a range of its own, and may read a halo around it. The range of unit `u` is the `stride.abs()`
    /// bytes from `start + stride * u` on. Units write in their own ranges only, and a binding that is
    /// written has no halo. Where only one unit comes to the binding at all, the stride is 0.
    Sliced {
        /// Bytes from one unit to the next, negative where later units have earlier bytes.
        stride: i64,
        /// Where the range of unit 0 starts, in bytes.
        start: i64,
        /// Bytes that are read in front of the range and behind it.
        halo: [u64; 2],
    },
    /// Only read, by all units or nobody knows where: a tile gets all of it.
    Whole,
    /// Changed by one kind of atomic only, whose old values nobody reads: a tile gets a copy that starts at what changes
    /// nothing, and the copies are merged.
    Merged(Merge),
    /// Written in a way that cannot be divided: the call is one tile.
    Pinned,
}

/// An operation that can be done in parts and in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Merge {
    /// Sums of what was added and subtracted.
    Add,
    /// The least `i32`.
    MinI32,
    /// The least `u32`.
    MinU32,
    /// The greatest `i32`.
    MaxI32,
    /// The greatest `u32`.
    MaxU32,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
}

impl Merge {
    /// Its name as one word: `add`, `min`, `max`, `and`, `or`, `xor`.
    pub fn name(self) -> &'static str {
        match self {
            Merge::Add => "add",
            Merge::MinI32 | Merge::MinU32 => "min",
            Merge::MaxI32 | Merge::MaxU32 => "max",
            Merge::And => "and",
            Merge::Or => "or",
            Merge::Xor => "xor",
        }
    }

    /// What changes nothing.
    pub(crate) fn identity(self) -> u32 {
        match self {
            Merge::Add | Merge::Or | Merge::Xor | Merge::MaxU32 => 0,
            Merge::And | Merge::MinU32 => u32::MAX,
            Merge::MinI32 => i32::MAX as u32,
            Merge::MaxI32 => i32::MIN as u32,
        }
    }

    #[inline(always)]
    pub(crate) fn combine(self, a: u32, b: u32) -> u32 {
        match self {
            Merge::Add => a.wrapping_add(b),
            Merge::MinI32 => (a as i32).min(b as i32) as u32,
            Merge::MinU32 => a.min(b),
            Merge::MaxI32 => (a as i32).max(b as i32) as u32,
            Merge::MaxU32 => a.max(b),
            Merge::And => a & b,
            Merge::Or => a | b,
            Merge::Xor => a ^ b,
        }
    }

    /// What changes nothing, over so many bytes.
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    pub(crate) fn identity_bytes(self, bytes: u64) -> Vec<u8> {
        self.identity().to_ne_bytes().into_iter().cycle().take(bytes as usize).collect()
    }

    /// What an atomic does, if the order does not matter. A subtraction adds what is negated.
    pub(crate) fn of(fun: AtomicFun, signed: bool) -> Option<Merge> {
        Some(match (fun, signed) {
            (AtomicFun::Add | AtomicFun::Sub, _) => Merge::Add,
            (AtomicFun::Min, true) => Merge::MinI32,
            (AtomicFun::Min, false) => Merge::MinU32,
            (AtomicFun::Max, true) => Merge::MaxI32,
            (AtomicFun::Max, false) => Merge::MaxU32,
            (AtomicFun::And, _) => Merge::And,
            (AtomicFun::Or, _) => Merge::Or,
            (AtomicFun::Xor, _) => Merge::Xor,
            _ => return None,
        })
    }
}

/// What decided a verdict.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// Nothing stands in the way.
    Follows,
    /// Nothing but the length of the array is used.
    Untouched,
    /// An access is not proven to be in bounds.
    Unproven(Unproven),
    /// An access may go anywhere in the buffer.
    Anywhere,
    /// Every unit touches the same bytes.
    Same,
    /// A unit reads a large part of all.
    Spread,
    /// Two accesses advance at different speeds.
    Strides(i128, i128),
    /// What a unit writes and reads does not fit between that of its neighbours.
    Overlap { width: i128, stride: i128 },
    /// The binding's accesses are all of that operation.
    Atomics(Merge),
    /// Something that constants were computed from differs between devices.
    Devices(Source),
}

/// A verdict, and the access that decided it.
#[derive(Clone, Debug)]
pub struct Judgement {
    pub verdict: Verdict,
    pub cause: Cause,
    /// Where the access stands; nothing if none decided.
    pub origin: Option<Origin>,
    /// An access whose index is below a length that is not known, if the verdict takes that for granted.
    pub assumes: Option<Origin>,
    /// Bytes that all tiles together are given, as far as the analysis can tell.
    pub bytes: u128,
}

/// The merge that an access is a part of.
pub fn merge(kind: Kind) -> Option<Merge> {
    let Kind::Atomic { fun, signed, result_used: false } = kind else { return None };
    Merge::of(fun, signed)
}

/// Judges a binding by its accesses, for a cut along `axis` into `units`. `bytes` is the size of its buffer, where known.
pub fn judge(accesses: &[&Access], axis: usize, units: u64, bytes: Option<u64>) -> Judgement {
    let written = accesses.iter().any(|access| access.kind.writes());
    let whole = bytes.map_or_else(|| extent(accesses, axis), u128::from);
    let sliced = slice(accesses, axis, units, written);
    let assumed = accesses.iter().find(|access| access.unproven == Some(Unproven::Length));
    let failed = match sliced {
        Ok(slice) => {
            let halo: u128 = slice.halo().iter().map(|&bytes| u128::from(bytes)).sum();
            return Judgement {
                verdict: slice.verdict(),
                cause: if accesses.is_empty() { Cause::Untouched } else { Cause::Follows },
                origin: slice.widest.map(|access| access.origin),
                assumes: assumed.map(|access| access.origin),
                bytes: (slice.stride.unsigned_abs() * u128::from(units)).min(whole) + halo,
            };
        }
        Err(failed) => failed,
    };
    let (cause, origin) = failed;
    let judged = |verdict, cause| Judgement { verdict, cause, origin, assumes: None, bytes: whole };
    if !written {
        return judged(Verdict::Whole, cause);
    }
    let merges: Option<Vec<Merge>> = accesses.iter().map(|access| merge(access.kind)).collect();
    match merges.as_deref() {
        Some([first, rest @ ..]) if rest.iter().all(|merge| merge == first) => {
            judged(Verdict::Merged(*first), Cause::Atomics(*first))
        }
        _ => judged(Verdict::Pinned, cause),
    }
}

/// Bytes from the first to the last that any access touches.
fn extent(accesses: &[&Access], axis: usize) -> u128 {
    let pieces = accesses.iter().filter_map(|access| access.pieces[axis]);
    let ends = pieces.fold(None, |ends: Option<(i128, i128)>, piece| match ends {
        None => Some((piece.first, piece.end)),
        Some((first, end)) => Some((first.min(piece.first), end.max(piece.end))),
    });
    ends.map_or(0, |(first, end)| (end - first).unsigned_abs())
}

/// What the units of a cut touch: unit `u` some of `stride * u + lo .. stride * u + hi`.
struct Slice<'a> {
    stride: i128,
    lo: i128,
    hi: i128,
    /// The access that reaches farthest.
    widest: Option<&'a Access>,
}

impl Slice<'_> {
    /// Where the own range of unit 0 starts: as near to the start of the buffer as what is touched allows.
    fn start(&self) -> i128 {
        let last = self.hi - self.stride.abs();
        0.clamp(last.min(self.lo), last.max(self.lo))
    }

    fn halo(&self) -> [u64; 2] {
        if self.stride == 0 {
            return [0, 0];
        }
        let start = self.start();
        let bytes = |x: i128| u64::try_from(x.max(0)).unwrap_or(u64::MAX);
        [bytes(start - self.lo), bytes(self.hi - start - self.stride.abs())]
    }

    fn verdict(&self) -> Verdict {
        let bytes = |x: i128| i64::try_from(x).unwrap_or(i64::MAX);
        Verdict::Sliced { stride: bytes(self.stride), start: bytes(self.start()), halo: self.halo() }
    }
}

/// How the accesses are cut along an axis, or what is in the way and where.
fn slice<'a>(
    accesses: &[&'a Access],
    axis: usize,
    units: u64,
    written: bool,
) -> Result<Slice<'a>, (Cause, Option<Origin>)> {
    let mut pieces: Vec<(&Access, Piece)> = Vec::new();
    for &access in accesses {
        match access.unproven {
            Some(unproven) if unproven != Unproven::Length => {
                return Err((Cause::Unproven(unproven), Some(access.origin)));
            }
            _ => {}
        }
        match access.pieces[axis] {
            Some(piece) => pieces.push((access, piece)),
            None => return Err((Cause::Anywhere, Some(access.origin))),
        }
    }
    let Some(&(first, first_piece)) = pieces.first() else {
        return Ok(Slice { stride: 0, lo: 0, hi: 0, widest: None });
    };
    // An access that one unit comes to has any stride.
    if let Some((access, _)) = pieces.iter().find(|(_, piece)| !piece.is_single() && piece.stride == 0) {
        return Err((Cause::Same, Some(access.origin)));
    }
    let mut moving = pieces.iter().filter(|(_, piece)| !piece.is_single());
    let stride = moving.next().map(|(_, piece)| piece.stride);
    if let Some(stride) = stride
        && let Some((access, piece)) = moving.find(|(_, piece)| piece.stride != stride)
    {
        return Err((Cause::Strides(stride, piece.stride), Some(access.origin)));
    }
    let same_unit = pieces.iter().all(|(_, piece)| piece.is_single() && piece.units == first_piece.units);
    let stride = stride.unwrap_or(0);
    let moved = |piece: &Piece| piece.with_stride(stride);
    let lo = pieces.iter().map(|(_, piece)| moved(piece).lo).min().unwrap_or(0);
    let hi = pieces.iter().map(|(_, piece)| moved(piece).hi).max().unwrap_or(0);
    // The access that reaches farthest beyond what is the middle of all.
    let reach = |piece: Piece| (piece.hi + piece.lo - (lo + hi)).abs() + (piece.hi - piece.lo);
    let widest = pieces.iter().max_by_key(|(_, piece)| reach(moved(piece))).map_or(first, |(access, _)| access);
    let found = Slice { stride, lo, hi, widest: Some(widest) };
    let width = hi - lo;
    if same_unit {
        return Ok(found);
    }
    let origin = Some(widest.origin);
    if stride == 0 {
        // A few units, each by an access of its own.
        return Err((Cause::Anywhere, origin));
    }
    if written && width > stride.abs() {
        return Err((Cause::Overlap { width, stride }, origin));
    }
    let halo: i128 = found.halo().iter().map(|&bytes| i128::from(bytes)).sum();
    if 2 * halo > stride.abs() * i128::from(units) {
        return Err((Cause::Spread, origin));
    }
    Ok(found)
}
