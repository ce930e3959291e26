//! Operations and accesses of a kernel, counted on its program.
//!
//! Some invocations, spread over the grid, are followed through the program with what is known of the call: ids, lengths,
//! uniforms. What comes from memory is not known; where that decides, both ways are taken by half. Loops run as far as it
//! takes to see how many iterations they have, from how what decides their end changes from one iteration to the next.

#[cfg(test)]
mod tests;
mod trips;

use crate::{
    access::Numbers,
    ir::{
        Address, AtomicFun, Binary, Block, Builtin, End, Label, Op, Program, SUBGROUP_SIZE, Space, Stmt, Type, Unary,
        Uniformity, Value, fold,
    },
};
use trips::Watch;

/// Invocations that are followed: so many where they do the same, and up to so many where they do not.
const FEW: usize = 4;
const MANY: usize = 24;

/// Iterations of a loop that are followed, by how deep it is nested.
const FOLLOWED: [u32; 3] = [40, 12, 4];

/// Iterations of a loop whose end nothing tells.
const UNKNOWN_TRIPS: u32 = 16;

/// Statements of an invocation that are followed before loops are cut short.
const PATIENCE: u32 = 20_000;

/// What a single invocation does, on average.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Each {
    pub operations: f64,
    pub accesses: f64,
    pub atomics: f64,
    /// Bytes of each binding that are read or written.
    pub bytes: Vec<f64>,
}

impl Each {
    fn add(&mut self, other: &Each, times: f64) {
        self.operations += times * other.operations;
        self.accesses += times * other.accesses;
        self.atomics += times * other.atomics;
        self.bytes.resize(self.bytes.len().max(other.bytes.len()), 0.0);
        self.bytes.iter_mut().zip(&other.bytes).for_each(|(sum, bytes)| *sum += times * bytes);
    }

    fn touch(&mut self, binding: usize, bytes: f64) {
        if self.bytes.len() <= binding {
            self.bytes.resize(binding + 1, 0.0);
        }
        self.bytes[binding] += bytes;
    }
}

/// What was counted, and the uniform words that decided anything on the way: binding, byte, and what stands there.
pub(super) struct Counted {
    pub each: Each,
    pub words: Vec<(usize, u32, u32)>,
    /// Whether nothing told how often some loop goes round.
    pub is_guessed: bool,
}

/// Counts what an invocation of a call does on average.
pub(super) fn count(program: &Program, numbers: &Numbers<'_>) -> Counted {
    let grid = numbers.workgroups().unwrap_or([1; 3]);
    let mut counter = Counter {
        program,
        numbers,
        grid,
        values: vec![None; program.values.len()],
        place: [0; 3],
        weight: 1.0,
        each: Each::default(),
        steps: 0,
        watches: Vec::new(),
        words: Vec::new(),
        decided: 0,
        is_guessed: false,
    };
    let mut sum = Each::default();
    let mut lanes: Vec<Each> = Vec::new();
    for at in 0..MANY {
        let same = |lane: &Each| (lane.operations - lanes[0].operations).abs() <= 0.01 * lanes[0].operations;
        if at >= FEW && lanes.iter().all(same) {
            break;
        }
        let lane = counter.lane(at);
        sum.add(&lane, 1.0);
        lanes.push(lane);
    }
    let mut each = Each::default();
    each.add(&sum, 1.0 / lanes.len().max(1) as f64);
    let decided = counter.decided;
    let words = counter.words.into_iter().enumerate();
    let words = words.filter(|(at, _)| decided & bit(*at) != 0).map(|(_, word)| word).collect();
    Counted { each, words, is_guessed: counter.is_guessed }
}

/// A value that is known, and the uniform words that it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    bits: u32,
    words: u64,
}

/// The mask of a uniform word; all beyond the first have one together.
fn bit(word: usize) -> u64 {
    1 << word.min(63)
}

type Values = Vec<Option<Known>>;

/// Where control goes.
enum Flow {
    Yield(Values),
    Break(Label, Values),
    Return,
}

struct Counter<'p> {
    program: &'p Program,
    numbers: &'p Numbers<'p>,
    grid: [u32; 3],
    values: Values,
    /// The invocation that is followed, by its global id.
    place: [u64; 3],
    /// How much of the invocation comes here.
    weight: f64,
    each: Each,
    steps: u32,
    /// The loops around the place.
    watches: Vec<Watch>,
    words: Vec<(usize, u32, u32)>,
    /// Those of them that decided anything.
    decided: u64,
    is_guessed: bool,
}

impl Counter<'_> {
    /// Follows one invocation.
    fn lane(&mut self, number: usize) -> Each {
        // Evenly spread, whatever their number: Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018.
        const STEPS: [f64; 3] = [0.819_172_513_396_164_4, 0.671_043_606_703_789_2, 0.549_700_477_901_970_3];
        let size = self.program.workgroup_size;
        for axis in 0..3 {
            let count = u64::from(self.grid[axis]) * u64::from(size[axis]);
            let share = (0.5 + number as f64 * STEPS[axis]).fract();
            self.place[axis] = ((share * count as f64) as u64).min(count.saturating_sub(1));
        }
        self.values.fill(None);
        (self.weight, self.steps) = (1.0, 0);
        self.each = Each::default();
        self.watches.clear();
        self.block(&self.program.body);
        std::mem::take(&mut self.each)
    }

    fn known(&self, value: Value) -> Option<Known> {
        self.values[value.0 as usize]
    }

    fn all(&self, values: &[Value]) -> Values {
        values.iter().map(|&value| self.known(value)).collect()
    }

    fn assign(&mut self, names: &[Value], values: &Values) {
        for (place, name) in names.iter().enumerate() {
            self.values[name.0 as usize] = values.get(place).copied().flatten();
        }
    }

    fn block(&mut self, block: &Block) -> Flow {
        for stmt in &block.stmts {
            if let Some(flow) = self.stmt(stmt) {
                return flow;
            }
        }
        match &block.end {
            End::Yield(values) => Flow::Yield(self.all(values)),
            End::Break(label, values) => Flow::Break(*label, self.all(values)),
            End::Return | End::Unreachable => Flow::Return,
        }
    }

    /// Follows a statement; gives where control goes unless that is the next one.
    fn stmt(&mut self, stmt: &Stmt) -> Option<Flow> {
        self.steps += 1;
        match stmt {
            Stmt::Let(value) => {
                self.spend(*value);
                self.values[value.0 as usize] = self.eval(*value);
                None
            }
            Stmt::Store { address, value } => {
                self.access(address, self.program.ty(*value));
                None
            }
            Stmt::Clear(memory) => {
                if let Space::Private { bytes } = self.program.memory(*memory).space {
                    self.each.operations += self.weight * f64::from(bytes) / 16.0;
                }
                None
            }
            Stmt::Barrier(_) => {
                self.each.operations += self.weight * BARRIER;
                None
            }
            Stmt::If { cond, accept, reject, results } => self.branch(*cond, accept, reject, results),
            Stmt::Loop { label, params, inits, body, results } => {
                let inits = self.all(inits);
                self.repeat(*label, params, inits, body, results)
            }
            Stmt::Scope { label, body, results } => match self.block(body) {
                Flow::Yield(values) => self.go_on(results, &values),
                Flow::Break(to, values) if to == *label => self.go_on(results, &values),
                flow => Some(flow),
            },
        }
    }

    fn go_on(&mut self, results: &[Value], values: &Values) -> Option<Flow> {
        self.assign(results, values);
        None
    }

    fn branch(&mut self, cond: Value, accept: &Block, reject: &Block, results: &[Value]) -> Option<Flow> {
        self.watch(cond, accept, reject);
        let flow = match self.known(cond) {
            Some(known) => {
                self.decided |= known.words;
                self.block(if known.bits != 0 { accept } else { reject })
            }
            None => {
                let weight = self.weight;
                self.weight = 0.5 * weight;
                let flows = (self.block(accept), self.block(reject));
                self.weight = weight;
                match flows {
                    (Flow::Yield(a), Flow::Yield(b)) => Flow::Yield(merged(a, &b)),
                    // Who may leave is taken to stay.
                    (Flow::Yield(values), _) | (_, Flow::Yield(values)) => Flow::Yield(values),
                    (Flow::Break(a, first), Flow::Break(b, second)) if a == b => Flow::Break(a, merged(first, &second)),
                    (leaves @ Flow::Break(..), _) | (_, leaves) => leaves,
                }
            }
        };
        match flow {
            Flow::Yield(values) => self.go_on(results, &values),
            flow => Some(flow),
        }
    }

    /// Notes what decides whether the innermost loop ends, where a branch does.
    fn watch(&mut self, cond: Value, accept: &Block, reject: &Block) {
        let Some(watch) = self.watches.last() else { return };
        let leaves = |block: &Block| {
            matches!(block.end, End::Break(label, _) if label == watch.label)
                || (self.watches.len() == 1 && matches!(block.end, End::Return))
        };
        if !leaves(accept) && !leaves(reject) {
            return;
        }
        // Several conditions may be one: each of them may end it.
        let mut conditions = vec![cond];
        while let Some(cond) = conditions.pop() {
            let (is_known, program) = (self.known(cond).is_some(), self.program);
            let operands = match program.def(cond).op {
                Op::Unary(Unary::Not, inner) => {
                    conditions.push(inner);
                    continue;
                }
                Op::Binary(Binary::And | Binary::Or, a, b) => {
                    conditions.extend([a, b]);
                    continue;
                }
                Op::Binary(binary, a, b) if binary.is_comparison() => {
                    let ty = program.ty(a);
                    self.known(a).zip(self.known(b)).map(|(a, b)| (binary, ty, a.bits, b.bits))
                }
                _ => None,
            };
            if let Some(watch) = self.watches.last_mut() {
                watch.see(cond, is_known, operands);
            }
        }
    }

    fn repeat(
        &mut self,
        label: Label,
        params: &[Value],
        mut inits: Values,
        body: &Block,
        results: &[Value],
    ) -> Option<Flow> {
        let most = FOLLOWED[self.watches.len().min(FOLLOWED.len() - 1)];
        // Iterations are counted by themselves: beside large numbers small ones would vanish.
        let outside = std::mem::take(&mut self.each);
        let (mut first, mut behind) = (Each::default(), Each::default());
        self.watches.push(Watch::new(label));
        let mut followed = 0;
        let mut times = 1.0;
        let flow = loop {
            self.assign(params, &inits);
            let flow = self.block(body);
            let iteration = std::mem::take(&mut self.each);
            if followed == 0 {
                first = iteration
            } else {
                behind.add(&iteration, 1.0)
            }
            followed += 1;
            match flow {
                Flow::Yield(values) => inits = values,
                Flow::Break(to, values) if to == label => break self.go_on(results, &values),
                flow => break Some(flow),
            }
            let is_tired = self.steps > PATIENCE && followed > 2;
            if followed >= most || is_tired || (followed >= UNKNOWN_TRIPS && self.ends_unknown()) {
                // The iterations that are left are like those behind the first.
                let left = self.watches.last().and_then(Watch::left);
                self.is_guessed |= left.is_none();
                let left = left.unwrap_or(f64::from(UNKNOWN_TRIPS.saturating_sub(followed)));
                times += left / f64::from(followed - 1).max(1.0);
                break self.go_on(results, &Vec::new());
            }
        };
        self.watches.pop();
        self.each = outside;
        self.each.add(&first, 1.0);
        self.each.add(&behind, times);
        flow
    }

    fn ends_unknown(&self) -> bool {
        self.watches.last().is_none_or(|watch| watch.left().is_none())
    }

    /// Counts what computing a value takes.
    fn spend(&mut self, value: Value) {
        let def = self.program.def(value);
        let share = match def.uniformity {
            Uniformity::Varying => 1.0,
            // Once for all of a dispatch.
            Uniformity::Dispatch if self.watches.is_empty() => 0.0,
            // Once for some invocations together, wherever that is.
            Uniformity::Dispatch | Uniformity::Workgroup => 0.25,
        };
        self.each.operations += self.weight * share * operations(self.program, def.ty, &def.op);
        self.spend_access(value, share);
    }

    fn spend_access(&mut self, value: Value, share: f64) {
        let def = self.program.def(value);
        let weight = self.weight;
        self.weight = share * weight;
        match &def.op {
            Op::Load(address) | Op::UniformLoad(address) => self.access(address, def.ty),
            Op::Atomic(atomic) => {
                let storage = matches!(self.program.memory(atomic.address.mem).space, Space::Storage { .. });
                if storage && !matches!(atomic.fun, AtomicFun::Load | AtomicFun::Store) {
                    self.each.atomics += self.weight;
                }
                self.access(&atomic.address, def.ty);
            }
            _ => {}
        }
        self.weight = weight;
    }

    fn access(&mut self, address: &Address, ty: Type) {
        let memory = self.program.memory(address.mem);
        match memory.space {
            Space::Storage { binding, .. } => {
                self.each.accesses += self.weight;
                self.each.touch(binding, self.weight * f64::from(memory.bytes_of(ty)));
            }
            Space::Uniform { .. } => {}
            Space::Workgroup { .. } | Space::Private { .. } | Space::Constant => self.each.accesses += self.weight,
        }
    }

    /// What a value is, if that is known.
    fn eval(&mut self, value: Value) -> Option<Known> {
        let program = self.program;
        let def = program.def(value);
        let plain = |bits: u32| Some(Known { bits, words: 0 });
        match &def.op {
            Op::Const(bits) => plain(*bits),
            Op::Builtin(builtin) => plain(self.builtin(*builtin)),
            Op::Unary(op, a) => {
                let a = self.known(*a)?;
                Some(Known { bits: fold::unary(*op, def.ty, a.bits), ..a })
            }
            Op::Binary(op, a, b) => {
                let ty = program.ty(*a);
                let (a, b) = (self.known(*a)?, self.known(*b)?);
                Some(Known { bits: fold::binary(*op, ty, a.bits, b.bits), words: a.words | b.words })
            }
            Op::Fma(a, b, c) => {
                let (a, b, c) = (self.known(*a)?, self.known(*b)?, self.known(*c)?);
                Some(Known { bits: fold::fma(a.bits, b.bits, c.bits), words: a.words | b.words | c.words })
            }
            Op::Select { cond, accept, reject } => {
                let cond = self.known(*cond)?;
                let chosen = self.known(if cond.bits != 0 { *accept } else { *reject })?;
                Some(Known { words: cond.words | chosen.words, ..chosen })
            }
            Op::Convert(a) => {
                let known = self.known(*a)?;
                Some(Known { bits: fold::convert(program.ty(*a), def.ty, known.bits), ..known })
            }
            Op::Bitcast(a) => self.known(*a),
            Op::Load(address) | Op::UniformLoad(address) => self.load(address, def.ty),
            Op::ArrayLength(memory) => self.length(*memory).and_then(plain),
            Op::Atomic(_) | Op::Subgroup(..) | Op::Shuffle(..) | Op::Phi => None,
        }
    }

    /// What stands in a uniform or in a constant table.
    fn load(&mut self, address: &Address, ty: Type) -> Option<Known> {
        let mut byte = address.offset;
        let mut words = 0;
        for term in &address.terms {
            let index = self.known(term.index)?;
            words |= index.words;
            byte = byte.checked_add(index.bits.checked_mul(term.stride)?)?;
        }
        let memory = self.program.memory(address.mem);
        match memory.space {
            Space::Uniform { binding } if ty != Type::F16 => {
                let bits = self.numbers.word(binding, byte)?;
                let word = (binding, byte, bits);
                let at = self.words.iter().position(|known| *known == word).unwrap_or_else(|| {
                    self.words.push(word);
                    self.words.len() - 1
                });
                Some(Known { bits, words: words | bit(at) })
            }
            Space::Constant => memory.data.get(byte as usize / 4).map(|&bits| Known { bits, words }),
            _ => None,
        }
    }

    fn length(&self, memory: crate::ir::Mem) -> Option<u32> {
        let memory = self.program.memory(memory);
        let Space::Storage { binding, .. } = memory.space else { return None };
        let runtime = memory.runtime?;
        let bytes = self.numbers.bytes(binding)?.saturating_sub(u64::from(runtime.offset));
        u32::try_from(bytes / u64::from(runtime.stride.max(1))).ok()
    }

    fn builtin(&self, builtin: Builtin) -> u32 {
        let size = self.program.workgroup_size;
        let local = |axis: usize| (self.place[axis] % u64::from(size[axis].max(1))) as u32;
        let index = (local(2) * size[1] + local(1)) * size[0] + local(0);
        match builtin {
            Builtin::GlobalId(axis) => self.place[usize::from(axis)] as u32,
            Builtin::LocalId(axis) => local(usize::from(axis)),
            Builtin::LocalIndex => index,
            Builtin::WorkgroupId(axis) => {
                (self.place[usize::from(axis)] / u64::from(size[usize::from(axis)].max(1))) as u32
            }
            Builtin::NumWorkgroups(axis) => self.grid[usize::from(axis)],
            Builtin::SubgroupInvocationId => index % SUBGROUP_SIZE,
            Builtin::SubgroupId => index / SUBGROUP_SIZE,
        }
    }
}

fn merged(mut a: Values, b: &Values) -> Values {
    for (at, value) in a.iter_mut().enumerate() {
        let other = b.get(at).copied().flatten();
        *value =
            value.zip(other).filter(|(a, b)| a.bits == b.bits).map(|(a, b)| Known { words: a.words | b.words, ..a });
    }
    a
}

/// Operations that waiting for the others of a workgroup takes, for each of them.
const BARRIER: f64 = 4.0;

/// How many plain operations computing something takes, about.
fn operations(program: &Program, ty: Type, op: &Op) -> f64 {
    match op {
        Op::Const(_) | Op::Builtin(_) | Op::Phi | Op::ArrayLength(_) | Op::Bitcast(_) => 0.0,
        Op::Load(_) | Op::UniformLoad(_) | Op::Atomic(_) => 0.0,
        Op::Unary(Unary::Sqrt, _) => 6.0,
        Op::Unary(..) | Op::Fma(..) | Op::Select { .. } | Op::Convert(_) => 1.0,
        Op::Binary(Binary::Div | Binary::Rem, a, b) => match (program.ty(*a).is_float(), &program.def(*b).op) {
            (true, _) => 6.0,
            (false, Op::Const(_)) => 4.0,
            (false, _) => 16.0,
        },
        // Integers are mostly addresses, which are worked out for several lanes at once.
        Op::Binary(..) if ty.is_float() => 1.0,
        Op::Binary(..) => 0.5,
        Op::Subgroup(..) => 8.0,
        Op::Shuffle(..) => 2.0,
    }
}
