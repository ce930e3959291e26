//! Kernels made from a seed that index buffers in every way there is: valid WGSL, with loops that end.

#[allow(dead_code, clippy::duplicate_mod, reason = "the generator of the compiler's tests has it too, and uses more")]
#[path = "../../../../tests/support/random.rs"]
mod random;
mod shapes;

use std::fmt::Write;

pub use random::Random;
pub use shapes::family;

/// A kernel, and a call of it.
pub struct Generated {
    pub wgsl: String,
    pub workgroups: [u32; 3],
    /// `width`, `height`, `depth`, `n`, `k`, `dx`, `dy`, padding, and the table.
    pub params: [u32; 24],
    /// Elements of `src`, `idx`, `dst`, `acc`, `recs`, `quads`, `log`, `halves`.
    pub lengths: [usize; 8],
    /// The contents of `idx` stay below this.
    pub below: u32,
}

struct Generator {
    random: Random,
    text: String,
    indent: usize,
    /// Variables of type `u32` that may be read, and how many of the first ones may be assigned.
    unsigned: Vec<String>,
    assignable: usize,
    signed: Vec<String>,
    names: usize,
    depth: usize,
    barriers: bool,
}

const SIZES: [[u32; 3]; 9] =
    [[64, 1, 1], [32, 1, 1], [1, 1, 1], [8, 8, 1], [16, 4, 1], [4, 4, 4], [5, 3, 1], [7, 1, 1], [1, 16, 1]];

/// A kernel of arbitrary statements.
pub fn soup(seed: u64) -> Generated {
    let mut generator = Generator::new(seed);
    let size = SIZES[generator.random.below(SIZES.len())];
    let workgroups = generator.workgroups(size);
    generator.prologue();
    for _ in 0..2 + generator.random.below(5) {
        generator.statement(3);
    }
    generator.store();
    generator.finish(size, workgroups)
}

impl Generator {
    fn new(seed: u64) -> Self {
        Generator {
            random: Random::new(seed),
            text: String::new(),
            indent: 1,
            unsigned: Vec::new(),
            assignable: 0,
            signed: Vec::new(),
            names: 0,
            depth: 0,
            barriers: true,
        }
    }

    fn workgroups(&mut self, size: [u32; 3]) -> [u32; 3] {
        let most = (600 / size.iter().product::<u32>()).max(1) as usize;
        let x = 1 + self.random.below(most.min(9));
        let y = 1 + self.random.below((most / x).clamp(1, 7));
        let z = 1 + self.random.below((most / x / y).clamp(1, 4));
        [x as u32, y as u32, z as u32]
    }

    fn finish(mut self, size: [u32; 3], workgroups: [u32; 3]) -> Generated {
        let grid = [0, 1, 2].map(|axis| size[axis] * workgroups[axis]);
        let random = &mut self.random;
        // Mostly what fits the grid, or nearly.
        let mut near = |x: u32| match random.below(8) {
            0 => x + random.below(4) as u32,
            1 => x.saturating_sub(random.below(4) as u32),
            2 => 1 + random.below(40) as u32,
            _ => x,
        };
        let [width, height, depth] = grid.map(&mut near);
        let volume = width * height * depth;
        let n = near(volume);
        let mut params = [0; 24];
        params[..4].copy_from_slice(&[width, height, depth, n]);
        params[4] = 1 + random.below(5) as u32;
        params[5] = (random.below(5) as u32).wrapping_sub(2);
        params[6] = (random.below(5) as u32).wrapping_sub(2);
        for word in &mut params[8..] {
            *word = random.below(12) as u32;
        }
        // Loops of arbitrary kernels end by themselves.
        if self.assignable > 0 && random.chance(4) {
            params[random.below(7)] = [0, u32::MAX, 1 << 31, 70_000][random.below(4)];
        }
        let mut lengths = [0; 8];
        for length in &mut lengths {
            *length = match random.below(10) {
                0 => 1 + random.below(80),
                1 => volume.max(2) as usize - 1,
                2 => volume as usize * (1 + random.below(4)) + random.below(3),
                3 => n as usize,
                _ => volume as usize,
            }
            .clamp(1, 6000);
        }
        let below = match random.below(3) {
            0 => 16,
            1 => volume.max(1),
            _ => u32::MAX,
        };
        let [x, y, z] = size;
        let lanes = x * y * z;
        let wgsl = format!(
            "enable f16;
struct Params {{
    width: u32, height: u32, depth: u32, n: u32, k: u32, dx: i32, dy: i32, pad: u32, table: array<vec4u, 4>
}}
struct Rec {{ head: u32, list: array<u32, 3>, pair: vec2u }}
struct Log {{ count: atomic<u32>, rows: array<array<u32, 3>, 2>, items: array<u32> }}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read_write> dst: array<u32>;
@group(0) @binding(4) var<storage, read_write> acc: array<atomic<u32>>;
@group(0) @binding(5) var<storage, read> recs: array<Rec>;
@group(0) @binding(6) var<storage, read_write> quads: array<vec4u>;
@group(0) @binding(7) var<storage, read_write> log: Log;
@group(0) @binding(8) var<storage, read_write> halves: array<f16>;
var<workgroup> tile: array<u32, {lanes}>;
const LANES = {lanes}u;
const SIZE = vec3u({x}u, {y}u, {z}u);
const OFFSETS = array<i32, 5>(-1, 1, 0, -2, 2);

fn clamped(v: i32, n: u32) -> u32 {{ return u32(clamp(v, 0, i32(n) - 1)); }}
fn mirrored(v: i32, n: u32) -> u32 {{
    if (v < 0) {{ return u32(-v); }}
    if (v >= i32(n)) {{ return 2u * n - u32(v) - 2u; }}
    return u32(v);
}}
fn around(v: i32, n: u32) -> u32 {{ return u32((v + i32(n)) % i32(n)); }}
fn inside(x: u32, y: u32) -> bool {{ return x < params.width && y < params.height; }}

@compute @workgroup_size({x}, {y}, {z})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) wg: vec3u,
        @builtin(num_workgroups) wgs: vec3u, @builtin(local_invocation_id) local: vec3u,
        @builtin(local_invocation_index) lane: u32) {{
    var sum = 0u;
    var words = array<u32, 5>(1u, 2u, 3u, 4u, 5u);
{}}}
",
            self.text
        );
        Generated { wgsl, workgroups, params, lengths, below }
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{:width$}{text}", "", width = self.indent * 4);
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn pick(&mut self, choices: &[&str]) -> String {
        self.random.pick(choices).to_owned()
    }

    // Arbitrary statements.

    fn prologue(&mut self) {
        for init in ["id.x", "id.y * params.width + id.x", "id.x / params.k"] {
            let name = self.name("u");
            self.line(&format!("var {name} = {init};"));
            self.unsigned.push(name);
        }
        self.assignable = self.unsigned.len();
        self.line("var s0 = i32(id.x) + params.dx;");
        self.signed.push("s0".into());
    }

    fn statement(&mut self, depth: usize) {
        match self.random.below(if depth == 0 { 6 } else { 16 }) {
            0 | 1 => self.load(),
            2 => self.store(),
            3 => {
                let name = self.unsigned[self.random.below(self.assignable)].clone();
                let value = self.unsigned(2);
                self.line(&format!("{name} = {value};"));
            }
            4 => {
                let (name, value) = (self.name("v"), self.unsigned(3));
                self.line(&format!("let {name} = {value};"));
                self.unsigned.push(name);
            }
            5 => {
                let (name, value) = (self.name("s"), self.signed(3));
                self.line(&format!("let {name} = {value};"));
                self.signed.push(name);
            }
            6..=8 => self.branch(depth),
            9 | 10 => self.repeat(depth),
            11 => {
                let cond = self.condition(2);
                if self.depth == 0 {
                    self.line(&format!("if ({cond}) {{ return; }}"));
                } else {
                    self.line(&format!("if ({cond}) {{ sum += 3u; }}"));
                }
            }
            12 => self.choose(depth),
            13 => {
                let name = self.unsigned[self.random.below(self.assignable)].clone();
                let op = self.pick(&["+=", "-=", "+=", "*="]);
                let by = self.pick(&["1u", "3u", "params.k", "4294967290u", "1073741824u", "params.width"]);
                self.line(&format!("{name} {op} {by};"));
            }
            _ if self.barriers && self.depth == 0 => {
                let value = self.unsigned(2);
                self.line(&format!("tile[lane] = {value};"));
                self.line("workgroupBarrier();");
                let index = self.unsigned(1);
                self.line(&format!("sum += tile[{index} % LANES];"));
                self.line("workgroupBarrier();");
            }
            _ => self.load(),
        }
    }

    fn scoped(&mut self, depth: usize, body: impl FnOnce(&mut Self)) {
        let (unsigned, signed) = (self.unsigned.len(), self.signed.len());
        self.indent += 1;
        self.depth += 1;
        body(self);
        for _ in 0..1 + self.random.below(2) {
            self.statement(depth - 1);
        }
        self.depth -= 1;
        self.indent -= 1;
        self.unsigned.truncate(unsigned);
        self.signed.truncate(signed);
    }

    fn branch(&mut self, depth: usize) {
        let cond = self.condition(2);
        self.line(&format!("if ({cond}) {{"));
        self.scoped(depth, |_| {});
        if self.random.chance(40) {
            self.line("} else {");
            self.scoped(depth, |_| {});
        }
        self.line("}");
    }

    fn choose(&mut self, depth: usize) {
        let selector = self.unsigned(1);
        self.line(&format!("switch ({selector} % 4u) {{"));
        for case in ["case 0u: {", "case 1u, 3u: {", "default: {"] {
            self.line(case);
            self.scoped(depth, |_| {});
            self.line("}");
        }
        self.line("}");
    }

    fn repeat(&mut self, depth: usize) {
        let k = self.name("k");
        let (limit, start) = (self.unsigned(1), self.unsigned(1));
        let step = 1 + self.random.below(3);
        // A count of its own ends every loop.
        let head = match self.random.below(9) {
            0 => format!("for (var {k} = 0u; {k} < {}u; {k}++) {{", 1 + self.random.below(6)),
            1 => format!("for (var {k} = 0u; {k} < ({limit} % 7u); {k} += {step}u) {{"),
            2 => format!("for (var {k} = {start}; {k} < min({start}, 100000u) + 4u; {k} += {step}u) {{"),
            3 => format!("for (var {k} = ({limit} % 9u); {k} > 0u; {k} /= 2u) {{"),
            4 => format!("for (var {k} = ({limit} % 9u) + 1u; {k} != 0u; {k}--) {{"),
            5 => format!("for (var {k} = 4294967293u; {k} != {}u; {k} += 1u) {{", self.random.below(5)),
            6 => format!("for (var {k} = {start}; {k} > params.k; {k} -= {step}u) {{"),
            7 => format!("for (var {k} = {start}; {k} != {limit}; {k} += 1073741824u) {{"),
            _ => format!("for (var {k} = 0u; {k} <= params.k; {k}++) {{"),
        };
        self.line(&format!("var budget_{k} = 0u;"));
        self.line(&head);
        self.scoped(depth, |this| {
            this.line(&format!("budget_{k} += 1u; if (budget_{k} > 9u) {{ break; }}"));
            if this.random.chance(20) {
                let cond = this.condition(1);
                let way = this.pick(&["break", "continue"]);
                this.line(&format!("if ({cond}) {{ {way}; }}"));
            }
            this.unsigned.push(k);
        });
        self.line("}");
    }

    fn load(&mut self) {
        let index = self.unsigned(3);
        match self.random.below(12) {
            8 => self.line(&format!("sum += log.items[{index}];")),
            9 => {
                let inner = self.unsigned(1);
                self.line(&format!("sum += log.rows[{inner} % 3u][{index}];"));
            }
            10 => self.line(&format!("sum += u32(halves[{index}]);")),
            11 => self.line(&format!("sum += words[{index} % 6u];")),
            0 => self.line(&format!("sum += recs[{index}].head;")),
            1 => {
                let inner = self.unsigned(1);
                self.line(&format!("sum += recs[{index}].list[{inner}];"));
            }
            2 => {
                let inner = self.unsigned(1);
                let component = self.pick(&[".z", ".w", "[k]", ".y"]).replace('k', &inner);
                self.line(&format!("sum += quads[{index}]{component};"));
            }
            3 => self.line(&format!("sum += dst[{index}];")),
            4 => {
                let index = self.signed(2);
                self.line(&format!("sum += src[{index}];"));
            }
            5 => {
                let (cond, index) = (self.condition(2), self.unsigned(2));
                self.line(&format!("if ({cond}) {{ sum += src[{index}]; }}"));
            }
            _ => self.line(&format!("sum += src[{index}];")),
        }
    }

    fn store(&mut self) {
        let index = self.unsigned(2);
        match self.random.below(10) {
            6 => self.line("let slot = atomicAdd(&log.count, 1u); log.items[slot] = sum;"),
            7 => self.line(&format!("log.items[{index}] = sum;")),
            8 => self.line(&format!("halves[{index}] = f16(sum % 9u);")),
            9 => self.line(&format!("words[{index} % 5u] = sum;")),
            0 => self.line(&format!("quads[{index}] = vec4u(sum, 1u, 2u, 3u);")),
            1 => self.line(&format!("quads[{index}].y = sum;")),
            2 => {
                let fun = self.pick(&["atomicAdd", "atomicMax", "atomicAnd"]);
                self.line(&format!("{fun}(&acc[{index}], sum);"));
            }
            _ => self.line(&format!("dst[{index}] = sum;")),
        }
    }

    fn unsigned_leaf(&mut self) -> String {
        match self.random.below(16) {
            0..=2 => self.pick(&["id.x", "id.y", "id.z"]),
            3 => self.pick(&["wg.x", "wg.y", "local.x", "local.y", "lane", "wgs.x"]),
            4..=6 => format!("{}u", self.random.below(7)),
            7..=9 => self.pick(&["params.width", "params.height", "params.k", "params.n"]),
            10 => self.pick(&["arrayLength(&src)", "arrayLength(&dst)"]),
            11 if self.random.chance(40) => self.pick(&["4294967295u", "2147483648u", "4294967290u", "65536u"]),
            12 if self.random.chance(50) => "idx[id.x]".into(),
            13 => "u32(s0)".into(),
            14 if self.random.chance(50) => {
                let place = self.pick(&["id.x % 4u", "3u", "id.y", "wg.x & 3u"]);
                format!("params.table[{place}].y")
            }
            _ => self.unsigned[self.random.below(self.unsigned.len())].clone(),
        }
    }

    fn unsigned(&mut self, depth: usize) -> String {
        if depth == 0 || self.random.chance(20) {
            return self.unsigned_leaf();
        }
        let a = self.unsigned(depth - 1);
        match self.random.below(14) {
            0..=2 => format!("({a} + {})", self.unsigned(depth - 1)),
            3 | 4 => format!("({a} - {})", self.unsigned(depth - 1)),
            5 => format!("({a} * {})", self.unsigned(depth - 1)),
            6 => format!("({a} * {}u)", self.random.below(9)),
            7 => {
                let op = self.pick(&["/", "%"]);
                let by = self.pick(&["2u", "3u", "8u", "params.k", "params.width", "id.y", "7u"]);
                format!("({a} {op} {by})")
            }
            8 => {
                let op = self.pick(&["<<", ">>"]);
                format!("({a} {op} {}u)", self.random.below(5))
            }
            9 => {
                let op = self.pick(&["&", "|", "^"]);
                let by = self.pick(&["3u", "7u", "0xfffffffcu", "5u", "id.x", "1u"]);
                format!("({a} {op} {by})")
            }
            10 => {
                let function = self.pick(&["min", "max"]);
                format!("{function}({a}, {})", self.unsigned(depth - 1))
            }
            11 => format!("select({a}, {}, {})", self.unsigned(depth - 1), self.condition(depth - 1)),
            12 => format!("u32({})", self.signed(depth - 1)),
            _ => {
                let (v, n) = (self.signed(depth - 1), self.pick(&["params.width", "params.height", "9u"]));
                format!("{}({v}, {n})", self.pick(&["clamped", "mirrored", "around"]))
            }
        }
    }

    fn signed(&mut self, depth: usize) -> String {
        if depth == 0 || self.random.chance(20) {
            return match self.random.below(6) {
                0 => format!("{}", self.random.below(9) as i32 - 4),
                1 => "params.dx".into(),
                2 => format!("OFFSETS[{} % 5u]", self.unsigned_leaf()),
                3 => self.signed[self.random.below(self.signed.len())].clone(),
                _ => format!("i32({})", self.unsigned_leaf()),
            };
        }
        let a = self.signed(depth - 1);
        match self.random.below(9) {
            0..=2 => {
                let op = self.pick(&["+", "-"]);
                format!("({a} {op} {})", self.signed(depth - 1))
            }
            3 => format!("({a} * {})", self.random.below(7) as i32 - 3),
            4 => {
                let op = self.pick(&["/", "%"]);
                let by = self.pick(&["2", "3", "-2", "8"]);
                format!("({a} {op} {by})")
            }
            5 => format!("({a} >> {}u)", self.random.below(4)),
            6 => format!("abs({a})"),
            7 if self.random.chance(40) => format!("({a} * {})", self.signed(depth - 1)),
            7 => {
                let function = self.pick(&["min", "max"]);
                format!("{function}({a}, {})", self.signed(depth - 1))
            }
            _ => format!("(-{a})"),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        if depth > 0 && self.random.chance(35) {
            let op = self.pick(&["&&", "||", "&&", "&", "|"]);
            let (a, b) = (self.condition(depth - 1), self.condition(depth - 1));
            return format!("({a} {op} {b})");
        }
        let op = self.pick(&["<", "<", "<", "<=", ">", ">=", "==", "!="]);
        match self.random.below(6) {
            0 => format!("({} {op} {})", self.signed(1), self.signed(1)),
            1 => format!("!({} {op} {})", self.unsigned(1), self.unsigned_leaf()),
            2 => format!("inside({}, {})", self.unsigned_leaf(), self.unsigned_leaf()),
            3 => {
                let limit = self.pick(&["params.width", "arrayLength(&src)", "arrayLength(&dst)", "params.n"]);
                format!("({} < {limit})", self.unsigned(1))
            }
            4 => format!("(idx[id.x] {op} {})", self.unsigned_leaf()),
            _ => format!("({} {op} {})", self.unsigned(1), self.unsigned_leaf()),
        }
    }
}
