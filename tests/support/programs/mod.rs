//! Generated programs: valid WGSL with its data, from a seed or from bytes.
//!
//! A program's results do not depend on the order in which invocations run: each writes elements of its own, and what
//! all of them write is atomic and commutes. No loop is long. Which NaN comes out of an operation is left open, so the
//! bits of a float are taken only where it is none.

#[path = "../random.rs"]
mod random;

mod data;
mod exact;
mod expression;
mod places;
mod statement;
mod types;
mod workgroup;

pub use data::Buffer;
pub use random::Random;

use types::{
    EXACT_SCALARS, SCALARS,
    Scalar::{self, Bool, F32, I32, U32},
    Type,
};

/// What programs are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// All of the language, for executors that compute every operation alike.
    Full,
    /// What all devices compute alike: floats are small whole numbers, and operations on them exact; no halves, and no
    /// subgroups, whose size devices choose. The sign of a zero is left open.
    Exact,
}

/// A program and all that a call of it needs.
#[derive(Clone)]
pub struct Program {
    pub dialect: Dialect,
    pub wgsl: String,
    pub workgroups: [u32; 3],
    /// The words of the uniform `params`.
    pub params: Vec<u32>,
    /// All other bindings; those that the program does not use are to be left out.
    pub buffers: Vec<Buffer>,
}

/// Something that expressions may read.
struct Variable {
    name: String,
    ty: Type,
    assignable: bool,
}

/// A function of the program, called `function_N`. Its first parameter is the invocation's number.
struct Function {
    parameters: Vec<Type>,
    result: Type,
}

struct Generator {
    dialect: Dialect,
    random: Random,
    /// What a program has at most is divided by it.
    scale: usize,
    text: String,
    indent: usize,
    scope: Vec<Variable>,
    functions: Vec<Function>,
    names: usize,
    /// What may still be made: parts of expressions, statements, calls.
    nodes: usize,
    statements: usize,
    calls: usize,
    /// How many loops are around.
    loops: usize,
    in_main: bool,
    /// Whether a function without a result may be left before its end.
    may_return: bool,
    /// The type that the function returns.
    result: Option<Type>,
    /// The index of an invocation's own element, where `LENGTH` stands for the buffer's length.
    own: &'static str,
    /// What all invocations do to the atomics of a buffer.
    on_sums: &'static str,
    on_limits: &'static str,
    lanes: u32,
}

/// Sizes of workgroups: whole vectors and not, in one, two and three dimensions.
const SIZES: [[u32; 3]; 16] = [
    [64, 1, 1],
    [1, 1, 1],
    [7, 1, 1],
    [8, 8, 1],
    [16, 2, 2],
    [5, 3, 1],
    [128, 1, 1],
    [3, 2, 2],
    [32, 1, 1],
    [13, 1, 1],
    [1, 8, 1],
    [1, 1, 9],
    [4, 2, 1],
    [100, 1, 1],
    [2, 3, 5],
    [256, 1, 1],
];

const GRIDS: [[u32; 3]; 6] = [[3, 1, 1], [1, 1, 1], [2, 2, 1], [2, 1, 2], [1, 3, 2], [9, 1, 1]];

/// The program of all of the language that these choices make.
pub fn program(random: Random) -> Program {
    program_in(Dialect::Full, random)
}

/// The program that these choices make.
pub fn program_in(dialect: Dialect, mut random: Random) -> Program {
    let size = random.pick(&SIZES);
    let workgroups = random.pick(&GRIDS);
    let scale = random.pick(&[16, 16, 16, 8, 8, 8, 4, 4, 2, 1]);
    let lanes: u32 = size.iter().product();
    let own = random.pick(&["at", "at * 2u + 1u", "LENGTH - 1u - at", "at + 3u"]);
    let on_sums =
        random.pick(&["atomicAdd", "atomicXor", "atomicMax", "atomicMin", "atomicOr", "atomicAnd", "atomicSub"]);
    let on_limits = random.pick(&["atomicMax", "atomicMin", "atomicAdd"]);
    // The data has a seed of its own, so that a list of bytes is spent on the program.
    let mut data = Random::new(random.next());
    let mut generator = Generator {
        dialect,
        random,
        scale,
        text: data::declarations(dialect),
        indent: 0,
        scope: Vec::new(),
        functions: Vec::new(),
        names: 0,
        nodes: 0,
        statements: 0,
        calls: 0,
        loops: 0,
        in_main: false,
        may_return: false,
        result: None,
        own,
        on_sums,
        on_limits,
        lanes,
    };
    generator.prelude();
    for _ in 0..generator.random.below(1 + 4 / scale) {
        generator.function();
    }
    generator.main(size, workgroups);
    let total = (lanes * workgroups.iter().product::<u32>()) as usize;
    let (params, buffers) = (data::params(dialect, &mut data), data::buffers(dialect, &mut data, total));
    Program { dialect, wgsl: generator.text, workgroups, params, buffers }
}

impl Generator {
    fn is_exact(&self) -> bool {
        self.dialect == Dialect::Exact
    }

    /// What the program's values are made of.
    fn scalars(&self) -> &'static [Scalar] {
        if self.is_exact() { &EXACT_SCALARS } else { &SCALARS }
    }

    /// Every type that they have.
    fn types(&self) -> impl Iterator<Item = Type> + use<> {
        self.scalars().iter().flat_map(|scalar| (1..5).map(|width| scalar.vector(width)))
    }

    /// What programs have in common: constants, workgroup memory, functions that make floats fit.
    fn prelude(&mut self) {
        for &scalar in self.scalars() {
            for (number, value) in self.constants(scalar).iter().enumerate() {
                let (letter, ty) = (scalar.letter(), scalar.name());
                self.line(&format!("var<private> {letter}_{number}: {ty} = {value};"));
            }
        }
        self.line("const TABLE = array<u32, 8>(7u, 0u, 4294967295u, 3u, 2147483648u, 1u, 31u, 32u);");
        self.line(&format!("var<workgroup> exchanged: array<u32, {}>;", self.lanes));
        self.line(&format!("var<workgroup> exchanged_rows: array<vec3f, {}>;", self.lanes));
        self.line("var<workgroup> tallies: array<atomic<u32>, 4>;");
        self.line("var<workgroup> flag: u32;");
        self.declare_places();
        match self.dialect {
            Dialect::Full => self.known(),
            Dialect::Exact => self.fitting(),
        }
    }

    /// Functions that give floats which are no NaN.
    fn known(&mut self) {
        self.line("fn known_half(x: f16) -> f16 { return select(x, 1h, x != x); }");
        for width in 1..5 {
            let (ty, bits) = (F32.vector(width), U32.vector(width));
            let (mask, infinity) = match width {
                1 => ("0x7fffffffu".to_owned(), "0x7f800000u".to_owned()),
                _ => (format!("{bits}(0x7fffffffu)"), format!("{bits}(0x7f800000u)")),
            };
            self.line(&format!(
                "fn known_{width}(x: {ty}) -> {ty} {{ return select(x, {ty}(1.0), (bitcast<{bits}>(x) & {mask}) > {infinity}); }}"
            ));
        }
    }

    /// What every function may use: variables of all types, arrays and a struct.
    fn locals(&mut self) {
        for (set, depth) in [("a", 2), ("c", 1)] {
            for ty in self.types().filter(|ty| set == "a" || ty.width % 2 == 1) {
                let name = format!("{set}_{}", ty.tag());
                let value = self.expr(ty, depth);
                self.line(&format!("var {name} = {value};"));
                self.scope.push(Variable { name, ty, assignable: true });
            }
        }
    }

    /// The arrays and the struct that every function has.
    fn aggregates(&mut self) {
        self.line("var list = array<u32, 5>(1u, at, 3u, 4u, 5u);");
        self.line("var rows = array<vec3f, 3>(vec3f(floats[at]), vec3f(1.5, f32(at), -2.0), params.v.xyz);");
        self.line("var pair = Pair(i32(at) - 3, vec3f(2.0), vec2u(at));");
        self.local_places();
    }

    /// A function with early returns, which may call those before it.
    fn function(&mut self) {
        let types: Vec<Type> = self.types().collect();
        let parameters: Vec<Type> = (0..1 + self.random.below(3)).map(|_| self.random.pick(&types)).collect();
        let result =
            self.random.pick(&[U32.scalar(), F32.scalar(), I32.scalar(), Bool.scalar(), F32.vector(3), U32.vector(4)]);
        let named: Vec<String> = parameters.iter().enumerate().map(|(n, ty)| format!("p{n}: {ty}")).collect();
        self.line(&format!("fn function_{}(at: u32, {}) -> {result} {{", self.functions.len(), named.join(", ")));
        self.indent = 1;
        (self.nodes, self.statements, self.calls) = (60 / self.scale, 8, 2);
        self.scope.clear();
        self.scope.push(Variable { name: "at".into(), ty: U32.scalar(), assignable: false });
        for (n, &ty) in parameters.iter().enumerate() {
            self.scope.push(Variable { name: format!("p{n}"), ty, assignable: false });
        }
        self.aggregates();
        self.locals();
        self.result = Some(result);
        self.indent = 0;
        self.block(2);
        self.indent = 1;
        let value = self.expr(result, 2);
        self.line(&format!("return {value};"));
        self.indent = 0;
        self.line("}");
        self.result = None;
        self.functions.push(Function { parameters, result });
    }

    fn main(&mut self, size: [u32; 3], workgroups: [u32; 3]) {
        let [x, y, z] = size;
        self.line(&format!("@compute @workgroup_size({x}, {y}, {z})"));
        self.line("fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32,");
        self.line("        @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,");
        // In more dimensions naga refuses the number within a subgroup.
        let subgroups = !self.is_exact() && y * z == 1;
        let inputs = "@builtin(subgroup_invocation_id) among: u32, @builtin(subgroup_size) together: u32, ";
        let inputs = if subgroups { inputs } else { "" };
        self.line(&format!("        {inputs}@builtin(local_invocation_id) local: vec3u) {{"));
        self.indent = 1;
        let lanes = self.lanes;
        let by_group = format!("(group.x + groups.x * (group.y + groups.y * group.z)) * {lanes}u + lane");
        let by_id = format!("id.x + groups.x * {x}u * (id.y + groups.y * {y}u * id.z)");
        let flat = y * z * workgroups[1] * workgroups[2] == 1;
        let number = match self.random.below(3) {
            0 if flat => "id.x".to_owned(),
            0 | 1 => by_id,
            _ => by_group,
        };
        self.line(&format!("let at = {number};"));
        (self.nodes, self.calls) = (60 / self.scale, 1);
        self.in_main = true;
        self.scope.clear();
        for name in ["at", "lane", "local.x", "local.y", "id.y", "group.x", "groups.z"] {
            self.scope.push(Variable { name: name.into(), ty: U32.scalar(), assignable: false });
        }
        for name in ["among", "together"].into_iter().filter(|_| subgroups) {
            self.scope.push(Variable { name: name.into(), ty: U32.scalar(), assignable: false });
        }
        self.scope.push(Variable { name: "id".into(), ty: U32.vector(3), assignable: false });
        self.aggregates();
        self.locals();
        self.line("a_u1 = words[at];");
        self.line("a_f1 = floats[at];");
        (self.nodes, self.statements, self.calls) = (300 / self.scale, 32 / self.scale, 5);
        self.steps();
        self.finish();
        self.indent = 0;
        self.line("}");
    }

    /// Writes what the variables hold at the end.
    fn finish(&mut self) {
        let mut words = "a_u1".to_owned();
        for ty in self.types().filter(|ty| ty.scalar != F32) {
            let name = format!("a_{}", ty.tag());
            for part in ["x", "y", "z", "w"].into_iter().take(ty.width) {
                let value = if ty.is_vector() { format!("{name}.{part}") } else { name.clone() };
                words = format!("({words} * 31u ^ u32({value}))");
            }
        }
        let own = self.own;
        let place = |name: &str| own.replace("LENGTH", &format!("arrayLength(&{name})"));
        // Not always: what nothing uses is not computed.
        if !self.random.chance(20) {
            self.line(&format!("out_words[{}] ^= {words} + list[1] + list[at % 5u];", place("out_words")));
        }
        if self.random.chance(70) {
            self.line(&format!("out_floats[{}] = a_f1 + dot(a_f2, a_f2) + rows[1].y;", place("out_floats")));
        }
        if self.random.chance(50) {
            self.line(&format!("out_vectors[{}] = a_f4 + vec4f(a_f3, pair.v.x);", place("out_vectors")));
        }
        if self.random.chance(40) {
            let record = "Record(a_u1, a_f3, a_i1, array<u32, 3>(a_u2.x, a_u3.y, list[2]))";
            self.line(&format!("out_records[{}] = {record};", place("out_records")));
        }
    }
}
