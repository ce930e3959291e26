//! Where values are defined and used last, and which are the same in the whole dispatch.

use super::compile::malformed;
use crate::{
    error::{Error, Message, Result},
    ir::{self, Program, Stmt, Value},
};

/// How deep statements may nest: the executor recurses.
const MAX_DEPTH: usize = 400;

/// Where values are defined and used last. A value dies at the statement of its own block that holds its last use.
pub(super) struct Uses<'a> {
    program: &'a Program,
    /// Whether loads may be computed up front.
    loads_first: bool,
    /// The block and the statement that the walk is at, from the body inwards.
    path: Vec<usize>,
    /// The depth of the block that defines a value.
    depth: Vec<usize>,
    /// The statement, in the block that defines a value, that uses it last.
    pub last: Vec<usize>,
    /// Values that are the same in the whole dispatch and computed up front, in order.
    pub fixed: Vec<Value>,
    pub is_fixed: Vec<bool>,
}

impl<'a> Uses<'a> {
    pub fn new(program: &'a Program, loads_first: bool) -> Self {
        let values = program.values.len();
        Uses {
            program,
            loads_first,
            path: Vec::new(),
            depth: vec![usize::MAX; values],
            last: vec![0; values],
            fixed: Vec::new(),
            is_fixed: vec![false; values],
        }
    }

    pub fn block(&mut self, block: &ir::Block, params: &[Value]) -> Result<()> {
        if self.path.len() >= MAX_DEPTH {
            return Err(Error::Unsupported(
                Message::new(format!("statements nest more than {MAX_DEPTH} deep"))
                    .kernel(self.program.name.as_str())
                    .help("flatten the control flow, for instance with `switch` in place of a chain of `else if`"),
            ));
        }
        self.path.push(0);
        self.define_all(params);
        for (index, stmt) in block.stmts.iter().enumerate() {
            *self.path.last_mut().expect("the block's own entry") = index;
            self.stmt(stmt)?;
        }
        *self.path.last_mut().expect("the block's own entry") = block.stmts.len();
        match &block.end {
            ir::End::Yield(values) | ir::End::Break(_, values) => self.use_all(values)?,
            ir::End::Return | ir::End::Unreachable => {}
        }
        self.path.pop();
        Ok(())
    }

    fn stmt(&mut self, stmt: &Stmt) -> Result<()> {
        match stmt {
            Stmt::Let(value) => {
                let mut operands = Vec::new();
                operands_of(&self.program.def(*value).op, &mut operands);
                self.use_all(&operands)?;
                if self.is_fixed_op(*value, &operands) {
                    self.fix(*value);
                } else {
                    self.define(*value);
                }
            }
            Stmt::Store { address, value } => {
                self.use_address(address)?;
                self.use_all(&[*value])?;
            }
            Stmt::Barrier(_) | Stmt::Clear(_) => {}
            Stmt::If { cond, accept, reject, results } => {
                self.use_all(&[*cond])?;
                self.block(accept, &[])?;
                self.block(reject, &[])?;
                self.define_all(results);
            }
            Stmt::Loop { params, inits, body, results, .. } => {
                self.use_all(inits)?;
                self.block(body, params)?;
                self.define_all(results);
            }
            Stmt::Scope { body, results, .. } => {
                self.block(body, &[])?;
                self.define_all(results);
            }
        }
        Ok(())
    }

    fn is_fixed_op(&self, value: Value, operands: &[Value]) -> bool {
        use ir::Op::*;
        let pure = match &self.program.def(value).op {
            Const(_) | Builtin(_) | ArrayLength(_) => true,
            Unary(..) | Binary(..) | Fma(..) | Select { .. } | Convert(_) | Bitcast(_) => true,
            Load(address) => self.loads_first && self.program.memory(address.mem).is_immutable(),
            UniformLoad(_) | Atomic(_) | Subgroup(..) | Shuffle(..) | Phi => false,
        };
        pure && operands.iter().all(|operand| {
            let varies =
                matches!(&self.program.def(*operand).op, Builtin(b) if !matches!(b, ir::Builtin::NumWorkgroups(_)));
            self.is_fixed[operand.0 as usize] && !varies
        })
    }

    fn fix(&mut self, value: Value) {
        if !std::mem::replace(&mut self.is_fixed[value.0 as usize], true) {
            self.fixed.push(value);
        }
    }

    fn define(&mut self, value: Value) {
        self.depth[value.0 as usize] = self.path.len() - 1;
        self.last[value.0 as usize] = *self.path.last().expect("inside a block");
    }

    fn define_all(&mut self, values: &[Value]) {
        for value in values {
            self.define(*value);
        }
    }

    fn use_address(&mut self, address: &ir::Address) -> Result<()> {
        for term in &address.terms {
            self.use_all(&[term.index])?;
        }
        Ok(())
    }

    fn use_all(&mut self, values: &[Value]) -> Result<()> {
        for value in values {
            let index = value.0 as usize;
            let depth = self.depth[index];
            if self.is_fixed[index] {
                continue;
            } else if matches!(self.program.def(*value).op, ir::Op::Const(_) | ir::Op::Builtin(_)) {
                self.fix(*value);
            } else if depth < self.path.len() {
                self.last[index] = self.path[depth];
            } else {
                return Err(malformed(self.program, &format!("value {index} is used where it is not defined")));
            }
        }
        Ok(())
    }
}

/// The values that an operation reads.
fn operands_of(op: &ir::Op, operands: &mut Vec<Value>) {
    use ir::Op::*;
    let mut address = |address: &ir::Address| operands.extend(address.terms.iter().map(|term| term.index));
    match op {
        Const(_) | Builtin(_) | ArrayLength(_) | Phi => {}
        Unary(_, a) | Convert(a) | Bitcast(a) | Subgroup(_, a) => operands.push(*a),
        Binary(_, a, b) | Shuffle(a, b) => operands.extend([*a, *b]),
        Fma(a, b, c) => operands.extend([*a, *b, *c]),
        Select { cond, accept, reject } => operands.extend([*cond, *accept, *reject]),
        Load(at) | UniformLoad(at) => address(at),
        Atomic(atomic) => {
            address(&atomic.address);
            operands.push(atomic.value);
            operands.extend(atomic.compare);
        }
    }
}
