//! Every operation on special values, in every shape of its operands.

use super::*;
use crate::ir::{
    Address, Binary, Builtin, End, IndexBound, Mem, Memory, Origin, RuntimeArray, Space, Stmt, Term, Type, Unary,
    Value, build::Builder, fold,
};

const FLOATS: [f32; 27] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    2.5,
    -2.5,
    3.0,
    0.1,
    -7.75,
    65504.0,
    65520.0,
    6e-8,
    3e-8,
    1e-40,
    f32::MIN_POSITIVE,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    2147483648.0,
    -2147483648.0,
    4294967296.0,
    8388609.0,
    1e30,
];

const INTS: [u32; 21] = [
    0,
    1,
    2,
    3,
    5,
    7,
    8,
    31,
    32,
    33,
    255,
    65535,
    0x7fff_fffe,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_ff00,
    0xffff_fffd,
    0xffff_fffe,
    0xffff_ffff,
    123_456_789,
];

const UNARY: [Unary; 13] = [
    Unary::Neg,
    Unary::Abs,
    Unary::Not,
    Unary::Sqrt,
    Unary::Floor,
    Unary::Ceil,
    Unary::Trunc,
    Unary::Round,
    Unary::QuantizeF16,
    Unary::CountOnes,
    Unary::CountLeadingZeros,
    Unary::CountTrailingZeros,
    Unary::ReverseBits,
];

const BINARY: [Binary; 18] = [
    Binary::Add,
    Binary::Sub,
    Binary::Mul,
    Binary::Div,
    Binary::Rem,
    Binary::Min,
    Binary::Max,
    Binary::And,
    Binary::Or,
    Binary::Xor,
    Binary::Shl,
    Binary::Shr,
    Binary::Eq,
    Binary::Ne,
    Binary::Lt,
    Binary::Le,
    Binary::Gt,
    Binary::Ge,
];

fn specials(ty: Type) -> Vec<u32> {
    match ty {
        Type::F32 => FLOATS.map(f32::to_bits).to_vec(),
        Type::F16 => FLOATS.map(|x| fold::round_f16(x).to_bits()).to_vec(),
        Type::I32 | Type::U32 => INTS.to_vec(),
        Type::Bool => vec![0, !0],
    }
}

fn has_unary(op: Unary, ty: Type) -> bool {
    use Unary::*;
    match op {
        Neg => ty != Type::Bool && ty != Type::U32,
        Abs => ty != Type::Bool,
        Not => !ty.is_float(),
        Sqrt | Floor | Ceil | Trunc | Round => ty.is_float(),
        QuantizeF16 => ty == Type::F32,
        CountOnes | CountLeadingZeros | CountTrailingZeros | ReverseBits => matches!(ty, Type::I32 | Type::U32),
    }
}

fn has_binary(op: Binary, ty: Type) -> bool {
    use Binary::*;
    match op {
        Add | Sub | Mul | Div | Min | Max | Lt | Le | Gt | Ge => ty != Type::Bool,
        Eq | Ne => true,
        And | Or | Xor => !ty.is_float(),
        Rem | Shl | Shr => matches!(ty, Type::I32 | Type::U32),
    }
}

/// Where an operand comes from: an element of its own for each lane, or the same for all.
#[derive(Clone, Copy, PartialEq)]
enum From {
    Lane,
    Element(u32),
}

/// A program that computes `output[i] = op(inputs[i], ...)`. Types narrower than memory go through `U32`.
struct OpTest {
    b: Builder,
    lane: Value,
    inputs: u32,
}

impl OpTest {
    fn new(inputs: u32) -> Self {
        let mut b = Builder::new();
        let runtime = Some(RuntimeArray { offset: 0, stride: 4 });
        for binding in 0..=inputs as usize {
            let space = Space::Storage { binding, writable: binding == inputs as usize };
            b.memory(Memory { name: format!("m{binding}"), space, runtime, data: Vec::new() });
        }
        let lane = b.builtin(Builtin::GlobalId(0));
        OpTest { b, lane, inputs }
    }

    fn address(&mut self, mem: u32, index: Value) -> Address {
        let terms = vec![Term { index, stride: 4, bound: IndexBound::Runtime }];
        Address { mem: Mem(mem), offset: 0, terms, origin: Origin::default(), id: Default::default() }
    }

    fn input(&mut self, number: u32, from: From, ty: Type) -> Value {
        let index = match from {
            From::Lane => self.lane,
            From::Element(element) => self.b.u32(element),
        };
        let address = self.address(number, index);
        // A half travels as the single float that it is held in; a bool as a word.
        let raw = self.b.load(
            if ty == Type::F16 {
                Type::F32
            } else if ty == Type::Bool {
                Type::U32
            } else {
                ty
            },
            address,
        );
        self.b.convert(ty, raw)
    }

    fn run(mut self, result: Value, inputs: &[Vec<u32>]) -> Vec<u32> {
        let to = match self.b.ty(result) {
            Type::F16 => Type::F32,
            Type::Bool => Type::U32,
            ty => ty,
        };
        let value = self.b.convert(to, result);
        let address = self.address(self.inputs, self.lane);
        self.b.push(Stmt::Store { address, value });
        let program = self.b.finish("op".to_owned(), [64, 1, 1], End::Yield(Vec::new()));
        let lanes = inputs[0].len();
        let mut bindings = inputs.to_vec();
        bindings.push(vec![0xdead_beef; lanes]);
        run_program(&program, [lanes.div_ceil(64) as u32, 1, 1], &mut bindings, 1);
        bindings.pop().expect("the output")
    }
}

fn same(ty: Type, got: u32, want: u32) -> bool {
    let nan = |bits| f32::from_bits(bits).is_nan();
    let want = if ty == Type::Bool { want & 1 } else { want };
    got == want || ty.is_float() && nan(got) && nan(want)
}

#[test]
fn unary_operations() {
    for ty in [Type::F32, Type::F16, Type::I32, Type::U32, Type::Bool] {
        for op in UNARY.into_iter().filter(|op| has_unary(*op, ty)) {
            let values = specials(ty);
            let check = |got: u32, a: u32, shape: &str| {
                let want = fold::unary(op, ty, a);
                assert!(same(ty, got, want), "{op:?} {ty:?} {shape} of {a:#x}: {got:#x}, not {want:#x}");
            };
            let mut t = OpTest::new(1);
            let a = t.input(0, From::Lane, ty);
            let r = t.b.unary(op, a);
            for (got, a) in t.run(r, std::slice::from_ref(&values)).iter().zip(&values) {
                check(*got, *a, "row");
            }
            for (element, a) in values.iter().enumerate() {
                let mut t = OpTest::new(1);
                let operand = t.input(0, From::Element(element as u32), ty);
                let r = t.b.unary(op, operand);
                check(t.run(r, std::slice::from_ref(&values))[0], *a, "uniform");
            }
        }
    }
}

#[test]
fn binary_operations() {
    for ty in [Type::F32, Type::F16, Type::I32, Type::U32, Type::Bool] {
        for op in BINARY.into_iter().filter(|op| has_binary(*op, ty)) {
            let result = if op.is_comparison() { Type::Bool } else { ty };
            let check = |got: u32, a: u32, b: u32, shape: &str| {
                let want = fold::binary(op, ty, a, b);
                assert!(same(result, got, want), "{op:?} {ty:?} {shape} of {a:#x}, {b:#x}: {got:#x}, not {want:#x}");
            };
            let values = specials(ty);
            let n = values.len();
            // Every pair.
            let first: Vec<u32> = (0..n * n).map(|i| values[i / n]).collect();
            let second: Vec<u32> = (0..n * n).map(|i| values[i % n]).collect();
            let mut t = OpTest::new(2);
            let (a, b) = (t.input(0, From::Lane, ty), t.input(1, From::Lane, ty));
            let r = t.b.binary(op, a, b);
            for (i, got) in t.run(r, &[first.clone(), second.clone()]).iter().enumerate() {
                check(*got, first[i], second[i], "row, row");
            }
            for (element, one) in values.iter().enumerate() {
                for (from_a, from_b) in
                    [(From::Lane, From::Element(element as u32)), (From::Element(element as u32), From::Lane)]
                {
                    let mut t = OpTest::new(2);
                    let (a, b) = (t.input(0, from_a, ty), t.input(1, from_b, ty));
                    let r = t.b.binary(op, a, b);
                    for (got, other) in t.run(r, &[values.clone(), values.clone()]).iter().zip(&values) {
                        let (a, b) = if from_a == From::Lane { (*other, *one) } else { (*one, *other) };
                        check(*got, a, b, "row, uniform");
                    }
                }
                for (second, other) in values.iter().enumerate().step_by(3) {
                    let mut t = OpTest::new(2);
                    let a = t.input(0, From::Element(element as u32), ty);
                    let b = t.input(1, From::Element(second as u32), ty);
                    let r = t.b.binary(op, a, b);
                    check(t.run(r, &[values.clone(), values.clone()])[0], *one, *other, "uniform, uniform");
                }
            }
        }
    }
}

/// Indices with simple shapes: ramps that grow, fall, stand at the edges of the number range, and wrap.
#[test]
fn binary_operations_on_ramps() {
    let lanes = 70;
    let mut checked = 0;
    for ty in [Type::U32, Type::I32] {
        for op in BINARY.into_iter().filter(|op| has_binary(*op, ty)) {
            let result = if op.is_comparison() { Type::Bool } else { ty };
            for base in INTS {
                for step in [1u32, 3, u32::MAX, 0x4000_0000] {
                    for number in
                        [0u32, 1, 7, 40, 63, 64, 128, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, base, base.wrapping_add(9)]
                    {
                        for swapped in [false, true] {
                            let mut t = OpTest::new(1);
                            let constants = [base, step].map(|x| t.b.u32(x));
                            let grown = t.b.mul(t.lane, constants[1]);
                            let ramp = t.b.add(grown, constants[0]);
                            let a = t.b.bitcast(ty, ramp);
                            // From memory, or the builder would fold it away.
                            let b = t.input(0, From::Element(0), ty);
                            let r = if swapped { t.b.binary(op, b, a) } else { t.b.binary(op, a, b) };
                            let got = t.run(r, &[vec![number; lanes]]);
                            for (lane, got) in got.iter().enumerate() {
                                let a = base.wrapping_add(step.wrapping_mul(lane as u32));
                                let (x, y) = if swapped { (number, a) } else { (a, number) };
                                let want = fold::binary(op, ty, x, y);
                                assert!(
                                    same(result, *got, want),
                                    "{op:?} {ty:?} {x:#x}, {y:#x} in lane {lane}: {got:#x}, not {want:#x}"
                                );
                                checked += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(checked > 100_000);
}

#[test]
fn operations_on_two_ramps_and_on_comparisons_of_them() {
    let wgsl = "
        @group(0) @binding(0) var<storage, read> p: array<u32>;
        @group(0) @binding(1) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
            let i = id.x;
            let a = i * p[0] + p[1];
            let b = p[2] - i * p[3];
            let below = i < p[4];
            let above = i >= p[5];
            let other = a < p[6];
            var r = (a + b) ^ (a - b) ^ min(a, b) * 3u;
            r += select(5u, 9u, below && above) + select(7u, 100u, below || above);
            r += select(11u, 1000u, below && other) + select(a, b, above || other) + select(b, a, !below);
            r += select(p[0], p[1], below == above) + u32(below) + u32(above != other) * 17u;
            out[i] = r + ~a + (a & b) + (a & 31u) + ((~a) >> 3u) + a / 77u + b % 1000u;
        }";
    for seed in 1..60 {
        let mut params: Vec<u32> = noise(7, seed * 77).iter().map(|x| x % 1000).collect();
        if seed % 5 == 0 {
            params[1] = u32::MAX - 300;
        }
        compare(wgsl, [9, 1, 1], &mut [params, vec![0; 9 * 64]]);
    }
}

#[test]
fn conversions() {
    for from in [Type::F32, Type::F16, Type::I32, Type::U32, Type::Bool] {
        for to in [Type::F32, Type::F16, Type::I32, Type::U32, Type::Bool] {
            let mut values = specials(from);
            if from == Type::F32 {
                let more =
                    [2147483520.0f32, 4294967040.0, -0.9, -1.1, 1e-3, 2049.0, 2051.0, f32::from_bits(0xffc1_2345)];
                values.extend(more.map(f32::to_bits));
            }
            let mut t = OpTest::new(1);
            let a = t.input(0, From::Lane, from);
            let r = t.b.convert(to, a);
            for (got, a) in t.run(r, std::slice::from_ref(&values)).iter().zip(&values) {
                let want = fold::convert(from, to, *a);
                assert!(same(to, *got, want), "{from:?} to {to:?} of {a:#x}: {got:#x}, not {want:#x}");
            }
        }
    }
}

#[test]
fn fused_multiply_add_in_every_shape() {
    let values = specials(Type::F32);
    let n = values.len();
    let pick = |stride: usize| -> Vec<u32> { (0..n * n).map(|i| values[(i / stride + i) % n]).collect() };
    let columns = [pick(1), pick(n), pick(5)];
    for shape in 0..8 {
        let from = [0, 1, 2].map(|bit| if shape >> bit & 1 == 1 { From::Element(10 + bit) } else { From::Lane });
        let mut t = OpTest::new(3);
        let [a, b, c] = [0, 1, 2].map(|i| t.input(i, from[i as usize], Type::F32));
        let r = t.b.fma(a, b, c);
        let got = t.run(r, &columns);
        for (lane, got) in got.iter().enumerate() {
            let [a, b, c] = [0, 1, 2].map(|i: usize| match from[i] {
                From::Lane => f32::from_bits(columns[i][lane]),
                From::Element(e) => f32::from_bits(columns[i][e as usize]),
            });
            let want = a.mul_add(b, c).to_bits();
            assert!(same(Type::F32, *got, want), "{a:e} * {b:e} + {c:e}, shape {shape}");
        }
    }
}

/// The rules that the IR pins down, in numbers, apart from any table.
#[test]
fn the_pinned_down_cases() {
    let one = |ty: Type, op: Binary, a: u32, b: u32| {
        let mut t = OpTest::new(2);
        let (x, y) = (t.input(0, From::Lane, ty), t.input(1, From::Lane, ty));
        let r = t.b.binary(op, x, y);
        t.run(r, &[vec![a], vec![b]])[0]
    };
    let f = |op, a: f32, b: f32| f32::from_bits(one(Type::F32, op, a.to_bits(), b.to_bits()));
    let i = |op, a: i32, b: i32| one(Type::I32, op, a as u32, b as u32) as i32;
    assert_eq!(f(Binary::Min, f32::NAN, 3.0), 3.0);
    assert_eq!(f(Binary::Min, 3.0, f32::NAN), 3.0);
    assert_eq!(f(Binary::Max, f32::NAN, -3.0), -3.0);
    assert_eq!(f(Binary::Max, -3.0, f32::NAN), -3.0);
    assert_eq!(f(Binary::Min, 0.0, -0.0).to_bits(), 0);
    assert_eq!(f(Binary::Max, -0.0, 0.0).to_bits(), 0x8000_0000);
    assert_eq!(f(Binary::Div, 1.0, 0.0), f32::INFINITY);
    assert_eq!(i(Binary::Div, 17, 0), 17);
    assert_eq!(i(Binary::Rem, 17, 0), 0);
    assert_eq!(i(Binary::Div, i32::MIN, -1), i32::MIN);
    assert_eq!(i(Binary::Rem, i32::MIN, -1), 0);
    assert_eq!(i(Binary::Rem, -7, 3), -1);
    assert_eq!(i(Binary::Div, -7, 2), -3);
    assert_eq!(i(Binary::Shr, -8, 33), -4);
    assert_eq!(i(Binary::Shl, 1, 32), 1);
    assert_eq!(one(Type::U32, Binary::Div, u32::MAX, 1), u32::MAX);
    assert_eq!(one(Type::U32, Binary::Rem, u32::MAX, 10), 5);
    // A product of halves rounds to a half: 1.001 * 1.001.
    let near_one = 1.0 + 1.0 / 1024.0;
    let product = f32::from_bits(one(Type::F16, Binary::Mul, f32::to_bits(near_one), f32::to_bits(near_one)));
    assert_eq!(product, 1.0 + 2.0 / 1024.0);
}

#[test]
fn division_is_exact_everywhere() {
    let wgsl = "
        @group(0) @binding(0) var<storage, read> a: array<u32>;
        @group(0) @binding(1) var<storage, read> b: array<u32>;
        @group(0) @binding(2) var<storage, read_write> out: array<vec4u>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
            let i = id.x;
            out[i] = vec4u(a[i] / b[i], a[i] % b[i], bitcast<u32>(bitcast<i32>(a[i]) / bitcast<i32>(b[i])),
                bitcast<u32>(bitcast<i32>(a[i]) % bitcast<i32>(b[i])));
        }";
    let n = 1 << 16;
    let mut a = noise(n, 3);
    let mut b = noise(n, 99);
    for i in 0..n {
        b[i] >>= i % 32;
        // Quotients that are just short of a whole number.
        if i % 2 == 0 && b[i] > 0 {
            a[i] = (a[i] / b[i]).wrapping_mul(b[i]).wrapping_sub(1);
        }
    }
    let mut bindings = [a.clone(), b.clone(), vec![0; 4 * n]];
    dispatch(wgsl, [n as u32 / 64, 1, 1], &mut bindings);
    for i in 0..n {
        let (x, y) = (a[i], b[i]);
        let (sx, sy) = (x as i32, y as i32);
        let want = match y {
            0 => [x, 0, x, 0],
            _ => [x / y, x % y, sx.wrapping_div(sy) as u32, sx.wrapping_rem(sy) as u32],
        };
        assert_eq!(bindings[2][4 * i..4 * i + 4], want, "{x} by {y}");
    }
}
