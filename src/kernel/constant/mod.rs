//! Constant expressions of WGSL, where naga's evaluator does not know them or gets them wrong.
//!
//! `docs/wgsl.md` says which those are. Everything works on tokens of the text, since naga folds constants while it
//! parses: a value is printed in the place of the expression (`text/mend.rs`).

mod construct;
pub mod eval;
mod functions;
pub mod literal;
pub mod names;
pub mod operators;
pub mod value;
