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

    /// The error as a share of the tolerance; infinite when none is allowed and there is one.
    fn severity(&self) -> f64 {
        if self.error == 0.0 {
            0.0
        } else if self.error.is_nan() || self.tolerance == 0.0 {
            f64::INFINITY
        } else {
            self.error / self.tolerance
        }
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
