//! Loops and scopes: what lanes leave together or one by one.

use regalloc2::Block as MirBlock;

use super::{
    Result, Selector, ValueRegs,
    flow::{Exit, Flow, Target, breaks, is_trivial, leaves_beyond},
};
use crate::{
    exec::cpu::jit::{
        mir::{Op as M, ROW},
        range::{self, Range},
    },
    ir::{Block, End, Label, Stmt, Value},
};

/// The largest unroll factor, and the most statements of an unrolled body.
const MAX_UNROLLED: u64 = 4;
const MAX_UNROLLED_STATEMENTS: u64 = 160;
/// A loop of no more iterations than this does not poll the word that asks a call to stop.
const SHORT_LOOP: u64 = 1 << 12;

/// Of a construct that lanes leave one by one: the rows in memory that keep the mask of those that have left, and their
/// results, until the others have left too.
#[derive(Clone)]
pub struct ExitSlots {
    pub left: i32,
    pub results: Vec<i32>,
    /// The end of a construct that spans regions. Its rows are kept for every lane group.
    pub out: Option<MirBlock>,
}

impl ExitSlots {
    fn load(&self, at: i32) -> M {
        if self.out.is_some() { M::GroupLoad(at) } else { M::RowLoad(at) }
    }

    fn store(&self, at: i32) -> M {
        if self.out.is_some() { M::GroupStore(at) } else { M::RowStore(at) }
    }
}

impl Selector<'_> {
    fn divergent_exit(&mut self, label: Label, results: usize) -> ExitSlots {
        let rows = self.rows as i32;
        let left = self.layout.rows(rows);
        let exit_slots = ExitSlots { left, results: (0..results).map(|_| self.layout.rows(rows)).collect(), out: None };
        self.targets.push(Target { label, exit: Exit::Divergent(exit_slots.clone()) });
        let zero = self.v(M::VZero, &[]);
        (0..rows).for_each(|row| self.mir.effect(M::RowStore(left + ROW * row), &[zero]));
        exit_slots
    }

    /// Adds the active lanes to those that have left a construct one by one, with their results.
    pub fn store_exit(&mut self, exit_slots: &ExitSlots, values: &[Value]) -> Result<()> {
        for row in 0..self.rows {
            self.row = row;
            let offset = ROW * row as i32;
            let mask = self.mask_row();
            for (&value, &at) in values.iter().zip(&exit_slots.results) {
                let value = self.vector(value)?;
                let before = self.v(exit_slots.load(at + offset), &[]);
                let merged = self.blend(mask, value, before);
                self.mir.effect(exit_slots.store(at + offset), &[merged]);
            }
            let before = self.v(exit_slots.load(exit_slots.left + offset), &[]);
            let merged = self.or(before, mask);
            self.mir.effect(exit_slots.store(exit_slots.left + offset), &[merged]);
        }
        self.row = 0;
        Ok(())
    }

    /// Reconverges: goes on in `out` with all lanes that have left, and their results.
    fn reconverge(&mut self, out: MirBlock, exit_slots: &ExitSlots, results: &[Value]) -> Result<()> {
        self.join_dead_blocks(out, &[]);
        self.mir.switch(out);
        for (&result, &at) in results.iter().zip(&exit_slots.results) {
            let rows = self.per_row(|s| Ok(s.v(exit_slots.load(at + ROW * s.row as i32), &[])))?;
            self.bind(result, ValueRegs::Rows(rows))?;
        }
        let mask = self.per_row(|s| Ok(s.v(exit_slots.load(exit_slots.left + ROW * s.row as i32), &[])))?;
        self.continue_if_any(mask);
        Ok(())
    }

    pub fn loop_statement(
        &mut self,
        label: Label,
        params: &[Value],
        inits: &[Value],
        body: &Block,
        results: &[Value],
    ) -> Result<Flow> {
        let divergent = self.is_divergent(label);
        // The mask may shrink from one iteration to the next if lanes leave one by one, or leave a construct further
        // out.
        let shrinks = divergent || leaves_beyond(body, label);
        let count = range::count(self.program, params, inits, body).filter(|_| !shrinks);
        let before = self.mask;
        let (header, out) = (self.mir.block(), self.mir.block());
        let exits = if divergent {
            Err(self.divergent_exit(label, results.len()))
        } else {
            let exits = self.params(out, results, shrinks);
            self.targets
                .push(Target { label, exit: Exit::Uniform { block: out, results: results.to_vec(), mask: shrinks } });
            Ok(exits)
        };
        let mut arguments = self.arguments(params, inits)?;
        if shrinks {
            arguments.extend(self.mask_rows());
        }
        let (phis, mask) = self.params(header, params, shrinks);
        self.prepare_addresses(body)?;
        self.mir.jump(header, &arguments);
        self.mir.switch(header);
        self.dead_blocks.push(Vec::new());
        self.open();
        self.mask = mask.unwrap_or(before);
        self.define_all(params, &phis)?;
        let mut flow = self.block(body)?;
        let copies = count.map_or(1, |count| unroll_factor(count.trips, body));
        let ranges = (copies > 1).then(|| self.ranges.clone());
        for copy in 1..copies {
            let (Flow::FallsThrough, End::Yield(next)) = (flow, &body.end) else { break };
            self.rebind(params, next)?;
            if let (Some(count), Some(ranges)) = (count, &ranges) {
                // In this copy of the body the counter is `copy` steps past the first at least.
                let param = params[count.param];
                let before = ranges[param.0 as usize];
                let range = Range { low: count.first + copy * count.step, high: before.high };
                self.ranges = range::ranges_within(self.program, ranges.clone(), body, param, range);
            }
            // The trip count is a multiple of the unroll factor: only the first copy can find that the loop is over.
            let test = body.stmts.iter().position(|stmt| is_test(stmt, label));
            let rest: Vec<&Stmt> =
                body.stmts.iter().enumerate().filter(|(i, _)| Some(*i) != test).map(|(_, stmt)| stmt).collect();
            flow = self.statements(&rest)?;
        }
        if let Some(ranges) = ranges {
            self.ranges = ranges;
        }
        if let (Flow::FallsThrough, End::Yield(next)) = (flow, &body.end) {
            let mut next = self.arguments(params, next)?;
            if shrinks {
                next.extend(self.mask_rows());
            }
            if count.is_none_or(|count| count.trips > SHORT_LOOP) {
                self.poll_stop();
            }
            self.mir.jump(header, &next);
        }
        self.close();
        self.targets.pop();
        match exits {
            Ok((exits, mask)) => {
                self.pass_dead_blocks_outward();
                self.mir.switch(out);
                self.mask = mask.unwrap_or(before);
                if !breaks(body, label) {
                    return Ok(Flow::Terminated);
                }
                self.define_all(results, &exits)?;
            }
            Err(exit_slots) => self.reconverge(out, &exit_slots, results)?,
        }
        Ok(Flow::FallsThrough)
    }

    /// Leaves the function if the call is to stop.
    pub fn poll_stop(&mut self) {
        let stopped = match self.stopped {
            Some(stopped) => stopped,
            None => {
                let at = self.mir.at;
                let stopped = self.mir.cold_block();
                self.mir.switch(stopped);
                self.mir.effect(M::Return, &[]);
                self.mir.at = at;
                self.mir.switch(MirBlock::new(at));
                self.stopped = Some(stopped);
                stopped
            }
        };
        let (go_on, stop) = (self.mir.block(), self.mir.cold_block());
        self.mir.branch(M::BranchNotStopped, &[], go_on, stop);
        self.mir.switch(stop);
        self.mir.jump(stopped, &[]);
        self.mir.switch(go_on);
    }

    pub fn scope(&mut self, label: Label, body: &Block, results: &[Value]) -> Result<Flow> {
        let before = self.mask;
        let out = self.mir.block();
        if self.is_divergent(label) {
            let exit_slots = self.divergent_exit(label, results.len());
            self.dead_blocks.push(Vec::new());
            self.open();
            // Those that fall out at the end join those that left.
            if let (Flow::FallsThrough, End::Yield(values)) = (self.block(body)?, &body.end) {
                self.store_exit(&exit_slots, values)?;
                self.mir.jump(out, &[]);
            }
            self.close();
            self.targets.pop();
            self.reconverge(out, &exit_slots, results)?;
            return Ok(Flow::FallsThrough);
        }
        let shrinks = leaves_beyond(body, label);
        let (params, mask) = self.params(out, results, shrinks);
        self.targets
            .push(Target { label, exit: Exit::Uniform { block: out, results: results.to_vec(), mask: shrinks } });
        self.dead_blocks.push(Vec::new());
        self.open();
        let mut reached = breaks(body, label);
        if let (Flow::FallsThrough, End::Yield(values)) = (self.block(body)?, &body.end) {
            let mut arguments = self.arguments(results, values)?;
            if shrinks {
                arguments.extend(self.mask_rows());
            }
            self.mir.jump(out, &arguments);
            reached = true;
        }
        self.close();
        self.targets.pop();
        self.pass_dead_blocks_outward();
        self.mask = mask.unwrap_or(before);
        if !reached {
            return Ok(Flow::Terminated);
        }
        self.mir.switch(out);
        self.define_all(results, &params)?;
        Ok(Flow::FallsThrough)
    }
}

/// By how much a counting loop is unrolled.
fn unroll_factor(trips: u64, body: &Block) -> u64 {
    let statements = count_statements(body).max(1);
    (1..=MAX_UNROLLED)
        .rev()
        .find(|&n| trips.is_multiple_of(n) && n * statements <= MAX_UNROLLED_STATEMENTS)
        .filter(|_| trips > 0)
        .unwrap_or(1)
}

pub fn count_statements(block: &Block) -> u64 {
    block
        .stmts
        .iter()
        .map(|stmt| match stmt {
            Stmt::If { accept, reject, .. } => 1 + count_statements(accept) + count_statements(reject),
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => 1 + count_statements(body),
            _ => 1,
        })
        .sum()
}

/// Whether a statement is the test of a counting loop.
fn is_test(stmt: &Stmt, label: Label) -> bool {
    matches!(stmt, Stmt::If { accept, reject, results, .. }
        if results.is_empty() && is_trivial(accept) && matches!(&reject.end, End::Break(to, _) if *to == label))
}
