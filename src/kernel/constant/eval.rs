//! Evaluates WGSL expressions while it reads them.
//!
//! What is no constant expression has no value, and is read all the same, so that the reader knows where it ends.

use super::{
    construct::{construct, element, member},
    functions, literal,
    names::{Item, Names},
    operators::{self, Operator},
    value::{Kind, Scalar, Type, Value},
};
use crate::kernel::text::token::{Kind as TokenKind, Token};

/// The text is no expression, or too much of one.
pub struct Stop;

type Read<T> = Result<Option<T>, Stop>;

/// Expressions inside each other, those of other constants included; the parser bounds brackets likewise.
const DEPTH: usize = 100;

/// Elements of a constant array that is made from its type alone.
const ELEMENTS: i64 = 4096;

/// Precedences: what stands between the brackets of a template has no comparisons or shifts.
const LOWEST: u8 = 1;
const ADDITIVE: u8 = 8;

pub struct Evaluator<'a, 'n> {
    names: &'n Names<'a>,
    /// The next token.
    pub at: usize,
    /// Whether the names of the open blocks count.
    local: bool,
}

impl<'a, 'n> Evaluator<'a, 'n> {
    pub fn new(names: &'n Names<'a>, at: usize, local: bool) -> Self {
        Evaluator { names, at, local }
    }

    fn token(&self, at: usize) -> Option<&Token<'a>> {
        self.names.tokens.get(at)
    }

    fn text(&self) -> &'a str {
        self.token(self.at).map_or("", |token| token.text)
    }

    fn eat(&mut self, text: &str) -> bool {
        let there = self.text() == text;
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, text: &str) -> Result<(), Stop> {
        if self.eat(text) { Ok(()) } else { Err(Stop) }
    }

    /// Whether the tokens at `at` and behind it touch.
    fn touches(&self, at: usize, second: &str) -> bool {
        match (self.token(at), self.token(at + 1)) {
            (Some(first), Some(next)) => first.end() == next.at && next.text == second,
            _ => false,
        }
    }

    /// `: type = expression` behind a name, the type left out or not.
    pub fn declaration(&mut self) -> Read<Value> {
        let mut ty = None;
        if self.eat(":") {
            match self.ty()? {
                Some(known) => ty = Some(known),
                None => return Ok(None),
            }
        }
        self.expect("=")?;
        let value = self.expression()?;
        self.expect(";")?;
        Ok(match ty {
            Some(ty) => value.and_then(|value| value.coerce(&ty)),
            None => value,
        })
    }

    pub fn expression(&mut self) -> Read<Value> {
        self.binary(LOWEST)
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        let (budget, depth) = (&self.names.budget, &self.names.depth);
        if depth.get() >= DEPTH || budget.get() == 0 {
            return Err(Stop);
        }
        budget.set(budget.get() - 1);
        depth.set(depth.get() + 1);
        let result = read(self);
        depth.set(depth.get() - 1);
        result
    }

    /// The operator at the next token: how many tokens it has and its precedence.
    pub fn operator(&self) -> Option<(Operator, usize, u8)> {
        use Operator as O;
        let text = self.text();
        let twice = self.touches(self.at, text);
        let assigns = self.touches(self.at, "=");
        Some(match text {
            "|" if twice => (O::Or, 2, 1),
            "&" if twice => (O::And, 2, 2),
            "=" if twice => (O::Equal, 2, 6),
            "!" if assigns => (O::NotEqual, 2, 6),
            "<" | ">" if twice && self.touches(self.at + 1, "=") => return None,
            "<" if twice => (O::ShiftLeft, 2, 7),
            ">" if twice => (O::ShiftRight, 2, 7),
            "<" if assigns => (O::LessEqual, 2, 6),
            ">" if assigns => (O::GreaterEqual, 2, 6),
            "<" => (O::Less, 1, 6),
            ">" => (O::Greater, 1, 6),
            _ if assigns => return None,
            "+" | "-" if twice => return None,
            "|" => (O::BitOr, 1, 3),
            "^" => (O::BitXor, 1, 4),
            "&" => (O::BitAnd, 1, 5),
            "+" => (O::Add, 1, 8),
            "-" => (O::Subtract, 1, 8),
            "*" => (O::Multiply, 1, 9),
            "/" => (O::Divide, 1, 9),
            "%" => (O::Remainder, 1, 9),
            _ => return None,
        })
    }

    fn binary(&mut self, lowest: u8) -> Read<Value> {
        self.nested(|s| {
            let mut left = s.unary()?;
            while let Some((op, length, precedence)) = s.operator().filter(|op| op.2 >= lowest) {
                s.at += length;
                let right = s.binary(precedence + 1)?;
                left = match (op, left) {
                    // What is not evaluated may be wrong.
                    (Operator::And, Some(Value::Scalar(Scalar::Bool(false)))) => {
                        Some(Value::Scalar(Scalar::Bool(false)))
                    }
                    (Operator::Or, Some(Value::Scalar(Scalar::Bool(true)))) => Some(Value::Scalar(Scalar::Bool(true))),
                    (_, left) => left.zip(right).and_then(|(left, right)| operators::binary(op, &left, &right)),
                };
            }
            Ok(left)
        })
    }

    pub fn unary(&mut self) -> Read<Value> {
        self.nested(|s| {
            let op = s.text();
            match op {
                "-" | "!" | "~" => {
                    s.at += 1;
                    let value = s.unary()?;
                    Ok(value.and_then(|value| operators::unary(op.as_bytes()[0], &value)))
                }
                "&" | "*" => {
                    s.at += 1;
                    s.unary()?;
                    Ok(None)
                }
                _ => s.postfix(),
            }
        })
    }

    /// A primary expression with its members and elements.
    pub fn postfix(&mut self) -> Read<Value> {
        let mut value = self.primary()?;
        loop {
            if self.text() == "." && self.token(self.at + 1).is_some_and(|token| token.kind == TokenKind::Word) {
                let name = self.token(self.at + 1).map_or("", |token| token.text);
                self.at += 2;
                value = value.and_then(|value| member(&value, name));
            } else if self.eat("[") {
                let index = self.expression()?;
                self.expect("]")?;
                value = value.zip(index).and_then(|(value, index)| element(&value, index.scalar()?.int()?));
            } else {
                return Ok(value);
            }
        }
    }

    fn primary(&mut self) -> Read<Value> {
        let Some(&token) = self.token(self.at) else { return Err(Stop) };
        match (token.kind, token.text) {
            (TokenKind::Number, text) => {
                self.at += 1;
                Ok(literal::number(text).map(Value::Scalar))
            }
            (_, "true" | "false") => {
                self.at += 1;
                Ok(Some(Value::Scalar(Scalar::Bool(token.text == "true"))))
            }
            (_, "(") => {
                self.at += 1;
                let value = self.expression()?;
                self.expect(")")?;
                Ok(value)
            }
            (TokenKind::Word, name) => self.name(name),
            _ => Err(Stop),
        }
    }

    /// A constant, a constructor, or a call.
    fn name(&mut self, name: &'a str) -> Read<Value> {
        let local = if self.local { self.names.local(name) } else { None };
        if let Some(value) = local {
            self.at += 1;
            return Ok(value.cloned());
        }
        match self.names.item(name) {
            Some(Item::Constant(at)) => {
                self.at += 1;
                return Ok(self.names.constant(name, at));
            }
            Some(Item::Other) => {
                self.at += 1;
                if self.text() == "(" {
                    self.arguments()?;
                }
                return Ok(None);
            }
            Some(Item::Struct(_) | Item::Alias(_)) => {}
            None if name == "bitcast" => return self.bitcast(),
            None if !is_type(name) => {
                self.at += 1;
                if self.text() != "(" {
                    return Ok(None);
                }
                let arguments = self.arguments()?;
                return Ok(arguments.and_then(|arguments| functions::call(name, &arguments)));
            }
            None => {}
        }
        let ty = self.ty()?;
        if self.text() != "(" {
            return Ok(None);
        }
        let arguments = self.arguments()?;
        Ok(ty.zip(arguments).and_then(|(ty, arguments)| construct(&ty, &arguments)))
    }

    fn bitcast(&mut self) -> Read<Value> {
        self.at += 1;
        self.expect("<")?;
        let ty = self.ty()?;
        self.expect(">")?;
        let arguments = self.arguments()?;
        Ok(match (ty, arguments.as_deref()) {
            (Some(Type::Scalar(kind)), Some([value])) => functions::bitcast(value, kind, 1),
            (Some(Type::Vector(size, Some(kind))), Some([value])) => functions::bitcast(value, kind, size),
            _ => None,
        })
    }

    /// Arguments in parentheses; nothing unless all are constants.
    fn arguments(&mut self) -> Read<Vec<Value>> {
        self.expect("(")?;
        let mut values = Some(Vec::new());
        while !self.eat(")") {
            let value = self.expression()?;
            values = values.zip(value).map(|(mut values, value)| {
                values.push(value);
                values
            });
            if !self.eat(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(values)
    }

    /// A type; nothing for those that constants do not have.
    pub fn ty(&mut self) -> Read<Type> {
        self.nested(|s| {
            let name = s.text();
            if s.token(s.at).is_none_or(|token| token.kind != TokenKind::Word) {
                return Err(Stop);
            }
            s.at += 1;
            match s.names.item(name) {
                Some(Item::Alias(at)) => {
                    return Evaluator::new(s.names, at, false).ty();
                }
                Some(Item::Struct(at)) => {
                    let fields = Evaluator::new(s.names, at, false).fields()?;
                    return Ok(fields.map(|fields| Type::Struct(name.to_owned(), fields)));
                }
                Some(_) => return Ok(None),
                None => {}
            }
            let mut element = None;
            let mut length = None;
            let has_template = is_template(name) && s.eat("<");
            if has_template {
                element = s.ty()?;
                while s.eat(",") {
                    if s.text() != ">" {
                        length = s.binary(ADDITIVE)?;
                    }
                }
                s.expect(">")?;
                if element.is_none() {
                    return Ok(None);
                }
            }
            let kind = match element {
                Some(Type::Scalar(kind)) => Some(kind),
                _ => None,
            };
            Ok(match name {
                "array" if !has_template => Some(Type::Array(None)),
                "array" => {
                    let length = length.and_then(|length| length.scalar()?.int());
                    let length = length.filter(|length| (1..=ELEMENTS).contains(length));
                    element.zip(length).map(|(ty, length)| Type::Array(Some((Box::new(ty), length as usize))))
                }
                _ if has_template && kind.is_none() => None,
                _ => plain_type(name, kind),
            })
        })
    }

    /// The fields of a struct, behind the opening brace.
    fn fields(&mut self) -> Read<Vec<(String, Type)>> {
        let mut fields = Some(Vec::new());
        while !self.eat("}") {
            while self.eat("@") {
                self.at += 1;
                if self.text() == "(" {
                    self.arguments()?;
                }
            }
            let name = self.text();
            self.at += 1;
            self.expect(":")?;
            let ty = self.ty()?;
            fields = fields.zip(ty).map(|(mut fields, ty)| {
                fields.push((name.to_owned(), ty));
                fields
            });
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(fields)
    }
}

fn is_template(name: &str) -> bool {
    matches!(name, "vec2" | "vec3" | "vec4" | "array" | "ptr" | "atomic") || is_matrix(name)
}

fn is_matrix(name: &str) -> bool {
    matches!(name.as_bytes(), [b'm', b'a', b't', b'2'..=b'4', b'x', b'2'..=b'4'])
}

/// Whether `name` is a predeclared type that can be constructed.
fn is_type(name: &str) -> bool {
    is_template(name) || plain_type(name, None).is_some()
}

/// A scalar, vector or matrix type.
fn plain_type(name: &str, element: Option<Kind>) -> Option<Type> {
    Some(match name.as_bytes() {
        b"bool" => Type::Scalar(Kind::Bool),
        b"i32" => Type::Scalar(Kind::I32),
        b"u32" => Type::Scalar(Kind::U32),
        b"f32" => Type::Scalar(Kind::F32),
        b"f16" => Type::Scalar(Kind::F16),
        [b'v', b'e', b'c', n @ b'2'..=b'4', rest @ ..] => Type::Vector(usize::from(n - b'0'), suffix(rest, element)?),
        [b'm', b'a', b't', c @ b'2'..=b'4', b'x', r @ b'2'..=b'4', rest @ ..] => {
            let kind = suffix(rest, element)?;
            if kind.is_some_and(|kind| !kind.is_float()) {
                return None;
            }
            Type::Matrix(usize::from(c - b'0'), usize::from(r - b'0'), kind)
        }
        _ => return None,
    })
}

/// The element kind that `vec2f` and its like name, or that a template gives.
fn suffix(rest: &[u8], element: Option<Kind>) -> Option<Option<Kind>> {
    Some(match rest {
        b"" => element,
        b"i" => Some(Kind::I32),
        b"u" => Some(Kind::U32),
        b"f" => Some(Kind::F32),
        b"h" => Some(Kind::F16),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::text::token::tokens;

    /// What an expression gives, printed; a dash where it is no constant.
    fn eval(text: &str) -> String {
        let module = format!(
            "struct S {{ @align(16) a: f32, b: vec2i }} alias V = vec3<f32>; fn mixed() {{}} var<private> v: i32;
            const A = B * 2; const B: i32 = 3; const LOOP = LOOP; const T = array(1, 2, 3); {text}"
        );
        let tokens = tokens(&module);
        let start = tokens.iter().position(|token| module[token.at..] == *text).expect("the expression");
        let names = Names::new(&tokens);
        let mut evaluator = Evaluator::new(&names, start, false);
        let value = evaluator.expression().ok().flatten();
        assert!(value.is_none() || evaluator.at == tokens.len(), "{text}");
        value.and_then(|value| value.print()).unwrap_or("-".into())
    }

    #[test]
    fn evaluates_expressions() {
        for (text, expected) in [
            ("1 + 2 * 3", "7"),
            ("-2 >> 64", "(-1)"),
            ("-4611686018427387904 >> 100", "(-1)"),
            ("1 << 31u", "2147483648"),
            ("1u << 32", "-"),
            ("1 / 0", "-"),
            ("false && 1 / 0 == 0", "false"),
            ("2147483647i + 1i", "i32(-2147483648)"),
            ("9223372036854775807 + 1", "-"),
            ("1.5 + 1u", "-"),
            ("1 + 0.5f", "1.5f"),
            ("A + 1", "i32(7)"),
            ("LOOP", "-"),
            ("v + 1", "-"),
            ("mixed()", "-"),
            ("T[2] + T[0]", "4"),
            ("T[3]", "-"),
            ("V(1, 2, 3).zyx", "vec3<f32>(3.0f, 2.0f, 1.0f)"),
            ("S(1, vec2(2, 3)).b.y", "i32(3)"),
            ("vec2<u32>(vec2f(-1.5, 2.5))", "vec2<u32>(0u, 2u)"),
            ("mat2x2(1, 2, 3, 4) * vec2(1, 1)", "vec2(4.0, 6.0)"),
            ("transpose(mat2x3f(1, 2, 3, 4, 5, 6))[2]", "vec2<f32>(3.0f, 6.0f)"),
            ("determinant(mat3x3(2, 0, 0, 0, 3, 0, 0, 0, 4))", "24.0"),
            ("frexp(1.5).exp + 1", "2"),
            ("frexp(-12f).fract", "(-0.75f)"),
            ("modf(vec2(1.5, -2.25)).whole", "vec2(1.0, (-2.0))"),
            ("frexp(1.0)", "-"),
            ("ldexp(1.5f, 3)", "12.0f"),
            ("mix(1, 3, 0.25)", "1.5"),
            ("mix(vec2f(1), vec2f(3), 0.5)", "vec2<f32>(2.0f, 2.0f)"),
            ("smoothstep(0, 2, 1)", "0.5"),
            ("smoothstep(1, 1, 1)", "-"),
            ("reflect(vec2(1, -1), vec2(0, 1))", "vec2(1.0, 1.0)"),
            ("faceForward(vec2(1, 2), vec2(1, 0), vec2(-1, 0))", "vec2(1.0, 2.0)"),
            ("quantizeToF16(0.1)", "0.099975586f"),
            ("insertBits(0, 7, 4, 2)", "i32(48)"),
            ("extractBits(0xf0i, 4, 4)", "i32(-1)"),
            ("extractBits(1u, 30, 3)", "-"),
            ("bitcast<u32>(1f)", "1065353216u"),
            ("bitcast<vec2h>(0x40003c00u)", "vec2<f16>(1.0h, 2.0h)"),
            ("bitcast<u32>(vec2h(1, 2))", "1073757184u"),
            ("bitcast<f32>(0x7f800000u)", "-"),
            ("pack2x16float(vec2(1, 2))", "1073757184u"),
            ("pack4x8snorm(vec4(1, -1, 0, 0.5))", "1073774975u"),
            ("pack4xI8Clamp(vec4(200, -200, 1, 2))", "33652863u"),
            ("unpack4xU8(0x04030201).w", "4u"),
            ("dot4I8Packed(0xffffffff, 2)", "i32(-2)"),
            ("0x1p-2h", "0.25h"),
            ("0x1.8p1", "3.0"),
            ("0x1p-40h", "-"),
            ("select(1, 2.5, true)", "2.5"),
            ("atanh(-0.9999999403953552f)", "(-8.66434f)"),
            ("asinh(-1.7976931348623157e308)", "(-710.4758600739439)"),
            ("acosh(1.7976931348623157e308)", "710.4758600739439"),
        ] {
            assert_eq!(eval(text), expected, "{text}");
        }
    }
}
