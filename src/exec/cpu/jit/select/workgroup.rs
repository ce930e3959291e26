//! What runs once for a workgroup: control flow around barriers.
//!
//! Wherever control is at this level, some lane is active: behind regions in which lanes return or leave for the end of a
//! construct around, a look at the lane groups finds whether any is left. So uniform values, which the lanes that come
//! by compute, are always there, and a loop whose lanes have all gone ends.

use regalloc2::{Block as MirBlock, VReg};

use super::{
    Mask, PerRow, Result, Selector, Unsupported,
    crossing::{holds_barrier, stmt_breaks, stmt_ends},
    flow::{Exit, Target},
    loops::ExitSlots,
};
use crate::{
    exec::cpu::jit::mir::{Op as M, ROW},
    ir::{Block, End, Label, Op, Stmt, Value},
};

impl<'a> Selector<'a> {
    /// Statements of which some hold barriers; says whether control falls out at the end.
    pub fn workgroup_level(&mut self, stmts: &[&'a Stmt], end: &'a End, finish: MirBlock) -> Result<bool> {
        let mut run: Vec<&Stmt> = Vec::new();
        for &stmt in stmts {
            if !self.is_workgroup_level(stmt) {
                run.push(stmt);
                continue;
            }
            self.whole_region(&run, finish)?;
            run.clear();
            match stmt {
                Stmt::Barrier(_) => {}
                Stmt::If { cond, accept, reject, results } => {
                    if !self.workgroup_branch(*cond, accept, reject, results, finish)? {
                        return Ok(false);
                    }
                }
                Stmt::Loop { label, params, inits, body, results } => {
                    self.workgroup_loop(*label, (params, inits), body, results, finish)?;
                }
                Stmt::Scope { label, body, results } => self.workgroup_scope(*label, body, results, finish)?,
                _ => return Err(Unsupported("a statement at the workgroup's level")),
            }
        }
        self.whole_region(&run, finish)?;
        match end {
            End::Yield(_) => return Ok(true),
            End::Break(label, values) => {
                let at = self.targets.iter().rposition(|t| t.label == *label).ok_or(Unsupported("an exit"))?;
                match &self.targets[at].exit {
                    Exit::Uniform { block, results, .. } => {
                        let (block, results) = (*block, results.clone());
                        let arguments = self.pass_arguments(&results, values)?;
                        self.mir.jump(block, &arguments);
                    }
                    Exit::Divergent(exit_slots) => {
                        let exit_slots = exit_slots.clone();
                        self.all_leave(&exit_slots, values)?;
                        self.leave_without_lanes(finish);
                    }
                }
            }
            End::Return => {
                self.all_return()?;
                self.leave_without_lanes(finish);
            }
            End::Unreachable => self.leave_without_lanes(finish),
        }
        Ok(false)
    }

    fn is_workgroup_level(&self, stmt: &Stmt) -> bool {
        let together = |t: &&Target| matches!(t.exit, Exit::Uniform { .. });
        holds_barrier(stmt) || self.targets.iter().filter(together).any(|t| stmt_breaks(stmt, t.label))
    }

    /// The constructs that span regions and that lanes leave one by one, from the outermost to the innermost.
    fn spanning(&self) -> impl DoubleEndedIterator<Item = &ExitSlots> {
        self.targets.iter().filter_map(|target| match &target.exit {
            Exit::Divergent(exit_slots) if exit_slots.out.is_some() => Some(exit_slots),
            _ => None,
        })
    }

    /// Whether some lanes may have returned, or left for the end of a construct that spans regions.
    pub fn some_may_have_left(&self) -> bool {
        self.alive.is_some() || self.spanning().next().is_some()
    }

    /// The lanes of the current group that are active at the workgroup's level.
    pub fn active(&mut self) -> Result<PerRow<VReg>> {
        let left: Vec<i32> = self.spanning().map(|exit_slots| exit_slots.left).collect();
        self.per_row(|s| {
            let row = ROW * s.row as i32;
            let mut lanes = match s.alive {
                Some(alive) => s.v(M::GroupLoad(alive + row), &[]),
                // Several rows are handled at once only where all lanes exist.
                None => s.existing_lanes(),
            };
            for &left in &left {
                let left = s.v(M::GroupLoad(left + row), &[]);
                lanes = s.and_not(left, lanes);
            }
            Ok(lanes)
        })
    }

    /// A region, behind which some lane is active.
    fn whole_region(&mut self, stmts: &[&'a Stmt], finish: MirBlock) -> Result<()> {
        self.region(stmts)?;
        let around: Vec<Label> = self.targets.iter().map(|t| t.label).collect();
        let mut leaves = |end: &End| match end {
            End::Return => true,
            End::Break(label, _) => around.contains(label),
            End::Yield(_) | End::Unreachable => false,
        };
        if self.some_may_have_left() && stmts.iter().any(|stmt| stmt_ends(stmt, &mut leaves)) {
            self.continue_if_active(finish)?;
        }
        Ok(())
    }

    /// Goes on if any lane is active.
    fn continue_if_active(&mut self, finish: MirBlock) -> Result<()> {
        let (head, some, none, done) = (self.mir.block(), self.mir.block(), self.mir.block(), self.mir.block());
        self.mir.effect(M::FirstGroup, &[]);
        self.mir.jump(head, &[]);
        self.mir.switch(head);
        self.open();
        let active = self.active()?;
        self.mir.branch(M::BranchAny, &active[..1], some, none);
        self.close();
        self.mir.switch(none);
        self.next_group(1, head, done);
        self.mir.switch(done);
        self.leave_without_lanes(finish);
        self.mir.switch(some);
        Ok(())
    }

    /// Ends the current block, in which no lane is active: those that left the innermost construct may be.
    fn leave_without_lanes(&mut self, finish: MirBlock) {
        let out = self.spanning().next_back().and_then(|exit_slots| exit_slots.out);
        self.mir.jump(out.unwrap_or(finish), &[]);
    }

    /// All active lanes leave a construct that spans regions.
    fn all_leave(&mut self, exit_slots: &ExitSlots, values: &[Value]) -> Result<()> {
        self.each_group(|s| {
            let active = s.active()?;
            s.mask = Mask::Some(active);
            let regs = s.regs.clone();
            for &value in values {
                let row = s.group_row(value)?;
                s.set(value, &[row]);
            }
            s.store_exit(exit_slots, values)?;
            s.regs = regs;
            s.mask = Mask::All;
            Ok(())
        })
    }

    /// All active lanes return.
    fn all_return(&mut self) -> Result<()> {
        // Where nobody else waits, the workgroup is done.
        let (Some(alive), Some(_)) = (self.alive, self.spanning().next()) else { return Ok(()) };
        self.each_group(|s| {
            let active = s.active()?;
            let before = s.v(M::GroupLoad(alive), &[]);
            let after = s.and_not(active[0], before);
            s.mir.effect(M::GroupStore(alive), &[after]);
            Ok(())
        })
    }

    /// The row of a value for the lane group at hand.
    fn group_row(&mut self, value: Value) -> Result<VReg> {
        match (self.crossing.get(&value), &self.program.def(value).op) {
            (Some(&row), _) if !self.uniform(value) => Ok(self.v(M::GroupLoad(row), &[])),
            (_, Op::Builtin(_)) if !self.uniform(value) => {
                self.define(value)?;
                let row = self.vector(value)?;
                self.regs[value.0 as usize] = None;
                Ok(row)
            }
            _ => self.vector(value),
        }
    }

    /// Passes values on to phis: rows through the worker block, uniform ones as arguments, which it gives.
    fn pass_arguments(&mut self, phis: &[Value], values: &[Value]) -> Result<Vec<VReg>> {
        let mut arguments = Vec::new();
        let mut rows = Vec::new();
        for (&phi, &value) in phis.iter().zip(values) {
            if !self.uniform(phi) {
                let row = *self.crossing.get(&phi).ok_or(Unsupported("a value without a row"))?;
                if self.crossing.get(&value) != Some(&row) {
                    rows.push((value, row));
                }
            } else if self.is_scalar(phi) {
                arguments.push(self.general(value)?);
            } else {
                arguments.push(self.vector(value)?);
            }
        }
        if !rows.is_empty() {
            self.each_group(|s| {
                let mut loaded = Vec::new();
                for &(value, to) in &rows {
                    loaded.push((s.group_row(value)?, to));
                }
                for (row, to) in loaded {
                    s.mir.effect(M::GroupStore(to), &[row]);
                }
                Ok(())
            })?;
        }
        Ok(arguments)
    }

    /// Parameters of a join for the uniform ones of these values.
    fn uniform_params(&mut self, block: MirBlock, values: &[Value]) -> Vec<(Value, VReg)> {
        let uniform: Vec<Value> = values.iter().copied().filter(|&v| self.uniform(v)).collect();
        uniform.into_iter().map(|v| (v, self.mir.param(block, self.class(v)))).collect()
    }

    fn set_all(&mut self, params: Vec<(Value, VReg)>) {
        params.into_iter().for_each(|(value, vreg)| self.set(value, &[vreg]));
    }

    fn workgroup_branch(
        &mut self,
        cond: Value,
        accept: &'a Block,
        reject: &'a Block,
        results: &'a [Value],
        finish: MirBlock,
    ) -> Result<bool> {
        if !self.uniform(cond) {
            // The uniformity analysis refuses such kernels.
            return Err(Unsupported("a varying branch around a barrier"));
        }
        let (yes, no, join) = (self.mir.block(), self.mir.block(), self.mir.block());
        let params = self.uniform_params(join, results);
        self.branch_on(cond, yes, no)?;
        let mut falls = false;
        for (start, arm) in [(yes, accept), (no, reject)] {
            self.mir.switch(start);
            self.open();
            let stmts: Vec<&Stmt> = arm.stmts.iter().collect();
            if self.workgroup_level(&stmts, &arm.end, finish)?
                && let End::Yield(values) = &arm.end
            {
                let arguments = self.pass_arguments(results, values)?;
                self.mir.jump(join, &arguments);
                falls = true;
            }
            self.close();
        }
        if falls {
            self.mir.switch(join);
            self.set_all(params);
        }
        Ok(falls)
    }

    fn workgroup_loop(
        &mut self,
        label: Label,
        (params, inits): (&'a [Value], &'a [Value]),
        body: &'a Block,
        results: &'a [Value],
        finish: MirBlock,
    ) -> Result<()> {
        if self.is_divergent(label) {
            // As above: a barrier in its body, or a jump from it for all lanes together, would be refused.
            return Err(Unsupported("a varying exit of a loop around a barrier"));
        }
        let (header, out) = (self.mir.block(), self.mir.block());
        let exits = self.uniform_params(out, results);
        let phis = self.uniform_params(header, params);
        let arguments = self.pass_arguments(params, inits)?;
        self.mir.jump(header, &arguments);
        self.mir.switch(header);
        self.set_all(phis);
        self.targets.push(Target { label, exit: Exit::Uniform { block: out, results: results.to_vec(), mask: false } });
        self.open();
        let stmts: Vec<&Stmt> = body.stmts.iter().collect();
        if self.workgroup_level(&stmts, &body.end, finish)?
            && let End::Yield(values) = &body.end
        {
            let arguments = self.pass_arguments(params, values)?;
            self.poll_stop();
            self.mir.jump(header, &arguments);
        }
        self.close();
        self.targets.pop();
        self.mir.switch(out);
        self.set_all(exits);
        Ok(())
    }

    fn workgroup_scope(&mut self, label: Label, body: &'a Block, results: &'a [Value], finish: MirBlock) -> Result<()> {
        let stmts: Vec<&Stmt> = body.stmts.iter().collect();
        let out = self.mir.block();
        if self.is_divergent(label) {
            let exit_slots = self.spanning_exit_slots(results, out)?;
            self.targets.push(Target { label, exit: Exit::Divergent(exit_slots.clone()) });
            self.open();
            if self.workgroup_level(&stmts, &body.end, finish)?
                && let End::Yield(values) = &body.end
            {
                self.all_leave(&exit_slots, values)?;
                self.mir.jump(out, &[]);
            }
            self.close();
            self.targets.pop();
            self.mir.switch(out);
            return self.continue_if_active(finish);
        }
        let exits = self.uniform_params(out, results);
        self.targets.push(Target { label, exit: Exit::Uniform { block: out, results: results.to_vec(), mask: false } });
        self.open();
        if self.workgroup_level(&stmts, &body.end, finish)?
            && let End::Yield(values) = &body.end
        {
            let arguments = self.pass_arguments(results, values)?;
            self.mir.jump(out, &arguments);
        }
        self.close();
        self.targets.pop();
        self.mir.switch(out);
        self.set_all(exits);
        Ok(())
    }

    /// The rows for a scope that spans regions; at first no lane has left it.
    fn spanning_exit_slots(&mut self, results: &[Value], out: MirBlock) -> Result<ExitSlots> {
        let row_of = |result| self.crossing.get(result).copied().ok_or(Unsupported("a value without a row"));
        let results = results.iter().map(row_of).collect::<Result<Vec<i32>>>()?;
        let left = self.layout.group_rows();
        self.each_group(|s| {
            let zero = s.v(M::VZero, &[]);
            s.mir.effect(M::GroupStore(left), &[zero]);
            Ok(())
        })?;
        Ok(ExitSlots { left, results, out: Some(out) })
    }
}
