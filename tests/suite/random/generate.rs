//! A function from a list of choices. Where the list ends, every choice is the simplest.

use super::{
    syntax::{
        Expr, Function, LIMIT, Statement,
        Type::{self, Bool, F32, I32, U32},
        VARIABLES,
    },
    workgroup::{Step, Workgroup},
};

/// Bits of a float's magnitude up to which sums and products of whole numbers are exact.
const EXACT: u32 = 22;

struct Choices<'a> {
    words: &'a [u32],
    /// Counters of the loops around.
    counters: Vec<u32>,
    next_counter: u32,
    in_loop: bool,
    in_breakable: bool,
    may_return: bool,
    /// Statements that may still be made.
    left: u32,
}

/// The function that these choices make.
pub fn function(words: &[u32]) -> Function {
    let mut choices = Choices::new(words, true);
    let body = choices.block(3, 10);
    Function { body, result: choices.result() }
}

/// The kernel with workgroup memory and barriers that these choices make.
pub fn workgroup(words: &[u32]) -> Workgroup {
    let mut choices = Choices::new(words, false);
    let size = choices.one_of(&[32, 7, 1, 64, 8]);
    let body = choices.steps(2, 6);
    Workgroup { size, body, result: choices.result() }
}

impl<'a> Choices<'a> {
    fn new(words: &'a [u32], may_return: bool) -> Self {
        let counters = Vec::new();
        Choices { words, counters, next_counter: 0, in_loop: false, in_breakable: false, may_return, left: 30 }
    }

    /// An expression in which every variable counts.
    fn result(&mut self) -> Expr {
        let mut result = self.expr(U32, 2);
        for n in 0..VARIABLES {
            let float = Expr::Convert(I32, Box::new(Expr::Variable(n, F32)));
            for part in [Expr::Variable(n, U32), Expr::Variable(n, I32), float] {
                let scaled = Expr::binary("*", result, Expr::Constant(0x0100_0193, U32));
                result = Expr::binary("^", scaled, Expr::Convert(U32, Box::new(part)));
            }
        }
        for k in 0..4 {
            let element = Expr::Element(Box::new(Expr::Constant(k, U32)));
            result = Expr::binary("^", Expr::binary("*", result, Expr::Constant(31, U32)), element);
        }
        result
    }

    /// Steps of a workgroup: what lanes do by themselves, and what they do together.
    fn steps(&mut self, depth: u32, longest: u32) -> Vec<Step> {
        let count = 1 + self.pick(longest);
        (0..count).map(|_| self.step(depth)).collect()
    }

    fn step(&mut self, depth: u32) -> Step {
        match self.pick(if depth == 0 { 6 } else { 10 }) {
            0 | 1 => Step::Exchange { value: self.expr(U32, 2), offset: self.pick(70), to: self.pick(VARIABLES) },
            2 => Step::Total { value: self.expr(U32, 2), to: self.pick(VARIABLES) },
            3..=5 => Step::Lanes(self.block(2, 4)),
            6 => Step::If(self.uniform_condition(), self.steps(depth - 1, 3), self.steps(depth - 1, 2)),
            _ => {
                let counter = self.next_counter;
                self.next_counter += 1;
                let bound = 1 + self.pick(4);
                self.counters.push(counter);
                let stop = if self.pick(2) == 0 { None } else { Some(self.uniform_condition()) };
                let body = self.steps(depth - 1, 4);
                self.counters.pop();
                Step::Repeat { counter, bound, stop, body }
            }
        }
    }

    /// A condition that is the same in all lanes.
    fn uniform_condition(&mut self) -> Expr {
        let operator = self.one_of(&["==", "!=", "<", ">="]);
        Expr::binary(operator, self.uniform_number(), self.uniform_number())
    }

    fn uniform_number(&mut self) -> Expr {
        match (self.pick(4), self.counters.last()) {
            (0, _) => Expr::Given,
            (1, _) => Expr::Constant(self.pick(7), U32),
            // Not a sum: Mesa 22.3 is wrong about loops that are left at their start where `k + 1` is 0.
            (_, Some(&counter)) => Expr::Counter(counter),
            (_, None) => Expr::binary("&", Expr::Given, Expr::Constant(self.pick(8), U32)),
        }
    }

    /// A number below `n`.
    fn pick(&mut self, n: u32) -> u32 {
        self.word() % n
    }

    fn word(&mut self) -> u32 {
        match self.words.split_first() {
            Some((&first, rest)) => {
                self.words = rest;
                first
            }
            None => 0,
        }
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.pick(all.len() as u32) as usize]
    }

    fn block(&mut self, depth: u32, longest: u32) -> Vec<Statement> {
        let count = self.pick(longest + 1);
        let mut statements = Vec::new();
        for _ in 0..count {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            statements.push(self.statement(depth));
        }
        statements
    }

    fn statement(&mut self, depth: u32) -> Statement {
        let kinds = if depth == 0 { 6 } else { 11 };
        match self.pick(kinds) {
            0 | 1 => {
                let ty = self.one_of(&[U32, I32, F32]);
                Statement::Assign(self.pick(VARIABLES), ty, self.expr(ty, 3))
            }
            2 => Statement::Store(self.expr(U32, 1), self.expr(U32, 2)),
            3 if self.in_breakable => Statement::BreakIf(self.expr(Bool, 2)),
            4 if self.in_loop => Statement::ContinueIf(self.expr(Bool, 2)),
            5 if self.may_return => Statement::ReturnIf(self.expr(Bool, 2), self.expr(U32, 2)),
            6 | 7 => Statement::If(self.expr(Bool, 2), self.block(depth - 1, 4), self.block(depth - 1, 3)),
            8 => self.switch(depth),
            9 | 10 => self.repetition(depth),
            _ => Statement::Assign(self.pick(VARIABLES), U32, self.expr(U32, 3)),
        }
    }

    fn switch(&mut self, depth: u32) -> Statement {
        let selector = Expr::binary("%", self.expr(U32, 2), Expr::Constant(5, U32));
        let before = std::mem::replace(&mut self.in_breakable, true);
        let mut cases = Vec::new();
        for selectors in [vec![0], vec![1, 3], vec![2]] {
            if self.pick(3) > 0 {
                cases.push((selectors, self.block(depth - 1, 3)));
            }
        }
        let otherwise = self.block(depth - 1, 3);
        self.in_breakable = before;
        let default = self.pick(cases.len() as u32 + 1) as usize;
        Statement::Switch { selector, cases, default, otherwise }
    }

    fn repetition(&mut self, depth: u32) -> Statement {
        let counter = self.next_counter;
        self.next_counter += 1;
        let bound = 1 + self.pick(5);
        let before = (std::mem::replace(&mut self.in_loop, true), std::mem::replace(&mut self.in_breakable, true));
        self.counters.push(counter);
        let kind = self.pick(3);
        let condition = self.expr(Bool, 2);
        let body = self.block(depth - 1, 5);
        self.counters.pop();
        (self.in_loop, self.in_breakable) = before;
        match kind {
            0 => Statement::For { counter, bound, body },
            1 => Statement::While { counter, bound, condition, body },
            _ => Statement::Loop { counter, bound, body },
        }
    }

    fn expr(&mut self, ty: Type, depth: u32) -> Expr {
        match ty {
            F32 => self.float(depth).0,
            Bool => self.condition(depth),
            _ => self.integer(ty, depth),
        }
    }

    fn integer(&mut self, ty: Type, depth: u32) -> Expr {
        const OPERATORS: [&str; 10] = ["+", "-", "*", "&", "|", "^", "<<", ">>", "/", "%"];
        const FUNCTIONS: [&str; 6] = [
            "countOneBits",
            "countLeadingZeros",
            "countTrailingZeros",
            "reverseBits",
            "firstTrailingBit",
            "firstLeadingBit",
        ];
        if depth == 0 {
            return self.integer_leaf(ty);
        }
        let other = if ty == U32 { I32 } else { U32 };
        match self.pick(12) {
            0..=3 => {
                let operator = self.one_of(&OPERATORS);
                Expr::binary(operator, self.expr(ty, depth - 1), self.expr(ty, depth - 1))
            }
            4 => Expr::Call(self.one_of(&["min", "max"]), vec![self.expr(ty, depth - 1), self.expr(ty, depth - 1)]),
            5 => Expr::Call(self.one_of(&FUNCTIONS), vec![self.expr(ty, depth - 1)]),
            6 => self.select(ty, depth),
            7 => Expr::Convert(ty, Box::new(self.expr(other, depth - 1))),
            8 if ty == I32 => Expr::Convert(I32, Box::new(self.expr(F32, depth - 1))),
            8 => Expr::Element(Box::new(self.expr(U32, depth - 1))),
            9 if ty == I32 => Expr::Call(self.one_of(&["abs", "sign"]), vec![self.expr(I32, depth - 1)]),
            9 => Expr::Convert(U32, Box::new(self.expr(Bool, depth - 1))),
            10 => {
                let parts = std::array::from_fn(|_| self.expr(ty, depth - 1));
                Expr::Component(Box::new(parts), Box::new(self.expr(U32, depth - 1)))
            }
            _ if ty == I32 => Expr::Unary(self.one_of(&["-", "~"]), Box::new(self.expr(I32, depth - 1))),
            _ => Expr::Unary("~", Box::new(self.expr(U32, depth - 1))),
        }
    }

    fn integer_leaf(&mut self, ty: Type) -> Expr {
        const LIMITS: [u32; 8] = [0, 1, 2, 31, 32, 0x7fff_ffff, 0x8000_0000, u32::MAX];
        match self.pick(4) {
            0 | 1 => Expr::Variable(self.pick(VARIABLES), ty),
            2 => {
                let bits = if self.pick(2) == 0 { self.one_of(&LIMITS) } else { self.pick(40) };
                Expr::Constant(bits, ty)
            }
            _ => match (ty, self.counters.len() as u32) {
                (U32, n) if n > 0 => {
                    let at = self.pick(n) as usize;
                    Expr::Counter(self.counters[at])
                }
                _ => Expr::Variable(self.pick(VARIABLES), ty),
            },
        }
    }

    fn select(&mut self, ty: Type, depth: u32) -> Expr {
        let (reject, accept) = (self.expr(ty, depth - 1), self.expr(ty, depth - 1));
        Expr::Select(Box::new(reject), Box::new(accept), Box::new(self.expr(Bool, depth - 1)))
    }

    fn condition(&mut self, depth: u32) -> Expr {
        const COMPARISONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
        match self.pick(if depth == 0 { 4 } else { 8 }) {
            0..=3 => {
                let ty = self.one_of(&[U32, I32, F32]);
                let depth = depth.saturating_sub(1);
                Expr::binary(self.one_of(&COMPARISONS), self.expr(ty, depth), self.expr(ty, depth))
            }
            4 => Expr::Unary("!", Box::new(self.expr(Bool, depth - 1))),
            5 => Expr::Convert(Bool, Box::new(self.expr(U32, depth - 1))),
            6 => Expr::binary("&&", self.expr(Bool, depth - 1), self.expr(Bool, depth - 1)),
            _ => Expr::binary("||", self.expr(Bool, depth - 1), self.expr(Bool, depth - 1)),
        }
    }

    /// A float expression, and how many bits its magnitude has at most.
    fn float(&mut self, depth: u32) -> (Expr, u32) {
        const VARIABLE_BITS: u32 = (LIMIT as u32).ilog2() + 1;
        if depth == 0 {
            return match self.pick(2) {
                0 => (Expr::Variable(self.pick(VARIABLES), F32), VARIABLE_BITS),
                _ => (Expr::Constant((self.pick(17) as f32 - 8.0).to_bits(), F32), 4),
            };
        }
        let (a, bits) = self.float(depth - 1);
        match self.pick(7) {
            0 | 1 => {
                let (b, other) = self.float(depth - 1);
                let sum = bits.max(other) + 1;
                if sum > EXACT {
                    return (a, bits);
                }
                (Expr::binary(self.one_of(&["+", "-"]), a, b), sum)
            }
            2 => {
                let (b, other) = self.float(depth - 1);
                if bits + other > EXACT { (a, bits) } else { (Expr::binary("*", a, b), bits + other) }
            }
            3 => {
                let (b, other) = self.float(depth - 1);
                (Expr::Call(self.one_of(&["min", "max"]), vec![a, b]), bits.max(other))
            }
            4 => (Expr::Call(self.one_of(&["abs", "sign"]), vec![a]), bits),
            5 => {
                let small = Expr::binary("%", self.expr(I32, depth - 1), Expr::Constant(100, I32));
                (Expr::Convert(F32, Box::new(small)), 7)
            }
            _ => {
                let (b, other) = self.float(depth - 1);
                let condition = self.expr(Bool, depth - 1);
                (Expr::Select(Box::new(a), Box::new(b), Box::new(condition)), bits.max(other))
            }
        }
    }
}
