//! Control flow within a lane group: branches of uniform conditions jump, those of varying ones set masks.

use regalloc2::{Block as MirBlock, RegClass, VReg};

use super::{Mask, Place, Result, Selector, Unsupported};
use crate::{
    exec::cpu::jit::mir::Op as M,
    ir::{Block, End, Label, Stmt, Value},
};

/// An enclosing loop or scope that a `Break` can leave.
pub struct Target {
    pub label: Label,
    pub exit: Exit,
}

pub enum Exit {
    /// All lanes leave together: a jump, with the results and, where it may have changed, the mask.
    Together { block: MirBlock, results: Vec<Value>, mask: bool },
    /// Lanes leave one by one: the rows of those that did, and of each result.
    OneByOne { left: i32, results: Vec<i32> },
}

/// What an arm of a varying branch leaves behind, where control falls out of it.
struct Arm {
    /// The values it yields, in its lanes.
    rows: Option<Vec<VReg>>,
    /// The lanes it goes on with.
    rest: Option<VReg>,
}

/// How control leaves a block.
pub enum Flow {
    /// On to what follows, with these values.
    Falls(Vec<VReg>),
    /// No lane goes on; the current block is closed.
    Gone,
}

impl Selector<'_> {
    pub fn block(&mut self, block: &Block) -> Result<Flow> {
        for stmt in &block.stmts {
            if self.region_stmt(stmt)? {
                return Ok(Flow::Gone);
            }
        }
        match &block.end {
            End::Yield(values) => Ok(Flow::Falls(self.naturals(values)?)),
            End::Break(label, values) => {
                self.leave(*label, values)?;
                Ok(Flow::Gone)
            }
            End::Return => {
                if let Some(alive) = self.alive {
                    let mask = self.mask_row();
                    let before = self.mir.v(M::GroupLoad(alive), &[]);
                    let after = self.and_not(mask, before);
                    self.mir.effect(M::GroupStore(alive), &[after]);
                }
                self.die();
                Ok(Flow::Gone)
            }
            End::Unreachable => {
                self.die();
                Ok(Flow::Gone)
            }
        }
    }

    /// Notes that no lane is left in the current block.
    fn die(&mut self) {
        let at = MirBlock::new(self.mir.at);
        self.dead.last_mut().expect("a construct is open").push(at);
    }

    fn leave(&mut self, label: Label, values: &[Value]) -> Result<()> {
        let at = self.targets.iter().rposition(|t| t.label == label).ok_or(Unsupported("an exit out of a region"))?;
        match &self.targets[at].exit {
            Exit::Together { block, results, mask } => {
                let (block, results, mask) = (*block, results.clone(), *mask);
                let mut arguments = self.arguments(&results, values)?;
                if mask {
                    arguments.push(self.mask_row());
                }
                self.mir.jump(block, &arguments);
            }
            Exit::OneByOne { left, results } => {
                let (left, results) = (*left, results.clone());
                let values = values.iter().map(|&v| self.vector(v)).collect::<Result<Vec<_>>>()?;
                self.set_aside(left, &results, &values);
                self.die();
            }
        }
        Ok(())
    }

    /// Whether control ends in this statement.
    pub fn region_stmt(&mut self, stmt: &Stmt) -> Result<bool> {
        match stmt {
            Stmt::Let(value) => self.define(*value)?,
            Stmt::Store { address, value } => self.store(address, *value)?,
            Stmt::Clear(mem) => self.clear(*mem)?,
            Stmt::Barrier(_) => return Err(Unsupported("a barrier within a region")),
            Stmt::If { cond, accept, reject, results } => {
                if self.uniform(*cond) {
                    return self.uniform_branch(*cond, accept, reject, results);
                }
                return self.varying_branch(*cond, accept, reject, results);
            }
            Stmt::Loop { label, params, inits, body, results } => {
                return self.repeat(*label, params, inits, body, results);
            }
            Stmt::Scope { label, body, results } => return self.scope(*label, body, results),
        }
        Ok(false)
    }

    /// Ends the blocks in which no lane is left by jumps to `block` with zeros.
    pub fn bury(&mut self, block: MirBlock, classes: &[RegClass]) {
        for dead in self.dead.pop().expect("a construct is open") {
            self.mir.switch(dead);
            let zeros: Vec<VReg> = classes.iter().map(|&c| self.zero(c)).collect();
            self.mir.jump(block, &zeros);
        }
    }

    /// Hands blocks in which no lane is left to the construct around.
    fn pass_on_dead(&mut self) {
        let dead = self.dead.pop().expect("a construct is open");
        self.dead.last_mut().expect("a construct is open").extend(dead);
    }

    /// Parameters of a join for these values, and for a mask.
    fn params(&mut self, block: MirBlock, values: &[Value], mask: bool) -> (Vec<VReg>, Option<VReg>) {
        let classes: Vec<RegClass> = values.iter().map(|&v| self.class(v)).collect();
        let params = classes.into_iter().map(|c| self.mir.param(block, c)).collect();
        let mask = mask.then(|| self.mir.param(block, RegClass::Float));
        (params, mask)
    }

    fn define_all(&mut self, values: &[Value], vregs: &[VReg]) {
        for (&value, &vreg) in values.iter().zip(vregs) {
            self.bind(value, vreg);
        }
    }

    fn uniform_branch(&mut self, cond: Value, accept: &Block, reject: &Block, results: &[Value]) -> Result<bool> {
        let shrinks = leaves(accept) || leaves(reject);
        let cond = self.general(cond)?;
        let (yes, no, join) = (self.mir.block(), self.mir.block(), self.mir.block());
        let (params, mask) = self.params(join, results, shrinks);
        self.mir.branch(M::BranchNonZero, &[cond], yes, no);
        let before = self.mask;
        let mut falls = false;
        for (start, arm) in [(yes, accept), (no, reject)] {
            self.mir.switch(start);
            self.mask = before;
            self.dead.push(Vec::new());
            if let Flow::Falls(values) = self.block(arm)? {
                let mut values = self.widened(results, values);
                if shrinks {
                    values.push(self.mask_row());
                }
                self.mir.jump(join, &values);
                falls = true;
            }
            self.pass_on_dead();
        }
        self.mask = mask.map_or(before, Mask::Some);
        if !falls {
            return Ok(true);
        }
        self.mir.switch(join);
        self.define_all(results, &params);
        Ok(false)
    }

    fn varying_branch(&mut self, cond: Value, accept: &Block, reject: &Block, results: &[Value]) -> Result<bool> {
        let cond = self.vector(cond)?;
        let all = self.mask_row();
        let (yes, no) = match self.mask {
            Mask::All => (cond, self.and_not(cond, all)),
            Mask::Some(mask) => (self.and(cond, mask), self.and_not(cond, mask)),
        };
        let before = self.mask;
        // An arm that only yields needs no code of its own; the other then runs first.
        let swapped = is_trivial(accept);
        let (first, second) = if swapped { (reject, accept) } else { (accept, reject) };
        let (yes, no) = if swapped { (no, yes) } else { (yes, no) };
        let one = self.arm(first, yes)?;
        let two = match &second.end {
            End::Yield(values) if is_trivial(second) => {
                let rows = values.iter().map(|&v| self.vector(v)).collect::<Result<Vec<_>>>()?;
                Arm { rows: Some(rows), rest: Some(no) }
            }
            _ => self.arm(second, no)?,
        };
        for (i, &result) in results.iter().enumerate() {
            let row = match (&one.rows, &two.rows) {
                (Some(one), Some(two)) => self.blend(yes, one[i], two[i]),
                (Some(rows), None) | (None, Some(rows)) => rows[i],
                (None, None) => self.mir.v(M::VZero, &[]),
            };
            self.bind(result, row);
        }
        self.mask = before;
        if leaves(first) || leaves(second) {
            match (one.rest, two.rest) {
                (Some(one), Some(two)) => {
                    let mask = self.or(one, two);
                    self.go_on_if_any(mask);
                }
                (Some(mask), None) | (None, Some(mask)) => self.go_on_if_any(mask),
                (None, None) => {
                    self.die();
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// An arm of a varying branch, run if any lane of `mask` is set. The current block becomes its join.
    fn arm(&mut self, arm: &Block, mask: VReg) -> Result<Arm> {
        let (enter, skip, join) = (self.mir.block(), self.mir.block(), self.mir.block());
        self.mir.branch(M::BranchAny, &[mask], enter, skip);
        self.mir.switch(enter);
        self.mask = Mask::Some(mask);
        self.dead.push(Vec::new());
        let flow = self.block(arm)?;
        let mut result = Arm { rows: None, rest: None };
        let mut classes = Vec::new();
        if let Flow::Falls(values) = flow {
            let mut arguments: Vec<VReg> = values.into_iter().map(|v| self.row(v)).collect();
            classes = vec![RegClass::Float; arguments.len()];
            result.rows = Some(classes.iter().map(|&c| self.mir.param(join, c)).collect());
            result.rest = Some(mask);
            if leaves(arm) {
                arguments.push(self.mask_row());
                classes.push(RegClass::Float);
                result.rest = Some(self.mir.param(join, RegClass::Float));
            }
            self.mir.jump(join, &arguments);
        }
        self.bury(join, &classes);
        self.mir.switch(skip);
        let undefined: Vec<VReg> = classes.iter().map(|&c| self.zero(c)).collect();
        self.mir.jump(join, &undefined);
        self.mir.switch(join);
        Ok(result)
    }

    /// A register as a row.
    fn row(&mut self, vreg: VReg) -> VReg {
        if vreg.class() == RegClass::Int { self.broadcast(vreg) } else { vreg }
    }

    /// Goes on with the lanes of `mask`; without any, the construct around ends here.
    pub fn go_on_if_any(&mut self, mask: VReg) {
        let (some, none) = (self.mir.block(), self.mir.cold_block());
        self.mir.branch(M::BranchAny, &[mask], some, none);
        self.dead.last_mut().expect("a construct is open").push(none);
        self.mir.switch(some);
        self.mask = Mask::Some(mask);
    }

    fn one_by_one(&mut self, label: Label, results: usize) -> (i32, Vec<i32>) {
        let left = self.layout.row(false);
        let rows: Vec<i32> = (0..results).map(|_| self.layout.row(false)).collect();
        self.targets.push(Target { label, exit: Exit::OneByOne { left, results: rows.clone() } });
        let zero = self.mir.v(M::VZero, &[]);
        self.mir.effect(M::RowStore(left), &[zero]);
        (left, rows)
    }

    /// Adds the active lanes to those that have left a construct one by one, with their results.
    fn set_aside(&mut self, left: i32, rows: &[i32], values: &[VReg]) {
        let mask = self.mask_row();
        for (&value, &row) in values.iter().zip(rows) {
            let before = self.mir.v(M::RowLoad(row), &[]);
            let merged = self.blend(mask, value, before);
            self.mir.effect(M::RowStore(row), &[merged]);
        }
        let before = self.mir.v(M::RowLoad(left), &[]);
        let merged = self.or(before, mask);
        self.mir.effect(M::RowStore(left), &[merged]);
    }

    /// Goes on in `out` with the lanes that have left one by one, and their results.
    fn reunite(&mut self, out: MirBlock, left: i32, rows: &[i32], results: &[Value]) {
        self.bury(out, &[]);
        self.mir.switch(out);
        for (&result, &row) in results.iter().zip(rows) {
            let row = self.mir.v(M::RowLoad(row), &[]);
            self.bind(result, row);
        }
        let mask = self.mir.v(M::RowLoad(left), &[]);
        self.go_on_if_any(mask);
    }

    fn repeat(
        &mut self,
        label: Label,
        params: &[Value],
        inits: &[Value],
        body: &Block,
        results: &[Value],
    ) -> Result<bool> {
        let divergent = self.is_divergent(label);
        // The mask of the next iteration may be smaller where lanes leave one by one or for farther away.
        let shrinks = divergent || leaves_beyond(body, label);
        let before = self.mask;
        let (header, out) = (self.mir.block(), self.mir.block());
        let exits = if divergent {
            Err(self.one_by_one(label, results.len()))
        } else {
            let exits = self.params(out, results, shrinks);
            self.targets
                .push(Target { label, exit: Exit::Together { block: out, results: results.to_vec(), mask: shrinks } });
            Ok(exits)
        };
        let mut arguments = self.arguments(params, inits)?;
        if shrinks {
            arguments.push(self.mask_row());
        }
        let (phis, mask) = self.params(header, params, shrinks);
        self.mir.jump(header, &arguments);
        self.mir.switch(header);
        self.define_all(params, &phis);
        self.mask = mask.map_or(before, Mask::Some);
        self.dead.push(Vec::new());
        if let Flow::Falls(values) = self.block(body)? {
            let mut next = self.widened(params, values);
            if shrinks {
                next.push(self.mask_row());
            }
            self.mir.jump(header, &next);
        }
        self.targets.pop();
        match exits {
            Ok((exits, mask)) => {
                self.pass_on_dead();
                self.mir.switch(out);
                self.define_all(results, &exits);
                self.mask = mask.map_or(before, Mask::Some);
                Ok(!breaks(body, label))
            }
            Err((left, rows)) => {
                self.reunite(out, left, &rows, results);
                Ok(false)
            }
        }
    }

    /// Values in the classes of the parameters they are for.
    fn arguments(&mut self, params: &[Value], values: &[Value]) -> Result<Vec<VReg>> {
        let values = self.naturals(values)?;
        Ok(self.widened(params, values))
    }

    fn widened(&mut self, params: &[Value], values: Vec<VReg>) -> Vec<VReg> {
        let pairs: Vec<(RegClass, VReg)> = params.iter().map(|&p| self.class(p)).zip(values).collect();
        pairs.into_iter().map(|(class, value)| if class == RegClass::Float { self.row(value) } else { value }).collect()
    }

    fn scope(&mut self, label: Label, body: &Block, results: &[Value]) -> Result<bool> {
        let before = self.mask;
        let out = self.mir.block();
        if self.is_divergent(label) {
            let (left, rows) = self.one_by_one(label, results.len());
            self.dead.push(Vec::new());
            // Those that fall out at the end join those that left.
            if let Flow::Falls(values) = self.block(body)? {
                let values: Vec<VReg> = values.into_iter().map(|v| self.row(v)).collect();
                self.set_aside(left, &rows, &values);
                self.mir.jump(out, &[]);
            }
            self.targets.pop();
            self.reunite(out, left, &rows, results);
            return Ok(false);
        }
        let shrinks = leaves_beyond(body, label);
        let (params, mask) = self.params(out, results, shrinks);
        self.targets
            .push(Target { label, exit: Exit::Together { block: out, results: results.to_vec(), mask: shrinks } });
        self.dead.push(Vec::new());
        let mut reached = breaks(body, label);
        if let Flow::Falls(values) = self.block(body)? {
            let mut values = self.widened(results, values);
            if shrinks {
                values.push(self.mask_row());
            }
            self.mir.jump(out, &values);
            reached = true;
        }
        self.targets.pop();
        self.pass_on_dead();
        self.mask = mask.map_or(before, Mask::Some);
        if !reached {
            return Ok(true);
        }
        self.mir.switch(out);
        self.define_all(results, &params);
        Ok(false)
    }

    /// The value's register if it has one by now.
    pub fn known(&self, value: Value) -> Option<VReg> {
        match self.places[value.0 as usize]? {
            Place::General(v) | Place::Vector(v) => Some(v),
        }
    }
}

/// An arm that does nothing but yield.
fn is_trivial(block: &Block) -> bool {
    block.stmts.is_empty() && matches!(block.end, End::Yield(_))
}

/// Whether lanes may leave the construct that a block belongs to from within it.
fn leaves(block: &Block) -> bool {
    leaves_for_outside(block, Vec::new())
}

/// Whether lanes may leave a loop or scope for farther away than its end.
fn leaves_beyond(body: &Block, own: Label) -> bool {
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

fn breaks(body: &Block, label: Label) -> bool {
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
