//! Workgroups and regions: what runs once for a workgroup, and what runs for each of its lane groups.

use regalloc2::{Block as MirBlock, VReg};
use rustc_hash::FxHashSet;

use super::{
    MAX_ROWS, Mask, Result, Selector, ValueRegs,
    assume::Interior,
    crossing::{Contents, crossing, holds_barrier},
    flow::{Flow, any_end},
    scalar::Scalar,
};
use crate::{
    exec::cpu::jit::{
        layout::rows_of,
        mir::{Cond, Op as M, ROW},
    },
    ir::{Binary, Block, Builtin, End, Mem, Op, Program, Space, Stmt, Uniformity, Value, simplify::is_pure},
};

impl<'a> Selector<'a> {
    /// The whole function: a loop over workgroups along x.
    pub fn program(&mut self) -> Result<()> {
        let program = self.program;
        let body = &program.body;
        // Pointers and what is the same over the dispatch are there before the first workgroup.
        for i in 0..program.memories.len() {
            let mem = Mem(i as u32);
            if !matches!(program.memory(mem).space, Space::Workgroup { .. } | Space::Private { .. }) {
                self.pointer(mem);
            }
        }
        let mut rest: Vec<&Stmt> = Vec::new();
        for stmt in &body.stmts {
            match stmt {
                Stmt::Let(value) if self.dispatch_uniform(*value) && self.is_hoistable(*value) => {
                    self.define(*value)?
                }
                _ => rest.push(stmt),
            }
        }
        let (slice, workgroup, end) = (self.mir.block(), self.mir.block(), self.mir.block());
        if self.interchanges_loops() {
            self.interchanged = Some(end);
            self.mir.effect(M::FirstGroup, &[]);
            self.mir.jump(slice, &[]);
            self.mir.switch(slice);
            self.mir.effect(M::FirstWorkgroup, &[]);
        }
        self.mir.jump(workgroup, &[]);
        self.mir.switch(workgroup);
        self.open();
        self.poll_stop();
        self.prepare_workgroup();
        if program.has_barrier {
            self.crossing = crossing(program, &rest, &body.end, &mut self.layout);
            if returns_early(&rest) {
                let alive = self.layout.group_rows();
                self.alive = Some(alive);
                self.each_group(|s| {
                    let lanes = s.existing_lanes();
                    s.mir.effect(M::GroupStore(alive), &[lanes]);
                    Ok(())
                })?;
            }
            if self.workgroup_level(&rest, &body.end, end)? {
                self.mir.jump(end, &[]);
            }
        } else {
            self.region(&rest)?;
            self.mir.jump(end, &[]);
        }
        self.close();
        self.mir.switch(end);
        let (again, done) = (self.mir.block(), self.mir.block());
        self.mir.branch(M::NextWorkgroup, &[], again, done);
        self.mir.switch(again);
        self.mir.jump(workgroup, &[]);
        self.mir.switch(done);
        if self.interchanged.is_some() {
            let (more, over) = (self.mir.block(), self.mir.block());
            self.mir.effect(M::StepGroup(self.rows_per_pass as i32 * ROW), &[]);
            self.mir.branch(M::BranchGroupBelow(self.layout.groups * ROW), &[], more, over);
            self.mir.switch(more);
            self.mir.jump(slice, &[]);
            self.mir.switch(over);
        }
        self.mir.effect(M::Return, &[]);
        Ok(())
    }

    /// Whether the loop over workgroups along x is put inside the loop over lane groups (loop interchange). A workgroup
    /// of several lines reads and writes in short pieces far apart; the same line of many workgroups is one long piece,
    /// which memory serves best.
    fn interchanges_loops(&self) -> bool {
        let [x, y, z] = self.program.workgroup_size;
        let shares = |m: &crate::ir::Memory| matches!(m.space, Space::Workgroup { .. });
        (y > 1 || z > 1)
            && x as usize <= 8 * MAX_ROWS
            && !self.program.has_barrier
            && !self.program.memories.iter().any(shares)
    }

    fn dispatch_uniform(&self, value: Value) -> bool {
        self.program.def(value).uniformity == Uniformity::Dispatch
    }

    /// Workgroup memory starts as zeros, and so does private memory.
    fn prepare_workgroup(&mut self) {
        for axis in 0..3 {
            self.first_global_ids[usize::from(axis)] = None;
            self.first_global_ids[usize::from(axis)] = Some(self.first_global_id(axis));
        }
        for (i, memory) in self.program.memories.iter().enumerate() {
            let mem = Mem(i as u32);
            let at = self.layout.memory(mem);
            match memory.space {
                Space::Workgroup { bytes } if !written_first(self.program, mem) => {
                    self.zero_worker(at, rows_of(bytes as i32) * ROW);
                }
                Space::Private { bytes } if self.program.has_barrier => {
                    self.zero_worker(at, bytes as i32 / 4 * ROW * self.layout.groups);
                }
                _ => {}
            }
        }
    }

    pub fn existing_lanes(&mut self) -> VReg {
        if self.program.lanes().is_multiple_of(8) {
            return self.v(M::VOnes, &[]);
        }
        self.v(M::GroupLoad(self.layout.lane_mask), &[])
    }

    /// A loop over the lane groups, one at a time.
    pub fn each_group(&mut self, body: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let head = self.mir.block();
        self.mir.effect(M::FirstGroup, &[]);
        self.mir.jump(head, &[]);
        self.mir.switch(head);
        self.open();
        body(self)?;
        self.close();
        let done = self.mir.block();
        self.next_group(1, head, done);
        self.mir.switch(done);
        Ok(())
    }

    /// Ends the current block: on to the next group, from `head` on, or to `done`.
    pub fn next_group(&mut self, rows: i32, head: MirBlock, done: MirBlock) {
        let (again, over) = (self.mir.block(), self.mir.block());
        self.mir.effect(M::StepGroup(rows * ROW), &[]);
        self.mir.branch(M::BranchGroupBelow(self.layout.groups * ROW), &[], again, over);
        self.mir.switch(again);
        self.mir.jump(head, &[]);
        self.mir.switch(over);
        self.mir.jump(done, &[]);
    }

    /// Ends the current block behind lane groups that are handled at once: on to the next groups, or with interchanged
    /// loops to the next workgroup.
    fn end_of_groups(&mut self, rows: i32, head: MirBlock, done: MirBlock) {
        match self.interchanged {
            Some(end) => self.mir.jump(end, &[]),
            None => self.next_group(rows, head, done),
        }
    }

    /// Statements without barriers, for all lane groups.
    ///
    /// There are up to two versions of the code. The interior one is for groups inside the grid and the data: what guards
    /// ask for holds in all their lanes, and no index is out of bounds. It handles several rows at once and needs no masks
    /// for either. The general one takes the rest, row by row.
    pub fn region(&mut self, stmts: &[&'a Stmt]) -> Result<()> {
        if stmts.is_empty() {
            return Ok(());
        }
        // Uniform values are computed once, in front.
        let mut rest: Vec<&'a Stmt> = Vec::new();
        for &stmt in stmts {
            match stmt {
                Stmt::Let(value) if self.uniform(*value) && self.is_hoistable(*value) => self.define(*value)?,
                Stmt::Let(value) if matches!(self.program.def(*value).op, Op::Builtin(_)) => {}
                _ => rest.push(stmt),
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        let contents = Contents::new(self.program, &rest);
        let mut outside: Vec<Value> = contents.uses.keys().copied().filter(|&v| !self.uniform(v)).collect();
        outside.sort_unstable();
        outside.retain(|v| !contents.defined.contains(v));
        let kept = self.keep_uniform(&contents);
        let before = self.regs.clone();
        self.in_region = true;
        let mut interior = self.interior(&rest, &contents)?;
        self.rows_per_pass = interior.as_ref().map_or(1, |interior| interior.rows);
        let (head, done) = (self.mir.block(), self.mir.block());
        if self.interchanged.is_none() {
            self.mir.effect(M::FirstGroup, &[]);
        }
        self.mir.jump(head, &[]);
        self.mir.switch(head);
        self.open();
        let mut slow = head;
        if let Some(interior) = &mut interior {
            let failures = self.interior_version(interior, &rest, &outside, (head, done))?;
            self.regs.clone_from(&before);
            if failures.is_empty() {
                self.close();
                return self.end_region(done, before, &contents, kept);
            }
            self.merge_blocks(&failures);
            slow = self.mir.block();
            self.mir.jump(slow, &[]);
            self.mir.switch(slow);
        }
        self.open();
        self.skip_remaining_groups(&rest, done)?;
        self.close();
        self.open();
        self.load_outside(&outside)?;
        let end = self.mir.block();
        self.dead_blocks.push(Vec::new());
        self.start_group()?;
        if self.statements(&rest)? == Flow::FallsThrough {
            self.mir.jump(end, &[]);
        }
        self.join_dead_blocks(end, &[]);
        self.close();
        self.mir.switch(end);
        match &interior {
            Some(interior) if interior.rows > 1 => {
                // Row by row, until all that the interior version would have handled at once are done.
                self.mir.effect(M::StepGroup(ROW), &[]);
                let (over, more, again) = (self.mir.block(), self.mir.block(), self.mir.block());
                self.mir.branch(M::BranchGroupAligned(interior.rows as i32 * ROW), &[], over, more);
                self.mir.switch(more);
                self.mir.jump(slow, &[]);
                self.mir.switch(over);
                if let Some(end) = self.interchanged {
                    self.mir.effect(M::StepGroup(-(interior.rows as i32) * ROW), &[]);
                    self.mir.jump(end, &[]);
                    self.close();
                    return self.end_region(done, before, &contents, kept);
                }
                let leave = self.mir.block();
                self.mir.branch(M::BranchGroupBelow(self.layout.groups * ROW), &[], again, leave);
                self.mir.switch(again);
                self.mir.jump(head, &[]);
                self.mir.switch(leave);
                self.mir.jump(done, &[]);
            }
            _ => self.end_of_groups(1, head, done),
        }
        self.close();
        self.end_region(done, before, &contents, kept)
    }

    /// The version for interior groups; gives the blocks to which control goes for others. The current
    /// block is the head of the loop over groups.
    fn interior_version(
        &mut self,
        interior: &mut Interior,
        rest: &[&'a Stmt],
        outside: &[Value],
        (head, done): (MirBlock, MirBlock),
    ) -> Result<Vec<MirBlock>> {
        self.open();
        self.enter(interior);
        self.load_outside(outside)?;
        // The general version may read what is in these rows now, so nothing is stored until this version is sure to
        // run.
        self.deferred_stores = Some(Vec::new());
        let checks = self.interior_checks(interior)?;
        let computed = self.deferred_stores.take().unwrap_or_default();
        let mut failures = self.branch_on_checks(&checks);
        if self.some_may_have_left() {
            let rows = self.active()?;
            let (all, fails) = (self.mir.block(), self.mir.cold_block());
            self.mir.branch(M::BranchFull, &rows[..self.rows], all, fails);
            failures.push(fails);
            self.mir.switch(all);
        }
        if !self.program.lanes().is_multiple_of(8) {
            // The last group is not whole.
            let (whole, fails) = (self.mir.block(), self.mir.cold_block());
            let groups = self.program.lanes() as i32 / 8;
            self.mir.branch(M::BranchGroupBelow(groups * ROW), &[], whole, fails);
            failures.push(fails);
            self.mir.switch(whole);
        }
        let end = self.mir.block();
        self.dead_blocks.push(Vec::new());
        self.mask = Mask::All;
        self.clear_private();
        for value in computed {
            self.store_row(value)?;
        }
        if self.statements(rest)? == Flow::FallsThrough {
            self.mir.jump(end, &[]);
        }
        self.join_dead_blocks(end, &[]);
        self.close();
        self.mir.switch(end);
        self.end_of_groups(interior.rows as i32, head, done);
        self.leave_interior(interior);
        Ok(failures)
    }

    /// The values from outside of the region, for the rows at hand.
    fn load_outside(&mut self, outside: &[Value]) -> Result<()> {
        for &value in outside {
            if let Op::Builtin(_) = self.program.def(value).op {
                self.define(value)?;
            } else if let Some(&at) = self.crossing.get(&value) {
                let place = if self.is_scalar(value) {
                    ValueRegs::Scalar(
                        self.per_row(|s| Ok(Scalar::register(s.g(M::GLoadGroup(at + ROW * s.row as i32), &[]))))?,
                    )
                } else {
                    ValueRegs::Rows(self.per_row(|s| Ok(s.v(M::GroupLoad(at + ROW * s.row as i32), &[])))?)
                };
                self.regs[value.0 as usize] = Some(place);
            }
        }
        Ok(())
    }

    /// Slots for uniform values that are computed among the groups of the region and used in others. Where a region ends,
    /// some lane is active ([`Self::continue_if_active`]), so they have been computed.
    fn keep_uniform(&mut self, contents: &Contents) -> Vec<Value> {
        let mut kept: Vec<Value> = contents.defined.iter().copied().filter(|&v| self.uniform(v)).collect();
        kept.sort_unstable();
        kept.retain(|v| self.uses.get(v).copied().unwrap_or(0) > contents.uses.get(v).copied().unwrap_or(0));
        for &value in &kept {
            let slot = self.layout.rows(1);
            self.slots.insert(value, slot);
        }
        kept
    }

    /// What is known behind a region.
    fn end_region(
        &mut self,
        done: MirBlock,
        before: Vec<Option<ValueRegs>>,
        contents: &Contents,
        kept: Vec<Value>,
    ) -> Result<()> {
        self.mir.switch(done);
        self.in_region = false;
        self.regs = before;
        for &value in &contents.defined {
            self.regs[value.0 as usize] = None;
        }
        for value in kept {
            let Some(slot) = self.slots.remove(&value) else { continue };
            let place = if self.is_scalar(value) {
                ValueRegs::Scalar([Scalar::register(self.g(M::GLoadWorker(slot), &[])); MAX_ROWS])
            } else {
                ValueRegs::Rows([self.v(M::RowLoad(slot), &[]); MAX_ROWS])
            };
            self.regs[value.0 as usize] = Some(place);
        }
        self.mask = Mask::All;
        Ok(())
    }

    /// Where a region does nothing but `if (local_index < n) { .. }`, the groups behind the first that has no such lane have
    /// none either.
    fn skip_remaining_groups(&mut self, rest: &[&'a Stmt], done: MirBlock) -> Result<()> {
        let Some((Stmt::If { cond, accept, reject, results }, lets)) = rest.split_last() else { return Ok(()) };
        let only_here = |v: &Value| !self.crossing.contains_key(v) && !self.slots.contains_key(v);
        let pure = lets.iter().all(|s| matches!(s, Stmt::Let(v) if is_pure(self.program, *v) && only_here(v)));
        let Op::Binary(op @ (Binary::Lt | Binary::Eq), index, limit) = self.program.def(*cond).op else {
            return Ok(());
        };
        let [_, y, z] = self.program.workgroup_size;
        let ordered = match self.program.def(index).op {
            Op::Builtin(Builtin::LocalIndex) => true,
            Op::Builtin(Builtin::LocalId(0)) => y == 1 && z == 1,
            _ => false,
        };
        let known = self.is_available(limit);
        // Lanes that do not take the branch have nothing more to do here.
        let idle = reject.stmts.is_empty() && matches!(reject.end, End::Yield(_) | End::Return);
        let plain = !matches!(accept.end, End::Break(..));
        if !pure || !ordered || !known || !idle || !plain || !results.is_empty() || !self.uniform(limit) {
            return Ok(());
        }
        if self.alive.is_some() || self.interchanged.is_some() {
            return Ok(());
        }
        let first = self.g(M::GGroup, &[]);
        let first = self.g_tied(M::G2Imm(iced_x86::Code::Shr_rm32_imm8, 2), &[first]);
        let limit = self.general(limit)?;
        let (over, some) = (self.mir.block(), self.mir.block());
        let behind = if op == Binary::Lt { Cond::AboveEq } else { Cond::Above };
        self.mir.branch(M::BranchCmp(behind), &[first, limit], over, some);
        self.mir.switch(over);
        self.mir.jump(done, &[]);
        self.mir.switch(some);
        Ok(())
    }

    fn is_hoistable(&self, value: Value) -> bool {
        match &self.program.def(value).op {
            Op::UniformLoad(_) | Op::Phi => false,
            op => {
                let mut known = true;
                op.visit_operands(&mut |v| known &= self.is_available(v));
                known
            }
        }
    }

    /// The lanes of the group that run, and their private memory.
    fn start_group(&mut self) -> Result<()> {
        self.mask = Mask::All;
        if self.some_may_have_left() {
            let active = self.active()?;
            self.continue_if_any(active);
        } else if !self.program.lanes().is_multiple_of(8) {
            let lanes = self.existing_lanes();
            self.mask = Mask::Some([lanes; MAX_ROWS]);
        }
        self.clear_private();
        Ok(())
    }

    fn clear_private(&mut self) {
        if !self.program.has_barrier {
            for (i, memory) in self.program.memories.iter().enumerate() {
                if let Space::Private { bytes } = memory.space {
                    let at = self.layout.memory(crate::ir::Mem(i as u32));
                    self.zero_worker(at, bytes as i32 / 4 * ROW);
                }
            }
        }
    }
}

/// Whether lanes return before the last barrier.
fn returns_early(stmts: &[&Stmt]) -> bool {
    let last = stmts.iter().rposition(|stmt| holds_barrier(stmt)).map_or(0, |last| last + 1);
    stmts[..last].iter().any(|stmt| match stmt {
        Stmt::If { accept, reject, .. } => [accept, reject].iter().any(|arm| returns(arm)),
        Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => returns(body),
        _ => false,
    })
}

fn returns(block: &Block) -> bool {
    any_end(block, &mut |end| matches!(end, End::Return))
}

/// Whether all lanes write the whole of a workgroup memory before anything reads it.
fn written_first(program: &Program, mem: Mem) -> bool {
    let Space::Workgroup { bytes } = program.memory(mem).space else { return false };
    let [_, y, z] = program.workgroup_size;
    let mut written = FxHashSet::default();
    for stmt in &program.body.stmts {
        match stmt {
            Stmt::Store { address, .. } if address.mem == mem => {
                let [term] = address.terms[..] else { return false };
                let by_lane = match program.def(term.index).op {
                    Op::Builtin(Builtin::LocalIndex) => true,
                    Op::Builtin(Builtin::LocalId(0)) => y == 1 && z == 1,
                    _ => false,
                };
                if !by_lane || u64::from(term.stride) * u64::from(program.lanes()) != u64::from(bytes) {
                    return false;
                }
                written.insert(address.offset);
                if (0..term.stride).step_by(4).all(|offset| written.contains(&offset)) {
                    return true;
                }
            }
            stmt if touches(program, stmt, mem) => return false,
            Stmt::If { accept, reject, .. } if returns(accept) || returns(reject) => return false,
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } if returns(body) => return false,
            _ => {}
        }
    }
    false
}

/// Whether a statement accesses a memory.
fn touches(program: &Program, stmt: &Stmt, mem: Mem) -> bool {
    let block = |b: &Block| b.stmts.iter().any(|s| touches(program, s, mem));
    match stmt {
        Stmt::Let(value) => match &program.def(*value).op {
            Op::Load(address) | Op::UniformLoad(address) => address.mem == mem,
            Op::Atomic(atomic) => atomic.address.mem == mem,
            _ => false,
        },
        Stmt::Store { address, .. } => address.mem == mem,
        Stmt::If { accept, reject, .. } => block(accept) || block(reject),
        Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => block(body),
        Stmt::Clear(_) | Stmt::Barrier(_) => false,
    }
}
