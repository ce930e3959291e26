//! Which number each symbol is, and what may be known about sums of them.

use std::rc::Rc;

use super::form::{Form, Range, Symbol};

/// A sum of symbols, without a constant, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fact {
    pub form: Form,
    pub range: Range,
}

/// One of the values that control flow or a select chooses among, with what holds where it is chosen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IncomingForm {
    pub guards: Vec<Fact>,
    pub form: Form,
}

/// Which number a symbol is. Forms stand for 32-bit values, `signed` says how they are read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Definition {
    /// Some number of this range, unlike any other: a coordinate, a counter, a loaded value.
    Within(Range),
    /// What the bits of `form` are, read as a number.
    Reading {
        form: Form,
        signed: bool,
    },
    /// `of / by`, rounded down, or towards zero if it `truncates`.
    Quotient {
        of: Form,
        signed: bool,
        by: i128,
        truncates: bool,
    },
    /// What that division leaves.
    Remainder {
        of: Form,
        signed: bool,
        by: i128,
        truncates: bool,
        quotient: Symbol,
    },
    /// The greater or the less of two.
    Extreme {
        greatest: bool,
        a: Form,
        b: Form,
        signed: bool,
    },
    /// The absolute value of a signed number.
    Magnitude {
        of: Form,
    },
    /// The product, as an integer that no width limits.
    Product {
        a: Form,
        b: Form,
        signed: bool,
    },
    /// The bitwise and, or, exclusive or of two unsigned numbers.
    And {
        a: Form,
        b: Form,
    },
    Or {
        a: Form,
        b: Form,
    },
    Xor {
        a: Form,
        b: Form,
    },
    /// `a / b` and `a % b` of unsigned numbers, where neither is a constant.
    UnknownQuotient {
        a: Form,
        b: Form,
    },
    UnknownRemainder {
        a: Form,
        b: Form,
    },
    /// One of these. What is made of symbols below `outer` means the same on every way.
    Choice {
        ways: Rc<[IncomingForm]>,
        signed: bool,
        outer: Symbol,
    },
}
