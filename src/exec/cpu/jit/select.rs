//! From the intermediate representation to machine instructions.
//!
//! Values are of two kinds. Integers and conditions whose lanes differ by a known step ([`LaneShape::Affine`]) are *scalars*:
//! lane 0 lives in a general register. All else are *rows* of eight lanes in vector registers. Code for a lane group may
//! handle several of its rows at once ([`Selector::rows`]), to hide latency and to share what they have in common: then
//! there is one register for each row, and equal computations find each other by number ([`Selector::v`]).
//!
//! A program with barriers is cut into regions; a region runs for all lane groups of the workgroup before the
//! next starts, and values that cross from one to another lie in the worker block.

mod access;
mod address;
mod assume;
mod atomic;
mod collect;
mod crossing;
mod flow;
mod half;
mod loops;
mod operation;
mod pairs;
mod pressure;
mod region;
mod run;
mod scalar;
mod subgroup;
mod vector;
mod workgroup;

use iced_x86::Code;
use regalloc2::{Operand, RegClass, VReg};
use rustc_hash::{FxHashMap, FxHashSet};

use self::scalar::Scalar;
use super::{
    layout::{self, Layout},
    mir::{Mir, NO_ORIGIN, Op as M},
    range::{self, Range},
    shape::{self, Assumptions, LaneShape, SAME},
};
use crate::ir::{Binary, Label, Mem, Op, Program, Space, Type, Unary, Uniformity, Value};

/// Bytes of workgroup and private memory of a worker.
const MAX_MEMORY: u64 = 1 << 28;

/// Rows of a lane group that code handles at once, at most.
pub const MAX_ROWS: usize = 8;

/// What selection has no instructions for, which is a fault of this crate: programs keep the rules of the IR.
#[derive(Debug)]
pub struct Unsupported(pub &'static str);

pub type Result<T> = std::result::Result<T, Unsupported>;

/// One item for each row. Entries past the rows in use repeat the last one.
pub type PerRow<T> = [T; MAX_ROWS];

/// A register for each row, from those of the rows in use.
fn over_rows(vregs: &[VReg]) -> PerRow<VReg> {
    std::array::from_fn(|row| vregs[row.min(vregs.len() - 1)])
}

/// Where the current version of a value is.
#[derive(Clone, Copy, Debug)]
enum ValueRegs {
    Scalar(PerRow<Scalar>),
    Rows(PerRow<VReg>),
}

/// The register of each pure operation on the same operands (value numbering), with the block that computes it.
type Memo = FxHashMap<(M, [Option<VReg>; 4]), (VReg, usize)>;

/// Which lanes of the group run.
#[derive(Clone, Copy, Debug)]
enum Mask {
    All,
    Some(PerRow<VReg>),
}

/// Whether the memory that a program needs for each worker is within bounds.
pub fn fits(program: &Program) -> bool {
    // All offsets in the worker block are 32 bits wide.
    let bytes = |memory: &crate::ir::Memory| match memory.space {
        Space::Workgroup { bytes } => u64::from(bytes),
        Space::Private { bytes } => u64::from(bytes) * 8 * layout::private_copies(program) as u64,
        _ => 0,
    };
    program.memories.iter().map(bytes).sum::<u64>() <= MAX_MEMORY
}

/// Selects instructions for a program that [`fits`]. `privatized` are the memories of which each worker has a copy of its own.
pub fn select(program: &Program, privatized: &[Mem]) -> Result<(Mir, Layout)> {
    let assumptions = Assumptions::default();
    let mut selector = Selector {
        program,
        privatized,
        shapes: shape::shapes(program),
        ranges: range::ranges(program),
        assumptions,
        layout: Layout::new(program),
        mir: Mir::new(),
        regs: vec![None; program.values.len()],
        rows: 1,
        row: 0,
        row_offsets: scalar::RowOffsets::new(program, 1),
        hoisted: FxHashSet::default(),
        proven: FxHashSet::default(),
        materialise_sums: false,
        memo: vec![FxHashMap::default()],
        mask: Mask::All,
        targets: Vec::new(),
        dead_blocks: Vec::new(),
        crossing: FxHashMap::default(),
        slots: FxHashMap::default(),
        uses: crossing::count_uses(program),
        alive: None,
        in_region: false,
        deferred_stores: None,
        interchanged: None,
        rows_per_pass: 1,
        in_versioned_branch: false,
        first_global_ids: [None; 3],
        stopped: None,
    };
    selector.program()?;
    Ok((selector.mir, selector.layout))
}

struct Selector<'a> {
    program: &'a Program,
    privatized: &'a [Mem],
    /// For the code at hand: what is assumed in it, and the shapes that follow.
    assumptions: Assumptions,
    shapes: Vec<LaneShape>,
    ranges: Vec<Range>,
    layout: Layout,
    mir: Mir,
    regs: Vec<Option<ValueRegs>>,
    /// How many rows the code at hand handles at once, and which of them instructions are for right now.
    rows: usize,
    row: usize,
    /// How the rows lie to each other, if that is known.
    row_offsets: Option<scalar::RowOffsets>,
    /// What the checks in front of a region's interior version have computed, so that its body does not do it again.
    hoisted: FxHashSet<Value>,
    /// Indices that are in bounds in the code at hand.
    proven: FxHashSet<(Value, address::Extent)>,
    /// Whether the base and the constant of an index are added in 32 bits before they are compared with a bound, so
    /// that an index that wraps around counts as the number it wraps to.
    materialise_sums: bool,
    /// Registers of what was computed where the current block can see it: in the scopes that are open.
    memo: Vec<Memo>,
    mask: Mask,
    targets: Vec<flow::Target>,
    /// For each open construct, the blocks that end with an empty mask. They still have to be joined to the construct's
    /// end.
    dead_blocks: Vec<Vec<regalloc2::Block>>,
    /// The rows of varying values that are used in another region than their own; and of uniform ones that are computed
    /// among the lane groups of one region and used in another.
    crossing: FxHashMap<Value, i32>,
    slots: FxHashMap<Value, i32>,
    /// How often each value is used.
    uses: FxHashMap<Value, u32>,
    /// The rows of the lanes that have not returned, where regions have to remember them.
    alive: Option<i32>,
    in_region: bool,
    /// While the checks in front of a region's interior version are emitted: values whose stores wait until the checks
    /// passed.
    deferred_stores: Option<Vec<Value>>,
    /// If the loops over lane groups and over workgroups are interchanged, so that all workgroups of a run pass through
    /// some groups before any comes to the next: the block behind those groups. And how many rows they have.
    interchanged: Option<regalloc2::Block>,
    rows_per_pass: usize,
    /// Whether the code at hand lies in a branch of two versions, within which none is versioned again.
    in_versioned_branch: bool,
    /// For each axis, the global id of the workgroup's first invocation, while a workgroup runs.
    first_global_ids: [Option<VReg>; 3],
    /// The block that ends the function because the call is to stop.
    stopped: Option<regalloc2::Block>,
}

impl Selector<'_> {
    /// Notes where the next instructions come from.
    fn set_origin(&mut self, origin: crate::ir::Origin) {
        let start = origin.span.to_range().map(|range| range.start);
        self.mir.origin = start.and_then(|at| u32::try_from(at).ok()).unwrap_or(NO_ORIGIN);
    }

    fn ty(&self, value: Value) -> Type {
        self.program.ty(value)
    }

    fn uniform(&self, value: Value) -> bool {
        self.program.def(value).uniformity < Uniformity::Varying
    }

    fn shape(&self, value: Value) -> LaneShape {
        if self.uniform(value) { SAME } else { self.shapes[value.0 as usize] }
    }

    /// Whether a value is a scalar.
    fn is_scalar(&self, value: Value) -> bool {
        !self.ty(value).is_float() && self.shape(value) != LaneShape::Any
    }

    fn class(&self, value: Value) -> RegClass {
        if self.is_scalar(value) { RegClass::Int } else { RegClass::Float }
    }

    /// How many registers a value takes.
    fn width(&self, value: Value) -> usize {
        if self.uniform(value) { 1 } else { self.rows }
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

    /// Whether a value is computed anew at each use and never kept (rematerialised): most conditions on scalars are
    /// only branched on, and seldom needed as a row of lanes.
    fn is_rematerialised(&self, value: Value) -> bool {
        let def = self.program.def(value);
        if def.ty != Type::Bool || self.is_scalar(value) || !self.in_region || self.crossing.contains_key(&value) {
            return false;
        }
        match def.op {
            Op::Unary(Unary::Not, _) | Op::Binary(Binary::And | Binary::Or | Binary::Xor, ..) => true,
            Op::Binary(_, a, b) => [a, b].iter().all(|&v| self.as_const(v).is_some() || self.is_scalar(v)),
            _ => false,
        }
    }

    /// Whether there is a value by now.
    fn known(&self, value: Value) -> bool {
        self.regs[value.0 as usize].is_some()
    }

    /// Whether a value can be used by now: it is a constant, or has been computed.
    fn is_available(&self, value: Value) -> bool {
        self.as_const(value).is_some() || self.known(value)
    }

    fn regs_of(&self, value: Value) -> Result<ValueRegs> {
        self.regs[value.0 as usize].ok_or(Unsupported("a value that is used outside of its block"))
    }

    /// Computes something for each row.
    fn per_row<T: Copy>(&mut self, mut f: impl FnMut(&mut Self) -> Result<T>) -> Result<PerRow<T>> {
        self.row = 0;
        let mut all = [f(self)?; MAX_ROWS];
        for row in 1..self.rows {
            self.row = row;
            all[row..].fill(f(self)?);
        }
        self.row = 0;
        Ok(all)
    }

    /// Takes registers for a value, as many as it has.
    fn set(&mut self, value: Value, vregs: &[VReg]) {
        self.regs[value.0 as usize] = Some(self.regs_from(vregs));
    }

    fn regs_from(&self, vregs: &[VReg]) -> ValueRegs {
        let rows = over_rows(vregs);
        match vregs[0].class() {
            RegClass::Int => ValueRegs::Scalar(rows.map(Scalar::register)),
            _ => ValueRegs::Rows(rows),
        }
    }

    /// Opens a scope: what is computed from here on is not seen behind its end.
    fn open(&mut self) {
        self.memo.push(FxHashMap::default());
    }

    fn close(&mut self) {
        self.memo.pop();
    }

    /// The register of an operation without effects, computed now or before.
    fn compute(&mut self, class: RegClass, op: M, uses: &[VReg], tied: bool) -> VReg {
        let mut key = [None; 4];
        key.iter_mut().zip(uses).for_each(|(slot, &vreg)| *slot = Some(vreg));
        let shared = op.is_constant() && uses.len() <= key.len();
        // A constant takes one instruction and no operand: kept for other blocks, it would only occupy a register.
        let trivial = matches!(op, M::VConst(_) | M::VZero | M::VOnes | M::GImm(_));
        if shared
            && let Some(&(vreg, block)) = self.memo.iter().rev().find_map(|table| table.get(&(op, key)))
            && (!trivial || block == self.mir.at)
        {
            return vreg;
        }
        let vreg = if tied { self.mir.tied(class, op, uses) } else { self.mir.def(class, op, uses) };
        if shared {
            let at = self.mir.at;
            self.memo.last_mut().expect("a scope is open").insert((op, key), (vreg, at));
        }
        vreg
    }

    fn v(&mut self, op: M, uses: &[VReg]) -> VReg {
        self.compute(RegClass::Float, op, uses, false)
    }

    fn g(&mut self, op: M, uses: &[VReg]) -> VReg {
        self.compute(RegClass::Int, op, uses, false)
    }

    /// A vector or general operation whose result takes the register of its first use.
    fn v_tied(&mut self, op: M, uses: &[VReg]) -> VReg {
        self.compute(RegClass::Float, op, uses, true)
    }

    fn g_tied(&mut self, op: M, uses: &[VReg]) -> VReg {
        self.compute(RegClass::Int, op, uses, true)
    }

    /// A row of a constant.
    fn constant(&mut self, bits: u32) -> VReg {
        match bits {
            0 => self.v(M::VZero, &[]),
            u32::MAX => self.v(M::VOnes, &[]),
            _ => {
                let row = self.layout.constant(bits);
                self.v(M::VConst(row), &[])
            }
        }
    }

    /// The value as a row: of the current row of the lane group.
    fn vector(&mut self, value: Value) -> Result<VReg> {
        if let Some(bits) = self.as_const(value) {
            return Ok(self.constant(bits));
        }
        if self.is_rematerialised(value) {
            return self.row_operation(value, &self.program.def(value).op);
        }
        match self.regs_of(value)? {
            ValueRegs::Rows(rows) => Ok(rows[self.row]),
            ValueRegs::Scalar(scalars) => {
                let step = self.shape(value).step().ok_or(Unsupported("a scalar without a shape"))?;
                Ok(self.ramp(scalars[self.row], step))
            }
        }
    }

    /// A row that starts with a scalar.
    fn ramp(&mut self, scalar: Scalar, step: i32) -> VReg {
        let lanes: [u32; 8] =
            std::array::from_fn(|lane| (scalar.add as u32).wrapping_add((step as u32).wrapping_mul(lane as u32)));
        let Some(base) = scalar.base else {
            let row = self.layout.constant_row(lanes);
            return self.v(M::VConst(row), &[]);
        };
        let row = self.v(M::Broadcast, &[base]);
        if lanes == [0; 8] {
            return row;
        }
        let steps = self.layout.constant_row(lanes);
        self.v(M::V3Const(Code::VEX_Vpaddd_ymm_ymm_ymmm256, steps), &[row])
    }

    /// Zero in a class.
    fn zero(&mut self, class: RegClass) -> VReg {
        match class {
            RegClass::Int => self.g(M::GImm(0), &[]),
            _ => self.v(M::VZero, &[]),
        }
    }

    /// The current row of the mask.
    fn mask_row(&mut self) -> VReg {
        match self.mask {
            Mask::All => self.v(M::VOnes, &[]),
            Mask::Some(mask) => mask[self.row],
        }
    }

    fn and(&mut self, a: VReg, b: VReg) -> VReg {
        self.v(M::V3(Code::VEX_Vpand_ymm_ymm_ymmm256), &[a, b])
    }

    /// `!a & b`.
    fn and_not(&mut self, a: VReg, b: VReg) -> VReg {
        self.v(M::V3(Code::VEX_Vpandn_ymm_ymm_ymmm256), &[a, b])
    }

    fn or(&mut self, a: VReg, b: VReg) -> VReg {
        self.v(M::V3(Code::VEX_Vpor_ymm_ymm_ymmm256), &[a, b])
    }

    /// `mask ? yes : no`, lane by lane.
    fn blend(&mut self, mask: VReg, yes: VReg, no: VReg) -> VReg {
        self.v(M::V4(Code::VEX_Vblendvps_ymm_ymm_ymmm256_ymm), &[no, yes, mask])
    }

    /// An instruction whose definition and temporaries share no register with its uses (they are clobbered early).
    fn early_clobber(&mut self, defines: bool, op: M, uses: &[VReg], temporaries: &[RegClass]) -> Option<VReg> {
        let dst = defines.then(|| self.mir.vreg(RegClass::Float));
        let mut operands = Vec::new();
        // An early definition is live while the uses are read.
        operands.extend(dst.map(Operand::reg_def_at_start));
        operands.extend(uses.iter().map(|&u| Operand::reg_use_at_end(u)));
        for &class in temporaries {
            let temporary = self.mir.vreg(class);
            operands.push(Operand::reg_temp(temporary));
        }
        self.mir.push(op, operands);
        dst
    }
}
