//! Programs that do not see the shape of their workgroups: they mean the same in any other.

use super::{
    Binary, Block, Builtin, End, Op, Origin, Program, Space, Stmt, Type, Uniformity, Value, ValueDef, uniformity,
    verify::{self, Pass},
};

impl Program {
    /// What of the program sees the shape of its workgroups, in words; nothing where it means the same in any shape.
    pub fn sees_shape(&self) -> Option<&'static str> {
        if self.has_barrier {
            return Some("it has barriers");
        }
        if self.memories.iter().any(|memory| matches!(memory.space, Space::Workgroup { .. })) {
            return Some("it has workgroup memory");
        }
        let stores = self.stored();
        self.seen(&self.body, &stores, false)
    }

    /// Whether other workgroups may suit a machine better than the author's, which the program does not see: those of a line of fewer
    /// than `enough` invocations, or of few in all. Where an author wrote many along several axes, they may follow how the kernel
    /// goes through memory.
    pub fn may_be_reshaped(&self, enough: u32) -> bool {
        let [x, y, z] = self.workgroup_size;
        let few = if y * z == 1 { enough } else { enough / 2 };
        x * y * z < few && self.sees_shape().is_none()
    }

    /// Memories that the program changes.
    fn stored(&self) -> Vec<bool> {
        let mut stores = vec![false; self.memories.len()];
        let mut blocks = vec![&self.body];
        while let Some(block) = blocks.pop() {
            for stmt in &block.stmts {
                match stmt {
                    Stmt::Store { address, .. } => stores[address.mem.0 as usize] = true,
                    Stmt::Let(value) => {
                        if let Op::Atomic(atomic) = &self.def(*value).op {
                            stores[atomic.address.mem.0 as usize] = true;
                        }
                    }
                    Stmt::If { accept, reject, .. } => blocks.extend([accept, reject]),
                    Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => blocks.push(body),
                    Stmt::Clear(_) | Stmt::Barrier(_) => {}
                }
            }
        }
        stores
    }

    fn seen(&self, block: &Block, stores: &[bool], in_loop: bool) -> Option<&'static str> {
        block.stmts.iter().find_map(|stmt| match stmt {
            Stmt::Let(value) => match &self.def(*value).op {
                Op::Builtin(Builtin::GlobalId(_)) => None,
                Op::Builtin(builtin) if self.as_global(*builtin).is_some() => None,
                Op::Builtin(Builtin::NumWorkgroups(_)) => Some("it reads num_workgroups"),
                Op::Builtin(_) => Some("it reads where an invocation stands in its workgroup"),
                Op::Subgroup(..) | Op::Shuffle(..) => Some("it has subgroup operations"),
                // It may wait for another invocation, which must then not be one that runs in step with it.
                Op::Load(address) if in_loop && self.is_shared(address.mem.0 as usize, stores) => {
                    Some("it has a loop that reads what other invocations may write")
                }
                Op::Atomic(atomic) if in_loop && atomic.result_used => {
                    Some("it has a loop that reads what other invocations may write")
                }
                _ => None,
            },
            Stmt::If { accept, reject, .. } => {
                self.seen(accept, stores, in_loop).or_else(|| self.seen(reject, stores, in_loop))
            }
            Stmt::Loop { body, .. } => self.seen(body, stores, true),
            Stmt::Scope { body, .. } => self.seen(body, stores, in_loop),
            Stmt::Barrier(_) => Some("it has barriers"),
            Stmt::Store { .. } | Stmt::Clear(_) => None,
        })
    }

    /// A workgroup's number along an axis on which it is one invocation wide: it is the invocation's.
    fn as_global(&self, builtin: Builtin) -> Option<Builtin> {
        match builtin {
            Builtin::WorkgroupId(axis) if self.workgroup_size[usize::from(axis)] == 1 => Some(Builtin::GlobalId(axis)),
            _ => None,
        }
    }

    fn is_shared(&self, memory: usize, stores: &[bool]) -> bool {
        stores[memory] && matches!(self.memories[memory].space, Space::Storage { .. })
    }

    /// The program for rows of `width` invocations, of which those run whose id along x is below `num_workgroups.x` and not
    /// below `num_workgroups.y`: whoever launches it says so there, for the program itself does not look at these.
    pub fn in_rows(&self, width: u32) -> Program {
        let mut program = self.clone();
        program.workgroup_size = [width, 1, 1];
        for def in &mut program.values {
            if let Op::Builtin(builtin) = &mut def.op
                && let Some(global) = self.as_global(*builtin)
            {
                *builtin = global;
            }
        }
        let mut front = Vec::new();
        let mut value = |ty, op| {
            program.values.push(ValueDef { ty, op, uniformity: Uniformity::Varying, origin: Origin::default() });
            let value = Value(program.values.len() as u32 - 1);
            front.push(Stmt::Let(value));
            value
        };
        let id = value(Type::U32, Op::Builtin(Builtin::GlobalId(0)));
        let end = value(Type::U32, Op::Builtin(Builtin::NumWorkgroups(0)));
        let start = value(Type::U32, Op::Builtin(Builtin::NumWorkgroups(1)));
        let behind = value(Type::Bool, Op::Binary(Binary::Ge, id, end));
        let before = value(Type::Bool, Op::Binary(Binary::Lt, id, start));
        let cond = value(Type::Bool, Op::Binary(Binary::Or, behind, before));
        let block = |end| Block { stmts: Vec::new(), end };
        let guard =
            Stmt::If { cond, accept: block(End::Return), reject: block(End::Yield(Vec::new())), results: Vec::new() };
        // Behind what is the same over a dispatch, which stands in front.
        let is_hoisted = |stmt: &Stmt| match stmt {
            Stmt::Let(value) => {
                let def = self.def(*value);
                def.uniformity == Uniformity::Dispatch || matches!(def.op, Op::Builtin(_))
            }
            _ => false,
        };
        let place = self.body.stmts.iter().take_while(|stmt| is_hoisted(stmt)).count();
        let rest = program.body.stmts.split_off(place);
        front.push(guard);
        program.body.stmts.extend(front);
        program.body.stmts.extend(rest);
        let analysed = uniformity::analyse(&mut program);
        debug_assert!(analysed.is_ok(), "it has no barriers");
        verify::check(&program, Pass::Uniformity);
        program
    }
}

#[cfg(test)]
mod tests {
    use crate::kernel::testing;

    fn sees(body: &str) -> Option<&'static str> {
        let wgsl = format!(
            "@group(0) @binding(0) var<storage, read> x: array<u32>;
            @group(0) @binding(1) var<storage, read_write> y: array<u32>;
            @group(0) @binding(2) var<storage, read_write> n: atomic<u32>;
            var<workgroup> shared_word: u32;
            @compute @workgroup_size(4, 2) fn k(
                @builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) at: vec3u,
                @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                @builtin(local_invocation_index) index: u32) {{ {body} }}"
        );
        testing::kernel(&wgsl).program().unwrap_or_else(|error| panic!("{error}")).sees_shape()
    }

    #[test]
    fn what_the_shape_decides_is_found() {
        for body in [
            "y[id.x] = x[id.x] + id.y;",
            "for (var i = 0u; i < x[id.x]; i++) { y[id.x * 8u + i] = i; }",
            "if id.x < arrayLength(&x) { atomicAdd(&n, x[id.x]); }",
            "y[atomicAdd(&n, 1u)] = id.x;",
            "for (var i = 0u; i < 9u; i++) { atomicMax(&n, i); }",
            // Read and not used.
            "let unused = at.x + groups.x; y[id.x] = 1u;",
        ] {
            assert_eq!(sees(body), None, "{body}");
        }
        for (body, part) in [
            ("y[id.x] = at.x;", "in its workgroup"),
            ("y[id.x] = index;", "in its workgroup"),
            ("y[group.x] = id.x;", "in its workgroup"),
            ("y[id.x] = groups.x;", "num_workgroups"),
            ("workgroupBarrier(); y[id.x] = 1u;", "barriers"),
            ("shared_word = id.x; y[id.x] = shared_word;", "workgroup memory"),
            ("while atomicLoad(&n) < id.x { } y[id.x] = 1u;", "other invocations may write"),
            ("while atomicExchange(&n, 1u) == 1u { } y[id.x] = 1u;", "other invocations may write"),
            ("loop { if y[0] > id.x { break; } } y[id.x] = 1u;", "other invocations may write"),
        ] {
            assert!(sees(body).is_some_and(|why| why.contains(part)), "{body}: {:?}", sees(body));
        }
    }
}
