//! From the intermediate representation to machine instructions.
//!
//! Values that are uniform integers or conditions live in general registers, all others as rows of eight
//! lanes in vector registers. A program with barriers is cut into regions; a region runs for all lane groups
//! of the workgroup before the next starts, and values that cross from one to another lie in the worker block.

mod access;
mod flow;
mod operation;
mod region;

use iced_x86::Code;
use regalloc2::{RegClass, VReg};
use rustc_hash::FxHashMap;

use super::{
    layout::Layout,
    mir::{Mir, NOWHERE, Op as M},
    shape::{self, Shape},
};
use crate::ir::{Label, Op, Program, Space, Type, Uniformity, Value};

/// Bytes of workgroup and private memory of a worker.
const MAX_MEMORY: u64 = 1 << 28;

/// Why a program is left to the interpreter.
#[derive(Debug)]
pub struct Unsupported(pub &'static str);

pub type Result<T> = std::result::Result<T, Unsupported>;

/// Where the current version of a value is.
#[derive(Clone, Copy, Debug)]
enum Place {
    General(VReg),
    Vector(VReg),
}

/// Which lanes of the group run.
#[derive(Clone, Copy, Debug)]
enum Mask {
    All,
    Some(VReg),
}

/// Selects instructions for a program.
pub fn select(program: &Program) -> Result<(Mir, Layout)> {
    if program.values.iter().any(|def| def.ty == Type::F16) {
        return Err(Unsupported("f16"));
    }
    if program.values.iter().any(|def| matches!(def.op, Op::Subgroup(..))) {
        return Err(Unsupported("subgroup operations"));
    }
    // All offsets in the worker block are 32 bits wide.
    let bytes = |memory: &crate::ir::Memory| match memory.space {
        Space::Workgroup { bytes } => u64::from(bytes),
        Space::Private { bytes } => u64::from(bytes) * 8 * u64::from(program.lanes().div_ceil(8)),
        _ => 0,
    };
    if program.memories.iter().map(bytes).sum::<u64>() > MAX_MEMORY {
        return Err(Unsupported("too much memory for each worker"));
    }
    let mut selector = Selector {
        program,
        shapes: shape::shapes(program),
        layout: Layout::new(program),
        mir: Mir::new(),
        places: vec![None; program.values.len()],
        broadcasts: FxHashMap::default(),
        mask: Mask::All,
        targets: Vec::new(),
        dead: Vec::new(),
        crossing: FxHashMap::default(),
        alive: None,
        in_region: false,
    };
    selector.program()?;
    Ok((selector.mir, selector.layout))
}

struct Selector<'a> {
    program: &'a Program,
    shapes: Vec<Shape>,
    layout: Layout,
    mir: Mir,
    places: Vec<Option<Place>>,
    /// Rows of general registers made in the current block.
    broadcasts: FxHashMap<(usize, VReg), VReg>,
    mask: Mask,
    targets: Vec<flow::Target>,
    /// For each construct around, the blocks in which no lane is left.
    dead: Vec<Vec<regalloc2::Block>>,
    /// The rows of values that are used in another region than their own.
    crossing: FxHashMap<Value, i32>,
    /// The rows of the lanes that have not returned, where regions have to remember them.
    alive: Option<i32>,
    in_region: bool,
}

impl Selector<'_> {
    /// Notes where the next instructions come from.
    fn comes_from(&mut self, origin: crate::ir::Origin) {
        let start = origin.span.to_range().map(|range| range.start);
        self.mir.origin = start.and_then(|at| u32::try_from(at).ok()).unwrap_or(NOWHERE);
    }

    fn ty(&self, value: Value) -> Type {
        self.program.ty(value)
    }

    fn uniform(&self, value: Value) -> bool {
        self.program.def(value).uniformity < Uniformity::Varying
    }

    /// Whether a value lives in a general register.
    fn is_general(&self, value: Value) -> bool {
        self.uniform(value) && self.ty(value) != Type::F32
    }

    fn class(&self, value: Value) -> RegClass {
        if self.is_general(value) { RegClass::Int } else { RegClass::Float }
    }

    fn shape(&self, value: Value) -> Shape {
        if self.uniform(value) { Shape::Same } else { self.shapes[value.0 as usize] }
    }

    fn as_const(&self, value: Value) -> Option<u32> {
        match self.program.def(value).op {
            Op::Const(bits) => Some(bits),
            _ => None,
        }
    }

    fn is_divergent(&self, label: Label) -> bool {
        self.program.exits[label.0 as usize] == Uniformity::Varying
    }

    fn place(&self, value: Value) -> Result<Place> {
        self.places[value.0 as usize].ok_or(Unsupported("a value that is used outside of its block"))
    }

    fn set(&mut self, value: Value, vreg: VReg) {
        let place = if vreg.class() == RegClass::Int { Place::General(vreg) } else { Place::Vector(vreg) };
        self.places[value.0 as usize] = Some(place);
    }

    fn constant_row(&mut self, bits: u32) -> Result<i32> {
        Ok(self.layout.constant(bits))
    }

    /// A row of a constant.
    fn constant(&mut self, bits: u32) -> Result<VReg> {
        Ok(match bits {
            0 => self.mir.v(M::VZero, &[]),
            u32::MAX => self.mir.v(M::VOnes, &[]),
            _ => {
                let row = self.constant_row(bits)?;
                self.mir.v(M::VConst(row), &[])
            }
        })
    }

    /// The value as a row.
    fn vector(&mut self, value: Value) -> Result<VReg> {
        if let Some(bits) = self.as_const(value) {
            return self.constant(bits);
        }
        match self.place(value)? {
            Place::Vector(v) => Ok(v),
            Place::General(g) => Ok(self.broadcast(g)),
        }
    }

    fn broadcast(&mut self, g: VReg) -> VReg {
        let key = (self.mir.at, g);
        if let Some(&row) = self.broadcasts.get(&key) {
            return row;
        }
        let row = self.mir.v(M::Broadcast, &[g]);
        self.broadcasts.insert(key, row);
        row
    }

    /// The value in a general register: of a uniform value, or of lane 0.
    fn general(&mut self, value: Value) -> Result<VReg> {
        if let Some(bits) = self.as_const(value) {
            return Ok(self.mir.g(M::GImm(bits), &[]));
        }
        match self.place(value)? {
            Place::General(g) => Ok(g),
            Place::Vector(v) => Ok(self.mir.g(M::Extract, &[v])),
        }
    }

    /// The value in the class it lives in.
    fn natural(&mut self, value: Value) -> Result<VReg> {
        if self.is_general(value) { self.general(value) } else { self.vector(value) }
    }

    fn naturals(&mut self, values: &[Value]) -> Result<Vec<VReg>> {
        values.iter().map(|&v| self.natural(v)).collect()
    }

    /// Zero in a class.
    fn zero(&mut self, class: RegClass) -> VReg {
        match class {
            RegClass::Int => self.mir.g(M::GImm(0), &[]),
            _ => self.mir.v(M::VZero, &[]),
        }
    }

    /// The mask as a row.
    fn mask_row(&mut self) -> VReg {
        match self.mask {
            Mask::All => self.mir.v(M::VOnes, &[]),
            Mask::Some(mask) => mask,
        }
    }

    fn and(&mut self, a: VReg, b: VReg) -> VReg {
        self.mir.v(M::V3(Code::VEX_Vpand_ymm_ymm_ymmm256), &[a, b])
    }

    /// `!a & b`.
    fn and_not(&mut self, a: VReg, b: VReg) -> VReg {
        self.mir.v(M::V3(Code::VEX_Vpandn_ymm_ymm_ymmm256), &[a, b])
    }

    fn or(&mut self, a: VReg, b: VReg) -> VReg {
        self.mir.v(M::V3(Code::VEX_Vpor_ymm_ymm_ymmm256), &[a, b])
    }

    /// `mask ? yes : no`, lane by lane.
    fn blend(&mut self, mask: VReg, yes: VReg, no: VReg) -> VReg {
        self.mir.v(M::V4(Code::VEX_Vblendvps_ymm_ymm_ymmm256_ymm), &[no, yes, mask])
    }
}
