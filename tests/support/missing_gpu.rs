//! What tests do where there is no GPU.

use std::{fmt::Display, io::Write};

/// Says aloud that a test is skipped, and `why`.
///
/// # Panics
///
/// With `SWATH_REQUIRE_GPU=1` in the environment.
pub fn skip(why: impl Display) {
    let required = std::env::var_os("SWATH_REQUIRE_GPU").is_some_and(|value| value == "1");
    assert!(!required, "SWATH_REQUIRE_GPU is set, and there is no GPU: {why}");
    // Straight to the stream: the test harness would keep what `eprintln` prints to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED on GPUs: {why}");
}
