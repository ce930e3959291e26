//! Control flow within a lane group: branches of scalar conditions jump, those of varying ones set masks.

use regalloc2::{Block as MirBlock, RegClass, VReg};

use super::{
    Mask, PerRow, Result, Selector, Unsupported, ValueRegs,
    collect::conjuncts,
    loops::{ExitSlots, count_statements},
    over_rows,
};
use crate::{
    exec::cpu::jit::{
        mir::{Op as M, ROW},
        shape::Assumed,
    },
    ir::{Binary, Block, End, Label, Op, Stmt, Type, Value},
};

/// The most statements of a branch that gets a second version, without masks.
const MAX_VERSIONED_STATEMENTS: u64 = 48;

/// An enclosing loop or scope that a `Break` can leave.
pub struct Target {
    pub label: Label,
    pub exit: Exit,
}

pub enum Exit {
    /// All lanes leave together: a jump, with the results and, where it may have changed, the mask.
    Uniform { block: MirBlock, results: Vec<Value>, mask: bool },
    /// Lanes leave one by one.
    Divergent(ExitSlots),
}

/// What an arm of a varying branch hands to the code behind the branch, if control gets there.
struct Arm {
    /// The values it yields, in its lanes.
    rows: Option<Vec<PerRow<VReg>>>,
    /// The lanes it goes on with.
    rest: Option<PerRow<VReg>>,
}

/// How control leaves a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// On to what follows, with the values that the block yields.
    FallsThrough,
    /// No lane goes on; the current block is closed.
    Terminated,
}

impl Selector<'_> {
    pub fn block(&mut self, block: &Block) -> Result<Flow> {
        if self.statements(&block.stmts.iter().collect::<Vec<_>>())? == Flow::Terminated {
            return Ok(Flow::Terminated);
        }
        self.end(&block.end)
    }

    /// Statements one after the other.
    pub fn statements(&mut self, stmts: &[&Stmt]) -> Result<Flow> {
        let mut at = 0;
        while at < stmts.len() {
            let together = match self.run(&stmts[at..])? {
                0 => self.vectors(&stmts[at..])?,
                together => together,
            };
            if together > 0 {
                at += together;
                continue;
            }
            if self.statement(stmts[at])? == Flow::Terminated {
                return Ok(Flow::Terminated);
            }
            at += 1;
        }
        Ok(Flow::FallsThrough)
    }

    fn end(&mut self, end: &End) -> Result<Flow> {
        match end {
            End::Yield(_) => return Ok(Flow::FallsThrough),
            End::Break(label, values) => self.leave(*label, values)?,
            End::Return => {
                if let Some(alive) = self.alive {
                    for row in 0..self.rows {
                        self.row = row;
                        let at = alive + ROW * row as i32;
                        let mask = self.mask_row();
                        let before = self.v(M::GroupLoad(at), &[]);
                        let after = self.and_not(mask, before);
                        self.mir.effect(M::GroupStore(at), &[after]);
                    }
                    self.row = 0;
                }
                self.mark_dead();
            }
            End::Unreachable => self.mark_dead(),
        }
        Ok(Flow::Terminated)
    }

    /// Notes that the current block ends with an empty mask.
    fn mark_dead(&mut self) {
        let at = MirBlock::new(self.mir.at);
        self.dead_blocks.last_mut().expect("a construct is open").push(at);
    }

    fn leave(&mut self, label: Label, values: &[Value]) -> Result<()> {
        let at = self.targets.iter().rposition(|t| t.label == label).ok_or(Unsupported("an exit out of a region"))?;
        match &self.targets[at].exit {
            Exit::Uniform { block, results, mask } => {
                let (block, results, mask) = (*block, results.clone(), *mask);
                let mut arguments = self.arguments(&results, values)?;
                if mask {
                    arguments.extend(self.mask_rows());
                }
                self.mir.jump(block, &arguments);
            }
            Exit::Divergent(exit_slots) => {
                let exit_slots = exit_slots.clone();
                self.store_exit(&exit_slots, values)?;
                self.mark_dead();
            }
        }
        Ok(())
    }

    fn statement(&mut self, stmt: &Stmt) -> Result<Flow> {
        match stmt {
            Stmt::Let(value) => {
                // The checks in front of the code may have computed it already.
                if !self.hoisted.contains(value) {
                    self.define(*value)?;
                }
            }
            Stmt::Store { address, value } => self.store(address, *value)?,
            Stmt::Clear(mem) => self.clear(*mem)?,
            Stmt::Barrier(_) => return Err(Unsupported("a barrier within a region")),
            Stmt::If { cond, accept, reject, results } => {
                if let Some(&Assumed::Cond(holds)) = self.assumptions.get(cond) {
                    return self.assumed_branch(if holds { accept } else { reject }, results);
                }
                if let Some(varying) = self.uniform_exit(*cond, accept, reject)? {
                    return self.varying_branch(varying, accept, reject, results);
                }
                // A scalar condition is the same in the eight lanes of a row: one row at a time can jump.
                if self.uniform(*cond) || (self.rows == 1 && self.is_scalar(*cond)) {
                    return self.uniform_branch(*cond, accept, reject, results);
                }
                return self.versioned_branch(*cond, accept, reject, results);
            }
            Stmt::Loop { label, params, inits, body, results } => {
                return self.loop_statement(*label, params, inits, body, results);
            }
            Stmt::Scope { label, body, results } => return self.scope(*label, body, results),
        }
        Ok(Flow::FallsThrough)
    }

    /// For `if (uniform && varying) {} else { break }`: a jump by the uniform part, under which all lanes leave
    /// together. Gives the varying part, which is left to test.
    fn uniform_exit(&mut self, cond: Value, accept: &Block, reject: &Block) -> Result<Option<Value>> {
        let Op::Binary(Binary::And, a, b) = self.program.def(cond).op else { return Ok(None) };
        let (uniform, varying) = match (self.uniform(a), self.uniform(b)) {
            (true, false) => (a, b),
            (false, true) => (b, a),
            _ => return Ok(None),
        };
        let leaves = reject.stmts.is_empty() && matches!(reject.end, End::Break(..));
        // If another region computed the condition, only the condition is available here, and not its operands.
        if !leaves || !is_trivial(accept) || self.crossing.contains_key(&cond) {
            return Ok(None);
        }
        let (go_on, out) = (self.mir.block(), self.mir.block());
        self.branch_on(uniform, go_on, out)?;
        self.mir.switch(out);
        self.open();
        self.end(&reject.end)?;
        self.close();
        self.mir.switch(go_on);
        Ok(Some(varying))
    }

    /// The rows of the mask.
    pub fn mask_rows(&mut self) -> Vec<VReg> {
        (0..self.rows)
            .map(|row| {
                self.row = row;
                let vreg = self.mask_row();
                self.row = 0;
                vreg
            })
            .collect()
    }

    /// Joins the blocks that end with an empty mask to `block`. Its parameters get zeros, which no lane will read.
    pub fn join_dead_blocks(&mut self, block: MirBlock, classes: &[RegClass]) {
        for dead in self.dead_blocks.pop().expect("a construct is open") {
            self.mir.switch(dead);
            let zeros: Vec<VReg> = classes.iter().map(|&c| self.fresh_zero(c)).collect();
            self.mir.jump(block, &zeros);
        }
    }

    /// A zero that is defined in the current block: one from elsewhere might not dominate it.
    fn fresh_zero(&mut self, class: RegClass) -> VReg {
        let op = if class == RegClass::Int { M::GImm(0) } else { M::VZero };
        self.mir.def(class, op, &[])
    }

    /// Hands the blocks that end with an empty mask on to the construct around.
    pub fn pass_dead_blocks_outward(&mut self) {
        let dead = self.dead_blocks.pop().expect("a construct is open");
        self.dead_blocks.last_mut().expect("a construct is open").extend(dead);
    }

    /// Parameters of a join for these values, and for a mask.
    pub fn params(&mut self, block: MirBlock, values: &[Value], mask: bool) -> (Vec<VReg>, Option<Mask>) {
        let classes: Vec<RegClass> =
            values.iter().flat_map(|&v| std::iter::repeat_n(self.class(v), self.width(v))).collect();
        let params = classes.into_iter().map(|c| self.mir.param(block, c)).collect();
        let mask = mask.then(|| {
            let rows: Vec<VReg> = (0..self.rows).map(|_| self.mir.param(block, RegClass::Float)).collect();
            Mask::Some(over_rows(&rows))
        });
        (params, mask)
    }

    /// Binds values to the parameters that [`Self::params`] made.
    pub fn define_all(&mut self, values: &[Value], vregs: &[VReg]) -> Result<()> {
        let mut rest = vregs;
        for &value in values {
            let (own, others) = rest.split_at(self.width(value));
            let place = self.regs_from(own);
            self.bind(value, place)?;
            rest = others;
        }
        Ok(())
    }

    /// The registers of values for the parameters they go to.
    pub fn arguments(&mut self, params: &[Value], values: &[Value]) -> Result<Vec<VReg>> {
        let mut vregs = Vec::new();
        for (&param, &value) in params.iter().zip(values) {
            for row in 0..self.width(param) {
                self.row = row;
                vregs.push(if self.is_scalar(param) { self.general(value)? } else { self.vector(value)? });
            }
        }
        self.row = 0;
        Ok(vregs)
    }

    /// A branch of which all lanes take one arm for certain.
    fn assumed_branch(&mut self, arm: &Block, results: &[Value]) -> Result<Flow> {
        let flow = self.block(arm)?;
        if let (Flow::FallsThrough, End::Yield(values)) = (flow, &arm.end) {
            self.rebind(results, values)?;
        }
        Ok(flow)
    }

    /// Binds results to the values that they are: a parallel copy without instructions.
    pub fn rebind(&mut self, to: &[Value], from: &[Value]) -> Result<()> {
        let mut regs = Vec::new();
        for (&result, &value) in to.iter().zip(from) {
            regs.push(if self.is_scalar(result) {
                ValueRegs::Scalar(self.per_row(|s| s.scalar(value))?)
            } else {
                ValueRegs::Rows(self.per_row(|s| s.vector(value))?)
            });
        }
        for (&result, place) in to.iter().zip(regs) {
            self.bind(result, place)?;
        }
        Ok(())
    }

    /// Ends the current block by a branch on a scalar condition.
    pub fn branch_on(&mut self, cond: Value, yes: MirBlock, no: MirBlock) -> Result<()> {
        let immediate = match self.program.def(cond).op {
            Op::Binary(_, _, b) if self.ty(b) != Type::Bool => self.as_const(b),
            _ => None,
        };
        match (self.comparison(cond)?, immediate) {
            (Some((test, x, _)), Some(bits)) => {
                self.mir.branch(M::BranchCmpImm(test, bits as i32), &[x], yes, no);
            }
            (Some((test, x, y)), None) => self.mir.branch(M::BranchCmp(test), &[x, y], yes, no),
            (None, _) => {
                let cond = self.general(cond)?;
                self.mir.branch(M::BranchNonZero, &[cond], yes, no);
            }
        }
        Ok(())
    }

    fn uniform_branch(&mut self, cond: Value, accept: &Block, reject: &Block, results: &[Value]) -> Result<Flow> {
        // If only one arm comes back, nothing has to be joined: what follows the branch follows that arm.
        let comes_back = |arm: &Block| matches!(arm.end, End::Yield(_));
        if comes_back(accept) != comes_back(reject) {
            let (yes, no) = (self.mir.block(), self.mir.block());
            self.branch_on(cond, yes, no)?;
            let (gone, other) = if comes_back(accept) { (reject, accept) } else { (accept, reject) };
            let (out, on) = if comes_back(accept) { (no, yes) } else { (yes, no) };
            let before = self.mask;
            self.mir.switch(out);
            self.open();
            self.block(gone)?;
            self.close();
            self.mir.switch(on);
            self.mask = before;
            return self.assumed_branch(other, results);
        }
        let shrinks = leaves(accept) || leaves(reject);
        let (yes, no, join) = (self.mir.block(), self.mir.block(), self.mir.block());
        let (params, mask) = self.params(join, results, shrinks);
        self.branch_on(cond, yes, no)?;
        let before = self.mask;
        let mut flow = Flow::Terminated;
        for (start, arm) in [(yes, accept), (no, reject)] {
            self.mir.switch(start);
            self.mask = before;
            self.dead_blocks.push(Vec::new());
            self.open();
            if let (Flow::FallsThrough, End::Yield(values)) = (self.block(arm)?, &arm.end) {
                let mut arguments = self.arguments(results, values)?;
                if shrinks {
                    arguments.extend(self.mask_rows());
                }
                self.mir.jump(join, &arguments);
                flow = Flow::FallsThrough;
            }
            self.close();
            self.pass_dead_blocks_outward();
        }
        self.mask = mask.unwrap_or(before);
        if flow == Flow::FallsThrough {
            self.mir.switch(join);
            self.define_all(results, &params)?;
        }
        Ok(flow)
    }

    /// A varying branch in two versions: one without masks, for when comparisons of scalars show that all lanes take
    /// it, and the one with masks.
    fn versioned_branch(&mut self, cond: Value, accept: &Block, reject: &Block, results: &[Value]) -> Result<Flow> {
        let statements = count_statements(accept) + count_statements(reject);
        let plain = !leaves(accept) && !leaves(reject) && is_trivial(reject) && !is_trivial(accept);
        let Some(checks) = (if plain && statements <= MAX_VERSIONED_STATEMENTS && !self.in_versioned_branch {
            self.uniformity_checks(cond)?
        } else {
            None
        }) else {
            return self.varying_branch(cond, accept, reject, results);
        };
        self.in_versioned_branch = true;
        let (proven, before) = (self.proven.clone(), self.mask);
        let (params, values) = (results, results.len() * self.rows);
        let vregs = self.checked_branch(
            Some(checks),
            &vec![RegClass::Float; values],
            |s| {
                for (comparison, holds) in conjuncts(s, cond, true).unwrap_or_default() {
                    s.note_proof(comparison, holds);
                }
                s.dead_blocks.push(Vec::new());
                s.block(accept)?;
                s.pass_dead_blocks_outward();
                s.proven = proven;
                match &accept.end {
                    End::Yield(values) => s.arguments(params, values),
                    _ => Err(Unsupported("a branch that is left")),
                }
            },
            |s| {
                s.mask = before;
                s.varying_branch(cond, accept, reject, results)?;
                s.arguments(params, params)
            },
        )?;
        self.in_versioned_branch = false;
        self.mask = before;
        self.define_all(results, &vregs)?;
        Ok(Flow::FallsThrough)
    }

    fn varying_branch(&mut self, cond: Value, accept: &Block, reject: &Block, results: &[Value]) -> Result<Flow> {
        let before = self.mask;
        // Lanes that leave at once, and those that stay.
        let quits = |arm: &Block| arm.stmts.is_empty() && leaves(arm);
        if quits(reject) && is_trivial(accept) {
            return self.partial_exit(cond, false, (reject, accept), results);
        }
        if quits(accept) && is_trivial(reject) {
            return self.partial_exit(cond, true, (accept, reject), results);
        }
        let yes = self.per_row(|s| {
            let cond = s.vector(cond)?;
            Ok(match before {
                Mask::All => cond,
                Mask::Some(mask) => s.and(cond, mask[s.row]),
            })
        })?;
        let no = self.per_row(|s| {
            let (cond, mask) = (s.vector(cond)?, s.mask_row());
            Ok(s.and_not(cond, mask))
        })?;
        // An arm that only yields needs no code of its own; the other then runs first.
        let swapped = is_trivial(accept);
        let (first, second) = if swapped { (reject, accept) } else { (accept, reject) };
        let (yes, no) = if swapped { (no, yes) } else { (yes, no) };
        let one = self.arm(first, results, yes)?;
        let two = match &second.end {
            End::Yield(values) if is_trivial(second) => {
                let rows = values.iter().map(|&v| self.per_row(|s| s.vector(v))).collect::<Result<Vec<_>>>()?;
                Arm { rows: Some(rows), rest: Some(no) }
            }
            _ => self.arm(second, results, no)?,
        };
        for (i, &result) in results.iter().enumerate() {
            let rows = match (&one.rows, &two.rows) {
                (Some(one), Some(two)) => self.per_row(|s| Ok(s.blend(yes[s.row], one[i][s.row], two[i][s.row])))?,
                (Some(rows), None) | (None, Some(rows)) => rows[i],
                (None, None) => self.per_row(|s| Ok(s.zero(RegClass::Float)))?,
            };
            self.bind(result, ValueRegs::Rows(rows))?;
        }
        self.mask = before;
        if leaves(first) || leaves(second) {
            match (one.rest, two.rest) {
                (Some(one), Some(two)) => {
                    let mask = self.per_row(|s| Ok(s.or(one[s.row], two[s.row])))?;
                    self.continue_if_any(mask);
                }
                (Some(mask), None) | (None, Some(mask)) => self.continue_if_any(mask),
                (None, None) => {
                    self.mark_dead();
                    return Ok(Flow::Terminated);
                }
            }
        }
        Ok(Flow::FallsThrough)
    }

    /// A branch with one arm that does nothing but leave. Whether any lane is left is tested only where some leave.
    fn partial_exit(
        &mut self,
        cond: Value,
        holds: bool,
        (leave, stay): (&Block, &Block),
        results: &[Value],
    ) -> Result<Flow> {
        let before = self.mask;
        let conds = self.per_row(|s| s.vector(cond))?;
        let leaving = self.per_row(|s| {
            let mask = s.mask_row();
            Ok(if holds { s.and(conds[s.row], mask) } else { s.and_not(conds[s.row], mask) })
        })?;
        if let End::Yield(values) = &stay.end {
            self.rebind(results, values)?;
        }
        let (enter, skip, join) = (self.mir.block(), self.mir.block(), self.mir.block());
        let unchanged = self.mask_rows();
        let params: Vec<VReg> = unchanged.iter().map(|_| self.mir.param(join, RegClass::Float)).collect();
        self.mir.branch(M::BranchAny, &leaving[..self.rows], enter, skip);
        self.mir.switch(enter);
        self.mask = Mask::Some(leaving);
        self.dead_blocks.push(Vec::new());
        self.open();
        self.end(&leave.end)?;
        self.close();
        for left in self.dead_blocks.pop().expect("a construct is open") {
            self.mir.switch(left);
            self.open();
            self.mask = before;
            let staying = self.per_row(|s| {
                let mask = s.mask_row();
                Ok(s.and_not(leaving[s.row], mask))
            })?;
            self.close();
            let (some, none) = (self.mir.block(), self.mir.cold_block());
            self.mir.branch(M::BranchAny, &staying[..self.rows], some, none);
            self.dead_blocks.last_mut().expect("a construct is open").push(none);
            self.mir.switch(some);
            self.mir.jump(join, &staying[..self.rows]);
        }
        self.mir.switch(skip);
        self.mir.jump(join, &unchanged);
        self.mir.switch(join);
        self.mask = Mask::Some(over_rows(&params));
        Ok(Flow::FallsThrough)
    }

    /// An arm of a varying branch, run if any lane of `mask` is set. The current block becomes its join.
    fn arm(&mut self, arm: &Block, results: &[Value], mask: PerRow<VReg>) -> Result<Arm> {
        let (enter, skip, join) = (self.mir.block(), self.mir.block(), self.mir.block());
        self.mir.branch(M::BranchAny, &mask[..self.rows], enter, skip);
        self.mir.switch(enter);
        self.mask = Mask::Some(mask);
        self.dead_blocks.push(Vec::new());
        self.open();
        let flow = self.block(arm)?;
        let mut result = Arm { rows: None, rest: None };
        let mut classes = Vec::new();
        if let (Flow::FallsThrough, End::Yield(values)) = (flow, &arm.end) {
            let mut arguments = self.arguments(results, values)?;
            classes = vec![RegClass::Float; arguments.len()];
            let params: Vec<VReg> = classes.iter().map(|&c| self.mir.param(join, c)).collect();
            let widths: Vec<usize> = results.iter().map(|&r| self.width(r)).collect();
            let mut rest = params.as_slice();
            let mut rows = Vec::new();
            for width in widths {
                let (own, others) = rest.split_at(width);
                rows.push(over_rows(own));
                rest = others;
            }
            result.rows = Some(rows);
            result.rest = Some(mask);
            if leaves(arm) {
                arguments.extend(self.mask_rows());
                classes.extend(vec![RegClass::Float; self.rows]);
                let rest: Vec<VReg> = (0..self.rows).map(|_| self.mir.param(join, RegClass::Float)).collect();
                result.rest = Some(over_rows(&rest));
            }
            self.mir.jump(join, &arguments);
        }
        self.close();
        self.join_dead_blocks(join, &classes);
        self.mir.switch(skip);
        let undefined: Vec<VReg> = classes.iter().map(|&c| self.fresh_zero(c)).collect();
        self.mir.jump(join, &undefined);
        self.mir.switch(join);
        Ok(result)
    }

    /// Goes on with the lanes of `mask`; without any, the construct around ends here.
    pub fn continue_if_any(&mut self, mask: PerRow<VReg>) {
        let (some, none) = (self.mir.block(), self.mir.cold_block());
        self.mir.branch(M::BranchAny, &mask[..self.rows], some, none);
        self.dead_blocks.last_mut().expect("a construct is open").push(none);
        self.mir.switch(some);
        self.mask = Mask::Some(mask);
    }
}

/// An arm that does nothing but yield.
pub fn is_trivial(block: &Block) -> bool {
    block.stmts.is_empty() && matches!(block.end, End::Yield(_))
}

/// Whether lanes may leave the construct that a block belongs to from within it.
fn leaves(block: &Block) -> bool {
    leaves_for_outside(block, Vec::new())
}

/// Whether lanes may leave a loop or scope for farther away than its end.
pub fn leaves_beyond(body: &Block, own: Label) -> bool {
    leaves_for_outside(body, vec![own])
}

/// Whether lanes return, or break to a label that is neither in the block nor among `inside`.
fn leaves_for_outside(block: &Block, mut inside: Vec<Label>) -> bool {
    labels(block, &mut inside);
    any_end(block, &mut |end| match end {
        End::Break(label, _) => !inside.contains(label),
        End::Return => true,
        End::Yield(_) | End::Unreachable => false,
    })
}

pub fn breaks(body: &Block, label: Label) -> bool {
    any_end(body, &mut |end| matches!(end, End::Break(to, _) if *to == label))
}

pub fn any_end(block: &Block, test: &mut impl FnMut(&End) -> bool) -> bool {
    let mut found = false;
    block.visit_ends(&mut |end| found |= test(end));
    found
}

/// The labels of the loops and scopes in a block.
fn labels(block: &Block, out: &mut Vec<Label>) {
    for stmt in &block.stmts {
        match stmt {
            Stmt::If { accept, reject, .. } => {
                labels(accept, out);
                labels(reject, out);
            }
            Stmt::Loop { label, body, .. } | Stmt::Scope { label, body, .. } => {
                out.push(*label);
                labels(body, out);
            }
            _ => {}
        }
    }
}
