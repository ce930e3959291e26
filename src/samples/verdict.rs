//! What verification found.

use std::fmt;

/// The judgement of a run: passed when every check passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What was checked, the most telling check first.
    pub checks: Vec<Check>,
}

impl Verdict {
    /// Whether every check passed.
    pub fn passed(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(Check::passed)
    }

    /// The check that is nearest to its tolerance, or furthest beyond it.
    pub fn worst(&self) -> Option<&Check> {
        self.checks.iter().max_by(|a, b| a.severity().total_cmp(&b.severity()))
    }
}

impl From<Vec<Check>> for Verdict {
    fn from(checks: Vec<Check>) -> Self {
        Verdict { checks }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, check) in self.checks.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{check}")?;
        }
        Ok(())
    }
}

/// One comparison, and how far off it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What was compared with what, such as `sum against a compensated sum in f64`.
    pub what: &'static str,
    /// How far off it was; where there are many values, the worst of them.
    pub error: f64,
    /// How far off it may be.
    pub tolerance: f64,
    /// What `error` and `tolerance` measure, such as `relative` or `elements that differ`.
    pub measure: &'static str,
    /// Why the tolerance is what it is.
    pub reason: &'static str,
}

impl Check {
    /// Whether the error is within the tolerance. An error that is NaN is not.
    pub fn passed(&self) -> bool {
        self.error <= self.tolerance
    }

    /// The error as a share of the tolerance.
    fn severity(&self) -> f64 {
        severity(self.error, self.tolerance)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.passed() { "ok" } else { "WRONG" };
        if self.tolerance == 0.0 && self.error == 0.0 {
            write!(f, "{}: {word}, exact", self.what)
        } else {
            write!(f, "{}: {word}, {:.2e} {} (at most {:.2e})", self.what, self.error, self.measure, self.tolerance)
        }
    }
}

/// An error and how large it may be, where each of many values has a tolerance of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Deviation {
    pub error: f64,
    pub tolerance: f64,
}

impl Deviation {
    /// No error.
    pub const NONE: Deviation = Deviation { error: 0.0, tolerance: 0.0 };

    /// How far `found` is from `expected`, and may be.
    pub fn new(found: f32, expected: f64, tolerance: f64) -> Self {
        Deviation { error: (f64::from(found) - expected).abs(), tolerance }
    }

    /// The one that is nearer to its tolerance, or further beyond it.
    pub fn worse(self, other: Self) -> Self {
        if other.severity() > self.severity() { other } else { self }
    }

    /// As [`Check::severity`].
    fn severity(self) -> f64 {
        severity(self.error, self.tolerance)
    }
}

/// The larger of two errors. NaN is larger than anything.
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// The error as a share of the tolerance; infinite when none is allowed and there is one, and for NaN.
fn severity(error: f64, tolerance: f64) -> f64 {
    if error == 0.0 {
        0.0
    } else if error.is_nan() || tolerance.is_nan() || tolerance == 0.0 {
        f64::INFINITY
    } else {
        error / tolerance
    }
}
