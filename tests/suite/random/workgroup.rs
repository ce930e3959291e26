//! Random kernels whose lanes work together: workgroup memory, atomics and barriers under uniform control flow.

use std::fmt::{self, Display, Write};

use super::syntax::{Expr, GIVEN, State, Statement, block, declarations, run, visit};

/// What a workgroup does next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Every lane by itself; no returns.
    Lanes(Vec<Statement>),
    /// Every lane gives a value and takes that of the lane `offset` further on, as variable `u<to>`.
    Exchange { value: Expr, offset: u32, to: u32 },
    /// Every lane gives a value and takes the sum over the workgroup.
    Total { value: Expr, to: u32 },
    /// The condition is uniform.
    If(Expr, Vec<Step>, Vec<Step>),
    /// Ends early where `stop`, which is uniform, holds.
    Repeat { counter: u32, bound: u32, stop: Option<Expr>, body: Vec<Step> },
}

#[derive(Clone, Debug)]
pub struct Workgroup {
    /// Lanes of a workgroup.
    pub size: u32,
    pub body: Vec<Step>,
    /// A `u32`.
    pub result: Expr,
}

impl Workgroup {
    /// What the lanes of a workgroup return for `inputs`, one for each.
    pub fn run(&self, inputs: &[u32]) -> Vec<u32> {
        let mut lanes: Vec<State> = inputs.iter().map(|&x| State::new(x)).collect();
        steps(&self.body, &mut lanes);
        lanes.iter().map(|lane| self.result.value(lane)).collect()
    }
}

fn steps(body: &[Step], lanes: &mut [State]) {
    body.iter().for_each(|each| step(each, lanes));
}

fn step(step: &Step, lanes: &mut [State]) {
    match step {
        Step::Lanes(statements) => lanes.iter_mut().for_each(|lane| {
            run(statements, lane);
        }),
        Step::Exchange { value, offset, to } => {
            let tile: Vec<u32> = lanes.iter().map(|lane| value.value(lane)).collect();
            for (i, lane) in lanes.iter_mut().enumerate() {
                lane.assign(*to, tile[(i + *offset as usize) % tile.len()]);
            }
        }
        Step::Total { value, to } => {
            let total = lanes.iter().fold(0u32, |sum, lane| sum.wrapping_add(value.value(lane)));
            lanes.iter_mut().for_each(|lane| lane.assign(*to, total));
        }
        Step::If(condition, accept, reject) => {
            let taken = if condition.value(&lanes[0]) != 0 { accept } else { reject };
            steps(taken, lanes);
        }
        Step::Repeat { counter, bound, stop, body } => {
            for k in 0..*bound {
                lanes.iter_mut().for_each(|lane| lane.counters.push((*counter, k)));
                let stops = stop.as_ref().is_some_and(|stop| stop.value(&lanes[0]) != 0);
                if !stops {
                    steps(body, lanes);
                }
                lanes.iter_mut().for_each(|lane| {
                    lane.counters.pop();
                });
                if stops {
                    break;
                }
            }
        }
    }
}

impl Display for Workgroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut constants = Vec::new();
        self.result.constants(&mut constants);
        each_expr(&self.body, &mut |e| e.constants(&mut constants));
        let size = self.size;
        writeln!(f, "var<workgroup> tile: array<u32, {size}>;\nvar<workgroup> total: atomic<u32>;\n")?;
        writeln!(f, "fn compute(x: u32, u: u32, lane: u32) -> u32 {{")?;
        declarations(f, &constants)?;
        f.write_str(&text(&self.body, size, 1))?;
        writeln!(f, "    return {};\n}}", self.result)
    }
}

/// Calls `see` for every expression.
fn each_expr(body: &[Step], see: &mut impl FnMut(&Expr)) {
    for step in body {
        match step {
            Step::Lanes(statements) => visit(statements, see),
            Step::Exchange { value, .. } | Step::Total { value, .. } => see(value),
            Step::If(condition, accept, reject) => {
                see(condition);
                each_expr(accept, see);
                each_expr(reject, see);
            }
            Step::Repeat { stop, body, .. } => {
                stop.iter().for_each(&mut *see);
                each_expr(body, see);
            }
        }
    }
}

/// Steps as WGSL, `depth` levels in.
fn text(body: &[Step], size: u32, depth: usize) -> String {
    let mut out = String::new();
    let pad = "    ".repeat(depth);
    for step in body {
        let _ = match step {
            Step::Lanes(statements) => write!(out, "{}", block(statements, depth)),
            Step::Exchange { value, offset, to } => writeln!(
                out,
                "{pad}tile[lane] = {value};\n{pad}workgroupBarrier();\n\
                 {pad}u{to} = tile[(lane + {offset}) % {size}];\n{pad}workgroupBarrier();"
            ),
            Step::Total { value, to } => writeln!(
                out,
                "{pad}atomicAdd(&total, {value});\n{pad}workgroupBarrier();\n{pad}u{to} = atomicLoad(&total);\n\
                 {pad}workgroupBarrier();\n{pad}if (lane == 0) {{ atomicStore(&total, 0u); }}\n\
                 {pad}workgroupBarrier();"
            ),
            Step::If(condition, accept, reject) => {
                let (accept, reject) = (text(accept, size, depth + 1), text(reject, size, depth + 1));
                writeln!(out, "{pad}if ({condition}) {{\n{accept}{pad}}} else {{\n{reject}{pad}}}")
            }
            Step::Repeat { counter: k, bound, stop, body } => {
                let stop = match stop {
                    Some(stop) => format!("{pad}    if ({stop}) {{ break; }}\n"),
                    None => String::new(),
                };
                let body = text(body, size, depth + 1);
                writeln!(out, "{pad}for (var k{k} = u - {GIVEN}; k{k} < {bound}; k{k}++) {{\n{stop}{body}{pad}}}")
            }
        };
    }
    out
}
