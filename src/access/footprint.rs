//! Which bytes of a buffer an access touches, as a function of the workgroups that run.

use super::{
    cover::Box3,
    form::{Form, Range, Symbol},
    walk::{Analyzer, Source},
};
use crate::ir::{Address, Atomic, AtomicFun, IndexBound, Origin, Space, Type};

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Load,
    Store,
    Atomic { fun: AtomicFun, signed: bool, result_used: bool },
}

impl Kind {
    pub fn reads(self) -> bool {
        self != Kind::Store && !matches!(self, Kind::Atomic { fun: AtomicFun::Store, .. })
    }

    pub fn writes(self) -> bool {
        self != Kind::Load && !matches!(self, Kind::Atomic { fun: AtomicFun::Load, .. })
    }
}

/// Why an access is not proven to stay inside its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// The index comes from there.
    From(Source),
    /// The index may wrap around: as an integer it may be as low or as high as that.
    Wraps(Range),
    /// The index may be so large, and there are only so many elements.
    Beyond { index: i128, length: i128 },
    /// The length is not known.
    Length,
    /// The buffer is too small for what lies in front of its array.
    Short,
}

/// What is known about an access.
#[derive(Clone, Debug)]
pub struct Access {
    pub origin: Origin,
    pub kind: Kind,
    /// The binding that it goes to; `None` for memory that no other workgroup sees.
    pub binding: Option<usize>,
    /// Why it is not proven to be in bounds; `None` if it is.
    pub unproven: Option<Unproven>,
    /// The bytes that it touches, by axis of a cut, where they lie in finite ranges.
    pub pieces: [Option<Piece>; 3],
    /// For a store: the bytes that are certainly written.
    pub covers: Option<Box3>,
}

/// The bytes that an access touches in workgroups with the coordinate `u` along an axis: some of
/// `stride * u + lo .. stride * u + hi`, for `u` in `units` only, and of `first .. end` in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Piece {
    pub stride: i128,
    pub lo: i128,
    pub hi: i128,
    pub units: (u32, u32),
    pub first: i128,
    pub end: i128,
}

impl Piece {
    /// Whether only one unit comes to the access.
    pub fn is_single(&self) -> bool {
        self.units.0 == self.units.1
    }

    /// The same bytes, for another stride: exact for a piece of one unit.
    pub fn with_stride(self, stride: i128) -> Piece {
        let difference = self.stride - stride;
        let moved = [self.units.0, self.units.1].map(|unit| difference * i128::from(unit));
        let (least, most) = (moved[0].min(moved[1]), moved[0].max(moved[1]));
        Piece { stride, lo: self.lo + least, hi: self.hi + most, ..self }
    }

    /// The bytes that the units from `first` up to `end` touch.
    pub fn bytes(&self, first: u32, end: u32) -> Option<(i128, i128)> {
        let first = first.max(self.units.0);
        let last = end.checked_sub(1)?.min(self.units.1);
        if first > last {
            return None;
        }
        let moved = [first, last].map(|unit| self.stride * i128::from(unit));
        let lo = (moved[0].min(moved[1]) + self.lo).max(self.first);
        let hi = (moved[0].max(moved[1]) + self.hi).min(self.end);
        (lo < hi).then_some((lo, hi))
    }
}

impl Analyzer<'_> {
    pub fn load_access(&mut self, address: &Address, ty: Type) {
        self.note(address, ty, Kind::Load);
    }

    pub fn store(&mut self, address: &Address, ty: Type) {
        self.note(address, ty, Kind::Store);
    }

    pub fn atomic_access(&mut self, atomic: &Atomic, ty: Type) {
        let Atomic { fun, result_used, .. } = *atomic;
        self.note(&atomic.address, ty, Kind::Atomic { fun, signed: ty == Type::I32, result_used });
    }

    /// Works out what there is to know about an access at the current place.
    fn note(&mut self, address: &Address, ty: Type, kind: Kind) {
        let size = if ty == Type::F16 { 2 } else { 4 };
        let binding = match self.program.memory(address.mem).space {
            Space::Storage { binding, .. } => Some(binding),
            _ => None,
        };
        if let (Some(binding), Some(early)) = (binding, &mut self.early)
            && early.is_decided(binding)
        {
            let access = Access {
                origin: address.origin,
                kind,
                binding: Some(binding),
                unproven: None,
                pieces: [None; 3],
                covers: None,
            };
            early.see(&access);
            self.accesses[address.id.0 as usize] = Some(access);
            return;
        }
        let mut unproven = self.too_short(address, size).then_some(Unproven::Short);
        let mut bytes = Some(Form::number(address.offset.into()));
        for term in &address.terms {
            let form = self.form(term.index);
            let index = self.known.reading(&form, false);
            let range = self.known.bound(&index);
            if range.is_empty() {
                // No invocation comes here after all.
                return;
            }
            let inside = match term.bound {
                IndexBound::Const(length) => range.hi < i128::from(length),
                IndexBound::Runtime => {
                    let length = self.length(address.mem);
                    index.plus(-1, &length).is_some_and(|above| self.known.bound(&above).hi < 0)
                }
            };
            if !inside && unproven.is_none() {
                unproven = Some(self.why(address, &form, &index, range, term.bound));
            }
            bytes = bytes.and_then(|bytes| bytes.plus(term.stride.into(), &index));
        }
        let mut pieces = [None; 3];
        let covers = bytes.as_ref().filter(|_| kind == Kind::Store).and_then(|bytes| self.box_of(bytes, size));
        if let (Some(bytes), Some(_)) = (bytes, binding) {
            for axis in self.axes.clone() {
                // Where an access may go anywhere, nothing comes of looking for how it moves.
                let guess = unproven.is_none_or(|unproven| unproven == Unproven::Length);
                pieces[axis] = self.piece(&bytes, size, axis, guess);
            }
        }
        let access = Access { origin: address.origin, kind, binding, unproven, pieces, covers };
        self.early.iter_mut().for_each(|early| early.see(&access));
        self.accesses[address.id.0 as usize] = Some(access);
    }

    /// Whether a buffer ends before the fixed part that an access goes to.
    fn too_short(&self, address: &Address, size: u64) -> bool {
        let Space::Storage { binding, .. } = self.program.memory(address.mem).space else { return false };
        let end = u64::from(address.offset) + size;
        address.terms.is_empty() && self.inputs.bytes(binding).is_some_and(|bytes| bytes < end)
    }

    /// Why an index is not proven to be in bounds.
    fn why(&mut self, address: &Address, form: &Form, index: &Form, range: Range, bound: IndexBound) -> Unproven {
        let length = match bound {
            IndexBound::Const(length) => Some(i128::from(length)),
            IndexBound::Runtime => self.length(address.mem).as_number(),
        };
        let foreign = self.known.support(index).iter().find_map(|s| self.foreign(s));
        if let Some(source) = foreign {
            return Unproven::From(source);
        }
        let integer = self.known.bound(form);
        match length {
            _ if index != form && !Range::window(false).contains(integer) => Unproven::Wraps(integer),
            Some(length) => Unproven::Beyond { index: range.hi, length },
            None => Unproven::Length,
        }
    }

    /// Where a number comes from, if that is not the grid or a length, and it may be anything.
    fn foreign(&mut self, symbol: Symbol) -> Option<Source> {
        let source = *self.sources.get(&symbol)?;
        let range = self.known.bound(&Form::symbol(symbol));
        let anything = range.hi - range.lo >= i128::from(i32::MAX);
        (anything && !matches!(source, Source::Length(_))).then_some(source)
    }

    /// The bytes that an access at byte `form` touches, for a cut along an axis; `None` if nothing is known. Says how it moves
    /// from unit to unit by a `guess` where its form does not tell.
    fn piece(&mut self, form: &Form, size: u64, axis: usize, guess: bool) -> Option<Piece> {
        let whole = self.known.bound(form);
        let group = self.group[axis].clone();
        let units = self.known.bound(&group);
        let finite = |range: Range| !range.is_empty() && range.lo > -Range::FAR && range.hi < Range::FAR;
        if !finite(whole) || !finite(units) {
            return None;
        }
        let mut best: Option<(i128, Range)> = None;
        for stride in self.strides(form, &group, units, guess) {
            let Some(rest) = form.plus(-stride, &group) else { continue };
            let rest = self.known.bound(&rest);
            let width = |range: Range| range.hi - range.lo;
            if finite(rest) && best.is_none_or(|(_, range)| width(rest) < width(range)) {
                best = Some((stride, rest));
            }
        }
        let (stride, rest) = best?;
        let size = i128::from(size);
        Some(Piece {
            stride,
            lo: rest.lo,
            hi: rest.hi + size,
            units: (u32::try_from(units.lo).ok()?, u32::try_from(units.hi).ok()?),
            first: whole.lo,
            end: whole.hi + size,
        })
    }

    /// How much further an access may go from one unit to the next: guesses, which are judged by what they leave.
    fn strides(&mut self, form: &Form, group: &Form, units: Range, guess: bool) -> Vec<i128> {
        let Some(unit) = group.symbols().next() else { return vec![0] };
        let own = form.coefficient(unit);
        let elsewhere = |s: Symbol| s != unit && self.known.support(&Form::symbol(s)).contains(unit);
        if !guess || units.lo == units.hi || !form.symbols().any(elsewhere) {
            return vec![own];
        }
        // Two units in the middle, away from edges that are treated specially.
        let middle = units.lo + (units.hi - units.lo) / 2;
        let ends = [middle, middle + 1].map(|at| {
            self.known.push();
            self.known.learn(group, Range::only(at));
            let range = self.known.bound(form);
            self.known.pop();
            range
        });
        let mut strides = vec![own];
        if !ends[0].is_empty() && !ends[1].is_empty() {
            for stride in [ends[1].lo - ends[0].lo, ends[1].hi - ends[0].hi] {
                if !strides.contains(&stride) {
                    strides.push(stride);
                }
            }
        }
        strides
    }
}
