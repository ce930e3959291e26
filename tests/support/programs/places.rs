//! What is done to memory through more than a plain variable: pointers as arguments, also to memory that is shared, atomics
//! whose results are used, sums of floats, columns of matrices, arrays in arrays.

use super::{
    Generator, Variable,
    types::{
        Scalar::{Bool, F32, I32, U32},
        Type,
    },
};

/// What every program declares for it.
const DECLARATIONS: &str = "\
alias Row = array<i32, 3>;
override scale: u32 = 3u;
@id(7) override shift: i32 = -2;
var<private> scaled: u32 = scale;
var<private> shifted: i32 = shift * 2i;
const_assert 2u * 21u == 42u;
var<private> kept: u32 = 5u;
fn next(p: ptr<function, u32>, by: u32) -> u32 { let before = *p; *p = before * 3u + by; return before; }
fn keep(p: ptr<private, u32>, by: u32) -> u32 { *p ^= by; return *p >> 1u; }
fn turn(p: ptr<function, vec3f>, q: ptr<function, vec3f>) { let before = *p; *p = (*q).yzx; *q = before; }
fn touch(p: ptr<function, array<u32, 5>>, at: u32) -> u32 { (*p)[at % 6u] += at; return (*p)[(at + 1u) % 5u]; }
fn peek(p: ptr<storage, array<u32>>, at: u32) -> u32 { return (*p)[at % (arrayLength(p) + 1u)]; }
fn slot(p: ptr<uniform, array<vec4u, 3>>, at: u32) -> u32 { return (*p)[at % 4u].y; }
fn field(p: ptr<storage, Record>, at: u32) -> i32 { return (*p).b + i32(entry(&(*p).list, at)); }
fn entry(p: ptr<storage, array<u32, 3>>, at: u32) -> u32 { return (*p)[at % 4u]; }
fn bump(p: ptr<workgroup, atomic<u32>>, by: u32) -> u32 { return atomicAdd(p, by) ^ atomicLoad(p); }
fn given(p: ptr<immediate, Gift>) -> vec4f { return (*p).v; }
fn within(p: ptr<function, Pair>, by: i32) -> vec3f { (*p).a -= by; (*p).b.y += 1u; return (*p).v; }
";

impl Generator {
    pub(super) fn declare_places(&mut self) {
        DECLARATIONS.lines().for_each(|line| self.line(line));
        self.line(&format!("var<workgroup> own: array<atomic<u32>, {}>;", self.lanes));
        self.line(&format!("var<workgroup> own_signed: array<atomic<i32>, {}>;", self.lanes));
    }

    /// A matrix and arrays in an array, in every function.
    pub(super) fn local_places(&mut self) {
        self.line("var grid = mat3x3f(params.v.xyz, vec3f(1.0, 2.0, -3.0), vec3f(f32(at % 9u)));");
        self.line("var nest = array<Row, 4>(Row(1i, i32(at), -1i), Row(), Row(params.k, 2i, 3i), Row(7i, 8i, 9i));");
        let given = [("gift.n", U32.scalar()), ("gift.k", I32.scalar()), ("gift.f", F32.scalar())];
        let own = [("scaled", U32.scalar()), ("shifted", I32.scalar()), ("kept", U32.scalar())];
        for (name, ty) in own.into_iter().chain(given) {
            self.scope.push(Variable { name: name.into(), ty, assignable: false });
        }
    }

    /// What lies in the matrix or the arrays.
    pub(super) fn in_places(&mut self, ty: Type, depth: usize) -> Option<String> {
        let [i, j] = [self.expr(U32.scalar(), depth.min(1)), self.leaf(U32.scalar())];
        match (ty.scalar, ty.width) {
            (F32, 1) => Some(format!("grid[{i} % 4u][{j} % 3u]")),
            (F32, 3) if self.random.chance(50) => Some(format!("grid[{i} % 3u]")),
            (F32, 3) => {
                let product = format!("grid * {}", self.expr(ty, depth.min(1)));
                Some(if self.is_exact() { self.fit(ty, &product) } else { format!("({product})") })
            }
            (I32, 1) => Some(format!("nest[{i} % 5u][{j} % 4u]")),
            _ => None,
        }
    }

    /// A statement of this kind.
    pub(super) fn place(&mut self) {
        let [i, j] = [self.expr(U32.scalar(), 1), self.leaf(U32.scalar())];
        match self.random.below(18) {
            0 => self.named(U32.scalar(), |_| format!("next(&a_u1, {i})")),
            1 => self.named(U32.scalar(), |_| format!("keep(&kept, {i})")),
            2 => self.line("turn(&a_f3, &c_f3);"),
            3 => self.named(U32.scalar(), |_| format!("touch(&list, {i})")),
            4 => self.named(F32.vector(3), |s| format!("within(&pair, {})", s.leaf(I32.scalar()))),
            5 => {
                let column = self.expr(F32.vector(3), 2);
                self.line(&format!("grid[{i} % 4u] = {column};"));
            }
            6 => {
                let value = self.expr(F32.scalar(), 2);
                self.line(&format!("grid[{i} % 3u][{j} % 4u] = {value};"));
            }
            7 => {
                let value = self.expr(I32.scalar(), 2);
                let op = self.random.pick(&["", "+", "^"]);
                self.line(&format!("nest[{i} % 5u][{j} % 3u] {op}= {value};"));
            }
            8 => self.line(&format!("nest[{i} % 4u] = nest[{j} % 4u];")),
            9 => {
                let (name, by) = (self.random.pick(&["a_u1", "c_u1"]), self.random.pick(&["++", "--", ">>=", "<<="]));
                let amount = if by.ends_with('=') { format!(" {j}") } else { String::new() };
                self.line(&format!("{name}{by}{amount};"));
            }
            10 => {
                let value = self.expr(F32.vector(4), 2);
                self.line(&format!("_ = {value};"));
            }
            11 => self.named(U32.scalar(), |_| format!("peek(&words, {i})")),
            12 => self.named(U32.scalar(), |_| format!("slot(&params.table, {i})")),
            13 => self.named(I32.scalar(), |_| format!("field(&records[{i} % (arrayLength(&records) + 1u)], {j})")),
            14 => self.named(F32.vector(4), |_| "given(&gift)".into()),
            // Whole numbers, whose sums are exact in any order.
            15 if !self.is_exact() => {
                let op = self.random.pick(&["Add", "Sub"]);
                self.line(&format!("atomic{op}(&float_sums[{i} % 5u], f32({j} % 64u));"));
            }
            16 if self.in_main => self.named(U32.scalar(), |_| format!("bump(&own[lane], {i})")),
            _ if self.in_main => self.own_atomic(),
            _ => self.named(U32.scalar(), |_| format!("next(&c_u1, {i})")),
        }
    }

    /// A value with a name of its own.
    fn named(&mut self, ty: Type, value: impl FnOnce(&mut Self) -> String) {
        let value = value(self);
        let name = self.fresh("v");
        self.line(&format!("let {name} = {value};"));
        self.scope.push(Variable { name, ty, assignable: false });
    }

    /// On an atomic that no other invocation touches, so that its results are known.
    fn own_atomic(&mut self) {
        let (memory, scalar) = self.random.pick(&[("own", U32), ("own_signed", I32)]);
        let ty = scalar.scalar();
        let value = self.expr(ty, 2);
        match self.random.below(10) {
            0 => self.line(&format!("atomicStore(&{memory}[lane], {value});")),
            1 => self.named(ty, |_| format!("atomicLoad(&{memory}[lane])")),
            2 | 3 => {
                let comparand = self.expr(ty, 1);
                let name = self.fresh("w");
                self.line(&format!("let {name} = atomicCompareExchangeWeak(&{memory}[lane], {comparand}, {value});"));
                for (part, ty) in [("old_value", ty), ("exchanged", Bool.scalar())] {
                    self.scope.push(Variable { name: format!("{name}.{part}"), ty, assignable: false });
                }
            }
            _ => {
                let ops = ["Exchange", "Add", "Sub", "Max", "Min", "And", "Or", "Xor"];
                let op = self.random.pick(&ops);
                self.named(ty, |_| format!("atomic{op}(&{memory}[lane], {value})"));
            }
        }
    }
}
