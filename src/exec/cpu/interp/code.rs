//! The compact form that a program is executed in.

use super::lanes::{BinOp, UnOp};
use crate::{
    access::Merge,
    ir::{AccessId, AtomicFun, Builtin, Subgroup, Type},
};

/// Names a value's place in a frame.
pub(super) type SlotId = u32;

/// A compiled program.
#[derive(Debug)]
pub(in crate::exec::cpu) struct Code {
    pub name: String,
    pub workgroup_size: [u32; 3],
    pub(super) memories: Vec<MemInfo>,
    /// Values in a frame.
    pub slots: u32,
    pub labels: u32,
    pub consts: Vec<(SlotId, u32)>,
    pub builtins: Vec<(SlotId, Builtin)>,
    /// Computed once for each worker: what is the same in the whole dispatch.
    pub(super) prologue: Vec<Inst>,
    pub(super) insts: Vec<Inst>,
    pub(super) blocks: Vec<Block>,
    pub(super) body: BlockId,
    /// Lists of slots that instructions refer to by [`List`].
    pub lists: Vec<SlotId>,
    pub(super) accesses: Vec<Access>,
    pub(super) atomics: Vec<AtomicInst>,
    /// Whether invocations may be grouped without regard to workgroups: there is no workgroup memory, no
    /// barrier and no subgroup.
    pub free: bool,
    /// Whether the kernel asks for the place of an invocation in its workgroup, or for its workgroup.
    pub uses_local: bool,
    /// Bytes of workgroup memory, and of one lane's private memory.
    pub workgroup_bytes: u64,
    pub private_bytes: u64,
}

/// A memory of the program, as the executor needs it.
#[derive(Clone, Debug)]
pub(super) struct MemInfo {
    /// The name of the WGSL variable.
    pub name: String,
    pub place: MemoryLocation,
    /// The contents of a constant table.
    pub data: Vec<u32>,
    /// Offset and stride of the runtime-sized array.
    pub runtime: Option<(u32, u32)>,
    /// The one operation that all accesses to the memory are, where private copies for each worker and one
    /// sum at the end give the same result.
    pub accumulates: Option<Merge>,
}

/// Where a memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exec::cpu) enum MemoryLocation {
    /// The binding of that number.
    Binding(usize),
    /// Workgroup memory, from that word on.
    Workgroup { first: u32, words: u32 },
    /// Private memory, from that word of each lane on.
    Private { first: u32, words: u32 },
    /// [`MemInfo::data`].
    Constant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockId(pub u32);

/// A part of [`Code::lists`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct List {
    pub start: u32,
    pub len: u32,
}

impl List {
    pub const EMPTY: List = List { start: 0, len: 0 };
}

/// Instructions in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub start: u32,
    pub end: u32,
    pub exit: Exit,
    /// Dead after the exit.
    pub kills: List,
    /// The values defined in the block and in the blocks inside it: `first_slot..end_slot`.
    pub first_slot: SlotId,
    pub end_slot: SlotId,
}

impl Block {
    /// Whether the block does nothing but fall through.
    pub fn is_trivial(&self) -> bool {
        self.start == self.end && matches!(self.exit, Exit::Yield { sources: List { len: 0, .. }, .. })
    }
}

/// How control leaves a block; the sources are assigned to the targets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exit {
    /// To the results of an `If` or a `Scope`.
    Yield {
        sources: List,
        targets: List,
    },
    /// To the parameters of a `Loop`.
    Again {
        sources: List,
        targets: List,
    },
    Break {
        label: u32,
        sources: List,
        targets: List,
    },
    Return,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Inst {
    pub op: Op,
    /// Dead after the instruction.
    pub kills: List,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    Copy {
        d: SlotId,
        a: SlotId,
    },
    Unary {
        op: UnOp,
        d: SlotId,
        a: SlotId,
    },
    Binary {
        op: BinOp,
        d: SlotId,
        a: SlotId,
        b: SlotId,
    },
    Fma {
        d: SlotId,
        a: SlotId,
        b: SlotId,
        c: SlotId,
    },
    Select {
        d: SlotId,
        cond: SlotId,
        accept: SlotId,
        reject: SlotId,
    },
    Load {
        d: SlotId,
        access: u32,
    },
    /// Reads what the first active lane addresses, for all lanes.
    UniformLoad {
        d: SlotId,
        access: u32,
    },
    Store {
        access: u32,
        value: SlotId,
    },
    /// Zeroes a private memory.
    Clear {
        memory: u32,
    },
    /// The number of elements of a memory's runtime-sized array.
    Length {
        d: SlotId,
        memory: u32,
    },
    Atomic {
        index: u32,
    },
    Subgroup {
        op: Subgroup,
        ty: Type,
        d: SlotId,
        a: SlotId,
    },
    /// The value of the subgroup's lane that `lane` names.
    Shuffle {
        d: SlotId,
        a: SlotId,
        lane: SlotId,
    },
    If {
        cond: SlotId,
        accept: BlockId,
        reject: BlockId,
        results: List,
        escapes: bool,
    },
    Loop {
        label: u32,
        params: List,
        inits: List,
        body: BlockId,
        results: List,
        escapes: bool,
    },
    Scope {
        label: u32,
        body: BlockId,
        results: List,
        escapes: bool,
    },
}

/// An address.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub id: AccessId,
    pub memory: u32,
    /// Bytes.
    pub offset: u32,
    /// Whether the element is a half float of 16 bits.
    pub half: bool,
    pub terms: Vec<Term>,
}

impl Access {
    /// Bytes of the element.
    pub fn bytes(&self) -> u32 {
        if self.half { 2 } else { 4 }
    }
}

/// One index of an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub index: SlotId,
    /// Bytes.
    pub stride: u32,
    /// Elements; `None` for the memory's runtime-sized array.
    pub bound: Option<u32>,
}

/// An atomic access that is more than a load or a store.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtomicInst {
    pub fun: AtomicFun,
    pub signed: bool,
    pub access: u32,
    pub value: SlotId,
    pub compare: Option<SlotId>,
    /// Where the old value goes, if anything reads it.
    pub d: Option<SlotId>,
    pub accumulate: Option<Merge>,
}
