//! Tests of the analysis.

mod scratch;
