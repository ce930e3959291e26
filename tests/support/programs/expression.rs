//! Expressions of a type.

use super::{
    Generator, Variable,
    types::{
        NUMBERS,
        Scalar::{self, Bool, F16, F32, I32, U32},
        Type,
    },
};

/// Functions of one argument that gives its own type, over integers.
const INTEGER_UNARY: [&str; 8] = [
    "abs",
    "countOneBits",
    "reverseBits",
    "firstLeadingBit",
    "firstTrailingBit",
    "countLeadingZeros",
    "countTrailingZeros",
    "-",
];

/// The same over floats.
const FLOAT_UNARY: [&str; 33] = [
    "abs",
    "-",
    "floor",
    "ceil",
    "trunc",
    "round",
    "fract",
    "sqrt",
    "inverseSqrt",
    "sign",
    "saturate",
    "exp",
    "exp2",
    "log",
    "log2",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "degrees",
    "radians",
    "quantizeToF16",
    "normalize",
    "mantissa",
    "fraction",
];

impl Generator {
    /// An expression of this type, no deeper than `depth`.
    pub(super) fn expr(&mut self, ty: Type, depth: usize) -> String {
        if depth == 0 || self.nodes == 0 {
            return self.leaf(ty);
        }
        self.nodes -= 1;
        let depth = depth - 1;
        match self.random.below(if self.is_exact() { 14 } else { 15 }) {
            14 => self.subgroup(ty, depth),
            0 => self.leaf(ty),
            1 => self.select(ty, depth),
            2 | 3 => self.parts(ty, depth),
            4 | 5 => self.memory(ty, depth),
            6 => self.call(ty, depth),
            _ => match ty.scalar {
                U32 | I32 => self.integer(ty, depth),
                F32 if self.is_exact() => self.exact_float(ty, depth),
                F32 | F16 => self.float(ty, depth),
                Bool => self.condition(ty, depth),
            },
        }
    }

    /// A variable or a constant.
    pub(super) fn leaf(&mut self, ty: Type) -> String {
        let known: Vec<&String> = self.scope.iter().filter(|known| known.ty == ty).map(|known| &known.name).collect();
        if !known.is_empty() && !self.random.chance(25) {
            return known[self.random.below(known.len())].clone();
        }
        let constant = self.random.below(self.constants(ty.scalar).len());
        let name = format!("{}_{constant}", ty.scalar.letter());
        if ty.is_vector() { format!("{ty}({name})") } else { name }
    }

    fn select(&mut self, ty: Type, depth: usize) -> String {
        let (a, b) = (self.expr(ty, depth), self.expr(ty, depth));
        let condition = if self.random.chance(50) { ty.of(Bool) } else { Bool.scalar() };
        let condition = self.expr(condition, depth);
        format!("select({a}, {b}, {condition})")
    }

    /// A vector from its parts, or a part of a vector.
    fn parts(&mut self, ty: Type, depth: usize) -> String {
        let width = 2 + self.random.below(3);
        if !ty.is_vector() {
            let vector = self.expr(ty.scalar.vector(width), depth);
            let named = ["x", "y", "z", "w"][self.random.below(width)];
            if self.random.chance(40) {
                let index = self.expr(U32.scalar(), depth.min(1));
                // Seldom beyond the end.
                let modulus = width + usize::from(self.random.chance(10));
                return format!("{vector}[{index} % {modulus}u]");
            }
            return format!("{vector}.{named}");
        }
        match self.random.below(3) {
            0 => {
                let parts: Vec<String> = (0..ty.width).map(|_| self.expr(ty.scalar.scalar(), depth)).collect();
                format!("{ty}({})", parts.join(", "))
            }
            1 => {
                let vector = self.expr(ty.scalar.vector(width), depth);
                let swizzle: String = (0..ty.width).map(|_| ['x', 'y', 'z', 'w'][self.random.below(width)]).collect();
                format!("{vector}.{swizzle}")
            }
            _ if ty.width > 2 => {
                let first = self.expr(ty.scalar.scalar(), depth);
                let rest = self.expr(ty.scalar.vector(ty.width - 1), depth);
                format!("{ty}({first}, {rest})")
            }
            _ => {
                let part = self.expr(ty.scalar.scalar(), depth);
                format!("{ty}({part})")
            }
        }
    }

    /// What lies in a buffer, a uniform, a local array or a struct.
    fn memory(&mut self, ty: Type, depth: usize) -> String {
        if self.random.chance(20)
            && let Some(read) = self.in_places(ty, depth)
        {
            return read;
        }
        let index = self.index(depth);
        match (ty.scalar, ty.width) {
            (U32, 1) => match self.random.below(9) {
                0 | 1 => format!("words[{index}]"),
                2 => format!("records[{index}].list[{} % 4u]", self.expr(U32.scalar(), 0)),
                3 => format!("records[{index}].a"),
                4 => format!("params.table[{} % 3u][{} % 4u]", self.expr(U32.scalar(), 0), self.leaf(U32.scalar())),
                5 => "params.n".into(),
                6 => format!("TABLE[{} % 9u]", self.expr(U32.scalar(), depth)),
                7 => self.pick_string(&["arrayLength(&words)", "arrayLength(&vectors)", "arrayLength(&out_records)"]),
                _ => format!("list[{} % 6u]", self.expr(U32.scalar(), depth)),
            },
            (U32, 2) => "pair.b".into(),
            (U32, 4) => format!("params.table[{} % 4u]", self.expr(U32.scalar(), 0)),
            (I32, 1) => match self.random.below(4) {
                0 => "params.k".into(),
                1 => format!("records[{index}].b"),
                2 => "pair.a".into(),
                _ => format!("fixed[{} % 7u].y", self.expr(U32.scalar(), depth)),
            },
            (I32, 3) => format!("fixed[{} % 6u]", self.expr(U32.scalar(), depth)),
            (F16, 1) => match self.random.below(3) {
                0 => format!("f16(floats[{index}])"),
                _ => format!("halves[{index}]"),
            },
            (F32, 1) => match self.random.below(5) {
                0 | 1 => format!("floats[{index}]"),
                2 => "params.f".into(),
                3 => format!("vectors[{index}][{} % 4u]", self.leaf(U32.scalar())),
                _ => format!("rows[{} % 4u].z", self.leaf(U32.scalar())),
            },
            (F32, 3) => match self.random.below(3) {
                0 => format!("rows[{} % 3u]", self.expr(U32.scalar(), depth)),
                1 => "pair.v".into(),
                _ => format!("records[{index}].v"),
            },
            (F32, 4) => match self.random.below(3) {
                0 | 1 => format!("vectors[{index}]"),
                _ => "params.v".into(),
            },
            _ => self.leaf(ty),
        }
    }

    /// An index into a buffer of about as many elements as there are invocations.
    fn index(&mut self, depth: usize) -> String {
        let offset = self.random.below(9);
        let counter = self.scope.iter().rfind(|known| known.name.starts_with('k'));
        if let Some(Variable { name, .. }) = counter
            && self.random.below(5) == 0
        {
            return if offset < 6 { format!("u32({name})") } else { format!("u32({name}) + {offset}u") };
        }
        match self.random.below(11) {
            0..=2 => "at".into(),
            3 => format!("at + {offset}u"),
            4 => format!("at - {offset}u"),
            5 => format!("min(at + {offset}u, arrayLength(&words) - 1u)"),
            6 => {
                let condition = self.expr(Bool.scalar(), depth.min(1));
                format!("select(at, {offset}u, {condition})")
            }
            7 => format!("at * {}u + {offset}u", 2 + self.random.below(3)),
            8 => format!("words[at] % {}u", 1 + self.random.below(200)),
            9 => {
                let index = self.expr(U32.scalar(), depth);
                format!("{index} % {}u", 1 + self.random.below(300))
            }
            // Anywhere, and mostly outside.
            _ => self.expr(U32.scalar(), depth),
        }
    }

    /// A function of the program, where one gives this type.
    fn call(&mut self, ty: Type, depth: usize) -> String {
        let known: Vec<usize> = (0..self.functions.len()).filter(|&f| self.functions[f].result == ty).collect();
        if known.is_empty() || self.calls == 0 {
            return self.leaf(ty);
        }
        self.calls -= 1;
        let function = known[self.random.below(known.len())];
        let parameters = self.functions[function].parameters.clone();
        let arguments: Vec<String> = parameters.into_iter().map(|ty| self.expr(ty, depth)).collect();
        format!("function_{function}(at, {})", arguments.join(", "))
    }

    fn integer(&mut self, ty: Type, depth: usize) -> String {
        let a = self.expr(ty, depth);
        match self.random.below(15) {
            0..=2 => {
                let b = self.expr(ty, depth);
                let op = self.random.pick(&["+", "-", "*", "&", "|", "^", "/", "%"]);
                format!("({a} {op} {b})")
            }
            3 => {
                // A constant that is known to be one.
                let suffix = if ty.scalar == U32 { "u" } else { "i" };
                let (op, constant) =
                    (self.random.pick(&["+", "*", "/", "%", "-"]), self.random.pick(&[1, 2, 3, 7, 10, 64, 1000]));
                format!("({a} {op} {constant}{suffix})")
            }
            4 => {
                // A vector and a scalar.
                let b = self.expr(ty.scalar.scalar(), depth);
                let op = self.random.pick(&["+", "-", "*", "/", "%"]);
                if self.random.chance(50) { format!("({a} {op} {b})") } else { format!("({b} {op} {a})") }
            }
            5 => {
                let by = self.expr(ty.of(U32), depth);
                format!("({a} {} {by})", self.random.pick(&["<<", ">>"]))
            }
            6 if !ty.is_vector() => format!("({a} {} {}u)", self.random.pick(&["<<", ">>"]), self.random.below(32)),
            6 | 7 => match self.random.pick(&INTEGER_UNARY) {
                "-" if ty.scalar == U32 => format!("(~{a})"),
                "-" => format!("(-{a})"),
                name => format!("{name}({a})"),
            },
            8 => {
                let b = self.expr(ty, depth);
                format!("{}({a}, {b})", self.random.pick(&["min", "max"]))
            }
            9 => {
                let (low, high) = (self.expr(ty, depth), self.expr(ty, depth));
                format!("clamp({a}, {low}, {high})")
            }
            10 => {
                let (offset, count) = (self.expr(U32.scalar(), depth.min(1)), self.expr(U32.scalar(), depth.min(1)));
                if self.random.chance(50) {
                    return format!("extractBits({a}, {offset}, {count})");
                }
                let b = self.expr(ty, depth);
                format!("insertBits({a}, {b}, {offset}, {count})")
            }
            11 if ty == I32.scalar() || ty == U32.scalar() => {
                let wide = ty.scalar.vector(2 + self.random.below(3));
                let (b, c) = (self.expr(wide, depth), self.expr(wide, depth));
                format!("dot({b}, {c})")
            }
            11 if ty == I32.vector(4) => format!("unpack4xI8({})", self.expr(U32.scalar(), depth)),
            11 if ty == U32.vector(4) => format!("unpack4xU8({})", self.expr(U32.scalar(), depth)),
            12 if ty == U32.scalar() => self.packed(depth),
            12 if ty == I32.scalar() => {
                let (b, c) = (self.expr(U32.scalar(), depth), self.expr(U32.scalar(), depth));
                format!("dot4I8Packed({b}, {c})")
            }
            12 if ty.scalar == I32 && !self.is_exact() && self.random.chance(50) => {
                // The exponent of what is not finite is left open.
                let float = self.expr(ty.of(F32), depth);
                format!(
                    "frexp(clamp(known_{}({float}), {ty_of}(-3e38), {ty_of}(3e38))).exp",
                    ty.width,
                    ty_of = ty.of(F32)
                )
            }
            12 if ty.scalar == I32 => format!("sign({a})"),
            13 if !self.is_exact() => {
                // The bits of a float, if it is not a NaN: which one that is is left open.
                let float = self.expr(ty.of(F32), depth);
                format!("bitcast<{ty}>(known_{}({float}))", ty.width)
            }
            _ => {
                let other = self.random.pick(self.scalars());
                let other = self.expr(ty.of(other), depth);
                format!("{ty}({other})")
            }
        }
    }

    /// A word that something was packed into.
    fn packed(&mut self, depth: usize) -> String {
        match self.random.below(4) {
            0 => {
                let (b, c) = (self.expr(U32.scalar(), depth), self.expr(U32.scalar(), depth));
                format!("dot4U8Packed({b}, {c})")
            }
            1 | 2 if self.is_exact() => self.leaf(U32.scalar()),
            1 => {
                let vector = self.expr(F32.vector(4), depth);
                format!("{}(known_4({vector}))", self.random.pick(&["pack4x8snorm", "pack4x8unorm"]))
            }
            2 => {
                let vector = self.expr(F32.vector(2), depth);
                format!("{}(known_2({vector}))", self.random.pick(&["pack2x16snorm", "pack2x16unorm", "pack2x16float"]))
            }
            _ => {
                let (name, scalar) = self.random.pick(&[
                    ("pack4xI8", I32),
                    ("pack4xU8", U32),
                    ("pack4xI8Clamp", I32),
                    ("pack4xU8Clamp", U32),
                ]);
                format!("{name}({})", self.expr(scalar.vector(4), depth))
            }
        }
    }

    fn float(&mut self, ty: Type, depth: usize) -> String {
        let a = self.expr(ty, depth);
        match self.random.below(18) {
            0..=3 => {
                let b = self.expr(ty, depth);
                format!("({a} {} {b})", self.random.pick(&["+", "-", "*", "/", "%"]))
            }
            4 => {
                let b = self.expr(ty.scalar.scalar(), depth);
                let op = self.random.pick(&["+", "-", "*", "/"]);
                if self.random.chance(50) { format!("({a} {op} {b})") } else { format!("({b} {op} {a})") }
            }
            5..=7 => match self.random.pick(&FLOAT_UNARY) {
                "-" => format!("(-{a})"),
                "normalize" if !ty.is_vector() => a,
                "quantizeToF16" if ty.scalar == F16 => a,
                "mantissa" => format!("frexp({a}).fract"),
                "fraction" => format!("modf({a}).{}", self.random.pick(&["fract", "whole"])),
                name => format!("{name}({a})"),
            },
            8 => {
                let b = self.expr(ty, depth);
                format!("{}({a}, {b})", self.random.pick(&["min", "max", "step", "atan2", "pow"]))
            }
            9 => {
                let (b, c) = (self.expr(ty, depth), self.expr(ty, depth));
                format!("{}({a}, {b}, {c})", self.random.pick(&["fma", "mix", "clamp", "smoothstep"]))
            }
            10 => {
                let exponent = self.expr(ty.of(I32), depth);
                format!("ldexp({a}, {exponent})")
            }
            11 if ty.width == 3 => {
                let b = self.expr(ty, depth);
                format!("cross({a}, {b})")
            }
            11 if ty.is_vector() => {
                let b = self.expr(ty, depth);
                match self.random.below(3) {
                    0 => return format!("reflect({a}, {b})"),
                    1 => return format!("refract({a}, {b}, {})", self.expr(ty.scalar.scalar(), depth)),
                    _ => {}
                }
                let c = self.expr(ty, depth);
                format!("faceForward({a}, {b}, {c})")
            }
            11 | 12 if !ty.is_vector() => {
                let wide = ty.scalar.vector(2 + self.random.below(3));
                let b = self.expr(wide, depth);
                if self.random.chance(40) {
                    return format!("length({b})");
                }
                let c = self.expr(wide, depth);
                format!("{}({b}, {c})", self.random.pick(&["dot", "distance"]))
            }
            12 if ty.scalar == F32 && ty.width != 3 => {
                let word = self.expr(U32.scalar(), depth);
                let names: &[&str] = if ty.width == 4 {
                    &["unpack4x8snorm", "unpack4x8unorm"]
                } else {
                    &["unpack2x16snorm", "unpack2x16unorm", "unpack2x16float"]
                };
                format!("{}({word})", self.random.pick(names))
            }
            13 if ty.scalar == F32 => {
                let bits = self.random.pick(&[U32, I32]);
                format!("bitcast<{ty}>({})", self.expr(ty.of(bits), depth))
            }
            14 | 15 => self.matrix(ty, depth),
            _ => {
                let other = self.random.pick(&[U32, I32, Bool, if ty.scalar == F32 { F16 } else { F32 }]);
                format!("{ty}({})", self.expr(ty.of(other), depth))
            }
        }
    }

    /// What a matrix comes to with a vector, or by itself: exact are single products and their sums.
    pub(super) fn matrix(&mut self, ty: Type, depth: usize) -> String {
        let scalar = ty.scalar;
        let inner = 2 + self.random.below(3);
        let (columns, rows) = if ty.is_vector() { (inner, ty.width) } else { (inner, inner) };
        let parts: Vec<String> = (0..columns).map(|_| self.expr(scalar.vector(rows), depth.min(1))).collect();
        let matrix = format!("mat{columns}x{rows}<{}>({})", scalar.name(), parts.join(", "));
        if !ty.is_vector() {
            let choice = if self.is_exact() { 1 + self.random.below(2) } else { self.random.below(3) };
            return match choice {
                0 => format!("determinant({matrix})"),
                1 => format!("({matrix} * {matrix})[1].y"),
                _ => format!("transpose({matrix})[{} % {columns}u].x", self.leaf(U32.scalar())),
            };
        }
        let vector = self.expr(scalar.vector(columns), depth.min(1));
        match self.random.below(if self.is_exact() { 3 } else { 4 }) {
            0 => format!("({vector} * transpose({matrix}))"),
            1 if !self.is_exact() => format!(
                "({matrix} + {matrix} * {})[{} % {columns}u]",
                self.leaf(scalar.scalar()),
                self.leaf(U32.scalar())
            ),
            _ => format!("({matrix} * {vector})"),
        }
    }

    /// An operation across the subgroup, whoever of it is there.
    fn subgroup(&mut self, ty: Type, depth: usize) -> String {
        if ty.scalar == Bool {
            if ty.is_vector() {
                return self.leaf(ty);
            }
            let condition = self.expr(ty, depth);
            return match self.random.below(4) {
                0 => "subgroupElect()".to_owned(),
                _ => format!("{}({condition})", self.random.pick(&["subgroupAny", "subgroupAll"])),
            };
        }
        if ty == U32.vector(4) && self.random.chance(50) {
            return format!("subgroupBallot({})", self.expr(Bool.scalar(), depth));
        }
        let value = self.expr(ty, depth);
        let lane = self.random.below(8);
        match self.random.below(10) {
            0 => format!("subgroupBroadcast({value}, {lane}u)"),
            1 => format!("quadBroadcast({value}, {}u)", lane % 4),
            2 => format!("{}({value})", self.random.pick(&["quadSwapX", "quadSwapY", "quadSwapDiagonal"])),
            3 | 4 => {
                let names = ["subgroupShuffle", "subgroupShuffleXor", "subgroupShuffleUp", "subgroupShuffleDown"];
                let index = self.expr(U32.scalar(), depth.min(1));
                format!("{}({value}, {index})", self.random.pick(&names))
            }
            5 if !ty.scalar.is_float() => {
                format!("{}({value})", self.random.pick(&["subgroupAnd", "subgroupOr", "subgroupXor"]))
            }
            6 => format!("{}({value})", self.random.pick(&["subgroupInclusiveAdd", "subgroupInclusiveMul"])),
            7 => format!("{}({value})", self.random.pick(&["subgroupExclusiveAdd", "subgroupExclusiveMul"])),
            8 => format!("subgroupBroadcastFirst({value})"),
            _ => {
                format!("{}({value})", self.random.pick(&["subgroupAdd", "subgroupMul", "subgroupMin", "subgroupMax"]))
            }
        }
    }

    fn condition(&mut self, ty: Type, depth: usize) -> String {
        match self.random.below(8) {
            0 => {
                let (a, b) = (self.expr(ty, depth), self.expr(ty, depth));
                let op = if ty.is_vector() {
                    self.random.pick(&["&", "|", "==", "!="])
                } else {
                    self.random.pick(&["&&", "||", "&", "|", "==", "!="])
                };
                format!("({a} {op} {b})")
            }
            1 => format!("(!{})", self.expr(ty, depth)),
            2 if !ty.is_vector() => {
                let width = 2 + self.random.below(3);
                let vector = self.expr(Bool.vector(width), depth);
                format!("{}({vector})", self.random.pick(&["all", "any"]))
            }
            3 => {
                let number = self.number();
                format!("{ty}({})", self.expr(ty.of(number), depth))
            }
            _ => {
                let number = self.number();
                let (a, b) = (self.expr(ty.of(number), depth), self.expr(ty.of(number), depth));
                format!("({a} {} {b})", self.random.pick(&["<", "<=", ">", ">=", "==", "!="]))
            }
        }
    }

    /// A type of numbers.
    fn number(&mut self) -> Scalar {
        let numbers = if self.is_exact() { &NUMBERS[..3] } else { &NUMBERS };
        self.random.pick(numbers)
    }

    fn pick_string(&mut self, choices: &[&str]) -> String {
        self.random.pick(choices).to_owned()
    }
}
