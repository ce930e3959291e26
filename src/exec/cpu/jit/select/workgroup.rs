//! What runs once for a workgroup: control flow around barriers.

use regalloc2::{Block as MirBlock, VReg};

use super::{
    Result, Selector, Unsupported,
    crossing::{holds_barrier, stmt_breaks},
    flow::{Exit, Target},
};
use crate::{
    exec::cpu::jit::mir::Op as M,
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
                    let row = match (s.crossing.get(&value), &s.program.def(value).op) {
                        (Some(&row), _) if !s.uniform(value) => s.v(M::GroupLoad(row), &[]),
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
                let arguments = self.hand_over(results, values)?;
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
        self.open();
        let stmts: Vec<&Stmt> = body.stmts.iter().collect();
        if self.workgroup_level(&stmts, &body.end, finish)?
            && let End::Yield(values) = &body.end
        {
            let arguments = self.hand_over(params, values)?;
            self.stop_if_asked();
            self.mir.jump(header, &arguments);
        }
        self.close();
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
        self.open();
        let stmts: Vec<&Stmt> = body.stmts.iter().collect();
        if self.workgroup_level(&stmts, &body.end, finish)?
            && let End::Yield(values) = &body.end
        {
            let arguments = self.hand_over(results, values)?;
            self.mir.jump(out, &arguments);
        }
        self.close();
        self.targets.pop();
        self.mir.switch(out);
        self.set_all(exits);
        Ok(())
    }
}
