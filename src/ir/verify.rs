//! Whether a program keeps the rules of the intermediate representation: run after every pass in debug builds, in
//! tests and when fuzzing, so that a pass that breaks one is named at once and not by what comes of it.
//!
//! The rules are those that `ir/mod.rs` states and executors rely on. What a program *means* is not checked here.

mod address;
#[cfg(test)]
mod mutation;
mod operation;
#[cfg(test)]
mod tests;
mod uniformity;

use std::fmt::{self, Display, Formatter};

use super::{Block, End, Label, Op, Program, Stmt, Type, Uniformity, Value, print};

/// Whether passes are checked in this build.
pub const ON: bool = cfg!(any(debug_assertions, test, fuzzing));

/// The passes, in order. Some rules hold from one of them on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pass {
    Build,
    NestExits,
    RemoveTrivialPhis,
    RemoveDeadCode,
    BranchesToSelects,
    HoistInvariants,
    /// From here on accesses have their numbers.
    NumberAccesses,
    /// From here on uniformity is known.
    Uniformity,
}

/// Checks a program that `pass` has just changed.
///
/// # Panics
///
/// Where [`ON`], if the program breaks a rule: a fault of the pass.
pub fn check(program: &Program, pass: Pass) {
    if ON && let Err(broken) = verify(program, pass) {
        panic!("kernel `{}` breaks a rule of the IR after {pass:?}: {broken}", program.name);
    }
}

/// A rule that is broken, and where.
#[derive(Debug)]
pub struct Broken {
    message: String,
    /// The constructs around, from the outside.
    around: Vec<String>,
    /// The statements around in the printed form, the one at fault marked.
    excerpt: String,
}

impl Display for Broken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.around.is_empty() {
            write!(f, "\n  in {}", self.around.join(", in "))?;
        }
        write!(f, "\n{}", self.excerpt)
    }
}

/// What is wrong, before it is known where.
type Checked<T = ()> = Result<T, String>;

/// Checks all rules that hold after `pass`.
///
/// # Errors
///
/// The first rule that is broken.
pub fn verify(program: &Program, pass: Pass) -> Result<(), Broken> {
    let mut verifier = Verifier {
        program,
        pass,
        states: vec![State::Undefined; program.values.len()],
        visible: Vec::new(),
        labels: vec![false; program.labels as usize],
        around: Vec::new(),
        at: (&program.body, 0),
        accesses: 0,
        has_barrier: false,
    };
    let broken = verifier.whole();
    broken.map_err(|message| verifier.locate(message))
}

/// Where the walk stands to a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Undefined,
    Visible,
    /// Defined in a block that is closed.
    Hidden,
}

/// A block that is open, by the construct it belongs to.
struct Around<'a> {
    kind: Kind,
    /// What leaving the construct for its end gives values to.
    results: &'a [Value],
    /// Whether control comes by a place that breaks out of it.
    left: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Accept(Value),
    Reject(Value),
    Loop(Label),
    Scope(Label),
}

impl Kind {
    fn label(self) -> Option<Label> {
        match self {
            Kind::Loop(label) | Kind::Scope(label) => Some(label),
            Kind::Accept(_) | Kind::Reject(_) => None,
        }
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Accept(cond) => write!(f, "the accepting arm of `if %{}`", cond.0),
            Kind::Reject(cond) => write!(f, "the rejecting arm of `if %{}`", cond.0),
            Kind::Loop(label) => write!(f, "loop {label}"),
            Kind::Scope(label) => write!(f, "scope {label}"),
        }
    }
}

/// What the values at the end of a block go to.
#[derive(Clone, Copy)]
struct Target<'a> {
    values: &'a [Value],
    what: &'static str,
    /// The least uniform condition that decides the way.
    level: Uniformity,
}

struct Verifier<'a> {
    program: &'a Program,
    pass: Pass,
    states: Vec<State>,
    /// The visible values in the order of their definition.
    visible: Vec<Value>,
    /// The labels seen so far.
    labels: Vec<bool>,
    around: Vec<Around<'a>>,
    /// The statement at hand; behind the last one stands the end.
    at: (&'a Block, usize),
    accesses: u32,
    has_barrier: bool,
}

impl<'a> Verifier<'a> {
    fn locate(&self, message: String) -> Broken {
        let (block, at) = self.at;
        let around = self.around.iter().map(|a| a.kind.to_string()).collect();
        Broken { message, around, excerpt: print::excerpt(self.program, block, at) }
    }

    fn whole(&mut self) -> Checked {
        let program = self.program;
        self.memories()?;
        if program.workgroup_size.contains(&0) {
            return Err(format!("a workgroup of {:?} invocations has none", program.workgroup_size));
        }
        if program.exits.len() != program.labels as usize {
            return Err(format!("{} labels, but exits of {}", program.labels, program.exits.len()));
        }
        let target = Target { values: &[], what: "the program's body", level: Uniformity::Dispatch };
        self.block(&program.body, target)?;
        if program.has_barrier != self.has_barrier {
            let (said, is) = (program.has_barrier, self.has_barrier);
            return Err(format!("`has_barrier` is {said}, but it is {is} that there is a barrier"));
        }
        let expected = if self.pass >= Pass::NumberAccesses { self.accesses } else { 0 };
        if program.accesses != expected {
            return Err(format!("`accesses` is {}, expected {expected}", program.accesses));
        }
        Ok(())
    }

    fn ty(&self, value: Value) -> Type {
        self.program.ty(value)
    }

    /// A value with its type, for messages.
    fn show(&self, value: Value) -> String {
        format!("%{}: {}", value.0, print::name(self.ty(value)))
    }

    /// A use of a value.
    fn used(&self, value: Value) -> Checked {
        let name = value.0;
        match self.states.get(name as usize) {
            Some(State::Visible) => {}
            None => return Err(format!("%{name} is no value: there are {}", self.program.values.len())),
            Some(State::Hidden) => return Err(format!("%{name} is used outside of the block that defines it")),
            Some(State::Undefined) => {
                let mut defined = false;
                self.program.body.visit_definitions(&mut |v| defined |= v == value);
                let how = if defined { "in front of its definition" } else { "but defined nowhere" };
                return Err(format!("%{name} is used {how}"));
            }
        }
        match &self.program.def(value).op {
            Op::Atomic(atomic) if !atomic.result_used => {
                Err(format!("%{name} is used, but its atomic says that nothing uses the old value"))
            }
            _ => Ok(()),
        }
    }

    fn uses(&self, values: &[Value]) -> Checked {
        values.iter().try_for_each(|&v| self.used(v))
    }

    /// A definition of a value.
    fn define(&mut self, value: Value) -> Checked {
        match self.states.get(value.0 as usize) {
            Some(State::Undefined) => {}
            Some(_) => return Err(format!("%{} is defined a second time", value.0)),
            None => return Err(format!("%{} is no value: there are {}", value.0, self.program.values.len())),
        }
        self.states[value.0 as usize] = State::Visible;
        self.visible.push(value);
        Ok(())
    }

    /// Definitions by a statement that lists them.
    fn define_listed(&mut self, values: &[Value], what: &str) -> Checked {
        for &value in values {
            self.define(value)?;
            if self.program.def(value).op != Op::Phi {
                return Err(format!("%{} is listed as {what}, which only a phi can be", value.0));
            }
        }
        Ok(())
    }

    /// Checks a block; says whether control falls out of its end.
    fn block(&mut self, block: &'a Block, target: Target<'a>) -> Checked<bool> {
        let visible = self.visible.len();
        let mut reached = true;
        for (i, stmt) in block.stmts.iter().enumerate() {
            self.at = (block, i);
            let goes_on = self.stmt(stmt)?;
            reached &= goes_on;
        }
        self.at = (block, block.stmts.len());
        self.end(&block.end, target, reached)?;
        for value in self.visible.drain(visible..) {
            self.states[value.0 as usize] = State::Hidden;
        }
        Ok(reached && matches!(block.end, End::Yield(_)))
    }

    /// Checks a block inside the current statement; what the closed construct knows comes with it.
    fn inner(
        &mut self,
        kind: Kind,
        results: &'a [Value],
        block: &'a Block,
        target: Target<'a>,
    ) -> Checked<(bool, Around<'a>)> {
        let at = self.at;
        self.around.push(Around { kind, results, left: false });
        let falls = self.block(block, target)?;
        self.at = at;
        Ok((falls, self.around.pop().expect("it was pushed above")))
    }

    /// Checks a statement; says whether control goes on behind it.
    fn stmt(&mut self, stmt: &'a Stmt) -> Checked<bool> {
        match stmt {
            Stmt::Let(value) => {
                self.define(*value)?;
                self.operation(*value)?;
                self.level_of_operation(*value)?;
            }
            Stmt::Store { address, value } => {
                self.used(*value)?;
                self.address(address, self.ty(*value), address::Access::Store)?;
            }
            Stmt::Clear(mem) => self.clear(*mem)?,
            Stmt::Barrier(_) => {
                self.has_barrier = true;
                self.barrier_is_reached_by_all()?;
            }
            Stmt::If { cond, accept, reject, results } => {
                self.used(*cond)?;
                if self.ty(*cond) != Type::Bool {
                    return Err(format!("a branch is on a bool, not on {}", self.show(*cond)));
                }
                let level = self.level(*cond);
                let target = Target { values: results, what: "the results of the `if`", level };
                let (accepted, _) = self.inner(Kind::Accept(*cond), &[], accept, target)?;
                let (rejected, _) = self.inner(Kind::Reject(*cond), &[], reject, target)?;
                self.define_listed(results, "a result")?;
                return Ok(accepted || rejected);
            }
            Stmt::Loop { label, params, inits, body, results } => {
                let what = "the parameters of the loop";
                self.declare(*label)?;
                self.carry(inits, Target { values: params, what, level: Uniformity::Dispatch })?;
                let visible = self.visible.len();
                self.define_listed(params, "a parameter")?;
                let target = Target { values: params, what, level: Uniformity::Dispatch };
                let (_, around) = self.inner(Kind::Loop(*label), results, body, target)?;
                for value in self.visible.drain(visible..) {
                    self.states[value.0 as usize] = State::Hidden;
                }
                self.define_listed(results, "a result")?;
                self.level_of_results(*label, results)?;
                return Ok(around.left);
            }
            Stmt::Scope { label, body, results } => {
                self.declare(*label)?;
                let target = Target { values: results, what: "the results of the scope", level: Uniformity::Dispatch };
                let (falls, around) = self.inner(Kind::Scope(*label), results, body, target)?;
                self.define_listed(results, "a result")?;
                self.level_of_results(*label, results)?;
                return Ok(falls || around.left);
            }
        }
        Ok(true)
    }

    fn declare(&mut self, label: Label) -> Checked {
        match self.labels.get_mut(label.0 as usize) {
            Some(seen) if !*seen => *seen = true,
            Some(_) => return Err(format!("label {label} stands for two constructs")),
            None => return Err(format!("{label} is no label: there are {}", self.program.labels)),
        }
        Ok(())
    }

    fn end(&mut self, end: &'a End, target: Target<'a>, reached: bool) -> Checked {
        match end {
            End::Yield(values) => self.carry(values, target),
            End::Break(label, values) => {
                let Some(at) = self.around.iter().rposition(|a| a.kind.label() == Some(*label)) else {
                    return Err(format!("a break out of {label}, which does not enclose it"));
                };
                self.around[at].left |= reached;
                let target = Target {
                    values: self.around[at].results,
                    what: "the results of the construct it leaves",
                    level: self.level_of_exit(*label, at)?,
                };
                self.carry(values, target)
            }
            End::Return => Ok(()),
            End::Unreachable if reached => Err("control reaches the unreachable".into()),
            End::Unreachable => Ok(()),
        }
    }

    /// Values on the way to where they get another name.
    fn carry(&self, values: &[Value], target: Target<'_>) -> Checked {
        if values.len() != target.values.len() {
            let (carried, expected) = (values.len(), target.values.len());
            return Err(format!("{carried} values are carried to {}, expected {expected}", target.what));
        }
        self.uses(values)?;
        for (&value, &phi) in values.iter().zip(target.values) {
            if self.states.get(phi.0 as usize).is_none() {
                return Err(format!("%{} is no value: there are {}", phi.0, self.program.values.len()));
            }
            if self.ty(value) != self.ty(phi) {
                return Err(format!("{} is carried to {}, as {}", self.show(value), target.what, self.show(phi)));
            }
            self.is_at_least(phi, self.level(value).max(target.level), || {
                format!("%{} and the conditions on the way", value.0)
            })?;
        }
        Ok(())
    }
}
