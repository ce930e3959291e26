//! To come.
use super::Backend;
use std::sync::Arc;

/// The CPU engine.
pub(crate) fn engine() -> Arc<dyn Backend> {
    unimplemented!("the CPU engine lands soon")
}
