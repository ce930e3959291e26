//! The plainest possible executor: one lane, one scalar at a time, no masks. It is short enough to be
//! believed, and the other executors are compared with it. Programs with barriers are beyond it.

use std::collections::HashMap;

use super::{Address, AtomicFun, Block, Builtin, End, IndexBound, Label, Mem, Op, Program, Stmt, Type, Value, fold};

/// The state of a dispatch: the words of every memory by [`Mem`], and the ids of the current lane.
pub struct Lane<'p> {
    program: &'p Program,
    pub memories: Vec<Vec<u32>>,
    pub global_id: [u32; 3],
    pub local_id: [u32; 3],
    pub workgroups: [u32; 3],
    /// Called with each value that is computed, and its bits.
    pub observer: Option<Box<dyn FnMut(Value, u32) + 'p>>,
    values: HashMap<Value, u32>,
}

enum Flow {
    Next(Vec<u32>),
    Break(Label, Vec<u32>),
    Return,
}

impl<'p> Lane<'p> {
    pub fn new(program: &'p Program, memories: Vec<Vec<u32>>) -> Self {
        let ids = [0; 3];
        Lane {
            program,
            memories,
            global_id: ids,
            local_id: ids,
            workgroups: [1; 3],
            observer: None,
            values: HashMap::new(),
        }
    }

    /// Runs the program for the lane whose ids are set.
    pub fn run(&mut self) {
        self.values.clear();
        for (i, memory) in self.program.memories.iter().enumerate() {
            if let super::Space::Private { bytes } = memory.space {
                self.memories[i] = vec![0; bytes as usize / 4];
            } else if memory.space == super::Space::Constant {
                self.memories[i].clone_from(&memory.data);
            }
        }
        let program = self.program;
        self.block(&program.body);
    }

    fn get(&self, value: Value) -> u32 {
        self.values[&value]
    }

    fn list(&self, values: &[Value]) -> Vec<u32> {
        values.iter().map(|&v| self.get(v)).collect()
    }

    fn assign(&mut self, to: &[Value], from: Vec<u32>) {
        self.values.extend(to.iter().copied().zip(from));
    }

    fn block(&mut self, block: &'p Block) -> Flow {
        for stmt in &block.stmts {
            if let Some(flow) = self.stmt(stmt) {
                return flow;
            }
        }
        match &block.end {
            End::Yield(values) => Flow::Next(self.list(values)),
            End::Break(label, values) => Flow::Break(*label, self.list(values)),
            End::Return => Flow::Return,
            End::Unreachable => panic!("reached the unreachable"),
        }
    }

    fn stmt(&mut self, stmt: &'p Stmt) -> Option<Flow> {
        match stmt {
            Stmt::Let(value) => {
                let bits = self.op(*value);
                if let Some(observer) = &mut self.observer {
                    observer(*value, bits);
                }
                self.values.insert(*value, bits);
            }
            Stmt::Store { address, value } => {
                let bits = self.get(*value);
                self.store(address, self.program.ty(*value), bits);
            }
            Stmt::Clear(mem) => self.memories[mem.0 as usize].fill(0),
            Stmt::Barrier(_) => panic!("one lane cannot wait for others"),
            Stmt::If { cond, accept, reject, results } => {
                let taken = if self.get(*cond) != 0 { accept } else { reject };
                match self.block(taken) {
                    Flow::Next(values) => self.assign(results, values),
                    flow => return Some(flow),
                }
            }
            Stmt::Scope { label, body, results } => match self.block(body) {
                Flow::Next(values) => self.assign(results, values),
                Flow::Break(to, values) if to == *label => self.assign(results, values),
                flow => return Some(flow),
            },
            Stmt::Loop { label, params, inits, body, results } => {
                let mut next = self.list(inits);
                loop {
                    self.assign(params, next);
                    match self.block(body) {
                        Flow::Next(values) => next = values,
                        Flow::Break(to, values) if to == *label => {
                            self.assign(results, values);
                            break;
                        }
                        flow => return Some(flow),
                    }
                }
            }
        }
        None
    }

    fn length(&self, mem: Mem) -> u32 {
        let array = self.program.memory(mem).runtime.expect("a runtime-sized array");
        (self.memories[mem.0 as usize].len() as u32 * 4).saturating_sub(array.offset) / array.stride
    }

    /// The byte offset, if it is in bounds.
    fn locate(&self, address: &Address) -> Option<usize> {
        let mut offset = u64::from(address.offset);
        for term in &address.terms {
            let bound = match term.bound {
                IndexBound::Const(n) => n,
                IndexBound::Runtime => self.length(address.mem),
            };
            let index = self.get(term.index);
            if index >= bound {
                return None;
            }
            offset += u64::from(index) * u64::from(term.stride);
        }
        (offset / 4 < self.memories[address.mem.0 as usize].len() as u64).then_some(offset as usize)
    }

    fn load(&self, address: &Address, ty: Type) -> u32 {
        let Some(offset) = self.locate(address) else { return 0 };
        let word = self.memories[address.mem.0 as usize][offset / 4];
        match self.program.memory(address.mem).bytes_of(ty) {
            2 => half::f16::from_bits((word >> (offset % 4 * 8)) as u16).to_f32().to_bits(),
            _ => word,
        }
    }

    fn store(&mut self, address: &Address, ty: Type, bits: u32) {
        let Some(offset) = self.locate(address) else { return };
        let word = &mut self.memories[address.mem.0 as usize][offset / 4];
        match self.program.memory(address.mem).bytes_of(ty) {
            2 => {
                let shift = offset % 4 * 8;
                let half = u32::from(half::f16::from_f32(f32::from_bits(bits)).to_bits());
                *word = *word & !(0xffff << shift) | half << shift;
            }
            _ => *word = bits,
        }
    }

    fn op(&mut self, value: Value) -> u32 {
        let def = self.program.def(value);
        match &def.op {
            Op::Const(bits) => *bits,
            Op::Builtin(builtin) => self.builtin(*builtin),
            Op::Unary(op, a) => fold::unary(*op, self.program.ty(*a), self.get(*a)),
            Op::Binary(op, a, b) => fold::binary(*op, self.program.ty(*a), self.get(*a), self.get(*b)),
            Op::Fma(a, b, c) => fold::fma(self.get(*a), self.get(*b), self.get(*c)),
            Op::Select { cond, accept, reject } => self.get(if self.get(*cond) != 0 { *accept } else { *reject }),
            Op::Convert(a) => fold::convert(self.program.ty(*a), def.ty, self.get(*a)),
            Op::Bitcast(a) => self.get(*a),
            Op::Load(address) | Op::UniformLoad(address) => self.load(address, def.ty),
            Op::ArrayLength(mem) => self.length(*mem),
            Op::Atomic(atomic) => {
                let old = self.load(&atomic.address, def.ty);
                let new = self.atomic(atomic.fun, def.ty, old, self.get(atomic.value), atomic.compare);
                if let Some(new) = new {
                    self.store(&atomic.address, def.ty, new);
                }
                old
            }
            Op::Subgroup(..) | Op::Shuffle(..) => panic!("one lane is no subgroup"),
            Op::Phi => panic!("a phi is not computed"),
        }
    }

    fn atomic(&self, fun: AtomicFun, ty: Type, old: u32, value: u32, compare: Option<Value>) -> Option<u32> {
        use super::Binary::*;
        let op = match fun {
            AtomicFun::Load => return None,
            AtomicFun::Store | AtomicFun::Exchange => return Some(value),
            AtomicFun::CompareExchange => return (Some(old) == compare.map(|c| self.get(c))).then_some(value),
            AtomicFun::Add | AtomicFun::AddFloat => Add,
            AtomicFun::Sub => Sub,
            AtomicFun::And => And,
            AtomicFun::Or => Or,
            AtomicFun::Xor => Xor,
            AtomicFun::Min => Min,
            AtomicFun::Max => Max,
        };
        Some(fold::binary(op, ty, old, value))
    }

    fn builtin(&self, builtin: Builtin) -> u32 {
        let size = self.program.workgroup_size;
        let [x, y, z] = self.local_id;
        let index = x + size[0] * (y + size[1] * z);
        match builtin {
            Builtin::GlobalId(a) => self.global_id[a as usize],
            Builtin::LocalId(a) => self.local_id[a as usize],
            Builtin::WorkgroupId(a) => self.global_id[a as usize] / size[a as usize],
            Builtin::NumWorkgroups(a) => self.workgroups[a as usize],
            Builtin::LocalIndex => index,
            Builtin::SubgroupInvocationId => index % super::SUBGROUP_SIZE,
            Builtin::SubgroupId => index / super::SUBGROUP_SIZE,
        }
    }
}
