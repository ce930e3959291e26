//! What the invocations of a workgroup do together, under control flow that is the same for all of them.

use super::{
    Generator, Variable,
    types::Scalar::{F32, U32},
};

impl Generator {
    /// The body of a program.
    pub(super) fn steps(&mut self) {
        let together = self.random.chance(60);
        let count = 2 + self.random.below(5);
        // An invocation that returns is gone from all that follows; WGSL asks for barriers at which none is missing, and
        // devices rely on it.
        let may_return = !(together && self.is_exact());
        for step in 0..count {
            self.may_return = may_return && self.random.chance(30);
            if together {
                self.step(2)
            } else {
                self.alone()
            }
            if step + 1 < count && may_return && self.random.chance(15) {
                let condition = self.expr(super::types::Scalar::Bool.scalar(), 2);
                self.line(&format!("if {condition} {{ out_words[{}] = a_u1; return; }}", self.own_word()));
            }
        }
    }

    fn own_word(&self) -> String {
        self.own.replace("LENGTH", "arrayLength(&out_words)")
    }

    fn alone(&mut self) {
        if self.statements > 0 {
            self.statements -= 1;
            self.statement(3);
        }
    }

    fn step(&mut self, depth: usize) {
        match self.random.below(if depth == 0 { 7 } else { 10 }) {
            0..=2 => self.alone(),
            3 => self.exchange(),
            4 => self.exchange_rows(),
            5 => self.tally(),
            6 => self.broadcast(),
            7 | 8 => self.repeat(depth - 1),
            _ => {
                let condition = self.uniform_condition();
                self.line(&format!("if {condition} {{"));
                self.nested(depth - 1);
                if self.random.chance(50) {
                    self.line("} else {");
                    self.nested(depth - 1);
                }
                self.line("}");
            }
        }
    }

    fn nested(&mut self, depth: usize) {
        self.indent += 1;
        let known = self.scope.len();
        for _ in 0..1 + self.random.below(3) {
            self.step(depth);
        }
        self.scope.truncate(known);
        self.indent -= 1;
    }

    fn repeat(&mut self, depth: usize) {
        let k = self.fresh("k");
        let bound = self.random.pick(&["2u", "3u", "(params.n % 4u)", "(group.x + 1u)", "groups.x"]);
        self.line(&format!("for (var {k} = 0u; {k} < {bound}; {k}++) {{"));
        if self.random.chance(25) {
            let condition = self.uniform_condition();
            let way = self.random.pick(&["break", "continue"]);
            self.line(&format!("    if {condition} {{ {way}; }}"));
        }
        self.scope.push(Variable { name: k, ty: U32.scalar(), assignable: false });
        self.nested(depth);
        self.scope.pop();
        self.line("}");
    }

    /// A condition that is the same for a whole workgroup.
    fn uniform_condition(&mut self) -> String {
        let a = self.random.pick(&["params.n", "group.x", "group.y", "groups.x", "params.g", "params.table[1].y"]);
        let op = self.random.pick(&["<", "==", ">", "!="]);
        format!("{a} {op} {}u", self.random.below(4))
    }

    fn barrier(&mut self) {
        let barrier =
            self.random.pick(&["workgroupBarrier();", "workgroupBarrier();", "storageBarrier(); workgroupBarrier();"]);
        self.line(barrier);
    }

    /// Every lane writes a word, and reads that of another.
    fn exchange(&mut self) {
        let value = self.expr(U32.scalar(), 3);
        let offset = self.random.below(70);
        let from = match self.random.below(4) {
            0 | 1 => format!("(lane + {offset}u) % {}u", self.lanes),
            2 => format!("{} - 1u - lane", self.lanes),
            // Anywhere, the end included.
            _ => format!("{} % {}u", self.expr(U32.scalar(), 2), self.lanes + 1),
        };
        self.line(&format!("exchanged[lane] = {value};"));
        self.barrier();
        self.line(&format!("a_u1 ^= exchanged[{from}];"));
        self.line("workgroupBarrier();");
    }

    fn exchange_rows(&mut self) {
        let value = self.expr(F32.vector(3), 2);
        let offset = self.random.below(9);
        self.line(&format!("exchanged_rows[lane] = {value};"));
        self.barrier();
        self.line(&format!("a_f3 = exchanged_rows[(lane + {offset}u) % {}u].zxy;", self.lanes));
        self.line("workgroupBarrier();");
    }

    /// Lanes accumulate, in whatever order.
    fn tally(&mut self) {
        let ops = ["atomicAdd", "atomicMax", "atomicMin", "atomicOr", "atomicAnd", "atomicXor", "atomicSub"];
        let op = self.random.pick(&ops);
        let (index, value) = (self.expr(U32.scalar(), 2), self.expr(U32.scalar(), 2));
        let condition = self.expr(super::types::Scalar::Bool.scalar(), 1);
        self.line(&format!("if {condition} {{ {op}(&tallies[{index} % 5u], {value}); }}"));
        self.barrier();
        let among = 2 + self.random.below(4);
        self.line(&format!("a_u1 += atomicLoad(&tallies[lane % {among}u]);"));
        self.line("workgroupBarrier();");
        if self.random.chance(50) {
            self.line("if lane == 0u { atomicStore(&tallies[1], 9u); }");
            self.line("workgroupBarrier();");
        }
    }

    /// One lane tells all others.
    fn broadcast(&mut self) {
        let value = self.expr(U32.scalar(), 2);
        let lane = self.random.below(self.lanes as usize);
        let name = self.fresh("q");
        self.line(&format!("if lane == {lane}u {{ flag = {value}; }}"));
        self.line(&format!("let {name} = workgroupUniformLoad(&flag);"));
        self.scope.push(Variable { name, ty: U32.scalar(), assignable: false });
    }
}
