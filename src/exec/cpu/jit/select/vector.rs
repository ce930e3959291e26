//! Vectors in memory.

use super::{Result, Selector};
use crate::ir::Stmt;

impl Selector<'_> {
    pub fn vectors(&mut self, _: &[&Stmt]) -> Result<usize> {
        Ok(0)
    }
}
