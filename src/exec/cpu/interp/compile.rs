//! From the IR to the compact form: values get slots, their last uses are found, types choose operations.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::{
    code::{Access, AtomicInst, Block, BlockId, Code, Exit, Inst, List, MemInfo, MemoryLocation, Op, SlotId, Term},
    lanes::UnOp,
    select::{binary_op, convert_op, unary_op},
    uses::Uses,
};
use crate::{
    access::Merge,
    error::{Error, Message, Result},
    exec::cpu::accumulate,
    ir::{self, AtomicFun, Binary, IndexBound, Program, Space, Stmt, Type, Unary, Value},
};

/// Compiles `program`.
///
/// # Errors
///
/// If statements nest deeper than the executor can follow, or the program is malformed.
pub(in crate::exec::cpu) fn compile(program: &Program) -> Result<Code> {
    compile_with(program, true)
}

/// Compiles `program`; where loads are the same in the whole dispatch, they are done up front if `loads_first`, even those
/// that no invocation would come to.
pub(super) fn compile_with(program: &Program, loads_first: bool) -> Result<Code> {
    let mut uses = Uses::new(program, loads_first);
    uses.block(&program.body, &[])?;
    let mut compiler = Compiler::new(program, uses);
    compiler.fixed()?;
    let body = compiler.block(&program.body, Target::Body, &[])?;
    Ok(compiler.finish(body))
}

pub(super) fn malformed(program: &Program, what: &str) -> Error {
    Error::Unsupported(
        Message::new(format!("the CPU engine cannot execute this program: {what}"))
            .kernel(program.name.as_str())
            .help("this is a defect of the engine; run the kernel on a GPU device meanwhile"),
    )
}

/// What the `Yield` of a block means.
#[derive(Clone, Copy)]
enum Target {
    Body,
    Results(List),
    Params(List),
}

/// A construct that a `Break` can leave.
struct Enclosing {
    label: ir::Label,
    results: List,
    /// Whether lanes leave it otherwise than by its end or a `Break` to it.
    escapes: bool,
}

struct Compiler<'a> {
    program: &'a Program,
    uses: Uses<'a>,
    code: Code,
    slots: Vec<Option<SlotId>>,
    consts: FxHashMap<u32, SlotId>,
    enclosing: Vec<Enclosing>,
    /// Whether lanes left the block being compiled by `Return`, and the outermost construct that a `Break` left.
    returns: bool,
    breaks_to: Option<usize>,
}

impl<'a> Compiler<'a> {
    fn new(program: &'a Program, uses: Uses<'a>) -> Self {
        let mut workgroup = 0u64;
        let mut private = 0u64;
        let mut memories = Vec::new();
        for memory in &program.memories {
            let place = match memory.space {
                Space::Storage { binding, .. } | Space::Uniform { binding } => MemoryLocation::Binding(binding),
                Space::Workgroup { bytes } => {
                    let words = bytes.div_ceil(4);
                    let first = (workgroup / 4) as u32;
                    workgroup += 4 * u64::from(words);
                    MemoryLocation::Workgroup { first, words }
                }
                Space::Private { bytes } => {
                    let words = bytes.div_ceil(4);
                    let first = (private / 4) as u32;
                    private += 4 * u64::from(words);
                    MemoryLocation::Private { first, words }
                }
                Space::Constant => MemoryLocation::Constant,
            };
            let runtime = memory.runtime.map(|array| (array.offset, array.stride.max(1)));
            let name = memory.name.clone();
            memories.push(MemInfo { name, place, runtime, data: memory.data.clone(), accumulates: None });
        }
        let code = Code {
            name: program.name.clone(),
            workgroup_size: program.workgroup_size,
            slots: 0,
            labels: program.labels,
            consts: Vec::new(),
            builtins: Vec::new(),
            prologue: Vec::new(),
            insts: Vec::new(),
            blocks: Vec::new(),
            body: BlockId(0),
            lists: Vec::new(),
            accesses: Vec::new(),
            atomics: Vec::new(),
            free: !program.has_barrier && workgroup == 0,
            uses_local: false,
            workgroup_bytes: workgroup,
            private_bytes: private,
            memories,
        };
        let slots = vec![None; program.values.len()];
        Compiler {
            program,
            uses,
            code,
            slots,
            consts: FxHashMap::default(),
            enclosing: Vec::new(),
            returns: false,
            breaks_to: None,
        }
    }

    fn finish(mut self, body: BlockId) -> Code {
        self.code.body = body;
        for (memory, accumulates) in self.code.memories.iter_mut().zip(accumulate::memories(self.program)) {
            memory.accumulates = accumulates;
        }
        self.code
    }

    /// Constants, inputs, and the prologue. Their slots come first and live for ever.
    fn fixed(&mut self) -> Result<()> {
        for value in std::mem::take(&mut self.uses.fixed) {
            match &self.program.def(value).op {
                ir::Op::Const(bits) => {
                    let slot = self.constant(*bits);
                    self.slots[value.0 as usize] = Some(slot);
                }
                ir::Op::Builtin(builtin) => self.builtin(value, *builtin),
                _ => {
                    let mut insts = Vec::new();
                    self.define(value, &mut insts)?;
                    self.code.prologue.extend(insts);
                }
            }
        }
        Ok(())
    }

    fn constant(&mut self, bits: u32) -> SlotId {
        if let Some(slot) = self.consts.get(&bits) {
            return *slot;
        }
        let slot = self.new_slot();
        self.consts.insert(bits, slot);
        self.code.consts.push((slot, bits));
        slot
    }

    fn builtin(&mut self, value: Value, builtin: ir::Builtin) {
        use ir::Builtin::*;
        if let Some((slot, _)) = self.code.builtins.iter().find(|(_, known)| *known == builtin) {
            self.slots[value.0 as usize] = Some(*slot);
            return;
        }
        let slot = self.new_slot();
        self.slots[value.0 as usize] = Some(slot);
        self.code.builtins.push((slot, builtin));
        match builtin {
            LocalId(_) | LocalIndex | WorkgroupId(_) => self.code.uses_local = true,
            SubgroupInvocationId | SubgroupId => self.code.free = false,
            GlobalId(_) | NumWorkgroups(_) => {}
        }
    }

    fn new_slot(&mut self) -> SlotId {
        self.code.slots += 1;
        self.code.slots - 1
    }

    fn define_slot(&mut self, value: Value) -> SlotId {
        let slot = self.new_slot();
        self.slots[value.0 as usize] = Some(slot);
        slot
    }

    fn slot(&self, value: Value) -> Result<SlotId> {
        self.slots[value.0 as usize]
            .ok_or_else(|| malformed(self.program, &format!("value {} is used before it is defined", value.0)))
    }

    fn list(&mut self, slots: &[SlotId]) -> List {
        if slots.is_empty() {
            return List::EMPTY;
        }
        let start = self.code.lists.len() as u32;
        self.code.lists.extend(slots);
        List { start, len: slots.len() as u32 }
    }

    fn slots_of(&mut self, values: &[Value]) -> Result<List> {
        let slots = values.iter().map(|value| self.slot(*value)).collect::<Result<Vec<_>>>()?;
        Ok(self.list(&slots))
    }

    fn results(&mut self, values: &[Value]) -> List {
        let slots: Vec<_> = values.iter().map(|value| self.define_slot(*value)).collect();
        self.list(&slots)
    }

    /// Compiles a block. Its instructions end up next to each other, after those of the blocks inside it.
    fn block(&mut self, block: &ir::Block, target: Target, params: &[Value]) -> Result<BlockId> {
        let first_slot = match target {
            Target::Params(list) => self.code.lists[self.range(list)].first().copied().unwrap_or(self.code.slots),
            _ => self.code.slots,
        };
        // Which of the block's values die where.
        let mut dying: Vec<Vec<SlotId>> = vec![Vec::new(); block.stmts.len() + 1];
        for param in params {
            let last = self.uses.last[param.0 as usize];
            dying[last].push(self.slot(*param)?);
        }
        let mut insts = Vec::new();
        for (index, stmt) in block.stmts.iter().enumerate() {
            let before = insts.len();
            let defined = self.stmt(stmt, &mut insts)?;
            for value in defined {
                let last = self.uses.last[value.0 as usize];
                dying[last.max(index)].push(self.slot(value)?);
            }
            if insts.len() > before {
                let kills = self.list(&std::mem::take(&mut dying[index]));
                self.add_kills(&mut insts, kills);
            } else if index + 1 < dying.len() {
                let moved = std::mem::take(&mut dying[index]);
                dying[index + 1].extend(moved);
            }
        }
        let kills = self.list(&std::mem::take(&mut dying[block.stmts.len()]));
        let exit = self.exit(&block.end, target)?;
        let start = self.code.insts.len() as u32;
        self.code.insts.extend(insts);
        let end = self.code.insts.len() as u32;
        self.code.blocks.push(Block { start, end, exit, kills, first_slot, end_slot: self.code.slots });
        Ok(BlockId(self.code.blocks.len() as u32 - 1))
    }

    fn range(&self, list: List) -> Range<usize> {
        list.start as usize..(list.start + list.len) as usize
    }

    /// Adds to what the last instruction kills.
    fn add_kills(&mut self, insts: &mut [Inst], kills: List) {
        let Some(last) = insts.last_mut() else { return };
        if last.kills.len == 0 {
            last.kills = kills;
        } else if kills.len > 0 {
            let both: Vec<_> =
                [last.kills, kills].into_iter().flat_map(|list| self.code.lists[self.range(list)].to_vec()).collect();
            last.kills = self.list(&both);
        }
    }

    fn exit(&mut self, end: &ir::End, target: Target) -> Result<Exit> {
        Ok(match end {
            ir::End::Yield(values) => {
                let sources = self.slots_of(values)?;
                let (exit, targets) = match target {
                    Target::Body => (Exit::Return, List::EMPTY),
                    Target::Results(targets) => (Exit::Yield { sources, targets }, targets),
                    Target::Params(targets) => (Exit::Again { sources, targets }, targets),
                };
                if targets.len != sources.len {
                    return Err(malformed(self.program, "a block yields another number of values than asked for"));
                }
                exit
            }
            ir::End::Break(label, values) => {
                let sources = self.slots_of(values)?;
                let place = self.enclosing.iter().rposition(|construct| construct.label == *label);
                let Some(place) = place else {
                    return Err(malformed(self.program, "a break leaves a construct that does not enclose it"));
                };
                let targets = self.enclosing[place].results;
                if targets.len != sources.len {
                    return Err(malformed(self.program, "a break carries another number of values than asked for"));
                }
                self.breaks_to = Some(self.breaks_to.map_or(place, |outer| outer.min(place)));
                for construct in &mut self.enclosing[place + 1..] {
                    construct.escapes = true;
                }
                Exit::Break { label: label.0, sources, targets }
            }
            ir::End::Return | ir::End::Unreachable => {
                self.returns = true;
                for construct in &mut self.enclosing {
                    construct.escapes = true;
                }
                Exit::Return
            }
        })
    }

    /// Compiles a statement; gives the values that it defines in the current block.
    fn stmt(&mut self, stmt: &Stmt, insts: &mut Vec<Inst>) -> Result<Vec<Value>> {
        match stmt {
            Stmt::Let(value) => {
                if self.uses.is_fixed[value.0 as usize] {
                    return Ok(Vec::new());
                }
                let defined = self.define(*value, insts)?;
                Ok(if defined { vec![*value] } else { Vec::new() })
            }
            Stmt::Store { address, value } => {
                let access = self.access(address, self.program.ty(*value))?;
                push(insts, Op::Store { access, value: self.slot(*value)? });
                Ok(Vec::new())
            }
            Stmt::Clear(mem) => {
                push(insts, Op::Clear { memory: mem.0 });
                Ok(Vec::new())
            }
            // Every instruction runs for the whole workgroup before the next one does.
            Stmt::Barrier(_) => Ok(Vec::new()),
            Stmt::If { cond, accept, reject, results } => {
                let cond = self.slot(*cond)?;
                let list = self.results(results);
                let outer = (std::mem::take(&mut self.returns), self.breaks_to.take());
                let accept = self.block(accept, Target::Results(list), &[])?;
                let reject = self.block(reject, Target::Results(list), &[])?;
                let escapes = self.returns || self.breaks_to.is_some();
                self.returns |= outer.0;
                self.breaks_to = match (self.breaks_to, outer.1) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                push(insts, Op::If { cond, accept, reject, results: list, escapes });
                Ok(results.clone())
            }
            Stmt::Loop { label, params, inits, body, results } => {
                let inits = self.slots_of(inits)?;
                let list = self.results(results);
                let (body, param_list, escapes) = self.construct(*label, list, body, Some(params))?;
                if inits.len != param_list.len {
                    return Err(malformed(self.program, "a loop has another number of parameters than initial values"));
                }
                push(insts, Op::Loop { label: label.0, params: param_list, inits, body, results: list, escapes });
                Ok(results.clone())
            }
            Stmt::Scope { label, body, results } => {
                let list = self.results(results);
                let (body, _, escapes) = self.construct(*label, list, body, None)?;
                push(insts, Op::Scope { label: label.0, body, results: list, escapes });
                Ok(results.clone())
            }
        }
    }

    /// The body of a `Loop` or a `Scope`: the block, the parameters, and whether lanes escape from it.
    fn construct(
        &mut self,
        label: ir::Label,
        results: List,
        body: &ir::Block,
        params: Option<&[Value]>,
    ) -> Result<(BlockId, List, bool)> {
        let outer = self.breaks_to.take();
        self.enclosing.push(Enclosing { label, results, escapes: false });
        let param_list = self.results(params.unwrap_or(&[]));
        let target = if params.is_some() { Target::Params(param_list) } else { Target::Results(results) };
        let block = self.block(body, target, params.unwrap_or(&[]))?;
        let escapes = self.enclosing.pop().is_some_and(|construct| construct.escapes);
        // Breaks that end here concern nobody outside.
        let inner = self.breaks_to.filter(|place| *place < self.enclosing.len());
        self.breaks_to = match (inner, outer) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Ok((block, param_list, escapes))
    }

    fn access(&mut self, address: &ir::Address, ty: Type) -> Result<u32> {
        let terms = address
            .terms
            .iter()
            .map(|term| {
                let bound = match term.bound {
                    IndexBound::Const(bound) => Some(bound),
                    IndexBound::Runtime => None,
                };
                Ok(Term { index: self.slot(term.index)?, stride: term.stride, bound })
            })
            .collect::<Result<Vec<_>>>()?;
        let half = self.program.memory(address.mem).bytes_of(ty) == 2;
        self.code.accesses.push(Access { id: address.id, memory: address.mem.0, offset: address.offset, half, terms });
        Ok(self.code.accesses.len() as u32 - 1)
    }

    /// Compiles the definition of `value`; whether it got a slot.
    fn define(&mut self, value: Value, insts: &mut Vec<Inst>) -> Result<bool> {
        let program = self.program;
        let def = program.def(value);
        let ty = def.ty;
        match &def.op {
            ir::Op::Const(_) | ir::Op::Builtin(_) | ir::Op::Phi => {
                return Err(malformed(program, "a statement defines what no statement can"));
            }
            ir::Op::Unary(unary, a) => {
                let op = unary_op(*unary, program.ty(*a)).ok_or_else(|| mistyped(program, value))?;
                let a = self.slot(*a)?;
                match op {
                    Some(op) => self.rounded(value, ty, *unary == Unary::Sqrt, insts, |d| Op::Unary { op, d, a }),
                    None => self.copy(value, a, insts),
                }
            }
            ir::Op::Binary(binary, a, b) => {
                let operand = program.ty(*a);
                let op = binary_op(*binary, operand).ok_or_else(|| mistyped(program, value))?;
                let swap = matches!(binary, Binary::Gt | Binary::Ge);
                let (a, b) = if swap { (self.slot(*b)?, self.slot(*a)?) } else { (self.slot(*a)?, self.slot(*b)?) };
                let rounds = matches!(binary, Binary::Add | Binary::Sub | Binary::Mul | Binary::Div);
                self.rounded(value, ty, rounds, insts, |d| Op::Binary { op, d, a, b });
            }
            ir::Op::Fma(a, b, c) => {
                if ty != Type::F32 {
                    return Err(mistyped(program, value));
                }
                let (a, b, c) = (self.slot(*a)?, self.slot(*b)?, self.slot(*c)?);
                let d = self.define_slot(value);
                push(insts, Op::Fma { d, a, b, c });
            }
            ir::Op::Select { cond, accept, reject } => {
                let (cond, accept, reject) = (self.slot(*cond)?, self.slot(*accept)?, self.slot(*reject)?);
                let d = self.define_slot(value);
                push(insts, Op::Select { d, cond, accept, reject });
            }
            ir::Op::Convert(a) => {
                let from = program.ty(*a);
                let a = self.slot(*a)?;
                match convert_op(from, ty) {
                    Some(op) => {
                        let rounds = matches!(from, Type::I32 | Type::U32);
                        self.rounded(value, ty, rounds, insts, |d| Op::Unary { op, d, a });
                    }
                    None => self.copy(value, a, insts),
                }
            }
            ir::Op::Bitcast(a) => {
                let a = self.slot(*a)?;
                self.copy(value, a, insts);
            }
            ir::Op::Load(address) => {
                let access = self.access(address, ty)?;
                let d = self.define_slot(value);
                push(insts, Op::Load { d, access });
            }
            ir::Op::UniformLoad(address) => {
                let access = self.access(address, ty)?;
                let d = self.define_slot(value);
                push(insts, Op::UniformLoad { d, access });
            }
            ir::Op::ArrayLength(mem) => {
                let d = self.define_slot(value);
                push(insts, Op::Length { d, memory: mem.0 });
            }
            ir::Op::Subgroup(op, a) => {
                self.code.free = false;
                let operand = program.ty(*a);
                let a = self.slot(*a)?;
                let d = self.define_slot(value);
                push(insts, Op::Subgroup { op: *op, ty: operand, d, a });
            }
            ir::Op::Shuffle(a, lane) => {
                self.code.free = false;
                let (a, lane) = (self.slot(*a)?, self.slot(*lane)?);
                let d = self.define_slot(value);
                push(insts, Op::Shuffle { d, a, lane });
            }
            ir::Op::Atomic(atomic) => return self.atomic(value, atomic, insts),
        }
        Ok(true)
    }

    fn copy(&mut self, value: Value, a: SlotId, insts: &mut Vec<Inst>) {
        let d = self.define_slot(value);
        push(insts, Op::Copy { d, a });
    }

    /// Adds the operation that `op` makes, and for a half result that is not exact, its rounding.
    fn rounded(&mut self, value: Value, ty: Type, rounds: bool, insts: &mut Vec<Inst>, op: impl Fn(SlotId) -> Op) {
        if ty == Type::F16 && rounds {
            let exact = self.new_slot();
            push(insts, op(exact));
            let d = self.define_slot(value);
            let kills = self.list(&[exact]);
            insts.push(Inst { op: Op::Unary { op: UnOp::RoundToHalf, d, a: exact }, kills });
        } else {
            let d = self.define_slot(value);
            push(insts, op(d));
        }
    }

    fn atomic(&mut self, value: Value, atomic: &ir::Atomic, insts: &mut Vec<Inst>) -> Result<bool> {
        let ty = self.program.ty(atomic.value);
        let plain =
            matches!(atomic.fun, AtomicFun::Load | AtomicFun::Store | AtomicFun::Exchange | AtomicFun::AddFloat);
        if !matches!(ty, Type::I32 | Type::U32) && !plain {
            return Err(Error::Unsupported(
                Message::new(format!("the CPU engine has no atomic {:?} of {ty:?} values", atomic.fun))
                    .kernel(self.program.name.as_str())
                    .help("use an atomic<u32> or an atomic<i32>, or a loop of atomicCompareExchangeWeak"),
            ));
        }
        let signed = ty == Type::I32;
        let accumulate = Merge::of(atomic.fun, signed).filter(|_| !atomic.result_used);
        let d = atomic.result_used.then(|| self.define_slot(value));
        let access_type = if atomic.fun == AtomicFun::Load { self.program.ty(value) } else { ty };
        let access = self.access(&atomic.address, access_type)?;
        match atomic.fun {
            AtomicFun::Load => {
                if let Some(d) = d {
                    push(insts, Op::Load { d, access });
                }
            }
            AtomicFun::Store => push(insts, Op::Store { access, value: self.slot(atomic.value)? }),
            fun => {
                let value = self.slot(atomic.value)?;
                let compare = atomic.compare.map(|compare| self.slot(compare)).transpose()?;
                if (fun == AtomicFun::CompareExchange) != compare.is_some() {
                    return Err(malformed(self.program, "an atomic has the wrong number of operands"));
                }
                self.code.atomics.push(AtomicInst { fun, signed, access, value, compare, d, accumulate });
                push(insts, Op::Atomic { index: self.code.atomics.len() as u32 - 1 });
            }
        }
        Ok(d.is_some())
    }
}

fn push(insts: &mut Vec<Inst>, op: Op) {
    insts.push(Inst { op, kills: List::EMPTY });
}

fn mistyped(program: &Program, value: Value) -> Error {
    malformed(program, &format!("value {} has an operation that its operands do not have", value.0))
}
