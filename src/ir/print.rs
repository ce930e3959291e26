//! Programs as text.

use std::fmt::{self, Display, Formatter};

use super::{
    Address, AtomicFun, Block, Builtin, End, IndexBound, Label, Mem, Op, Program, Space, Stmt, Type, Uniformity, Value,
};

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.workgroup_size;
        writeln!(f, "kernel {} workgroup {x}x{y}x{z}", self.name)?;
        for memory in &self.memories {
            write!(f, "  {}: ", memory.name)?;
            match memory.space {
                Space::Storage { writable: false, .. } => f.write_str("storage read")?,
                Space::Storage { writable: true, .. } => f.write_str("storage read_write")?,
                Space::Uniform { .. } => f.write_str("uniform")?,
                Space::Workgroup { bytes } => write!(f, "workgroup, {bytes} bytes")?,
                Space::Private { bytes } => write!(f, "private, {bytes} bytes a lane")?,
                Space::Constant => write!(f, "constant, {} words", memory.data.len())?,
            }
            if let Some(array) = memory.runtime {
                write!(f, ", array of stride {} from byte {}", array.stride, array.offset)?;
            }
            writeln!(f)?;
        }
        f.write_str("{\n")?;
        Printer { program: self, f, depth: 1 }.block(&self.body, "end")?;
        f.write_str("}\n")
    }
}

/// The statement `at` of a block, or its end behind the last one, marked, and the lines around it; whatever rules
/// the program breaks.
pub fn excerpt(program: &Program, block: &Block, at: usize) -> String {
    const AROUND: usize = 4;
    let mut lines = Vec::new();
    let mut marked = 0;
    for i in 0..=block.stmts.len() {
        if i == at {
            marked = lines.len();
        }
        let text = Piece { program, block, at: i }.to_string();
        lines.extend(text.lines().map(str::to_owned));
    }
    let shown = marked.saturating_sub(AROUND)..(marked + AROUND + 1).min(lines.len());
    let mark = |i: usize| if i == marked { '>' } else { ' ' };
    shown.map(|i| format!("  {}{}\n", mark(i), lines[i])).collect()
}

/// A statement of a block, or its end, whether it says anything or not.
struct Piece<'a> {
    program: &'a Program,
    block: &'a Block,
    at: usize,
}

impl Display for Piece<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut printer = Printer { program: self.program, f, depth: 1 };
        match (self.block.stmts.get(self.at), &self.block.end) {
            (Some(stmt), _) => printer.stmt(stmt),
            (None, End::Yield(values)) if values.is_empty() => printer.line("end"),
            (None, end) => printer.end(end, "yield"),
        }
    }
}

struct Printer<'a, 'f, 'w> {
    program: &'a Program,
    f: &'f mut Formatter<'w>,
    depth: usize,
}

impl<'a> Printer<'a, '_, '_> {
    fn line(&mut self, text: impl Display) -> fmt::Result {
        writeln!(self.f, "{:indent$}{text}", "", indent = self.depth * 2)
    }

    /// A block's statements and end; `fall` is the word for falling out of it.
    fn block(&mut self, block: &Block, fall: &str) -> fmt::Result {
        for stmt in &block.stmts {
            self.stmt(stmt)?;
        }
        self.end(&block.end, fall)
    }

    fn end(&mut self, end: &End, fall: &str) -> fmt::Result {
        match end {
            End::Yield(values) if values.is_empty() => Ok(()),
            End::Yield(values) => self.line(format_args!("{fall} {}", self.list(values))),
            End::Break(label, values) if values.is_empty() => self.line(format_args!("break {label}")),
            End::Break(label, values) => self.line(format_args!("break {label} {}", self.list(values))),
            End::Return => self.line("return"),
            End::Unreachable => self.line("unreachable"),
        }
    }

    fn nested(&mut self, block: &Block, fall: &str) -> fmt::Result {
        self.depth += 1;
        self.block(block, fall)?;
        self.depth -= 1;
        Ok(())
    }

    fn stmt(&mut self, stmt: &Stmt) -> fmt::Result {
        match stmt {
            Stmt::Let(value) => self.line(format_args!("{} = {}", self.definition(*value), self.op(*value))),
            Stmt::Store { address, value } => {
                self.line(format_args!("{} <- {}", self.address(address), self.value(*value)))
            }
            Stmt::Clear(mem) => {
                let name = self.memory(*mem);
                self.line(format_args!("clear {name}"))
            }
            Stmt::Barrier(_) => self.line("barrier"),
            Stmt::If { cond, accept, reject, results } => {
                self.line(format_args!("{}if {} {{", self.results(results), self.value(*cond)))?;
                self.nested(accept, "yield")?;
                if !reject.stmts.is_empty() || reject.end != End::Yield(Vec::new()) {
                    self.line("} else {")?;
                    self.nested(reject, "yield")?;
                }
                self.line("}")
            }
            Stmt::Loop { label, params, inits, body, results } => {
                let params: Vec<String> = params
                    .iter()
                    .zip(inits)
                    .map(|(&p, &i)| format!("{} = {}", self.definition(p), self.value(i)))
                    .collect();
                self.line(format_args!("{}loop {label} ({}) {{", self.results(results), params.join(", ")))?;
                self.nested(body, "next")?;
                self.line("}")
            }
            Stmt::Scope { label, body, results } => {
                self.line(format_args!("{}scope {label} {{", self.results(results)))?;
                self.nested(body, "yield")?;
                self.line("}")
            }
        }
    }

    fn results(&self, results: &[Value]) -> String {
        if results.is_empty() {
            return String::new();
        }
        let results: Vec<String> = results.iter().map(|&r| self.definition(r)).collect();
        format!("{} = ", results.join(", "))
    }

    /// A value where it is defined: with its type and, unless it varies, how far it is uniform.
    fn definition(&self, value: Value) -> String {
        let Some(def) = self.program.values.get(value.0 as usize) else { return format!("%{}: ?", value.0) };
        let uniform = match def.uniformity {
            Uniformity::Dispatch => " dispatch",
            Uniformity::Workgroup => " workgroup",
            Uniformity::Varying => "",
        };
        format!("%{}: {}{uniform}", value.0, name(def.ty))
    }

    /// A value where it is used; constants are written out.
    fn value(&self, value: Value) -> String {
        let Some(def) = self.program.values.get(value.0 as usize) else { return format!("%{}", value.0) };
        match def.op {
            Op::Const(bits) => match def.ty {
                Type::F32 | Type::F16 => format!("{:?}", f32::from_bits(bits)),
                Type::I32 => (bits as i32).to_string(),
                Type::U32 => format!("{bits}u"),
                Type::Bool => (bits != 0).to_string(),
            },
            _ => format!("%{}", value.0),
        }
    }

    fn list(&self, values: &[Value]) -> String {
        values.iter().map(|&v| self.value(v)).collect::<Vec<_>>().join(", ")
    }

    fn memory(&self, mem: Mem) -> &'a str {
        self.program.memories.get(mem.0 as usize).map_or("?", |memory| &memory.name)
    }

    fn address(&self, address: &Address) -> String {
        let mut text = self.memory(address.mem).to_string();
        for term in &address.terms {
            let bound = match term.bound {
                IndexBound::Const(n) => n.to_string(),
                IndexBound::Runtime => "length".into(),
            };
            text += &format!("[{} < {bound}; {}]", self.value(term.index), term.stride);
        }
        if address.offset != 0 || address.terms.is_empty() {
            text += &format!("+{}", address.offset);
        }
        text
    }

    fn op(&self, value: Value) -> String {
        let v = |v: Value| self.value(v);
        let Some(def) = self.program.values.get(value.0 as usize) else { return "?".into() };
        match &def.op {
            Op::Const(_) => self.value(value),
            Op::Builtin(builtin) => builtin_name(*builtin),
            Op::Unary(op, a) => format!("{} {}", lower_case(op), v(*a)),
            Op::Binary(op, a, b) => format!("{} {}, {}", lower_case(op), v(*a), v(*b)),
            Op::Fma(a, b, c) => format!("fma {}, {}, {}", v(*a), v(*b), v(*c)),
            Op::Select { cond, accept, reject } => format!("select {}, {}, {}", v(*cond), v(*accept), v(*reject)),
            Op::Convert(a) => format!("convert {}", v(*a)),
            Op::Bitcast(a) => format!("bitcast {}", v(*a)),
            Op::Load(address) => format!("load {}", self.address(address)),
            Op::UniformLoad(address) => format!("uniform_load {}", self.address(address)),
            Op::ArrayLength(mem) => format!("length {}", self.memory(*mem)),
            Op::Atomic(atomic) => {
                let address = self.address(&atomic.address);
                let mut text = format!("atomic_{} {address}", lower_case(&atomic.fun));
                if let Some(compare) = atomic.compare {
                    text += &format!(", {}", v(compare));
                }
                if atomic.fun != AtomicFun::Load {
                    text += &format!(", {}", v(atomic.value));
                }
                text
            }
            Op::Shuffle(a, lane) => format!("subgroup_shuffle {}, {}", v(*a), v(*lane)),
            Op::Subgroup(fun, a) => format!("subgroup_{} {}", lower_case(fun), v(*a)),
            Op::Phi => "phi".into(),
        }
    }
}

impl Display for Label {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "L{}", self.0)
    }
}

pub fn name(ty: Type) -> &'static str {
    match ty {
        Type::F32 => "f32",
        Type::F16 => "f16",
        Type::I32 => "i32",
        Type::U32 => "u32",
        Type::Bool => "bool",
    }
}

/// The name of a variant in the words of the printed form: `CountOnes` is `count_ones`.
fn lower_case(variant: &impl fmt::Debug) -> String {
    let mut text = String::new();
    for (i, c) in format!("{variant:?}").char_indices() {
        if c.is_uppercase() && i > 0 {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

fn builtin_name(builtin: Builtin) -> String {
    let axis = |name: &str, axis: u8| format!("{name}.{}", ["x", "y", "z"][usize::from(axis)]);
    match builtin {
        Builtin::GlobalId(a) => axis("global_id", a),
        Builtin::LocalId(a) => axis("local_id", a),
        Builtin::WorkgroupId(a) => axis("workgroup_id", a),
        Builtin::NumWorkgroups(a) => axis("num_workgroups", a),
        Builtin::LocalIndex => "local_index".into(),
        Builtin::SubgroupInvocationId => "subgroup_invocation_id".into(),
        Builtin::SubgroupId => "subgroup_id".into(),
    }
}
