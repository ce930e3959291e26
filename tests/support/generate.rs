//! Kernels made from a seed: valid WGSL over integers, floats, control flow, arrays and workgroup memory.
//!
//! Every loop is bounded and every invocation writes its own elements, so a kernel's results do not depend on the order
//! in which invocations run.

#[path = "random.rs"]
mod random;

use std::fmt::Write;

pub use random::Random;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ty {
    U32,
    I32,
    F32,
    Bool,
}

/// A kernel, the size of its workgroups, and whether it has barriers.
pub struct Generated {
    pub wgsl: String,
    pub workgroup: [u32; 3],
}

struct Generator {
    random: Random,
    text: String,
    indent: usize,
    /// Variables that may be read: name and type; the first ones may be assigned.
    variables: Vec<(String, Ty)>,
    /// Variables that are the same in all invocations.
    counters: usize,
    in_loop: bool,
}

/// A kernel over `input: array<u32>`, `output: array<u32>` and `floats: array<f32>`, one element of each for an
/// invocation.
pub fn kernel(seed: u64) -> Generated {
    let mut random = Random::new(seed);
    let sizes = [[64, 1, 1], [1, 1, 1], [7, 1, 1], [8, 8, 1], [16, 2, 2], [5, 3, 1], [128, 1, 1], [256, 1, 1]];
    let workgroup = sizes[random.below(sizes.len())];
    let mut generator =
        Generator { random, text: String::new(), indent: 1, variables: Vec::new(), counters: 0, in_loop: false };
    generator.body();
    let [x, y, z] = workgroup;
    let lanes = x * y * z;
    let wgsl = format!(
        "@group(0) @binding(0) var<storage, read> input: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(0) @binding(2) var<storage, read_write> floats: array<f32>;
var<workgroup> shared_words: array<u32, {lanes}>;
var<private> count: u32;
const LANES = {lanes}u;
const TABLE = array<u32, 8>(7u, 0u, 4294967295u, 3u, 2147483648u, 1u, 31u, 32u);

fn helper(a: u32, p: ptr<function, u32>) -> u32 {{
    count += 1u;
    if (a % 3u == 1u) {{ return *p + 1u; }}
    for (var i = 0u; i < 4u; i++) {{
        *p = *p ^ (a << i);
        if (*p % 5u == 0u) {{ return i; }}
    }}
    return a - *p;
}}

@compute @workgroup_size({x}, {y}, {z})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) wgs: vec3u,
        @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) lane: u32) {{
    let at = (wg.x + wgs.x * (wg.y + wgs.y * wg.z)) * {lanes}u + lane;
{}
}}
",
        generator.text
    );
    Generated { wgsl, workgroup }
}

impl Generator {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{:width$}{text}", "", width = self.indent * 4);
    }

    fn body(&mut self) {
        for (name, ty, init) in [
            ("u0", Ty::U32, "input[at]"),
            ("u1", Ty::U32, "at * 2654435761u"),
            ("i0", Ty::I32, "bitcast<i32>(input[at]) >> 3u"),
            ("i1", Ty::I32, "i32(lane) - 9"),
            ("f0", Ty::F32, "f32(input[at] % 1000u) * 0.25 - 60.0"),
            ("f1", Ty::F32, "floats[at]"),
        ] {
            self.line(&format!("var {name} = {init};"));
            self.variables.push((name.into(), ty));
        }
        self.line("var local_words = array<u32, 5>(1u, 2u, 3u, 4u, 5u);");
        for (name, ty) in [("lane", Ty::U32), ("local.x", Ty::U32), ("wg.y", Ty::U32), ("count", Ty::U32)] {
            self.variables.push((name.into(), ty));
        }
        for _ in 0..2 + self.random.below(5) {
            if self.random.chance(25) {
                self.exchange();
            } else {
                self.statement(3);
            }
        }
        if self.random.chance(30) {
            let cond = self.expression(Ty::Bool, 2);
            self.line(&format!("if ({cond}) {{ output[at] = u0; return; }}"));
            self.exchange();
        }
        self.line("output[at] = u0 ^ (u1 * 3u) ^ bitcast<u32>(i0 + i1 * 5) ^ local_words[u0 % 5u] ^ count;");
        self.line("floats[at] = f0 - f1 * 0.5;");
    }

    /// A rotation through workgroup memory, between barriers.
    fn exchange(&mut self) {
        let value = self.expression(Ty::U32, 2);
        let by = self.random.below(9);
        self.line(&format!("shared_words[lane] = {value};"));
        self.line("workgroupBarrier();");
        self.line(&format!("u1 ^= shared_words[(lane + {by}u) % LANES];"));
        self.line("workgroupBarrier();");
    }

    fn statement(&mut self, depth: usize) {
        match self.random.below(if depth == 0 { 4 } else { 10 }) {
            0..=2 => self.assignment(),
            3 => {
                let (index, value) = (self.expression(Ty::U32, 1), self.expression(Ty::U32, 2));
                self.line(&format!("local_words[{index} % 6u] = {value};"));
            }
            4 | 5 => {
                let cond = self.expression(Ty::Bool, 2);
                self.line(&format!("if ({cond}) {{"));
                self.block(depth);
                if self.random.chance(60) {
                    self.line("} else {");
                    self.block(depth);
                }
                self.line("}");
            }
            6 | 7 => self.repeat(depth),
            8 => {
                let selector = self.expression(Ty::U32, 2);
                self.line(&format!("switch ({selector} % 5u) {{"));
                for case in ["case 0u, 3u: {", "case 1u: {", "default: {"] {
                    self.line(case);
                    self.block(depth);
                    self.line("}");
                }
                self.line("}");
            }
            _ => {
                let argument = self.expression(Ty::U32, 2);
                self.line(&format!("u0 += helper({argument}, &u1);"));
            }
        }
    }

    fn block(&mut self, depth: usize) {
        self.indent += 1;
        for _ in 0..1 + self.random.below(3) {
            self.statement(depth - 1);
        }
        if self.in_loop && self.random.chance(25) {
            let cond = self.expression(Ty::Bool, 1);
            let way = self.random.pick(&["break", "continue"]);
            self.line(&format!("if ({cond}) {{ {way}; }}"));
        }
        self.indent -= 1;
    }

    fn repeat(&mut self, depth: usize) {
        let counter = format!("k{}", self.counters);
        self.counters += 1;
        let limit = match self.random.below(3) {
            0 => format!("{}u", 1 + self.random.below(6)),
            1 => "(lane % 7u)".to_string(),
            _ => "(wgs.x + 2u)".to_string(),
        };
        self.line(&format!("for (var {counter} = 0u; {counter} < {limit}; {counter}++) {{"));
        let outer = std::mem::replace(&mut self.in_loop, true);
        self.variables.push((counter, Ty::U32));
        self.block(depth);
        self.variables.pop();
        self.in_loop = outer;
        self.line("}");
    }

    fn assignment(&mut self) {
        const ASSIGNABLE: usize = 6;
        let (name, ty) = self.variables[self.random.below(ASSIGNABLE)].clone();
        let value = self.expression(ty, 4);
        self.line(&format!("{name} = {value};"));
    }

    fn leaf(&mut self, ty: Ty) -> String {
        let known: Vec<String> = self.variables.iter().filter(|(_, t)| *t == ty).map(|(n, _)| n.clone()).collect();
        if !known.is_empty() && self.random.chance(70) {
            return known[self.random.below(known.len())].clone();
        }
        match ty {
            Ty::U32 => self.random.pick(&["0u", "1u", "31u", "32u", "0xffffffffu", "0x80000000u", "12345u"]).into(),
            Ty::I32 => self.random.pick(&["0i", "1i", "-1i", "2147483647i", "-7i", "100i", "33i"]).into(),
            Ty::F32 => self.random.pick(&["0.0", "-0.0", "1.0", "-2.5", "1e-3", "3e9", "0.3333"]).into(),
            Ty::Bool => self.random.pick(&["true", "false"]).into(),
        }
    }

    fn expression(&mut self, ty: Ty, depth: usize) -> String {
        if depth == 0 || self.random.chance(12) {
            return self.leaf(ty);
        }
        if self.random.chance(10) {
            let cond = self.expression(Ty::Bool, depth - 1);
            let (a, b) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
            return format!("select({a}, {b}, {cond})");
        }
        match ty {
            Ty::U32 | Ty::I32 => self.integer(ty, depth - 1),
            Ty::F32 => self.float(depth - 1),
            Ty::Bool => self.condition(depth - 1),
        }
    }

    fn integer(&mut self, ty: Ty, depth: usize) -> String {
        let a = self.expression(ty, depth);
        match self.random.below(8) {
            0..=3 => {
                let b = self.expression(ty, depth);
                let op = self.random.pick(&["+", "-", "*", "/", "%", "&", "|", "^", "+", "-", "*"]);
                format!("({a} {op} {b})")
            }
            4 => {
                let b = self.expression(Ty::U32, depth);
                format!("({a} {} ({b} & 31u))", self.random.pick(&["<<", ">>"]))
            }
            5 => {
                let functions =
                    ["countOneBits", "reverseBits", "firstLeadingBit", "firstTrailingBit", "countLeadingZeros", "abs"];
                format!("{}({a})", self.random.pick(&functions))
            }
            6 => {
                let b = self.expression(ty, depth);
                format!("{}({a}, {b})", self.random.pick(&["min", "max"]))
            }
            _ => {
                let other = if ty == Ty::U32 { Ty::I32 } else { Ty::U32 };
                let name = if ty == Ty::U32 { "u32" } else { "i32" };
                match self.random.below(4) {
                    0 => {
                        let f = self.expression(Ty::F32, depth);
                        format!("{name}({f})")
                    }
                    1 if ty == Ty::U32 => {
                        let i = self.expression(Ty::U32, depth);
                        format!("(TABLE[{i} % 9u] + local_words[{i} % 5u] + input[{i} % 300u])")
                    }
                    _ => {
                        let o = self.expression(other, depth);
                        format!("{name}({o})")
                    }
                }
            }
        }
    }

    fn float(&mut self, depth: usize) -> String {
        let a = self.expression(Ty::F32, depth);
        match self.random.below(9) {
            0..=3 => {
                let b = self.expression(Ty::F32, depth);
                format!("({a} {} {b})", self.random.pick(&["+", "-", "*", "/"]))
            }
            4 => format!("{}({a})", self.random.pick(&["abs", "floor", "ceil", "trunc", "round", "sqrt", "sign"])),
            5 => {
                let b = self.expression(Ty::F32, depth);
                format!("{}({a}, {b})", self.random.pick(&["min", "max", "step"]))
            }
            6 => format!("{}({a})", self.random.pick(&["exp2", "sin", "log", "tanh", "inverseSqrt", "fract"])),
            7 => {
                let (b, c) = (self.expression(Ty::F32, depth), self.expression(Ty::F32, depth));
                format!("fma({a}, {b}, {c})")
            }
            _ => {
                let source = if self.random.chance(50) { Ty::U32 } else { Ty::I32 };
                let i = self.expression(source, depth);
                format!("f32({i})")
            }
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        match self.random.below(4) {
            0 => {
                let (a, b) = (self.expression(Ty::Bool, depth), self.expression(Ty::Bool, depth));
                format!("({a} {} {b})", self.random.pick(&["&&", "||", "&", "|", "!="]))
            }
            1 => {
                let a = self.expression(Ty::Bool, depth);
                format!("(!{a})")
            }
            _ => {
                let ty = [Ty::U32, Ty::I32, Ty::F32][self.random.below(3)];
                let (a, b) = (self.expression(ty, depth), self.expression(ty, depth));
                format!("({a} {} {b})", self.random.pick(&["<", "<=", ">", ">=", "==", "!="]))
            }
        }
    }
}
