//! Switches of many cases, taken apart: Mesa makes nested branches of a switch, and from about 120 cases on (in 22.3) it
//! misses the first ones.

use naga::{BinaryOperator, Block, Expression, Handle, Literal, Scalar, Span, Statement, SwitchCase, SwitchValue};

use rustc_hash::FxHashMap;

use super::{
    Refused,
    rewrite::Rewriter,
    statement::{append, block_of},
};

/// Values that one switch has at most.
const MOST: usize = 64;

/// A switch's values in their order, each with the number of its body.
type Values = [(SwitchValue, usize)];

/// The cases of a switch.
struct Cases {
    values: Vec<(SwitchValue, usize)>,
    bodies: Vec<Block>,
    default: Block,
}

impl Cases {
    /// Nothing where a case goes on in the next one with a body of its own.
    fn of(cases: &[SwitchCase]) -> Option<Cases> {
        let (mut values, mut bodies, mut default) = (Vec::new(), Vec::new(), None);
        let (mut pending, mut is_default) = (Vec::new(), false);
        for case in cases {
            match case.value {
                SwitchValue::Default => is_default = true,
                value => pending.push(value),
            }
            if case.fall_through {
                if !case.body.is_empty() {
                    return None;
                }
                continue;
            }
            if is_default {
                // Values beside `default` are those of no other case.
                pending.clear();
                default = Some(case.body.clone());
            } else {
                values.extend(pending.drain(..).map(|value| (value, bodies.len())));
                bodies.push(case.body.clone());
            }
            is_default = false;
        }
        values.sort_by_key(|(value, _)| number(*value));
        Some(Cases { values, bodies, default: default? })
    }
}

fn number(value: SwitchValue) -> i64 {
    match value {
        SwitchValue::I32(value) => value.into(),
        SwitchValue::U32(value) => value.into(),
        SwitchValue::Default => 0,
    }
}

/// Where values are cut in two so that each body stays in one part, as near to the middle as can be.
fn cut(values: &Values) -> Option<usize> {
    let last: FxHashMap<usize, usize> = values.iter().enumerate().map(|(at, value)| (value.1, at)).collect();
    let mut cuts = Vec::new();
    let mut end = 0;
    for at in 0..values.len() - 1 {
        end = end.max(last[&values[at].1]);
        if end == at {
            cuts.push(at + 1);
        }
    }
    cuts.into_iter().min_by_key(|cut| cut.abs_diff(values.len() / 2))
}

impl Rewriter<'_, '_> {
    /// A switch whose bodies are made.
    pub fn switch(
        &mut self,
        selector: Handle<Expression>,
        cases: Vec<SwitchCase>,
        span: Span,
        out: &mut Block,
    ) -> Result<(), Refused> {
        let apart = if cases.len() > MOST { Cases::of(&cases) } else { None };
        let Some(Cases { values, bodies, default }) = apart else {
            out.push(Statement::Switch { selector, cases }, span);
            return Ok(());
        };
        if default.is_empty() {
            let mut whole = self.some_values(selector, &values, &bodies, &default, span);
            out.append(&mut whole);
            return Ok(());
        }
        // The default's body stands once, behind the others, where none of them was taken.
        let bool = self.scalar_type(Scalar::BOOL);
        let unmatched = self.variable(bool);
        let [yes, no] = [true, false].map(|value| self.literal(Literal::Bool(value)));
        append(out, std::mem::take(&mut self.current), span);
        out.push(Statement::Store { pointer: unmatched, value: no }, span);
        let store = block_of(Statement::Store { pointer: unmatched, value: yes }, span);
        let mut whole = self.some_values(selector, &values, &bodies, &store, span);
        out.append(&mut whole);
        let condition = self.add(Expression::Load { pointer: unmatched });
        append(out, std::mem::take(&mut self.current), span);
        // What leaves the switch in it leaves one still.
        let cases = vec![SwitchCase { value: SwitchValue::Default, body: default, fall_through: false }];
        let accept = block_of(Statement::Switch { selector, cases }, span);
        out.push(Statement::If { condition, accept, reject: Block::new() }, span);
        Ok(())
    }

    /// What becomes of some of the values.
    fn some_values(
        &mut self,
        selector: Handle<Expression>,
        values: &Values,
        bodies: &[Block],
        default: &Block,
        span: Span,
    ) -> Block {
        let at = if values.len() > MOST { cut(values) } else { None };
        let Some(at) = at else {
            return block_of(Statement::Switch { selector, cases: together(values, bodies, default) }, span);
        };
        let limit = match values[at].0 {
            SwitchValue::U32(value) => Literal::U32(value),
            value => Literal::I32(number(value) as i32),
        };
        let limit = self.literal(limit);
        let condition = self.binary(BinaryOperator::Less, selector, limit);
        let mut block = Block::new();
        append(&mut block, std::mem::take(&mut self.current), span);
        let accept = self.some_values(selector, &values[..at], bodies, default, span);
        let reject = self.some_values(selector, &values[at..], bodies, default, span);
        block.push(Statement::If { condition, accept, reject }, span);
        block
    }
}

/// The cases of a switch of these values.
fn together(values: &Values, bodies: &[Block], default: &Block) -> Vec<SwitchCase> {
    let mut sorted = values.to_vec();
    sorted.sort_by_key(|(_, body)| *body);
    let mut cases = Vec::with_capacity(values.len() + 1);
    for (i, &(value, body)) in sorted.iter().enumerate() {
        let fall_through = sorted.get(i + 1).is_some_and(|next| next.1 == body);
        let body = if fall_through { Block::new() } else { bodies[body].clone() };
        cases.push(SwitchCase { value, body, fall_through });
    }
    cases.push(SwitchCase { value: SwitchValue::Default, body: default.clone(), fall_through: false });
    cases
}
