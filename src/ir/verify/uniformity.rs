//! Rules on uniformity: no value claims to be more uniform than what it comes from.
//!
//! These are conditions that every sound annotation meets. They say less than the analysis does, which also follows
//! which lanes are gone by when.

use super::{Checked, Kind, Pass, Verifier};
use crate::ir::{Builtin, Label, Op, Uniformity, Value};

impl Verifier<'_> {
    pub fn level(&self, value: Value) -> Uniformity {
        self.program.def(value).uniformity
    }

    /// Refuses a value that claims to be more uniform than `least`.
    pub fn is_at_least(&self, value: Value, least: Uniformity, because: impl FnOnce() -> String) -> Checked {
        let level = self.level(value);
        if self.pass < Pass::Uniformity || level >= least {
            return Ok(());
        }
        Err(format!("%{} is said to be {}, but comes from {}: {}", value.0, word(level), because(), word(least)))
    }

    /// A value against what computes it.
    pub fn level_of_operation(&self, value: Value) -> Checked {
        let op = &self.program.def(value).op;
        let mut least = match op {
            Op::Builtin(Builtin::NumWorkgroups(_)) => Uniformity::Dispatch,
            Op::Builtin(Builtin::WorkgroupId(_)) => Uniformity::Workgroup,
            Op::Builtin(_) | Op::Atomic(_) | Op::Subgroup(..) | Op::Shuffle(..) => Uniformity::Varying,
            Op::Load(address) if !self.program.memory(address.mem).is_immutable() => Uniformity::Varying,
            // All lanes of a workgroup get what is at one address.
            Op::UniformLoad(_) => return self.is_at_least(value, Uniformity::Workgroup, || "a uniform load".into()),
            _ => Uniformity::Dispatch,
        };
        op.visit_operands(&mut |v| least = least.max(self.level(v)));
        self.is_at_least(value, least, || "its operands".into())
    }

    /// How uniform the conditions are that decide a break out of the construct `at`; the program must know it.
    pub fn level_of_exit(&self, label: Label, at: usize) -> Checked<Uniformity> {
        let inside = self.around[at + 1..].iter();
        let conditions = inside.filter_map(|a| match a.kind {
            Kind::Accept(cond) | Kind::Reject(cond) => Some(self.level(cond)),
            Kind::Loop(_) | Kind::Scope(_) => None,
        });
        let least = conditions.max().unwrap_or(Uniformity::Dispatch);
        let known = self.program.exits[label.0 as usize];
        if self.pass >= Pass::Uniformity && known < least {
            let (known, least) = (word(known), word(least));
            return Err(format!("exits to {label} are said to be decided by what is {known}, but here it is {least}"));
        }
        Ok(known)
    }

    pub fn level_of_results(&self, label: Label, results: &[Value]) -> Checked {
        let level = self.program.exits[label.0 as usize];
        results.iter().try_for_each(|&result| self.is_at_least(result, level, || format!("exits to {label}")))
    }

    /// No condition around a barrier varies, and no lane leaves a loop around it before the others.
    pub fn barrier_is_reached_by_all(&self) -> Checked {
        if self.pass < Pass::Uniformity {
            return Ok(());
        }
        for around in &self.around {
            let level = match around.kind {
                Kind::Accept(cond) | Kind::Reject(cond) => self.level(cond),
                Kind::Loop(label) => self.program.exits[label.0 as usize],
                Kind::Scope(_) => Uniformity::Dispatch,
            };
            if level == Uniformity::Varying {
                return Err(format!("not all lanes reach this barrier: what decides on {} varies", around.kind));
            }
        }
        Ok(())
    }
}

fn word(level: Uniformity) -> &'static str {
    match level {
        Uniformity::Dispatch => "the same over a dispatch",
        Uniformity::Workgroup => "the same over a workgroup",
        Uniformity::Varying => "varying",
    }
}
