//! How often the loops of an invocation go round at most.

use super::{Analyzer, Numbers};
use crate::kernel::Kernel;

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
