//! Kernels made from a seed whose invocations work together: barriers in loops, branches and functions that are left
//! early, workgroup memory, uniform loads, subgroups; and halves in every kind of memory. Every kernel has a loop around
//! barriers.
//!
//! Barriers stand where all invocations that have not returned arrive. Each invocation writes its own elements, so results
//! do not depend on the order in which invocations run.

use std::fmt::Write;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ty {
    U32,
    I32,
    F32,
    F16,
    Bool,
}

/// What is left of a kernel once it is made.
pub struct Grouped {
    pub wgsl: String,
    pub workgroup: [u32; 3],
}

struct Generator<R> {
    /// Gives a number below its argument.
    below: R,
    text: String,
    indent: usize,
    functions: String,
    /// Functions, loops and variables made so far, to number them.
    made: usize,
    /// Counters of the loops around.
    counters: Vec<String>,
    /// Values that were computed in front of loops, to be handed on in them.
    kept: Vec<String>,
    /// Whether all invocations that have not returned come by; and whether some have left the function.
    together: bool,
    left: bool,
    /// Whether the code stands in a function of its own, which a `return` leaves early.
    in_function: bool,
    /// Whether a loop around holds barriers.
    in_shared_loop: bool,
    /// Whether `break` is allowed.
    in_loop: bool,
    /// How many loops that hold barriers, and barriers, were made so far.
    shared_loops: usize,
    barriers: usize,
}

const TILE: &str = "(lane + {by}u) % LANES";

/// A kernel over `input: array<u32>`, `table: array<f16>`, a uniform `p`, and for each invocation one element of `output:
/// array<u32>`, `floats: array<f32>`, `halves: array<f16>` and `mixed`, of 24 bytes each.
pub fn kernel(below: impl FnMut(usize) -> usize) -> Grouped {
    let mut generator = Generator {
        below,
        text: String::new(),
        indent: 1,
        functions: String::new(),
        made: 0,
        counters: Vec::new(),
        kept: Vec::new(),
        together: true,
        left: false,
        in_function: false,
        in_shared_loop: false,
        in_loop: false,
        shared_loops: 0,
        barriers: 0,
    };
    let sizes = [[64, 1, 1], [8, 1, 1], [7, 1, 1], [20, 1, 1], [8, 8, 1], [5, 3, 2], [128, 1, 1], [4, 4, 2]];
    let workgroup = sizes[(generator.below)(sizes.len())];
    for _ in 0..4 + (generator.below)(6) {
        generator.statement(3);
    }
    if generator.shared_loops == 0 {
        generator.uniform_loop(3);
    }
    let [x, y, z] = workgroup;
    let lanes = x * y * z;
    let wgsl = format!(
        "enable f16;
struct Mixed {{ a: f16, b: f32, c: vec2<f16>, d: array<f16, 3>, e: u32 }}
struct P {{ a: f16, b: u32, c: vec3<f16>, m: mat2x3<f16>, d: mat2x4<f16> }}
@group(0) @binding(0) var<storage, read> input: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<f16>;
@group(0) @binding(2) var<uniform> p: P;
@group(0) @binding(3) var<storage, read_write> output: array<u32>;
@group(0) @binding(4) var<storage, read_write> floats: array<f32>;
@group(0) @binding(5) var<storage, read_write> halves: array<f16>;
@group(0) @binding(6) var<storage, read_write> mixed: array<Mixed>;
var<workgroup> words: array<u32, {lanes}>;
var<workgroup> shared_halves: array<vec2<f16>, {lanes}>;
var<workgroup> told: u32;
var<private> u: u32;
var<private> v: u32;
var<private> w: u32;
var<private> x: u32;
var<private> i: i32;
var<private> f: f32;
var<private> h: f16;
var<private> g: f16;
var<private> b: bool;
var<private> lane: u32;
var<private> at: u32;
var<private> wg: vec3u;
var<private> wgs: vec3u;
var<private> own: array<f16, 5>;
// Numbers that are known, though not to the front end: it would refuse what overflows.
var<private> one = 1u;
var<private> most = 0xffffffffu;
var<private> none = 0i;
var<private> minus = -1i;
var<private> largest = 2147483647i;
var<private> seven = 7i;
var<private> unit = 1f;
var<private> minus_zero = -0f;
var<private> some = -2.5f;
var<private> large = 3e9f;
var<private> half_unit = 1h;
var<private> half_minus_zero = -0h;
var<private> half_some = 0.3333h;
var<private> half_tiny = 6e-8h;
var<private> half_large = 65504h;
var<private> yes = true;
var<private> no = false;
const LANES = {lanes}u;

fn finish() {{
    output[at] = u ^ (v * 3u) ^ (w * 5u) ^ (x * 7u) ^ bitcast<u32>(i) ^ (u32(b) << 7u) ^ p.b;
    floats[at] = f;
    halves[at] = h - own[u % 6u];
    mixed[at].d[v % 3u] = g + table[at];
}}
{}
@compute @workgroup_size({x}, {y}, {z})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
        @builtin(local_invocation_index) index: u32) {{
    lane = index;
    wg = workgroup;
    wgs = workgroups;
    at = (wg.x + wgs.x * (wg.y + wgs.y * wg.z)) * LANES + lane;
    u = input[at];
    v = at * 2654435761u;
    w = at ^ 21u;
    x = lane + 3u;
    i = bitcast<i32>(input[at]) >> 3u;
    f = floats[at];
    h = halves[at];
    g = f16(i32(lane) - 9) * 0.25h;
    b = (u & 4u) == 0u;
{}
    finish();
}}
",
        generator.functions, generator.text
    );
    Grouped { wgsl, workgroup }
}

impl<R: FnMut(usize) -> usize> Generator<R> {
    fn chance(&mut self, percent: usize) -> bool {
        (self.below)(100) < percent
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[(self.below)(choices.len())]
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{:width$}{text}", "", width = self.indent * 4);
    }

    fn number(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    fn statement(&mut self, depth: usize) {
        if depth == 0 {
            return self.simple();
        }
        match (self.below)(16) {
            0..=3 => self.simple(),
            4 if self.together => self.exchange(),
            5 if self.together => self.tell(),
            6 if self.together => self.uniform_branch(depth),
            7 if self.together => self.uniform_loop(depth),
            8 | 14 if self.together => self.function(depth),
            9 | 10 => self.varying_branch(depth),
            11 => self.varying_loop(depth),
            12 | 15 => self.leave(),
            _ => self.memory(),
        }
    }

    fn block(&mut self, depth: usize) {
        self.indent += 1;
        let kept = self.kept.len();
        for _ in 0..1 + (self.below)(3) {
            self.statement(depth - 1);
        }
        self.kept.truncate(kept);
        self.indent -= 1;
    }

    /// Statements that only some invocations come by.
    fn apart(&mut self, depth: usize) {
        let together = std::mem::replace(&mut self.together, false);
        self.block(depth);
        self.together = together && !self.left;
    }

    fn simple(&mut self) {
        if self.in_shared_loop && self.chance(40) {
            return self.hand_on();
        }
        let (name, ty) =
            [("u", Ty::U32), ("v", Ty::U32), ("i", Ty::I32), ("f", Ty::F32), ("h", Ty::F16), ("g", Ty::F16)]
                [(self.below)(6)];
        if self.chance(25) {
            return self.subgroup(name, ty);
        }
        let value = self.expression(ty, 3);
        self.line(&format!("{name} = {value};"));
    }

    /// Moves whole values, which a loop around carries on as they are.
    fn hand_on(&mut self) {
        const PLACES: [&str; 4] = ["u", "v", "w", "x"];
        let (to, from) = (self.pick(&PLACES), self.pick(&PLACES));
        match (self.below)(4) {
            0 => self.line(&format!("{{ let t = {to}; {to} = {from}; {from} = t; }}")),
            1 if !self.kept.is_empty() => {
                let value = &self.kept[(self.below)(self.kept.len())];
                let line = format!("{to} = {value};");
                self.line(&line);
            }
            2 => self.line(&format!("{to} += 1u;")),
            _ => self.line(&format!("{to} = {from};")),
        }
    }

    fn subgroup(&mut self, name: &str, ty: Ty) {
        if self.chance(20) {
            let cond = self.condition(2);
            let function = self.pick(&["subgroupAny", "subgroupAll"]);
            return self.line(&format!("b = {function}({cond});"));
        }
        let value = self.expression(ty, 2);
        let any = [
            "subgroupAdd",
            "subgroupMul",
            "subgroupMin",
            "subgroupMax",
            "subgroupInclusiveAdd",
            "subgroupInclusiveMul",
            "subgroupExclusiveAdd",
            "subgroupExclusiveMul",
            "subgroupBroadcastFirst",
        ];
        let integer = ["subgroupAnd", "subgroupOr", "subgroupXor"];
        let function = match ty {
            Ty::U32 | Ty::I32 if self.chance(25) => self.pick(&integer),
            _ => self.pick(&any),
        };
        self.line(&format!("{name} = {function}({value});"));
    }

    /// A rotation through workgroup memory, between barriers.
    fn exchange(&mut self) {
        self.barriers += 1;
        let by = (self.below)(9);
        let from = TILE.replace("{by}", &by.to_string());
        if self.chance(50) {
            let value = self.expression(Ty::U32, 2);
            self.line(&format!("words[lane] = {value};"));
            self.line("workgroupBarrier();");
            self.line(&format!("u ^= words[{from}];"));
        } else {
            let (x, y) = (self.expression(Ty::F16, 2), self.expression(Ty::F16, 1));
            self.line(&format!("shared_halves[lane] = vec2<f16>({x}, {y});"));
            self.line("workgroupBarrier();");
            self.line(&format!("h += shared_halves[{from}].y;"));
            self.line(&format!("g = shared_halves[{from}][u % 3u];"));
        }
        self.line("workgroupBarrier();");
    }

    /// One invocation tells all a number.
    fn tell(&mut self) {
        let value = self.expression(Ty::U32, 2);
        let teller = (self.below)(5);
        self.line(&format!("if (lane == {teller}u) {{ told = {value}; }}"));
        let name = format!("t{}", self.number());
        self.line(&format!("let {name} = workgroupUniformLoad(&told);"));
        if self.chance(50) {
            self.line(&format!("u += {name};"));
        }
        self.line(&format!("if ({name} % 2u == 0u) {{"));
        self.indent += 1;
        self.exchange();
        self.indent -= 1;
        self.line("}");
    }

    fn uniform_condition(&mut self) -> String {
        match (self.below)(4) {
            0 => "wg.x == 1u".into(),
            1 => "(wg.x + wg.y) % 2u == 0u".into(),
            2 if !self.counters.is_empty() => {
                let counter = self.counters[(self.below)(self.counters.len())].clone();
                format!("{counter} == wg.x")
            }
            _ => "p.b > wg.x".into(),
        }
    }

    fn uniform_branch(&mut self, depth: usize) {
        let cond = self.uniform_condition();
        self.line(&format!("if ({cond}) {{"));
        self.block(depth);
        if self.chance(50) {
            self.line("} else {");
            self.block(depth);
        }
        self.line("}");
    }

    fn uniform_loop(&mut self, depth: usize) {
        let counter = format!("k{}", self.number());
        let limit = self.pick(&["3u", "wgs.x", "p.b % 4u", "(wg.x + 2u)"]);
        if self.chance(50) {
            let value = self.expression(Ty::U32, 2);
            let name = format!("e{}", self.number());
            self.line(&format!("let {name} = {value};"));
            self.kept.push(name);
        }
        self.line(&format!("for (var {counter} = 0u; {counter} < {limit}; {counter}++) {{"));
        let outer = std::mem::replace(&mut self.in_loop, false);
        let shared = std::mem::replace(&mut self.in_shared_loop, true);
        self.counters.push(counter);
        self.shared_loops += 1;
        let barriers = self.barriers;
        self.block(depth);
        if self.chance(40) {
            self.leave_together();
            self.block(depth);
        }
        if self.barriers == barriers {
            self.indent += 1;
            self.exchange();
            self.indent -= 1;
        }
        self.counters.pop();
        self.in_shared_loop = shared;
        self.in_loop = outer;
        self.line("}");
    }

    /// Leaves a loop around barriers, or more, where all invocations do.
    fn leave_together(&mut self) {
        self.indent += 1;
        let cond = if self.chance(30) {
            let name = format!("t{}", self.number());
            self.barriers += 1;
            self.line(&format!("let {name} = workgroupUniformLoad(&told);"));
            format!("{name} % 3u == {}u", (self.below)(3))
        } else {
            self.uniform_condition()
        };
        let way = match (self.below)(5) {
            0 | 1 => "break;".into(),
            2 | 3 => "continue;".into(),
            _ if self.in_function => format!("return {};", self.expression(Ty::U32, 1)),
            _ => "finish(); return;".into(),
        };
        self.line(&format!("if ({cond}) {{ {way} }}"));
        self.indent -= 1;
    }

    /// A function of its own, which some invocations may leave early.
    fn function(&mut self, depth: usize) {
        let name = format!("part{}", self.number());
        let text = std::mem::take(&mut self.text);
        let outer = (
            std::mem::replace(&mut self.indent, 1),
            std::mem::replace(&mut self.in_function, true),
            std::mem::replace(&mut self.in_shared_loop, false),
            std::mem::replace(&mut self.in_loop, false),
            std::mem::take(&mut self.counters),
            std::mem::take(&mut self.kept),
        );
        for _ in 0..2 + (self.below)(4) {
            self.statement(depth - 1);
        }
        (self.indent, self.in_function, self.in_shared_loop, self.in_loop, self.counters, self.kept) = outer;
        // At its end, all are together again.
        (self.together, self.left) = (true, false);
        let body = std::mem::replace(&mut self.text, text);
        let value = self.expression(Ty::U32, 1);
        let _ = writeln!(self.functions, "fn {name}() -> u32 {{\n{body}    return {value};\n}}\n");
        self.line(&format!("u = {name}();"));
    }

    fn varying_branch(&mut self, depth: usize) {
        let cond = self.condition(2);
        self.line(&format!("if ({cond}) {{"));
        self.apart(depth);
        if self.chance(50) {
            self.line("} else {");
            self.apart(depth);
        }
        self.line("}");
    }

    fn varying_loop(&mut self, depth: usize) {
        let counter = format!("k{}", self.number());
        let limit = self.pick(&["(lane % 5u)", "(u % 4u)", "4u"]);
        self.line(&format!("for (var {counter} = 0u; {counter} < {limit}; {counter}++) {{"));
        let outer = std::mem::replace(&mut self.in_loop, true);
        self.counters.push(counter);
        self.apart(depth);
        self.counters.pop();
        self.in_loop = outer;
        self.line("}");
    }

    /// Leaves a loop, a function, or the kernel in some invocations.
    fn leave(&mut self) {
        let cond = self.condition(2);
        if self.in_loop && self.chance(60) {
            let way = self.pick(&["break", "continue"]);
            self.line(&format!("if ({cond}) {{ {way}; }}"));
        } else if !self.in_function {
            self.line(&format!("if ({cond}) {{ finish(); return; }}"));
        } else if !self.in_shared_loop {
            let value = self.expression(Ty::U32, 1);
            self.line(&format!("if ({cond}) {{ return {value}; }}"));
            (self.together, self.left) = (false, true);
        }
    }

    fn memory(&mut self) {
        let half = self.expression(Ty::F16, 2);
        let line = match (self.below)(9) {
            0 => format!("halves[at] = {half};"),
            1 => format!("own[u % 6u] = {half};"),
            2 => format!("own[3] = {half};"),
            3 => format!("mixed[at].a = {half};"),
            4 => format!("mixed[at].c = vec2<f16>({half}, h);"),
            5 => format!("mixed[at].c[u % 3u] = {half};"),
            6 => format!("mixed[at].d[lane % 4u] = {half};"),
            7 => "own = array<f16, 5>();".into(),
            _ => "mixed[at].e = u;".into(),
        };
        self.line(&line);
    }

    fn leaf(&mut self, ty: Ty) -> String {
        let choices: &[&str] = match ty {
            Ty::U32 => &["u", "v", "w", "x", "lane", "wg.y", "p.b", "one", "most", "mixed[at].e"],
            Ty::I32 => &["i", "none", "minus", "largest", "seven"],
            Ty::F32 => &["f", "f32(h)", "unit", "minus_zero", "some", "large", "mixed[at].b"],
            Ty::F16 => &[
                "h",
                "g",
                "half_unit",
                "half_minus_zero",
                "half_some",
                "half_tiny",
                "half_large",
                "table[lane]",
                "table[at]",
                "table[at * 2u + 3u]",
                "table[u]",
                "table[u % 70u]",
                "table[7]",
                "halves[at]",
                "mixed[at].a",
                "mixed[at].c.y",
                "mixed[at].d[u % 4u]",
                "p.a",
                "p.c.z",
                "p.m[1].y",
                "p.d[wg.x % 3u].w",
                "p.d[u % 2u][v % 5u]",
                "own[2]",
                "own[v % 6u]",
            ],
            Ty::Bool => &["b", "yes", "no"],
        };
        self.pick(choices).into()
    }

    fn expression(&mut self, ty: Ty, depth: usize) -> String {
        if depth == 0 || self.chance(15) {
            return self.leaf(ty);
        }
        if self.chance(10) {
            let cond = self.condition(depth - 1);
            let (a, b) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
            return format!("select({a}, {b}, {cond})");
        }
        let a = self.expression(ty, depth - 1);
        let b = self.expression(ty, depth - 1);
        match ty {
            Ty::Bool => self.condition(depth),
            Ty::U32 | Ty::I32 => match (self.below)(4) {
                0 => {
                    let other =
                        [Ty::F32, Ty::F16, Ty::Bool, if ty == Ty::U32 { Ty::I32 } else { Ty::U32 }][(self.below)(4)];
                    let other = self.expression(other, depth - 1);
                    format!("{}({other})", if ty == Ty::U32 { "u32" } else { "i32" })
                }
                _ => format!("({a} {} {b})", self.pick(&["+", "-", "*", "/", "%", "&", "|", "^"])),
            },
            Ty::F32 | Ty::F16 => match (self.below)(8) {
                0 => {
                    let other =
                        [Ty::U32, Ty::I32, Ty::Bool, if ty == Ty::F32 { Ty::F16 } else { Ty::F32 }][(self.below)(4)];
                    let other = self.expression(other, depth - 1);
                    format!("{}({other})", if ty == Ty::F32 { "f32" } else { "f16" })
                }
                1 => format!(
                    "{}({a})",
                    self.pick(&["abs", "floor", "ceil", "trunc", "round", "sqrt", "sign", "-", "exp2"])
                ),
                2 => format!("{}({a}, {b})", self.pick(&["min", "max", "step"])),
                3 => {
                    let c = self.expression(ty, depth - 1);
                    format!("{}({a}, {b}, {c})", self.pick(&["fma", "clamp", "mix"]))
                }
                _ => format!("({a} {} {b})", self.pick(&["+", "-", "*", "/"])),
            },
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.leaf(Ty::Bool);
        }
        match (self.below)(5) {
            0 => {
                let (a, b) = (self.condition(depth - 1), self.condition(depth - 1));
                format!("({a} {} {b})", self.pick(&["&&", "||", "&", "|", "!="]))
            }
            1 => format!("(lane {} {}u)", self.pick(&["<", ">=", "=="]), 1 + (self.below)(40)),
            _ => {
                let ty = [Ty::U32, Ty::I32, Ty::F32, Ty::F16][(self.below)(4)];
                let (a, b) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
                format!("({a} {} {b})", self.pick(&["<", "<=", ">", ">=", "==", "!="]))
            }
        }
    }
}
