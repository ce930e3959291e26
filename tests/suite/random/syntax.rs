//! Random functions as syntax trees: printed as WGSL, and run by a walk over the tree.
//!
//! A function `compute(x: u32, u: u32) -> u32` has three variables of each number type (`u0` starts as x, `u1` as
//! u), and an array of four `u32`. Values are words; the operators know the type.

use std::fmt::{self, Display, Write};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    U32,
    I32,
    F32,
    Bool,
}

use Type::{Bool, F32, I32, U32};

impl Type {
    pub fn letter(self) -> char {
        match self {
            U32 => 'u',
            I32 => 'i',
            F32 => 'f',
            Bool => 'b',
        }
    }

    fn name(self) -> &'static str {
        match self {
            U32 => "u32",
            I32 => "i32",
            F32 => "f32",
            Bool => "bool",
        }
    }
}

/// Variables of each type.
pub const VARIABLES: u32 = 3;
/// What the argument `u` always is.
///
/// Counters start at `u - 5`, so that drivers do not know it for 0 and do not unroll every loop.
pub const GIVEN: u32 = 5;
/// Elements of the array.
pub const ELEMENTS: u32 = 4;
/// The largest magnitude that a float variable keeps.
pub const LIMIT: f32 = 1024.0;

#[derive(Clone, Debug)]
pub enum Expr {
    Variable(u32, Type),
    /// The argument `u`, the same in all lanes.
    Given,
    /// The counter of a loop around.
    Counter(u32),
    /// Printed as a variable that is never assigned: naga would refuse constants that overflow.
    Constant(u32, Type),
    /// Element `e % 4` of the array.
    Element(Box<Expr>),
    Unary(&'static str, Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    /// A built-in function whose arguments have the result's type.
    Call(&'static str, Vec<Expr>),
    Select(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A conversion of the value.
    Convert(Type, Box<Expr>),
    /// A component of a vector built from four parts, at index `e % 4`.
    Component(Box<[Expr; 4]>, Box<Expr>),
}

#[derive(Clone, Debug)]
pub enum Statement {
    Assign(u32, Type, Expr),
    Store(Expr, Expr),
    If(Expr, Vec<Statement>, Vec<Statement>),
    /// A case has one or two selectors; the default stands at `default` among the cases.
    Switch {
        selector: Expr,
        cases: Vec<(Vec<u32>, Vec<Statement>)>,
        default: usize,
        otherwise: Vec<Statement>,
    },
    For {
        counter: u32,
        bound: u32,
        body: Vec<Statement>,
    },
    While {
        counter: u32,
        bound: u32,
        condition: Expr,
        body: Vec<Statement>,
    },
    /// `loop` with a continuing block that counts.
    Loop {
        counter: u32,
        bound: u32,
        body: Vec<Statement>,
    },
    BreakIf(Expr),
    ContinueIf(Expr),
    ReturnIf(Expr, Expr),
}

#[derive(Clone, Debug)]
pub struct Function {
    pub body: Vec<Statement>,
    /// A `u32`.
    pub result: Expr,
}

/// How a statement ends.
pub enum Flow {
    Next,
    Break,
    Continue,
    Return(u32),
}

/// What a lane knows.
pub struct State {
    variables: [[u32; VARIABLES as usize]; 3],
    pub counters: Vec<(u32, u32)>,
    array: [u32; ELEMENTS as usize],
}

impl State {
    /// The state in which the argument is `x`.
    pub fn new(x: u32) -> State {
        let mut state =
            State { variables: [[0; VARIABLES as usize]; 3], counters: Vec::new(), array: [x, GIVEN, 1, 2] };
        state.variables[0][0] = x;
        state.variables[0][1] = GIVEN;
        state.variables[1][0] = x;
        state
    }

    /// Assigns a `u32` variable.
    pub fn assign(&mut self, n: u32, bits: u32) {
        self.variables[place(U32)][n as usize] = bits;
    }
}

impl Expr {
    pub fn binary(operator: &'static str, a: Expr, b: Expr) -> Expr {
        Expr::Binary(operator, Box::new(a), Box::new(b))
    }

    pub fn ty(&self) -> Type {
        match self {
            Expr::Variable(_, ty) | Expr::Constant(_, ty) | Expr::Convert(ty, _) => *ty,
            Expr::Given | Expr::Counter(_) | Expr::Element(_) => U32,
            Expr::Unary(_, a) | Expr::Select(a, _, _) => a.ty(),
            Expr::Binary("==" | "!=" | "<" | "<=" | ">" | ">=" | "&&" | "||", _, _) => Bool,
            Expr::Binary(_, a, _) => a.ty(),
            Expr::Call(_, arguments) => arguments[0].ty(),
            Expr::Component(parts, _) => parts[0].ty(),
        }
    }

    pub fn value(&self, state: &State) -> u32 {
        match self {
            Expr::Variable(n, ty) => state.variables[place(*ty)][*n as usize],
            Expr::Given => GIVEN,
            Expr::Counter(n) => state.counters.iter().rev().find(|(k, _)| k == n).map_or(0, |&(_, value)| value),
            Expr::Constant(bits, _) => *bits,
            Expr::Element(index) => state.array[(index.value(state) % ELEMENTS) as usize],
            Expr::Unary(operator, a) => unary(operator, a.ty(), a.value(state)),
            Expr::Binary("&&", a, b) => u32::from(a.value(state) != 0 && b.value(state) != 0),
            Expr::Binary("||", a, b) => u32::from(a.value(state) != 0 || b.value(state) != 0),
            Expr::Binary(operator, a, b) => binary(operator, a.ty(), a.value(state), b.value(state)),
            Expr::Call(name, arguments) => {
                let values: Vec<u32> = arguments.iter().map(|a| a.value(state)).collect();
                call(name, self.ty(), &values)
            }
            Expr::Select(reject, accept, condition) => {
                if condition.value(state) != 0 {
                    accept.value(state)
                } else {
                    reject.value(state)
                }
            }
            Expr::Convert(to, a) => convert(a.ty(), *to, a.value(state)),
            Expr::Component(parts, index) => parts[(index.value(state) % 4) as usize].value(state),
        }
    }

    /// Every constant in it.
    pub fn constants(&self, found: &mut Vec<(u32, Type)>) {
        match self {
            Expr::Constant(bits, ty) => {
                if !found.contains(&(*bits, *ty)) {
                    found.push((*bits, *ty));
                }
            }
            Expr::Variable(..) | Expr::Given | Expr::Counter(_) => {}
            Expr::Element(a) | Expr::Unary(_, a) | Expr::Convert(_, a) => a.constants(found),
            Expr::Binary(_, a, b) => [a, b].into_iter().for_each(|e| e.constants(found)),
            Expr::Select(a, b, c) => [a, b, c].into_iter().for_each(|e| e.constants(found)),
            Expr::Call(_, arguments) => arguments.iter().for_each(|e| e.constants(found)),
            Expr::Component(parts, index) => {
                parts.iter().for_each(|e| e.constants(found));
                index.constants(found);
            }
        }
    }
}

fn place(ty: Type) -> usize {
    match ty {
        U32 => 0,
        I32 => 1,
        F32 => 2,
        Bool => unreachable!("there are no variables of type bool"),
    }
}

fn float(bits: u32) -> f32 {
    f32::from_bits(bits)
}

fn unary(operator: &str, ty: Type, a: u32) -> u32 {
    match (operator, ty) {
        ("-", F32) => (-float(a)).to_bits(),
        ("-", _) => (a as i32).wrapping_neg() as u32,
        ("!", _) => u32::from(a == 0),
        _ => !a,
    }
}

fn binary(operator: &str, ty: Type, a: u32, b: u32) -> u32 {
    if let Some(ordering) = compare(ty, a, b) {
        let holds = match operator {
            "==" => Some(ordering.is_eq()),
            "!=" => Some(ordering.is_ne()),
            "<" => Some(ordering.is_lt()),
            "<=" => Some(ordering.is_le()),
            ">" => Some(ordering.is_gt()),
            ">=" => Some(ordering.is_ge()),
            _ => None,
        };
        if let Some(holds) = holds {
            return u32::from(holds);
        }
    }
    if ty == F32 {
        let (a, b) = (float(a), float(b));
        return match operator {
            "+" => a + b,
            "-" => a - b,
            _ => a * b,
        }
        .to_bits();
    }
    let (s, t) = (a as i32, b as i32);
    match (operator, ty) {
        ("+", _) => a.wrapping_add(b),
        ("-", _) => a.wrapping_sub(b),
        ("*", _) => a.wrapping_mul(b),
        ("&", _) => a & b,
        ("|", _) => a | b,
        ("^", _) => a ^ b,
        ("<<", _) => a.wrapping_shl(b),
        (">>", I32) => s.wrapping_shr(b) as u32,
        (">>", _) => a.wrapping_shr(b),
        ("/", I32) => s.checked_div(t).unwrap_or(s) as u32,
        ("%", I32) => s.checked_rem(t).unwrap_or(0) as u32,
        ("/", _) => a.checked_div(b).unwrap_or(a),
        _ => a.checked_rem(b).unwrap_or(0),
    }
}

fn compare(ty: Type, a: u32, b: u32) -> Option<std::cmp::Ordering> {
    match ty {
        F32 => float(a).partial_cmp(&float(b)),
        I32 => Some((a as i32).cmp(&(b as i32))),
        U32 | Bool => Some(a.cmp(&b)),
    }
}

fn call(name: &str, ty: Type, v: &[u32]) -> u32 {
    let (s, x) = (v[0] as i32, float(v[0]));
    match (name, ty) {
        ("min", F32) => x.min(float(v[1])).to_bits(),
        ("max", F32) => x.max(float(v[1])).to_bits(),
        ("min", I32) => s.min(v[1] as i32) as u32,
        ("max", I32) => s.max(v[1] as i32) as u32,
        ("min", _) => v[0].min(v[1]),
        ("max", _) => v[0].max(v[1]),
        ("abs", F32) => x.abs().to_bits(),
        ("abs", I32) => s.wrapping_abs() as u32,
        ("abs", _) => v[0],
        ("sign", F32) => (if x > 0.0 {
            1.0f32
        } else if x < 0.0 {
            -1.0
        } else {
            0.0
        })
        .to_bits(),
        ("sign", _) => s.signum() as u32,
        ("countOneBits", _) => v[0].count_ones(),
        ("countLeadingZeros", _) => v[0].leading_zeros(),
        ("countTrailingZeros", _) => v[0].trailing_zeros(),
        ("reverseBits", _) => v[0].reverse_bits(),
        ("firstTrailingBit", _) => {
            if v[0] == 0 {
                !0
            } else {
                v[0].trailing_zeros()
            }
        }
        ("firstLeadingBit", I32) => 31u32.wrapping_sub((if s < 0 { !v[0] } else { v[0] }).leading_zeros()),
        ("firstLeadingBit", _) => 31u32.wrapping_sub(v[0].leading_zeros()),
        _ => unreachable!("no function {name}"),
    }
}

fn convert(from: Type, to: Type, a: u32) -> u32 {
    match (from, to) {
        (F32, I32) => float(a) as i32 as u32,
        // Floats have small magnitudes here: small whole numbers come out of the low bits.
        (I32, F32) => (a as i32 as f32).to_bits(),
        (_, Bool) => u32::from(a != 0 && !(from == F32 && float(a) == 0.0)),
        (Bool, F32) => (a as f32).to_bits(),
        _ => a,
    }
}

impl Function {
    /// What the function returns for this `x`.
    pub fn run(&self, x: u32) -> u32 {
        let mut state = State::new(x);
        match run(&self.body, &mut state) {
            Flow::Return(value) => value,
            _ => self.result.value(&state),
        }
    }
}

/// Runs statements in one lane.
pub fn run(statements: &[Statement], state: &mut State) -> Flow {
    for statement in statements {
        match step(statement, state) {
            Flow::Next => {}
            flow => return flow,
        }
    }
    Flow::Next
}

fn step(statement: &Statement, state: &mut State) -> Flow {
    match statement {
        Statement::Assign(n, ty, value) => {
            let mut bits = value.value(state);
            if *ty == F32 {
                bits = float(bits).clamp(-LIMIT, LIMIT).to_bits();
            }
            state.variables[place(*ty)][*n as usize] = bits;
        }
        Statement::Store(index, value) => {
            let index = index.value(state) % ELEMENTS;
            state.array[index as usize] = value.value(state);
        }
        Statement::If(condition, accept, reject) => {
            let taken = if condition.value(state) != 0 { accept } else { reject };
            return run(taken, state);
        }
        Statement::Switch { selector, cases, otherwise, .. } => {
            let selector = selector.value(state);
            let case = cases.iter().find(|(selectors, _)| selectors.contains(&selector));
            return match run(case.map_or(otherwise, |(_, body)| body), state) {
                Flow::Break => Flow::Next,
                flow => flow,
            };
        }
        Statement::For { counter, bound, body } | Statement::Loop { counter, bound, body } => {
            return repeat(state, *counter, *bound, |_| true, body);
        }
        Statement::While { counter, bound, condition, body } => {
            return repeat(state, *counter, *bound, |state| condition.value(state) != 0, body);
        }
        Statement::BreakIf(condition) if condition.value(state) != 0 => return Flow::Break,
        Statement::ContinueIf(condition) if condition.value(state) != 0 => return Flow::Continue,
        Statement::ReturnIf(condition, value) if condition.value(state) != 0 => {
            return Flow::Return(value.value(state));
        }
        Statement::BreakIf(_) | Statement::ContinueIf(_) | Statement::ReturnIf(..) => {}
    }
    Flow::Next
}

fn repeat(state: &mut State, counter: u32, bound: u32, goes_on: impl Fn(&State) -> bool, body: &[Statement]) -> Flow {
    for k in 0..bound {
        state.counters.push((counter, k));
        let flow = if goes_on(state) { run(body, state) } else { Flow::Break };
        state.counters.pop();
        match flow {
            Flow::Next | Flow::Continue => {}
            Flow::Break => break,
            Flow::Return(value) => return Flow::Return(value),
        }
    }
    Flow::Next
}

fn constant_name(bits: u32, ty: Type) -> String {
    format!("c{}{bits:x}", ty.letter())
}

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Variable(n, ty) => write!(f, "{}{n}", ty.letter()),
            Expr::Given => f.write_str("u"),
            Expr::Counter(n) => write!(f, "k{n}"),
            Expr::Constant(bits, ty) => f.write_str(&constant_name(*bits, *ty)),
            Expr::Element(index) => write!(f, "list[{index} % {ELEMENTS}]"),
            Expr::Unary(operator, a) => write!(f, "({operator}{a})"),
            Expr::Binary(operator @ ("<<" | ">>"), a, b) => write!(f, "({a} {operator} u32({b}))"),
            Expr::Binary(operator, a, b) => write!(f, "({a} {operator} {b})"),
            Expr::Call(name, arguments) => {
                let arguments: Vec<String> = arguments.iter().map(Expr::to_string).collect();
                write!(f, "{name}({})", arguments.join(", "))
            }
            Expr::Select(reject, accept, condition) => write!(f, "select({reject}, {accept}, {condition})"),
            Expr::Convert(to, a) => write!(f, "{}({a})", to.name()),
            Expr::Component(parts, index) => {
                let [a, b, c, d] = &**parts;
                write!(f, "vec4({a}, {b}, {c}, {d})[{index} % 4]")
            }
        }
    }
}

impl Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut constants = Vec::new();
        self.result.constants(&mut constants);
        visit(&self.body, &mut |e| e.constants(&mut constants));
        writeln!(f, "fn compute(x: u32, u: u32) -> u32 {{")?;
        declarations(f, &constants)?;
        f.write_str(&block(&self.body, 1))?;
        writeln!(f, "    return {};\n}}", self.result)
    }
}

/// The variables that statements use.
pub fn declarations(f: &mut fmt::Formatter<'_>, constants: &[(u32, Type)]) -> fmt::Result {
    for ty in [U32, I32, F32] {
        for n in 0..VARIABLES {
            let start = match (ty, n) {
                (U32, 0) => "x",
                (U32, 1) => "u",
                (I32, 0) => "i32(x)",
                _ => "0",
            };
            writeln!(f, "    var {}{n}: {} = {start};", ty.letter(), ty.name())?;
        }
    }
    writeln!(f, "    var list = array<u32, {ELEMENTS}>(x, u, 1, 2);")?;
    for &(bits, ty) in constants {
        let value = match ty {
            F32 => format!("{:?}f", float(bits)),
            I32 => format!("i32({bits}u)"),
            Bool => format!("{}", bits != 0),
            U32 => format!("{bits}u"),
        };
        writeln!(f, "    var {} = {value};", constant_name(bits, ty))?;
    }
    Ok(())
}

/// Calls `see` for every expression.
pub fn visit(statements: &[Statement], see: &mut impl FnMut(&Expr)) {
    for statement in statements {
        match statement {
            Statement::Assign(_, _, e) | Statement::BreakIf(e) | Statement::ContinueIf(e) => see(e),
            Statement::Store(a, b) | Statement::ReturnIf(a, b) => [a, b].into_iter().for_each(&mut *see),
            Statement::If(condition, accept, reject) => {
                see(condition);
                visit(accept, see);
                visit(reject, see);
            }
            Statement::Switch { selector, cases, otherwise, .. } => {
                see(selector);
                cases.iter().for_each(|(_, body)| visit(body, see));
                visit(otherwise, see);
            }
            Statement::For { body, .. } | Statement::Loop { body, .. } => visit(body, see),
            Statement::While { condition, body, .. } => {
                see(condition);
                visit(body, see);
            }
        }
    }
}

/// Statements as WGSL, `depth` levels in.
pub fn block(statements: &[Statement], depth: usize) -> String {
    let mut text = String::new();
    let pad = "    ".repeat(depth);
    for statement in statements {
        text.push_str(&pad);
        let _ = match statement {
            Statement::Assign(n, F32, value) => {
                writeln!(text, "f{n} = clamp({value}, {:?}, {LIMIT:?});", -LIMIT)
            }
            Statement::Assign(n, ty, value) => writeln!(text, "{}{n} = {value};", ty.letter()),
            Statement::Store(index, value) => writeln!(text, "list[{index} % {ELEMENTS}] = {value};"),
            Statement::If(condition, accept, reject) => {
                let (accept, reject) = (block(accept, depth + 1), block(reject, depth + 1));
                writeln!(text, "if ({condition}) {{\n{accept}{pad}}} else {{\n{reject}{pad}}}")
            }
            Statement::Switch { selector, cases, default, otherwise } => {
                let mut arms: Vec<String> = cases
                    .iter()
                    .map(|(selectors, body)| {
                        let selectors: Vec<String> = selectors.iter().map(u32::to_string).collect();
                        format!("{pad}case {}: {{\n{}{pad}}}\n", selectors.join(", "), block(body, depth + 1))
                    })
                    .collect();
                arms.insert(*default, format!("{pad}default: {{\n{}{pad}}}\n", block(otherwise, depth + 1)));
                writeln!(text, "switch ({selector}) {{\n{}{pad}}}", arms.concat())
            }
            Statement::For { counter, bound, body } => {
                let body = block(body, depth + 1);
                writeln!(
                    text,
                    "for (var k{counter} = u - {GIVEN}; k{counter} < {bound}; k{counter}++) {{\n{body}{pad}}}"
                )
            }
            Statement::While { counter: k, bound, condition, body } => {
                // The counter has to be right in the body, and `continue` must not skip its step.
                let body = block(body, depth + 1);
                let declaration = format!("var n{k} = u - {GIVEN};\n{pad}");
                writeln!(
                    text,
                    "{declaration}while (n{k} < {bound}) {{\n{pad}    let k{k} = n{k};\n{pad}    n{k}++;\n\
                     {pad}    if (!{condition}) {{ break; }}\n{body}{pad}}}"
                )
            }
            Statement::Loop { counter: k, bound, body } => {
                let body = block(body, depth + 1);
                let continuing = format!("{pad}    continuing {{ k{k}++; break if k{k} >= {bound}; }}\n");
                writeln!(text, "var k{k} = u - {GIVEN};\n{pad}loop {{\n{body}{continuing}{pad}}}")
            }
            Statement::BreakIf(condition) => writeln!(text, "if ({condition}) {{ break; }}"),
            Statement::ContinueIf(condition) => writeln!(text, "if ({condition}) {{ continue; }}"),
            Statement::ReturnIf(condition, value) => writeln!(text, "if ({condition}) {{ return {value}; }}"),
        };
    }
    text
}
