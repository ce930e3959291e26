//! Expressions in headers: an independent, slow and simple way to say what a kernel must compute.
//!
//! Numbers are integers of 128 bits or `f64`; an operation on both works in `f64`. The operators are those of C,
//! from `?:` to unary minus, and `!` and `~`. Integer division truncates.
//!
//! Functions: `sum(k, from, to, e)` over k from `from` up to, not including, `to`; `u32(e)`, `i32(e)` wrap to 32
//! bits; `int(e)` truncates a float; `real(e)`; `f32(e)`, `f16(e)` round; `bits(e)` gives those of an `f32`, and
//! `float(e)` the `f32` of such bits; `min max abs floor ceil trunc round sign sqrt exp exp2 log log2 pow sin cos
//! tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh ones`.

use std::collections::HashMap;

use half::f16;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Int(i128),
    Real(f64),
}

use Number::{Int, Real};

impl Number {
    pub fn real(self) -> f64 {
        match self {
            Int(i) => i as f64,
            Real(x) => x,
        }
    }

    pub fn int(self) -> Result<i128, String> {
        match self {
            Int(i) => Ok(i),
            Real(x) => Err(format!("{x} is not an integer; write int(..) to truncate it")),
        }
    }
}

/// Buffers by name, and the variables of `each` and `sum`.
#[derive(Default)]
pub struct Scope {
    pub buffers: HashMap<String, Vec<Number>>,
    pub variables: Vec<(String, i128)>,
}

#[derive(Clone, Debug)]
pub enum Expression {
    Number(Number),
    Variable(String),
    Element(String, Box<Expression>),
    Unary(char, Box<Expression>),
    Binary(&'static str, Box<Expression>, Box<Expression>),
    Choice(Box<[Expression; 3]>),
    Sum(String, Box<[Expression; 3]>),
    Call(String, Vec<Expression>),
}

/// Characters of a header's values, read from left to right.
pub struct Text<'a> {
    rest: &'a str,
}

/// Binary operators by how strongly they bind, weakest first; longer ones before their beginnings.
const OPERATORS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl<'a> Text<'a> {
    pub fn new(text: &'a str) -> Self {
        Text { rest: text.trim() }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether `token` comes next; if so it is read.
    pub fn accept(&mut self, token: &str) -> bool {
        let found = self.rest.starts_with(token);
        if found {
            self.rest = self.rest[token.len()..].trim_start();
        }
        found
    }

    /// As `accept`, where `token` must follow without a space.
    pub fn accept_close(&mut self, before: &Text<'_>, token: &str) -> bool {
        let read = before.rest.len() - self.rest.len();
        !before.rest[..read].ends_with(char::is_whitespace) && self.accept(token)
    }

    pub fn here(&self) -> Text<'a> {
        Text { rest: self.rest }
    }

    pub fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.accept(token) { Ok(()) } else { Err(format!("expected `{token}` before `{}`", self.rest)) }
    }

    pub fn word(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.rest = self.rest[end..].trim_start();
        Some(word)
    }

    /// A number without a sign, and whether it was hexadecimal.
    pub fn number(&mut self) -> Result<(Number, bool), String> {
        let bytes = self.rest.as_bytes();
        let hex = self.rest.starts_with("0x");
        let mut end = 0;
        while end < bytes.len() {
            let c = bytes[end];
            let exponent_sign = !hex && matches!(c, b'-' | b'+') && end > 0 && matches!(bytes[end - 1], b'e' | b'E');
            if !(c.is_ascii_alphanumeric() || c == b'.' || exponent_sign) {
                break;
            }
            end += 1;
        }
        let text = &self.rest[..end];
        let number = if hex {
            i128::from_str_radix(&text[2..], 16).ok().map(Int)
        } else if text.contains(['.', 'e', 'E']) {
            text.parse().ok().map(Real)
        } else {
            text.parse().ok().map(Int)
        };
        let number = number.ok_or_else(|| format!("expected a number before `{}`", self.rest))?;
        self.rest = self.rest[end..].trim_start();
        Ok((number, hex))
    }

    pub fn expression(&mut self) -> Result<Expression, String> {
        let condition = self.binary(0)?;
        if !self.accept("?") {
            return Ok(condition);
        }
        let accept = self.expression()?;
        self.expect(":")?;
        Ok(Expression::Choice(Box::new([condition, accept, self.expression()?])))
    }

    fn binary(&mut self, level: usize) -> Result<Expression, String> {
        let Some(operators) = OPERATORS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|o| self.comes(o)) {
            self.accept(operator);
            left = Expression::Binary(operator, Box::new(left), Box::new(self.binary(level + 1)?));
        }
        Ok(left)
    }

    /// Whether this operator comes next, and not a longer one that starts with it.
    fn comes(&self, operator: &str) -> bool {
        let Some(after) = self.rest.strip_prefix(operator) else { return false };
        match operator {
            "|" | "&" => !after.starts_with(operator),
            "<" | ">" => !after.starts_with(operator) && !after.starts_with('='),
            _ => true,
        }
    }

    fn unary(&mut self) -> Result<Expression, String> {
        for operator in ['-', '!', '~'] {
            if self.accept(operator.encode_utf8(&mut [0; 4])) {
                return Ok(Expression::Unary(operator, Box::new(self.unary()?)));
            }
        }
        if self.accept("(") {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        match self.word() {
            Some(word) => self.named(word),
            None => Ok(Expression::Number(self.number()?.0)),
        }
    }

    fn named(&mut self, name: &str) -> Result<Expression, String> {
        if self.accept("[") {
            let index = self.expression()?;
            self.expect("]")?;
            return Ok(Expression::Element(name.into(), Box::new(index)));
        }
        if !self.accept("(") {
            return Ok(match name {
                "inf" => Expression::Number(Real(f64::INFINITY)),
                "nan" => Expression::Number(Real(f64::NAN)),
                "pi" => Expression::Number(Real(std::f64::consts::PI)),
                _ => Expression::Variable(name.into()),
            });
        }
        if name == "sum" {
            let variable = self.word().ok_or("sum wants a variable first")?;
            let mut parts = Vec::new();
            while self.accept(",") {
                parts.push(self.expression()?);
            }
            self.expect(")")?;
            let parts = parts.try_into().map_err(|_| "sum wants (variable, from, to, expression)")?;
            return Ok(Expression::Sum(variable.into(), Box::new(parts)));
        }
        let mut arguments = vec![self.expression()?];
        while self.accept(",") {
            arguments.push(self.expression()?);
        }
        self.expect(")")?;
        Ok(Expression::Call(name.into(), arguments))
    }
}

impl Expression {
    pub fn evaluate(&self, scope: &mut Scope) -> Result<Number, String> {
        match self {
            Expression::Number(number) => Ok(*number),
            Expression::Variable(name) => {
                let found = scope.variables.iter().rev().find(|(known, _)| known == name);
                found.map(|&(_, value)| Int(value)).ok_or_else(|| format!("there is no variable `{name}`"))
            }
            Expression::Element(name, index) => {
                let index = index.evaluate(scope)?.int()?;
                let buffer = scope.buffers.get(name).ok_or_else(|| format!("there is no buffer `{name}` above"))?;
                let element = usize::try_from(index).ok().and_then(|i| buffer.get(i));
                element.copied().ok_or_else(|| format!("`{name}` has no element {index}"))
            }
            Expression::Unary(operator, operand) => unary(*operator, operand.evaluate(scope)?),
            Expression::Binary(operator, left, right) => {
                binary(operator, left.evaluate(scope)?, right.evaluate(scope)?)
            }
            Expression::Choice(parts) => {
                let [condition, accept, reject] = &**parts;
                if condition.evaluate(scope)?.int()? != 0 { accept.evaluate(scope) } else { reject.evaluate(scope) }
            }
            Expression::Sum(variable, parts) => {
                let [from, to, term] = &**parts;
                let mut sum = Int(0);
                for k in from.evaluate(scope)?.int()?..to.evaluate(scope)?.int()? {
                    scope.variables.push((variable.clone(), k));
                    let term = term.evaluate(scope);
                    scope.variables.pop();
                    sum = binary("+", sum, term?)?;
                }
                Ok(sum)
            }
            Expression::Call(name, arguments) => {
                let arguments = arguments.iter().map(|a| a.evaluate(scope)).collect::<Result<Vec<Number>, String>>()?;
                call(name, &arguments)
            }
        }
    }
}

fn unary(operator: char, operand: Number) -> Result<Number, String> {
    Ok(match (operator, operand) {
        ('-', Int(i)) => Int(-i),
        ('-', Real(x)) => Real(-x),
        ('!', operand) => Int(i128::from(operand.int()? == 0)),
        (_, operand) => Int(!operand.int()?),
    })
}

fn binary(operator: &str, a: Number, b: Number) -> Result<Number, String> {
    let truth = |holds: bool| Ok(Int(i128::from(holds)));
    if let (Int(a), Int(b)) = (a, b) {
        let shift = || u32::try_from(b).ok().filter(|&b| b < 64).ok_or(format!("cannot shift by {b}"));
        let checked = |value: Option<i128>| value.map(Int).ok_or(format!("{a} {operator} {b} cannot be computed"));
        return match operator {
            "+" => checked(a.checked_add(b)),
            "-" => checked(a.checked_sub(b)),
            "*" => checked(a.checked_mul(b)),
            "/" => checked(a.checked_div(b)),
            "%" => checked(a.checked_rem(b)),
            "<<" => Ok(Int(a << shift()?)),
            ">>" => Ok(Int(a >> shift()?)),
            "&" => Ok(Int(a & b)),
            "|" => Ok(Int(a | b)),
            "^" => Ok(Int(a ^ b)),
            "&&" => truth(a != 0 && b != 0),
            "||" => truth(a != 0 || b != 0),
            "==" => truth(a == b),
            "!=" => truth(a != b),
            "<" => truth(a < b),
            "<=" => truth(a <= b),
            ">" => truth(a > b),
            _ => truth(a >= b),
        };
    }
    let (a, b) = (a.real(), b.real());
    match operator {
        "+" => Ok(Real(a + b)),
        "-" => Ok(Real(a - b)),
        "*" => Ok(Real(a * b)),
        "/" => Ok(Real(a / b)),
        "%" => Ok(Real(a % b)),
        "==" => truth(a == b),
        "!=" => truth(a != b),
        "<" => truth(a < b),
        "<=" => truth(a <= b),
        ">" => truth(a > b),
        ">=" => truth(a >= b),
        _ => Err(format!("`{operator}` is for integers")),
    }
}

fn call(name: &str, arguments: &[Number]) -> Result<Number, String> {
    let wrong = || format!("`{name}` is no function of {} arguments", arguments.len());
    if let [Int(a), Int(b)] = *arguments {
        match name {
            "min" => return Ok(Int(a.min(b))),
            "max" => return Ok(Int(a.max(b))),
            _ => {}
        }
    }
    if let [a] = *arguments {
        match (name, a) {
            ("u32", _) => return Ok(Int(i128::from(a.int()? as u32))),
            ("i32", _) => return Ok(Int(i128::from(a.int()? as i32))),
            ("ones", _) => return Ok(Int(i128::from(a.int()?.count_ones()))),
            ("int", _) => return Ok(Int(a.real() as i128)),
            ("float", _) => return Ok(Real(f64::from(f32::from_bits(a.int()? as u32)))),
            ("bits", _) => return Ok(Int(i128::from((a.real() as f32).to_bits()))),
            ("abs", Int(i)) => return Ok(Int(i.abs())),
            ("sign", Int(i)) => return Ok(Int(i.signum())),
            _ => {}
        }
    }
    let reals: Vec<f64> = arguments.iter().map(|a| a.real()).collect();
    let value = match *reals {
        [x] => match name {
            "real" => x,
            "f32" => f64::from(x as f32),
            "f16" => f16::from_f64(x).to_f64(),
            "abs" => x.abs(),
            "floor" => x.floor(),
            "ceil" => x.ceil(),
            "trunc" => x.trunc(),
            "round" => x.round_ties_even(),
            "sign" => f64::from(i8::from(x > 0.0) - i8::from(x < 0.0)),
            "sqrt" => x.sqrt(),
            "exp" => x.exp(),
            "exp2" => x.exp2(),
            "log" => x.ln(),
            "log2" => x.log2(),
            "sin" => x.sin(),
            "cos" => x.cos(),
            "tan" => x.tan(),
            "asin" => x.asin(),
            "acos" => x.acos(),
            "atan" => x.atan(),
            "sinh" => x.sinh(),
            "cosh" => x.cosh(),
            "tanh" => x.tanh(),
            "asinh" => x.asinh(),
            "acosh" => x.acosh(),
            "atanh" => x.atanh(),
            _ => return Err(wrong()),
        },
        [x, y] => match name {
            "min" => x.min(y),
            "max" => x.max(y),
            "pow" => x.powf(y),
            "atan2" => x.atan2(y),
            _ => return Err(wrong()),
        },
        _ => return Err(wrong()),
    };
    Ok(Real(value))
}
