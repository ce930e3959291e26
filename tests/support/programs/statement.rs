//! Statements of one invocation by itself.

use super::{
    Generator, Variable,
    types::{
        Scalar::{Bool, F16, F32, I32, U32},
        Type,
    },
};

impl Generator {
    pub(super) fn line(&mut self, text: &str) {
        let indent = 4 * self.indent;
        self.text += &format!("{:indent$}{text}\n", "");
    }

    /// A few statements in braces of their own, which the caller writes.
    pub(super) fn block(&mut self, depth: usize) {
        self.indent += 1;
        let known = self.scope.len();
        for _ in 0..1 + self.random.below(4) {
            if self.statements == 0 {
                break;
            }
            self.statements -= 1;
            self.statement(depth);
        }
        self.leave();
        self.scope.truncate(known);
        self.indent -= 1;
    }

    /// Leaves the loop or the function, under a condition.
    fn leave(&mut self) {
        let (breaks, returns) = (self.loops > 0 && self.random.chance(25), self.random.chance(6));
        if !breaks && !returns {
            return;
        }
        let condition = self.expr(Bool.scalar(), 2);
        let way = match (breaks, self.result) {
            (true, _) => self.random.pick(&["break", "continue"]).to_owned(),
            (false, None) if self.may_return => "return".to_owned(),
            (false, None) => return,
            (false, Some(ty)) => format!("return {}", self.expr(ty, 1)),
        };
        self.line(&format!("if {condition} {{ {way}; }}"));
    }

    pub(super) fn statement(&mut self, depth: usize) {
        if self.random.below(6) == 5 {
            return self.place();
        }
        match self.random.below(if depth == 0 { 8 } else { 15 }) {
            0..=2 => self.assignment(),
            3 => self.part_of_a_variable(),
            4 => self.store_to_memory(),
            5 => {
                let ty = self.any_type();
                let (name, value) = (self.fresh("v"), self.expr(ty, 2));
                self.line(&format!("let {name} = {value};"));
                self.scope.push(Variable { name, ty, assignable: false });
            }
            6 if self.in_main => self.output(),
            7 if self.in_main => self.accumulate(),
            6 | 7 => self.assignment(),
            8..=10 => self.branch(depth - 1),
            11..=13 => self.repetition(depth - 1),
            _ => self.switch(depth - 1),
        }
    }

    fn any_type(&mut self) -> Type {
        let types: Vec<Type> = self.types().collect();
        self.random.pick(&types)
    }

    pub(super) fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// A variable that may be assigned.
    fn target(&mut self) -> (String, Type) {
        let targets: Vec<usize> = (0..self.scope.len()).filter(|&v| self.scope[v].assignable).collect();
        let variable = &self.scope[targets[self.random.below(targets.len())]];
        (variable.name.clone(), variable.ty)
    }

    fn assignment(&mut self) {
        let (name, ty) = self.target();
        let value = self.expr(ty, 4);
        let op = match ty.scalar {
            Bool => "",
            F32 | F16 => self.random.pick(&["", "", "+", "-", "*"]),
            U32 | I32 => self.random.pick(&["", "", "+", "-", "*", "&", "|", "^", "/", "%"]),
        };
        if self.is_exact() && ty.scalar == F32 {
            let value = if op.is_empty() { value } else { self.fit(ty, &format!("{name} {op} {value}")) };
            return self.line(&format!("{name} = {value};"));
        }
        self.line(&format!("{name} {op}= {value};"));
    }

    /// A component of a vector, by name or by index.
    fn part_of_a_variable(&mut self) {
        let (name, ty) = self.target();
        if !ty.is_vector() {
            return self.assignment();
        }
        let value = self.expr(ty.scalar.scalar(), 3);
        if self.random.chance(60) {
            let index = self.expr(U32.scalar(), 1);
            return self.line(&format!("{name}[{index} % {}u] = {value};", ty.width));
        }
        let part = ["x", "y", "z", "w"][self.random.below(ty.width)];
        self.line(&format!("{name}.{part} = {value};"));
    }

    /// To a local array or struct.
    fn store_to_memory(&mut self) {
        let index = self.expr(U32.scalar(), 1);
        let line = match self.random.below(7) {
            0 | 1 => format!("list[{index} % 6u] = {};", self.expr(U32.scalar(), 2)),
            2 => format!("rows[{index} % 4u] = {};", self.expr(F32.vector(3), 2)),
            3 => format!("rows[{index} % 3u].y = {};", self.expr(F32.scalar(), 2)),
            4 => format!("pair.a = {};", self.expr(I32.scalar(), 2)),
            5 => format!("pair.v[{index} % 3u] = {};", self.expr(F32.scalar(), 2)),
            _ => {
                let (a, v, b) = (self.expr(I32.scalar(), 1), self.expr(F32.vector(3), 1), self.expr(U32.vector(2), 1));
                format!("pair = Pair({a}, {v}, {b});")
            }
        };
        self.line(&line);
    }

    /// To the invocation's own element of a buffer; some do not have one.
    pub(super) fn output(&mut self) {
        let place = |name: &str, index: &str| index.replace("LENGTH", &format!("arrayLength(&{name})"));
        let index = self.own;
        let op = self.random.pick(&["", "", "+"]);
        let line = match self.random.below(10) {
            9 if !self.is_exact() => {
                let value = self.expr(F16.scalar(), 3);
                format!("out_halves[{}] = known_half({value});", place("out_halves", index))
            }
            0..=2 => format!("out_words[{}] {op}= {};", place("out_words", index), self.expr(U32.scalar(), 3)),
            3 | 4 => format!("out_floats[{}] {op}= {};", place("out_floats", index), self.expr(F32.scalar(), 3)),
            5 => format!("out_vectors[{}] {op}= {};", place("out_vectors", index), self.expr(F32.vector(4), 3)),
            6 => {
                let component = self.expr(U32.scalar(), 1);
                let value = self.expr(F32.scalar(), 3);
                format!("out_vectors[{}][{component} % 4u] = {value};", place("out_vectors", index))
            }
            7 => format!("out_records[{}].v = {};", place("out_records", index), self.expr(F32.vector(3), 2)),
            _ => {
                let component = self.expr(U32.scalar(), 1);
                let value = self.expr(U32.scalar(), 3);
                format!("out_records[{}].list[{component} % 4u] = {value};", place("out_records", index))
            }
        };
        self.line(&line);
    }

    /// Into a buffer that all invocations share. All do the same to it, so that their order does not matter.
    fn accumulate(&mut self) {
        let index = self.expr(U32.scalar(), 2);
        let line = if self.random.chance(40) {
            let (op, value) = (self.on_limits, self.expr(I32.scalar(), 2));
            format!("{op}(&limits[{index} % 6u], {value});")
        } else {
            let bound = self.random.pick(&["arrayLength(&sums)", "41u", "3u"]);
            let (op, value) = (self.on_sums, self.expr(U32.scalar(), 2));
            format!("{op}(&sums[{index} % {bound}], {value});")
        };
        self.line(&line);
    }

    fn branch(&mut self, depth: usize) {
        let condition = self.expr(Bool.scalar(), 3);
        self.line(&format!("if {condition} {{"));
        self.block(depth);
        if self.random.chance(30) {
            let condition = self.expr(Bool.scalar(), 2);
            self.line(&format!("}} else if {condition} {{"));
            self.block(depth);
        }
        if self.random.chance(50) {
            self.line("} else {");
            self.block(depth);
        }
        self.line("}");
    }

    fn switch(&mut self, depth: usize) {
        let selector = match self.random.below(3) {
            0 => format!("({} % 5u)", self.expr(U32.scalar(), 2)),
            1 => format!("u32({})", self.expr(Bool.scalar(), 2)),
            _ => self.expr(U32.scalar(), 1),
        };
        self.line(&format!("switch {selector} {{"));
        let default = self.random.below(3);
        // `break` leaves the switch, and `continue` is for the loop around, if there is one.
        for (place, cases) in ["0u, 3u", "1u", "2u, 31u, 0xffffffffu"].into_iter().enumerate() {
            let default = if place == default { ", default" } else { "" };
            self.line(&format!("    case {cases}{default}: {{"));
            self.indent += 1;
            self.block(depth);
            if self.random.chance(15) {
                let condition = self.expr(Bool.scalar(), 1);
                self.line(&format!("    if {condition} {{ break; }}"));
            }
            self.indent -= 1;
            self.line("    }");
        }
        self.line("}");
    }

    /// How often a loop runs at most: the same everywhere, in a workgroup, or nowhere.
    fn bound(&mut self) -> String {
        let most = 1 + self.random.below(6);
        match self.random.below(6) {
            0 | 1 => format!("{most}u"),
            2 => format!("(params.n % {most}u + 1u)"),
            3 => format!("(at % {}u)", most + 1),
            4 => format!("({} % {}u)", self.expr(U32.scalar(), 2), most + 2),
            _ => format!("(words[at] % {}u)", most + 1),
        }
    }

    fn repetition(&mut self, depth: usize) {
        let (k, bound) = (self.fresh("k"), self.bound());
        let kind = self.random.below(6);
        let mut after = String::new();
        let mut ty = U32.scalar();
        match kind {
            0 => self.line(&format!("for (var {k} = 0u; {k} < {bound}; {k}++) {{")),
            1 => {
                let step = 1 + self.random.below(3);
                self.line(&format!("for (var {k} = {bound} * {step}u; {k} >= {step}u; {k} -= {step}u) {{"));
            }
            2 => {
                let condition = self.expr(Bool.scalar(), 2);
                self.line(&format!("var {k} = 0u;"));
                self.line(&format!("while {k} < {bound} && {condition} {{"));
                self.line(&format!("    {k} += 1u;"));
            }
            3 => {
                let from = self.random.below(4);
                self.line(&format!("for (var {k} = -{from}i; {k} < i32({bound}); {k}++) {{"));
                ty = I32.scalar();
            }
            // Across the end of the range, which Mesa 22.3.6 computes wrongly.
            4 if !self.is_exact() => {
                let before = self.random.below(4);
                self.line(&format!("let {k}_end = {bound};"));
                self.line(&format!("for (var {k} = u32(-{before}i); {k} != {k}_end; {k}++) {{"));
            }
            _ => {
                self.line(&format!("var {k} = 0u;"));
                self.line("loop {");
                after = format!("    continuing {{ {k} += 1u; break if {k} >= {bound}; }}");
            }
        }
        self.loops += 1;
        self.scope.push(Variable { name: k, ty, assignable: false });
        self.block(depth);
        self.scope.pop();
        self.loops -= 1;
        if !after.is_empty() {
            self.line(&after);
        }
        self.line("}");
    }
}
