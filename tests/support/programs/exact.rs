//! Floats that all devices compute alike: whole numbers up to [`LARGEST`], so that a product of two and a sum of four
//! such products are exact, whether or not a device fuses them.

use super::{
    Dialect, Generator,
    types::{
        Scalar::{self, Bool, F32, I32, U32},
        Type,
    },
};

/// 4 * 2048^2 = 2^24, up to which `f32` has all whole numbers.
const LARGEST: u32 = 2048;

impl Generator {
    /// Values that operations treat specially. In programs they are variables: constant expressions that overflow are
    /// errors in WGSL.
    pub(super) fn constants(&self, scalar: Scalar) -> &'static [&'static str] {
        match self.dialect {
            Dialect::Exact if scalar == F32 => &["0.0", "1.0", "-1.0", "-2.0", "7.0", "100.0", "-2048.0", "2047.0"],
            _ => scalar.constants(),
        }
    }

    /// Functions that bring what an operation gives back among the numbers that may be operands.
    pub(super) fn fitting(&mut self) {
        for width in 1..5 {
            let ty = F32.vector(width);
            self.line(&format!(
                "fn fit_{width}(x: {ty}) -> {ty} {{ return clamp(trunc(x), {ty}(-{LARGEST}.0), {ty}({LARGEST}.0)); }}"
            ));
        }
    }

    pub(super) fn fit(&self, ty: Type, value: &str) -> String {
        format!("fit_{}({value})", ty.width)
    }

    /// A float expression whose value is such a number.
    pub(super) fn exact_float(&mut self, ty: Type, depth: usize) -> String {
        let a = self.expr(ty, depth);
        let value = match self.random.below(14) {
            0..=3 => {
                let b = self.expr(ty, depth);
                format!("{a} {} {b}", self.random.pick(&["+", "-", "*"]))
            }
            4 => {
                let b = self.expr(F32.scalar(), depth);
                let op = self.random.pick(&["+", "-", "*"]);
                if self.random.chance(50) { format!("{a} {op} {b}") } else { format!("{b} {op} {a}") }
            }
            5 | 6 => {
                let name =
                    self.random.pick(&["abs", "-", "floor", "ceil", "trunc", "round", "sign", "saturate", "modf"]);
                return match name {
                    "-" => format!("(-{a})"),
                    "modf" => format!("modf({a}).{}", self.random.pick(&["whole", "fract"])),
                    _ => format!("{name}({a})"),
                };
            }
            7 => {
                let b = self.expr(ty, depth);
                return format!("{}({a}, {b})", self.random.pick(&["min", "max", "step"]));
            }
            8 => {
                let (b, c) = (self.expr(ty, depth), self.expr(ty, depth));
                // The bounds of `clamp` are to be in order.
                match self.random.chance(50) {
                    true => format!("fma({a}, {b}, {c})"),
                    false => return format!("clamp({a}, min({b}, {c}), max({b}, {c}))"),
                }
            }
            9 if ty.width == 3 => format!("cross({a}, {})", self.expr(ty, depth)),
            9 if ty.is_vector() => {
                let (b, c) = (self.expr(ty, depth), self.expr(ty, depth));
                return format!("faceForward({a}, {b}, {c})");
            }
            9 | 10 if !ty.is_vector() => {
                let wide = F32.vector(2 + self.random.below(3));
                format!("dot({}, {})", self.expr(wide, depth), self.expr(wide, depth))
            }
            10 | 11 => self.matrix(ty, depth),
            _ => return self.converted(ty, depth),
        };
        self.fit(ty, &value)
    }

    /// What a value of another type comes to.
    fn converted(&mut self, ty: Type, depth: usize) -> String {
        match self.random.pick(&[U32, I32, Bool]) {
            Bool => format!("{ty}({})", self.expr(ty.of(Bool), depth)),
            I32 => format!("{ty}({} % 1000i)", self.expr(ty.of(I32), depth)),
            other => format!("{ty}({} % 1000u)", self.expr(ty.of(other), depth)),
        }
    }
}
