//! WGSL's built-in functions on scalars and their lists.

use naga::{Expression, Handle, MathFunction, Span, TypeInner};

use super::{Frame, Lowerer};
use crate::{
    error::Result,
    ir::{Binary, Type, Unary, Value, build::Builder},
    kernel::powers::whole_exponent,
};

type Args = [Option<Handle<Expression>>; 4];

impl<'a> Lowerer<'a> {
    pub fn math(&mut self, frame: &mut Frame<'a>, fun: MathFunction, args: Args, span: Span) -> Result<Vec<Value>> {
        let mut operands = Vec::new();
        for argument in args.into_iter().flatten() {
            operands.push(self.expression(frame, argument)?);
        }
        let inner = args[0].map(|a| frame.info[a].ty.inner_with(&self.module.types).clone());
        if let Some(values) = self.geometric(fun, &operands, inner.as_ref()) {
            return Ok(values);
        }
        if let Some(values) = self.packing(fun, &operands) {
            return Ok(values);
        }
        let exponent = args[1].filter(|_| fun == MathFunction::Pow);
        if let Some(n) = exponent.and_then(|n| whole_exponent(self.module, &frame.fun.expressions, n)) {
            let power = |&x: &Value| self.b.in_f32([x], |b, [x]| b.whole_power(x, n));
            return Ok(operands[0].iter().map(power).collect());
        }
        if matches!(fun, MathFunction::Modf | MathFunction::Frexp) {
            return Ok(self.decompose(fun, &operands[0]));
        }
        let width = operands.iter().map(Vec::len).max().unwrap_or(0);
        let mut values = Vec::with_capacity(width);
        for i in 0..width {
            let at = |k: usize| operands.get(k).map(|v| if v.len() == 1 { v[0] } else { v[i] });
            let Some(value) = self.math_component(fun, [at(0), at(1), at(2), at(3)]) else {
                return self.refuse(span, format!("the built-in function {fun:?} is not supported by the CPU engine"));
            };
            values.push(value);
        }
        Ok(values)
    }

    /// Functions that work on each component by itself; `None` for those that do not.
    fn math_component(&mut self, fun: MathFunction, args: [Option<Value>; 4]) -> Option<Value> {
        use MathFunction as F;
        let x = args[0]?;
        let ty = self.b.ty(x);
        let b = &mut self.b;
        let unary = |b: &mut Builder, f: fn(&mut Builder, Value) -> Value| b.in_f32([x], |b, [x]| f(b, x));
        Some(match fun {
            F::Abs => b.unary(Unary::Abs, x),
            F::Min => b.binary(Binary::Min, x, args[1]?),
            F::Max => b.binary(Binary::Max, x, args[1]?),
            F::Clamp => {
                let above = b.binary(Binary::Max, x, args[1]?);
                b.binary(Binary::Min, above, args[2]?)
            }
            F::Saturate => {
                let (zero, one) = (b.float(ty, 0.0), b.float(ty, 1.0));
                let above = b.binary(Binary::Max, x, zero);
                b.binary(Binary::Min, above, one)
            }
            F::Cos => unary(b, Builder::cos),
            F::Cosh => unary(b, Builder::cosh),
            F::Sin => unary(b, Builder::sin),
            F::Sinh => unary(b, Builder::sinh),
            F::Tan => unary(b, Builder::tan),
            F::Tanh => unary(b, Builder::tanh),
            F::Acos => unary(b, Builder::acos),
            F::Asin => unary(b, Builder::asin),
            F::Atan => unary(b, Builder::atan),
            F::Atan2 => b.in_f32([x, args[1]?], |b, [y, x]| b.atan2(y, x)),
            F::Asinh => unary(b, Builder::asinh),
            F::Acosh => unary(b, Builder::acosh),
            F::Atanh => unary(b, Builder::atanh),
            F::Radians => {
                let k = b.float(ty, std::f32::consts::PI / 180.0);
                b.mul(x, k)
            }
            F::Degrees => {
                let k = b.float(ty, 180.0 / std::f32::consts::PI);
                b.mul(x, k)
            }
            F::Ceil => b.unary(Unary::Ceil, x),
            F::Floor => b.unary(Unary::Floor, x),
            F::Round => b.unary(Unary::Round, x),
            F::Trunc => b.unary(Unary::Trunc, x),
            F::Fract => {
                let floor = b.unary(Unary::Floor, x);
                b.sub(x, floor)
            }
            F::Ldexp => return Some(self.ldexp(x, args[1]?)),
            F::Exp => unary(b, Builder::exp),
            F::Exp2 => unary(b, Builder::exp2),
            F::Log => unary(b, Builder::log),
            F::Log2 => unary(b, Builder::log2),
            F::Pow => b.in_f32([x, args[1]?], |b, [x, y]| b.pow(x, y)),
            F::Sqrt => b.unary(Unary::Sqrt, x),
            F::InverseSqrt => unary(b, Builder::inverse_sqrt),
            F::Sign => return Some(self.sign(x)),
            F::Fma => {
                let (y, z) = (args[1]?, args[2]?);
                b.in_f32([x, y, z], |b, [x, y, z]| b.fma(x, y, z))
            }
            F::Mix => return Some(self.mix(x, args[1]?, args[2]?)),
            F::Step => {
                let (edge, x) = (x, args[1]?);
                let (zero, one) = (b.float(ty, 0.0), b.float(ty, 1.0));
                let reached = b.binary(Binary::Le, edge, x);
                b.select(reached, one, zero)
            }
            F::SmoothStep => return Some(self.smooth_step(x, args[1]?, args[2]?)),
            F::QuantizeToF16 => b.unary(Unary::QuantizeF16, x),
            F::CountTrailingZeros => b.unary(Unary::CountTrailingZeros, x),
            F::CountLeadingZeros => b.unary(Unary::CountLeadingZeros, x),
            F::CountOneBits => b.unary(Unary::CountOnes, x),
            F::ReverseBits => b.unary(Unary::ReverseBits, x),
            F::ExtractBits => return Some(self.extract_bits(x, args[1]?, args[2]?)),
            F::InsertBits => return Some(self.insert_bits(x, args[1]?, args[2]?, args[3]?)),
            F::FirstTrailingBit => {
                // 32 zeros mean that there is none: -1.
                let count = b.unary(Unary::CountTrailingZeros, x);
                let (zero, none) = (b.zero(ty), b.constant(ty, !0));
                let empty = b.binary(Binary::Eq, x, zero);
                b.select(empty, none, count)
            }
            F::FirstLeadingBit => return Some(self.first_leading_bit(x)),
            _ => return None,
        })
    }

    /// The sum of products, fused from the first to the last.
    pub fn dot(&mut self, a: &[Value], b: &[Value]) -> Value {
        let mut sum = self.b.mul(a[0], b[0]);
        for (&x, &y) in a.iter().zip(b).skip(1) {
            sum = if self.b.ty(x) == Type::F32 {
                self.b.fma(x, y, sum)
            } else {
                let product = self.b.mul(x, y);
                self.b.add(sum, product)
            };
        }
        sum
    }

    fn length(&mut self, v: &[Value]) -> Value {
        if v.len() == 1 {
            return self.b.unary(Unary::Abs, v[0]);
        }
        let square = self.dot(v, v);
        self.b.unary(Unary::Sqrt, square)
    }

    fn each(&mut self, a: &[Value], b: &[Value], f: impl Fn(&mut Self, Value, Value) -> Value) -> Vec<Value> {
        a.iter().zip(b).map(|(&x, &y)| f(self, x, y)).collect()
    }

    /// Functions of whole vectors and matrices; `None` for the others.
    fn geometric(&mut self, fun: MathFunction, args: &[Vec<Value>], inner: Option<&TypeInner>) -> Option<Vec<Value>> {
        use MathFunction as F;
        let a = args.first()?;
        Some(match fun {
            F::Dot => vec![self.dot(a, &args[1])],
            F::Cross => self.cross(a, &args[1]),
            F::Length => vec![self.length(a)],
            F::Distance => {
                let difference = self.each(a, &args[1], |s, x, y| s.b.sub(x, y));
                vec![self.length(&difference)]
            }
            F::Normalize => {
                let length = self.length(a);
                a.iter().map(|&x| self.b.div(x, length)).collect()
            }
            F::FaceForward => {
                let d = self.dot(&args[1], &args[2]);
                let zero = self.b.zero(self.b.ty(d));
                let facing = self.b.binary(Binary::Lt, d, zero);
                a.iter()
                    .map(|&x| {
                        let minus = self.b.neg(x);
                        self.b.select(facing, x, minus)
                    })
                    .collect()
            }
            F::Reflect => {
                let d = self.dot(&args[1], a);
                let minus_two = self.b.float(self.b.ty(d), -2.0);
                let k = self.b.mul(minus_two, d);
                self.each(a, &args[1], |s, x, n| {
                    let part = s.b.mul(k, n);
                    s.add(x, part)
                })
            }
            F::Refract => self.refract(a, &args[1], args[2][0]),
            F::Transpose | F::Determinant => {
                let Some(&TypeInner::Matrix { columns, rows, .. }) = inner else { return None };
                if fun == F::Determinant {
                    return Some(vec![self.determinant(a, rows as usize)]);
                }
                let (columns, rows) = (columns as usize, rows as usize);
                (0..rows).flat_map(|r| (0..columns).map(move |c| a[c * rows + r])).collect()
            }
            _ => return None,
        })
    }

    fn cross(&mut self, a: &[Value], b: &[Value]) -> Vec<Value> {
        [(1, 2), (2, 0), (0, 1)]
            .into_iter()
            .map(|(i, j)| {
                let (p, q) = (self.b.mul(a[i], b[j]), self.b.mul(a[j], b[i]));
                self.b.sub(p, q)
            })
            .collect()
    }

    /// By cofactors of the first column.
    fn determinant(&mut self, m: &[Value], n: usize) -> Value {
        if n == 2 {
            let (p, q) = (self.b.mul(m[0], m[3]), self.b.mul(m[2], m[1]));
            return self.b.sub(p, q);
        }
        let mut sum = None;
        for row in 0..n {
            let minor: Vec<Value> =
                (1..n).flat_map(|c| (0..n).filter(move |&r| r != row).map(move |r| m[c * n + r])).collect();
            let cofactor = self.determinant(&minor, n - 1);
            let term = self.b.mul(m[row], cofactor);
            sum = Some(match sum {
                None => term,
                Some(before) if row % 2 == 1 => self.b.sub(before, term),
                Some(before) => self.b.add(before, term),
            });
        }
        sum.expect("a matrix has rows")
    }

    fn refract(&mut self, i: &[Value], n: &[Value], eta: Value) -> Vec<Value> {
        let ty = self.b.ty(eta);
        let (one, zero) = (self.b.float(ty, 1.0), self.b.zero(ty));
        let d = self.dot(n, i);
        let d2 = self.b.mul(d, d);
        let sin2 = self.b.sub(one, d2);
        let eta2 = self.b.mul(eta, eta);
        let part = self.b.mul(eta2, sin2);
        let k = self.b.sub(one, part);
        let total = self.b.binary(Binary::Lt, k, zero);
        let root = self.b.unary(Unary::Sqrt, k);
        let scaled = self.b.mul(eta, d);
        let along = self.b.add(scaled, root);
        self.each(i, n, |s, i, n| {
            let (p, q) = (s.b.mul(eta, i), s.b.mul(along, n));
            let bent = s.b.sub(p, q);
            s.b.select(total, zero, bent)
        })
    }

    fn sign(&mut self, x: Value) -> Value {
        let ty = self.b.ty(x);
        let (zero, one, minus_one) = (self.b.zero(ty), self.b.number(ty, 1), self.b.number(ty, -1));
        let (above, below) = (self.b.binary(Binary::Gt, x, zero), self.b.binary(Binary::Lt, x, zero));
        let sign = self.b.select(below, minus_one, zero);
        self.b.select(above, one, sign)
    }

    /// `x (1 - t) + y t`.
    fn mix(&mut self, x: Value, y: Value, t: Value) -> Value {
        let one = self.b.float(self.b.ty(t), 1.0);
        let rest = self.b.sub(one, t);
        let (p, q) = (self.b.mul(x, rest), self.b.mul(y, t));
        self.add(p, q)
    }

    fn smooth_step(&mut self, low: Value, high: Value, x: Value) -> Value {
        let ty = self.b.ty(x);
        let (zero, one) = (self.b.float(ty, 0.0), self.b.float(ty, 1.0));
        let (above, width) = (self.b.sub(x, low), self.b.sub(high, low));
        let t = self.b.div(above, width);
        let t = self.b.binary(Binary::Max, t, zero);
        let t = self.b.binary(Binary::Min, t, one);
        let (minus_two, three) = (self.b.float(ty, -2.0), self.b.float(ty, 3.0));
        let t2 = self.b.mul(t, t);
        let scaled = self.b.mul(t, minus_two);
        let slope = self.add(scaled, three);
        self.b.mul(t2, slope)
    }

    /// `x * 2^e`, in three steps so that nothing overflows or is rounded on the way; e is clamped to where the
    /// result is 0 or infinite anyway.
    fn ldexp(&mut self, x: Value, e: Value) -> Value {
        self.b.in_f32([x], |b, [x]| {
            let (low, high) = (b.i32(-300), b.i32(300));
            let e = b.binary(Binary::Max, e, low);
            let mut rest = b.binary(Binary::Min, e, high);
            let mut x = x;
            // Small steps down first lose bits only in the last of them, since each is within the normal range
            // until the result leaves it.
            for _ in 0..3 {
                let (low, high) = (b.i32(-100), b.i32(100));
                let step = b.binary(Binary::Max, rest, low);
                let step = b.binary(Binary::Min, step, high);
                let (bias, shift) = (b.i32(127), b.i32(23));
                let biased = b.add(step, bias);
                let bits = b.binary(Binary::Shl, biased, shift);
                let factor = b.bitcast(Type::F32, bits);
                x = b.mul(x, factor);
                rest = b.sub(rest, step);
            }
            x
        })
    }

    /// `modf` and `frexp`: the fractions of all components, then the whole parts or exponents.
    fn decompose(&mut self, fun: MathFunction, values: &[Value]) -> Vec<Value> {
        let mut parts: Vec<(Value, Value)> = Vec::new();
        for &x in values {
            parts.push(if fun == MathFunction::Modf {
                let whole = self.b.unary(Unary::Trunc, x);
                (self.b.sub(x, whole), whole)
            } else {
                self.frexp(x)
            });
        }
        parts.iter().map(|p| p.0).chain(parts.iter().map(|p| p.1)).collect()
    }

    /// A fraction with magnitude in [1/2, 1) and its exponent; x and 0 for zero, infinity and NaN.
    fn frexp(&mut self, x: Value) -> (Value, Value) {
        let half = self.b.ty(x) == Type::F16;
        let b = &mut self.b;
        let x = b.convert(Type::F32, x);
        let size = b.unary(Unary::Abs, x);
        let (smallest, two25) = (b.f32(f32::MIN_POSITIVE), b.f32(33_554_432.0));
        let tiny = b.binary(Binary::Lt, size, smallest);
        let scaled = b.mul(x, two25);
        let normal = b.select(tiny, scaled, x);
        let bits = b.bitcast(Type::U32, normal);
        let (shift, field) = (b.u32(23), b.u32(0xff));
        let e = b.binary(Binary::Shr, bits, shift);
        let e = b.binary(Binary::And, e, field);
        let e = b.bitcast(Type::I32, e);
        let (bias, lower, none) = (b.i32(126), b.i32(25), b.i32(0));
        let e = b.sub(e, bias);
        let lower = b.select(tiny, lower, none);
        let e = b.sub(e, lower);
        let (keep, exponent) = (b.u32(0x807f_ffff), b.u32(0x3f00_0000));
        let fraction = b.binary(Binary::And, bits, keep);
        let fraction = b.binary(Binary::Or, fraction, exponent);
        let fraction = b.bitcast(Type::F32, fraction);
        let (zero, inf) = (b.f32(0.0), b.f32(f32::INFINITY));
        let (is_zero, finite) = (b.binary(Binary::Eq, x, zero), b.binary(Binary::Lt, size, inf));
        let nonzero = b.unary(Unary::Not, is_zero);
        let ordinary = b.binary(Binary::And, nonzero, finite);
        let fraction = b.select(ordinary, fraction, x);
        let e = b.select(ordinary, e, none);
        let fraction = if half { b.convert(Type::F16, fraction) } else { fraction };
        (fraction, e)
    }

    /// Offset and count, cut to what 32 bits hold.
    fn bit_range(&mut self, offset: Value, count: Value) -> (Value, Value) {
        let width = self.b.u32(32);
        let offset = self.b.binary(Binary::Min, offset, width);
        let room = self.b.sub(width, offset);
        (offset, self.b.binary(Binary::Min, count, room))
    }

    fn extract_bits(&mut self, x: Value, offset: Value, count: Value) -> Value {
        let ty = self.b.ty(x);
        let (offset, count) = self.bit_range(offset, count);
        let b = &mut self.b;
        // Up to the top, then down again, which extends the sign of an i32. Shifts by 32 are put right after.
        let width = b.u32(32);
        let used = b.add(offset, count);
        let left = b.sub(width, used);
        let right = b.sub(width, count);
        let (left, right) = (b.bitcast(ty, left), b.bitcast(ty, right));
        let up = b.binary(Binary::Shl, x, left);
        let down = b.binary(Binary::Shr, up, right);
        let none = b.u32(0);
        let empty = b.binary(Binary::Eq, count, none);
        let zero = b.zero(ty);
        b.select(empty, zero, down)
    }

    fn insert_bits(&mut self, x: Value, new: Value, offset: Value, count: Value) -> Value {
        let ty = self.b.ty(x);
        let (offset, count) = self.bit_range(offset, count);
        let b = &mut self.b;
        let (width, none, ones) = (b.u32(32), b.u32(0), b.u32(!0));
        let right = b.sub(width, count);
        let mask = b.binary(Binary::Shr, ones, right);
        let empty = b.binary(Binary::Eq, count, none);
        let mask = b.select(empty, none, mask);
        let mask = b.binary(Binary::Shl, mask, offset);
        let keep = b.unary(Unary::Not, mask);
        let (old, new) = (b.bitcast(Type::U32, x), b.bitcast(Type::U32, new));
        let new = b.binary(Binary::Shl, new, offset);
        let (old, new) = (b.binary(Binary::And, old, keep), b.binary(Binary::And, new, mask));
        let merged = b.binary(Binary::Or, old, new);
        b.bitcast(ty, merged)
    }

    /// The highest bit that differs from the sign (for u32: that is set), or -1.
    fn first_leading_bit(&mut self, x: Value) -> Value {
        let ty = self.b.ty(x);
        let b = &mut self.b;
        let mut bits = x;
        if ty == Type::I32 {
            let shift = b.i32(31);
            let sign = b.binary(Binary::Shr, x, shift);
            bits = b.binary(Binary::Xor, x, sign);
        }
        let zeros = b.unary(Unary::CountLeadingZeros, bits);
        let top = b.constant(ty, 31);
        // 31 - 32 is -1, which is what no bit gives.
        b.sub(top, zeros)
    }

    /// Packing, unpacking and dot products of packed integers; `None` for other functions.
    fn packing(&mut self, fun: MathFunction, args: &[Vec<Value>]) -> Option<Vec<Value>> {
        use MathFunction as F;
        let a = args.first()?;
        Some(match fun {
            F::Pack4x8snorm => vec![self.pack_norm(a, 8, -1.0, 127.0)],
            F::Pack4x8unorm => vec![self.pack_norm(a, 8, 0.0, 255.0)],
            F::Pack2x16snorm => vec![self.pack_norm(a, 16, -1.0, 32767.0)],
            F::Pack2x16unorm => vec![self.pack_norm(a, 16, 0.0, 65535.0)],
            F::Pack4xI8 | F::Pack4xU8 => vec![self.pack_bits(a, 8)],
            F::Pack4xI8Clamp => {
                let (low, high) = (self.b.i32(-128), self.b.i32(127));
                vec![self.pack_clamped(a, low, high)]
            }
            F::Pack4xU8Clamp => {
                let (low, high) = (self.b.u32(0), self.b.u32(255));
                vec![self.pack_clamped(a, low, high)]
            }
            F::Unpack4x8snorm => self.unpack_norm(a[0], 8, Type::I32, 127.0),
            F::Unpack4x8unorm => self.unpack_norm(a[0], 8, Type::U32, 255.0),
            F::Unpack2x16snorm => self.unpack_norm(a[0], 16, Type::I32, 32767.0),
            F::Unpack2x16unorm => self.unpack_norm(a[0], 16, Type::U32, 65535.0),
            F::Unpack4xI8 => self.fields(a[0], 8, Type::I32),
            F::Unpack4xU8 => self.fields(a[0], 8, Type::U32),
            F::Pack2x16float => vec![self.pack_half(a)],
            F::Unpack2x16float => self.unpack_half(a[0]),
            F::Dot4I8Packed | F::Dot4U8Packed => {
                let ty = if fun == F::Dot4I8Packed { Type::I32 } else { Type::U32 };
                let (x, y) = (self.fields(a[0], 8, ty), self.fields(args[1][0], 8, ty));
                vec![self.dot(&x, &y)]
            }
            _ => return None,
        })
    }

    /// The fields of `bits` bits each of a word, lowest first, sign-extended for `I32`.
    fn fields(&mut self, word: Value, bits: u32, ty: Type) -> Vec<Value> {
        let word = self.b.bitcast(ty, word);
        (0..32 / bits)
            .map(|i| {
                let (left, right) = (self.b.constant(ty, 32 - bits * (i + 1)), self.b.constant(ty, 32 - bits));
                let up = self.b.binary(Binary::Shl, word, left);
                self.b.binary(Binary::Shr, up, right)
            })
            .collect()
    }

    /// The low `bits` bits of each value, lowest first.
    fn pack_bits(&mut self, values: &[Value], bits: u32) -> Value {
        let mut word = self.b.u32(0);
        for (i, &value) in values.iter().enumerate() {
            let value = self.b.bitcast(Type::U32, value);
            let (mask, shift) = (self.b.u32((1 << bits) - 1), self.b.u32(i as u32 * bits));
            let field = self.b.binary(Binary::And, value, mask);
            let field = self.b.binary(Binary::Shl, field, shift);
            word = self.b.binary(Binary::Or, word, field);
        }
        word
    }

    fn pack_clamped(&mut self, values: &[Value], low: Value, high: Value) -> Value {
        let clamped: Vec<Value> = values
            .iter()
            .map(|&v| {
                let above = self.b.binary(Binary::Max, v, low);
                self.b.binary(Binary::Min, above, high)
            })
            .collect();
        self.pack_bits(&clamped, 8)
    }

    /// `floor(0.5 + scale * clamp(x, low, 1))` of each component, packed.
    fn pack_norm(&mut self, values: &[Value], bits: u32, low: f32, scale: f32) -> Value {
        let fields: Vec<Value> = values
            .iter()
            .map(|&x| {
                let b = &mut self.b;
                let (low, one) = (b.f32(low), b.f32(1.0));
                let x = b.binary(Binary::Max, x, low);
                let x = b.binary(Binary::Min, x, one);
                let (scale, half) = (b.f32(scale), b.f32(0.5));
                let scaled = b.mul(x, scale);
                let moved = b.add(half, scaled);
                let floor = b.unary(Unary::Floor, moved);
                b.convert(Type::I32, floor)
            })
            .collect();
        self.pack_bits(&fields, bits)
    }

    fn unpack_norm(&mut self, word: Value, bits: u32, ty: Type, scale: f32) -> Vec<Value> {
        let fields = self.fields(word, bits, ty);
        fields
            .into_iter()
            .map(|field| {
                let b = &mut self.b;
                let (x, scale, low) = (b.convert(Type::F32, field), b.f32(scale), b.f32(-1.0));
                let x = b.div(x, scale);
                b.binary(Binary::Max, x, low)
            })
            .collect()
    }

    /// Two floats as halves in one word. The half's bits are made from those of the rounded float.
    fn pack_half(&mut self, values: &[Value]) -> Value {
        let halves: Vec<Value> = values.iter().map(|&x| self.half_bits(x)).collect();
        self.pack_bits(&halves, 16)
    }

    fn half_bits(&mut self, x: Value) -> Value {
        let b = &mut self.b;
        let rounded = b.unary(Unary::QuantizeF16, x);
        let bits = b.bitcast(Type::U32, rounded);
        let (sixteen, sign_mask) = (b.u32(16), b.u32(0x8000));
        let sign = b.binary(Binary::Shr, bits, sixteen);
        let sign = b.binary(Binary::And, sign, sign_mask);
        let size = b.unary(Unary::Abs, rounded);
        let size_bits = b.bitcast(Type::U32, size);
        // Normal halves: move the exponent's bias from 127 to 15 and drop 13 bits of the mantissa.
        let (bias, shift) = (b.u32((127 - 15) << 23), b.u32(13));
        let rebased = b.sub(size_bits, bias);
        let normal = b.binary(Binary::Shr, rebased, shift);
        // Subnormal halves: a multiple of 2^-24.
        let two24 = b.f32(16_777_216.0);
        let steps = b.mul(size, two24);
        let steps = b.convert(Type::U32, steps);
        let smallest = b.f32(6.103_515_6e-5);
        let subnormal = b.binary(Binary::Lt, size, smallest);
        let half = b.select(subnormal, steps, normal);
        // Infinity and NaN.
        let (inf, inf_bits, nan_bits) = (b.f32(f32::INFINITY), b.u32(0x7c00), b.u32(0x7e00));
        let is_inf = b.binary(Binary::Eq, size, inf);
        let half = b.select(is_inf, inf_bits, half);
        let is_nan = b.binary(Binary::Ne, x, x);
        let half = b.select(is_nan, nan_bits, half);
        b.binary(Binary::Or, half, sign)
    }

    fn unpack_half(&mut self, word: Value) -> Vec<Value> {
        let fields = self.fields(word, 16, Type::U32);
        fields
            .into_iter()
            .map(|field| {
                let b = &mut self.b;
                let (low, shift, bias) = (b.u32(0x7fff), b.u32(13), b.u32((127 - 15) << 23));
                let size = b.binary(Binary::And, field, low);
                let shifted = b.binary(Binary::Shl, size, shift);
                let normal = b.add(shifted, bias);
                let normal = b.bitcast(Type::F32, normal);
                let (steps, step) = (b.convert(Type::F32, size), b.f32(5.960_464_5e-8));
                let subnormal = b.mul(steps, step);
                let (smallest, largest) = (b.u32(0x0400), b.u32(0x7c00));
                let is_subnormal = b.binary(Binary::Lt, size, smallest);
                let x = b.select(is_subnormal, subnormal, normal);
                // Infinity and NaN keep their mantissa under the highest exponent.
                let exponent = b.u32(0x7f80_0000);
                let special = b.binary(Binary::Or, shifted, exponent);
                let special = b.bitcast(Type::F32, special);
                let is_special = b.binary(Binary::Ge, size, largest);
                let x = b.select(is_special, special, x);
                let (sign_bit, sixteen) = (b.u32(0x8000), b.u32(16));
                let sign = b.binary(Binary::And, field, sign_bit);
                let sign = b.binary(Binary::Shl, sign, sixteen);
                let bits = b.bitcast(Type::U32, x);
                let bits = b.binary(Binary::Or, bits, sign);
                b.bitcast(Type::F32, bits)
            })
            .collect()
    }
}
