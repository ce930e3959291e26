//! OpenQASM 2.0: the part of it that is a list of gates (Cross, Bishop, Smolin and Gambetta, "Open Quantum Assembly Language",
//! 2017).

use std::{f64::consts::PI, iter::Peekable, vec::IntoIter};

use super::{
    MOST_QUBITS,
    circuit::{Circuit, Matrix, X, hadamard, phase, root_of_x, rotation, u3},
};

/// The most gates of a circuit.
const MOST_GATES: usize = 100_000;

/// How deep expressions may nest.
const DEEPEST: usize = 50;

/// What is wrong, and in which line.
#[derive(Debug)]
pub(super) struct Wrong {
    pub line: usize,
    pub problem: String,
}

type Result<T> = std::result::Result<T, Wrong>;

fn wrong<T>(line: usize, problem: impl Into<String>) -> Result<T> {
    Err(Wrong { line, problem: problem.into() })
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Number(f64),
    /// In quotes.
    Text(String),
    Sign(char),
    /// `->`
    Arrow,
    End,
}

impl Token {
    fn show(&self) -> String {
        match self {
            Token::Word(word) => format!("`{word}`"),
            Token::Number(number) => format!("`{number}`"),
            Token::Text(text) => format!("`\"{text}\"`"),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Arrow => "`->`".into(),
            Token::End => "the end of the file".into(),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>> {
    let mut tokens = Vec::new();
    let mut line = 0;
    for text in text.lines() {
        line += 1;
        let mut rest = text.split_once("//").map_or(text, |(code, _)| code).trim_start();
        while let Some(first) = rest.chars().next() {
            let ends = |is_part: fn(char) -> bool| rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let (token, length) = if first.is_ascii_alphabetic() || first == '_' {
                let length = ends(|c| c.is_ascii_alphanumeric() || c == '_');
                (Token::Word(rest[..length].into()), length)
            } else if first.is_ascii_digit() || first == '.' {
                let mut length = ends(|c| c.is_ascii_digit() || c == '.');
                if let Some(exponent) = rest[length..].strip_prefix(['e', 'E']) {
                    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                    let count = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
                    length = rest.len() - digits.len() + count;
                }
                match rest[..length].parse() {
                    Ok(number) => (Token::Number(number), length),
                    Err(_) => return wrong(line, format!("`{}` is no number", &rest[..length])),
                }
            } else if first == '"' {
                match rest[1..].split_once('"') {
                    Some((text, _)) => (Token::Text(text.into()), text.len() + 2),
                    None => return wrong(line, "a text in quotes does not end"),
                }
            } else if rest.starts_with("->") {
                (Token::Arrow, 2)
            } else if ";,[](){}+-*/^=".contains(first) {
                (Token::Sign(first), 1)
            } else {
                return wrong(line, format!("`{first}` is not expected"));
            };
            tokens.push((line, token));
            rest = rest[length..].trim_start();
        }
    }
    tokens.push((line.max(1), Token::End));
    Ok(tokens)
}

/// A register: its name, its first bit and how many it has.
struct Register {
    name: String,
    first: usize,
    size: usize,
}

/// What a gate is given: one bit, or all of a register.
#[derive(Clone, Copy)]
enum Operand {
    One(usize),
    All { first: usize, size: usize },
}

impl Operand {
    fn size(self) -> Option<usize> {
        match self {
            Operand::One(_) => None,
            Operand::All { size, .. } => Some(size),
        }
    }

    /// The bit in the repetition `number` of a gate.
    fn bit(self, number: usize) -> usize {
        match self {
            Operand::One(bit) => bit,
            Operand::All { first, .. } => first + number,
        }
    }
}

struct Parser {
    tokens: Peekable<IntoIter<(usize, Token)>>,
    line: usize,
    qubits: Vec<Register>,
    bits: Vec<Register>,
    circuit: Circuit,
    measured: Vec<bool>,
}

/// Reads a program.
pub(super) fn parse(text: &str) -> Result<Circuit> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser {
        tokens: tokens(text)?.into_iter().peekable(),
        line: 1,
        qubits: Vec::new(),
        bits: Vec::new(),
        circuit: Circuit::default(),
        measured: Vec::new(),
    };
    match (parser.next(), parser.next()) {
        (Token::Word(word), Token::Number(2.0)) if word == "OPENQASM" => parser.sign(';')?,
        _ => return wrong(1, "it does not begin with `OPENQASM 2.0;`"),
    }
    while *parser.peek() != Token::End {
        parser.statement()?;
    }
    if parser.circuit.qubits == 0 {
        return wrong(parser.line, "it has no qubits: a `qreg` is missing");
    }
    Ok(parser.circuit)
}

impl Parser {
    /// The last token is never taken.
    fn next(&mut self) -> Token {
        match self.tokens.peek() {
            Some((line, Token::End)) => {
                self.line = *line;
                Token::End
            }
            _ => {
                let (line, token) = self.tokens.next().expect("a token before the end");
                self.line = line;
                token
            }
        }
    }

    fn peek(&mut self) -> &Token {
        &self.tokens.peek().expect("the end is never taken").1
    }

    fn sign(&mut self, wanted: char) -> Result<()> {
        match self.next() {
            Token::Sign(sign) if sign == wanted => Ok(()),
            other => wrong(self.line, format!("`{wanted}` is expected, and here is {}", other.show())),
        }
    }

    fn is_next(&mut self, sign: char) -> bool {
        let is_next = *self.peek() == Token::Sign(sign);
        if is_next {
            self.next();
        }
        is_next
    }

    fn word(&mut self, what: &str) -> Result<String> {
        match self.next() {
            Token::Word(word) => Ok(word),
            other => wrong(self.line, format!("{what} is expected, and here is {}", other.show())),
        }
    }

    /// A whole number.
    fn count(&mut self) -> Result<usize> {
        match self.next() {
            Token::Number(number) if number.fract() == 0.0 && number < 1e9 => Ok(number as usize),
            other => wrong(self.line, format!("a whole number is expected, and here is {}", other.show())),
        }
    }

    fn statement(&mut self) -> Result<()> {
        let word = self.word("a statement")?;
        match word.as_str() {
            "include" => {
                match self.next() {
                    Token::Text(name) if name == "qelib1.inc" => {}
                    other => {
                        let problem = format!("{} cannot be included, but `\"qelib1.inc\"` is known", other.show());
                        return wrong(self.line, problem);
                    }
                }
                self.sign(';')
            }
            "qreg" | "creg" => self.register(word == "qreg"),
            "barrier" => {
                self.operands()?;
                self.sign(';')
            }
            "measure" => self.measure(),
            "gate" | "opaque" | "if" | "reset" => wrong(
                self.line,
                format!("`{word}` is not supported: give a list of gates, with measurements at its end"),
            ),
            _ => self.gate(&word),
        }
    }

    fn register(&mut self, is_quantum: bool) -> Result<()> {
        let name = self.word("the name of a register")?;
        self.sign('[')?;
        let size = self.count()?;
        self.sign(']')?;
        self.sign(';')?;
        if self.qubits.iter().chain(&self.bits).any(|register| register.name == name) {
            return wrong(self.line, format!("there is a register `{name}` already"));
        }
        let registers = if is_quantum { &mut self.qubits } else { &mut self.bits };
        let first = registers.last().map_or(0, |last| last.first + last.size);
        if size == 0 {
            return wrong(self.line, format!("the register `{name}` is empty"));
        }
        if is_quantum && first + size > MOST_QUBITS {
            let problem = format!("it has {} qubits so far, and {MOST_QUBITS} can be simulated", first + size);
            return wrong(self.line, problem);
        }
        registers.push(Register { name, first, size });
        if is_quantum {
            self.circuit.qubits = first + size;
            self.measured.resize(first + size, false);
        }
        Ok(())
    }

    /// A register, or one bit of it.
    fn operand(&mut self, is_quantum: bool) -> Result<Operand> {
        let name = self.word("the name of a register")?;
        let registers = if is_quantum { &self.qubits } else { &self.bits };
        let Some(&Register { first, size, .. }) = registers.iter().find(|register| register.name == name) else {
            let kind = if is_quantum { "qubits" } else { "bits" };
            return wrong(self.line, format!("there is no register of {kind} called `{name}`"));
        };
        if !self.is_next('[') {
            return Ok(Operand::All { first, size });
        }
        let index = self.count()?;
        self.sign(']')?;
        if index >= size {
            return wrong(self.line, format!("`{name}[{index}]` is beyond the register, which has {size}"));
        }
        Ok(Operand::One(first + index))
    }

    fn operands(&mut self) -> Result<Vec<Operand>> {
        let mut operands = vec![self.operand(true)?];
        while self.is_next(',') {
            operands.push(self.operand(true)?);
        }
        Ok(operands)
    }

    fn measure(&mut self) -> Result<()> {
        let qubits = self.operand(true)?;
        if self.next() != Token::Arrow {
            return wrong(self.line, "`->` and where the result goes are expected after a qubit that is measured");
        }
        let bits = self.operand(false)?;
        if qubits.size() != bits.size() {
            return wrong(self.line, "as many bits as qubits are expected");
        }
        (0..qubits.size().unwrap_or(1)).for_each(|number| self.measured[qubits.bit(number)] = true);
        self.sign(';')
    }

    fn gate(&mut self, name: &str) -> Result<()> {
        let line = self.line;
        let mut angles = Vec::new();
        if self.is_next('(') && !self.is_next(')') {
            angles.push(self.sum(0)?);
            while self.is_next(',') {
                angles.push(self.sum(0)?);
            }
            self.sign(')')?;
        }
        let operands = self.operands()?;
        self.sign(';')?;
        let Some((angle_count, qubit_count)) = shape(name) else {
            return wrong(line, format!("`{name}` is no gate that is known: {KNOWN} are"));
        };
        if (angles.len(), operands.len()) != (angle_count, qubit_count) {
            let problem = format!(
                "`{name}` takes {angle_count} angles and {qubit_count} qubits, and has {} and {}",
                angles.len(),
                operands.len()
            );
            return wrong(line, problem);
        }
        // Registers are gone through together.
        let mut sizes = operands.iter().filter_map(|operand| operand.size());
        let size = sizes.next().unwrap_or(1);
        if sizes.any(|other| other != size) {
            return wrong(line, format!("`{name}` is given registers of different sizes"));
        }
        for number in 0..size {
            let qubits: Vec<usize> = operands.iter().map(|operand| operand.bit(number)).collect();
            if (1..qubits.len()).any(|i| qubits[..i].contains(&qubits[i])) {
                return wrong(line, format!("`{name}` is given one qubit twice"));
            }
            if qubits.iter().any(|&qubit| self.measured[qubit]) {
                return wrong(
                    line,
                    format!("`{name}` comes after a measurement of its qubit, which is to be at the end"),
                );
            }
            self.add(name, &angles, &qubits);
        }
        if self.circuit.gates.len() > MOST_GATES {
            return wrong(line, format!("it is a gate more than the {MOST_GATES} that can be simulated"));
        }
        Ok(())
    }

    /// Adds a gate that has the angles and qubits that it takes.
    fn add(&mut self, name: &str, angles: &[f64], qubits: &[usize]) {
        if name == "swap" {
            return self.circuit.swap(qubits[0], qubits[1]);
        }
        if let (Some((&target, controls)), Some(matrix)) = (qubits.split_last(), matrix(name, angles)) {
            self.circuit.push(matrix, target, controls);
        }
    }

    /// An expression; `depth` are those around it.
    fn sum(&mut self, depth: usize) -> Result<f64> {
        if depth > DEEPEST {
            return wrong(self.line, "an expression is nested too deeply");
        }
        let mut value = self.term(depth)?;
        loop {
            if self.is_next('+') {
                value += self.term(depth)?;
            } else if self.is_next('-') {
                value -= self.term(depth)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn term(&mut self, depth: usize) -> Result<f64> {
        let mut value = self.factor(depth)?;
        loop {
            if self.is_next('*') {
                value *= self.factor(depth)?;
            } else if self.is_next('/') {
                value /= self.factor(depth)?;
                if !value.is_finite() {
                    return wrong(self.line, "a division by zero");
                }
            } else {
                return Ok(value);
            }
        }
    }

    fn factor(&mut self, depth: usize) -> Result<f64> {
        let mut is_negative = false;
        while *self.peek() == Token::Sign('-') {
            self.next();
            is_negative = !is_negative;
        }
        let mut value = self.atom(depth)?;
        if self.is_next('^') {
            // To the right first, which the depth bounds.
            if depth > DEEPEST {
                return wrong(self.line, "an expression is nested too deeply");
            }
            value = value.powf(self.factor(depth + 1)?);
        }
        if !value.is_finite() {
            return wrong(self.line, "an expression has no finite value");
        }
        Ok(if is_negative { -value } else { value })
    }

    fn atom(&mut self, depth: usize) -> Result<f64> {
        match self.next() {
            Token::Number(number) => Ok(number),
            Token::Sign('(') => {
                let value = self.sum(depth + 1)?;
                self.sign(')')?;
                Ok(value)
            }
            Token::Word(word) if word == "pi" => Ok(PI),
            Token::Word(word) => {
                let function: fn(f64) -> f64 = match word.as_str() {
                    "sin" => f64::sin,
                    "cos" => f64::cos,
                    "tan" => f64::tan,
                    "exp" => f64::exp,
                    "ln" => f64::ln,
                    "sqrt" => f64::sqrt,
                    _ => return wrong(self.line, format!("`{word}` is no number, and no function of one")),
                };
                self.sign('(')?;
                let value = self.sum(depth + 1)?;
                self.sign(')')?;
                Ok(function(value))
            }
            other => wrong(self.line, format!("a number is expected, and here is {}", other.show())),
        }
    }
}

/// The gates that are known.
const KNOWN: &str = "id, x, y, z, h, s, sdg, t, tdg, sx, rx, ry, rz, p, u1, u2, u3, u, U, CX, cx, cy, cz, ch, cp, cu1, crx, cry, crz, \
                     swap and ccx";

/// How many angles and qubits a gate takes.
fn shape(name: &str) -> Option<(usize, usize)> {
    Some(match name {
        "id" | "x" | "y" | "z" | "h" | "s" | "sdg" | "t" | "tdg" | "sx" => (0, 1),
        "rx" | "ry" | "rz" | "p" | "u1" => (1, 1),
        "u2" => (2, 1),
        "u3" | "u" | "U" => (3, 1),
        "CX" | "cx" | "cy" | "cz" | "ch" | "swap" => (0, 2),
        "cp" | "cu1" | "crx" | "cry" | "crz" => (1, 2),
        "ccx" => (0, 3),
        _ => return None,
    })
}

/// What a gate does to its last qubit, where the others are 1.
fn matrix(name: &str, angles: &[f64]) -> Option<Matrix> {
    let angle = |i: usize| angles.get(i).copied().unwrap_or_default();
    Some(match name {
        "id" => phase(0.0),
        "x" | "cx" | "CX" | "ccx" => X,
        "y" | "cy" => u3(PI, PI / 2.0, PI / 2.0),
        "z" | "cz" => phase(PI),
        "h" | "ch" => hadamard(),
        "s" => phase(PI / 2.0),
        "sdg" => phase(-PI / 2.0),
        "t" => phase(PI / 4.0),
        "tdg" => phase(-PI / 4.0),
        "sx" => root_of_x(),
        "rx" | "crx" => rotation('x', angle(0)),
        "ry" | "cry" => rotation('y', angle(0)),
        "rz" | "crz" => rotation('z', angle(0)),
        "p" | "u1" | "cp" | "cu1" => phase(angle(0)),
        "u2" => u3(PI / 2.0, angle(0), angle(1)),
        "u3" | "u" | "U" => u3(angle(0), angle(1), angle(2)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(body: &str) -> Result<Circuit> {
        parse(&format!("OPENQASM 2.0;\ninclude \"qelib1.inc\";\n{body}"))
    }

    fn places(circuit: &Circuit) -> Vec<(usize, Vec<usize>)> {
        circuit.gates.iter().map(|gate| (gate.target, gate.controls.clone())).collect()
    }

    #[test]
    fn programs_are_read() {
        let circuit = program(
            "qreg a[2]; qreg b[2]; // two registers\ncreg c[2];\nh a;\ncx a, b;\nccx a[1],b[0],a[0];\nbarrier a, b[1];\n\
             swap a[0],b[1];\nmeasure a -> c;\nmeasure b[0] -> c[1];",
        )
        .unwrap();
        assert_eq!(circuit.qubits, 4);
        let one = |target| (target, Vec::new());
        let mut expected = vec![one(0), one(1), (2, vec![0]), (3, vec![1]), (0, vec![1, 2])];
        expected.extend([(3, vec![0]), (0, vec![3]), (3, vec![0])]);
        assert_eq!(places(&circuit), expected);
    }

    #[test]
    fn angles_are_worked_out() {
        for (text, angle) in [
            ("pi/2", PI / 2.0),
            ("-pi", -PI),
            ("2*pi/8-1e-1", PI / 4.0 - 0.1),
            ("-(1+2)*0.5", -1.5),
            ("2^3^2", 512.0),
            ("-2^2", -4.0),
            ("sqrt(4)*cos(0)", 2.0),
            (".5E+1", 5.0),
        ] {
            let circuit = program(&format!("qreg q[1]; rz({text}) q[0];")).unwrap();
            assert_eq!(circuit.gates[0].matrix, rotation('z', angle), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_the_line() {
        let deep = format!("qreg q[1];\nrx({}1{}) q[0];", "(".repeat(1000), ")".repeat(1000));
        let powers = format!("qreg q[1];\nrx({}1) q[0];", "1^".repeat(100_000));
        for (body, problem) in [
            ("", "line 2: it has no qubits"),
            ("qreg q[2];\nqreg q[1];", "line 4: there is a register `q` already"),
            ("qreg q[0];", "line 3: the register `q` is empty"),
            ("qreg q[99];", "line 3: it has 99 qubits so far, and 28 can be simulated"),
            ("qreg q[1.5];", "line 3: a whole number is expected, and here is `1.5`"),
            ("qreg q[2];\n\nh q[2];", "line 5: `q[2]` is beyond the register, which has 2"),
            ("qreg q[2];\nh r;", "line 4: there is no register of qubits called `r`"),
            ("qreg q[2];\nfoo q;", "line 4: `foo` is no gate that is known"),
            ("qreg q[2];\nrx q[0];", "line 4: `rx` takes 1 angles and 1 qubits, and has 0 and 1"),
            ("qreg q[2];\ncx q[0];", "line 4: `cx` takes 0 angles and 2 qubits, and has 0 and 1"),
            ("qreg q[2];\ncx q[0], q[0];", "line 4: `cx` is given one qubit twice"),
            ("qreg q[2];\ncx q, q[0];", "line 4: `cx` is given one qubit twice"),
            ("qreg q[2]; qreg r[3];\ncx q, r;", "line 4: `cx` is given registers of different sizes"),
            ("qreg q[2];\nh q[0]\nh q[1];", "line 5: `;` is expected, and here is `h`"),
            ("qreg q[2];\nrx(pi/0) q[0];", "line 4: a division by zero"),
            ("qreg q[2];\nrx(ln(0)) q[0];", "line 4: an expression has no finite value"),
            ("qreg q[2];\nrx(tau) q[0];", "line 4: `tau` is no number"),
            ("qreg q[2];\nrx(1.2.3) q[0];", "line 4: `1.2.3` is no number"),
            ("qreg q[2]; creg c[1];\nmeasure q -> c[0];", "line 4: as many bits as qubits"),
            ("qreg q[1]; creg c[1];\nmeasure q -> c;\nh q;", "line 5: `h` comes after a measurement"),
            ("qreg q[2];\nif (c == 1) x q[0];", "line 4: `if` is not supported"),
            ("qreg q[2];\ngate g a { h a; }", "line 4: `gate` is not supported"),
            ("qreg q[2];\nh q[0]; §", "line 4: `§` is not expected"),
            ("qreg q[2];\nh q[0", "line 4: `]` is expected, and here is the end of the file"),
            ("include \"other.inc\";", "line 3: `\"other.inc\"` cannot be included"),
            (&deep, "line 4: an expression is nested too deeply"),
            (&powers, "line 4: an expression is nested too deeply"),
        ] {
            let Wrong { line, problem: found } = program(body).unwrap_err();
            let found = format!("line {line}: {found}");
            assert!(found.contains(problem), "{found}, not {problem}");
        }
        for text in ["", "OPENQASM 3.0;\nqubit q;", "qreg q[2];", "\u{feff}\0"] {
            let Wrong { line, problem } = parse(text).unwrap_err();
            assert_eq!((line, problem.contains("OPENQASM 2.0")), (1, !text.contains('\0')), "{text}: {problem}");
        }
    }
}
