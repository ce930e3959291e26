//! The values of a program as linear forms.
//!
//! The form of a value equals it modulo 2^32, whatever wraps on the way. An operation that is not linear defines a
//! symbol for its result, read as its type says.

use super::{
    facts::{Definition, IncomingForm},
    form::{Form, Range},
    walk::{Analyzer, Source},
};
use crate::ir::{Address, Binary, Builtin, IndexBound, Mem, Op, Space, Type, Unary, Value, fold};

/// The bits of a number.
pub fn bits(number: i128) -> u32 {
    number.rem_euclid(1 << 32) as u32
}

/// Bits as a number of an integer type.
fn number(ty: Type, bits: u32) -> i128 {
    match ty {
        Type::I32 => i128::from(bits as i32),
        _ => i128::from(bits),
    }
}

/// A factor, as the number nearest to zero where it is a small negative one in disguise.
pub fn factor(number: i128) -> i128 {
    let bits = bits(number);
    if bits > u32::MAX - (1 << 16) || number < 0 { i128::from(bits as i32) } else { i128::from(bits) }
}

impl Analyzer<'_> {
    /// Works out the form of a value, where it is an integer that matters.
    pub fn define(&mut self, value: Value) {
        let ty = self.program.ty(value);
        if !matches!(ty, Type::I32 | Type::U32) || !self.relevant[value.0 as usize] {
            return;
        }
        let form = self.form_of(value, ty);
        self.set_form(value, form);
    }

    /// The form of a value; one that was never worked out can be anything.
    pub fn form(&mut self, value: Value) -> Form {
        match &self.forms[value.0 as usize] {
            Some(form) => form.clone(),
            None => self.opaque(self.program.ty(value), Source::Unknown),
        }
    }

    /// Any number of a type.
    pub fn opaque(&mut self, ty: Type, source: Source) -> Form {
        self.opaque_in(Range::window(ty == Type::I32), source)
    }

    pub fn opaque_in(&mut self, range: Range, source: Source) -> Form {
        let symbol = self.known.fresh(range);
        self.sources.insert(symbol, source);
        Form::symbol(symbol)
    }

    fn form_of(&mut self, value: Value, ty: Type) -> Form {
        let program = self.program;
        match &program.def(value).op {
            Op::Const(bits) => Form::number(number(ty, *bits)),
            Op::Builtin(builtin) => self.builtin(*builtin),
            Op::Unary(op, a) => {
                let a = self.form(*a);
                self.unary(*op, ty, a)
            }
            Op::Binary(op, a, b) => {
                let (a, b) = (self.form(*a), self.form(*b));
                self.binary(*op, ty, a, b)
            }
            Op::Select { cond, accept, reject } => {
                let (accept, reject) = (self.form(*accept), self.form(*reject));
                self.select(*cond, accept, reject, ty)
            }
            Op::Convert(a) => match program.ty(*a) {
                Type::Bool => self.select(*a, Form::number(1), Form::number(0), ty),
                Type::F32 | Type::F16 => self.opaque(ty, Source::Float),
                Type::I32 | Type::U32 => self.form(*a),
            },
            Op::Bitcast(a) => match program.ty(*a) {
                Type::I32 | Type::U32 => self.form(*a),
                _ => self.opaque(ty, Source::Float),
            },
            Op::Load(address) => self.load(address, ty),
            Op::ArrayLength(mem) => self.length(*mem),
            Op::UniformLoad(address) => self.opaque(ty, Source::Loaded(address.mem)),
            Op::Atomic(atomic) => self.opaque(ty, Source::Loaded(atomic.address.mem)),
            Op::Subgroup(..) | Op::Shuffle(..) => self.opaque(ty, Source::Subgroup),
            Op::Fma(..) | Op::Phi => self.opaque(ty, Source::Unknown),
        }
    }

    fn builtin(&mut self, builtin: Builtin) -> Form {
        let size = self.program.workgroup_size.map(i128::from);
        let sum = |terms: &[(i128, &Form)]| {
            let add = |sum: Form, &(factor, form): &(i128, &Form)| sum.plus(factor, form);
            terms.iter().try_fold(Form::default(), add).unwrap_or_default()
        };
        match builtin {
            Builtin::WorkgroupId(axis) => self.group[usize::from(axis)].clone(),
            Builtin::LocalId(axis) => self.local[usize::from(axis)].clone(),
            Builtin::GlobalId(axis) => {
                let axis = usize::from(axis);
                sum(&[(size[axis], &self.group[axis]), (1, &self.local[axis])])
            }
            Builtin::LocalIndex => {
                let [x, y, z] = &self.local;
                sum(&[(1, x), (size[0], y), (size[0] * size[1], z)])
            }
            Builtin::NumWorkgroups(axis) => self.groups[usize::from(axis)].clone(),
            // The width of a subgroup differs from device to device.
            Builtin::SubgroupInvocationId | Builtin::SubgroupId => {
                let lanes: i128 = size.iter().product();
                self.opaque_in(Range::new(0, lanes - 1), Source::Subgroup)
            }
        }
    }

    fn symbol(&mut self, definition: Definition) -> Form {
        Form::symbol(self.known.define(definition))
    }

    fn unary(&mut self, op: Unary, ty: Type, a: Form) -> Form {
        if let Some(x) = a.as_number() {
            return Form::number(number(ty, fold::unary(op, ty, bits(x))));
        }
        let linear = match op {
            Unary::Neg => a.times(-1),
            Unary::Not => a.times(-1).map(|f| f.shift(-1)),
            Unary::Abs if ty == Type::I32 => Some(self.symbol(Definition::Magnitude { of: a })),
            Unary::CountOnes | Unary::CountLeadingZeros | Unary::CountTrailingZeros => {
                Some(self.opaque_in(Range::new(0, 32), Source::Unknown))
            }
            _ => None,
        };
        linear.unwrap_or_else(|| self.opaque(ty, Source::Unknown))
    }

    fn binary(&mut self, op: Binary, ty: Type, a: Form, b: Form) -> Form {
        let signed = ty == Type::I32;
        if let (Some(x), Some(y)) = (a.as_number(), b.as_number()) {
            return Form::number(number(ty, fold::binary(op, ty, bits(x), bits(y))));
        }
        if matches!(op, Binary::Mul | Binary::Div | Binary::Rem | Binary::Min | Binary::Max) {
            // Symbols for operands that may wrap come before those that are defined by them.
            self.known.reading(&a, signed);
            self.known.reading(&b, signed);
        }
        let result = match op {
            Binary::Add => a.plus(1, &b),
            Binary::Sub => a.plus(-1, &b),
            Binary::Mul => match (a.as_number(), b.as_number()) {
                (_, Some(y)) => a.times(factor(y)),
                (Some(x), _) => b.times(factor(x)),
                _ => Some(self.symbol(Definition::Product { a, b, signed })),
            },
            Binary::Div => self.quotient(ty, a, b),
            Binary::Rem => self.remainder(ty, a, b),
            Binary::Min | Binary::Max => {
                Some(self.symbol(Definition::Extreme { greatest: op == Binary::Max, a, b, signed }))
            }
            Binary::And => match (a.as_number(), b.as_number()) {
                (_, Some(mask)) => self.mask(ty, a, bits(mask)),
                (Some(mask), _) => self.mask(ty, b, bits(mask)),
                _ => Some(self.symbol(Definition::And { a, b })),
            },
            Binary::Or | Binary::Xor => match (a.as_number(), b.as_number()) {
                (_, Some(mask)) => self.set_bits(op, ty, a, bits(mask)),
                (Some(mask), _) => self.set_bits(op, ty, b, bits(mask)),
                _ => Some(self.or_xor(op, a, b)),
            },
            Binary::Shl => b.as_number().and_then(|y| a.times(1 << (bits(y) & 31))),
            Binary::Shr => match b.as_number().map(|y| bits(y) & 31) {
                Some(0) => Some(a),
                Some(by) => Some(self.symbol(Definition::Quotient { of: a, signed, by: 1 << by, truncates: false })),
                None => None,
            },
            Binary::Eq | Binary::Ne | Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge => None,
        };
        result.unwrap_or_else(|| self.opaque(ty, Source::Unknown))
    }

    fn quotient(&mut self, ty: Type, a: Form, b: Form) -> Option<Form> {
        let Some(by) = b.as_number().map(|y| number(ty, bits(y))) else {
            return (ty == Type::U32).then(|| self.symbol(Definition::UnknownQuotient { a, b }));
        };
        let signed = ty == Type::I32;
        match by {
            0 | 1 => Some(a),
            // Towards zero, so that the signs can be taken apart.
            by if by < 0 => {
                let definition = Definition::Quotient { of: a, signed, by: -by, truncates: true };
                self.symbol(definition).times(-1)
            }
            by => Some(self.symbol(Definition::Quotient { of: a, signed, by, truncates: signed })),
        }
    }

    fn remainder(&mut self, ty: Type, a: Form, b: Form) -> Option<Form> {
        let Some(by) = b.as_number().map(|y| number(ty, bits(y)).abs()) else {
            return (ty == Type::U32).then(|| self.symbol(Definition::UnknownRemainder { a, b }));
        };
        if by <= 1 {
            return Some(Form::number(0));
        }
        let signed = ty == Type::I32;
        Some(self.remainder_by(a, signed, by, signed))
    }

    fn remainder_by(&mut self, of: Form, signed: bool, by: i128, truncates: bool) -> Form {
        let quotient = self.known.define(Definition::Quotient { of: of.clone(), signed, by, truncates });
        self.symbol(Definition::Remainder { of, signed, by, truncates, quotient })
    }

    /// `a & mask`: a remainder for low bits, a multiple for high ones.
    fn mask(&mut self, ty: Type, a: Form, mask: u32) -> Option<Form> {
        let signed = ty == Type::I32;
        if mask == 0 {
            return Some(Form::number(0));
        }
        if mask == u32::MAX {
            return Some(a);
        }
        if (mask + 1).is_power_of_two() {
            return Some(self.remainder_by(a, signed, i128::from(mask) + 1, false));
        }
        if (!mask + 1).is_power_of_two() {
            let by = i128::from(!mask) + 1;
            return self.symbol(Definition::Quotient { of: a, signed, by, truncates: false }).times(by);
        }
        Some(self.symbol(Definition::And { a, b: Form::number(i128::from(mask)) }))
    }

    fn or_xor(&mut self, op: Binary, a: Form, b: Form) -> Form {
        self.symbol(if op == Binary::Or { Definition::Or { a, b } } else { Definition::Xor { a, b } })
    }

    /// `a | mask` or `a ^ mask`: the bits above the mask's stay as they are.
    fn set_bits(&mut self, op: Binary, ty: Type, a: Form, mask: u32) -> Option<Form> {
        let signed = ty == Type::I32;
        if mask == 0 {
            return Some(a);
        }
        let by = 1i128 << (32 - mask.leading_zeros());
        if by > 1 << 31 {
            return Some(self.or_xor(op, a, Form::number(mask.into())));
        }
        let above = self.symbol(Definition::Quotient { of: a.clone(), signed, by, truncates: false });
        let below = self.remainder_by(a, signed, by, false);
        self.or_xor(op, below, Form::number(mask.into())).plus(by, &above)
    }

    fn select(&mut self, cond: Value, accept: Form, reject: Form, ty: Type) -> Form {
        let outer = self.known.next();
        let guards = self.known.guard_count();
        let mut ways = Vec::new();
        for (form, truth) in [(accept, true), (reject, false)] {
            self.known.push();
            self.assume(cond, truth);
            if !self.known.is_unreachable() {
                ways.push(IncomingForm { guards: self.known.guards_since(guards), form });
            }
            self.known.pop();
        }
        self.choice(ways, ty, outer)
    }

    /// One of these values.
    pub fn choice(&mut self, ways: Vec<IncomingForm>, ty: Type, outer: super::form::Symbol) -> Form {
        let Some(first) = ways.first() else { return self.opaque(ty, Source::Unknown) };
        if ways.iter().all(|way| way.form == first.form) {
            return first.form.clone();
        }
        let symbol = self.known.choose(ways, ty == Type::I32, outer);
        Form::symbol(symbol)
    }

    /// The length of a runtime-sized array.
    pub fn length(&mut self, mem: Mem) -> Form {
        if let Some(known) = self.lengths.get(&mem) {
            return known.clone();
        }
        let memory = self.program.memory(mem);
        let form = match (memory.space, memory.runtime) {
            (Space::Storage { binding, .. }, Some(array)) => {
                self.read_lengths.insert(binding);
                match self.inputs.bytes(binding) {
                    Some(bytes) => {
                        let length = bytes.saturating_sub(array.offset.into()) / u64::from(array.stride.max(1));
                        Form::number(i128::from(length.min(u64::from(u32::MAX))))
                    }
                    None => self.opaque_in(Range::new(1, i128::from(u32::MAX)), Source::Length(mem)),
                }
            }
            _ => self.opaque(Type::U32, Source::Unknown),
        };
        self.lengths.insert(mem, form.clone());
        form
    }

    /// What is read from memory: a number where the memory and the place in it are known.
    fn load(&mut self, address: &Address, ty: Type) -> Form {
        let source = Source::Loaded(address.mem);
        if !matches!(self.program.memory(address.mem).space, Space::Constant | Space::Uniform { .. }) {
            return self.opaque(ty, source);
        }
        let mut offsets = Range::only(address.offset.into());
        let mut step = 4;
        for term in &address.terms {
            let index = self.form(term.index);
            let index = self.known.reading(&index, false);
            let range = self.known.bound(&index);
            // A load past an inner array gives zero, not its neighbour.
            let inside = matches!(term.bound, IndexBound::Const(n) if range.hi < i128::from(n));
            if range.is_empty() || !inside {
                return self.opaque(ty, source);
            }
            let stride = i128::from(term.stride);
            offsets = Range::new(offsets.lo + range.lo * stride, offsets.hi + range.hi * stride);
            step = if address.terms.len() == 1 { stride.max(4) } else { 4 };
        }
        const MOST: i128 = 4096;
        if offsets.hi > i128::from(u32::MAX) || (offsets.hi - offsets.lo) / step >= MOST {
            return self.opaque(ty, source);
        }
        let mut range = Range::EMPTY;
        let mut at = offsets.lo;
        while at <= offsets.hi {
            match self.word(address.mem, at as u32) {
                Some(word) => range = range.hull(Range::only(number(ty, word))),
                None => return self.unknown_word(address.mem, at as u32, ty),
            }
            at += step;
        }
        match range.single() {
            Some(number) => Form::number(number),
            None => self.opaque_in(range, source),
        }
    }

    /// The word at a byte offset of memory whose contents are known.
    fn word(&mut self, mem: Mem, offset: u32) -> Option<u32> {
        let memory = self.program.memory(mem);
        match memory.space {
            Space::Constant => memory.data.get(offset as usize / 4).copied(),
            Space::Uniform { binding } => {
                self.read_words.insert((binding, offset));
                self.inputs.word(binding, offset)
            }
            _ => None,
        }
    }

    /// What is loaded where the word at `offset`, and maybe others, were not given: some number.
    fn unknown_word(&mut self, mem: Mem, offset: u32, ty: Type) -> Form {
        match self.program.memory(mem).space {
            Space::Uniform { binding } => self.opaque(ty, Source::Word { binding, offset }),
            _ => self.opaque(ty, Source::Unknown),
        }
    }
}
