//! Calls into naga that may panic.
//!
//! naga's parser folds constants, and there are texts at which it panics instead of refusing them. Input must not end
//! the process, so that such a panic is caught and becomes an error. The process's panic hook still hears of it: a
//! library does not replace what belongs to the application.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use naga::Span;

use super::{diagnostic, source::Text};
use crate::error::Result;

/// What `call` gives, or an error that says what went wrong while `doing`.
pub(super) fn naga<'a, T>(source: impl Into<Text<'a>>, doing: &str, call: impl FnOnce() -> Result<T>) -> Result<T> {
    // What `call` borrows is not looked at again after a panic: the text is only read, and the rest is dropped.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let message = format!("naga failed while {doing}: {}", said(panic.as_ref()));
        let help = "help: this is a defect of naga, and most often about a constant expression without a value, \
                    such as a conversion of an infinite one; compute it at run time, or write its value";
        Err(diagnostic::with_note(source, Span::UNDEFINED, message, "", Some(help.to_owned())))
    })
}

/// What a panic says.
fn said(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "it panicked",
    }
}

#[cfg(test)]
mod tests {
    use crate::{Error, Module};

    #[test]
    fn a_panic_of_naga_is_an_error() {
        let wgsl = "enable f16;
            const INFINITE = f16(1e10f);
            @group(0) @binding(0) var<storage, read_write> out: array<u32>;
            @compute @workgroup_size(1) fn main() { out[0] = u32(INFINITE); }";
        match Module::parse(wgsl) {
            Err(Error::Wgsl(error)) => assert!(error.message.contains("while parsing"), "{error}"),
            other => panic!("{other:?}"),
        }
    }
}
