//! Spills rows of long blocks before registers are allocated.
//!
//! Where far more values are alive than there are registers, as in arithmetic on numbers of many limbs, `regalloc2` finds out
//! value by value that there is no room, and evicts and splits each of them, which takes most of the time of a compilation.
//! In a long block there is little to decide: what is used last gives way (L. A. Belady, "A study of replacement algorithms
//! for a virtual-storage computer", IBM Systems Journal 5, 1966). The pass does that for the rows of such blocks, in one walk,
//! and leaves blocks in which all fits.

use regalloc2::{Operand, OperandKind, OperandPos, RegClass, VReg};

use super::{
    layout::Layout,
    mir::{BlockData, Instruction, Mir, Op},
};

/// Blocks of more instructions than this are long.
const LONG: usize = 32;
/// Vector registers that values may take at once. Two of those that there are stay free, for copies of operands that are
/// overwritten and for the order in which `regalloc2` places values.
const REGISTERS: usize = 13;
/// Behind the block.
const NEVER: u32 = u32::MAX;
/// Where the block passes its arguments on, behind all instructions.
const END: u32 = NEVER - 1;

/// Spills rows of long blocks to the worker block, so that those in registers fit.
pub fn spill(mir: &mut Mir, layout: &mut Layout) {
    if mir.blocks.iter().all(|block| block.instructions.len() <= LONG) {
        return;
    }
    let local = local(mir);
    let mut spiller = Spiller {
        layout,
        rows: vec![Row::default(); mir.vregs],
        next: vec![NEVER; mir.vregs],
        local,
        vregs: mir.vregs,
        free: Vec::new(),
        held: Vec::new(),
        out: Vec::new(),
    };
    for block in mir.blocks.iter_mut().filter(|block| block.instructions.len() > LONG) {
        spiller.block(block);
    }
    mir.vregs = spiller.vregs;
}

/// For each virtual register, whether one block alone has to do with it.
fn local(mir: &Mir) -> Vec<bool> {
    const NONE: usize = usize::MAX;
    let mut home = vec![NONE; mir.vregs];
    let mut local = vec![true; mir.vregs];
    for (at, block) in mir.blocks.iter().enumerate() {
        let operands = block.instructions.iter().flat_map(|i| &i.operands).map(|o| o.vreg());
        for vreg in operands.chain(block.params.iter().copied()).map(VReg::vreg) {
            local[vreg] &= home[vreg] == NONE || home[vreg] == at;
            home[vreg] = at;
        }
        block.arguments.iter().for_each(|vreg| local[vreg.vreg()] = false);
    }
    local
}

/// What is known of a virtual register within a block.
#[derive(Clone, Default)]
struct Row {
    /// Where it is stored in the worker block, if it is.
    slot: Option<i32>,
    /// What makes it from nothing.
    again: Option<Op>,
    /// It has given way, and comes back under another name.
    spilled: bool,
    /// The name that it goes by while it is held, if not its own.
    renamed: Option<VReg>,
}

/// A row in a register.
#[derive(Clone, Copy)]
struct Held {
    vreg: VReg,
    /// The instruction that uses it next.
    next: u32,
}

struct Spiller<'a> {
    layout: &'a mut Layout,
    rows: Vec<Row>,
    /// For each virtual register the next use, while a block is looked through from its end; else [`NEVER`].
    next: Vec<u32>,
    local: Vec<bool>,
    vregs: usize,
    /// Places in the worker block that are not in use.
    free: Vec<i32>,
    held: Vec<Held>,
    out: Vec<Instruction>,
}

impl Spiller<'_> {
    fn block(&mut self, block: &mut BlockData) {
        let instructions = std::mem::take(&mut block.instructions);
        let next_uses = self.next_uses(&instructions, &block.arguments);
        self.held.clear();
        self.out = Vec::with_capacity(instructions.len() + instructions.len() / 2);
        let mut touched: Vec<usize> = Vec::new();
        let mut next_uses = next_uses.as_slice();
        for mut instruction in instructions {
            let (own, others) = next_uses.split_at(instruction.operands.len());
            next_uses = others;
            touched.extend(rows(&instruction.operands, OperandKind::Def).map(|(_, o)| o.vreg().vreg()));
            touched.extend(rows(&instruction.operands, OperandKind::Use).map(|(_, o)| o.vreg().vreg()));
            self.instruction(&mut instruction, own);
            self.out.push(instruction);
        }
        for argument in &mut block.arguments {
            // What is not held any more is passed on under its own name, from where the allocator has put it.
            if self.held.iter().any(|held| held.vreg == *argument) {
                *argument = self.name(*argument);
            }
        }
        for vreg in touched {
            if let Some(slot) = std::mem::take(&mut self.rows[vreg]).slot {
                self.free.push(slot);
            }
        }
        block.instructions = std::mem::take(&mut self.out);
    }

    /// Brings what an instruction uses into registers, and makes room for what it defines.
    fn instruction(&mut self, instruction: &mut Instruction, next_uses: &[u32]) {
        let used: Vec<VReg> = rows(&instruction.operands, OperandKind::Use).map(|(_, o)| o.vreg()).collect();
        let (mut late, mut dying) = (false, 0);
        for (i, operand) in rows(&instruction.operands, OperandKind::Use) {
            late |= operand.pos() == OperandPos::Late;
            self.bring(operand.vreg(), next_uses[i], &used, instruction.origin);
        }
        for held in &self.held {
            dying += usize::from(held.next == NEVER && used.contains(&held.vreg));
        }
        let defined = rows(&instruction.operands, OperandKind::Def).count();
        // What is read in the end shares no register with what is defined.
        let taken = if late { defined } else { defined.saturating_sub(dying) };
        self.make_room(taken, &used, instruction.origin);
        for operand in &mut instruction.operands {
            if operand.class() == RegClass::Float && operand.kind() == OperandKind::Use {
                let name = self.name(operand.vreg());
                *operand = Operand::new(name, operand.constraint(), operand.kind(), operand.pos());
            }
        }
        let (rows_of_all, free) = (&mut self.rows, &mut self.free);
        self.held.retain(|held| {
            let dies = held.next == NEVER && used.contains(&held.vreg);
            if dies && let Some(slot) = rows_of_all[held.vreg.vreg()].slot.take() {
                free.push(slot);
            }
            !dies
        });
        for (i, operand) in rows(&instruction.operands, OperandKind::Def) {
            let vreg = operand.vreg();
            self.rows[vreg.vreg()] =
                Row { again: is_made_anew(instruction.op).then_some(instruction.op), ..Row::default() };
            if next_uses[i] != NEVER || !self.local[vreg.vreg()] {
                self.held.push(Held { vreg, next: next_uses[i] });
            }
        }
    }

    /// Has a row in a register, which an instruction uses with others.
    fn bring(&mut self, vreg: VReg, next: u32, used: &[VReg], origin: u32) {
        if let Some(held) = self.held.iter_mut().find(|held| held.vreg == vreg) {
            held.next = next;
            return;
        }
        self.make_room(1, used, origin);
        let row = &self.rows[vreg.vreg()];
        // A row that is not spilled comes from another block: the allocator has it.
        if row.spilled {
            let name = VReg::new(self.vregs, RegClass::Float);
            self.vregs += 1;
            let op = row.again.or(row.slot.map(Op::RowLoad)).expect("what is used again was stored");
            self.out.push(Instruction { op, operands: vec![Operand::reg_def(name)], origin });
            let row = &mut self.rows[vreg.vreg()];
            (row.spilled, row.renamed) = (false, Some(name));
        }
        self.held.push(Held { vreg, next });
    }

    /// Lets rows give way until there is room for so many; not those that are `used` right now.
    fn make_room(&mut self, count: usize, used: &[VReg], origin: u32) {
        while self.held.len() + count > REGISTERS {
            let candidates = self.held.iter().enumerate().filter(|(_, held)| !used.contains(&held.vreg));
            let Some((at, _)) = candidates.max_by_key(|(_, held)| held.next) else { return };
            let Held { vreg, next } = self.held.swap_remove(at);
            let name = self.name(vreg);
            let row = &mut self.rows[vreg.vreg()];
            row.spilled = true;
            if next >= END || row.again.is_some() || row.slot.is_some() {
                continue;
            }
            let slot = self.free.pop().unwrap_or_else(|| self.layout.rows(1));
            row.slot = Some(slot);
            self.out.push(Instruction { op: Op::RowStore(slot), operands: vec![Operand::reg_use(name)], origin });
        }
    }

    fn name(&self, vreg: VReg) -> VReg {
        self.rows[vreg.vreg()].renamed.unwrap_or(vreg)
    }

    /// For each operand of each instruction, the next instruction that uses it.
    fn next_uses(&mut self, instructions: &[Instruction], arguments: &[VReg]) -> Vec<u32> {
        let next = &mut self.next;
        arguments.iter().for_each(|vreg| next[vreg.vreg()] = END);
        let mut all = Vec::with_capacity(4 * instructions.len());
        for (at, instruction) in instructions.iter().enumerate().rev() {
            all.extend(instruction.operands.iter().rev().map(|o| next[o.vreg().vreg()]));
            for operand in instruction.operands.iter().filter(|o| o.kind() == OperandKind::Use) {
                next[operand.vreg().vreg()] = at as u32;
            }
        }
        let operands = instructions.iter().flat_map(|i| &i.operands).map(|o| o.vreg());
        operands.chain(arguments.iter().copied()).for_each(|vreg| next[vreg.vreg()] = NEVER);
        all.reverse();
        all
    }
}

/// The operands of one kind that are rows, with their places.
fn rows(operands: &[Operand], kind: OperandKind) -> impl Iterator<Item = (usize, Operand)> {
    let of_kind = move |o: &Operand| o.class() == RegClass::Float && o.kind() == kind;
    operands.iter().copied().enumerate().filter(move |(_, o)| of_kind(o))
}

/// Whether an instruction makes a row from nothing, so that it need not be stored.
fn is_made_anew(op: Op) -> bool {
    matches!(op, Op::VConst(_) | Op::VZero | Op::VOnes)
}
