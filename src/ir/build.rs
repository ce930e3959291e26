//! Builds a program: folds constants, merges equal computations, keeps blocks well nested.

use rustc_hash::FxHashMap;

use super::{
    Address, Assumed, Binary, Block, Builtin, End, Label, Mem, Memory, Op, Origin, Program, Stmt, Type, Unary,
    Uniformity, Value, ValueDef, fold,
};

/// What makes two pure computations equal.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Const(Type, u32),
    Builtin(Builtin),
    Unary(Unary, Value),
    Binary(Binary, Value, Value),
    Fma(Value, Value, Value),
    Select(Value, Value, Value),
    Convert(Type, Value),
    Bitcast(Type, Value),
    ArrayLength(Mem),
    /// A read of memory that nothing writes: type, memory, offset, indices.
    Load(Type, Mem, u32, Vec<(Value, u32)>),
}

/// A program under construction.
///
/// Built-in inputs and what is the same over a dispatch are hoisted: they stand in front of the body, so that they are
/// computed once. Everything else goes to the innermost open block, and a computation is
/// reused where it is visible.
pub struct Builder {
    pub values: Vec<ValueDef>,
    pub memories: Vec<Memory>,
    /// Where the values created next come from.
    pub origin: Origin,
    hoisted: Vec<Stmt>,
    blocks: Vec<Vec<Stmt>>,
    /// Known computations, one table for each open block; the first is that of the hoisted ones.
    known: Vec<FxHashMap<Key, Value>>,
    /// Whether each value is the same over a dispatch because all it is made of is.
    constant_over_dispatch: Vec<bool>,
    labels: u32,
    pub has_barrier: bool,
    pub assumed: Assumed,
}

impl Builder {
    pub fn new() -> Self {
        Builder {
            values: Vec::new(),
            memories: Vec::new(),
            origin: Origin::default(),
            hoisted: Vec::new(),
            blocks: vec![Vec::new()],
            known: vec![FxHashMap::default(), FxHashMap::default()],
            constant_over_dispatch: Vec::new(),
            labels: 0,
            has_barrier: false,
            assumed: Assumed::default(),
        }
    }

    /// Ends construction.
    pub fn finish(mut self, name: String, workgroup_size: [u32; 3], end: End) -> Program {
        let mut stmts = self.hoisted;
        stmts.append(&mut self.blocks.pop().expect("the body is open"));
        Program {
            name,
            workgroup_size,
            memories: self.memories,
            values: self.values,
            body: Block { stmts, end },
            labels: self.labels,
            exits: vec![Uniformity::Varying; self.labels as usize],
            has_barrier: self.has_barrier,
            accesses: 0,
            assumed: self.assumed,
            checks: Vec::new(),
        }
    }

    pub fn label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels - 1)
    }

    pub fn memory(&mut self, memory: Memory) -> Mem {
        self.memories.push(memory);
        Mem(self.memories.len() as u32 - 1)
    }

    /// Opens a nested block.
    pub fn open(&mut self) {
        self.blocks.push(Vec::new());
        self.known.push(FxHashMap::default());
    }

    /// Closes the innermost block.
    pub fn close(&mut self, end: End) -> Block {
        self.known.pop();
        Block { stmts: self.blocks.pop().expect("a block is open"), end }
    }

    /// Appends a statement to the innermost block.
    pub fn push(&mut self, stmt: Stmt) {
        self.blocks.last_mut().expect("a block is open").push(stmt);
    }

    /// A value that a statement defines.
    pub fn phi(&mut self, ty: Type) -> Value {
        self.define(ty, Op::Phi)
    }

    fn define(&mut self, ty: Type, op: Op) -> Value {
        self.constant_over_dispatch.push(false);
        self.values.push(ValueDef { ty, op, uniformity: Uniformity::Varying, origin: self.origin });
        Value(self.values.len() as u32 - 1)
    }

    pub fn ty(&self, value: Value) -> Type {
        self.values[value.0 as usize].ty
    }

    pub fn op(&self, value: Value) -> &Op {
        &self.values[value.0 as usize].op
    }

    /// The bits of a constant.
    pub fn as_const(&self, value: Value) -> Option<u32> {
        match *self.op(value) {
            Op::Const(bits) => Some(bits),
            _ => None,
        }
    }

    /// A computation that is not shared with an equal one: it depends on when it runs.
    pub fn effect(&mut self, ty: Type, op: Op) -> Value {
        let value = self.define(ty, op);
        self.push(Stmt::Let(value));
        value
    }

    fn pure(&mut self, ty: Type, op: Op, key: Key) -> Value {
        if let Some(&value) = self.known.iter().rev().find_map(|table| table.get(&key)) {
            return value;
        }
        let mut constant = !matches!(op, Op::Builtin(b) if !matches!(b, Builtin::NumWorkgroups(_)));
        op.visit_operands(&mut |v| constant &= self.constant_over_dispatch[v.0 as usize]);
        let floats = constant || matches!(op, Op::Builtin(_));
        let value = self.define(ty, op);
        self.constant_over_dispatch[value.0 as usize] = constant;
        if floats {
            self.hoisted.push(Stmt::Let(value));
            self.known[0].insert(key, value);
        } else {
            self.push(Stmt::Let(value));
            self.known.last_mut().expect("a block is open").insert(key, value);
        }
        value
    }

    pub fn constant(&mut self, ty: Type, bits: u32) -> Value {
        self.pure(ty, Op::Const(bits), Key::Const(ty, bits))
    }

    pub fn f32(&mut self, x: f32) -> Value {
        self.constant(Type::F32, x.to_bits())
    }

    pub fn u32(&mut self, x: u32) -> Value {
        self.constant(Type::U32, x)
    }

    pub fn i32(&mut self, x: i32) -> Value {
        self.constant(Type::I32, x as u32)
    }

    pub fn bool(&mut self, x: bool) -> Value {
        self.constant(Type::Bool, fold::mask(x))
    }

    /// The number `x` as a constant of numeric type `ty`.
    pub fn number(&mut self, ty: Type, x: i32) -> Value {
        match ty {
            Type::F32 | Type::F16 => self.constant(ty, (x as f32).to_bits()),
            _ => self.constant(ty, x as u32),
        }
    }

    /// The float `x` as a constant of float type `ty`.
    pub fn float(&mut self, ty: Type, x: f32) -> Value {
        let x = if ty == Type::F16 { fold::round_f16(x) } else { x };
        self.constant(ty, x.to_bits())
    }

    pub fn zero(&mut self, ty: Type) -> Value {
        self.constant(ty, 0)
    }

    pub fn builtin(&mut self, builtin: Builtin) -> Value {
        self.pure(Type::U32, Op::Builtin(builtin), Key::Builtin(builtin))
    }

    pub fn unary(&mut self, op: Unary, a: Value) -> Value {
        let ty = self.ty(a);
        if let Some(bits) = self.as_const(a) {
            return self.constant(ty, fold::unary(op, ty, bits));
        }
        match (op, self.op(a)) {
            (Unary::Neg | Unary::Not, &Op::Unary(inner, x)) if inner == op => return x,
            (Unary::Abs, Op::Unary(Unary::Abs, _)) => return a,
            (Unary::Abs, _) if ty == Type::U32 => return a,
            _ => {}
        }
        self.pure(ty, Op::Unary(op, a), Key::Unary(op, a))
    }

    pub fn binary(&mut self, op: Binary, a: Value, b: Value) -> Value {
        let ty = self.ty(a);
        debug_assert_eq!(ty, self.ty(b), "{op:?} on two types");
        let result = if op.is_comparison() { Type::Bool } else { ty };
        let (ca, cb) = (self.as_const(a), self.as_const(b));
        if let (Some(x), Some(y)) = (ca, cb) {
            self.assumed.float_rounding |= ty.is_float() && op.is_comparison();
            return self.constant(result, fold::binary(op, ty, x, y));
        }
        if let Some(value) = self.identity(op, ty, a, ca, b, cb) {
            return value;
        }
        // One order for operations that commute, so that equal ones are found. NaN payloads aside,
        // float addition and multiplication commute; min and max do not (signed zeros).
        let commutes = match op {
            Binary::Add | Binary::Mul => true,
            Binary::And | Binary::Or | Binary::Xor | Binary::Eq | Binary::Ne => true,
            Binary::Min | Binary::Max => !ty.is_float(),
            _ => false,
        };
        let (a, b) = if commutes && (ca.is_some() || (cb.is_none() && a > b)) { (b, a) } else { (a, b) };
        self.pure(result, Op::Binary(op, a, b), Key::Binary(op, a, b))
    }

    /// The operand or constant that an operation comes to whatever the other operand is. Floats
    /// keep NaN, infinity and the sign of zero.
    fn identity(
        &mut self,
        op: Binary,
        ty: Type,
        a: Value,
        ca: Option<u32>,
        b: Value,
        cb: Option<u32>,
    ) -> Option<Value> {
        const ONE: u32 = 0x3f80_0000;
        const MINUS_ZERO: u32 = 0x8000_0000;
        use Binary::*;
        if ty.is_float() {
            return match (op, ca, cb) {
                (Mul | Div, _, Some(ONE)) | (Sub, _, Some(0)) | (Add, _, Some(MINUS_ZERO)) => Some(a),
                (Mul, Some(ONE), _) | (Add, Some(MINUS_ZERO), _) => Some(b),
                _ => None,
            };
        }
        let ones = Some(!0);
        match (op, ca, cb) {
            (Add | Sub | Or | Xor | Shl | Shr, _, Some(0)) => Some(a),
            (Add | Or | Xor, Some(0), _) => Some(b),
            (Mul | Div, _, Some(1)) => Some(a),
            (Mul, Some(1), _) => Some(b),
            (Mul | And, _, Some(0)) | (Mul | And, Some(0), _) | (Rem, _, Some(1)) => Some(self.constant(ty, 0)),
            (And, _, c) if c == ones => Some(a),
            (And, c, _) if c == ones => Some(b),
            (Or, _, c) if c == ones => Some(b),
            (Or, c, _) if c == ones => Some(a),
            (And | Or | Min | Max, ..) if a == b => Some(a),
            (Sub | Xor, ..) if a == b => Some(self.constant(ty, 0)),
            (Eq | Le | Ge, ..) if a == b => Some(self.bool(true)),
            (Ne | Lt | Gt, ..) if a == b => Some(self.bool(false)),
            (Div, _, Some(d)) if ty == Type::U32 && d.is_power_of_two() => {
                let shift = self.u32(d.trailing_zeros());
                Some(self.binary(Shr, a, shift))
            }
            (Rem, _, Some(d)) if ty == Type::U32 && d.is_power_of_two() => {
                let mask = self.u32(d - 1);
                Some(self.binary(And, a, mask))
            }
            _ => None,
        }
    }

    /// `a * b + c` in `F32`, rounded once.
    pub fn fma(&mut self, a: Value, b: Value, c: Value) -> Value {
        let ty = self.ty(a);
        if let (Some(x), Some(y), Some(z)) = (self.as_const(a), self.as_const(b), self.as_const(c)) {
            return self.constant(ty, fold::fma(x, y, z));
        }
        let (a, b) = if a > b { (b, a) } else { (a, b) };
        self.pure(ty, Op::Fma(a, b, c), Key::Fma(a, b, c))
    }

    pub fn select(&mut self, cond: Value, accept: Value, reject: Value) -> Value {
        debug_assert_eq!(self.ty(cond), Type::Bool);
        debug_assert_eq!(self.ty(accept), self.ty(reject));
        match self.as_const(cond) {
            Some(0) => return reject,
            Some(_) => return accept,
            None if accept == reject => return accept,
            None => {}
        }
        let ty = self.ty(accept);
        if ty == Type::Bool {
            match (self.as_const(accept), self.as_const(reject)) {
                (Some(a), Some(0)) if a != 0 => return cond,
                (Some(0), Some(_)) => return self.unary(Unary::Not, cond),
                (None, Some(0)) => return self.binary(Binary::And, cond, accept),
                (Some(a), None) if a != 0 => return self.binary(Binary::Or, cond, reject),
                _ => {}
            }
        }
        if let Op::Unary(Unary::Not, inner) = *self.op(cond) {
            return self.select(inner, reject, accept);
        }
        self.pure(ty, Op::Select { cond, accept, reject }, Key::Select(cond, accept, reject))
    }

    pub fn convert(&mut self, to: Type, a: Value) -> Value {
        let from = self.ty(a);
        if from == to {
            return a;
        }
        if let Some(bits) = self.as_const(a) {
            self.assumed.float_rounding |= from.is_float() && !to.is_float();
            return self.constant(to, fold::convert(from, to, bits));
        }
        if matches!((from, to), (Type::I32, Type::U32) | (Type::U32, Type::I32)) {
            return self.bitcast(to, a);
        }
        self.pure(to, Op::Convert(a), Key::Convert(to, a))
    }

    pub fn bitcast(&mut self, to: Type, a: Value) -> Value {
        if self.ty(a) == to {
            return a;
        }
        if let Some(bits) = self.as_const(a) {
            self.assumed.float_rounding |= self.ty(a).is_float();
            return self.constant(to, bits);
        }
        if let Op::Bitcast(inner) = *self.op(a) {
            return self.bitcast(to, inner);
        }
        self.pure(to, Op::Bitcast(a), Key::Bitcast(to, a))
    }

    pub fn array_length(&mut self, mem: Mem) -> Value {
        self.pure(Type::U32, Op::ArrayLength(mem), Key::ArrayLength(mem))
    }

    pub fn load(&mut self, ty: Type, address: Address) -> Value {
        if !self.memories[address.mem.0 as usize].is_immutable() {
            return self.effect(ty, Op::Load(address));
        }
        let terms = address.terms.iter().map(|t| (t.index, t.stride)).collect();
        let key = Key::Load(ty, address.mem, address.offset, terms);
        self.pure(ty, Op::Load(address), key)
    }

    /// Shorthands for the arithmetic of expansions.
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        self.binary(Binary::Add, a, b)
    }

    pub fn sub(&mut self, a: Value, b: Value) -> Value {
        self.binary(Binary::Sub, a, b)
    }

    pub fn mul(&mut self, a: Value, b: Value) -> Value {
        self.binary(Binary::Mul, a, b)
    }

    pub fn div(&mut self, a: Value, b: Value) -> Value {
        self.binary(Binary::Div, a, b)
    }

    pub fn neg(&mut self, a: Value) -> Value {
        self.unary(Unary::Neg, a)
    }
}
