//! How often the loops of an invocation go round at most.

use super::{
    Analyzer, Numbers,
    form::Range,
    walk::{Loop, Next},
};
use crate::{
    ir::{Binary, End, Op, Type},
    kernel::Kernel,
};

/// The iterations of all loops that an invocation comes by, counted while its program is walked.
#[derive(Clone, Copy, Debug)]
pub struct Iterations {
    /// How often control comes to the current place at most.
    here: u64,
    all: u64,
    may_wrap: bool,
}

impl Default for Iterations {
    fn default() -> Self {
        Iterations { here: 1, all: 0, may_wrap: false }
    }
}

impl Iterations {
    /// Goes into a loop that goes round so often, the last time included, in which it is left; gives what
    /// [`leave`](Self::leave) takes.
    pub fn enter(&mut self, most: u64) -> u64 {
        let outside = self.here;
        self.here = outside.saturating_mul(most);
        self.all = self.all.saturating_add(self.here);
        outside
    }

    pub fn leave(&mut self, outside: u64) {
        self.here = outside;
    }

    /// The counter of a loop may wrap around.
    pub fn note_wrap(&mut self) {
        self.may_wrap = true;
    }
}

impl<'a> Analyzer<'a> {
    /// The number of the last iteration of a loop one of whose parameters is multiplied, or divided until it is zero, by what
    /// its parameters are known to do.
    pub(super) fn most_by_factors(&mut self, loop_: &Loop<'a>, induction: &[(Range, Next)]) -> Option<i128> {
        let mut least: Option<i128> = None;
        for (at, (range, next)) in induction.iter().enumerate() {
            let start = self.known.bound(&loop_.starts[at]);
            let most = match next.factor {
                Some(factor) if factor >= 2 && start.lo >= 1 => Some(logarithm(factor, range.hi / start.lo)),
                _ => match self.divisor(loop_, at) {
                    Some(by) if range.lo >= 0 && self.ends_at_zero(loop_, induction, at) => {
                        Some(logarithm(by, start.hi) + 1)
                    }
                    _ => None,
                },
            };
            least = least.into_iter().chain(most).min();
        }
        least
    }

    /// What an iteration divides a parameter by, if it does nothing else with it.
    pub(super) fn divisor(&self, loop_: &Loop<'a>, at: usize) -> Option<i128> {
        let i = loop_.tracked[at];
        let End::Yield(values) = &loop_.body.end else { return None };
        let Op::Binary(op, a, b) = self.program.def(*values.get(i)?).op else { return None };
        let Op::Const(bits) = self.program.def(b).op else { return None };
        let by = match op {
            Binary::Div if self.program.ty(b) == Type::I32 => i128::from(bits as i32),
            Binary::Div => i128::from(bits),
            Binary::Shr => 1 << (bits % 32),
            _ => return None,
        };
        (a == loop_.params[i] && by >= 2).then_some(by)
    }

    /// Whether no iteration follows one in which a parameter is zero.
    fn ends_at_zero(&mut self, loop_: &Loop<'a>, induction: &[(Range, Next)], at: usize) -> bool {
        let windows: Vec<Range> =
            loop_.tracked.iter().map(|&i| Range::window(self.program.ty(loop_.params[i]) == Type::I32)).collect();
        let mut ranges: Vec<Range> = induction.iter().map(|(range, _)| *range).collect();
        ranges[at] = Range::only(0);
        self.probe(loop_, &ranges, &windows).is_none()
    }
}

/// The greatest exponent to which `base` is no more than `number`.
fn logarithm(base: i128, number: i128) -> i128 {
    std::iter::successors(Some(number), |left| Some(left / base)).skip(1).take_while(|left| *left >= 1).count() as i128
}

/// What can be said of the loops of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoopBounds {
    /// How often all loops of an invocation together go round at most, the times included in which they are left; also those
    /// of invocations that run in step, where all wait for the one that takes longest. Nothing where that is not known.
    pub iterations: Option<u64>,
    /// Whether a counter may wrap around.
    pub may_wrap: bool,
}

impl LoopBounds {
    const UNKNOWN: LoopBounds = LoopBounds { iterations: None, may_wrap: true };
}

impl Kernel {
    /// What can be said of the kernel's loops in a call with these numbers.
    pub(crate) fn loop_bounds(&self, numbers: &Numbers<'_>) -> LoopBounds {
        let Ok(program) = self.program() else { return LoopBounds::UNKNOWN };
        if program.assumed.subgroup_size || program.assumed.float_rounding {
            // Another device may take another way through the kernel than this program does.
            return LoopBounds::UNKNOWN;
        }
        let mut analyzer = Analyzer::new(&program, numbers);
        analyzer.run();
        let Iterations { all, may_wrap, .. } = analyzer.iterations;
        LoopBounds { iterations: Some(all).filter(|&all| all < u64::MAX), may_wrap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::testing::kernel;

    /// The bounds of a kernel with this body, which has `n`, `x` of 1000 elements, and an index `i` below 256.
    fn bounds(body: &str) -> LoopBounds {
        let kernel = kernel(&format!(
            "@group(0) @binding(0) var<uniform> n: u32;
             @group(0) @binding(1) var<storage, read_write> x: array<u32>;
             fn sum(count: u32) -> u32 {{ var s = 0u; for (var k = 0u; k < count; k++) {{ s += x[k]; }} return s; }}
             @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) {{ let i = id.x; x[i] = n; {body} }}"
        ));
        let n = 10u32.to_ne_bytes();
        kernel.loop_bounds(&Numbers::new().with_workgroups([4, 1, 1]).with_uniform(0, 0, &n).with_bytes(1, 4000))
    }

    fn iterations(body: &str) -> Option<u64> {
        bounds(body).iterations
    }

    #[test]
    fn loops_that_count_are_bounded() {
        assert_eq!(iterations("x[i] = 1u;"), Some(0));
        // The last time round, it is left.
        assert_eq!(iterations("for (var k = 0u; k < 7u; k++) { x[i] += k; }"), Some(8));
        assert_eq!(iterations("for (var k = 0u; k < n; k++) { x[i] += k; }"), Some(11));
        assert_eq!(iterations("for (var k = 0u; k < arrayLength(&x); k += 10u) { x[i] += k; }"), Some(101));
        assert_eq!(iterations("for (var k = i32(n); k > 0; k--) { x[i] += u32(k); }"), Some(11));
        // Lanes run in step: the one that takes longest counts.
        assert_eq!(iterations("for (var k = 0u; k < i; k++) { x[i] += k; }"), Some(256));
        assert_eq!(iterations("x[i] = sum(3u) + sum(n);"), Some(4 + 11));
        let body = "for (var k = 0u; k < n; k++) { for (var m = 0u; m < 5u; m++) { x[i] += k * m; } } x[0] = sum(2u);";
        assert_eq!(iterations(body), Some(11 + 11 * 6 + 3));
        // Whatever ends it sooner.
        assert_eq!(iterations("for (var k = 0u; k < n; k++) { if x[k] == 3u { break; } x[i] += k; }"), Some(11));
        assert_eq!(iterations("loop { x[i] += 1u; break; }"), Some(1));
        assert_eq!(iterations("var k = 0u; loop { x[i] += 1u; continuing { k++; break if k >= n; } }"), Some(10));
    }

    #[test]
    fn loops_that_multiply_and_divide_are_bounded() {
        assert_eq!([logarithm(2, 1), logarithm(2, 7), logarithm(2, 8), logarithm(10, 999)], [0, 2, 3, 2]);
        // 32, 16, 8, 4, 2, 1, and 0, at which it is left.
        assert_eq!(iterations("for (var w = 32u; w > 0u; w /= 2u) { x[i] += w; }"), Some(7));
        assert_eq!(iterations("for (var w = n; w != 0u; w >>= 1u) { x[i] += w; }"), Some(5));
        assert_eq!(iterations("for (var w = x[i]; w > 0u; w /= 10u) { x[i] += 1u; }"), Some(11));
        assert_eq!(iterations("for (var w = i32(i); w > 0; w /= 2) { x[i] += 1u; }"), Some(9));
        // 1, 2, 4, 8, 16.
        assert_eq!(iterations("for (var s = 1u; s < n; s *= 2u) { x[i] += s; }"), Some(5));
        assert_eq!(iterations("for (var s = 3u; s < 100u; s <<= 2u) { x[i] += s; }"), Some(4));
        // It stays zero, or becomes zero.
        assert_eq!(iterations("for (var w = 32u; w < 64u; w /= 2u) { x[i] += w; }"), None);
        assert_eq!(iterations("for (var s = i; s < 64u; s *= 2u) { x[i] += s; }"), None);
        assert_eq!(iterations("for (var s = 1u; s != 0u; s *= 2u) { x[i] += s; }"), None);
    }

    #[test]
    fn others_are_not() {
        assert!(iterations("for (var k = 0u; k < x[i]; k++) { x[k] += 1u; }").is_none_or(|all| all > 1 << 31));
        assert_eq!(iterations("while x[i] != 0u { x[i] = x[i] / 2u; }"), None);
        assert_eq!(iterations("loop { if x[i] == 0u { return; } x[i] -= 1u; }"), None);
        assert_eq!(
            iterations("var k = i; while k != 1u { k = select(3u * k + 1u, k / 2u, k % 2u == 0u); } x[i] = k;"),
            None
        );
        assert_eq!(iterations("var f = 1.0; while f < 100.0 { f = f * 1.5; } x[i] = u32(f);"), None);
    }

    #[test]
    fn counters_that_wrap_are_known() {
        assert!(!bounds("for (var k = 0u; k < n; k++) { x[i] += k; }").may_wrap);
        assert!(!bounds("for (var k = 0u; k < x[i]; k++) { x[k] += 1u; }").may_wrap);
        assert!(bounds("for (var k = 5u; k < 10u; k -= 1u) { x[i] += k; }").may_wrap);
        assert!(bounds("for (var k = 4294967290u; k >= n; k++) { x[i] += k; }").may_wrap);
        assert!(bounds("for (var k = 2147483640; k > 0; k++) { x[i] += u32(k); }").may_wrap);
    }
}
