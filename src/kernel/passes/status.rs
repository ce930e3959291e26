//! The words in which an adapted kernel says that something came to an end before its time.

use naga::{
    AddressSpace, ArraySize, Expression, GlobalVariable, Handle, Module, ResourceBinding, Scalar, Span, StorageAccess,
    Type, TypeInner,
};

use super::rewrite::Rewriter;

/// Words of the status. All are zero at first.
pub(crate) const STATUS_WORDS: u32 = 2;

/// The word that is set where [fuel](super::fuel) ran out.
pub(crate) const OUT_OF_FUEL: u32 = 0;

/// The word that is set where the device [cut a loop short](super::watch).
pub(crate) const CUT_SHORT: u32 = 1;

/// Declares the status in `module`, bound at `place`.
pub(super) fn declare(module: &mut Module, place: ResourceBinding) -> Handle<GlobalVariable> {
    let mut insert = |inner| module.types.insert(Type { name: None, inner }, Span::UNDEFINED);
    let word = insert(TypeInner::Atomic(Scalar::U32));
    let count = ArraySize::Constant(STATUS_WORDS.try_into().expect("it has words"));
    let ty = insert(TypeInner::Array { base: word, size: count, stride: 4 });
    let access = StorageAccess::LOAD | StorageAccess::STORE;
    let variable = GlobalVariable {
        name: Some("swath_status".to_owned()),
        space: AddressSpace::Storage { access },
        binding: Some(place),
        ty,
        init: None,
        memory_decorations: naga::MemoryDecorations::empty(),
    };
    module.global_variables.append(variable, Span::UNDEFINED)
}

impl Rewriter<'_, '_> {
    /// A pointer to a word of the status.
    pub fn status_word(&mut self, status: Handle<GlobalVariable>, word: u32) -> Handle<Expression> {
        let base = self.add(Expression::GlobalVariable(status));
        self.add(Expression::AccessIndex { base, index: word })
    }
}
