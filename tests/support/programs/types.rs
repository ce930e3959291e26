//! The types of generated values, and the names they have in programs.

use std::fmt::{self, Display};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    U32,
    I32,
    F32,
    F16,
    Bool,
}

use Scalar::{Bool, F16, F32, I32, U32};

/// A scalar, or a vector of 2 to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    pub scalar: Scalar,
    pub width: usize,
}

pub const SCALARS: [Scalar; 5] = [U32, I32, F32, Bool, F16];
pub const EXACT_SCALARS: [Scalar; 4] = [U32, I32, F32, Bool];
pub const NUMBERS: [Scalar; 4] = [U32, I32, F32, F16];

impl Scalar {
    pub fn name(self) -> &'static str {
        match self {
            U32 => "u32",
            I32 => "i32",
            F32 => "f32",
            F16 => "f16",
            Bool => "bool",
        }
    }

    pub fn letter(self) -> char {
        match self {
            U32 => 'u',
            I32 => 'i',
            F32 => 'f',
            F16 => 'h',
            Bool => 'b',
        }
    }

    pub fn is_float(self) -> bool {
        matches!(self, F32 | F16)
    }

    pub fn scalar(self) -> Type {
        self.vector(1)
    }

    pub fn vector(self, width: usize) -> Type {
        Type { scalar: self, width }
    }

    /// Values that operations treat specially. In programs they are variables: constant expressions that overflow are
    /// errors in WGSL.
    pub fn constants(self) -> &'static [&'static str] {
        match self {
            U32 => &["0u", "1u", "2u", "7u", "31u", "32u", "0x7fffffffu", "0x80000000u", "0xffffffffu", "12345u"],
            I32 => &["0i", "1i", "-1i", "2147483647i", "i32(-2147483648)", "-7i", "100i", "33i"],
            F32 => &["0.0", "-0.0", "1.0", "-2.5", "0.5", "1e-3", "3e9", "0.33333334", "1e-40", "3.4e38", "-6.25"],
            F16 => &["0h", "-0h", "1h", "-2.5h", "0.5h", "1e-3h", "65504h", "0.333h", "6.2e-5h", "-300h", "-6.25h"],
            Bool => &["true", "false"],
        }
    }
}

impl Type {
    pub fn is_vector(self) -> bool {
        self.width > 1
    }

    /// The same with other components.
    pub fn of(self, scalar: Scalar) -> Type {
        Type { scalar, ..self }
    }

    /// What stands for the type in names: `f3`.
    pub fn tag(self) -> String {
        format!("{}{}", self.scalar.letter(), self.width)
    }
}

impl Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.width {
            1 => f.write_str(self.scalar.name()),
            width => write!(f, "vec{width}<{}>", self.scalar.name()),
        }
    }
}
