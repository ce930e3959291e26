//! The intermediate representation: the one place where a kernel's meaning is worked out.
//!
//! A [`Program`] is one entry point with its functions inlined, its vectors, matrices and structs
//! split into scalars, and its local variables turned into SSA values. Control flow stays
//! structured: [`Stmt::If`], [`Stmt::Loop`] and [`Stmt::Scope`] nest, and a [`Block`] ends in an
//! [`End`] that carries values to the construct it leaves.
//!
//! # Meaning
//!
//! A program runs once for every *lane* (invocation) of a workgroup, all lanes in step. Lanes that
//! are not on the current path are inactive: instructions may still compute for them (every
//! operation is total), but stores, atomics and the values carried by an [`End`] take effect in
//! active lanes only. The operations that WGSL leaves open are pinned down at [`Unary`],
//! [`Binary`] and [`Op::Convert`]; executors agree on them bit for bit.
//!
//! Out of bounds, loads give zero and stores and atomics do nothing (an atomic's result is zero).
//! An access is out of bounds if any of its [`Term`]s is, so that an index past an inner array
//! never lands in its neighbour.

#[cfg(test)]
mod accuracy;
pub(crate) mod agree;
pub(crate) mod build;
#[cfg(test)]
pub(crate) mod eval;
pub(crate) mod fold;
mod kernel;
pub(crate) mod lower;
pub(crate) mod math;
pub(crate) mod print;
#[cfg_attr(not(all(feature = "cpu", target_arch = "x86_64")), allow(dead_code, reason = "for executors"))]
mod shape;
pub(crate) mod simplify;
mod structure;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod uniformity;
pub(crate) mod verify;
mod visit;

use naga::{Handle, Span};

/// Lanes of a subgroup on the CPU engine, whatever the width of its registers.
pub const SUBGROUP_SIZE: u32 = 8;

/// One entry point, ready to be executed or analysed.
#[derive(Clone, Debug)]
pub struct Program {
    /// The entry point's name.
    pub name: String,
    /// Invocations of a workgroup along x, y and z.
    pub workgroup_size: [u32; 3],
    /// The memories that addresses refer to, by [`Mem`].
    pub memories: Vec<Memory>,
    /// The definitions of all values, by [`Value`].
    pub values: Vec<ValueDef>,
    /// The body. A [`End::Return`] in it, or its end, finishes a lane.
    pub body: Block,
    /// How many labels the body uses.
    pub labels: u32,
    /// For each label, the least uniform condition that decides an exit to it: where that is not
    /// `Varying`, all lanes leave together.
    pub exits: Vec<Uniformity>,
    /// Whether the body has a barrier.
    pub has_barrier: bool,
    /// How many accesses the body has, which [`Address::id`] numbers in the order of the text.
    pub accesses: u32,
    /// What is folded into the program and may be otherwise on another device.
    pub assumed: Assumed,
    /// Values that the lanes of a workgroup are to agree on, which shows only when it runs.
    pub checks: Vec<Check>,
}

/// A value that each lane of a workgroup reads for itself, and on which barriers depend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    /// What the lane read.
    pub own: Value,
    /// What one of them read, by which all go on.
    pub agreed: Value,
}

/// What lowering took for granted that a GPU need not do alike: then integers or branches of the program may differ
/// from what a GPU computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assumed {
    /// The size of a subgroup, [`SUBGROUP_SIZE`].
    pub subgroup_size: bool,
    /// How arithmetic on constant floats is rounded, where an integer or a condition comes of it.
    pub float_rounding: bool,
}

impl Program {
    /// The definition of `value`.
    pub fn def(&self, value: Value) -> &ValueDef {
        &self.values[value.0 as usize]
    }

    /// The type of `value`.
    pub fn ty(&self, value: Value) -> Type {
        self.def(value).ty
    }

    /// The memory `mem`.
    pub fn memory(&self, mem: Mem) -> &Memory {
        &self.memories[mem.0 as usize]
    }

    /// Lanes of a workgroup.
    #[cfg_attr(not(feature = "cpu"), expect(dead_code, reason = "for executors"))]
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub fn lanes(&self) -> u32 {
        self.workgroup_size.iter().product()
    }
}

/// Names a value of a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub u32);

/// Names a memory of a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mem(pub u32);

/// Names an access of a [`Program`] to memory: a load, a store or an atomic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessId(pub u32);

/// Names a [`Stmt::Loop`] or [`Stmt::Scope`] that [`End::Break`] leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(pub u32);

/// The type of a value: one 32-bit lane.
///
/// `F16` is held as an `f32` whose value a half can represent: an arithmetic result of this type
/// is rounded to nearest even ([`Memory::bytes_of`] says how it lies in memory). `Bool` is all zeros or all ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    F32,
    F16,
    I32,
    U32,
    Bool,
}

impl Type {
    /// Whether this is `F32` or `F16`.
    pub fn is_float(self) -> bool {
        matches!(self, Type::F32 | Type::F16)
    }
}

/// Over what a value is constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Uniformity {
    /// The same in all lanes of all workgroups of a dispatch.
    Dispatch,
    /// The same in all lanes of a workgroup that are active where it is computed.
    Workgroup,
    /// May differ from lane to lane.
    Varying,
}

/// Where in the WGSL a value, an access or a barrier came from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Origin {
    /// The function it stands in; `None` for the entry point.
    pub function: Option<Handle<naga::Function>>,
    /// The expression that it is a part of, if it came from one.
    pub expression: Option<Handle<naga::Expression>>,
    /// The text it came from.
    pub span: Span,
}

/// The definition of a value.
#[derive(Clone, Debug)]
pub struct ValueDef {
    pub ty: Type,
    pub op: Op,
    pub uniformity: Uniformity,
    pub origin: Origin,
}

/// How a value is computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// These bits.
    Const(u32),
    /// A built-in input.
    Builtin(Builtin),
    /// An operation on one operand; the result has the operand's type unless said otherwise.
    Unary(Unary, Value),
    /// An operation on two operands of one type.
    Binary(Binary, Value, Value),
    /// `a * b + c` in `F32`, rounded once.
    Fma(Value, Value, Value),
    /// `accept` where `cond` holds, else `reject`.
    Select { cond: Value, accept: Value, reject: Value },
    /// Numeric conversion to this value's type. Float to integer truncates and saturates, NaN gives
    /// 0; integer to float rounds to nearest even; `Bool` converts to 0 or 1 and from "not zero";
    /// `I32` to `U32` and back keep the bits; to `F16` rounds to nearest even.
    Convert(Value),
    /// The operand's bits, seen as this value's type. Only between `F32`, `I32` and `U32`.
    Bitcast(Value),
    /// Reads an element of this value's type.
    Load(Address),
    /// Reads an element of workgroup memory between two barriers (`workgroupUniformLoad`): the same
    /// in all lanes.
    UniformLoad(Address),
    /// The number of elements of the runtime-sized array of a storage memory.
    ArrayLength(Mem),
    /// Reads, combines and writes one element; gives what was there before.
    Atomic(Box<Atomic>),
    /// An operation across the subgroup ([`SUBGROUP_SIZE`] consecutive lanes of a workgroup).
    Subgroup(Subgroup, Value),
    /// The first operand of the lane of the subgroup that the low three bits of the second (`U32`) name;
    /// 0 where that lane is not active.
    Shuffle(Value, Value),
    /// Defined by the statement that lists it: a parameter of a loop, or a result of an `If`,
    /// a `Loop` or a `Scope`.
    Phi,
}

/// An atomic read-modify-write.
#[derive(Clone, Debug, PartialEq)]
pub struct Atomic {
    pub fun: AtomicFun,
    pub address: Address,
    /// The operand; for [`AtomicFun::CompareExchange`] the replacement.
    pub value: Value,
    /// What [`AtomicFun::CompareExchange`] compares with; `None` otherwise.
    pub compare: Option<Value>,
    /// Whether anything reads the old value.
    pub result_used: bool,
}

/// What an [`Atomic`] does. `Load` and `Store` are relaxed accesses of atomic variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AtomicFun {
    Load,
    Store,
    Add,
    Sub,
    And,
    Or,
    Xor,
    Min,
    Max,
    /// Adds an `F32`: the order of additions shows in the result, so that they are never gathered.
    AddFloat,
    Exchange,
    /// Never fails spuriously.
    CompareExchange,
}

/// Operations across the 8 lanes of a subgroup. Inactive lanes take no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subgroup {
    Add,
    Mul,
    Min,
    Max,
    And,
    Or,
    Xor,
    All,
    Any,
    ExclusiveAdd,
    ExclusiveMul,
    InclusiveAdd,
    InclusiveMul,
    BroadcastFirst,
}

/// Inputs that the grid gives to a lane; the axis is 0 to 2. All are `U32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Builtin {
    GlobalId(u8),
    LocalId(u8),
    LocalIndex,
    WorkgroupId(u8),
    NumWorkgroups(u8),
    SubgroupInvocationId,
    SubgroupId,
}

/// Operations on one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unary {
    /// Floats flip the sign bit, integers wrap.
    Neg,
    /// Floats clear the sign bit, `abs(INT_MIN)` is `INT_MIN`.
    Abs,
    /// All bits flipped; on `Bool` the logical not.
    Not,
    /// Correctly rounded; NaN for negatives.
    Sqrt,
    Floor,
    Ceil,
    Trunc,
    /// To the nearest integer, ties to even.
    Round,
    /// Rounded to the nearest half float (ties to even, overflow to infinity), as `F32`.
    QuantizeF16,
    CountOnes,
    /// 32 for zero.
    CountLeadingZeros,
    /// 32 for zero.
    CountTrailingZeros,
    ReverseBits,
}

/// Operations on two operands of one type. Comparisons give `Bool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// Integers wrap.
    Add,
    Sub,
    Mul,
    /// Integers: `x / 0` is `x`, `INT_MIN / -1` is `INT_MIN`.
    Div,
    /// Integers only: `x % 0` and `INT_MIN % -1` are 0; the sign is the dividend's.
    Rem,
    /// Floats: `b < a ? b : a`, but `b` where `a` is NaN.
    Min,
    /// Floats: `a < b ? b : a`, but `b` where `a` is NaN.
    Max,
    And,
    Or,
    Xor,
    /// By the low five bits of `b`.
    Shl,
    /// By the low five bits of `b`; arithmetic for `I32`.
    Shr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Binary {
    /// Whether the result is `Bool` whatever the operands are.
    pub fn is_comparison(self) -> bool {
        use Binary::*;
        matches!(self, Eq | Ne | Lt | Le | Gt | Ge)
    }
}

/// A memory that a program accesses.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// The name of the WGSL variable.
    pub name: String,
    pub space: Space,
    /// The runtime-sized array at the end of a storage memory, if it has one.
    pub runtime: Option<RuntimeArray>,
    /// The words of a [`Space::Constant`]; empty for the others.
    pub data: Vec<u32>,
}

impl Memory {
    /// Whether nothing can write it while a dispatch runs.
    pub fn is_immutable(&self) -> bool {
        matches!(self.space, Space::Uniform { .. } | Space::Storage { writable: false, .. } | Space::Constant)
    }

    /// Bytes of an element of type `ty`: a half takes two where the host sees it, elsewhere a word, as an `f32`.
    #[cfg_attr(not(feature = "cpu"), allow(dead_code, reason = "for executors and tests"))]
    pub fn bytes_of(&self, ty: Type) -> u32 {
        match (ty, self.space) {
            (Type::F16, Space::Storage { .. } | Space::Uniform { .. }) => 2,
            _ => 4,
        }
    }
}

/// What kind of memory, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// A storage buffer; `binding` is its place in the kernel's list of bindings.
    Storage { binding: usize, writable: bool },
    /// A uniform buffer; `binding` likewise.
    Uniform { binding: usize },
    /// Shared by the lanes of a workgroup and zeroed at its start.
    Workgroup { bytes: u32 },
    /// One for each lane. Zero at the start.
    Private { bytes: u32 },
    /// A table that never changes: [`Memory::data`], the same for all lanes.
    Constant,
}

/// A runtime-sized array: `(size of the binding - offset) / stride` elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuntimeArray {
    /// Bytes in front of the array.
    pub offset: u32,
    /// Bytes from one element to the next.
    pub stride: u32,
}

/// An address: `offset + sum(index * stride)` bytes into a memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    pub mem: Mem,
    /// The constant part, in bytes.
    pub offset: u32,
    /// One for each array that is indexed, outermost first.
    pub terms: Vec<Term>,
    /// Where the access stands.
    pub origin: Origin,
    /// Its number, given when lowering is done.
    pub id: AccessId,
}

/// One index of an [`Address`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// `U32`, or `I32` read as `U32` (a negative index is out of bounds).
    pub index: Value,
    /// Bytes from one element to the next.
    pub stride: u32,
    pub bound: IndexBound,
}

/// The number of elements an index must stay below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexBound {
    Const(u32),
    /// The length of the memory's runtime-sized array.
    Runtime,
}

/// Statements in order, and how control leaves them.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub stmts: Vec<Stmt>,
    pub end: End,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Stmt {
    /// Computes a value ([`Op::Phi`] never stands here).
    Let(Value),
    /// Writes one element in the active lanes. Where several lanes write one element, any one wins.
    Store { address: Address, value: Value },
    /// Zeroes a private memory in the active lanes.
    Clear(Mem),
    /// All lanes of the workgroup arrive before any goes on.
    Barrier(Origin),
    /// Runs `accept` in the lanes where `cond` holds and `reject` in the others; each block's
    /// [`End::Yield`] carries one value for each result.
    If { cond: Value, accept: Block, reject: Block, results: Vec<Value> },
    /// Runs `body` again and again with `params`, first from `inits`, then from the
    /// body's [`End::Yield`]; ends by [`End::Break`] to `label`, which carries the results.
    Loop { label: Label, params: Vec<Value>, inits: Vec<Value>, body: Block, results: Vec<Value> },
    /// Runs `body`, left by its [`End::Yield`] or by [`End::Break`] to `label`, either with the results.
    Scope { label: Label, body: Block, results: Vec<Value> },
}

/// How control leaves a block.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// On to what follows: the results of the `If` or `Scope` that the block belongs to, or the
    /// next iteration's parameters of the `Loop`. The program's body yields nothing.
    Yield(Vec<Value>),
    /// To the end of an enclosing `Scope` or `Loop`, with its results.
    Break(Label, Vec<Value>),
    /// The lane is done.
    Return,
    /// Never reached: every lane left before.
    Unreachable,
}
