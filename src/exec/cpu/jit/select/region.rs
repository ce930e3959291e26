//! Workgroups and regions: what runs once for a workgroup, and what runs for each of its lane groups.

use regalloc2::{Block as MirBlock, RegClass, VReg};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Mask, Place, Result, Selector, Unsupported,
    flow::{Exit, Target, any_end},
};
use crate::{
    exec::cpu::jit::{
        layout::rows,
        mir::{Op as M, ROW},
    },
    ir::{Block, End, Label, Op, Program, Space, Stmt, Uniformity, Value},
};

impl<'a> Selector<'a> {
    /// The whole function: a loop over workgroups along x.
    pub fn program(&mut self) -> Result<()> {
        let program = self.program;
        let body = &program.body;
        // What is the same over the dispatch is computed before the first workgroup.
        let mut rest: Vec<&Stmt> = Vec::new();
        for stmt in &body.stmts {
            match stmt {
                Stmt::Let(value) if self.dispatch_uniform(*value) && self.is_hoistable(*value) => {
                    self.define(*value)?
                }
                _ => rest.push(stmt),
            }
        }
        let (workgroup, end) = (self.mir.block(), self.mir.block());
        self.mir.jump(workgroup, &[]);
        self.mir.switch(workgroup);
        self.prepare_workgroup();
        if program.has_barrier {
            self.crossing = crossing(program, &rest, &body.end, &mut self.layout);
            if any_end(body, &mut |end| matches!(end, End::Return)) {
                let alive = self.layout.row(true);
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
        self.mir.switch(end);
        let (again, done) = (self.mir.block(), self.mir.block());
        self.mir.branch(M::NextWorkgroup, &[], again, done);
        self.mir.switch(again);
        self.mir.jump(workgroup, &[]);
        self.mir.switch(done);
        self.mir.effect(M::Return, &[]);
        Ok(())
    }

    fn dispatch_uniform(&self, value: Value) -> bool {
        self.program.def(value).uniformity == Uniformity::Dispatch
    }

    /// Workgroup memory starts as zeros, and so does private memory.
    fn prepare_workgroup(&mut self) {
        for (i, memory) in self.program.memories.iter().enumerate() {
            let at = self.layout.memory(crate::ir::Mem(i as u32));
            match memory.space {
                Space::Workgroup { bytes } => self.zero_worker(at, rows(bytes as i32) * ROW),
                Space::Private { bytes } if self.program.has_barrier => {
                    self.zero_worker(at, bytes as i32 / 4 * ROW * self.layout.groups);
                }
                _ => {}
            }
        }
    }

    fn existing_lanes(&mut self) -> VReg {
        if self.program.lanes().is_multiple_of(8) {
            return self.mir.v(M::VOnes, &[]);
        }
        self.mir.v(M::GroupLoad(self.layout.lane_mask), &[])
    }

    /// A loop over the lane groups.
    fn each_group(&mut self, body: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let head = self.mir.block();
        self.mir.effect(M::FirstGroup, &[]);
        self.mir.jump(head, &[]);
        self.mir.switch(head);
        body(self)?;
        let (again, done) = (self.mir.block(), self.mir.block());
        self.mir.branch(M::NextGroup(self.layout.groups * ROW), &[], again, done);
        self.mir.switch(again);
        self.mir.jump(head, &[]);
        self.mir.switch(done);
        Ok(())
    }

    /// Statements without barriers, for all lane groups.
    fn region(&mut self, stmts: &[&'a Stmt]) -> Result<()> {
        if stmts.is_empty() {
            return Ok(());
        }
        // Uniform values are computed once, in front.
        let mut rest: Vec<&Stmt> = Vec::new();
        for &stmt in stmts {
            match stmt {
                Stmt::Let(value) if self.uniform(*value) && self.is_hoistable(*value) => self.define(*value)?,
                Stmt::Let(value) if matches!(self.program.def(*value).op, Op::Builtin(_)) => {}
                _ => rest.push(stmt),
            }
        }
        let mut uses = FxHashSet::default();
        let mut defined = FxHashSet::default();
        for stmt in stmts {
            visit_uses(self.program, stmt, &mut |v| {
                uses.insert(v);
            });
            definitions(stmt, &mut |v| {
                defined.insert(v);
            });
        }
        let mut outside: Vec<Value> = uses.iter().copied().filter(|&v| !self.uniform(v)).collect();
        outside.sort_unstable();
        let before = self.places.clone();
        self.in_region = true;
        self.each_group(|s| {
            for value in outside {
                if let Op::Builtin(_) = s.program.def(value).op {
                    s.define(value)?;
                } else if let (false, Some(&row)) = (defined.contains(&value), s.crossing.get(&value)) {
                    let row = s.mir.v(M::GroupLoad(row), &[]);
                    s.set(value, row);
                }
            }
            let end = s.mir.block();
            s.dead.push(Vec::new());
            s.start_group();
            let mut open = true;
            for stmt in rest {
                if s.region_stmt(stmt)? {
                    open = false;
                    break;
                }
            }
            if open {
                s.mir.jump(end, &[]);
            }
            s.bury(end, &[]);
            s.mir.switch(end);
            Ok(())
        })?;
        self.in_region = false;
        // Rows belonged to the last group; uniform values stay good.
        for (place, before) in self.places.iter_mut().zip(before) {
            if let Some(Place::Vector(_)) = place {
                *place = before.or(*place);
            }
        }
        for value in defined {
            if !self.uniform(value) {
                self.places[value.0 as usize] = None;
            }
        }
        self.mask = Mask::All;
        Ok(())
    }

    fn is_hoistable(&self, value: Value) -> bool {
        match &self.program.def(value).op {
            Op::UniformLoad(_) | Op::Phi => false,
            op => {
                let mut known = true;
                op.visit_operands(&mut |v| known &= self.as_const(v).is_some() || self.known(v).is_some());
                known
            }
        }
    }

    /// The lanes of the group that run, and their private memory.
    fn start_group(&mut self) {
        self.mask = Mask::All;
        if let Some(alive) = self.alive {
            let alive = self.mir.v(M::GroupLoad(alive), &[]);
            self.go_on_if_any(alive);
        } else if !self.program.lanes().is_multiple_of(8) {
            let lanes = self.existing_lanes();
            self.mask = Mask::Some(lanes);
        }
        if !self.program.has_barrier {
            for (i, memory) in self.program.memories.iter().enumerate() {
                if let Space::Private { bytes } = memory.space {
                    let at = self.layout.memory(crate::ir::Mem(i as u32));
                    self.zero_worker(at, bytes as i32 / 4 * ROW);
                }
            }
        }
    }

    /// Statements of which some hold barriers; says whether control falls out at the end.
    fn workgroup_level(&mut self, stmts: &[&'a Stmt], end: &'a End, finish: MirBlock) -> Result<bool> {
        let mut run: Vec<&Stmt> = Vec::new();
        for &stmt in stmts {
            if !self.is_workgroup_level(stmt) {
                run.push(stmt);
                continue;
            }
            self.region(&run)?;
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
        self.region(&run)?;
        match end {
            End::Yield(_) => Ok(true),
            End::Break(label, values) => {
                let at = self.targets.iter().rposition(|t| t.label == *label).ok_or(Unsupported("an exit"))?;
                let Exit::Together { block, results, .. } = &self.targets[at].exit else {
                    return Err(Unsupported("a varying exit across a barrier"));
                };
                let (block, results) = (*block, results.clone());
                let arguments = self.hand_over(&results, values)?;
                self.mir.jump(block, &arguments);
                Ok(false)
            }
            End::Return => {
                self.mir.jump(finish, &[]);
                Ok(false)
            }
            End::Unreachable => {
                self.mir.jump(finish, &[]);
                Ok(false)
            }
        }
    }

    fn is_workgroup_level(&self, stmt: &Stmt) -> bool {
        holds_barrier(stmt) || self.targets.iter().any(|t| stmt_breaks(stmt, t.label))
    }

    /// Passes values on to phis: rows through the worker block, uniform ones as arguments, which it gives.
    fn hand_over(&mut self, phis: &[Value], values: &[Value]) -> Result<Vec<VReg>> {
        let mut arguments = Vec::new();
        let mut rows = Vec::new();
        for (&phi, &value) in phis.iter().zip(values) {
            if !self.uniform(phi) {
                let row = *self.crossing.get(&phi).ok_or(Unsupported("a value without a row"))?;
                rows.push((value, row));
            } else if self.is_general(phi) {
                arguments.push(self.general(value)?);
            } else {
                arguments.push(self.vector(value)?);
            }
        }
        if !rows.is_empty() {
            self.each_group(|s| {
                let mut loaded = Vec::new();
                for &(value, to) in &rows {
                    let row = match (s.crossing.get(&value), &s.program.def(value).op) {
                        (Some(&row), _) if !s.uniform(value) => s.mir.v(M::GroupLoad(row), &[]),
                        (_, Op::Builtin(_)) if !s.uniform(value) => {
                            s.define(value)?;
                            let row = s.vector(value)?;
                            s.places[value.0 as usize] = None;
                            row
                        }
                        _ => s.vector(value)?,
                    };
                    loaded.push((row, to));
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
        uniform
            .into_iter()
            .map(|v| {
                let class = if self.is_general(v) { RegClass::Int } else { RegClass::Float };
                (v, self.mir.param(block, class))
            })
            .collect()
    }

    fn set_all(&mut self, params: Vec<(Value, VReg)>) {
        params.into_iter().for_each(|(value, vreg)| self.set(value, vreg));
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
            return Err(Unsupported("a varying branch around a barrier"));
        }
        let cond = self.general(cond)?;
        let (yes, no, join) = (self.mir.block(), self.mir.block(), self.mir.block());
        let params = self.uniform_params(join, results);
        self.mir.branch(M::BranchNonZero, &[cond], yes, no);
        let mut falls = false;
        for (start, arm) in [(yes, accept), (no, reject)] {
            self.mir.switch(start);
            let stmts: Vec<&Stmt> = arm.stmts.iter().collect();
            if self.workgroup_level(&stmts, &arm.end, finish)?
                && let End::Yield(values) = &arm.end
            {
                let arguments = self.hand_over(results, values)?;
                self.mir.jump(join, &arguments);
                falls = true;
            }
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
            return Err(Unsupported("a varying exit of a loop around a barrier"));
        }
        let (header, out) = (self.mir.block(), self.mir.block());
        let exits = self.uniform_params(out, results);
        let phis = self.uniform_params(header, params);
        let arguments = self.hand_over(params, inits)?;
        self.mir.jump(header, &arguments);
        self.mir.switch(header);
        self.set_all(phis);
        self.targets
            .push(Target { label, exit: Exit::Together { block: out, results: results.to_vec(), mask: false } });
        let stmts: Vec<&Stmt> = body.stmts.iter().collect();
        if self.workgroup_level(&stmts, &body.end, finish)?
            && let End::Yield(values) = &body.end
        {
            let arguments = self.hand_over(params, values)?;
            self.mir.jump(header, &arguments);
        }
        self.targets.pop();
        self.mir.switch(out);
        self.set_all(exits);
        Ok(())
    }

    fn workgroup_scope(&mut self, label: Label, body: &'a Block, results: &'a [Value], finish: MirBlock) -> Result<()> {
        if self.is_divergent(label) {
            return Err(Unsupported("a varying exit of a scope around a barrier"));
        }
        let out = self.mir.block();
        let exits = self.uniform_params(out, results);
        self.targets
            .push(Target { label, exit: Exit::Together { block: out, results: results.to_vec(), mask: false } });
        let stmts: Vec<&Stmt> = body.stmts.iter().collect();
        if self.workgroup_level(&stmts, &body.end, finish)?
            && let End::Yield(values) = &body.end
        {
            let arguments = self.hand_over(results, values)?;
            self.mir.jump(out, &arguments);
        }
        self.targets.pop();
        self.mir.switch(out);
        self.set_all(exits);
        Ok(())
    }
}

fn holds_barrier(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Barrier(_) => true,
        Stmt::If { accept, reject, .. } => [accept, reject].iter().any(|b| b.stmts.iter().any(holds_barrier)),
        Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => body.stmts.iter().any(holds_barrier),
        _ => false,
    }
}

fn stmt_breaks(stmt: &Stmt, label: Label) -> bool {
    let leaves = |b: &Block| any_end(b, &mut |end| matches!(end, End::Break(to, _) if *to == label));
    match stmt {
        Stmt::If { accept, reject, .. } => leaves(accept) || leaves(reject),
        Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => leaves(body),
        _ => false,
    }
}

fn definitions(stmt: &Stmt, visit: &mut impl FnMut(Value)) {
    let block = Block { stmts: vec![stmt.clone()], end: End::Unreachable };
    block.visit_definitions(visit);
}

/// Calls `visit` with every value that a statement uses, those inside it included.
fn visit_uses(program: &Program, stmt: &Stmt, visit: &mut dyn FnMut(Value)) {
    let block = |b: &Block, visit: &mut dyn FnMut(Value)| {
        for stmt in &b.stmts {
            visit_uses(program, stmt, visit);
        }
        if let End::Yield(values) | End::Break(_, values) = &b.end {
            values.iter().for_each(|&v| visit(v));
        }
    };
    match stmt {
        Stmt::Let(value) => program.def(*value).op.visit_operands(&mut |v| visit(v)),
        Stmt::Store { address, value } => {
            address.terms.iter().for_each(|t| visit(t.index));
            visit(*value);
        }
        Stmt::Clear(_) | Stmt::Barrier(_) => {}
        Stmt::If { cond, accept, reject, .. } => {
            visit(*cond);
            block(accept, visit);
            block(reject, visit);
        }
        Stmt::Loop { inits, body, .. } => {
            inits.iter().for_each(|&v| visit(v));
            block(body, visit);
        }
        Stmt::Scope { body, .. } => block(body, visit),
    }
}

/// Finds the varying values that are used in another region than they are defined in, and gives them rows.
fn crossing(
    program: &Program,
    stmts: &[&Stmt],
    end: &End,
    layout: &mut crate::exec::cpu::jit::layout::Layout,
) -> FxHashMap<Value, i32> {
    let mut finder = Finder { program, region: 0, defined: FxHashMap::default(), used: Vec::new(), always: Vec::new() };
    finder.block(stmts, end, &mut Vec::new());
    let Finder { defined, used, always, .. } = finder;
    let crosses = |(v, region): &(Value, u32)| defined.get(v).is_some_and(|d| d != region);
    let mut values: Vec<Value> = used.iter().filter(|u| crosses(u)).map(|u| u.0).chain(always).collect();
    values.retain(|&v| {
        let def = program.def(v);
        def.uniformity == Uniformity::Varying && !matches!(def.op, Op::Builtin(_) | Op::Const(_))
    });
    values.sort_unstable();
    values.dedup();
    values.into_iter().map(|v| (v, layout.row(true))).collect()
}

struct Finder<'a> {
    program: &'a Program,
    region: u32,
    defined: FxHashMap<Value, u32>,
    used: Vec<(Value, u32)>,
    /// What passes from region to region at the workgroup's level.
    always: Vec<Value>,
}

impl Finder<'_> {
    fn block(&mut self, stmts: &[&Stmt], end: &End, labels: &mut Vec<Label>) {
        for stmt in stmts {
            if !holds_barrier(stmt) && !labels.iter().any(|&l| stmt_breaks(stmt, l)) {
                let region = self.region;
                visit_uses(self.program, stmt, &mut |v| self.used.push((v, region)));
                definitions(stmt, &mut |v| {
                    self.defined.insert(v, region);
                });
                continue;
            }
            self.region += 1;
            match stmt {
                Stmt::If { accept, reject, results, .. } => {
                    for arm in [accept, reject] {
                        self.nested(arm, labels);
                    }
                    self.always.extend(results);
                }
                Stmt::Loop { label, params, inits, body, results } => {
                    self.always.extend(params.iter().chain(inits).chain(results));
                    labels.push(*label);
                    self.nested(body, labels);
                    labels.pop();
                }
                Stmt::Scope { label, body, results } => {
                    self.always.extend(results);
                    labels.push(*label);
                    self.nested(body, labels);
                    labels.pop();
                }
                _ => {}
            }
            self.region += 1;
        }
        if let End::Yield(values) | End::Break(_, values) = end {
            self.always.extend(values);
        }
    }

    fn nested(&mut self, block: &Block, labels: &mut Vec<Label>) {
        self.region += 1;
        self.block(&block.stmts.iter().collect::<Vec<_>>(), &block.end, labels);
        self.region += 1;
    }
}
